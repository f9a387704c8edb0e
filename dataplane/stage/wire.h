/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Where fields lie in Ethernet, IP and UDP headers; shared by parse, which reads them, and
 * readdress, which writes them.
 */
#ifndef TD_STAGE_WIRE_H
#define TD_STAGE_WIRE_H

enum {
	WIRE_MAC_BYTES = 6,
	WIRE_ETHERNET_BYTES = 14,
	WIRE_VLAN_BYTES = 4,
	WIRE_VLAN_ID_MASK = 0x0fff,
	WIRE_TYPE_IPV4 = 0x0800,
	WIRE_TYPE_VLAN = 0x8100,
	WIRE_TYPE_IPV6 = 0x86dd,

	WIRE_IPV4_BYTES = 20,
	WIRE_IPV4_MORE_FRAGMENTS = 0x2000,
	WIRE_IPV4_DONT_FRAGMENT = 0x4000,
	WIRE_IPV4_FRAGMENT_OFFSET = 0x1fff,
	WIRE_IPV6_BYTES = 40,
	WIRE_IPV6_FRAGMENT_BYTES = 8,
	WIRE_PROTOCOL_UDP = 17,
	WIRE_PROTOCOL_FRAGMENT = 44,
	WIRE_UDP_BYTES = 8,

	WIRE_TTL = 64,
	WIRE_DSCP_EF = 46, /* RFC 3246: voice */
};

#endif
