/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The leg machine by stories: each is a row of events with the state and actions that must
 * follow, the crossings of CANCEL, 2xx, ACK and BYE among them.
 */
#include "leg/leg.h"

#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

#include <cmocka.h>

struct step {
	enum leg_event event;
	enum leg_state state;
	uint8_t actions[LEG_ACTIONS_MAX];
};

struct story {
	const char *name;
	struct step steps[8];
	unsigned count;
};

#define DIAL                                       \
	{                                          \
		LEG_EVENT_ORDER_DIAL, LEG_CALLING, \
		{                                  \
			LEG_DO_INVITE              \
		}                                  \
	}
#define RING_BACK                                   \
	{                                           \
		LEG_EVENT_PROGRESS, LEG_PROCEEDING, \
		{                                   \
			LEG_TELL_PROGRESS           \
		}                                   \
	}
#define ANSWERED                                      \
	{                                             \
		LEG_EVENT_ACCEPTED, LEG_ACTIVE,       \
		{                                     \
			LEG_DO_ACK, LEG_TELL_ANSWERED \
		}                                     \
	}
#define INVITED                                  \
	{                                        \
		LEG_EVENT_INVITED, LEG_INCOMING, \
		{                                \
			LEG_TELL_INVITED         \
		}                                \
	}
#define ANSWER                                        \
	{                                             \
		LEG_EVENT_ORDER_ANSWER, LEG_ANSWERED, \
		{                                     \
			LEG_DO_ANSWER                 \
		}                                     \
	}
#define ACKNOWLEDGED                                        \
	{                                                   \
		LEG_EVENT_ACKNOWLEDGED, LEG_ACTIVE,         \
		{                                           \
			LEG_DO_STOP_2XX, LEG_TELL_CONFIRMED \
		}                                           \
	}
#define CLOSED                               \
	{                                    \
		LEG_EVENT_CLOSED, LEG_ENDED, \
		{                            \
			0                    \
		}                            \
	}

