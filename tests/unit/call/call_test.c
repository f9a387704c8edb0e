/* SPDX-License-Identifier: Apache-2.0 */
/* The call machine by stories, and the life of what a call owns. */
#include "call/call.h"

#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#define ON(trigger) CALL_ON_##trigger
#define END_BOTH                                                               \
	{                                                                      \
		CALL_DO_END_CALLER, CALL_DO_END_CALLEE, CALL_DO_SUBTRACT_MEDIA \
	}

struct step {
	enum call_trigger trigger;
	enum call_state state;
	uint8_t actions[CALL_ACTIONS_MAX];
};

#define ADMITTED                              \
	{                                     \
		ON(ADMITTED), CALL_PREPARING, \
		{                             \
			CALL_DO_ADD_MEDIA     \
		}                             \
	}
#define READY                                   \
	{                                       \
		ON(MEDIA_READY), CALL_DIALLING, \
		{                               \
			CALL_DO_DIAL            \
		}                               \
	}
#define PROGRESS                               \
	{                                      \
		ON(PROGRESS), CALL_RINGING,    \
		{                              \
			CALL_DO_RELAY_PROGRESS \
		}                              \
	}
#define ANSWER                               \
	{                                    \
		ON(ANSWER), CALL_ANSWERED,   \
		{                            \
			CALL_DO_RELAY_ANSWER \
		}                            \
	}
#define CONFIRMED                            \
	{                                    \
		ON(CONFIRMED), CALL_TALKING, \
		{                            \
			CALL_DO_BRIDGE       \
		}                            \
	}
#define SETTLED                              \
	{                                    \
		ON(SETTLED), CALL_LINGERING, \
		{                            \
			CALL_DO_RECORD       \
		}                            \
	}
#define OVER                           \
	{                              \
		ON(OVER), CALL_DONE,   \
		{                      \
			CALL_DO_FORGET \
		}                      \
	}

static const struct {
	const char *name;
	struct step steps[9];
	unsigned count;
} stories[] = {
	{"a whole call",
		{ADMITTED, READY, PROGRESS, PROGRESS, ANSWER, CONFIRMED,
			{ON(CALLER_GONE), CALL_CLEARING,
				{CALL_DO_END_CALLEE, CALL_DO_SUBTRACT_MEDIA}},
			SETTLED, OVER},
		9},
	{"the caller goes while media is prepared",
		{ADMITTED,
			{ON(CALLER_GONE), CALL_CLEARING,
				{CALL_DO_END_CALLEE, CALL_DO_SUBTRACT_MEDIA}},
			SETTLED, OVER},
		4},
	{"no media", {ADMITTED, {ON(TIMEOUT), CALL_CLEARING, END_BOTH}}, 2},
	{"media refused", {ADMITTED, {ON(MEDIA_REFUSED), CALL_CLEARING, END_BOTH}}, 2},
	{"refused",
		{ADMITTED, READY,
			{ON(REFUSED), CALL_CLEARING, {CALL_DO_END_CALLER, CALL_DO_SUBTRACT_MEDIA}}},
		3},
	{"another destination",
		{ADMITTED, READY, {ON(FAILOVER), CALL_PREPARING, {CALL_DO_NEXT_DESTINATION}}, READY,
			ANSWER},
		5},
	{"nobody answers", {ADMITTED, READY, PROGRESS, {ON(TIMEOUT), CALL_CLEARING, END_BOTH}}, 4},
	{"an answer that can't be used", {ADMITTED, READY, {ON(UNUSABLE), CALL_CLEARING, END_BOTH}},
		3},
	{"silence", {ADMITTED, READY, ANSWER, CONFIRMED, {ON(MEDIA_LOST), CALL_CLEARING, END_BOTH}},
		5},
	{"both go at once",
		{ADMITTED, READY, ANSWER, CONFIRMED,
			{ON(CALLEE_GONE), CALL_CLEARING,
				{CALL_DO_END_CALLER, CALL_DO_SUBTRACT_MEDIA}},
			{ON(CALLER_GONE), CALL_CLEARING, {0}}, {ON(TIMEOUT), CALL_CLEARING, {0}},
			SETTLED, OVER},
		9},
	{"refused before it began", {{ON(CLEAR), CALL_CLEARING, END_BOTH}, SETTLED, OVER}, 3},
};

static void test_stories(void **state)
{
	(void)state;
	for (size_t i = 0; i < TD_COUNT_OF(stories); i++) {
		struct call call = {.state = CALL_IDLE};

		for (unsigned j = 0; j < stories[i].count; j++) {
			const struct step *step = &stories[i].steps[j];
			struct call_actions actions;

			if (call_step(&call, step->trigger, &actions) != 0 ||
				call.state != step->state)
				fail_msg("%s, step %u: %s led to %s", stories[i].name, j,
					call_trigger_name(step->trigger),
					call_state_name(call.state));
			assert_int_equal(call.epoch, j + 1);
			for (unsigned k = 0; k < CALL_ACTIONS_MAX; k++)
				if ((k < actions.count ? actions.list[k] : 0) != step->actions[k])
					fail_msg("%s, step %u: action %u", stories[i].name, j, k);
		}
	}
}

