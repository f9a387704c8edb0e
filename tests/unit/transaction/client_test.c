/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Client transactions as their user and the wire see them: forks, late and stray answers, the ACK
 * to a failure, CANCEL and its races, timer C's aftermath.
 */
#include "rig.h"

#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

static const char ROUTES[] = "Route: <sip:192.0.2.10;lr>\r\nRoute: <sip:192.0.2.11;lr>\r\n";

/* A rig with one INVITE sent (as number 0). */
static struct rig *calling(enum sip_transport transport, transaction_id *ret_id)
{
	struct rig *rig = rig_create(transport, 8);

	*ret_id = rig_request(rig, "INVITE", ROUTES);
	return rig;
}

static void finish(struct rig *rig)
{
	rig_pass(rig, RIG_TIMER_C_MS + 3 * RIG_64_T1_MS);
	rig_pass(rig, RIG_64_T1_MS);
	rig_pass(rig, RIG_64_T1_MS);
	rig_destroy(rig, true);
}

/* Keeps only the INVITE in the notebook, so that answers to it can be made. */
static void forget_all_but_invite(struct rig *rig)
{
	rig->sent_count = 1;
	rig->told_count = 0;
}

static void test_every_2xx_is_told(void **state)
{
	transaction_id id;
	struct rig *rig = calling(SIP_TRANSPORT_UDP, &id);

	(void)state;
	rig_receive_response(rig, 0, 180, "a");
	rig_receive_response(rig, 0, 200, "a");
	rig_receive_response(rig, 0, 200, "a"); /* again: its ACK was lost */
	rig_receive_response(rig, 0, 200, "b"); /* another fork */
	assert_int_equal(rig->told_count, 4);
	for (uint32_t i = 0; i < 4; i++) {
		assert_int_equal(rig->told[i].event, TRANSACTION_RESPONSE);
		assert_int_equal(rig->told[i].id, id);
		assert_int_equal(rig->told[i].user, 77);
	}
	assert_string_equal(rig->told[3].to_tag, "b");
	rig_receive_response(rig, 0, 180, "a"); /* late ones change nothing */
	rig_receive_response(rig, 0, 486, "c");
	assert_int_equal(rig->told_count, 4);
	assert_int_equal(rig->sent_count, 1);
	finish(rig);
}

static void test_2xx_without_transaction_is_stray(void **state)
{
	transaction_id id;
	struct rig *rig = calling(SIP_TRANSPORT_UDP, &id);

	(void)state;
	rig_receive_response(rig, 0, 200, "a");
	rig_pass(rig, RIG_64_T1_MS);
	forget_all_but_invite(rig);
	rig_receive_response(rig, 0, 200, "late");
	assert_true(rig_told_only(rig, TRANSACTION_STRAY_2XX));
	assert_int_equal(rig->told[0].id, 0);
	rig_receive_response(rig, 0, 486, "late");
	rig_receive_response(rig, 0, 180, "late");
	assert_int_equal(rig->told_count, 1);
	assert_int_equal(transaction_table_counts(rig->table).stray_responses, 3);
	finish(rig);
}

static void test_2xx_after_a_failure_is_stray(void **state)
{
	transaction_id id;
	struct rig *rig = calling(SIP_TRANSPORT_UDP, &id);

	(void)state;
	rig_receive_response(rig, 0, 603, "a");
	forget_all_but_invite(rig);
	rig_receive_response(rig, 0, 200, "b");
	assert_true(rig_told_only(rig, TRANSACTION_STRAY_2XX));
	assert_int_equal(rig_state(rig, id), STATE_COMPLETED);
	finish(rig);
}

