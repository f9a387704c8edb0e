/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What a received description means for the dataplane, and whether an answer fits its offer.
 */
#include "sdp/relay.h"

#include <errno.h>

enum {
	CLOCK_DEFAULT_HZ = 8000, /* a dynamic type whose rtpmap is missing */
};

struct codec_name {
	const char *encoding;
	enum td_codec_kind kind;
};

static const struct codec_name codec_names[] = {
	{"PCMU", TD_CODEC_PCMU},
	{"PCMA", TD_CODEC_PCMA},
	{"G722", TD_CODEC_G722},
	{"opus", TD_CODEC_OPUS},
	{"telephone-event", TD_CODEC_TELEPHONE_EVENT},
	{"CN", TD_CODEC_COMFORT_NOISE},
};

static struct td_codec codec_of(const struct sdp_media *media, const struct sdp_format *format)
{
	struct td_codec codec = {.payload_type = format->payload_type,
		.kind = TD_CODEC_OTHER,
		.ptime_ms = media->ptime_ms,
		.clock_hz = format->clock_hz != 0 ? format->clock_hz : CLOCK_DEFAULT_HZ};

	for (size_t i = 0; i < TD_COUNT_OF(codec_names); i++) {
		if (span_is(format->encoding, codec_names[i].encoding))
			codec.kind = (uint8_t)codec_names[i].kind;
	}
	/* Some senders write G722/16000; the RTP clock is 8000 (RFC 3551 4.5.2). */
	if (codec.kind == TD_CODEC_G722)
		codec.clock_hz = 8000;
	return codec;
}

static bool ip_is_unspecified(const struct td_ip *ip)
{
	static const uint8_t zeros[sizeof(ip->bytes)];

	return memcmp(ip->bytes, zeros, sizeof(zeros)) == 0;
}

static void endpoints_derive(const struct sdp_media *media, struct sdp_remote *remote)
{
	if (media->port == 0 || ip_is_unspecified(&media->connection.ip))
		return; /* nothing to send to */
	remote->rtp.ip = media->connection.ip;
	remote->rtp.port = media->port;
	if (media->has_rtcp_mux) {
		remote->rtcp = remote->rtp;
		return;
	}
	if (!media->has_rtcp && media->port == UINT16_MAX)
		return; /* no port above it: no RTCP */
	if (media->has_rtcp && media->rtcp_port == 0)
		return;
	remote->rtcp.ip = media->connection.ip;
	remote->rtcp.port = media->has_rtcp ? media->rtcp_port : (uint16_t)(media->port + 1);
	if (media->has_rtcp && media->rtcp_address.ip.family != TD_FAMILY_NONE &&
		!media->rtcp_address.is_multicast && !ip_is_unspecified(&media->rtcp_address.ip))
		remote->rtcp.ip = media->rtcp_address.ip;
}

static uint8_t mode_of(const struct sdp_media *media)
{
	uint8_t mode = TD_MODE_SEND_RECEIVE;

	if (media->direction == SDP_SENDONLY)
		mode = TD_MODE_RECEIVE;
	else if (media->direction == SDP_RECVONLY)
		mode = TD_MODE_SEND;
	else if (media->direction == SDP_INACTIVE)
		mode = TD_MODE_INACTIVE;
	if (media->port == 0)
		return TD_MODE_INACTIVE;
	return sdp_media_is_hold(media) ? mode & TD_MODE_RECEIVE : mode;
}

int sdp_remote_derive(
	const struct sdp_session *session, int media_index, struct sdp_remote *ret_remote)
{
	const struct sdp_media *media;

	if (media_index < 0 || media_index >= session->media_count)
		return -EINVAL;
	media = &session->media[media_index];
	if (media->kind != SDP_AUDIO || media->protocol == SDP_PROTOCOL_OTHER)
		return -EINVAL;
	if (media->port != 0 && media->connection.ip.family == TD_FAMILY_NONE)
		return -EINVAL;
	memset(ret_remote, 0, sizeof(*ret_remote));
	ret_remote->is_refused = media->port == 0;
	ret_remote->has_rtcp_mux = media->has_rtcp_mux;
	ret_remote->mode = mode_of(media);
	endpoints_derive(media, ret_remote);
	for (unsigned i = 0; i < media->format_count && i < TD_CODECS_MAX; i++)
		ret_remote->codecs[ret_remote->codec_count++] = codec_of(media, &media->formats[i]);
	return 0;
}

void sdp_codecs_merge(struct sdp_remote *remote, const struct sdp_remote *other)
{
	for (unsigned i = 0; i < other->codec_count; i++) {
		bool is_listed = false;

		for (unsigned k = 0; k < remote->codec_count; k++)
			is_listed = is_listed ||
				    remote->codecs[k].payload_type == other->codecs[i].payload_type;
		if (!is_listed && remote->codec_count < TD_CODECS_MAX)
			remote->codecs[remote->codec_count++] = other->codecs[i];
	}
}

/* The same codec: by name and clock where both are known, else by number. */
static bool format_equal(const struct sdp_format *a, const struct sdp_format *b)
{
	if (a->encoding.length != 0 && b->encoding.length != 0)
		return span_equal_nocase(a->encoding, b->encoding) && a->clock_hz == b->clock_hz;
	return span_equal(a->text, b->text);
}

static bool media_has_common_format(
	const struct sdp_media *offered, const struct sdp_media *answered)
{
	for (unsigned i = 0; i < answered->format_count; i++) {
		for (unsigned k = 0; k < offered->format_count; k++) {
			if (format_equal(&answered->formats[i], &offered->formats[k]))
				return true;
		}
	}
	return false;
}

const char *sdp_answer_misfit(const struct sdp_session *offer, const struct sdp_session *answer)
{
	if (offer->media_count != answer->media_count)
		return "answer has another number of m= lines than the offer";
	for (unsigned i = 0; i < offer->media_count; i++) {
		const struct sdp_media *offered = &offer->media[i];
		const struct sdp_media *answered = &answer->media[i];

		if (!span_equal(offered->kind_text, answered->kind_text))
			return "answer has its m= lines in another order than the offer";
		if (answered->port == 0)
			continue; /* refused: nothing else of it counts */
		if (offered->port == 0)
			return "answer accepts a stream that the offer disabled";
		if (!span_equal_nocase(offered->protocol_text, answered->protocol_text))
			return "answer changes the protocol of a stream";
		if (!media_has_common_format(offered, answered))
			return "answer has no format in common with the offer";
	}
	return NULL;
}
