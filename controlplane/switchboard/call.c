/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Carries out what the call machine decides: who is dialled, what is relayed from one leg to the
 * other, when media and records begin and end.
 */
#include "call/outcome.h"
#include "call/record.h"
#include "leg/cause.h"
#include "leg/screen.h"
#include "switchboard/early.h"
#include "switchboard/exchange.h"
#include "switchboard/state.h"
#include "util/format.h"

#include <errno.h>
#include <string.h>

enum {
	FROM_BYTES = 512,
};

/* Ends an attempt that could not even be sent. */
static void dial_failed(struct switchboard *switchboard, struct line *line, unsigned status,
	unsigned q850, const char *warning)
{
	struct event_release release;

	outcome_set(&release, status, q850, EVENT_RELEASE_SYSTEM,
		status == 488 ? EVENT_DETAIL_MEDIA_REFUSED : EVENT_DETAIL_INTERNAL);
	switchboard->warning = warning;
	calls_clear(switchboard, line, CALL_ON_CLEAR, &release);
}

/* Prepares the called leg's half of the dialog. */
static int init_callee(struct switchboard *switchboard, struct line *line)
{
	struct call *call = &line->call;
	struct leg *leg = &call->legs[CALL_CALLEE];
	char call_id[SWITCHBOARD_CALL_ID_BYTES];
	char contact[LEG_CONTACT_BYTES];
	char from[FROM_BYTES];
	char to[REGISTRAR_URI_MAX_BYTES + sizeof("<>")];
	struct call_address address;
	int result = trunks_address(switchboard, line, &address);

	if (result != 0)
		return result;
	switchboard_random_text(switchboard, call_id, sizeof(call_id));
	switchboard_random_text(switchboard, line->tags[CALL_CALLEE].text, SWITCHBOARD_TAG_BYTES);
	(void)format_text(to, sizeof(to), "<%.*s>", SPAN_ARGS(address.uri));
	result = callers_from(switchboard, line, &address.flow, from, sizeof(from));
	if (result != 0)
		return result;
	result = dialog_init_uac(&leg->dialog,
		&(const struct dialog_identity){
			.heap = call->heap,
			.call_id = span_from(call_id),
			.local_tag = span_from(line->tags[CALL_CALLEE].text),
			.local_uri = span_from(from),
			.remote_uri = span_from(to),
			.remote_target = address.uri,
			.local_contact = leg_contact(&address.flow,
				trunk_scheme(switchboard->trunks, leg->trunk), contact),
			.routes = address.routes,
			.keeps_flow = address.keeps_flow,
		},
		1, &address.flow);
	if (result == 0)
		switchboard_index_leg(switchboard, line, CALL_CALLEE);
	return result;
}

/* When the called side must have rung: all tries share the time that the caller has patience. */
static uint64_t dial_deadline_ms(const struct switchboard *switchboard, const struct call *call)
{
	const struct config_sip *sip = &switchboard->config->sip;
	uint64_t ring_ms = (uint64_t)sip->ring_timeout_s * TD_MS_PER_S;
	uint64_t setup_ms = (uint64_t)sip->setup_timeout_s * TD_MS_PER_S;
	uint64_t deadline_ms = td_after(switchboard->now.mono_ms, ring_ms);

	return deadline_ms < td_after(call->created_ms, setup_ms)
		       ? deadline_ms
		       : td_after(call->created_ms, setup_ms);
}

/* Whether reliable 18x are asked for: not if they would hold an offer that only the caller can
 * answer, who could do so in PRACK alone. */
static enum reliable_use ask_reliable(
	const struct switchboard *switchboard, const struct call *call)
{
	const struct leg *callee = &call->legs[CALL_CALLEE];
	const struct config_trunk *trunk = trunk_config(switchboard->trunks, callee->trunk);

	if (trunk == NULL || trunk->reliable_provisional == CONFIG_RELIABLE_OFF ||
		(callee->is_offer_late && call->legs[CALL_CALLER].reliable.use == RELIABLE_NEVER))
		return RELIABLE_NEVER;
	return trunk->reliable_provisional == CONFIG_RELIABLE_REQUIRED ? RELIABLE_REQUIRED
								       : RELIABLE_SUPPORTED;
}