static void check_ack(const struct rig *rig, uint32_t index, const char *to_tag)
{
	char via[RIG_TEXT_BYTES];

	assert_memory_equal(rig->sent[index].text, "ACK sip:bob@192.0.2.2 SIP/2.0\r\n", 31);
	strcpy(via, rig_header(rig, 0, "Via"));
	assert_string_equal(rig_header(rig, index, "Via"), via);
	assert_string_equal(rig_header(rig, index, "CSeq"), "42 ACK");
	assert_string_equal(rig_header(rig, index, "From"), "<sip:tandem@192.0.2.1>;tag=ours");
	assert_string_equal(rig_header(rig, index, "Call-ID"), "out@192.0.2.1");
	assert_non_null(strstr(rig_header(rig, index, "To"), to_tag));
	assert_non_null(strstr(rig->sent[index].text, ROUTES));
	assert_string_equal(rig_header(rig, index, "Content-Length"), "0");
	assert_string_equal(rig_header(rig, index, "Contact"), "");
}

static void test_failure_is_acknowledged_each_time(void **state)
{
	transaction_id id;
	struct rig *rig = calling(SIP_TRANSPORT_UDP, &id);

	(void)state;
	rig_receive_response(rig, 0, 486, "busy");
	assert_true(rig_told_only(rig, TRANSACTION_RESPONSE));
	assert_int_equal(rig->sent_count, 2);
	check_ack(rig, 1, "tag=busy");
	rig_receive_response(rig, 0, 486, "busy");
	assert_int_equal(rig->told_count, 1);
	assert_int_equal(rig->sent_count, 3);
	check_ack(rig, 2, "tag=busy");
	assert_int_equal(transaction_table_counts(rig->table).retransmissions_absorbed, 1);
	finish(rig);
}

static void test_failure_after_a_provisional_is_acknowledged_from_the_skeleton(void **state)
{
	transaction_id id;
	struct rig *rig = calling(SIP_TRANSPORT_UDP, &id);
	size_t whole_bytes = rig->table->heap.in_use_bytes;

	(void)state;
	rig_receive_response(rig, 0, 180, "a");
	assert_true(rig->table->heap.in_use_bytes < whole_bytes);
	rig_receive_response(rig, 0, 500, "a");
	check_ack(rig, 1, "tag=a");
	finish(rig);
}

static void test_cancel_waits_for_a_provisional(void **state)
{
	transaction_id id;
	struct rig *rig = calling(SIP_TRANSPORT_UDP, &id);
	char via[RIG_TEXT_BYTES];

	(void)state;
	assert_int_equal(
		transaction_cancel(rig->table, id, SPAN("Q.850;cause=16"), rig->now_ms), 0);
	assert_int_equal(transaction_cancel(rig->table, id, SPAN(""), rig->now_ms), 0);
	assert_int_equal(rig->sent_count, 1);
	rig_receive_response(rig, 0, 100, "");
	assert_int_equal(rig->sent_count, 2);
	assert_memory_equal(rig->sent[1].text, "CANCEL sip:bob@192.0.2.2 SIP/2.0\r\n", 34);
	strcpy(via, rig_header(rig, 0, "Via"));
	assert_string_equal(rig_header(rig, 1, "Via"), via);
	assert_string_equal(rig_header(rig, 1, "CSeq"), "42 CANCEL");
	assert_string_equal(rig_header(rig, 1, "To"), "<sip:bob@192.0.2.2>");
	assert_string_equal(rig_header(rig, 1, "Reason"), "Q.850;cause=16");
	assert_non_null(strstr(rig->sent[1].text, ROUTES));
	assert_int_equal(transaction_cancel(rig->table, id, SPAN(""), rig->now_ms), 0);
	assert_int_equal(rig->sent_count, 2);
	finish(rig);
}

static void test_cancel_is_repeated_answered_and_silent(void **state)
{
	transaction_id id;
	struct rig *rig = calling(SIP_TRANSPORT_UDP, &id);

	(void)state;
	rig_receive_response(rig, 0, 180, "a");
	assert_int_equal(transaction_cancel(rig->table, id, SPAN(""), rig->now_ms), 0);
	assert_int_equal(rig->sent_count, 2);
	rig_pass(rig, 500);
	assert_int_equal(rig->sent_count, 3);
	assert_string_equal(rig->sent[1].text, rig->sent[2].text);
	rig->told_count = 0;
	rig_receive_response(rig, 1, 200, "a"); /* to the CANCEL: nobody's business */
	assert_int_equal(rig->told_count, 0);
	rig_receive_response(rig, 0, 487, "a");
	assert_true(rig_told_only(rig, TRANSACTION_RESPONSE));
	assert_int_equal(rig->told[0].status, 487);
	check_ack(rig, 3, "tag=a");
	rig_pass(rig, RIG_T4_MS);
	assert_int_equal(rig->told_count, 1); /* the CANCEL's end isn't told either */
	finish(rig);
}

