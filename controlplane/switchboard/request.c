/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Requests of peers outside a dialog: those that begin a call.
 */
#include "call/outcome.h"
#include "call/record.h"
#include "leg/allow.h"
#include "leg/cause.h"
#include "leg/options.h"
#include "leg/screen.h"
#include "switchboard/early.h"
#include "switchboard/exchange.h"
#include "switchboard/session.h"
#include "switchboard/usage.h"

#include <errno.h>
#include <string.h>

enum {
	MAX_FORWARDS_DEFAULT = 70, /* RFC 3261 8.1.1.6 */
};

void request_answer_screening(struct switchboard *switchboard,
	const struct transaction_indication *request, const struct leg_screening *screening)
{
	const struct leg_reply reply = {
		.status = screening->status,
		.warning = screening->reason,
		.has_allow = screening->has_allow,
		.has_accept = screening->has_accept,
		.unsupported = span_from(screening->unsupported),
	};

	switchboard->counts.refused_policy++;
	receive_answer(switchboard, request->id, request->message, request->flow, &reply);
}

void request_answer_status(struct switchboard *switchboard,
	const struct transaction_indication *request, unsigned status, uint32_t retry_after_s)
{
	const struct leg_reply reply = {.status = status, .retry_after_s = retry_after_s};

	receive_answer(switchboard, request->id, request->message, request->flow, &reply);
}

void request_answer_options(
	struct switchboard *switchboard, const struct transaction_indication *request)
{
	const struct leg_reply reply = {
		.status = 200,
		.has_allow = true,
		.has_accept = true,
	};

	receive_answer(switchboard, request->id, request->message, request->flow, &reply);
}

/* Makes the caller's leg and its half of the dialog. */
static int begin_caller(struct switchboard *switchboard, struct line *line,
	const struct transaction_indication *request, trunk_id trunk)
{
	const struct sip_message *invite = request->message;
	const struct sip_header *agent = sip_message_find(invite, SIP_HEADER_USER_AGENT);
	struct call *call = &line->call;
	struct leg *leg = &call->legs[CALL_CALLER];
	char contact[LEG_CONTACT_BYTES];
	struct dialog_half half = {.heap = call->heap};
	int result;

	call->created_ms = switchboard->now.mono_ms;
	call->max_forwards = invite->max_forwards == SIP_MAX_FORWARDS_ABSENT
				     ? MAX_FORWARDS_DEFAULT
				     : invite->max_forwards - 1;
	call_begin_leg(call, CALL_CALLER, &switchboard->now);
	leg->trunk = trunk;
	sessions_begin(switchboard, leg);
	sessions_prepare(leg, invite);
	callers_read(switchboard, line, invite);
	leg->peer_cseq = invite->cseq.number;
	leg->is_offer_late = !leg_has_sdp(invite);
	leg->reliable.use = (uint8_t)progress_use(trunk_config(switchboard->trunks, trunk), invite);
	leg_allow_learn(invite, &leg->peer_methods);
	leg->times.t100_wall_ns = switchboard->now.wall_ns;
	if (agent != NULL)
		event_text_set(leg->user_agent, sizeof(leg->user_agent), agent->value.text,
			agent->value.length);
	switchboard_random_text(switchboard, line->tags[CALL_CALLER].text, SWITCHBOARD_TAG_BYTES);
	half.local_tag = span_from(line->tags[CALL_CALLER].text);
	half.local_contact = leg_contact(request->flow, invite->request_uri.scheme, contact);
	half.keeps_flow = bindings_keep_flow(switchboard, trunk, invite, request->flow);
	result = dialog_init_uas(&leg->dialog, invite, &half, request->flow);
	if (result != 0)
		return result;
	result = call_keep_request(
		call, &leg->invite, SIP_METHOD_INVITE, invite->bytes, request->flow);
	if (result != 0)
		return result;
	leg->invite->transaction = request->id;
	(void)transaction_set_user(switchboard->transactions, request->id, leg->leg_id);
	switchboard_index_leg(switchboard, line, CALL_CALLER);
	line->origin = receive_origin(switchboard, invite);
	table_insert(switchboard->by_origin, &line->by_origin, &line->origin, sizeof(line->origin));
	legs_step(switchboard, line, CALL_CALLER, LEG_EVENT_INVITED);
	exchange_step(switchboard, line, CALL_CALLER, NEGOTIATION_EVENT_ORDER_TAKE);
	return 0;
}

