/* SPDX-License-Identifier: Apache-2.0 */
/* The same text and the same length as snprintf(), in every room. */
#include "util/format.h"

#include <limits.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

enum {
	ROOM = 200
};

/* Compares both in every room up to one more than is needed. */
td_printf(1, 2) static void check(const char *format, ...)
{
	char expected[ROOM];
	va_list arguments;
	int length;

	va_start(arguments, format);
	length = vsnprintf(expected, sizeof(expected), format, arguments);
	va_end(arguments);
	assert_in_range(length, 0, ROOM - 2);
	for (size_t room = 0; room <= (size_t)length + 1; room++) {
		char *found = malloc(room + 1);

		assert_non_null(found);
		memset(found, '#', room + 1);
		va_start(arguments, format);
		assert_int_equal(format_arguments(found, room, format, arguments), length);
		va_end(arguments);
		if (room != 0) {
			assert_memory_equal(found, expected, room - 1);
			assert_int_equal(found[room - 1], '\0');
		}
		assert_int_equal(found[room], '#');
		free(found);
	}
}

static void test_what_messages_are_made_with(void **state)
{
	(void)state;
	check("%s", "");
	check("no directive");
	check("%s@%s", "user", "host");
	check("<%.*s>;tag=%s", 3, "abcdef", "t");
	check("%.*s", 0, "unread");
	check("%.*s|%.*s", 9, "short", -1, "all");
	check("%u %u %u", 0u, 7u, UINT_MAX);
	check("%d %d", 0, INT_MAX);
	check("%lu %llu", ULONG_MAX, ULLONG_MAX);
	check("%x %llx %lx", 0xbeefu, 0x123456789abcdefull, 0ul);
	check("%016llx%016llx", 1ull, ULLONG_MAX);
	check("%03u %02u %08x %05d", 7u, 123u, 0xau, 42);
	check("%c%c%%", 'a', 'z');
	check("z9hG4bK%016llx%016llx", 0x0123456789abcdefull, 0xfedcba9876543210ull);
}

static void test_what_is_left_to_the_library(void **state)
{
	(void)state;
	check("%d and then %s", -5, "more");
	check("%5u|%-5s|%5s", 7u, "ab", "cd");
	check("%zu %hu %p", sizeof(int), (unsigned short)9, (void *)NULL);
	check("%.3f %s", 1.5, "x");
	check("%.2s|%X", "cut", 0xabu);
	check("%030u", 5u);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_what_messages_are_made_with),
		cmocka_unit_test(test_what_is_left_to_the_library),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
