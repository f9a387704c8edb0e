/* SPDX-License-Identifier: Apache-2.0 */
/* What becomes of a REFER that we send: no outcome says more than is known. */
#include "subscription/refer_client.h"

#include <tandem/compiler.h>

#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#define EVENT(name) REFER_CLIENT_EVENT_##name
#define WAIT(name) REFER_WAIT_##name
#define HANG_UP REFER_CLIENT_DO_HANG_UP
#define ASK REFER_CLIENT_DO_PROBE
#define NO REFER_CLIENT_ACTION_NONE

static const struct {
	const char *name;
	enum refer_outcome outcome; /* of the last step but for SUCCEEDED: told before */
	struct {
		enum refer_client_event event;
		enum refer_client_state state;
		enum refer_client_wait wait;
		enum refer_client_action action;
	} steps[6];
	unsigned count;
} stories[] = {
	{"accepted, progress, success, the peer hangs up", REFER_OUTCOME_CONFIRMED,
		{{EVENT(SENT), REFER_CLIENT_SENT, WAIT(ACCEPT), NO},
			{EVENT(ACCEPTED), REFER_CLIENT_ACCEPTED, WAIT(NOTIFY), NO},
			{EVENT(TOLD_PROGRESS), REFER_CLIENT_PROGRESSING, WAIT(NOTIFY), NO},
			{EVENT(TOLD_SUCCESS), REFER_CLIENT_SUCCEEDED, WAIT(PEER), NO},
			{EVENT(HUNG_UP), REFER_CLIENT_OVER, WAIT(NOTHING), NO}},
		5},
	{"success, and we hang up", REFER_OUTCOME_CONFIRMED,
		{{EVENT(SENT), REFER_CLIENT_SENT, WAIT(ACCEPT), NO},
			{EVENT(TOLD_SUCCESS), REFER_CLIENT_SUCCEEDED, WAIT(PEER), NO},
			{EVENT(ACCEPTED), REFER_CLIENT_SUCCEEDED, WAIT(AS_IS), NO},
			{EVENT(DEADLINE), REFER_CLIENT_OVER, WAIT(NOTHING), HANG_UP}},
		4},
	{"refused", REFER_OUTCOME_REFUSED,
		{{EVENT(SENT), REFER_CLIENT_SENT, WAIT(ACCEPT), NO},
			{EVENT(REFUSED), REFER_CLIENT_OVER, WAIT(NOTHING), NO}},
		2},
	{"the target is busy", REFER_OUTCOME_FAILED,
		{{EVENT(SENT), REFER_CLIENT_SENT, WAIT(ACCEPT), NO},
			{EVENT(ACCEPTED), REFER_CLIENT_ACCEPTED, WAIT(NOTIFY), NO},
			{EVENT(TOLD_FAILURE), REFER_CLIENT_OVER, WAIT(NOTHING), NO}},
		3},
	{"BYE without a report", REFER_OUTCOME_PRESUMED,
		{{EVENT(SENT), REFER_CLIENT_SENT, WAIT(ACCEPT), NO},
			{EVENT(ACCEPTED), REFER_CLIENT_ACCEPTED, WAIT(NOTIFY), NO},
			{EVENT(HUNG_UP), REFER_CLIENT_PARTING, WAIT(PEER), NO},
			{EVENT(TOLD_PROGRESS), REFER_CLIENT_PARTING, WAIT(AS_IS), NO},
			{EVENT(DEADLINE), REFER_CLIENT_OVER, WAIT(NOTHING), NO}},
		5},
	{"BYE before the answer: not even presumed", REFER_OUTCOME_UNKNOWN,
		{{EVENT(SENT), REFER_CLIENT_SENT, WAIT(ACCEPT), NO},
			{EVENT(HUNG_UP), REFER_CLIENT_LEAVING, WAIT(PEER), NO},
			{EVENT(DEADLINE), REFER_CLIENT_OVER, WAIT(NOTHING), NO}},
		3},
	{"BYE overtakes the answer", REFER_OUTCOME_PRESUMED,
		{{EVENT(SENT), REFER_CLIENT_SENT, WAIT(ACCEPT), NO},
			{EVENT(HUNG_UP), REFER_CLIENT_LEAVING, WAIT(PEER), NO},
			{EVENT(ACCEPTED), REFER_CLIENT_PARTING, WAIT(PEER), NO},
			{EVENT(DEADLINE), REFER_CLIENT_OVER, WAIT(NOTHING), NO}},
		4},
	{"BYE overtakes the report", REFER_OUTCOME_CONFIRMED,
		{{EVENT(SENT), REFER_CLIENT_SENT, WAIT(ACCEPT), NO},
			{EVENT(TOLD_PROGRESS), REFER_CLIENT_PROGRESSING, WAIT(NOTIFY), NO},
			{EVENT(HUNG_UP), REFER_CLIENT_PARTING, WAIT(PEER), NO},
			{EVENT(TOLD_SUCCESS), REFER_CLIENT_OVER, WAIT(NOTHING), NO}},
		4},
	{"silence, and the call stands", REFER_OUTCOME_UNKNOWN,
		{{EVENT(SENT), REFER_CLIENT_SENT, WAIT(ACCEPT), NO},
			{EVENT(ACCEPTED), REFER_CLIENT_ACCEPTED, WAIT(NOTIFY), NO},
			{EVENT(DEADLINE), REFER_CLIENT_PROBING, WAIT(PROBE), ASK},
			{EVENT(ALIVE), REFER_CLIENT_OVER, WAIT(NOTHING), NO}},
		4},
	{"silence, and the call is gone", REFER_OUTCOME_PRESUMED,
		{{EVENT(SENT), REFER_CLIENT_SENT, WAIT(ACCEPT), NO},
			{EVENT(TOLD_PROGRESS), REFER_CLIENT_PROGRESSING, WAIT(NOTIFY), NO},
			{EVENT(DEADLINE), REFER_CLIENT_PROBING, WAIT(PROBE), ASK},
			{EVENT(GONE), REFER_CLIENT_OVER, WAIT(NOTHING), NO}},
		4},
	{"silence, and no answer to that either", REFER_OUTCOME_UNKNOWN,
		{{EVENT(SENT), REFER_CLIENT_SENT, WAIT(ACCEPT), NO},
			{EVENT(UNANSWERED), REFER_CLIENT_PROBING, WAIT(PROBE), ASK},
			{EVENT(DEADLINE), REFER_CLIENT_OVER, WAIT(NOTHING), NO}},
		3},
	{"ended without a final status", REFER_OUTCOME_UNKNOWN,
		{{EVENT(SENT), REFER_CLIENT_SENT, WAIT(ACCEPT), NO},
			{EVENT(ACCEPTED), REFER_CLIENT_ACCEPTED, WAIT(NOTIFY), NO},
			{EVENT(TOLD_NOTHING), REFER_CLIENT_PROBING, WAIT(PROBE), ASK},
			{EVENT(TOLD_NOTHING), REFER_CLIENT_PROBING, WAIT(AS_IS), NO},
			{EVENT(ALIVE), REFER_CLIENT_OVER, WAIT(NOTHING), NO}},
		5},
	{"the other side of the call hangs up", REFER_OUTCOME_UNKNOWN,
		{{EVENT(SENT), REFER_CLIENT_SENT, WAIT(ACCEPT), NO},
			{EVENT(ACCEPTED), REFER_CLIENT_ACCEPTED, WAIT(NOTIFY), NO},
			{EVENT(CALL_ENDED), REFER_CLIENT_OVER, WAIT(NOTHING), NO}},
		3},
};

