/* SPDX-License-Identifier: Apache-2.0 */
/*
 * How the simulated phones react to what Tandem sends.
 */
#include "leg/reply.h"
#include "leg/screen.h"
#include "simulation/calls/agent.h"
#include "simulation/calls/agent_parts.h"

#include <assert.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static void fault(struct agent_leg *leg, const char *what)
{
	leg->agent->faults++;
	(void)fprintf(stderr, "%llu: call %u, %s: %s\n",
		(unsigned long long)sim_net_now_ms(leg->agent->net), leg->plan->number,
		leg->agent->side == AGENT_CALLER ? "caller" : "callee", what);
}

static uint32_t number_of(struct span text)
{
	uint32_t number = 0;

	for (uint32_t i = 0; i < text.length; i++)
		if (text.text[i] >= '0' && text.text[i] <= '9')
			number = number * 10 + (uint32_t)(text.text[i] - '0');
	return number;
}

static struct agent_leg *find_number(struct agent *agent, struct span text)
{
	uint32_t number = number_of(text);
	uint32_t first = agent->count != 0 ? agent->plans[0].number : 0;

	if (number < first || number - first >= agent->count)
		return NULL;
	return &agent->legs[number - first];
}

struct agent_leg *agent_find_dialled(struct agent *agent, const struct sip_message *request)
{
	return find_number(
		agent, request->to.tag.length != 0 ? request->to.tag : request->request_uri.user);
}

static bool body_says(const struct sip_message *message, const char *word)
{
	return memmem(message->body.text, message->body.length, word, strlen(word)) != NULL;
}

static void reply_to(struct agent *agent, transaction_id id, const struct sip_message *request,
	const struct sip_flow *flow, struct leg_reply *reply)
{
	char bytes[4096];
	char contact[LEG_CONTACT_BYTES];
	int length;

	if (reply->status > 100 && reply->status < 300)
		reply->contact = leg_contact(flow, SIP_SCHEME_SIP, contact);
	length = leg_build_reply(bytes, sizeof(bytes), request, &flow->remote, reply);
	assert(length > 0 && "reply doesn't fit");
	if (transaction_respond(agent->transactions, id, reply->status,
		    (struct span){bytes, (uint32_t)length}, sim_net_now_ms(agent->net)) != 0)
		return; /* cancelled meanwhile */
}

/* Answers the INVITE that is kept. */
static void reply_to_invite(struct agent_leg *leg, unsigned status, struct span body)
{
	struct leg_reply reply = {.status = status, .to_tag = span_from(leg->tag), .body = body};
	struct sip_message request;
	struct sip_parse_error error;

	if (leg->request == NULL ||
		sip_message_parse(leg->request, leg->request_length, false, &request, &error) != 0)
		return;
	reply_to(leg->agent, leg->invite, &request, &leg->request_flow, &reply);
}

static void answer(struct agent_leg *leg)
{
	char text[1024];

	if (leg->state != AGENT_RINGING)
		return;
	leg->state = AGENT_WAITING;
	reply_to_invite(leg, 200, agent_body(leg, "sendrecv", text, sizeof(text)));
}

static void ring(struct agent_leg *leg)
{
	char text[1024];

	if (leg->state != AGENT_RINGING)
		return;
	if (leg->plan->outcome == AGENT_BUSY) {
		reply_to_invite(leg, 486, SPAN(""));
		leg->final_status = 486;
		agent_over(leg);
		return;
	}
	if (leg->plan->has_early_media && !leg->plan->is_offer_late)
		reply_to_invite(leg, 183, agent_body(leg, "sendrecv", text, sizeof(text)));
	else
		reply_to_invite(leg, 180, SPAN(""));
	if (leg->plan->outcome == AGENT_ANSWER || leg->plan->outcome == AGENT_CANCEL)
		agent_later(leg, leg->plan->answer_ms, answer);
}

