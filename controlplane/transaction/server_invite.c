/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The INVITE server transaction (RFC 3261 17.2.1 with RFC 6026), which also repeats the 2xx until
 * the dialog has its ACK (RFC 3261 13.3.1.4), and a reliable provisional response until it has its
 * PRACK (RFC 3262 3). The 100 is the transaction user's.
 *
 *   PROCEEDING --2xx--> ACCEPTED --L--> end
 *      \--300..699--> COMPLETED --ACK--> CONFIRMED --I--> end
 *                        \--H--> end
 */
#include "transaction/machine.h"

#include <tandem/time.h>

#include <stddef.h>

/* The request again: what was said last is said again. */
static int repeat_response(struct transaction_table *table, struct transaction *transaction,
	const struct transaction_stimulus *stimulus)
{
	(void)stimulus;
	table->counts.retransmissions_absorbed++;
	if (transaction->bytes != NULL) {
		table->counts.retransmissions_sent++;
		transaction_send(table, transaction);
	}
	return 0;
}

static int proceeding_canceled(struct transaction_table *table, struct transaction *transaction,
	const struct transaction_stimulus *stimulus)
{
	if (transaction->cancel == CANCEL_NONE) {
		transaction->cancel = CANCEL_WANTED;
		transaction_indicate(table, transaction, TRANSACTION_CANCEL, stimulus);
	}
	return 0;
}

static int send_provisional(struct transaction_table *table, struct transaction *transaction,
	const struct transaction_stimulus *stimulus)
{
	int error = transaction_store(table, transaction, stimulus->bytes, stimulus->length);

	if (error == 0)
		transaction_send(table, transaction);
	return error;
}

/* Again over any transport until it is acknowledged or 64 * T1 are over. */
static int send_reliable(struct transaction_table *table, struct transaction *transaction,
	const struct transaction_stimulus *stimulus)
{
	int error = send_provisional(table, transaction, stimulus);

	if (error != 0)
		return error;
	transaction_start_retransmit(table, transaction, table->config.t1_ms, stimulus->now_ms);
	transaction_start_expire(table, transaction, transaction_64_t1_ms(table), stimulus->now_ms);
	return 0;
}

/* Its interval doubles without T2's limit (RFC 3262 3). */
static int retransmit_provisional(struct transaction_table *table, struct transaction *transaction,
	const struct transaction_stimulus *stimulus)
{
	transaction_resend(table, transaction, TD_NEVER, stimulus->now_ms);
	return 0;
}

static int stop_provisional(struct transaction_table *table, struct transaction *transaction,
	const struct transaction_stimulus *stimulus)
{
	(void)stimulus;
	transaction_stop_retransmit(table, transaction);
	wheel_stop(table->wheel, &transaction->expire.timer);
	return 0;
}

/* The transaction goes on: its user will refuse the INVITE. */
static int provisional_unacknowledged(struct transaction_table *table,
	struct transaction *transaction, const struct transaction_stimulus *stimulus)
{
	table->counts.timeouts++;
	transaction_stop_retransmit(table, transaction);
	transaction_indicate(table, transaction, TRANSACTION_TIMEOUT, stimulus);
	return 0;
}

/* Timer L, and the 2xx again over any transport. */
static int send_2xx(struct transaction_table *table, struct transaction *transaction,
	const struct transaction_stimulus *stimulus)
{
	int error = transaction_store(table, transaction, stimulus->bytes, stimulus->length);

	if (error != 0)
		return error;
	transaction_start_retransmit(table, transaction, table->config.t1_ms, stimulus->now_ms);
	transaction_start_expire(table, transaction, transaction_64_t1_ms(table), stimulus->now_ms);
	transaction_send(table, transaction);
	return 0;
}

/* Timers G and H. */
static int send_failure(struct transaction_table *table, struct transaction *transaction,
	const struct transaction_stimulus *stimulus)
{
	int error = transaction_store(table, transaction, stimulus->bytes, stimulus->length);

	if (error != 0)
		return error;
	table_remove(table->merged, &transaction->merged_node);
	transaction_stop_retransmit(table, transaction); /* of a provisional response */
	if (!transaction_is_reliable(transaction))
		transaction_start_retransmit(
			table, transaction, table->config.t1_ms, stimulus->now_ms);
	transaction_start_expire(table, transaction, transaction_64_t1_ms(table), stimulus->now_ms);
	transaction_send(table, transaction);
	if (transaction_is_reliable(transaction))
		transaction_forget_bytes(table, transaction);
	return 0;
}

static int retransmit_response(struct transaction_table *table, struct transaction *transaction,
	const struct transaction_stimulus *stimulus)
{
	transaction_resend(table, transaction, table->config.t2_ms, stimulus->now_ms);
	return 0;
}