static const struct story stories[] = {
	{"they call, our answer waits for a PRACK",
		{INVITED, {LEG_EVENT_ORDER_RING, LEG_ALERTING, {LEG_DO_PROGRESS}},
			{LEG_EVENT_ORDER_ACCEPT, LEG_ACCEPTING, {0}},
			{LEG_EVENT_ORDER_RING, LEG_ACCEPTING, {0}}, ANSWER, ACKNOWLEDGED},
		6},
	{"they cancel while our answer waits",
		{INVITED, {LEG_EVENT_ORDER_ACCEPT, LEG_ACCEPTING, {0}},
			{LEG_EVENT_CANCELLED, LEG_ENDING, {LEG_DO_TERMINATE, LEG_TELL_GONE}},
			CLOSED},
		4},
	{"we give up while our answer waits",
		{INVITED, {LEG_EVENT_ORDER_ACCEPT, LEG_ACCEPTING, {0}},
			{LEG_EVENT_ORDER_HANG_UP, LEG_ENDING, {LEG_DO_REFUSE}}, CLOSED},
		4},
	{"we call, they answer, we hang up",
		{DIAL, {LEG_EVENT_TRYING, LEG_PROCEEDING, {0}}, RING_BACK, RING_BACK, ANSWERED,
			{LEG_EVENT_ORDER_HANG_UP, LEG_ENDING, {LEG_DO_BYE}}, CLOSED},
		7},
	{"a repeated 2xx gets another ACK",
		{DIAL, ANSWERED, {LEG_EVENT_ACCEPTED, LEG_ACTIVE, {LEG_DO_ACK}},
			{LEG_EVENT_ORDER_HANG_UP, LEG_ENDING, {LEG_DO_BYE}},
			{LEG_EVENT_ACCEPTED, LEG_ENDING, {LEG_DO_ACK}}, CLOSED,
			{LEG_EVENT_ACCEPTED, LEG_ENDED, {LEG_DO_ACK}}},
		7},
	{"they refuse", {DIAL, {LEG_EVENT_REFUSED, LEG_ENDED, {LEG_TELL_REFUSED}}}, 2},
	{"they ask for credentials",
		{DIAL, {LEG_EVENT_CHALLENGED, LEG_CALLING, {LEG_DO_INVITE}}, RING_BACK, ANSWERED},
		4},
	{"cancelled",
		{DIAL, RING_BACK, {LEG_EVENT_ORDER_HANG_UP, LEG_CANCELLING, {LEG_DO_CANCEL}},
			{LEG_EVENT_REFUSED, LEG_ENDED, {0}}},
		4},
	{"cancelled before any response",
		{DIAL, {LEG_EVENT_ORDER_HANG_UP, LEG_CANCELLING, {LEG_DO_CANCEL}},
			{LEG_EVENT_PROGRESS, LEG_CANCELLING, {0}},
			{LEG_EVENT_CHALLENGED, LEG_ENDED, {0}}},
		4},
	{"CANCEL crosses the 2xx",
		{DIAL, RING_BACK, {LEG_EVENT_ORDER_HANG_UP, LEG_CANCELLING, {LEG_DO_CANCEL}},
			{LEG_EVENT_ACCEPTED, LEG_ENDING, {LEG_DO_ACK, LEG_DO_BYE}}, CLOSED},
		5},
	{"2xx with an offer",
		{DIAL, {LEG_EVENT_COUNTERED, LEG_CONFIRMING, {LEG_TELL_ANSWERED}},
			{LEG_EVENT_COUNTERED, LEG_CONFIRMING, {0}},
			{LEG_EVENT_ORDER_ACKNOWLEDGE, LEG_ACTIVE, {LEG_DO_ACK}}},
		4},
	{"2xx with an offer, and nobody to answer it",
		{DIAL, {LEG_EVENT_COUNTERED, LEG_CONFIRMING, {LEG_TELL_ANSWERED}},
			{LEG_EVENT_ORDER_HANG_UP, LEG_ENDING, {LEG_DO_ACK, LEG_DO_BYE}}},
		3},
	{"they call, we answer, they hang up",
		{INVITED, {LEG_EVENT_ORDER_RING, LEG_ALERTING, {LEG_DO_PROGRESS}}, ANSWER,
			ACKNOWLEDGED,
			{LEG_EVENT_HUNG_UP, LEG_ENDED, {LEG_DO_ACCEPT_BYE, LEG_TELL_GONE}}},
		5},
	{"they cancel",
		{INVITED, {LEG_EVENT_CANCELLED, LEG_ENDING, {LEG_DO_TERMINATE, LEG_TELL_GONE}},
			CLOSED},
		3},
	{"CANCEL comes too late",
		{INVITED, ANSWER, {LEG_EVENT_CANCELLED, LEG_ANSWERED, {0}}, ACKNOWLEDGED}, 4},
	{"BYE in an early dialog",
		{INVITED, {LEG_EVENT_ORDER_RING, LEG_ALERTING, {LEG_DO_PROGRESS}},
			{LEG_EVENT_HUNG_UP, LEG_ENDING,
				{LEG_DO_ACCEPT_BYE, LEG_DO_TERMINATE, LEG_TELL_GONE}}},
		3},
	{"we refuse", {INVITED, {LEG_EVENT_ORDER_HANG_UP, LEG_ENDING, {LEG_DO_REFUSE}}, CLOSED}, 3},
	{"BYE overtakes the ACK",
		{INVITED, ANSWER,
			{LEG_EVENT_HUNG_UP, LEG_ENDED,
				{LEG_DO_ACCEPT_BYE, LEG_DO_STOP_2XX, LEG_TELL_GONE}}},
		3},
	{"our BYE waits for the ACK",
		{INVITED, ANSWER, {LEG_EVENT_ORDER_HANG_UP, LEG_PARTING, {0}},
			{LEG_EVENT_ACKNOWLEDGED, LEG_ENDING, {LEG_DO_STOP_2XX, LEG_DO_BYE}},
			CLOSED},
		5},
	{"our BYE waits for the ACK in vain",
		{INVITED, ANSWER, {LEG_EVENT_ORDER_HANG_UP, LEG_PARTING, {0}},
			{LEG_EVENT_ACK_MISSING, LEG_ENDING, {LEG_DO_BYE}}},
		4},
	{"the ACK never comes",
		{INVITED, ANSWER, {LEG_EVENT_ACK_MISSING, LEG_ENDING, {LEG_TELL_GONE, LEG_DO_BYE}},
			CLOSED},
		4},
	{"BYE crosses BYE",
		{DIAL, ANSWERED, {LEG_EVENT_ORDER_HANG_UP, LEG_ENDING, {LEG_DO_BYE}},
			{LEG_EVENT_HUNG_UP, LEG_ENDING, {LEG_DO_ACCEPT_BYE}}, CLOSED},
		5},
	{"the dialog is gone",
		{DIAL, ANSWERED, {LEG_EVENT_LOST, LEG_ENDING, {LEG_TELL_GONE, LEG_DO_BYE}}, CLOSED},
		4},
	{"hung up before it began", {{LEG_EVENT_ORDER_HANG_UP, LEG_ENDED, {0}}}, 1},
};

