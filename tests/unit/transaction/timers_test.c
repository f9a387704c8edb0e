/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Every timer of RFC 3261 table 4, of RFC 6026 and of RFC 4320, on both sides of its edge, over
 * an unreliable and a reliable transport.
 */
#include "rig.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

enum {
	QUIET = -1, /* nothing is told */
};

/* One millisecond before delay_ms nothing happens; at it, sent messages and one event (QUIET:
 * none). */
static void edge(struct rig *rig, uint64_t delay_ms, uint32_t sent, int event)
{
	rig_clear(rig);
	rig_pass(rig, delay_ms - 1);
	assert_int_equal(rig->sent_count, 0);
	assert_int_equal(rig->told_count, 0);
	rig_pass(rig, 1);
	assert_int_equal(rig->sent_count, sent);
	if (event == QUIET)
		assert_int_equal(rig->told_count, 0);
	else
		assert_int_equal(rig->told[0].event, event);
}

/* The same, whatever is sent. */
static void edge_told(struct rig *rig, uint64_t delay_ms, enum transaction_event event)
{
	rig_clear(rig);
	rig_pass(rig, delay_ms - 1);
	assert_int_equal(rig->told_count, 0);
	rig_pass(rig, 1);
	assert_true(rig_told_only(rig, event));
}

/* The transaction ends exactly after delay_ms and says so; retransmissions on the way don't
 * matter. event comes before the last word (QUIET: only the last word). */
static void ends_after(struct rig *rig, uint64_t delay_ms, int event)
{
	rig_clear(rig);
	rig_pass(rig, delay_ms - 1);
	assert_int_equal(rig->told_count, 0);
	rig_pass(rig, 1);
	if (event != QUIET) {
		assert_int_equal(rig->told_count, 2);
		assert_int_equal(rig->told[0].event, event);
		assert_int_equal(rig->told[1].event, TRANSACTION_TERMINATED);
	} else {
		assert_true(rig_told_only(rig, TRANSACTION_TERMINATED));
	}
	rig_destroy(rig, true);
}

/* Timer B after delay_ms: the user is told, and 64 * T1 later nothing is left. */
static void gives_up_after(struct rig *rig, uint64_t delay_ms)
{
	edge_told(rig, delay_ms, TRANSACTION_TIMEOUT);
	rig_clear(rig);
	rig_pass(rig, RIG_64_T1_MS - 1);
	assert_int_equal(rig->sent_count, 0);
	ends_after(rig, 1, QUIET);
}

/* Retransmissions after exactly these delays, in milliseconds, 0 ends the list. */
static void repeats(struct rig *rig, const uint32_t *delays_ms)
{
	for (size_t i = 0; delays_ms[i] != 0; i++)
		edge(rig, delays_ms[i], 1, QUIET);
}

static const enum sip_transport BOTH[] = {SIP_TRANSPORT_UDP, SIP_TRANSPORT_TCP};

static void test_a_doubles_without_limit(void **state)
{
	struct rig *rig = rig_create(SIP_TRANSPORT_UDP, 4);

	(void)state;
	(void)rig_request(rig, "INVITE", "");
	assert_int_equal(rig->sent_count, 1);
	repeats(rig, (const uint32_t[]){500, 1000, 2000, 4000, 8000, 16000, 0});
	gives_up_after(rig, RIG_64_T1_MS - 31500);
}

static void test_a_is_off_over_reliable(void **state)
{
	struct rig *rig = rig_create(SIP_TRANSPORT_TCP, 4);

	(void)state;
	(void)rig_request(rig, "INVITE", "");
	rig_clear(rig);
	rig_pass(rig, RIG_64_T1_MS - 1);
	assert_int_equal(rig->sent_count, 0);
	gives_up_after(rig, 1);
}

static void test_a_stops_with_a_provisional(void **state)
{
	struct rig *rig = rig_create(SIP_TRANSPORT_UDP, 4);

	(void)state;
	(void)rig_request(rig, "INVITE", "");
	rig_receive_response(rig, 0, 100, "");
	rig_clear(rig);
	rig_pass(rig, RIG_TIMER_C_MS - 1);
	assert_int_equal(rig->sent_count, 0);
	rig_destroy(rig, false);
}

