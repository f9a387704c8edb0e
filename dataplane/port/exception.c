/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Limits what workers give to the kernel, see exception.h. Called for each frame that isn't
 * media; reads headers only as far as the frame reaches.
 */
#include "port/exception.h"

#include <tandem/bytes.h>
#include <tandem/time.h>

enum {
	EXCEPTION_BURST_NS = TD_NS_PER_S / 4, /* a quarter of a second's packets at once */

	ETHERNET_BYTES = 14,
	ETHERTYPE_AT = 12,
	VLAN_BYTES = 4,
	ETHERTYPE_IPV4 = 0x0800,
	ETHERTYPE_ARP = 0x0806,
	ETHERTYPE_VLAN = 0x8100,
	ETHERTYPE_IPV6 = 0x86dd,
	IPV4_MIN_BYTES = 20,
	IPV4_PROTOCOL_AT = 9,
	IPV6_BYTES = 40,
	IPV6_NEXT_HEADER_AT = 6,
	PROTOCOL_ICMP = 1,
	PROTOCOL_TCP = 6,
	PROTOCOL_UDP = 17,
	PROTOCOL_ICMPV6 = 58,
	/* RFC 4861 4: router solicitation to redirect */
	ND_TYPE_FIRST = 133,
	ND_TYPE_LAST = 137,
};

static enum exception_class exception_classify_ip(uint8_t protocol, bool is_multicast)
{
	if (protocol == PROTOCOL_ICMP || protocol == PROTOCOL_ICMPV6)
		return EXCEPTION_ICMP;
	if (!is_multicast && (protocol == PROTOCOL_TCP || protocol == PROTOCOL_UDP))
		return EXCEPTION_SIGNALLING;
	return EXCEPTION_OTHER;
}

enum exception_class exception_classify(const uint8_t *frame, uint32_t length_bytes)
{
	uint32_t at = ETHERNET_BYTES;
	bool is_multicast;
	uint16_t type;

	if (length_bytes < ETHERNET_BYTES)
		return EXCEPTION_OTHER;
	is_multicast = (frame[0] & 1) != 0;
	type = td_load_be16(frame + ETHERTYPE_AT);
	if (type == ETHERTYPE_VLAN && length_bytes >= ETHERNET_BYTES + VLAN_BYTES) {
		type = td_load_be16(frame + ETHERTYPE_AT + VLAN_BYTES);
		at += VLAN_BYTES;
	}
	if (type == ETHERTYPE_ARP)
		return EXCEPTION_NEIGHBOUR;
	if (type == ETHERTYPE_IPV4 && length_bytes >= at + IPV4_MIN_BYTES)
		return exception_classify_ip(frame[at + IPV4_PROTOCOL_AT], is_multicast);
	if (type == ETHERTYPE_IPV6 && length_bytes >= at + IPV6_BYTES) {
		uint8_t protocol = frame[at + IPV6_NEXT_HEADER_AT];

		if (protocol == PROTOCOL_ICMPV6 && length_bytes > at + IPV6_BYTES &&
			frame[at + IPV6_BYTES] >= ND_TYPE_FIRST &&
			frame[at + IPV6_BYTES] <= ND_TYPE_LAST)
			return EXCEPTION_NEIGHBOUR;
		return exception_classify_ip(protocol, is_multicast);
	}
	return EXCEPTION_OTHER;
}

bool exception_allow(struct exception_limits *limits, enum exception_class class, uint64_t now_ns)
{
	static const uint32_t costs_ns[EXCEPTION_CLASS_COUNT] = {
#define EXCEPTION_COST(constant, rate_pps) [EXCEPTION_##constant] = TD_NS_PER_S / (rate_pps),
		EXCEPTION_CLASSES(EXCEPTION_COST)
#undef EXCEPTION_COST
	};
	uint64_t full_ns = limits->full_ns[class];

	if (full_ns < now_ns)
		full_ns = now_ns;
	if (full_ns - now_ns > EXCEPTION_BURST_NS)
		return false;
	limits->full_ns[class] = full_ns + costs_ns[class];
	return true;
}
