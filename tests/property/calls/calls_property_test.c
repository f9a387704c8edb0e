/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The machines under random events, expected or not: whatever happened, ending works, each ACK
 * and BYE has its reason, and an offer of ours is never out twice.
 */
#include "call/call.h"
#include "leg/leg.h"
#include "leg/negotiation.h"
#include "util/siphash.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>

#include <cmocka.h>

enum {
	RUNS = 200000,
	STEPS_MAX = 24,
};

static uint8_t seed[SIPHASH_SEED_BYTES];
static uint64_t drawn;

static uint32_t below(uint32_t limit)
{
	uint64_t count = ++drawn;

	return (uint32_t)(siphash(seed, &count, sizeof(count)) % limit);
}

/* What a leg has sent, counted from its actions. */
struct sent {
	unsigned invites;
	unsigned acks;
	unsigned byes;
	unsigned finals;
	unsigned gone;
};

static void count(struct sent *sent, const struct leg_actions *actions)
{
	for (unsigned i = 0; i < actions->count; i++) {
		sent->invites += actions->list[i] == LEG_DO_INVITE;
		sent->acks += actions->list[i] == LEG_DO_ACK;
		sent->byes += actions->list[i] == LEG_DO_BYE;
		sent->finals += actions->list[i] == LEG_DO_ANSWER ||
				actions->list[i] == LEG_DO_REFUSE ||
				actions->list[i] == LEG_DO_TERMINATE;
		sent->gone +=
			actions->list[i] == LEG_TELL_GONE || actions->list[i] == LEG_TELL_REFUSED;
	}
}

static void end(struct leg *leg, struct sent *sent)
{
	static const enum leg_event ends[] = {LEG_EVENT_ORDER_HANG_UP, LEG_EVENT_REFUSED,
		LEG_EVENT_ACK_MISSING, LEG_EVENT_CLOSED};
	struct leg_actions actions;

	for (size_t i = 0; i < TD_COUNT_OF(ends); i++)
		if (leg_step(leg, ends[i], &actions) == 0)
			count(sent, &actions);
}

static void test_legs(void **state)
{
	(void)state;
	for (unsigned run = 0; run < RUNS; run++) {
		struct leg leg = {.state = LEG_IDLE};
		struct sent sent = {0};
		bool is_uas = false;

		for (unsigned step = below(STEPS_MAX); step != 0; step--) {
			struct leg_actions actions;
			uint8_t before = leg.state;
			enum leg_event event = (enum leg_event)below(LEG_EVENT_COUNT);

			if (leg_step(&leg, event, &actions) != 0) {
				assert_int_equal(leg.state, before);
				assert_int_equal(actions.count, 0);
				continue;
			}
			is_uas = is_uas || leg.state == LEG_INCOMING;
			count(&sent, &actions);
			assert_false(before == LEG_ENDED && leg.state != LEG_ENDED);
		}
		end(&leg, &sent);
		assert_true(leg_is_over(&leg));
		assert_true(sent.byes <= 1);
		assert_true(sent.gone <= 1);
		assert_int_equal(sent.finals, is_uas); /* exactly one answer to a caller */
		assert_true(sent.byes == 0 || is_uas || sent.acks != 0); /* BYE after ACK */
	}
}

/* True if an offer of ours has no outcome yet. */
static bool is_out(uint8_t negotiation)
{
	return negotiation == NEGOTIATION_OFFER_SENT || negotiation == NEGOTIATION_UPDATE_SENT ||
	       negotiation == NEGOTIATION_PAUSED || negotiation == NEGOTIATION_PAUSED_UPDATE;
}

static void test_negotiations(void **state)
{
	(void)state;
	for (unsigned run = 0; run < RUNS; run++) {
		uint8_t negotiation = NEGOTIATION_IDLE;
		int unanswered = 0; /* requests of the peer that got no final response */
		int out = 0;	    /* offers of ours without outcome */

		for (unsigned step = below(STEPS_MAX); step != 0; step--) {
			enum negotiation_event event =
				(enum negotiation_event)below(NEGOTIATION_EVENT_COUNT);
			struct negotiation_actions actions;
			uint8_t before = negotiation;

			if (negotiation_step(&negotiation, event, &actions) != 0) {
				assert_int_equal(negotiation, before);
				continue;
			}
			unanswered += event == NEGOTIATION_EVENT_INVITED ||
				      event == NEGOTIATION_EVENT_UPDATED ||
				      event == NEGOTIATION_EVENT_PRACK_OFFERED;
			for (unsigned i = 0; i < actions.count; i++) {
				uint8_t action = actions.list[i];

				unanswered -= action == NEGOTIATION_DO_ANSWER ||
					      action == NEGOTIATION_DO_REJECT ||
					      action == NEGOTIATION_DO_GLARE ||
					      action == NEGOTIATION_DO_TOO_SOON;
				out += event == NEGOTIATION_EVENT_ORDER_OFFER ||
				       event == NEGOTIATION_EVENT_ORDER_UPDATE;
				out -= is_out(before) &&
				       (action == NEGOTIATION_TELL_ANSWER ||
					       action == NEGOTIATION_TELL_REFUSED ||
					       action == NEGOTIATION_TELL_LOST);
			}
			assert_int_equal(unanswered, negotiation == NEGOTIATION_OFFER_RECEIVED);
			assert_int_equal(out, is_out(negotiation));
		}
	}
}

static void test_calls(void **state)
{
	(void)state;
	for (unsigned run = 0; run < RUNS; run++) {
		struct call call = {.state = CALL_IDLE};
		unsigned records = 0;
		unsigned removals = 0;
		struct call_actions actions;

		for (unsigned step = below(STEPS_MAX); step != 0 || call.state != CALL_DONE;
			step -= step != 0) {
			enum call_trigger trigger = (enum call_trigger)below(CALL_TRIGGER_COUNT);
			uint8_t before = call.state;

			if (call_step(&call, trigger, &actions) != 0) {
				assert_int_equal(call.state, before);
				continue;
			}
			for (unsigned i = 0; i < actions.count; i++) {
				records += actions.list[i] == CALL_DO_RECORD;
				removals += actions.list[i] == CALL_DO_SUBTRACT_MEDIA;
			}
		}
		assert_int_equal(records, 1); /* one set of records, one removal of media */
		assert_int_equal(removals, 1);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_legs),
		cmocka_unit_test(test_negotiations),
		cmocka_unit_test(test_calls),
	};
	const char *text = getenv("TANDEM_SEED");
	uint64_t number = text != NULL ? strtoull(text, NULL, 0) : 20260101;

	for (size_t i = 0; i < sizeof(number); i++)
		seed[i] = (uint8_t)(number >> 8 * i);
	(void)printf("seed: TANDEM_SEED=%llu\n", (unsigned long long)number);
	return cmocka_run_group_tests(tests, NULL, NULL);
}
