/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A burst of packets as the stages see it: plain arrays and offsets, nothing of DPDK. The shell
 * fills a packet from an mbuf (packet_init), runs the stages of stage/map.h over the burst, and
 * acts on each packet's verdict. No pointer in here outlives the burst.
 */
#ifndef TD_STAGE_BURST_H
#define TD_STAGE_BURST_H

#include "rtp/header.h"
#include "termination/address.h"

#include <tandem/compiler.h>
#include <tandem/drop.h>

#include <stdbool.h>
#include <stdint.h>

struct termination;
struct next_hop;

enum {
	BURST_PACKETS_MAX = 32
};

/* What becomes of a packet. Stages leave alone what isn't VERDICT_CONTINUE. */
enum packet_verdict {
	VERDICT_CONTINUE,  /* the next stage decides */
	VERDICT_TRANSMIT,  /* send bytes/length_bytes by tx_port */
	VERDICT_DROP,	   /* drop_reason says why; free it */
	VERDICT_EXCEPTION, /* not media: give the frame, unchanged, to the kernel */
	VERDICT_HANDOFF,   /* give the frame, unchanged, to worker handoff_worker */
	VERDICT_COUNT
};

enum packet_kind {
	PACKET_UNKNOWN, /* before demux */
	PACKET_RTP,
	PACKET_RTCP,
	PACKET_KIND_COUNT
};

/* What the NIC says of a received checksum. */
enum packet_checksum {
	CHECKSUM_UNKNOWN, /* verified or trusted as the port's policy says */
	CHECKSUM_GOOD,
	CHECKSUM_BAD,
	CHECKSUM_KIND_COUNT
};

/* Bits of packet.tx_offload: what the NIC must still do. The UDP checksum field then holds the
 * pseudo-header's sum, the IPv4 checksum field zero. */
enum packet_tx_offload {
	TX_OFFLOAD_IPV4 = 1, /* the packet is IPv4 (else IPv6) */
	TX_OFFLOAD_IPV4_CHECKSUM = 2,
	TX_OFFLOAD_UDP_CHECKSUM = 4,
};

struct packet {
	/* w: shell, before the first stage; readdress moves bytes and the three sizes */
	uint8_t *bytes; /* first byte of the frame; borrows until the end of the burst */
	void *handle;	/* the shell's (an mbuf); stages don't touch it */
	uint16_t length_bytes;
	uint16_t headroom_bytes; /* writable in front of bytes */
	uint8_t rx_port;
	uint8_t rx_ip_checksum;	 /* enum packet_checksum */
	uint8_t rx_udp_checksum; /* enum packet_checksum */

	uint8_t verdict;     /* enum packet_verdict */
	uint8_t drop_reason; /* enum td_drop_reason, if VERDICT_DROP */
	uint8_t kind;	     /* enum packet_kind */
	uint8_t handoff_worker;

	/* parse */
	uint8_t family;	       /* enum td_family */
	uint8_t media_address; /* index in the media plan */
	uint16_t l3_offset;
	uint16_t l4_offset;
	uint16_t payload_offset;
	uint16_t payload_bytes;
	uint16_t source_port;
	uint16_t destination_port;
	struct media_ip source_ip;

	/* classify */
	struct termination *termination; /* where it arrived */
	struct termination *peer;	 /* where it goes */
	uint32_t slot;

	/* demux */
	struct rtp_header rtp;
	uint32_t clock_hz;
	uint8_t codec_kind; /* enum td_codec_kind */

	/* measure */
	uint32_t extended_sequence; /* RFC 3550 A.1 */

	/* readdress: what the shell needs to transmit */
	uint8_t tx_port;    /* index of the port in configuration order */
	uint8_t tx_offload; /* enum packet_tx_offload */
	uint8_t tx_l2_bytes;
	uint8_t tx_l3_bytes;
};

struct burst {
	uint32_t count;
	struct packet packets[BURST_PACKETS_MAX];
};

/* Prepares a packet over a received frame. The shell sets the checksum fields afterwards if the
 * NIC says something of them. */
static inline void packet_init(
	struct packet *packet, uint8_t *bytes, uint16_t length_bytes, uint16_t headroom_bytes)
{
	*packet = (struct packet){
		.bytes = bytes, .length_bytes = length_bytes, .headroom_bytes = headroom_bytes};
}

/* Ends a packet's way with a named reason. */
static inline void packet_drop(struct packet *packet, enum td_drop_reason reason)
{
	packet->verdict = VERDICT_DROP;
	packet->drop_reason = (uint8_t)reason;
}

#endif
