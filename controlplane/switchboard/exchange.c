/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Carries out what the negotiation machines decide about offers of peers: a change of the session
 * that one side asks for is asked of the other side, and that side's answer is given back (hold,
 * resume, codec and address changes). Nothing changes until both have agreed.
 */
#include "call/outcome.h"
#include "call/record.h"
#include "leg/allow.h"
#include "leg/cause.h"
#include "leg/screen.h"
#include "switchboard/session.h"
#include "switchboard/state.h"

#include <string.h>

enum {
	TOO_SOON_RETRY_S = 5, /* RFC 3261 14.2: 0 to 10 s */
};

static void reject(
	struct switchboard *switchboard, struct line *line, unsigned index, unsigned status)
{
	switchboard->reject_status = status;
	exchange_step(switchboard, line, index, NEGOTIATION_EVENT_ORDER_REJECT);
}

static void take_both(struct switchboard *switchboard, struct line *line, unsigned from,
	const struct media_body *from_body, const struct media_body *other_body)
{
	bool was_held[CALL_LEGS];

	for (unsigned i = 0; i < CALL_LEGS; i++)
		was_held[i] = call_is_held_by(&line->call, i);
	(void)media_plan_take_remote(&line->call, from, from_body, true);
	(void)media_plan_take_remote(&line->call, 1 - from, other_body, true);
	for (unsigned i = 0; i < CALL_LEGS; i++)
		media_modify(switchboard, line, i);
	exchange_tell_changes(switchboard, line, was_held);
}

void exchange_tell_changes(
	struct switchboard *switchboard, struct line *line, const bool was_held[CALL_LEGS])
{
	struct call *call = &line->call;
	bool has_told = false;

	if (!call->is_answered)
		return;
	for (unsigned i = 0; i < CALL_LEGS; i++) {
		bool is_held = call_is_held_by(call, i);

		record_note_hold(&call->legs[i], call_is_on_hold(call), switchboard->now.mono_ms);
		if (is_held == was_held[i])
			continue;
		switchboard_emit_event(
			switchboard, line, is_held ? CALL_EVENT_HELD : CALL_EVENT_RESUMED, i);
		has_told = true;
	}
	if (!has_told && call->exchange != CALL_EXCHANGE_NONE)
		switchboard_emit_event(switchboard, line, CALL_EVENT_MODIFIED, call->exchange_from);
}

/* By which request the other side can be asked; SIP_METHOD_OTHER: by none now. */
static enum sip_method way_to(const struct call *call, unsigned asker)
{
	const struct leg *other = &call->legs[1 - asker];
	bool is_invite = call->legs[asker].negotiation.asked->method == SIP_METHOD_INVITE;

	if (call->state != CALL_TALKING || call->exchange != CALL_EXCHANGE_NONE ||
		other->state != LEG_ACTIVE || other->negotiation.state != NEGOTIATION_IDLE)
		return SIP_METHOD_OTHER;
	/* Like for like; but everybody has re-INVITE, and few say nothing of UPDATE and have it. */
	return !is_invite && (other->peer_methods & LEG_METHOD(SIP_METHOD_UPDATE)) != 0
		       ? SIP_METHOD_UPDATE
		       : SIP_METHOD_INVITE;
}

