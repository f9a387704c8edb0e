/* SPDX-License-Identifier: Apache-2.0 */
/* The negotiation machine by stories, and the pauses of RFC 3261 14.1. */
#include "leg/negotiation.h"

#include <tandem/compiler.h>

#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#define EVENT(name) NEGOTIATION_EVENT_##name
#define IN(name) NEGOTIATION_##name

static const struct {
	const char *name;
	struct {
		enum negotiation_event event;
		enum negotiation_state state;
		uint8_t actions[NEGOTIATION_ACTIONS_MAX];
	} steps[6];
	unsigned count;
} stories[] = {
	{"they ask, we agree",
		{{EVENT(INVITED), IN(OFFER_RECEIVED), {NEGOTIATION_TELL_OFFER}},
			{EVENT(ORDER_ANSWER), IN(ANSWER_SENT), {NEGOTIATION_DO_ANSWER}},
			{EVENT(ACKNOWLEDGED), IN(IDLE),
				{NEGOTIATION_DO_STOP_2XX, NEGOTIATION_TELL_CONFIRMED}}},
		3},
	{"they ask by UPDATE: no ACK follows",
		{{EVENT(UPDATED), IN(OFFER_RECEIVED), {NEGOTIATION_TELL_OFFER}},
			{EVENT(ORDER_ANSWER_UPDATE), IN(IDLE), {NEGOTIATION_DO_ANSWER}}},
		2},
	{"they ask, we refuse",
		{{EVENT(INVITED), IN(OFFER_RECEIVED), {NEGOTIATION_TELL_OFFER}},
			{EVENT(ORDER_REJECT), IN(IDLE), {NEGOTIATION_DO_REJECT}}},
		2},
	{"they ask twice",
		{{EVENT(INVITED), IN(OFFER_RECEIVED), {NEGOTIATION_TELL_OFFER}},
			{EVENT(INVITED), IN(OFFER_RECEIVED), {NEGOTIATION_DO_TOO_SOON}},
			{EVENT(UPDATED), IN(OFFER_RECEIVED), {NEGOTIATION_DO_TOO_SOON}}},
		3},
	{"they ask again before the ACK",
		{{EVENT(INVITED), IN(OFFER_RECEIVED), {NEGOTIATION_TELL_OFFER}},
			{EVENT(ORDER_ANSWER), IN(ANSWER_SENT), {NEGOTIATION_DO_ANSWER}},
			{EVENT(INVITED), IN(ANSWER_SENT), {NEGOTIATION_DO_GLARE}}},
		3},
	{"the ACK never comes",
		{{EVENT(INVITED), IN(OFFER_RECEIVED), {NEGOTIATION_TELL_OFFER}},
			{EVENT(ORDER_ANSWER), IN(ANSWER_SENT), {NEGOTIATION_DO_ANSWER}},
			{EVENT(ACK_MISSING), IN(IDLE), {NEGOTIATION_TELL_LOST}}},
		3},
	{"we ask, they agree, and repeat themselves",
		{{EVENT(ORDER_OFFER), IN(OFFER_SENT), {NEGOTIATION_DO_REINVITE}},
			{EVENT(ACCEPTED), IN(IDLE), {NEGOTIATION_DO_ACK, NEGOTIATION_TELL_ANSWER}},
			{EVENT(ACCEPTED), IN(IDLE), {NEGOTIATION_DO_ACK}}},
		3},
	{"we ask without offer",
		{{EVENT(ORDER_OFFER), IN(OFFER_SENT), {NEGOTIATION_DO_REINVITE}},
			{EVENT(COUNTERED), IN(ACK_OWED), {NEGOTIATION_TELL_ANSWER}},
			{EVENT(COUNTERED), IN(ACK_OWED), {0}},
			{EVENT(INVITED), IN(ACK_OWED), {NEGOTIATION_DO_GLARE}},
			{EVENT(ORDER_ACKNOWLEDGE), IN(IDLE), {NEGOTIATION_DO_ACK}}},
		5},
	{"we ask, they refuse",
		{{EVENT(ORDER_OFFER), IN(OFFER_SENT), {NEGOTIATION_DO_REINVITE}},
			{EVENT(REFUSED), IN(IDLE), {NEGOTIATION_TELL_REFUSED}}},
		2},
	{"we ask, they are gone",
		{{EVENT(ORDER_OFFER), IN(OFFER_SENT), {NEGOTIATION_DO_REINVITE}},
			{EVENT(LOST), IN(IDLE), {NEGOTIATION_TELL_LOST}}},
		2},
	{"glare, repeated after the pause",
		{{EVENT(ORDER_OFFER), IN(OFFER_SENT), {NEGOTIATION_DO_REINVITE}},
			{EVENT(INVITED), IN(OFFER_SENT), {NEGOTIATION_DO_GLARE}},
			{EVENT(GLARED), IN(PAUSED), {NEGOTIATION_DO_PAUSE}},
			{EVENT(PAUSE_OVER), IN(OFFER_SENT), {NEGOTIATION_DO_REINVITE}},
			{EVENT(ACCEPTED), IN(IDLE), {NEGOTIATION_DO_ACK, NEGOTIATION_TELL_ANSWER}}},
		5},
	{"glare, the peer goes first",
		{{EVENT(ORDER_OFFER), IN(OFFER_SENT), {NEGOTIATION_DO_REINVITE}},
			{EVENT(GLARED), IN(PAUSED), {NEGOTIATION_DO_PAUSE}},
			{EVENT(INVITED), IN(OFFER_RECEIVED),
				{NEGOTIATION_TELL_REFUSED, NEGOTIATION_TELL_OFFER}},
			{EVENT(ORDER_ANSWER), IN(ANSWER_SENT), {NEGOTIATION_DO_ANSWER}}},
		4},
	{"glare for ever",
		{{EVENT(ORDER_OFFER), IN(OFFER_SENT), {NEGOTIATION_DO_REINVITE}},
			{EVENT(GLARED), IN(PAUSED), {NEGOTIATION_DO_PAUSE}},
			{EVENT(ORDER_GIVE_UP), IN(IDLE), {NEGOTIATION_TELL_REFUSED}}},
		3},
	{"our first INVITE, answered in a reliable 18x",
		{{EVENT(ORDER_CALL), IN(FIRST_SENT), {0}},
			{EVENT(UPDATED), IN(FIRST_SENT), {NEGOTIATION_DO_GLARE}},
			{EVENT(EARLY_ANSWER), IN(IDLE), {0}},
			{EVENT(UPDATED), IN(OFFER_RECEIVED), {NEGOTIATION_TELL_OFFER}},
			{EVENT(CONNECTED), IN(OFFER_RECEIVED), {0}},
			{EVENT(ORDER_ANSWER_UPDATE), IN(IDLE), {NEGOTIATION_DO_ANSWER}}},
		6},
	{"our first INVITE without offer: theirs comes early",
		{{EVENT(ORDER_CALL), IN(FIRST_SENT), {0}},
			{EVENT(EARLY_OFFER), IN(PRACK_OWED), {0}},
			{EVENT(UPDATED), IN(PRACK_OWED), {NEGOTIATION_DO_TOO_SOON}},
			{EVENT(ORDER_PRACK), IN(IDLE), {NEGOTIATION_DO_PRACK}},
			{EVENT(CONNECTED), IN(IDLE), {0}}},
		5},
	{"their first INVITE, answered in a reliable 18x",
		{{EVENT(ORDER_TAKE), IN(FIRST_RECEIVED), {0}},
			{EVENT(UPDATED), IN(FIRST_RECEIVED), {NEGOTIATION_DO_TOO_SOON}},
			{EVENT(ORDER_EARLY_ANSWER), IN(EARLY_ANSWERED), {0}},
			{EVENT(PRACKED), IN(IDLE), {0}},
			{EVENT(ORDER_UPDATE), IN(UPDATE_SENT), {NEGOTIATION_DO_UPDATE}},
			{EVENT(ANSWERED), IN(IDLE), {NEGOTIATION_TELL_ANSWER}}},
		6},
	{"they offer again in the PRACK",
		{{EVENT(ORDER_TAKE), IN(FIRST_RECEIVED), {0}},
			{EVENT(ORDER_EARLY_ANSWER), IN(EARLY_ANSWERED), {0}},
			{EVENT(PRACK_OFFERED), IN(OFFER_RECEIVED), {NEGOTIATION_TELL_OFFER}},
			{EVENT(ORDER_ANSWER_UPDATE), IN(IDLE), {NEGOTIATION_DO_ANSWER}}},
		4},
	{"their first INVITE without offer: ours goes early",
		{{EVENT(ORDER_TAKE), IN(FIRST_RECEIVED), {0}},
			{EVENT(ORDER_EARLY_OFFER), IN(EARLY_OFFERED), {0}},
			{EVENT(UPDATED), IN(EARLY_OFFERED), {NEGOTIATION_DO_GLARE}},
			{EVENT(PRACKED), IN(IDLE), {NEGOTIATION_TELL_ANSWER}},
			{EVENT(CONNECTED), IN(IDLE), {0}}},
		5},
	{"their first INVITE, answered by 2xx alone",
		{{EVENT(ORDER_TAKE), IN(FIRST_RECEIVED), {0}},
			{EVENT(PRACKED), IN(FIRST_RECEIVED), {0}}, /* of a bare 180 */
			{EVENT(CONNECTED), IN(IDLE), {0}}},
		3},
	{"UPDATE glares, and goes again as UPDATE",
		{{EVENT(ORDER_UPDATE), IN(UPDATE_SENT), {NEGOTIATION_DO_UPDATE}},
			{EVENT(UPDATED), IN(UPDATE_SENT), {NEGOTIATION_DO_GLARE}},
			{EVENT(GLARED), IN(PAUSED_UPDATE), {NEGOTIATION_DO_PAUSE}},
			{EVENT(PAUSE_OVER), IN(UPDATE_SENT), {NEGOTIATION_DO_UPDATE}},
			{EVENT(REFUSED), IN(IDLE), {NEGOTIATION_TELL_REFUSED}}},
		5},
	{"they ask for credentials",
		{{EVENT(ORDER_OFFER), IN(OFFER_SENT), {NEGOTIATION_DO_REINVITE}},
			{EVENT(CHALLENGED), IN(OFFER_SENT), {NEGOTIATION_DO_REINVITE}}},
		2},
};

