/* SPDX-License-Identifier: Apache-2.0 */
/* The trace learns of each message, what became of it, and which call it belongs to. */
#include "trace/trace.h"

#include "rig.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

enum {
	TRACE_BYTES = 1024 * 1024
};

/* What a question was answered with. */
struct answer {
	char lines[4096]; /* "<INVITE" for each message, with its note */
	uint64_t call_id; /* of the last one */
	unsigned calls;
};

static void begin(struct rig *rig, const char *config)
{
	static const uint8_t seed[TRACE_SEED_BYTES] = {7};
	const struct trace_setup setup = {.memory_bytes = TRACE_BYTES, .seed = seed};

	memset(rig, 0, sizeof(*rig));
	rig->now = (struct td_now){1000000, 1767225600000000000ull};
	rig->config = rig_load(config);
	assert_int_equal(trace_create(&setup, &rig->trace), 0);
	rig_start(rig, 1);
}

static void end(struct rig *rig)
{
	rig_fini(rig);
	trace_destroy(rig->trace);
}

static void note_message(void *context, const struct trace_entry *entry)
{
	static const char marks[] = "<>!";
	struct answer *answer = context;
	size_t length = strlen(answer->lines);
	int word = (int)(memcmp(entry->bytes.text, "SIP/2.0 ", 8) == 0
				 ? 11
				 : strcspn(entry->bytes.text, " \r"));

	if (entry->direction == TRACE_EVENT)
		word = 0;
	(void)snprintf(answer->lines + length, sizeof(answer->lines) - length, "%c%.*s%s%s ",
		marks[entry->direction], word > 8 ? 3 : word,
		entry->bytes.text + (word > 8 ? 8 : 0), entry->note != TRACE_NOTE_NONE ? "/" : "",
		entry->note != TRACE_NOTE_NONE ? trace_note_name(entry->note) : "");
	answer->call_id = entry->call_id;
}

static void note_call(void *context, const struct trace_call *call)
{
	struct answer *answer = context;

	answer->call_id = call->call_id;
	answer->calls++;
}

static const char *ask(struct rig *rig, uint64_t call_id, struct answer *answer)
{
	memset(answer, 0, sizeof(*answer));
	(void)trace_visit_call(rig->trace, call_id, note_message, answer);
	return answer->lines;
}

/* What B says to the last INVITE that it got. */
static void say_b(struct rig *rig, unsigned status, const char *tail)
{
	char text[4096];
	const char *via = strstr(rig->last, "Via: ");
	const char *from = strstr(rig->last, "From: ");
	const char *to = strstr(rig->last, "To: ");
	const char *call_id = strstr(rig->last, "Call-ID: ");
	const char *cseq = strstr(rig->last, "CSeq: ");

	(void)snprintf(text, sizeof(text),
		"SIP/2.0 %u x\r\n%.*s\r\n%.*s\r\n%.*s;tag=b\r\n%.*s\r\n%.*s\r\n"
		"Contact: <sip:10.2.0.1>\r\n%s",
		status, (int)strcspn(via, "\r"), via, (int)strcspn(from, "\r"), from,
		(int)strcspn(to, "\r"), to, (int)strcspn(call_id, "\r"), call_id,
		(int)strcspn(cseq, "\r"), cseq, tail);
	rig_receive(rig, "10.2.0.1", text);
}

static void test_a_refused_call_is_found_by_each_of_its_names(void **state)
{
	struct rig rig;
	struct answer answer;
	struct answer by_number = {.calls = 0};

	(void)state;
	begin(&rig, HEAD TRUNKS ROUTES);
	rig_receive(&rig, "10.1.0.1", INVITE);
	rig_receive(&rig, "10.1.0.1", INVITE); /* again, on the way */
	rig_media_done(&rig);
	say_b(&rig, 486, "Content-Length: 0\r\n\r\n");
	assert_int_equal(trace_visit_number(rig.trace, SPAN("100"), 9, note_call, &by_number), 1);
	assert_int_equal(trace_visit_number(rig.trace, SPAN("1"), 9, note_call, &by_number), 1);
	assert_true(by_number.call_id != 0);
	assert_int_equal(trace_find_call(rig.trace, SPAN("c")), by_number.call_id);
	assert_string_equal(ask(&rig, by_number.call_id, &answer),
		"<INVITE >100 <INVITE/repeated >100 >INVITE <486 >ACK >486 ");
	assert_int_equal(answer.call_id, by_number.call_id);
	for (unsigned i = 0; i < 100; i++) { /* all is over, but not forgotten */
		rig.now.mono_ms += 1000;
		switchboard_advance(rig.switchboard, rig.now);
	}
	assert_int_equal(switchboard_get_counts(rig.switchboard).calls, 0);
	assert_non_null(strstr(ask(&rig, by_number.call_id, &answer), ">486 >486"));
	end(&rig);
}

