/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Counting, ceiling and forced failure of heaps.
 */
#include "util/heap.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

static void test_counts_what_is_out(void **state)
{
	struct heap heap = {.limit_bytes = 100};
	void *first = heap_alloc(&heap, 60);
	void *second;

	(void)state;
	assert_non_null(first);
	assert_null(heap_alloc(&heap, 41));
	second = heap_copy(&heap, "0123456789012345678901234567890123456789", 40);
	assert_non_null(second);
	assert_memory_equal(second, "0123456789", 10);
	assert_int_equal(heap.in_use_bytes, 100);
	assert_int_equal(heap.in_use_count, 2);
	heap_free(&heap, first);
	heap_free(&heap, second);
	heap_free(&heap, NULL);
	assert_int_equal(heap.in_use_bytes, 0);
	assert_int_equal(heap.in_use_count, 0);
}

static void test_fails_the_nth(void **state)
{
	struct heap heap = {.fail_countdown = 2};
	void *first = heap_alloc(&heap, 1);
	void *third;

	(void)state;
	assert_non_null(first);
	assert_null(heap_alloc(&heap, 1));
	third = heap_alloc(&heap, 1);
	assert_non_null(third);
	heap_free(&heap, first);
	heap_free(&heap, third);
}

static void test_refuses_absurd_sizes(void **state)
{
	struct heap heap = {.limit_bytes = 0};
	volatile size_t absurd_bytes = SIZE_MAX;

	(void)state;
	assert_null(heap_alloc(&heap, absurd_bytes));
	assert_null(heap_alloc(&heap, absurd_bytes - 1));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_counts_what_is_out),
		cmocka_unit_test(test_fails_the_nth),
		cmocka_unit_test(test_refuses_absurd_sizes),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
