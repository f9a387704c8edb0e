/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The transactions of one loop: their memory, indexes, timers and end, and the frame in which
 * the machines run. What comes from the wire enters in receive.c, what the transaction user wants
 * in client.c and server.c.
 */
#include "transaction/machine.h"

#include <tandem/bytes.h>
#include <tandem/time.h>

#include <errno.h>
#include <stdlib.h>
#include <string.h>

enum {
	TIMER_MAX_MS = 3600000, /* sanity of T1 and T2: 64 * T1 must fit 32 bits */
};

static int table_create_parts(struct transaction_table *table)
{
	const struct transaction_config *config = &table->config;
	int error;

	table->wheel = malloc(sizeof(*table->wheel));
	table->scratch = malloc(SIP_MESSAGE_MAX_BYTES);
	if (table->wheel == NULL || table->scratch == NULL)
		return -ENOMEM;
	wheel_init(table->wheel, 0);
	error = slab_create(config->capacity, sizeof(struct transaction), &table->slab);
	if (error == 0)
		error = table_create(config->capacity, config->seed, &table->by_key);
	if (error == 0)
		error = table_create(config->capacity, config->seed, &table->by_peer);
	if (error == 0)
		error = table_create(config->capacity, config->seed, &table->merged);
	return error;
}

int transaction_table_create(const struct transaction_config *config,
	const struct transaction_sink *sink, struct transaction_table **ret_table)
{
	struct transaction_table *table;
	int error;

	if (config->t1_ms == 0 || config->t1_ms > TIMER_MAX_MS || config->t2_ms < config->t1_ms ||
		config->t2_ms > TIMER_MAX_MS || config->t4_ms == 0 || config->timer_c_ms == 0 ||
		config->capacity == 0 || sink->send == NULL || sink->indicate == NULL)
		return -EINVAL;
	table = calloc(1, sizeof(*table));
	if (table == NULL)
		return -ENOMEM;
	table->config = *config;
	table->sink = *sink;
	table->ended_tail = &table->ended;
	error = table_create_parts(table);
	if (error != 0) {
		transaction_table_destroy(table);
		return error;
	}
	*ret_table = table;
	return 0;
}

static void transaction_free(struct transaction_table *table, struct transaction *transaction)
{
	heap_free(&table->heap, transaction->bytes);
	heap_free(&table->heap, transaction->cancel_bytes);
	slab_release(table->slab, transaction);
}

void transaction_table_destroy(struct transaction_table *table)
{
	struct transaction *transaction;
	uint32_t cursor = 0;

	if (table == NULL)
		return;
	while (table->slab != NULL && (transaction = slab_next(table->slab, &cursor)) != NULL)
		transaction_free(table, transaction);
	table_destroy(table->by_key);
	table_destroy(table->by_peer);
	table_destroy(table->merged);
	slab_destroy(table->slab);
	free(table->wheel);
	free(table->scratch);
	td_wipe(table->config.seed, sizeof(table->config.seed));
	free(table);
}

void transaction_enter(struct transaction_table *table)
{
	table->depth++;
}

void transaction_leave(struct transaction_table *table)
{
	struct transaction *transaction;

	/* The last indication may end others: they are put at the end of the same list. */
	while (table->depth == 1 && (transaction = table->ended) != NULL) {
		table->ended = transaction->next_ended;
		if (table->ended == NULL)
			table->ended_tail = &table->ended;
		transaction_indicate(table, transaction, TRANSACTION_TERMINATED, NULL);
		table_remove(table->by_peer, &transaction->peer_node);
		if (transaction->machine->is_server)
			table->counts.servers--;
		else
			table->counts.clients--;
		transaction_free(table, transaction);
	}
	table->depth--;
}

struct transaction *transaction_create(struct transaction_table *table,
	const struct transaction_machine *machine, const struct sip_flow *flow)
{
	slab_handle_t id;
	struct transaction *transaction = slab_take(table->slab, &id);

	if (transaction == NULL)
		return NULL;
	transaction->id = id;
	transaction->machine = machine;
	transaction->state = STATE_TRYING;
	transaction->retransmit.input = INPUT_RETRANSMIT;
	transaction->expire.input = INPUT_EXPIRE;
	transaction->flow = *flow;
	transaction->flow.remote.reserved = 0; /* the end point is a key of by_peer */
	memset(transaction->flow.remote.ip.reserved, 0,
		sizeof(transaction->flow.remote.ip.reserved));
	table_insert(table->by_peer, &transaction->peer_node, &transaction->flow.remote,
		sizeof(transaction->flow.remote));
	if (machine->is_server)
		table->counts.servers++;
	else
		table->counts.clients++;
	return transaction;
}

