/* SPDX-License-Identifier: Apache-2.0 */
#include "transport/stun.h"

#include <tandem/bytes.h>

enum {
	HEADER_BYTES = 20,
	COOKIE_AT = 4,
	COOKIE_BYTES = 4,
	ID_BYTES = 12, /* transaction id, behind the cookie */
	BINDING_REQUEST = 0x0001,
	BINDING_RESPONSE = 0x0101,
	XOR_MAPPED_ADDRESS = 0x0020,
	FAMILY_IPV4 = 1,
	FAMILY_IPV6 = 2,
	ATTRIBUTE_HEAD_BYTES = 4,
	ADDRESS_HEAD_BYTES = 4, /* zero, family, port */
	FIRST_OPTIONAL = 0x8000,
	PADDING = 4,
};

#define MAGIC_COOKIE 0x2112a442u

bool stun_is_message(const uint8_t *bytes, size_t size)
{
	return size >= HEADER_BYTES && (bytes[0] & 0xc0) == 0 &&
	       td_load_be32(bytes + COOKIE_AT) == MAGIC_COOKIE;
}

/* RFC 5389 7.3.1: an attribute that must be understood, and isn't, forbids the plain answer. We
 * understand none, and whoever only keeps a flow alive sends none. */
static bool is_plain(const uint8_t *attributes, size_t size)
{
	while (size >= ATTRIBUTE_HEAD_BYTES) {
		size_t length = td_load_be16(attributes + 2);
		size_t padded = (length + PADDING - 1) / PADDING * PADDING;

		if (td_load_be16(attributes) < FIRST_OPTIONAL ||
			padded > size - ATTRIBUTE_HEAD_BYTES)
			return false;
		attributes += ATTRIBUTE_HEAD_BYTES + padded;
		size -= ATTRIBUTE_HEAD_BYTES + padded;
	}
	return size == 0;
}

size_t stun_answer(const uint8_t *bytes, size_t size, const struct td_endpoint *source,
	uint8_t response[STUN_RESPONSE_MAX_BYTES])
{
	size_t ip_bytes = td_ip_size_bytes(&source->ip);
	uint8_t *at = response + HEADER_BYTES;

	if (!stun_is_message(bytes, size) || ip_bytes == 0 ||
		td_load_be16(bytes) != BINDING_REQUEST ||
		td_load_be16(bytes + 2) != size - HEADER_BYTES ||
		!is_plain(bytes + HEADER_BYTES, size - HEADER_BYTES))
		return 0;
	td_store_be16(response, BINDING_RESPONSE);
	td_store_be16(
		response + 2, (uint16_t)(ATTRIBUTE_HEAD_BYTES + ADDRESS_HEAD_BYTES + ip_bytes));
	memcpy(response + COOKIE_AT, bytes + COOKIE_AT, COOKIE_BYTES + ID_BYTES);
	td_store_be16(at, XOR_MAPPED_ADDRESS);
	td_store_be16(at + 2, (uint16_t)(ADDRESS_HEAD_BYTES + ip_bytes));
	at += ATTRIBUTE_HEAD_BYTES;
	at[0] = 0;
	at[1] = source->ip.family == TD_FAMILY_IPV6 ? FAMILY_IPV6 : FAMILY_IPV4;
	td_store_be16(at + 2, (uint16_t)(source->port ^ (MAGIC_COOKIE >> 16)));
	at += ADDRESS_HEAD_BYTES;
	/* The address is covered by cookie and transaction id, so that no NAT on the way finds it. */
	for (size_t i = 0; i < ip_bytes; i++)
		at[i] = (uint8_t)(source->ip.bytes[i] ^ bytes[COOKIE_AT + i]);
	return (size_t)(at + ip_bytes - response);
}
