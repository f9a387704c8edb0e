/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Reads and rewrites the RTP header (RFC 3550 5.1), and tells RTP from RTCP on one port
 * (RFC 5761). Pure.
 */
#ifndef TD_RTP_HEADER_H
#define TD_RTP_HEADER_H

#include <tandem/bytes.h>

#include <stdbool.h>
#include <stdint.h>

enum {
	RTP_HEADER_BYTES = 12,
	RTP_VERSION = 2,
	/* RFC 5761 4: RTCP packet types 192..223 lie where RTP has marker + payload type 64..95 */
	RTCP_TYPE_FIRST = 192,
	RTCP_TYPE_LAST = 223
};

struct rtp_header {
	uint32_t ssrc;
	uint32_t timestamp_ts;
	uint16_t sequence;
	uint16_t header_bytes; /* with CSRCs and extension */
	uint16_t media_bytes;  /* behind the header, without padding */
	uint8_t payload_type;
	bool has_marker;
};

/* Reads a header. False, and *ret_header untouched, if the version isn't 2 or the header or its
 * padding is longer than the packet. */
bool rtp_header_parse(const uint8_t *packet, uint32_t size_bytes, struct rtp_header *ret_header);

/* True if a packet on a port that carries both is RTCP; size_bytes at least 2. */
static inline bool rtp_is_rtcp(const uint8_t *packet)
{
	return packet[1] >= RTCP_TYPE_FIRST && packet[1] <= RTCP_TYPE_LAST;
}

/* Writes the identity into a checked header; the rest stays. */
static inline void rtp_header_rewrite(uint8_t *packet, const struct rtp_header *identity)
{
	packet[1] = (uint8_t)((identity->has_marker ? 0x80 : 0) | identity->payload_type);
	td_store_be16(packet + 2, identity->sequence);
	td_store_be32(packet + 4, identity->timestamp_ts);
	td_store_be32(packet + 8, identity->ssrc);
}

#endif
