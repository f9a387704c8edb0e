/* SPDX-License-Identifier: Apache-2.0 */
#include "defence/overload.h"

#include "defence/refusals.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

enum {
	TARGET_US = 20000,
	START_MS = 700000,
};

static void note(struct overload *overload, uint64_t wait_us, uint64_t now_ms)
{
	const struct overload_wait wait = {.waited_us = wait_us};

	overload_note(overload, &wait, TARGET_US, now_ms);
}

/* One message per millisecond, each of which has waited so long; returns the time after. */
static uint64_t go_on(struct overload *overload, uint64_t from_ms, uint32_t ms, uint64_t wait_us)
{
	for (uint32_t i = 0; i < ms; i++)
		note(overload, wait_us, from_ms + i);
	return from_ms + ms;
}

static unsigned refused_of_thousand(struct overload *overload, enum overload_class class)
{
	unsigned refused = 0;

	for (uint32_t i = 0; i < 1000; i++)
		refused += overload_refuses(overload, class, i * OVERLOAD_ONE / 1000);
	return refused;
}

static void test_nothing_waits(void **state)
{
	struct overload overload = {0};

	(void)state;
	(void)go_on(&overload, START_MS, 5000, TARGET_US / 2);
	assert_int_equal(overload_part(&overload), 0);
	assert_int_equal(refused_of_thousand(&overload, OVERLOAD_LOW), 0);
}

/* A burst, or a moment without the CPU, is no overload; a queue that stands is. */
static void test_bursts_pass(void **state)
{
	struct overload overload = {0};
	uint64_t now_ms = START_MS;

	(void)state;
	for (unsigned i = 0; i < 50; i++) {
		now_ms = go_on(&overload, now_ms, 2 * OVERLOAD_WINDOW_MS, 200000);
		now_ms = go_on(&overload, now_ms, 1, 0);
	}
	assert_int_equal(overload_part(&overload), 0);
	(void)go_on(&overload, now_ms, 10 * OVERLOAD_WINDOW_MS, 200000);
	assert_true(overload_part(&overload) > OVERLOAD_ONE / 2);
}

/* A message now and then tells nothing of a queue, however long it has waited. */
static void test_sparse(void **state)
{
	struct overload overload = {0};

	(void)state;
	for (unsigned i = 0; i < 100; i++)
		note(&overload, 500000, START_MS + i * 100);
	assert_int_equal(overload_part(&overload), 0);
}

/* Unless others are known to wait behind it: then nothing has got better meanwhile. */
static void test_sparse_but_standing(void **state)
{
	const struct overload_wait wait = {.waited_us = 500000, .is_followed = true};
	struct overload overload = {0};

	(void)state;
	for (unsigned i = 0; i < 10; i++)
		overload_note(&overload, &wait, TARGET_US, START_MS + i * 100);
	assert_int_equal(overload_part(&overload), OVERLOAD_ONE);
	for (unsigned i = 0; i < 10; i++)
		note(&overload, 100, START_MS + 1000 + i * 100);
	assert_int_equal(overload_part(&overload), 0);
}

static void test_ends_with_the_queue(void **state)
{
	struct overload overload = {0};
	uint64_t now_ms = go_on(&overload, START_MS, 1000, 150000);

	(void)state;
	assert_int_equal(overload_part(&overload), OVERLOAD_ONE);
	now_ms = go_on(&overload, now_ms, 1000, 100);
	assert_int_equal(overload_part(&overload), 0);
	(void)go_on(&overload, now_ms, 1000, 150000);
	note(&overload, 0, now_ms + 60000); /* nobody came for a minute */
	assert_int_equal(overload_part(&overload), 0);
}

