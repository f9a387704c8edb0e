/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Every reason for which the dataplane refuses a packet: one line gives the enum constant, the
 * counter's name and its help text. A drop without a reason doesn't exist.
 */
#ifndef TD_TANDEM_DROP_H
#define TD_TANDEM_DROP_H

/* X(CONSTANT, name, help) */
#define TD_DROP_REASONS(X)                                                                         \
	X(FRAME_SHORT, frame_short, "frame ends inside the Ethernet, VLAN or IP header")           \
	X(VLAN_FOREIGN, vlan_foreign, "VLAN tag is not the one of this port")                      \
	X(MAC_FOREIGN, mac_foreign, "Ethernet destination is another station's")                   \
	X(IP_MALFORMED, ip_malformed, "IP header length, version or total length is wrong")        \
	X(IP_CHECKSUM, ip_checksum, "IPv4 header checksum is wrong")                               \
	X(IP_FRAGMENT, ip_fragment, "fragment of a datagram to a media address")                   \
	X(IP_EXTENSION, ip_extension, "IPv6 extension headers before UDP to a media port")         \
	X(UDP_MALFORMED, udp_malformed, "UDP length doesn't fit the IP payload")                   \
	X(UDP_CHECKSUM, udp_checksum, "UDP checksum is wrong")                                     \
	X(NO_TERMINATION, no_termination, "media port is not in use")                              \
	X(PORT_RESTING, port_resting, "media port was released a short while ago")                 \
	X(SOURCE_FOREIGN, source_foreign, "packet from an address that isn't the peer's")          \
	X(NOT_LATCHED, not_latched, "peer's address isn't known yet and may not be learnt")        \
	X(MODE_NO_RECEIVE, mode_no_receive, "stream is inactive or sendonly (on hold)")            \
	X(RTP_MALFORMED, rtp_malformed, "not RTP version 2 or header longer than the packet")      \
	X(RTP_PAYLOAD_TYPE, rtp_payload_type, "payload type was not negotiated")                   \
	X(RTP_DUPLICATE, rtp_duplicate, "sequence number was already relayed")                     \
	X(RTP_STALE, rtp_stale, "sequence number is too old, or source is on probation")           \
	X(RTCP_MALFORMED, rtcp_malformed, "compound RTCP packet fails the checks of RFC 3550 A.2") \
	X(RTCP_CONSUMED, rtcp_consumed, "RTCP ended here, as intended")                            \
	X(NO_PEER, no_peer, "termination is alone in its context")                                 \
	X(PEER_NO_SEND, peer_no_send, "the other side doesn't want media (on hold)")               \
	X(PEER_NO_ADDRESS, peer_no_address, "the other side's address isn't known yet")            \
	X(NEXT_HOP_UNKNOWN, next_hop_unknown, "no route or no neighbour for the destination")      \
	X(TOO_BIG, too_big, "packet exceeds the MTU of the port it must leave by")                 \
	X(POLICED, policed, "termination received more than its packet rate allows")               \
	X(HANDOFF_FULL, handoff_full, "ring towards the owning worker is full")                    \
	X(EXCEPTION_FULL, exception_full, "ring towards the kernel is full")                       \
	X(EXCEPTION_LIMITED, exception_limited, "too many frames of one class for the kernel")     \
	X(TX_FULL, tx_full, "NIC took no more packets")                                            \
	X(NO_MBUF, no_mbuf, "packet buffer pool is empty")

enum td_drop_reason {
	TD_DROP_NONE, /* not dropped */
#define TD_DROP_ENUM(constant, name, help) TD_DROP_##constant,
	TD_DROP_REASONS(TD_DROP_ENUM)
#undef TD_DROP_ENUM
	TD_DROP_REASON_COUNT
};

/* The counter's name ("no_termination"); "none" for TD_DROP_NONE, "?" out of range. */
static inline const char *td_drop_reason_name(unsigned reason)
{
	static const char *const names[TD_DROP_REASON_COUNT] = {"none",
#define TD_DROP_NAME(constant, name, help) #name,
		TD_DROP_REASONS(TD_DROP_NAME)
#undef TD_DROP_NAME
	};

	return reason < TD_DROP_REASON_COUNT ? names[reason] : "?";
}

/* One sentence for metrics and documentation. */
static inline const char *td_drop_reason_help(unsigned reason)
{
	static const char *const texts[TD_DROP_REASON_COUNT] = {"not dropped",
#define TD_DROP_HELP(constant, name, help) help,
		TD_DROP_REASONS(TD_DROP_HELP)
#undef TD_DROP_HELP
	};

	return reason < TD_DROP_REASON_COUNT ? texts[reason] : "?";
}

#endif
