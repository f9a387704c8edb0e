/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The client transaction of every method but INVITE and ACK (RFC 3261 17.1.2).
 *
 *   TRYING --1xx--> PROCEEDING --final--> COMPLETED --K--> end
 *      |  \--final------------------------^
 *      \--F, transport--> end <-- PROCEEDING
 */
#include "transaction/machine.h"

#include <stddef.h>

/* Timers E and F. */
static int trying_start(struct transaction_table *table, struct transaction *transaction,
	const struct transaction_stimulus *stimulus)
{
	if (!transaction_is_reliable(transaction))
		transaction_start_retransmit(
			table, transaction, table->config.t1_ms, stimulus->now_ms);
	transaction_start_expire(table, transaction, transaction->timer_b_ms, stimulus->now_ms);
	transaction_send(table, transaction);
	return 0;
}

static int trying_retransmit(struct transaction_table *table, struct transaction *transaction,
	const struct transaction_stimulus *stimulus)
{
	transaction_resend(table, transaction, table->config.t2_ms, stimulus->now_ms);
	return 0;
}

/* RFC 3261 17.1.2.2: in Proceeding the interval is T2 at once. */
static int proceeding_retransmit(struct transaction_table *table, struct transaction *transaction,
	const struct transaction_stimulus *stimulus)
{
	transaction->interval_ms = table->config.t2_ms;
	transaction_resend(table, transaction, table->config.t2_ms, stimulus->now_ms);
	return 0;
}

static int pass_provisional(struct transaction_table *table, struct transaction *transaction,
	const struct transaction_stimulus *stimulus)
{
	transaction_indicate(table, transaction, TRANSACTION_RESPONSE, stimulus);
	return 0;
}

/* Timer K. */
static int complete(struct transaction_table *table, struct transaction *transaction,
	const struct transaction_stimulus *stimulus)
{
	transaction_stop_retransmit(table, transaction);
	transaction_forget_bytes(table, transaction);
	if (transaction_is_reliable(transaction))
		transaction_end(table, transaction);
	else
		transaction_start_expire(table, transaction, table->config.t4_ms, stimulus->now_ms);
	transaction_indicate(table, transaction, TRANSACTION_RESPONSE, stimulus);
	return 0;
}

static const struct transaction_cell client_other_cells[STATE_COUNT][INPUT_COUNT] = {
	[STATE_TRYING] =
		{
			[INPUT_START] = {trying_start, STATE_TRYING},
			[INPUT_1XX] = {pass_provisional, STATE_PROCEEDING},
			[INPUT_2XX] = {complete, STATE_COMPLETED},
			[INPUT_FINAL] = {complete, STATE_COMPLETED},
			[INPUT_RETRANSMIT] = {trying_retransmit, STATE_TRYING},
			[INPUT_EXPIRE] = {transaction_finish_timeout, STATE_TERMINATED},
			[INPUT_TRANSPORT_ERROR] = {transaction_finish_error, STATE_TERMINATED},
		},
	[STATE_PROCEEDING] =
		{
			[INPUT_1XX] = {pass_provisional, STATE_PROCEEDING},
			[INPUT_2XX] = {complete, STATE_COMPLETED},
			[INPUT_FINAL] = {complete, STATE_COMPLETED},
			[INPUT_RETRANSMIT] = {proceeding_retransmit, STATE_PROCEEDING},
			[INPUT_EXPIRE] = {transaction_finish_timeout, STATE_TERMINATED},
			[INPUT_TRANSPORT_ERROR] = {transaction_finish_error, STATE_TERMINATED},
		},
	[STATE_COMPLETED] =
		{
			[INPUT_1XX] = {transaction_ignore, STATE_COMPLETED},
			[INPUT_2XX] = {transaction_ignore, STATE_COMPLETED},
			[INPUT_FINAL] = {transaction_ignore, STATE_COMPLETED},
			[INPUT_EXPIRE] = {transaction_finish, STATE_TERMINATED},
			[INPUT_TRANSPORT_ERROR] = {transaction_ignore, STATE_COMPLETED},
		},
};

const struct transaction_machine transaction_client_other = {
	.name = "client non-INVITE",
	.cells = client_other_cells,
	.is_server = false,
	.is_invite = false,
};
