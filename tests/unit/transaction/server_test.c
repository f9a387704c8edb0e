/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Server transactions as their user and the wire see them: repeated requests, answers given too
 * late or twice, ACK, CANCEL and its races, RFC 4320, answers from inside an indication.
 */
#include "rig.h"

#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

static void finish(struct rig *rig)
{
	rig_pass(rig, 2 * RIG_64_T1_MS);
	rig_destroy(rig, true);
}

static void test_repeated_invite_gets_the_last_provisional(void **state)
{
	struct rig *rig = rig_create(SIP_TRANSPORT_UDP, 8);
	transaction_id id = rig_server(rig, "INVITE", "z9hG4bK1");

	(void)state;
	rig_receive_request(rig, "INVITE", "z9hG4bK1", "");
	assert_int_equal(rig->sent_count, 0); /* nothing has been said yet */
	assert_int_equal(rig_respond(rig, id, 100), 0);
	assert_int_equal(rig_respond(rig, id, 180), 0);
	rig_receive_request(rig, "INVITE", "z9hG4bK1", "");
	assert_int_equal(rig->sent_count, 3);
	assert_memory_equal(rig->sent[2].text, "SIP/2.0 180 ", 12);
	assert_int_equal(rig->told_count, 1);
	assert_int_equal(rig_respond(rig, id, 486), 0);
	rig_receive_request(rig, "INVITE", "z9hG4bK1", "");
	assert_int_equal(rig->sent_count, 5);
	assert_memory_equal(rig->sent[4].text, "SIP/2.0 486 ", 12);
	rig_receive_request(rig, "ACK", "z9hG4bK1", "answering");
	rig_receive_request(rig, "ACK", "z9hG4bK1", "answering");
	rig_receive_request(rig, "INVITE", "z9hG4bK1", "");
	assert_int_equal(rig->sent_count, 5);
	assert_int_equal(rig->told_count, 2);
	assert_int_equal(rig_told_times(rig, TRANSACTION_CONFIRMED), 1); /* not for the repeat */
	finish(rig);
}

static void test_repeated_invite_is_absorbed_after_a_2xx(void **state)
{
	struct rig *rig = rig_create(SIP_TRANSPORT_UDP, 8);
	transaction_id id = rig_server(rig, "INVITE", "z9hG4bK1");

	(void)state;
	assert_int_equal(rig_respond(rig, id, 200), 0);
	assert_int_equal(transaction_acknowledged(rig->table, id), 0);
	assert_int_equal(rig->table->heap.in_use_count, 0);
	rig_receive_request(rig, "INVITE", "z9hG4bK1", "");
	assert_int_equal(rig->sent_count, 1);
	assert_int_equal(rig->told_count, 1);
	finish(rig);
}

static void test_answers_too_late_or_wrong(void **state)
{
	struct rig *rig = rig_create(SIP_TRANSPORT_UDP, 8);
	transaction_id id = rig_server(rig, "INVITE", "z9hG4bK1");
	transaction_id other = rig_server(rig, "OPTIONS", "z9hG4bK2");
	transaction_id client = rig_request(rig, "OPTIONS", "");

	(void)state;
	assert_int_equal(rig_respond(rig, id, 99), -EINVAL);
	assert_int_equal(rig_respond(rig, id, 700), -EINVAL);
	assert_int_equal(rig_respond(rig, client, 200), -ENOENT);
	assert_int_equal(rig_respond(rig, 0, 200), -ENOENT);
	assert_int_equal(rig_respond(rig, id, 200), 0);
	assert_int_equal(rig_respond(rig, id, 200), -EALREADY);
	assert_int_equal(rig_respond(rig, id, 180), -EALREADY);
	assert_int_equal(rig_respond(rig, id, 500), -EALREADY);
	assert_int_equal(rig_respond(rig, other, 200), 0);
	assert_int_equal(rig_respond(rig, other, 200), -EALREADY);
	assert_int_equal(rig_respond(rig, other, 408), -EALREADY);
	assert_int_equal(transaction_acknowledged(rig->table, other), -ENOENT);
	rig_pass(rig, 2 * RIG_64_T1_MS);
	assert_int_equal(rig_respond(rig, id, 200), -ENOENT);
	assert_int_equal(transaction_acknowledged(rig->table, id), -ENOENT);
	assert_int_equal(transaction_set_user(rig->table, id, 1), -ENOENT);
	finish(rig);
}

