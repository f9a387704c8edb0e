/* SPDX-License-Identifier: Apache-2.0 */
/* The ring keeps the newest, finds what it keeps, and forgets without a trace of garbage. */
#include "trace/trace.h"

#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

enum {
	MEMORY_BYTES = 1024 * 1024,
	SECOND = 1000000000,
};

static const uint8_t seed[TRACE_SEED_BYTES] = {1};

static struct trace *make(size_t memory_bytes)
{
	const struct trace_setup setup = {.memory_bytes = memory_bytes, .seed = seed};
	struct trace *trace = NULL;

	assert_int_equal(trace_create(&setup, &trace), 0);
	return trace;
}

static void add(struct trace *trace, enum trace_direction direction, const char *call_id,
	unsigned number, size_t body_bytes)
{
	static char bytes[80000];
	const struct sip_flow flow = {.transport = SIP_TRANSPORT_TCP, .connection_id = number};
	int head = snprintf(bytes, sizeof(bytes), "BYE sip:%u@h SIP/2.0\r\nCall-ID: %s\r\n\r\n",
		number, call_id);

	memset(bytes + head, 'x', body_bytes);
	trace_add(trace, &(const struct trace_message){
				 .direction = direction,
				 .flow = &flow,
				 .bytes = {bytes, (uint32_t)((size_t)head + body_bytes)},
				 .wall_ns = (uint64_t)number * SECOND,
			 });
}

static uint32_t tell(struct trace *trace, uint64_t leg_id, const char *call_id, const char *caller,
	const char *callee)
{
	return trace_tell_dialog(trace, &(const struct trace_dialog){.call_id = leg_id >> 4,
						.leg_id = leg_id,
						.sip_call_id = span_from(call_id),
						.caller = span_from(caller),
						.callee = span_from(callee),
						.wall_ns = leg_id});
}

/* What was visited. */
struct seen {
	char text[4096];
	uint64_t call_id; /* of the last */
	enum trace_note note;
	const char *reason;
};

static void see(void *context, const struct trace_entry *entry)
{
	struct seen *seen = context;
	size_t length = strlen(seen->text);

	(void)snprintf(seen->text + length, sizeof(seen->text) - length, "%s%u",
		entry->direction == TRACE_IN	? "<"
		: entry->direction == TRACE_OUT ? ">"
						: "!",
		entry->flow->connection_id);
	assert_int_equal(entry->wall_ns, (uint64_t)entry->flow->connection_id * SECOND);
	seen->call_id = entry->call_id;
	seen->note = entry->note;
	seen->reason = entry->reason;
}

static void see_call(void *context, const struct trace_call *call)
{
	struct seen *seen = context;
	size_t length = strlen(seen->text);

	(void)snprintf(seen->text + length, sizeof(seen->text) - length, "%u %s %s;",
		(unsigned)call->call_id, call->caller, call->callee);
}

static void test_a_call_is_all_its_dialogs_in_order(void **state)
{
	struct trace *trace = make(MEMORY_BYTES);
	struct seen seen = {.text = ""};

	(void)state;
	add(trace, TRACE_IN, "a", 1, 10);
	add(trace, TRACE_OUT, "b", 2, 10);
	add(trace, TRACE_IN, "other", 3, 10);
	add(trace, TRACE_IN, "b", 4, 0);
	add(trace, TRACE_OUT, "a", 5, 100);
	(void)tell(trace, 0x70, "a", "1", "2");
	(void)tell(trace, 0x71, "b", "1", "2");
	(void)tell(trace, 0x80, "other", "1", "2");
	(void)tell(trace, 0x70, "a", "1", "2"); /* again: nothing is there twice */
	assert_int_equal(trace_visit_call(trace, 7, see, &seen), 4);
	assert_string_equal(seen.text, "<1>2<4>5");
	assert_int_equal(seen.call_id, 7);
	seen.text[0] = '\0';
	assert_int_equal(trace_visit_sip_call(trace, SPAN("b"), see, &seen), 2);
	assert_string_equal(seen.text, ">2<4");
	assert_int_equal(trace_find_call(trace, SPAN("b")), 7);
	assert_int_equal(trace_find_call(trace, SPAN("c")), 0);
	assert_int_equal(trace_visit_call(trace, 9, see, &seen), 0);
	assert_int_equal(trace_visit_sip_call(trace, SPAN("c"), see, &seen), 0);
	trace_destroy(trace);
}

