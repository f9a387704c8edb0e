/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Carries out what the leg machine decides: builds the messages and tells the call.
 */
#include "call/outcome.h"
#include "call/record.h"
#include "leg/allow.h"
#include "leg/cause.h"
#include "leg/screen.h"
#include "switchboard/state.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

enum {
	CALLER_HEADERS_BYTES = 16384, /* Identity, History-Info and rules may be long */
};

bool legs_read_pending(const struct leg *leg, struct sip_message *ret_message)
{
	struct sip_parse_error error;

	/* Parsed once before: a second time changes no byte. */
	return leg->pending.bytes != NULL &&
	       sip_message_parse(
		       leg->pending.bytes, leg->pending.length, false, ret_message, &error) == 0;
}

void legs_release(struct switchboard *switchboard, struct line *line, unsigned index,
	const struct event_release *release)
{
	struct leg *leg = &line->call.legs[index];

	if (leg->release.by != EVENT_RELEASE_NONE)
		return;
	leg->release = *release;
	if (leg->release.reason[0] == '\0')
		event_text_set(leg->release.reason, sizeof(leg->release.reason),
			cause_text(release->q850), strlen(cause_text(release->q850)));
	switchboard_mark(switchboard, line);
}

void legs_forget_dialog(struct switchboard *switchboard, struct line *line, unsigned index)
{
	table_remove(switchboard->by_tag, &line->tags[index].node);
	if (index == CALL_CALLER)
		table_remove(switchboard->by_origin, &line->by_origin);
}

bool legs_respond(struct switchboard *switchboard, struct line *line, unsigned index,
	struct leg_reply *reply, bool has_body)
{
	struct leg *leg = &line->call.legs[index];
	struct sip_message request;
	int length;
	bool is_sent;

	if (!legs_read_pending(leg, &request))
		return false;
	if (reply->status > 100)
		reply->to_tag = dialog_span(&leg->dialog, leg->dialog.local_tag);
	if (reply->status > 100 && reply->status < 300)
		reply->contact = dialog_span(&leg->dialog, leg->dialog.local_contact);
	if (has_body)
		reply->body = (struct span){leg->local_sdp, leg->local_sdp_length};
	reply->server = switchboard_user_agent(switchboard);
	length = leg_build_reply(switchboard->buffer, sizeof(switchboard->buffer), &request,
		&leg->pending.flow.remote, reply);
	is_sent = length > 0 &&
		  transaction_respond(switchboard->transactions, leg->pending.transaction,
			  reply->status, (struct span){switchboard->buffer, (uint32_t)length},
			  switchboard->now.mono_ms) == 0;
	switchboard->counts.unmatched += !is_sent;
	/* A refusal of the first INVITE is kept until the peer has it. */
	if (reply->status >= 200 && leg->state != LEG_ANSWERED && leg->state != LEG_PARTING &&
		(leg->refused_status == 0 || !is_sent) &&
		(reply->status >= 300 || leg->pending.is_update))
		call_clear_pending(&line->call, index);
	return is_sent;
}

/* Adds what a request of ours inside the dialog carries beyond its head. */
static void build_extras(struct switchboard *switchboard, const struct leg *leg,
	enum sip_method method, struct sip_builder *builder)
{
	if (switchboard->authorization[0] != '\0') {
		sip_build_header(builder,
			switchboard->is_proxy_authorization ? SIP_HEADER_PROXY_AUTHORIZATION
							    : SIP_HEADER_AUTHORIZATION,
			span_from(switchboard->authorization));
		switchboard->authorization[0] = '\0';
	}
	if (method == SIP_METHOD_BYE)
		cause_build_reason(builder, leg->release.q850);
	if (method == SIP_METHOD_INVITE)
		leg_allow_build(builder, 0);
	sip_build_header(builder, SIP_HEADER_USER_AGENT, switchboard_user_agent(switchboard));
}

/* Where a request of the dialog goes. Its peer may ask for another transport than it came by: then
 * ours must have a listener of that one, which the Via names. */
static struct sip_flow next_hop_of(const struct switchboard *switchboard, const struct leg *leg)
{
	struct sip_flow hop = dialog_next_hop(&leg->dialog);

	if (hop.transport != leg->dialog.flow.transport &&
		trunk_local_end(switchboard->trunks, &hop) != 0)
		return leg->dialog.flow; /* it was heard from there */
	return hop;
}