static void test_ack_to_a_2xx_has_no_transaction(void **state)
{
	struct rig *rig = rig_create(SIP_TRANSPORT_UDP, 8);
	transaction_id id = rig_server(rig, "INVITE", "z9hG4bK1");

	(void)state;
	assert_int_equal(rig_respond(rig, id, 200), 0);
	rig_clear(rig);
	rig_receive_request(rig, "ACK", "z9hG4bKanother", "answering");
	assert_true(rig_told_only(rig, TRANSACTION_ACK));
	assert_int_equal(rig->told[0].id, 0);
	rig_clear(rig);
	rig_receive_request(rig, "ACK", "z9hG4bK1", "answering"); /* a peer that reuses it */
	assert_true(rig_told_only(rig, TRANSACTION_ACK));
	assert_int_equal(rig->told[0].id, 0);
	finish(rig);
}

static void test_ack_before_an_answer_is_unexpected(void **state)
{
	struct rig *rig = rig_create(SIP_TRANSPORT_UDP, 8);
	transaction_id id = rig_server(rig, "INVITE", "z9hG4bK1");

	(void)state;
	rig_clear(rig);
	rig_receive_request(rig, "ACK", "z9hG4bK1", "answering");
	assert_int_equal(rig->told_count, 0);
	assert_int_equal(transaction_table_counts(rig->table).unexpected, 1);
	assert_int_equal(rig_state(rig, id), STATE_PROCEEDING);
	rig_destroy(rig, false);
}

static void test_cancel_is_answered_and_told_once(void **state)
{
	struct rig *rig = rig_create(SIP_TRANSPORT_UDP, 8);
	transaction_id id = rig_server(rig, "INVITE", "z9hG4bK1");

	(void)state;
	assert_int_equal(transaction_set_user(rig->table, id, 99), 0);
	assert_int_equal(rig_respond(rig, id, 180), 0);
	rig_clear(rig);
	rig_receive_request(rig, "CANCEL", "z9hG4bK1", "");
	assert_true(rig_told_only(rig, TRANSACTION_CANCEL));
	assert_int_equal(rig->told[0].id, id);
	assert_int_equal(rig->told[0].user, 99);
	assert_int_equal(rig->sent_count, 1);
	assert_memory_equal(rig->sent[0].text, "SIP/2.0 200 ", 12);
	assert_string_equal(rig_header(rig, 0, "CSeq"), "1 CANCEL");
	/* The To tag of the dialog that is being cancelled. */
	assert_string_equal(rig_header(rig, 0, "To"), "<sip:bob@192.0.2.1>;tag=answering");
	rig_receive_request(rig, "CANCEL", "z9hG4bK1", "");
	assert_int_equal(rig->sent_count, 2);
	assert_int_equal(rig->told_count, 1);
	assert_int_equal(rig_respond(rig, id, 487), 0);
	rig_receive_request(rig, "CANCEL", "z9hG4bK1", "");
	assert_int_equal(rig->told_count, 1);
	assert_memory_equal(rig->sent[3].text, "SIP/2.0 200 ", 12);
	finish(rig);
}

static void test_cancel_before_any_answer_has_a_tag_of_its_own(void **state)
{
	struct rig *rig = rig_create(SIP_TRANSPORT_UDP, 8);

	(void)state;
	(void)rig_server(rig, "INVITE", "z9hG4bK1");
	rig_receive_request(rig, "CANCEL", "z9hG4bK1", "");
	assert_non_null(strstr(rig_header(rig, 0, "To"), ";tag="));
	rig_destroy(rig, false);
}

static void test_cancel_after_200_changes_nothing(void **state)
{
	struct rig *rig = rig_create(SIP_TRANSPORT_UDP, 8);
	transaction_id id = rig_server(rig, "INVITE", "z9hG4bK1");

	(void)state;
	assert_int_equal(rig_respond(rig, id, 200), 0);
	rig_clear(rig);
	rig_receive_request(rig, "CANCEL", "z9hG4bK1", "");
	assert_int_equal(rig->told_count, 0);
	assert_memory_equal(rig->sent[0].text, "SIP/2.0 200 ", 12);
	assert_int_equal(rig_state(rig, id), STATE_ACCEPTED);
	finish(rig);
}

