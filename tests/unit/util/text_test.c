/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Bounded text: what fits, what doesn't, and what is remembered.
 */
#include "util/text.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

static void test_builds(void **state)
{
	char buffer[64];
	struct text text;

	(void)state;
	text_init(&text, buffer, sizeof(buffer));
	text_append(&text, SPAN("a="));
	text_append_number(&text, UINT64_MAX);
	text_append_char(&text, ' ');
	text_append_number(&text, 0);
	text_append_string(&text, ";");
	text_appendf(&text, "%s-%u", "x", 7u);
	assert_string_equal(buffer, "a=18446744073709551615 0;x-7");
	assert_true(span_equal(text_span(&text), span_from(buffer)));
	assert_false(text.has_overflowed);
}

static void test_overflow_is_remembered(void **state)
{
	char buffer[5];
	struct text text;

	(void)state;
	text_init(&text, buffer, sizeof(buffer));
	text_append(&text, SPAN("abcd"));
	assert_false(text.has_overflowed);
	text_append_char(&text, 'e');
	assert_true(text.has_overflowed);
	text_append(&text, SPAN(""));
	assert_string_equal(buffer, "abcd");
	text_init(&text, buffer, sizeof(buffer));
	text_append(&text, SPAN("ab"));
	text_appendf(&text, "%s", "cde");
	assert_true(text.has_overflowed);
	assert_string_equal(buffer, "ab");
	text_append(&text, SPAN("c"));
	assert_string_equal(buffer, "ab");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_builds),
		cmocka_unit_test(test_overflow_is_remembered),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
