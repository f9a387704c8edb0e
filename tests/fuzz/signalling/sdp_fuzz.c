/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Any body: parse, relay as offer and as answer. What we send must parse, keep the number of
 * m= lines, and fit what it answers.
 */
#include "sdp/relay.h"

#include <stdlib.h>

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t size_bytes);

static char built_body[2 * SDP_MAX_BYTES];

static void built_check(const struct sdp_built *built, int media_count)
{
	static struct sdp_session again;
	struct span body = {.text = built_body, .length = (uint32_t)built->length_bytes};
	struct sdp_error error;
	struct sdp_remote remote;

	if (built->length_bytes > SDP_MAX_BYTES)
		return;
	if (sdp_session_parse(body, &again, &error) != 0 || again.media_count != media_count ||
		sdp_remote_derive(&again, built->media, &remote) != 0)
		abort();
}

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t size_bytes)
{
	static struct sdp_session session;
	struct span body = {.text = (const char *)bytes, .length = (uint32_t)size_bytes};
	struct sdp_local local = {.session_id = 1,
		.version = 1,
		.media = {.ip = {.family = TD_FAMILY_IPV4, .bytes = {192, 0, 2, 1}}, .port = 4000}};
	struct sdp_error error;
	struct sdp_remote remote;
	struct sdp_built built = {.bytes = built_body, .size_bytes = sizeof(built_body)};

	if (sdp_session_parse(body, &session, &error) != 0)
		return 0;
	(void)sdp_find_audio_failure(&session);
	for (int i = -1; i <= session.media_count; i++) {
		if (sdp_remote_derive(&session, i, &remote) == 0 &&
			remote.codec_count > TD_CODECS_MAX)
			abort();
	}
	if (sdp_build_offer(&session, NULL, &local, &built) == 0)
		built_check(&built, 1);
	if (sdp_build_offer(&session, &session, &local, &built) == 0)
		built_check(&built, session.media_count);
	if (sdp_build_answer(&session, &session, &local, &built) == 0)
		built_check(&built, session.media_count);
	return 0;
}
