/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Timers fire at their millisecond, in order, whatever is done to them meanwhile.
 */
#include "util/wheel.h"

#include <tandem/compiler.h>
#include <tandem/time.h>

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

enum {
	TIMERS = 8
};

/* What expire saw, and what it is to do. */
struct world {
	struct wheel wheel;
	struct wheel_timer timers[TIMERS];
	unsigned fired[64];
	unsigned fired_count;
	struct wheel_timer *to_stop;
	uint64_t restart_after_ms; /* 0: don't */
};

static void expire(void *context, struct wheel_timer *timer)
{
	struct world *world = context;

	assert_false(timer->is_running);
	world->fired[world->fired_count++] = (unsigned)(timer - world->timers);
	if (world->to_stop != NULL)
		wheel_stop(&world->wheel, world->to_stop);
	if (world->restart_after_ms != 0)
		wheel_start(&world->wheel, timer, timer->deadline_ms + world->restart_after_ms);
}

static void test_both_sides_of_the_edge(void **state)
{
	static const uint64_t delays_ms[] = {
		1, 63, 64, 65, 500, 4095, 4096, 32000, 64 * 500, 180000, 3600000, 1u << 30};

	(void)state;
	for (size_t i = 0; i < TD_COUNT_OF(delays_ms); i++) {
		for (uint64_t start_ms = 0; start_ms < 200; start_ms += 37) {
			struct world world = {.fired_count = 0};

			wheel_init(&world.wheel, start_ms);
			wheel_start(&world.wheel, &world.timers[0], start_ms + delays_ms[i]);
			assert_true(wheel_deadline(&world.wheel) == start_ms + delays_ms[i]);
			assert_int_equal(wheel_advance(&world.wheel, start_ms + delays_ms[i] - 1,
						 expire, &world),
				0);
			assert_true(wheel_deadline(&world.wheel) == start_ms + delays_ms[i]);
			assert_int_equal(wheel_advance(&world.wheel, start_ms + delays_ms[i],
						 expire, &world),
				1);
			assert_true(wheel_deadline(&world.wheel) == TD_NEVER);
			assert_int_equal(world.wheel.count, 0);
		}
	}
}

static void test_order(void **state)
{
	struct world world = {.fired_count = 0};

	(void)state;
	wheel_init(&world.wheel, 1000);
	wheel_start(&world.wheel, &world.timers[0], 90000);
	wheel_start(&world.wheel, &world.timers[1], 1500);
	wheel_start(&world.wheel, &world.timers[2], 1500);
	wheel_start(&world.wheel, &world.timers[3], 900); /* past already */
	wheel_start(&world.wheel, &world.timers[4], 1001);
	assert_true(wheel_deadline(&world.wheel) == 900);
	wheel_advance(&world.wheel, 1400, expire, &world);
	wheel_start(&world.wheel, &world.timers[5], 1500);
	wheel_advance(&world.wheel, UINT64_C(40000000), expire, &world);
	assert_int_equal(world.fired_count, 6);
	assert_int_equal(world.fired[0], 3);
	assert_int_equal(world.fired[1], 4);
	assert_int_equal(world.fired[2], 1);
	assert_int_equal(world.fired[3], 2);
	assert_int_equal(world.fired[4], 5); /* same deadline: as started */
	assert_int_equal(world.fired[5], 0);
}

static void test_stop_and_move(void **state)
{
	struct world world = {.fired_count = 0};

	(void)state;
	wheel_init(&world.wheel, 0);
	wheel_start(&world.wheel, &world.timers[0], 500);
	wheel_start(&world.wheel, &world.timers[0], 700);
	wheel_start(&world.wheel, &world.timers[1], 600);
	wheel_stop(&world.wheel, &world.timers[1]);
	wheel_stop(&world.wheel, &world.timers[1]);
	assert_true(wheel_deadline(&world.wheel) == 700);
	assert_int_equal(wheel_advance(&world.wheel, 699, expire, &world), 0);
	wheel_start(&world.wheel, &world.timers[0], TD_NEVER);
	assert_false(world.timers[0].is_running);
	assert_int_equal(wheel_advance(&world.wheel, 100000, expire, &world), 0);
	assert_int_equal(world.wheel.count, 0);
}

static void test_expire_may_stop_others(void **state)
{
	struct world world = {.fired_count = 0};

	(void)state;
	wheel_init(&world.wheel, 0);
	for (unsigned i = 0; i < 3; i++)
		wheel_start(&world.wheel, &world.timers[i], 10);
	world.to_stop = &world.timers[1];
	assert_int_equal(wheel_advance(&world.wheel, 10, expire, &world), 2);
	assert_int_equal(world.fired[0], 0);
	assert_int_equal(world.fired[1], 2);
}

static void test_expire_may_restart(void **state)
{
	struct world world = {.restart_after_ms = 100};

	(void)state;
	wheel_init(&world.wheel, 0);
	wheel_start(&world.wheel, &world.timers[0], 100);
	assert_int_equal(wheel_advance(&world.wheel, 1000, expire, &world), 10);
	assert_true(wheel_deadline(&world.wheel) == 1100);
	assert_int_equal(wheel_advance(&world.wheel, 500, expire, &world), 0); /* back in time */
	assert_true(world.wheel.now_ms == 1000);
}

static void test_far_deadlines(void **state)
{
	struct world world = {.fired_count = 0};

	(void)state;
	wheel_init(&world.wheel, 5);
	wheel_start(&world.wheel, &world.timers[0], TD_NEVER - 1);
	wheel_start(&world.wheel, &world.timers[1], UINT64_C(1) << 63);
	assert_true(wheel_deadline(&world.wheel) == UINT64_C(1) << 63);
	assert_int_equal(wheel_advance(&world.wheel, UINT64_C(1) << 63, expire, &world), 1);
	assert_int_equal(wheel_advance(&world.wheel, TD_NEVER - 2, expire, &world), 0);
	assert_int_equal(wheel_advance(&world.wheel, TD_NEVER - 1, expire, &world), 1);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_both_sides_of_the_edge),
		cmocka_unit_test(test_order),
		cmocka_unit_test(test_stop_and_move),
		cmocka_unit_test(test_expire_may_stop_others),
		cmocka_unit_test(test_expire_may_restart),
		cmocka_unit_test(test_far_deadlines),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