int legs_request(struct switchboard *switchboard, struct line *line, unsigned index,
	enum sip_method method, transaction_id *ret_id)
{
	struct leg *leg = &line->call.legs[index];
	struct sip_flow next_hop = next_hop_of(switchboard, leg);
	const struct transaction_options options = {.flow = &next_hop, .user = leg->leg_id};
	char branch[TRANSACTION_BRANCH_BYTES];
	const struct dialog_via via = {.branch = branch, .hop = &next_hop};
	struct sip_builder builder;
	struct span body = {0};
	int length;

	if (method == SIP_METHOD_INVITE && !leg->is_offer_late)
		body = (struct span){leg->local_sdp, leg->local_sdp_length};
	transaction_branch(switchboard->transactions, branch);
	sip_builder_init(&builder, switchboard->buffer, sizeof(switchboard->buffer));
	dialog_build_request_by(&leg->dialog, &builder, method, &via, 0);
	build_extras(switchboard, leg, method, &builder);
	length = sip_builder_finish(&builder, SPAN("application/sdp"), body);
	if (length <= 0)
		return length;
	return transaction_request(switchboard->transactions,
		(struct span){switchboard->buffer, (uint32_t)length}, &options,
		switchboard->now.mono_ms, ret_id);
}

bool legs_answer_in_ack(struct switchboard *switchboard, struct line *line, unsigned index)
{
	struct leg *leg = &line->call.legs[index];

	switchboard_mark(switchboard, line);
	leg->ack_cseq = leg->invite_cseq;
	return call_set_text(&line->call, &leg->ack_sdp, &leg->ack_sdp_length,
		       (struct span){leg->local_sdp, leg->local_sdp_length}) == 0;
}

void legs_acknowledge(
	struct switchboard *switchboard, struct line *line, unsigned index, uint32_t cseq)
{
	struct leg *leg = &line->call.legs[index];
	struct sip_flow next_hop = next_hop_of(switchboard, leg);
	char branch[TRANSACTION_BRANCH_BYTES];
	const struct dialog_via via = {.branch = branch, .hop = &next_hop};
	struct sip_builder builder;
	struct span body = {0};
	int length;

	if (leg->ack_sdp_length != 0 && cseq == leg->ack_cseq)
		body = (struct span){leg->ack_sdp, leg->ack_sdp_length};
	transaction_branch(switchboard->transactions, branch);
	sip_builder_init(&builder, switchboard->buffer, sizeof(switchboard->buffer));
	dialog_build_request_by(&leg->dialog, &builder, SIP_METHOD_ACK, &via, cseq);
	length = sip_builder_finish(&builder, SPAN("application/sdp"), body);
	if (length > 0)
		switchboard_send(switchboard, &next_hop, switchboard->buffer, (size_t)length);
	if (leg->times.ack_wall_ns == 0)
		leg->times.ack_wall_ns = switchboard->now.wall_ns;
}

static void send_ack(struct switchboard *switchboard, struct line *line, unsigned index)
{
	const struct sip_message *message = switchboard->message;
	uint32_t cseq = line->call.legs[index].invite_cseq;

	/* A repeated 2xx may belong to an earlier INVITE of ours. */
	if (message != NULL && message->status / 100 == 2 && message->method == SIP_METHOD_INVITE &&
		dialog_matches(&line->call.legs[index].dialog, message))
		cseq = message->cseq.number;
	legs_acknowledge(switchboard, line, index, cseq);
}

