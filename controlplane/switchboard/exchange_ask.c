/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Offers of peers: a change of the session that one side asks for is asked of the other side, by
 * whatever request its dialog allows now. Nothing changes until both have agreed; only where the
 * other side can't be asked is the asker answered in its absence.
 */
#include "call/outcome.h"
#include "leg/allow.h"
#include "leg/cause.h"
#include "leg/screen.h"
#include "switchboard/exchange.h"
#include "switchboard/state.h"

/* How the other side can be asked. */
enum way {
	WAY_NONE, /* not now: 491 */
	WAY_INVITE,
	WAY_UPDATE,
	WAY_LATER, /* a PRACK is under way */
	WAY_ALONE, /* not at all before it is answered: the asker is answered in its absence */
};

/* To a leg in an early dialog: by UPDATE, once its first exchange is done. */
static enum way way_to_early(const struct leg *other)
{
	const struct negotiation *negotiation = &other->negotiation;

	if (negotiation->state == NEGOTIATION_FIRST_SENT ||
		negotiation->state == NEGOTIATION_FIRST_RECEIVED ||
		negotiation->state == NEGOTIATION_PRACK_OWED)
		return WAY_ALONE;
	if (negotiation->state == NEGOTIATION_EARLY_ANSWERED)
		return WAY_LATER;
	if (negotiation->state != NEGOTIATION_IDLE)
		return WAY_NONE;
	if ((other->peer_methods & LEG_METHOD(SIP_METHOD_UPDATE)) == 0)
		return WAY_ALONE;
	/* Overtaken by UPDATE, a PRACK would be out of order for the peer. */
	return negotiation->prack != NULL ? WAY_LATER : WAY_UPDATE;
}

static enum way way_to(const struct call *call, unsigned asker)
{
	const struct leg *other = &call->legs[1 - asker];
	bool is_invite = call->legs[asker].negotiation.asked->method == SIP_METHOD_INVITE;

	if (call->exchange != CALL_EXCHANGE_NONE || call->state < CALL_DIALLING ||
		call->state > CALL_TALKING)
		return WAY_NONE;
	if (leg_is_early(other))
		return is_invite ? WAY_NONE : way_to_early(other);
	if (other->state != LEG_ACTIVE || other->negotiation.state != NEGOTIATION_IDLE)
		return WAY_NONE;
	/* Like for like; but everybody has re-INVITE, and few say nothing of UPDATE and have it. */
	return !is_invite && (other->peer_methods & LEG_METHOD(SIP_METHOD_UPDATE)) != 0
		       ? WAY_UPDATE
		       : WAY_INVITE;
}

void exchange_reject(
	struct switchboard *switchboard, struct line *line, unsigned index, unsigned status)
{
	switchboard->reject_status = status;
	exchange_step(switchboard, line, index, NEGOTIATION_EVENT_ORDER_REJECT);
}

void exchange_answer_asker(struct switchboard *switchboard, struct line *line, unsigned index)
{
	exchange_step(switchboard, line, index,
		line->call.legs[index].negotiation.asked->method == SIP_METHOD_INVITE
			? NEGOTIATION_EVENT_ORDER_ANSWER
			: NEGOTIATION_EVENT_ORDER_ANSWER_UPDATE);
}

/* Refuses an offer. One in a PRACK can't be: it gets an answer without media, and the call ends
 * (RFC 3262 3: PRACK is always accepted; RFC 6337 2.3). */
void exchange_refuse(struct switchboard *switchboard, struct line *line, unsigned index,
	const struct media_body *offer, unsigned status)
{
	struct event_release release;

	if (line->call.legs[index].negotiation.asked->method != SIP_METHOD_PRACK) {
		exchange_reject(switchboard, line, index, status);
		return;
	}
	if (offer == NULL || media_plan_refusal(&line->call, index, offer) != NULL)
		exchange_reject(switchboard, line, index, status);
	else
		exchange_answer_asker(switchboard, line, index);
	outcome_set(&release, 488, CAUSE_BEARER_NOT_IMPLEMENTED, EVENT_RELEASE_SYSTEM,
		EVENT_DETAIL_MEDIA_REFUSED);
	calls_clear(switchboard, line, CALL_ON_CLEAR, &release);
}

/* Answers the asker without the other side: what was agreed stays, only where and whether media
 * flow on this side changes. */
