/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The Internet checksum (RFC 1071), in 64-bit steps. Sums are in memory order: a sum is stored
 * back with memcpy, without swapping, on any machine.
 */
#ifndef TD_STAGE_CHECKSUM_H
#define TD_STAGE_CHECKSUM_H

#include <stdint.h>
#include <string.h>

/* Adds count bytes to a running sum. */
static inline uint64_t checksum_add(uint64_t sum, const uint8_t *bytes, uint32_t count)
{
	uint64_t word;

	for (; count >= sizeof(word); count -= (uint32_t)sizeof(word), bytes += sizeof(word)) {
		memcpy(&word, bytes, sizeof(word));
		sum += (word & UINT32_MAX) + (word >> 32);
	}
	if (count != 0) {
		word = 0;
		memcpy(&word, bytes, count);
		sum += (word & UINT32_MAX) + (word >> 32);
	}
	return sum;
}

/* Folds a running sum into 16 bits, not complemented. */
static inline uint16_t checksum_fold(uint64_t sum)
{
	sum = (sum & UINT32_MAX) + (sum >> 32);
	sum = (sum & UINT32_MAX) + (sum >> 32);
	sum = (sum & UINT16_MAX) + (sum >> 16);
	sum = (sum & UINT16_MAX) + (sum >> 16);
	return (uint16_t)sum;
}

/* Sum of the pseudo-header of UDP: addresses (of address_bytes each, one behind the other), the
 * protocol and the UDP length. */
static inline uint64_t checksum_pseudo(
	const uint8_t *addresses, uint32_t address_bytes, uint16_t udp_bytes)
{
	enum {
		PROTOCOL_UDP = 17
	};
	const uint8_t rest[4] = {0, PROTOCOL_UDP, (uint8_t)(udp_bytes >> 8), (uint8_t)udp_bytes};

	return checksum_add(checksum_add(0, addresses, 2 * address_bytes), rest, sizeof(rest));
}

#endif