/* Sends the INVITE that begins the called leg, or repeats it with credentials. */
static void send_invite(struct switchboard *switchboard, struct line *line, unsigned index)
{
	struct call *call = &line->call;
	struct leg *leg = &call->legs[index];
	const struct transaction_options options = {
		.flow = &leg->dialog.flow,
		.user = leg->leg_id,
		.timer_b_ms = switchboard->config->sip.invite_timeout_ms,
	};
	struct leg_pending pending = {.flow = leg->dialog.flow};
	char branch[TRANSACTION_BRANCH_BYTES];
	char headers[CALLER_HEADERS_BYTES];
	struct leg_invite invite = {
		.dialog = &leg->dialog,
		.branch = branch,
		.max_forwards = call->max_forwards,
		.user_agent = callers_user_agent(switchboard, line),
	};
	int result;

	if (leg->invite_cseq != 0) {
		leg->dialog.local_cseq++;
	} else {
		leg->created_ms = switchboard->now.mono_ms;
		leg->times.invite_wall_ns = switchboard->now.wall_ns;
	}
	leg->invite_cseq = leg->dialog.local_cseq;
	if (!leg->is_offer_late)
		invite.body = (struct span){leg->local_sdp, leg->local_sdp_length};
	if (switchboard->authorization[0] != '\0')
		invite.authorization = switchboard->authorization;
	invite.is_proxy_authorization = switchboard->is_proxy_authorization;
	transaction_branch(switchboard->transactions, branch);
	result = callers_headers(switchboard, line, headers, sizeof(headers));
	if (result > 0)
		invite.headers = (struct span){headers, (uint32_t)result};
	else if (result < 0)
		switchboard->counts.unexpected++; /* the call is worth more than they are */
	result = leg_build_invite(switchboard->buffer, sizeof(switchboard->buffer), &invite);
	switchboard->authorization[0] = '\0';
	pending.bytes = switchboard->buffer;
	pending.length = result > 0 ? (uint32_t)result : 0;
	if (result > 0)
		result = call_set_pending(call, index, &pending);
	if (result == 0)
		result = transaction_request(switchboard->transactions,
			(struct span){leg->pending.bytes, leg->pending.length}, &options,
			switchboard->now.mono_ms, &leg->pending.transaction);
	if (result != 0) {
		struct event_release release;

		switchboard->counts.refused_memory++;
		outcome_set(&release, 503, CAUSE_RESOURCE_UNAVAILABLE, EVENT_RELEASE_SYSTEM,
			EVENT_DETAIL_INTERNAL);
		legs_release(switchboard, line, index, &release);
		legs_step(switchboard, line, index, LEG_EVENT_REFUSED);
	}
}

static void send_cancel(struct switchboard *switchboard, struct line *line, unsigned index)
{
	struct leg *leg = &line->call.legs[index];
	char reason[64];
	int length = snprintf(reason, sizeof(reason), "Q.850;cause=%u", leg->release.q850);
	int result = transaction_cancel(switchboard->transactions, leg->pending.transaction,
		leg->release.q850 != CAUSE_NONE ? (struct span){reason, (uint32_t)length}
						: (struct span){0},
		switchboard->now.mono_ms);

	/* -EALREADY: the final response is on its way up to us. */
	if (result == -ENOENT)
		legs_step(switchboard, line, index, LEG_EVENT_REFUSED);
}

/* Ends what a re-INVITE or UPDATE left open, so that BYE closes everything. */
static void close_negotiation(struct switchboard *switchboard, struct line *line, unsigned index)
{
	struct leg *leg = &line->call.legs[index];
	struct leg_reply reply = {.status = 487};

	if (leg->negotiation == NEGOTIATION_OFFER_RECEIVED)
		(void)legs_respond(switchboard, line, index, &reply, false); /* RFC 3261 15.1.2 */
	else if (leg->negotiation == NEGOTIATION_ANSWER_SENT)
		(void)transaction_acknowledged(/* gone is as good */
			switchboard->transactions, leg->pending.transaction);
	else if (leg->negotiation == NEGOTIATION_ACK_OWED)
		legs_acknowledge(switchboard, line, index, leg->invite_cseq);
	wheel_stop(&switchboard->wheel, &line->pauses[index].timer);
	leg->negotiation = NEGOTIATION_IDLE;
}

static void send_bye(struct switchboard *switchboard, struct line *line, unsigned index)
{
	transaction_id id;

	close_negotiation(switchboard, line, index);
	line->call.legs[index].challenges = 0;
	if (legs_request(switchboard, line, index, SIP_METHOD_BYE, &id) != 0) {
		switchboard->counts.refused_memory++;
		legs_step(switchboard, line, index, LEG_EVENT_CLOSED);
	}
}

static void send_refusal(
	struct switchboard *switchboard, struct line *line, unsigned index, unsigned status)
{
	struct leg *leg = &line->call.legs[index];
	struct leg_reply reply = {
		.status = status,
		.q850 = leg->release.q850,
		.warning = switchboard->warning,
		.retry_after_s = line->call.retry_after_s,
		.has_accept = status == 488,
	};

	switchboard->warning = NULL;
	leg->refused_status = (uint16_t)status;
	if (!legs_respond(switchboard, line, index, &reply, false))
		legs_step(switchboard, line, index, LEG_EVENT_CLOSED);
}

