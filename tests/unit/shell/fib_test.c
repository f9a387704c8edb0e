/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Next hops: longest prefix, gateways, unresolved neighbours, marks of use.
 */
#include "neighbour/fib.h"

#include <tandem/compiler.h>

#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

static struct td_ip ip_of(const char *text)
{
	struct td_ip ip = {.family = TD_FAMILY_NONE};

	assert_true(td_ip_parse(text, strlen(text), &ip));
	return ip;
}

static const struct fib_port ports[2] = {
	{.mac = {2, 0, 0, 0, 0, 1}, .mtu_bytes = 1500},
	{.mac = {2, 0, 0, 0, 0, 2}, .mtu_bytes = 1400, .vlan_id = 7},
};

static struct fib *fib_of(const struct fib_route *routes, uint32_t route_count,
	const struct fib_neighbour *neighbours, uint32_t neighbour_count)
{
	const struct fib_source source = {.ports = ports,
		.routes = routes,
		.neighbours = neighbours,
		.port_count = 2,
		.route_count = route_count,
		.neighbour_count = neighbour_count};
	struct fib *fib = NULL;

	assert_int_equal(fib_create(&fib, &source), 0);
	return fib;
}

static struct fib_route route(const char *network, uint8_t bits, const char *gateway, uint16_t port)
{
	struct fib_route made = {.network = ip_of(network), .prefix_bits = bits, .port = port};

	if (gateway != NULL)
		made.gateway = ip_of(gateway);
	return made;
}

static struct fib_neighbour neighbour(const char *ip, uint16_t port, uint8_t mac)
{
	return (struct fib_neighbour){.ip = ip_of(ip), .port = port, .mac = {[5] = mac}};
}

static void longest_prefix_wins(void **state)
{
	const struct fib_route routes[] = {
		route("0.0.0.0", 0, "192.0.2.1", 0),
		route("192.0.2.0", 24, NULL, 0),
		route("198.51.100.0", 24, "203.0.113.1", 1),
		route("198.51.100.128", 25, "203.0.113.2", 1),
	};
	const struct fib_neighbour neighbours[] = {
		neighbour("192.0.2.1", 0, 1),
		neighbour("192.0.2.9", 0, 9),
		neighbour("203.0.113.1", 1, 11),
		neighbour("203.0.113.2", 1, 12),
	};
	static const struct {
		const char *destination;
		uint8_t mac;
		uint16_t port;
	} cases[] = {
		{"8.8.8.8", 1, 0},
		{"192.0.2.9", 9, 0},
		{"198.51.100.127", 11, 1},
		{"198.51.100.128", 12, 1},
	};
	struct fib *fib = fib_of(routes, 4, neighbours, 4);

	(void)state;
	for (size_t i = 0; i < TD_COUNT_OF(cases); i++) {
		struct td_ip destination = ip_of(cases[i].destination);
		const struct next_hop *hop = fib_lookup(fib, &destination, NULL);

		assert_non_null(hop);
		assert_int_equal(hop->destination_mac[5], cases[i].mac);
		assert_int_equal(hop->port, cases[i].port);
		assert_memory_equal(hop->source_mac, ports[cases[i].port].mac, FIB_MAC_BYTES);
		assert_int_equal(hop->vlan_id, ports[cases[i].port].vlan_id);
		assert_int_equal(hop->mtu_bytes, ports[cases[i].port].mtu_bytes);
	}
	fib_destroy(fib);
}

static void lower_metric_wins(void **state)
{
	struct fib_route routes[] = {
		route("0.0.0.0", 0, "192.0.2.1", 0), route("0.0.0.0", 0, "203.0.113.1", 1)};
	struct td_ip destination = ip_of("8.8.8.8");
	struct td_ip next_hop;
	uint16_t port = 9;
	struct fib *fib;

	(void)state;
	routes[0].metric = 20;
	routes[1].metric = 10;
	fib = fib_of(routes, 2, NULL, 0);
	assert_true(fib_route_of(fib, &destination, &port, &next_hop));
	assert_int_equal(port, 1);
	fib_destroy(fib);
}

