/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Overload control by waiting time. What is handled tells how long it had waited; from the least
 * wait of each window (a standing queue, not a burst) a proportional-integral controller draws the
 * part of new requests that must be refused to hold the wait at its target. The part is taken
 * from the least important class first, by dice, so that load is shaved off instead of being
 * switched on and off. (The ideas of CoDel, RFC 8289, and PIE, RFC 8033, for SIP, RFC 6357.)
 *
 * Pure; one thread. Nothing here allocates.
 */
#ifndef TD_DEFENCE_OVERLOAD_H
#define TD_DEFENCE_OVERLOAD_H

#include <stdbool.h>
#include <stdint.h>

/* New requests by who is refused first. Requests in dialogs are in no class: they always pass. */
enum overload_class {
	OVERLOAD_LOW, /* REGISTER, SUBSCRIBE ...; calls of trunks of low priority */
	OVERLOAD_NORMAL,
	OVERLOAD_HIGH,
	OVERLOAD_EMERGENCY,
	OVERLOAD_CLASS_COUNT
};

enum {
	OVERLOAD_ONE = 65536, /* a part of 1 */
	OVERLOAD_WINDOW_MS = 20,
	OVERLOAD_WINDOWS = 3, /* a queue that stood shorter than these was a burst */
};

struct overload {
	uint64_t window_end_ms; /* 0: nothing was noted yet */
	uint64_t least_us;	/* of the window; UINT64_MAX: nothing was handled */
	uint64_t standing_us;	/* wait of those who still wait, as far as known; 0: nobody */
	uint32_t waits_us[OVERLOAD_WINDOWS];
	uint32_t wait_us;    /* that the controller saw last */
	uint32_t longest_us; /* that it takes into account */
	uint32_t at;	     /* in waits_us */
	int64_t part;	     /* to be refused of all new requests, in 1/OVERLOAD_ONE^2 */
	uint32_t arrivals[OVERLOAD_CLASS_COUNT]; /* in this window */
	uint32_t shares[OVERLOAD_CLASS_COUNT];	 /* smoothed, in 1/256 of a request per window */
	uint32_t parts[OVERLOAD_CLASS_COUNT];	 /* to be refused of each class */
};

/* A new request that is being handled. */
struct overload_wait {
	uint64_t waited_us;
	bool is_followed; /* others wait behind it: until the next one is noted they have waited as
			   * long, even if nothing is handled meanwhile */
};

/* All zero is a fresh one. target_us is the wait to be held. */
void overload_note(struct overload *overload, const struct overload_wait *wait, uint32_t target_us,
	uint64_t now_ms);

/* Counts a new request, and says whether it is to be refused. dice is any 16 bits that are the
 * same for each repeat of the request. */
bool overload_refuses(struct overload *overload, enum overload_class class, uint32_t dice);

/* The part of new requests that is being refused, in 1/OVERLOAD_ONE. */
uint32_t overload_part(const struct overload *overload);

#endif
