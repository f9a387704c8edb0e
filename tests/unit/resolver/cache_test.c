/* SPDX-License-Identifier: Apache-2.0 */
/* How long what is kept, when it is asked for again, what makes room. */
#include "resolver/cache.h"

#include <tandem/time.h>

#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>

#include <cmocka.h>

static const struct cache_config limits = {
	.names_max = 8,
	.min_ttl_s = 10,
	.max_ttl_s = 1000,
	.negative_ttl_s = 60,
	.stale_s = 5000,
};

static struct cache *cache_of(const struct cache_config *config)
{
	struct cache *cache;

	assert_int_equal(cache_create(config, &cache), 0);
	return cache;
}

static struct name name_of(const char *text)
{
	struct name name = {.length = 0};

	assert_int_equal(name_parse(span_from(text), &name), 0);
	return name;
}

static struct cache_view look(struct cache *cache, const char *text, uint64_t now_ms)
{
	const struct name name = name_of(text);
	struct cache_view view;

	cache_look(cache, &name, DNS_TYPE_A, now_ms, &view);
	return view;
}

static bool ask(struct cache *cache, uint64_t now_ms)
{
	struct cache_question question;

	return cache_next_question(cache, now_ms, &question);
}

static struct answer found(uint32_t ttl_s)
{
	return (struct answer){
		.outcome = ANSWER_FOUND, .has_ttl = true, .ttl_s = ttl_s, .record_count = 1};
}

static void store(
	struct cache *cache, const char *text, const struct answer *answer, uint64_t now_ms)
{
	struct cache_view view = look(cache, text, now_ms);

	while (ask(cache, now_ms))
		continue;
	cache_store(cache, view.id, answer, now_ms);
}

static void test_ttl(void **state)
{
	static const struct {
		uint32_t ttl_s;
		uint32_t kept_s;
	} cases[] = {{0, 10}, {9, 10}, {100, 100}, {1000, 1000}, {2000000000, 1000}};

	(void)state;
	for (size_t i = 0; i < TD_COUNT_OF(cases); i++) {
		struct cache *cache = cache_of(&limits);
		const struct answer answer = found(cases[i].ttl_s);
		uint64_t kept_ms = cases[i].kept_s * 1000ull;

		store(cache, "a.test", &answer, 5000);
		assert_int_equal(look(cache, "a.test", 5000).next_ms, 5000 + kept_ms * 9 / 10);
		assert_false(look(cache, "a.test", 5000 + kept_ms * 9 / 10 - 1).is_asked);
		assert_true(look(cache, "a.test", 5000 + kept_ms * 9 / 10).is_asked);
		assert_false(look(cache, "a.test", 5000 + kept_ms - 1).is_stale);
		assert_true(look(cache, "a.test", 5000 + kept_ms).is_stale);
		assert_int_equal(look(cache, "a.test", 5000 + kept_ms).state, CACHE_FOUND);
		cache_destroy(cache);
	}
}

/* RFC 8767: what has expired is used while no server answers, up to a limit; asking goes on, at
 * growing intervals. */
static void test_stale(void **state)
{
	struct cache *cache = cache_of(&limits);
	const struct answer answer = found(100);
	uint64_t now_ms = 90000;
	uint64_t wait_ms = 1000;

	(void)state;
	store(cache, "a.test", &answer, 0);
	for (unsigned i = 0; i < 8; i++) {
		assert_true(look(cache, "a.test", now_ms).is_asked);
		assert_true(ask(cache, now_ms));
		assert_int_equal(look(cache, "a.test", now_ms).state, CACHE_FOUND);
		cache_store(cache, look(cache, "a.test", now_ms).id, NULL, now_ms);
		assert_int_equal(look(cache, "a.test", now_ms).next_ms, now_ms + wait_ms);
		assert_false(look(cache, "a.test", now_ms + wait_ms - 1).is_asked);
		now_ms += wait_ms;
		wait_ms = wait_ms * 2 < 30000 ? wait_ms * 2 : 30000;
	}
	assert_int_equal(look(cache, "a.test", 5099999).state, CACHE_FOUND);
	assert_true(ask(cache, 5099999));
	assert_int_equal(look(cache, "a.test", 5100000).state, CACHE_FAILED);
	store(cache, "a.test", &answer, 5100000);
	assert_int_equal(look(cache, "a.test", 5100000).state, CACHE_FOUND);
	cache_destroy(cache);
}

static void test_stale_off(void **state)
{
	struct cache_config config = limits;
	struct cache *cache;
	const struct answer answer = found(100);

	(void)state;
	config.stale_s = 0;
	cache = cache_of(&config);
	store(cache, "a.test", &answer, 0);
	assert_int_equal(look(cache, "a.test", 99999).state, CACHE_FOUND);
	assert_int_equal(look(cache, "a.test", 100000).state, CACHE_PENDING);
	cache_destroy(cache);
}

static void test_absent(void **state)
{
	struct cache *cache = cache_of(&limits);
	struct answer answer = {.outcome = ANSWER_ABSENT, .has_ttl = true, .ttl_s = 3600};

	(void)state;
	store(cache, "a.test", &answer, 0);
	assert_int_equal(look(cache, "a.test", 59999).state, CACHE_ABSENT);
	assert_int_equal(look(cache, "a.test", 60000).state, CACHE_PENDING); /* never stale */
	answer.has_ttl = false;
	store(cache, "b.test", &answer, 0);
	assert_false(look(cache, "b.test", 8999).is_asked);
	assert_true(look(cache, "b.test", 9000).is_asked);
	cache_destroy(cache);
}

