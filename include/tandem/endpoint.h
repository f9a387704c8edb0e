/* SPDX-License-Identifier: Apache-2.0 */
/*
 * IP addresses and UDP/TCP end points as both planes write them: fixed layout, no pointers, so
 * that they may stand in a command, in the state arena and in a journal record.
 */
#ifndef TD_TANDEM_ENDPOINT_H
#define TD_TANDEM_ENDPOINT_H

#include <tandem/compiler.h>

#include <arpa/inet.h>
#include <assert.h>
#include <netinet/in.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>

enum td_family {
	TD_FAMILY_NONE = 0,
	TD_FAMILY_IPV4 = 4,
	TD_FAMILY_IPV6 = 6
};

/* An IP address. IPv4 uses bytes[0..3], the rest is zero; family NONE means "no address". */
struct td_ip {
	uint8_t bytes[16]; /* network order */
	uint8_t family;	   /* enum td_family */
	uint8_t reserved[3];
};
TD_WIRE_SIZE(struct td_ip, 20);

/* An address and a port; port in host order. */
struct td_endpoint {
	struct td_ip ip;
	uint16_t port;
	uint16_t reserved;
};
TD_WIRE_SIZE(struct td_endpoint, 24);

enum {
	TD_IP_TEXT_BYTES = 46,
	TD_ENDPOINT_TEXT_BYTES = 54
};

/* Bytes of the address in use: 4, 16, or 0 for none. */
static inline size_t td_ip_size_bytes(const struct td_ip *ip)
{
	return ip->family == TD_FAMILY_IPV4 ? 4 : ip->family == TD_FAMILY_IPV6 ? 16 : 0;
}

static inline bool td_ip_equal(const struct td_ip *a, const struct td_ip *b)
{
	return a->family == b->family && memcmp(a->bytes, b->bytes, sizeof(a->bytes)) == 0;
}

static inline bool td_endpoint_equal(const struct td_endpoint *a, const struct td_endpoint *b)
{
	return a->port == b->port && td_ip_equal(&a->ip, &b->ip);
}

/* True if address lies in network/prefix_bits; families must agree. */
static inline bool td_ip_in_prefix(
	const struct td_ip *address, const struct td_ip *network, unsigned prefix_bits)
{
	size_t whole = prefix_bits / 8;
	unsigned rest = prefix_bits % 8;
	uint8_t mask = (uint8_t)(0xff00u >> rest);

	if (address->family != network->family || whole > td_ip_size_bytes(address))
		return false;
	if (memcmp(address->bytes, network->bytes, whole) != 0)
		return false;
	return rest == 0 || ((address->bytes[whole] ^ network->bytes[whole]) & mask) == 0;
}

/* Parses an IPv4 or IPv6 literal (no brackets) of length bytes. Returns false, and leaves
 * *ret_ip alone, if it isn't one. Never asks a name server. */
static inline bool td_ip_parse(const char *text, size_t length, struct td_ip *ret_ip)
{
	char copy[TD_IP_TEXT_BYTES];
	struct td_ip ip;

	if (length == 0 || length >= sizeof(copy))
		return false;
	memcpy(copy, text, length);
	copy[length] = '\0';
	if (strlen(copy) != length)
		return false;
	memset(&ip, 0, sizeof(ip));
	if (inet_pton(AF_INET, copy, ip.bytes) == 1)
		ip.family = TD_FAMILY_IPV4;
	else if (inet_pton(AF_INET6, copy, ip.bytes) == 1)
		ip.family = TD_FAMILY_IPV6;
	else
		return false;
	*ret_ip = ip;
	return true;
}

/* Writes a number below 65536 in decimal; returns what follows. */
static inline char *td_port_digits(char *at, unsigned number)
{
	unsigned scale = 1;

	while (number / scale >= 10)
		scale *= 10;
	for (; scale != 0; scale /= 10)
		*at++ = (char)('0' + number / scale % 10);
	return at;
}

