/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Decides where a packet leaves, see fib.h. Called by workers for each packet that leaves and by
 * the control thread when the kernel's tables change. It never writes to a published fib, but
 * for the marks that say which neighbours are in use.
 */
#include "neighbour/fib.h"

#include "neighbour/ranges.h"

#include <tandem/bytes.h>

#include <errno.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>

struct fib_slot {
	struct td_ip ip; /* family NONE: empty slot */
	uint16_t port;
	_Atomic uint8_t is_used; /* w: any worker sets, ctl clears */
	uint8_t reserved;
	struct next_hop hop;
};

struct fib {
	struct ranges ipv4;
	struct ranges ipv6;
	uint32_t slot_mask;
	struct fib_route *routes;   /* owns: sorted as ranges.h wants them, IPv4 first */
	struct fib_slot **gateways; /* owns: of each route; NULL: none, or not resolved */
	struct range *entries;	    /* owns: of both ranges */
	struct fib_slot *slots;	    /* owns: open addressing, at most half full */
};

static uint32_t fib_hash(uint16_t port, const struct td_ip *ip)
{
	uint64_t hash = 0x9e3779b97f4a7c15u ^ port;

	for (size_t i = 0; i < sizeof(ip->bytes); i += sizeof(uint32_t))
		hash = (hash ^ td_load_be32(ip->bytes + i)) * 0xff51afd7ed558ccdu;
	return (uint32_t)(hash >> 32);
}

static int fib_compare_routes(const void *left, const void *right)
{
	const struct fib_route *a = left;
	const struct fib_route *b = right;
	int order;

	if (a->network.family != b->network.family)
		return a->network.family < b->network.family ? -1 : 1;
	order = memcmp(a->network.bytes, b->network.bytes, sizeof(a->network.bytes));
	if (order != 0)
		return order;
	if (a->prefix_bits != b->prefix_bits)
		return a->prefix_bits < b->prefix_bits ? -1 : 1;
	if (a->metric != b->metric)
		return a->metric > b->metric ? -1 : 1;
	return 0;
}

static bool fib_source_is_valid(const struct fib_source *source)
{
	if (source->port_count > FIB_PORTS_MAX || source->route_count > FIB_ROUTES_MAX ||
		source->neighbour_count > FIB_NEIGHBOURS_MAX)
		return false;
	for (uint32_t i = 0; i < source->route_count; i++) {
		const struct fib_route *route = &source->routes[i];
		size_t size_bytes = td_ip_size_bytes(&route->network);

		if (route->port >= source->port_count || size_bytes == 0 ||
			route->prefix_bits > size_bytes * 8)
			return false;
	}
	for (uint32_t i = 0; i < source->neighbour_count; i++) {
		const struct fib_neighbour *neighbour = &source->neighbours[i];

		if (neighbour->port >= source->port_count || td_ip_size_bytes(&neighbour->ip) == 0)
			return false;
	}
	return true;
}

/* The slot of (port, ip), or the empty slot where it belongs. */
static struct fib_slot *fib_slot_of(const struct fib *fib, uint16_t port, const struct td_ip *ip)
{
	uint32_t at = fib_hash(port, ip);

	for (;; at++) {
		struct fib_slot *slot = &fib->slots[at & fib->slot_mask];

		if (slot->ip.family == TD_FAMILY_NONE ||
			(slot->port == port && td_ip_equal(&slot->ip, ip)))
			return slot;
	}
}

static void fib_fill_slot(
	struct fib_slot *slot, const struct fib_neighbour *neighbour, const struct fib_port *port)
{
	slot->ip = neighbour->ip;
	slot->port = neighbour->port;
	memcpy(slot->hop.destination_mac, neighbour->mac, FIB_MAC_BYTES);
	memcpy(slot->hop.source_mac, port->mac, FIB_MAC_BYTES);
	slot->hop.port = neighbour->port;
	slot->hop.vlan_id = port->vlan_id;
	slot->hop.mtu_bytes = port->mtu_bytes;
}

static int fib_allocate(struct fib *fib, uint32_t route_count, uint32_t slot_count)
{
	fib->routes = calloc(route_count + 1, sizeof(*fib->routes));
	fib->gateways = calloc(route_count + 1, sizeof(struct fib_slot *));
	fib->entries = calloc(2 * (size_t)route_count + 2, sizeof(*fib->entries));
	fib->slots = calloc(slot_count, sizeof(*fib->slots));
	fib->slot_mask = slot_count - 1;
	return fib->routes == NULL || fib->gateways == NULL || fib->entries == NULL ||
			       fib->slots == NULL
		       ? -ENOMEM
		       : 0;
}

/* Clears the bits of a network behind its prefix, so that equal ones look equal. */
static void fib_trim(struct fib_route *route)
{
	uint32_t whole = route->prefix_bits / 8u;

	if (whole == sizeof(route->network.bytes))
		return;
	route->network.bytes[whole] &= (uint8_t)(0xff00u >> route->prefix_bits % 8);
	memset(route->network.bytes + whole + 1, 0, sizeof(route->network.bytes) - whole - 1);
}

