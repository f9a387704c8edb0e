/* SPDX-License-Identifier: Apache-2.0 */
/*
 * One m= line and the attributes that belong to it: formats with their rtpmap and fmtp, packet
 * times, RTCP's place, direction.
 */
#include "sdp/line.h"

#include <tandem/compiler.h>

enum {
	PAYLOAD_TYPE_MAX = 127,
	PORT_COUNT_MAX = 255,
	PTIME_MAX_MS = 1000,
	CHANNELS_MAX = 255,
};

/* Static payload types of audio (RFC 3551 table 4). */
struct static_type {
	const char *encoding;
	uint32_t clock_hz;
	uint8_t channels;
};

static const struct static_type static_types[] = {
	[0] = {"PCMU", 8000, 1},
	[3] = {"GSM", 8000, 1},
	[4] = {"G723", 8000, 1},
	[5] = {"DVI4", 8000, 1},
	[6] = {"DVI4", 16000, 1},
	[7] = {"LPC", 8000, 1},
	[8] = {"PCMA", 8000, 1},
	[9] = {"G722", 8000, 1}, /* sampled at 16 kHz, but see RFC 3551 4.5.2 */
	[10] = {"L16", 44100, 2},
	[11] = {"L16", 44100, 1},
	[12] = {"QCELP", 8000, 1},
	[13] = {"CN", 8000, 1},
	[14] = {"MPA", 90000, 1},
	[15] = {"G728", 8000, 1},
	[16] = {"DVI4", 11025, 1},
	[17] = {"DVI4", 22050, 1},
	[18] = {"G729", 8000, 1},
};

struct kind_name {
	enum sdp_kind kind;
	const char *name;
};

static const struct kind_name kind_names[] = {
	{SDP_AUDIO, "audio"},
	{SDP_VIDEO, "video"},
	{SDP_IMAGE, "image"},
	{SDP_APPLICATION, "application"},
	{SDP_TEXT, "text"},
	{SDP_MESSAGE, "message"},
};

static const char *const protocol_names[SDP_PROTOCOL_COUNT] = {
	[SDP_RTP_AVP] = "RTP/AVP",
	[SDP_RTP_AVPF] = "RTP/AVPF",
	[SDP_RTP_SAVP] = "RTP/SAVP",
	[SDP_RTP_SAVPF] = "RTP/SAVPF",
	[SDP_DTLS_SAVP] = "UDP/TLS/RTP/SAVP",
	[SDP_DTLS_SAVPF] = "UDP/TLS/RTP/SAVPF",
};

static enum sdp_kind kind_find(struct span name)
{
	for (size_t i = 0; i < TD_COUNT_OF(kind_names); i++) {
		if (span_equal(name, span_from(kind_names[i].name)))
			return kind_names[i].kind;
	}
	return SDP_KIND_OTHER;
}

static enum sdp_protocol protocol_find(struct span name)
{
	for (unsigned i = SDP_PROTOCOL_OTHER + 1; i < SDP_PROTOCOL_COUNT; i++) {
		if (span_is(name, protocol_names[i]))
			return (enum sdp_protocol)i;
	}
	return SDP_PROTOCOL_OTHER;
}

/* token of RFC 8866 9, and "/" between the parts of a protocol. */
static bool word_is_token(struct span word)
{
	for (uint32_t i = 0; i < word.length; i++) {
		char c = word.text[i];

		if (c <= ' ' || c == 0x7f || memchr("\"(),:;<=>?@[\\]", c, 14) != NULL)
			return false;
	}
	return word.length != 0;
}

static const char *port_parse(struct span word, struct sdp_media *media)
{
	const char *slash = memchr(word.text, '/', word.length);
	struct span digits = word;
	uint32_t number;

	media->port_count = 1;
	if (slash != NULL) {
		struct span count = {.text = slash + 1,
			.length = word.length - (uint32_t)(slash + 1 - word.text)};

		if (!sdp_number_parse(count, PORT_COUNT_MAX, &number) || number == 0)
			return "m= number of ports isn't 1 to 255";
		media->port_count = (uint16_t)number;
		digits.length = (uint32_t)(slash - word.text);
	}
	if (!sdp_number_parse(digits, UINT16_MAX, &number))
		return "m= port isn't 0 to 65535";
	media->port = (uint16_t)number;
	return NULL;
}

