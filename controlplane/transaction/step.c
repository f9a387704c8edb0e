/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What the actions of the four machines are made of: timers, stored bytes, sending and telling.
 */
#include "transaction/machine.h"

#include <tandem/time.h>

#include <errno.h>

uint64_t transaction_64_t1_ms(const struct transaction_table *table)
{
	return (uint64_t)TIMER_EXPIRY_FACTOR * table->config.t1_ms;
}

bool transaction_is_reliable(const struct transaction *transaction)
{
	return transaction->flow.transport != SIP_TRANSPORT_UDP;
}

void transaction_start_retransmit(struct transaction_table *table, struct transaction *transaction,
	uint32_t interval_ms, uint64_t now_ms)
{
	transaction->interval_ms = interval_ms;
	wheel_start(table->wheel, &transaction->retransmit.timer, td_after(now_ms, interval_ms));
}

void transaction_stop_retransmit(struct transaction_table *table, struct transaction *transaction)
{
	wheel_stop(table->wheel, &transaction->retransmit.timer);
}

void transaction_start_expire(struct transaction_table *table, struct transaction *transaction,
	uint64_t delay_ms, uint64_t now_ms)
{
	wheel_start(table->wheel, &transaction->expire.timer, td_after(now_ms, delay_ms));
}

void transaction_resend(struct transaction_table *table, struct transaction *transaction,
	uint64_t limit_ms, uint64_t now_ms)
{
	uint64_t interval_ms = 2 * (uint64_t)transaction->interval_ms;

	if (interval_ms > limit_ms)
		interval_ms = limit_ms;
	if (interval_ms > UINT32_MAX)
		interval_ms = UINT32_MAX;
	transaction_start_retransmit(table, transaction, (uint32_t)interval_ms, now_ms);
	table->counts.retransmissions_sent++;
	transaction_send(table, transaction);
}

void transaction_send(struct transaction_table *table, struct transaction *transaction)
{
	if (transaction->bytes != NULL)
		table->sink.send(table->sink.context, &transaction->flow, transaction->bytes,
			transaction->bytes_length);
}

int transaction_store(struct transaction_table *table, struct transaction *transaction,
	const char *bytes, size_t length)
{
	char *copy;

	if (length == 0 || length > SIP_MESSAGE_MAX_BYTES)
		return -EINVAL;
	copy = heap_copy(&table->heap, bytes, length);
	if (copy == NULL)
		return -ENOMEM;
	heap_free(&table->heap, transaction->bytes);
	transaction->bytes = copy;
	transaction->bytes_length = (uint32_t)length;
	return 0;
}

void transaction_forget_bytes(struct transaction_table *table, struct transaction *transaction)
{
	heap_free(&table->heap, transaction->bytes);
	transaction->bytes = NULL;
	transaction->bytes_length = 0;
}

void transaction_indicate(struct transaction_table *table, const struct transaction *transaction,
	enum transaction_event event, const struct transaction_stimulus *stimulus)
{
	struct transaction_indication indication = {
		.event = event,
		.id = transaction->id,
		.user = transaction->user,
		.message = stimulus ? stimulus->message : NULL,
		.flow = stimulus && stimulus->flow ? stimulus->flow : &transaction->flow,
	};

	if (!transaction->is_internal)
		table->sink.indicate(table->sink.context, &indication);
}

int transaction_ignore(struct transaction_table *table, struct transaction *transaction,
	const struct transaction_stimulus *stimulus)
{
	(void)transaction;
	if (stimulus->message != NULL)
		table->counts.retransmissions_absorbed++;
	return 0;
}

int transaction_finish(struct transaction_table *table, struct transaction *transaction,
	const struct transaction_stimulus *stimulus)
{
	(void)stimulus;
	transaction_end(table, transaction);
	return 0;
}

int transaction_finish_timeout(struct transaction_table *table, struct transaction *transaction,
	const struct transaction_stimulus *stimulus)
{
	table->counts.timeouts++;
	transaction_end(table, transaction);
	transaction_indicate(table, transaction, TRANSACTION_TIMEOUT, stimulus);
	return 0;
}

int transaction_finish_error(struct transaction_table *table, struct transaction *transaction,
	const struct transaction_stimulus *stimulus)
{
	transaction_end(table, transaction);
	transaction_indicate(table, transaction, TRANSACTION_TRANSPORT_ERROR, stimulus);
	return 0;
}

int transaction_tell_error(struct transaction_table *table, struct transaction *transaction,
	const struct transaction_stimulus *stimulus)
{
	transaction_indicate(table, transaction, TRANSACTION_TRANSPORT_ERROR, stimulus);
	return 0;
}
