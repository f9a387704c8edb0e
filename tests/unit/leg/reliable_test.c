/* SPDX-License-Identifier: Apache-2.0 */
/* The machine of reliable provisional responses by stories (RFC 3262 3). */
#include "leg/reliable.h"

#include <tandem/compiler.h>

#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#define EVENT(name) RELIABLE_EVENT_##name
#define IN(name) RELIABLE_##name

static const struct {
	const char *name;
	struct {
		enum reliable_event event;
		enum reliable_state state;
		uint8_t actions[RELIABLE_ACTIONS_MAX];
	} steps[6];
	unsigned count;
} stories[] = {
	{"one after the other",
		{{EVENT(ORDER_SEND), IN(SENT), {RELIABLE_DO_SEND}},
			{EVENT(PRACKED), IN(IDLE), {RELIABLE_DO_STOP}},
			{EVENT(ORDER_SEND), IN(SENT), {RELIABLE_DO_SEND}},
			{EVENT(PRACKED), IN(IDLE), {RELIABLE_DO_STOP}},
			{EVENT(ORDER_FINAL), IN(IDLE), {0}}},
		5},
	{"one at a time",
		{{EVENT(ORDER_SEND), IN(SENT), {RELIABLE_DO_SEND}},
			{EVENT(ORDER_SEND), IN(QUEUED), {RELIABLE_DO_KEEP}},
			{EVENT(ORDER_SEND), IN(QUEUED), {RELIABLE_DO_KEEP}},
			{EVENT(PRACKED), IN(SENT), {RELIABLE_DO_STOP, RELIABLE_DO_SEND_KEPT}},
			{EVENT(PRACKED), IN(IDLE), {RELIABLE_DO_STOP}}},
		5},
	{"a final response goes out first",
		{{EVENT(ORDER_SEND), IN(SENT), {RELIABLE_DO_SEND}},
			{EVENT(ORDER_FINAL), IN(LATE), {0}}, {EVENT(EXPIRED), IN(LATE), {0}},
			{EVENT(ORDER_FINAL), IN(LATE), {0}}, {EVENT(PRACKED), IN(IDLE), {0}}},
		5},
	{"what waits isn't sent after a final response",
		{{EVENT(ORDER_SEND), IN(SENT), {RELIABLE_DO_SEND}},
			{EVENT(ORDER_SEND), IN(QUEUED), {RELIABLE_DO_KEEP}},
			{EVENT(ORDER_FINAL), IN(LATE), {0}}, {EVENT(PRACKED), IN(IDLE), {0}}},
		4},
	{"no PRACK",
		{{EVENT(ORDER_SEND), IN(SENT), {RELIABLE_DO_SEND}},
			{EVENT(EXPIRED), IN(IDLE), {RELIABLE_TELL_EXPIRED}}},
		2},
	{"no PRACK, and another waits",
		{{EVENT(ORDER_SEND), IN(SENT), {RELIABLE_DO_SEND}},
			{EVENT(ORDER_SEND), IN(QUEUED), {RELIABLE_DO_KEEP}},
			{EVENT(EXPIRED), IN(IDLE), {RELIABLE_TELL_EXPIRED}}},
		3},
};

static void test_stories(void **unused)
{
	(void)unused;
	for (size_t i = 0; i < TD_COUNT_OF(stories); i++) {
		uint8_t state = RELIABLE_IDLE;

		for (unsigned j = 0; j < stories[i].count; j++) {
			struct reliable_actions actions;

			if (reliable_step(&state, stories[i].steps[j].event, &actions) != 0 ||
				state != stories[i].steps[j].state)
				fail_msg("%s, step %u: in %s", stories[i].name, j,
					reliable_state_name(state));
			for (unsigned k = 0; k < RELIABLE_ACTIONS_MAX; k++)
				if ((k < actions.count ? actions.list[k] : 0) !=
					stories[i].steps[j].actions[k])
					fail_msg("%s, step %u: action %u", stories[i].name, j, k);
		}
	}
}

static void test_unexpected_events_change_nothing(void **unused)
{
	uint8_t state = RELIABLE_IDLE;
	struct reliable_actions actions;

	(void)unused;
	assert_int_equal(reliable_step(&state, EVENT(PRACKED), &actions), -EPROTO);
	assert_int_equal(reliable_step(&state, EVENT(EXPIRED), &actions), -EPROTO);
	assert_int_equal(state, RELIABLE_IDLE);
	state = RELIABLE_LATE;
	assert_int_equal(reliable_step(&state, EVENT(ORDER_SEND), &actions), -EPROTO);
	state = RELIABLE_STATE_COUNT;
	assert_int_equal(reliable_step(&state, EVENT(PRACKED), &actions), -EPROTO);
	assert_string_equal(reliable_state_name(RELIABLE_STATE_COUNT), "?");
}

static void test_2xx_waits_for_bodies_alone(void **unused)
{
	struct reliable reliable = {.state = RELIABLE_SENT};

	(void)unused;
	assert_false(reliable_holds_2xx(&reliable));
	reliable.has_body = true;
	assert_true(reliable_holds_2xx(&reliable));
	reliable.state = RELIABLE_QUEUED;
	assert_true(reliable_holds_2xx(&reliable));
	reliable.state = RELIABLE_LATE;
	assert_false(reliable_holds_2xx(&reliable));
}

static void test_first_rseq(void **unused)
{
	(void)unused;
	assert_int_equal(reliable_first_rseq(0), 1);
	assert_int_equal(reliable_first_rseq(UINT64_MAX) >> 31, 0);
	assert_true(reliable_first_rseq(0x7ffffffe) == 0x7fffffff);
	assert_int_equal(reliable_first_rseq(0x7fffffff), 1);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_stories),
		cmocka_unit_test(test_unexpected_events_change_nothing),
		cmocka_unit_test(test_2xx_waits_for_bodies_alone),
		cmocka_unit_test(test_first_rseq),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