static void take_call(struct agent_leg *leg, const struct transaction_indication *invite)
{
	char contact[LEG_CONTACT_BYTES];
	struct dialog_half half = {
		.heap = &leg->agent->heap,
		.local_tag = span_from(leg->tag),
		.local_contact = leg_contact(invite->flow, SIP_SCHEME_SIP, contact),
	};

	if (leg->state != AGENT_IDLE) {
		struct leg_reply reply = {.status = 482};

		reply_to(leg->agent, invite->id, invite->message, invite->flow, &reply);
		return;
	}
	if (leg_has_sdp(invite->message) == leg->plan->is_offer_late)
		fault(leg, "offer isn't where it should be");
	leg->state = AGENT_RINGING;
	leg->invite = invite->id;
	leg->request_flow = *invite->flow;
	leg->request_length = invite->message->bytes.length;
	leg->request = malloc(leg->request_length);
	assert(leg->request != NULL && "no memory for the test");
	memcpy(leg->request, invite->message->bytes.text, leg->request_length);
	if (dialog_init_uas(&leg->dialog, invite->message, &half, invite->flow) != 0)
		abort();
	leg->has_dialog = true;
	(void)transaction_set_user(
		leg->agent->transactions, invite->id, (uint64_t)(leg - leg->agent->legs) + 1);
	agent_later(leg, leg->plan->ring_ms, ring);
}

static void take_reinvite(struct agent_leg *leg, const struct transaction_indication *invite)
{
	const struct sip_message *message = invite->message;
	struct leg_reply reply = {.status = 200};
	char text[1024];

	if (leg->state != AGENT_UP && leg->state != AGENT_ENDING) {
		reply.status = leg->state == AGENT_OVER ? 481 : 491;
	} else if (leg->is_offer_pending || leg->owes_ack_check) {
		leg->agent->glares++;
		reply.status = 491;
	} else {
		bool is_held = body_says(message, "a=sendonly");

		reply.body = agent_body(leg,
			is_held		     ? "recvonly"
			: leg->is_held_by_us ? "sendonly"
					     : "sendrecv",
			text, sizeof(text));
		leg->invite = invite->id;
		leg->owes_ack_check = true;
		(void)transaction_set_user(leg->agent->transactions, invite->id,
			(uint64_t)(leg - leg->agent->legs) + 1);
	}
	reply_to(leg->agent, invite->id, message, invite->flow, &reply);
}

static void take_request(struct agent *agent, const struct transaction_indication *request)
{
	const struct sip_message *message = request->message;
	struct agent_leg *leg = agent_find_dialled(agent, message);
	struct leg_reply reply = {.status = 481};
	unsigned status;

	if (message->method == SIP_METHOD_OPTIONS && message->to.tag.length == 0) {
		reply.status = 200;
	} else if (leg == NULL) {
		agent->faults++;
	} else if (message->to.tag.length == 0 && message->method == SIP_METHOD_INVITE) {
		take_call(leg, request);
		return;
	} else if (leg->has_dialog && dialog_matches(&leg->dialog, message)) {
		status = dialog_accept_request(&leg->dialog, message, request->flow);
		if (status != 0) {
			reply.status = status; /* overtaken by a later one */
		} else if (message->method == SIP_METHOD_INVITE) {
			take_reinvite(leg, request);
			return;
		} else if (message->method == SIP_METHOD_BYE) {
			reply.status = 200;
			reply_to(agent, request->id, message, request->flow, &reply);
			if (leg->state == AGENT_WAITING || leg->owes_ack_check)
				(void)transaction_acknowledged(agent->transactions, leg->invite);
			leg->lacks_answer = false; /* an ACK without it is followed by BYE */
			if (leg->state != AGENT_ENDING)
				agent_over(leg);
			return;
		}
	}
	reply_to(agent, request->id, message, request->flow, &reply);
}

static void take_ack(struct agent *agent, const struct transaction_indication *ack)
{
	struct agent_leg *leg = agent_find_dialled(agent, ack->message);

	if (leg == NULL || !leg->has_dialog || !dialog_matches(&leg->dialog, ack->message))
		return;
	(void)transaction_acknowledged(agent->transactions, leg->invite);
	leg->owes_ack_check = false;
	if (leg->state == AGENT_WAITING)
		agent_up(leg);
	leg->lacks_answer = agent->side == AGENT_CALLEE && leg->plan->is_offer_late &&
			    ack->message->cseq.number == 1 && !leg_has_sdp(ack->message);
}

