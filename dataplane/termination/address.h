/* SPDX-License-Identifier: Apache-2.0 */
/*
 * IP addresses as the packet path compares them: two 64-bit words that hold the bytes in wire
 * order. The family is kept beside them.
 */
#ifndef TD_TERMINATION_ADDRESS_H
#define TD_TERMINATION_ADDRESS_H

#include <tandem/endpoint.h>

#include <stdbool.h>
#include <stdint.h>
#include <string.h>

/* 16 bytes in wire order; IPv4 in the first four, the rest zero. */
struct media_ip {
	uint64_t words[2];
};

/* The address at wire bytes of an IPv4 header. */
static inline struct media_ip media_ip_from_ipv4(const uint8_t *wire)
{
	struct media_ip ip = {{0, 0}};

	memcpy(&ip, wire, 4);
	return ip;
}

/* The address at 16 wire bytes of an IPv6 header. */
static inline struct media_ip media_ip_from_ipv6(const uint8_t *wire)
{
	struct media_ip ip;

	memcpy(&ip, wire, sizeof(ip));
	return ip;
}

static inline struct media_ip media_ip_from_td(const struct td_ip *from)
{
	return media_ip_from_ipv6(from->bytes);
}

static inline void media_ip_to_td(struct media_ip ip, uint8_t family, struct td_ip *ret_ip)
{
	memcpy(ret_ip->bytes, &ip, sizeof(ip));
	ret_ip->family = family;
	memset(ret_ip->reserved, 0, sizeof(ret_ip->reserved));
}

/* False for group, broadcast and unspecified addresses: nothing may be reflected to many. */
static inline bool media_ip_is_unicast(struct media_ip ip, uint8_t family)
{
	uint8_t first = *(const uint8_t *)&ip;

	if ((ip.words[0] | ip.words[1]) == 0)
		return false;
	return family == TD_FAMILY_IPV4 ? first != 0 && first < 224 : first != 0xff;
}

static inline bool media_ip_equal(struct media_ip a, struct media_ip b)
{
	return ((a.words[0] ^ b.words[0]) | (a.words[1] ^ b.words[1])) == 0;
}

#endif
