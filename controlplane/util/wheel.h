/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A hierarchical timer wheel in milliseconds: start and stop are O(1) whatever the number of
 * timers, and no timer fires a millisecond early or late. Timers are intrusive: they live inside
 * the object they wake, and the wheel never allocates. Time is an argument; a jump over hours
 * costs one step per occupied slot on the way, not one per millisecond.
 *
 * Timers with the same deadline fire in the order in which they were started, so that a
 * simulated run repeats exactly. Not thread-safe.
 */
#ifndef TD_UTIL_WHEEL_H
#define TD_UTIL_WHEEL_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum {
	WHEEL_SLOT_BITS = 6, /* one occupancy word per level */
	WHEEL_SLOTS = 1 << WHEEL_SLOT_BITS,
	WHEEL_LEVELS = (64 + WHEEL_SLOT_BITS - 1) / WHEEL_SLOT_BITS, /* any 64-bit deadline */
};

/* One timer. All zero is a stopped timer. The owner may read deadline_ms while it runs. */
struct wheel_timer {
	struct wheel_timer *next;
	struct wheel_timer *previous; /* of the first: the last of the list */
	uint64_t deadline_ms;
	uint8_t level; /* WHEEL_LEVELS: overdue when it was started */
	uint8_t slot;
	bool is_running;
};

struct wheel {
	uint64_t now_ms;
	uint64_t earliest_ms; /* valid if is_earliest_known */
	bool is_earliest_known;
	size_t count;			 /* running timers */
	struct wheel_timer *overdue;	 /* deadline <= now_ms when started */
	uint64_t occupied[WHEEL_LEVELS]; /* bit per slot */
	struct wheel_timer *slots[WHEEL_LEVELS][WHEEL_SLOTS];
};

/* Called once for each timer that expires; the timer is stopped already. May start and stop any
 * timer, this one too. */
typedef void (*wheel_expire_fn)(void *context, struct wheel_timer *timer);

/* Makes an empty wheel that stands at now_ms. */
void wheel_init(struct wheel *wheel, uint64_t now_ms);

/* Starts timer, or moves it if it runs. It fires in the first wheel_advance() whose now_ms is at
 * least deadline_ms. A deadline that has passed fires in the next advance; if that is running
 * already, after the callback at the earliest and in the next advance at the latest. TD_NEVER as deadline stops the timer. */
void wheel_start(struct wheel *wheel, struct wheel_timer *timer, uint64_t deadline_ms);

/* Stops timer; one that doesn't run is left alone. Needed before its memory is released. */
void wheel_stop(struct wheel *wheel, struct wheel_timer *timer);

/* Moves time to now_ms and calls expire for every timer due, earliest first. A now_ms in the
 * past is taken as the wheel's present. Returns how many fired. Not re-entrant from expire. */
size_t wheel_advance(struct wheel *wheel, uint64_t now_ms, wheel_expire_fn expire, void *context);

/* The earliest deadline of all running timers, exactly; TD_NEVER if none runs. */
uint64_t wheel_deadline(struct wheel *wheel);
/* When wheel_advance() should be called next, in O(1): the earliest deadline, or if there are many
 * timers some time before it, at which the wheel only turns. TD_NEVER if none runs.
 * wheel_deadline() has to look at all timers of a slot: with a hundred thousand that takes
 * milliseconds. */
uint64_t wheel_wake_ms(struct wheel *wheel);

#endif
