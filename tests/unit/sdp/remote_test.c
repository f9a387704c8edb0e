/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What a body means for the dataplane, and which answers fit.
 */
#include "sdp/relay.h"

#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#define HEAD "v=0\r\no=- 1 1 IN IP4 192.0.2.1\r\ns=-\r\nc=IN IP4 192.0.2.1\r\nt=0 0\r\n"

static struct sdp_session session;
static struct sdp_session other;

static void parse(const char *lines, struct sdp_session *into)
{
	static char bodies[2][2048];
	char *body = bodies[into == &other];
	struct sdp_error error;

	(void)snprintf(body, sizeof(bodies[0]), "%s%s", HEAD, lines);
	if (sdp_session_parse(span_from(body), into, &error) != 0)
		fail_msg("%s: %s", lines, error.reason);
}

static struct sdp_remote derive(const char *lines)
{
	struct sdp_remote remote;

	parse(lines, &session);
	assert_int_equal(sdp_remote_derive(&session, 0, &remote), 0);
	return remote;
}

static void endpoint_is(const struct td_endpoint *endpoint, const char *text)
{
	char buffer[TD_ENDPOINT_TEXT_BYTES];

	assert_string_equal(td_endpoint_format(endpoint, buffer), text);
}

static void test_endpoints(void **state)
{
	struct sdp_remote remote = derive("m=audio 4000 RTP/AVP 0\r\n");

	(void)state;
	endpoint_is(&remote.rtp, "192.0.2.1:4000");
	endpoint_is(&remote.rtcp, "192.0.2.1:4001");
	remote = derive("m=audio 4000 RTP/AVP 0\r\na=rtcp:4009 IN IP4 192.0.2.9\r\n");
	endpoint_is(&remote.rtcp, "192.0.2.9:4009");
	remote = derive("m=audio 4000 RTP/AVP 0\r\na=rtcp:4009 IN IP4 h\r\n");
	endpoint_is(&remote.rtcp, "192.0.2.1:4009");
	remote = derive("m=audio 4000 RTP/AVP 0\r\na=rtcp-mux\r\na=rtcp:4009\r\n");
	endpoint_is(&remote.rtcp, "192.0.2.1:4000");
	remote = derive("m=audio 65535 RTP/AVP 0\r\n");
	assert_int_equal(remote.rtcp.ip.family, TD_FAMILY_NONE);
	remote = derive("m=audio 4000 RTP/AVP 0\r\nc=IN IP6 2001:db8::5\r\n");
	endpoint_is(&remote.rtp, "[2001:db8::5]:4000");
	remote = derive("m=audio 0 RTP/AVP 0\r\n");
	assert_true(remote.is_refused);
	assert_int_equal(remote.rtp.ip.family, TD_FAMILY_NONE);
	assert_int_equal(remote.mode, TD_MODE_INACTIVE);
}

static void test_modes(void **state)
{
	(void)state;
	assert_int_equal(derive("m=audio 4 RTP/AVP 0\r\n").mode, TD_MODE_SEND_RECEIVE);
	assert_int_equal(derive("m=audio 4 RTP/AVP 0\r\na=sendonly\r\n").mode, TD_MODE_RECEIVE);
	assert_int_equal(derive("m=audio 4 RTP/AVP 0\r\na=recvonly\r\n").mode, TD_MODE_SEND);
	assert_int_equal(derive("m=audio 4 RTP/AVP 0\r\na=inactive\r\n").mode, TD_MODE_INACTIVE);
	assert_int_equal(
		derive("m=audio 4 RTP/AVP 0\r\nc=IN IP4 0.0.0.0\r\n").mode, TD_MODE_RECEIVE);
	assert_int_equal(derive("m=audio 4 RTP/AVP 0\r\nc=IN IP4 0.0.0.0\r\n").rtp.ip.family,
		TD_FAMILY_NONE);
}

static void test_codecs(void **state)
{
	struct sdp_remote remote =
		derive("m=audio 4 RTP/AVP 0 8 9 13 96 97 98 101\r\na=rtpmap:96 OPUS/48000/2\r\n"
		       "a=rtpmap:97 G722/16000\r\na=rtpmap:101 telephone-event/48000\r\n"
		       "a=ptime:30\r\n");
	static const struct td_codec expected[] = {
		{0, TD_CODEC_PCMU, 30, 8000},
		{8, TD_CODEC_PCMA, 30, 8000},
		{9, TD_CODEC_G722, 30, 8000},
		{13, TD_CODEC_COMFORT_NOISE, 30, 8000},
		{96, TD_CODEC_OPUS, 30, 48000},
		{97, TD_CODEC_G722, 30, 8000},
		{98, TD_CODEC_OTHER, 30, 8000},
		{101, TD_CODEC_TELEPHONE_EVENT, 30, 48000},
	};

	(void)state;
	assert_int_equal(remote.codec_count, TD_COUNT_OF(expected));
	assert_memory_equal(remote.codecs, expected, sizeof(expected));
}

