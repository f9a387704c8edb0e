/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Requests of peers inside a dialog, and ACKs.
 */
#include "call/fork.h"
#include "call/outcome.h"
#include "leg/allow.h"
#include "leg/cause.h"
#include "leg/screen.h"
#include "switchboard/early.h"
#include "switchboard/exchange.h"
#include "switchboard/info.h"
#include "switchboard/session.h"
#include "switchboard/usage.h"

enum {
	UPDATE_RETRY_S = 2, /* RFC 3311 5.2: 0 to 10 s */
};

/* The early dialog that isn't in use and that the message belongs to, or NULL. */
static struct leg_fork *find_fork(const struct leg *leg, const struct sip_message *message)
{
	struct leg_fork *fork = leg->forks;

	while (fork != NULL && !dialog_matches(&fork->dialog, message))
		fork = fork->next;
	return fork;
}

struct leg *request_find_leg(const struct switchboard *switchboard,
	const struct sip_message *message, struct span our_tag, struct line **ret_line,
	unsigned *ret_index)
{
	struct table_node *node;

	for (node = table_find(switchboard->by_tag, our_tag.text, our_tag.length); node != NULL;
		node = table_find_next(node)) {
		struct line_tag *tag = td_container_of(node, struct line_tag, node);
		struct leg *leg = &tag->line->call.legs[tag->leg_index];

		if (!dialog_matches(&leg->dialog, message) && find_fork(leg, message) == NULL)
			continue;
		*ret_line = tag->line;
		*ret_index = tag->leg_index;
		return leg;
	}
	return NULL;
}

static void take_bye(struct switchboard *switchboard, struct line *line, unsigned index,
	const struct sip_message *bye)
{
	struct event_release release;
	uint16_t cause = cause_from_message(bye);

	outcome_set(&release, 200, cause != CAUSE_NONE ? cause : CAUSE_NORMAL,
		index == CALL_CALLER ? EVENT_RELEASE_CALLER : EVENT_RELEASE_CALLEE,
		EVENT_DETAIL_HANGUP);
	if (line->call.legs[index].answer_ms == 0) {
		release.sip_status = 487;
		release.detail = EVENT_DETAIL_CANCEL;
	}
	legs_release(switchboard, line, index, &release);
	legs_step(switchboard, line, index, LEG_EVENT_HUNG_UP);
}

/* True if offers of the peer are the negotiation's to judge; while an answer of ours, or to ours,
 * waits for its ACK they are too early. */
static bool can_negotiate(const struct leg *leg)
{
	return leg->state == LEG_ACTIVE || leg_is_early(leg);
}

static void take_reinvite(struct switchboard *switchboard,
	const struct transaction_indication *request, struct line *line, unsigned index)
{
	struct leg *leg = &line->call.legs[index];

	request_answer_status(switchboard, request, 100, 0);
	switchboard->reject_status = 491; /* of an offer of ours that it overtakes */
	if (!sessions_admit_refresh(switchboard, request, leg))
		return;
	if (can_negotiate(leg))
		exchange_step(switchboard, line, index, NEGOTIATION_EVENT_INVITED);
	else if (leg_is_over(leg) || leg->state == LEG_ENDING || leg->state == LEG_PARTING)
		request_answer_status(switchboard, request, 481, 0);
	else
		request_answer_status(switchboard, request, 491, 0); /* the ACK isn't there */
}

static void take_update(struct switchboard *switchboard,
	const struct transaction_indication *request, struct line *line, unsigned index)
{
	struct leg *leg = &line->call.legs[index];
	struct leg_reply reply = {.status = 200, .has_allow = true};

	switchboard->reject_status = 491; /* of an offer of ours that it overtakes */
	if (leg->state == LEG_ACTIVE && !sessions_admit_refresh(switchboard, request, leg))
		return;
	if (leg_has_sdp(request->message)) {
		if (can_negotiate(leg))
			exchange_step(switchboard, line, index, NEGOTIATION_EVENT_UPDATED);
		else
			request_answer_status(switchboard, request, 500, UPDATE_RETRY_S);
		return;
	}
	if (dialog_refresh_target(&leg->dialog, request->message) != 0) {
		request_answer_status(switchboard, request, 500, UPDATE_RETRY_S);
		return;
	}
	reply.contact = dialog_span(&leg->dialog, leg->dialog.local_contact);
	if (leg->state == LEG_ACTIVE)
		sessions_answer(switchboard, line, index, &reply);
	receive_answer(switchboard, request->id, request->message, request->flow, &reply);
}

