/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The INVITE client transaction (RFC 3261 17.1.1 with RFC 6026), with timer C (16.6) and CANCEL
 * (9.1).
 *
 *   TRYING ("Calling") --1xx--> PROCEEDING --2xx--> ACCEPTED --M--> end
 *      |  |  \--2xx--------------------------------^
 *      |  \--300..699--> COMPLETED (ACK) <--300..699-- PROCEEDING
 *      \--64 * T1 after B, transport--> end \--D--> end
 *
 * Timers B and C give up towards the user and go on for 64 * T1: with CANCEL, which after timer B
 * waits for a provisional response that comes late (else a slow peer would ring on for nobody).
 * What the peer answers is then acknowledged here, and only a 2xx is still told.
 *
 * A transport failure in COMPLETED ends nothing, though RFC 3261's figure 5 has it so: failures
 * are told per flow, the user has its final response, and the peer may still need its ACK.
 */
#include "sip/builder.h"
#include "transaction/machine.h"

#include <tandem/time.h>

#include <errno.h>
#include <stddef.h>

/* Timers A and B. */
static int calling_start(struct transaction_table *table, struct transaction *transaction,
	const struct transaction_stimulus *stimulus)
{
	if (!transaction_is_reliable(transaction))
		transaction_start_retransmit(
			table, transaction, table->config.t1_ms, stimulus->now_ms);
	else if (transaction->may_fall_back)
		transaction_start_retransmit(
			table, transaction, 2 * table->config.t1_ms, stimulus->now_ms);
	transaction_start_expire(table, transaction, transaction->timer_b_ms, stimulus->now_ms);
	transaction_send(table, transaction);
	return 0;
}

/* TCP has come to nothing: a datagram that may be lost is better than no call. Once. */
static int fall_back(struct transaction_table *table, struct transaction *transaction,
	const struct transaction_stimulus *stimulus)
{
	transaction->may_fall_back = false;
	if (!sip_via_rename(transaction->bytes, transaction->bytes_length, SIP_TRANSPORT_UDP))
		return transaction_finish_error(table, transaction, stimulus);
	transaction->flow.transport = SIP_TRANSPORT_UDP;
	transaction->flow.connection_id = 0;
	table->counts.fallbacks++;
	transaction_start_retransmit(table, transaction, table->config.t1_ms, stimulus->now_ms);
	transaction_send(table, transaction);
	return 0;
}

static int calling_retransmit(struct transaction_table *table, struct transaction *transaction,
	const struct transaction_stimulus *stimulus)
{
	if (transaction->may_fall_back)
		return fall_back(table, transaction, stimulus);
	transaction_resend(table, transaction, TD_NEVER, stimulus->now_ms);
	return 0;
}

/* From here on only ACK and CANCEL can be needed of the request: keep their common parts. If
 * memory is short the whole request serves as well. */
static void keep_skeleton(struct transaction_table *table, struct transaction *transaction)
{
	struct sip_message invite;
	int length;

	transaction_stop_retransmit(table, transaction);
	if (transaction->is_skeleton || transaction_parse_stored(transaction, &invite) != 0)
		return;
	length = transaction_derive_cancel(table, &invite, SPAN(""));
	if (length > 0 &&
		transaction_store(table, transaction, table->scratch, (size_t)length) == 0)
		transaction->is_skeleton = true;
}

/* Gives the waiting CANCEL its own transaction. */
static void send_cancel(
	struct transaction_table *table, struct transaction *transaction, uint64_t now_ms)
{
	struct span cancel = {transaction->cancel_bytes, transaction->cancel_length};
	struct span method;
	struct sip_via via;
	struct transaction *child;
	struct transaction_stimulus start = {.input = INPUT_START, .now_ms = now_ms};

	transaction->cancel = CANCEL_SENT;
	/* RFC 3261 9.1: without a final response 64 * T1 after the CANCEL it is over. */
	transaction_start_expire(table, transaction, transaction_64_t1_ms(table), now_ms);
	child = transaction_create(table, &transaction_client_other, &transaction->flow);
	if (child != NULL)
		child->is_internal = true;
	if (child == NULL || sip_request_peek(cancel, &method, &via) != 0) {
		/* Full: it goes out once, unrepeated. */
		table->sink.send(table->sink.context, &transaction->flow, transaction->cancel_bytes,
			transaction->cancel_length);
		if (child != NULL)
			transaction_end(table, child);
		heap_free(&table->heap, transaction->cancel_bytes);
	} else {
		child->timer_b_ms = (uint32_t)transaction_64_t1_ms(table);
		child->bytes = transaction->cancel_bytes;
		child->bytes_length = transaction->cancel_length;
		child->key = transaction_key_client(table, via.branch, method);
		transaction_publish(table, child);
		(void)transaction_step(table, child, &start); /* can't fail */
	}
	transaction->cancel_bytes = NULL;
}

