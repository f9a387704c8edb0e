/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What comes from the wire: finds the transaction of a message, or makes one, or answers without
 * one where none is due (CANCEL, merged requests, a full table).
 */
#include "transaction/machine.h"

#include <errno.h>
#include <stddef.h>

enum {
	STATUS_OK = 200,
	STATUS_NO_TRANSACTION = 481,
	STATUS_MERGED = 482,
	STATUS_UNAVAILABLE = 503,
	STATUS_TRYING = 100,
};

static void tell_without_transaction(struct transaction_table *table, enum transaction_event event,
	const struct sip_message *message, const struct sip_flow *flow)
{
	struct transaction_indication indication = {
		.event = event, .message = message, .flow = flow};

	table->sink.indicate(table->sink.context, &indication);
}

static void receive_response(struct transaction_table *table, const struct sip_message *message,
	const struct sip_flow *flow, uint64_t now_ms)
{
	struct transaction_key key =
		transaction_key_client(table, message->via.branch, message->cseq.method_text);
	struct transaction *transaction = transaction_match(table, &key);
	bool is_2xx = message->status >= 200 && message->status < 300;
	struct transaction_stimulus stimulus = {
		.input = message->status < 200 ? INPUT_1XX
			 : is_2xx	       ? INPUT_2XX
					       : INPUT_FINAL,
		.now_ms = now_ms,
		.message = message,
		.flow = flow,
	};

	if (transaction != NULL) {
		(void)transaction_step(table, transaction, &stimulus); /* nobody to refuse to */
		return;
	}
	table->counts.stray_responses++;
	if (is_2xx && message->cseq.method == SIP_METHOD_INVITE)
		tell_without_transaction(table, TRANSACTION_STRAY_2XX, message, flow);
}

static void receive_ack(struct transaction_table *table, const struct sip_message *message,
	const struct sip_flow *flow, uint64_t now_ms)
{
	struct transaction_key key = transaction_key_server(table, message, SPAN("INVITE"));
	struct transaction *transaction = transaction_match(table, &key);
	struct transaction_stimulus stimulus = {
		.input = INPUT_ACK, .now_ms = now_ms, .message = message, .flow = flow};

	if (transaction == NULL)
		tell_without_transaction(table, TRANSACTION_ACK, message, flow);
	else
		(void)transaction_step(table, transaction, &stimulus); /* ACK has no answer */
}

/* The 200 to a CANCEL should have the To tag of the INVITE's responses (RFC 3261 9.2). */
static void answer_cancel(struct transaction_table *table, struct transaction *invite,
	const struct sip_message *cancel, const struct sip_flow *flow)
{
	struct sip_flow reply = transaction_reply_flow(cancel, flow);
	struct sip_message response;
	int length;

	if (transaction_parse_stored(invite, &response) != 0 || span_is_empty(response.to.tag)) {
		transaction_answer(table, cancel, flow, STATUS_OK);
		return;
	}
	length = transaction_derive_response(table, cancel, flow, STATUS_OK, response.to.tag);
	if (length > 0)
		table->sink.send(table->sink.context, &reply, table->scratch, (size_t)length);
}

/* CANCEL is answered without a transaction of its own: the answer follows from the INVITE, so a
 * CANCEL sent again gets it again. */
static void receive_cancel(struct transaction_table *table, const struct sip_message *message,
	const struct sip_flow *flow, uint64_t now_ms)
{
	struct transaction_key key = transaction_key_server(table, message, SPAN("INVITE"));
	struct transaction *invite = transaction_match(table, &key);
	struct transaction_stimulus stimulus = {
		.input = INPUT_CANCELED, .now_ms = now_ms, .message = message, .flow = flow};

	if (invite == NULL) {
		transaction_answer(table, message, flow, STATUS_NO_TRANSACTION);
		return;
	}
	answer_cancel(table, invite, message, flow);
	(void)transaction_step(table, invite, &stimulus); /* answered already */
}

/* The time after which a client's timer E stands at T2 (RFC 4320 4.1). */
static uint32_t trying_delay_ms(const struct transaction_config *config)
{
	uint32_t delay_ms = 0;

	for (uint32_t e_ms = config->t1_ms; e_ms < config->t2_ms; e_ms *= 2)
		delay_ms += e_ms;
	return delay_ms;
}

/* The user didn't answer at once: makes ready the 100 that may become due, while the request is
 * at hand. Without memory there will be none, which only costs retransmissions. */
static void prepare_trying(struct transaction_table *table, struct transaction *transaction,
	const struct sip_message *message, uint64_t now_ms)
{
	int length = transaction_derive_response(
		table, message, &transaction->flow, STATUS_TRYING, SPAN(""));

	if (length > 0 &&
		transaction_store(table, transaction, table->scratch, (size_t)length) == 0)
		transaction_start_retransmit(
			table, transaction, trying_delay_ms(&table->config), now_ms);
}