static void dial(struct switchboard *switchboard, struct line *line)
{
	struct call *call = &line->call;
	struct leg *callee = &call->legs[CALL_CALLEE];
	struct event_release release;
	const struct leg_request *invite = call->legs[CALL_CALLER].invite;
	struct media_body offer;
	const char *misfit = NULL;
	int result = invite != NULL ? init_callee(switchboard, line) : -ENOENT;

	if (result == -EDESTADDRREQ) { /* the trunk's name lost its meaning since */
		outcome_set(&release, 503, CAUSE_NETWORK_OUT_OF_ORDER, EVENT_RELEASE_SYSTEM,
			EVENT_DETAIL_NO_TARGET);
		calls_clear(switchboard, line, CALL_ON_CLEAR, &release);
		return;
	}
	if (result == -EHOSTUNREACH) { /* what was registered is gone since */
		outcome_set(&release, 480, CAUSE_SUBSCRIBER_ABSENT, EVENT_RELEASE_SYSTEM,
			EVENT_DETAIL_ABSENT);
		calls_clear(switchboard, line, CALL_ON_CLEAR, &release);
		return;
	}
	if (result != 0) {
		dial_failed(switchboard, line, 500, CAUSE_TEMPORARY_FAILURE, NULL);
		return;
	}
	/* A caller who had no offer, but answered a former destination's, has one now. */
	callee->is_offer_late = media_plan_read_remote(call, CALL_CALLER, &offer) != NULL;
	if (!callee->is_offer_late)
		misfit = media_plan_offer(call, CALL_CALLEE, &offer);
	callee->reliable.use = (uint8_t)ask_reliable(switchboard, call);
	if (misfit != NULL) {
		dial_failed(switchboard, line, 488, CAUSE_BEARER_NOT_IMPLEMENTED, misfit);
		return;
	}
	switchboard_arm(switchboard, line, dial_deadline_ms(switchboard, call));
	legs_step(switchboard, line, CALL_CALLEE, LEG_EVENT_ORDER_DIAL);
}

static void add_media(struct switchboard *switchboard, struct line *line)
{
	switchboard_arm(switchboard, line, td_after(switchboard->now.mono_ms, CALL_SETUP_GUARD_MS));
	for (unsigned i = 0; i < CALL_LEGS; i++)
		media_add(switchboard, line, i);
}

/* Puts a leg towards the next destination in the place of the one that was refused. */
static void next_destination(struct switchboard *switchboard, struct line *line)
{
	struct call *call = &line->call;
	struct td_ip address = call->media[CALL_CALLEE].local.ip;
	struct sip_flow flow;
	struct td_ip wanted;
	unsigned worker;

	if (trunks_next_hop(switchboard, line, &flow) != 0) {
		dial_failed(switchboard, line, 503, CAUSE_RESOURCE_UNAVAILABLE, NULL);
		return;
	}
	wanted = trunk_media_address(switchboard->trunks, call->legs[CALL_CALLEE].trunk,
		(enum td_family)flow.remote.ip.family);
	call->media[CALL_CALLEE].has_remote = false;
	if (td_ip_equal(&address, &wanted)) {
		call->media[CALL_CALLEE].latch_round++;
		media_modify(switchboard, line, CALL_CALLEE);
		calls_step(switchboard, line, CALL_ON_MEDIA_READY);
		return;
	}
	worker = td_port_owner(
		call->media[CALL_CALLER].local.port, switchboard->config->dataplane.worker_count);
	media_subtract(switchboard, line, CALL_CALLEE);
	media_release_port(switchboard, line, CALL_CALLEE);
	if (media_take_port(switchboard, line, CALL_CALLEE, (enum td_family)flow.remote.ip.family,
		    worker) != 0) {
		dial_failed(switchboard, line, 503, CAUSE_RESOURCE_UNAVAILABLE, NULL);
		return;
	}
	switchboard_arm(switchboard, line, td_after(switchboard->now.mono_ms, CALL_SETUP_GUARD_MS));
	media_add(switchboard, line, CALL_CALLEE);
}

/* Finds the called side's session: in its 2xx, or in what it said before. NULL, or why it can't be
 * used. */
static const char *read_answer(
	struct switchboard *switchboard, const struct call *call, struct media_body *ret_body)
{
	const struct leg *callee = &call->legs[CALL_CALLEE];
	const struct sip_message *message = switchboard->message;
	const char *misfit;

