/* SPDX-License-Identifier: Apache-2.0 */
#include "defence/sources.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

enum {
	START_MS = 9000000,
	CAPACITY = 4096,
};

static const uint8_t seed[SIPHASH_SEED_BYTES] = {7};
static const struct source_rules rules = {
	.rate = {.per_s = 10, .burst = 20},
	.ban_s = 60,
	.ban_max_s = 200,
	.faults_max =
		{[SOURCE_FAULT_AUTH] = 3, [SOURCE_FAULT_MALFORMED] = 5, [SOURCE_FAULT_SCANNER] = 1},
};

static struct td_ip address(uint32_t number)
{
	struct td_ip ip = {.family = TD_FAMILY_IPV4};

	for (unsigned i = 0; i < 4; i++)
		ip.bytes[i] = (uint8_t)(number >> 8 * (3 - i));
	return ip;
}

static struct sources *create(void)
{
	struct sources *sources = NULL;

	assert_int_equal(sources_create(CAPACITY, seed, &sources), 0);
	return sources;
}

static unsigned take(struct sources *sources, uint32_t number, unsigned count, uint64_t now_ms)
{
	const struct td_ip ip = address(number);
	unsigned taken = 0;

	for (unsigned i = 0; i < count; i++)
		taken += sources_take(sources, &ip, &rules, now_ms);
	return taken;
}

static bool fault(struct sources *sources, uint32_t number, enum source_fault what, bool is_udp,
	uint64_t now_ms)
{
	const struct td_ip ip = address(number);
	const struct source_deed deed = {what, is_udp};

	return sources_note_fault(sources, &ip, &deed, &rules, now_ms);
}

static bool is_banned(struct sources *sources, uint32_t number, uint64_t now_ms)
{
	const struct td_ip ip = address(number);

	return sources_is_banned(sources, &ip, now_ms);
}

static void test_rate(void **state)
{
	struct sources *sources = create();

	(void)state;
	assert_int_equal(take(sources, 1, 100, START_MS), 20);
	assert_int_equal(take(sources, 2, 100, START_MS), 20);
	assert_int_equal(take(sources, 1, 100, START_MS + 500), 5);
	sources_destroy(sources);
}

static void test_ban_grows_and_ends(void **state)
{
	struct sources *sources = create();
	uint64_t now_ms = START_MS;

	(void)state;
	assert_false(fault(sources, 1, SOURCE_FAULT_AUTH, true, now_ms));
	assert_false(fault(sources, 1, SOURCE_FAULT_AUTH, true, now_ms));
	assert_true(fault(sources, 1, SOURCE_FAULT_AUTH, true, now_ms));
	assert_true(is_banned(sources, 1, now_ms + 59999));
	assert_false(is_banned(sources, 1, now_ms + 60000));
	assert_false(is_banned(sources, 2, now_ms));
	now_ms += 60000;
	assert_true(fault(sources, 1, SOURCE_FAULT_SCANNER, true, now_ms));
	assert_true(is_banned(sources, 1, now_ms + 119999));
	assert_false(is_banned(sources, 1, now_ms + 120000));
	now_ms += 120000;
	assert_true(fault(sources, 1, SOURCE_FAULT_SCANNER, true, now_ms));
	assert_true(is_banned(sources, 1, now_ms + 199999));
	assert_false(is_banned(sources, 1, now_ms + 200000));
	sources_destroy(sources);
}

static void test_faults_far_apart(void **state)
{
	struct sources *sources = create();

	(void)state;
	for (unsigned i = 0; i < 100; i++)
		assert_false(fault(sources, 1, SOURCE_FAULT_AUTH, true, START_MS + i * 30001));
	sources_destroy(sources);
}

/* Who has proved himself isn't banned for what anybody may send in his name. */
static void test_proved(void **state)
{
	struct sources *sources = create();
	const struct td_ip ip = address(1);

	(void)state;
	sources_note_proof(sources, &ip, START_MS);
	for (unsigned i = 0; i < 50; i++)
		assert_false(fault(sources, 1, SOURCE_FAULT_MALFORMED, true, START_MS));
	assert_true(fault(sources, 1, SOURCE_FAULT_MALFORMED, false, START_MS));
	sources_destroy(sources);
}

static void test_operator(void **state)
{
	struct sources *sources = create();
	const struct td_ip ip = address(1);
	struct source_ban ban;
	uint32_t cursor = 0;

	(void)state;
	assert_false(sources_unban(sources, &ip, START_MS));
	assert_int_equal(sources_ban(sources, &ip, TD_NEVER, START_MS), 0);
	assert_true(is_banned(sources, 1, START_MS + 1000000000));
	assert_true(sources_next_ban(sources, &cursor, START_MS, &ban));
	assert_true(td_ip_equal(&ban.ip, &ip));
	assert_true(ban.is_manual);
	assert_int_equal(ban.until_ms, TD_NEVER);
	assert_false(sources_next_ban(sources, &cursor, START_MS, &ban));
	assert_true(sources_unban(sources, &ip, START_MS));
	assert_false(is_banned(sources, 1, START_MS));
	sources_destroy(sources);
}

/* A million forged addresses: whoever has proved himself, is banned or still owes tokens keeps his
 * place, and an honest address that wasn't seen before soon gets one. */
static void test_forged_flood(void **state)
{
	struct sources *sources = create();
	const struct td_ip phone = address(1);
	uint64_t now_ms = START_MS;
	unsigned shared = 0;

	(void)state;
	sources_note_proof(sources, &phone, now_ms);
	assert_true(fault(sources, 2, SOURCE_FAULT_SCANNER, true, now_ms));
	assert_int_equal(take(sources, 3, 100, now_ms), 20);
	for (uint32_t i = 0; i < 1000000; i++) {
		shared += take(sources, 0x0a000000 + i, 1, now_ms + i / 1000);
		if (i % 100000 == 0)
			assert_int_equal(take(sources, 1, 1, now_ms + i / 1000), 1);
	}
	now_ms += 1000;
	/* 20 tokens take 2 s to come back: half are back, and no more. */
	assert_in_range(take(sources, 3, 100, now_ms), 9, 10);
	assert_true(is_banned(sources, 2, now_ms));
	assert_int_equal(take(sources, 1, 5, now_ms), 5);
	/* Each forged one has its own token as long as there is room; then they share. */
	assert_true(shared >= CAPACITY && shared < 100000);
	now_ms += 2000;
	for (uint32_t i = 100; i < 1100; i++)
		assert_int_equal(take(sources, i, 1, now_ms), 1);
	sources_destroy(sources);
}

int main(void)
{
	static const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_rate),
		cmocka_unit_test(test_ban_grows_and_ends),
		cmocka_unit_test(test_faults_far_apart),
		cmocka_unit_test(test_proved),
		cmocka_unit_test(test_operator),
		cmocka_unit_test(test_forged_flood),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
