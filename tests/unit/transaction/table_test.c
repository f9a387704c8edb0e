/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The table: matching of both branch generations, merged requests, capacity, handles of the dead,
 * restoring, transport failures by flow, refused configurations.
 */
#include "rig.h"

#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

static const char REQUEST[] = "%s %s SIP/2.0\r\n"
			      "Via: SIP/2.0/UDP %s%s\r\n"
			      "Max-Forwards: 70\r\n"
			      "From: <sip:alice@192.0.2.2>;tag=%s\r\n"
			      "To: <sip:bob@192.0.2.1>%s\r\n"
			      "Call-ID: %s\r\n"
			      "CSeq: %u %s\r\n"
			      "Contact: <sip:alice@192.0.2.2>\r\n"
			      "Content-Length: 0\r\n\r\n";

struct request {
	const char *method;
	const char *uri;
	const char *sent_by;
	const char *branch; /* with ";branch=", or "" */
	const char *from_tag;
	const char *to_tag; /* with ";tag=", or "" */
	const char *call_id;
	unsigned cseq;
};

static const struct request BASE = {
	"INVITE", "sip:bob@192.0.2.1", "192.0.2.2:5060", ";branch=z9hG4bKbase", "f", "", "c", 1};

static void receive(struct rig *rig, const struct request *request)
{
	char text[RIG_TEXT_BYTES];

	(void)snprintf(text, sizeof(text), REQUEST, request->method, request->uri, request->sent_by,
		request->branch, request->from_tag, request->to_tag, request->call_id,
		request->cseq, request->method);
	rig_receive(rig, text);
}

/* True if the table takes request for a new one. */
static bool is_new(struct rig *rig, const struct request *request)
{
	rig_clear(rig);
	receive(rig, request);
	return rig_told_only(rig, TRANSACTION_REQUEST);
}

static void test_match_by_branch(void **state)
{
	struct rig *rig = rig_create(SIP_TRANSPORT_UDP, 16);
	struct request request = BASE;

	(void)state;
	assert_true(is_new(rig, &request));
	assert_false(is_new(rig, &request));
	request.branch = ";branch=z9hG4bKBASE"; /* a token: case doesn't matter */
	assert_false(is_new(rig, &request));
	request.uri = "sip:other@192.0.2.1"; /* only branch, sent-by and method count */
	request.call_id = "other";
	request.from_tag = "other";
	assert_false(is_new(rig, &request));
	request.sent_by = "192.0.2.3:5060";
	assert_true(is_new(rig, &request));
	request.sent_by = "192.0.2.2:5070";
	request.call_id = "third";
	assert_true(is_new(rig, &request));
	request = BASE;
	request.method = "OPTIONS";
	assert_true(is_new(rig, &request));
	rig_destroy(rig, false);
}

static void test_match_long_branches(void **state)
{
	struct rig *rig = rig_create(SIP_TRANSPORT_UDP, 16);
	struct request request = BASE;
	char branch[700] = ";branch=z9hG4bK";

	(void)state;
	memset(branch + 15, 'x', sizeof(branch) - 16);
	branch[sizeof(branch) - 1] = '\0';
	request.branch = branch;
	assert_true(is_new(rig, &request));
	assert_false(is_new(rig, &request));
	branch[300] = 'y';
	request.call_id = "another";
	assert_true(is_new(rig, &request));
	rig_destroy(rig, false);
}

static void test_match_rfc2543(void **state)
{
	struct rig *rig = rig_create(SIP_TRANSPORT_UDP, 16);
	struct request request = BASE;
	transaction_id id;

	(void)state;
	request.branch = "";
	assert_true(is_new(rig, &request));
	id = rig->told[0].id;
	assert_false(is_new(rig, &request));
	assert_int_equal(rig_respond(rig, id, 486), 0);
	/* The ACK has the To tag of the response and still belongs to the INVITE. */
	request.method = "ACK";
	request.to_tag = ";tag=answering";
	receive(rig, &request);
	assert_int_equal(rig_state(rig, id), STATE_CONFIRMED);
	request = BASE;
	request.branch = ";branch=1"; /* without the cookie it is part of the Via, no more */
	request.cseq = 2;
	assert_true(is_new(rig, &request));
	request.branch = "";
	request.cseq = 3;
	assert_true(is_new(rig, &request));
	request.uri = "sip:other@192.0.2.1";
	request.call_id = "d";
	assert_true(is_new(rig, &request));
	rig_destroy(rig, false);
}