static void test_codec_bounds_and_merge(void **state)
{
	struct sdp_remote remote = derive("m=audio 4 RTP/AVP 0 8 9 3 4 5 6 7 10 11 12 13 14 15 16 "
					  "17 18 25 26\r\n");
	struct sdp_remote small = derive("m=audio 4 RTP/AVP 8 101\r\n");
	struct sdp_remote more = derive("m=audio 4 RTP/AVP 0 8 101\r\n");

	(void)state;
	assert_int_equal(remote.codec_count, TD_CODECS_MAX);
	sdp_codecs_merge(&remote, &small);
	assert_int_equal(remote.codec_count, TD_CODECS_MAX);
	sdp_codecs_merge(&small, &more);
	assert_int_equal(small.codec_count, 3);
	assert_int_equal(small.codecs[2].payload_type, 0);
}

static void test_derive_refuses(void **state)
{
	struct sdp_remote remote;

	(void)state;
	parse("m=audio 4 RTP/AVP 0\r\nc=IN IP4 host\r\nm=video 4 RTP/AVP 0\r\nm=audio 4 x 0\r\n",
		&session);
	for (int i = -1; i <= 3; i++)
		assert_int_equal(sdp_remote_derive(&session, i, &remote), -EINVAL);
}

struct fit {
	const char *offer;
	const char *answer;
	const char *misfit;
};

static const struct fit fits[] = {
	{"m=audio 4 RTP/AVP 0 8\r\n", "m=audio 6 RTP/AVP 8\r\n", NULL},
	{"m=audio 4 RTP/AVP 0 8\r\n", "m=audio 0 RTP/AVP 18\r\n", NULL},
	{"m=audio 4 RTP/AVP 96\r\na=rtpmap:96 opus/48000/2\r\n",
		"m=audio 6 RTP/AVP 111 0\r\na=rtpmap:111 OPUS/48000/2\r\n", NULL},
	{"m=audio 4 RTP/AVP 0\r\nm=video 6 RTP/AVP 96\r\n",
		"m=audio 4 RTP/AVP 0\r\nm=video 0 RTP/AVP 96\r\n", NULL},
	{"m=audio 4 RTP/AVP 0\r\n", "m=audio 4 RTP/AVP 0\r\nm=video 0 RTP/AVP 96\r\n",
		"answer has another number of m= lines than the offer"},
	{"m=audio 4 RTP/AVP 0\r\nm=video 6 RTP/AVP 96\r\n",
		"m=video 0 RTP/AVP 96\r\nm=audio 4 RTP/AVP 0\r\n",
		"answer has its m= lines in another order than the offer"},
	{"m=audio 0 RTP/AVP 0\r\n", "m=audio 4 RTP/AVP 0\r\n",
		"answer accepts a stream that the offer disabled"},
	{"m=audio 4 RTP/AVP 0\r\n", "m=audio 4 RTP/SAVP 0\r\n",
		"answer changes the protocol of a stream"},
	{"m=audio 4 RTP/AVP 0\r\n", "m=audio 4 RTP/AVP 8\r\n",
		"answer has no format in common with the offer"},
	{"m=audio 4 RTP/AVP 96\r\na=rtpmap:96 opus/48000/2\r\n",
		"m=audio 6 RTP/AVP 96\r\na=rtpmap:96 iLBC/8000\r\n",
		"answer has no format in common with the offer"},
};

static void test_fits(void **state)
{
	(void)state;
	for (size_t i = 0; i < TD_COUNT_OF(fits); i++) {
		const char *misfit;

		parse(fits[i].offer, &session);
		parse(fits[i].answer, &other);
		misfit = sdp_answer_misfit(&session, &other);
		if (fits[i].misfit == NULL ? misfit != NULL
					   : misfit == NULL || strcmp(misfit, fits[i].misfit) != 0)
			fail_msg("%s / %s: %s", fits[i].offer, fits[i].answer,
				misfit != NULL ? misfit : "fits");
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_endpoints),
		cmocka_unit_test(test_modes),
		cmocka_unit_test(test_codecs),
		cmocka_unit_test(test_codec_bounds_and_merge),
		cmocka_unit_test(test_derive_refuses),
		cmocka_unit_test(test_fits),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
