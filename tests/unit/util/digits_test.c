/* SPDX-License-Identifier: Apache-2.0 */
/* Digits against printf, at every width and on both sides of each power of ten. */
#include "util/digits.h"

#include <inttypes.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

static void check(uint64_t number)
{
	char expected[32];
	char found[32];

	(void)snprintf(expected, sizeof(expected), "%" PRIu64, number);
	*digits_decimal(found, number) = '\0';
	assert_string_equal(found, expected);
	(void)snprintf(expected, sizeof(expected), "%016" PRIx64, number);
	*digits_hex(found, number) = '\0';
	assert_string_equal(found, expected);
	(void)snprintf(expected, sizeof(expected), "%020" PRIu64, number);
	*digits_padded(found, number, DIGITS_DECIMAL_MAX) = '\0';
	assert_string_equal(found, expected);
}

static void test_like_printf(void **state)
{
	uint64_t power = 1;

	(void)state;
	check(0);
	check(UINT64_MAX);
	for (unsigned i = 0; i < 19; i++, power *= 10) {
		check(power - 1);
		check(power);
		check(power + 1);
		check(power * 7 + 3);
	}
	for (unsigned bit = 0; bit < 64; bit++)
		check(0x9e3779b97f4a7c15ull >> bit);
}

static void test_pads_and_cuts(void **state)
{
	char text[8] = "xxxxxxx";

	(void)state;
	assert_ptr_equal(digits_padded(text, 7, 3), text + 3);
	assert_memory_equal(text, "007x", 4);
	assert_ptr_equal(digits_padded(text, 12345, 2), text + 2);
	assert_memory_equal(text, "457x", 4);
	assert_ptr_equal(digits_padded(text, 1, 0), text);
	assert_memory_equal(text, "457x", 4);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_like_printf),
		cmocka_unit_test(test_pads_and_cuts),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
