/* SPDX-License-Identifier: Apache-2.0 */
/*
 * INVITE that would take the place of a leg (RFC 3891), or join a call (RFC 3911). Matched and
 * judged here, then handed to whoever carries transfers out. A call is replaced whole or not at
 * all: as long as nobody can, the INVITE is declined, and the call it meant goes on.
 */
#include "call/referral.h"
#include "switchboard/usage.h"

#include <string.h>

/* What such an INVITE asks for. */
struct intrusion {
	const struct sip_header *replaces;
	const struct sip_header *join;
	unsigned replaces_count;
	unsigned join_count;
};

static struct intrusion find_headers(const struct sip_message *invite)
{
	struct intrusion found = {0};

	for (uint32_t i = 0; i < invite->header_count; i++) {
		const struct sip_header *header = &invite->headers[i];

		if (header->id == SIP_HEADER_REPLACES) {
			found.replaces = header;
			found.replaces_count++;
		} else if (header->id == SIP_HEADER_OTHER && span_is(header->name, "Join")) {
			found.join = header;
			found.join_count++;
		}
	}
	return found;
}

/* The leg whose dialog has that name. Both tags must be right. NULL: none. */
static struct leg *find_dialog(const struct switchboard *switchboard,
	const struct dialog_name *name, struct line **ret_line, unsigned *ret_index)
{
	struct table_node *node =
		table_find(switchboard->by_tag, name->receiver_tag.text, name->receiver_tag.length);

	for (; node != NULL; node = table_find_next(node)) {
		struct line_tag *tag = td_container_of(node, struct line_tag, node);
		struct leg *leg = &tag->line->call.legs[tag->leg_index];
		const struct dialog *dialog = &leg->dialog;

		if (!span_equal(name->call_id, dialog_span(dialog, dialog->call_id)) ||
			!span_equal(name->receiver_tag, dialog_span(dialog, dialog->local_tag)) ||
			!span_equal(name->other_tag, dialog_span(dialog, dialog->remote_tag)))
			continue;
		*ret_line = tag->line;
		*ret_index = tag->leg_index;
		return leg;
	}
	return NULL;
}

/* What RFC 3891 3 says of a dialog that was found; 0: it may be replaced. */
static unsigned judge_dialog(const struct leg *leg, const struct dialog_name *name)
{
	if (leg_is_settled(leg) || leg->state == LEG_PARTING || leg->state == LEG_CANCELLING)
		return 603; /* it is over */
	if (leg_is_early(leg))
		return leg->is_uac ? 0 : 481; /* not ours to take back */
	return name->is_early_only ? 486 : 0;
}

static void refuse(struct switchboard *switchboard, const struct transaction_indication *request,
	unsigned status, const char *warning)
{
	switchboard->counts.refers_declined++;
	usages_answer_status(switchboard, request, status, warning);
}

/* Asks who decides, and tells operators. The INVITE is declined whatever comes out. */
static void decline(struct switchboard *switchboard, const struct transaction_indication *request,
	struct referral *told, const struct dialog_name *name)
{
	const struct sip_message *invite = request->message;
	const struct leg *leg = &told->call->legs[told->leg_index];
	struct event_transfer *transfer = &told->transfer;
	const struct transfer_request wish = {
		.call_id = told->call->call_id,
		.leg_id = leg->leg_id,
		.target = invite->from.uri.text,
		.number = "",
		.replaces = name,
		.is_invite = true,
	};
	unsigned status = 0;

	if (switchboard->ports.transfer != NULL)
		status = switchboard->ports.transfer(switchboard->ports.context, &wish);
	status = status < 300 ? 603 : status;
	transfer->transfer_id = switchboard_random(switchboard) | 1;
	transfer->origin = EVENT_TRANSFER_ORIGIN_REPLACES;
	transfer->outcome = EVENT_TRANSFER_OUTCOME_REFUSED;
	transfer->sip_status = (uint16_t)status;
	event_text_set(transfer->target, sizeof(transfer->target), invite->from.uri.text.text,
		invite->from.uri.text.length);
	event_text_set(transfer->replaces, sizeof(transfer->replaces), name->call_id.text,
		name->call_id.length);
	referrals_emit(switchboard, told, CALL_EVENT_TRANSFER_ENDED);
	refuse(switchboard, request, status,
		switchboard->ports.transfer != NULL ? "the call isn't to be replaced"
						    : referral_note_text(REFERRAL_NOTE_NO_POLICY));
}

static void take_replaces(struct switchboard *switchboard,
	const struct transaction_indication *request, const struct dialog_name *name)
{
	const struct config_trunk *trunk = trunk_config(
		switchboard->trunks, trunk_find_by_source(switchboard->trunks,
					     &request->flow->remote.ip, request->flow->transport));
	struct line *line = NULL;
	unsigned index = 0;
	const struct leg *leg = find_dialog(switchboard, name, &line, &index);
	unsigned status = leg == NULL ? 481 : judge_dialog(leg, name);
	struct referral told = {.leg_index = (uint8_t)index};

	if (status != 0) {
		refuse(switchboard, request, status,
			status == 481	? "there is no such dialog to replace"
			: status == 486 ? "the call has been answered"
					: "the call has ended");
		return;
	}
	if (!auth_admit(switchboard, request, trunk))
		return;
	if (trunk == NULL || trunk->refer != CONFIG_REFER_ACCEPT) {
		refuse(switchboard, request, 603, "this trunk may not replace calls");
		return;
	}
	told.call = &line->call;
	decline(switchboard, request, &told, name);
}

bool replaces_take(struct switchboard *switchboard, const struct transaction_indication *request)
{
	const struct intrusion found = find_headers(request->message);
	const struct sip_header *header = found.replaces != NULL ? found.replaces : found.join;
	struct line *line;
	struct dialog_name name;
	unsigned index;

	if (header == NULL)
		return false;
	switchboard->counts.refers_received++;
	if (found.replaces_count + found.join_count != 1)
		refuse(switchboard, request, 400,
			"more than one dialog is to be replaced or joined");
	else if (replaces_parse(header->value, &name) != 0)
		refuse(switchboard, request, 400, "Replaces or Join is malformed");
	else if (found.replaces != NULL)
		take_replaces(switchboard, request, &name);
	else if (find_dialog(switchboard, &name, &line, &index) == NULL)
		refuse(switchboard, request, 481, "there is no such dialog to join");
	else
		refuse(switchboard, request, 488, "calls can't be joined here");
	return true;
}