static void test_b(void **state)
{
	(void)state;
	for (size_t i = 0; i < TD_COUNT_OF(BOTH); i++) {
		struct rig *rig = rig_create(BOTH[i], 4);

		(void)rig_request(rig, "INVITE", "");
		gives_up_after(rig, RIG_64_T1_MS);
	}
}

static struct rig *invited(uint32_t timer_b_ms)
{
	struct rig *rig = rig_create(SIP_TRANSPORT_UDP, 4);
	struct transaction_options options = {.user = 5, .timer_b_ms = timer_b_ms};
	transaction_id id;

	assert_int_equal(rig_try_request(rig, "INVITE", "", &options, &id), 0);
	return rig;
}

static void test_b_of_a_trunk(void **state)
{
	struct rig *rig = rig_create(SIP_TRANSPORT_UDP, 4);
	struct transaction_options options = {.user = 5, .timer_b_ms = 2000};
	transaction_id id;

	(void)state;
	gives_up_after(invited(2000), 2000);
	assert_int_equal(rig_try_request(rig, "OPTIONS", "", &options, &id), 0);
	ends_after(rig, 2000, TRANSACTION_TIMEOUT);
}

static void test_after_b_a_late_provisional_is_cancelled(void **state)
{
	struct rig *rig = invited(2000);

	(void)state;
	edge_told(rig, 2000, TRANSACTION_TIMEOUT);
	rig_pass(rig, RIG_64_T1_MS - 1);
	rig->told_count = 0;
	rig->sent_count = 1; /* a repeat of the INVITE: what is answered */
	rig_receive_response(rig, 0, 180, "a");
	rig_receive_response(rig, 0, 487, "a");
	assert_int_equal(rig->told_count, 0);
	assert_int_equal(rig->sent_count, 3);
	assert_memory_equal(rig->sent[1].text, "CANCEL ", 7);
	assert_memory_equal(rig->sent[2].text, "ACK ", 4);
	ends_after(rig, RIG_64_T1_MS, QUIET);
}

static void test_after_b_a_late_answer_is_told(void **state)
{
	struct rig *rig = invited(2000);

	(void)state;
	edge_told(rig, 2000, TRANSACTION_TIMEOUT);
	rig->told_count = 0;
	rig_receive_response(rig, 0, 200, "a");
	assert_true(rig_told_only(rig, TRANSACTION_RESPONSE));
	ends_after(rig, RIG_64_T1_MS, QUIET);
}

static void test_after_b_nobody_hears_of_a_broken_transport(void **state)
{
	struct rig *rig = invited(2000);

	(void)state;
	edge_told(rig, 2000, TRANSACTION_TIMEOUT);
	rig_clear(rig);
	transaction_transport_failed(rig->table, &rig->flow, rig->now_ms);
	assert_true(rig_told_only(rig, TRANSACTION_TERMINATED));
	rig_destroy(rig, true);
}

static void test_c_sends_cancel_and_gives_up(void **state)
{
	(void)state;
	for (size_t i = 0; i < TD_COUNT_OF(BOTH); i++) {
		struct rig *rig = rig_create(BOTH[i], 4);

		(void)rig_request(rig, "INVITE", "");
		rig_receive_response(rig, 0, 180, "a");
		edge(rig, RIG_TIMER_C_MS, 1, TRANSACTION_TIMEOUT);
		assert_int_equal(rig->told_count, 1);
		assert_memory_equal(rig->sent[0].text, "CANCEL ", 7);
		/* Nobody answers: the rest goes 64 * T1 later, without another word but the last. */
		ends_after(rig, RIG_64_T1_MS, QUIET);
	}
}

