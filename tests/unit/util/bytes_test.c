/* SPDX-License-Identifier: Apache-2.0 */
/* Every byte value at every place of texts of every length, against a loop. */
#include "util/bytes.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdlib.h>

#include <cmocka.h>

enum {
	LENGTH_MAX = 50
};

typedef const char *finder(const char *at, const char *end);

static bool is_control(unsigned char c)
{
	return c < 0x20;
}

static bool is_unplain(unsigned char c)
{
	return c < 0x20 || c > 0x7e || c == '"' || c == '\\';
}

static void check(finder *find, bool (*is_hit)(unsigned char c), char filler)
{
	for (size_t length = 0; length <= LENGTH_MAX; length++) {
		char *text = malloc(length != 0 ? length : 1); /* a sanitizer sees its end */

		assert_non_null(text);
		memset(text, filler, length);
		assert_ptr_equal(find(text, text + length), text + length);
		for (size_t at = 0; at < length; at++) {
			for (unsigned byte = 0; byte < 256; byte++) {
				text[at] = (char)byte;
				assert_ptr_equal(find(text, text + length),
					text + (is_hit((unsigned char)byte) ? at : length));
			}
			/* The first of two is found, also behind one that borrows. */
			text[at] = 0x1f;
			if (at + 1 < length)
				text[at + 1] = 0;
			assert_ptr_equal(find(text, text + length), text + at);
			memset(text, filler, length);
		}
		free(text);
	}
}

static void test_controls(void **state)
{
	(void)state;
	check(bytes_find_control, is_control, ' ');
	check(bytes_find_control, is_control, '\xff');
}

static void test_unplain(void **state)
{
	(void)state;
	check(bytes_find_unplain, is_unplain, ' ');
	check(bytes_find_unplain, is_unplain, '~');
	check(bytes_find_unplain, is_unplain, '#');
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_controls),
		cmocka_unit_test(test_unplain),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