static void test_cancel_crosses_a_2xx(void **state)
{
	transaction_id id;
	struct rig *rig = calling(SIP_TRANSPORT_UDP, &id);

	(void)state;
	rig_receive_response(rig, 0, 180, "a");
	assert_int_equal(transaction_cancel(rig->table, id, SPAN(""), rig->now_ms), 0);
	rig->told_count = 0;
	rig_receive_response(rig, 0, 200, "a");
	assert_true(rig_told_only(rig, TRANSACTION_RESPONSE));
	assert_int_equal(rig->told[0].status, 200);
	rig_receive_response(rig, 1, 481, "a"); /* the peer has nothing to cancel any more */
	assert_int_equal(rig->told_count, 1);
	finish(rig);
}

static void test_2xx_overtakes_a_waiting_cancel(void **state)
{
	transaction_id id;
	struct rig *rig = calling(SIP_TRANSPORT_UDP, &id);

	(void)state;
	assert_int_equal(transaction_cancel(rig->table, id, SPAN(""), rig->now_ms), 0);
	rig_receive_response(rig, 0, 200, "a");
	assert_true(rig_told_only(rig, TRANSACTION_RESPONSE));
	assert_int_equal(rig->sent_count, 1); /* no CANCEL: ACK and BYE are the user's */
	finish(rig);
}

static void test_cancel_after_the_end_of_the_matter(void **state)
{
	transaction_id id;
	struct rig *rig = calling(SIP_TRANSPORT_UDP, &id);
	transaction_id other = rig_request(rig, "OPTIONS", "");

	(void)state;
	rig_receive_response(rig, 0, 486, "a");
	assert_int_equal(transaction_cancel(rig->table, id, SPAN(""), rig->now_ms), -EALREADY);
	assert_int_equal(transaction_cancel(rig->table, other, SPAN(""), rig->now_ms), -ENOENT);
	assert_int_equal(transaction_cancel(rig->table, 0, SPAN(""), rig->now_ms), -ENOENT);
	finish(rig);

	rig = calling(SIP_TRANSPORT_UDP, &id);
	rig_receive_response(rig, 0, 200, "a");
	assert_int_equal(transaction_cancel(rig->table, id, SPAN(""), rig->now_ms), -EALREADY);
	finish(rig);
}

static void test_cancel_with_a_split_reason_is_refused(void **state)
{
	transaction_id id;
	struct rig *rig = calling(SIP_TRANSPORT_UDP, &id);

	(void)state;
	rig_receive_response(rig, 0, 180, "a");
	assert_int_equal(
		transaction_cancel(rig->table, id, SPAN("SIP\r\nEvil: 1"), rig->now_ms), -EINVAL);
	assert_int_equal(rig->sent_count, 1);
	finish(rig);
}

static void test_cancel_without_a_final_response_ends(void **state)
{
	transaction_id id;
	struct rig *rig = calling(SIP_TRANSPORT_TCP, &id);

	(void)state;
	rig_receive_response(rig, 0, 180, "a");
	rig_pass(rig, 1000);
	assert_int_equal(transaction_cancel(rig->table, id, SPAN(""), rig->now_ms), 0);
	rig_receive_response(rig, 0, 183, "a"); /* told, but buys no time */
	rig->told_count = 0;
	rig_pass(rig, RIG_64_T1_MS - 1);
	assert_int_equal(rig->told_count, 0);
	rig_pass(rig, 1);
	assert_int_equal(rig->told_count, 2);
	assert_int_equal(rig->told[0].event, TRANSACTION_TIMEOUT);
	assert_int_equal(rig->told[1].event, TRANSACTION_TERMINATED);
	finish(rig);
}

