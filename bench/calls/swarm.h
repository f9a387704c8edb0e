/* SPDX-License-Identifier: Apache-2.0 */
/*
 * All calls of a trial: held ones first, then the load, each at its intended time; the loop that
 * sends and receives; and what came of it. One thread that sleeps when nothing is due.
 *
 *   ESTABLISHING (held calls) -> LOADING -> DRAINING (last calls end) -> DONE
 */
#ifndef TD_CALLS_SWARM_H
#define TD_CALLS_SWARM_H

#include "calls/call.h"
#include "calls/sockets.h"

#include <tandem/compiler.h>

#include <stdbool.h>
#include <stdint.h>

struct swarm_plan {
	struct call_config calls;
	struct td_endpoint target;
	double rate_per_s; /* of the load; 0: none */
	double load_s;
	double warmup_s; /* calls of the first seconds don't enter the histograms */
	double hold_s;
	double drain_s; /* after the load; what isn't over then is unfinished */
	uint32_t held_count;
	double held_rate_per_s;
	bool is_poisson;
	bool waits_for_command; /* held calls stay until "bye" comes on the standard input */
	bool is_busy;		/* polls instead of sleeping */
	uint64_t seed;
	uint32_t first_id;
};

/* X(name, help) */
#define SWARM_COUNTS(X)                                            \
	X(offered, "calls whose intended time has come")           \
	X(completed, "calls that went well on both sides")         \
	X(failed, "all others")                                    \
	X(held_offered, "calls that were to be held")              \
	X(held_established, "of those: answered and acknowledged") \
	X(held_completed, "of those: also ended well")

struct swarm_result {
#define SWARM_COUNT_FIELD(name, help) uint64_t name;
	SWARM_COUNTS(SWARM_COUNT_FIELD)
#undef SWARM_COUNT_FIELD
	uint64_t failures[CALL_FAILURE_COUNT];
	uint64_t held_failures[CALL_FAILURE_COUNT];
};

struct swarm {
	struct swarm_plan plan;
	struct sockets sockets;
	struct calendar calendar;
	struct call_measures measures;
	struct call_stage stage;
	struct call *calls; /* owns; held ones first */
	uint32_t call_count;
	uint32_t load_count;
	uint64_t start_ns; /* of everything */
	uint64_t load_ns;  /* of the load */
	uint64_t end_ns;   /* of the load */
	uint64_t progress_ns;
	bool is_held_told;
	bool must_stop;
};

/* Makes all calls and opens the sockets. Negative errno; *ret_what says of what. */
td_must_check int swarm_create(
	const struct swarm_plan *plan, struct swarm **ret_swarm, const char **ret_what);
void swarm_destroy(struct swarm *swarm);
/* Runs the trial; tells progress on the standard output, one JSON object a line. */
void swarm_run(struct swarm *swarm);
struct swarm_result swarm_result(const struct swarm *swarm);

#endif
