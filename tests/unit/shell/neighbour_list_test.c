/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The list of neighbours follows the kernel; the memory of it bridges a restart and trusts nothing.
 */
#include "neighbour/list.h"
#include "neighbour/netlink.h"

#include <linux/neighbour.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

static struct neighbour entries[FIB_NEIGHBOURS_MAX];
static struct fib_neighbour usable[FIB_NEIGHBOURS_MAX];
static struct neighbour_memory memory;
static char names[FIB_PORTS_MAX][NEIGHBOUR_NAME_BYTES] = {"tap0", "tap1"};

static struct netlink_event event_of(uint8_t host, uint16_t state)
{
	return (struct netlink_event){.kind = NETLINK_KIND_NEIGHBOUR,
		.has_mac = (state & (NUD_INCOMPLETE | NUD_FAILED)) == 0,
		.mac = {2, 0, 0, 0, 0, host},
		.state = state,
		.ip = {.bytes = {198, 51, 100, host}, .family = TD_FAMILY_IPV4}};
}

static bool take(
	struct neighbour_list *list, uint16_t port, uint8_t host, uint16_t state, uint32_t dump)
{
	struct netlink_event event = event_of(host, state);

	return neighbour_list_take(list, port, &event, dump);
}

static const struct neighbour *find(struct neighbour_list *list, uint16_t port, uint8_t host)
{
	struct netlink_event event = event_of(host, NUD_REACHABLE);

	return neighbour_list_find(list, port, &event.ip);
}

static void follows_the_kernel(void **state)
{
	struct neighbour_list list = {.entries = entries};

	(void)state;
	assert_true(take(&list, 0, 1, NUD_REACHABLE, 1));
	assert_false(take(&list, 0, 1, NUD_STALE, 1)); /* the same MAC */
	assert_false(take(&list, 0, 2, NUD_INCOMPLETE, 1));
	assert_true(take(&list, 1, 2, NUD_PERMANENT, 2));
	assert_int_equal(list.count, 2);
	assert_int_equal(neighbour_list_usable(&list, usable), 2);
	assert_true(take(&list, 0, 1, NUD_FAILED, 2));
	assert_null(find(&list, 0, 1));
	assert_true(take(&list, 0, 3, NUD_REACHABLE, 1));
	assert_true(neighbour_list_prune(&list, 2));
	assert_false(neighbour_list_prune(&list, 2));
	assert_int_equal(list.count, 1);
	assert_non_null(find(&list, 1, 2));
}

/* Remembers hosts 1 to 3 on port 0 and host 4 on port 1. */
static void remember(void)
{
	struct neighbour_list list = {.entries = entries};

	memset(&memory, 0, sizeof(memory));
	for (uint8_t host = 1; host <= 4; host++)
		(void)take(&list, host == 4, host, NUD_REACHABLE, 1);
	neighbour_memory_store(&memory, names, usable, neighbour_list_usable(&list, usable));
}

static void bridges_a_restart(void **state)
{
	struct neighbour_list list = {.entries = entries};

	(void)state;
	remember();
	(void)take(&list, 0, 1, NUD_REACHABLE, 1); /* the kernel knows one already */
	neighbour_memory_recall(&memory, names, 2, &list);
	assert_int_equal(list.count, 4);
	assert_false(find(&list, 0, 1)->is_remembered);
	assert_true(find(&list, 0, 2)->is_remembered);
	assert_true(find(&list, 1, 4)->is_remembered);
	/* asked for, answered; asked for, not there */
	assert_false(take(&list, 0, 2, NUD_INCOMPLETE, 1));
	assert_non_null(find(&list, 0, 2));
	assert_false(take(&list, 0, 2, NUD_REACHABLE, 1));
	assert_false(find(&list, 0, 2)->is_remembered);
	assert_true(take(&list, 0, 2, NUD_INCOMPLETE, 1)); /* now the kernel's word counts */
	assert_true(take(&list, 0, 3, NUD_FAILED, 1));
	assert_null(find(&list, 0, 3));
}

static void trusts_nothing(void **state)
{
	struct neighbour_list list = {.entries = entries};
	char others[FIB_PORTS_MAX][NEIGHBOUR_NAME_BYTES] = {"tap9", "tap1"};

	(void)state;
	memset(&memory, 0, sizeof(memory));
	neighbour_memory_recall(&memory, names, 2, &list);
	assert_int_equal(list.count, 0);
	remember();
	neighbour_memory_recall(&memory, others, 2, &list);
	assert_int_equal(list.count, 1); /* port 1 is what it was */
	list = (struct neighbour_list){.entries = entries};
	neighbour_memory_recall(&memory, names, 1, &list);
	assert_int_equal(list.count, 3); /* port 1 is gone */
	list = (struct neighbour_list){.entries = entries};
	memory.entries[0].ip.family = 9;
	memory.entries[1].mac[0] = 1;
	memset(memory.entries[2].mac, 0, sizeof(memory.entries[2].mac));
	memory.entries[3].port = FIB_PORTS_MAX;
	neighbour_memory_recall(&memory, names, 2, &list);
	assert_int_equal(list.count, 0);
	memory.count = FIB_NEIGHBOURS_MAX + 1;
	neighbour_memory_recall(&memory, names, 2, &list);
	assert_int_equal(list.count, 0);
}

/* Comes and goes at random, more hosts than the kernel keeps by default; the list must have what
 * a plain table has. */
static void agrees_with_a_plain_table(void **state)
{
	enum {
		HOSTS = 4000,
		STEPS = 50000,
	};
	static bool is_there[HOSTS];
	static struct neighbour_list list = {.entries = entries};
	uint32_t random = 20012, count = 0;

	(void)state;
	print_message("seed %u\n", random);
	for (int i = 0; i < STEPS; i++) {
		struct netlink_event event = event_of(1, NUD_REACHABLE);
		uint32_t host;

		random = random * 1664525 + 1013904223;
		host = (random >> 8) % HOSTS;
		event.ip.bytes[1] = (uint8_t)(host >> 8);
		event.ip.bytes[3] = (uint8_t)host;
		event.is_removed = (random >> 30) == 0;
		assert_int_equal(
			neighbour_list_find(&list, host & 1, &event.ip) != NULL, is_there[host]);
		assert_int_equal(neighbour_list_take(&list, host & 1, &event, 1),
			is_there[host] == event.is_removed);
		count += !event.is_removed - (uint32_t)is_there[host];
		is_there[host] = !event.is_removed;
		assert_int_equal(list.count, count);
	}
	while (list.count != 0)
		neighbour_list_remove(&list, &entries[list.count / 2]);
	for (uint32_t i = 0; i < NEIGHBOUR_BUCKETS; i++)
		assert_int_equal(list.buckets[i], 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(follows_the_kernel),
		cmocka_unit_test(bridges_a_restart),
		cmocka_unit_test(trusts_nothing),
		cmocka_unit_test(agrees_with_a_plain_table),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
