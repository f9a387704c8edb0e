/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The server transaction of every method but INVITE, ACK and CANCEL (RFC 3261 17.2.2 with
 * RFC 4320).
 *
 *   TRYING --3.5 s without an answer: 100--> PROCEEDING --final--> COMPLETED --J--> end
 *      \--final--------------------------------------------------^
 *
 * RFC 4320 4.1: the only provisional response is a 100, sent when the client's timer E has
 * reached T2, not before; the transaction user's own are swallowed. 4.2: never a 408. A request
 * that the user hasn't answered when its client must have given up (64 * T1) ends in silence.
 */
#include "transaction/machine.h"

#include <stddef.h>

static int send_trying(struct transaction_table *table, struct transaction *transaction,
	const struct transaction_stimulus *stimulus)
{
	(void)stimulus;
	transaction_send(table, transaction);
	return 0;
}

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

/* Timer J. Without bytes it is the answer that must not be sent. */
static int complete(struct transaction_table *table, struct transaction *transaction,
	const struct transaction_stimulus *stimulus)
{
	bool is_reliable = transaction_is_reliable(transaction);
	int error = 0;

	if (stimulus->bytes != NULL)
		error = transaction_store(table, transaction, stimulus->bytes, stimulus->length);
	else
		transaction_forget_bytes(table, transaction);
	if (error != 0)
		return error;
	table_remove(table->merged, &transaction->merged_node);
	transaction_stop_retransmit(table, transaction);
	transaction_send(table, transaction);
	if (is_reliable)
		transaction_end(table, transaction);
	else
		transaction_start_expire(
			table, transaction, transaction_64_t1_ms(table), stimulus->now_ms);
	return 0;
}

static int give_up(struct transaction_table *table, struct transaction *transaction,
	const struct transaction_stimulus *stimulus)
{
	table->counts.timeouts++;
	return transaction_finish(table, transaction, stimulus);
}

static const struct transaction_cell server_other_cells[STATE_COUNT][INPUT_COUNT] = {
	[STATE_TRYING] =
		{
			[INPUT_REQUEST] = {transaction_ignore, STATE_TRYING},
			[INPUT_1XX] = {transaction_ignore, STATE_TRYING},
			[INPUT_2XX] = {complete, STATE_COMPLETED},
			[INPUT_FINAL] = {complete, STATE_COMPLETED},
			[INPUT_RETRANSMIT] = {send_trying, STATE_PROCEEDING},
			[INPUT_EXPIRE] = {give_up, STATE_TERMINATED},
			[INPUT_TRANSPORT_ERROR] = {transaction_tell_error, STATE_TRYING},
		},
	[STATE_PROCEEDING] =
		{
			[INPUT_REQUEST] = {repeat_response, STATE_PROCEEDING},
			[INPUT_1XX] = {transaction_ignore, STATE_PROCEEDING},
			[INPUT_2XX] = {complete, STATE_COMPLETED},
			[INPUT_FINAL] = {complete, STATE_COMPLETED},
			[INPUT_EXPIRE] = {give_up, STATE_TERMINATED},
			[INPUT_TRANSPORT_ERROR] = {transaction_tell_error, STATE_PROCEEDING},
		},
	[STATE_COMPLETED] =
		{
			[INPUT_REQUEST] = {repeat_response, STATE_COMPLETED},
			[INPUT_EXPIRE] = {transaction_finish, STATE_TERMINATED},
			[INPUT_TRANSPORT_ERROR] = {transaction_tell_error, STATE_COMPLETED},
		},
};

const struct transaction_machine transaction_server_other = {
	.name = "server non-INVITE",
	.cells = server_other_cells,
	.is_server = true,
	.is_invite = false,
};
