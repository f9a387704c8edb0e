/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The rules of the parser that no torture message shows.
 */
#include "sip/message.h"

#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

enum {
	TEXT_BYTES = 80000
};

static char text[TEXT_BYTES];
static struct sip_message message;
static struct sip_parse_error error;

/* A good request with another start line, more headers, and a body. */
static int parse(const char *start_line, const char *headers, const char *body, bool is_stream)
{
	int length = snprintf(text, sizeof(text),
		"%s\r\nVia: SIP/2.0/UDP 192.0.2.1;branch=z9hG4bKa\r\nFrom: <sip:a@b>;tag=1\r\n"
		"To: <sip:c@d>\r\nCall-ID: id\r\nCSeq: 7 INVITE\r\n%s\r\n%s",
		start_line, headers, body);

	return sip_message_parse(text, (size_t)length, is_stream, &message, &error);
}

static const char invite[] = "INVITE sip:c@d SIP/2.0";

static void refused(const char *start_line, const char *headers, unsigned status, const char *why)
{
	if (parse(start_line, headers, "", false) != -EBADMSG)
		fail_msg("accepted: %s %s", start_line, headers);
	if (error.status != status || strcmp(error.reason, why) != 0)
		fail_msg("%s %s: %u %s", start_line, headers, error.status, error.reason);
	assert_int_equal(error.is_answerable, status != 0);
	assert_true(error.offset <= sizeof(text));
}

static void test_plain(void **state)
{
	(void)state;
	assert_int_equal(parse(invite, "m: <sip:a@h>\r\nl: 2\r\n", "xyz", false), 0);
	assert_true(sip_message_is_request(&message));
	assert_int_equal(message.method, SIP_METHOD_INVITE);
	assert_int_equal(message.max_forwards, SIP_MAX_FORWARDS_ABSENT);
	assert_true(span_equal(message.body, SPAN("xy")));
	assert_int_equal(message.bytes.length, strlen(text) - 1);
	assert_int_equal(message.header_count, 7);
	assert_true(span_equal(message.contact.uri.host, SPAN("h")));
}

static void test_response(void **state)
{
	(void)state;
	assert_int_equal(parse("SIP/2.0 486 Busy Here", "", "", false), 0);
	assert_int_equal(message.status, 486);
	assert_int_equal(message.method, SIP_METHOD_INVITE);
	assert_true(span_equal(message.reason_phrase, SPAN("Busy Here")));
	assert_int_equal(parse("sip/2.0 200", "", "", false), 0);
	assert_int_equal(message.status, 200);
	refused("SIP/2.0 99 Low", "", 0, "status code isn't 100 to 699");
	refused("SIP/2.0 700 High", "", 0, "status code isn't 100 to 699");
	refused("SIP/2.0 200OK", "", 0, "status code isn't 100 to 699");
	refused("SIP/2.0", "", 0, "status code isn't 100 to 699");
	refused("SIP/3.0 200 OK", "", 0, "response of another version of SIP");
	/* Whatever is wrong with a response, nobody answers it. */
	refused("SIP/2.0 200 OK", "Max-Forwards: x\r\n", 0, "Max-Forwards isn't 0 to 255");
}

static void test_start_lines(void **state)
{
	char line[SIP_URI_MAX_BYTES + 64];

	(void)state;
	refused("INVITE sip:c@d SIP/3.0", "", 505, "another version of SIP");
	refused("INVITE sip:c@d HTTP/1.1", "", 400, "request line is malformed");
	refused("INVITE sip:c@d", "", 400, "request line has no version");
	refused("INVITE", "", 400, "request line has no method");
	refused(" INVITE sip:c@d SIP/2.0", "", 400, "request line has no method");
	refused("INVITE sip:c@d;x=\x01 SIP/2.0", "", 400, "control character in a line");
	refused("OPTIONS sip:c@d SIP/2.0", "", 400, "CSeq method differs from the request's");
	(void)snprintf(line, sizeof(line), "INVITE sip:%0*d@d SIP/2.0", SIP_URI_MAX_BYTES, 1);
	refused(line, "", 414, "request URI is too long");
	/* An ACK is never answered (RFC 3261 17.1.1.3). */
	refused("ACK sip:c@d SIP/3.0", "", 0, "another version of SIP");
}