static int accepted_acknowledged(struct transaction_table *table, struct transaction *transaction,
	const struct transaction_stimulus *stimulus)
{
	(void)stimulus;
	transaction->is_answered = true;
	transaction_stop_retransmit(table, transaction);
	transaction_forget_bytes(table, transaction);
	return 0;
}

/* An RFC 2543 peer, or one that reuses the branch: still the dialog's ACK. */
static int accepted_ack(struct transaction_table *table, struct transaction *transaction,
	const struct transaction_stimulus *stimulus)
{
	struct transaction_indication indication = {
		.event = TRANSACTION_ACK, .message = stimulus->message, .flow = stimulus->flow};

	(void)transaction;
	table->sink.indicate(table->sink.context, &indication);
	return 0;
}

static int accepted_expire(struct transaction_table *table, struct transaction *transaction,
	const struct transaction_stimulus *stimulus)
{
	if (transaction->is_answered)
		return transaction_finish(table, transaction, stimulus);
	return transaction_finish_timeout(table, transaction, stimulus);
}

/* Timer I. */
static int completed_ack(struct transaction_table *table, struct transaction *transaction,
	const struct transaction_stimulus *stimulus)
{
	transaction_indicate(table, transaction, TRANSACTION_CONFIRMED, stimulus);
	transaction_stop_retransmit(table, transaction);
	transaction_forget_bytes(table, transaction);
	if (transaction_is_reliable(transaction))
		transaction_end(table, transaction);
	else
		transaction_start_expire(table, transaction, table->config.t4_ms, stimulus->now_ms);
	return 0;
}

static const struct transaction_cell server_invite_cells[STATE_COUNT][INPUT_COUNT] = {
	[STATE_PROCEEDING] =
		{
			[INPUT_REQUEST] = {repeat_response, STATE_PROCEEDING},
			[INPUT_CANCELED] = {proceeding_canceled, STATE_PROCEEDING},
			[INPUT_1XX] = {send_provisional, STATE_PROCEEDING},
			[INPUT_1XX_RELIABLE] = {send_reliable, STATE_PROCEEDING},
			[INPUT_2XX] = {send_2xx, STATE_ACCEPTED},
			[INPUT_FINAL] = {send_failure, STATE_COMPLETED},
			[INPUT_ACKNOWLEDGED] = {stop_provisional, STATE_PROCEEDING},
			[INPUT_RETRANSMIT] = {retransmit_provisional, STATE_PROCEEDING},
			[INPUT_EXPIRE] = {provisional_unacknowledged, STATE_PROCEEDING},
			[INPUT_TRANSPORT_ERROR] = {transaction_tell_error, STATE_PROCEEDING},
		},
	[STATE_ACCEPTED] =
		{
			[INPUT_REQUEST] = {transaction_ignore, STATE_ACCEPTED},
			[INPUT_ACK] = {accepted_ack, STATE_ACCEPTED},
			[INPUT_CANCELED] = {transaction_ignore, STATE_ACCEPTED},
			[INPUT_ACKNOWLEDGED] = {accepted_acknowledged, STATE_ACCEPTED},
			[INPUT_RETRANSMIT] = {retransmit_response, STATE_ACCEPTED},
			[INPUT_EXPIRE] = {accepted_expire, STATE_TERMINATED},
			[INPUT_TRANSPORT_ERROR] = {transaction_tell_error, STATE_ACCEPTED},
		},
	[STATE_COMPLETED] =
		{
			[INPUT_REQUEST] = {repeat_response, STATE_COMPLETED},
			[INPUT_ACK] = {completed_ack, STATE_CONFIRMED},
			[INPUT_CANCELED] = {transaction_ignore, STATE_COMPLETED},
			[INPUT_ACKNOWLEDGED] = {transaction_ignore, STATE_COMPLETED},
			[INPUT_RETRANSMIT] = {retransmit_response, STATE_COMPLETED},
			[INPUT_EXPIRE] = {transaction_finish_timeout, STATE_TERMINATED},
			[INPUT_TRANSPORT_ERROR] = {transaction_tell_error, STATE_COMPLETED},
		},
	[STATE_CONFIRMED] =
		{
			[INPUT_REQUEST] = {transaction_ignore, STATE_CONFIRMED},
			[INPUT_ACK] = {transaction_ignore, STATE_CONFIRMED},
			[INPUT_CANCELED] = {transaction_ignore, STATE_CONFIRMED},
			[INPUT_ACKNOWLEDGED] = {transaction_ignore, STATE_CONFIRMED},
			[INPUT_EXPIRE] = {transaction_finish, STATE_TERMINATED},
			[INPUT_TRANSPORT_ERROR] = {transaction_ignore, STATE_CONFIRMED},
		},
};

const struct transaction_machine transaction_server_invite = {
	.name = "server INVITE",
	.cells = server_invite_cells,
	.is_server = true,
	.is_invite = true,
};
