/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The mirror's way to the kernel: the netlink socket, and the memory of what was asked lately, so
 * that a flood towards an unreachable next hop doesn't become a flood of requests.
 */
#ifndef TD_NEIGHBOUR_ASKER_H
#define TD_NEIGHBOUR_ASKER_H

#include <tandem/compiler.h>
#include <tandem/endpoint.h>

#include <stdbool.h>
#include <stdint.h>

enum {
	ASKER_INTERVAL_MS = 1000, /* the kernel's own retransmission time (RFC 4861 10) */
	ASKER_ENTRIES = 256
};

struct asker_entry {
	struct td_ip ip;
	uint16_t port;
	uint64_t asked_ms;
};

/* Zero at start. Control thread. */
struct asker {
	uint32_t next;
	struct asker_entry entries[ASKER_ENTRIES];
};

/* True, and remembered, if the next hop wasn't asked for within the last second. Of more than
 * ASKER_ENTRIES next hops the oldest are forgotten. */
bool asker_may_ask(
	struct asker *asker, uint16_t port, const struct td_ip *next_hop, uint64_t now_ms);

/* Opens a routing socket that hears of links, neighbours, routes and addresses. The first,
 * blocking reads wait patience_ms. Returns the descriptor (the caller owns it), or -errno. */
td_must_check int asker_open_socket(uint32_t patience_ms);

#endif