/* Asks the other side for what leg index's peer asks for in the request that is kept. */
static void ask_other(struct switchboard *switchboard, struct line *line, unsigned index)
{
	struct call *call = &line->call;
	struct leg *other = &call->legs[1 - index];
	enum sip_method way = way_to(call, index);
	struct sip_message request;
	struct media_body offer;

	if (!legs_read(call->legs[index].negotiation.asked, &request) || way == SIP_METHOD_OTHER) {
		reject(switchboard, line, index, 491);
		return;
	}
	other->is_offer_late = !leg_has_sdp(&request);
	if (!other->is_offer_late) {
		switchboard->warning = media_body_read(request.body, &offer);
		if (switchboard->warning == NULL)
			switchboard->warning = media_plan_misfit(call, index, &offer);
		if (switchboard->warning == NULL)
			switchboard->warning = media_plan_offer(call, 1 - index, &offer);
		if (switchboard->warning != NULL) {
			reject(switchboard, line, index, 488);
			return;
		}
	}
	call->exchange = CALL_EXCHANGE_RELAYED;
	call->exchange_from = (uint8_t)index;
	other->negotiation.glare_count = 0;
	other->challenges = 0;
	exchange_step(switchboard, line, 1 - index,
		way == SIP_METHOD_UPDATE ? NEGOTIATION_EVENT_ORDER_UPDATE
					 : NEGOTIATION_EVENT_ORDER_OFFER);
}

/* The peer of leg index wants a change. */
static void take_offer(struct switchboard *switchboard, struct line *line, unsigned index)
{
	struct leg *leg = &line->call.legs[index];
	const struct sip_message *request = switchboard->message;

	wheel_stop(&switchboard->wheel, &line->pauses[index].timer);
	if (call_keep_request(&line->call, &leg->negotiation.asked, request->method, request->bytes,
		    switchboard->flow) != 0) {
		const struct leg_reply reply = {.status = 500};

		receive_answer(
			switchboard, switchboard->transaction, request, switchboard->flow, &reply);
		leg->negotiation.state = NEGOTIATION_IDLE;
		return;
	}
	leg->negotiation.asked->transaction = switchboard->transaction;
	(void)transaction_set_user(
		switchboard->transactions, switchboard->transaction, leg->leg_id);
	if (request->method == SIP_METHOD_INVITE)
		leg->peer_cseq = request->cseq.number;
	ask_other(switchboard, line, index);
}

/* Reads the offer that a leg's peer made in the request that waits. */
static const char *read_asked_offer(const struct leg *leg, struct media_body *ret_offer)
{
	const struct leg_request *asked = leg->negotiation.asked;

	return asked != NULL ? media_body_read(legs_body(asked), ret_offer) : "no offer";
}

static void answer_asker(struct switchboard *switchboard, struct line *line, unsigned index)
{
	exchange_step(switchboard, line, index,
		line->call.legs[index].negotiation.asked->method == SIP_METHOD_INVITE
			? NEGOTIATION_EVENT_ORDER_ANSWER
			: NEGOTIATION_EVENT_ORDER_ANSWER_UPDATE);
}

/* The other side agreed: its answer goes to the one who asked. */
static const char *relay_answer(struct switchboard *switchboard, struct line *line, unsigned asker)
{
	struct call *call = &line->call;
	struct media_body offer;
	struct media_body answer;
	const char *misfit = read_asked_offer(&call->legs[asker], &offer);

	if (misfit == NULL)
		misfit = media_body_read(switchboard->message->body, &answer);
	if (misfit == NULL)
		misfit = media_plan_misfit(call, 1 - asker, &answer);
	if (misfit == NULL)
		misfit = media_plan_answer_misfit(call, 1 - asker, &answer);
	if (misfit == NULL)
		misfit = media_plan_answer(call, asker, &offer, &answer);
	if (misfit != NULL)
		return misfit;
	take_both(switchboard, line, asker, &offer, &answer);
	call->exchange = CALL_EXCHANGE_NONE;
	answer_asker(switchboard, line, asker);
	return NULL;
}

/* The asker had no body: the other side's offer goes to him, his ACK will hold the answer. */
static const char *relay_counter_offer(
	struct switchboard *switchboard, struct line *line, unsigned asker)
{
	struct call *call = &line->call;
	struct media_body offer;
	const char *misfit = media_body_read(switchboard->message->body, &offer);

