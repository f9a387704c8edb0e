/* SPDX-License-Identifier: Apache-2.0 */
/*
 * PRACK (RFC 3262): ours for the called side's reliable 18x, and the caller's for ours.
 */
#include "call/fork.h"
#include "call/outcome.h"
#include "leg/cause.h"
#include "leg/screen.h"
#include "sip/rack.h"
#include "switchboard/early.h"
#include "switchboard/exchange.h"
#include "switchboard/state.h"

void prack_send(struct switchboard *switchboard, struct line *line, unsigned index, bool has_answer)
{
	struct leg *leg = &line->call.legs[index];
	const struct legs_outgoing prack = {
		.method = SIP_METHOD_PRACK,
		.body = has_answer ? legs_told(leg) : (struct span){0},
		.keep = &leg->negotiation.prack,
		.rack = {leg->negotiation.rseq, leg->invite_cseq, SIP_METHOD_INVITE},
	};

	/* The peer repeats its 18x, but we hear each only once: it will give the INVITE up. */
	if (legs_request(switchboard, line, index, &prack) != 0)
		switchboard->counts.refused_memory++;
}

/* Without the answer that our PRACK held the session can't be. */
static void lose_answer(struct switchboard *switchboard, struct line *line)
{
	struct event_release release;

	outcome_set(
		&release, 500, CAUSE_PROTOCOL_ERROR, EVENT_RELEASE_CALLEE, EVENT_DETAIL_PROTOCOL);
	switchboard->warning = "the called side refused an answer in PRACK";
	calls_clear(switchboard, line, CALL_ON_CLEAR, &release);
}

static bool holds_answer(struct leg_request *prack)
{
	struct sip_message message;

	return legs_read(prack, &message) && leg_has_sdp(&message);
}

/* The outcome of our PRACK in the dialog in use. message NULL: none came. */
static void take_outcome(struct switchboard *switchboard, struct line *line, unsigned index,
	const struct sip_message *message)
{
	struct leg *leg = &line->call.legs[index];
	struct span uri = dialog_span(&leg->dialog, leg->dialog.remote_target);
	bool is_answer = holds_answer(leg->negotiation.prack);

	call_drop_request(&line->call, &leg->negotiation.prack);
	if (message != NULL && message->status < 300)
		return;
	if (message != NULL && auth_answer(switchboard, leg, message, SIP_METHOD_PRACK, uri))
		prack_send(switchboard, line, index, is_answer);
	else if (is_answer)
		lose_answer(switchboard, line);
	/* else the peer knows what it doesn't know */
}

static bool is_of(transaction_id id, const struct leg_request *request)
{
	return request != NULL && request->transaction == id;
}

bool prack_outcome(struct switchboard *switchboard, struct line *line, unsigned index,
	transaction_id id, const struct sip_message *message)
{
	struct leg *leg = &line->call.legs[index];
	struct leg_fork *fork = leg->forks;

	if (message != NULL && message->status < 200)
		return false;
	if (is_of(id, leg->negotiation.prack)) {
		take_outcome(switchboard, line, index, message);
		return true;
	}
	while (fork != NULL && !is_of(id, fork->negotiation.prack))
		fork = fork->next;
	if (fork == NULL)
		return false;
	call_swap_fork(leg, fork);
	take_outcome(switchboard, line, index, message);
	call_swap_fork(leg, fork);
	return true;
}

/* True if the PRACK is for the reliable 18x that is out, or was when the final response went. */
static bool is_awaited(const struct leg *leg, const struct sip_rack *rack)
{
	return leg->reliable.state != RELIABLE_IDLE && rack->rseq == leg->reliable.rseq &&
	       rack->cseq == leg->peer_cseq && rack->method == SIP_METHOD_INVITE;
}

bool prack_is_awaited(const struct leg *leg, const struct sip_message *prack)
{
	struct sip_rack rack;

	return sip_rack_read(prack, &rack) == 0 && is_awaited(leg, &rack);
}

/* The PRACK acknowledges and holds an offer: it is answered when that is. */
static void take_offer(struct switchboard *switchboard,
	const struct transaction_indication *request, struct line *line, unsigned index)
{
	struct leg *leg = &line->call.legs[index];

	switchboard->reject_status = 491;
	/* What the state refuses isn't acknowledged either: he may say it again without. */
	if (leg->reliable.state == RELIABLE_LATE ||
		(leg->negotiation.state != NEGOTIATION_IDLE &&
			leg->negotiation.state != NEGOTIATION_EARLY_ANSWERED)) {
		request_answer_status(switchboard, request, 491, 0);
		return;
	}
	progress_step(switchboard, line, index, RELIABLE_EVENT_PRACKED);
	exchange_step(switchboard, line, index, NEGOTIATION_EVENT_PRACK_OFFERED);
}

void prack_receive(struct switchboard *switchboard, const struct transaction_indication *request,
	struct line *line, unsigned index)
{
	struct leg *leg = &line->call.legs[index];
	bool has_sdp = leg_has_sdp(request->message);
	struct leg_reply reply = {.status = 200};
	struct sip_rack rack;

	if (sip_rack_read(request->message, &rack) != 0) {
		reply = (struct leg_reply){
			.status = 400, .warning = "RAck is missing or malformed"};
	} else if (!is_awaited(leg, &rack)) {
		reply.status = 481;
	} else if (leg->negotiation.state == NEGOTIATION_EARLY_OFFERED && !has_sdp) {
		reply = (struct leg_reply){
			.status = 400, .warning = "PRACK lacks the answer to our offer"};
	} else if (leg->negotiation.state != NEGOTIATION_EARLY_OFFERED && has_sdp) {
		take_offer(switchboard, request, line, index);
		return;
	}
	receive_answer(switchboard, request->id, request->message, request->flow, &reply);
	if (reply.status != 200)
		return;
	if (leg->reliable.state != RELIABLE_LATE)
		exchange_step(switchboard, line, index, NEGOTIATION_EVENT_PRACKED);
	/* The answer may have ended the call. */
	if (leg->reliable.state != RELIABLE_IDLE)
		progress_step(switchboard, line, index, RELIABLE_EVENT_PRACKED);
}
