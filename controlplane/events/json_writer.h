/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Writes JSON objects into a bounded buffer: always valid JSON in valid UTF-8 whatever the texts
 * contain (bytes that aren't UTF-8 become U+FFFD). CDRs are written on the loop, so this is a hot
 * path: no allocation, no printf, and names come ready-made with their punctuation. Pure.
 */
#ifndef TD_EVENTS_JSON_WRITER_H
#define TD_EVENTS_JSON_WRITER_H

#include <tandem/compiler.h>

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

struct json_writer {
	char *bytes; /* borrows */
	size_t size_bytes;
	size_t length;
	bool has_overflowed; /* something didn't fit; what came after it was left out too */
	bool needs_comma;
};

/* What stands before a value: comma, name, colon. */
struct json_key {
	const char *text;
	size_t length;
};

/* name: a literal of ours that needs no escaping. */
#define JSON_KEY(name) ((struct json_key){",\"" name "\":", sizeof(",\"" name "\":") - 1})
/* Elements of arrays. */
#define JSON_ELEMENT ((struct json_key){",", 1})

/* Begins a text in bytes with the opening brace of its object. */
void json_writer_begin(struct json_writer *json, char *bytes, size_t size_bytes);
/* Ends it: brace and terminating zero. Its length through ret_length, or -ENOSPC. */
td_must_check int json_writer_finish(struct json_writer *json, size_t *ret_length);

/* Room for length bytes; NULL if there is none. Internal. */
static inline char *json_writer_take(struct json_writer *json, size_t length)
{
	char *at = json->bytes + json->length;

	if (td_unlikely(length > json->size_bytes - json->length)) {
		json->has_overflowed = true;
		json->size_bytes = json->length; /* nothing fits any more */
		return NULL;
	}
	json->length += length;
	return at;
}

/* Appends bytes as they are: they must be JSON. Internal. */
static inline void json_writer_put(struct json_writer *json, const char *bytes, size_t length)
{
	char *at = json_writer_take(json, length);

	if (at != NULL)
		memcpy(at, bytes, length);
}

/* Comma and name before a value. The first one of an object has no comma: its key is written over
 * the bracket before it, which then is put back. Internal. */
static inline void json_writer_put_key(struct json_writer *json, struct json_key key)
{
	size_t back = json->needs_comma ? 0 : 1;
	char *at;
	char bracket;

	json->needs_comma = true;
	if (td_unlikely(json->has_overflowed))
		return;
	json->length -= back;
	at = json_writer_take(json, key.length);
	if (at == NULL)
		return;
	bracket = *at;
	memcpy(at, key.text, key.length);
	if (back != 0)
		*at = bracket;
}

static inline void json_writer_open(struct json_writer *json, struct json_key key)
{
	json_writer_put_key(json, key);
	json_writer_put(json, "{", 1);
	json->needs_comma = false;
}

static inline void json_writer_close(struct json_writer *json)
{
	json_writer_put(json, "}", 1);
	json->needs_comma = true;
}

static inline void json_writer_open_array(struct json_writer *json, struct json_key key)
{
	json_writer_put_key(json, key);
	json_writer_put(json, "[", 1);
	json->needs_comma = false;
}

static inline void json_writer_close_array(struct json_writer *json)
{
	json_writer_put(json, "]", 1);
	json->needs_comma = true;
}

static inline void json_writer_null(struct json_writer *json, struct json_key key)
{
	json_writer_put_key(json, key);
	json_writer_put(json, "null", 4);
}

static inline void json_writer_bool(struct json_writer *json, struct json_key key, bool value)
{
	json_writer_put_key(json, key);
	json_writer_put(json, value ? "true" : "false", value ? 4 : 5);
}

/* The values alone, behind a key. Internal. */
void json_writer_put_number(struct json_writer *json, uint64_t value);
void json_writer_put_decimal(struct json_writer *json, uint64_t value, unsigned decimals);
void json_writer_put_text(struct json_writer *json, const char *value, size_t length);
void json_writer_put_time(struct json_writer *json, uint64_t wall_ns);

/* A whole number; above 2^53 - 1, where readers begin to differ, it says 2^53 - 1. */
static inline void json_writer_number(struct json_writer *json, struct json_key key, uint64_t value)
{
	json_writer_put_key(json, key);
	json_writer_put_number(json, value);
}

/* A number with decimals digits behind the point, given in units of the last one (441, 2: 4.41). */
static inline void json_writer_decimal(
	struct json_writer *json, struct json_key key, uint64_t value, unsigned decimals)
{
	json_writer_put_key(json, key);
	json_writer_put_decimal(json, value, decimals);
}

/* A string as it is, also if empty. */
static inline void json_writer_text(
	struct json_writer *json, struct json_key key, const char *value, size_t length)
{
	json_writer_put_key(json, key);
	json_writer_put_text(json, value, length);
}

/* A string; the empty one, and NULL, become null. */
static inline void json_writer_string(
	struct json_writer *json, struct json_key key, const char *value)
{
	if (value == NULL || *value == '\0')
		json_writer_null(json, key);
	else
		json_writer_text(json, key, value, strlen(value));
}

/* Wall-clock ns as RFC 3339 in UTC with nine decimals; 0 becomes null. */
static inline void json_writer_time(struct json_writer *json, struct json_key key, uint64_t wall_ns)
{
	json_writer_put_key(json, key);
	json_writer_put_time(json, wall_ns);
}

enum {
	JSON_TIME_LENGTH = 30, /* 2025-10-09T08:53:20.123456789Z */
};
/* Writes that text without quotes or zero; returns what follows. */
char *json_writer_time_format(char *at, uint64_t wall_ns);

#endif
