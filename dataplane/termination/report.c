/* SPDX-License-Identifier: Apache-2.0 */
/*
 * RTCP reports and ratings. Called by the sweep when a report is due, by stage feedback for each
 * RTCP packet, and at the end of a termination.
 */
#include "termination/report.h"

#include "rtp/emodel.h"
#include "rtp/rtcp.h"
#include "termination/termination.h"

#include <tandem/time.h>

#include <string.h>

enum {
	RTCP_INTERVAL_MS = 5000, /* RFC 3550 6.2: the recommended minimum */
	/* A source that was silent for two intervals isn't reported any more. */
	SOURCE_ACTIVE_MS = 2 * RTCP_INTERVAL_MS,
	RTT_MAX_US = 10000000,	 /* more is a clock that was set, or nonsense */
	QUALITY_PKTS_MIN = 50,	 /* a second of speech: fewer say nothing about an interval */
	PPM_PER_FRACTION = 3906, /* 1000000 / 256 */
	XORSHIFT_A = 13,
	XORSHIFT_B = 17,
	XORSHIFT_C = 5,
};

static uint32_t load(const _Atomic uint32_t *field)
{
	return atomic_load_explicit(field, memory_order_relaxed);
}

static void store(_Atomic uint32_t *field, uint32_t value)
{
	/* partner: relaxed loads in termination_snapshot */
	atomic_store_explicit(field, value, memory_order_relaxed);
}

static void store16(_Atomic uint16_t *field, uint16_t value)
{
	atomic_store_explicit(field, value, memory_order_relaxed);
}

/* RFC 3550 6.5.1 and RFC 7022: the same for the life of the termination, and unlike others. */
static void compose_cname(const struct termination *termination, char cname[RTCP_CNAME_BYTES])
{
	static const char digits[] = "0123456789abcdef";
	uint64_t name = (uint64_t)termination->tx.splice.ssrc << 32 | termination->match.generation;

	for (unsigned i = 0; i < RTCP_CNAME_BYTES; i++)
		cname[i] = digits[name >> (60 - 4 * i) & 15];
}

static void fill_block(struct termination *termination, struct rtp_source *source, uint64_t now_ns,
	struct rtcp_block *block)
{
	const struct termination_timing *timing = &termination->timing;

	*block = (struct rtcp_block){
		.ssrc = load(&source->ssrc),
		.lost = rtp_source_lost(source),
		/* RFC 3550 6.4.1: the count of cycles begins with 0 */
		.highest = load(&source->highest) - RTP_EXTENDED_FIRST,
		.jitter_ts = rtp_source_jitter_ts(source),
		.fraction = rtp_source_take_fraction(source),
	};
	if (timing->sr_arrival_ns != 0 && timing->sr_ssrc == block->ssrc) {
		block->lsr = timing->sr_middle;
		block->dlsr = rtcp_ntp_from_ns(td_since(now_ns, timing->sr_arrival_ns));
	}
}

static bool is_reported(const struct rtp_source *source, uint64_t now_ns)
{
	return load(&source->received) != 0 &&
	       td_since(now_ns, source->arrival_ns) < (uint64_t)SOURCE_ACTIVE_MS * TD_NS_PER_MS;
}

size_t report_build(struct termination *termination, const struct report_request *request,
	uint8_t *packet, size_t size_bytes)
{
	uint64_t sent = atomic_load_explicit(&termination->tx.packets, memory_order_relaxed);
	struct rtcp_report report = {
		.ssrc = termination->tx.splice.ssrc,
		.has_sent = (uint32_t)sent != termination->timing.tx_packets_reported,
		.has_bye = request->has_bye,
		.wall_ns = request->now_ns + request->wall_offset_ns,
		.timestamp_ts = rtp_splice_timestamp(&termination->tx.splice, request->now_ns),
		.packets = (uint32_t)sent,
		.bytes = (uint32_t)atomic_load_explicit(
			&termination->tx.bytes, memory_order_relaxed),
	};

	for (unsigned i = 0; i < RTP_SOURCES_MAX; i++) {
		if (is_reported(&termination->sources[i], request->now_ns))
			fill_block(termination, &termination->sources[i], request->now_ns,
				&report.blocks[report.block_count++]);
	}
	compose_cname(termination, report.cname);
	termination->timing.tx_packets_reported = (uint32_t)sent;
	return rtcp_build(&report, packet, size_bytes);
}