static void test_unexpected_triggers_change_nothing(void **state)
{
	struct call call = {.state = CALL_TALKING, .epoch = 7};
	struct call_actions actions;

	(void)state;
	assert_int_equal(call_step(&call, ON(ANSWER), &actions), -EPROTO);
	assert_int_equal(call_step(&call, ON(ADMITTED), &actions), -EPROTO);
	assert_int_equal(call_step(&call, CALL_TRIGGER_COUNT, &actions), -EPROTO);
	assert_int_equal(call.state, CALL_TALKING);
	assert_int_equal(call.epoch, 7);
	call.state = CALL_DONE;
	for (unsigned trigger = 0; trigger < CALL_TRIGGER_COUNT; trigger++)
		assert_int_equal(call_step(&call, (enum call_trigger)trigger, &actions), -EPROTO);
	assert_string_equal(call_state_name(CALL_STATE_COUNT), "?");
	assert_string_equal(call_trigger_name(CALL_TRIGGER_COUNT), "?");
}

static void test_every_state_can_be_cleared(void **state)
{
	(void)state;
	for (unsigned from = 0; from < CALL_DONE; from++) {
		struct call call = {.state = (uint8_t)from};
		struct call_actions actions;

		assert_int_equal(call_step(&call, ON(CLEAR), &actions), 0);
		if (call.state == CALL_CLEARING)
			assert_int_equal(call_step(&call, ON(SETTLED), &actions), 0);
		assert_int_equal(call_step(&call, ON(OVER), &actions), 0);
		assert_int_equal(call.state, CALL_DONE);
	}
}

static void test_texts_are_owned_and_counted(void **state)
{
	struct heap heap = {0};
	struct call call = {.heap = &heap, .call_id = 5};
	const struct td_now now = {1000, 1};
	const struct sip_flow flow = {.connection_id = 9};
	struct leg_request **slot = &call.legs[CALL_CALLER].invite;

	(void)state;
	call_begin_leg(&call, CALL_CALLER, &now);
	call_begin_leg(&call, CALL_CALLEE, &now);
	assert_true(call.legs[CALL_CALLEE].is_uac);
	assert_int_equal(call.legs[CALL_CALLEE].leg_id, 5 << CALL_LEG_ID_BITS | 1);
	assert_int_equal(
		call_keep_request(&call, slot, SIP_METHOD_INVITE, SPAN("INVITE"), &flow), 0);
	assert_int_equal((*slot)->flow.connection_id, 9);
	assert_int_equal((*slot)->transaction, 0);
	assert_int_equal(call_set_text(&call, &call.offer, &call.offer_length, SPAN("v=0")), 0);
	assert_int_equal(heap.in_use_count, 2);
	heap.fail_countdown = 1;
	assert_int_equal(
		call_set_text(&call, &call.offer, &call.offer_length, SPAN("v=1")), -ENOMEM);
	assert_memory_equal(call.offer, "v=0", 3);
	heap.fail_countdown = 1;
	assert_int_equal(
		call_keep_request(&call, slot, SIP_METHOD_UPDATE, SPAN("UPDATE"), &flow), -ENOMEM);
	assert_memory_equal((*slot)->bytes, "INVITE", 6);
	assert_int_equal(call_keep_request(&call, &call.legs[CALL_CALLER].negotiation.asked,
				 SIP_METHOD_UPDATE, SPAN("UPDATE"), &flow),
		0);
	call_begin_leg(&call, CALL_CALLER, &now); /* forgets what the former one owned */
	assert_int_equal(heap.in_use_count, 1);
	call_fini(&call);
	assert_int_equal(heap.in_use_count, 0);
}

static void test_hold(void **state)
{
	struct call call = {0};

	(void)state;
	call.media[0].remote.mode = TD_MODE_SEND_RECEIVE;
	call.media[1].remote.mode = TD_MODE_SEND_RECEIVE;
	assert_false(call_is_on_hold(&call));
	call.media[0].has_remote = true;
	call.media[1].has_remote = true;
	assert_false(call_is_on_hold(&call));
	call.media[0].remote.mode = TD_MODE_RECEIVE; /* he only sends: the other hears his music */
	call.media[1].remote.mode = TD_MODE_SEND;
	assert_true(call_is_held_by(&call, 0));
	assert_false(call_is_held_by(&call, 1));
	assert_true(call_is_on_hold(&call));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_stories),
		cmocka_unit_test(test_unexpected_triggers_change_nothing),
		cmocka_unit_test(test_every_state_can_be_cleared),
		cmocka_unit_test(test_texts_are_owned_and_counted),
		cmocka_unit_test(test_hold),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
