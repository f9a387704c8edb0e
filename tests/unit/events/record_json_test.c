/* SPDX-License-Identifier: Apache-2.0 */
/* Records as JSON: valid whatever the texts hold, right figures, ids that repeat. */
#include "events/record_json.h"

#include "samples.h"

#include <errno.h>
#include <jansson.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

static const struct event_identity identity = {
	.node = "n1", .epoch = 3, .seq = 42, .wall_ns = 1760000000123456789};

static json_t *json_of(const struct event_record *record)
{
	static char text[EVENT_JSON_MAX_BYTES];
	size_t length;
	json_t *json;

	assert_int_equal(event_record_to_json(record, &identity, text, sizeof(text), &length), 0);
	assert_int_equal(strlen(text), length);
	json = json_loadb(text, length, JSON_REJECT_DUPLICATES, NULL);
	assert_non_null(json); /* jansson refuses what isn't UTF-8 */
	return json;
}

static void every_sample_is_valid_json(void **state)
{
	(void)state;
	for (unsigned n = 0; n < SAMPLE_COUNT; n++) {
		struct event_record record = sample_record(n);
		json_t *json = json_of(&record);

		assert_int_equal(json_integer_value(json_object_get(json, "schema_version")), 1);
		assert_int_equal(json_integer_value(json_object_get(json, "node_seq")), 42);
		json_decref(json);
	}
}

static const char *text_at(const json_t *json, const char *name)
{
	return json_string_value(json_object_get(json, name));
}

static void cdr_says_what_happened(void **state)
{
	struct event_record record = sample_record(EVENT_RECORD_CDR * SAMPLES_PER_KIND);
	json_t *json = json_of(&record);
	json_t *media = json_object_get(json, "media");
	json_t *rx = json_object_get(media, "rx");

	(void)state;
	assert_string_equal(text_at(json, "event_id"), "n1-cdr-0000000000000011-0");
	assert_string_equal(text_at(json, "contact_id"), "n1-00000000000000c1");
	assert_null(text_at(json, "parent_leg_id"));
	assert_string_equal(text_at(json, "t_invite"), "2025-10-09T08:53:20.123456789Z");
	assert_null(text_at(json, "t_183_media"));
	assert_string_equal(text_at(json, "local_addr"), "192.0.2.1:5060");
	assert_string_equal(text_at(json, "remote_addr"), "[2001:db8::7]:5062");
	assert_string_equal(text_at(json, "transport"), "udp");
	assert_string_equal(text_at(json, "release_by"), "caller");
	assert_string_equal(text_at(json, "disposition"), "answered");
	assert_int_equal(json_integer_value(json_object_get(json, "bill_ms")), 60000);
	assert_string_equal(text_at(json_object_get(json, "caller"), "display"),
		"B\xc3\xa4"
		"cker \"M\xc3\xbcller\"");
	assert_true(json_real_value(json_object_get(rx, "mos_lq")) == 4.41);
	assert_true(json_real_value(json_object_get(rx, "jitter_ms")) == 1.234);
	assert_true(json_real_value(json_object_get(media, "rtt_ms")) == 25.0);
	assert_true(json_real_value(json_object_get(
			    json_object_get(media, "tx"), "remote_fraction_lost_pct")) == 0.33);
	json_decref(json);
}

static void what_isnt_known_is_null(void **state)
{
	struct event_record record = sample_record(EVENT_RECORD_CDR * SAMPLES_PER_KIND + 1);
	json_t *json = json_of(&record);

	(void)state;
	assert_true(json_is_null(json_object_get(json, "pdd_ms")));
	assert_true(json_is_null(json_object_get(json, "setup_ms")));
	assert_true(json_is_null(json_object_get(json, "t_answer")));
	assert_true(json_is_null(json_object_get(json, "q850")));
	assert_true(json_is_null(json_object_get(json, "media")));
	assert_true(json_is_true(json_object_get(json, "media_stats_missing")));
	assert_true(json_is_null(json_object_get(json, "direction")));
	json_decref(json);
}