static void test_cancel_with_a_full_table_goes_out_once(void **state)
{
	struct rig *rig = rig_create(SIP_TRANSPORT_UDP, 1);
	transaction_id id = rig_request(rig, "INVITE", "");

	(void)state;
	rig_receive_response(rig, 0, 180, "a");
	assert_int_equal(transaction_cancel(rig->table, id, SPAN(""), rig->now_ms), 0);
	assert_int_equal(rig->sent_count, 2);
	assert_memory_equal(rig->sent[1].text, "CANCEL ", 7);
	rig_pass(rig, 20000);
	assert_int_equal(rig->sent_count, 2);
	finish(rig);
}

static void test_after_timer_c(void **state)
{
	transaction_id id;
	struct rig *rig = calling(SIP_TRANSPORT_UDP, &id);

	(void)state;
	rig_receive_response(rig, 0, 180, "a");
	rig_pass(rig, RIG_TIMER_C_MS);
	forget_all_but_invite(rig);
	rig_receive_response(rig, 0, 180, "a");
	rig_receive_response(rig, 0, 487, "a");
	assert_int_equal(rig->told_count, 0); /* the user has given up long ago */
	check_ack(rig, 1, "tag=a");
	finish(rig);

	rig = calling(SIP_TRANSPORT_UDP, &id);
	rig_receive_response(rig, 0, 180, "a");
	rig_pass(rig, RIG_TIMER_C_MS);
	forget_all_but_invite(rig);
	rig_receive_response(rig, 0, 200, "a");
	assert_true(rig_told_only(rig, TRANSACTION_RESPONSE));
	assert_int_equal(rig->told[0].status, 200);
	finish(rig);
}

static void test_provisionals_are_told(void **state)
{
	transaction_id id;
	struct rig *rig = calling(SIP_TRANSPORT_UDP, &id);

	(void)state;
	rig_receive_response(rig, 0, 100, "");
	rig_receive_response(rig, 0, 180, "a");
	rig_receive_response(rig, 0, 183, "b");
	assert_int_equal(rig_told_times(rig, TRANSACTION_RESPONSE), 3);
	assert_string_equal(rig->told[2].to_tag, "b");
	finish(rig);
}

static void test_other_method_is_told_once(void **state)
{
	struct rig *rig = rig_create(SIP_TRANSPORT_UDP, 8);
	transaction_id id = rig_request(rig, "BYE", "");

	(void)state;
	rig_receive_response(rig, 0, 100, "");
	rig_receive_response(rig, 0, 404, "a");
	rig_receive_response(rig, 0, 404, "a");
	rig_receive_response(rig, 0, 200, "a");
	rig_receive_response(rig, 0, 100, "");
	assert_int_equal(rig->told_count, 2);
	assert_int_equal(rig->told[1].status, 404);
	assert_int_equal(rig_state(rig, id), STATE_COMPLETED);
	assert_int_equal(rig->table->heap.in_use_count, 0);
	finish(rig);
}

static void test_transport_failure(void **state)
{
	transaction_id id;
	struct rig *rig = calling(SIP_TRANSPORT_UDP, &id);

	(void)state;
	rig->told_count = 0;
	transaction_transport_failed(rig->table, &rig->flow, rig->now_ms);
	assert_int_equal(rig->told_count, 2);
	assert_int_equal(rig->told[0].event, TRANSACTION_TRANSPORT_ERROR);
	assert_int_equal(rig->told[1].event, TRANSACTION_TERMINATED);
	rig_destroy(rig, true);

	/* Once the peer has spoken, a failure of something else doesn't end the INVITE. */
	rig = calling(SIP_TRANSPORT_UDP, &id);
	rig_receive_response(rig, 0, 180, "a");
	rig->told_count = 0;
	transaction_transport_failed(rig->table, &rig->flow, rig->now_ms);
	assert_int_equal(rig->told_count, 0);
	assert_int_equal(rig_state(rig, id), STATE_PROCEEDING);
	finish(rig);
}

