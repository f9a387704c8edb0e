/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Stage parse: finds the UDP payload of frames to a media address and port. Everything else is
 * the kernel's, which gets the frame as it came; what is ours but broken is dropped with its
 * reason. Reads length_bytes and not one byte more.
 */
#include "stage/checksum.h"
#include "stage/context.h"
#include "stage/map.h"
#include "stage/wire.h"

#include <tandem/bytes.h>

#include <string.h>

/* An IP packet to a media address. */
struct ip_view {
	uint32_t payload_offset; /* behind the IP header */
	uint32_t end_offset;	 /* by the IP length */
	bool is_first_fragment;
	bool has_extensions; /* headers between IPv6's and UDP's */
};

enum {
	EXTENSIONS_MAX = 8, /* RFC 8200 4.1 names seven */
};

/* Ports are promiscuous, and switches flood what they don't know. */
static bool is_for_port(const struct packet *packet, const struct stage_port *port)
{
	return (packet->bytes[0] & 1) != 0 || memcmp(packet->bytes, port->mac, WIRE_MAC_BYTES) == 0;
}

/* Ethernet and VLAN; the type behind them, or 0 if the packet was decided on. */
static uint16_t parse_ethernet(struct packet *packet, const struct stage_port *port)
{
	uint16_t type;
	uint16_t vlan_id = 0;

	if (packet->length_bytes < WIRE_ETHERNET_BYTES) {
		packet_drop(packet, TD_DROP_FRAME_SHORT);
		return 0;
	}
	packet->l3_offset = WIRE_ETHERNET_BYTES;
	type = td_load_be16(packet->bytes + 2 * WIRE_MAC_BYTES);
	if (type == WIRE_TYPE_VLAN) {
		if (packet->length_bytes < WIRE_ETHERNET_BYTES + WIRE_VLAN_BYTES) {
			packet_drop(packet, TD_DROP_FRAME_SHORT);
			return 0;
		}
		vlan_id = td_load_be16(packet->bytes + WIRE_ETHERNET_BYTES) & WIRE_VLAN_ID_MASK;
		type = td_load_be16(packet->bytes + WIRE_ETHERNET_BYTES + 2);
		packet->l3_offset = WIRE_ETHERNET_BYTES + WIRE_VLAN_BYTES;
	}
	if (vlan_id != port->vlan_id) {
		packet_drop(packet, TD_DROP_VLAN_FOREIGN);
		return 0;
	}
	if (!is_for_port(packet, port)) {
		packet_drop(packet, TD_DROP_MAC_FOREIGN);
		return 0;
	}
	return type;
}

/* True if the packet goes on: it is addressed to a media address. */
static bool find_media_address(
	struct packet *packet, const struct stage_context *context, struct media_ip ip)
{
	packet->media_address = media_plan_find(context->plan, packet->family, ip);
	if (packet->media_address != MEDIA_ADDRESS_NONE)
		return true;
	packet->verdict = VERDICT_EXCEPTION;
	return false;
}

static bool check_ipv4_header(struct packet *packet, const uint8_t *ip, uint32_t header_bytes)
{
	if (packet->rx_ip_checksum == CHECKSUM_GOOD)
		return true;
	if (packet->rx_ip_checksum == CHECKSUM_BAD ||
		checksum_fold(checksum_add(0, ip, header_bytes)) != UINT16_MAX) {
		packet_drop(packet, TD_DROP_IP_CHECKSUM);
		return false;
	}
	return true;
}

static bool parse_ipv4(
	struct packet *packet, const struct stage_context *context, struct ip_view *view)
{
	const uint8_t *ip = packet->bytes + packet->l3_offset;
	uint32_t available = (uint32_t)packet->length_bytes - packet->l3_offset;
	uint32_t header_bytes;
	uint32_t total_bytes;
	uint16_t fragment;

