/* SPDX-License-Identifier: Apache-2.0 */
/* JSON against jansson's reading of it, times against the C library's calendar, every room. */
#include "events/json_writer.h"

#include <tandem/time.h>

#include <errno.h>
#include <jansson.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include <cmocka.h>

enum {
	ROOM = 512
};

/* An object with something of each kind; its length or -ENOSPC. */
static int write_all(char *text, size_t room)
{
	struct json_writer json;
	size_t length = 0;
	int error;

	json_writer_begin(&json, text, room);
	json_writer_open(&json, JSON_KEY("first"));
	json_writer_close(&json);
	json_writer_open_array(&json, JSON_KEY("list"));
	json_writer_number(&json, JSON_ELEMENT, 1);
	json_writer_number(&json, JSON_ELEMENT, UINT64_MAX);
	json_writer_close_array(&json);
	json_writer_bool(&json, JSON_KEY("yes"), true);
	json_writer_bool(&json, JSON_KEY("no"), false);
	json_writer_decimal(&json, JSON_KEY("decimal"), 12003, 3);
	json_writer_decimal(&json, JSON_KEY("whole"), 7, 0);
	json_writer_string(&json, JSON_KEY("none"), "");
	json_writer_text(&json, JSON_KEY("empty"), "", 0);
	json_writer_open(&json, JSON_KEY("inner"));
	json_writer_string(&json, JSON_KEY("text"), "a \"quoted\" \\ text, long enough");
	json_writer_close(&json);
	json_writer_time(&json, JSON_KEY("never"), 0);
	json_writer_time(&json, JSON_KEY("then"), 1709164800000000001ull);
	error = json_writer_finish(&json, &length);
	return error != 0 ? error : (int)length;
}

static void everything_reads_back(void **state)
{
	static const char expected[] =
		"{\"first\":{},\"list\":[1,9007199254740991],\"yes\":true,\"no\":false,"
		"\"decimal\":12.003,\"whole\":7,\"none\":null,\"empty\":\"\","
		"\"inner\":{\"text\":\"a \\\"quoted\\\" \\\\ text, long enough\"},"
		"\"never\":null,\"then\":\"2024-02-29T00:00:00.000000001Z\"}";
	char text[ROOM];

	(void)state;
	assert_int_equal(write_all(text, sizeof(text)), sizeof(expected) - 1);
	assert_string_equal(text, expected);
}

static void every_room_is_kept(void **state)
{
	char whole[ROOM];
	int length = write_all(whole, sizeof(whole));

	(void)state;
	for (int room = 1; room <= length + 1; room++) {
		char *text = malloc((size_t)room); /* so that a sanitizer sees its end */

		assert_non_null(text);
		assert_int_equal(write_all(text, (size_t)room), room <= length ? -ENOSPC : length);
		free(text);
	}
}

static void every_byte_anywhere_reads_back(void **state)
{
	(void)state;
	for (unsigned byte = 0; byte < 256; byte++) {
		for (size_t at = 0; at < 20; at++) {
			char value[20];
			char text[ROOM];
			struct json_writer json;
			const json_t *found;
			json_t *read;
			size_t length;

			memset(value, 'x', sizeof(value));
			value[at] = (char)byte;
			json_writer_begin(&json, text, sizeof(text));
			json_writer_text(&json, JSON_KEY("v"), value, sizeof(value));
			assert_int_equal(json_writer_finish(&json, &length), 0);
			read = json_loadb(text, length, JSON_ALLOW_NUL, NULL);
			assert_non_null(read);
			found = json_object_get(read, "v");
			if (byte < 0x80) {
				assert_int_equal(json_string_length(found), sizeof(value));
				assert_memory_equal(json_string_value(found), value, sizeof(value));
			} else {
				assert_int_equal(json_string_length(found), sizeof(value) + 2);
				assert_memory_equal(
					json_string_value(found) + at, "\xef\xbf\xbd", 3);
			}
			json_decref(read);
		}
	}
}

static void times_are_those_of_the_calendar(void **state)
{
	(void)state;
	/* Every day from 1970 to 2554, at a time of day that moves. */
	for (uint64_t day = 0; day < UINT64_MAX / TD_NS_PER_S / 86400; day++) {
		time_t seconds = (time_t)(day * 86400 + day * 7919 % 86400);
		char expected[64];
		char found[JSON_TIME_LENGTH + 1];
		struct tm parts;

		assert_non_null(gmtime_r(&seconds, &parts));
		(void)snprintf(expected, sizeof(expected),
			"%04d-%02d-%02dT%02d:%02d:%02d.000000042Z", parts.tm_year + 1900,
			parts.tm_mon + 1, parts.tm_mday, parts.tm_hour, parts.tm_min, parts.tm_sec);
		*json_writer_time_format(found, (uint64_t)seconds * TD_NS_PER_S + 42) = '\0';
		assert_string_equal(found, expected);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(everything_reads_back),
		cmocka_unit_test(every_room_is_kept),
		cmocka_unit_test(every_byte_anywhere_reads_back),
		cmocka_unit_test(times_are_those_of_the_calendar),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
