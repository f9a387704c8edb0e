/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Steering by destination port, see steering.h.
 *
 * Bit j of the input (0 is the first on the wire) adds the 32 key bits from j on to the hash, so
 * a single key bit n makes hash bit k (0 is the lowest) equal input bit n - 31 + k. With the
 * 16-bit destination port at input bit p, input bit p + 15 - b is port bit b. n = p + 39 thus
 * makes hash bit k equal port bit 7 - k: the seven low hash bits are port bits 7 to 1.
 */
#include "port/steering.h"

#include <tandem/contract.h>

#include <string.h>

enum {
	STEERING_BIT_ALONE = 39,	   /* input is the port only */
	STEERING_BIT_IPV4 = 39 + 80,	   /* addresses 2 * 4 bytes, source port 2 bytes */
	STEERING_BIT_IPV6 = 39 + 256 + 16, /* addresses 2 * 16 bytes, source port 2 bytes */
	STEERING_PORT_BITS = 7,
};

void steering_write_key(uint8_t *key, uint32_t key_bytes)
{
	static const uint16_t bits[] = {STEERING_BIT_ALONE, STEERING_BIT_IPV4, STEERING_BIT_IPV6};

	memset(key, 0, key_bytes);
	for (size_t i = 0; i < TD_COUNT_OF(bits); i++) {
		if (bits[i] / 8u < key_bytes)
			key[bits[i] / 8] = (uint8_t)(key[bits[i] / 8] | 0x80u >> bits[i] % 8);
	}
}

uint16_t steering_queue(uint32_t table_index, uint32_t queue_count)
{
	uint16_t port = 0;

	for (unsigned bit = 0; bit < STEERING_PORT_BITS; bit++) {
		if ((table_index >> bit & 1) != 0)
			port = (uint16_t)(port | 1u << (STEERING_PORT_BITS - bit));
	}
	return (uint16_t)td_port_owner(port, queue_count);
}