static void test_c_starts_anew_with_101_to_199(void **state)
{
	struct rig *rig = rig_create(SIP_TRANSPORT_UDP, 4);
	struct rig_sent invite;

	(void)state;
	(void)rig_request(rig, "INVITE", "");
	invite = rig->sent[0];
	rig_receive_response(rig, 0, 100, "");
	rig_pass(rig, 100000);
	rig_receive_response(rig, 0, 183, "a");
	rig_pass(rig, 100000);
	rig->sent[0] = invite;
	rig->sent_count = 1;
	rig_receive_response(rig, 0, 100, ""); /* changes nothing */
	edge(rig, RIG_TIMER_C_MS - 100000, 1, TRANSACTION_TIMEOUT);
	rig_destroy(rig, false);
}

static void test_d(void **state)
{
	struct rig *rig = rig_create(SIP_TRANSPORT_UDP, 4);

	(void)state;
	(void)rig_request(rig, "INVITE", "");
	rig_receive_response(rig, 0, 486, "a");
	ends_after(rig, TIMER_D_MIN_MS, QUIET);

	rig = rig_create(SIP_TRANSPORT_TCP, 4);
	(void)rig_request(rig, "INVITE", "");
	rig_receive_response(rig, 0, 486, "a");
	assert_int_equal(rig->told_count, 2);
	assert_int_equal(rig->told[0].event, TRANSACTION_RESPONSE);
	assert_int_equal(rig->told[1].event, TRANSACTION_TERMINATED);
	rig_destroy(rig, true);
}

static void test_e_doubles_to_t2(void **state)
{
	struct rig *rig = rig_create(SIP_TRANSPORT_UDP, 4);

	(void)state;
	(void)rig_request(rig, "BYE", "");
	repeats(rig,
		(const uint32_t[]){500, 1000, 2000, 4000, 4000, 4000, 4000, 4000, 4000, 4000, 0});
	ends_after(rig, RIG_64_T1_MS - 31500, TRANSACTION_TIMEOUT);
}

static void test_e_in_proceeding_is_t2(void **state)
{
	struct rig *rig = rig_create(SIP_TRANSPORT_UDP, 4);

	(void)state;
	(void)rig_request(rig, "BYE", "");
	rig_receive_response(rig, 0, 100, "");
	/* The running interval ends as it began; from then on it is T2. */
	repeats(rig, (const uint32_t[]){500, 4000, 4000, 4000, 0});
	ends_after(rig, RIG_64_T1_MS - 12500, TRANSACTION_TIMEOUT);
}

static void test_e_is_off_over_reliable(void **state)
{
	struct rig *rig = rig_create(SIP_TRANSPORT_TCP, 4);

	(void)state;
	(void)rig_request(rig, "BYE", "");
	edge(rig, RIG_64_T1_MS, 0, TRANSACTION_TIMEOUT);
	rig_destroy(rig, true);
}

static void test_f(void **state)
{
	(void)state;
	for (size_t i = 0; i < TD_COUNT_OF(BOTH); i++) {
		struct rig *rig = rig_create(BOTH[i], 4);

		(void)rig_request(rig, "OPTIONS", "");
		ends_after(rig, RIG_64_T1_MS, TRANSACTION_TIMEOUT);
		/* In Proceeding it goes on, not anew. */
		rig = rig_create(BOTH[i], 4);
		(void)rig_request(rig, "OPTIONS", "");
		rig_pass(rig, 400);
		rig_receive_response(rig, 0, 100, "");
		ends_after(rig, RIG_64_T1_MS - 400, TRANSACTION_TIMEOUT);
	}
}

static void test_g_doubles_to_t2(void **state)
{
	struct rig *rig = rig_create(SIP_TRANSPORT_UDP, 4);
	transaction_id id = rig_server(rig, "INVITE", "z9hG4bKg");

	(void)state;
	assert_int_equal(rig_respond(rig, id, 486), 0);
	repeats(rig,
		(const uint32_t[]){500, 1000, 2000, 4000, 4000, 4000, 4000, 4000, 4000, 4000, 0});
	ends_after(rig, RIG_64_T1_MS - 31500, TRANSACTION_TIMEOUT);
}

static void test_g_is_off_over_reliable(void **state)
{
	struct rig *rig = rig_create(SIP_TRANSPORT_TCP, 4);
	transaction_id id = rig_server(rig, "INVITE", "z9hG4bKg");

	(void)state;
	assert_int_equal(rig_respond(rig, id, 486), 0);
	edge(rig, RIG_64_T1_MS, 0, TRANSACTION_TIMEOUT);
	rig_destroy(rig, true);
}

