/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The o= version: compared apart, raised by one, rewritten in place.
 */
#include "sdp/relay.h"

#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

static void test_equal(void **state)
{
	struct span a = SPAN("v=0\r\no=- 1 41 IN IP4 h\r\ns=-\r\n");
	struct span b = SPAN("v=0\r\no=- 1 4200 IN IP4 h\r\ns=-\r\n");
	struct span c = SPAN("v=0\r\no=- 1 4200 IN IP4 h\r\ns=x\r\n");
	struct span d = SPAN("v=0\r\no=- 2 41 IN IP4 h\r\ns=-\r\n");

	(void)state;
	assert_true(sdp_equal_but_version(a, b));
	assert_false(sdp_equal_but_version(b, c));
	assert_false(sdp_equal_but_version(a, d));
	assert_true(sdp_equal_but_version(SPAN(""), SPAN("")));
	assert_false(sdp_equal_but_version(SPAN("o=- 1"), SPAN("")));
	assert_true(sdp_version_next(a, b, 41) == 41);
	assert_true(sdp_version_next(a, c, 41) == 42);
}

static void test_set(void **state)
{
	char body[40] = "o=- 1 9 IN IP4 h\r\ns=-\r\n";
	size_t length = strlen(body);
	int result = sdp_set_version(body, length, sizeof(body), 1234);

	(void)state;
	assert_int_equal(result, length + 3);
	assert_memory_equal(body, "o=- 1 1234 IN IP4 h\r\ns=-\r\n", length + 3);
	assert_int_equal(sdp_set_version(body, (size_t)result, sizeof(body), 7), length);
	assert_memory_equal(body, "o=- 1 7 IN IP4 h\r\ns=-\r\n", length);
	assert_int_equal(sdp_set_version(body, length, length, 10), -ENOSPC);
	assert_int_equal(sdp_set_version(body, 3, sizeof(body), 10), -EINVAL);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_equal),
		cmocka_unit_test(test_set),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