static bool is_merged(const struct transaction_table *table, const struct sip_message *message,
	struct transaction_key *ret_key)
{
	*ret_key = transaction_key_merged(table, message);
	return table_find_hashed(table->merged, ret_key, sizeof(*ret_key), ret_key->words[0]) !=
	       NULL;
}

/* A request that no transaction knows, under key. */
static void receive_new(struct transaction_table *table, const struct sip_message *message,
	const struct sip_flow *flow, uint64_t now_ms, const struct transaction_key *key)
{
	bool is_invite = message->method == SIP_METHOD_INVITE;
	bool is_initial = span_is_empty(message->to.tag);
	struct transaction_key merged_key = {{0}};
	struct sip_flow reply = transaction_reply_flow(message, flow);
	struct transaction *transaction;
	struct transaction_stimulus stimulus = {
		.input = INPUT_REQUEST, .now_ms = now_ms, .message = message, .flow = flow};

	if (is_initial && is_merged(table, message, &merged_key)) {
		transaction_answer(table, message, flow, STATUS_MERGED);
		return;
	}
	transaction = transaction_create(
		table, is_invite ? &transaction_server_invite : &transaction_server_other, &reply);
	if (transaction == NULL) {
		table->counts.refused_full++;
		transaction_answer(table, message, flow, STATUS_UNAVAILABLE);
		return;
	}
	transaction->key = *key;
	transaction_publish(table, transaction);
	if (is_initial) {
		transaction->merged_key = merged_key;
		table_insert_hashed(table->merged, &transaction->merged_node,
			&transaction->merged_key, sizeof(transaction->merged_key),
			transaction->merged_key.words[0]);
	}
	if (is_invite)
		transaction->state = STATE_PROCEEDING;
	else
		transaction_start_expire(table, transaction, transaction_64_t1_ms(table), now_ms);
	transaction_indicate(table, transaction, TRANSACTION_REQUEST, &stimulus);
	if (transaction->state == STATE_TRYING)
		prepare_trying(table, transaction, message, now_ms);
}

static void receive_request(struct transaction_table *table, const struct sip_message *message,
	const struct sip_flow *flow, uint64_t now_ms)
{
	struct transaction_key key = transaction_key_server(table, message, message->method_text);
	struct transaction *transaction = transaction_match(table, &key);
	struct transaction_stimulus stimulus = {
		.input = INPUT_REQUEST, .now_ms = now_ms, .message = message, .flow = flow};

	if (transaction == NULL)
		receive_new(table, message, flow, now_ms, &key);
	else
		(void)transaction_step(table, transaction, &stimulus); /* always expected */
}

void transaction_receive(struct transaction_table *table, const struct sip_message *message,
	const struct sip_flow *flow, uint64_t now_ms)
{
	transaction_enter(table);
	if (!sip_message_is_request(message))
		receive_response(table, message, flow, now_ms);
	else if (message->method == SIP_METHOD_ACK)
		receive_ack(table, message, flow, now_ms);
	else if (message->method == SIP_METHOD_CANCEL)
		receive_cancel(table, message, flow, now_ms);
	else
		receive_request(table, message, flow, now_ms);
	transaction_leave(table);
}

/* A server transaction as it stands before anything was said. */
static struct transaction *restore(struct transaction_table *table,
	const struct sip_message *request, const struct transaction_key *key,
	const struct sip_flow *flow, uint64_t now_ms)
{
	bool is_invite = request->method == SIP_METHOD_INVITE;
	struct sip_flow reply = transaction_reply_flow(request, flow);
	struct transaction *transaction = transaction_create(
		table, is_invite ? &transaction_server_invite : &transaction_server_other, &reply);

	if (transaction == NULL)
		return NULL;
	transaction->key = *key;
	transaction_publish(table, transaction);
	if (is_invite) {
		transaction->state = STATE_PROCEEDING; /* has no timer */
	} else {
		transaction_start_expire(table, transaction, transaction_64_t1_ms(table), now_ms);
		prepare_trying(table, transaction, request, now_ms);
	}
	if (span_is_empty(request->to.tag)) {
		transaction->merged_key = transaction_key_merged(table, request);
		table_insert_hashed(table->merged, &transaction->merged_node,
			&transaction->merged_key, sizeof(transaction->merged_key),
			transaction->merged_key.words[0]);
	}
	return transaction;
}

int transaction_restore_server(struct transaction_table *table, const struct sip_message *request,
	const struct transaction_options *options, uint64_t now_ms, transaction_id *ret_id)
{
	struct transaction_key key = transaction_key_server(table, request, request->method_text);
	struct transaction *transaction;

	if (request->method == SIP_METHOD_ACK || request->method == SIP_METHOD_CANCEL ||
		transaction_match(table, &key) != NULL)
		return -EINVAL;
	transaction = restore(table, request, &key, options->flow, now_ms);
	if (transaction == NULL)
		return -EMFILE;
	transaction->user = options->user;
	*ret_id = transaction->id;
	return 0;
}