/* Round-trip time from our last SR that the remote end saw (RFC 3550 6.4.1). */
static void take_rtt(struct termination *termination, const struct rtcp_block *block,
	uint64_t now_ns, uint64_t wall_offset_ns)
{
	uint32_t rtt;

	if (block->lsr == 0)
		return;
	rtt = rtcp_ntp_middle(now_ns + wall_offset_ns) - block->lsr - block->dlsr;
	/* A peer that rounds may make it a trifle negative. */
	if ((int32_t)rtt < 0)
		rtt = 0;
	if (rtcp_ntp_to_us(rtt) <= RTT_MAX_US)
		store(&termination->quality.rtt_us, rtcp_ntp_to_us(rtt));
}

void report_take(struct termination *termination, const struct rtcp_news *news, uint64_t now_ns,
	uint64_t wall_offset_ns)
{
	struct termination_quality *quality = &termination->quality;
	struct termination_timing *timing = &termination->timing;

	termination_count32(&quality->rtcp_rx, 1);
	timing->rtcp_rx_ns = now_ns;
	if (news->has_sr) {
		timing->sr_middle = news->sr_middle;
		timing->sr_ssrc = news->sender_ssrc;
		timing->sr_arrival_ns = now_ns;
	}
	if (!news->has_block)
		return;
	store(&quality->remote_lost, news->block.lost);
	store(&quality->remote_fraction_ppm, (uint32_t)news->block.fraction * PPM_PER_FRACTION);
	store(&quality->remote_jitter_us,
		rtp_jitter_us_from_ts(news->block.jitter_ts, termination->tx.splice.clock_hz));
	take_rtt(termination, &news->block, now_ns, wall_offset_ns);
}

void report_jitter(struct termination *termination)
{
	struct termination_quality *quality = &termination->quality;
	uint8_t index = atomic_load_explicit(&termination->rx.source, memory_order_relaxed);
	const struct rtp_source *source;
	uint32_t max_us;

	if (index >= RTP_SOURCES_MAX)
		return;
	source = &termination->sources[index];
	max_us = rtp_source_jitter_max_us(source);
	store(&quality->jitter_us, rtp_source_jitter_us(source));
	if (max_us > load(&quality->jitter_max_us))
		store(&quality->jitter_max_us, max_us);
}

void report_rate(struct termination *termination)
{
	struct termination_quality *quality = &termination->quality;
	uint32_t lost = termination_lost(termination);
	uint32_t expected = lost + (uint32_t)atomic_load_explicit(
					   &termination->rx.packets, memory_order_relaxed);
	struct emodel_input input = {
		expected, lost, 0, load(&quality->rtt_us), termination->rx.audio_kind};
	struct emodel_output whole;
	uint16_t minimum = atomic_load_explicit(&quality->mos_min_x100, memory_order_relaxed);
	uint32_t interval_lost = lost - termination->signalling.quality_lost;

	report_jitter(termination);
	input.jitter_us = load(&quality->jitter_us);
	whole = emodel_rate(&input);
	if (whole.mos_x100 == 0)
		return;
	store16(&quality->mos_x100, whole.mos_x100);
	store16(&quality->r_factor_x10, whole.r_factor_x10);
	input.expected_packets = expected - termination->timing.quality_expected;
	if (minimum == 0)
		minimum = whole.mos_x100;
	if (input.expected_packets >= QUALITY_PKTS_MIN && input.expected_packets <= INT32_MAX) {
		/* Late packets may make an interval's loss negative. */
		input.lost_packets = (int32_t)interval_lost < 0 ? 0 : interval_lost;
		whole = emodel_rate(&input);
		termination->timing.quality_expected = expected;
		termination->signalling.quality_lost = lost;
	}
	store16(&quality->mos_min_x100, whole.mos_x100 < minimum ? whole.mos_x100 : minimum);
}

uint64_t report_next_interval_ns(struct termination *termination)
{
	uint32_t random = termination->timing.random;

	random ^= random << XORSHIFT_A;
	random ^= random >> XORSHIFT_B;
	random ^= random << XORSHIFT_C;
	termination->timing.random = random;
	return (uint64_t)(RTCP_INTERVAL_MS / 2 + random % RTCP_INTERVAL_MS) * TD_NS_PER_MS;
}
