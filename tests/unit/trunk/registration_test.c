/* SPDX-License-Identifier: Apache-2.0 */
#include "trunk/registration.h"

#include <tandem/time.h>

#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

static struct registration registration;
static uint64_t now_ms;
static uint64_t draw; /* the next random number */

/* Feeds an event; the actions as letters: s send, r repeat, n next target, e end, E repeat of the
 * end, + registered, ! failed, x expired, - ended. "?" if it means nothing. */
static const char *feed(enum registration_trigger event, uint32_t value)
{
	static const char letters[] = {'.', 's', 'r', 'n', 'e', 'E', '+', '!', 'x', '-'};
	static char text[REGISTRATION_ACTIONS_MAX + 1];
	struct registration_actions actions;
	const struct registration_input input = {event, value, draw, now_ms};

	if (registration_step(&registration, &input, &actions) != 0)
		return "?";
	for (unsigned i = 0; i < actions.count; i++)
		text[i] = letters[actions.list[i]];
	text[actions.count] = '\0';
	return text;
}

static const char *fire(void)
{
	now_ms = registration.due_ms;
	return feed(REGISTRATION_ON_TIMER, 0);
}

static int begin(void **state)
{
	(void)state;
	now_ms = 1000000;
	draw = 0;
	registration_init(&registration, 3600, 1800, now_ms);
	return 0;
}

static void registered(uint32_t granted_s)
{
	assert_string_equal(feed(REGISTRATION_ON_START, 0), "");
	assert_string_equal(fire(), "s");
	assert_string_equal(feed(REGISTRATION_ON_ACCEPTED, granted_s), "+");
	assert_int_equal(registration.state, REGISTRATION_REGISTERED);
}

static void test_life(void **state)
{
	(void)state;
	assert_int_equal(registration.due_ms, TD_NEVER);
	draw = 1234567;
	assert_string_equal(feed(REGISTRATION_ON_START, 999), "");
	assert_int_equal(registration.due_ms, now_ms + 567); /* spread over the window */
	assert_string_equal(fire(), "s");
	assert_int_equal(registration.state, REGISTRATION_REGISTERING);
	assert_int_equal(registration.due_ms, TD_NEVER);
	assert_string_equal(feed(REGISTRATION_ON_CHALLENGED, 0), "r");
	assert_false(registration_holds(&registration));
	draw = 0;
	assert_string_equal(feed(REGISTRATION_ON_ACCEPTED, 1000), "+");
	assert_int_equal(registration.due_ms, now_ms + 850000);
	assert_int_equal(registration.expires_ms, now_ms + 1000000);
	draw = 50;
	assert_string_equal(fire(), "s");
	assert_int_equal(registration.state, REGISTRATION_REFRESHING);
	assert_true(registration_holds(&registration));
	assert_string_equal(feed(REGISTRATION_ON_ACCEPTED, 1000), ""); /* no news */
	assert_int_equal(registration.due_ms, now_ms + 900000);
	assert_string_equal(feed(REGISTRATION_ON_STOP, 0), "e");
	assert_int_equal(registration.state, REGISTRATION_UNREGISTERING);
	assert_string_equal(feed(REGISTRATION_ON_CHALLENGED, 0), "E");
	assert_string_equal(feed(REGISTRATION_ON_ACCEPTED, 1), "-");
	assert_int_equal(registration.state, REGISTRATION_IDLE);
	assert_int_equal(registration.due_ms, TD_NEVER);
	assert_string_equal(feed(REGISTRATION_ON_ACCEPTED, 1), "?");
}

