/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Where a timer stands depends only on its deadline and on the wheel's present: the level is
 * that of the highest 6-bit digit in which the two differ, the slot is the deadline's digit
 * there. So a timer of a lower level is always earlier than one of a higher level, within a
 * level a lower slot is earlier, and equal deadlines always share a list.
 */
#include "util/wheel.h"

#include <tandem/time.h>

#include <assert.h>
#include <string.h>

static const uint64_t slot_mask = WHEEL_SLOTS - 1;

void wheel_init(struct wheel *wheel, uint64_t now_ms)
{
	memset(wheel, 0, sizeof(*wheel));
	wheel->now_ms = now_ms;
	wheel->earliest_ms = TD_NEVER;
	wheel->is_earliest_known = true;
}

/* Lists are doubly linked; the first element's previous is the last, its next chain ends in
 * NULL. */
static void list_append(struct wheel_timer **list, struct wheel_timer *timer)
{
	struct wheel_timer *first = *list;

	timer->next = NULL;
	if (first == NULL) {
		timer->previous = timer;
		*list = timer;
		return;
	}
	timer->previous = first->previous;
	first->previous->next = timer;
	first->previous = timer;
}

static void list_remove(struct wheel_timer **list, struct wheel_timer *timer)
{
	if (*list == timer) {
		*list = timer->next;
		if (timer->next != NULL)
			timer->next->previous = timer->previous;
	} else {
		timer->previous->next = timer->next;
		if (timer->next != NULL)
			timer->next->previous = timer->previous;
		else
			(*list)->previous = timer->previous;
	}
	timer->next = NULL;
	timer->previous = NULL;
}

static void wheel_place(struct wheel *wheel, struct wheel_timer *timer)
{
	uint64_t difference = timer->deadline_ms ^ wheel->now_ms;
	unsigned level;
	unsigned slot;

	if (timer->deadline_ms <= wheel->now_ms) {
		timer->level = WHEEL_LEVELS;
		timer->slot = 0;
		list_append(&wheel->overdue, timer);
		return;
	}
	level = (unsigned)(63 - __builtin_clzll(difference)) / WHEEL_SLOT_BITS;
	slot = (unsigned)(timer->deadline_ms >> level * WHEEL_SLOT_BITS & slot_mask);
	timer->level = (uint8_t)level;
	timer->slot = (uint8_t)slot;
	wheel->occupied[level] |= UINT64_C(1) << slot;
	list_append(&wheel->slots[level][slot], timer);
}

static void wheel_unplace(struct wheel *wheel, struct wheel_timer *timer)
{
	struct wheel_timer **list;

	if (timer->level == WHEEL_LEVELS) {
		list_remove(&wheel->overdue, timer);
		return;
	}
	list = &wheel->slots[timer->level][timer->slot];
	list_remove(list, timer);
	if (*list == NULL)
		wheel->occupied[timer->level] &= ~(UINT64_C(1) << timer->slot);
}

void wheel_stop(struct wheel *wheel, struct wheel_timer *timer)
{
	if (!timer->is_running)
		return;
	wheel_unplace(wheel, timer);
	timer->is_running = false;
	wheel->count--;
	if (timer->deadline_ms == wheel->earliest_ms)
		wheel->is_earliest_known = false;
}

void wheel_start(struct wheel *wheel, struct wheel_timer *timer, uint64_t deadline_ms)
{
	wheel_stop(wheel, timer);
	if (deadline_ms == TD_NEVER)
		return;
	timer->deadline_ms = deadline_ms;
	timer->is_running = true;
	wheel_place(wheel, timer);
	wheel->count++;
	if (wheel->is_earliest_known && deadline_ms < wheel->earliest_ms)
		wheel->earliest_ms = deadline_ms;
}

static uint64_t list_earliest_ms(const struct wheel_timer *first)
{
	uint64_t earliest_ms = TD_NEVER;

	for (const struct wheel_timer *timer = first; timer != NULL; timer = timer->next) {
		if (timer->deadline_ms < earliest_ms)
			earliest_ms = timer->deadline_ms;
	}
	return earliest_ms;
}

