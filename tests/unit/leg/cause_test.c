/* SPDX-License-Identifier: Apache-2.0 */
/* Statuses and causes into each other, and the Reason header. */
#include "leg/cause.h"

#include "unit/leg/leg_fixture.h"

#include <tandem/compiler.h>

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

static void test_rfc_3398(void **state)
{
	static const struct {
		unsigned status;
		unsigned cause;
	} rows[] = {{404, 1}, {486, 17}, {600, 17}, {480, 18}, {408, 102}, {504, 102}, {484, 28},
		{410, 22}, {502, 38}, {503, 41}, {500, 41}, {603, 21}, {604, 1}, {403, 21},
		{488, 65}, {302, 23}, {499, 127}, {699, 127}, {200, 0}, {180, 0}, {487, 31}};

	(void)state;
	for (size_t i = 0; i < TD_COUNT_OF(rows); i++)
		assert_int_equal(cause_from_status(rows[i].status), rows[i].cause);
	assert_int_equal(cause_to_status(1), 404);
	assert_int_equal(cause_to_status(17), 486);
	assert_int_equal(cause_to_status(34), 503);
	assert_int_equal(cause_to_status(102), 504);
	assert_int_equal(cause_to_status(126), 480);
	assert_string_equal(cause_text(17), "User busy");
	assert_string_equal(cause_text(126), "");
}

static void test_reason_headers(void **state)
{
	static const struct {
		const char *header;
		unsigned cause;
	} rows[] = {
		{"Reason: Q.850;cause=17;text=\"User busy\"\r\n", 17},
		{"Reason: q.850 ; text=\"a, b\" ; cause=16\r\n", 16},
		{"Reason: SIP;cause=486, Q.850;cause=21\r\n", 21},
		{"Reason: SIP;cause=200;text=\"a \\\" , Q.850;cause=1\", Q.850;cause=34\r\n", 34},
		{"Reason: SIP;cause=486\r\nReason: Q.850;cause=1\r\n", 1},
		{"Reason: Q.850;cause=300\r\n", 0},
		{"Reason: Q.850;cause=1x\r\n", 0},
		{"Reason: Q.850\r\n", 0},
		{"Reason: Q.850;cause=\r\n", 0},
		{"Reason: ,,;\r\n", 0},
		{"", 0},
	};
	struct fixture_message fixture;

	(void)state;
	for (size_t i = 0; i < TD_COUNT_OF(rows); i++) {
		fixture_response(&fixture, 486, rows[i].header);
		if (cause_from_message(&fixture.message) != rows[i].cause)
			fail_msg("%s", rows[i].header);
	}
	fixture_response(&fixture, 486, "Reason: Q.850;cause=34\r\n");
	assert_int_equal(cause_of_response(&fixture.message), 34); /* received wins */
	fixture_response(&fixture, 486, "");
	assert_int_equal(cause_of_response(&fixture.message), 17);
}

static void test_reason_is_written(void **state)
{
	char bytes[256];
	struct sip_builder builder;

	(void)state;
	sip_builder_init(&builder, bytes, sizeof(bytes));
	cause_build_reason(&builder, 17);
	cause_build_reason(&builder, 126);
	cause_build_reason(&builder, 0);
	bytes[builder.used_bytes] = '\0';
	assert_string_equal(bytes, "Reason: Q.850;cause=17;text=\"User busy\"\r\n"
				   "Reason: Q.850;cause=126\r\n");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_rfc_3398),
		cmocka_unit_test(test_reason_headers),
		cmocka_unit_test(test_reason_is_written),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
