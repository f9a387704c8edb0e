/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What stands between the network and the machines: decides which requests are worth the work.
 * It is asked before a transaction exists and keeps bounded memory, whatever is thrown at it.
 * Pure: time comes in as an argument, verdicts go out; the switchboard carries them out.
 *
 * One thread.
 */
#ifndef TD_DEFENCE_DEFENCE_H
#define TD_DEFENCE_DEFENCE_H

#include "config/config.h"

#include <tandem/compiler.h>

#include <stdbool.h>
#include <stdint.h>

struct defence;

/* X(name, help): counters since the start. */
#define DEFENCE_COUNTERS(X)                                                        \
	X(refused_trunk_rate, "new calls refused: the trunk's limits.calls_per_s") \
	X(outbound_rate, "destinations passed over: their limits.outbound_calls_per_s")

struct defence_counts {
#define DEFENCE_COUNTER_FIELD(name, help) uint64_t name;
	DEFENCE_COUNTERS(DEFENCE_COUNTER_FIELD)
#undef DEFENCE_COUNTER_FIELD
};

/* Creates a defence for trunk ids below trunk_slots. -ENOMEM. */
td_must_check int defence_create(uint32_t trunk_slots, struct defence **ret_defence);
/* NULL is allowed. */
void defence_destroy(struct defence *defence);

/* True, and one is counted, if one more new call may come from that trunk now. */
td_must_check bool defence_admit_call(struct defence *defence, uint32_t trunk,
	const struct config_limits *limits, uint64_t now_ms);
/* True if one more call may go to that trunk now; it is counted by defence_place_call(). */
bool defence_may_place(struct defence *defence, uint32_t trunk, const struct config_limits *limits,
	uint64_t now_ms);
/* Counts a call placed, whether there was room or not. */
void defence_place_call(struct defence *defence, uint32_t trunk, const struct config_limits *limits,
	uint64_t now_ms);

struct defence_counts defence_get_counts(const struct defence *defence);

#endif