static void families_do_not_mix(void **state)
{
	const struct fib_route routes[] = {
		route("0.0.0.0", 0, "192.0.2.1", 0),
		route("2001:db8::", 64, NULL, 1),
		/* RFC 5549: an IPv4 route by an IPv6 gateway */
		route("198.51.100.0", 24, "2001:db8::9", 1),
	};
	const struct fib_neighbour neighbours[] = {
		neighbour("192.0.2.1", 0, 1), neighbour("2001:db8::9", 1, 9)};
	struct fib *fib = fib_of(routes, 3, neighbours, 2);
	struct td_ip inside = ip_of("2001:db8::9");
	struct td_ip outside = ip_of("2001:db9::9");
	struct td_ip mixed = ip_of("198.51.100.5");

	(void)state;
	assert_int_equal(fib_lookup(fib, &inside, NULL)->destination_mac[5], 9);
	assert_null(fib_lookup(fib, &outside, NULL));
	assert_int_equal(fib_lookup(fib, &mixed, NULL)->destination_mac[5], 9);
	fib_destroy(fib);
}

static void unresolved_is_demanded_once(void **state)
{
	const struct fib_route routes[] = {route("192.0.2.0", 24, NULL, 0)};
	struct fib *fib = fib_of(routes, 1, NULL, 0);
	struct td_ip destination = ip_of("192.0.2.5");
	struct td_ip elsewhere = ip_of("203.0.113.5");
	struct fib_demand demand = {.count = 0};

	(void)state;
	assert_null(fib_lookup(fib, &destination, &demand));
	assert_null(fib_lookup(fib, &destination, &demand));
	assert_null(fib_lookup(fib, &elsewhere, &demand)); /* no route: nothing to resolve */
	assert_int_equal(demand.count, 1);
	assert_true(td_ip_equal(&demand.next_hops[0], &destination));
	for (int i = 10; i < 10 + FIB_DEMAND_MAX * 2; i++) {
		destination.bytes[3] = (uint8_t)i;
		assert_null(fib_lookup(fib, &destination, &demand));
	}
	assert_int_equal(demand.count, FIB_DEMAND_MAX);
	fib_destroy(fib);
}

static void use_is_marked_until_taken(void **state)
{
	const struct fib_route routes[] = {route("192.0.2.0", 24, NULL, 0)};
	const struct fib_neighbour neighbours[] = {neighbour("192.0.2.5", 0, 5)};
	struct fib *fib = fib_of(routes, 1, neighbours, 1);
	struct td_ip ip = ip_of("192.0.2.5");
	struct td_ip stranger = ip_of("192.0.2.6");

	(void)state;
	assert_false(fib_neighbour_take_used(fib, 0, &ip));
	assert_non_null(fib_lookup(fib, &ip, NULL));
	assert_true(fib_neighbour_take_used(fib, 0, &ip));
	assert_false(fib_neighbour_take_used(fib, 0, &ip));
	assert_false(fib_neighbour_take_used(fib, 1, &ip));
	assert_false(fib_neighbour_take_used(fib, 0, &stranger));
	fib_destroy(fib);
}

static void bad_sources_are_refused(void **state)
{
	struct fib_route routes[] = {route("192.0.2.0", 24, NULL, 2)};
	struct fib_neighbour neighbours[] = {neighbour("192.0.2.5", 2, 5)};
	struct fib_source source = {.ports = ports, .port_count = 2};
	struct fib *fib = NULL;

	(void)state;
	source.routes = routes;
	source.route_count = 1;
	assert_int_equal(fib_create(&fib, &source), -EINVAL);
	routes[0].port = 0;
	routes[0].prefix_bits = 33;
	assert_int_equal(fib_create(&fib, &source), -EINVAL);
	routes[0].prefix_bits = 32;
	routes[0].network.family = TD_FAMILY_NONE;
	assert_int_equal(fib_create(&fib, &source), -EINVAL);
	source.route_count = 0;
	source.neighbours = neighbours;
	source.neighbour_count = 1;
	assert_int_equal(fib_create(&fib, &source), -EINVAL);
	source.neighbour_count = FIB_NEIGHBOURS_MAX + 1;
	assert_int_equal(fib_create(&fib, &source), -EINVAL);
	assert_null(fib);
	fib_destroy(NULL);
}

/* Every route that random tables of nested prefixes give is the one that a search by hand finds,
 * up to the last address of all. */
