/* SPDX-License-Identifier: Apache-2.0 */
/*
 * ADD, MODIFY, MOVE and SUBTRACT: decides what the reply says, and does it only if that is OK.
 * Called by the command socket's thread. The rules of epochs: an older one is refused, the same
 * one was carried out before, a newer one is.
 */
#include "termination/spec.h"
#include "termination/table_private.h"

enum {
	GENERATION_MAX = (1 << 24) - 1, /* termination_feed shifts it by 8 */
};

/* Asks the owner of a slot to apply spec, or, without one, to let go; false if its ring is full. */
static bool send_change(
	struct termination_table *table, uint32_t slot, const struct td_termination_spec *spec)
{
	const struct termination *termination = &table->terminations[slot];
	struct termination_change change = {
		.kind = TERMINATION_CHANGE_RELEASE,
		.slot = slot,
		.generation = termination->match.generation,
	};

	if (spec != NULL) {
		change.kind = TERMINATION_CHANGE_APPLY;
		change.has_moved = spec->context_id != termination->spec.context_id;
		change.spec = *spec;
	}
	return table->config.send(table->config.sink, table_owner(table, slot), &change);
}

/* May a termination with this local port be in a context? One worker serves both parties. */
static enum td_result check_context(const struct termination_table *table, uint64_t context_id,
	uint32_t own_slot, uint16_t local_port)
{
	uint32_t first = id_map_find(&table->contexts, context_id);
	uint32_t second;

	if (first == ID_MAP_NONE)
		return TD_RESULT_OK;
	second = atomic_load_explicit(
		&table->terminations[first].match.peer_slot, memory_order_relaxed);
	if (first == own_slot || (second != TERMINATION_NO_SLOT && second == own_slot))
		return TD_RESULT_OK;
	if (second != TERMINATION_NO_SLOT)
		return TD_RESULT_CONTEXT_FULL;
	return table_owner(table, first) ==
			       td_port_owner(local_port, table->config.plan->worker_count)
		       ? TD_RESULT_OK
		       : TD_RESULT_WORKER_FOREIGN;
}

static enum td_result check_port(
	const struct termination_table *table, const struct td_termination_spec *spec)
{
	uint8_t address = media_plan_find(
		table->config.plan, spec->local.ip.family, media_ip_from_td(&spec->local.ip));
	uint32_t entry = port_index_lookup(table->indexes[address], spec->local.port);

	if (entry == PORT_ENTRY_RESTING)
		return TD_RESULT_PORT_RESTING;
	return entry == PORT_ENTRY_NONE ? TD_RESULT_OK : TD_RESULT_PORT_IN_USE;
}

static uint32_t next_generation(struct termination_table *table)
{
	uint32_t generation = table->header->generation_last;

	generation = generation >= GENERATION_MAX ? 1 : generation + 1;
	table->header->generation_last = generation;
	return generation;
}

static void create(struct termination_table *table, const struct td_termination_spec *spec,
	uint32_t slot, uint64_t now_ns)
{
	uint64_t identity = table->config.random(table->config.sink);
	uint64_t start = table->config.random(table->config.sink);
	struct termination_random random = {
		.ssrc = (uint32_t)identity,
		.timestamp_ts = (uint32_t)(identity >> 32),
		.rtcp = (uint32_t)start,
		.sequence = (uint16_t)(start >> 32),
	};

	/* The record is free until it is complete: a crash in here leaves nothing behind. */
	termination_init(&table->terminations[slot], spec, next_generation(table), &random, now_ns);
	table->notes[slot].cookie = 0;
	id_map_put(&table->ids, spec->termination_id, slot);
	table_join(table, slot, spec->context_id);
	table_publish(table, slot);
}

static bool is_same_local(
	const struct termination_table *table, uint32_t slot, const struct td_endpoint *local)
{
	return td_endpoint_equal(&table->terminations[slot].spec.local, local);
}

/* The epoch comes last: if the process dies in here, the command is repeated after the restart,
 * and must not be taken for carried out. */
static void store_spec(struct termination *termination, const struct td_termination_spec *spec)
{
	struct td_termination_spec pending = *spec;

	pending.epoch = termination->spec.epoch;
	termination->spec = pending;
	atomic_signal_fence(memory_order_seq_cst);
	termination->spec.epoch = spec->epoch;
}

/* Brings a live termination to a newer specification. */
static enum td_result change(
	struct termination_table *table, uint32_t slot, const struct td_termination_spec *spec)
{
	struct termination *termination = &table->terminations[slot];
	enum td_result result;

