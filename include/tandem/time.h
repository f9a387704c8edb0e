/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Time in Tandem: unsigned 64-bit nanoseconds or milliseconds, never negative, subtracted only
 * through these functions. Machines take the time as an argument; only the shells read a clock.
 */
#ifndef TD_TANDEM_TIME_H
#define TD_TANDEM_TIME_H

#include <stdint.h>
#include <time.h>

/* Nanoseconds on a clock named by the variable (…_mono_ns, …_wall_ns). */
typedef uint64_t td_ns_t;

enum {
	TD_MS_PER_S = 1000,
	TD_US_PER_MS = 1000,
	TD_NS_PER_US = 1000,
	TD_NS_PER_MS = 1000000,
	TD_NS_PER_S = 1000000000,
};

/* "No deadline": later than every time. */
#define TD_NEVER UINT64_MAX

/* Elapsed time from earlier to now; 0 if earlier lies in the future. Any one unit. */
static inline uint64_t td_since(uint64_t now, uint64_t earlier)
{
	return now > earlier ? now - earlier : 0;
}

/* start + delay, or TD_NEVER if that can't be expressed. Any one unit. */
static inline uint64_t td_after(uint64_t start, uint64_t delay)
{
	return start > TD_NEVER - delay ? TD_NEVER : start + delay;
}

/* Reads a clock in nanoseconds. Shell code only: machines take the time as an argument. */
static inline td_ns_t td_clock_ns(clockid_t clock_id)
{
	struct timespec now;

	(void)clock_gettime(clock_id, &now); /* can't fail for the clocks used here */
	return (td_ns_t)now.tv_sec * TD_NS_PER_S + (td_ns_t)now.tv_nsec;
}

/* Monotonic time in ns, the same for all processes of the machine. Shell code only. */
static inline td_ns_t td_mono_ns(void)
{
	return td_clock_ns(CLOCK_MONOTONIC);
}

/* Wall-clock time in ns since 1970 UTC. Shell code only. */
static inline td_ns_t td_wall_ns(void)
{
	return td_clock_ns(CLOCK_REALTIME);
}

#endif
