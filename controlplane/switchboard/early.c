/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What waits in a call that comes up until something else is finished: an exchange, the answer to
 * a fork's offer, the 200 to the caller, and the new offer to a caller who was told of another
 * session than the one that answered. Looked at after each step, so that no order of events can
 * leave it behind.
 */
#include "switchboard/early.h"

#include "call/fork.h"
#include "call/outcome.h"
#include "leg/allow.h"
#include "leg/cause.h"
#include "switchboard/exchange.h"
#include "switchboard/state.h"

bool early_is_answerable(const struct leg *caller)
{
	uint8_t state = caller->negotiation.state;

	return !reliable_holds_2xx(&caller->reliable) &&
	       (state == NEGOTIATION_FIRST_RECEIVED || state == NEGOTIATION_IDLE);
}

/* Answers the offer in a reliable 18x of the dialog in use, when the caller isn't there to do it:
 * he has answered another fork's. What can't be answered stays without PRACK, and fails. */
static void answer_offer(struct switchboard *switchboard, struct line *line, bool is_heard)
{
	struct call *call = &line->call;
	struct media_body offer;

	if (media_plan_read_remote(call, CALL_CALLEE, &offer) != NULL ||
		media_plan_own_answer(call, CALL_CALLEE, &offer) != NULL)
		return;
	if (is_heard)
		media_modify(switchboard, line, CALL_CALLEE);
	exchange_step(switchboard, line, CALL_CALLEE, NEGOTIATION_EVENT_ORDER_PRACK);
}

static void answer_offers(struct switchboard *switchboard, struct line *line)
{
	struct leg *callee = &line->call.legs[CALL_CALLEE];

	if (callee->negotiation.state == NEGOTIATION_PRACK_OWED)
		answer_offer(switchboard, line, true);
	for (struct leg_fork *fork = callee->forks; fork != NULL; fork = fork->next) {
		if (fork->negotiation.state != NEGOTIATION_PRACK_OWED)
			continue;
		call_swap_fork(callee, fork);
		answer_offer(switchboard, line, false);
		call_swap_fork(callee, fork);
	}
}

/* Offers the caller the session of the one who answered. */
static void realign(struct switchboard *switchboard, struct line *line)
{
	struct call *call = &line->call;
	struct leg *caller = &call->legs[CALL_CALLER];
	struct media_body body;

	call->is_realign_due = false;
	if (media_plan_read_agreed(call, CALL_CALLEE, &body) != NULL ||
		media_plan_is_told(call, CALL_CALLER, &body) ||
		media_plan_offer(call, CALL_CALLER, &body) != NULL)
		return;
	call->exchange = CALL_EXCHANGE_OWN;
	call->exchange_from = CALL_CALLEE;
	caller->is_offer_late = false;
	caller->negotiation.glare_count = 0;
	caller->challenges = 0;
	exchange_step(switchboard, line, CALL_CALLER,
		(caller->peer_methods & LEG_METHOD(SIP_METHOD_UPDATE)) != 0
			? NEGOTIATION_EVENT_ORDER_UPDATE
			: NEGOTIATION_EVENT_ORDER_OFFER);
}

void early_realign_failed(struct switchboard *switchboard, struct line *line)
{
	struct event_release release;

	outcome_set(&release, 488, CAUSE_BEARER_NOT_IMPLEMENTED, EVENT_RELEASE_SYSTEM,
		EVENT_DETAIL_MEDIA_REFUSED);
	calls_clear(switchboard, line, CALL_ON_CLEAR, &release);
}

static void advance_talking(struct switchboard *switchboard, struct line *line)
{
	struct call *call = &line->call;
	const struct leg *caller = &call->legs[CALL_CALLER];

	if (call->is_realign_due && call->exchange == CALL_EXCHANGE_NONE &&
		caller->state == LEG_ACTIVE && caller->negotiation.state == NEGOTIATION_IDLE)
		realign(switchboard, line);
	if (!call->is_realign_due && call->exchange == CALL_EXCHANGE_NONE)
		media_plan_forget_remotes(call);
}

void early_advance(struct switchboard *switchboard, struct line *line)
{
	struct call *call = &line->call;
	struct leg *caller = &call->legs[CALL_CALLER];

	if (call->state < CALL_DIALLING || call->state > CALL_TALKING)
		return;
	if (call->exchange == CALL_EXCHANGE_WAITING)
		exchange_resume(switchboard, line);
	if (caller->negotiation.state == NEGOTIATION_IDLE && leg_is_early(caller))
		answer_offers(switchboard, line);
	if (caller->state == LEG_ACCEPTING && early_is_answerable(caller))
		legs_step(switchboard, line, CALL_CALLER, LEG_EVENT_ORDER_ANSWER);
	if (call->state == CALL_TALKING)
		advance_talking(switchboard, line);
}
