/* SPDX-License-Identifier: Apache-2.0 */
/* The subscriber by stories, and its refresh times. */
#include "subscription/subscriber.h"

#include <tandem/compiler.h>

#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#define EVENT(name) SUBSCRIBER_EVENT_##name
#define IN(name) SUBSCRIBER_##name

static const struct {
	const char *name;
	struct {
		enum subscriber_event event;
		enum subscriber_state state;
		enum subscriber_action action;
	} steps[8];
	unsigned count;
} stories[] = {
	{"accepted, told, refreshed, ended by the notifier",
		{{EVENT(SENT), IN(WAITING), SUBSCRIBER_DO_WAIT},
			{EVENT(ACCEPTED), IN(WAITING), SUBSCRIBER_DO_WAIT},
			{EVENT(TOLD_ACTIVE), IN(ACTIVE), SUBSCRIBER_DO_KEEP},
			{EVENT(REFRESH_DUE), IN(ACTIVE), SUBSCRIBER_DO_REFRESH},
			{EVENT(ACCEPTED), IN(ACTIVE), SUBSCRIBER_ACTION_NONE},
			{EVENT(TOLD_ACTIVE), IN(ACTIVE), SUBSCRIBER_DO_KEEP},
			{EVENT(TOLD_TERMINATED), IN(TERMINATED), SUBSCRIBER_TELL_ENDED}},
		7},
	{"the NOTIFY overtakes the 2xx",
		{{EVENT(SENT), IN(WAITING), SUBSCRIBER_DO_WAIT},
			{EVENT(TOLD_PENDING), IN(PENDING), SUBSCRIBER_DO_KEEP},
			{EVENT(ACCEPTED), IN(PENDING), SUBSCRIBER_ACTION_NONE},
			{EVENT(TOLD_ACTIVE), IN(ACTIVE), SUBSCRIBER_DO_KEEP}},
		4},
	{"the last NOTIFY overtakes the 2xx",
		{{EVENT(SENT), IN(WAITING), SUBSCRIBER_DO_WAIT},
			{EVENT(TOLD_TERMINATED), IN(TERMINATED), SUBSCRIBER_TELL_ENDED},
			{EVENT(ACCEPTED), IN(TERMINATED), SUBSCRIBER_ACTION_NONE}},
		3},
	{"refused",
		{{EVENT(SENT), IN(WAITING), SUBSCRIBER_DO_WAIT},
			{EVENT(REFUSED), IN(TERMINATED), SUBSCRIBER_TELL_ENDED}},
		2},
	{"never told",
		{{EVENT(SENT), IN(WAITING), SUBSCRIBER_DO_WAIT},
			{EVENT(ACCEPTED), IN(WAITING), SUBSCRIBER_DO_WAIT},
			{EVENT(NO_NOTIFY), IN(TERMINATED), SUBSCRIBER_TELL_ENDED}},
		3},
	{"the refresh finds nothing",
		{{EVENT(SENT), IN(WAITING), SUBSCRIBER_DO_WAIT},
			{EVENT(TOLD_ACTIVE), IN(ACTIVE), SUBSCRIBER_DO_KEEP},
			{EVENT(REFRESH_DUE), IN(ACTIVE), SUBSCRIBER_DO_REFRESH},
			{EVENT(REFRESH_FAILED), IN(TERMINATED), SUBSCRIBER_TELL_ENDED}},
		4},
	{"expired in spite of all",
		{{EVENT(SENT), IN(WAITING), SUBSCRIBER_DO_WAIT},
			{EVENT(TOLD_PENDING), IN(PENDING), SUBSCRIBER_DO_KEEP},
			{EVENT(EXPIRED), IN(TERMINATED), SUBSCRIBER_TELL_ENDED}},
		3},
	{"ended by us",
		{{EVENT(SENT), IN(WAITING), SUBSCRIBER_DO_WAIT},
			{EVENT(TOLD_ACTIVE), IN(ACTIVE), SUBSCRIBER_DO_KEEP},
			{EVENT(ORDER_END), IN(TERMINATED), SUBSCRIBER_DO_UNSUBSCRIBE},
			{EVENT(REFUSED), IN(TERMINATED), SUBSCRIBER_ACTION_NONE}},
		4},
};

static void test_stories(void **state)
{
	(void)state;
	for (size_t i = 0; i < TD_COUNT_OF(stories); i++) {
		uint8_t at = SUBSCRIBER_INIT;

		print_message("%s\n", stories[i].name);
		for (unsigned j = 0; j < stories[i].count; j++) {
			enum subscriber_action action;

			assert_int_equal(
				subscriber_step(&at, stories[i].steps[j].event, &action), 0);
			assert_int_equal(at, stories[i].steps[j].state);
			assert_int_equal(action, stories[i].steps[j].action);
		}
	}
}

static void test_unexpected(void **state)
{
	uint8_t at = SUBSCRIBER_INIT;
	enum subscriber_action action;

	(void)state;
	assert_int_equal(subscriber_step(&at, EVENT(TOLD_ACTIVE), &action), -EPROTO);
	assert_int_equal(subscriber_step(&at, (enum subscriber_event)99, &action), -EPROTO);
	assert_int_equal(at, SUBSCRIBER_INIT);
	at = SUBSCRIBER_TERMINATED;
	assert_int_equal(subscriber_step(&at, EVENT(TOLD_ACTIVE), &action), -EPROTO);
	at = SUBSCRIBER_STATE_COUNT;
	assert_int_equal(subscriber_step(&at, EVENT(SENT), &action), -EPROTO);
}

/* Before the end, but not all the time. */
static void test_refresh_times(void **state)
{
	(void)state;
	assert_int_equal(subscriber_refresh_ms(3600), 3595000);
	assert_int_equal(subscriber_refresh_ms(60), 55000);
	assert_int_equal(subscriber_refresh_ms(10), 5000);
	assert_int_equal(subscriber_refresh_ms(9), 4500);
	assert_int_equal(subscriber_refresh_ms(1), 500);
	assert_int_equal(subscriber_refresh_ms(UINT32_MAX), 4294967290000ull);
}

static void test_names(void **state)
{
	(void)state;
	assert_true(subscriber_is_open(SUBSCRIBER_WAITING));
	assert_false(subscriber_is_open(SUBSCRIBER_INIT));
	assert_false(subscriber_is_open(SUBSCRIBER_TERMINATED));
	assert_string_equal(subscriber_state_name(SUBSCRIBER_WAITING), "waiting");
	assert_string_equal(subscriber_state_name(99), "?");
	assert_string_equal(subscriber_event_name(EVENT(NO_NOTIFY)), "no_notify");
	assert_string_equal(subscriber_event_name(99), "?");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_stories),
		cmocka_unit_test(test_unexpected),
		cmocka_unit_test(test_refresh_times),
		cmocka_unit_test(test_names),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
