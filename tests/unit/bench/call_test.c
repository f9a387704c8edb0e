/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Both sides of a call, face to face and with what can go wrong: losses, refusals, a hang-up too
 * early, a body that wasn't changed. Time is a variable.
 */
#include "calls/call.h"

#include <tandem/time.h>

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

enum {
	MESSAGES_MAX = 64,
};

static const uint64_t t1_ns = 500ull * TD_NS_PER_MS;
static const uint64_t t2_ns = 4000ull * TD_NS_PER_MS;

/* A stage whose messages wait until the test carries them over. */
struct theatre {
	struct call_config config;
	struct calendar calendar;
	struct call_measures measures;
	struct call_stage stage;
	struct call call;
	uint64_t now_ns;
	unsigned sent;
	unsigned taken;
	enum call_side from[MESSAGES_MAX];
	char texts[MESSAGES_MAX][CALL_MESSAGE_BYTES];
};

static uint64_t send_message(
	void *context, unsigned pair, enum call_side side, struct piece message)
{
	struct theatre *theatre = context;

	assert_int_equal(pair, 0);
	assert_true(theatre->sent < MESSAGES_MAX);
	assert_true(message.length > 0 && message.length < CALL_MESSAGE_BYTES);
	memcpy(theatre->texts[theatre->sent], message.text, message.length);
	theatre->texts[theatre->sent][message.length] = '\0';
	theatre->from[theatre->sent++] = side;
	return theatre->now_ns;
}

static struct theatre *open_theatre(void)
{
	struct theatre *theatre = calloc(1, sizeof(*theatre));
	struct call_pair *pair;

	assert_non_null(theatre);
	theatre->config = (struct call_config){.pair_count = 1,
		.t1_ns = t1_ns,
		.t2_ns = t2_ns,
		.ring_ns = 20 * TD_NS_PER_MS,
		.has_retransmissions = true,
		.is_direct = true};
	pair = &theatre->config.pairs[0];
	(void)strcpy(pair->ip[0], "192.0.2.1");
	(void)strcpy(pair->ip[1], "192.0.2.2");
	(void)strcpy(pair->host[0], "192.0.2.1:5060");
	(void)strcpy(pair->host[1], "192.0.2.2:5060");
	(void)strcpy(theatre->config.target_host, "192.0.2.9:5060");
	assert_int_equal(calendar_init(&theatre->calendar, CALL_SIDES), 0);
	theatre->stage = (struct call_stage){
		&theatre->config, &theatre->calendar, &theatre->measures, theatre, send_message};
	theatre->now_ns = 1000 * (uint64_t)TD_NS_PER_S;
	theatre->call = (struct call){.id = 4711, .is_measured = true, .hang_up_ns = TD_NS_PER_S};
	theatre->call.intended_ns = theatre->now_ns;
	for (unsigned side = 0; side < CALL_SIDES; side++) {
		theatre->call.dates[side].kind = side;
		call_stop_repeats(&theatre->call, (enum call_side)side);
	}
	caller_begin(&theatre->stage, &theatre->call, theatre->now_ns);
	return theatre;
}

static void close_theatre(struct theatre *theatre)
{
	call_fini(&theatre->call);
	calendar_fini(&theatre->calendar);
	free(theatre);
}

/* Gives one message to the side that it is for, a millisecond after it was sent. */
static void carry_one(struct theatre *theatre)
{
	const char *text = theatre->texts[theatre->taken];
	enum call_side to = theatre->from[theatre->taken++] ^ 1;
	struct sip_view view;
	uint32_t id = 0;

	theatre->now_ns += TD_NS_PER_MS;
	assert_int_equal(sip_view_read(text, strlen(text), &view), 0);
	assert_true(to == CALL_SIDE_CALLER ? message_caller_id(&view, &id)
					   : message_callee_id(&view, &id));
	assert_int_equal(id, 4711);
	if (to == CALL_SIDE_CALLER)
		caller_receive(&theatre->stage, &theatre->call, &view, theatre->now_ns);
	else
		callee_receive(&theatre->stage, &theatre->call, &view, theatre->now_ns);
}

static void carry_all(struct theatre *theatre)
{
	while (theatre->taken != theatre->sent)
		carry_one(theatre);
}

