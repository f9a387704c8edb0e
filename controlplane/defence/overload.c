/* SPDX-License-Identifier: Apache-2.0 */
#include "defence/overload.h"

#include <stddef.h>
#include <string.h>

/*
 * Per window the part moves by GAIN * (wait - target) / target, and by SLOPE * the change of the
 * wait / target. Found by simulation (tests/simulation/overload): from 1.2 to 10 times capacity
 * the wait settles at its target within a second and overshoots by less than four targets.
 */
enum {
	GAIN_PERCENT = 5,
	SLOPE_PERCENT = 30,
	EXCESS_MAX = 4,		   /* targets: a longer wait moves the part no faster */
	GENTLE_BELOW_PERCENT = 10, /* small parts move at half speed, tiny ones at a quarter */
	TINY_BELOW_PERCENT = 1,
	IDLE_WINDOWS_MAX = 200, /* after so many the part has long been zero */
	SHARE_ONE = 256,
	SHARE_SMOOTHING = 8,
	PERCENT = 100,
};

static const int64_t part_one = (int64_t)OVERLOAD_ONE * OVERLOAD_ONE;

static uint32_t least_of_windows(const struct overload *overload)
{
	uint32_t least_us = overload->waits_us[0];

	for (size_t i = 1; i < OVERLOAD_WINDOWS; i++)
		if (overload->waits_us[i] < least_us)
			least_us = overload->waits_us[i];
	return least_us;
}

static void move_part(struct overload *overload, uint32_t wait_us, uint32_t target_us)
{
	int64_t excess = (int64_t)wait_us - target_us;
	int64_t change = (int64_t)wait_us - overload->wait_us;
	int64_t step = part_one / PERCENT * (GAIN_PERCENT * excess + SLOPE_PERCENT * change) /
		       (int64_t)target_us;

	if (overload->part < part_one / PERCENT * TINY_BELOW_PERCENT)
		step /= 4;
	else if (overload->part < part_one / PERCENT * GENTLE_BELOW_PERCENT)
		step /= 2;
	overload->part += step;
	if (overload->part < 0)
		overload->part = 0;
	if (overload->part > part_one)
		overload->part = part_one;
	overload->wait_us = wait_us;
}

static void smooth_shares(struct overload *overload)
{
	for (size_t i = 0; i < OVERLOAD_CLASS_COUNT; i++) {
		uint32_t arrived = overload->arrivals[i] * SHARE_ONE;
		uint32_t share = overload->shares[i];

		overload->shares[i] = share - share / SHARE_SMOOTHING + arrived / SHARE_SMOOTHING;
		overload->arrivals[i] = 0;
	}
}

/* Takes what must be refused from the least important class first. */
static void allot(struct overload *overload)
{
	uint64_t total = 0;
	uint64_t wanted;

	for (size_t i = 0; i < OVERLOAD_CLASS_COUNT; i++)
		total += overload->shares[i];
	wanted = total * overload_part(overload);
	for (size_t i = 0; i < OVERLOAD_CLASS_COUNT; i++) {
		uint64_t most = (uint64_t)overload->shares[i] * OVERLOAD_ONE;
		uint64_t taken = wanted < most ? wanted : most;

		/* A class that hasn't been seen yet comes after all that have. */
		overload->parts[i] = most == 0 ? (wanted != 0 ? OVERLOAD_ONE : 0)
					       : (uint32_t)(taken / overload->shares[i]);
		wanted -= taken;
	}
	/* Emergencies only when nothing else has helped. */
	if (overload->wait_us < overload->longest_us)
		overload->parts[OVERLOAD_EMERGENCY] = 0;
}

static void close_window(struct overload *overload, uint32_t target_us)
{
	uint64_t most_us = (uint64_t)target_us * (1 + EXCESS_MAX);
	uint64_t wait_us =
		overload->least_us == UINT64_MAX ? overload->standing_us : overload->least_us;

	overload->waits_us[overload->at] = (uint32_t)(wait_us < most_us ? wait_us : most_us);
	overload->at = (overload->at + 1) % OVERLOAD_WINDOWS;
	overload->least_us = UINT64_MAX;
	overload->longest_us = (uint32_t)most_us;
	move_part(overload, least_of_windows(overload), target_us);
	smooth_shares(overload);
	allot(overload);
	overload->window_end_ms += OVERLOAD_WINDOW_MS;
}

void overload_note(struct overload *overload, const struct overload_wait *wait, uint32_t target_us,
	uint64_t now_ms)
{
	if (overload->window_end_ms == 0) {
		overload->window_end_ms = now_ms + OVERLOAD_WINDOW_MS;
		overload->least_us = UINT64_MAX;
	}
	for (unsigned i = 0; i < IDLE_WINDOWS_MAX && now_ms >= overload->window_end_ms; i++)
		close_window(overload, target_us);
	if (now_ms >= overload->window_end_ms) {
		memset(overload, 0, sizeof(*overload));
		overload->window_end_ms = now_ms + OVERLOAD_WINDOW_MS;
		overload->least_us = UINT64_MAX;
	}
	if (wait->waited_us < overload->least_us)
		overload->least_us = wait->waited_us;
	overload->standing_us = wait->is_followed ? wait->waited_us : 0;
}

bool overload_refuses(struct overload *overload, enum overload_class class, uint32_t dice)
{
	overload->arrivals[class]++;
	return (dice & (OVERLOAD_ONE - 1)) < overload->parts[class];
}

uint32_t overload_part(const struct overload *overload)
{
	return (uint32_t)(overload->part / OVERLOAD_ONE);
}
