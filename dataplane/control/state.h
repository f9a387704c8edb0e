/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The files in the run directory that outlive the process: the arena of terminations, the
 * neighbours, the counters, and the lock that keeps a second dataplane out.
 */
#ifndef TD_CONTROL_STATE_H
#define TD_CONTROL_STATE_H

#include <tandem/compiler.h>

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct media_plan;
struct neighbour_memory;
struct td_counters;

struct state {
	int lock;		      /* owns: descriptor of the lock file */
	struct td_counters *counters; /* owns the mapping */
	void *arena;		      /* owns the mapping */
	size_t arena_bytes;
	struct neighbour_memory *neighbours; /* owns the mapping */
	bool is_restarted; /* the arena holds terminations of an earlier process */
};

struct state_config {
	const char *run_dir;
	const struct media_plan *plan;
	uint32_t termination_capacity;
	uint32_t worker_count;
};

/* Locks the run directory and maps its files; those that can't be used are kept under another
 * name and replaced, after a line in the log. -EBUSY: another dataplane runs here; -errno. */
td_must_check int state_open(struct state *ret_state, const struct state_config *config);

/* Unmaps and unlocks; the files stay. */
void state_close(struct state *state);

#endif