/* Jumps to the next date and acts on it. False: there is none. */
static bool next(struct theatre *theatre)
{
	uint64_t due_ns = calendar_next_ns(&theatre->calendar);
	struct calendar_date *date;

	if (due_ns == TD_NEVER)
		return false;
	if (due_ns > theatre->now_ns)
		theatre->now_ns = due_ns;
	date = calendar_take(&theatre->calendar, theatre->now_ns);
	assert_non_null(date);
	if (date->kind == CALL_SIDE_CALLER)
		caller_due(&theatre->stage, &theatre->call, theatre->now_ns);
	else
		callee_due(&theatre->stage, &theatre->call, theatre->now_ns);
	return true;
}

/* What the last message begins with. */
static bool last_is(const struct theatre *theatre, const char *begin)
{
	return theatre->sent != 0 &&
	       strncmp(theatre->texts[theatre->sent - 1], begin, strlen(begin)) == 0;
}

static void give(struct theatre *theatre, const char *status, const char *more)
{
	char text[CALL_MESSAGE_BYTES];
	struct sip_view view;

	(void)snprintf(text, sizeof(text),
		"SIP/2.0 %s\r\nVia: SIP/2.0/UDP h;branch=b\r\nFrom: <sip:a@h>;tag=caller\r\n"
		"To: <sip:b@h>;tag=t\r\nCall-ID: 0000004711-tandem-bench@h\r\nCSeq: %s\r\n\r\n",
		status, more);
	assert_int_equal(sip_view_read(text, strlen(text), &view), 0);
	caller_receive(&theatre->stage, &theatre->call, &view, theatre->now_ns);
}

static void test_a_whole_call(void **state)
{
	struct theatre *theatre = open_theatre();

	(void)state;
	carry_all(theatre); /* INVITE, 180 */
	assert_true(last_is(theatre, "SIP/2.0 180 "));
	assert_true(next(theatre)); /* the ring time is over */
	assert_true(last_is(theatre, "SIP/2.0 200 "));
	carry_all(theatre); /* 200, ACK */
	assert_int_equal(theatre->call.caller, CALLER_HOLDING);
	assert_int_equal(theatre->call.callee, CALLEE_CONFIRMED);
	assert_null(theatre->call.response);
	assert_true(next(theatre)); /* the hold time is over */
	assert_true(last_is(theatre, "BYE sip:+49300000004711@192.0.2.2:5060 SIP/2.0"));
	carry_all(theatre);
	assert_false(next(theatre));
	assert_int_equal(call_verdict(&theatre->call), CALL_FAILURE_NONE);
	assert_int_equal(theatre->sent, 6);
	assert_int_equal(theatre->measures.retransmitted, 0);
	for (unsigned i = 0; i < CALL_CROSSING_COUNT; i++) {
		assert_int_equal(theatre->measures.added[i].count, 1);
		assert_int_equal(theatre->measures.added[i].max_ns, TD_NS_PER_MS);
	}
	/* INVITE and 200 took a millisecond each; what the callee took doesn't count. */
	assert_int_equal(theatre->measures.setup.max_ns, 2 * TD_NS_PER_MS);
	close_theatre(theatre);
}

static void test_silence_is_repeated_into_and_given_up(void **state)
{
	struct theatre *theatre = open_theatre();
	uint64_t begin_ns = theatre->now_ns;

	(void)state;
	while (next(theatre))
		continue;
	/* RFC 3261 17.1.1.2: at 0, 500, 1500, 3500, 7500, 15500, 31500 ms; B at 32 s. */
	assert_int_equal(theatre->sent, 7);
	assert_int_equal((theatre->now_ns - begin_ns) / TD_NS_PER_MS, 32000);
	assert_int_equal(call_verdict(&theatre->call), CALL_FAILURE_NO_RESPONSE);
	close_theatre(theatre);
}

static void test_progress_stops_repeats(void **state)
{
	struct theatre *theatre = open_theatre();

	(void)state;
	give(theatre, "100 Trying", "1 INVITE");
	assert_int_equal(theatre->measures.trying.count, 1);
	while (next(theatre))
		continue;
	assert_int_equal(theatre->sent, 1);
	assert_int_equal(call_verdict(&theatre->call), CALL_FAILURE_NO_ANSWER);
	close_theatre(theatre);
}

