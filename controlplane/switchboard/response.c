/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Responses to our requests, and requests that never got one.
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
#include "switchboard/state.h"

#include <errno.h>
#include <string.h>

/* Writes a request of a dialog without a leg into the buffer. */
static struct span build_stray(struct switchboard *switchboard, struct dialog *dialog,
	enum sip_method method, uint32_t cseq_for_ack)
{
	char branch[TRANSACTION_BRANCH_BYTES];
	struct sip_builder builder;
	int length;

	sip_builder_init(&builder, switchboard->buffer, sizeof(switchboard->buffer));
	transaction_branch(switchboard->transactions, branch);
	dialog_build_request(dialog, &builder, method, branch, cseq_for_ack);
	if (method == SIP_METHOD_BYE)
		cause_build_reason(&builder, CAUSE_NORMAL);
	length = sip_builder_finish(&builder, SPAN(""), SPAN(""));
	return (struct span){switchboard->buffer, length > 0 ? (uint32_t)length : 0};
}

static void end_stray(struct switchboard *switchboard, struct dialog *dialog, uint32_t invite_cseq)
{
	struct sip_flow next_hop = dialog_next_hop(dialog);
	const struct transaction_options options = {.flow = &next_hop};
	struct span bytes = build_stray(switchboard, dialog, SIP_METHOD_ACK, invite_cseq);
	transaction_id id;

	if (bytes.length != 0)
		switchboard_send(switchboard, &next_hop, bytes.text, bytes.length);
	bytes = build_stray(switchboard, dialog, SIP_METHOD_BYE, 0);
	if (bytes.length != 0 && transaction_request(switchboard->transactions, bytes, &options,
					 switchboard->now.mono_ms, &id) != 0)
		switchboard->counts.refused_memory++;
}

void response_reject_2xx(struct switchboard *switchboard, const struct sip_message *response,
	const struct sip_flow *flow)
{
	struct dialog dialog;
	char contact[LEG_CONTACT_BYTES];
	const struct dialog_identity identity = {
		.heap = &switchboard->heap,
		.call_id = response->call_id,
		.local_tag = response->from.tag,
		.local_uri = response->from.uri.text,
		.remote_uri = response->to.uri.text,
		.remote_target = response->contact.uri.text.length != 0 ? response->contact.uri.text
									: response->to.uri.text,
		.local_contact = leg_contact(flow, SIP_SCHEME_SIP, contact),
	};

	switchboard->counts.unmatched++;
	if (dialog_init_uac(&dialog, &identity, response->cseq.number, flow) != 0)
		return;
	/* Without a Contact there is no way to reach it. */
	if (dialog_accept_response(&dialog, response, flow) == 0)
		end_stray(switchboard, &dialog, response->cseq.number);
	dialog_fini(&dialog);
}

/* Puts the dialog of the fork that answers into use; what was half agreed with another goes on
 * with it. */
static int choose_fork(struct switchboard *switchboard, struct line *line, unsigned index,
	const struct sip_message *message)
{
	struct call *call = &line->call;
	struct leg_fork *former;
	int result = forks_enter(line, index, message->to.tag, &former);

	if (result == -ENOSPC) { /* an answer is worth more than ringing */
		call_drop_fork(call, index, call->legs[index].forks);
		result = forks_enter(line, index, message->to.tag, &former);
	}
	if (result == 0 && former != NULL)
		exchange_forget_dialog(switchboard, line, index);
	return result;
}