	if (available < WIRE_IPV4_BYTES) {
		packet_drop(packet, TD_DROP_FRAME_SHORT);
		return false;
	}
	packet->family = TD_FAMILY_IPV4;
	if (!find_media_address(packet, context, media_ip_from_ipv4(ip + 16)))
		return false;
	header_bytes = (ip[0] & 15u) * 4;
	total_bytes = td_load_be16(ip + 2);
	if (ip[0] >> 4 != 4 || header_bytes < WIRE_IPV4_BYTES || total_bytes < header_bytes ||
		total_bytes > available) {
		packet_drop(packet, TD_DROP_IP_MALFORMED);
		return false;
	}
	fragment = td_load_be16(ip + 6);
	/* Without ports in it a fragment can't be told from one of the kernel's. */
	if (ip[9] != WIRE_PROTOCOL_UDP || (fragment & WIRE_IPV4_FRAGMENT_OFFSET) != 0) {
		packet->verdict = VERDICT_EXCEPTION;
		return false;
	}
	packet->source_ip = media_ip_from_ipv4(ip + 12);
	view->payload_offset = packet->l3_offset + header_bytes;
	view->end_offset = packet->l3_offset + total_bytes;
	view->is_first_fragment = (fragment & WIRE_IPV4_MORE_FRAGMENTS) != 0;
	view->has_extensions = false;
	return check_ipv4_header(packet, ip, header_bytes);
}

static uint32_t extension_bytes(uint8_t protocol, const uint8_t *extension)
{
	switch (protocol) {
	case WIRE_PROTOCOL_HOP_BY_HOP:
	case WIRE_PROTOCOL_ROUTING:
	case WIRE_PROTOCOL_DESTINATION:
		return (extension[1] + 1u) * WIRE_IPV6_EXTENSION_UNIT_BYTES;
	case WIRE_PROTOCOL_AUTHENTICATION:
		return (extension[1] + 2u) * 4; /* RFC 4302 2.2 */
	case WIRE_PROTOCOL_FRAGMENT:
		return WIRE_IPV6_EXTENSION_UNIT_BYTES;
	default:
		return 0;
	}
}

/* Goes over the extension headers. True if UDP is behind them; else the packet was decided on. A
 * media port behind them must be found: nothing sends media so, and the kernel would answer. */
static bool skip_extensions(struct packet *packet, struct ip_view *view, uint8_t protocol)
{
	for (unsigned i = 0; protocol != WIRE_PROTOCOL_UDP; i++) {
		const uint8_t *extension = packet->bytes + view->payload_offset;
		bool has_start =
			view->end_offset - view->payload_offset >= WIRE_IPV6_EXTENSION_UNIT_BYTES;
		uint32_t size_bytes = has_start ? extension_bytes(protocol, extension) : 0;

		if (size_bytes == 0 || (protocol == WIRE_PROTOCOL_FRAGMENT &&
					       td_load_be16(extension + 2) >> 3 != 0)) {
			packet->verdict = VERDICT_EXCEPTION;
			return false;
		}
		if (i == EXTENSIONS_MAX || size_bytes > view->end_offset - view->payload_offset) {
			packet_drop(packet, TD_DROP_IP_EXTENSION);
			return false;
		}
		/* More to come, or not: nothing else than a first fragment has this header. */
		view->is_first_fragment |= protocol == WIRE_PROTOCOL_FRAGMENT;
		view->has_extensions = true;
		view->payload_offset += size_bytes;
		protocol = extension[0];
	}
	return true;
}

/* UDP is directly behind the IPv6 header in all that is relayed. */
static bool parse_ipv6(
	struct packet *packet, const struct stage_context *context, struct ip_view *view)
{
	const uint8_t *ip = packet->bytes + packet->l3_offset;
	uint32_t available = (uint32_t)packet->length_bytes - packet->l3_offset;
	uint32_t payload_bytes;

	if (available < WIRE_IPV6_BYTES) {
		packet_drop(packet, TD_DROP_FRAME_SHORT);
		return false;
	}
	packet->family = TD_FAMILY_IPV6;
	if (!find_media_address(packet, context, media_ip_from_ipv6(ip + 24)))
		return false;
	payload_bytes = td_load_be16(ip + 4);
	if (ip[0] >> 4 != 6 || payload_bytes > available - WIRE_IPV6_BYTES) {
		packet_drop(packet, TD_DROP_IP_MALFORMED);
		return false;
	}
	view->payload_offset = packet->l3_offset + WIRE_IPV6_BYTES;
	view->end_offset = view->payload_offset + payload_bytes;
	view->is_first_fragment = false;
	view->has_extensions = false;
	packet->source_ip = media_ip_from_ipv6(ip + 8);
	return skip_extensions(packet, view, ip[6]);
}

