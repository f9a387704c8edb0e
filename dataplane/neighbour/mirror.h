/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Keeps a copy of what the kernel knows about the ports' TAP interfaces: routes, neighbours, and
 * whether the devices below the ports have carrier. The kernel decides; the mirror only follows,
 * publishes a fib for the workers, and asks the kernel to resolve the next hops that packets
 * need. Control thread only, but for mirror_fib and mirror_port_is_up.
 */
#ifndef TD_NEIGHBOUR_MIRROR_H
#define TD_NEIGHBOUR_MIRROR_H

#include "neighbour/fib.h"

#include <tandem/compiler.h>
#include <tandem/endpoint.h>

#include <stdbool.h>
#include <stdint.h>

struct mirror;
struct neighbour_memory;

/* A port to follow. */
struct mirror_port {
	const char *tap_name;	 /* NULL: the port has no TAP, and so no routes */
	const char *device_name; /* kernel interface below the port; NULL: none, always up */
	struct fib_port link;
};

/* A next hop that a worker's packets need, on its way from worker to control thread. */
struct mirror_demand {
	struct td_ip next_hop;
	uint16_t port;
	uint16_t reserved;
};

/* Opens the netlink socket and reads routes and neighbours once, so that forwarding works from
 * the first packet. -errno of the socket; -ENOMEM; -ETIMEDOUT if the kernel doesn't answer
 * within a second. Neighbours in memory (borrows until destroyed) are used until the kernel has
 * resolved them again. copies ports; gives *ret_mirror. The caller is an RCU reader. */
td_must_check int mirror_create(struct mirror **ret_mirror, const struct mirror_port *ports,
	uint32_t port_count, struct neighbour_memory *memory);

/* Closes the socket and frees the mirror; accepts NULL. No worker runs any more. */
void mirror_destroy(struct mirror *mirror);

/* The socket, for the caller's epoll. */
int mirror_descriptor(const struct mirror *mirror);

/* Takes in what the kernel reports until nothing is left. Never blocks. */
void mirror_receive(struct mirror *mirror, uint64_t now_ms);

/* Publishes a new fib if something changed, starts the dumps that are due and has the kernel
 * probe stale neighbours that are in use. Call every few milliseconds. */
void mirror_step(struct mirror *mirror, uint64_t now_ms);

/* Asks the kernel to resolve next_hop on the link of port, at most once a second each. */
void mirror_want(
	struct mirror *mirror, uint16_t port, const struct td_ip *next_hop, uint64_t now_ms);

/* The same for whatever next hop leads to destination; nothing if there is no route. */
void mirror_want_destination(
	struct mirror *mirror, const struct td_ip *destination, uint64_t now_ms);

/* The current fib, never NULL; borrowed until the caller's next quiescent state. Any worker. */
const struct fib *mirror_fib(const struct mirror *mirror);

/* False while the kernel interface below the port is down or without carrier: sending to an
 * af_packet device would then block. Any worker. */
bool mirror_port_is_up(const struct mirror *mirror, uint16_t port);

#endif
