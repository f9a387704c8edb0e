/* SPDX-License-Identifier: Apache-2.0 */
/* REFERs in progress: their list, its limit, and their way through the journal. */
#include "call/referral.h"

#include "call/call.h"
#include "subscription/refer_client.h"

#include <tandem/time.h>

#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

static void test_list(void **state)
{
	struct heap heap = {0};
	struct call call = {.heap = &heap};
	struct referral *list[REFERRALS_MAX];

	(void)state;
	for (unsigned i = 0; i < REFERRALS_MAX; i++) {
		list[i] = referral_add(&call, i % CALL_LEGS);
		assert_non_null(list[i]);
		assert_int_equal(list[i]->number, i);
		assert_int_equal(list[i]->deadline_ms, TD_NEVER);
		list[i]->cseq = 10 + i;
		list[i]->is_ours = i == 3;
	}
	assert_null(referral_add(&call, 0));
	assert_ptr_equal(referral_find(&call, 0, false, 0), list[0]); /* the oldest */
	assert_ptr_equal(referral_find(&call, 0, false, 12), list[2]);
	assert_ptr_equal(referral_find(&call, 1, false, 0), list[1]);
	assert_ptr_equal(referral_find(&call, 1, true, 0), list[3]);
	assert_null(referral_find(&call, 0, true, 0));
	assert_null(referral_find(&call, 0, false, 11));
	assert_ptr_equal(referral_at(&call, 2), list[2]);
	referral_remove(list[1]);
	assert_null(referral_at(&call, 1));
	assert_true(referral_is_on_leg(&call, 1));
	referral_remove(list[3]);
	assert_false(referral_is_on_leg(&call, 1));
	assert_int_equal(referral_add(&call, 1)->number, 1); /* the free one */
	assert_false(call_is_over(&call));
	call_fini(&call);
	assert_true(call_is_over(&call));
	assert_int_equal(heap.in_use_count, 0);
	heap.fail_countdown = 1;
	assert_null(referral_add(&call, 0));
}

static void fill(struct call *call)
{
	struct referral *theirs = referral_add(call, 0);
	struct referral *ours = referral_add(call, 1);

	theirs->referral_id = 7;
	theirs->cseq = 21;
	theirs->status = 180;
	theirs->notifier = (struct notifier){NOTIFIER_ACTIVE, NOTIFIER_DELIVERY_SENDING_STALE, 0};
	theirs->deadline_ms = 123456;
	event_text_set(theirs->transfer.target, sizeof(theirs->transfer.target), "sip:a@b", 7);
	ours->referral_id = 8;
	ours->is_ours = true;
	ours->is_leg_over = true;
	ours->client = REFER_CLIENT_PARTING;
	ours->subscriber = 3;
	ours->transfer.origin = EVENT_TRANSFER_ORIGIN_OPERATOR;
	ours->total_ms = 99;
}

static size_t write_all(const struct call *call, uint8_t *bytes, size_t size)
{
	struct serial_writer writer;
	size_t length;

	serial_writer_init(&writer, bytes, size);
	referral_put_all(&writer, call);
	assert_int_equal(serial_writer_finish(&writer, &length), 0);
	return length;
}

static int read_all(struct call *call, const uint8_t *bytes, size_t length)
{
	struct serial_reader reader;
	int result;

	serial_reader_init(&reader, bytes, length);
	result = referral_get_all(&reader, call);
	return result != 0 ? result : serial_reader_finish(&reader);
}

static void test_journal(void **state)
{
	struct heap heap = {0};
	struct call call = {.heap = &heap};
	struct call copy = {.heap = &heap};
	uint8_t bytes[4096];
	uint8_t again[4096];
	size_t length;

	(void)state;
	fill(&call);
	length = write_all(&call, bytes, sizeof(bytes));
	assert_int_equal(read_all(&copy, bytes, length), 0);
	assert_int_equal(copy.referrals->cseq, 21);
	assert_int_equal(copy.referrals->notifier.delivery, NOTIFIER_DELIVERY_SENDING_STALE);
	assert_int_equal(copy.referrals->next->client, REFER_CLIENT_PARTING);
	assert_int_equal(write_all(&copy, again, sizeof(again)), length);
	assert_memory_equal(bytes, again, length);
	referral_remove_all(&copy);
	/* A record of another hand: what is accepted of it is sound. */
	for (size_t i = 0; i < length; i++) {
		bytes[i] ^= 0xff;
		if (read_all(&copy, bytes, length) == 0)
			for (const struct referral *at = copy.referrals; at != NULL; at = at->next)
				assert_true(at->leg_index < CALL_LEGS &&
					    at->number < REFERRALS_MAX && at->referral_id != 0);
		referral_remove_all(&copy);
		bytes[i] ^= 0xff;
	}
	assert_int_equal(read_all(&copy, bytes, length - 1), -EBADMSG);
	referral_remove_all(&copy);
	bytes[0] = REFERRALS_MAX + 1;
	assert_int_equal(read_all(&copy, bytes, length), -EBADMSG);
	bytes[0] = 2;
	heap.fail_countdown = 2;
	assert_int_equal(read_all(&copy, bytes, length), -ENOMEM);
	call_fini(&copy);
	call_fini(&call);
	assert_int_equal(heap.in_use_count, 0);
}

static void test_notes(void **state)
{
	(void)state;
	assert_null(referral_note_text(REFERRAL_NOTE_NONE));
	assert_non_null(referral_note_text(REFERRAL_NOTE_RESTARTED));
	assert_null(referral_note_text(REFERRAL_NOTE_COUNT));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_list),
		cmocka_unit_test(test_journal),
		cmocka_unit_test(test_notes),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
