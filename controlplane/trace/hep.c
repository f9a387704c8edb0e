/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Chunk types are those of the HEP3 network protocol specification, revision 36 (sipcapture.org).
 */
#include "trace/hep.h"

#include <tandem/time.h>

#include <errno.h>
#include <inttypes.h>
#include <netinet/in.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>

enum {
	HEAD_BYTES = 6, /* of the packet: "HEP3" and length; of a chunk: vendor, type, length */
	CHUNK_FAMILY = 0x01,
	CHUNK_PROTOCOL = 0x02,
	CHUNK_SOURCE_IPV4 = 0x03,
	CHUNK_DESTINATION_IPV4 = 0x04,
	CHUNK_SOURCE_IPV6 = 0x05,
	CHUNK_DESTINATION_IPV6 = 0x06,
	CHUNK_SOURCE_PORT = 0x07,
	CHUNK_DESTINATION_PORT = 0x08,
	CHUNK_SECONDS = 0x09,
	CHUNK_MICROSECONDS = 0x0a,
	CHUNK_PAYLOAD_TYPE = 0x0b,
	CHUNK_CAPTURE_ID = 0x0c,
	CHUNK_PASSWORD = 0x0e,
	CHUNK_PAYLOAD = 0x0f,
	CHUNK_CORRELATION_ID = 0x11,
	FAMILY_IPV4 = 2, /* AF_INET and AF_INET6 as Linux counts them */
	FAMILY_IPV6 = 10,
	PAYLOAD_SIP = 1,
};

struct packet {
	uint8_t *bytes;
	size_t size_bytes;
	size_t used_bytes;
	bool is_full;
};

static void store_be16(uint8_t *at, uint32_t value)
{
	at[0] = (uint8_t)(value >> 8);
	at[1] = (uint8_t)value;
}

static void put_chunk(struct packet *packet, unsigned type, const void *value, size_t length)
{
	uint8_t *at = packet->bytes + packet->used_bytes;

	if (packet->is_full || packet->size_bytes - packet->used_bytes < HEAD_BYTES + length) {
		packet->is_full = true;
		return;
	}
	store_be16(at, 0); /* the generic vendor */
	store_be16(at + 2, type);
	store_be16(at + 4, (uint32_t)(HEAD_BYTES + length));
	memcpy(at + HEAD_BYTES, value, length);
	packet->used_bytes += HEAD_BYTES + length;
}

static void put_u8(struct packet *packet, unsigned type, uint8_t value)
{
	put_chunk(packet, type, &value, sizeof(value));
}

static void put_u16(struct packet *packet, unsigned type, uint16_t value)
{
	uint8_t bytes[2];

	store_be16(bytes, value);
	put_chunk(packet, type, bytes, sizeof(bytes));
}

static void put_u32(struct packet *packet, unsigned type, uint32_t value)
{
	uint8_t bytes[4];

	store_be16(bytes, value >> 16);
	store_be16(bytes + 2, value);
	put_chunk(packet, type, bytes, sizeof(bytes));
}

static void put_addresses(struct packet *packet, const struct td_endpoint *source,
	const struct td_endpoint *destination)
{
	bool is_ipv6 = source->ip.family == TD_FAMILY_IPV6;
	size_t length = td_ip_size_bytes(&source->ip);

	put_chunk(
		packet, is_ipv6 ? CHUNK_SOURCE_IPV6 : CHUNK_SOURCE_IPV4, source->ip.bytes, length);
	put_chunk(packet, is_ipv6 ? CHUNK_DESTINATION_IPV6 : CHUNK_DESTINATION_IPV4,
		destination->ip.bytes, length);
	put_u16(packet, CHUNK_SOURCE_PORT, source->port);
	put_u16(packet, CHUNK_DESTINATION_PORT, destination->port);
}

static void put_correlation(struct packet *packet, uint64_t call_id)
{
	char text[HEP_CORRELATION_BYTES];

	if (call_id == 0)
		return;
	(void)snprintf(text, sizeof(text), "%016" PRIx64, call_id);
	put_chunk(packet, CHUNK_CORRELATION_ID, text, sizeof(text) - 1);
}

int hep_encode(uint8_t *buffer, size_t size_bytes, const struct hep_options *options,
	const struct trace_entry *entry)
{
	const struct sip_flow *flow = entry->flow;
	bool is_in = entry->direction == TRACE_IN;
	struct packet packet = {
		.bytes = buffer,
		.size_bytes = size_bytes < HEP_PACKET_MAX_BYTES ? size_bytes : HEP_PACKET_MAX_BYTES,
		.used_bytes = HEAD_BYTES,
	};

	if (entry->direction == TRACE_EVENT || flow->local.ip.family == TD_FAMILY_NONE ||
		flow->local.ip.family != flow->remote.ip.family)
		return -EINVAL;
	if (packet.size_bytes < HEAD_BYTES)
		return -EMSGSIZE;
	put_u8(&packet, CHUNK_FAMILY,
		flow->local.ip.family == TD_FAMILY_IPV6 ? FAMILY_IPV6 : FAMILY_IPV4);
	put_u8(&packet, CHUNK_PROTOCOL,
		flow->transport == SIP_TRANSPORT_UDP ? IPPROTO_UDP : IPPROTO_TCP);
	put_addresses(&packet, is_in ? &flow->remote : &flow->local,
		is_in ? &flow->local : &flow->remote);
	put_u32(&packet, CHUNK_SECONDS, (uint32_t)(entry->wall_ns / TD_NS_PER_S));
	put_u32(&packet, CHUNK_MICROSECONDS,
		(uint32_t)(entry->wall_ns % TD_NS_PER_S / TD_NS_PER_US));
	put_u8(&packet, CHUNK_PAYLOAD_TYPE, PAYLOAD_SIP);
	put_u32(&packet, CHUNK_CAPTURE_ID, options->capture_id);
	if (options->password[0] != '\0')
		put_chunk(&packet, CHUNK_PASSWORD, options->password, strlen(options->password));
	put_correlation(&packet, entry->call_id);
	put_chunk(&packet, CHUNK_PAYLOAD, entry->bytes.text, entry->bytes.length);
	if (packet.is_full)
		return -EMSGSIZE;
	memcpy(buffer, "HEP3", 4);
	store_be16(buffer + 4, (uint32_t)packet.used_bytes);
	return (int)packet.used_bytes;
}
