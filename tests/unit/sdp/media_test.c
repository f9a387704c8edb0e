/* SPDX-License-Identifier: Apache-2.0 */
/*
 * m= lines and their attributes.
 */
#include "sdp/session.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#define HEAD "v=0\r\no=- 1 1 IN IP4 192.0.2.1\r\ns=-\r\nc=IN IP4 192.0.2.1\r\nt=0 0\r\n"

static struct sdp_session session;

/* Parses one stream; fails the test unless the reason is as expected (NULL: good). */
static const struct sdp_media *stream(const char *lines, const char *why)
{
	static char body[2048]; /* the session borrows it */
	struct sdp_error error = {.reason = NULL};

	(void)snprintf(body, sizeof(body), "%s%s", HEAD, lines);
	(void)(sdp_session_parse(span_from(body), &session, &error) == 0); /* reason tells */
	if (error.reason != why &&
		(error.reason == NULL || why == NULL || strcmp(error.reason, why) != 0))
		fail_msg("%s: %s", lines, error.reason != NULL ? error.reason : "accepted");
	return &session.media[0];
}

static void test_static_formats(void **state)
{
	const struct sdp_media *media = stream("m=audio 4000 RTP/AVP 0 8 9 13 18 33\r\n", NULL);

	(void)state;
	assert_int_equal(media->format_count, 6);
	assert_true(span_is(media->formats[0].encoding, "PCMU"));
	assert_true(span_is(media->formats[2].encoding, "G722"));
	assert_int_equal(media->formats[2].clock_hz, 8000);
	assert_true(span_is(media->formats[3].encoding, "CN"));
	assert_int_equal(media->formats[5].encoding.length, 0);
	assert_int_equal(media->formats[5].payload_type, 33);
	assert_false(media->formats[0].has_rtpmap);
}

static void test_rtpmap_and_fmtp(void **state)
{
	const struct sdp_media *media =
		stream("m=audio 4000 RTP/AVP 96  101 \r\na=rtpmap:96 opus/48000/2\r\n"
		       "a=rtpmap:96 other/8000\r\na=fmtp:96 useinbandfec=1; x\r\n"
		       "a=rtpmap:101 telephone-event/8000\r\na=fmtp:101 0-15\r\n"
		       "a=rtpmap:77 stray/8000\r\na=fmtp:nonsense\r\n",
			NULL);

	(void)state;
	assert_int_equal(media->format_count, 2);
	assert_true(span_equal(media->formats[0].encoding, SPAN("opus")));
	assert_int_equal(media->formats[0].clock_hz, 48000);
	assert_int_equal(media->formats[0].channels, 2);
	assert_true(span_equal(media->formats[0].rtpmap, SPAN("opus/48000/2")));
	assert_true(span_equal(media->formats[0].fmtp, SPAN("useinbandfec=1; x")));
	assert_true(span_equal(media->formats[1].fmtp, SPAN("0-15")));
}

static void test_times_and_rtcp(void **state)
{
	const struct sdp_media *media =
		stream("m=audio 4000 RTP/AVP 0\r\na=ptime:20\r\na=maxptime:150\r\n"
		       "a=rtcp:4009 IN IP4 192.0.2.9\r\na=rtcp-mux\r\na=inactive\r\n",
			NULL);
	char text[TD_IP_TEXT_BYTES];

	(void)state;
	assert_int_equal(media->ptime_ms, 20);
	assert_int_equal(media->maxptime_ms, 150);
	assert_true(media->has_rtcp && media->has_rtcp_mux);
	assert_int_equal(media->rtcp_port, 4009);
	assert_string_equal(td_ip_format(&media->rtcp_address.ip, text), "192.0.2.9");
	assert_int_equal(media->direction, SDP_INACTIVE);
	media = stream("m=audio 4000 RTP/AVP 0\r\na=ptime:2.5\r\na=rtcp:9\r\n", NULL);
	assert_int_equal(media->ptime_ms, 0);
	assert_int_equal(media->rtcp_port, 9);
	assert_false(media->rtcp_address.is_present);
}

struct protocol {
	const char *line;
	enum sdp_protocol protocol;
	enum sdp_kind kind;
};

static const struct protocol protocols[] = {
	{"m=audio 1 RTP/AVP 0\r\n", SDP_RTP_AVP, SDP_AUDIO},
	{"m=audio 1 rtp/avpf 0\r\n", SDP_RTP_AVPF, SDP_AUDIO},
	{"m=video 1 RTP/SAVP 0\r\n", SDP_RTP_SAVP, SDP_VIDEO},
	{"m=text 1 RTP/SAVPF 0\r\n", SDP_RTP_SAVPF, SDP_TEXT},
	{"m=audio 1 UDP/TLS/RTP/SAVP 0\r\n", SDP_DTLS_SAVP, SDP_AUDIO},
	{"m=audio 1 UDP/TLS/RTP/SAVPF 0\r\n", SDP_DTLS_SAVPF, SDP_AUDIO},
	{"m=image 1 udptl t38\r\n", SDP_PROTOCOL_OTHER, SDP_IMAGE},
	{"m=application 9 UDP/DTLS/SCTP webrtc-datachannel\r\n", SDP_PROTOCOL_OTHER,
		SDP_APPLICATION},
	{"m=message 9 TCP/MSRP *\r\n", SDP_PROTOCOL_OTHER, SDP_MESSAGE},
	{"m=x-y 9 z 1\r\n", SDP_PROTOCOL_OTHER, SDP_KIND_OTHER},
};