/* What is refused comes from those who matter least. */
static void test_classes(void **state)
{
	static const struct {
		unsigned low;
		unsigned normal;
		unsigned high;
	} cases[] = {{0, 100, 0}, {50, 50, 0}, {10, 80, 10}, {0, 50, 50}};

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct overload overload = {0};
		uint64_t now_ms = START_MS;
		double refused = 0;
		unsigned low;
		unsigned normal;
		unsigned high;

		for (unsigned window = 0; window < 400; window++) {
			for (unsigned n = 0; n < cases[i].low; n++)
				(void)overload_refuses(&overload, OVERLOAD_LOW, n);
			for (unsigned n = 0; n < cases[i].normal; n++)
				(void)overload_refuses(&overload, OVERLOAD_NORMAL, n);
			for (unsigned n = 0; n < cases[i].high; n++)
				(void)overload_refuses(&overload, OVERLOAD_HIGH, n);
			now_ms = go_on(&overload, now_ms, OVERLOAD_WINDOW_MS,
				window % 2 == 0 && overload_part(&overload) > OVERLOAD_ONE * 2 / 5
					? 0
					: TARGET_US + TARGET_US / 10);
		}
		low = refused_of_thousand(&overload, OVERLOAD_LOW);
		normal = refused_of_thousand(&overload, OVERLOAD_NORMAL);
		high = refused_of_thousand(&overload, OVERLOAD_HIGH);
		refused = (low * cases[i].low + normal * cases[i].normal + high * cases[i].high) /
			  100.0;
		assert_in_range((unsigned)refused, overload_part(&overload) * 1000 / 65536 - 15,
			overload_part(&overload) * 1000 / 65536 + 15);
		assert_true(low == 1000 || normal == 0);
		assert_true(normal == 1000 || high == 0);
		assert_int_equal(refused_of_thousand(&overload, OVERLOAD_EMERGENCY), 0);
	}
}

static void test_emergencies_last(void **state)
{
	struct overload overload = {0};
	uint64_t now_ms = START_MS;

	(void)state;
	for (unsigned window = 0; window < 100; window++) {
		for (unsigned n = 0; n < 100; n++)
			(void)overload_refuses(&overload, OVERLOAD_EMERGENCY, n);
		now_ms = go_on(&overload, now_ms, OVERLOAD_WINDOW_MS, TARGET_US * 4);
	}
	assert_int_equal(overload_part(&overload), OVERLOAD_ONE);
	assert_int_equal(refused_of_thousand(&overload, OVERLOAD_EMERGENCY), 0);
	(void)go_on(&overload, now_ms, 200, TARGET_US * 50);
	assert_int_equal(refused_of_thousand(&overload, OVERLOAD_EMERGENCY), 1000);
}

static void test_refusals(void **state)
{
	static struct refusals refusals;
	unsigned kept = 0;

	(void)state;
	assert_false(refusals_have(&refusals, 0, START_MS));
	refusals_add(&refusals, 7, START_MS);
	assert_true(refusals_have(&refusals, 7, START_MS + 31999));
	assert_false(refusals_have(&refusals, 7, START_MS + 32000));
	assert_false(refusals_have(&refusals, 8, START_MS));
	refusals_add(&refusals, 7, START_MS + 40000);
	assert_true(refusals_have(&refusals, 7, START_MS + 41000));
	/* The newest stay: of twice as many as fit, most of the second half. */
	for (uint64_t i = 1; i <= 2 * REFUSALS_MAX; i++)
		refusals_add(&refusals, i * UINT64_C(0x9e3779b97f4a7c15), START_MS + i);
	for (uint64_t i = REFUSALS_MAX + 1; i <= 2 * REFUSALS_MAX; i++)
		kept += refusals_have(&refusals, i * UINT64_C(0x9e3779b97f4a7c15),
			START_MS + 2 * REFUSALS_MAX - 1000);
	assert_true(kept > REFUSALS_MAX * 3 / 4);
}

int main(void)
{
	static const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_nothing_waits),
		cmocka_unit_test(test_bursts_pass),
		cmocka_unit_test(test_sparse),
		cmocka_unit_test(test_sparse_but_standing),
		cmocka_unit_test(test_ends_with_the_queue),
		cmocka_unit_test(test_classes),
		cmocka_unit_test(test_emergencies_last),
		cmocka_unit_test(test_refusals),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