static void test_h(void **state)
{
	(void)state;
	for (size_t i = 0; i < TD_COUNT_OF(BOTH); i++) {
		struct rig *rig = rig_create(BOTH[i], 4);
		transaction_id id = rig_server(rig, "INVITE", "z9hG4bKh");

		assert_int_equal(rig_respond(rig, id, 603), 0);
		ends_after(rig, RIG_64_T1_MS, TRANSACTION_TIMEOUT);
	}
}

static void test_i(void **state)
{
	struct rig *rig = rig_create(SIP_TRANSPORT_UDP, 4);
	transaction_id id = rig_server(rig, "INVITE", "z9hG4bKi");

	(void)state;
	assert_int_equal(rig_respond(rig, id, 404), 0);
	rig_receive_request(rig, "ACK", "z9hG4bKi", "answering");
	edge(rig, RIG_T4_MS, 0, TRANSACTION_TERMINATED);
	rig_destroy(rig, true);

	rig = rig_create(SIP_TRANSPORT_TCP, 4);
	id = rig_server(rig, "INVITE", "z9hG4bKi");
	assert_int_equal(rig_respond(rig, id, 404), 0);
	rig_clear(rig);
	rig_receive_request(rig, "ACK", "z9hG4bKi", "answering");
	assert_int_equal(rig->told_count, 2);
	assert_int_equal(rig->told[0].event, TRANSACTION_CONFIRMED);
	assert_int_equal(rig->told[1].event, TRANSACTION_TERMINATED);
	rig_destroy(rig, true);
}

static void test_j(void **state)
{
	struct rig *rig = rig_create(SIP_TRANSPORT_UDP, 4);
	transaction_id id = rig_server(rig, "OPTIONS", "z9hG4bKj");

	(void)state;
	assert_int_equal(rig_respond(rig, id, 200), 0);
	edge(rig, RIG_64_T1_MS, 0, TRANSACTION_TERMINATED);
	rig_destroy(rig, true);

	rig = rig_create(SIP_TRANSPORT_TCP, 4);
	id = rig_server(rig, "OPTIONS", "z9hG4bKj");
	rig_clear(rig);
	assert_int_equal(rig_respond(rig, id, 200), 0);
	assert_true(rig_told_only(rig, TRANSACTION_TERMINATED));
	rig_destroy(rig, true);
}

static void test_k(void **state)
{
	struct rig *rig = rig_create(SIP_TRANSPORT_UDP, 4);

	(void)state;
	(void)rig_request(rig, "BYE", "");
	rig_receive_response(rig, 0, 200, "a");
	edge(rig, RIG_T4_MS, 0, TRANSACTION_TERMINATED);
	rig_destroy(rig, true);

	rig = rig_create(SIP_TRANSPORT_TCP, 4);
	(void)rig_request(rig, "BYE", "");
	rig_receive_response(rig, 0, 200, "a");
	assert_int_equal(rig->told_count, 2);
	assert_int_equal(rig->told[1].event, TRANSACTION_TERMINATED);
	rig_destroy(rig, true);
}

static void test_l(void **state)
{
	(void)state;
	for (size_t i = 0; i < TD_COUNT_OF(BOTH); i++) {
		struct rig *rig = rig_create(BOTH[i], 4);
		transaction_id id = rig_server(rig, "INVITE", "z9hG4bKl");

		assert_int_equal(rig_respond(rig, id, 200), 0);
		ends_after(rig, RIG_64_T1_MS, TRANSACTION_TIMEOUT);

		rig = rig_create(BOTH[i], 4);
		id = rig_server(rig, "INVITE", "z9hG4bKl");
		assert_int_equal(rig_respond(rig, id, 200), 0);
		rig_pass(rig, 100);
		assert_int_equal(transaction_acknowledged(rig->table, id), 0);
		edge(rig, RIG_64_T1_MS - 100, 0, TRANSACTION_TERMINATED);
		rig_destroy(rig, true);
	}
}

