/* SPDX-License-Identifier: Apache-2.0 */
/* What happens when: a heap by time, and dice. */
#include "simulation/overload/crowd_parts.h"

#include <assert.h>
#include <stdlib.h>

uint64_t crowd_random(struct crowd *crowd)
{
	crowd->random ^= crowd->random << 13;
	crowd->random ^= crowd->random >> 7;
	crowd->random ^= crowd->random << 17;
	return crowd->random;
}

static bool is_before(const struct event *a, const struct event *b)
{
	return a->at_us != b->at_us ? a->at_us < b->at_us : a->order < b->order;
}

void crowd_schedule(
	struct crowd *crowd, uint64_t delay_us, enum kind kind, uint32_t one, uint64_t interval_us)
{
	uint32_t at = crowd->event_count++;

	if (crowd->event_count > crowd->event_room) {
		crowd->event_room = crowd->event_room * 2 + 1024;
		crowd->events =
			realloc(crowd->events, crowd->event_room * sizeof(crowd->events[0]));
		assert(crowd->events != NULL && "no memory for the test");
	}
	crowd->events[at] = (struct event){
		crowd->now_us + delay_us, crowd->order++, (uint32_t)kind, one, interval_us};
	while (at != 0 && is_before(&crowd->events[at], &crowd->events[(at - 1) / 2])) {
		struct event above = crowd->events[(at - 1) / 2];

		crowd->events[(at - 1) / 2] = crowd->events[at];
		crowd->events[at] = above;
		at = (at - 1) / 2;
	}
}

struct event crowd_next_event(struct crowd *crowd)
{
	struct event first = crowd->events[0];
	uint32_t at = 0;

	crowd->events[0] = crowd->events[--crowd->event_count];
	for (;;) {
		uint32_t least = at;
		struct event here = crowd->events[at];

		for (uint32_t child = 2 * at + 1; child <= 2 * at + 2; child++)
			if (child < crowd->event_count &&
				is_before(&crowd->events[child], &crowd->events[least]))
				least = child;
		if (least == at)
			return first;
		crowd->events[at] = crowd->events[least];
		crowd->events[least] = here;
		at = least;
	}
}

void crowd_send(struct crowd *crowd, uint64_t delay_us, enum kind kind, uint32_t one)
{
	if (crowd_random(crowd) % 1000000 >= crowd->plan->loss_ppm)
		crowd_schedule(crowd, delay_us + NET_US, kind, one, 0);
}
