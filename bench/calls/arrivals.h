/* SPDX-License-Identifier: Apache-2.0 */
/*
 * When calls are meant to begin: a fixed rate whose intervals are even or drawn from an
 * exponential distribution. The times depend on nothing that happens ("open loop"), so a system
 * that falls behind meets the same load as one that keeps up. No clock.
 */
#ifndef TD_CALLS_ARRIVALS_H
#define TD_CALLS_ARRIVALS_H

#include <stdbool.h>
#include <stdint.h>

struct arrivals {
	double interval_ns;
	double next_ns; /* since the beginning */
	uint64_t random;
	bool is_poisson;
};

/* rate_per_s above 0; the same seed gives the same times. */
void arrivals_init(struct arrivals *arrivals, double rate_per_s, bool is_poisson, uint64_t seed);
/* The next intended time in ns since the beginning; the first is 0 or, if random, after the first
 * interval. */
uint64_t arrivals_next_ns(struct arrivals *arrivals);

#endif