void exchange_answer_alone(struct switchboard *switchboard, struct line *line, unsigned index,
	const struct media_body *offer)
{
	struct call *call = &line->call;
	bool was_held[CALL_LEGS];

	switchboard->warning = media_plan_own_answer(call, index, offer);
	if (switchboard->warning != NULL) {
		exchange_refuse(switchboard, line, index, offer, 488);
		return;
	}
	for (unsigned i = 0; i < CALL_LEGS; i++)
		was_held[i] = call_is_held_by(call, i);
	(void)media_plan_take_remote(call, index, offer, true);
	for (unsigned i = 0; i < CALL_LEGS; i++)
		media_modify(switchboard, line, i);
	exchange_tell_changes(switchboard, line, was_held);
	exchange_answer_asker(switchboard, line, index);
}

/* Asks the other side by way for what leg index's peer asks for; offer NULL: he has none. */
static void relay_offer(struct switchboard *switchboard, struct line *line, unsigned index,
	const struct media_body *offer, enum way way)
{
	struct call *call = &line->call;
	struct leg *other = &call->legs[1 - index];

	other->is_offer_late = offer == NULL;
	if (offer != NULL)
		switchboard->warning = media_plan_offer(call, 1 - index, offer);
	if (switchboard->warning != NULL) {
		exchange_refuse(switchboard, line, index, offer, 488);
		return;
	}
	call->exchange = CALL_EXCHANGE_RELAYED;
	call->exchange_from = (uint8_t)index;
	other->negotiation.glare_count = 0;
	other->challenges = 0;
	exchange_step(switchboard, line, 1 - index,
		way == WAY_UPDATE ? NEGOTIATION_EVENT_ORDER_UPDATE : NEGOTIATION_EVENT_ORDER_OFFER);
}

/* Does what can be done now for the request of leg index's peer that is kept. */
void exchange_ask(struct switchboard *switchboard, struct line *line, unsigned index)
{
	struct call *call = &line->call;
	enum way way = way_to(call, index);
	struct sip_message request;
	struct media_body offer;
	bool has_offer;

	if (!legs_read(call->legs[index].negotiation.asked, &request)) {
		exchange_reject(switchboard, line, index, 500);
		return;
	}
	if (way == WAY_NONE && request.method == SIP_METHOD_PRACK)
		way = WAY_ALONE; /* it has to be accepted */
	if (way == WAY_NONE) {
		exchange_reject(switchboard, line, index, 491);
		return;
	}
	if (way == WAY_LATER) {
		call->exchange = CALL_EXCHANGE_WAITING;
		call->exchange_from = (uint8_t)index;
		return;
	}
	has_offer = leg_has_sdp(&request);
	switchboard->warning = has_offer ? media_body_read(request.body, &offer) : NULL;
	if (has_offer && switchboard->warning == NULL)
		switchboard->warning = media_plan_misfit(call, index, &offer);
	if (switchboard->warning != NULL)
		exchange_refuse(switchboard, line, index, NULL, 488);
	else if (way == WAY_ALONE)
		exchange_answer_alone(switchboard, line, index, &offer);
	else
		relay_offer(switchboard, line, index, has_offer ? &offer : NULL, way);
}

void exchange_resume(struct switchboard *switchboard, struct line *line)
{
	struct call *call = &line->call;
	unsigned asker = call->exchange_from;

	call->exchange = CALL_EXCHANGE_NONE;
	if (call->legs[asker].negotiation.state == NEGOTIATION_OFFER_RECEIVED)
		exchange_ask(switchboard, line, asker);
}

void exchange_forget_dialog(struct switchboard *switchboard, struct line *line, unsigned index)
{
	struct call *call = &line->call;
	bool is_asker = call->exchange_from == index;

	wheel_stop(&switchboard->wheel, &line->pauses[index].timer);
	if (call->exchange == CALL_EXCHANGE_RELAYED)
		/* Who asks is handed to the next dialog; who was asked agrees with us alone. */
		call->exchange = is_asker ? CALL_EXCHANGE_ORPHANED : CALL_EXCHANGE_WAITING;
	else if (call->exchange != CALL_EXCHANGE_WAITING || is_asker)
		call->exchange = CALL_EXCHANGE_NONE;
}