static bool is_udp_checksum_right(
	const struct packet *packet, const struct stage_context *context, uint16_t udp_bytes)
{
	const uint8_t *ip = packet->bytes + packet->l3_offset;
	const uint8_t *udp = packet->bytes + packet->l4_offset;
	bool is_ipv4 = packet->family == TD_FAMILY_IPV4;
	uint64_t sum;

	if (packet->rx_udp_checksum != CHECKSUM_UNKNOWN)
		return packet->rx_udp_checksum == CHECKSUM_GOOD;
	if (!context->ports[packet->rx_port].is_udp_verified)
		return true;
	if (td_load_be16(udp + 6) == 0)
		return is_ipv4; /* RFC 768: not computed; RFC 8200 8.1: not allowed */
	sum = checksum_pseudo(
		is_ipv4 ? checksum_add(0, ip + 12, 8) : checksum_add(0, ip + 8, 32), udp_bytes);
	return checksum_fold(checksum_add(sum, udp, udp_bytes)) == UINT16_MAX;
}

static void parse_udp(
	struct packet *packet, const struct stage_context *context, const struct ip_view *view)
{
	const uint8_t *udp = packet->bytes + view->payload_offset;
	uint32_t available = view->end_offset - view->payload_offset;
	uint16_t udp_bytes;

	if (available < WIRE_UDP_BYTES) {
		packet_drop(packet, TD_DROP_UDP_MALFORMED);
		return;
	}
	packet->source_port = td_load_be16(udp);
	packet->destination_port = td_load_be16(udp + 2);
	if (packet->destination_port < context->plan->port_first ||
		packet->destination_port > context->plan->port_last) {
		packet->verdict = VERDICT_EXCEPTION;
		return;
	}
	if (view->is_first_fragment) {
		packet_drop(packet, TD_DROP_IP_FRAGMENT);
		return;
	}
	if (view->has_extensions) {
		packet_drop(packet, TD_DROP_IP_EXTENSION);
		return;
	}
	udp_bytes = td_load_be16(udp + 4);
	if (udp_bytes < WIRE_UDP_BYTES || udp_bytes > available) {
		packet_drop(packet, TD_DROP_UDP_MALFORMED);
		return;
	}
	packet->l4_offset = (uint16_t)view->payload_offset;
	packet->payload_offset = (uint16_t)(view->payload_offset + WIRE_UDP_BYTES);
	packet->payload_bytes = (uint16_t)(udp_bytes - WIRE_UDP_BYTES);
	/* classify needs it next, and the rest of the burst hides the wait */
	td_prefetch(&context->indexes[packet->media_address]->entries[packet->destination_port]);
	if (!is_udp_checksum_right(packet, context, udp_bytes))
		packet_drop(packet, TD_DROP_UDP_CHECKSUM);
}

static void parse_packet(struct packet *packet, const struct stage_context *context)
{
	struct ip_view view;
	uint16_t type = parse_ethernet(packet, &context->ports[packet->rx_port]);

	if (packet->verdict != VERDICT_CONTINUE)
		return;
	if (type == WIRE_TYPE_IPV4) {
		if (parse_ipv4(packet, context, &view))
			parse_udp(packet, context, &view);
	} else if (type == WIRE_TYPE_IPV6) {
		if (parse_ipv6(packet, context, &view))
			parse_udp(packet, context, &view);
	} else {
		packet->verdict = VERDICT_EXCEPTION;
	}
}

void stage_parse(struct burst *burst, struct stage_context *context)
{
	for (uint32_t i = 0; i < burst->count; i++) {
		if (burst->packets[i].verdict == VERDICT_CONTINUE)
			parse_packet(&burst->packets[i], context);
	}
}
