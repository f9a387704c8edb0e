/* SPDX-License-Identifier: Apache-2.0 */
/* Allow, read and written. */
#include "leg/allow.h"

#include "leg/screen.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

#include <cmocka.h>

#define HEAD                                                                       \
	"OPTIONS sip:a@b SIP/2.0\r\nVia: SIP/2.0/UDP 10.0.0.1;branch=z9hG4bK1\r\n" \
	"From: <sip:a@b>;tag=1\r\nTo: <sip:a@b>\r\nCall-ID: c\r\nCSeq: 1 OPTIONS\r\n"

static uint32_t read_allow(const char *headers)
{
	char bytes[1024];
	struct sip_message message;
	struct sip_parse_error error;
	int length = snprintf(bytes, sizeof(bytes), HEAD "%s\r\n", headers);

	assert_int_equal(sip_message_parse(bytes, (size_t)length, false, &message, &error), 0);
	return leg_allow_read(&message);
}

static void test_read(void **state)
{
	uint32_t methods = read_allow("");

	(void)state;
	assert_int_equal(methods, 0);
	assert_true(leg_allows(methods, SIP_METHOD_REFER)); /* it may, for all we know */
	methods = read_allow("Allow: INVITE, ACK,BYE , FOO\r\nAllow: REFER\r\n");
	assert_true(leg_allows(methods, SIP_METHOD_INVITE));
	assert_true(leg_allows(methods, SIP_METHOD_BYE));
	assert_true(leg_allows(methods, SIP_METHOD_REFER));
	assert_false(leg_allows(methods, SIP_METHOD_UPDATE));
	methods = read_allow("Allow: \r\n"); /* it takes nothing */
	assert_false(leg_allows(methods, SIP_METHOD_INVITE));
	methods = read_allow("Allow: FOO\r\n");
	assert_false(leg_allows(methods, SIP_METHOD_REFER));
}

static void test_written(void **state)
{
	char bytes[512];
	struct sip_builder builder;
	int length;

	(void)state;
	sip_builder_init(&builder, bytes, sizeof(bytes) - 1);
	leg_allow_build(&builder, 0);
	leg_allow_build(&builder, LEG_METHOD(SIP_METHOD_SUBSCRIBE) | LEG_METHOD(SIP_METHOD_REFER));
	length = sip_builder_finish(&builder, SPAN(""), SPAN(""));
	assert_true(length > 0);
	bytes[length] = '\0';
	assert_string_equal(bytes, "Allow: " LEG_ALLOW "\r\nAllow: " LEG_ALLOW
				   ", REFER, SUBSCRIBE\r\nContent-Length: 0\r\n\r\n");
	/* Every method together still fits. */
	sip_builder_init(&builder, bytes, sizeof(bytes) - 1);
	leg_allow_build(&builder, UINT32_MAX);
	length = sip_builder_finish(&builder, SPAN(""), SPAN(""));
	assert_true(length > 0);
	bytes[length] = '\0';
	assert_non_null(strstr(bytes, ", MESSAGE, PUBLISH\r\n"));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_read),
		cmocka_unit_test(test_written),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
