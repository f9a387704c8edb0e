/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Stage demux: RTP or RTCP, by port or, where they share one, by RFC 5761; is it well-formed, was
 * the payload type negotiated. Changes nothing in the termination: it isn't known yet whether the
 * packet comes from its peer.
 */
#include "rtp/header.h"
#include "rtp/rtcp.h"
#include "stage/context.h"
#include "stage/map.h"
#include "termination/termination.h"

enum {
	RTCP_MIN_BYTES = 8 /* header and SSRC */
};

static bool is_muxed_rtcp(const struct packet *packet, const uint8_t *payload)
{
	return (packet->termination->match.flags & TD_TERMINATION_RTCP_MUX) != 0 &&
	       packet->payload_bytes >= RTCP_MIN_BYTES && rtp_is_rtcp(payload);
}

static void check_rtcp(struct packet *packet, const uint8_t *payload)
{
	struct rtcp_news news;

	packet->kind = PACKET_RTCP;
	if (rtcp_parse(payload, packet->payload_bytes, 0, &news) != 0)
		packet_drop(packet, TD_DROP_RTCP_MALFORMED);
}

/* The codec of a payload type: that of the packet before, in nearly all cases. */
static bool find_codec(struct packet *packet)
{
	const struct termination *termination = packet->termination;
	const struct termination_rx *rx = &termination->rx;
	int codec;

	if (td_likely(rx->clock_hz != 0 &&
		      atomic_load_explicit(&rx->payload_type, memory_order_relaxed) ==
			      packet->rtp.payload_type)) {
		packet->clock_hz = rx->clock_hz;
		packet->codec_kind = rx->codec_kind;
		return true;
	}
	codec = termination_find_codec(termination, packet->rtp.payload_type);
	if (codec < 0)
		return false;
	packet->clock_hz = termination->signalling.clocks_hz[codec];
	packet->codec_kind = termination->signalling.codec_kinds[codec];
	return true;
}

static void demux_packet(struct packet *packet)
{
	const uint8_t *payload = packet->bytes + packet->payload_offset;

	if (packet->kind == PACKET_RTCP || is_muxed_rtcp(packet, payload)) {
		check_rtcp(packet, payload);
		return;
	}
	packet->kind = PACKET_RTP;
	if (!rtp_header_parse(payload, packet->payload_bytes, &packet->rtp)) {
		packet_drop(packet, TD_DROP_RTP_MALFORMED);
		return;
	}
	if (!find_codec(packet))
		packet_drop(packet, TD_DROP_RTP_PAYLOAD_TYPE);
}

void stage_demux(struct burst *burst, struct stage_context *context)
{
	(void)context; /* all it needs is in the packets */
	for (uint32_t i = 0; i < burst->count; i++) {
		if (burst->packets[i].verdict == VERDICT_CONTINUE)
			demux_packet(&burst->packets[i]);
	}
}