/* Writes the address as text ("-" for none) and returns buffer. Every SIP message and CDR has
 * some: IPv4 doesn't take the way through the C library's printf. */
static inline char *td_ip_format(const struct td_ip *ip, char buffer[TD_IP_TEXT_BYTES])
{
	char *at = buffer;

	if (ip->family == TD_FAMILY_IPV4) {
		for (unsigned i = 0; i < 4; i++) {
			at = td_port_digits(at, ip->bytes[i]);
			*at++ = i < 3 ? '.' : '\0';
		}
	} else if (ip->family == TD_FAMILY_NONE ||
		   inet_ntop(AF_INET6, ip->bytes, buffer, TD_IP_TEXT_BYTES) == NULL) {
		memcpy(buffer, "-", 2);
	}
	return buffer;
}

/* Writes "192.0.2.1:5060" or "[2001:db8::1]:5060" and returns buffer. */
static inline char *td_endpoint_format(
	const struct td_endpoint *endpoint, char buffer[TD_ENDPOINT_TEXT_BYTES])
{
	bool is_ipv6 = endpoint->ip.family == TD_FAMILY_IPV6;
	char *at = buffer;

	if (is_ipv6)
		*at++ = '[';
	(void)td_ip_format(&endpoint->ip, at);
	at += strlen(at);
	if (is_ipv6)
		*at++ = ']';
	*at++ = ':';
	*td_port_digits(at, endpoint->port) = '\0';
	return buffer;
}

/* Converts from a socket address; family NONE if it is neither IPv4 nor IPv6. A v4-mapped IPv6
 * address becomes IPv4. */
static inline struct td_endpoint td_endpoint_from_sockaddr(const struct sockaddr_storage *from)
{
	static const uint8_t mapped[12] = {[10] = 0xff, [11] = 0xff};
	struct td_endpoint endpoint;

	memset(&endpoint, 0, sizeof(endpoint));
	if (from->ss_family == AF_INET) {
		const struct sockaddr_in *v4 = (const struct sockaddr_in *)(const void *)from;

		endpoint.ip.family = TD_FAMILY_IPV4;
		memcpy(endpoint.ip.bytes, &v4->sin_addr, 4);
		endpoint.port = ntohs(v4->sin_port);
	} else if (from->ss_family == AF_INET6) {
		const struct sockaddr_in6 *v6 = (const struct sockaddr_in6 *)(const void *)from;

		endpoint.port = ntohs(v6->sin6_port);
		if (memcmp(&v6->sin6_addr, mapped, sizeof(mapped)) == 0) {
			endpoint.ip.family = TD_FAMILY_IPV4;
			memcpy(endpoint.ip.bytes, v6->sin6_addr.s6_addr + 12, 4);
		} else {
			endpoint.ip.family = TD_FAMILY_IPV6;
			memcpy(endpoint.ip.bytes, &v6->sin6_addr, 16);
		}
	}
	return endpoint;
}

/* Converts to a socket address; returns its length in bytes, 0 for family NONE. */
static inline socklen_t td_endpoint_to_sockaddr(
	const struct td_endpoint *endpoint, struct sockaddr_storage *ret_to)
{
	memset(ret_to, 0, sizeof(*ret_to));
	if (endpoint->ip.family == TD_FAMILY_IPV4) {
		struct sockaddr_in *v4 = (struct sockaddr_in *)(void *)ret_to;

		v4->sin_family = AF_INET;
		v4->sin_port = htons(endpoint->port);
		memcpy(&v4->sin_addr, endpoint->ip.bytes, 4);
		return sizeof(*v4);
	}
	if (endpoint->ip.family == TD_FAMILY_IPV6) {
		struct sockaddr_in6 *v6 = (struct sockaddr_in6 *)(void *)ret_to;

		v6->sin6_family = AF_INET6;
		v6->sin6_port = htons(endpoint->port);
		memcpy(&v6->sin6_addr, endpoint->ip.bytes, 16);
		return sizeof(*v6);
	}
	return 0;
}

#endif