/* The first 2xx to our first INVITE. */
static void take_answer(struct switchboard *switchboard, struct line *line, unsigned index,
	const struct transaction_indication *response)
{
	struct leg *leg = &line->call.legs[index];
	struct event_release release;

	if (choose_fork(switchboard, line, index, response->message) != 0 ||
		dialog_accept_response(&leg->dialog, response->message, response->flow) != 0) {
		response_reject_2xx(switchboard, response->message, response->flow);
		outcome_set(&release, 502, CAUSE_PROTOCOL_ERROR, EVENT_RELEASE_NETWORK,
			EVENT_DETAIL_PROTOCOL);
		legs_release(switchboard, line, index, &release);
		legs_step(switchboard, line, index, LEG_EVENT_REFUSED);
		return;
	}
	call_drop_forks(&line->call, index);
	call_drop_request(&line->call, &leg->invite);
	leg_allow_learn(response->message, &leg->peer_methods);
	sessions_accepted(switchboard, line, index, response->message);
	leg->answer_ms = switchboard->now.mono_ms;
	leg->times.answer_wall_ns = switchboard->now.wall_ns;
	legs_step(switchboard, line, index,
		leg->is_offer_late && leg_has_sdp(response->message) &&
				leg->negotiation.state == NEGOTIATION_FIRST_SENT
			? LEG_EVENT_COUNTERED
			: LEG_EVENT_ACCEPTED);
	exchange_step(switchboard, line, index, NEGOTIATION_EVENT_CONNECTED);
}

static void take_2xx(struct switchboard *switchboard, struct line *line, unsigned index,
	const struct transaction_indication *response)
{
	struct leg *leg = &line->call.legs[index];
	const struct sip_message *message = response->message;
	bool is_current = message->cseq.number == leg->invite_cseq;

	/* Another fork, or one that answers when we have given it up. */
	if ((leg->dialog.state != DIALOG_EARLY && !dialog_matches(&leg->dialog, message)) ||
		(leg->state == LEG_ENDED && leg->answer_ms == 0)) {
		response_reject_2xx(switchboard, message, response->flow);
		return;
	}
	if (leg->is_uac && leg->answer_ms == 0 && is_current) {
		take_answer(switchboard, line, index, response);
		return;
	}
	if (leg->state == LEG_ACTIVE && is_current &&
		leg->negotiation.state == NEGOTIATION_OFFER_SENT)
		offer_accepted(switchboard, line, index, message);
	else if (leg->negotiation.state != NEGOTIATION_ACK_OWED || !is_current)
		legs_step(switchboard, line, index, LEG_EVENT_ACCEPTED);
	/* else a repeat: the ACK will stop it */
}

/* A final refusal of our first INVITE; message NULL: none came, and status stands for it. */
static void take_refusal(struct switchboard *switchboard, struct line *line, unsigned index,
	const struct sip_message *message, unsigned status)
{
	struct call *call = &line->call;
	struct leg *leg = &call->legs[index];
	struct span uri = dialog_span(&leg->dialog, leg->dialog.remote_target);
	struct event_release release;

	if (message != NULL && (auth_answer(switchboard, leg, message, SIP_METHOD_INVITE, uri) ||
				       sessions_lengthen(leg, message))) {
		legs_step(switchboard, line, index, LEG_EVENT_CHALLENGED);
		return;
	}
	call_drop_request(call, &leg->invite);
	if (message != NULL)
		outcome_of_response(message, &release);
	else
		outcome_set(&release, status, cause_from_status(status), EVENT_RELEASE_NETWORK,
			status == 408 ? EVENT_DETAIL_NO_RESPONSE : EVENT_DETAIL_TRANSPORT);
	legs_release(switchboard, line, index, &release);
	legs_step(switchboard, line, index, LEG_EVENT_REFUSED);
}

/* True if the transaction is that of the request. */
static bool is_of(transaction_id id, const struct leg_request *request)
{
	return request != NULL && request->transaction == id;
}

static void take_invite_response(struct switchboard *switchboard,
	const struct transaction_indication *response, struct line *line, unsigned index)
{
	const struct sip_message *message = response->message;
	const struct leg *leg = &line->call.legs[index];

	trunks_answered(switchboard, line, index, response);
	if (message->status < 200)
		provisional_take(switchboard, line, index, response);
	else if (message->status < 300)
		take_2xx(switchboard, line, index, response);
	else if (is_of(response->id, leg->invite))
		take_refusal(switchboard, line, index, message, message->status);
	else if (is_of(response->id, leg->negotiation.sent))
		offer_refused(switchboard, line, index, message, message->status);
}