static void send_progress(struct switchboard *switchboard, struct line *line, unsigned index)
{
	struct leg *leg = &line->call.legs[index];
	struct leg_reply reply = {.status = 100u + leg->provisional};
	struct leg_times *times = &leg->times;

	if (leg->first_18x_ms == 0) {
		leg->first_18x_ms = switchboard->now.mono_ms;
		times->first_18x_wall_ns = switchboard->now.wall_ns;
	}
	if (reply.status == 180 && times->t180_wall_ns == 0)
		times->t180_wall_ns = switchboard->now.wall_ns;
	if (switchboard->has_progress_body && times->early_media_wall_ns == 0)
		times->early_media_wall_ns = switchboard->now.wall_ns;
	(void)legs_respond(switchboard, line, index, &reply, switchboard->has_progress_body);
}

static void send_answer(struct switchboard *switchboard, struct line *line, unsigned index)
{
	struct leg *leg = &line->call.legs[index];
	struct leg_reply reply = {.status = 200, .has_allow = true};

	if (leg->answer_ms == 0) {
		leg->answer_ms = switchboard->now.mono_ms;
		leg->times.answer_wall_ns = switchboard->now.wall_ns;
	}
	leg->dialog.state = DIALOG_CONFIRMED;
	if (!legs_respond(switchboard, line, index, &reply, true))
		legs_step(switchboard, line, index, LEG_EVENT_ACK_MISSING);
}

static void stop_2xx(struct switchboard *switchboard, struct line *line, unsigned index)
{
	struct leg *leg = &line->call.legs[index];

	/* Gone already if the process restarted since: nothing repeats then. */
	(void)transaction_acknowledged(switchboard->transactions, leg->pending.transaction);
	call_clear_pending(&line->call, index);
	if (leg->times.ack_wall_ns == 0)
		leg->times.ack_wall_ns = switchboard->now.wall_ns;
}

static void accept_bye(struct switchboard *switchboard, struct line *line, unsigned index)
{
	const struct leg_reply reply = {.status = 200};

	receive_answer(switchboard, switchboard->transaction, switchboard->message,
		switchboard->flow, &reply);
	close_negotiation(switchboard, line, index);
}

static void perform(
	struct switchboard *switchboard, struct line *line, unsigned index, enum leg_action action)
{
	switch (action) {
	case LEG_DO_INVITE:
		send_invite(switchboard, line, index);
		break;
	case LEG_DO_CANCEL:
		send_cancel(switchboard, line, index);
		break;
	case LEG_DO_ACK:
		send_ack(switchboard, line, index);
		break;
	case LEG_DO_BYE:
		send_bye(switchboard, line, index);
		break;
	case LEG_DO_PROGRESS:
		send_progress(switchboard, line, index);
		break;
	case LEG_DO_ANSWER:
		send_answer(switchboard, line, index);
		break;
	case LEG_DO_REFUSE:
		send_refusal(switchboard, line, index, line->call.legs[index].release.sip_status);
		break;
	case LEG_DO_TERMINATE:
		send_refusal(switchboard, line, index, 487);
		break;
	case LEG_DO_ACCEPT_BYE:
		accept_bye(switchboard, line, index);
		break;
	case LEG_DO_STOP_2XX:
		stop_2xx(switchboard, line, index);
		break;
	case LEG_TELL_PROGRESS:
		calls_progress(switchboard, line);
		break;
	case LEG_TELL_ANSWERED:
		calls_answered(switchboard, line);
		break;
	case LEG_TELL_CONFIRMED:
		calls_confirmed(switchboard, line);
		break;
	case LEG_TELL_REFUSED:
		calls_refused(switchboard, line);
		break;
	case LEG_TELL_GONE:
		calls_gone(switchboard, line, index);
		break;
	case LEG_TELL_INVITED: /* admission goes on in the caller's function */
	case LEG_ACTION_NONE:
	default:
		break;
	}
}

void legs_step(
	struct switchboard *switchboard, struct line *line, unsigned index, enum leg_event event)
{
	struct leg *leg = &line->call.legs[index];
	struct leg_actions actions;

	if (leg_step(leg, event, &actions) != 0) {
		switchboard->counts.unexpected++;
		return;
	}
	switchboard_mark(switchboard, line);
	if (leg_is_settled(leg) && leg->leg_id != 0)
		record_note_end(leg, &switchboard->now);
	if (leg->state == LEG_ENDED)
		legs_forget_dialog(switchboard, line, index);
	for (unsigned i = 0; i < actions.count; i++)
		perform(switchboard, line, index, (enum leg_action)actions.list[i]);
}
