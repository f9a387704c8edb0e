/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The wheel against a list that is searched from end to end: random starts, stops, moves and
 * advances of all sizes must give the same timers at the same time in the same order.
 */
#include "util/wheel.h"

#include <tandem/time.h>

#include <stdio.h>
#include <stdlib.h>

enum {
	TIMERS = 200, /* many enough to crowd a slot */
	STEPS = 3000,
	RUNS = 60,
};

struct model {
	struct wheel wheel;
	struct wheel_timer timers[TIMERS];
	uint64_t deadlines_ms[TIMERS]; /* TD_NEVER: not running */
	uint64_t started[TIMERS];      /* order of starting */
	uint64_t start_count;
	uint64_t now_ms;
	uint64_t seed;
};

static uint64_t random_next(uint64_t *state)
{
	*state ^= *state << 13;
	*state ^= *state >> 7;
	*state ^= *state << 17;
	return *state;
}

static void fail(const char *what, unsigned step)
{
	fprintf(stderr, "step %u: %s\n", step, what);
	abort();
}

/* The timer that a list would name first: earliest deadline, then first started. */
static int model_first(const struct model *model)
{
	int first = -1;

	for (int i = 0; i < TIMERS; i++) {
		if (model->deadlines_ms[i] == TD_NEVER)
			continue;
		if (first < 0 || model->deadlines_ms[i] < model->deadlines_ms[first] ||
			(model->deadlines_ms[i] == model->deadlines_ms[first] &&
				model->started[i] < model->started[first]))
			first = i;
	}
	return first;
}

static void expire(void *context, struct wheel_timer *timer)
{
	struct model *model = context;
	int expected = model_first(model);

	if (expected != (int)(timer - model->timers))
		fail("another timer was due", (unsigned)model->start_count);
	if (model->deadlines_ms[expected] > model->now_ms)
		fail("fired early", (unsigned)model->start_count);
	model->deadlines_ms[expected] = TD_NEVER;
}

static void timer_start(struct model *model, unsigned index)
{
	static const unsigned widths[] = {3, 7, 10, 13, 19, 26, 40};
	uint64_t width = widths[random_next(&model->seed) % 7];
	uint64_t deadline_ms =
		model->now_ms + 1 + random_next(&model->seed) % (UINT64_C(1) << width);

	wheel_start(&model->wheel, &model->timers[index], deadline_ms);
	model->deadlines_ms[index] = deadline_ms;
	model->started[index] = model->start_count++;
}

static void model_advance(struct model *model, unsigned step)
{
	uint64_t width = random_next(&model->seed) % 24;
	uint64_t wake_ms;
	int first;

	/* Half of the time to the very edge of the next deadline. */
	first = model_first(model);
	if (random_next(&model->seed) % 2 != 0 && first >= 0)
		model->now_ms = model->deadlines_ms[first] - random_next(&model->seed) % 2;
	else
		model->now_ms += random_next(&model->seed) % (UINT64_C(1) << width);
	if (model->now_ms < model->wheel.now_ms)
		model->now_ms = model->wheel.now_ms;
	(void)wheel_advance(&model->wheel, model->now_ms, expire, model); /* the model counts */
	first = model_first(model);
	if (first >= 0 && model->deadlines_ms[first] <= model->now_ms)
		fail("a timer was forgotten", step);
	if (wheel_deadline(&model->wheel) != (first < 0 ? TD_NEVER : model->deadlines_ms[first]))
		fail("the earliest deadline is wrong", step);
	wake_ms = wheel_wake_ms(&model->wheel);
	if (first < 0 ? wake_ms != TD_NEVER : wake_ms > model->deadlines_ms[first])
		fail("would wake up too late, or for nothing", step);
	/* Never at once, unless something is due: the loop would spin. */
	if (wake_ms <= model->now_ms && (first < 0 || model->deadlines_ms[first] > model->now_ms))
		fail("would wake up for nothing", step);
}

static void run(uint64_t seed)
{
	static struct model model;

	model = (struct model){.seed = seed};
	model.now_ms = random_next(&model.seed) % 1000000;
	wheel_init(&model.wheel, model.now_ms);
	for (int i = 0; i < TIMERS; i++)
		model.deadlines_ms[i] = TD_NEVER;
	for (unsigned step = 0; step < STEPS; step++) {
		unsigned index = (unsigned)(random_next(&model.seed) % TIMERS);

		switch (random_next(&model.seed) % 4) {
		case 0:
		case 1:
			timer_start(&model, index);
			break;
		case 2:
			wheel_stop(&model.wheel, &model.timers[index]);
			model.deadlines_ms[index] = TD_NEVER;
			break;
		default:
			model_advance(&model, step);
			break;
		}
	}
}

int main(int argument_count, char **arguments)
{
	uint64_t seed = argument_count > 1 ? strtoull(arguments[1], NULL, 0) : td_wall_ns() | 1;

	printf("seed %llu\n", (unsigned long long)seed);
	(void)fflush(stdout); /* so that the seed is seen even after an abort */
	for (unsigned i = 0; i < RUNS; i++)
		run(seed + 2 * i);
	return EXIT_SUCCESS;
}