/* RFC 5626 4.5: 30 s doubled, and between half and the whole of it. */
static void test_back_off(void **state)
{
	static const uint32_t bounds_s[] = {60, 120, 240, 480, 960, 1800, 1800};

	(void)state;
	assert_string_equal(feed(REGISTRATION_ON_START, 0), "");
	assert_string_equal(fire(), "s");
	for (size_t i = 0; i < TD_COUNT_OF(bounds_s); i++) {
		uint64_t bound_ms = bounds_s[i] * 1000ull;

		assert_string_equal(feed(REGISTRATION_ON_TARGET_FAILED, 0), "n");
		draw = i % 2 == 0 ? 0 : bound_ms / 2;
		assert_string_equal(feed(REGISTRATION_ON_NONE_LEFT, 0), i == 0 ? "!" : "");
		assert_int_equal(registration.state, REGISTRATION_BACKING_OFF);
		assert_int_equal(
			registration.due_ms, now_ms + (i % 2 == 0 ? bound_ms / 2 : bound_ms));
		assert_string_equal(fire(), "s");
		assert_int_equal(registration.state, REGISTRATION_REGISTERING);
	}
	assert_string_equal(feed(REGISTRATION_ON_ACCEPTED, 60), "+");
	assert_int_equal(registration.failures, 0);
}

static void test_retry_after(void **state)
{
	(void)state;
	registered(3600);
	assert_string_equal(fire(), "s");
	assert_string_equal(feed(REGISTRATION_ON_TARGET_FAILED, 120), "n");
	assert_string_equal(feed(REGISTRATION_ON_TARGET_FAILED, 7), "n");
	assert_string_equal(feed(REGISTRATION_ON_NONE_LEFT, 0), "!");
	assert_int_equal(registration.due_ms, now_ms + 120000);
	draw = 5000;
	assert_string_equal(fire(), "s");
	assert_string_equal(feed(REGISTRATION_ON_TARGET_FAILED, UINT32_MAX), "n");
	assert_string_equal(feed(REGISTRATION_ON_NONE_LEFT, 0), "");
	assert_int_equal(registration.due_ms, registration.expires_ms < now_ms + 3605000
						      ? registration.expires_ms
						      : now_ms + 3605000);
	assert_int_equal(registration.retry_ms, now_ms + 3605000);
}

/* A registrar that is away: what it granted holds to its end, then that is told. */
static void test_expiry(void **state)
{
	uint64_t expires_ms;

	(void)state;
	registered(100);
	expires_ms = registration.expires_ms;
	assert_string_equal(fire(), "s"); /* 15 s before */
	assert_string_equal(feed(REGISTRATION_ON_TARGET_FAILED, 0), "n");
	assert_string_equal(feed(REGISTRATION_ON_NONE_LEFT, 0), "!");
	assert_int_equal(registration.due_ms, expires_ms); /* before the next attempt, in 30 s */
	assert_string_equal(fire(), "x");
	assert_int_equal(registration.state, REGISTRATION_BACKING_OFF);
	assert_false(registration_holds(&registration));
	assert_string_equal(fire(), "s");
	assert_string_equal(feed(REGISTRATION_ON_ACCEPTED, 100), "+");
	/* Both at once. */
	assert_string_equal(fire(), "s");
	assert_string_equal(feed(REGISTRATION_ON_NONE_LEFT, 0), "!");
	now_ms += 200000;
	assert_string_equal(feed(REGISTRATION_ON_TIMER, 0), "xs");
	assert_string_equal(feed(REGISTRATION_ON_ACCEPTED, 100), "+");
	/* While the refresh waits for its answer. */
	assert_string_equal(fire(), "s");
	assert_int_equal(registration.due_ms, registration.expires_ms);
	assert_string_equal(fire(), "x");
	assert_int_equal(registration.due_ms, TD_NEVER);
	assert_string_equal(feed(REGISTRATION_ON_ACCEPTED, 100), "+");
}

static void test_refused(void **state)
{
	(void)state;
	registered(3600);
	assert_string_equal(fire(), "s");
	assert_string_equal(feed(REGISTRATION_ON_REFUSED, 0), "!");
	assert_false(registration_holds(&registration));
	assert_string_equal(fire(), "s");
	assert_string_equal(feed(REGISTRATION_ON_REFUSED, 0), "");
	assert_string_equal(feed(REGISTRATION_ON_STOP, 0), ""); /* nothing to take back */
	assert_int_equal(registration.state, REGISTRATION_IDLE);
	assert_int_equal(registration.due_ms, TD_NEVER);
}