static void test_numbers_find_calls(void **state)
{
	struct trace *trace = make(MEMORY_BYTES);
	struct seen seen = {.text = ""};

	(void)state;
	(void)tell(trace, 0x10, "a", "+4930123456", "100");
	(void)tell(trace, 0x11, "b", "+4930123456", "100");
	(void)tell(trace, 0x20, "c", "100", "+4930999999");
	assert_int_equal(trace_visit_number(trace, SPAN("100"), 10, see_call, &seen), 2);
	assert_string_equal(seen.text, "2 100 +4930999999;1 +4930123456 100;");
	seen.text[0] = '\0';
	assert_int_equal(trace_visit_number(trace, SPAN("3456"), 10, see_call, &seen), 1);
	assert_string_equal(seen.text, "1 +4930123456 100;");
	assert_int_equal(trace_visit_number(trace, SPAN("4930123456"), 10, see_call, &seen), 1);
	assert_int_equal(trace_visit_number(trace, SPAN("+4930123456"), 10, see_call, &seen), 1);
	assert_int_equal(trace_visit_number(trace, SPAN("456"), 10, see_call, &seen), 0);
	assert_int_equal(trace_visit_number(trace, SPAN("100"), 1, see_call, &seen), 1);
	assert_int_equal(trace_visit_number(trace, SPAN(""), 10, see_call, &seen), 0);
	trace_destroy(trace);
}

static void test_a_plus_that_one_side_lacks(void **state)
{
	struct trace *trace = make(MEMORY_BYTES);
	struct seen seen = {.text = ""};

	(void)state;
	(void)tell(trace, 0x10, "a", "4930123456", "100");
	assert_int_equal(trace_visit_number(trace, SPAN("+4930123456"), 10, see_call, &seen), 1);
	trace_destroy(trace);
}

static void test_notes(void **state)
{
	const struct sip_flow flow = {.connection_id = 3};
	struct trace *trace = make(MEMORY_BYTES);
	struct seen seen = {.text = ""};

	(void)state;
	trace_note_last(trace, TRACE_NOTE_SHED, NULL); /* nothing is there yet */
	add(trace, TRACE_IN, "a", 1, 0);
	add(trace, TRACE_OUT, "a", 2, 0); /* the answer goes before the note comes */
	trace_note_last(trace, TRACE_NOTE_MALFORMED, "why");
	trace_note_last(trace, TRACE_NOTE_SHED, NULL);
	(void)trace_visit_sip_call(trace, SPAN("a"), see, &seen);
	assert_int_equal(seen.note, TRACE_NOTE_NONE); /* not the answer's */
	trace_add(trace, &(const struct trace_message){.direction = TRACE_EVENT,
				 .note = TRACE_NOTE_NO_RESPONSE,
				 .flow = &flow,
				 .call_id = SPAN("a"),
				 .wall_ns = 3ull * SECOND});
	seen.text[0] = '\0';
	assert_int_equal(trace_visit_sip_call(trace, SPAN("a"), see, &seen), 3);
	assert_string_equal(seen.text, "<1>2!3");
	assert_int_equal(seen.note, TRACE_NOTE_NO_RESPONSE);
	trace_destroy(trace);
}

static void first_only(void *context, const struct trace_entry *entry)
{
	struct seen *seen = context;

	if (seen->reason == NULL) {
		seen->note = entry->note;
		seen->reason = entry->reason;
	}
}

static void test_the_first_note_stays(void **state)
{
	struct trace *trace = make(MEMORY_BYTES);
	struct seen seen = {.text = ""};

	(void)state;
	add(trace, TRACE_IN, "a", 1, 0);
	trace_note_last(trace, TRACE_NOTE_MALFORMED, "why");
	trace_note_last(trace, TRACE_NOTE_SHED, "no");
	(void)trace_visit_sip_call(trace, SPAN("a"), first_only, &seen);
	assert_int_equal(seen.note, TRACE_NOTE_MALFORMED);
	assert_string_equal(seen.reason, "why");
	assert_string_equal(trace_note_name(seen.note), "malformed");
	assert_string_equal(trace_note_name(TRACE_NOTE_COUNT), "?");
	trace_destroy(trace);
}

/* Many messages of varying size: at any time the newest are there, whole and in order. */
static void test_the_newest_are_kept(void **state)
{
	struct trace *trace = make(MEMORY_BYTES);
	struct trace_entry entry;
	uint64_t cursor = 0;
	uint64_t lost_bytes = 0;
	uint32_t random = 1;
	char call_id[16];

	(void)state;
	assert_false(trace_read_next(trace, &cursor, &lost_bytes, &entry));
	for (unsigned i = 1; i < 20000; i++) {
		struct seen seen = {.text = ""};

		random = random * 1664525 + 1013904223;
		(void)snprintf(call_id, sizeof(call_id), "c%u", i);
		add(trace, TRACE_IN, call_id, i, random >> 20);
		assert_int_equal(trace_visit_sip_call(trace, span_from(call_id), see, &seen), 1);
		assert_true(trace_read_next(trace, &cursor, &lost_bytes, &entry));
		assert_int_equal(entry.flow->connection_id, i);
		assert_false(trace_read_next(trace, &cursor, &lost_bytes, &entry));
		if (i > 2000) { /* about 2 kB each: gone since long */
			(void)snprintf(call_id, sizeof(call_id), "c%u", i - 2000);
			assert_int_equal(
				trace_visit_sip_call(trace, span_from(call_id), see, &seen), 0);
		}
	}
	assert_int_equal(lost_bytes, 0);
	assert_true(trace_get_counts(trace).oldest_wall_ns > 19000ull * SECOND);
	assert_true(trace_get_counts(trace).oldest_wall_ns < 19700ull * SECOND);
	assert_int_equal(trace_get_counts(trace).messages, 19999);
	trace_destroy(trace);
}

