/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Sets up and changes a termination's record, and reads its figures. The table calls init, the
 * owning worker apply, anyone snapshot.
 */
#include "termination/termination.h"

#include "termination/latch.h"

#include <tandem/time.h>

#include <string.h>

enum {
	DEFAULT_PTIME_MS = 20,
	/* A peer may send three times the negotiated packet rate (shorter packets than agreed, and
	 * telephone events beside audio); a second's worth may come at once after a stall. */
	POLICE_RATE_FACTOR = 3,
	RTCP_FIRST_DELAY_MS = 2500, /* RFC 3550 6.2: half the minimum interval */
	PAYLOAD_TYPE_NONE = 255,
};

static uint64_t load64(const _Atomic uint64_t *field)
{
	return atomic_load_explicit(field, memory_order_relaxed);
}

static uint32_t load32(const _Atomic uint32_t *field)
{
	return atomic_load_explicit(field, memory_order_relaxed);
}

static uint16_t load16(const _Atomic uint16_t *field)
{
	return atomic_load_explicit(field, memory_order_relaxed);
}

static uint8_t load8(const _Atomic uint8_t *field)
{
	return atomic_load_explicit(field, memory_order_relaxed);
}

int termination_find_codec(const struct termination *termination, uint8_t payload_type)
{
	const struct termination_signalling *signalling = &termination->signalling;

	for (int i = 0; i < signalling->codec_count; i++) {
		if (signalling->payload_types[i] == payload_type)
			return i;
	}
	return -1;
}

static void apply_codecs(struct termination *termination, const struct td_termination_spec *spec)
{
	struct termination_signalling *signalling = &termination->signalling;
	uint32_t ptime_min_ms = UINT32_MAX;

	for (unsigned i = 0; i < spec->codec_count; i++) {
		uint32_t ptime_ms = spec->codecs[i].ptime_ms;

		ptime_ms = ptime_ms == 0 ? DEFAULT_PTIME_MS : ptime_ms;
		ptime_min_ms = ptime_ms < ptime_min_ms ? ptime_ms : ptime_min_ms;
		signalling->payload_types[i] = spec->codecs[i].payload_type;
		signalling->codec_kinds[i] = spec->codecs[i].kind;
		signalling->clocks_hz[i] = spec->codecs[i].clock_hz;
	}
	if (ptime_min_ms > DEFAULT_PTIME_MS)
		ptime_min_ms = DEFAULT_PTIME_MS;
	signalling->codec_count = spec->codec_count;
	termination->rx.police_cost_ns = ptime_min_ms * TD_NS_PER_MS / POLICE_RATE_FACTOR;
	/* The cached codec may be gone: look it up with the next packet. */
	termination->rx.clock_hz = 0;
}

/* Packets that were refused meanwhile aren't lost: the next one starts afresh. */
static void forget_source(struct termination *termination)
{
	atomic_store_explicit(&termination->rx.source, RTP_SOURCE_NONE, memory_order_relaxed);
	termination->rx.challenger_run = 0;
}

void termination_apply(
	struct termination *termination, const struct td_termination_spec *spec, uint64_t now_ns)
{
	struct termination_match *match = &termination->match;
	struct termination_signalling *signalling = &termination->signalling;
	bool is_armed = signalling->latch_round != spec->latch_round || match->latch != spec->latch;
	bool is_moved = !td_endpoint_equal(&signalling->remote, &spec->remote) ||
			!td_endpoint_equal(&signalling->rtcp_signalled, &spec->remote_rtcp);

	signalling->epoch = spec->epoch;
	match->mode = spec->mode;
	match->latch = spec->latch;
	match->latch_prefix_bits = spec->latch_prefix_bits;
	match->flags = spec->flags;
	signalling->latch_round = spec->latch_round;
	signalling->latch_window_ms = spec->latch_window_ms;
	signalling->remote = spec->remote;
	signalling->rtcp_signalled = spec->remote_rtcp;
	apply_codecs(termination, spec);
	if (is_moved || match->latch == TD_LATCH_OFF) {
		latch_arm(termination);
	} else if (is_armed) {
		/* The same address was signalled again: what was learnt stays until better comes. */
		match->latch_rank = LATCH_RANK_NONE;
		termination->rx.latch_until_ns = 0;
		signalling->is_rtcp_learnt = 0;
		atomic_store_explicit(
			&match->latch_state, TD_LATCH_STATE_LEARNING, memory_order_relaxed);
	}
	if ((match->mode & TD_MODE_RECEIVE) == 0)
		forget_source(termination);
	termination->timing.media_timeout_ms = (uint32_t)spec->media_timeout_s * TD_MS_PER_S;
	termination->timing.media_since_ns = (match->mode & TD_MODE_RECEIVE) != 0 ? now_ns : 0;
	atomic_store_explicit(&termination->rx.is_timed_out, 0, memory_order_relaxed);
}

void termination_part_feeds(struct termination *termination)
{
	termination->rx.feed_serial++;
	rtp_splice_interrupt(&termination->tx.splice);
}