static void test_cancel_of_nothing(void **state)
{
	struct rig *rig = rig_create(SIP_TRANSPORT_UDP, 8);

	(void)state;
	(void)rig_server(rig, "OPTIONS", "z9hG4bK1");
	rig_clear(rig);
	rig_receive_request(rig, "CANCEL", "z9hG4bK1", ""); /* only INVITE can be cancelled */
	rig_receive_request(rig, "CANCEL", "z9hG4bKunknown", "");
	assert_int_equal(rig->told_count, 0);
	assert_int_equal(rig->sent_count, 2);
	assert_memory_equal(rig->sent[0].text, "SIP/2.0 481 ", 12);
	assert_memory_equal(rig->sent[1].text, "SIP/2.0 481 ", 12);
	finish(rig);
}

static void test_other_method_repeats_its_answer(void **state)
{
	struct rig *rig = rig_create(SIP_TRANSPORT_UDP, 8);
	transaction_id id = rig_server(rig, "BYE", "z9hG4bK1");

	(void)state;
	rig_receive_request(rig, "BYE", "z9hG4bK1", "");
	assert_int_equal(rig->sent_count, 0);
	assert_int_equal(rig_respond(rig, id, 200), 0);
	rig_receive_request(rig, "BYE", "z9hG4bK1", "");
	assert_int_equal(rig->sent_count, 2);
	assert_string_equal(rig->sent[0].text, rig->sent[1].text);
	assert_int_equal(rig->told_count, 1);
	finish(rig);
}

static void test_rfc4320(void **state)
{
	struct rig *rig = rig_create(SIP_TRANSPORT_UDP, 8);
	transaction_id id = rig_server(rig, "INFO", "z9hG4bK1");

	(void)state;
	assert_int_equal(rig_respond(rig, id, 100), 0); /* not yet */
	assert_int_equal(rig_respond(rig, id, 183), 0); /* never */
	assert_int_equal(rig->sent_count, 0);
	rig_pass(rig, 3500);
	assert_int_equal(rig->sent_count, 1);
	rig_receive_request(rig, "INFO", "z9hG4bK1", "");
	assert_int_equal(rig->sent_count, 2);
	assert_memory_equal(rig->sent[1].text, "SIP/2.0 100 ", 12);
	assert_int_equal(rig_respond(rig, id, 408), 0); /* ends in silence */
	assert_int_equal(rig->sent_count, 2);
	assert_int_equal(rig_respond(rig, id, 200), -EALREADY);
	rig_receive_request(rig, "INFO", "z9hG4bK1", "");
	assert_int_equal(rig->sent_count, 2);
	assert_int_equal(rig->told_count, 1);
	finish(rig);
}

static void test_answer_at_once_needs_no_trying(void **state)
{
	struct rig *rig = rig_create(SIP_TRANSPORT_UDP, 8);
	transaction_id id = rig_server(rig, "INFO", "z9hG4bK1");

	(void)state;
	assert_int_equal(rig_respond(rig, id, 200), 0);
	rig_clear(rig);
	rig_pass(rig, 20000);
	assert_int_equal(rig->sent_count, 0);
	finish(rig);
}

static void respond_inside(struct rig *rig, const struct rig_told *told)
{
	if (told->event == TRANSACTION_REQUEST)
		assert_int_equal(rig_respond(rig, told->id, rig->respond_status), 0);
}

static void test_answer_from_inside_the_indication(void **state)
{
	static const enum sip_transport both[] = {SIP_TRANSPORT_UDP, SIP_TRANSPORT_TCP};
	static const char *const methods[] = {"INVITE", "OPTIONS"};
	static const unsigned statuses[] = {200, 404};

	(void)state;
	for (int i = 0; i < 8; i++) {
		struct rig *rig = rig_create(both[i & 1], 8);

		rig->on_told = respond_inside;
		rig->respond_status = statuses[i >> 1 & 1];
		rig_receive_request(rig, methods[i >> 2], "z9hG4bK1", "");
		assert_int_equal(rig->sent_count, 1);
		finish(rig);
	}
}

