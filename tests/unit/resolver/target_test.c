/* SPDX-License-Identifier: Apache-2.0 */
/* RFC 2782's shares, counted over many draws, and the order of ranks, servers and addresses. */
#include "resolver/target.h"

#include <tandem/compiler.h>

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

enum {
	DRAWS = 100000,
};

static uint64_t random_state = 1;

/* splitmix64 */
static uint64_t draw(void)
{
	uint64_t x = random_state += 0x9e3779b97f4a7c15ull;

	x = (x ^ x >> 30) * 0xbf58476d1ce4e5b9ull;
	x = (x ^ x >> 27) * 0x94d049bb133111ebull;
	return x ^ x >> 31;
}

static void count(const struct resolver_target *targets, uint32_t allowed,
	uint32_t counts[RESOLVER_SELECT_MAX])
{
	memset(counts, 0, RESOLVER_SELECT_MAX * sizeof(counts[0]));
	for (unsigned i = 0; i < DRAWS; i++)
		counts[resolver_select(targets, allowed, RESOLVER_SELECT_MAX, draw())]++;
}

/* Within five standard deviations of its share of DRAWS. */
static void assert_share(uint32_t counted, double share)
{
	double mean = DRAWS * share;
	double variance = DRAWS * share * (1 - share);
	double off = (double)counted - mean;

	assert_true(off * off <= 25 * variance);
}

static void test_weights(void **state)
{
	static const struct {
		uint16_t weights[4];
		double shares[4];
	} cases[] = {
		{{1, 1, 1, 1}, {0.25, 0.25, 0.25, 0.25}},
		{{60, 20, 10, 10}, {0.6, 0.2, 0.1, 0.1}},
		{{65535, 1, 0, 0}, {65535 / 65537.0, 1 / 65537.0, 0.5 / 65537, 0.5 / 65537}},
		{{0, 0, 0, 0}, {0.25, 0.25, 0.25, 0.25}},
		{{0, 9, 0, 0}, {1 / 30.0, 0.9, 1 / 30.0, 1 / 30.0}},
	};
	struct resolver_target targets[RESOLVER_SELECT_MAX] = {{.rank = 0}};
	uint32_t counts[RESOLVER_SELECT_MAX];

	(void)state;
	for (size_t i = 0; i < TD_COUNT_OF(cases); i++) {
		for (uint16_t j = 0; j < 4; j++) {
			targets[j].server = j;
			targets[j].weight = cases[i].weights[j];
		}
		count(targets, 0xf, counts);
		for (unsigned j = 0; j < 4; j++)
			assert_share(counts[j], cases[i].shares[j]);
	}
}

/* A server with many addresses has no more than its share; they share it. */
static void test_addresses_share_their_servers_weight(void **state)
{
	struct resolver_target targets[RESOLVER_SELECT_MAX] = {
		{.server = 0, .weight = 1, .order = 0},
		{.server = 0, .weight = 1, .order = 0},
		{.server = 0, .weight = 1, .order = 1},
		{.server = 1, .weight = 1, .order = 1},
		{.rank = 1, .server = 0, .weight = 100},
	};
	uint32_t counts[RESOLVER_SELECT_MAX];

	(void)state;
	count(targets, 0x1f, counts);
	assert_share(counts[0], 0.25);
	assert_share(counts[1], 0.25);
	assert_int_equal(counts[2], 0);
	assert_share(counts[3], 0.5);
	assert_int_equal(counts[4], 0);
}

static void test_servers_other_addresses_come_first(void **state)
{
	struct resolver_target targets[RESOLVER_SELECT_MAX] = {
		{.server = 0, .order = 0},
		{.server = 1, .order = 0, .weight = 9},
		{.server = 0, .order = 1},
		{.rank = 1, .server = 0},
	};

	(void)state;
	for (unsigned i = 0; i < 100; i++) {
		assert_int_equal(resolver_select(targets, 0xe, 0, draw()), 2);
		assert_int_equal(resolver_select(targets, 0xa, 0, draw()), 1);
		assert_int_equal(resolver_select(targets, 0x8, 1, draw()), 3);
		assert_int_equal(resolver_select(targets, 1u << 31, 1, draw()), 31);
	}
}

/* Every number there is picks one that is allowed. */
static void test_extremes(void **state)
{
	static const uint64_t numbers[] = {0, UINT64_MAX, UINT32_MAX, (uint64_t)UINT32_MAX << 32};
	struct resolver_target targets[RESOLVER_SELECT_MAX];
	uint32_t allowed;

	(void)state;
	for (unsigned i = 0; i < RESOLVER_SELECT_MAX; i++)
		targets[i] = (struct resolver_target){.server = (uint16_t)i, .weight = UINT16_MAX};
	for (size_t i = 0; i < TD_COUNT_OF(numbers); i++)
		for (unsigned bits = 1; bits <= RESOLVER_SELECT_MAX; bits++) {
			allowed = UINT32_MAX << (RESOLVER_SELECT_MAX - bits);
			assert_true((allowed >> resolver_select(targets, allowed,
							RESOLVER_SELECT_MAX, numbers[i]) &
					    1) != 0);
		}
}

int main(void)
{
	static const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_weights),
		cmocka_unit_test(test_addresses_share_their_servers_weight),
		cmocka_unit_test(test_servers_other_addresses_come_first),
		cmocka_unit_test(test_extremes),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