static void test_a_reader_that_is_too_slow_is_told(void **state)
{
	struct trace *trace = make(MEMORY_BYTES);
	struct trace_entry entry;
	uint64_t cursor = 0;
	uint64_t lost_bytes = 0;

	(void)state;
	assert_false(trace_read_next(trace, &cursor, &lost_bytes, &entry));
	add(trace, TRACE_IN, "a", 1, 0);
	for (unsigned i = 2; i < 300; i++)
		add(trace, TRACE_IN, "a", i, 4000);
	assert_false(trace_read_next(trace, &cursor, &lost_bytes, &entry));
	assert_true(lost_bytes > MEMORY_BYTES);
	add(trace, TRACE_IN, "a", 300, 0);
	assert_true(trace_read_next(trace, &cursor, &lost_bytes, &entry));
	assert_int_equal(entry.flow->connection_id, 300);
	trace_destroy(trace);
}

static void test_dialogs_are_forgotten_and_told_again(void **state)
{
	struct trace *trace = make(MEMORY_BYTES);
	uint32_t handle = tell(trace, 0x10, "a", "1", "2");
	char call_id[16];

	(void)state;
	assert_true(trace_knows(trace, handle, 0x10));
	assert_false(trace_knows(trace, handle, 0x11));
	assert_false(trace_knows(trace, UINT32_MAX, 0x10));
	for (unsigned i = 0; i < MEMORY_BYTES / 8192; i++) {
		assert_int_equal(trace_find_call(trace, SPAN("a")), 1);
		(void)snprintf(call_id, sizeof(call_id), "c%u", i);
		(void)tell(trace, 0x100 + i * 16, call_id, "1", "2");
	}
	assert_int_equal(trace_find_call(trace, SPAN("a")), 0);
	assert_false(trace_knows(trace, handle, 0x10));
	handle = tell(trace, 0x10, "a", "1", "2");
	assert_true(trace_knows(trace, handle, 0x10));
	assert_int_equal(trace_find_call(trace, SPAN("a")), 1);
	trace_destroy(trace);
}

static void test_too_long_and_too_small(void **state)
{
	const struct trace_setup setup = {.memory_bytes = 200000, .seed = seed};
	struct trace *trace = NULL;
	struct seen seen = {.text = ""};

	(void)state;
	assert_int_equal(trace_create(&setup, &trace), -EINVAL);
	trace = make(300000);
	add(trace, TRACE_IN, "a", 1, 65535 - 200);
	add(trace, TRACE_IN, "a", 2, 79000);
	trace_note_last(trace, TRACE_NOTE_SHED, NULL); /* of the one that wasn't stored */
	assert_int_equal(trace_visit_sip_call(trace, SPAN("a"), see, &seen), 1);
	assert_int_equal(seen.note, TRACE_NOTE_NONE);
	assert_int_equal(trace_get_counts(trace).too_long, 1);
	trace_destroy(trace);
}

static void test_no_trace_takes_everything(void **state)
{
	(void)state;
	add(NULL, TRACE_IN, "a", 1, 0);
	trace_note_last(NULL, TRACE_NOTE_SHED, NULL);
	assert_int_equal(tell(NULL, 0x10, "a", "1", "2"), 0);
	assert_true(trace_knows(NULL, 0, 0x10)); /* needn't be told */
	trace_destroy(NULL);
}

static void test_one_question_has_a_limit(void **state)
{
	struct trace *trace = make(8 * MEMORY_BYTES);
	struct trace_entry entry;
	uint64_t cursor = 0;
	uint64_t lost_bytes = 0;
	struct seen seen = {.text = ""};

	(void)state;
	for (unsigned i = 1; i <= TRACE_FOUND_MAX + 5; i++)
		add(trace, TRACE_IN, "a", i, 0);
	assert_int_equal(trace_visit_sip_call(trace, SPAN("a"), see, &seen), TRACE_FOUND_MAX);
	assert_memory_equal(seen.text, "<6<7", 4);
	assert_false(trace_read_next(trace, &cursor, &lost_bytes, &entry)); /* from now on */
	trace_destroy(trace);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_a_call_is_all_its_dialogs_in_order),
		cmocka_unit_test(test_numbers_find_calls),
		cmocka_unit_test(test_a_plus_that_one_side_lacks),
		cmocka_unit_test(test_notes),
		cmocka_unit_test(test_the_first_note_stays),
		cmocka_unit_test(test_the_newest_are_kept),
		cmocka_unit_test(test_a_reader_that_is_too_slow_is_told),
		cmocka_unit_test(test_dialogs_are_forgotten_and_told_again),
		cmocka_unit_test(test_too_long_and_too_small),
		cmocka_unit_test(test_no_trace_takes_everything),
		cmocka_unit_test(test_one_question_has_a_limit),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