static struct event_release refusal(
	unsigned status, unsigned q850, enum event_release_detail detail)
{
	struct event_release release;

	outcome_set(&release, status, q850, EVENT_RELEASE_SYSTEM, detail);
	return release;
}

static void keep_route_name(
	const struct switchboard *switchboard, struct call *call, uint32_t index)
{
	const struct config_route *route = &switchboard->config->routes[index];
	const char *name = route->number[0] != '\0' ? route->number : route->pattern;

	event_text_set(call->route, sizeof(call->route), name, strlen(name));
}

/* What -errno of trunks_choose() means for the caller. */
static struct event_release refusal_without_trunk(int result)
{
	switch (result) {
	case -ENXIO:
		return refusal(404, CAUSE_UNALLOCATED, EVENT_DETAIL_NO_ROUTE);
	case -EHOSTUNREACH:
		return refusal(480, CAUSE_SUBSCRIBER_ABSENT, EVENT_DETAIL_ABSENT);
	case -EDESTADDRREQ:
		return refusal(503, CAUSE_NETWORK_OUT_OF_ORDER, EVENT_DETAIL_NO_TARGET);
	default:
		return refusal(503, CAUSE_CONGESTION, EVENT_DETAIL_ADMISSION);
	}
}

/* Finds where the call goes. Sets *ret_release and returns false if nowhere. */
static bool find_route(struct switchboard *switchboard, struct line *line,
	const struct sip_message *invite, struct event_release *ret_release)
{
	struct call *call = &line->call;
	char number[ROUTE_NUMBER_BYTES];
	struct route_result route;
	uint32_t trunk;
	int result = callers_number(switchboard, line, invite, number);

	if (result == 0)
		result = route_lookup(
			switchboard->routes, call->legs[CALL_CALLER].trunk, number, &route);
	if (result == -ENOENT) {
		*ret_release = refusal(404, CAUSE_UNALLOCATED, EVENT_DETAIL_NO_ROUTE);
		return false;
	}
	if (result != 0) {
		*ret_release = refusal(484, CAUSE_INVALID_NUMBER, EVENT_DETAIL_NO_ROUTE);
		return false;
	}
	keep_route_name(switchboard, call, route.route);
	event_text_set(call->number, sizeof(call->number), route.number, strlen(route.number));
	for (uint32_t i = 0; i < route.destination_count && i < CALL_DESTINATIONS_MAX; i++)
		call->destinations[call->destination_count++] = route.destinations[i];
	result = trunks_choose(switchboard, line, &trunk);
	if (result == 0) {
		calls_begin_callee(switchboard, line, trunk);
		return true;
	}
	*ret_release = refusal_without_trunk(result);
	if (ret_release->sip_status == 503)
		call->retry_after_s = switchboard->config->sip.retry_after_s;
	return false;
}

/* Reads the caller's offer, takes ports for both sides. False: *ret_release says why not. */
static bool plan_media(struct switchboard *switchboard, struct line *line,
	const struct sip_message *invite, struct event_release *ret_release)
{
	struct call *call = &line->call;
	enum td_family family = (enum td_family)switchboard->flow->local.ip.family;
	unsigned worker = port_pool_least_used_worker(switchboard->pool);
	struct media_body offer;
	struct sip_flow next_hop;
	int result;

	if (!call->legs[CALL_CALLER].is_offer_late) {
		switchboard->warning = media_body_read(invite->body, &offer);
		if (switchboard->warning != NULL) {
			*ret_release = refusal(
				488, CAUSE_BEARER_NOT_IMPLEMENTED, EVENT_DETAIL_MEDIA_REFUSED);
			return false;
		}
		(void)media_plan_take_remote(call, CALL_CALLER, &offer, true);
		if (call->media[CALL_CALLER].remote.rtp.ip.family != TD_FAMILY_NONE)
			family = (enum td_family)call->media[CALL_CALLER].remote.rtp.ip.family;
	}
	result = media_take_port(switchboard, line, CALL_CALLER, family, worker);
	if (result == 0)
		result = trunks_next_hop(switchboard, line, &next_hop);
	if (result == 0)
		result = media_take_port(switchboard, line, CALL_CALLEE,
			(enum td_family)next_hop.remote.ip.family, worker);
	if (result == 0)
		return true;
	switchboard->counts.refused_media++;
	call->retry_after_s = switchboard->config->sip.retry_after_s;
	*ret_release = refusal(503, CAUSE_RESOURCE_UNAVAILABLE, EVENT_DETAIL_ADMISSION);
	return false;
}

