/* SPDX-License-Identifier: Apache-2.0 */
/* Answers of our own: what of a description an offer leaves. */
#include "sdp/relay.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#define HEAD "v=0\r\no=- 1 1 IN IP4 192.0.2.1\r\ns=-\r\nc=IN IP4 192.0.2.1\r\nt=0 0\r\n"
#define EVENTS "a=rtpmap:101 telephone-event/8000\r\n"

static struct sdp_session own;
static struct sdp_session offer;
static struct sdp_session agreed;

static void parse(const char *body, struct sdp_session *into)
{
	struct sdp_error error;

	if (sdp_session_parse(span_from(body), into, &error) != 0)
		fail_msg("%s", error.reason);
}

static const struct {
	const char *name;
	const char *own;
	const char *offer;
	const char *agreed; /* NULL: none */
	const char *reason; /* NULL: it can be answered */
	const char *formats;
} rows[] = {
	{"all", HEAD "m=audio 4 RTP/AVP 8 0\r\n", HEAD "m=audio 6 RTP/AVP 0 8\r\n", NULL, NULL,
		"8 0"},
	{"some, nothing was agreed", HEAD "m=audio 4 RTP/AVP 8 0\r\n",
		HEAD "m=audio 6 RTP/AVP 0\r\n", NULL, NULL, "0"},
	{"some, the other wasn't agreed", HEAD "m=audio 4 RTP/AVP 8 0\r\n",
		HEAD "m=audio 6 RTP/AVP 0\r\n", HEAD "m=audio 6 RTP/AVP 0 9\r\n", NULL, "0"},
	{"one that was agreed is gone", HEAD "m=audio 4 RTP/AVP 8 0\r\n",
		HEAD "m=audio 6 RTP/AVP 0\r\n", HEAD "m=audio 6 RTP/AVP 0 8\r\n",
		"offer drops a codec that the other side uses", ""},
	{"events may go", HEAD "m=audio 4 RTP/AVP 8 101\r\n" EVENTS, HEAD "m=audio 6 RTP/AVP 8\r\n",
		HEAD "m=audio 6 RTP/AVP 8 101\r\n" EVENTS, NULL, "8"},
	{"events alone aren't a voice", HEAD "m=audio 4 RTP/AVP 8 101\r\n" EVENTS,
		HEAD "m=audio 6 RTP/AVP 0 101\r\n" EVENTS, NULL,
		"offer has no codec that the other side has", ""},
	{"another meaning of a number",
		HEAD "m=audio 4 RTP/AVP 96 0\r\na=rtpmap:96 opus/48000/2\r\n",
		HEAD "m=audio 6 RTP/AVP 96 0\r\na=rtpmap:96 speex/16000\r\n", NULL, NULL, "0"},
	{"another number of a codec", HEAD "m=audio 4 RTP/AVP 96\r\na=rtpmap:96 opus/48000/2\r\n",
		HEAD "m=audio 6 RTP/AVP 97\r\na=rtpmap:97 opus/48000/2\r\n", NULL,
		"offer has no codec that the other side has", ""},
	{"no audio", HEAD "m=audio 4 RTP/AVP 8\r\n", HEAD "m=audio 0 RTP/AVP 8\r\n", NULL,
		"no audio stream", ""},
};

static void test_rows(void **state)
{
	(void)state;
	for (size_t i = 0; i < TD_COUNT_OF(rows); i++) {
		const char *reason;
		char formats[64] = "";

		parse(rows[i].own, &own);
		parse(rows[i].offer, &offer);
		if (rows[i].agreed != NULL)
			parse(rows[i].agreed, &agreed);
		reason = sdp_narrow(
			&own, &offer, rows[i].agreed != NULL ? &agreed : NULL, SDP_RECVONLY);
		if (rows[i].reason != NULL) {
			assert_string_equal(reason != NULL ? reason : "none", rows[i].reason);
			continue;
		}
		for (unsigned k = 0; k < own.media[0].format_count; k++)
			(void)snprintf(formats + strlen(formats), sizeof(formats) - strlen(formats),
				"%s%.*s", k == 0 ? "" : " ",
				SPAN_ARGS(own.media[0].formats[k].text));
		if (reason != NULL || strcmp(formats, rows[i].formats) != 0)
			fail_msg("%s: %s, formats %s", rows[i].name, reason, formats);
		assert_int_equal(own.media[0].direction, SDP_RECVONLY);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_rows),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
