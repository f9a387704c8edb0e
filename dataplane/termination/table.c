/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The life of a slot: adopted or created, retired, reclaimed, rested, free. Control thread only;
 * what workers may still hold is never changed here.
 */
#include "termination/report.h"
#include "termination/table_private.h"

#include <tandem/time.h>

#include <errno.h>
#include <stdlib.h>

void slot_list_push(struct termination_table *table, struct slot_list *list, uint32_t slot)
{
	table->notes[slot].next = TERMINATION_NO_SLOT;
	if (list->count == 0)
		list->first = slot;
	else
		table->notes[list->last].next = slot;
	list->last = slot;
	list->count++;
}

uint32_t slot_list_pop(struct termination_table *table, struct slot_list *list)
{
	uint32_t slot = list->first;

	if (list->count == 0)
		return TERMINATION_NO_SLOT;
	list->first = table->notes[slot].next;
	list->count--;
	return slot;
}

static void set_peer(struct termination_table *table, uint32_t slot, uint32_t peer_slot)
{
	/* partner: acquire load in termination_peer */
	atomic_store_explicit(
		&table->terminations[slot].match.peer_slot, peer_slot, memory_order_release);
}

static uint32_t peer_of(const struct termination_table *table, uint32_t slot)
{
	return atomic_load_explicit(
		&table->terminations[slot].match.peer_slot, memory_order_relaxed);
}

void table_join(struct termination_table *table, uint32_t slot, uint64_t context_id)
{
	uint32_t other = id_map_find(&table->contexts, context_id);

	table->terminations[slot].spec.context_id = context_id;
	if (other == ID_MAP_NONE) {
		id_map_put(&table->contexts, context_id, slot);
		set_peer(table, slot, TERMINATION_NO_SLOT);
		return;
	}
	set_peer(table, slot, other);
	set_peer(table, other, slot);
}

void table_part(struct termination_table *table, uint32_t slot)
{
	uint64_t context_id = table->terminations[slot].spec.context_id;
	uint32_t other = peer_of(table, slot);

	if (other == TERMINATION_NO_SLOT) {
		id_map_remove(&table->contexts, context_id);
		return;
	}
	set_peer(table, other, TERMINATION_NO_SLOT);
	set_peer(table, slot, TERMINATION_NO_SLOT);
	id_map_put(&table->contexts, context_id, other);
}

void table_publish(struct termination_table *table, uint32_t slot)
{
	uint8_t owner = (uint8_t)(table_owner(table, slot) + 1);

	table_set_state(table, slot, TERMINATION_LIVE);
	table->live_count++;
	/* partner: acquire loads in termination_sweep_run and termination_change_run */
	atomic_store_explicit(&table->owners[slot], owner, memory_order_release);
	port_index_publish(
		table_index(table, slot), table->terminations[slot].match.local_port, slot);
}

static void rest(struct termination_table *table, uint32_t slot, uint64_t now_ns)
{
	table_set_state(table, slot, TERMINATION_RESTING);
	table->notes[slot].rest_until_ns =
		td_after(now_ns, (uint64_t)table->config.port_rest_ms * TD_NS_PER_MS);
	slot_list_push(table, &table->resting, slot);
}

/* Takes over what a former process left in a slot. */
static void adopt(struct termination_table *table, uint32_t slot, uint64_t now_ns)
{
	struct termination *termination = &table->terminations[slot];

	set_peer(table, slot, TERMINATION_NO_SLOT);
	if (table_state(table, slot) == TERMINATION_FREE) {
		slot_list_push(table, &table->idle, slot);
		return;
	}
	id_map_put(&table->ids, termination->id, slot);
	if (table_state(table, slot) == TERMINATION_LIVE) {
		/* The last command may not have reached the worker that is gone now. */
		termination_apply(termination, &termination->spec, now_ns);
		table_publish(table, slot);
		return;
	}
	port_index_retire(table_index(table, slot), termination->match.local_port);
	rest(table, slot, now_ns);
}

int termination_table_create(struct termination_table **ret_table,
	const struct termination_table_config *config, uint64_t now_ns)
{
	struct termination_table *table;
	uint32_t capacity = ((const struct arena_header *)config->arena)->capacity;

	if (capacity == 0 || config->plan->address_count == 0 || config->plan->worker_count == 0 ||
		config->plan->worker_count >= UINT8_MAX)
		return -EINVAL;
	table = calloc(1, sizeof(*table));
	if (table == NULL)
		return -ENOMEM;
	table->config = *config;
	table->header = config->arena;
	table->terminations = arena_terminations(config->arena);
	table->owners = calloc(capacity, sizeof(*table->owners));
	table->notes = calloc(capacity, sizeof(*table->notes));
	for (uint32_t i = 0; i < config->plan->address_count; i++) {
		table->indexes[i] = calloc(1, sizeof(*table->indexes[i]));
		if (table->indexes[i] == NULL)
			goto err_memory;
	}
	if (table->owners == NULL || table->notes == NULL ||
		id_map_init(&table->ids, capacity) != 0 ||
		id_map_init(&table->contexts, capacity) != 0)
		goto err_memory;
	for (uint32_t slot = 0; slot < capacity; slot++)
		adopt(table, slot, now_ns);
	for (uint32_t slot = 0; slot < capacity; slot++) {
		if (table_state(table, slot) == TERMINATION_LIVE)
			table_join(table, slot, table->terminations[slot].spec.context_id);
	}
	*ret_table = table;
	return 0;

err_memory:
	termination_table_destroy(table);
	return -ENOMEM;
}

