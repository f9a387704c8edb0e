/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What the control thread asks of the worker that owns a termination, carried by value in a
 * td_spsc_ring, and how the worker carries it out between two bursts.
 */
#ifndef TD_TERMINATION_CHANGE_H
#define TD_TERMINATION_CHANGE_H

#include "termination/sweep.h"

#include <tandem/contract.h>

#include <stdint.h>

enum termination_change_kind {
	TERMINATION_CHANGE_APPLY,   /* take over spec */
	TERMINATION_CHANGE_RELEASE, /* say BYE and never touch the record again */
	TERMINATION_CHANGE_COUNT
};

struct termination_change {
	uint32_t kind; /* enum termination_change_kind */
	uint32_t slot;
	uint32_t generation; /* of the record; another one: the change is late and ignored */
	uint32_t has_moved;  /* APPLY: 1 if the context is another one */
	struct td_termination_spec spec; /* APPLY */
};

/* Carries out a change; RELEASE emits a BYE and then clears the slot's owner, which tells the
 * control thread. Owner's thread, between bursts. */
void termination_change_run(
	struct termination_sweep *sweep, const struct termination_change *change, uint64_t now_ns);

#endif
