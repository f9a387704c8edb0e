/* SPDX-License-Identifier: Apache-2.0 */
/* Longest-prefix match against a naive model, on thousands of random prefixes. */
#include "trunk/source_index.h"

#include <tandem/time.h>

#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

enum {
	PREFIXES = 4000,
	LOOKUPS = 4000,
	ALL = 0xff,
};

static uint64_t random_state;

static uint32_t draw(void)
{
	random_state = random_state * 6364136223846793005ull + 1442695040888963407ull;
	return (uint32_t)(random_state >> 33);
}

/* Addresses crowd together, so that prefixes nest. */
static struct td_ip draw_ip(void)
{
	struct td_ip ip = {.family = draw() % 2 != 0 ? TD_FAMILY_IPV4 : TD_FAMILY_IPV6};

	for (size_t i = 0; i < td_ip_size_bytes(&ip); i++)
		ip.bytes[i] = (uint8_t)(draw() % 4 == 0 ? draw() : draw() % 3);
	return ip;
}

static struct config_prefix draw_prefix(void)
{
	struct config_prefix prefix = {.network = draw_ip()};
	uint32_t size_bits = (uint32_t)td_ip_size_bytes(&prefix.network) * 8;

	prefix.bits = draw() % (size_bits + 1);
	for (uint32_t bit = prefix.bits; bit < size_bits; bit++)
		prefix.network.bytes[bit / 8] &= (uint8_t) ~(0x80u >> bit % 8);
	return prefix;
}

static trunk_id find_naively(
	const struct config_prefix *prefixes, uint32_t count, const struct td_ip *address)
{
	uint32_t longest = 0;
	trunk_id found = TRUNK_NONE;

	for (uint32_t i = 0; i < count; i++) {
		if (td_ip_in_prefix(address, &prefixes[i].network, prefixes[i].bits) &&
			(found == TRUNK_NONE || prefixes[i].bits > longest)) {
			longest = prefixes[i].bits;
			found = i;
		}
	}
	return found;
}

static void test_model(void **state)
{
	static struct config_prefix prefixes[PREFIXES];
	struct source_index *index;
	const char *seed = getenv("TANDEM_TEST_SEED");

	(void)state;
	random_state = seed != NULL ? strtoull(seed, NULL, 10) : td_wall_ns();
	print_message("TANDEM_TEST_SEED=%llu\n", (unsigned long long)random_state);
	assert_int_equal(source_index_create(PREFIXES, &index), 0);
	for (uint32_t i = 0; i < PREFIXES; i++) {
		prefixes[i] = draw_prefix();
		source_index_add(index, &prefixes[i], ALL, i);
	}
	for (uint32_t i = 0; i < LOOKUPS; i++) {
		struct td_ip address = draw_ip();
		trunk_id wanted = find_naively(prefixes, PREFIXES, &address);
		trunk_id found = source_index_find(index, &address, ALL);

		/* Equal prefixes may have been drawn: compare what they say. */
		if (wanted == TRUNK_NONE) {
			assert_int_equal(found, TRUNK_NONE);
			continue;
		}
		assert_true(found < PREFIXES);
		assert_int_equal(prefixes[found].bits, prefixes[wanted].bits);
		assert_true(td_ip_equal(&prefixes[found].network, &prefixes[wanted].network));
	}
	source_index_destroy(index);
}

static void test_transports(void **state)
{
	struct config_prefix wide = {
		.network = {.bytes = {10}, .family = TD_FAMILY_IPV4}, .bits = 8};
	struct config_prefix narrow = {
		.network = {.bytes = {10, 1}, .family = TD_FAMILY_IPV4}, .bits = 16};
	struct td_ip address = {.bytes = {10, 1, 2, 3}, .family = TD_FAMILY_IPV4};
	struct td_ip none = {.family = TD_FAMILY_NONE};
	struct source_index *index;

	(void)state;
	assert_int_equal(source_index_create(2, &index), 0);
	source_index_add(index, &wide, ALL, 1);
	source_index_add(index, &narrow, 1u << SIP_TRANSPORT_TCP, 2);
	assert_int_equal(source_index_find(index, &address, 1u << SIP_TRANSPORT_TCP), 2);
	assert_int_equal(source_index_find(index, &address, 1u << SIP_TRANSPORT_UDP), 1);
	assert_int_equal(source_index_find(index, &none, ALL), TRUNK_NONE);
	source_index_destroy(index);
}

int main(void)
{
	static const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_model),
		cmocka_unit_test(test_transports),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