static void take_bye_response(struct switchboard *switchboard,
	const struct transaction_indication *response, struct line *line, unsigned index)
{
	struct leg *leg = &line->call.legs[index];
	struct span uri = dialog_span(&leg->dialog, leg->dialog.remote_target);
	const struct legs_outgoing bye = {.method = SIP_METHOD_BYE, .keep = &leg->negotiation.sent};

	if (response->message->status < 200 || !is_of(response->id, leg->negotiation.sent))
		return;
	if (auth_answer(switchboard, leg, response->message, SIP_METHOD_BYE, uri) &&
		legs_request(switchboard, line, index, &bye) == 0)
		return;
	call_drop_request(&line->call, &leg->negotiation.sent);
	legs_step(switchboard, line, index, LEG_EVENT_CLOSED);
}

void response_for_leg(struct switchboard *switchboard,
	const struct transaction_indication *response, struct line *line, unsigned index)
{
	switchboard_mark(switchboard, line);
	if (sessions_response(switchboard, response, line, index) ||
		infos_response(switchboard, response, line, index))
		return;
	if (response->message->method == SIP_METHOD_INVITE)
		take_invite_response(switchboard, response, line, index);
	else if (response->message->method == SIP_METHOD_PRACK)
		(void)prack_outcome(/* of one that was replaced: old news */
			switchboard, line, index, response->id, response->message);
	else if (response->message->method == SIP_METHOD_UPDATE)
		offer_update_response(switchboard, line, index, response);
	else if (response->message->method == SIP_METHOD_BYE)
		take_bye_response(switchboard, response, line, index);
	/* CANCEL's own answer means nothing. */
}

void response_confirmed(struct switchboard *switchboard, struct line *line, unsigned index)
{
	if (line->call.legs[index].refused_status == 0)
		return; /* of a re-INVITE */
	call_drop_request(&line->call, &line->call.legs[index].invite);
	legs_step(switchboard, line, index, LEG_EVENT_CLOSED);
}

/* The transaction of the first INVITE came to nothing. */
static void first_missing(
	struct switchboard *switchboard, unsigned status, struct line *line, unsigned index)
{
	struct leg *leg = &line->call.legs[index];

	if (leg->refused_status != 0) {
		response_confirmed(switchboard, line, index); /* told often enough */
	} else if (leg->state == LEG_ANSWERED || leg->state == LEG_PARTING) {
		legs_step(switchboard, line, index, LEG_EVENT_ACK_MISSING);
	} else if (!leg->is_uac && leg_is_early(leg) && status == 408) {
		progress_step(switchboard, line, index, RELIABLE_EVENT_EXPIRED);
	} else if (leg->is_uac && leg_is_early(leg)) {
		if (leg->first_18x_ms == 0)
			trunks_tell(
				switchboard, leg->trunk, &leg->invite->flow, TRUNK_CALL_UNANSWERED);
		take_refusal(switchboard, line, index, NULL, status);
	}
}

void response_missing(struct switchboard *switchboard, transaction_id id, unsigned status,
	struct line *line, unsigned index)
{
	struct leg *leg = &line->call.legs[index];
	const struct leg_request *sent = leg->negotiation.sent;

	switchboard_mark(switchboard, line);
	if (sessions_missing(switchboard, id, line, index) ||
		infos_missing(switchboard, id, line, index))
		return;
	if (is_of(id, leg->invite)) {
		first_missing(switchboard, status, line, index);
	} else if (is_of(id, sent) && sent->method == SIP_METHOD_BYE) {
		call_drop_request(&line->call, &leg->negotiation.sent);
		legs_step(switchboard, line, index, LEG_EVENT_CLOSED);
	} else if (prack_outcome(switchboard, line, index, id, NULL)) {
		return;
	} else if (is_of(id, sent)) {
		offer_refused(switchboard, line, index, NULL, status);
	} else if (is_of(id, leg->negotiation.asked) &&
		   leg->negotiation.state == NEGOTIATION_ANSWER_SENT) {
		call_drop_request(&line->call, &leg->negotiation.asked);
		exchange_step(switchboard, line, index, NEGOTIATION_EVENT_ACK_MISSING);
	}
}
