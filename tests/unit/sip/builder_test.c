/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What is built, and what is refused to be built.
 */
#include "sip/builder.h"

#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

static char bytes[2048];
static struct sip_builder builder;

static void begin(void)
{
	sip_builder_init(&builder, bytes, sizeof(bytes));
}

static void test_request(void **state)
{
	int length;

	(void)state;
	begin();
	sip_build_request_line(&builder, SPAN("INVITE"), SPAN("sip:a@b"));
	sip_build_header(&builder, SIP_HEADER_CALL_ID, SPAN("x"));
	sip_build_header_format(&builder, SIP_HEADER_CSEQ, "%u %s", 1u, "INVITE");
	sip_build_other_header(&builder, SPAN("X-Y"), SPAN("z"));
	length = sip_builder_finish(&builder, SPAN("text/plain"), SPAN("hi"));
	assert_true(length > 0);
	bytes[length] = '\0';
	assert_string_equal(bytes,
		"INVITE sip:a@b SIP/2.0\r\nCall-ID: x\r\nCSeq: 1 INVITE\r\n"
		"X-Y: z\r\nContent-Type: text/plain\r\nContent-Length: 2\r\n\r\nhi");
}

static void test_status_lines(void **state)
{
	(void)state;
	begin();
	sip_build_status_line(&builder, 486, NULL);
	sip_build_status_line(&builder, 699, "Odd");
	assert_memory_equal(bytes, "SIP/2.0 486 Busy Here\r\nSIP/2.0 699 Odd\r\n", 40);
}

static void test_injection_is_refused(void **state)
{
	(void)state;
	begin();
	sip_build_header(&builder, SIP_HEADER_SUBJECT, SPAN("a\r\nVia: b"));
	assert_int_equal(sip_builder_finish(&builder, SPAN(""), SPAN("")), -EINVAL);
	begin();
	sip_build_header(&builder, SIP_HEADER_SUBJECT, SPAN("a\0b"));
	assert_int_equal(sip_builder_finish(&builder, SPAN(""), SPAN("")), -EINVAL);
	begin();
	sip_build_header_format(&builder, SIP_HEADER_SUBJECT, "%s", "a\nb");
	assert_int_equal(sip_builder_finish(&builder, SPAN(""), SPAN("")), -EINVAL);
	begin();
	sip_build_other_header(&builder, SPAN("X: y\r\nZ"), SPAN("a"));
	assert_int_equal(sip_builder_finish(&builder, SPAN(""), SPAN("")), -EINVAL);
	begin();
	sip_build_request_line(&builder, SPAN("INVITE"), SPAN("sip:a b"));
	assert_int_equal(sip_builder_finish(&builder, SPAN(""), SPAN("")), -EINVAL);
	begin();
	sip_build_request_line(&builder, SPAN(""), SPAN("sip:a"));
	assert_int_equal(sip_builder_finish(&builder, SPAN(""), SPAN("")), -EINVAL);
	begin();
	sip_build_status_line(&builder, 200, "OK\r\n");
	assert_int_equal(sip_builder_finish(&builder, SPAN(""), SPAN("")), -EINVAL);
}

static void test_every_size_too_small(void **state)
{
	(void)state;
	for (size_t size_bytes = 0; size_bytes < 200; size_bytes++) {
		int length;

		sip_builder_init(&builder, bytes, size_bytes);
		sip_build_request_line(&builder, SPAN("BYE"), SPAN("sip:a@b"));
		sip_build_header_format(&builder, SIP_HEADER_CSEQ, "%u BYE", 2u);
		length = sip_builder_finish(&builder, SPAN(""), SPAN(""));
		assert_true(length == -ENOSPC || (length > 0 && (size_t)length <= size_bytes));
		assert_int_equal(length > 0, size_bytes >= 55);
	}
}

