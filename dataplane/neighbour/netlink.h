/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Reads and writes the few rtnetlink messages that the mirror needs (rtnetlink(7)). Every length
 * in a received message is checked against what was received. Pure: bytes in, events out; the
 * socket belongs to mirror.c.
 */
#ifndef TD_NEIGHBOUR_NETLINK_H
#define TD_NEIGHBOUR_NETLINK_H

#include <tandem/compiler.h>
#include <tandem/endpoint.h>

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum {
	NETLINK_REQUEST_BYTES = 128, /* no request that is built here is longer */
	NETLINK_MAC_BYTES = 6,
	NETLINK_NAME_BYTES = 16 /* IFNAMSIZ */
};

enum netlink_kind {
	NETLINK_KIND_OTHER, /* nothing for us */
	NETLINK_KIND_ROUTE, /* unicast route of the main table */
	NETLINK_KIND_NEIGHBOUR,
	NETLINK_KIND_LINK,
	NETLINK_KIND_ADDRESS,
	NETLINK_KIND_DONE,  /* a dump ended */
	NETLINK_KIND_ERROR, /* answer to a request; error 0 is an acknowledgement */
	NETLINK_KIND_COUNT
};

struct netlink_event {
	enum netlink_kind kind;
	bool is_removed;
	bool is_interrupted; /* the dump isn't consistent: repeat it */
	bool has_mac;
	bool is_up; /* LINK: administratively up and with carrier */
	uint8_t prefix_bits;
	uint8_t mac[NETLINK_MAC_BYTES];
	uint16_t state; /* NEIGHBOUR: NUD_… */
	int interface_index;
	int error; /* ERROR: 0 or negative errno */
	uint32_t sequence;
	uint32_t metric;
	uint32_t mtu_bytes;
	struct td_ip
		ip; /* destination, neighbour or address; for a default route its family only */
	struct td_ip gateway;
	char name[NETLINK_NAME_BYTES]; /* LINK */
};

/* Reads the message at *offset of a received datagram and moves *offset behind it. Returns 1 and
 * *ret_event; 0 at the end; -EBADMSG if a length is wrong, after which the rest is useless. */
td_must_check int netlink_next(const uint8_t *datagram, size_t size_bytes, size_t *offset,
	struct netlink_event *ret_event);

/* Writes a request for all objects of the kind ROUTE, NEIGHBOUR, LINK or ADDRESS; returns its
 * length in bytes. */
size_t netlink_write_dump(
	uint8_t request[NETLINK_REQUEST_BYTES], enum netlink_kind kind, uint32_t sequence);

/* Writes a request that makes the kernel use, and so resolve or probe, a neighbour, as if a
 * packet of its own were about to be sent to it (NTF_USE). Returns its length in bytes. */
size_t netlink_write_use(uint8_t request[NETLINK_REQUEST_BYTES], int interface_index,
	const struct td_ip *neighbour, uint32_t sequence);

#endif