static void test_header_lines(void **state)
{
	(void)state;
	refused(invite, "no colon\r\n", 400, "header line without a name");
	refused(invite, ": x\r\n", 400, "header line without a name");
	refused(invite, "X: a\nY: b\r\n", 400, "CR or LF outside a line's end");
	refused(invite, "X: a\rY: b\r\n", 400, "CR or LF outside a line's end");
	refused(invite, "X: \"\\\x02\" \x02\r\n", 400, "control character in a line");
	refused(invite, "From: <sip:a@b>\r\n", 400, "a header that must stand once is repeated");
	refused(invite, "l: 0\r\nContent-Length: 0\r\n", 400,
		"a header that must stand once is repeated");
	refused(invite, "Content-Type: application\r\n", 400, "Content-Type is malformed");
	refused(invite, "c: application/sdp;x=\r\n", 400, "Content-Type is malformed");
	refused(invite, "Contact: <sip:a@b>, <sip:c@d>\r\n", 400,
		"INVITE has more than one Contact");
	refused(invite, "Contact: a@b\r\n", 400, "Contact is malformed");
	refused(invite, "Route: sip:\r\n", 400, "Route is malformed");
	refused(invite, "Record-Route: x\r\n", 400, "Record-Route is malformed");
	refused(invite, "Expires: 4294967296\r\n", 400, "Expires isn't a 32-bit number");
	refused(invite, "Max-Forwards: 256\r\n", 400, "Max-Forwards isn't 0 to 255");
	refused(invite, "Content-Length: 65536\r\n", 400,
		"Content-Length isn't a number that we accept");
	refused(invite, "v: \r\nv: ,\r\n", 400, "empty Via value");
	assert_int_equal(parse(invite, "X: \"\\\x02\" \t\r\n", "", false), 0);
}

static void test_lists(void **state)
{
	uint32_t from = 0;

	(void)state;
	assert_int_equal(parse(invite,
				 "Route: <sip:a;lr>, \"x, y\" <sip:b,c@d;lr>\r\nRoute:<sip:e>\r\n"
				 "Supported: timer , 100REL\r\nk: replaces\r\n",
				 "", false),
		0);
	assert_true(span_equal(
		sip_message_next(&message, SIP_HEADER_ROUTE, &from)->value, SPAN("<sip:a;lr>")));
	assert_true(span_equal(sip_message_next(&message, SIP_HEADER_ROUTE, &from)->value,
		SPAN("\"x, y\" <sip:b,c@d;lr>")));
	assert_true(span_equal(
		sip_message_next(&message, SIP_HEADER_ROUTE, &from)->value, SPAN("<sip:e>")));
	assert_null(sip_message_next(&message, SIP_HEADER_ROUTE, &from));
	assert_true(sip_message_lists(&message, SIP_HEADER_SUPPORTED, "100rel"));
	assert_true(sip_message_lists(&message, SIP_HEADER_SUPPORTED, "replaces"));
	assert_false(sip_message_lists(&message, SIP_HEADER_SUPPORTED, "time"));
	assert_null(sip_message_find(&message, SIP_HEADER_REQUIRE));
}

static void repeat(char *out, const char *line, unsigned count)
{
	*out = '\0';
	for (unsigned i = 0; i < count; i++)
		out = stpcpy(out, line);
}

static void test_bounds(void **state)
{
	static char lines[TEXT_BYTES / 2];

	(void)state;
	repeat(lines, "Z: y\r\n", SIP_HEADERS_MAX - 5);
	assert_int_equal(parse(invite, lines, "", false), 0);
	assert_int_equal(message.header_count, SIP_HEADERS_MAX);
	repeat(lines, "Z: y\r\n", SIP_HEADERS_MAX - 4);
	refused(invite, lines, 513, "more header fields than allowed");
	repeat(lines, "v: SIP/2.0/UDP a\r\n", SIP_VIAS_MAX - 1);
	assert_int_equal(parse(invite, lines, "", false), 0);
	repeat(lines, "v: SIP/2.0/UDP a\r\n", SIP_VIAS_MAX);
	refused(invite, lines, 513, "more Via values than allowed");
	repeat(lines, "Route: <sip:a>\r\n", SIP_ROUTES_MAX);
	assert_int_equal(parse(invite, lines, "", false), 0);
	repeat(lines, "Route: <sip:a>\r\n", SIP_ROUTES_MAX + 1);
	refused(invite, lines, 513, "more Route values than allowed");
	memset(text, 'x', sizeof(text));
	assert_int_equal(
		sip_message_parse(text, SIP_MESSAGE_MAX_BYTES + 1, false, &message, &error),
		-EBADMSG);
	assert_int_equal(error.status, 0);
}

static void test_stream_needs_a_length(void **state)
{
	(void)state;
	assert_int_equal(parse(invite, "", "", true), -EBADMSG);
	assert_string_equal(error.reason, "Content-Length is missing on a stream");
	assert_int_equal(parse(invite, "l: 0\r\n", "", true), 0);
}

static void test_every_truncation_is_refused(void **state)
{
	static char cut[1024];
	size_t length;

	(void)state;
	assert_int_equal(parse(invite, "l: 2\r\n", "xy", false), 0);
	length = message.bytes.length;
	for (size_t i = 0; i < length; i++) {
		memcpy(cut, text, i);
		assert_int_equal(sip_message_parse(cut, i, false, &message, &error), -EBADMSG);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_plain),
		cmocka_unit_test(test_response),
		cmocka_unit_test(test_start_lines),
		cmocka_unit_test(test_header_lines),
		cmocka_unit_test(test_lists),
		cmocka_unit_test(test_bounds),
		cmocka_unit_test(test_stream_needs_a_length),
		cmocka_unit_test(test_every_truncation_is_refused),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
