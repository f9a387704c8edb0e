/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The splicer. Called for each packet that leaves by stage rewrite, and by nobody else.
 */
#include "rtp/splice.h"

#include <tandem/time.h>

enum {
	/* A splice moves the timestamp by at least this: 20 ms, the usual packet. */
	SPLICE_FRAME_MS = 20,
	/* A timestamp further ahead of the time that passed is a jump of the source's clock. */
	SPLICE_JUMP_MAX_S = 5,
	/* An event may last 65535 timestamp units (RFC 4733 2.5.1.3) behind the audio around it. */
	SPLICE_EVENT_MAX_TS = 65536,
	/* Elapsed time beyond an hour is projected as an hour: no overflow, nobody notices. */
	SPLICE_ELAPSED_MAX_MS = 3600 * 1000,
};

void rtp_splice_init(
	struct rtp_splice *splice, uint32_t ssrc, uint16_t sequence, uint32_t timestamp_ts)
{
	*splice = (struct rtp_splice){
		.ssrc = ssrc,
		.sequence_high = sequence,
		.timestamp_high_ts = timestamp_ts,
	};
}

/* Time since the newest packet left, in units of the RTP clock. */
static uint32_t elapsed_ts(const struct rtp_splice *splice, uint32_t clock_hz, uint64_t now_ns)
{
	uint64_t elapsed_us = td_since(now_ns, splice->high_ns) / TD_NS_PER_US;

	if (elapsed_us > (uint64_t)SPLICE_ELAPSED_MAX_MS * TD_US_PER_MS)
		elapsed_us = (uint64_t)SPLICE_ELAPSED_MAX_MS * TD_US_PER_MS;
	return (uint32_t)(elapsed_us * clock_hz / (TD_MS_PER_S * TD_US_PER_MS));
}

/* The timestamp that follows what was sent: projected, but at least one frame on. */
static uint32_t next_timestamp(const struct rtp_splice *splice, uint32_t clock_hz, uint64_t now_ns)
{
	uint32_t elapsed = elapsed_ts(splice, clock_hz, now_ns);
	uint32_t frame = clock_hz * SPLICE_FRAME_MS / TD_MS_PER_S;

	if (splice->high_ns == 0)
		return splice->timestamp_high_ts;
	return splice->timestamp_high_ts + (elapsed > frame ? elapsed : frame);
}

static void splice_timestamp(
	struct rtp_splice *splice, struct rtp_splice_packet *packet, uint64_t now_ns)
{
	splice->timestamp_offset_ts =
		next_timestamp(splice, packet->clock_hz, now_ns) - packet->timestamp_ts;
	splice->feed_high_ts = packet->timestamp_ts;
	splice->feed_floor = packet->extended_sequence; /* older packets know another offset */
	splice->clock_hz = packet->clock_hz;
	packet->has_marker = true;
}

/* Lets packet begin a new feed. */
static void splice_feed(
	struct rtp_splice *splice, struct rtp_splice_packet *packet, uint64_t now_ns)
{
	/* If the process dies in between, the feed is unknown and the next packet splices again. */
	splice->feed = 0;
	atomic_signal_fence(memory_order_seq_cst);
	splice->sequence_offset =
		(uint16_t)(splice->sequence_high + 1 - (uint16_t)packet->extended_sequence);
	splice->feed_high = packet->extended_sequence - 1;
	splice_timestamp(splice, packet, now_ns);
	atomic_signal_fence(memory_order_seq_cst);
	splice->feed = packet->feed;
}

/* True if the feed's own timestamps can't be kept: the clock changed, or they ran backwards or
 * far ahead although the sequence goes on. */
static bool is_timestamp_broken(
	const struct rtp_splice *splice, const struct rtp_splice_packet *packet, uint64_t now_ns)
{
	int32_t step = (int32_t)(packet->timestamp_ts - splice->feed_high_ts);

	if (packet->is_event)
		return step < -(int32_t)SPLICE_EVENT_MAX_TS ||
		       step > (int64_t)elapsed_ts(splice, splice->clock_hz, now_ns) +
				       (int64_t)SPLICE_JUMP_MAX_S * splice->clock_hz;
	if (packet->clock_hz != splice->clock_hz || step < 0)
		return true;
	return step > (int64_t)elapsed_ts(splice, packet->clock_hz, now_ns) +
			      (int64_t)SPLICE_JUMP_MAX_S * packet->clock_hz;
}

/* Records the newest packet; later ones are measured against it. */
static void advance(
	struct rtp_splice *splice, const struct rtp_splice_packet *packet, uint64_t now_ns)
{
	splice->feed_high = packet->extended_sequence;
	splice->sequence_high = packet->sequence;
	/* An event's timestamp stands still: the audio's goes on counting from where it was. */
	if (splice->high_ns == 0 || (int32_t)(packet->sent_ts - splice->timestamp_high_ts) > 0) {
		splice->timestamp_high_ts = packet->sent_ts;
		splice->high_ns = now_ns;
	}
	if ((int32_t)(packet->timestamp_ts - splice->feed_high_ts) > 0)
		splice->feed_high_ts = packet->timestamp_ts;
}

bool rtp_splice_map(struct rtp_splice *splice, struct rtp_splice_packet *packet, uint64_t now_ns)
{
	bool is_newest;

	if (packet->feed != splice->feed)
		splice_feed(splice, packet, now_ns);
	if ((int32_t)(packet->extended_sequence - splice->feed_floor) < 0)
		return false;
	is_newest = (int32_t)(packet->extended_sequence - splice->feed_high) > 0;
	if (is_newest && is_timestamp_broken(splice, packet, now_ns))
		splice_timestamp(splice, packet, now_ns);
	packet->sequence = (uint16_t)(packet->extended_sequence + splice->sequence_offset);
	packet->sent_ts = packet->timestamp_ts + splice->timestamp_offset_ts;
	if (is_newest)
		advance(splice, packet, now_ns);
	return true;
}

uint32_t rtp_splice_timestamp(const struct rtp_splice *splice, uint64_t now_ns)
{
	return splice->timestamp_high_ts + elapsed_ts(splice, splice->clock_hz, now_ns);
}