static struct sdp_format *format_find(struct sdp_media *media, uint32_t payload_type)
{
	for (unsigned i = 0; i < media->format_count; i++) {
		if (media->formats[i].payload_type == payload_type)
			return &media->formats[i];
	}
	return NULL;
}

/* RTP formats are payload types; the static ones are known without rtpmap. */
static const char *rtp_format_parse(struct sdp_media *media, struct sdp_format *format)
{
	uint32_t number;

	if (!sdp_number_parse(format->text, PAYLOAD_TYPE_MAX, &number))
		return "m= payload type isn't 0 to 127";
	format->payload_type = (uint8_t)number;
	if (media->kind == SDP_AUDIO && number < TD_COUNT_OF(static_types) &&
		static_types[number].encoding != NULL) {
		format->encoding = span_from(static_types[number].encoding);
		format->clock_hz = static_types[number].clock_hz;
		format->channels = static_types[number].channels;
	}
	/* Named twice: once is enough. */
	if (format_find(media, number) == NULL)
		media->format_count++;
	return NULL;
}

static const char *formats_parse(struct span rest, struct sdp_media *media)
{
	struct span word;

	while (sdp_word_next(&rest, &word)) {
		struct sdp_format *format;
		const char *reason = NULL;

		if (media->format_count == SDP_FORMATS_MAX)
			return "m= has more formats than allowed";
		format = &media->formats[media->format_count];
		*format = (struct sdp_format){.text = word, .channels = 1};
		if (media->protocol != SDP_PROTOCOL_OTHER)
			reason = rtp_format_parse(media, format);
		else
			media->format_count++;
		if (reason != NULL)
			return reason;
	}
	return media->format_count != 0 ? NULL : "m= has no format";
}

const char *sdp_media_parse(struct span text, struct sdp_media *ret_media)
{
	struct span rest = text;
	struct span port;
	const char *reason;

	memset(ret_media, 0, offsetof(struct sdp_media, formats));
	ret_media->line = text;
	if (!sdp_word_next(&rest, &ret_media->kind_text) || !sdp_word_next(&rest, &port) ||
		!sdp_word_next(&rest, &ret_media->protocol_text))
		return "m= is incomplete";
	if (!word_is_token(ret_media->kind_text) || !word_is_token(ret_media->protocol_text))
		return "m= kind or protocol isn't a token";
	ret_media->kind = kind_find(ret_media->kind_text);
	ret_media->protocol = protocol_find(ret_media->protocol_text);
	reason = port_parse(port, ret_media);
	return reason != NULL ? reason : formats_parse(rest, ret_media);
}

/* "96 rest": the format it speaks of, NULL if the m= line doesn't list it. */
static struct sdp_format *format_of(
	struct sdp_media *media, struct span value, struct span *ret_rest, bool *ret_is_number)
{
	struct span word;
	uint32_t number;

	*ret_is_number =
		sdp_word_next(&value, &word) && sdp_number_parse(word, PAYLOAD_TYPE_MAX, &number);
	*ret_rest = span_trim(value);
	return *ret_is_number ? format_find(media, number) : NULL;
}

