/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Memory runs out at the n-th allocation, for every n that a busy scenario reaches: whoever asks
 * is told, nothing half-made is sent, asking again works, and in the end nothing is left over.
 */
#include "rig.h"

#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

/* Asks as a transaction user does: a second time if there was no memory. */
static void respond(struct rig *rig, transaction_id id, unsigned status)
{
	uint32_t sent = rig->sent_count;
	int error = rig_respond(rig, id, status);

	if (error == -ENOMEM) {
		assert_int_equal(rig->sent_count, sent);
		error = rig_respond(rig, id, status);
	}
	assert_true(error == 0 || error == -ENOENT);
}

static transaction_id request(struct rig *rig, const char *method)
{
	struct transaction_options options = {.user = 1};
	transaction_id id = 0;
	uint32_t sent = rig->sent_count;
	int error = rig_try_request(rig, method, "", &options, &id);

	if (error != 0) {
		assert_true(error == -ENOMEM || error == -EMFILE);
		assert_int_equal(rig->sent_count, sent);
		error = rig_try_request(rig, method, "", &options, &id);
	}
	assert_int_equal(error, 0);
	return id;
}

/* The id of the last new request, 0 if it was refused with 503. */
static transaction_id serve(struct rig *rig, const char *method, const char *branch)
{
	uint32_t told = rig->told_count;
	uint32_t sent = rig->sent_count;

	rig_receive_request(rig, method, branch, "");
	if (rig->told_count == told) {
		assert_int_equal(rig->sent_count, sent + 1);
		assert_memory_equal(rig->sent[sent].text, "SIP/2.0 503 ", 12);
		return 0;
	}
	return rig->told[told].id;
}

/* An INVITE of ours that rings, is cancelled and fails; it is message number 0. */
static void run_canceled_call(struct rig *rig)
{
	transaction_id id = request(rig, "INVITE");
	int error;

	rig_receive_response(rig, 0, 180, "a");
	error = transaction_cancel(rig->table, id, SPAN("Q.850;cause=16"), rig->now_ms);
	if (error == -ENOMEM)
		error = transaction_cancel(rig->table, id, SPAN(""), rig->now_ms);
	assert_int_equal(error, 0);
	rig_pass(rig, 500);
	rig_receive_response(rig, 0, 487, "a");
	rig_receive_response(rig, 0, 487, "a");
}

static void run_answered_call(struct rig *rig)
{
	transaction_id id = serve(rig, "INVITE", "z9hG4bKanswered");

	if (id == 0) /* refused: the caller tries again after a while */
		id = serve(rig, "INVITE", "z9hG4bKanswered");
	respond(rig, id, 100);
	respond(rig, id, 180);
	rig_receive_request(rig, "INVITE", "z9hG4bKanswered", "");
	respond(rig, id, 200);
	rig_pass(rig, 500);
	(void)transaction_acknowledged(rig->table, id); /* it may have been refused */
}

static void run_others(struct rig *rig)
{
	transaction_id late = serve(rig, "INFO", "z9hG4bKlate");
	transaction_id canceled = serve(rig, "INVITE", "z9hG4bKcanceled");

	rig_receive_request(rig, "CANCEL", "z9hG4bKcanceled", "");
	respond(rig, canceled, 487);
	rig_receive_request(rig, "ACK", "z9hG4bKcanceled", "answering");
	(void)request(rig, "OPTIONS");
	rig_pass(rig, 4000);
	respond(rig, late, 200);
}

/* An INVITE that rings until timer C. */
static void run_endless_call(struct rig *rig)
{
	rig_clear(rig);
	(void)request(rig, "INVITE");
	rig_receive_response(rig, 0, 180, "a");
	rig_pass(rig, RIG_TIMER_C_MS);
}

static void run_scenario(struct rig *rig)
{
	run_canceled_call(rig);
	run_answered_call(rig);
	run_others(rig);
	run_endless_call(rig);
	rig_clear(rig);
	for (int i = 0; i < 4; i++)
		rig_pass(rig, RIG_64_T1_MS);
}

static void test_fail_nth_copy(void **state)
{
	uint32_t n = 0;
	bool has_failed;

	(void)state;
	do {
		struct rig *rig = rig_create(SIP_TRANSPORT_UDP, 16);

		rig->table->heap.fail_countdown = ++n;
		run_scenario(rig);
		has_failed = rig->table->heap.fail_countdown == 0;
		rig_destroy(rig, true);
	} while (has_failed);
	assert_true(n > 10); /* the sweep has swept */
}

static void test_fail_nth_transaction(void **state)
{
	(void)state;
	for (uint32_t n = 1; n < 12; n++) {
		struct rig *rig = rig_create(SIP_TRANSPORT_UDP, 16);

		slab_fail_nth(rig->table->slab, n);
		run_scenario(rig);
		slab_fail_nth(rig->table->slab, 0);
		rig_destroy(rig, true);
	}
}

static void test_ceiling_of_memory(void **state)
{
	struct transaction_options options = {0};
	struct rig *rig = rig_create(SIP_TRANSPORT_UDP, 16);
	transaction_id id;

	(void)state;
	rig->table->heap.limit_bytes = 100;
	assert_int_equal(rig_try_request(rig, "INVITE", "", &options, &id), -ENOMEM);
	id = rig_server(rig, "INVITE", "z9hG4bKsmall");
	assert_int_equal(rig_respond(rig, id, 200), -ENOMEM);
	assert_int_equal(rig_state(rig, id), STATE_PROCEEDING); /* as if it hadn't been tried */
	assert_int_equal(rig->sent_count, 0);
	rig->table->heap.limit_bytes = 0;
	assert_int_equal(rig_respond(rig, id, 200), 0);
	rig_pass(rig, RIG_64_T1_MS);
	rig_destroy(rig, true);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_fail_nth_copy),
		cmocka_unit_test(test_fail_nth_transaction),
		cmocka_unit_test(test_ceiling_of_memory),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
