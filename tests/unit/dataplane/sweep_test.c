/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Media timeouts and notifications: told once, at the right time, never while on hold.
 */
#include "world.h"

#include <tandem/time.h>

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

enum {
	TIMEOUT_S = 10,
	TIMEOUT_MS = TIMEOUT_S * 1000,
};

static const char *const A = "198.51.100.10";

static void add_call(struct world *world, uint8_t mode_a)
{
	struct td_termination_spec a = world_spec(1, 7, 20000, A, 4000);
	struct td_termination_spec b = world_spec(2, 7, 20002, "198.51.100.20", 5000);

	a.mode = mode_a;
	a.media_timeout_s = TIMEOUT_S;
	assert_int_equal(termination_table_add(world->table, &a, world->now_ns), TD_RESULT_OK);
	assert_int_equal(termination_table_add(world->table, &b, world->now_ns), TD_RESULT_OK);
}

static uint32_t count_events(const struct world *world, enum td_notify_kind kind)
{
	uint32_t count = 0;

	for (uint32_t i = 0; i < world->event_count; i++)
		count += world->events[i].kind == kind && world->events[i].termination_id == 1;
	return count;
}

static void tells_of_silence_once(void **state)
{
	struct world *world = world_create(4, 1);

	(void)state;
	add_call(world, TD_MODE_SEND_RECEIVE);
	world_advance_ms(world, 3000);
	(void)world_receive_rtp(world, &(struct world_media){A, 4000, 20000, 0xaaaa, 1, 0});
	world_advance_ms(world, TIMEOUT_MS - 1);
	assert_int_equal(count_events(world, TD_NOTIFY_MEDIA_TIMEOUT), 0);
	world_advance_ms(world, SWEEP_ROUND_MS + 1);
	assert_int_equal(count_events(world, TD_NOTIFY_MEDIA_TIMEOUT), 1);
	world_advance_ms(world, 3 * TIMEOUT_MS);
	assert_int_equal(count_events(world, TD_NOTIFY_MEDIA_TIMEOUT), 1);
	(void)world_receive_rtp(world, &(struct world_media){A, 4000, 20000, 0xaaaa, 2, 160});
	world_advance_ms(world, SWEEP_ROUND_MS);
	assert_int_equal(count_events(world, TD_NOTIFY_MEDIA_RESUMED), 1);
	world_destroy(world);
}

static void tells_of_media_that_never_came(void **state)
{
	struct world *world = world_create(4, 1);

	(void)state;
	add_call(world, TD_MODE_SEND_RECEIVE);
	world_advance_ms(world, TIMEOUT_MS + SWEEP_ROUND_MS);
	assert_int_equal(count_events(world, TD_NOTIFY_MEDIA_TIMEOUT), 1);
	world_destroy(world);
}

static void is_patient_on_hold_and_when_alone(void **state)
{
	struct world *world = world_create(4, 1);
	struct td_command_subtract subtract = {.termination_id = 2, .epoch = 1};
	struct td_termination_spec spec;
	bool is_gone;

	(void)state;
	add_call(world, TD_MODE_SEND);
	world_advance_ms(world, 5 * TIMEOUT_MS);
	assert_int_equal(world->event_count, 0);
	/* resumed: the time begins now */
	spec = termination_table_find(world->table, 1)->spec;
	spec.epoch = 2;
	spec.mode = TD_MODE_SEND_RECEIVE;
	assert_int_equal(termination_table_modify(world->table, &spec), TD_RESULT_OK);
	world_work(world);
	world_advance_ms(world, TIMEOUT_MS - SWEEP_ROUND_MS);
	assert_int_equal(world->event_count, 0);
	/* nobody listens */
	assert_int_equal(
		termination_table_subtract(world->table, &subtract, 0, &is_gone), TD_RESULT_OK);
	world_advance_ms(world, 5 * TIMEOUT_MS);
	assert_int_equal(count_events(world, TD_NOTIFY_MEDIA_TIMEOUT), 0);
	world_destroy(world);
}

static void takes_rtcp_for_life(void **state)
{
	struct world *world = world_create(4, 1);
	uint8_t rtcp[8] = {0x80, 201, 0, 1, 0, 0, 0, 9};
	struct world_frame frame = {0};

	(void)state;
	add_call(world, TD_MODE_SEND_RECEIVE);
	for (int i = 0; i < 10; i++) {
		world_frame_build(&frame, &(struct world_path){A, 4001, "192.0.2.1", 20001}, rtcp,
			sizeof(rtcp));
		(void)world_receive(world, &frame, 0);
		world_advance_ms(world, 5000);
	}
	assert_int_equal(count_events(world, TD_NOTIFY_MEDIA_TIMEOUT), 0);
	world_destroy(world);
}

static void rates_what_arrives(void **state)
{
	struct world *world = world_create(4, 1);
	struct td_termination_stats stats;

	(void)state;
	add_call(world, TD_MODE_SEND_RECEIVE);
	/* ten seconds without fault, then ten with every fifth packet lost */
	for (uint16_t i = 0; i < 1000; i++) {
		if (i < 500 || i % 5 != 0)
			(void)world_receive_rtp(
				world, &(struct world_media){A, 4000, 20000, 0xaaaa, i, i * 160u});
		world_advance_ms(world, 20);
	}
	world_advance_ms(world, 8000);
	stats = world_stats(world, 1);
	assert_int_equal(stats.lost_packets, 100);
	assert_in_range(stats.mos_x100, 250, 350);     /* a tenth of all */
	assert_in_range(stats.mos_min_x100, 120, 280); /* a fifth for a while */
	assert_true(stats.mos_min_x100 < stats.mos_x100);
	assert_int_equal(stats.jitter_us, 0);
	world_destroy(world);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(tells_of_silence_once),
		cmocka_unit_test(tells_of_media_that_never_came),
		cmocka_unit_test(is_patient_on_hold_and_when_alone),
		cmocka_unit_test(takes_rtcp_for_life),
		cmocka_unit_test(rates_what_arrives),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
