/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The inside of the termination table, shared by table.c (life cycle) and command.c (what the
 * control plane asks for). Nobody else includes it.
 */
#ifndef TD_TERMINATION_TABLE_PRIVATE_H
#define TD_TERMINATION_TABLE_PRIVATE_H

#include "termination/arena.h"
#include "termination/id_map.h"
#include "termination/table.h"

/* A chain of slots through slot_note.next; the end is TERMINATION_NO_SLOT. */
struct slot_list {
	uint32_t first;
	uint32_t last;
	uint32_t count;
};

/* What only the control thread needs to know of a slot, and what a restart may forget. */
struct slot_note {
	uint64_t cookie;
	uint64_t rest_until_ns;
	uint32_t next;
	uint32_t reserved;
};

struct termination_table {
	struct termination_table_config config;
	struct arena_header *header;
	struct termination *terminations;
	_Atomic uint8_t *owners;			 /* owns */
	struct slot_note *notes;			 /* owns */
	struct port_index *indexes[MEDIA_ADDRESSES_MAX]; /* owns */
	struct id_map ids;				 /* of all that isn't FREE */
	struct id_map contexts;				 /* of LIVE: first party's slot */
	struct slot_list idle;
	struct slot_list retired; /* the worker hasn't let go yet */
	struct slot_list grace;	  /* waiting for a grace period */
	struct slot_list resting; /* in order of rest_until_ns */
	uint32_t live_count;
};

/* Appends a slot to a list. */
void slot_list_push(struct termination_table *table, struct slot_list *list, uint32_t slot);

/* Takes the first slot of a list, or TERMINATION_NO_SLOT. */
uint32_t slot_list_pop(struct termination_table *table, struct slot_list *list);

/* Makes a complete record reachable for its worker. */
void table_publish(struct termination_table *table, uint32_t slot);

/* Puts a termination into a context: joins it with the party that is there. */
void table_join(struct termination_table *table, uint32_t slot, uint64_t context_id);

/* Takes a termination out of its context. */
void table_part(struct termination_table *table, uint32_t slot);

static inline uint32_t table_state(const struct termination_table *table, uint32_t slot)
{
	return atomic_load_explicit(&table->terminations[slot].match.state, memory_order_relaxed);
}

static inline void table_set_state(
	struct termination_table *table, uint32_t slot, enum termination_state state)
{
	/* After all that was written to the record: a process that dies leaves no state ahead of it. */
	atomic_store_explicit(
		&table->terminations[slot].match.state, (uint32_t)state, memory_order_release);
}

/* The worker that owns a slot. */
static inline uint32_t table_owner(const struct termination_table *table, uint32_t slot)
{
	return td_port_owner(
		table->terminations[slot].match.local_port, table->config.plan->worker_count);
}

/* The index that a slot's port is in. */
static inline struct port_index *table_index(const struct termination_table *table, uint32_t slot)
{
	const struct termination_match *match = &table->terminations[slot].match;

	return table
		->indexes[media_plan_find(table->config.plan, match->local_family, match->local)];
}

#endif
