/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Answers and refusals of those who were asked: they go to the one who asked, and media follow
 * what both have agreed.
 */
#include "call/outcome.h"
#include "call/record.h"
#include "leg/cause.h"
#include "leg/screen.h"
#include "switchboard/early.h"
#include "switchboard/exchange.h"
#include "switchboard/state.h"

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

/* Reads the offer that a leg's peer made in the request that waits. */
static const char *read_asked_offer(const struct leg *leg, struct media_body *ret_offer)
{
	struct sip_message request;

	if (!legs_read(leg->negotiation.asked, &request))
		return "no offer";
	return media_body_read(request.body, ret_offer);
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
	call->is_realign_due = call->is_realign_due && call->state != CALL_TALKING;
	exchange_answer_asker(switchboard, line, asker);
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
	exchange_answer_asker(switchboard, line, asker);
	return NULL;
}

/* The answer to an offer that nobody else waits for: only this side changes. */
static void take_own_answer(struct switchboard *switchboard, struct line *line, unsigned index)
{
	struct call *call = &line->call;
	bool is_orphaned = call->exchange == CALL_EXCHANGE_ORPHANED;
	bool was_held[CALL_LEGS];
	struct media_body answer;
	const char *misfit = media_body_read(switchboard->message->body, &answer);

	call->exchange = CALL_EXCHANGE_NONE;
	if (misfit == NULL)
		misfit = media_plan_misfit(call, index, &answer);
	if (misfit == NULL)
		misfit = media_plan_answer_misfit(call, index, &answer);
	if (misfit != NULL) {
		early_realign_failed(switchboard, line);
		return;
	}
	/* What an orphan asked for may not be what the one says who answers in his place. */
	call->is_realign_due = call->is_realign_due || is_orphaned;
	for (unsigned i = 0; i < CALL_LEGS; i++)
		was_held[i] = call_is_held_by(call, i);
	(void)media_plan_take_remote(call, index, &answer, true);
	for (unsigned i = 0; i < CALL_LEGS; i++)
		media_modify(switchboard, line, i);
	exchange_tell_changes(switchboard, line, was_held);
}

/* PRACK: the caller's answer to the called side's offer, which both got in reliable 18x. */
static void take_early_answer(struct switchboard *switchboard, struct line *line)
{
	struct call *call = &line->call;
	struct media_body offer;
	struct media_body answer;
	const char *misfit = media_body_read(switchboard->message->body, &answer);
	struct event_release release;

	if (misfit == NULL)
		misfit = media_plan_misfit(call, CALL_CALLER, &answer);
	if (misfit == NULL)
		misfit = media_plan_answer_misfit(call, CALL_CALLER, &answer);
	if (misfit == NULL && call->legs[CALL_CALLEE].negotiation.state == NEGOTIATION_PRACK_OWED) {
		misfit = media_plan_read_remote(call, CALL_CALLEE, &offer);
		if (misfit == NULL)
			misfit = media_plan_answer(call, CALL_CALLEE, &offer, &answer);
	}
	if (misfit != NULL) {
		outcome_set(&release, 488, CAUSE_BEARER_NOT_IMPLEMENTED, EVENT_RELEASE_SYSTEM,
			EVENT_DETAIL_MEDIA_REFUSED);
		switchboard->warning = misfit;
		calls_clear(switchboard, line, CALL_ON_CLEAR, &release);
		return;
	}
	(void)media_plan_take_remote(call, CALL_CALLER, &answer, true);
	for (unsigned i = 0; i < CALL_LEGS; i++)
		media_modify(switchboard, line, i);
	if (call->legs[CALL_CALLEE].negotiation.state == NEGOTIATION_PRACK_OWED)
		exchange_step(switchboard, line, CALL_CALLEE, NEGOTIATION_EVENT_ORDER_PRACK);
}

void exchange_take_answer(struct switchboard *switchboard, struct line *line, unsigned index)
{
	struct call *call = &line->call;
	bool is_counter = call->legs[index].negotiation.state == NEGOTIATION_ACK_OWED;
	const char *misfit = "the one who asked has gone";

	if (switchboard->message->method == SIP_METHOD_PRACK) {
		take_early_answer(switchboard, line);
		return;
	}
	if ((call->exchange == CALL_EXCHANGE_OWN || call->exchange == CALL_EXCHANGE_ORPHANED) &&
		call->exchange_from != index) {
		take_own_answer(switchboard, line, index);
		return;
	}
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
	exchange_refuse(switchboard, line, 1 - index, NULL, 488);
}

/* ACK to our 2xx: in a reversed exchange it answers the other side's offer. */
void exchange_take_confirmation(struct switchboard *switchboard, struct line *line, unsigned index)
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

void exchange_take_refusal(struct switchboard *switchboard, struct line *line, unsigned index)
{
	struct call *call = &line->call;
	struct leg *asker = &call->legs[1 - index];
	unsigned status = switchboard->reject_status;
	bool is_own = call->exchange == CALL_EXCHANGE_OWN;
	struct media_body offer;

	if (call->exchange == CALL_EXCHANGE_NONE || call->exchange_from == index)
		return;
	call->exchange = CALL_EXCHANGE_NONE;
	if (is_own) {
		early_realign_failed(switchboard, line);
		return;
	}
	if (asker->negotiation.state != NEGOTIATION_OFFER_RECEIVED)
		return;
	/* A PRACK has to be accepted: perhaps it can be without the other side. */
	if (asker->negotiation.asked->method == SIP_METHOD_PRACK &&
		read_asked_offer(asker, &offer) == NULL) {
		exchange_answer_alone(switchboard, line, 1 - index, &offer);
		return;
	}
	/* What only concerns the hop to the other side is a plain "not acceptable" here, and its
	 * overload isn't ours (RFC 3261 16.7). */
	if (status < 400 || status == 401 || status == 407)
		status = 488;
	else if (status == 503)
		status = 500;
	exchange_reject(switchboard, line, 1 - index, status);
}
