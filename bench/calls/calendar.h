/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What is due when, to the nanosecond: a heap of four branches whose entries lie inside the
 * objects they wake. Equal times come out in no order. No clock, no I/O.
 */
#ifndef TD_CALLS_CALENDAR_H
#define TD_CALLS_CALENDAR_H

#include <tandem/compiler.h>

#include <stdint.h>

/* One date. All zero is one that isn't entered. */
struct calendar_date {
	uint64_t due_ns;
	uint32_t place; /* in the heap, from 1; 0: not entered */
	uint32_t kind;	/* the owner's */
};

struct calendar {
	struct calendar_date **dates; /* owns */
	uint32_t count;
	uint32_t capacity;
};

/* Makes an empty calendar for capacity dates. -ENOMEM. */
td_must_check int calendar_init(struct calendar *calendar, uint32_t capacity);
void calendar_fini(struct calendar *calendar);
/* Enters a date, or moves it. There must be room: capacity is the number of all dates. */
void calendar_set(struct calendar *calendar, struct calendar_date *date, uint64_t due_ns);
/* Takes a date out; one that isn't entered is left alone. */
void calendar_clear(struct calendar *calendar, struct calendar_date *date);
/* When the first date is due; TD_NEVER if there is none. */
uint64_t calendar_next_ns(const struct calendar *calendar);
/* Takes out the first date if it is due by now_ns, else NULL. */
struct calendar_date *calendar_take(struct calendar *calendar, uint64_t now_ns);

#endif
