/* SPDX-License-Identifier: Apache-2.0 */
/* RSeq and RAck (RFC 3262 7). */
#include "sip/rack.h"

#include <tandem/compiler.h>

#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

static char text[512];

static void parse(const char *header, struct sip_message *ret_message)
{
	struct sip_parse_error error;
	int length = snprintf(text, sizeof(text),
		"PRACK sip:x SIP/2.0\r\nVia: SIP/2.0/UDP h;branch=z9hG4bK1\r\nFrom: <sip:a>;tag=1\r\n"
		"To: <sip:b>;tag=2\r\nCall-ID: c\r\nCSeq: 2 PRACK\r\nMax-Forwards: 70\r\n%s\r\n",
		header);

	assert_int_equal(sip_message_parse(text, (size_t)length, false, ret_message, &error), 0);
}

static void test_rack(void **state)
{
	struct sip_message message;
	struct sip_rack rack;

	(void)state;
	parse("RAck: 776656 1 INVITE\r\n", &message);
	assert_int_equal(sip_rack_read(&message, &rack), 0);
	assert_int_equal(rack.rseq, 776656);
	assert_int_equal(rack.cseq, 1);
	assert_int_equal(rack.method, SIP_METHOD_INVITE);
	parse("rack :   4294967295\t2147483647  \r\n DANCE \r\n", &message);
	assert_int_equal(sip_rack_read(&message, &rack), 0);
	assert_true(rack.rseq == UINT32_MAX);
	assert_int_equal(rack.cseq, 2147483647);
	assert_int_equal(rack.method, SIP_METHOD_OTHER);
	parse("", &message);
	assert_int_equal(sip_rack_read(&message, &rack), -ENOENT);
}

static const char *const bad_racks[] = {
	"RAck:\r\n",
	"RAck: 1\r\n",
	"RAck: 1 1\r\n",
	"RAck: 0 1 INVITE\r\n",
	"RAck: x 1 INVITE\r\n",
	"RAck: -1 1 INVITE\r\n",
	"RAck: 1 x INVITE\r\n",
	"RAck: 4294967296 1 INVITE\r\n",
	"RAck: 1 2147483648 INVITE\r\n",
	"RAck: 1 1 INVITE x\r\n",
	"RAck: 1, 1 INVITE\r\n",
};

static void test_bad_racks(void **state)
{
	struct sip_message message;
	struct sip_rack rack;

	(void)state;
	for (size_t i = 0; i < TD_COUNT_OF(bad_racks); i++) {
		parse(bad_racks[i], &message);
		if (sip_rack_read(&message, &rack) != -EBADMSG)
			fail_msg("accepted: %s", bad_racks[i]);
	}
}

static void test_rseq(void **state)
{
	struct sip_message message;
	uint32_t rseq;

	(void)state;
	parse("RSeq: 17\r\n", &message);
	assert_int_equal(sip_rseq_read(&message, &rseq), 0);
	assert_int_equal(rseq, 17);
	parse("RSeq: 0\r\n", &message);
	assert_int_equal(sip_rseq_read(&message, &rseq), -EBADMSG);
	parse("RSeq: 4294967296\r\n", &message);
	assert_int_equal(sip_rseq_read(&message, &rseq), -EBADMSG);
	parse("RSeq: 1 2\r\n", &message);
	assert_int_equal(sip_rseq_read(&message, &rseq), -EBADMSG);
	parse("", &message);
	assert_int_equal(sip_rseq_read(&message, &rseq), -ENOENT);
}

static void test_build(void **state)
{
	const struct sip_rack rack = {5, 7, SIP_METHOD_INVITE};
	struct sip_builder builder;
	char bytes[128];
	int length;

	(void)state;
	sip_builder_init(&builder, bytes, sizeof(bytes) - 1);
	sip_rack_build(&builder, &rack);
	length = sip_builder_finish(&builder, SPAN(""), SPAN(""));
	assert_true(length > 0);
	bytes[length] = '\0';
	assert_string_equal(bytes, "RAck: 5 7 INVITE\r\nContent-Length: 0\r\n\r\n");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_rack),
		cmocka_unit_test(test_bad_racks),
		cmocka_unit_test(test_rseq),
		cmocka_unit_test(test_build),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