static void test_merged_request(void **state)
{
	struct rig *rig = rig_create(SIP_TRANSPORT_UDP, 16);
	struct request request = BASE;
	transaction_id id;

	(void)state;
	assert_true(is_new(rig, &request));
	id = rig->told[0].id;
	request.branch = ";branch=z9hG4bKother-way";
	assert_false(is_new(rig, &request));
	assert_int_equal(rig->sent_count, 1);
	assert_memory_equal(rig->sent[0].text, "SIP/2.0 482 ", 12);
	request.to_tag = ";tag=in-dialog";
	assert_true(is_new(rig, &request)); /* a dialog's request can't be merged */
	/* After a failure the same request may come by another way: failover of a proxy. */
	assert_int_equal(rig_respond(rig, id, 503), 0);
	request = BASE;
	request.branch = ";branch=z9hG4bKthird-way";
	assert_true(is_new(rig, &request));
	rig_destroy(rig, false);
}

static void test_full_table_refuses(void **state)
{
	struct rig *rig = rig_create(SIP_TRANSPORT_UDP, 2);
	transaction_id first = rig_server(rig, "OPTIONS", "z9hG4bK1");
	transaction_id id;
	struct transaction_options options = {0};

	(void)state;
	(void)rig_request(rig, "OPTIONS", "");
	assert_int_equal(rig_try_request(rig, "BYE", "", &options, &id), -EMFILE);
	rig_clear(rig);
	rig_receive_request(rig, "INVITE", "z9hG4bK2", "");
	assert_int_equal(rig->told_count, 0);
	assert_int_equal(rig->sent_count, 1);
	assert_memory_equal(rig->sent[0].text, "SIP/2.0 503 ", 12);
	assert_string_equal(rig_header(rig, 0, "Retry-After"), "5");
	assert_non_null(strstr(rig_header(rig, 0, "To"), ";tag="));
	rig_receive_request(rig, "ACK", "z9hG4bK2", "x"); /* its ACK needs no room */
	assert_int_equal(transaction_table_counts(rig->table).refused_full, 2);
	/* The transaction that has room still works, and room comes back. */
	assert_int_equal(rig_respond(rig, first, 200), 0);
	rig_pass(rig, RIG_64_T1_MS);
	(void)rig_server(rig, "INVITE", "z9hG4bK3");
	rig_destroy(rig, false);
}

static void test_handles_of_the_dead(void **state)
{
	struct rig *rig = rig_create(SIP_TRANSPORT_UDP, 1);
	transaction_id dead = rig_request(rig, "INVITE", "");
	transaction_id alive;

	(void)state;
	rig_pass(rig, (uint64_t)2 * RIG_64_T1_MS);
	alive = rig_request(rig, "INVITE", ""); /* in the same place */
	assert_true(alive != dead);
	assert_int_equal(transaction_cancel(rig->table, dead, SPAN(""), rig->now_ms), -ENOENT);
	assert_int_equal(transaction_set_user(rig->table, dead, 1), -ENOENT);
	assert_int_equal(rig_respond(rig, dead, 200), -ENOENT);
	assert_int_equal(transaction_cancel(rig->table, alive, SPAN(""), rig->now_ms), 0);
	rig_destroy(rig, false);
}