	if (spec->epoch < termination->spec.epoch)
		return TD_RESULT_STALE_EPOCH;
	if (!is_same_local(table, slot, &spec->local))
		return TD_RESULT_BAD_VALUE;
	if (spec->epoch == termination->spec.epoch)
		return TD_RESULT_OK;
	result = check_context(table, spec->context_id, slot, spec->local.port);
	if (result != TD_RESULT_OK)
		return result;
	if (!send_change(table, slot, spec))
		return TD_RESULT_BUSY;
	if (spec->context_id != termination->spec.context_id) {
		table_part(table, slot);
		table_join(table, slot, spec->context_id);
	}
	store_spec(termination, spec);
	return TD_RESULT_OK;
}

enum td_result termination_table_add(
	struct termination_table *table, const struct td_termination_spec *spec, uint64_t now_ns)
{
	enum td_result result = termination_spec_check(spec, table->config.plan);
	uint32_t slot;

	if (result != TD_RESULT_OK)
		return result;
	slot = id_map_find(&table->ids, spec->termination_id);
	if (slot != ID_MAP_NONE)
		return table_state(table, slot) == TERMINATION_LIVE ? change(table, slot, spec)
								    : TD_RESULT_STALE_EPOCH;
	result = check_port(table, spec);
	if (result != TD_RESULT_OK)
		return result;
	result = check_context(table, spec->context_id, TERMINATION_NO_SLOT, spec->local.port);
	if (result != TD_RESULT_OK)
		return result;
	slot = slot_list_pop(table, &table->idle);
	if (slot == TERMINATION_NO_SLOT)
		return TD_RESULT_FULL;
	create(table, spec, slot, now_ns);
	return TD_RESULT_OK;
}

enum td_result termination_table_modify(
	struct termination_table *table, const struct td_termination_spec *spec)
{
	enum td_result result = termination_spec_check(spec, table->config.plan);
	uint32_t slot = id_map_find(&table->ids, spec->termination_id);

	if (result != TD_RESULT_OK)
		return result;
	if (slot == ID_MAP_NONE || table_state(table, slot) != TERMINATION_LIVE)
		return TD_RESULT_UNKNOWN;
	return change(table, slot, spec);
}

enum td_result termination_table_move(struct termination_table *table, uint64_t termination_id,
	uint64_t context_id, uint32_t epoch)
{
	uint32_t slot = id_map_find(&table->ids, termination_id);
	struct td_termination_spec spec;

	if (context_id == 0 || epoch == 0)
		return TD_RESULT_BAD_VALUE;
	if (slot == ID_MAP_NONE || table_state(table, slot) != TERMINATION_LIVE)
		return TD_RESULT_UNKNOWN;
	spec = table->terminations[slot].spec;
	if (epoch == spec.epoch && context_id != spec.context_id)
		return TD_RESULT_STALE_EPOCH;
	spec.epoch = epoch;
	spec.context_id = context_id;
	return change(table, slot, &spec);
}

enum td_result termination_table_subtract(struct termination_table *table,
	const struct td_command_subtract *command, uint64_t cookie, bool *ret_departed)
{
	uint32_t slot = id_map_find(&table->ids, command->termination_id);
	struct termination *termination;

	if (slot == ID_MAP_NONE)
		return TD_RESULT_UNKNOWN;
	termination = &table->terminations[slot];
	if (command->epoch < termination->spec.epoch)
		return TD_RESULT_STALE_EPOCH;
	if (table_state(table, slot) != TERMINATION_LIVE) {
		*ret_departed = table_state(table, slot) == TERMINATION_RESTING;
		table->notes[slot].cookie = cookie;
		return TD_RESULT_OK;
	}
	/* Unreachable first: once the worker let go of it, no packet may lead to it any more. */
	port_index_retire(table_index(table, slot), termination->match.local_port);
	table_part(table, slot);
	if (!send_change(table, slot, NULL)) {
		table_join(table, slot, termination->spec.context_id);
		port_index_publish(table_index(table, slot), termination->match.local_port, slot);
		return TD_RESULT_BUSY;
	}
	table_set_state(table, slot, TERMINATION_RETIRED);
	table->live_count--;
	table->notes[slot].cookie = cookie;
	slot_list_push(table, &table->retired, slot);
	*ret_departed = false;
	return TD_RESULT_OK;
}
