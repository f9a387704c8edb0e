/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Transfers seen from outside: what an operator orders, and what the one who carries a peer's
 * transfer out reports of it.
 */
#include "switchboard/usage.h"

#include <errno.h>

const char *switchboard_refer(struct switchboard *switchboard,
	const struct switchboard_refer *order, struct td_now now, uint64_t *ret_id)
{
	const char *obstacle;

	switchboard->now = now;
	obstacle = refers_ours_begin(switchboard, order, ret_id);
	switchboard_commit(switchboard);
	return obstacle;
}

int switchboard_find_refer(const struct switchboard *switchboard, uint64_t call_id, uint64_t id,
	struct switchboard_refer_status *ret_status)
{
	const struct usages *usages = switchboard->usages;
	const struct line *line = switchboard_find_call(switchboard, call_id);

	for (uint32_t i = 0; i < USAGE_RESULTS; i++) {
		const struct usage_result *result = &usages->results[i];

		if (result->referral_id != id)
			continue;
		*ret_status = (struct switchboard_refer_status){
			.state = refer_client_state_name(REFER_CLIENT_OVER),
			.outcome = refer_outcome_name(result->outcome),
			.sip_status = result->status,
		};
		return 0;
	}
	for (const struct referral *at = line != NULL ? line->call.referrals : NULL; at != NULL;
		at = at->next) {
		if (at->referral_id != id)
			continue;
		*ret_status = (struct switchboard_refer_status){
			.state = refer_client_state_name(at->client),
			.outcome = refer_outcome_name(REFER_OUTCOME_NONE),
			.sip_status = at->status,
		};
		return 0;
	}
	return -ENOENT;
}

int switchboard_report_transfer(struct switchboard *switchboard,
	const struct switchboard_transfer_report *report, struct td_now now)
{
	struct line *line = switchboard_find_call(switchboard, report->call_id);
	struct referral *referral = line != NULL ? line->call.referrals : NULL;

	while (referral != NULL &&
		(referral->is_ours || referral->referral_id != report->transfer_id))
		referral = referral->next;
	if (referral == NULL || referral->is_told)
		return -ENOENT;
	if (report->sip_status < 100 || report->sip_status > 699)
		return -EINVAL;
	switchboard->now = now;
	refers_report(switchboard, referral, report->sip_status, REFERRAL_NOTE_NONE);
	switchboard_commit(switchboard);
	return 0;
}
