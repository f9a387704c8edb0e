/* SPDX-License-Identifier: Apache-2.0 */
/*
 * From bytes to the one who is meant: strangers, guard, parser, and the
 * indications of the transaction layer.
 */
#include "switchboard/registration.h"
#include "switchboard/trace.h"
#include "switchboard/usage.h"
#include "trace/trace.h"
#include "util/siphash.h"

#include <string.h>

uint64_t receive_origin(const struct switchboard *switchboard, const struct sip_message *request)
{
	struct {
		uint64_t call_id;
		uint64_t tag;
		uint64_t cseq;
	} key = {
		siphash(switchboard->seed, request->call_id.text, request->call_id.length),
		siphash(switchboard->seed, request->from.tag.text, request->from.tag.length),
		request->cseq.number,
	};

	return siphash(switchboard->seed, &key, sizeof(key));
}

void receive_send(void *context, const struct sip_flow *flow, const char *bytes, size_t length)
{
	switchboard_send(context, flow, bytes, length);
}

/* Adds what Allow and Supported say to peers of that trunk alone. */
static void add_offers(
	const struct switchboard *switchboard, const struct sip_flow *flow, struct leg_reply *reply)
{
	trunk_id trunk;

	if (!reply->has_allow)
		return;
	trunk = trunk_find_by_source(switchboard->trunks, &flow->remote.ip, flow->transport);
	reply->methods |= usages_methods(switchboard, trunk);
	reply->supported |= trunks_options(switchboard, trunk);
	if (reply->has_accept && reply->more[0].id == SIP_HEADER_OTHER) /* 2xx to OPTIONS */
		reply->more[0] = (struct leg_header){
			SIP_HEADER_ALLOW_EVENTS, usages_packages(switchboard, trunk)};
}

struct span receive_tag(uint64_t random, char tag[SWITCHBOARD_TAG_BYTES])
{
	static const char hex[] = "0123456789abcdef";

	for (size_t i = 0; i + 1 < SWITCHBOARD_TAG_BYTES; i++) {
		tag[i] = hex[random & 15];
		random >>= 4;
	}
	return (struct span){tag, SWITCHBOARD_TAG_BYTES - 1};
}

/* A To tag that is the same for each repeat of the request: no state keeps it. */
static struct span stateless_tag(const struct switchboard *switchboard,
	const struct sip_message *request, char tag[SWITCHBOARD_TAG_BYTES])
{
	return receive_tag(receive_origin(switchboard, request), tag);
}

void receive_answer_stateless(struct switchboard *switchboard, const struct sip_message *request,
	const struct sip_flow *flow, const struct leg_reply *reply)
{
	const struct sip_flow back = transaction_reply_flow(request, flow);
	char tag[SWITCHBOARD_TAG_BYTES];
	struct leg_reply full = *reply;
	int length;

	if (span_is_empty(full.to_tag))
		full.to_tag = stateless_tag(switchboard, request, tag);
	add_offers(switchboard, flow, &full);
	full.server = switchboard_user_agent(switchboard);
	length = leg_build_reply(
		switchboard->buffer, sizeof(switchboard->buffer), request, &flow->remote, &full);
	if (length > 0)
		switchboard_send(switchboard, &back, switchboard->buffer, (size_t)length);
}

void receive_answer(struct switchboard *switchboard, transaction_id id,
	const struct sip_message *request, const struct sip_flow *flow,
	const struct leg_reply *reply)
{
	char tag[SWITCHBOARD_TAG_BYTES];
	struct leg_reply full = *reply;
	int length;

	if (span_is_empty(full.to_tag) && full.status != 100)
		full.to_tag = stateless_tag(switchboard, request, tag);
	add_offers(switchboard, flow, &full);
	full.server = switchboard_user_agent(switchboard);
	length = leg_build_reply(
		switchboard->buffer, sizeof(switchboard->buffer), request, &flow->remote, &full);
	if (length > 0 && transaction_respond(switchboard->transactions, id, full.status,
				  (struct span){switchboard->buffer, (uint32_t)length},
				  switchboard->now.mono_ms) != 0)
		switchboard->counts.unmatched++;
}

static void receive_malformed(struct switchboard *switchboard, const struct sip_message *message,
	const struct sip_parse_error *error, const struct sip_flow *flow)
{
	const struct leg_reply reply = {.status = error->status, .warning = error->reason};

	switchboard->counts.malformed++;
	guard_note_fault(switchboard, flow, SOURCE_FAULT_MALFORMED);
	trace_note_last(switchboard->trace, TRACE_NOTE_MALFORMED, error->reason);
	if (error->is_answerable && error->status != 0 && message->method != SIP_METHOD_ACK)
		receive_answer_stateless(switchboard, message, flow, &reply);
}

