/* SPDX-License-Identifier: Apache-2.0 */
/*
 * An answer of our own, where the other side can't be asked: what was agreed stays agreed.
 */
#include "sdp/relay.h"
#include "sdp/slot.h"

/* The same codec under the same number: packets that are passed on as they are mean the same. */
static bool format_is_kept(const struct sdp_format *format, const struct sdp_media *by)
{
	for (unsigned i = 0; i < by->format_count; i++) {
		const struct sdp_format *other = &by->formats[i];

		if (!span_equal(format->text, other->text))
			continue;
		return format->encoding.length == 0 || other->encoding.length == 0 ||
		       (span_equal_nocase(format->encoding, other->encoding) &&
			       format->clock_hz == other->clock_hz);
	}
	return false;
}

/* True for what a voice can do without. */
static bool format_is_spare(const struct sdp_format *format)
{
	return span_is(format->encoding, "telephone-event") || span_is(format->encoding, "CN");
}

const char *sdp_narrow(struct sdp_session *own, const struct sdp_session *offer,
	const struct sdp_session *agreed, enum sdp_direction direction)
{
	int own_at = sdp_audio_slot(own);
	int offer_at = sdp_find_audio(offer);
	int agreed_at = agreed != NULL ? sdp_audio_slot(agreed) : SDP_NO_MEDIA;
	struct sdp_media *media;
	unsigned voices = 0;
	uint8_t kept = 0;

	if (own_at == SDP_NO_MEDIA || offer_at == SDP_NO_MEDIA)
		return "no audio stream";
	media = &own->media[own_at];
	for (uint8_t i = 0; i < media->format_count; i++) {
		const struct sdp_format *format = &media->formats[i];

		if (format_is_kept(format, &offer->media[offer_at])) {
			voices += !format_is_spare(format);
			media->formats[kept++] = *format;
		} else if (!format_is_spare(format) && agreed_at != SDP_NO_MEDIA &&
			   format_is_kept(format, &agreed->media[agreed_at])) {
			return "offer drops a codec that the other side uses";
		}
	}
	if (voices == 0)
		return "offer has no codec that the other side has";
	media->format_count = kept;
	if (direction != SDP_DIRECTION_NONE)
		media->direction = direction;
	return NULL;
}
