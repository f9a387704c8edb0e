/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Stage readdress: builds new Ethernet, IP and UDP headers in front of the payload, in place. The
 * headers' length may differ from what arrived (IPv4 to IPv6, VLAN tag): the frame then begins
 * earlier, in the headroom, or later.
 */
#include "neighbour/fib.h"
#include "stage/checksum.h"
#include "stage/context.h"
#include "stage/map.h"
#include "stage/wire.h"
#include "termination/termination.h"

#include <tandem/bytes.h>

/* Who talks to whom, outwards. */
struct egress {
	struct media_ip addresses[2]; /* source, destination */
	uint64_t address_sum;	      /* of both, for checksums */
	uint16_t source_port;
	uint16_t destination_port;
	uint8_t family;
};

static void find_egress(const struct packet *packet, struct egress *egress)
{
	const struct termination *to = packet->peer;
	const struct termination_match *match = &to->match;
	bool is_rtcp_apart =
		packet->kind == PACKET_RTCP && (match->flags & TD_TERMINATION_RTCP_MUX) == 0;

	egress->family = match->local_family;
	egress->addresses[0] = match->local;
	if (is_rtcp_apart) {
		egress->addresses[1] = to->signalling.remote_rtcp;
		egress->source_port = (uint16_t)(match->local_port + 1);
		egress->destination_port = match->remote_rtcp_port;
	} else {
		egress->addresses[1] = termination_remote(to);
		egress->source_port = match->local_port;
		egress->destination_port =
			atomic_load_explicit(&match->remote_port, memory_order_relaxed);
	}
	egress->address_sum = checksum_ip(egress->addresses[0]) + checksum_ip(egress->addresses[1]);
}

static uint8_t *put_ethernet(uint8_t *at, const struct next_hop *hop, uint8_t family)
{
	memcpy(at, hop->destination_mac, WIRE_MAC_BYTES);
	memcpy(at + WIRE_MAC_BYTES, hop->source_mac, WIRE_MAC_BYTES);
	at += 2 * WIRE_MAC_BYTES;
	if (hop->vlan_id != 0) {
		td_store_be16(at, WIRE_TYPE_VLAN);
		td_store_be16(at + 2, hop->vlan_id);
		at += WIRE_VLAN_BYTES;
	}
	td_store_be16(at, family == TD_FAMILY_IPV4 ? WIRE_TYPE_IPV4 : WIRE_TYPE_IPV6);
	return at + 2;
}

/* The sums below are taken from what is written, not read back from where it was just written:
 * a load wider than the stores before it would have to wait for them. */
static void put_ipv4(uint8_t *at, const struct egress *egress, uint16_t ip_bytes,
	struct packet *packet, bool is_hw)
{
	const uint16_t first = 4 << 12 | WIRE_IPV4_BYTES / 4 << 8 | WIRE_DSCP_EF << 2;
	const uint16_t lifetime = WIRE_TTL << 8 | WIRE_PROTOCOL_UDP;
	uint16_t checksum = 0;

	if (is_hw)
		packet->tx_offload |= TX_OFFLOAD_IPV4_CHECKSUM;
	else
		checksum = (uint16_t)~checksum_fold(
			egress->address_sum + checksum_field(first) + checksum_field(ip_bytes) +
			checksum_field(WIRE_IPV4_DONT_FRAGMENT) + checksum_field(lifetime));
	td_store_be16(at, first);
	td_store_be16(at + 2, ip_bytes);
	/* RFC 6864: an atomic datagram needs no identification. */
	td_store_be32(at + 4, WIRE_IPV4_DONT_FRAGMENT);
	td_store_be16(at + 8, lifetime);
	memcpy(at + 10, &checksum, sizeof(checksum));
	memcpy(at + 12, &egress->addresses[0], 4);
	memcpy(at + 16, &egress->addresses[1], 4);
}

static void put_ipv6(uint8_t *at, const struct egress *egress, uint32_t udp_bytes)
{
	td_store_be32(at, 6u << 28 | WIRE_DSCP_EF << 22);
	td_store_be16(at + 4, (uint16_t)udp_bytes);
	at[6] = WIRE_PROTOCOL_UDP;
	at[7] = WIRE_TTL;
	memcpy(at + 8, egress->addresses, 32);
}