static void test_interval(void **state)
{
	(void)state;
	assert_string_equal(feed(REGISTRATION_ON_START, 0), "");
	assert_string_equal(fire(), "s");
	assert_string_equal(feed(REGISTRATION_ON_TOO_BRIEF, 4000), "r");
	assert_int_equal(registration.wanted_s, 4000);
	assert_string_equal(feed(REGISTRATION_ON_TOO_BRIEF, 5000), "r");
	assert_string_equal(feed(REGISTRATION_ON_TOO_BRIEF, 6000), "!"); /* enough */
	assert_int_equal(registration.state, REGISTRATION_BACKING_OFF);
	assert_string_equal(fire(), "s");
	assert_string_equal(feed(REGISTRATION_ON_ACCEPTED, 5000), "+");
	assert_string_equal(fire(), "s");
	assert_string_equal(feed(REGISTRATION_ON_TOO_BRIEF, 5000), "!"); /* no more than we asked */
	assert_string_equal(fire(), "s");
	assert_string_equal(feed(REGISTRATION_ON_TOO_BRIEF, 10000000), "");
	assert_int_equal(registration.state, REGISTRATION_BACKING_OFF);
}

static void test_stop(void **state)
{
	(void)state;
	/* Before it began. */
	assert_string_equal(feed(REGISTRATION_ON_START, 100), "");
	assert_string_equal(feed(REGISTRATION_ON_STOP, 0), "");
	assert_int_equal(registration.due_ms, TD_NEVER);
	/* While the first request is out: it may succeed. */
	assert_string_equal(feed(REGISTRATION_ON_START, 0), "");
	assert_string_equal(fire(), "s");
	assert_string_equal(feed(REGISTRATION_ON_STOP, 0), "e");
	assert_string_equal(feed(REGISTRATION_ON_TARGET_FAILED, 0), "");
	assert_int_equal(registration.state, REGISTRATION_IDLE);
	/* Wanted again while it ends. */
	registered(3600);
	assert_string_equal(feed(REGISTRATION_ON_STOP, 0), "e");
	assert_string_equal(feed(REGISTRATION_ON_START, 0), "");
	assert_string_equal(feed(REGISTRATION_ON_REFUSED, 0), "-");
	assert_int_equal(registration.due_ms, now_ms);
	assert_string_equal(fire(), "s");
	/* While it backs off and still holds. */
	assert_string_equal(feed(REGISTRATION_ON_ACCEPTED, 3600), "+");
	assert_string_equal(fire(), "s");
	assert_string_equal(feed(REGISTRATION_ON_NONE_LEFT, 0), "!");
	assert_string_equal(feed(REGISTRATION_ON_STOP, 0), "e");
	assert_string_equal(feed(REGISTRATION_ON_NONE_LEFT, 0), "-");
}

static void test_flow_lost(void **state)
{
	(void)state;
	registered(3600);
	draw = 42;
	assert_string_equal(feed(REGISTRATION_ON_FLOW_LOST, 100), "");
	assert_int_equal(registration.due_ms, now_ms + 42);
	assert_string_equal(fire(), "s");
	assert_int_equal(registration.state, REGISTRATION_REFRESHING);
	assert_string_equal(feed(REGISTRATION_ON_FLOW_LOST, 100), "");
	assert_string_equal(feed(REGISTRATION_ON_REDIRECTED, 0), "r");
}