/* TCP for its size alone: refused, or silent for 2 * T1, and it goes by UDP. Once. */
static void test_fallback_to_udp(void **state)
{
	static const bool is_told[] = {true, false};

	(void)state;
	for (size_t i = 0; i < 2; i++) {
		struct rig *rig = rig_create(SIP_TRANSPORT_TCP, 8);
		const struct transaction_options options = {.user = 77, .may_fall_back = true};
		transaction_id id;

		rig->flow.connection_id = 0;
		assert_int_equal(rig_try_request(rig, "INVITE", "", &options, &id), 0);
		assert_non_null(strstr(rig->sent[0].text, "\r\nVia: SIP/2.0/TCP "));
		if (is_told[i]) {
			transaction_transport_failed(rig->table, &rig->flow, rig->now_ms);
		} else {
			rig_pass(rig, 2 * RIG_T1_MS - 1);
			assert_int_equal(rig->sent_count, 1);
			rig_pass(rig, 1);
		}
		assert_int_equal(rig->sent_count, 2);
		assert_int_equal(rig->sent[1].flow.transport, SIP_TRANSPORT_UDP);
		assert_non_null(strstr(rig->sent[1].text, "\r\nVia: SIP/2.0/UDP "));
		assert_int_equal(rig->told_count, 0);
		assert_int_equal(transaction_table_counts(rig->table).fallbacks, 1);
		rig_pass(rig, RIG_T1_MS);
		assert_int_equal(rig->sent_count, 3); /* repeated as over UDP from the start */
		rig->flow.transport = SIP_TRANSPORT_UDP;
		transaction_transport_failed(rig->table, &rig->flow, rig->now_ms);
		assert_int_equal(rig->told[0].event, TRANSACTION_TRANSPORT_ERROR);
		rig_destroy(rig, true);
	}
}

/* An answer by TCP ends the doubt. */
static void test_no_fallback_after_an_answer(void **state)
{
	struct rig *rig = rig_create(SIP_TRANSPORT_TCP, 8);
	const struct transaction_options options = {.user = 77, .may_fall_back = true};
	transaction_id id;

	(void)state;
	assert_int_equal(rig_try_request(rig, "INVITE", "", &options, &id), 0);
	rig_receive_response(rig, 0, 180, "b");
	rig_pass(rig, 4 * RIG_T1_MS);
	assert_int_equal(rig->sent_count, 1);
	rig_receive_response(rig, 0, 200, "b");
	rig_pass(rig, RIG_64_T1_MS);
	assert_int_equal(transaction_table_counts(rig->table).fallbacks, 0);
	rig_destroy(rig, true);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_every_2xx_is_told),
		cmocka_unit_test(test_2xx_without_transaction_is_stray),
		cmocka_unit_test(test_2xx_after_a_failure_is_stray),
		cmocka_unit_test(test_failure_is_acknowledged_each_time),
		cmocka_unit_test(
			test_failure_after_a_provisional_is_acknowledged_from_the_skeleton),
		cmocka_unit_test(test_cancel_waits_for_a_provisional),
		cmocka_unit_test(test_cancel_is_repeated_answered_and_silent),
		cmocka_unit_test(test_cancel_crosses_a_2xx),
		cmocka_unit_test(test_2xx_overtakes_a_waiting_cancel),
		cmocka_unit_test(test_cancel_after_the_end_of_the_matter),
		cmocka_unit_test(test_cancel_with_a_split_reason_is_refused),
		cmocka_unit_test(test_cancel_without_a_final_response_ends),
		cmocka_unit_test(test_cancel_with_a_full_table_goes_out_once),
		cmocka_unit_test(test_after_timer_c),
		cmocka_unit_test(test_provisionals_are_told),
		cmocka_unit_test(test_other_method_is_told_once),
		cmocka_unit_test(test_transport_failure),
		cmocka_unit_test(test_fallback_to_udp),
		cmocka_unit_test(test_no_fallback_after_an_answer),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
