/* SPDX-License-Identifier: Apache-2.0 */
/*
 * One instant on both clocks, as the shells hand it to the machines: deadlines and durations use
 * the monotonic clock, records use the wall clock. Machines never read either.
 */
#ifndef TD_UTIL_NOW_H
#define TD_UTIL_NOW_H

#include <tandem/time.h>

#include <stdint.h>

struct td_now {
	uint64_t mono_ms; /* CLOCK_MONOTONIC, the same for all processes of the machine */
	td_ns_t wall_ns;  /* since 1970 UTC */
};

#endif
