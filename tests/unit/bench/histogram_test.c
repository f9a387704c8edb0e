/* SPDX-License-Identifier: Apache-2.0 */
/* Percentiles against sorted values, the error's bound, merging. */
#include "calls/histogram.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>

#include <cmocka.h>

static void test_empty(void **state)
{
	struct histogram *histogram = calloc(1, sizeof(*histogram));

	(void)state;
	assert_non_null(histogram);
	assert_int_equal(histogram_percentile(histogram, 0.99), 0);
	assert_true(histogram_mean(histogram) == 0);
	free(histogram);
}

static void test_small_values_are_exact(void **state)
{
	struct histogram *histogram = calloc(1, sizeof(*histogram));

	(void)state;
	assert_non_null(histogram);
	for (uint64_t value = 1; value <= 100; value++)
		histogram_add(histogram, value);
	assert_int_equal(histogram->count, 100);
	assert_int_equal(histogram_percentile(histogram, 0), 1);
	assert_int_equal(histogram_percentile(histogram, 0.5), 50);
	assert_int_equal(histogram_percentile(histogram, 0.99), 99);
	assert_int_equal(histogram_percentile(histogram, 1), 100);
	assert_true(histogram_mean(histogram) == 50.5);
	free(histogram);
}

static void test_cells_cover_all_values(void **state)
{
	struct histogram *histogram = calloc(1, sizeof(*histogram));

	(void)state;
	assert_non_null(histogram);
	for (unsigned bit = 0; bit < 64; bit++) {
		for (int64_t near = -1; near <= 1; near++) {
			uint64_t value = (1ull << bit) + (uint64_t)near;
			uint64_t found;

			*histogram = (struct histogram){0};
			histogram_add(histogram, value);
			histogram->max_ns = UINT64_MAX; /* the cell's end, not the maximum */
			found = histogram_percentile(histogram, 1);
			assert_true(found >= value);
			assert_true(found - value <= value / HISTOGRAM_PARTS);
		}
	}
	assert_int_equal(histogram_cell_end(HISTOGRAM_CELLS - 1), UINT64_MAX);
	free(histogram);
}

static int compare(const void *a, const void *b)
{
	uint64_t left = *(const uint64_t *)a;
	uint64_t right = *(const uint64_t *)b;

	return (left > right) - (left < right);
}

static void test_percentiles_of_a_wide_spread(void **state)
{
	enum {
		VALUES = 20000
	};
	static const double shares[] = {0.001, 0.5, 0.9, 0.99, 0.999};
	struct histogram *histogram = calloc(2, sizeof(*histogram));
	uint64_t *values = calloc(VALUES, sizeof(*values));
	uint64_t random = 88172645463325252ull;

	(void)state;
	assert_non_null(histogram);
	assert_non_null(values);
	for (unsigned i = 0; i < VALUES; i++) {
		random ^= random << 13;
		random ^= random >> 7;
		random ^= random << 17;
		values[i] = random >> (random % 50 + 10);
		histogram_add(&histogram[i % 2], values[i]);
	}
	histogram_merge(&histogram[0], &histogram[1]);
	qsort(values, VALUES, sizeof(*values), compare);
	assert_int_equal(histogram->count, VALUES);
	assert_int_equal(histogram->max_ns, values[VALUES - 1]);
	for (unsigned i = 0; i < sizeof(shares) / sizeof(shares[0]); i++) {
		uint64_t exact = values[(unsigned)(shares[i] * VALUES + 0.5) - 1];
		uint64_t found = histogram_percentile(histogram, shares[i]);

		assert_true(found >= exact);
		assert_true(found - exact <= exact / HISTOGRAM_PARTS + 1);
	}
	free(values);
	free(histogram);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_empty),
		cmocka_unit_test(test_small_values_are_exact),
		cmocka_unit_test(test_cells_cover_all_values),
		cmocka_unit_test(test_percentiles_of_a_wide_spread),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