void receive_message(struct switchboard *switchboard, const struct switchboard_message *received)
{
	struct sip_flow peer = *received->flow;
	const struct sip_flow *flow = &peer;
	struct sip_message message;
	struct sip_parse_error error;
	bool is_judged;
	trunk_id trunk;

	switchboard->counts.messages++;
	switchboard->wait = received->wait;
	trunk = trunk_find_by_source(switchboard->trunks, &flow->remote.ip, flow->transport);
	if (trunk == TRUNK_NONE) {
		switchboard->counts.strangers++;
		return;
	}
	/* If its connection goes and we connect to it, it must be who the trunk says. */
	if (peer.server_id == 0)
		peer.server_id = trunk_config(switchboard->trunks, trunk)->target.server_id;
	is_judged = sip_message_glance(received->bytes, received->length, &message) == 0;
	traces_receive(switchboard, received);
	if (is_judged && guard_turns_away(switchboard, &message, flow, trunk)) {
		traces_shed(switchboard);
		return;
	}
	traces_admit(switchboard, received);
	if (sip_message_parse(received->bytes, received->length, received->is_stream, &message,
		    &error) != 0) {
		receive_malformed(switchboard, &message, &error, flow);
		return;
	}
	if (sip_message_is_request(&message) && guard_believes(switchboard, &message, flow))
		trunks_tell(switchboard, trunk, flow, TRUNK_CALL_ANSWERED);
	if (!is_judged && sip_message_is_request(&message) &&
		guard_turns_away(switchboard, &message, flow, trunk)) {
		traces_shed(switchboard);
		return;
	}
	if (sip_message_is_request(&message) && guard_finds_too_large(switchboard, &message, flow))
		return;
	if (bindings_take(switchboard, trunk, &message, flow))
		return;
	transaction_receive(switchboard->transactions, &message, flow, switchboard->now.mono_ms);
}

/* An indication of a transaction that belongs to a leg. */
static void indicate_leg(
	struct switchboard *switchboard, const struct transaction_indication *indication)
{
	struct line *line = NULL;
	unsigned index = 0;
	struct leg *leg = switchboard_find_leg(switchboard, indication->user, &line, &index);

	switch (indication->event) {
	case TRANSACTION_RESPONSE:
		if (leg != NULL)
			response_for_leg(switchboard, indication, line, index);
		else if (indication->message->method == SIP_METHOD_INVITE &&
			 indication->message->status / 100 == 2)
			response_reject_2xx(switchboard, indication->message, indication->flow);
		break;
	case TRANSACTION_CANCEL:
		if (leg != NULL && leg->invite != NULL &&
			indication->id == leg->invite->transaction)
			legs_step(switchboard, line, index, LEG_EVENT_CANCELLED);
		break;
	case TRANSACTION_CONFIRMED:
		if (leg != NULL && leg->invite != NULL &&
			indication->id == leg->invite->transaction)
			response_confirmed(switchboard, line, index);
		break;
	case TRANSACTION_TIMEOUT:
		if (leg == NULL)
			break;
		traces_event(switchboard, leg, TRACE_NOTE_NO_RESPONSE);
		response_missing(switchboard, indication->id, 408, line, index);
		break;
	case TRANSACTION_TRANSPORT_ERROR:
		if (leg == NULL)
			break;
		traces_event(switchboard, leg, TRACE_NOTE_UNDELIVERED);
		response_missing(switchboard, indication->id, 503, line, index);
		break;
	case TRANSACTION_REQUEST:
	case TRANSACTION_ACK:
	case TRANSACTION_STRAY_2XX:
	case TRANSACTION_TERMINATED:
	default:
		break;
	}
}

/* A 2xx to an INVITE whose transaction is gone: our ACK was lost and the peer repeats, or
 * nobody knows of it any more. */
static void indicate_stray_2xx(
	struct switchboard *switchboard, const struct transaction_indication *indication)
{
	struct line *line;
	unsigned index;
	struct leg *leg = request_find_leg(
		switchboard, indication->message, indication->message->from.tag, &line, &index);

	if (leg != NULL)
		response_for_leg(switchboard, indication, line, index);
	else
		response_reject_2xx(switchboard, indication->message, indication->flow);
}

void receive_indication(void *context, const struct transaction_indication *indication)
{
	struct switchboard *switchboard = context;
	const struct sip_message *outer_message = switchboard->message;
	const struct sip_flow *outer_flow = switchboard->flow;
	transaction_id outer_id = switchboard->transaction;

	switchboard->message = indication->message;
	switchboard->flow = indication->flow;
	switchboard->transaction = indication->id;
	if (indication->event == TRANSACTION_REQUEST && indication->message->to.tag.length == 0)
		request_begin(switchboard, indication);
	else if (indication->event == TRANSACTION_REQUEST)
		request_in_dialog(switchboard, indication);
	else if (indication->event == TRANSACTION_ACK)
		request_ack(switchboard, indication);
	else if (indication->event == TRANSACTION_STRAY_2XX)
		indicate_stray_2xx(switchboard, indication);
	else if (usages_indication(switchboard, indication))
		;
	else if ((indication->user & SWITCHBOARD_TRUNK_USER) != 0 &&
		 (indication->user & REGISTRATION_USER_BIT) != 0)
		register_indication(switchboard, indication);
	else if ((indication->user & SWITCHBOARD_TRUNK_USER) != 0)
		trunks_indication(switchboard, indication);
	else if (indication->user != 0)
		indicate_leg(switchboard, indication);
	switchboard->message = outer_message;
	switchboard->flow = outer_flow;
	switchboard->transaction = outer_id;
}
