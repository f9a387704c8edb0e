/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Bodies that can't be relayed, and buffers that are too small; golden has the rest.
 */
#include "sdp/relay.h"

#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#define HEAD "v=0\r\no=- 1 1 IN IP4 192.0.2.1\r\ns=-\r\nc=IN IP4 192.0.2.1\r\nt=0 0\r\n"

static struct sdp_session session;
static struct sdp_session other;
static const struct sdp_local local = {.session_id = 5,
	.version = 6,
	.media = {.ip = {.bytes = {203, 0, 113, 1}, .family = TD_FAMILY_IPV4}, .port = 30000}};

static void parse(const char *body, struct sdp_session *into)
{
	struct sdp_error error;

	if (sdp_session_parse(span_from(body), into, &error) != 0)
		fail_msg("%s", error.reason);
}

struct useless {
	const char *body;
	const char *failure;
};

static const struct useless uselesses[] = {
	{HEAD, "no audio stream"},
	{HEAD "m=video 4 RTP/AVP 96\r\n", "no audio stream"},
	{HEAD "m=audio 4 RTP/SAVPF 0\r\n", "audio only over another protocol than RTP/AVP"},
	{HEAD "m=audio 0 RTP/AVP 0\r\n", "audio stream is disabled (port 0)"},
	{HEAD "m=audio 4 RTP/AVP 0\r\nc=IN IP4 host\r\n", "audio address is a host name"},
	{HEAD "m=audio 4 RTP/AVP 0\r\nc=IN IP4 224.1.1.1/3\r\n", "audio address is multicast"},
};

static void test_useless_offers(void **state)
{
	char buffer[1024];
	struct sdp_built built = {.bytes = buffer, .size_bytes = sizeof(buffer)};

	(void)state;
	for (size_t i = 0; i < TD_COUNT_OF(uselesses); i++) {
		parse(uselesses[i].body, &session);
		assert_int_equal(sdp_find_audio(&session), SDP_NO_MEDIA);
		assert_string_equal(sdp_find_audio_failure(&session), uselesses[i].failure);
		assert_int_equal(sdp_build_offer(&session, NULL, &local, &built), -ENOENT);
		assert_int_equal(sdp_build_answer(&session, &session, &local, &built), -ENOENT);
	}
}

static void test_no_audio_on_the_other_side(void **state)
{
	char buffer[1024];
	struct sdp_built built = {.bytes = buffer, .size_bytes = sizeof(buffer)};

	(void)state;
	parse(HEAD "m=audio 4 RTP/AVP 0\r\n", &session);
	parse(HEAD "m=video 4 RTP/AVP 96\r\n", &other);
	assert_int_equal(sdp_build_offer(&session, &other, &local, &built), -EINVAL);
	assert_int_equal(sdp_build_answer(&session, &other, &local, &built), -EINVAL);
}

static void test_every_size_too_small(void **state)
{
	char buffer[512];
	struct sdp_built built = {.bytes = buffer, .size_bytes = sizeof(buffer)};
	size_t enough_bytes;

	(void)state;
	parse(HEAD "m=audio 4 RTP/AVP 0 101\r\na=fmtp:101 0-15\r\n", &session);
	assert_int_equal(sdp_build_offer(&session, NULL, &local, &built), 0);
	enough_bytes = built.length_bytes + 1; /* text keeps a terminating zero */
	for (size_t i = 0; i < enough_bytes; i++) {
		built.size_bytes = i;
		assert_int_equal(sdp_build_offer(&session, NULL, &local, &built), -ENOSPC);
		assert_int_equal(sdp_build_answer(&session, &session, &local, &built), -ENOSPC);
	}
	built.size_bytes = enough_bytes;
	assert_int_equal(sdp_build_offer(&session, NULL, &local, &built), 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_useless_offers),
		cmocka_unit_test(test_no_audio_on_the_other_side),
		cmocka_unit_test(test_every_size_too_small),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
