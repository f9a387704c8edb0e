/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Decides by which port and to which Ethernet address a packet leaves: the longest matching route
 * gives the next hop's address, the neighbour table its MAC. A fib is built once by the control
 * thread from what the kernel knows, published whole, and never changed afterwards, so that
 * workers read it without a lock. Pure: no EAL, no sockets, no clock.
 */
#ifndef TD_NEIGHBOUR_FIB_H
#define TD_NEIGHBOUR_FIB_H

#include <tandem/compiler.h>
#include <tandem/endpoint.h>

#include <stdbool.h>
#include <stdint.h>

enum {
	FIB_MAC_BYTES = 6,
	FIB_ROUTES_MAX = 1024,
	FIB_NEIGHBOURS_MAX = 16384,
	FIB_PORTS_MAX = 8,
	FIB_DEMAND_MAX = 16
};

/* All that the link layer of an outgoing frame needs. */
struct next_hop {
	uint8_t destination_mac[FIB_MAC_BYTES];
	uint8_t source_mac[FIB_MAC_BYTES];
	uint16_t port;	    /* index of the port in configuration order, not the DPDK port id */
	uint16_t vlan_id;   /* 0: untagged */
	uint16_t mtu_bytes; /* longest IP packet */
	uint8_t reserved[2];
};

/* A route: destinations in network/prefix_bits leave by port, through gateway if it has one. */
struct fib_route {
	struct td_ip network;
	struct td_ip gateway; /* family NONE: the destination itself is on the link */
	uint32_t metric;      /* the lower one wins among equal prefixes */
	uint16_t port;
	uint8_t prefix_bits;
};

/* A resolved neighbour on the link of a port. */
struct fib_neighbour {
	struct td_ip ip;
	uint16_t port;
	uint8_t mac[FIB_MAC_BYTES];
};

/* What the fib must know of a port. */
struct fib_port {
	uint8_t mac[FIB_MAC_BYTES];
	uint16_t vlan_id;
	uint16_t mtu_bytes;
};

/* Everything a fib is built from. borrows until fib_create returns */
struct fib_source {
	const struct fib_port *ports;
	const struct fib_route *routes;
	const struct fib_neighbour *neighbours;
	uint32_t port_count;
	uint32_t route_count;
	uint32_t neighbour_count;
};

/* Next hops that a worker's packets needed and that weren't resolved. The worker empties it after
 * each burst (towards the control thread, which asks the kernel to resolve them). */
struct fib_demand {
	uint32_t count;
	uint16_t ports[FIB_DEMAND_MAX];
	struct td_ip next_hops[FIB_DEMAND_MAX];
};

struct fib;

/* Builds a fib from source (copies). -EINVAL: more ports, routes or neighbours than the limits
 * above, or one of them names a port that doesn't exist; -ENOMEM. gives *ret_fib. Control thread. */
td_must_check int fib_create(struct fib **ret_fib, const struct fib_source *source);

/* Frees a fib that no worker can reach any more; accepts NULL. Control or reclaim thread. */
void fib_destroy(struct fib *fib);

/* Finds where a packet to destination must go. NULL: no route, or a next hop without a known
 * MAC; the latter is added to *demand (accepts NULL) once. The result is borrowed until the end
 * of the burst. Marks the neighbour as used. Any worker. */
const struct next_hop *fib_lookup(
	const struct fib *fib, const struct td_ip *destination, struct fib_demand *demand);

/* Finds the route of destination and the address to be resolved on its link; false if there is
 * none. Control thread. */
bool fib_route_of(const struct fib *fib, const struct td_ip *destination, uint16_t *ret_port,
	struct td_ip *ret_next_hop);

/* True if a worker sent to the neighbour since the last call for it; clears the mark. False for
 * one that isn't in the fib. Control thread. */
bool fib_neighbour_take_used(const struct fib *fib, uint16_t port, const struct td_ip *ip);

#endif
