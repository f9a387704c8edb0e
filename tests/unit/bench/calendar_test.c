/* SPDX-License-Identifier: Apache-2.0 */
/* Order, moving, clearing; against a naive model with random operations. */
#include "calls/calendar.h"

#include <tandem/time.h>

#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>

#include <cmocka.h>

enum {
	DATES = 50
};

static void test_gives_what_is_due_in_order(void **state)
{
	struct calendar_date dates[4] = {{0}};
	struct calendar calendar;

	(void)state;
	assert_int_equal(calendar_init(&calendar, 4), 0);
	assert_true(calendar_next_ns(&calendar) == TD_NEVER);
	calendar_set(&calendar, &dates[0], 30);
	calendar_set(&calendar, &dates[1], 10);
	calendar_set(&calendar, &dates[2], 20);
	calendar_set(&calendar, &dates[3], 40);
	calendar_set(&calendar, &dates[3], 5);	/* moved forward */
	calendar_set(&calendar, &dates[1], 25); /* moved back */
	assert_int_equal(calendar_next_ns(&calendar), 5);
	assert_null(calendar_take(&calendar, 4));
	assert_ptr_equal(calendar_take(&calendar, 5), &dates[3]);
	assert_ptr_equal(calendar_take(&calendar, 100), &dates[2]);
	calendar_clear(&calendar, &dates[1]);
	calendar_clear(&calendar, &dates[1]); /* not entered: left alone */
	assert_ptr_equal(calendar_take(&calendar, 100), &dates[0]);
	assert_null(calendar_take(&calendar, 100));
	calendar_fini(&calendar);
}

/* Earliest of the model; TD_NEVER if none is entered. */
static uint64_t earliest(const uint64_t due[DATES])
{
	uint64_t first = TD_NEVER;

	for (unsigned i = 0; i < DATES; i++)
		if (due[i] < first)
			first = due[i];
	return first;
}

static void test_like_a_list(void **state)
{
	struct calendar_date dates[DATES] = {{0}};
	uint64_t due[DATES];
	struct calendar calendar;
	const char *given = getenv("TANDEM_SEED");
	unsigned seed = given != NULL ? (unsigned)strtoul(given, NULL, 10) : 1;

	(void)state;
	print_message("seed %u\n", seed);
	srand(seed);
	assert_int_equal(calendar_init(&calendar, DATES), 0);
	for (unsigned i = 0; i < DATES; i++)
		due[i] = TD_NEVER;
	for (unsigned round = 0; round < 100000; round++) {
		unsigned at = (unsigned)rand() % DATES;
		unsigned what = (unsigned)rand() % 4;

		if (what < 2) {
			due[at] = (uint64_t)rand() % 1000;
			calendar_set(&calendar, &dates[at], due[at]);
		} else if (what == 2) {
			due[at] = TD_NEVER;
			calendar_clear(&calendar, &dates[at]);
		} else {
			uint64_t first = earliest(due);
			const struct calendar_date *date = calendar_take(&calendar, 500);

			assert_int_equal(date != NULL, first <= 500);
			if (date != NULL) {
				assert_true(date->due_ns == first);
				due[date - dates] = TD_NEVER;
			}
		}
		assert_true(calendar_next_ns(&calendar) == earliest(due));
	}
	calendar_fini(&calendar);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_gives_what_is_due_in_order),
		cmocka_unit_test(test_like_a_list),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
