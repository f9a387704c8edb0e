/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Carries out what the negotiation machines decide: keeps and answers requests with offers, and
 * hands offers, answers and refusals on (exchange_ask.c, exchange_answer.c, offer.c).
 */
#include "switchboard/exchange.h"

#include "switchboard/early.h"
#include "switchboard/session.h"
#include "switchboard/state.h"

enum {
	TOO_SOON_RETRY_S = 5, /* RFC 3261 14.2: 0 to 10 s */
};

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
	exchange_ask(switchboard, line, index);
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
		if (legs_read(*asked, &request) && request.method != SIP_METHOD_PRACK &&
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
		exchange_take_answer(switchboard, line, index);
		break;
	case NEGOTIATION_TELL_REFUSED:
		exchange_take_refusal(switchboard, line, index);
		break;
	case NEGOTIATION_TELL_CONFIRMED:
		exchange_take_confirmation(switchboard, line, index);
		break;
	case NEGOTIATION_DO_PRACK:
		prack_send(switchboard, line, index, true);
		break;
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