static void test_2xx_repeats_over_any_transport(void **state)
{
	(void)state;
	for (size_t i = 0; i < TD_COUNT_OF(BOTH); i++) {
		struct rig *rig = rig_create(BOTH[i], 4);
		transaction_id id = rig_server(rig, "INVITE", "z9hG4bK2");

		assert_int_equal(rig_respond(rig, id, 200), 0);
		repeats(rig, (const uint32_t[]){
				     500, 1000, 2000, 4000, 4000, 4000, 4000, 4000, 4000, 4000, 0});
		ends_after(rig, RIG_64_T1_MS - 31500, TRANSACTION_TIMEOUT);
	}
}

static void test_m(void **state)
{
	(void)state;
	for (size_t i = 0; i < TD_COUNT_OF(BOTH); i++) {
		struct rig *rig = rig_create(BOTH[i], 4);

		(void)rig_request(rig, "INVITE", "");
		rig_receive_response(rig, 0, 200, "a");
		edge(rig, RIG_64_T1_MS, 0, TRANSACTION_TERMINATED);
		rig_destroy(rig, true);
	}
}

static void test_trying_comes_when_e_stands_at_t2(void **state)
{
	(void)state;
	for (size_t i = 0; i < TD_COUNT_OF(BOTH); i++) {
		struct rig *rig = rig_create(BOTH[i], 4);

		(void)rig_server(rig, "INFO", "z9hG4bKtrying");
		edge(rig, 3500, 1, QUIET);
		assert_memory_equal(rig->sent[0].text, "SIP/2.0 100 ", 12);
		/* Never answered: it ends in silence when the client must have given up. */
		edge(rig, RIG_64_T1_MS - 3500, 0, TRANSACTION_TERMINATED);
		rig_destroy(rig, true);
	}
}

static void test_other_t1(void **state)
{
	struct transaction_config config = {
		.t1_ms = 100, .t2_ms = 400, .t4_ms = 50, .timer_c_ms = 1, .capacity = 2};
	struct rig *rig = rig_create(SIP_TRANSPORT_UDP, 4);
	struct transaction_sink sink = rig->table->sink;

	(void)state;
	transaction_table_destroy(rig->table);
	assert_int_equal(transaction_table_create(&config, &sink, &rig->table), 0);
	(void)rig_request(rig, "BYE", "");
	repeats(rig, (const uint32_t[]){100, 200, 400, 400, 0});
	ends_after(rig, 6400 - 1100, TRANSACTION_TIMEOUT);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_a_doubles_without_limit),
		cmocka_unit_test(test_a_is_off_over_reliable),
		cmocka_unit_test(test_a_stops_with_a_provisional),
		cmocka_unit_test(test_b),
		cmocka_unit_test(test_b_of_a_trunk),
		cmocka_unit_test(test_after_b_a_late_provisional_is_cancelled),
		cmocka_unit_test(test_after_b_a_late_answer_is_told),
		cmocka_unit_test(test_after_b_nobody_hears_of_a_broken_transport),
		cmocka_unit_test(test_c_sends_cancel_and_gives_up),
		cmocka_unit_test(test_c_starts_anew_with_101_to_199),
		cmocka_unit_test(test_d),
		cmocka_unit_test(test_e_doubles_to_t2),
		cmocka_unit_test(test_e_in_proceeding_is_t2),
		cmocka_unit_test(test_e_is_off_over_reliable),
		cmocka_unit_test(test_f),
		cmocka_unit_test(test_g_doubles_to_t2),
		cmocka_unit_test(test_g_is_off_over_reliable),
		cmocka_unit_test(test_h),
		cmocka_unit_test(test_i),
		cmocka_unit_test(test_j),
		cmocka_unit_test(test_k),
		cmocka_unit_test(test_l),
		cmocka_unit_test(test_2xx_repeats_over_any_transport),
		cmocka_unit_test(test_m),
		cmocka_unit_test(test_trying_comes_when_e_stands_at_t2),
		cmocka_unit_test(test_other_t1),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