/* "96 opus/48000/2" */
static const char *rtpmap_apply(struct sdp_media *media, struct span value)
{
	struct span map;
	bool is_number;
	struct sdp_format *format = format_of(media, value, &map, &is_number);
	const char *end = map.length == 0 ? map.text : map.text + map.length;
	const char *slash = map.length == 0 ? NULL : memchr(map.text, '/', map.length);
	const char *second;
	struct span clock;
	uint32_t clock_hz;
	uint32_t channels = 1;

	if (!is_number || slash == NULL || slash == map.text)
		return "a=rtpmap is malformed";
	second = memchr(slash + 1, '/', (size_t)(end - slash - 1));
	clock = (struct span){.text = slash + 1,
		.length = (uint32_t)((second != NULL ? second : end) - slash - 1)};
	if (!sdp_number_parse(clock, INT32_MAX, &clock_hz) || clock_hz == 0)
		return "a=rtpmap clock isn't a number";
	if (second != NULL) {
		struct span parameters = {
			.text = second + 1, .length = (uint32_t)(end - second - 1)};

		if (!sdp_number_parse(parameters, CHANNELS_MAX, &channels) || channels == 0)
			channels = 1; /* parameters of another kind */
	}
	/* Of two rtpmaps for one type the first counts. */
	if (format == NULL || format->has_rtpmap)
		return NULL;
	format->has_rtpmap = true;
	format->rtpmap = map;
	format->encoding = (struct span){.text = map.text, .length = (uint32_t)(slash - map.text)};
	format->clock_hz = clock_hz;
	format->channels = (uint8_t)channels;
	return NULL;
}

static void fmtp_apply(struct sdp_media *media, struct span value)
{
	struct span rest;
	bool is_number;
	struct sdp_format *format = format_of(media, value, &rest, &is_number);

	if (format != NULL && format->fmtp.length == 0)
		format->fmtp = rest;
}

/* "53020" or "53020 IN IP4 192.0.2.1" (RFC 3605 2.1) */
static const char *rtcp_apply(struct sdp_media *media, struct span value)
{
	struct span rest = value;
	struct span word;
	uint32_t port;

	if (!sdp_word_next(&rest, &word) || !sdp_number_parse(word, UINT16_MAX, &port))
		return "a=rtcp is malformed";
	if (span_trim(rest).length != 0) {
		const char *reason = sdp_address_parse(rest, &media->rtcp_address);

		if (reason != NULL)
			return reason;
	}
	media->has_rtcp = true;
	media->rtcp_port = (uint16_t)port;
	return NULL;
}

/* Fractions ("2.5") and nonsense count as "not stated": the text is passed on all the same. */
static uint16_t ptime_of(struct span value)
{
	uint32_t ptime_ms;

	return sdp_number_parse(span_trim(value), PTIME_MAX_MS, &ptime_ms) ? (uint16_t)ptime_ms : 0;
}

const char *sdp_media_attribute_apply(
	struct sdp_media *media, const struct sdp_attribute *attribute)
{
	enum sdp_direction direction = sdp_direction_find(attribute->name);
	bool is_rtp = media->protocol != SDP_PROTOCOL_OTHER;

	if (direction != SDP_DIRECTION_NONE)
		media->direction = direction;
	else if (is_rtp && media->kind == SDP_AUDIO && span_equal(attribute->name, SPAN("rtpmap")))
		return rtpmap_apply(media, attribute->value);
	else if (is_rtp && span_equal(attribute->name, SPAN("fmtp")))
		fmtp_apply(media, attribute->value);
	else if (span_equal(attribute->name, SPAN("ptime")))
		media->ptime_ms = ptime_of(attribute->value);
	else if (span_equal(attribute->name, SPAN("maxptime")))
		media->maxptime_ms = ptime_of(attribute->value);
	else if (span_equal(attribute->name, SPAN("rtcp-mux")))
		media->has_rtcp_mux = true;
	else if (span_equal(attribute->name, SPAN("rtcp")))
		return rtcp_apply(media, attribute->value);
	return NULL;
}

static bool address_is_unspecified(const struct sdp_address *address)
{
	static const uint8_t zeros[16];

	return address->ip.family != TD_FAMILY_NONE &&
	       memcmp(address->ip.bytes, zeros, sizeof(zeros)) == 0;
}

bool sdp_media_is_hold(const struct sdp_media *media)
{
	return media->direction == SDP_SENDONLY || media->direction == SDP_INACTIVE ||
	       address_is_unspecified(&media->connection);
}