static void bad_bytes_become_replacement_characters(void **state)
{
	struct event_record record = sample_record(2);
	json_t *json;

	(void)state;
	event_text_set(record.call.caller, sizeof(record.call.caller),
		"a\xff"
		"b\xc3\xa9\xc3",
		6);
	json = json_of(&record);
	assert_string_equal(text_at(json, "caller"), "a\xef\xbf\xbd"
						     "b\xc3\xa9\xef\xbf\xbd");
	json_decref(json);
}

static void too_little_room_is_said(void **state)
{
	struct event_record record = sample_record(0);
	char text[256];
	size_t length = 7;

	(void)state;
	for (size_t room = 1; room < sizeof(text); room++)
		assert_int_equal(
			event_record_to_json(&record, &identity, text, room, &length), -ENOSPC);
	assert_int_equal(length, 7);
}

static void values_out_of_range_are_refused(void **state)
{
	struct event_record record = sample_record(0);
	char text[EVENT_JSON_MAX_BYTES];
	size_t length;

	(void)state;
	record.call.kind = CALL_EVENT_KIND_COUNT;
	assert_int_equal(
		event_record_to_json(&record, &identity, text, sizeof(text), &length), -EINVAL);
	record.kind = EVENT_RECORD_KIND_COUNT;
	assert_int_equal(
		event_record_to_json(&record, &identity, text, sizeof(text), &length), -EINVAL);
}

static void texts_are_cut_between_characters(void **state)
{
	char text[8];

	(void)state;
	event_text_set(text, sizeof(text), "abcdef\xc3\xa9", 8);
	assert_string_equal(text, "abcdef");
	event_text_set(text, sizeof(text), "abcde\xc3\xa9", 7);
	assert_string_equal(text, "abcde\xc3\xa9");
	event_text_set(text, sizeof(text), NULL, 0);
	assert_string_equal(text, "");
}

static struct span header(const struct event_frame *frame, const char *name)
{
	for (uint32_t i = 0; i < frame->header_count; i++)
		if (span_is(frame->headers[i].name, name))
			return frame->headers[i].value;
	return (struct span){0};
}

static void frame_has_key_and_cloud_event(void **state)
{
	static uint8_t bytes[EVENT_FRAME_MAX_BYTES];
	struct event_record record = sample_record(0);
	struct event_frame frame;
	size_t frame_bytes;
	size_t again;

	(void)state;
	assert_int_equal(
		event_record_to_frame(&record, &identity, bytes, sizeof(bytes), &frame_bytes), 0);
	assert_int_equal(event_frame_decode(bytes, frame_bytes, &frame, &again), 0);
	assert_int_equal(again, frame_bytes);
	assert_true(span_is(frame.key, "n1-00000000000000c1"));
	assert_int_equal(frame.epoch, 3);
	assert_int_equal(frame.seq, 42);
	assert_true(span_is(header(&frame, "ce_specversion"), "1.0"));
	assert_true(span_is(header(&frame, "ce_id"), "n1-call-00000000000000a1-2"));
	assert_true(span_is(header(&frame, "ce_type"), "tandem.call.event"));
	assert_true(span_is(header(&frame, "ce_source"), "/tandem/n1"));
	assert_true(span_is(header(&frame, "node"), "n1"));
	assert_true(span_is(header(&frame, "node_epoch"), "3"));
	assert_true(span_is(header(&frame, "node_seq"), "42"));
	assert_true(span_is(header(&frame, "content-type"), "application/json"));
	for (size_t bit = 0; bit < frame_bytes * 8; bit += 7) {
		bytes[bit / 8] ^= (uint8_t)(1u << bit % 8);
		assert_int_not_equal(event_frame_decode(bytes, frame_bytes, &frame, &again), 0);
		bytes[bit / 8] ^= (uint8_t)(1u << bit % 8);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(every_sample_is_valid_json),
		cmocka_unit_test(cdr_says_what_happened),
		cmocka_unit_test(what_isnt_known_is_null),
		cmocka_unit_test(bad_bytes_become_replacement_characters),
		cmocka_unit_test(too_little_room_is_said),
		cmocka_unit_test(values_out_of_range_are_refused),
		cmocka_unit_test(texts_are_cut_between_characters),
		cmocka_unit_test(frame_has_key_and_cloud_event),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