void termination_table_destroy(struct termination_table *table)
{
	if (table == NULL)
		return;
	for (uint32_t i = 0; i < MEDIA_ADDRESSES_MAX; i++)
		free(table->indexes[i]);
	id_map_fini(&table->ids);
	id_map_fini(&table->contexts);
	free(table->notes);
	free((void *)table->owners);
	free(table);
}

const struct port_index *termination_table_index(
	const struct termination_table *table, uint32_t media_address)
{
	return media_address < table->config.plan->address_count ? table->indexes[media_address]
								 : NULL;
}

_Atomic uint8_t *termination_table_owners(struct termination_table *table)
{
	return table->owners;
}

const struct termination *termination_table_find(
	const struct termination_table *table, uint64_t termination_id)
{
	uint32_t slot = id_map_find(&table->ids, termination_id);

	return slot != ID_MAP_NONE && table_state(table, slot) == TERMINATION_LIVE
		       ? &table->terminations[slot]
		       : NULL;
}

static void describe(const struct termination_table *table, uint32_t slot, uint64_t wall_offset_ns,
	struct termination_departure *departure)
{
	const struct termination *termination = &table->terminations[slot];

	departure->termination_id = termination->id;
	departure->cookie = table->notes[slot].cookie;
	departure->epoch = termination->spec.epoch;
	termination_snapshot(termination, wall_offset_ns, &departure->stats);
}

bool termination_table_find_departed(const struct termination_table *table, uint64_t termination_id,
	uint64_t wall_offset_ns, struct termination_departure *ret_gone)
{
	uint32_t slot = id_map_find(&table->ids, termination_id);

	if (slot == ID_MAP_NONE || table_state(table, slot) != TERMINATION_RESTING)
		return false;
	describe(table, slot, wall_offset_ns, ret_gone);
	return true;
}

const struct termination *termination_table_next(
	const struct termination_table *table, uint32_t *cursor)
{
	while (*cursor < table->header->capacity) {
		uint32_t slot = (*cursor)++;

		if (table_state(table, slot) == TERMINATION_LIVE)
			return &table->terminations[slot];
	}
	return NULL;
}

uint32_t termination_table_begin_grace(struct termination_table *table)
{
	/* Slots that came in while a batch waits belong to the next one. */
	for (uint32_t left = table->grace.count == 0 ? table->retired.count : 0; left != 0;
		left--) {
		uint32_t slot = slot_list_pop(table, &table->retired);

		/* partner: release store in termination_change_run */
		if (atomic_load_explicit(&table->owners[slot], memory_order_acquire) == 0)
			slot_list_push(table, &table->grace, slot);
		else
			slot_list_push(table, &table->retired, slot);
	}
	return table->grace.count;
}

void termination_table_reclaim(struct termination_table *table, uint64_t now_ns,
	uint64_t wall_offset_ns, void (*gone)(void *sink, const struct termination_departure *))
{
	uint32_t slot;

	while ((slot = slot_list_pop(table, &table->grace)) != TERMINATION_NO_SLOT) {
		struct termination_departure departure;

		describe(table, slot, wall_offset_ns, &departure);
		rest(table, slot, now_ns);
		gone(table->config.sink, &departure);
	}
}

void termination_table_wake(struct termination_table *table, uint64_t now_ns)
{
	while (table->resting.count != 0 &&
		now_ns >= table->notes[table->resting.first].rest_until_ns) {
		uint32_t slot = slot_list_pop(table, &table->resting);
		struct termination *termination = &table->terminations[slot];

		port_index_clear(table_index(table, slot), termination->match.local_port);
		id_map_remove(&table->ids, termination->id);
		table_set_state(table, slot, TERMINATION_FREE);
		slot_list_push(table, &table->idle, slot);
	}
}

void termination_table_gauges(
	const struct termination_table *table, struct termination_table_gauges *ret_gauges)
{
	*ret_gauges = (struct termination_table_gauges){
		.capacity = table->header->capacity,
		.live = table->live_count,
		.retired = table->retired.count + table->grace.count,
		.resting = table->resting.count,
		.contexts = table->contexts.count,
	};
}
