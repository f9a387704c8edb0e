/* SPDX-License-Identifier: Apache-2.0 */
#include "route/route.h"

#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>

#include <cmocka.h>

struct conversion {
	const char *uri;
	int error;
	const char *number;
};

static const struct conversion conversions[] = {
	{"sip:+4930123@h", 0, "+4930123"},
	{"sip:+49-30-(123).4@h", 0, "+49301234"},
	{"sip:030.123@h", 0, "030123"},
	{"tel:+49-30-123", 0, "+4930123"},
	{"tel:123;phone-context=example.com", 0, "123"},
	{"sip:123;phone-context=x@h;user=phone", 0, "123"},
	{"sip:alice@h", 0, "alice"},
	{"sip:alice.b-c@h", 0, "alice.b-c"},
	{"sip:%2B4930@h", 0, "+4930"},
	{"sip:*31%23@h", 0, "*31#"},
	{"sip:h", -EINVAL, NULL},
	{"sip:%0d%0a@h", -EINVAL, NULL},
	{"sip:%00@h", -EINVAL, NULL},
	{"sip:1234567890123456789012345678901234567890123456789012345678901234@h", -ENOSPC, NULL},
	{"sip:123456789012345678901234567890123456789012345678901234567890123@h", 0,
		"123456789012345678901234567890123456789012345678901234567890123"},
};

static void test_number(void **state)
{
	(void)state;
	for (size_t i = 0; i < TD_COUNT_OF(conversions); i++) {
		char number[ROUTE_NUMBER_BYTES] = "untouched";
		struct sip_uri uri;
		int error = sip_uri_parse(span_from(conversions[i].uri), &uri);

		if (error == 0)
			error = route_number(&uri, number);
		if (error != conversions[i].error)
			fail_msg("%s: %d", conversions[i].uri, error);
		assert_string_equal(number, error == 0 ? conversions[i].number : "untouched");
	}
}

int main(void)
{
	static const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_number),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