uint64_t wheel_deadline(struct wheel *wheel)
{
	unsigned level = 0;

	if (wheel->is_earliest_known)
		return wheel->earliest_ms;
	wheel->is_earliest_known = true;
	wheel->earliest_ms = TD_NEVER;
	if (wheel->count == 0)
		return TD_NEVER;
	if (wheel->overdue != NULL) {
		wheel->earliest_ms = list_earliest_ms(wheel->overdue);
		return wheel->earliest_ms;
	}
	while (wheel->occupied[level] == 0)
		level++;
	wheel->earliest_ms =
		list_earliest_ms(wheel->slots[level][__builtin_ctzll(wheel->occupied[level])]);
	return wheel->earliest_ms;
}

/* Fires the overdue timers. Any of them may be stopped or moved by expire, so they stay in a
 * proper list while it is worked off. */
static size_t wheel_fire_overdue(struct wheel *wheel, wheel_expire_fn expire, void *context)
{
	size_t fired = 0;
	struct wheel_timer barrier = {.deadline_ms = TD_NEVER, .level = WHEEL_LEVELS};

	if (wheel->overdue == NULL)
		return 0;
	/* Whatever expire adds comes after the barrier, and waits for the next advance. */
	list_append(&wheel->overdue, &barrier);
	while (wheel->overdue != &barrier) {
		struct wheel_timer *timer = wheel->overdue;

		wheel_stop(wheel, timer);
		fired++;
		expire(context, timer);
	}
	list_remove(&wheel->overdue, &barrier);
	return fired;
}

/* The start of the earliest occupied slot, or TD_NEVER; its level and slot through ret_. */
static uint64_t wheel_next_slot(const struct wheel *wheel, unsigned *ret_level, unsigned *ret_slot)
{
	for (unsigned level = 0; level < WHEEL_LEVELS; level++) {
		unsigned shift = level * WHEEL_SLOT_BITS;
		uint64_t above;
		unsigned slot;

		if (wheel->occupied[level] == 0)
			continue;
		slot = (unsigned)__builtin_ctzll(wheel->occupied[level]);
		/* Higher digits are the present's; the top level has no higher digit. */
		above = level + 1 < WHEEL_LEVELS
				? wheel->now_ms >> (shift + WHEEL_SLOT_BITS)
							   << (shift + WHEEL_SLOT_BITS)
				: 0;
		*ret_level = level;
		*ret_slot = slot;
		return above | (uint64_t)slot << shift;
	}
	return TD_NEVER;
}

/* True if the list has more timers than that. */
static bool list_is_longer(const struct wheel_timer *first, unsigned count)
{
	while (first != NULL && count-- != 0)
		first = first->next;
	return first != NULL;
}

uint64_t wheel_wake_ms(struct wheel *wheel)
{
	enum {
		LOOKED_AT_MAX = 32
	};
	unsigned level = 0;
	unsigned slot = 0;
	uint64_t start_ms;

	if (wheel->is_earliest_known)
		return wheel->earliest_ms;
	if (wheel->overdue != NULL)
		return wheel->now_ms;
	start_ms = wheel_next_slot(wheel, &level, &slot);
	/* A slot of the lowest level has one deadline; the others' starts come before theirs. */
	if (level != 0 && list_is_longer(wheel->slots[level][slot], LOOKED_AT_MAX))
		return start_ms;
	return wheel_deadline(wheel);
}

/* Moves every timer of a slot whose time has come one or more levels down, in order. */
static void wheel_cascade(struct wheel *wheel, unsigned level, unsigned slot)
{
	struct wheel_timer *timer = wheel->slots[level][slot];

	wheel->slots[level][slot] = NULL;
	wheel->occupied[level] &= ~(UINT64_C(1) << slot);
	while (timer != NULL) {
		struct wheel_timer *next = timer->next;

		wheel_place(wheel, timer);
		timer = next;
	}
}

size_t wheel_advance(struct wheel *wheel, uint64_t now_ms, wheel_expire_fn expire, void *context)
{
	size_t fired = wheel_fire_overdue(wheel, expire, context);
	unsigned level = 0;
	unsigned slot = 0;

	while (now_ms > wheel->now_ms) {
		uint64_t start_ms = wheel_next_slot(wheel, &level, &slot);

		if (start_ms > now_ms)
			break;
		assert(start_ms > wheel->now_ms && "a slot of the past is occupied");
		wheel->now_ms = start_ms;
		wheel_cascade(wheel, level, slot);
		fired += wheel_fire_overdue(wheel, expire, context);
	}
	if (now_ms > wheel->now_ms)
		wheel->now_ms = now_ms;
	return fired;
}
