/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What a worker does for its terminations besides packets: RTCP reports when due, media timeouts,
 * notifications that found no room, quality figures. Called once per turn; each call looks at the
 * share of slots that the time since the last call asks for, so the cost is even.
 */
#ifndef TD_TERMINATION_SWEEP_H
#define TD_TERMINATION_SWEEP_H

#include <tandem/contract.h>

#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>

struct termination;

enum {
	SWEEP_ROUND_MS = 250, /* each termination is looked at this often */
	SWEEP_RTCP_MAX_BYTES = 256
};

/* The worker's own; set up once, borrows all pointers. */
struct termination_sweep {
	struct termination *terminations;
	/* owner of each slot + 1, 0: none; w: control (gives), worker (gives back) */
	_Atomic uint8_t *owners;
	uint32_t capacity;
	uint32_t worker;
	/* Sends an RTCP packet (copies) to the termination's remote end; false: no buffer. */
	bool (*emit)(void *sink, struct termination *termination, const uint8_t *rtcp,
		uint16_t size_bytes);
	/* Gives an event to the control thread (copies); false: no room, tried again later. */
	bool (*notify)(void *sink, const struct td_notify *event);
	void *sink;
	uint64_t wall_offset_ns; /* wall time = mono + this; set before each call */
	uint64_t last_ns;	 /* sweep's own from here; zero at start */
	uint32_t cursor;
};

/* Looks at the next share of the worker's terminations. Owner's thread, between bursts. */
void termination_sweep_run(struct termination_sweep *sweep, uint64_t now_ns);

/* Composes and gives an event of a termination; if there is no room it is kept for the sweep. */
void termination_notify(struct termination *termination, enum td_notify_kind kind,
	const struct termination_sweep *sweep, uint64_t now_ns);

/* Sends a report of a termination now, with BYE if it is the last. Nothing is sent while it isn't
 * known where to. */
void termination_sweep_report(struct termination *termination,
	const struct termination_sweep *sweep, bool has_bye, uint64_t now_ns);

#endif