static void ranges_agree_with_naive_search(void **state)
{
	enum {
		TABLES = 200,
		ROUTES = 40,
		LOOKUPS = 200,
	};
	unsigned seed = 20011;
	struct fib_route routes[ROUTES];

	(void)state;
	print_message("seed %u\n", seed);
	for (int table = 0; table < TABLES; table++) {
		uint8_t family = table % 2 ? TD_FAMILY_IPV4 : TD_FAMILY_IPV6;
		uint32_t count = (uint32_t)rand_r(&seed) % ROUTES;
		unsigned size = family == TD_FAMILY_IPV4 ? 4 : 16;
		struct fib *fib;

		memset(routes, 0, sizeof(routes));
		for (uint32_t i = 0; i < count; i++) {
			routes[i].network.family = family;
			for (unsigned j = 0; j < size; j++)
				routes[i].network.bytes[j] = rand_r(&seed) % 4 ? 0xff : 0xfe;
			routes[i].prefix_bits = (uint8_t)((unsigned)rand_r(&seed) % (8 * size + 1));
			routes[i].metric = i;
			routes[i].gateway = ip_of("192.0.2.1");
			routes[i].gateway.bytes[3] = (uint8_t)i;
		}
		fib = fib_of(routes, count, NULL, 0);
		for (int i = 0; i < LOOKUPS; i++) {
			struct td_ip ip = {.family = family};
			struct td_ip next_hop = {.family = TD_FAMILY_NONE};
			const struct fib_route *best = NULL;
			uint16_t port;

			for (unsigned j = 0; j < size; j++)
				ip.bytes[j] = rand_r(&seed) % 4 ? 0xff : 0xfe;
			for (uint32_t j = 0; j < count; j++) {
				if (td_ip_in_prefix(
					    &ip, &routes[j].network, routes[j].prefix_bits) &&
					(best == NULL || routes[j].prefix_bits > best->prefix_bits))
					best = &routes[j];
			}
			assert_int_equal(fib_route_of(fib, &ip, &port, &next_hop), best != NULL);
			if (best != NULL)
				assert_true(td_ip_equal(&next_hop, &best->gateway));
		}
		fib_destroy(fib);
	}
}

/* Every answer of random tables is compared with a search by hand. */
static void agrees_with_naive_search(void **state)
{
	enum {
		ROUTES = 40,
		NEIGHBOURS = 200,
		LOOKUPS = 20000
	};
	unsigned seed = 20250611;
	struct fib_route routes[ROUTES];
	struct fib_neighbour neighbours[NEIGHBOURS];
	struct fib *fib;

	(void)state;
	print_message("seed %u\n", seed);
	for (int i = 0; i < ROUTES; i++) {
		routes[i] = (struct fib_route){.network = {.family = TD_FAMILY_IPV4,
						       .bytes = {10, (uint8_t)(rand_r(&seed) & 3)}},
			.prefix_bits = (uint8_t)(8 + rand_r(&seed) % 17),
			.metric = (uint32_t)i,
			.port = (uint16_t)(rand_r(&seed) & 1)};
	}
	for (int i = 0; i < NEIGHBOURS; i++)
		neighbours[i] = (struct fib_neighbour){
			.ip = {.family = TD_FAMILY_IPV4,
				.bytes = {10, (uint8_t)(rand_r(&seed) & 3), 0, (uint8_t)i}},
			.port = (uint16_t)(rand_r(&seed) & 1),
			.mac = {[5] = (uint8_t)i}};
	fib = fib_of(routes, ROUTES, neighbours, NEIGHBOURS);
	for (int i = 0; i < LOOKUPS; i++) {
		struct td_ip ip = {.family = TD_FAMILY_IPV4,
			.bytes = {10, (uint8_t)(rand_r(&seed) & 7), 0, (uint8_t)rand_r(&seed)}};
		const struct fib_route *best = NULL;
		const struct fib_neighbour *found = NULL;
		const struct next_hop *hop = fib_lookup(fib, &ip, NULL);

		for (int j = 0; j < ROUTES; j++) {
			if (td_ip_in_prefix(&ip, &routes[j].network, routes[j].prefix_bits) &&
				(best == NULL || routes[j].prefix_bits > best->prefix_bits))
				best = &routes[j];
		}
		for (int j = 0; best != NULL && j < NEIGHBOURS; j++) {
			if (neighbours[j].port == best->port && td_ip_equal(&neighbours[j].ip, &ip))
				found = &neighbours[j];
		}
		assert_int_equal(hop != NULL, found != NULL);
		if (hop != NULL) {
			assert_int_equal(hop->port, found->port);
			assert_int_equal(hop->destination_mac[5], found->mac[5]);
		}
	}
	fib_destroy(fib);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(longest_prefix_wins),
		cmocka_unit_test(lower_metric_wins),
		cmocka_unit_test(families_do_not_mix),
		cmocka_unit_test(unresolved_is_demanded_once),
		cmocka_unit_test(use_is_marked_until_taken),
		cmocka_unit_test(bad_sources_are_refused),
		cmocka_unit_test(ranges_agree_with_naive_search),
		cmocka_unit_test(agrees_with_naive_search),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
