/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Slabs: capacity, stale handles, reuse, iteration, forced failure.
 */
#include "util/slab.h"

#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

struct thing {
	uint64_t value;
	char c;
};

static void test_capacity_and_handles(void **state)
{
	struct slab *slab;
	slab_handle_t handles[3];
	slab_handle_t extra = 77;
	struct thing *things[3];

	(void)state;
	assert_int_equal(slab_create(3, sizeof(struct thing), &slab), 0);
	for (unsigned i = 0; i < 3; i++) {
		things[i] = slab_take(slab, &handles[i]);
		assert_non_null(things[i]);
		things[i]->value = i;
	}
	assert_null(slab_take(slab, &extra));
	assert_true(extra == 77);
	assert_int_equal(slab_in_use(slab), 3);
	assert_ptr_equal(slab_find(slab, handles[1]), things[1]);
	assert_true(slab_handle(slab, things[2]) == handles[2]);
	slab_release(slab, things[1]);
	assert_null(slab_find(slab, handles[1]));
	things[1] = slab_take(slab, &extra);
	assert_non_null(things[1]);
	assert_int_equal(things[1]->value, 0); /* zeroed again */
	assert_true(extra != handles[1]);
	assert_null(slab_find(slab, handles[1]));
	assert_null(slab_find(slab, 0));
	assert_null(slab_find(slab, UINT64_MAX));
	slab_destroy(slab);
	slab_destroy(NULL);
}

static void test_walk_allows_release(void **state)
{
	struct slab *slab;
	slab_handle_t handle;
	struct thing *thing;
	uint32_t cursor = 0;
	unsigned seen = 0;

	(void)state;
	assert_int_equal(slab_create(5, sizeof(struct thing), &slab), 0);
	for (unsigned i = 0; i < 4; i++)
		assert_non_null(slab_take(slab, &handle));
	while ((thing = slab_next(slab, &cursor)) != NULL) {
		slab_release(slab, thing);
		seen++;
	}
	assert_int_equal(seen, 4);
	assert_int_equal(slab_in_use(slab), 0);
	cursor = 0;
	assert_null(slab_next(slab, &cursor));
	slab_release(slab, NULL);
	assert_int_equal(slab_capacity(slab), 5);
	slab_destroy(slab);
}

static void test_fails_the_nth(void **state)
{
	struct slab *slab;
	slab_handle_t handle;

	(void)state;
	assert_int_equal(slab_create(5, 1, &slab), 0);
	slab_fail_nth(slab, 2);
	assert_non_null(slab_take(slab, &handle));
	assert_null(slab_take(slab, &handle));
	assert_non_null(slab_take(slab, &handle));
	assert_int_equal(slab_in_use(slab), 2);
	slab_destroy(slab);
}

static void test_bad_sizes(void **state)
{
	struct slab *slab;

	(void)state;
	assert_int_equal(slab_create(0, 1, &slab), -EINVAL);
	assert_int_equal(slab_create(1, 0, &slab), -EINVAL);
	assert_int_equal(slab_create(UINT32_MAX, 1, &slab), -EINVAL);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_capacity_and_handles),
		cmocka_unit_test(test_walk_allows_release),
		cmocka_unit_test(test_fails_the_nth),
		cmocka_unit_test(test_bad_sizes),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
