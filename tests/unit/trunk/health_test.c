/* SPDX-License-Identifier: Apache-2.0 */
#include "trunk/trunk.h"
#include "trunk_fixture.h"

#include <tandem/time.h>

#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>

#include <cmocka.h>

static struct trunk_table *table_of(const char *options)
{
	char text[256];
	struct config *config;
	struct trunk_table *table = NULL;

	(void)snprintf(text, sizeof(text),
		"trunks:\n  - {name: a, target: \"sip:10.0.0.1\", options_interval_s: %s}\n",
		options);
	config = fixture_config(text);
	assert_int_equal(trunk_table_create(config, 7, 0, &table), 0);
	config_destroy(config);
	return table;
}

static enum trunk_state state_of(const struct trunk_table *table)
{
	struct trunk_status status;

	assert_int_equal(trunk_get_status(table, 0, &status), 0);
	return status.state;
}

static uint32_t step(struct trunk_table *table, enum trunk_event event, uint64_t now_ms)
{
	const struct sip_flow anywhere = {0};
	struct trunk_actions actions;

	trunk_step(table,
		&(const struct trunk_news){0, trunk_guess_target(table, 0, &anywhere), event},
		now_ms, &actions);
	return actions.count;
}

/* Goes to the next deadline and expects OPTIONS there. Returns that time. */
static uint64_t expect_options(struct trunk_table *table)
{
	uint64_t due_ms = trunk_deadline(table);
	struct trunk_actions actions;
	struct trunk_news news;

	assert_false(trunk_due(table, due_ms - 1, &news));
	assert_true(trunk_due(table, due_ms, &news));
	assert_int_equal(news.id, 0);
	trunk_step(table, &news, due_ms, &actions);
	assert_int_equal(actions.count, 1);
	assert_int_equal(actions.list[0].kind, TRUNK_SEND_OPTIONS);
	assert_false(trunk_due(table, due_ms, &news));
	return due_ms;
}

static void test_options(void **state)
{
	struct trunk_table *table = table_of("30");
	uint64_t now_ms;

	(void)state;
	assert_int_equal(state_of(table), TRUNK_UNKNOWN);
	assert_true(trunk_is_usable(table, 0, 0));
	assert_true(trunk_deadline(table) < 5000);
	now_ms = trunk_deadline(table) == 0 ? 0 : expect_options(table);
	assert_int_equal(step(table, TRUNK_OPTIONS_ANSWERED, now_ms), 1);
	assert_int_equal(state_of(table), TRUNK_UP);
	assert_in_range(trunk_deadline(table) - now_ms, 27000, 33000);
	now_ms = expect_options(table);
	/* No answer told at all: asked again after longer than timer F. */
	assert_int_equal(trunk_deadline(table), now_ms + 40000);
	assert_int_equal(step(table, TRUNK_OPTIONS_FAILED, now_ms), 1);
	assert_int_equal(state_of(table), TRUNK_DOWN);
	assert_false(trunk_is_usable(table, 0, 0));
	trunk_table_destroy(table);
}

/* While down: 2 s, 4 s, 8 s ... up to the interval, each +-10 %. */
static void test_backoff(void **state)
{
	struct trunk_table *table = table_of("30");
	uint64_t now_ms = 100000;
	uint64_t wanted_ms = 2000;

	(void)state;
	(void)step(table, TRUNK_OPTIONS_FAILED, now_ms);
	for (int i = 0; i < 7; i++) {
		assert_in_range(
			trunk_deadline(table) - now_ms, wanted_ms * 9 / 10, wanted_ms * 11 / 10);
		now_ms = expect_options(table);
		assert_int_equal(step(table, TRUNK_OPTIONS_FAILED, now_ms), 0);
		wanted_ms = wanted_ms * 2 < 30000 ? wanted_ms * 2 : 30000;
	}
	assert_int_equal(step(table, TRUNK_CALL_ANSWERED, now_ms), 1);
	assert_int_equal(state_of(table), TRUNK_UP);
	assert_in_range(trunk_deadline(table) - now_ms, 27000, 33000);
	trunk_table_destroy(table);
}

/* Two failed calls in a row are enough, one isn't. */
static void test_calls(void **state)
{
	struct trunk_table *table = table_of("30");

	(void)state;
	(void)step(table, TRUNK_CALL_ANSWERED, 1000);
	assert_int_equal(step(table, TRUNK_CALL_FAILED, 2000), 0);
	assert_int_equal(step(table, TRUNK_CALL_ANSWERED, 3000), 0);
	assert_int_equal(step(table, TRUNK_CALL_FAILED, 4000), 0);
	assert_int_equal(step(table, TRUNK_CALL_FAILED, 5000), 1);
	assert_int_equal(state_of(table), TRUNK_DOWN);
	assert_int_equal(step(table, TRUNK_CALL_FAILED, 5001), 0);
	trunk_table_destroy(table);
}

/* Without OPTIONS a trunk that is down is tried again after a while; one more failure then is
 * enough, and the wait grows. */
static void test_without_options(void **state)
{
	struct trunk_table *table = table_of("0");
	uint64_t due_ms;

	(void)state;
	assert_int_equal(trunk_deadline(table), TD_NEVER);
	(void)step(table, TRUNK_CALL_FAILED, 1000);
	(void)step(table, TRUNK_CALL_FAILED, 1000);
	assert_int_equal(state_of(table), TRUNK_DOWN);
	due_ms = trunk_deadline(table);
	assert_in_range(due_ms, 2800, 3200);
	assert_int_equal(step(table, TRUNK_TIMER, due_ms), 1);
	assert_int_equal(state_of(table), TRUNK_UNKNOWN);
	assert_int_equal(trunk_deadline(table), TD_NEVER);
	assert_int_equal(step(table, TRUNK_CALL_FAILED, due_ms), 1);
	assert_in_range(trunk_deadline(table) - due_ms, 3600, 4400);
	trunk_table_destroy(table);
}

static void test_names(void **state)
{
	(void)state;
	assert_string_equal(trunk_state_name(TRUNK_DOWN), "down");
	assert_string_equal(trunk_state_name(TRUNK_STATE_COUNT), "?");
}

int main(void)
{
	static const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_options),
		cmocka_unit_test(test_backoff),
		cmocka_unit_test(test_calls),
		cmocka_unit_test(test_without_options),
		cmocka_unit_test(test_names),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