/* A 2xx to the INVITE in progress. */
static void take_2xx(struct agent_leg *leg, const struct transaction_indication *response)
{
	const struct sip_message *message = response->message;
	char text[1024];

	if (leg->state == AGENT_INVITING) {
		if (dialog_accept_response(&leg->dialog, message, response->flow) != 0)
			fault(leg, "2xx without dialog");
		if (!leg_has_sdp(message))
			fault(leg, "2xx without session description");
		agent_acknowledge(leg, 1,
			leg->plan->is_offer_late ? agent_body(leg, "sendrecv", text, sizeof(text))
						 : SPAN(""));
		agent_up(leg);
		if (leg->plan->outcome == AGENT_CANCEL)
			agent_hang_up(leg); /* crossed with our CANCEL */
		return;
	}
	agent_acknowledge(leg, message->cseq.number,
		leg->plan->is_offer_late && message->cseq.number == 1
			? agent_body(leg, "sendrecv", text, sizeof(text))
			: SPAN(""));
	if (!leg->is_offer_pending || message->cseq.number != leg->invite_cseq)
		return;
	leg->is_offer_pending = false;
	leg->agent->reinvites_accepted++;
	if (leg->is_held_by_us && body_says(message, "a=sendrecv"))
		fault(leg, "hold was answered with sendrecv");
}

static void take_response(struct agent_leg *leg, const struct transaction_indication *response)
{
	const struct sip_message *message = response->message;
	unsigned status = message->status;

	if (message->method == SIP_METHOD_BYE) {
		if (status < 200)
			return;
		if (leg->lacks_answer && status == 200 &&
			leg->plan->talk_ms > AGENT_ANSWER_LATEST_MS)
			fault(leg, "our offer was never answered");
		agent_over(leg);
		return;
	}
	if (message->method != SIP_METHOD_INVITE)
		return;
	if (status < 200) {
		if (leg->state == AGENT_INVITING && message->to.tag.length != 0 &&
			dialog_accept_response(&leg->dialog, message, response->flow) != 0)
			fault(leg, "18x without dialog");
	} else if (status < 300) {
		take_2xx(leg, response);
	} else if (leg->state == AGENT_INVITING) {
		leg->final_status = status;
		agent_over(leg);
	} else if (leg->is_offer_pending) {
		leg->is_offer_pending = false;
		leg->is_held_by_us = !leg->is_held_by_us;
		leg->agent->reinvites_refused++;
		if (status == 491 && leg->state == AGENT_UP)
			agent_later(leg,
				10 * sim_net_random_below(leg->agent->net, 200) +
					(leg->agent->side == AGENT_CALLER ? 2100 : 0),
				agent_reinvite);
		else if ((status == 481 || status == 408) && leg->state == AGENT_UP)
			agent_hang_up(leg);
	}
}

static void take_timeout(struct agent_leg *leg, transaction_id id)
{
	leg->gave_up = true;
	if (leg->state == AGENT_INVITING && id == leg->invite) {
		leg->final_status = 408;
		agent_over(leg);
	} else if (leg->state == AGENT_WAITING && id == leg->invite) {
		leg->state = AGENT_UP; /* RFC 3261 13.3.1.4: no ACK, so BYE */
		agent_hang_up(leg);
	} else if (leg->state == AGENT_UP && id == leg->invite) {
		leg->is_offer_pending = false;
		leg->owes_ack_check = false;
		agent_hang_up(leg);
	} else if (leg->state == AGENT_ENDING && id != leg->invite) {
		agent_over(leg);
	}
}

void agent_indicate(void *context, const struct transaction_indication *indication)
{
	struct agent *agent = context;
	struct agent_leg *leg = indication->user != 0 && indication->user <= agent->count
					? &agent->legs[indication->user - 1]
					: NULL;

	if (indication->event == TRANSACTION_REQUEST)
		take_request(agent, indication);
	else if (indication->event == TRANSACTION_ACK)
		take_ack(agent, indication);
	else if (indication->event == TRANSACTION_STRAY_2XX)
		leg = find_number(agent, indication->message->from.tag);
	if (leg == NULL)
		return;
	if (indication->event == TRANSACTION_RESPONSE ||
		(indication->event == TRANSACTION_STRAY_2XX && leg->has_dialog &&
			dialog_matches(&leg->dialog, indication->message))) {
		take_response(leg, indication);
	} else if (indication->event == TRANSACTION_TIMEOUT ||
		   indication->event == TRANSACTION_TRANSPORT_ERROR) {
		take_timeout(leg, indication->id);
	} else if (indication->event == TRANSACTION_CANCEL && leg->state == AGENT_RINGING &&
		   indication->id == leg->invite) {
		reply_to_invite(leg, 487, SPAN(""));
		leg->final_status = 487;
		agent_over(leg);
	}
}
