/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The control thread's view of all terminations: which id lives in which slot, who shares a
 * context, which ports rest. Carries out the contract's commands: checks, changes records that
 * nobody sees yet, publishes, and asks the owning worker for the rest. One thread only.
 *
 *   FREE --add--> LIVE --subtract--> RETIRED --worker released, grace period--> RESTING --> FREE
 */
#ifndef TD_TERMINATION_TABLE_H
#define TD_TERMINATION_TABLE_H

#include "termination/change.h"
#include "termination/plan.h"
#include "termination/port_index.h"
#include "termination/termination.h"

#include <tandem/compiler.h>
#include <tandem/contract.h>

#include <stdbool.h>
#include <stdint.h>

struct termination_table;

struct termination_table_config {
	void *arena;		       /* formatted or attached; borrows until destroyed */
	const struct media_plan *plan; /* borrows until destroyed */
	uint32_t port_rest_ms;
	/* Puts a change (copies) into the ring of a worker; false: full, nothing changes. */
	bool (*send)(void *sink, uint32_t worker, const struct termination_change *change);
	/* 64 random bits, not predictable for the peers. */
	uint64_t (*random)(void *sink);
	void *sink;
};

/* A termination that is gone for good. */
struct termination_departure {
	uint64_t termination_id;
	uint64_t cookie; /* as given to termination_table_subtract; 0 after a restart */
	uint32_t epoch;
	struct td_termination_stats stats; /* the final figures */
};

/* Makes a table over an arena and publishes what lives in it; records that were being removed
 * when the process ended rest from now on. -ENOMEM; -EINVAL: no capacity or no plan. gives
 * *ret_table. Before workers run. */
td_must_check int termination_table_create(struct termination_table **ret_table,
	const struct termination_table_config *config, uint64_t now_ns);

/* Frees the table, not the arena; accepts NULL. After workers ended. */
void termination_table_destroy(struct termination_table *table);

/* For the workers: the index of a media address, and the owners that the sweep reads. */
const struct port_index *termination_table_index(
	const struct termination_table *table, uint32_t media_address);
_Atomic uint8_t *termination_table_owners(struct termination_table *table);

/* Commands; each returns what the reply says and changes nothing unless that is OK. */
enum td_result termination_table_add(
	struct termination_table *table, const struct td_termination_spec *spec, uint64_t now_ns);
enum td_result termination_table_modify(
	struct termination_table *table, const struct td_termination_spec *spec);
enum td_result termination_table_move(struct termination_table *table, uint64_t termination_id,
	uint64_t context_id, uint32_t epoch);

/* Makes a termination unreachable and asks its worker to let go of it. OK with *ret_departed
 * false: the figures follow through termination_table_reclaim, with cookie (the latest, if the
 * command is repeated). OK with *ret_departed true: it is gone already and its port still rests;
 * find it with termination_table_find_departed. */
enum td_result termination_table_subtract(struct termination_table *table,
	const struct td_command_subtract *command, uint64_t cookie, bool *ret_departed);

/* The live termination with an id, or NULL; borrows until the next call of reclaim. */
const struct termination *termination_table_find(
	const struct termination_table *table, uint64_t termination_id);

/* The final figures of a termination that is gone and whose port still rests; false if none. */
bool termination_table_find_departed(const struct termination_table *table, uint64_t termination_id,
	uint64_t wall_offset_ns, struct termination_departure *ret_gone);

/* The next live termination from slot *cursor (start with 0) on, or NULL at the end. */
const struct termination *termination_table_next(
	const struct termination_table *table, uint32_t *cursor);

/* Gathers retired terminations that their workers let go of; returns how many now wait for a
 * grace period. If not 0: let every worker pass a quiescent state, then call reclaim. */
uint32_t termination_table_begin_grace(struct termination_table *table);

/* Reclaims what begin_grace gathered, after the grace period: gives each departure to gone
 * (borrows during the call; sink is the configuration's). Their ports rest from now on. */
void termination_table_reclaim(struct termination_table *table, uint64_t now_ns,
	uint64_t wall_offset_ns, void (*gone)(void *sink, const struct termination_departure *));

/* Frees slots and ports whose rest is over. Call a few times a second. */
void termination_table_wake(struct termination_table *table, uint64_t now_ns);

/* Gauges. */
struct termination_table_gauges {
	uint32_t capacity;
	uint32_t live;
	uint32_t retired;
	uint32_t resting; /* port pairs */
	uint32_t contexts;
};
void termination_table_gauges(
	const struct termination_table *table, struct termination_table_gauges *ret_gauges);

#endif
