/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Stage rewrite: puts the packet into the egress identity of the other side. Packets that the
 * other side may not have interrupt its feed, so that its sequence goes on without a gap when
 * they flow again.
 */
#include "rtp/header.h"
#include "stage/context.h"
#include "stage/map.h"
#include "termination/termination.h"

static void withhold(struct packet *packet, enum td_drop_reason reason)
{
	rtp_splice_interrupt(&packet->peer->tx.splice);
	packet_drop(packet, reason);
}

static void rewrite_packet(struct packet *packet, uint64_t now_ns)
{
	struct termination *peer = packet->peer;
	struct rtp_splice_packet splice = {
		.feed = termination_feed(packet->termination),
		.extended_sequence = packet->extended_sequence,
		.timestamp_ts = packet->rtp.timestamp_ts,
		.clock_hz = packet->clock_hz,
		.is_event = packet->codec_kind == TD_CODEC_TELEPHONE_EVENT ||
			    packet->codec_kind == TD_CODEC_COMFORT_NOISE,
		.has_marker = packet->rtp.has_marker,
	};
	struct rtp_header header;

	if (!rtp_splice_map(&peer->tx.splice, &splice, now_ns)) {
		packet_drop(packet, TD_DROP_RTP_STALE);
		return;
	}
	header.ssrc = peer->tx.splice.ssrc;
	header.timestamp_ts = splice.sent_ts;
	header.sequence = splice.sequence;
	header.payload_type = packet->rtp.payload_type;
	header.has_marker = splice.has_marker;
	rtp_header_rewrite(packet->bytes + packet->payload_offset, &header);
}

void stage_rewrite(struct burst *burst, struct stage_context *context)
{
	for (uint32_t i = 0; i < burst->count; i++) {
		struct packet *packet = &burst->packets[i];

		if (packet->verdict != VERDICT_CONTINUE)
			continue;
		if (packet->peer == NULL)
			packet_drop(packet, TD_DROP_NO_PEER);
		else if ((packet->peer->match.mode & TD_MODE_SEND) == 0)
			withhold(packet, TD_DROP_PEER_NO_SEND);
		else if (packet->peer->match.remote_family == TD_FAMILY_NONE)
			withhold(packet, TD_DROP_PEER_NO_ADDRESS);
		else
			rewrite_packet(packet, context->now_ns);
	}
}