void transaction_publish(struct transaction_table *table, struct transaction *transaction)
{
	table_insert_hashed(table->by_key, &transaction->key_node, &transaction->key,
		sizeof(transaction->key), transaction->key.words[0]);
}

struct transaction *transaction_find(const struct transaction_table *table, transaction_id id)
{
	struct transaction *transaction = slab_find(table->slab, id);

	return transaction != NULL && transaction->state != STATE_TERMINATED ? transaction : NULL;
}

int transaction_step(struct transaction_table *table, struct transaction *transaction,
	const struct transaction_stimulus *stimulus)
{
	uint8_t before = transaction->state;
	const struct transaction_cell *cell = &transaction->machine->cells[before][stimulus->input];
	int error;

	if (cell->action == NULL) {
		table->counts.unexpected++;
		return -EPROTO;
	}
	/* The state comes first: the action may tell the user, who may come back at once. */
	transaction->state = cell->next;
	error = cell->action(table, transaction, stimulus);
	if (error < 0)
		transaction->state = before;
	return error;
}

void transaction_end(struct transaction_table *table, struct transaction *transaction)
{
	transaction->state = STATE_TERMINATED;
	wheel_stop(table->wheel, &transaction->retransmit.timer);
	wheel_stop(table->wheel, &transaction->expire.timer);
	table_remove(table->by_key, &transaction->key_node);
	table_remove(table->merged, &transaction->merged_node);
	*table->ended_tail = transaction;
	table->ended_tail = &transaction->next_ended;
}

static void table_expire(void *context, struct wheel_timer *timer)
{
	struct transaction_table *table = context;
	struct transaction_timer *fired = td_container_of(timer, struct transaction_timer, timer);
	struct transaction *transaction =
		fired->input == INPUT_RETRANSMIT
			? td_container_of(fired, struct transaction, retransmit)
			: td_container_of(fired, struct transaction, expire);
	struct transaction_stimulus stimulus = {
		.input = (enum transaction_input)fired->input, .now_ms = table->wheel->now_ms};

	(void)transaction_step(table, transaction, &stimulus); /* nothing to answer here */
}

void transaction_advance(struct transaction_table *table, uint64_t now_ms)
{
	transaction_enter(table);
	(void)wheel_advance(table->wheel, now_ms, table_expire, table);
	transaction_leave(table);
}

uint64_t transaction_deadline(const struct transaction_table *table)
{
	return wheel_wake_ms(table->wheel);
}

/* A failure of one connection strikes what used it, or would have used any to that peer. Whom an
 * accepted connection should have been verified for isn't known to it. */
static bool flow_strikes(const struct sip_flow *failed, const struct sip_flow *used)
{
	if (failed->transport != used->transport)
		return false;
	if (failed->connection_id != 0 && failed->connection_id == used->connection_id)
		return true;
	return failed->server_id == used->server_id &&
	       (failed->connection_id == 0 || used->connection_id == 0);
}

void transaction_transport_failed(
	struct transaction_table *table, const struct sip_flow *flow, uint64_t now_ms)
{
	struct transaction_stimulus stimulus = {.input = INPUT_TRANSPORT_ERROR, .now_ms = now_ms};
	struct td_endpoint peer = flow->remote;
	struct table_node *node;

	peer.reserved = 0;
	memset(peer.ip.reserved, 0, sizeof(peer.ip.reserved));
	transaction_enter(table);
	/* Nothing leaves this index before transaction_leave(), and what is added comes in front:
	 * the walk is safe. */
	for (node = table_find(table->by_peer, &peer, sizeof(peer)); node != NULL;
		node = table_find_next(node)) {
		struct transaction *transaction =
			td_container_of(node, struct transaction, peer_node);

		if (flow_strikes(flow, &transaction->flow))
			(void)transaction_step(table, transaction, &stimulus);
	}
	transaction_leave(table);
}

int transaction_set_user(struct transaction_table *table, transaction_id id, uint64_t user)
{
	struct transaction *transaction = transaction_find(table, id);

	if (transaction == NULL)
		return -ENOENT;
	transaction->user = user;
	return 0;
}

struct transaction_counts transaction_table_counts(const struct transaction_table *table)
{
	struct transaction_counts counts = table->counts;

	counts.memory_bytes =
		((uint64_t)counts.clients + counts.servers) * sizeof(struct transaction) +
		heap_footprint_bytes(&table->heap);
	return counts;
}
