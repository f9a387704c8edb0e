/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Writes JSON objects into a bounded text: always valid JSON in valid UTF-8 whatever the texts
 * contain (bytes that aren't UTF-8 become U+FFFD). CDRs are written on the loop, so this is a
 * hot path: no allocation. Pure.
 */
#ifndef TD_EVENTS_JSON_WRITER_H
#define TD_EVENTS_JSON_WRITER_H

#include "util/text.h"

#include <stdbool.h>
#include <stdint.h>

struct json_writer {
	struct text text;
	bool needs_comma;
};

void json_writer_init(struct json_writer *json, char *bytes, size_t size_bytes);
/* Opens an object; name NULL inside arrays and at the top. */
void json_writer_open(struct json_writer *json, const char *name);
void json_writer_close(struct json_writer *json);
void json_writer_open_array(struct json_writer *json, const char *name);
void json_writer_close_array(struct json_writer *json);

/* A whole number; above 2^53 - 1, where readers begin to differ, it says 2^53 - 1. */
void json_writer_number(struct json_writer *json, const char *name, uint64_t value);
/* A number with decimals digits behind the point, given in units of the last one (441, 2: 4.41). */
void json_writer_decimal(
	struct json_writer *json, const char *name, uint64_t value, unsigned decimals);
void json_writer_bool(struct json_writer *json, const char *name, bool value);
void json_writer_null(struct json_writer *json, const char *name);
/* A string; the empty one becomes null. */
void json_writer_string(struct json_writer *json, const char *name, const char *value);
/* A string as it is, also if empty. name NULL: an element of an array. */
void json_writer_text(struct json_writer *json, const char *name, const char *value, size_t length);
/* Wall-clock ns as RFC 3339 in UTC with nine decimals; 0 becomes null. */
void json_writer_time(struct json_writer *json, const char *name, uint64_t wall_ns);

enum {
	JSON_TIME_BYTES = 40,
};
/* The same text without quotes; returns buffer. */
char *json_writer_time_format(uint64_t wall_ns, char buffer[JSON_TIME_BYTES]);

#endif