/* A request in the dialog in use. */
static void take_request(struct switchboard *switchboard,
	const struct transaction_indication *request, struct line *line, unsigned index)
{
	const struct sip_message *message = request->message;
	struct leg *leg = &line->call.legs[index];
	unsigned status = dialog_accept_request(&leg->dialog, message, request->flow);

	/* Overtaken by a later request, a PRACK still says what it says. */
	if (message->method == SIP_METHOD_PRACK && status == 500 && prack_is_awaited(leg, message))
		status = 0;
	if (status != 0) {
		request_answer_status(switchboard, request, status, 0);
		return;
	}
	leg_allow_learn(message, &leg->peer_methods);
	if (message->method == SIP_METHOD_BYE)
		take_bye(switchboard, line, index, message);
	else if (message->method == SIP_METHOD_INVITE)
		take_reinvite(switchboard, request, line, index);
	else if (message->method == SIP_METHOD_UPDATE)
		take_update(switchboard, request, line, index);
	else if (message->method == SIP_METHOD_PRACK)
		prack_receive(switchboard, request, line, index);
	else if (message->method == SIP_METHOD_INFO)
		infos_take(switchboard, request, line, index);
	else
		request_answer_options(switchboard, request);
}

/* A BYE in one of several early dialogs ends that one alone. */
static void end_fork(struct switchboard *switchboard, const struct transaction_indication *request,
	struct line *line, unsigned index)
{
	request_answer_status(switchboard, request, 200, 0);
	forks_end(switchboard, line, index);
}

/* A request in an early dialog that isn't in use. One with an offer puts it into use: media follow
 * the fork that speaks last. */
static void take_in_fork(struct switchboard *switchboard,
	const struct transaction_indication *request, struct line *line, unsigned index,
	struct leg_fork *fork)
{
	struct leg *leg = &line->call.legs[index];
	bool has_offer =
		request->message->method == SIP_METHOD_UPDATE && leg_has_sdp(request->message);

	if (has_offer && !forks_can_switch(line, index)) {
		request_answer_status(switchboard, request, 500, UPDATE_RETRY_S);
		return;
	}
	if (request->message->method == SIP_METHOD_BYE) {
		request_answer_status(switchboard, request, 200, 0);
		call_drop_fork(&line->call, index, fork);
		return;
	}
	call_swap_fork(leg, fork);
	take_request(switchboard, request, line, index);
	if (!has_offer)
		call_swap_fork(leg, fork);
}

void request_in_dialog(
	struct switchboard *switchboard, const struct transaction_indication *request)
{
	const struct sip_message *message = request->message;
	struct leg_screening screening;
	struct line *line = NULL;
	unsigned index = 0;
	struct leg_fork *fork;
	struct leg *leg;

	if (usages_in_dialog(switchboard, request))
		return;
	leg = request_find_leg(switchboard, message, message->to.tag, &line, &index);
	if (leg == NULL) {
		switchboard->counts.unmatched++;
		request_answer_status(switchboard, request, 481, 0);
		return;
	}
	leg_screen_in_dialog(message, legs_options(switchboard, leg), &screening);
	if (screening.status != 0) {
		request_answer_screening(switchboard, request, &screening);
		return;
	}
	switchboard_mark(switchboard, line);
	fork = find_fork(leg, message);
	if (fork != NULL)
		take_in_fork(switchboard, request, line, index, fork);
	else if (message->method == SIP_METHOD_BYE && leg->forks != NULL && leg_is_early(leg))
		end_fork(switchboard, request, line, index);
	else
		take_request(switchboard, request, line, index);
}

void request_ack(struct switchboard *switchboard, const struct transaction_indication *ack)
{
	struct line *line = NULL;
	unsigned index = 0;
	struct leg *leg =
		request_find_leg(switchboard, ack->message, ack->message->to.tag, &line, &index);

	if (leg == NULL || leg->peer_cseq != ack->message->cseq.number || leg_is_early(leg)) {
		switchboard->counts.unmatched++;
		return;
	}
	if (leg->state == LEG_ANSWERED || leg->state == LEG_PARTING)
		legs_step(switchboard, line, index, LEG_EVENT_ACKNOWLEDGED);
	else
		exchange_step(switchboard, line, index, NEGOTIATION_EVENT_ACKNOWLEDGED);
}