	if (callee->negotiation.state == NEGOTIATION_PRACK_OWED)
		return "answered before its offer was";
	if (callee->negotiation.state != NEGOTIATION_FIRST_SENT)
		return media_plan_read_remote(call, CALL_CALLEE, ret_body);
	if (!leg_has_sdp(message)) /* fine if the 18x before held the answer */
		return callee->is_offer_late ? "answer without session description"
					     : media_plan_read_remote(call, CALL_CALLEE, ret_body);
	misfit = media_body_read(message->body, ret_body);
	if (misfit == NULL)
		misfit = media_plan_misfit(call, CALL_CALLEE, ret_body);
	if (misfit == NULL && !callee->is_offer_late)
		misfit = media_plan_answer_misfit(call, CALL_CALLEE, ret_body);
	return misfit;
}

/* Tells the caller, who has no answer yet: with his offer's answer, or with an offer. */
static const char *tell_caller(struct call *call, const struct media_body *body)
{
	struct media_body offer;
	const char *misfit;

	if (call->legs[CALL_CALLER].is_offer_late)
		return call_set_text(
			       call, &call->offer, &call->offer_length, body->session.bytes) != 0
			       ? "out of memory"
			       : media_plan_offer(call, CALL_CALLER, body);
	misfit = media_plan_read_remote(call, CALL_CALLER, &offer);
	return misfit != NULL ? misfit : media_plan_answer(call, CALL_CALLER, &offer, body);
}

/* Takes over the called side's session. NULL, or why it can't be used. */
static const char *take_answer(struct switchboard *switchboard, struct line *line)
{
	struct call *call = &line->call;
	const struct leg *caller = &call->legs[CALL_CALLER];
	struct media_body body;
	const char *misfit = read_answer(switchboard, call, &body);

	if (misfit != NULL)
		return misfit;
	if (caller->negotiation.state == NEGOTIATION_FIRST_RECEIVED) {
		misfit = tell_caller(call, &body);
	} else {
		call->is_realign_due = true; /* looked at when the caller can be asked */
		if (call->legs[CALL_CALLEE].state == LEG_CONFIRMING)
			misfit = media_plan_own_answer(call, CALL_CALLEE, &body);
	}
	if (misfit == NULL)
		(void)media_plan_take_remote(call, CALL_CALLEE, &body, false);
	return misfit;
}

void calls_answered(struct switchboard *switchboard, struct line *line)
{
	struct call *call = &line->call;
	bool is_told = call->legs[CALL_CALLER].negotiation.state != NEGOTIATION_FIRST_RECEIVED;
	struct event_release release;
	const char *misfit;

	if (call->state != CALL_DIALLING && call->state != CALL_RINGING)
		return; /* answered too late: the leg machine hangs it up */
	misfit = take_answer(switchboard, line);
	if (misfit != NULL) {
		outcome_set(&release, 488, CAUSE_BEARER_NOT_IMPLEMENTED, EVENT_RELEASE_SYSTEM,
			EVENT_DETAIL_MEDIA_REFUSED);
		switchboard->warning = misfit;
		calls_clear(switchboard, line, CALL_ON_UNUSABLE, &release);
		return;
	}
	switchboard->counts.calls_answered++;
	call->is_answered = true;
	media_modify(switchboard, line, CALL_CALLEE);
	media_modify(switchboard, line, CALL_CALLER);
	switchboard_arm(switchboard, line, TD_NEVER);
	if (is_told && call->legs[CALL_CALLEE].state == LEG_CONFIRMING) {
		/* The offer in the 2xx is answered in the absence of the caller. */
		(void)legs_answer_in_ack(switchboard, line, CALL_CALLEE); /* else without body */
		legs_step(switchboard, line, CALL_CALLEE, LEG_EVENT_ORDER_ACKNOWLEDGE);
	}
	calls_step(switchboard, line, CALL_ON_ANSWER);
}

