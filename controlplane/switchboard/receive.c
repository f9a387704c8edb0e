/* SPDX-License-Identifier: Apache-2.0 */
/*
 * From bytes to the one who is meant: parser, strangers, the gate for new calls, and the
 * indications of the transaction layer.
 */
#include "leg/cause.h"
#include "switchboard/state.h"
#include "util/siphash.h"

#include <string.h>

enum {
	TRANSACTIONS_RESERVED_PART = 8, /* of all, for requests in dialogs */
};

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

/* A To tag that is the same for each repeat of the request: no state keeps it. */
static struct span stateless_tag(const struct switchboard *switchboard,
	const struct sip_message *request, char tag[SWITCHBOARD_TAG_BYTES])
{
	static const char hex[] = "0123456789abcdef";
	uint64_t random = receive_origin(switchboard, request);

	for (size_t i = 0; i + 1 < SWITCHBOARD_TAG_BYTES; i++) {
		tag[i] = hex[random & 15];
		random >>= 4;
	}
	return (struct span){tag, SWITCHBOARD_TAG_BYTES - 1};
}

void receive_answer_stateless(struct switchboard *switchboard, const struct sip_message *request,
	const struct sip_flow *flow, const struct leg_reply *reply)
{
	const struct sip_flow back = transaction_reply_flow(request, flow);
	char tag[SWITCHBOARD_TAG_BYTES];
	struct leg_reply full = *reply;
	int length;

	full.to_tag = stateless_tag(switchboard, request, tag);
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
	full.server = switchboard_user_agent(switchboard);
	length = leg_build_reply(
		switchboard->buffer, sizeof(switchboard->buffer), request, &flow->remote, &full);
	if (length > 0 && transaction_respond(switchboard->transactions, id, full.status,
				  (struct span){switchboard->buffer, (uint32_t)length},
				  switchboard->now.mono_ms) != 0)
		switchboard->counts.unmatched++;
}

/* True if the transactions that are left are for the calls that are up. */
static bool transactions_are_short(const struct switchboard *switchboard)
{
	struct transaction_counts counts = transaction_table_counts(switchboard->transactions);
	uint64_t in_use = (uint64_t)counts.clients + counts.servers;
	uint32_t capacity = switchboard->config->sip.max_transactions;

	return in_use >= capacity - capacity / TRANSACTIONS_RESERVED_PART;
}

/* True if no new call may begin now; counts why. */
static bool gate_is_closed(struct switchboard *switchboard)
{
	const struct config_sip *sip = &switchboard->config->sip;
	struct switchboard_counts *counts = &switchboard->counts;

	if ((switchboard->gates & SWITCHBOARD_GATE_DRAINING) != 0)
		counts->refused_draining++;
	else if (switchboard->gates != 0 ||
		 (sip->overload_queue_delay_ms != 0 &&
			 switchboard->queue_delay_ms > sip->overload_queue_delay_ms))
		counts->refused_overload++;
	else if (slab_in_use(switchboard->lines) >= sip->max_calls ||
		 slab_in_use(switchboard->lines) >= slab_capacity(switchboard->lines))
		counts->refused_limit++;
	else if (transactions_are_short(switchboard))
		counts->refused_memory++;
	else if (switchboard->media_state != LEDGER_READY)
		counts->refused_media++;
	else
		return false;
	return true;
}

/* Refuses a new INVITE before a transaction exists. A repeat of an INVITE that was taken has
 * one, and goes on to it. */
static bool refuse_new_call(struct switchboard *switchboard, trunk_id trunk,
	const struct sip_message *message, const struct sip_flow *flow)
{
	const struct leg_reply reply = {
		.status = 503,
		.q850 = CAUSE_CONGESTION,
		.retry_after_s = switchboard->config->sip.retry_after_s,
	};
	uint64_t origin;

	if (!sip_message_is_request(message) || message->method != SIP_METHOD_INVITE ||
		message->to.tag.length != 0)
		return false;
	origin = receive_origin(switchboard, message);
	if (table_find(switchboard->by_origin, &origin, sizeof(origin)) != NULL ||
		(!gate_is_closed(switchboard) &&
			defence_admit_call(switchboard->defence, trunk,
				&trunk_config(switchboard->trunks, trunk)->limits,
				switchboard->now.mono_ms)))
		return false;
	receive_answer_stateless(switchboard, message, flow, &reply);
	return true;
}

static void receive_malformed(struct switchboard *switchboard, const struct sip_message *message,
	const struct sip_parse_error *error, const struct sip_flow *flow)
{
	const struct leg_reply reply = {.status = error->status, .warning = error->reason};

	switchboard->counts.malformed++;
	if (error->is_answerable && error->status != 0 && message->method != SIP_METHOD_ACK)
		receive_answer_stateless(switchboard, message, flow, &reply);
}

void receive_message(struct switchboard *switchboard, const struct switchboard_message *received)
{
	struct sip_flow peer = *received->flow;
	const struct sip_flow *flow = &peer;
	struct sip_message message;
	struct sip_parse_error error;
	trunk_id trunk;

	switchboard->counts.messages++;
	trunk = trunk_find_by_source(switchboard->trunks, &flow->remote.ip, flow->transport);
	if (trunk == TRUNK_NONE) {
		switchboard->counts.strangers++;
		return;
	}
	/* If its connection goes and we connect to it, it must be who the trunk says. */
	if (peer.server_id == 0)
		peer.server_id = trunk_config(switchboard->trunks, trunk)->target.server_id;
	if (sip_message_parse(received->bytes, received->length, received->is_stream, &message,
		    &error) != 0) {
		receive_malformed(switchboard, &message, &error, flow);
		return;
	}
	if (sip_message_is_request(&message))
		trunks_tell(switchboard, trunk, flow, TRUNK_CALL_ANSWERED);
	if (refuse_new_call(switchboard, trunk, &message, flow))
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
		if (leg != NULL)
			response_missing(switchboard, indication->id, 408, line, index);
		break;
	case TRANSACTION_TRANSPORT_ERROR:
		if (leg != NULL)
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
	else if ((indication->user & SWITCHBOARD_TRUNK_USER) != 0)
		trunks_indication(switchboard, indication);
	else if (indication->user != 0)
		indicate_leg(switchboard, indication);
	switchboard->message = outer_message;
	switchboard->flow = outer_flow;
	switchboard->transaction = outer_id;
}
