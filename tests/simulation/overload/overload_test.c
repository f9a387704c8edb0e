/* SPDX-License-Identifier: Apache-2.0 */
/*
 * More callers than there is time for: as many calls as ever must come through, those that are up
 * must not notice, and nobody may be called for a caller who was sent away.
 */
#include "simulation/overload/crowd.h"
#include "simulation/signalling/sim_net.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>

#include <cmocka.h>

static void run(const char *name, struct crowd_plan plan, struct crowd_result *ret_result)
{
	plan.seed = sim_seed(20260106);
	crowd_run(&plan, ret_result);
	(void)printf(
		"%s: load %.1f, goodput %.3f, callers %llu, refused %llu, finished %llu, waits "
		"up to %llu ms (99 %% of new ones %llu ms, in dialogs %llu ms), repeats %llu\n",
		name, plan.load, ret_result->goodput, (unsigned long long)ret_result->callers,
		(unsigned long long)ret_result->refused, (unsigned long long)ret_result->finished,
		(unsigned long long)ret_result->max_wait_us / 1000,
		(unsigned long long)ret_result->new_wait_p99_us / 1000,
		(unsigned long long)ret_result->dialog_wait_p99_us / 1000,
		(unsigned long long)ret_result->counts.transactions.retransmissions_absorbed);
	/* Whatever the load: what is up ends as it should, and nobody is called in vain. */
	assert_int_equal(ret_result->lost_dialogs, 0);
	assert_int_equal(ret_result->phantoms, 0);
	assert_int_equal(ret_result->wrong_answers, 0);
	assert_int_equal(ret_result->gave_up, 0);
	assert_int_equal(ret_result->refused + ret_result->finished, ret_result->callers);
	assert_int_equal(ret_result->counts.calls, 0);
	assert_int_equal(ret_result->counts.unexpected, 0);
}

static void test_below_capacity(void **state)
{
	struct crowd_result result;

	(void)state;
	run("below",
		(struct crowd_plan){.load = 0.9, .seconds = 20, .warm_up_s = 5, .talk_ms = 3000},
		&result);
	assert_int_equal(result.refused, 0);
}

static void test_three_times(void **state)
{
	struct crowd_result result;

	(void)state;
	run("three times",
		(struct crowd_plan){.load = 3, .seconds = 20, .warm_up_s = 5, .talk_ms = 3000},
		&result);
	assert_true(result.goodput >= 0.9);
	assert_true(result.new_wait_p99_us < 100000);
	assert_true(result.max_wait_us < 500000); /* no INVITE was repeated for want of a word */
}

/* An input that puts first what belongs to dialogs spares them the wait altogether. */
static void test_ordered(void **state)
{
	struct crowd_result result;

	(void)state;
	for (unsigned load = 3; load <= 10; load += 7) {
		run("ordered",
			(struct crowd_plan){.load = load,
				.seconds = 15,
				.warm_up_s = 5,
				.talk_ms = 3000,
				.orders_input = true},
			&result);
		assert_true(result.goodput >= (load == 3 ? 0.9 : 0.5));
		assert_true(result.dialog_wait_p99_us < 5000);
		assert_true(result.new_wait_p99_us < 200000);
	}
}

static void test_three_times_and_loss(void **state)
{
	struct crowd_result result;

	(void)state;
	run("three times, loss",
		(struct crowd_plan){.load = 3,
			.seconds = 20,
			.warm_up_s = 5,
			.talk_ms = 3000,
			.loss_ppm = 30000},
		&result);
	assert_true(result.goodput >= 0.85); /* repeats cost as well */
	assert_true(result.counts.defence.repeats_refused != 0);
}

static void test_ten_times(void **state)
{
	struct crowd_result result;

	(void)state;
	run("ten times",
		(struct crowd_plan){.load = 10, .seconds = 15, .warm_up_s = 5, .talk_ms = 3000},
		&result);
	assert_true(result.goodput >= 0.5); /* the rest goes into refusing nine of ten */
	assert_true(result.dialog_wait_p99_us < 150000);
}

/* Calls to emergency numbers come through while nine in ten others don't. */
static void test_emergencies(void **state)
{
	struct crowd_result result;

	(void)state;
	run("emergencies",
		(struct crowd_plan){.load = 5,
			.seconds = 15,
			.warm_up_s = 5,
			.talk_ms = 3000,
			.emergency_every = 50},
		&result);
	assert_true(result.emergencies > 100);
	assert_int_equal(result.emergencies_refused, 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_below_capacity),
		cmocka_unit_test(test_three_times),
		cmocka_unit_test(test_ordered),
		cmocka_unit_test(test_three_times_and_loss),
		cmocka_unit_test(test_ten_times),
		cmocka_unit_test(test_emergencies),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