/* The registrar is heard of again: no need to wait half an hour. */
static void test_reachable(void **state)
{
	(void)state;
	registered(3600);
	assert_string_equal(feed(REGISTRATION_ON_REACHABLE, 100), "");
	assert_true(registration.due_ms > now_ms + 100000);
	assert_string_equal(fire(), "s");
	assert_string_equal(feed(REGISTRATION_ON_NONE_LEFT, 0), "!");
	draw = 33;
	assert_string_equal(feed(REGISTRATION_ON_REACHABLE, 100), "");
	assert_int_equal(registration.due_ms, now_ms + 33);
	assert_string_equal(feed(REGISTRATION_ON_REACHABLE, 0), "");
	assert_int_equal(registration.due_ms, now_ms);
	draw = 50;
	assert_string_equal(feed(REGISTRATION_ON_REACHABLE, 100), ""); /* no later than that */
	assert_int_equal(registration.due_ms, now_ms);
	assert_string_equal(fire(), "s");
}

static void test_restore(void **state)
{
	(void)state;
	registration_restore(&registration, now_ms + 60000, now_ms + 70000, now_ms);
	assert_int_equal(registration.due_ms, now_ms + 60000);
	registration_restore(&registration, now_ms + 60000, now_ms + 10, now_ms);
	assert_true(registration_holds(&registration));
	assert_string_equal(fire(), "s");
	assert_int_equal(registration.state, REGISTRATION_REFRESHING);
	assert_string_equal(feed(REGISTRATION_ON_ACCEPTED, 60), "");
}

/* Whatever comes in whatever order: bounded actions, a timer wherever one is needed, and a
 * request is out exactly in the states that wait for its answer. */
static void test_any_order(void **state)
{
	uint64_t random = 88172645463325252ull;
	bool is_out = false;

	(void)state;
	for (unsigned i = 0; i < 200000; i++) {
		enum registration_trigger event;
		const char *actions;
		bool is_answer;

		random ^= random << 13;
		random ^= random >> 7;
		random ^= random << 17;
		event = (enum registration_trigger)(random % REGISTRATION_ON_RETRY);
		is_answer = event >= REGISTRATION_ON_ACCEPTED && event <= REGISTRATION_ON_REFUSED;
		if (is_answer && !is_out)
			continue; /* the shell tells of answers to what is out alone */
		if (event == REGISTRATION_ON_TIMER && registration.due_ms == TD_NEVER)
			continue;
		if (event == REGISTRATION_ON_TIMER && registration.due_ms > now_ms)
			now_ms = registration.due_ms;
		draw = random >> 20;
		now_ms += random >> 40 & 1023;
		actions = feed(event, 1 + (uint32_t)(random >> 30 & 4095));
		if (strcmp(actions, "?") == 0)
			fail_msg("state %u event %u", registration.state, event);
		if (is_answer)
			is_out = false;
		is_out = is_out || strpbrk(actions, "srneE") != NULL;
		if (registration.state == REGISTRATION_REGISTERED ||
			registration.state == REGISTRATION_BACKING_OFF)
			assert_true(registration.due_ms != TD_NEVER);
		assert_int_equal(is_out, registration.state == REGISTRATION_REGISTERING ||
						 registration.state == REGISTRATION_REFRESHING ||
						 registration.state == REGISTRATION_UNREGISTERING);
	}
}

static void test_names(void **state)
{
	(void)state;
	assert_string_equal(registration_state_name(REGISTRATION_BACKING_OFF), "backing_off");
	assert_string_equal(registration_state_name(REGISTRATION_STATE_COUNT), "?");
}

int main(void)
{
	static const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup(test_life, begin),
		cmocka_unit_test_setup(test_back_off, begin),
		cmocka_unit_test_setup(test_retry_after, begin),
		cmocka_unit_test_setup(test_expiry, begin),
		cmocka_unit_test_setup(test_refused, begin),
		cmocka_unit_test_setup(test_interval, begin),
		cmocka_unit_test_setup(test_stop, begin),
		cmocka_unit_test_setup(test_flow_lost, begin),
		cmocka_unit_test_setup(test_reachable, begin),
		cmocka_unit_test_setup(test_restore, begin),
		cmocka_unit_test_setup(test_any_order, begin),
		cmocka_unit_test(test_names),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
