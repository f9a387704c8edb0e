/* SPDX-License-Identifier: Apache-2.0 */
/* Option tags out of headers and into them. */
#include "leg/options.h"

#include "unit/leg/leg_fixture.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

static void test_listed(void **state)
{
	struct fixture_message fixture;

	(void)state;
	fixture_request(&fixture, "INVITE sip:1@h",
		"Supported: timer , 100REL\r\nk: replaces\r\nRequire: x\r\n", "");
	assert_int_equal(
		leg_options_listed(&fixture.message, SIP_HEADER_SUPPORTED) & LEG_OPTION_100REL,
		LEG_OPTION_100REL);
	assert_int_equal(leg_options_listed(&fixture.message, SIP_HEADER_REQUIRE), 0);
	fixture_request(&fixture, "INVITE sip:1@h", "Supported:\r\nSupported: 100rels\r\n", "");
	assert_int_equal(leg_options_listed(&fixture.message, SIP_HEADER_SUPPORTED), 0);
}

static void test_unknown(void **state)
{
	struct fixture_message fixture;
	char text[64];

	(void)state;
	fixture_request(
		&fixture, "INVITE sip:1@h", "Require: 100rel, ,a\r\nRequire: b ,100rel\r\n", "");
	assert_true(leg_options_unknown(
		&fixture.message, SIP_HEADER_REQUIRE, LEG_OPTION_100REL, text, sizeof(text)));
	assert_string_equal(text, "a, b");
	assert_true(
		leg_options_unknown(&fixture.message, SIP_HEADER_REQUIRE, 0, text, sizeof(text)));
	assert_string_equal(text, "100rel, a, b, 100rel");
	/* Even if not one name fits. */
	assert_true(leg_options_unknown(&fixture.message, SIP_HEADER_REQUIRE, 0, text, 3));
	fixture_request(&fixture, "INVITE sip:1@h", "Require: 100rel\r\nRequire:\r\n", "");
	assert_false(leg_options_unknown(
		&fixture.message, SIP_HEADER_REQUIRE, LEG_OPTION_100REL, text, sizeof(text)));
}

static void test_build(void **state)
{
	struct sip_builder builder;
	char bytes[256];
	int length;

	(void)state;
	sip_builder_init(&builder, bytes, sizeof(bytes) - 1);
	leg_options_build(&builder, SIP_HEADER_SUPPORTED, LEG_OPTION_100REL);
	leg_options_build(&builder, SIP_HEADER_REQUIRE, 0);
	length = sip_builder_finish(&builder, SPAN(""), SPAN(""));
	assert_true(length > 0);
	bytes[length] = '\0';
	assert_string_equal(bytes, "Supported: 100rel\r\nContent-Length: 0\r\n\r\n");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_listed),
		cmocka_unit_test(test_unknown),
		cmocka_unit_test(test_build),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