/* The caller's ACK: with a late offer it holds the answer that the called side waits for. */
void calls_confirmed(struct switchboard *switchboard, struct line *line)
{
	struct call *call = &line->call;
	struct leg *callee = &call->legs[CALL_CALLEE];
	const bool was_held[CALL_LEGS] = {false, false};
	struct event_release release;
	struct media_body offer;
	struct media_body answer;
	const char *misfit = NULL;

	if (callee->state == LEG_CONFIRMING) {
		misfit = media_body_read(switchboard->message->body, &answer);
		if (misfit == NULL)
			misfit = media_plan_misfit(call, CALL_CALLER, &answer);
		if (misfit == NULL)
			misfit = media_body_read(
				(struct span){call->offer, call->offer_length}, &offer);
		if (misfit == NULL)
			misfit = media_plan_answer(call, CALL_CALLEE, &offer, &answer);
		if (misfit == NULL && !legs_answer_in_ack(switchboard, line, CALL_CALLEE))
			misfit = "out of memory";
		if (misfit != NULL) {
			outcome_set(&release, 488, CAUSE_BEARER_NOT_IMPLEMENTED,
				EVENT_RELEASE_SYSTEM, EVENT_DETAIL_MEDIA_REFUSED);
			calls_clear(switchboard, line, CALL_ON_CLEAR, &release);
			return;
		}
		(void)media_plan_take_remote(call, CALL_CALLER, &answer, false);
		media_modify(switchboard, line, CALL_CALLER);
		media_modify(switchboard, line, CALL_CALLEE);
		legs_step(switchboard, line, CALL_CALLEE, LEG_EVENT_ORDER_ACKNOWLEDGE);
		call_clear_text(call, &call->offer, &call->offer_length);
	}
	calls_step(switchboard, line, CALL_ON_CONFIRMED);
	exchange_tell_changes(switchboard, line, was_held);
}

static void relay_answer(struct switchboard *switchboard, struct line *line)
{
	legs_step(switchboard, line, CALL_CALLER,
		early_is_answerable(&line->call.legs[CALL_CALLER]) ? LEG_EVENT_ORDER_ANSWER
								   : LEG_EVENT_ORDER_ACCEPT);
	switchboard_emit_event(switchboard, line, CALL_EVENT_ANSWERED, CALL_CALLEE);
}

static void bridge(struct switchboard *switchboard, struct line *line)
{
	for (unsigned i = 0; i < CALL_LEGS; i++)
		line->call.legs[i].times.bridge_wall_ns = switchboard->now.wall_ns;
	switchboard_emit_event(switchboard, line, CALL_EVENT_BRIDGED, CALL_CALLER);
}

static void relay_progress(struct switchboard *switchboard, struct line *line)
{
	bool is_first = line->call.legs[CALL_CALLER].first_18x_ms == 0;

	if (is_first)
		switchboard_arm(switchboard, line,
			td_after(switchboard->now.mono_ms,
				(uint64_t)switchboard->config->sip.ring_timeout_s * TD_MS_PER_S));
	legs_step(switchboard, line, CALL_CALLER, LEG_EVENT_ORDER_RING);
	if (is_first)
		switchboard_emit_event(switchboard, line, CALL_EVENT_PROGRESS, CALL_CALLEE);
}

static void subtract_media(struct switchboard *switchboard, struct line *line)
{
	switchboard_arm(switchboard, line, td_after(switchboard->now.mono_ms, CALL_STATS_WAIT_MS));
	for (unsigned i = 0; i < CALL_LEGS; i++)
		media_subtract(switchboard, line, i);
}

static void perform(struct switchboard *switchboard, struct line *line, enum call_action action)
{
	switch (action) {
	case CALL_DO_ADD_MEDIA:
		add_media(switchboard, line);
		break;
	case CALL_DO_NEXT_DESTINATION:
		next_destination(switchboard, line);
		break;
	case CALL_DO_DIAL:
		dial(switchboard, line);
		break;
	case CALL_DO_RELAY_PROGRESS:
		relay_progress(switchboard, line);
		break;
	case CALL_DO_RELAY_ANSWER:
		relay_answer(switchboard, line);
		break;
	case CALL_DO_BRIDGE:
		bridge(switchboard, line);
		break;
	case CALL_DO_END_CALLER:
		legs_step(switchboard, line, CALL_CALLER, LEG_EVENT_ORDER_HANG_UP);
		break;
	case CALL_DO_END_CALLEE:
		legs_step(switchboard, line, CALL_CALLEE, LEG_EVENT_ORDER_HANG_UP);
		break;
	case CALL_DO_SUBTRACT_MEDIA:
		subtract_media(switchboard, line);
		break;
	case CALL_DO_RECORD:
		calls_record(switchboard, line);
		break;
	case CALL_DO_FORGET: /* the commit that settled it drops the line */
	case CALL_ACTION_NONE:
	default:
		break;
	}
}

void calls_step(struct switchboard *switchboard, struct line *line, enum call_trigger trigger)
{
	struct call_actions actions;

	if (call_step(&line->call, trigger, &actions) != 0) {
		switchboard->counts.unexpected++;
		return;
	}
	switchboard_mark(switchboard, line);
	for (unsigned i = 0; i < actions.count; i++)
		perform(switchboard, line, (enum call_action)actions.list[i]);
}