static void test_protocols(void **state)
{
	(void)state;
	for (size_t i = 0; i < TD_COUNT_OF(protocols); i++) {
		const struct sdp_media *media = stream(protocols[i].line, NULL);

		assert_int_equal(media->protocol, protocols[i].protocol);
		assert_int_equal(media->kind, protocols[i].kind);
	}
}

static void test_refusals(void **state)
{
	(void)state;
	stream("m=audio\r\n", "m= is incomplete");
	stream("m=audio 1 RTP/AVP\r\n", "m= has no format");
	stream("m=au:dio 1 RTP/AVP 0\r\n", "m= kind or protocol isn't a token");
	stream("m=audio 65536 RTP/AVP 0\r\n", "m= port isn't 0 to 65535");
	stream("m=audio -1 RTP/AVP 0\r\n", "m= port isn't 0 to 65535");
	stream("m=audio 1/0 RTP/AVP 0\r\n", "m= number of ports isn't 1 to 255");
	stream("m=audio 1 RTP/AVP 128\r\n", "m= payload type isn't 0 to 127");
	stream("m=audio 1 RTP/AVP x\r\n", "m= payload type isn't 0 to 127");
	stream("m=audio 1 RTP/AVP 96\r\na=rtpmap:96\r\n", "a=rtpmap is malformed");
	stream("m=audio 1 RTP/AVP 96\r\na=rtpmap:x y/1\r\n", "a=rtpmap is malformed");
	stream("m=audio 1 RTP/AVP 96\r\na=rtpmap:96 y/0\r\n", "a=rtpmap clock isn't a number");
	stream("m=audio 1 RTP/AVP 96\r\na=rtcp:x\r\n", "a=rtcp is malformed");
	stream("m=audio 1 RTP/AVP 96\r\na=rtcp:1 IN\r\n", "address isn't of the form IN IP4 x");
	/* of streams that we don't relay only the form of the m= line matters */
	stream("m=video 1 RTP/AVP 31\r\na=rtpmap:31 LPC\r\n", NULL);
}

static void test_format_bounds(void **state)
{
	char line[512] = "m=audio 1 RTP/AVP";
	size_t length = strlen(line);

	(void)state;
	for (unsigned i = 0; i < SDP_FORMATS_MAX; i++)
		length += (size_t)snprintf(line + length, sizeof(line) - length, " %u", i);
	assert_int_equal(stream(line, NULL)->format_count, SDP_FORMATS_MAX);
	(void)snprintf(line + length, sizeof(line) - length, " 99");
	stream(line, "m= has more formats than allowed");
	assert_int_equal(stream("m=audio 1 RTP/AVP 0 8 0\r\n", NULL)->format_count, 2);
}

static void test_hold(void **state)
{
	(void)state;
	assert_false(sdp_media_is_hold(stream("m=audio 1 RTP/AVP 0\r\na=recvonly\r\n", NULL)));
	assert_true(sdp_media_is_hold(stream("m=audio 1 RTP/AVP 0\r\na=sendonly\r\n", NULL)));
	assert_true(sdp_media_is_hold(stream("m=audio 1 RTP/AVP 0\r\na=inactive\r\n", NULL)));
	assert_true(sdp_media_is_hold(stream("m=audio 1 RTP/AVP 0\r\nc=IN IP4 0.0.0.0\r\n", NULL)));
	assert_true(sdp_media_is_hold(stream("m=audio 1 RTP/AVP 0\r\nc=IN IP6 ::\r\n", NULL)));
	assert_false(sdp_media_is_hold(stream("m=audio 1 RTP/AVP 0\r\nc=IN IP4 h\r\n", NULL)));
}

static void test_multicast(void **state)
{
	(void)state;
	assert_true(stream("m=audio 1 RTP/AVP 0\r\nc=IN IP4 224.2.1.1/127\r\n", NULL)
			    ->connection.is_multicast);
	assert_true(stream("m=audio 1 RTP/AVP 0\r\nc=IN IP6 ff15::101\r\n", NULL)
			    ->connection.is_multicast);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_static_formats),
		cmocka_unit_test(test_rtpmap_and_fmtp),
		cmocka_unit_test(test_times_and_rtcp),
		cmocka_unit_test(test_protocols),
		cmocka_unit_test(test_refusals),
		cmocka_unit_test(test_format_bounds),
		cmocka_unit_test(test_hold),
		cmocka_unit_test(test_multicast),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
