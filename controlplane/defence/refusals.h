/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Which INVITEs were refused without a transaction, so that their repeats get the same answer: an
 * INVITE that was refused once must not become a call when it comes again, for its sender may
 * have heard the refusal. Bounded: under a flood the newest take the places of the oldest. Pure.
 */
#ifndef TD_DEFENCE_REFUSALS_H
#define TD_DEFENCE_REFUSALS_H

#include <stdbool.h>
#include <stdint.h>

enum {
	REFUSALS_MAX = 32768, /* a power of two */
	REFUSALS_PER_PLACE = 4,
	REFUSAL_LIFE_S = 32, /* 64 * T1: nobody repeats an INVITE for longer (timer B) */
};

/* All zero: none. */
struct refusals {
	uint64_t origins[REFUSALS_MAX];
	uint32_t ends_s[REFUSALS_MAX]; /* monotonic; 0: free */
};

/* origin: a keyed hash of what the repeats of a request have in common. */
void refusals_add(struct refusals *refusals, uint64_t origin, uint64_t now_ms);
bool refusals_have(const struct refusals *refusals, uint64_t origin, uint64_t now_ms);

#endif