/* Takes the INVITE as a call; from here on it ends with records. */
static void begin_call(struct switchboard *switchboard,
	const struct transaction_indication *request, trunk_id trunk)
{
	uint64_t call_id = switchboard->call_id_base | ++switchboard->call_count;
	struct line *line = switchboard_find_call(switchboard, call_id) == NULL
				    ? switchboard_take_line(switchboard, call_id)
				    : NULL;
	struct event_release release;

	if (line == NULL || begin_caller(switchboard, line, request, trunk) != 0) {
		if (line != NULL)
			switchboard_drop_line(switchboard, line);
		switchboard->counts.refused_memory++;
		request_answer_status(
			switchboard, request, 503, switchboard->config->sip.retry_after_s);
		return;
	}
	switchboard->counts.calls_started++;
	switchboard_emit_event(switchboard, line, CALL_EVENT_CREATED, CALL_CALLER);
	if (trunk_call_begin(switchboard->trunks, trunk) != 0) {
		switchboard->counts.refused_limit++;
		line->call.retry_after_s = switchboard->config->sip.retry_after_s;
		release = refusal(503, CAUSE_CONGESTION, EVENT_DETAIL_ADMISSION);
		calls_clear(switchboard, line, CALL_ON_CLEAR, &release);
		return;
	}
	line->has_place[CALL_CALLER] = true;
	if (!find_route(switchboard, line, request->message, &release) ||
		!plan_media(switchboard, line, request->message, &release))
		calls_clear(switchboard, line, CALL_ON_CLEAR, &release);
	else
		calls_step(switchboard, line, CALL_ON_ADMITTED);
}

/* True if the trunk's callers must know reliable 18x and this one doesn't say so. */
static bool lacks_extension(const struct config_trunk *trunk, const struct sip_message *invite)
{
	return trunk != NULL && trunk->reliable_provisional == CONFIG_RELIABLE_REQUIRED &&
	       invite->method == SIP_METHOD_INVITE && progress_use(trunk, invite) == RELIABLE_NEVER;
}

void request_begin(struct switchboard *switchboard, const struct transaction_indication *request)
{
	const struct sip_message *message = request->message;
	trunk_id trunk = trunk_find_by_source(
		switchboard->trunks, &request->flow->remote.ip, request->flow->transport);
	const struct config_trunk *from = trunk_config(switchboard->trunks, trunk);
	uint64_t origin = receive_origin(switchboard, message);
	struct leg_screening screening;

	if (message->method == SIP_METHOD_INVITE)
		request_answer_status(switchboard, request, 100, 0);
	else if (usages_begin(switchboard, request))
		return;
	leg_screen_initial(message, trunks_options(switchboard, trunk), &screening);
	if (screening.status != 0) {
		request_answer_screening(switchboard, request, &screening);
	} else if (lacks_extension(from, message)) {
		switchboard->counts.refused_policy++;
		receive_answer(switchboard, request->id, message, request->flow,
			&(const struct leg_reply){.status = 421, .require = LEG_OPTION_100REL});
	} else if (message->method == SIP_METHOD_OPTIONS) {
		request_answer_options(switchboard, request);
	} else if (message->method != SIP_METHOD_INVITE) {
		switchboard->counts.unmatched++;
		request_answer_status(switchboard, request, 481, 0);
	} else if (table_find(switchboard->by_origin, &origin, sizeof(origin)) != NULL) {
		request_answer_status(switchboard, request, 482, 0); /* RFC 3261 8.2.2.2: merged */
	} else if (!replaces_take(switchboard, request) && auth_admit(switchboard, request, from) &&
		   sessions_admit_first(switchboard, request, trunk)) {
		begin_call(switchboard, request, trunk);
	}
}