static void put_udp(uint8_t *at, const struct egress *egress, uint16_t udp_bytes,
	struct packet *packet, bool is_hw)
{
	uint64_t sum = checksum_pseudo(egress->address_sum, udp_bytes);
	uint16_t checksum;

	if (is_hw) {
		packet->tx_offload |= TX_OFFLOAD_UDP_CHECKSUM;
		checksum = checksum_fold(sum);
	} else {
		sum += checksum_field(egress->source_port) +
		       checksum_field(egress->destination_port) + checksum_field(udp_bytes);
		checksum = (uint16_t)~checksum_fold(
			checksum_add(sum, at + WIRE_UDP_BYTES, packet->payload_bytes));
		if (checksum == 0)
			checksum = UINT16_MAX; /* RFC 768: 0 says that there is none */
	}
	td_store_be16(at, egress->source_port);
	td_store_be16(at + 2, egress->destination_port);
	td_store_be16(at + 4, udp_bytes);
	memcpy(at + 6, &checksum, sizeof(checksum));
}

static void put_headers(struct packet *packet, const struct egress *egress,
	const struct next_hop *hop, const struct stage_port *port)
{
	uint32_t udp_bytes = WIRE_UDP_BYTES + (uint32_t)packet->payload_bytes;
	uint8_t *at = put_ethernet(packet->bytes, hop, egress->family);

	packet->tx_l2_bytes = (uint8_t)(at - packet->bytes);
	packet->tx_offload = 0;
	if (egress->family == TD_FAMILY_IPV4) {
		packet->tx_offload = TX_OFFLOAD_IPV4;
		packet->tx_l3_bytes = WIRE_IPV4_BYTES;
		put_ipv4(at, egress, (uint16_t)(WIRE_IPV4_BYTES + udp_bytes), packet,
			port->has_tx_ipv4_checksum);
	} else {
		packet->tx_l3_bytes = WIRE_IPV6_BYTES;
		put_ipv6(at, egress, udp_bytes);
	}
	put_udp(at + packet->tx_l3_bytes, egress, (uint16_t)udp_bytes, packet,
		port->has_tx_udp_checksum);
}

/* Lets the frame begin so that header_bytes lie in front of the payload; false if there isn't
 * that much room. */
static bool make_room(struct packet *packet, uint32_t header_bytes)
{
	int32_t shift = (int32_t)packet->payload_offset - (int32_t)header_bytes;

	if (shift < -(int32_t)packet->headroom_bytes)
		return false;
	packet->bytes += shift;
	packet->headroom_bytes = (uint16_t)(packet->headroom_bytes + shift);
	packet->payload_offset = (uint16_t)header_bytes;
	/* What may have been padded behind the datagram isn't sent on. */
	packet->length_bytes = (uint16_t)(header_bytes + packet->payload_bytes);
	return true;
}

static void readdress_packet(struct packet *packet, const struct stage_context *context)
{
	const struct next_hop *hop = NULL;
	struct egress egress;
	struct td_ip destination;
	uint32_t l2_bytes;
	uint32_t ip_bytes;

	find_egress(packet, &egress);
	media_ip_to_td(egress.addresses[1], egress.family, &destination);
	if (context->fib != NULL)
		hop = fib_lookup(context->fib, &destination, context->demand);
	if (hop == NULL || hop->port >= context->port_count) {
		packet_drop(packet, TD_DROP_NEXT_HOP_UNKNOWN);
		return;
	}
	l2_bytes = WIRE_ETHERNET_BYTES + (hop->vlan_id != 0 ? WIRE_VLAN_BYTES : 0);
	ip_bytes = egress.family == TD_FAMILY_IPV4 ? WIRE_IPV4_BYTES : WIRE_IPV6_BYTES;
	if (ip_bytes + WIRE_UDP_BYTES + packet->payload_bytes > hop->mtu_bytes ||
		!make_room(packet, l2_bytes + ip_bytes + WIRE_UDP_BYTES)) {
		packet_drop(packet, TD_DROP_TOO_BIG);
		return;
	}
	put_headers(packet, &egress, hop, &context->ports[hop->port]);
	packet->tx_port = (uint8_t)hop->port;
	packet->verdict = VERDICT_TRANSMIT;
}

void stage_readdress(struct burst *burst, struct stage_context *context)
{
	for (uint32_t i = 0; i < burst->count; i++) {
		if (burst->packets[i].verdict == VERDICT_CONTINUE)
			readdress_packet(&burst->packets[i], context);
	}
}
