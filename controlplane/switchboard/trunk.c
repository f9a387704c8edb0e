/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Drives the health machines of the trunks' targets, and picks the destination of a call: a trunk
 * from its route, and one of that trunk's targets.
 */
#include "call/outcome.h"
#include "leg/options.h"
#include "leg/screen.h"
#include "switchboard/registration.h"
#include "switchboard/usage.h"

#include <tandem/time.h>

#include <errno.h>
#include <stdio.h>
#include <string.h>

enum {
	USER_TARGET_SHIFT = 32, /* the target's id in the user of its OPTIONS */
	RETRY_AFTER_MAX_S = 60, /* what a peer may ask for; longer is taken for that */
};

static void tell(struct switchboard *switchboard, const struct trunk_news *news);

static void tell_options(struct switchboard *switchboard, trunk_id trunk, trunk_target_id target,
	enum trunk_event event)
{
	tell(switchboard, &(const struct trunk_news){trunk, target, event});
}

/* OPTIONS outside any dialog, to learn whether the target lives. */
static void send_options(struct switchboard *switchboard, trunk_id trunk, trunk_target_id target)
{
	char call_id[SWITCHBOARD_CALL_ID_BYTES];
	char tag[SWITCHBOARD_TAG_BYTES];
	char branch[TRANSACTION_BRANCH_BYTES];
	char contact[LEG_CONTACT_BYTES];
	char uri[TRUNK_URI_BYTES];
	struct sip_builder builder;
	struct sip_flow flow;
	const struct transaction_options options = {.flow = &flow,
		.user = SWITCHBOARD_TRUNK_USER | (uint64_t)target << USER_TARGET_SHIFT | trunk};
	struct span self;
	transaction_id id;
	int length;

	if (trunk_target_flow(switchboard->trunks, trunk, target, &flow) != 0 ||
		trunk_uri(switchboard->trunks, trunk, SPAN(""), uri) != 0) {
		tell_options(switchboard, trunk, target, TRUNK_OPTIONS_FAILED);
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
		tell_options(switchboard, trunk, target, TRUNK_OPTIONS_FAILED);
}

static void tell(struct switchboard *switchboard, const struct trunk_news *news)
{
	struct trunk_actions actions;

	trunk_step(switchboard->trunks, news, switchboard->now.mono_ms, &actions);
	for (uint32_t i = 0; i < actions.count; i++) {
		const struct trunk_action *action = &actions.list[i];

		if (action->kind == TRUNK_SEND_OPTIONS)
			send_options(switchboard, action->id, action->target);
		else if (action->to == TRUNK_UP)
			registrations_reachable(switchboard, action->id);
	}
}

void trunks_tell(struct switchboard *switchboard, uint32_t trunk, const struct sip_flow *flow,
	enum trunk_event event)
{
	trunk_target_id target = trunk_guess_target(switchboard->trunks, trunk, flow);

	tell(switchboard, &(const struct trunk_news){trunk, target, event});
}

void trunks_answered(struct switchboard *switchboard, struct line *line, unsigned index,
	const struct transaction_indication *response)
{
	const struct leg *leg = &line->call.legs[index];
	unsigned status = response->message->status;
	/* Where the INVITE went says more than where the answer came from. */
	const struct sip_flow *flow = leg->invite != NULL ? &leg->invite->flow : response->flow;
	uint64_t wait_s = status == 503 ? outcome_retry_after_s(response->message) : 0;

	trunks_tell(switchboard, leg->trunk, flow,
		status == 503 || status == 408 ? TRUNK_CALL_FAILED : TRUNK_CALL_ANSWERED);
	if (wait_s > RETRY_AFTER_MAX_S)
		wait_s = RETRY_AFTER_MAX_S;
	if (wait_s != 0)
		trunk_avoid(switchboard->trunks, leg->trunk,
			trunk_find_target(switchboard->trunks, leg->trunk, flow),
			td_after(switchboard->now.mono_ms, wait_s * TD_MS_PER_S));
}

void trunks_advance(struct switchboard *switchboard)
{
	struct trunk_news news;

	while (trunk_due(switchboard->trunks, switchboard->now.mono_ms, &news))
		tell(switchboard, &news);
}

void trunks_indication(
	struct switchboard *switchboard, const struct transaction_indication *indication)
{
	trunk_id trunk = (trunk_id)indication->user;
	trunk_target_id target = (trunk_target_id)(indication->user >> USER_TARGET_SHIFT);

	if (indication->event == TRANSACTION_RESPONSE) {
		unsigned status = indication->message->status;

		if (status >= 200)
			tell_options(switchboard, trunk, target,
				status == 408 || status == 503 ? TRUNK_OPTIONS_FAILED
							       : TRUNK_OPTIONS_ANSWERED);
	} else if (indication->event == TRANSACTION_TIMEOUT ||
		   indication->event == TRANSACTION_TRANSPORT_ERROR) {
		tell_options(switchboard, trunk, target, TRUNK_OPTIONS_FAILED);
	}
}

/* Picks a target of the trunk beside those in tried. False: none is left. */
static bool choose_target(struct switchboard *switchboard, struct call *call, uint32_t trunk,
	struct trunk_attempt attempt)
{
	uint64_t random = 0;

	if (bindings_serve(switchboard, trunk))
		return bindings_choose(switchboard, call, trunk, attempt.tried);
	/* Nearly every trunk has one target: nothing to draw for. */
	if (trunk_target_count(switchboard->trunks, trunk) > 1)
		random = switchboard_random(switchboard);
	if (trunk_choose_target(
		    switchboard->trunks, trunk, &attempt, random, switchboard->now.mono_ms) != 0)
		return false;
	call->target = attempt.last;
	call->targets_tried = attempt.tried;
	return true;
}

/* Takes a place for a call on a trunk, and a target of it, if it is fit for one now. */
static bool take_place(struct switchboard *switchboard, struct call *call, uint32_t trunk,
	struct trunk_attempt attempt)
{
	const struct config_trunk *config = trunk_config(switchboard->trunks, trunk);
	uint64_t now_ms = switchboard->now.mono_ms;

	if (config == NULL || trunk_is_retired(switchboard->trunks, trunk) ||
		(!attempt.is_last_resort &&
			(!trunk_is_usable(switchboard->trunks, trunk, now_ms) ||
				registrations_are_missing(switchboard, trunk))) ||
		!defence_may_place(switchboard->defence, trunk, &config->limits, now_ms) ||
		!choose_target(switchboard, call, trunk, attempt) ||
		trunk_call_begin(switchboard->trunks, trunk) != 0)
		return false;
	defence_place_call(switchboard->defence, trunk, &config->limits, now_ms);
	return true;
}

/* Takes a place on the first destination from index first on that passes. */
static bool choose(struct switchboard *switchboard, struct line *line, unsigned first,
	bool is_last_resort, uint32_t *ret_trunk)
{
	const struct trunk_attempt fresh = {
		.last = TRUNK_TARGET_NONE, .is_last_resort = is_last_resort};
	struct call *call = &line->call;

	for (unsigned i = first; i < call->destination_count; i++) {
		uint32_t trunk = call->destinations[i];

		if (!take_place(switchboard, call, trunk, fresh))
			continue;
		call->destination_at = (uint8_t)i;
		*ret_trunk = trunk;
		return true;
	}
	return false;
}

/* Why there is nothing to choose. */
static int reason_for_none(struct switchboard *switchboard, const struct call *call)
{
	unsigned nameless = 0;
	int reason = -ENOENT;

	for (unsigned i = 0; i < call->destination_count; i++) {
		struct trunk_status status;
		uint32_t trunk = call->destinations[i];

		if (bindings_serve(switchboard, trunk) && reason != -EHOSTUNREACH)
			reason = bindings_reason_for_none(switchboard, call, trunk);

		nameless += trunk_get_status(switchboard->trunks, call->destinations[i], &status) ==
				    0 &&
			    status.state == TRUNK_NO_TARGET;
	}
	return nameless != 0 && nameless == call->destination_count ? -EDESTADDRREQ : reason;
}

int trunks_choose(struct switchboard *switchboard, struct line *line, uint32_t *ret_trunk)
{
	unsigned first = line->call.destination_at;

	if (choose(switchboard, line, first, false, ret_trunk) ||
		choose(switchboard, line, first, true, ret_trunk))
		return 0;
	return reason_for_none(switchboard, &line->call);
}

int trunks_choose_next(struct switchboard *switchboard, struct line *line, bool is_target_at_fault,
	uint32_t *ret_trunk)
{
	struct call *call = &line->call;
	uint32_t trunk = call->legs[CALL_CALLEE].trunk;
	unsigned next = call->destination_at + 1u;
	const struct sip_flow *flow = &call->legs[CALL_CALLEE].dialog.flow;
	/* What was tried before a restart is known by its address alone. */
	trunk_target_id tried = trunk_find_target(switchboard->trunks, trunk, flow);
	struct trunk_attempt more = {
		.tried = call->targets_tried | trunk_target_bit(tried),
		.last = tried,
	};

	*ret_trunk = trunk;
	is_target_at_fault = is_target_at_fault && !trunk_is_retired(switchboard->trunks, trunk);
	if ((is_target_at_fault && choose_target(switchboard, call, trunk, more)) ||
		choose(switchboard, line, next, false, ret_trunk))
		return 0;
	more.is_last_resort = true;
	if ((is_target_at_fault && choose_target(switchboard, call, trunk, more)) ||
		choose(switchboard, line, next, true, ret_trunk))
		return 0;
	return -ENOENT;
}

int trunks_next_hop(struct switchboard *switchboard, struct line *line, struct sip_flow *ret_flow)
{
	struct call *call = &line->call;
	uint32_t trunk = call->legs[CALL_CALLEE].trunk;
	struct trunk_attempt again = {.tried = call->targets_tried, .last = call->target};
	struct registrar_target binding;
	int result;

	if (bindings_serve(switchboard, trunk)) {
		result = bindings_target(switchboard, line, &binding);
		if (result == 0)
			*ret_flow = binding.flow;
		return result;
	}
	result = trunk_target_flow(switchboard->trunks, trunk, call->target, ret_flow);
	if (result != -ENOENT)
		return result;
	if (!choose_target(switchboard, call, trunk, again)) {
		again.is_last_resort = true;
		again.tried = 0;
		if (!choose_target(switchboard, call, trunk, again))
			return -EDESTADDRREQ;
	}
	return trunk_target_flow(switchboard->trunks, trunk, call->target, ret_flow);
}

/* The first hop of a Service-Route, if it is an address: the trunk's target knows of it, for its
 * registrar has said it. */
static void follow_route(struct switchboard *switchboard, struct call_address *address)
{
	const char *end = address->routes.length != 0
				  ? memchr(address->routes.text, '\n', address->routes.length)
				  : NULL;
	struct span first = address->routes;
	struct sip_flow flow = address->flow;
	struct sip_name_addr hop;

	if (end != NULL)
		first.length = (uint32_t)(end - first.text);
	if (first.length == 0 || sip_name_addr_parse(first, &hop) != 0 ||
		hop.uri.host_ip.family != flow.remote.ip.family)
		return;
	if (hop.uri.transport != SIP_TRANSPORT_UNKNOWN)
		flow.transport = hop.uri.transport;
	flow.remote.ip = hop.uri.host_ip;
	flow.remote.port = hop.uri.port != 0 ? hop.uri.port : sip_transport_port(flow.transport);
	if (td_endpoint_equal(&flow.remote, &address->flow.remote) ||
		trunk_local_end(switchboard->trunks, &flow) != 0)
		return;
	address->flow = flow;
}

int trunks_address(
	struct switchboard *switchboard, struct line *line, struct call_address *ret_address)
{
	struct registrar_target binding;
	int result;

	ret_address->routes = (struct span){0};
	ret_address->keeps_flow = false;
	if (bindings_serve(switchboard, line->call.legs[CALL_CALLEE].trunk)) {
		result = bindings_target(switchboard, line, &binding);
		if (result != 0)
			return result;
		ret_address->flow = binding.flow;
		ret_address->uri = binding.uri;
		ret_address->routes = binding.routes;
		ret_address->keeps_flow = binding.keeps_flow;
		return 0;
	}
	result = trunks_next_hop(switchboard, line, &ret_address->flow);
	if (result == 0)
		result = callers_uri(switchboard, line, ret_address->text);
	ret_address->uri = span_from(ret_address->text);
	ret_address->routes = registrations_routes(switchboard, line->call.legs[CALL_CALLEE].trunk);
	if (result == 0)
		follow_route(switchboard, ret_address);
	return result;
}

uint32_t trunks_options(const struct switchboard *switchboard, uint32_t trunk)
{
	const struct config_trunk *config = trunk_config(switchboard->trunks, trunk);
	uint32_t options = usages_options(switchboard, trunk);

	if (config != NULL && config->reliable_provisional != CONFIG_RELIABLE_OFF)
		options |= LEG_OPTION_100REL;
	return options;
}

void trunks_leave(struct switchboard *switchboard, struct line *line, unsigned index)
{
	if (line->has_place[index])
		trunk_call_end(switchboard->trunks, line->call.legs[index].trunk);
	line->has_place[index] = false;
}
