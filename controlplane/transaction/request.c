/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What the transaction user asks for: to send a request, to take it back, to answer one, and to
 * put back what was pending before a restart.
 */
#include "transaction/machine.h"

#include <errno.h>
#include <stddef.h>

enum {
	STATUS_REQUEST_TIMEOUT = 408,
};

/* Makes the client transaction for a request, with its key, not published and not started. */
static int client_create(struct transaction_table *table, struct span request,
	const struct sip_flow *flow, struct transaction **ret_transaction)
{
	struct transaction *transaction =
		transaction_create(table, &transaction_client_other, flow);
	struct span method = {.text = NULL, .length = 0};
	struct sip_via via;
	int error;

	if (transaction == NULL) {
		table->counts.refused_full++;
		return -EMFILE;
	}
	transaction->is_internal = true; /* until it is whole, its end is nobody's business */
	error = transaction_store(table, transaction, request.text, request.length);
	if (error == 0 && sip_request_peek(request, &method, &via) != 0)
		error = -EINVAL;
	if (error == 0 && (via.branch.length == 0 || span_equal(method, SPAN("ACK"))))
		error = -EINVAL;
	if (error == 0) {
		transaction->key = transaction_key_client(table, via.branch, method);
		if (transaction_match(table, &transaction->key) != NULL)
			error = -EINVAL;
	}
	if (error != 0) {
		transaction_end(table, transaction);
		return error;
	}
	if (span_equal(method, SPAN("INVITE")))
		transaction->machine = &transaction_client_invite;
	transaction->is_internal = false;
	*ret_transaction = transaction;
	return 0;
}

static int client_begin(struct transaction_table *table, struct transaction *transaction,
	const struct transaction_options *options, uint64_t now_ms, transaction_id *ret_id)
{
	struct transaction_stimulus start = {.input = INPUT_START, .now_ms = now_ms};

	transaction->user = options->user;
	transaction->timer_b_ms =
		options->timer_b_ms ? options->timer_b_ms : (uint32_t)transaction_64_t1_ms(table);
	transaction->may_fall_back =
		options->may_fall_back && transaction->machine == &transaction_client_invite;
	transaction_publish(table, transaction);
	*ret_id = transaction->id;
	return transaction_step(table, transaction, &start);
}

int transaction_request(struct transaction_table *table, struct span request,
	const struct transaction_options *options, uint64_t now_ms, transaction_id *ret_id)
{
	struct transaction *transaction;
	int error;

	transaction_enter(table);
	error = client_create(table, request, options->flow, &transaction);
	if (error == 0)
		error = client_begin(table, transaction, options, now_ms, ret_id);
	transaction_leave(table);
	return error;
}

int transaction_restore_client(struct transaction_table *table, struct span request,
	const struct transaction_options *options, uint64_t now_ms, transaction_id *ret_id)
{
	struct transaction *transaction;
	int error;

	transaction_enter(table);
	error = client_create(table, request, options->flow, &transaction);
	if (error == 0 && options->is_proceeding &&
		transaction->machine == &transaction_client_invite) {
		transaction->user = options->user;
		transaction->state = STATE_PROCEEDING;
		transaction_publish(table, transaction);
		transaction_start_expire(table, transaction, table->config.timer_c_ms, now_ms);
		*ret_id = transaction->id;
	} else if (error == 0) {
		error = client_begin(table, transaction, options, now_ms, ret_id);
	}
	transaction_leave(table);
	return error;
}

static int cancel_invite(struct transaction_table *table, struct transaction *transaction,
	struct span reason, uint64_t now_ms)
{
	struct transaction_stimulus stimulus = {.input = INPUT_CANCEL, .now_ms = now_ms};
	struct sip_message invite;
	int length;

	if (transaction->state > STATE_PROCEEDING)
		return -EALREADY;
	if (transaction_parse_stored(transaction, &invite) != 0)
		return -EALREADY; /* only before a final response is there something to parse */
	length = transaction_derive_cancel(table, &invite, reason);
	if (length < 0)
		return length;
	stimulus.bytes = table->scratch;
	stimulus.length = (size_t)length;
	return transaction_step(table, transaction, &stimulus);
}

int transaction_cancel(
	struct transaction_table *table, transaction_id id, struct span reason, uint64_t now_ms)
{
	struct transaction *transaction = transaction_find(table, id);
	int error = -ENOENT;

	transaction_enter(table);
	if (transaction != NULL && transaction->machine == &transaction_client_invite)
		error = cancel_invite(table, transaction, reason, now_ms);
	transaction_leave(table);
	return error;
}

/* Gives a response to the machine of a server transaction. */
static int respond(struct transaction_table *table, struct transaction *transaction,
	const struct transaction_stimulus *stimulus)
{
	int error;

	transaction_enter(table);
	error = transaction_step(table, transaction, stimulus);
	transaction_leave(table);
	return error == -EPROTO ? -EALREADY : error;
}

int transaction_respond(struct transaction_table *table, transaction_id id, unsigned status,
	struct span response, uint64_t now_ms)
{
	struct transaction *transaction = transaction_find(table, id);
	struct transaction_stimulus stimulus = {
		.input = status < 200	? INPUT_1XX
			 : status < 300 ? INPUT_2XX
					: INPUT_FINAL,
		.now_ms = now_ms,
		.bytes = response.text,
		.length = response.length,
	};

	if (transaction == NULL || !transaction->machine->is_server)
		return -ENOENT;
	if (status < 100 || status > 699 || response.text == NULL)
		return -EINVAL;
	if (status == STATUS_REQUEST_TIMEOUT && !transaction->machine->is_invite)
		stimulus.bytes = NULL; /* RFC 4320 4.2: it would come too late to be of use */
	return respond(table, transaction, &stimulus);
}

int transaction_respond_reliably(
	struct transaction_table *table, transaction_id id, struct span response, uint64_t now_ms)
{
	struct transaction *transaction = transaction_find(table, id);
	struct transaction_stimulus stimulus = {
		.input = INPUT_1XX_RELIABLE,
		.now_ms = now_ms,
		.bytes = response.text,
		.length = response.length,
	};

	if (transaction == NULL || transaction->machine != &transaction_server_invite)
		return -ENOENT;
	if (response.text == NULL)
		return -EINVAL;
	return respond(table, transaction, &stimulus);
}

int transaction_acknowledged(struct transaction_table *table, transaction_id id)
{
	struct transaction *transaction = transaction_find(table, id);
	struct transaction_stimulus stimulus = {.input = INPUT_ACKNOWLEDGED};

	if (transaction == NULL || transaction->machine != &transaction_server_invite)
		return -ENOENT;
	return transaction_step(table, transaction, &stimulus);
}