static void test_what_is_not_a_request(void **state)
{
	struct rig *rig = rig_create(SIP_TRANSPORT_UDP, 4);
	struct transaction_options options = {.flow = &rig->flow};
	char text[RIG_TEXT_BYTES];
	transaction_id id;

	(void)state;
	assert_int_equal(rig_try_request(rig, "ACK", "", &options, &id), -EINVAL);
	assert_int_equal(
		transaction_request(rig->table, SPAN("rubbish"), &options, rig->now_ms, &id),
		-EINVAL);
	assert_int_equal(
		transaction_request(rig->table, SPAN(""), &options, rig->now_ms, &id), -EINVAL);
	rig_write_request(rig, "BYE", "z9hG4bKtwice", "", text);
	assert_int_equal(
		transaction_request(rig->table, span_from(text), &options, rig->now_ms, &id), 0);
	assert_int_equal(
		transaction_request(rig->table, span_from(text), &options, rig->now_ms, &id),
		-EINVAL);
	assert_int_equal(rig->sent_count, 1);
	assert_int_equal(transaction_table_counts(rig->table).clients, 1);
	rig_pass(rig, RIG_64_T1_MS);
	rig_destroy(rig, true);
}

static void test_branches_differ(void **state)
{
	struct rig *rig = rig_create(SIP_TRANSPORT_UDP, 4);
	char branches[64][TRANSACTION_BRANCH_BYTES];

	(void)state;
	for (size_t i = 0; i < TD_COUNT_OF(branches); i++) {
		transaction_branch(rig->table, branches[i]);
		assert_int_equal(strlen(branches[i]), TRANSACTION_BRANCH_BYTES - 1);
		assert_memory_equal(branches[i], "z9hG4bK", 7);
		for (size_t j = 0; j < i; j++)
			assert_string_not_equal(branches[i], branches[j]);
	}
	rig_destroy(rig, true);
}

static int restore_server(struct rig *rig, const struct request *request, transaction_id *ret_id)
{
	char text[RIG_TEXT_BYTES];
	struct sip_message message;
	struct sip_parse_error error;

	(void)snprintf(text, sizeof(text), REQUEST, request->method, request->uri, request->sent_by,
		request->branch, request->from_tag, request->to_tag, request->call_id,
		request->cseq, request->method);
	assert_int_equal(sip_message_parse(text, strlen(text), false, &message, &error), 0);
	return transaction_restore_server(rig->table, &message,
		&(const struct transaction_options){.flow = &rig->flow, .user = 31}, rig->now_ms,
		ret_id);
}

static void test_restore_server(void **state)
{
	struct rig *rig = rig_create(SIP_TRANSPORT_UDP, 2);
	struct request other = BASE;
	transaction_id id;
	transaction_id second;

	(void)state;
	assert_int_equal(restore_server(rig, &BASE, &id), 0);
	assert_int_equal(restore_server(rig, &BASE, &second), -EINVAL); /* it is there */
	other.method = "ACK";
	assert_int_equal(restore_server(rig, &other, &second), -EINVAL);
	assert_int_equal(rig->told_count, 0);
	receive(rig, &BASE); /* the caller was waiting all the time */
	assert_int_equal(rig->told_count, 0);
	rig_clear(rig);
	other = BASE;
	other.method = "CANCEL";
	receive(rig, &other);
	assert_true(rig_told_only(rig, TRANSACTION_CANCEL));
	assert_int_equal(rig->told[0].user, 31);
	assert_int_equal(rig_respond(rig, id, 487), 0);
	other = BASE;
	other.branch = ";branch=z9hG4bKsecond";
	other.call_id = "second";
	assert_int_equal(restore_server(rig, &other, &second), 0);
	other.branch = ";branch=z9hG4bKthird";
	assert_int_equal(restore_server(rig, &other, &second), -EMFILE);
	rig_destroy(rig, false);
}

/* A request in a dialog that waited for its answer. */
static void test_restore_other_server(void **state)
{
	struct rig *rig = rig_create(SIP_TRANSPORT_UDP, 2);
	struct request update = BASE;
	transaction_id id;

	(void)state;
	update.method = "UPDATE";
	update.to_tag = ";tag=ours";
	assert_int_equal(restore_server(rig, &update, &id), 0);
	receive(rig, &update); /* again */
	assert_int_equal(rig->told_count, 0);
	rig_pass(rig, 3500); /* RFC 4320 */
	assert_int_equal(rig->sent_count, 1);
	assert_memory_equal(rig->sent[0].text, "SIP/2.0 100 ", 12);
	assert_int_equal(rig_respond(rig, id, 200), 0);
	receive(rig, &update);
	assert_int_equal(rig->sent_count, 3);
	rig_pass(rig, RIG_64_T1_MS);
	rig_destroy(rig, true);
}