static void test_what_became_of_messages(void **state)
{
	struct rig rig;
	struct answer answer = {.lines = ""};

	(void)state;
	begin(&rig, HEAD TRUNKS ROUTES);
	rig_receive(&rig, "10.9.9.9", INVITE); /* a stranger's isn't even kept */
	rig_receive(&rig, "10.1.0.1", "INVITE sip:100@10.0.0.1 SIP/2.0\r\nCall-ID: c\r\n\r\n");
	rig_receive(&rig, "10.1.0.1",
		REQUEST("MESSAGE", "2") "Content-Length: 0\r\n\r\n"); /* not offered */
	rig_receive(&rig, "10.1.0.1",
		"SIP/2.0 200 OK\r\nVia: SIP/2.0/UDP 10.0.0.1;branch=z9hG4bKno\r\n"
		"From: <sip:1@h>;tag=x\r\nTo: <sip:2@h>;tag=y\r\nCall-ID: c\r\nCSeq: 9 BYE\r\n\r\n");
	switchboard_set_gate(rig.switchboard, SWITCHBOARD_GATE_DRAINING, true);
	rig_receive(&rig, "10.1.0.1", INVITE);
	(void)trace_visit_sip_call(rig.trace, SPAN("c"), note_message, &answer);
	assert_string_equal(answer.lines,
		"<INVITE/malformed <MESSAGE/refused >405 <200/unmatched <INVITE/shed >503 ");
	assert_int_equal(answer.call_id, 0);
	end(&rig);
}

/* A flood that is turned away doesn't push everything else out. */
static void test_a_flood_leaves_the_rest_alone(void **state)
{
	struct rig rig;
	struct answer answer = {.lines = ""};
	uint64_t before;
	char text[1024];

	(void)state;
	begin(&rig, HEAD TRUNKS ROUTES);
	rig_receive(&rig, "10.1.0.1", INVITE);
	switchboard_set_gate(rig.switchboard, SWITCHBOARD_GATE_DRAINING, true);
	before = trace_get_counts(rig.trace).messages;
	for (unsigned i = 0; i < 200; i++) {
		(void)snprintf(text, sizeof(text),
			"INVITE sip:100@10.0.0.1 SIP/2.0\r\n"
			"Via: SIP/2.0/UDP 10.1.0.1;branch=z9hG4bK%u\r\n"
			"From: <sip:1@10.1.0.1>;tag=a\r\nTo: <sip:100@10.0.0.1>\r\n"
			"Call-ID: f%u\r\nCSeq: 1 INVITE\r\nContact: <sip:10.1.0.1>\r\n\r\n",
			i, i);
		rig_receive(&rig, "10.1.0.1", text);
	}
	assert_memory_equal(rig.last, "SIP/2.0 503", 11);
	assert_int_equal(trace_get_counts(rig.trace).messages - before, 2 * 20);
	rig_receive(&rig, "10.1.0.1", INVITE); /* a repeat of the call that is up */
	(void)trace_visit_sip_call(rig.trace, SPAN("c"), note_message, &answer);
	assert_string_equal(answer.lines, "<INVITE >100 <INVITE/repeated >100 ");
	rig.now.mono_ms += 1000;
	rig_receive(&rig, "10.1.0.1", text); /* the next second's */
	assert_int_equal(trace_get_counts(rig.trace).messages - before, 2 * 20 + 2 + 2);
	end(&rig);
}

static void test_silence_is_an_event_of_the_call(void **state)
{
	struct rig rig;
	struct answer answer = {.lines = ""};
	uint64_t call_id;

	(void)state;
	begin(&rig, HEAD TRUNKS ROUTES);
	rig_receive(&rig, "10.1.0.1", INVITE);
	rig_media_done(&rig);
	call_id = trace_find_call(rig.trace, SPAN("c"));
	rig.now.mono_ms += 20000;
	switchboard_advance(rig.switchboard, rig.now);
	assert_non_null(strstr(ask(&rig, call_id, &answer), "!/no_response"));
	end(&rig);
}

/* A restart takes the trace along, for nothing of it is on disk; a call that is taken over tells
 * its dialogs anew. */
static void test_a_call_from_the_journal_is_told(void **state)
{
	static const uint8_t seed[TRACE_SEED_BYTES] = {8};
	const struct trace_setup setup = {.memory_bytes = TRACE_BYTES, .seed = seed};
	struct rig rig;

	(void)state;
	begin(&rig, HEAD TRUNKS ROUTES);
	rig_receive(&rig, "10.1.0.1", INVITE);
	trace_destroy(rig.trace);
	assert_int_equal(trace_create(&setup, &rig.trace), 0);
	rig_restart(&rig, 100, false);
	assert_int_equal(trace_find_call(rig.trace, SPAN("c")), rig.journal_id);
	end(&rig);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_a_refused_call_is_found_by_each_of_its_names),
		cmocka_unit_test(test_what_became_of_messages),
		cmocka_unit_test(test_a_flood_leaves_the_rest_alone),
		cmocka_unit_test(test_silence_is_an_event_of_the_call),
		cmocka_unit_test(test_a_call_from_the_journal_is_told),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