/* By the connection; if it has gone, TCP and TLS may reach the port of the Via (RFC 3261 18.2.2).
 * UDP goes there at once, without rport. */
static void test_where_answers_go(void **state)
{
	static const struct {
		enum sip_transport transport;
		uint16_t port;
	} cases[] = {{SIP_TRANSPORT_UDP, 5060}, {SIP_TRANSPORT_TCP, 5060},
		{SIP_TRANSPORT_TLS, 5060}, {SIP_TRANSPORT_WS, 40000}, {SIP_TRANSPORT_WSS, 40000}};

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct rig *rig = rig_create(cases[i].transport, 8);
		transaction_id id;

		rig->flow.remote.port = 40000;
		rig->flow.connection_id = 9;
		id = rig_server(rig, "OPTIONS", "z9hG4bK1");
		assert_int_equal(rig_respond(rig, id, 200), 0);
		assert_int_equal(rig->sent[0].flow.remote.port, cases[i].port);
		assert_int_equal(rig->sent[0].flow.connection_id, 9);
		finish(rig);
	}
}

static void test_transport_failure_is_told_and_survived(void **state)
{
	struct rig *rig = rig_create(SIP_TRANSPORT_UDP, 8);
	transaction_id id = rig_server(rig, "INVITE", "z9hG4bK1");
	transaction_id other = rig_server(rig, "OPTIONS", "z9hG4bK2");

	(void)state;
	assert_int_equal(rig_respond(rig, id, 200), 0);
	assert_int_equal(rig_respond(rig, other, 200), 0);
	rig_clear(rig);
	transaction_transport_failed(rig->table, &rig->flow, rig->now_ms);
	assert_int_equal(rig_told_times(rig, TRANSACTION_TRANSPORT_ERROR), 2);
	assert_int_equal(rig->told_count, 2);
	assert_int_equal(rig_state(rig, id), STATE_ACCEPTED);
	assert_int_equal(rig_state(rig, other), STATE_COMPLETED);
	finish(rig);
}

static void test_2xx_without_ack_is_told(void **state)
{
	struct rig *rig = rig_create(SIP_TRANSPORT_UDP, 8);
	transaction_id id = rig_server(rig, "INVITE", "z9hG4bK1");

	(void)state;
	assert_int_equal(transaction_acknowledged(rig->table, id), 0); /* too early: nothing */
	assert_int_equal(transaction_set_user(rig->table, id, 4), 0);
	assert_int_equal(rig_respond(rig, id, 200), 0);
	rig_clear(rig);
	rig_pass(rig, RIG_64_T1_MS);
	assert_int_equal(rig->told[0].event, TRANSACTION_TIMEOUT);
	assert_int_equal(rig->told[0].user, 4);
	assert_int_equal(transaction_table_counts(rig->table).timeouts, 1);
	finish(rig);
}

static int respond_reliably(struct rig *rig, transaction_id id, unsigned status)
{
	char text[RIG_TEXT_BYTES];

	(void)snprintf(text, sizeof(text), "SIP/2.0 %u Reliable\r\n\r\n", status);
	return transaction_respond_reliably(rig->table, id, span_from(text), rig->now_ms);
}

/* RFC 3262 3: T1, doubling without a limit, for 64 * T1. */
static void test_reliable_provisional_is_repeated(void **state)
{
	static const uint32_t pauses_ms[] = {500, 1000, 2000, 4000, 8000, 16000};
	struct rig *rig = rig_create(SIP_TRANSPORT_TCP, 8);
	transaction_id id = rig_server(rig, "INVITE", "z9hG4bK1");

	(void)state;
	assert_int_equal(respond_reliably(rig, id, 183), 0);
	for (size_t i = 0; i < sizeof(pauses_ms) / sizeof(pauses_ms[0]); i++) {
		rig_pass(rig, pauses_ms[i] - 1);
		assert_int_equal(rig->sent_count, 1 + i);
		rig_pass(rig, 1);
		assert_int_equal(rig->sent_count, 2 + i);
		assert_memory_equal(rig->sent[1 + i].text, "SIP/2.0 183 ", 12);
	}
	rig_clear(rig);
	rig_pass(rig, 499);
	assert_int_equal(rig->told_count, 0);
	rig_pass(rig, 1); /* 64 * T1 */
	assert_true(rig_told_only(rig, TRANSACTION_TIMEOUT));
	assert_int_equal(rig->sent_count, 0);
	/* The INVITE is still to be answered. */
	assert_int_equal(rig_state(rig, id), STATE_PROCEEDING);
	assert_int_equal(rig_respond(rig, id, 504), 0);
	rig_pass(rig, RIG_64_T1_MS * 2);
	assert_int_equal(rig->sent_count, 1);
	rig_destroy(rig, true);
}

