/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Finds the longest matching prefix of an address in a number of steps that grows with the
 * logarithm of the number of routes: the routes are laid out once as ranges that don't overlap.
 * Built by the fib, searched by workers. Pure.
 *
 * Nothing of it is remembered in the terminations: with one route stage readdress takes 15.2 ns
 * per packet (20.0 when it went over the routes and hashed the gateway), and 13.5 to 14 if a
 * pointer lies ready (bench/stage_chain): not worth a field that must be invalidated.
 */
#ifndef TD_NEIGHBOUR_RANGES_H
#define TD_NEIGHBOUR_RANGES_H

#include <stdint.h>

struct fib_route;
struct td_ip;

#define RANGES_NO_ROUTE UINT32_MAX

/* An address as a number; IPv4 in the highest 32 bits. */
struct range_key {
	uint64_t high;
	uint64_t low;
};

/* From first up to the next range's first. */
struct range {
	struct range_key first;
	uint32_t route; /* index, or RANGES_NO_ROUTE */
	uint32_t reserved;
};

struct ranges {
	struct range *entries; /* borrows: 2 * route count + 1; the first begins at zero */
	uint32_t count;
};

/* Lays out routes[begin..end), all of one family, by rising network (zero behind its prefix), rising prefix and falling
 * metric: where several fit, the last one counts. Indexes are those in routes. */
void ranges_build(
	struct ranges *ranges, const struct fib_route *routes, uint32_t begin, uint32_t end);

/* Index of the route for an address of the routes' family, or RANGES_NO_ROUTE. Any worker. */
uint32_t ranges_find(const struct ranges *ranges, const struct td_ip *ip);

#endif
