/* SPDX-License-Identifier: Apache-2.0 */
#include "defence/bucket.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>

#include <cmocka.h>

enum {
	START_MS = 5000000
};

static unsigned take_all(struct bucket *bucket, const struct bucket_rate *rate, uint64_t now_ms)
{
	unsigned taken = 0;

	while (taken < 100000 && bucket_take(bucket, rate, now_ms))
		taken++;
	return taken;
}

static void test_burst_then_rate(void **state)
{
	const struct bucket_rate rate = {.per_s = 10, .burst = 5};
	struct bucket bucket = {0};

	(void)state;
	assert_int_equal(take_all(&bucket, &rate, START_MS), 5);
	assert_false(bucket_has(&bucket, &rate, START_MS + 99));
	assert_true(bucket_has(&bucket, &rate, START_MS + 100));
	assert_int_equal(take_all(&bucket, &rate, START_MS + 100), 1);
	assert_int_equal(take_all(&bucket, &rate, START_MS + 350), 2);
	assert_false(bucket_is_full(&bucket, START_MS + 799));
	assert_true(bucket_is_full(&bucket, START_MS + 800));
	assert_int_equal(take_all(&bucket, &rate, START_MS + 3600000), 5);
}

static void test_no_limit(void **state)
{
	const struct bucket_rate rate = {.per_s = 0, .burst = 1};
	struct bucket bucket = {0};

	(void)state;
	assert_int_equal(take_all(&bucket, &rate, START_MS), 100000);
	bucket_charge(&bucket, &rate, START_MS);
	assert_true(bucket_is_full(&bucket, START_MS));
}

static void test_debt(void **state)
{
	const struct bucket_rate rate = {.per_s = 100, .burst = 2};
	struct bucket bucket = {0};

	(void)state;
	for (unsigned i = 0; i < 12; i++)
		bucket_charge(&bucket, &rate, START_MS);
	assert_false(bucket_has(&bucket, &rate, START_MS + 109));
	assert_true(bucket_has(&bucket, &rate, START_MS + 110));
}

/* One state serves any rate: what a reload makes slower or faster counts at once. */
static void test_other_rate(void **state)
{
	const struct bucket_rate slow = {.per_s = 1, .burst = 4};
	const struct bucket_rate fast = {.per_s = 1000, .burst = 4};
	struct bucket bucket = {0};

	(void)state;
	assert_int_equal(take_all(&bucket, &slow, START_MS), 4);
	assert_int_equal(take_all(&bucket, &fast, START_MS), 0);
	assert_int_equal(take_all(&bucket, &fast, START_MS + 4000), 4);
}

int main(void)
{
	static const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_burst_then_rate),
		cmocka_unit_test(test_no_limit),
		cmocka_unit_test(test_debt),
		cmocka_unit_test(test_other_rate),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