static void test_reliable_provisional_is_acknowledged(void **state)
{
	struct rig *rig = rig_create(SIP_TRANSPORT_UDP, 8);
	transaction_id id = rig_server(rig, "INVITE", "z9hG4bK1");

	(void)state;
	assert_int_equal(respond_reliably(rig, id, 183), 0);
	rig_pass(rig, 500);
	assert_int_equal(rig->sent_count, 2);
	assert_int_equal(transaction_acknowledged(rig->table, id), 0);
	rig_pass(rig, RIG_64_T1_MS * 2);
	assert_int_equal(rig->sent_count, 2);
	assert_true(rig_told_only(rig, TRANSACTION_REQUEST));
	/* The next one begins anew; a refusal ends it, on a stream too, where nothing repeats it. */
	assert_int_equal(respond_reliably(rig, id, 180), 0);
	rig_pass(rig, 500);
	assert_int_equal(rig->sent_count, 4);
	assert_int_equal(rig_respond(rig, id, 486), 0);
	rig_receive_request(rig, "ACK", "z9hG4bK1", "answering");
	rig_pass(rig, RIG_64_T1_MS * 2);
	assert_int_equal(rig->sent_count, 5);
	assert_int_equal(respond_reliably(rig, id, 183), -ENOENT);
	finish(rig);
}

static void test_reliable_provisional_where_none_can_be(void **state)
{
	struct rig *rig = rig_create(SIP_TRANSPORT_UDP, 8);
	transaction_id invite = rig_server(rig, "INVITE", "z9hG4bK1");
	transaction_id other = rig_server(rig, "OPTIONS", "z9hG4bK2");

	(void)state;
	assert_int_equal(respond_reliably(rig, other, 183), -ENOENT);
	assert_int_equal(
		transaction_respond_reliably(rig->table, invite, SPAN(""), rig->now_ms), -EINVAL);
	assert_int_equal(rig_respond(rig, invite, 200), 0);
	assert_int_equal(respond_reliably(rig, invite, 183), -EALREADY);
	assert_int_equal(rig_respond(rig, other, 200), 0);
	finish(rig);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_repeated_invite_gets_the_last_provisional),
		cmocka_unit_test(test_repeated_invite_is_absorbed_after_a_2xx),
		cmocka_unit_test(test_answers_too_late_or_wrong),
		cmocka_unit_test(test_ack_to_a_2xx_has_no_transaction),
		cmocka_unit_test(test_ack_before_an_answer_is_unexpected),
		cmocka_unit_test(test_cancel_is_answered_and_told_once),
		cmocka_unit_test(test_cancel_before_any_answer_has_a_tag_of_its_own),
		cmocka_unit_test(test_cancel_after_200_changes_nothing),
		cmocka_unit_test(test_cancel_of_nothing),
		cmocka_unit_test(test_other_method_repeats_its_answer),
		cmocka_unit_test(test_rfc4320),
		cmocka_unit_test(test_answer_at_once_needs_no_trying),
		cmocka_unit_test(test_answer_from_inside_the_indication),
		cmocka_unit_test(test_where_answers_go),
		cmocka_unit_test(test_transport_failure_is_told_and_survived),
		cmocka_unit_test(test_2xx_without_ack_is_told),
		cmocka_unit_test(test_reliable_provisional_is_repeated),
		cmocka_unit_test(test_reliable_provisional_is_acknowledged),
		cmocka_unit_test(test_reliable_provisional_where_none_can_be),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
