/* SPDX-License-Identifier: Apache-2.0 */
#include "sip/builder.h"
#include "sip/message.h"

#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#define START "INVITE sip:+4930100@10.0.0.1;user=phone SIP/2.0\r\n"
#define VIA "Via: SIP/2.0/UDP 10.1.0.1:5070;branch=z9hG4bKa;rport\r\n"
#define FROM "From: \"A; tag=x <b>\" <sip:1@10.1.0.1;tag=no>;x=1;tag=f\r\n"
#define TO "To: sip:100@10.0.0.1\r\n"
#define REST                                                                          \
	"Call-ID: c@h\r\nCSeq: 7 INVITE\r\nUser-Agent: friendly-scanner\r\nContact: " \
	"<sip:10.1.0.1>\r\n"
#define END "Content-Length: 3\r\n\r\nv=0"

static int glance(const char *text, struct sip_message *ret_message)
{
	return sip_message_glance(text, strlen(text), ret_message);
}

static void test_plain(void **state)
{
	struct sip_message message;

	(void)state;
	assert_int_equal(glance(START VIA VIA FROM TO REST END, &message), 0);
	assert_int_equal(message.method, SIP_METHOD_INVITE);
	assert_true(span_is(message.request_uri.text, "sip:+4930100@10.0.0.1;user=phone"));
	assert_int_equal(message.via_count, 2);
	assert_int_equal(message.via.port, 5070);
	assert_true(message.via.has_rport);
	assert_true(span_is(message.from.tag, "f"));
	assert_true(span_is_empty(message.to.tag));
	assert_true(span_is(message.call_id, "c@h"));
	assert_int_equal(message.cseq.number, 7);
	assert_int_equal(message.header_count, 7);
	assert_true(span_is(
		sip_message_find(&message, SIP_HEADER_USER_AGENT)->value, "friendly-scanner"));
	assert_int_equal(
		glance("INVITE sip:1@h SIP/2.0\r\nv: SIP/2.0/TCP h\r\nf:<sip:a@h> ;Tag=f\r\n"
		       "T : <sip:b@h>;tag=\"q\"\r\ni:c\r\nCSEQ:  1   INVITE\r\n\r\n",
			&message),
		0);
	assert_true(span_is(message.to.tag, "q"));
	assert_true(span_is(message.from.tag, "f"));
}

/* An answer can be made of it. */
static void test_answer(void **state)
{
	const struct td_endpoint source = {
		.ip = {.family = TD_FAMILY_IPV4, .bytes = {10, 1, 0, 9}}, .port = 5099};
	struct sip_message message;
	struct sip_builder builder;
	char text[1024];
	int length;

	(void)state;
	assert_int_equal(glance(START VIA VIA FROM TO REST END, &message), 0);
	sip_builder_init(&builder, text, sizeof(text));
	sip_build_response_head(&builder, &message, &source, 503, SPAN("us"));
	length = sip_builder_finish(&builder, SPAN(""), SPAN(""));
	assert_true(length > 0);
	text[length] = '\0';
	assert_string_equal(text,
		"SIP/2.0 503 Service Unavailable\r\n"
		"Via: SIP/2.0/UDP 10.1.0.1:5070;branch=z9hG4bKa"
		";received=10.1.0.9;rport=5099\r\n" VIA FROM "To: sip:100@10.0.0.1;tag=us\r\n"
		"Call-ID: c@h\r\nCSeq: 7 INVITE\r\nContent-Length: 0\r\n\r\n");
}

/* What isn't plain is the parser's to judge. */
static void test_not_plain(void **state)
{
	static const char *const texts[] = {
		"",
		"\r\n\r\n",
		"SIP/2.0 200 OK\r\n" VIA FROM TO REST END,
		"INVENT sip:1@h SIP/2.0\r\n" VIA FROM TO REST END,
		"INVITE sip:1@h SIP/3.0\r\n" VIA FROM TO REST END,
		"INVITE SIP/2.0\r\n" VIA FROM TO REST END,
		START FROM TO REST END,
		START VIA TO REST END,
		START VIA FROM REST END,
		START VIA FROM TO END,
		START VIA FROM FROM TO REST END,
		START VIA FROM TO REST,
		START VIA FROM TO " folded\r\n" REST END,
		START "Via: SIP/2.0/UDP h;branch=z9hG4bK1, SIP/2.0/UDP i\r\n" FROM TO REST END,
		START "Via: SIP/2.0/UDP\r\n" FROM TO REST END,
		START VIA "From: <sip:a@h>;tag=1;tag=2\r\n" TO REST END,
		START VIA "From: \"a <sip:a@h>;tag=1\r\n" TO REST END,
		START VIA "From: <sip:a@h;tag=1\r\n" TO REST END,
		START VIA FROM "To: <sip:a@h>;tag=1\rX: y\r\n" REST END,
		START VIA FROM TO "Call-ID: a\nX: y\r\nCSeq: 1 INVITE\r\n" END,
		START VIA FROM TO "Call-ID: a b\r\nCSeq: 1 INVITE\r\n" END,
		START VIA FROM TO "Call-ID: a\r\nCSeq: 1 BYE\r\n" END,
		START VIA FROM TO "Call-ID: a\r\nCSeq: 4294967296 INVITE\r\n" END,
		START VIA VIA VIA VIA VIA VIA VIA VIA VIA VIA VIA VIA VIA VIA FROM TO REST END,
	};
	struct sip_message message;

	(void)state;
	for (size_t i = 0; i < TD_COUNT_OF(texts); i++)
		if (glance(texts[i], &message) != -EBADMSG)
			fail_msg("taken for plain: %s", texts[i]);
}

int main(void)
{
	static const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_plain),
		cmocka_unit_test(test_answer),
		cmocka_unit_test(test_not_plain),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
