/* SPDX-License-Identifier: Apache-2.0 */
/* See arrivals.h. */
#include "calls/arrivals.h"

#include <tandem/time.h>

#include <math.h>

void arrivals_init(struct arrivals *arrivals, double rate_per_s, bool is_poisson, uint64_t seed)
{
	*arrivals = (struct arrivals){
		.interval_ns = (double)TD_NS_PER_S / rate_per_s,
		.random = seed | 1, /* 0 would stay 0 */
		.is_poisson = is_poisson,
	};
}

/* xorshift64*: uniform in (0, 1]. */
static double uniform(struct arrivals *arrivals)
{
	uint64_t x = arrivals->random;

	x ^= x >> 12;
	x ^= x << 25;
	x ^= x >> 27;
	arrivals->random = x;
	return (double)((x * 0x2545f4914f6cdd1dull >> 11) + 1) / 0x1p53;
}

uint64_t arrivals_next_ns(struct arrivals *arrivals)
{
	double at_ns = arrivals->next_ns;

	if (arrivals->is_poisson) {
		at_ns -= log(uniform(arrivals)) * arrivals->interval_ns;
		arrivals->next_ns = at_ns;
	} else {
		arrivals->next_ns += arrivals->interval_ns;
	}
	return (uint64_t)at_ns;
}