void termination_init(struct termination *termination, const struct td_termination_spec *spec,
	uint32_t generation, const struct termination_random *random, uint64_t now_ns)
{
	memset(termination, 0, sizeof(*termination));
	termination->id = spec->termination_id;
	termination->match.generation = generation;
	termination->match.local = media_ip_from_td(&spec->local.ip);
	termination->match.local_family = spec->local.ip.family;
	termination->match.local_port = spec->local.port;
	atomic_store_explicit(
		&termination->match.peer_slot, TERMINATION_NO_SLOT, memory_order_relaxed);
	atomic_store_explicit(
		&termination->rx.payload_type, PAYLOAD_TYPE_NONE, memory_order_relaxed);
	forget_source(termination);
	rtp_splice_init(
		&termination->tx.splice, random->ssrc, random->sequence, random->timestamp_ts);
	termination->timing.random = random->rtcp == 0 ? 1 : random->rtcp;
	/* Spread by up to as much again, so that calls of one moment don't report as one. */
	termination->timing.rtcp_due_ns =
		now_ns +
		(uint64_t)(RTCP_FIRST_DELAY_MS + random->rtcp % RTCP_FIRST_DELAY_MS) * TD_NS_PER_MS;
	termination->spec = *spec;
	/* Differs from any round: arms learning. */
	termination->signalling.latch_round = ~spec->latch_round;
	termination_apply(termination, spec, now_ns);
	latch_arm(termination);
}

uint32_t termination_lost(const struct termination *termination)
{
	uint32_t lost = load32(&termination->quality.lost_past);

	for (unsigned i = 0; i < RTP_SOURCES_MAX; i++)
		lost += rtp_source_lost(&termination->sources[i]);
	return lost;
}

/* Where media goes, as one consistent value unless the worker changes it all the time. */
static struct td_endpoint snapshot_remote(const struct termination_match *match)
{
	enum {
		TRIES = 4
	};
	struct td_endpoint remote = {0};

	for (int i = 0; i < TRIES; i++) {
		uint32_t version =
			atomic_load_explicit(&match->remote_version, memory_order_acquire);
		struct media_ip ip;

		/* partner: release stores in latch.c, in reverse order */
		ip.words[0] = atomic_load_explicit(&match->remote[0], memory_order_acquire);
		ip.words[1] = atomic_load_explicit(&match->remote[1], memory_order_acquire);
		remote.port = atomic_load_explicit(&match->remote_port, memory_order_acquire);
		media_ip_to_td(ip,
			atomic_load_explicit(&match->remote_family, memory_order_acquire),
			&remote.ip);
		if (version % 2 == 0 && load32(&match->remote_version) == version)
			break;
	}
	return remote;
}

static uint64_t to_wall(uint64_t mono_ns, uint64_t wall_offset_ns)
{
	return mono_ns == 0 ? 0 : mono_ns + wall_offset_ns;
}

static void snapshot_quality(
	const struct termination_quality *quality, struct td_termination_stats *stats)
{
	stats->reordered_packets = load32(&quality->reordered);
	stats->duplicate_packets = load32(&quality->duplicates);
	stats->source_switches = load32(&quality->source_switches);
	stats->jitter_us = load32(&quality->jitter_us);
	stats->jitter_max_us = load32(&quality->jitter_max_us);
	stats->rtt_us = load32(&quality->rtt_us);
	stats->remote_lost_packets = load32(&quality->remote_lost);
	stats->remote_jitter_us = load32(&quality->remote_jitter_us);
	stats->remote_fraction_lost_ppm = load32(&quality->remote_fraction_ppm);
	stats->rtcp_rx_packets = load32(&quality->rtcp_rx);
	stats->rtcp_tx_packets = load32(&quality->rtcp_tx);
	stats->mos_x100 = load16(&quality->mos_x100);
	stats->mos_min_x100 = load16(&quality->mos_min_x100);
	stats->r_factor_x10 = load16(&quality->r_factor_x10);
}

void termination_snapshot(const struct termination *termination, uint64_t wall_offset_ns,
	struct td_termination_stats *ret_stats)
{
	const struct termination_rx *rx = &termination->rx;
	uint8_t source = load8(&rx->source);
	struct td_termination_stats stats = {
		.rx_packets = load64(&rx->packets),
		.rx_bytes = load64(&rx->bytes),
		.tx_packets = load64(&termination->tx.packets),
		.tx_bytes = load64(&termination->tx.bytes),
		.rx_refused = load64(&rx->refused),
		.first_rx_wall_ns =
			to_wall(load64(&termination->quality.first_rx_ns), wall_offset_ns),
		.last_rx_wall_ns = to_wall(load64(&rx->last_ns), wall_offset_ns),
		.first_tx_wall_ns =
			to_wall(load64(&termination->timing.first_tx_ns), wall_offset_ns),
		.lost_packets = termination_lost(termination),
		.tx_ssrc = termination->tx.splice.ssrc,
		.latch_state = load8(&termination->match.latch_state),
		.last_payload_type = load8(&rx->payload_type),
		.latched = snapshot_remote(&termination->match),
	};

	snapshot_quality(&termination->quality, &stats);
	if (source < RTP_SOURCES_MAX)
		stats.rx_ssrc = load32(&termination->sources[source].ssrc);
	*ret_stats = stats;
}
