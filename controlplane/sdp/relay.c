/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Builds the bodies that Tandem sends: the peer's audio stream on our address. What is passed on
 * is a list of names (rtpmap, fmtp, packet times, direction), so that whatever belongs to the
 * peer's hop is left out without having to be known.
 */
#include "sdp/relay.h"

#include "sdp/slot.h"
#include "util/text.h"

#include <errno.h>

/* The audio line's index whatever its port; a usable one is preferred. */
int sdp_audio_slot(const struct sdp_session *session)
{
	int usable = sdp_find_audio(session);

	if (usable != SDP_NO_MEDIA)
		return usable;
	for (unsigned i = 0; i < session->media_count; i++) {
		if (session->media[i].kind == SDP_AUDIO &&
			session->media[i].protocol == SDP_RTP_AVP)
			return (int)i;
	}
	return SDP_NO_MEDIA;
}

static bool media_is_usable(const struct sdp_media *media)
{
	return media->kind == SDP_AUDIO && media->protocol == SDP_RTP_AVP && media->port != 0 &&
	       media->connection.ip.family != TD_FAMILY_NONE && !media->connection.is_multicast;
}

int sdp_find_audio(const struct sdp_session *session)
{
	for (unsigned i = 0; i < session->media_count; i++) {
		if (media_is_usable(&session->media[i]))
			return (int)i;
	}
	return SDP_NO_MEDIA;
}

const char *sdp_find_audio_failure(const struct sdp_session *session)
{
	const char *failure = "no audio stream";

	for (unsigned i = 0; i < session->media_count; i++) {
		const struct sdp_media *media = &session->media[i];

		if (media->kind != SDP_AUDIO)
			continue;
		if (media->protocol != SDP_RTP_AVP)
			failure = "audio only over another protocol than RTP/AVP";
		else if (media->port == 0)
			failure = "audio stream is disabled (port 0)";
		else if (media->connection.is_multicast)
			failure = "audio address is multicast";
		else if (media->connection.ip.family == TD_FAMILY_NONE)
			failure = "audio address is a host name";
	}
	return failure;
}

static void session_write(struct text *text, const struct sdp_local *local)
{
	char address[TD_IP_TEXT_BYTES];
	const char *type = local->media.ip.family == TD_FAMILY_IPV6 ? "IP6" : "IP4";

	(void)td_ip_format(&local->media.ip, address);
	text_appendf(text, "v=0\r\no=- %llu %llu IN %s %s\r\ns=-\r\nc=IN %s %s\r\nt=0 0\r\n",
		(unsigned long long)local->session_id, (unsigned long long)local->version, type,
		address, type, address);
}

/* The m= line of media with another port. */
static void media_line_write(struct text *text, const struct sdp_media *media, unsigned port)
{
	text_append(text, SPAN("m="));
	text_append(text, media->kind_text);
	text_append_char(text, ' ');
	text_append_number(text, port);
	text_append_char(text, ' ');
	text_append(text, media->protocol_text);
	for (unsigned i = 0; i < media->format_count; i++) {
		text_append_char(text, ' ');
		text_append(text, media->formats[i].text);
	}
	text_append(text, SPAN("\r\n"));
}

/* True for "rtpmap:96 ..." and "fmtp:96 ..." whose payload type the m= line lists. */
static bool format_is_listed(const struct sdp_media *media, struct span value)
{
	uint32_t length = 0;

	value = span_trim(value);
	while (length < value.length && value.text[length] != ' ')
		length++;
	value.length = length;
	for (unsigned i = 0; i < media->format_count; i++) {
		if (span_equal(value, media->formats[i].text))
			return true;
	}
	return false;
}

static bool attribute_is_relayed(
	const struct sdp_media *media, const struct sdp_attribute *attribute)
{
	if (span_equal(attribute->name, SPAN("rtpmap")) ||
		span_equal(attribute->name, SPAN("fmtp")))
		return format_is_listed(media, attribute->value);
	return attribute->value.length != 0 &&
	       (span_equal(attribute->name, SPAN("ptime")) ||
		       span_equal(attribute->name, SPAN("maxptime")));
}

/* A peer that holds by c=0.0.0.0 (RFC 2543) wants to hear nothing; with our real address in its
 * place, that has to be said by the direction. */
static enum sdp_direction direction_relayed(const struct sdp_media *media)
{
	if (!sdp_media_is_hold(media))
		return media->direction;
	return media->direction == SDP_SENDRECV	  ? SDP_SENDONLY
	       : media->direction == SDP_RECVONLY ? SDP_INACTIVE
						  : media->direction;
}

static void audio_write(
	struct text *text, const struct sdp_session *from, int index, const struct sdp_local *local)
{
	const struct sdp_media *media = &from->media[index];

	media_line_write(text, media, local->media.port);
	for (unsigned i = 0; i < from->attribute_count; i++) {
		const struct sdp_attribute *attribute = &from->attributes[i];

		if (attribute->media != index || !attribute_is_relayed(media, attribute))
			continue;
		text_append(text, SPAN("a="));
		text_append(text, attribute->name);
		text_append_char(text, ':');
		text_append(text, attribute->value);
		text_append(text, SPAN("\r\n"));
	}
	text_append(text, SPAN("a="));
	text_append_string(text, sdp_direction_name(direction_relayed(media)));
	text_append(text, SPAN("\r\n"));
	if (local->has_rtcp_mux)
		text_append(text, SPAN("a=rtcp-mux\r\n"));
}

static int built_finish(const struct text *text, int media, struct sdp_built *built)
{
	if (text->has_overflowed)
		return -ENOSPC;
	built->length_bytes = text->length;
	built->media = (int8_t)media;
	return 0;
}

int sdp_build_offer(const struct sdp_session *from, const struct sdp_session *shape,
	const struct sdp_local *local, struct sdp_built *built)
{
	int audio = sdp_find_audio(from);
	int slot = shape != NULL ? sdp_audio_slot(shape) : 0;
	struct text text;

	if (audio == SDP_NO_MEDIA)
		return -ENOENT;
	if (slot == SDP_NO_MEDIA)
		return -EINVAL;
	if (built->size_bytes == 0)
		return -ENOSPC;
	text_init(&text, built->bytes, built->size_bytes);
	session_write(&text, local);
	for (int i = 0; shape != NULL && i < slot; i++)
		media_line_write(&text, &shape->media[i], 0);
	audio_write(&text, from, audio, local);
	for (int i = slot + 1; shape != NULL && i < shape->media_count; i++)
		media_line_write(&text, &shape->media[i], 0);
	return built_finish(&text, slot, built);
}

int sdp_build_answer(const struct sdp_session *offer, const struct sdp_session *from,
	const struct sdp_local *local, struct sdp_built *built)
{
	int slot = sdp_find_audio(offer);
	int audio = sdp_audio_slot(from);
	struct text text;

	if (slot == SDP_NO_MEDIA)
		return -ENOENT;
	if (audio == SDP_NO_MEDIA)
		return -EINVAL;
	if (built->size_bytes == 0)
		return -ENOSPC;
	text_init(&text, built->bytes, built->size_bytes);
	session_write(&text, local);
	for (int i = 0; i < offer->media_count; i++) {
		if (i == slot && from->media[audio].port != 0)
			audio_write(&text, from, audio, local);
		else
			media_line_write(&text, &offer->media[i], 0);
	}
	return built_finish(&text, slot, built);
}
