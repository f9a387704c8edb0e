/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Drives the health machines of the trunks, and picks the destination of a call.
 */
#include "leg/screen.h"
#include "switchboard/state.h"

#include <errno.h>
#include <stdio.h>

/* OPTIONS outside any dialog, to learn whether the trunk's far end lives. */
static void send_options(struct switchboard *switchboard, trunk_id trunk)
{
	char call_id[SWITCHBOARD_CALL_ID_BYTES];
	char tag[SWITCHBOARD_TAG_BYTES];
	char branch[TRANSACTION_BRANCH_BYTES];
	char contact[LEG_CONTACT_BYTES];
	char uri[TRUNK_URI_BYTES];
	struct sip_builder builder;
	struct sip_flow flow;
	const struct transaction_options options = {
		.flow = &flow, .user = SWITCHBOARD_TRUNK_USER | trunk};
	struct span self;
	transaction_id id;
	int length;

	if (trunk_next_hop(switchboard->trunks, trunk, &flow) != 0 ||
		trunk_uri(switchboard->trunks, trunk, SPAN(""), uri) != 0) {
		trunks_tell(switchboard, trunk, TRUNK_OPTIONS_FAILED);
		return;
	}
	switchboard_random_text(switchboard, call_id, sizeof(call_id));
	switchboard_random_text(switchboard, tag, sizeof(tag));
	transaction_branch(switchboard->transactions, branch);
	self = leg_contact(&flow, trunk_scheme(switchboard->trunks, trunk), contact);
	sip_builder_init(&builder, switchboard->buffer, sizeof(switchboard->buffer));
	sip_build_request_line(&builder, SPAN("OPTIONS"), span_from(uri));
	leg_build_via(&builder, &flow, branch);
	sip_build_header(&builder, SIP_HEADER_MAX_FORWARDS, SPAN("70"));
	sip_build_header_format(&builder, SIP_HEADER_FROM, "%.*s;tag=%s", SPAN_ARGS(self), tag);
	sip_build_header_format(&builder, SIP_HEADER_TO, "<%s>", uri);
	sip_build_header(&builder, SIP_HEADER_CALL_ID, span_from(call_id));
	sip_build_header(&builder, SIP_HEADER_CSEQ, SPAN("1 OPTIONS"));
	sip_build_header(&builder, SIP_HEADER_CONTACT, self);
	sip_build_header(&builder, SIP_HEADER_ACCEPT, SPAN(LEG_ACCEPT));
	sip_build_header(&builder, SIP_HEADER_USER_AGENT, switchboard_user_agent(switchboard));
	length = sip_builder_finish(&builder, SPAN(""), SPAN(""));
	if (length <= 0 || transaction_request(switchboard->transactions,
				   (struct span){switchboard->buffer, (uint32_t)length}, &options,
				   switchboard->now.mono_ms, &id) != 0)
		trunks_tell(switchboard, trunk, TRUNK_OPTIONS_FAILED);
}

void trunks_tell(struct switchboard *switchboard, uint32_t trunk, enum trunk_event event)
{
	struct trunk_actions actions;

	trunk_step(switchboard->trunks, trunk, event, switchboard->now.mono_ms, &actions);
	for (uint32_t i = 0; i < actions.count; i++)
		if (actions.list[i].kind == TRUNK_SEND_OPTIONS)
			send_options(switchboard, actions.list[i].id);
}

void trunks_advance(struct switchboard *switchboard)
{
	trunk_id trunk;

	while ((trunk = trunk_due(switchboard->trunks, switchboard->now.mono_ms)) != TRUNK_NONE)
		trunks_tell(switchboard, trunk, TRUNK_TIMER);
}

void trunks_indication(
	struct switchboard *switchboard, const struct transaction_indication *indication)
{
	trunk_id trunk = (trunk_id)indication->user;

	if (indication->event == TRANSACTION_RESPONSE) {
		unsigned status = indication->message->status;

		if (status >= 200)
			trunks_tell(switchboard, trunk,
				status == 408 || status == 503 ? TRUNK_OPTIONS_FAILED
							       : TRUNK_OPTIONS_ANSWERED);
	} else if (indication->event == TRANSACTION_TIMEOUT ||
		   indication->event == TRANSACTION_TRANSPORT_ERROR) {
		trunks_tell(switchboard, trunk, TRUNK_OPTIONS_FAILED);
	}
}

/* Takes a place on the first destination that passes; is_desperate: also one that is down. */
static bool choose(
	struct switchboard *switchboard, struct line *line, bool is_desperate, uint32_t *ret_trunk)
{
	struct call *call = &line->call;

	for (uint8_t i = call->destination_at; i < call->destination_count; i++) {
		uint32_t trunk = call->destinations[i];

		if ((!is_desperate && !trunk_is_usable(switchboard->trunks, trunk)) ||
			trunk_is_retired(switchboard->trunks, trunk) ||
			trunk_call_begin(switchboard->trunks, trunk) != 0)
			continue;
		call->destination_at = i;
		*ret_trunk = trunk;
		return true;
	}
	return false;
}

int trunks_choose(struct switchboard *switchboard, struct line *line, uint32_t *ret_trunk)
{
	if (choose(switchboard, line, false, ret_trunk) ||
		choose(switchboard, line, true, ret_trunk))
		return 0;
	return -ENOENT;
}

void trunks_leave(struct switchboard *switchboard, struct line *line, unsigned index)
{
	if (line->has_place[index])
		trunk_call_end(switchboard->trunks, line->call.legs[index].trunk);
	line->has_place[index] = false;
}