/* Sorts the routes and finds what doesn't depend on the packet. The neighbours are in. */
static void fib_fill_routes(struct fib *fib, const struct fib_source *source)
{
	uint32_t ipv4_count = 0;

	if (source->route_count > 0)
		memcpy(fib->routes, source->routes, source->route_count * sizeof(*fib->routes));
	for (uint32_t i = 0; i < source->route_count; i++)
		fib_trim(&fib->routes[i]);
	qsort(fib->routes, source->route_count, sizeof(*fib->routes), fib_compare_routes);
	for (uint32_t i = 0; i < source->route_count; i++) {
		const struct fib_route *route = &fib->routes[i];

		ipv4_count += route->network.family == TD_FAMILY_IPV4;
		if (route->gateway.family == TD_FAMILY_NONE)
			continue;
		fib->gateways[i] = fib_slot_of(fib, route->port, &route->gateway);
		if (fib->gateways[i]->ip.family == TD_FAMILY_NONE)
			fib->gateways[i] = NULL;
	}
	fib->ipv4.entries = fib->entries;
	fib->ipv6.entries = fib->entries + 2 * ipv4_count + 1;
	ranges_build(&fib->ipv4, fib->routes, 0, ipv4_count);
	ranges_build(&fib->ipv6, fib->routes, ipv4_count, source->route_count);
}

int fib_create(struct fib **ret_fib, const struct fib_source *source)
{
	uint32_t slot_count = 16;
	struct fib *fib;

	if (!fib_source_is_valid(source))
		return -EINVAL;
	while (slot_count < source->neighbour_count * 2)
		slot_count *= 2;
	fib = calloc(1, sizeof(*fib));
	if (fib == NULL)
		return -ENOMEM;
	if (fib_allocate(fib, source->route_count, slot_count) != 0) {
		fib_destroy(fib);
		return -ENOMEM;
	}
	for (uint32_t i = 0; i < source->neighbour_count; i++) {
		const struct fib_neighbour *neighbour = &source->neighbours[i];

		fib_fill_slot(fib_slot_of(fib, neighbour->port, &neighbour->ip), neighbour,
			&source->ports[neighbour->port]);
	}
	fib_fill_routes(fib, source);
	*ret_fib = fib;
	return 0;
}

void fib_destroy(struct fib *fib)
{
	if (fib == NULL)
		return;
	free(fib->routes);
	free(fib->gateways);
	free(fib->entries);
	free(fib->slots);
	free(fib);
}

/* Index of the route, or RANGES_NO_ROUTE. */
static uint32_t fib_find_route(const struct fib *fib, const struct td_ip *destination)
{
	return ranges_find(
		destination->family == TD_FAMILY_IPV4 ? &fib->ipv4 : &fib->ipv6, destination);
}

bool fib_route_of(const struct fib *fib, const struct td_ip *destination, uint16_t *ret_port,
	struct td_ip *ret_next_hop)
{
	uint32_t index = fib_find_route(fib, destination);
	const struct fib_route *route;

	if (index == RANGES_NO_ROUTE)
		return false;
	route = &fib->routes[index];
	*ret_port = route->port;
	*ret_next_hop = route->gateway.family == TD_FAMILY_NONE ? *destination : route->gateway;
	return true;
}

static void fib_demand_add(struct fib_demand *demand, uint16_t port, const struct td_ip *next_hop)
{
	for (uint32_t i = 0; i < demand->count; i++) {
		if (demand->ports[i] == port && td_ip_equal(&demand->next_hops[i], next_hop))
			return;
	}
	if (demand->count == FIB_DEMAND_MAX)
		return; /* the next packet asks again */
	demand->ports[demand->count] = port;
	demand->next_hops[demand->count] = *next_hop;
	demand->count++;
}

/* The neighbour by whom a route leads to destination, or NULL. */
static struct fib_slot *fib_neighbour_of(const struct fib *fib, uint32_t index,
	const struct td_ip *destination, struct fib_demand *demand)
{
	const struct fib_route *route = &fib->routes[index];
	bool is_on_link = route->gateway.family == TD_FAMILY_NONE;
	struct fib_slot *slot = NULL;

	if (is_on_link) {
		slot = fib_slot_of(fib, route->port, destination);
		if (td_likely(slot->ip.family != TD_FAMILY_NONE))
			return slot;
	}
	if (demand != NULL)
		fib_demand_add(demand, route->port, is_on_link ? destination : &route->gateway);
	return NULL;
}

const struct next_hop *fib_lookup(
	const struct fib *fib, const struct td_ip *destination, struct fib_demand *demand)
{
	uint32_t index = fib_find_route(fib, destination);
	struct fib_slot *slot;

	if (td_unlikely(index == RANGES_NO_ROUTE))
		return NULL;
	slot = fib->gateways[index];
	if (slot == NULL) {
		slot = fib_neighbour_of(fib, index, destination, demand);
		if (td_unlikely(slot == NULL))
			return NULL;
	}
	/* partner: exchange in fib_neighbour_take_used; a lost mark is set by the next packet */
	if (td_unlikely(atomic_load_explicit(&slot->is_used, memory_order_relaxed) == 0))
		atomic_store_explicit(&slot->is_used, 1, memory_order_relaxed);
	return &slot->hop;
}

bool fib_neighbour_take_used(const struct fib *fib, uint16_t port, const struct td_ip *ip)
{
	struct fib_slot *slot = fib_slot_of(fib, port, ip);

	/* partner: store in fib_lookup */
	return slot->ip.family != TD_FAMILY_NONE &&
	       atomic_exchange_explicit(&slot->is_used, 0, memory_order_relaxed) != 0;
}