static void test_stories(void **state)
{
	(void)state;
	for (size_t i = 0; i < TD_COUNT_OF(stories); i++) {
		struct leg leg = {.state = LEG_IDLE};

		for (unsigned j = 0; j < stories[i].count; j++) {
			const struct step *step = &stories[i].steps[j];
			struct leg_actions actions;

			if (leg_step(&leg, step->event, &actions) != 0 || leg.state != step->state)
				fail_msg("%s, step %u: %s led to %s", stories[i].name, j,
					leg_event_name(step->event), leg_state_name(leg.state));
			for (unsigned k = 0; k < LEG_ACTIONS_MAX; k++)
				if ((k < actions.count ? actions.list[k] : 0) != step->actions[k])
					fail_msg("%s, step %u: action %u", stories[i].name, j, k);
		}
	}
}

static void test_unexpected_events_change_nothing(void **state)
{
	static const struct {
		enum leg_state state;
		enum leg_event event;
	} cases[] = {
		{LEG_IDLE, LEG_EVENT_ACCEPTED},
		{LEG_IDLE, LEG_EVENT_HUNG_UP},
		{LEG_CALLING, LEG_EVENT_INVITED},
		{LEG_CALLING, LEG_EVENT_ORDER_RING},
		{LEG_INCOMING, LEG_EVENT_ACKNOWLEDGED},
		{LEG_INCOMING, LEG_EVENT_ACCEPTED},
		{LEG_ANSWERED, LEG_EVENT_ORDER_RING},
		{LEG_ACTIVE, LEG_EVENT_ORDER_ANSWER},
		{LEG_ACTIVE, LEG_EVENT_ORDER_DIAL},
		{LEG_ENDED, LEG_EVENT_ORDER_DIAL},
	};

	(void)state;
	for (size_t i = 0; i < TD_COUNT_OF(cases); i++) {
		struct leg leg = {.state = (uint8_t)cases[i].state};
		struct leg_actions actions = {.count = 9};

		assert_int_equal(leg_step(&leg, cases[i].event, &actions), -EPROTO);
		assert_int_equal(leg.state, cases[i].state);
		assert_int_equal(actions.count, 0);
	}
}

/* From every state the order to hang up, and then what the network may do, must end the leg. */
static void test_every_state_can_be_ended(void **state)
{
	static const enum leg_event ends[] = {
		LEG_EVENT_REFUSED, LEG_EVENT_ACK_MISSING, LEG_EVENT_CLOSED};

	(void)state;
	for (unsigned from = 0; from < LEG_STATE_COUNT; from++) {
		struct leg leg = {.state = (uint8_t)from};
		struct leg_actions actions;

		assert_int_equal(leg_step(&leg, LEG_EVENT_ORDER_HANG_UP, &actions), 0);
		for (size_t i = 0; i < TD_COUNT_OF(ends) && leg.state != LEG_ENDED; i++)
			(void)leg_step(&leg, ends[i], &actions);
		assert_true(leg_is_over(&leg));
		assert_true(leg_is_settled(&leg));
	}
}

static void test_wrong_values_are_refused(void **state)
{
	struct leg leg = {.state = LEG_STATE_COUNT};
	struct leg_actions actions;

	(void)state;
	assert_int_equal(leg_step(&leg, LEG_EVENT_HUNG_UP, &actions), -EPROTO);
	leg.state = LEG_ACTIVE;
	assert_int_equal(leg_step(&leg, LEG_EVENT_COUNT, &actions), -EPROTO);
	assert_string_equal(leg_state_name(LEG_ACTIVE), "active");
	assert_string_equal(leg_state_name(LEG_STATE_COUNT), "?");
	assert_string_equal(leg_event_name(LEG_EVENT_HUNG_UP), "hung_up");
	assert_string_equal(leg_event_name(LEG_EVENT_COUNT), "?");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_stories),
		cmocka_unit_test(test_unexpected_events_change_nothing),
		cmocka_unit_test(test_every_state_can_be_ended),
		cmocka_unit_test(test_wrong_values_are_refused),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