static void test_alias_and_names(void **state)
{
	struct cache *cache = cache_of(&limits);
	struct answer answer = {.outcome = ANSWER_ALIAS, .alias = name_of("b.test")};
	struct cache_view view;

	(void)state;
	store(cache, "a.test", &answer, 0);
	view = look(cache, "a.test", 0);
	assert_int_equal(view.state, CACHE_ALIAS);
	assert_true(span_equal(view.alias, SPAN("b.test")));
	answer = found(50);
	memcpy(answer.names, "xyz", 3);
	answer.names_used = 3;
	answer.records[0].name_offset = 1;
	answer.records[0].name_length = 2;
	store(cache, "c.test", &answer, 0);
	view = look(cache, "c.test", 0);
	assert_true(span_equal(answer_name(&view.records[0], view.names), SPAN("yz")));
	cache_destroy(cache);
}

static void test_room(void **state)
{
	struct cache *cache = cache_of(&limits);
	const struct answer answer = found(500);
	char text[32];

	(void)state;
	for (unsigned i = 0; i < 8; i++) {
		(void)snprintf(text, sizeof(text), "n%u.test", i);
		store(cache, text, &answer, 0);
	}
	(void)look(cache, "n0.test", 1);
	store(cache, "new.test", &answer, 1);
	assert_int_equal(cache_get_counts(cache).names, 8);
	assert_int_equal(cache_get_counts(cache).evicted, 1);
	assert_int_equal(look(cache, "n0.test", 1).state, CACHE_FOUND);
	assert_int_equal(look(cache, "n1.test", 1).state, CACHE_PENDING);
	/* Names that wait for an answer aren't thrown out. */
	for (unsigned i = 0; i < 20; i++) {
		(void)snprintf(text, sizeof(text), "w%u.test", i);
		(void)look(cache, text, 2);
	}
	assert_int_equal(cache_get_counts(cache).names, 8);
	assert_int_equal(cache_get_counts(cache).refused_full, 13);
	assert_int_equal(look(cache, "w19.test", 2).state, CACHE_FAILED);
	assert_int_equal(look(cache, "w19.test", 2).next_ms, 1002);
	cache_destroy(cache);
}

static void test_memory(void **state)
{
	struct cache *cache = cache_of(&limits);
	const struct answer answer = found(500);
	struct cache_view view;

	(void)state;
	cache_fail_nth(cache, 1);
	assert_int_equal(look(cache, "a.test", 0).state, CACHE_FAILED);
	assert_int_equal(cache_get_counts(cache).names, 0);
	view = look(cache, "a.test", 0);
	assert_true(ask(cache, 0));
	cache_fail_nth(cache, 1);
	cache_store(cache, view.id, &answer, 0);
	assert_int_equal(look(cache, "a.test", 0).state, CACHE_FAILED);
	assert_int_equal(look(cache, "a.test", 0).next_ms, 1000);
	assert_int_equal(cache_get_counts(cache).refused_memory, 2);
	store(cache, "a.test", &answer, 1000);
	assert_int_equal(look(cache, "a.test", 1000).state, CACHE_FOUND);
	cache_destroy(cache);
}

/* Answers that nobody waits for, twice, or to an entry that is gone. */
static void test_strange_answers(void **state)
{
	struct cache *cache = cache_of(&limits);
	const struct answer answer = found(500);
	cache_id id = look(cache, "a.test", 0).id;
	struct cache_question question;

	(void)state;
	cache_store(cache, id, &answer, 0); /* not asked yet */
	assert_int_equal(look(cache, "a.test", 0).state, CACHE_PENDING);
	assert_false(cache_find_question(cache, id, &question));
	assert_true(ask(cache, 0));
	assert_true(cache_find_question(cache, id, &question));
	assert_string_equal(question.name.text, "a.test");
	cache_store(cache, id, &answer, 0);
	cache_store(cache, id, NULL, 0);
	cache_store(cache, id ^ 0x100000000, &answer, 0);
	cache_store(cache, 0, &answer, 0);
	assert_int_equal(look(cache, "a.test", 0).state, CACHE_FOUND);
	assert_int_equal(cache_get_counts(cache).asked, 0);
	cache_destroy(cache);
}

/* An answer that never comes doesn't leave the name waiting for good. */
static void test_lost_question(void **state)
{
	struct cache *cache = cache_of(&limits);
	const struct answer answer = found(500);

	(void)state;
	(void)look(cache, "a.test", 1);
	assert_true(ask(cache, 1));
	assert_int_equal(look(cache, "a.test", 1).next_ms, 120001);
	(void)look(cache, "a.test", 120000);
	assert_false(cache_has_question(cache));
	(void)look(cache, "a.test", 120001);
	assert_true(cache_has_question(cache));
	store(cache, "a.test", &answer, 120001);
	assert_int_equal(cache_get_counts(cache).asked, 0);
	assert_int_equal(look(cache, "a.test", 120001).state, CACHE_FOUND);
	cache_destroy(cache);
}

int main(void)
{
	static const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_ttl),
		cmocka_unit_test(test_stale),
		cmocka_unit_test(test_stale_off),
		cmocka_unit_test(test_absent),
		cmocka_unit_test(test_alias_and_names),
		cmocka_unit_test(test_room),
		cmocka_unit_test(test_memory),
		cmocka_unit_test(test_strange_answers),
		cmocka_unit_test(test_lost_question),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
