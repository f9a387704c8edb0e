/* SPDX-License-Identifier: Apache-2.0 */
/* The tree of patterns against a naive model: every pattern tried, the most specific taken. */
#include "route/trie.h"

#include <tandem/time.h>

#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

enum {
	PATTERNS = 300,
	LOOKUPS = 20000,
};

static uint64_t random_state;

static uint32_t draw(void)
{
	random_state = random_state * 6364136223846793005ull + 1442695040888963407ull;
	return (uint32_t)(random_state >> 33);
}

static void draw_pattern(char text[32])
{
	static const char *const places[] = {"1", "2", "1", "2", "X", "N", "[1-3]", "[2-4]", "Z"};
	uint32_t count = draw() % 5;

	text[0] = '\0';
	for (uint32_t i = 0; i < count; i++)
		strcat(text, places[draw() % TD_COUNT_OF(places)]);
	if (count == 0 || draw() % 3 == 0)
		strcat(text, draw() % 2 != 0 ? "." : "*");
}

static bool matches(const struct config_pattern *pattern, const char *number)
{
	size_t length = strlen(number);

	if (length < pattern->place_count ||
		(pattern->end == CONFIG_PATTERN_FIXED && length != pattern->place_count) ||
		(pattern->end == CONFIG_PATTERN_ONE_OR_MORE && length == pattern->place_count))
		return false;
	for (uint32_t i = 0; i < pattern->place_count; i++) {
		if ((pattern->places[i] >> config_pattern_symbol(number[i]) & 1) == 0)
			return false;
	}
	return true;
}

/* Negative: a is more specific. Open ends come after every place. */
static int compare(const struct config_pattern *a, const struct config_pattern *b)
{
	for (uint32_t i = 0; i < a->place_count && i < b->place_count; i++) {
		int size_a = __builtin_popcount(a->places[i]);
		int size_b = __builtin_popcount(b->places[i]);

		if (size_a != size_b)
			return size_a - size_b;
		if (a->places[i] != b->places[i])
			return a->places[i] < b->places[i] ? -1 : 1;
	}
	if (a->place_count != b->place_count)
		return a->place_count > b->place_count ? -1 : 1;
	return (int)a->end - (int)b->end;
}

static void test_model(void **state)
{
	static struct config_pattern patterns[PATTERNS];
	const char *seed = getenv("TANDEM_TEST_SEED");
	struct trie *trie;

	(void)state;
	random_state = seed != NULL ? strtoull(seed, NULL, 10) : td_wall_ns();
	print_message("TANDEM_TEST_SEED=%llu\n", (unsigned long long)random_state);
	assert_int_equal(trie_create(&trie), 0);
	for (uint32_t i = 0; i < PATTERNS; i++) {
		char text[32];
		const char *why;

		draw_pattern(text);
		assert_int_equal(config_pattern_parse(span_from(text), &patterns[i], &why), 0);
		assert_int_equal(trie_add(trie, &patterns[i], TRUNK_NONE, i), 0);
	}
	for (uint32_t i = 0; i < LOOKUPS; i++) {
		char number[8] = "";
		uint32_t length = draw() % 7;
		uint32_t best = TRIE_NONE;
		uint32_t found;

		for (uint32_t j = 0; j < length; j++)
			number[j] = (char)('0' + draw() % 5);
		for (uint32_t j = 0; j < PATTERNS; j++) {
			if (matches(&patterns[j], number) &&
				(best == TRIE_NONE || compare(&patterns[j], &patterns[best]) < 0))
				best = j;
		}
		found = trie_find(trie, 3, number);
		assert_int_equal(found == TRIE_NONE, best == TRIE_NONE);
		/* The same pattern may have been drawn twice. */
		if (best != TRIE_NONE)
			assert_int_equal(compare(&patterns[found], &patterns[best]), 0);
	}
	trie_destroy(trie);
}

static void test_refusals(void **state)
{
	static const char *const bad[] = {
		"", "+49-30", "1.2", "[", "[]", "[a]", "[1", "[4-2]", "12Y", "1 2", "[1-]"};
	char longest[CONFIG_PATTERN_PLACES_MAX + 2];
	struct config_pattern pattern;
	const char *why;

	(void)state;
	for (size_t i = 0; i < TD_COUNT_OF(bad); i++) {
		if (config_pattern_parse(span_from(bad[i]), &pattern, &why) == 0)
			fail_msg("\"%s\" was taken", bad[i]);
		assert_true(why[0] != '\0');
	}
	memset(longest, '1', sizeof(longest));
	longest[sizeof(longest) - 1] = '\0';
	assert_int_not_equal(config_pattern_parse(span_from(longest), &pattern, &why), 0);
	longest[sizeof(longest) - 2] = '.';
	assert_int_equal(config_pattern_parse(span_from(longest), &pattern, &why), 0);
	assert_int_equal(pattern.place_count, CONFIG_PATTERN_PLACES_MAX);
}

int main(void)
{
	static const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_model),
		cmocka_unit_test(test_refusals),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