static int calling_provisional(struct transaction_table *table, struct transaction *transaction,
	const struct transaction_stimulus *stimulus)
{
	keep_skeleton(table, transaction);
	if (transaction->cancel == CANCEL_WANTED)
		send_cancel(table, transaction, stimulus->now_ms);
	else
		transaction_start_expire(
			table, transaction, table->config.timer_c_ms, stimulus->now_ms);
	if (!transaction->is_given_up)
		transaction_indicate(table, transaction, TRANSACTION_RESPONSE, stimulus);
	return 0;
}

static int proceeding_provisional(struct transaction_table *table, struct transaction *transaction,
	const struct transaction_stimulus *stimulus)
{
	/* RFC 3261 16.7: timer C starts anew with 101 to 199, not with 100. */
	if (transaction->cancel == CANCEL_NONE && stimulus->message->status > 100)
		transaction_start_expire(
			table, transaction, table->config.timer_c_ms, stimulus->now_ms);
	if (!transaction->is_given_up)
		transaction_indicate(table, transaction, TRANSACTION_RESPONSE, stimulus);
	return 0;
}

/* Timer M. */
static int accept_first(struct transaction_table *table, struct transaction *transaction,
	const struct transaction_stimulus *stimulus)
{
	transaction_stop_retransmit(table, transaction);
	transaction_forget_bytes(table, transaction);
	transaction_start_expire(table, transaction, transaction_64_t1_ms(table), stimulus->now_ms);
	transaction_indicate(table, transaction, TRANSACTION_RESPONSE, stimulus);
	return 0;
}

/* A 2xx again, or from another fork: the user knows its dialogs. */
static int accept_more(struct transaction_table *table, struct transaction *transaction,
	const struct transaction_stimulus *stimulus)
{
	transaction_indicate(table, transaction, TRANSACTION_RESPONSE, stimulus);
	return 0;
}

static void acknowledge(struct transaction_table *table, struct transaction *transaction,
	const struct transaction_stimulus *stimulus)
{
	struct sip_message invite;
	int length;

	if (transaction_parse_stored(transaction, &invite) != 0)
		return;
	length = transaction_derive_ack(table, &invite, stimulus->message);
	if (length > 0)
		table->sink.send(
			table->sink.context, &transaction->flow, table->scratch, (size_t)length);
}

/* Timer D. */
static int reject_first(struct transaction_table *table, struct transaction *transaction,
	const struct transaction_stimulus *stimulus)
{
	uint64_t d_ms = transaction_64_t1_ms(table);

	if (d_ms < TIMER_D_MIN_MS)
		d_ms = TIMER_D_MIN_MS;
	keep_skeleton(table, transaction);
	acknowledge(table, transaction, stimulus);
	if (transaction_is_reliable(transaction))
		transaction_end(table, transaction);
	else
		transaction_start_expire(table, transaction, d_ms, stimulus->now_ms);
	if (!transaction->is_given_up)
		transaction_indicate(table, transaction, TRANSACTION_RESPONSE, stimulus);
	return 0;
}

static int reject_again(struct transaction_table *table, struct transaction *transaction,
	const struct transaction_stimulus *stimulus)
{
	table->counts.retransmissions_absorbed++;
	table->counts.retransmissions_sent++;
	acknowledge(table, transaction, stimulus);
	return 0;
}

/* A fork answers after another one's failure ended the INVITE: unanswered it would wait 32 s for
 * its ACK, so the user ends it as it does without a transaction. */
static int completed_2xx(struct transaction_table *table, struct transaction *transaction,
	const struct transaction_stimulus *stimulus)
{
	struct transaction_indication indication = {.event = TRANSACTION_STRAY_2XX,
		.message = stimulus->message,
		.flow = stimulus->flow};

	(void)transaction;
	table->sink.indicate(table->sink.context, &indication);
	return 0;
}

static int calling_cancel(struct transaction_table *table, struct transaction *transaction,
	const struct transaction_stimulus *stimulus)
{
	if (transaction->cancel != CANCEL_NONE)
		return 0; /* it waits already */
	transaction->cancel_bytes = heap_copy(&table->heap, stimulus->bytes, stimulus->length);
	if (transaction->cancel_bytes == NULL)
		return -ENOMEM;
	transaction->cancel_length = (uint32_t)stimulus->length;
	transaction->cancel = CANCEL_WANTED;
	return 0;
}

static int proceeding_cancel(struct transaction_table *table, struct transaction *transaction,
	const struct transaction_stimulus *stimulus)
{
	int error;

	if (transaction->cancel == CANCEL_SENT)
		return 0;
	error = calling_cancel(table, transaction, stimulus);
	if (error == 0)
		send_cancel(table, transaction, stimulus->now_ms);
	return error;
}