static void test_stories(void **state)
{
	(void)state;
	for (size_t i = 0; i < TD_COUNT_OF(stories); i++) {
		uint8_t at = REFER_CLIENT_IDLE;
		enum refer_outcome outcome = REFER_OUTCOME_NONE;

		print_message("%s\n", stories[i].name);
		for (unsigned j = 0; j < stories[i].count; j++) {
			struct refer_client_step step;

			assert_int_equal(
				refer_client_step(&at, stories[i].steps[j].event, &step), 0);
			assert_int_equal(at, stories[i].steps[j].state);
			assert_int_equal(step.wait, stories[i].steps[j].wait);
			assert_int_equal(step.action, stories[i].steps[j].action);
			if (step.outcome == REFER_OUTCOME_NONE)
				continue;
			assert_int_equal(outcome, REFER_OUTCOME_NONE); /* told once */
			outcome = step.outcome;
		}
		assert_int_equal(at, REFER_CLIENT_OVER);
		assert_int_equal(outcome, stories[i].outcome);
	}
}

/* Whatever happens: deadlines alone bring every state to its end, with exactly one outcome. */
static void test_deadlines_end_it(void **state)
{
	(void)state;
	for (uint8_t first = REFER_CLIENT_SENT; first < REFER_CLIENT_OVER; first++) {
		struct refer_client_step step;
		uint8_t at = first;
		/* SUCCEEDED has told its outcome before. */
		unsigned outcomes = first == REFER_CLIENT_SUCCEEDED;
		unsigned steps = 0;

		while (at != REFER_CLIENT_OVER && steps++ < 4) {
			assert_int_equal(refer_client_step(&at, EVENT(DEADLINE), &step), 0);
			outcomes += step.outcome != REFER_OUTCOME_NONE;
		}
		assert_int_equal(at, REFER_CLIENT_OVER);
		assert_int_equal(outcomes, 1);
	}
}

static void test_unexpected(void **state)
{
	struct refer_client_step step;
	uint8_t at = REFER_CLIENT_IDLE;

	(void)state;
	assert_int_equal(refer_client_step(&at, EVENT(ACCEPTED), &step), -EPROTO);
	assert_int_equal(refer_client_step(&at, (enum refer_client_event)99, &step), -EPROTO);
	at = REFER_CLIENT_OVER;
	assert_int_equal(refer_client_step(&at, EVENT(DEADLINE), &step), -EPROTO);
	at = REFER_CLIENT_STATE_COUNT;
	assert_int_equal(refer_client_step(&at, EVENT(SENT), &step), -EPROTO);
}

static void test_words(void **state)
{
	(void)state;
	assert_int_equal(refer_client_wait_ms(REFER_WAIT_ACCEPT, 7), 10000);
	assert_int_equal(refer_client_wait_ms(REFER_WAIT_NOTIFY, 7), 32000);
	assert_int_equal(refer_client_wait_ms(REFER_WAIT_PEER, 7), 1000);
	assert_int_equal(refer_client_wait_ms(REFER_WAIT_PROBE, 7), 7);
	assert_int_equal(refer_client_wait_ms(REFER_WAIT_NOTHING, 7), 0);
	assert_string_equal(refer_client_state_name(REFER_CLIENT_PROBING), "probing");
	assert_string_equal(refer_client_state_name(99), "?");
	assert_string_equal(refer_client_event_name(EVENT(GONE)), "gone");
	assert_string_equal(refer_client_event_name(99), "?");
	assert_string_equal(refer_outcome_name(REFER_OUTCOME_PRESUMED), "presumed");
	assert_string_equal(refer_outcome_name(REFER_OUTCOME_NONE), "");
	assert_string_equal(refer_outcome_name(99), "?");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_stories),
		cmocka_unit_test(test_deadlines_end_it),
		cmocka_unit_test(test_unexpected),
		cmocka_unit_test(test_words),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
