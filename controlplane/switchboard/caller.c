/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Who is calling, between the trunk that says it and the trunk that may learn it.
 */
#include "identity/caller.h"

#include "identity/number.h"
#include "identity/rule.h"
#include "switchboard/state.h"

#include <errno.h>

static const struct config_trunk *trunk_of(
	const struct switchboard *switchboard, const struct line *line, unsigned index)
{
	return trunk_config(switchboard->trunks, line->call.legs[index].trunk);
}

void callers_read(
	struct switchboard *switchboard, struct line *line, const struct sip_message *invite)
{
	const struct config_trunk *from = trunk_of(switchboard, line, CALL_CALLER);

	if (from != NULL)
		identity_read_parties(invite, from, &line->call.caller, &line->call.callee);
}

int callers_number(const struct switchboard *switchboard, const struct line *line,
	const struct sip_message *invite, char number[ROUTE_NUMBER_BYTES])
{
	const struct config_trunk *from = trunk_of(switchboard, line, CALL_CALLER);
	int result = route_number(&invite->request_uri, number);

	if (result == 0 && from != NULL)
		identity_number_in(&from->numbers, number, number, ROUTE_NUMBER_BYTES);
	return result;
}

int callers_uri(
	const struct switchboard *switchboard, const struct line *line, char uri[TRUNK_URI_BYTES])
{
	const struct config_trunk *to = trunk_of(switchboard, line, CALL_CALLEE);
	char number[EVENT_PARTY_BYTES + CONFIG_PREFIX_BYTES];

	if (to == NULL)
		return -ENOENT;
	identity_number_out(&to->numbers, line->call.number, number, sizeof(number));
	return trunk_uri(
		switchboard->trunks, line->call.legs[CALL_CALLEE].trunk, span_from(number), uri);
}

int callers_from(const struct switchboard *switchboard, const struct line *line,
	const struct sip_flow *flow, char *from, size_t size)
{
	const struct config_trunk *to = trunk_of(switchboard, line, CALL_CALLEE);

	return to != NULL ? identity_write_from(&line->call.caller, to, &flow->local.ip, from, size)
			  : -ENOENT;
}

int callers_headers(
	const struct switchboard *switchboard, const struct line *line, char *buffer, size_t size)
{
	const struct call *call = &line->call;
	const struct dialog *dialog = &call->legs[CALL_CALLEE].dialog;
	struct sip_message invite;
	const struct identity_call identity = {
		.invite = legs_read(call->legs[CALL_CALLER].invite, &invite) ? &invite : NULL,
		.caller = &call->caller,
		.from = trunk_of(switchboard, line, CALL_CALLER),
		.to = trunk_of(switchboard, line, CALL_CALLEE),
		.own = dialog->flow.local.ip,
		.target = dialog_span(dialog, dialog->remote_target),
	};

	return identity.to != NULL ? identity_build_headers(&identity, buffer, size) : 0;
}

struct span callers_user_agent(const struct switchboard *switchboard, const struct line *line)
{
	const struct config_trunk *to = trunk_of(switchboard, line, CALL_CALLEE);

	return to != NULL && identity_removes(to, "User-Agent")
		       ? (struct span){0}
		       : switchboard_user_agent(switchboard);
}
