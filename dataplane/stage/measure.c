/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Stage measure: which source is heard, what of it was lost, late or doubled. Up to
 * RTP_SOURCES_MAX sources are known; one is current. Another one takes over with its second
 * packet in a row (RFC 3550 A.1), or at once if the current one is silent, so that a call loses
 * no packet when it begins and two sources at a time don't chop each other up.
 */
#include "rtp/source.h"
#include "stage/context.h"
#include "stage/map.h"
#include "termination/sweep.h"
#include "termination/termination.h"

#include <tandem/time.h>

enum {
	/* The current source is silent after this: five packets of 20 ms. */
	SOURCE_SILENCE_MS = 100,
};

static uint8_t current_source(const struct termination *termination)
{
	return atomic_load_explicit(&termination->rx.source, memory_order_relaxed);
}

static uint32_t source_ssrc(const struct rtp_source *source)
{
	return atomic_load_explicit(&source->ssrc, memory_order_relaxed);
}

/* What a source lost stays in the account when it is forgotten. */
static void settle(struct termination *termination, const struct rtp_source *source)
{
	termination_count32(&termination->quality.lost_past, rtp_source_lost(source));
}

/* Makes a source current, beginning with this packet. */
static void start(
	struct termination *termination, uint8_t index, struct packet *packet, uint64_t now_ns)
{
	struct rtp_source *source = &termination->sources[index];

	settle(termination, source);
	packet->extended_sequence =
		rtp_source_start(source, packet->rtp.ssrc, packet->rtp.sequence, now_ns);
	termination->rx.feed_serial++;
	termination->rx.challenger_run = 0;
	atomic_store_explicit(&termination->rx.source, index, memory_order_relaxed);
}

/* Index of a source by SSRC; an unknown one displaces the one that was silent for longest. */
static uint8_t find_source(struct termination *termination, const struct packet *packet)
{
	uint8_t current = current_source(termination);
	uint8_t oldest = RTP_SOURCE_NONE;
	struct rtp_source *source;

	for (uint8_t i = 0; i < RTP_SOURCES_MAX; i++) {
		source = &termination->sources[i];
		if (source->is_used && source_ssrc(source) == packet->rtp.ssrc)
			return i;
		if (i != current &&
			(oldest == RTP_SOURCE_NONE ||
				source->arrival_ns < termination->sources[oldest].arrival_ns))
			oldest = i;
	}
	source = &termination->sources[oldest];
	settle(termination, source);
	rtp_source_reserve(source, packet->rtp.ssrc);
	return oldest;
}

static bool is_current_silent(const struct termination *termination, uint64_t now_ns)
{
	uint8_t current = current_source(termination);

	return current == RTP_SOURCE_NONE ||
	       td_since(now_ns, termination->sources[current].arrival_ns) >=
		       (uint64_t)SOURCE_SILENCE_MS * TD_NS_PER_MS;
}

/* A packet of another source than the current one; false if that one stays. */
static bool challenge(struct termination *termination, struct packet *packet, uint64_t now_ns)
{
	bool is_silent = is_current_silent(termination, now_ns);
	bool is_resumed = current_source(termination) == RTP_SOURCE_NONE;
	bool is_first = is_resumed &&
			atomic_load_explicit(&termination->rx.packets, memory_order_relaxed) == 0;
	uint8_t index = find_source(termination, packet);
	struct rtp_source *source = &termination->sources[index];
	bool is_next = source->awaited_sequence == packet->rtp.sequence;
	bool is_known = atomic_load_explicit(&source->received, memory_order_relaxed) != 0;

	termination->rx.challenger_run = is_next && termination->rx.challenger_run != 0
						 ? (uint8_t)(termination->rx.challenger_run + 1)
						 : 1;
	source->awaited_sequence = (uint16_t)(packet->rtp.sequence + 1);
	source->arrival_ns = now_ns;
	if (!is_silent && termination->rx.challenger_run < RTP_MIN_SEQUENTIAL)
		return false;
	/* After a hold the source that was heard before is no new one. */
	if (!is_first && !(is_resumed && is_known))
		termination_count32(&termination->quality.source_switches, 1);
	start(termination, index, packet, now_ns);
	return true;
}

/* Validates the packet; false if it was dropped. */
static bool validate(struct termination *termination, struct packet *packet, uint64_t now_ns)
{
	uint8_t current = current_source(termination);
	struct termination_quality *quality = &termination->quality;

	if (current == RTP_SOURCE_NONE ||
		source_ssrc(&termination->sources[current]) != packet->rtp.ssrc) {
		if (challenge(termination, packet, now_ns))
			return true;
		packet_drop(packet, TD_DROP_RTP_STALE);
		return false;
	}
	termination->rx.challenger_run = 0;
	switch (rtp_source_receive(&termination->sources[current], packet->rtp.sequence, now_ns,
		&packet->extended_sequence)) {
	case RTP_ACCEPT:
		return true;
	case RTP_REORDERED:
		termination_count32(&quality->reordered, 1);
		return true;
	case RTP_RESTARTED:
		start(termination, current, packet, now_ns);
		return true;
	case RTP_DUPLICATE:
		termination_count32(&quality->duplicates, 1);
		packet_drop(packet, TD_DROP_RTP_DUPLICATE);
		return false;
	case RTP_STALE:
	case RTP_VERDICT_COUNT:
	default:
		packet_drop(packet, TD_DROP_RTP_STALE);
		return false;
	}
}

static bool is_sampled(uint8_t codec_kind)
{
	return codec_kind != TD_CODEC_TELEPHONE_EVENT && codec_kind != TD_CODEC_COMFORT_NOISE;
}

static void take_codec(struct termination_rx *rx, const struct packet *packet)
{
	atomic_store_explicit(&rx->payload_type, packet->rtp.payload_type, memory_order_relaxed);
	rx->clock_hz = packet->clock_hz;
	rx->codec_kind = packet->codec_kind;
	if (is_sampled(packet->codec_kind))
		rx->audio_kind = packet->codec_kind;
}

static void announce_first(struct termination *termination, const struct stage_context *context)
{
	atomic_store_explicit(
		&termination->quality.first_rx_ns, context->now_ns, memory_order_relaxed);
	termination_notify(termination, TD_NOTIFY_FIRST_PACKET, context->sweep, context->now_ns);
}

static void measure_packet(struct packet *packet, const struct stage_context *context)
{
	struct termination *termination = packet->termination;
	struct termination_rx *rx = &termination->rx;

	if (!validate(termination, packet, context->now_ns))
		return;
	if (td_unlikely(rx->payload_type != packet->rtp.payload_type || rx->clock_hz == 0))
		take_codec(rx, packet);
	if (is_sampled(packet->codec_kind))
		rtp_source_jitter(&termination->sources[current_source(termination)],
			packet->rtp.timestamp_ts, packet->clock_hz, context->now_ns);
	termination_count(&rx->packets, 1);
	termination_count(&rx->bytes, packet->rtp.media_bytes);
	atomic_store_explicit(&rx->last_ns, context->now_ns, memory_order_relaxed);
	if (td_unlikely(rx->packets == 1))
		announce_first(termination, context);
}

void stage_measure(struct burst *burst, struct stage_context *context)
{
	for (uint32_t i = 0; i < burst->count; i++) {
		if (burst->packets[i].verdict == VERDICT_CONTINUE)
			measure_packet(&burst->packets[i], context);
	}
}
