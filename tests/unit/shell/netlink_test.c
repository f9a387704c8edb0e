/* SPDX-License-Identifier: Apache-2.0 */
/*
 * rtnetlink messages: what is understood, what is ignored, and that no length is believed.
 */
#include "neighbour/netlink.h"

#include <tandem/compiler.h>

#include <errno.h>
#include <linux/neighbour.h>
#include <linux/netlink.h>
#include <linux/rtnetlink.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

/* A message under construction. */
struct draft {
	uint8_t bytes[512];
	size_t used;
};

static void draft_begin(struct draft *draft, uint16_t type, const void *fixed, size_t size)
{
	struct nlmsghdr header = {.nlmsg_type = type, .nlmsg_seq = 42};

	memset(draft, 0, sizeof(*draft));
	memcpy(draft->bytes, &header, sizeof(header));
	memcpy(draft->bytes + sizeof(header), fixed, size);
	draft->used = sizeof(header) + NLMSG_ALIGN(size);
}

static void draft_add(struct draft *draft, uint16_t type, const void *value, size_t size)
{
	struct rtattr attribute = {.rta_type = type, .rta_len = (uint16_t)RTA_LENGTH(size)};

	memcpy(draft->bytes + draft->used, &attribute, sizeof(attribute));
	memcpy(draft->bytes + draft->used + sizeof(attribute), value, size);
	draft->used += RTA_SPACE(size);
}

static void draft_end(struct draft *draft)
{
	uint32_t length = (uint32_t)draft->used;

	memcpy(draft->bytes, &length, sizeof(length));
}

static struct netlink_event draft_read(struct draft *draft)
{
	struct netlink_event event;
	size_t offset = 0;

	draft_end(draft);
	assert_int_equal(netlink_next(draft->bytes, draft->used, &offset, &event), 1);
	assert_int_equal(offset, draft->used);
	assert_int_equal(netlink_next(draft->bytes, draft->used, &offset, &event), 0);
	return event;
}

static void draft_route(struct draft *draft, uint16_t type, struct rtmsg fixed)
{
	static const uint8_t destination[4] = {192, 0, 2, 0};
	static const uint8_t gateway[4] = {203, 0, 113, 1};
	uint32_t interface = 5;
	uint32_t metric = 100;

	fixed.rtm_family = AF_INET;
	fixed.rtm_dst_len = 24;
	draft_begin(draft, type, &fixed, sizeof(fixed));
	draft_add(draft, RTA_DST, destination, 4);
	draft_add(draft, RTA_GATEWAY, gateway, 4);
	draft_add(draft, RTA_OIF, &interface, 4);
	draft_add(draft, RTA_PRIORITY, &metric, 4);
}

static void route_is_read(void **state)
{
	const struct rtmsg fixed = {.rtm_table = RT_TABLE_MAIN, .rtm_type = RTN_UNICAST};
	struct netlink_event event;
	struct draft draft;

	(void)state;
	draft_route(&draft, RTM_NEWROUTE, fixed);
	event = draft_read(&draft);
	assert_int_equal(event.kind, NETLINK_KIND_ROUTE);
	assert_false(event.is_removed);
	assert_int_equal(event.prefix_bits, 24);
	assert_int_equal(event.interface_index, 5);
	assert_int_equal(event.metric, 100);
	assert_int_equal(event.sequence, 42);
	assert_int_equal(event.ip.bytes[0], 192);
	assert_int_equal(event.gateway.bytes[0], 203);
	draft_route(&draft, RTM_DELROUTE, fixed);
	assert_true(draft_read(&draft).is_removed);
}

static void other_routes_are_ignored(void **state)
{
	static const struct rtmsg cases[] = {
		{.rtm_table = RT_TABLE_LOCAL, .rtm_type = RTN_UNICAST},
		{.rtm_table = RT_TABLE_MAIN, .rtm_type = RTN_LOCAL},
		{.rtm_table = RT_TABLE_MAIN, .rtm_type = RTN_UNREACHABLE},
		{.rtm_table = RT_TABLE_MAIN, .rtm_type = RTN_UNICAST, .rtm_flags = RTM_F_CLONED},
	};
	struct draft draft;

	(void)state;
	for (size_t i = 0; i < TD_COUNT_OF(cases); i++) {
		draft_route(&draft, RTM_NEWROUTE, cases[i]);
		assert_int_equal(draft_read(&draft).kind, NETLINK_KIND_OTHER);
	}
}

static void first_of_several_next_hops_is_taken(void **state)
{
	const struct rtmsg fixed = {
		.rtm_family = AF_INET, .rtm_table = RT_TABLE_MAIN, .rtm_type = RTN_UNICAST};
	struct {
		struct rtnexthop hop;
		struct rtattr attribute;
		uint8_t gateway[4];
	} hops[2] = {
		{{.rtnh_len = sizeof(hops[0]), .rtnh_ifindex = 3}, {8, RTA_GATEWAY}, {10, 0, 0, 1}},
		{{.rtnh_len = sizeof(hops[0]), .rtnh_ifindex = 4}, {8, RTA_GATEWAY}, {10, 0, 0, 2}},
	};
	struct netlink_event event;
	struct draft draft;

	(void)state;
	draft_begin(&draft, RTM_NEWROUTE, &fixed, sizeof(fixed));
	draft_add(&draft, RTA_MULTIPATH, hops, sizeof(hops));
	event = draft_read(&draft);
	assert_int_equal(event.kind, NETLINK_KIND_ROUTE);
	assert_int_equal(event.interface_index, 3);
	assert_int_equal(event.gateway.bytes[3], 1);
}