static void test_stories(void **unused)
{
	(void)unused;
	for (size_t i = 0; i < TD_COUNT_OF(stories); i++) {
		uint8_t state = NEGOTIATION_IDLE;

		for (unsigned j = 0; j < stories[i].count; j++) {
			struct negotiation_actions actions;

			if (negotiation_step(&state, stories[i].steps[j].event, &actions) != 0 ||
				state != stories[i].steps[j].state)
				fail_msg("%s, step %u: in %s", stories[i].name, j,
					negotiation_state_name(state));
			for (unsigned k = 0; k < NEGOTIATION_ACTIONS_MAX; k++)
				if ((k < actions.count ? actions.list[k] : 0) !=
					stories[i].steps[j].actions[k])
					fail_msg("%s, step %u: action %u", stories[i].name, j, k);
		}
	}
}

static void test_unexpected_events_change_nothing(void **unused)
{
	uint8_t state = NEGOTIATION_IDLE;
	struct negotiation_actions actions;

	(void)unused;
	assert_int_equal(negotiation_step(&state, EVENT(ORDER_ANSWER), &actions), -EPROTO);
	assert_int_equal(negotiation_step(&state, EVENT(PAUSE_OVER), &actions), -EPROTO);
	assert_int_equal(state, NEGOTIATION_IDLE);
	state = NEGOTIATION_OFFER_RECEIVED;
	assert_int_equal(negotiation_step(&state, EVENT(ORDER_OFFER), &actions), -EPROTO);
	assert_int_equal(state, NEGOTIATION_OFFER_RECEIVED);
	state = NEGOTIATION_STATE_COUNT;
	assert_int_equal(negotiation_step(&state, EVENT(INVITED), &actions), -EPROTO);
	assert_string_equal(negotiation_state_name(NEGOTIATION_STATE_COUNT), "?");
}

static void test_pauses(void **unused)
{
	uint32_t least_owner = UINT32_MAX, most_owner = 0, least_other = UINT32_MAX, most_other = 0;

	(void)unused;
	for (uint64_t random = 0; random < 5000; random++) {
		uint32_t owner = negotiation_pause_ms(true, random);
		uint32_t other = negotiation_pause_ms(false, random);

		assert_int_equal(owner % 10, 0);
		assert_int_equal(other % 10, 0);
		least_owner = owner < least_owner ? owner : least_owner;
		most_owner = owner > most_owner ? owner : most_owner;
		least_other = other < least_other ? other : least_other;
		most_other = other > most_other ? other : most_other;
	}
	assert_int_equal(least_owner, 2100);
	assert_int_equal(most_owner, 4000);
	assert_int_equal(least_other, 0);
	assert_int_equal(most_other, 2000);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_stories),
		cmocka_unit_test(test_unexpected_events_change_nothing),
		cmocka_unit_test(test_pauses),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