static int restore_client(struct rig *rig, bool is_proceeding, transaction_id *ret_id)
{
	struct transaction_options options = {
		.flow = &rig->flow, .user = 8, .is_proceeding = is_proceeding};
	char text[RIG_TEXT_BYTES];

	rig_write_request(rig, "INVITE", "z9hG4bKbefore", "", text);
	return transaction_restore_client(
		rig->table, span_from(text), &options, rig->now_ms, ret_id);
}

static void test_restore_client_calling(void **state)
{
	struct rig *rig = rig_create(SIP_TRANSPORT_UDP, 4);
	transaction_id id;

	(void)state;
	assert_int_equal(restore_client(rig, false, &id), 0);
	assert_int_equal(rig->sent_count, 1); /* at once */
	rig_pass(rig, 500);
	assert_int_equal(rig->sent_count, 2);
	rig_receive_response(rig, 0, 200, "a");
	assert_true(rig_told_only(rig, TRANSACTION_RESPONSE));
	assert_int_equal(rig->told[0].user, 8);
	rig_pass(rig, RIG_64_T1_MS);
	rig_destroy(rig, true);
}

static void test_restore_client_proceeding(void **state)
{
	struct rig *rig = rig_create(SIP_TRANSPORT_UDP, 4);
	transaction_id id;
	char text[RIG_TEXT_BYTES];

	(void)state;
	assert_int_equal(restore_client(rig, true, &id), 0);
	assert_int_equal(restore_client(rig, true, &id), -EINVAL);
	rig_pass(rig, RIG_TIMER_C_MS - 1);
	assert_int_equal(rig->sent_count, 0);
	assert_int_equal(transaction_cancel(rig->table, id, SPAN(""), rig->now_ms), 0);
	assert_int_equal(rig->sent_count, 1);
	assert_memory_equal(rig->sent[0].text, "CANCEL ", 7);
	rig_write_request(rig, "INVITE", "z9hG4bKbefore", "", text);
	memcpy(rig->sent[0].text, text, sizeof(text));
	rig_receive_response(rig, 0, 487, "a");
	assert_true(rig_told_only(rig, TRANSACTION_RESPONSE));
	assert_memory_equal(rig->sent[1].text, "ACK ", 4);
	rig_pass(rig, 2 * RIG_64_T1_MS);
	rig_destroy(rig, true);
}

static void test_transport_failure_strikes_one_flow(void **state)
{
	struct rig *rig = rig_create(SIP_TRANSPORT_TCP, 8);
	transaction_id here = rig_request(rig, "OPTIONS", "");
	transaction_id any;
	transaction_id there;
	transaction_id beside;
	struct sip_flow failed = rig->flow;

	(void)state;
	rig->flow.connection_id = 8;
	beside = rig_request(rig, "OPTIONS", "");
	rig->flow.connection_id = 0;
	any = rig_request(rig, "OPTIONS", "");
	rig->flow.remote.port++;
	there = rig_request(rig, "OPTIONS", "");
	rig_clear(rig);
	failed.remote.reserved = 0xffff; /* padding means nothing */
	transaction_transport_failed(rig->table, &failed, rig->now_ms);
	assert_int_equal(rig_state(rig, here), STATE_TERMINATED);
	assert_int_equal(rig_state(rig, any), STATE_TERMINATED);
	assert_int_equal(rig_state(rig, beside), STATE_TRYING);
	assert_int_equal(rig_state(rig, there), STATE_TRYING);
	assert_int_equal(rig->told_count, 4);
	failed.transport = SIP_TRANSPORT_UDP;
	transaction_transport_failed(rig->table, &failed, rig->now_ms);
	assert_int_equal(rig->told_count, 4);
	rig_pass(rig, RIG_64_T1_MS);
	rig_destroy(rig, true);
}