	if (misfit == NULL)
		misfit = media_plan_misfit(call, 1 - asker, &offer);
	if (misfit == NULL)
		misfit = media_plan_offer(call, asker, &offer);
	if (misfit == NULL && call_set_text(call, &call->offer, &call->offer_length,
				      switchboard->message->body) != 0)
		misfit = "out of memory";
	if (misfit != NULL)
		return misfit;
	call->exchange = CALL_EXCHANGE_REVERSED;
	answer_asker(switchboard, line, asker);
	return NULL;
}

static void take_answer(struct switchboard *switchboard, struct line *line, unsigned index)
{
	struct call *call = &line->call;
	bool is_counter = call->legs[index].negotiation.state == NEGOTIATION_ACK_OWED;
	const char *misfit = "the one who asked has gone";

	if (call->exchange == CALL_EXCHANGE_RELAYED && call->exchange_from != index &&
		call->legs[1 - index].negotiation.state == NEGOTIATION_OFFER_RECEIVED)
		misfit = is_counter ? relay_counter_offer(switchboard, line, 1 - index)
				    : relay_answer(switchboard, line, 1 - index);
	if (misfit == NULL)
		return;
	if (is_counter) { /* an offer must be answered, if only with what was */
		(void)legs_answer_in_ack(switchboard, line, index); /* else without body */
		exchange_step(switchboard, line, index, NEGOTIATION_EVENT_ORDER_ACKNOWLEDGE);
	}
	if (call->exchange == CALL_EXCHANGE_NONE)
		return;
	call->exchange = CALL_EXCHANGE_NONE;
	switchboard->warning = misfit;
	reject(switchboard, line, 1 - index, 488);
}

/* ACK to our 2xx: in a reversed exchange it answers the other side's offer. */
static void take_confirmation(struct switchboard *switchboard, struct line *line, unsigned index)
{
	struct call *call = &line->call;
	struct media_body offer;
	struct media_body answer;
	const char *misfit;

	if (call->exchange != CALL_EXCHANGE_REVERSED || call->exchange_from != index)
		return;
	misfit = media_body_read(switchboard->message->body, &answer);
	if (misfit == NULL)
		misfit = media_plan_misfit(call, index, &answer);
	if (misfit == NULL)
		misfit = media_body_read((struct span){call->offer, call->offer_length}, &offer);
	if (misfit == NULL)
		misfit = media_plan_answer(call, 1 - index, &offer, &answer);
	if (misfit == NULL)
		take_both(switchboard, line, index, &answer, &offer);
	call->exchange = CALL_EXCHANGE_NONE;
	call_clear_text(call, &call->offer, &call->offer_length);
	(void)legs_answer_in_ack(switchboard, line, 1 - index); /* else without body */
	exchange_step(switchboard, line, 1 - index, NEGOTIATION_EVENT_ORDER_ACKNOWLEDGE);
}

static void take_refusal(struct switchboard *switchboard, struct line *line, unsigned index)
{
	struct call *call = &line->call;
	unsigned status = switchboard->reject_status;

	if (call->exchange == CALL_EXCHANGE_NONE || call->exchange_from == index)
		return;
	call->exchange = CALL_EXCHANGE_NONE;
	/* What only concerns the hop to the other side is a plain "not acceptable" here, and its
	 * overload isn't ours (RFC 3261 16.7). */
	if (status < 400 || status == 401 || status == 407)
		status = 488;
	else if (status == 503)
		status = 500;
	reject(switchboard, line, 1 - index, status);
}

static void refuse_now(struct switchboard *switchboard, unsigned status, uint32_t retry_after_s)
{
	const struct leg_reply reply = {.status = status, .retry_after_s = retry_after_s};

	receive_answer(switchboard, switchboard->transaction, switchboard->message,
		switchboard->flow, &reply);
}

/* Answers the request that waits. A target refresh counts from its 2xx on (RFC 6141 4.7). */
static void respond(
	struct switchboard *switchboard, struct line *line, unsigned index, unsigned status)
{
	struct leg *leg = &line->call.legs[index];
	struct leg_request **asked = &leg->negotiation.asked;
	struct leg_reply reply = {.status = status, .warning = switchboard->warning};
	struct sip_message request;

