/* SPDX-License-Identifier: Apache-2.0 */
/* See calendar.h. dates[0] is unused, so that place 0 can mean "not entered". */
#include "calls/calendar.h"

#include <tandem/time.h>

#include <assert.h>
#include <errno.h>
#include <stddef.h>
#include <stdlib.h>

enum {
	BRANCHES = 4,
};

int calendar_init(struct calendar *calendar, uint32_t capacity)
{
	*calendar = (struct calendar){.capacity = capacity};
	calendar->dates = calloc((size_t)capacity + 1, sizeof(struct calendar_date *));
	return calendar->dates == NULL ? -ENOMEM : 0;
}

void calendar_fini(struct calendar *calendar)
{
	free(calendar->dates);
	*calendar = (struct calendar){0};
}

static uint32_t parent_of(uint32_t place)
{
	return (place - 2) / BRANCHES + 1;
}

static void put(struct calendar *calendar, struct calendar_date *date, uint32_t place)
{
	calendar->dates[place] = date;
	date->place = place;
}

static void rise(struct calendar *calendar, struct calendar_date *date, uint32_t place)
{
	while (place > 1) {
		uint32_t up = parent_of(place);

		if (calendar->dates[up]->due_ns <= date->due_ns)
			break;
		put(calendar, calendar->dates[up], place);
		place = up;
	}
	put(calendar, date, place);
}

static void sink(struct calendar *calendar, struct calendar_date *date, uint32_t place)
{
	for (;;) {
		uint32_t first = (place - 1) * BRANCHES + 2;
		uint32_t best = first;

		if (first > calendar->count)
			break;
		for (uint32_t i = first + 1; i < first + BRANCHES && i <= calendar->count; i++)
			if (calendar->dates[i]->due_ns < calendar->dates[best]->due_ns)
				best = i;
		if (calendar->dates[best]->due_ns >= date->due_ns)
			break;
		put(calendar, calendar->dates[best], place);
		place = best;
	}
	put(calendar, date, place);
}

void calendar_set(struct calendar *calendar, struct calendar_date *date, uint64_t due_ns)
{
	uint64_t before_ns = date->due_ns;

	date->due_ns = due_ns;
	if (date->place == 0) {
		assert(calendar->count < calendar->capacity && "room for all dates");
		rise(calendar, date, ++calendar->count);
	} else if (due_ns < before_ns) {
		rise(calendar, date, date->place);
	} else {
		sink(calendar, date, date->place);
	}
}

void calendar_clear(struct calendar *calendar, struct calendar_date *date)
{
	struct calendar_date *last;
	uint32_t place = date->place;

	if (place == 0)
		return;
	date->place = 0;
	last = calendar->dates[calendar->count--];
	if (last == date)
		return;
	if (place > 1 && last->due_ns < calendar->dates[parent_of(place)]->due_ns)
		rise(calendar, last, place);
	else
		sink(calendar, last, place);
}

uint64_t calendar_next_ns(const struct calendar *calendar)
{
	return calendar->count == 0 ? TD_NEVER : calendar->dates[1]->due_ns;
}

struct calendar_date *calendar_take(struct calendar *calendar, uint64_t now_ns)
{
	struct calendar_date *first = calendar->count == 0 ? NULL : calendar->dates[1];

	if (first == NULL || first->due_ns > now_ns)
		return NULL;
	calendar_clear(calendar, first);
	return first;
}