static void neighbour_is_read(void **state)
{
	struct ndmsg fixed = {.ndm_family = AF_INET6, .ndm_ifindex = 7, .ndm_state = NUD_REACHABLE};
	static const uint8_t ip[16] = {0x20, 0x01, 0x0d, 0xb8, [15] = 1};
	static const uint8_t mac[6] = {2, 0, 0, 0, 0, 9};
	struct netlink_event event;
	struct draft draft;

	(void)state;
	draft_begin(&draft, RTM_NEWNEIGH, &fixed, sizeof(fixed));
	draft_add(&draft, NDA_DST, ip, sizeof(ip));
	draft_add(&draft, NDA_LLADDR, mac, sizeof(mac));
	event = draft_read(&draft);
	assert_int_equal(event.kind, NETLINK_KIND_NEIGHBOUR);
	assert_true(event.has_mac);
	assert_int_equal(event.mac[5], 9);
	assert_int_equal(event.ip.family, TD_FAMILY_IPV6);
	assert_int_equal(event.state, NUD_REACHABLE);
	fixed.ndm_flags = NTF_PROXY;
	draft_begin(&draft, RTM_NEWNEIGH, &fixed, sizeof(fixed));
	draft_add(&draft, NDA_DST, ip, sizeof(ip));
	assert_int_equal(draft_read(&draft).kind, NETLINK_KIND_OTHER);
}

static void link_name_ends(void **state)
{
	const struct ifinfomsg fixed = {.ifi_index = 2};
	char name[NETLINK_NAME_BYTES];
	struct netlink_event event;
	struct draft draft;

	(void)state;
	memset(name, 'x', sizeof(name)); /* no terminator */
	draft_begin(&draft, RTM_NEWLINK, &fixed, sizeof(fixed));
	draft_add(&draft, IFLA_IFNAME, name, sizeof(name));
	event = draft_read(&draft);
	assert_int_equal(event.kind, NETLINK_KIND_LINK);
	assert_int_equal(strlen(event.name), NETLINK_NAME_BYTES - 1);
	assert_false(event.is_up);
}

static void lengths_are_not_believed(void **state)
{
	const struct rtmsg fixed = {.rtm_table = RT_TABLE_MAIN, .rtm_type = RTN_UNICAST};
	struct netlink_event event;
	struct draft draft;
	unsigned seed = 7;

	(void)state;
	/* every truncation of the datagram */
	draft_route(&draft, RTM_NEWROUTE, fixed);
	draft_end(&draft);
	for (size_t size = 1; size < draft.used; size++) {
		size_t offset = 0;
		uint8_t *exact = malloc(size); /* so that ASan sees a byte too many */

		assert_non_null(exact);
		memcpy(exact, draft.bytes, size);
		assert_int_equal(netlink_next(exact, size, &offset, &event), -EBADMSG);
		free(exact);
	}
	/* random bytes anywhere behind the length */
	print_message("seed %u\n", seed);
	for (int i = 0; i < 200000; i++) {
		size_t offset = 0;

		draft_route(&draft, RTM_NEWROUTE, fixed);
		draft_end(&draft);
		for (int j = 0; j < 3; j++)
			draft.bytes[4 + (size_t)rand_r(&seed) % (draft.used - 4)] =
				(uint8_t)rand_r(&seed);
		while (netlink_next(draft.bytes, draft.used, &offset, &event) == 1)
			assert_true(offset <= draft.used);
	}
}

static void requests_fit(void **state)
{
	uint8_t request[NETLINK_REQUEST_BYTES];
	struct td_ip ip = {.family = TD_FAMILY_IPV6, .bytes = {0x20, 1}};
	struct netlink_event event;
	size_t offset = 0;
	size_t size;

	(void)state;
	assert_int_equal(netlink_write_dump(request, NETLINK_KIND_ROUTE, 1),
		NLMSG_LENGTH(sizeof(struct rtmsg)));
	size = netlink_write_use(request, 9, &ip, 2);
	assert_true(size <= NETLINK_REQUEST_BYTES);
	/* what we ask reads back as the neighbour that we mean */
	assert_int_equal(netlink_next(request, size, &offset, &event), 1);
	assert_int_equal(event.kind, NETLINK_KIND_NEIGHBOUR);
	assert_int_equal(event.interface_index, 9);
	assert_true(td_ip_equal(&event.ip, &ip));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(route_is_read),
		cmocka_unit_test(other_routes_are_ignored),
		cmocka_unit_test(first_of_several_next_hops_is_taken),
		cmocka_unit_test(neighbour_is_read),
		cmocka_unit_test(link_name_ends),
		cmocka_unit_test(lengths_are_not_believed),
		cmocka_unit_test(requests_fit),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