	switchboard->warning = NULL;
	if (status == 200) {
		reply.has_allow = true;
		reply.body = legs_told(leg);
		if (*asked != NULL && (*asked)->method != SIP_METHOD_PRACK && !leg_is_early(leg))
			sessions_answer(switchboard, line, index, &reply);
		if (legs_read(*asked, &request) &&
			dialog_refresh_target(&leg->dialog, &request) != 0)
			switchboard->counts.refused_memory++;
	}
	(void)legs_respond(switchboard, line, index, *asked, &reply); /* gone: he asks again */
	if (*asked != NULL && (status >= 300 || (*asked)->method != SIP_METHOD_INVITE))
		call_drop_request(&line->call, asked);
}

/* The ACK to our 2xx has come: nothing is repeated any more. */
static void stop_2xx(struct switchboard *switchboard, struct line *line, unsigned index)
{
	struct leg_request **asked = &line->call.legs[index].negotiation.asked;

	if (*asked != NULL)
		(void)transaction_acknowledged(/* gone after a restart */
			switchboard->transactions, (*asked)->transaction);
	call_drop_request(&line->call, asked);
}

static void acknowledge(struct switchboard *switchboard, struct line *line, unsigned index)
{
	const struct sip_message *message = switchboard->message;

	/* A repeated 2xx names its own INVITE. */
	legs_acknowledge(switchboard, line, index,
		message != NULL && message->status / 100 == 2 &&
				message->method == SIP_METHOD_INVITE
			? message->cseq.number
			: line->call.legs[index].invite_cseq);
}

static void perform(struct switchboard *switchboard, struct line *line, unsigned index,
	enum negotiation_action action)
{
	switch (action) {
	case NEGOTIATION_DO_REINVITE:
	case NEGOTIATION_DO_UPDATE:
		offer_send(switchboard, line, index);
		break;
	case NEGOTIATION_DO_PAUSE:
		offer_pause(switchboard, line, index);
		break;
	case NEGOTIATION_TELL_LOST:
		offer_lost(switchboard, line, index);
		break;
	case NEGOTIATION_DO_ANSWER:
		respond(switchboard, line, index, 200);
		break;
	case NEGOTIATION_DO_REJECT:
		respond(switchboard, line, index, switchboard->reject_status);
		break;
	case NEGOTIATION_DO_ACK:
		acknowledge(switchboard, line, index);
		break;
	case NEGOTIATION_DO_STOP_2XX:
		stop_2xx(switchboard, line, index);
		break;
	case NEGOTIATION_DO_GLARE:
		refuse_now(switchboard, 491, 0);
		break;
	case NEGOTIATION_DO_TOO_SOON:
		refuse_now(switchboard, 500, TOO_SOON_RETRY_S);
		break;
	case NEGOTIATION_TELL_OFFER:
		take_offer(switchboard, line, index);
		break;
	case NEGOTIATION_TELL_ANSWER:
		take_answer(switchboard, line, index);
		break;
	case NEGOTIATION_TELL_REFUSED:
		take_refusal(switchboard, line, index);
		break;
	case NEGOTIATION_TELL_CONFIRMED:
		take_confirmation(switchboard, line, index);
		break;
	case NEGOTIATION_DO_PRACK:
	case NEGOTIATION_ACTION_NONE:
	default:
		break;
	}
}

void exchange_step(struct switchboard *switchboard, struct line *line, unsigned index,
	enum negotiation_event event)
{
	struct negotiation_actions actions;

	if (negotiation_step(&line->call.legs[index].negotiation.state, event, &actions) != 0) {
		switchboard->counts.unexpected++;
		return;
	}
	switchboard_mark(switchboard, line);
	for (unsigned i = 0; i < actions.count; i++)
		perform(switchboard, line, index, (enum negotiation_action)actions.list[i]);
}