/* Cancels for a user that no longer waits. */
static int cancel_unasked(struct transaction_table *table, struct transaction *transaction,
	const struct transaction_stimulus *stimulus)
{
	struct transaction_stimulus cancel = *stimulus;
	struct sip_message invite;
	int length = -EBADMSG;

	if (transaction_parse_stored(transaction, &invite) == 0)
		length = transaction_derive_cancel(table, &invite, SPAN(""));
	if (length < 0)
		return length;
	cancel.bytes = table->scratch;
	cancel.length = (size_t)length;
	return transaction->state == STATE_TRYING ? calling_cancel(table, transaction, &cancel)
						  : proceeding_cancel(table, transaction, &cancel);
}

static int give_up(struct transaction_table *table, struct transaction *transaction,
	const struct transaction_stimulus *stimulus)
{
	table->counts.timeouts++;
	transaction->is_given_up = true;
	transaction_indicate(table, transaction, TRANSACTION_TIMEOUT, stimulus);
	return 0;
}

/* Timer B, or 64 * T1 after it. */
static int calling_expire(struct transaction_table *table, struct transaction *transaction,
	const struct transaction_stimulus *stimulus)
{
	if (transaction->is_given_up)
		return transaction_finish(table, transaction, stimulus);
	if (transaction->cancel == CANCEL_NONE && cancel_unasked(table, transaction, stimulus) != 0)
		return transaction_finish_timeout(table, transaction, stimulus);
	keep_skeleton(table, transaction);
	transaction_start_expire(table, transaction, transaction_64_t1_ms(table), stimulus->now_ms);
	return give_up(table, transaction, stimulus);
}

static int calling_error(struct transaction_table *table, struct transaction *transaction,
	const struct transaction_stimulus *stimulus)
{
	if (transaction->may_fall_back && !transaction->is_given_up)
		return fall_back(table, transaction, stimulus);
	return transaction->is_given_up ? transaction_finish(table, transaction, stimulus)
					: transaction_finish_error(table, transaction, stimulus);
}

/* Timer C, or 64 * T1 after a CANCEL. */
static int proceeding_expire(struct transaction_table *table, struct transaction *transaction,
	const struct transaction_stimulus *stimulus)
{
	if (transaction->is_given_up)
		return transaction_finish(table, transaction, stimulus);
	if (transaction->cancel != CANCEL_NONE || cancel_unasked(table, transaction, stimulus) != 0)
		return transaction_finish_timeout(table, transaction, stimulus);
	return give_up(table, transaction, stimulus);
}

static const struct transaction_cell client_invite_cells[STATE_COUNT][INPUT_COUNT] = {
	[STATE_TRYING] =
		{
			[INPUT_START] = {calling_start, STATE_TRYING},
			[INPUT_1XX] = {calling_provisional, STATE_PROCEEDING},
			[INPUT_2XX] = {accept_first, STATE_ACCEPTED},
			[INPUT_FINAL] = {reject_first, STATE_COMPLETED},
			[INPUT_CANCEL] = {calling_cancel, STATE_TRYING},
			[INPUT_RETRANSMIT] = {calling_retransmit, STATE_TRYING},
			[INPUT_EXPIRE] = {calling_expire, STATE_TRYING},
			[INPUT_TRANSPORT_ERROR] = {calling_error, STATE_TRYING},
		},
	[STATE_PROCEEDING] =
		{
			[INPUT_1XX] = {proceeding_provisional, STATE_PROCEEDING},
			[INPUT_2XX] = {accept_first, STATE_ACCEPTED},
			[INPUT_FINAL] = {reject_first, STATE_COMPLETED},
			[INPUT_CANCEL] = {proceeding_cancel, STATE_PROCEEDING},
			[INPUT_EXPIRE] = {proceeding_expire, STATE_PROCEEDING},
			[INPUT_TRANSPORT_ERROR] = {transaction_ignore, STATE_PROCEEDING},
		},
	[STATE_ACCEPTED] =
		{
			[INPUT_1XX] = {transaction_ignore, STATE_ACCEPTED},
			[INPUT_2XX] = {accept_more, STATE_ACCEPTED},
			[INPUT_FINAL] = {transaction_ignore, STATE_ACCEPTED},
			[INPUT_EXPIRE] = {transaction_finish, STATE_TERMINATED},
			[INPUT_TRANSPORT_ERROR] = {transaction_ignore, STATE_ACCEPTED},
		},
	[STATE_COMPLETED] =
		{
			[INPUT_1XX] = {transaction_ignore, STATE_COMPLETED},
			[INPUT_2XX] = {completed_2xx, STATE_COMPLETED},
			[INPUT_FINAL] = {reject_again, STATE_COMPLETED},
			[INPUT_EXPIRE] = {transaction_finish, STATE_TERMINATED},
			[INPUT_TRANSPORT_ERROR] = {transaction_ignore, STATE_COMPLETED},
		},
};

const struct transaction_machine transaction_client_invite = {
	.name = "client INVITE",
	.cells = client_invite_cells,
	.is_server = false,
	.is_invite = true,
};