/* The server's name tells connections to one end point apart, unless it is the connection. */
static void test_failure_by_server(void **state)
{
	struct rig *rig = rig_create(SIP_TRANSPORT_TLS, 8);
	struct sip_flow failed = rig->flow;
	transaction_id one;
	transaction_id two;
	transaction_id by_connection;

	(void)state;
	rig->flow.connection_id = 0;
	rig->flow.server_id = 1;
	one = rig_request(rig, "OPTIONS", "");
	rig->flow.server_id = 2;
	two = rig_request(rig, "OPTIONS", "");
	rig->flow.connection_id = 8;
	by_connection = rig_request(rig, "OPTIONS", "");
	failed.connection_id = 0;
	failed.server_id = 1;
	transaction_transport_failed(rig->table, &failed, rig->now_ms);
	assert_int_equal(rig_state(rig, one), STATE_TERMINATED);
	assert_int_equal(rig_state(rig, two), STATE_TRYING);
	assert_int_equal(rig_state(rig, by_connection), STATE_TRYING);
	failed.connection_id = 8; /* accepted: it is verified for nobody */
	failed.server_id = 0;
	transaction_transport_failed(rig->table, &failed, rig->now_ms);
	assert_int_equal(rig_state(rig, two), STATE_TRYING);
	assert_int_equal(rig_state(rig, by_connection), STATE_TERMINATED);
	rig_pass(rig, RIG_64_T1_MS);
	rig_destroy(rig, true);
}

static void try_again(struct rig *rig, const struct rig_told *told)
{
	if (told->event == TRANSACTION_TRANSPORT_ERROR && rig->sent_count < 5)
		(void)rig_request(rig, "OPTIONS", "");
}

static void test_new_request_from_inside_a_failure(void **state)
{
	struct rig *rig = rig_create(SIP_TRANSPORT_UDP, 8);

	(void)state;
	(void)rig_request(rig, "OPTIONS", "");
	rig->on_told = try_again;
	transaction_transport_failed(rig->table, &rig->flow, rig->now_ms);
	assert_int_equal(rig->sent_count, 2); /* the new one isn't struck by the old failure */
	rig_pass(rig, RIG_64_T1_MS);
	rig_destroy(rig, true);
}

static void test_refused_configurations(void **state)
{
	struct rig *rig = rig_create(SIP_TRANSPORT_UDP, 1);
	const struct transaction_config good = rig->table->config;
	struct transaction_config bad[7] = {good, good, good, good, good, good, good};
	struct transaction_table *table = NULL;

	(void)state;
	bad[0].t1_ms = 0;
	bad[1].t2_ms = good.t1_ms - 1;
	bad[2].t4_ms = 0;
	bad[3].timer_c_ms = 0;
	bad[4].capacity = 0;
	bad[5].t1_ms = bad[5].t2_ms = UINT32_MAX / 2;
	bad[6].t2_ms = UINT32_MAX;
	for (size_t i = 0; i < TD_COUNT_OF(bad); i++)
		assert_int_equal(
			transaction_table_create(&bad[i], &rig->table->sink, &table), -EINVAL);
	assert_null(table);
	transaction_table_destroy(NULL);
	rig_destroy(rig, true);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_match_by_branch),
		cmocka_unit_test(test_match_long_branches),
		cmocka_unit_test(test_match_rfc2543),
		cmocka_unit_test(test_merged_request),
		cmocka_unit_test(test_full_table_refuses),
		cmocka_unit_test(test_handles_of_the_dead),
		cmocka_unit_test(test_what_is_not_a_request),
		cmocka_unit_test(test_branches_differ),
		cmocka_unit_test(test_restore_server),
		cmocka_unit_test(test_restore_other_server),
		cmocka_unit_test(test_restore_client_calling),
		cmocka_unit_test(test_restore_client_proceeding),
		cmocka_unit_test(test_transport_failure_strikes_one_flow),
		cmocka_unit_test(test_failure_by_server),
		cmocka_unit_test(test_new_request_from_inside_a_failure),
		cmocka_unit_test(test_refused_configurations),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
