/* SPDX-License-Identifier: Apache-2.0 */
/* Even intervals don't drift; random ones have the rate's mean and an exponential's spread. */
#include "calls/arrivals.h"

#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

static void test_even_intervals(void **state)
{
	struct arrivals arrivals;

	(void)state;
	arrivals_init(&arrivals, 3, false, 1);
	assert_int_equal(arrivals_next_ns(&arrivals), 0);
	assert_int_equal(arrivals_next_ns(&arrivals), 333333333);
	assert_int_equal(arrivals_next_ns(&arrivals), 666666666);
	for (unsigned i = 3; i < 3000; i++)
		(void)arrivals_next_ns(&arrivals);
	assert_true(fabs((double)arrivals_next_ns(&arrivals) - 1000e9) < 1000);
}

static void test_random_intervals(void **state)
{
	enum {
		COUNT = 100000
	};
	struct arrivals arrivals;
	struct arrivals again;
	double sum_of_squares = 0;
	uint64_t before_ns = 0;

	(void)state;
	arrivals_init(&arrivals, 1000, true, 7);
	arrivals_init(&again, 1000, true, 7);
	for (unsigned i = 0; i < COUNT; i++) {
		uint64_t at_ns = arrivals_next_ns(&arrivals);
		double interval_ms = (double)(at_ns - before_ns) / 1e6;

		assert_true(at_ns >= before_ns);
		assert_true(at_ns == arrivals_next_ns(&again));
		sum_of_squares += (interval_ms - 1) * (interval_ms - 1);
		before_ns = at_ns;
	}
	assert_true(fabs((double)before_ns / 1e6 / COUNT - 1) < 0.02); /* mean 1 ms */
	assert_true(fabs(sum_of_squares / COUNT - 1) < 0.05);	       /* variance: mean squared */
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_even_intervals),
		cmocka_unit_test(test_random_intervals),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
