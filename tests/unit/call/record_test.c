/* SPDX-License-Identifier: Apache-2.0 */
/* Durations, parties and counters of the records. */
#include "call/record.h"

#include "unit/leg/leg_fixture.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

static const struct record_names names = {.now = {61000, 1000000061}, .trunks = {"in", "out"}};

static struct call talked(void)
{
	struct call call = {.call_id = 9,
		.route = "1XX",
		.leg_count = 2,
		.created_ms = 1000,
		.is_answered = true};
	struct leg *leg = &call.legs[CALL_CALLER];

	leg->leg_id = call_leg_id(&call, 0);
	leg->created_ms = 1000;
	leg->first_18x_ms = 1500;
	leg->answer_ms = 11000;
	leg->end_ms = 61000;
	leg->held_ms = 5000;
	leg->release.sip_status = 486; /* whatever was said: it was answered */
	call.legs[CALL_CALLEE].leg_id = call_leg_id(&call, 1);
	call.legs[CALL_CALLEE].is_uac = true;
	return call;
}

static void test_durations(void **state)
{
	struct call call = talked();
	struct event_record record;

	(void)state;
	record_fill_cdr(&call, CALL_CALLER, &names, &record);
	assert_int_equal(record.kind, EVENT_RECORD_CDR);
	assert_int_equal(record.cdr.pdd_ms, 500);
	assert_int_equal(record.cdr.setup_ms, 10000);
	assert_int_equal(record.cdr.ring_ms, 9500);
	assert_int_equal(record.cdr.bill_ms, 50000);
	assert_int_equal(record.cdr.hold_ms, 5000);
	assert_int_equal(record.cdr.talk_ms, 45000);
	assert_int_equal(record.cdr.release.sip_status, 200);
	assert_int_equal(record.cdr.release.disposition, EVENT_DISPOSITION_ANSWERED);
	assert_string_equal(record.cdr.trunk, "in");
	assert_string_equal(record.cdr.route, "1XX");
	assert_int_equal(record.cdr.leg_seq, 0);
	call.legs[CALL_CALLER].hold_since_ms = 51000; /* still on hold when it ended */
	record_fill_cdr(&call, CALL_CALLER, &names, &record);
	assert_int_equal(record.cdr.hold_ms, 15000);
	record_fill_contact(&call, &names, &record);
	assert_int_equal(record.contact.duration_ms, 60000);
	assert_int_equal(record.contact.talk_ms, 35000);
	assert_int_equal(record.contact.leg_count, 2);
	assert_int_equal(record.contact.leg_ids[1], call_leg_id(&call, 1));
	assert_string_equal(record.contact.trunk_out, "out");
}

static void test_unanswered(void **state)
{
	struct call call = talked();
	struct event_record record;
	struct td_termination_stats stats = {.rx_packets = 3};

	(void)state;
	call.legs[CALL_CALLER].answer_ms = 0;
	call.media[CALL_CALLER].has_remote = true;
	record_fill_cdr(&call, CALL_CALLER, &names, &record);
	assert_int_equal(record.cdr.setup_ms, 0);
	assert_int_equal(record.cdr.bill_ms, 0);
	assert_int_equal(record.cdr.talk_ms, 0);
	assert_int_equal(record.cdr.ring_ms, 59500);
	assert_int_equal(record.cdr.related_leg_id, 0);
	assert_int_equal(record.cdr.release.sip_status, 486);
	assert_int_equal(record.cdr.release.disposition, EVENT_DISPOSITION_BUSY);
	assert_true(record.cdr.is_media_stats_missing);
	call.media[CALL_CALLER].stats = &stats;
	record_fill_cdr(&call, CALL_CALLER, &names, &record);
	assert_false(record.cdr.is_media_stats_missing);
	assert_int_equal(record.cdr.media.rx_packets, 3);
}

static void test_events_count_up(void **state)
{
	struct call call = talked();
	struct event_record record;

	(void)state;
	record_fill_event(&call, CALL_EVENT_CREATED, CALL_CALLER, &names, &record);
	assert_int_equal(record.call.ordinal, 0);
	assert_int_equal(record.call.direction, EVENT_DIRECTION_IN);
	assert_int_equal(record.call.since_created_ms, 60000);
	record_fill_event(&call, CALL_EVENT_RECOVERED, CALL_LEGS, &names, &record);
	assert_int_equal(record.call.ordinal, 1);
	assert_int_equal(record.call.leg_id, 0);
	record_fill_event(&call, CALL_EVENT_ENDED, CALL_CALLEE, &names, &record);
	assert_int_equal(record.call.direction, EVENT_DIRECTION_OUT);
	assert_string_equal(record.call.trunk, "out");
}

static void test_hold_time_adds_up(void **state)
{
	struct leg leg = {0};

	(void)state;
	record_note_hold(&leg, false, 50);
	record_note_hold(&leg, true, 100);
	record_note_hold(&leg, true, 200); /* still */
	record_note_hold(&leg, false, 400);
	record_note_hold(&leg, true, 1000);
	record_note_hold(&leg, false, 1001);
	assert_int_equal(leg.held_ms, 301);
	record_note_end(&leg, &(const struct td_now){5, 6});
	record_note_end(&leg, &(const struct td_now){7, 8});
	assert_int_equal(leg.end_ms, 5);
	assert_int_equal(leg.times.end_wall_ns, 6);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_durations),
		cmocka_unit_test(test_unanswered),
		cmocka_unit_test(test_events_count_up),
		cmocka_unit_test(test_hold_time_adds_up),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
