/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The Internet checksum (RFC 1071), in 64-bit steps. Sums are in memory order: a sum is stored
 * back with memcpy, without swapping, on any machine.
 */
#ifndef TD_STAGE_CHECKSUM_H
#define TD_STAGE_CHECKSUM_H

#include "termination/address.h"

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

/* A 16-bit field of a header as it adds to a sum. */
static inline uint64_t checksum_field(uint16_t value)
{
	const uint8_t bytes[2] = {(uint8_t)(value >> 8), (uint8_t)value};
	uint16_t word;

	memcpy(&word, bytes, sizeof(word));
	return word;
}

/* What an address adds to a sum, of either family: the zeros behind IPv4 add nothing. */
static inline uint64_t checksum_ip(struct media_ip ip)
{
	return (ip.words[0] & UINT32_MAX) + (ip.words[0] >> 32) + (ip.words[1] & UINT32_MAX) +
	       (ip.words[1] >> 32);
}

/* Sum of the pseudo-header of UDP; addresses is the sum of both addresses. */
static inline uint64_t checksum_pseudo(uint64_t addresses, uint16_t udp_bytes)
{
	enum {
		PROTOCOL_UDP = 17
	};

	return addresses + checksum_field(PROTOCOL_UDP) + checksum_field(udp_bytes);
}

#endif