/* The response to a request that came from 203.0.113.5:1234. */
static const char *response_to(const char *via, const char *to, unsigned status)
{
	static char request[1024];
	static struct sip_message message;
	struct td_endpoint source = {
		.ip = {.bytes = {203, 0, 113, 5}, .family = TD_FAMILY_IPV4}, .port = 1234};
	struct sip_parse_error error;
	int length = snprintf(request, sizeof(request),
		"OPTIONS sip:a SIP/2.0\r\nv: %s\r\nf: <sip:a@b>;tag=1\r\nt: %s\r\ni: x\r\n"
		"CSeq: 1 OPTIONS\r\ntimestamp: 54\r\nVia: SIP/2.0/TCP second\r\n\r\n",
		via, to);

	if (sip_message_parse(request, (size_t)length, false, &message, &error) != 0)
		fail_msg("%s", error.reason);
	begin();
	sip_build_response_head(&builder, &message, &source, status, SPAN("me"));
	length = sip_builder_finish(&builder, SPAN(""), SPAN(""));
	assert_true(length > 0);
	bytes[length] = '\0';
	return bytes;
}

static void test_responses(void **state)
{
	(void)state;
	assert_string_equal(
		response_to("SIP/2.0/UDP 203.0.113.5:9;branch=z9hG4bK1", "<sip:c>", 200),
		"SIP/2.0 200 OK\r\nVia: SIP/2.0/UDP 203.0.113.5:9;branch=z9hG4bK1\r\n"
		"Via: SIP/2.0/TCP second\r\nFrom: <sip:a@b>;tag=1\r\nTo: <sip:c>;tag=me\r\n"
		"Call-ID: x\r\nCSeq: 1 OPTIONS\r\nContent-Length: 0\r\n\r\n");
	/* a name or another address: received; rport: filled */
	assert_non_null(strstr(response_to("SIP/2.0/UDP host;branch=1", "<sip:c>", 200),
		"Via: SIP/2.0/UDP host;branch=1;received=203.0.113.5\r\n"));
	assert_non_null(strstr(
		response_to("SIP/2.0/UDP 203.0.113.5;rport;branch=1", "<sip:c>", 200),
		"Via: SIP/2.0/UDP 203.0.113.5;branch=1;received=203.0.113.5;rport=1234\r\n"));
	/* what the sender claims about itself doesn't count */
	assert_non_null(strstr(
		response_to("SIP/2.0/UDP h;received=192.0.2.9;rport=7;branch=1", "<sip:c>", 200),
		"Via: SIP/2.0/UDP h;branch=1;received=203.0.113.5;rport=1234\r\n"));
	/* a tag that is there stays, and only 100 has Timestamp */
	assert_non_null(strstr(
		response_to("SIP/2.0/UDP h", "<sip:c>;tag=old", 180), "To: <sip:c>;tag=old\r\n"));
	assert_null(strstr(bytes, "54"));
	assert_non_null(strstr(response_to("SIP/2.0/UDP h", "<sip:c>", 100), "timestamp: 54\r\n"));
}

static void test_via_rename(void **state)
{
	char text[] =
		"INVITE sip:a@h SIP/2.0\r\nVia: SIP/2.0/UDP h;branch=1\r\nVia: SIP/2.0/UDP b\r\n\r\n";
	char other[] = "INVITE sip:a@h SIP/2.0\r\nVia: SIP/2.0/TLS h\r\n\r\n";
	char none[] = "INVITE sip:a@h SIP/2.0\r\n\r\n";
	char cut[] = "INVITE sip:a@h SIP/2.0\r\nVia: SIP/2.0/UDP";

	(void)state;
	assert_true(sip_via_rename(text, sizeof(text) - 1, SIP_TRANSPORT_TCP));
	assert_string_equal(text,
		"INVITE sip:a@h SIP/2.0\r\nVia: SIP/2.0/TCP h;branch=1\r\nVia: SIP/2.0/UDP b\r\n\r\n");
	assert_true(sip_via_rename(text, sizeof(text) - 1, SIP_TRANSPORT_UDP));
	assert_non_null(strstr(text, "Via: SIP/2.0/UDP h"));
	assert_false(sip_via_rename(text, sizeof(text) - 1, SIP_TRANSPORT_TLS));
	assert_false(sip_via_rename(other, sizeof(other) - 1, SIP_TRANSPORT_UDP));
	assert_false(sip_via_rename(none, sizeof(none) - 1, SIP_TRANSPORT_UDP));
	assert_false(sip_via_rename(cut, sizeof(cut) - 1, SIP_TRANSPORT_TCP));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_request),
		cmocka_unit_test(test_status_lines),
		cmocka_unit_test(test_injection_is_refused),
		cmocka_unit_test(test_every_size_too_small),
		cmocka_unit_test(test_responses),
		cmocka_unit_test(test_via_rename),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
