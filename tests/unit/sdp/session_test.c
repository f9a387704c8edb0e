/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The structure of a body: lines, levels, inheritance, bounds.
 */
#include "sdp/session.h"

#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#define HEAD "v=0\r\no=- 1 1 IN IP4 192.0.2.1\r\ns=-\r\nc=IN IP4 192.0.2.1\r\nt=0 0\r\n"

static struct sdp_session session;
static struct sdp_error error;

static int parse(const char *body)
{
	return sdp_session_parse(span_from(body), &session, &error);
}

static void refused(const char *body, const char *why)
{
	if (parse(body) != -EBADMSG)
		fail_msg("accepted: %s", body);
	if (strcmp(error.reason, why) != 0)
		fail_msg("%s: %s (line %u)", body, error.reason, error.line);
}

static void test_levels(void **state)
{
	char text[TD_IP_TEXT_BYTES];

	(void)state;
	assert_int_equal(parse("v=0\no=jdoe 123 456 IN IP6 2001:db8::1\ns= \nc=IN IP4 192.0.2.7\n"
			       "b=AS:64\nt=0 0\na=recvonly\na=tool:x y\n"
			       "m=audio 4000 RTP/AVP 0\nm=video 5000/2 RTP/SAVPF 96\n"
			       "c=IN IP6 2001:db8::2\na=sendonly\na=rtpmap:96 VP8/90000\n\n"),
		0);
	assert_true(span_equal(session.origin_user, SPAN("jdoe")));
	assert_true(span_equal(session.origin_id, SPAN("123")));
	assert_true(span_equal(session.origin_version, SPAN("456")));
	assert_int_equal(session.origin_address.ip.family, TD_FAMILY_IPV6);
	assert_int_equal(session.media_count, 2);
	assert_int_equal(session.direction, SDP_RECVONLY);
	assert_int_equal(session.media[0].direction, SDP_RECVONLY);
	assert_int_equal(session.media[1].direction, SDP_SENDONLY);
	assert_string_equal(td_ip_format(&session.media[0].connection.ip, text), "192.0.2.7");
	assert_string_equal(td_ip_format(&session.media[1].connection.ip, text), "2001:db8::2");
	assert_int_equal(session.media[1].port_count, 2);
	assert_int_equal(session.media[1].protocol, SDP_RTP_SAVPF);
	assert_true(span_equal(
		sdp_attribute_find(&session, SDP_MEDIA_MAX, "tool")->value, SPAN("x y")));
	assert_true(
		span_equal(sdp_attribute_find(&session, 1, "rtpmap")->value, SPAN("96 VP8/90000")));
	assert_null(sdp_attribute_find(&session, 0, "rtpmap"));
}

static void test_refusals(void **state)
{
	(void)state;
	refused("", "body is empty");
	refused("o=- 1 1 IN IP4 192.0.2.1\r\n", "doesn't begin with v=0");
	refused("v=1\r\n", "doesn't begin with v=0");
	refused("v=0\r\ns=-\r\n", "v=, o= or s= is missing");
	refused("v=0\r\no=- 1 1 IN IP4 192.0.2.1\r\n", "v=, o= or s= is missing");
	refused("v=0\r\no=- 1 1 IN IP4\r\n", "address isn't of the form IN IP4 x");
	refused("v=0\r\no=- 1\r\n", "o= is incomplete");
	refused("v=0\r\no=- 1 x IN IP4 192.0.2.1\r\n", "o= version isn't a number");
	refused(HEAD "v=0\r\n", "v= is repeated");
	refused(HEAD "o=- 1 1 IN IP4 192.0.2.1\r\n", "o= is repeated or out of place");
	refused(HEAD "s=x\r\n", "s= is repeated or out of place");
	refused(HEAD "X=1\r\n", "line isn't of the form x=");
	refused(HEAD "hello\r\n", "line isn't of the form x=");
	refused(HEAD "a=\r\n", "a= without a name");
	refused(HEAD "a=:x\r\n", "a= without a name");
	refused(HEAD "a=x\x01\r\n", "control character in a line");
	refused(HEAD "a=x\ry\r\n", "control character in a line");
	refused(HEAD "c=IN IP4 2001:db8::1\r\n", "address type and address differ");
	refused("v=0\r\no=- 1 1 IN IP4 h\r\ns=-\r\nm=audio 4000 RTP/AVP 0\r\n",
		"a stream has no c=");
}

static void test_streams_without_an_address(void **state)
{
	(void)state;
	assert_int_equal(parse("v=0\r\no=- 1 1 IN IP4 h\r\ns=-\r\nm=audio 0 RTP/AVP 0\r\n"), 0);
	assert_int_equal(parse(HEAD "c=IN IP4 host.example.com\r\nm=audio 4000 RTP/AVP 0\r\n"), 0);
}

static void test_bounds(void **state)
{
	static char body[SDP_MAX_BYTES + 100];
	char *at = stpcpy(body, HEAD);

	(void)state;
	for (unsigned i = 0; i < SDP_MEDIA_MAX; i++)
		at = stpcpy(at, "m=audio 4000 RTP/AVP 0\r\n");
	assert_int_equal(parse(body), 0);
	assert_int_equal(session.media_count, SDP_MEDIA_MAX);
	(void)stpcpy(at, "m=audio 4000 RTP/AVP 0\r\n");
	refused(body, "more m= lines than allowed");
	at = stpcpy(body, HEAD);
	for (unsigned i = 0; i < SDP_ATTRIBUTES_MAX; i++)
		at = stpcpy(at, "a=x:y\r\n");
	assert_int_equal(parse(body), 0);
	(void)stpcpy(at, "a=x:y\r\n");
	refused(body, "more a= lines than allowed");
	memset(body, 'x', SDP_MAX_BYTES + 1);
	body[SDP_MAX_BYTES + 1] = '\0';
	refused(body, "body is too long");
}

/* Datagrams that hang a stack which others ship. */
static void test_one_packet_faults_of_others(void **state)
{
	(void)state;
	refused(HEAD "m=audio 41234 RTM-:/AVP 8 0 9 18 101\r\n",
		"m= kind or protocol isn't a token");
	assert_int_equal(parse(HEAD "m=audio 41234 RTM/AVP 8 : 0 @ 101\r\n"), 0);
	assert_int_equal(session.media[0].format_count, 5);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_levels),
		cmocka_unit_test(test_refusals),
		cmocka_unit_test(test_streams_without_an_address),
		cmocka_unit_test(test_bounds),
		cmocka_unit_test(test_one_packet_faults_of_others),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