static void test_losses_are_made_good(void **state)
{
	struct theatre *theatre = open_theatre();

	(void)state;
	theatre->taken = theatre->sent; /* INVITE lost */
	assert_true(next(theatre));
	carry_all(theatre);
	assert_true(next(theatre));
	theatre->taken = theatre->sent; /* 200 lost */
	assert_true(next(theatre));
	carry_one(theatre);
	theatre->taken = theatre->sent; /* ACK lost: 200 comes again, so does the ACK */
	assert_true(next(theatre));
	carry_all(theatre);
	assert_int_equal(theatre->call.callee, CALLEE_CONFIRMED);
	assert_true(next(theatre));
	carry_one(theatre);
	theatre->taken = theatre->sent; /* 200 to the BYE lost */
	assert_true(next(theatre));
	carry_all(theatre);
	assert_int_equal(call_verdict(&theatre->call), CALL_FAILURE_NONE);
	assert_int_equal(theatre->measures.retransmitted, 4);
	close_theatre(theatre);
}

static void test_refusals_are_acknowledged_and_told_apart(void **state)
{
	static const struct {
		const char *status;
		enum call_failure failure;
	} cases[] = {{"503 Service Unavailable", CALL_FAILURE_REFUSED_503},
		{"486 Busy Here", CALL_FAILURE_REFUSED}};

	(void)state;
	for (size_t i = 0; i < TD_COUNT_OF(cases); i++) {
		struct theatre *theatre = open_theatre();
		const char *branch = strstr(theatre->texts[0], "branch=");
		const char *ack_branch;

		give(theatre, cases[i].status, "1 INVITE");
		assert_true(last_is(theatre, "ACK "));
		ack_branch = strstr(theatre->texts[1], "branch=");
		assert_non_null(branch);
		assert_non_null(ack_branch);
		assert_memory_equal(branch, ack_branch, strcspn(branch, "\r"));
		give(theatre, cases[i].status, "1 INVITE"); /* the ACK was lost */
		assert_int_equal(theatre->sent, 3);
		assert_false(next(theatre));
		assert_int_equal(call_verdict(&theatre->call), cases[i].failure);
		close_theatre(theatre);
	}
}

static void test_what_is_wrong_is_noticed(void **state)
{
	struct theatre *theatre = open_theatre();

	(void)state;
	theatre->config.is_direct = false; /* the bodies should have been changed */
	carry_all(theatre);
	assert_int_equal(theatre->call.failure, CALL_FAILURE_WRONG);
	close_theatre(theatre);
	theatre = open_theatre();
	carry_all(theatre);
	assert_true(next(theatre));
	carry_all(theatre);
	theatre->call.caller = CALLER_OVER; /* without a BYE at the callee */
	assert_int_equal(call_verdict(&theatre->call), CALL_FAILURE_HALF);
	close_theatre(theatre);
}

static void test_bye_refused_or_unanswered(void **state)
{
	struct theatre *theatre = open_theatre();

	(void)state;
	carry_all(theatre);
	assert_true(next(theatre));
	carry_all(theatre);
	caller_hang_up(&theatre->stage, &theatre->call, theatre->now_ns);
	give(theatre, "481 Gone", "2 BYE");
	assert_int_equal(call_verdict(&theatre->call), CALL_FAILURE_BYE_REFUSED);
	close_theatre(theatre);
	theatre = open_theatre();
	carry_all(theatre);
	assert_true(next(theatre));
	carry_all(theatre);
	while (next(theatre))
		theatre->taken = theatre->sent; /* every BYE is lost */
	/* RFC 3261 17.1.2.2: intervals 500, 1000, 2000, then 4000 up to 32 s: eleven BYEs. */
	assert_int_equal(theatre->measures.retransmitted, 10);
	assert_int_equal(call_verdict(&theatre->call), CALL_FAILURE_BYE_UNANSWERED);
	close_theatre(theatre);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_a_whole_call),
		cmocka_unit_test(test_silence_is_repeated_into_and_given_up),
		cmocka_unit_test(test_progress_stops_repeats),
		cmocka_unit_test(test_losses_are_made_good),
		cmocka_unit_test(test_refusals_are_acknowledged_and_told_apart),
		cmocka_unit_test(test_what_is_wrong_is_noticed),
		cmocka_unit_test(test_bye_refused_or_unanswered),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
