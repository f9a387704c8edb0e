/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Keeps the gauges in shared memory, warns of overload and of workers that stand still. Called by
 * the control thread's loop.
 */
#ifndef TD_CONTROL_WATCH_H
#define TD_CONTROL_WATCH_H

#include <tandem/counters.h>

#include <stdint.h>

struct commander;
struct control_config;
struct termination_table;

/* What a worker's counters said a second ago. */
struct watch_worker {
	uint64_t loops;
	uint64_t busy_cycles;
	uint64_t idle_cycles;
};

struct watch {
	const struct control_config *config; /* borrows, as the pointers below */
	const struct termination_table *table;
	struct commander *commander;
	uint64_t gauged_ns;
	uint64_t looked_ns;
	struct watch_worker workers[TD_WORKERS_MAX];
};

void watch_init(struct watch *watch, const struct control_config *config,
	const struct termination_table *table, struct commander *commander);

/* Does what is due. */
void watch_step(struct watch *watch, uint64_t now_ns);

#endif
