/* SPDX-License-Identifier: Apache-2.0 */
/* See json_writer.h. Names are literals of ours and need no escaping. */
#include "events/json_writer.h"

#include <tandem/time.h>

#include <stdio.h>
#include <string.h>
#include <time.h>

/* Largest integer that every JSON reader takes for what it is (RFC 7493 2.2). */
static const uint64_t number_max = (1ull << 53) - 1;

void json_writer_init(struct json_writer *json, char *bytes, size_t size_bytes)
{
	text_init(&json->text, bytes, size_bytes);
	json->needs_comma = false;
}

/* Comma and name before a value. */
static void begin_value(struct json_writer *json, const char *name)
{
	if (json->needs_comma)
		text_append_char(&json->text, ',');
	json->needs_comma = true;
	if (name == NULL)
		return;
	text_append_char(&json->text, '"');
	text_append_string(&json->text, name);
	text_append(&json->text, SPAN("\":"));
}

static void open_bracket(struct json_writer *json, const char *name, char bracket)
{
	begin_value(json, name);
	text_append_char(&json->text, bracket);
	json->needs_comma = false;
}

static void close_bracket(struct json_writer *json, char bracket)
{
	text_append_char(&json->text, bracket);
	json->needs_comma = true;
}

void json_writer_open(struct json_writer *json, const char *name)
{
	open_bracket(json, name, '{');
}

void json_writer_close(struct json_writer *json)
{
	close_bracket(json, '}');
}

void json_writer_open_array(struct json_writer *json, const char *name)
{
	open_bracket(json, name, '[');
}

void json_writer_close_array(struct json_writer *json)
{
	close_bracket(json, ']');
}

void json_writer_number(struct json_writer *json, const char *name, uint64_t value)
{
	begin_value(json, name);
	text_append_number(&json->text, value < number_max ? value : number_max);
}

void json_writer_decimal(
	struct json_writer *json, const char *name, uint64_t value, unsigned decimals)
{
	uint64_t scale = 1;

	for (unsigned i = 0; i < decimals; i++)
		scale *= 10;
	begin_value(json, name);
	text_append_number(&json->text, value / scale);
	if (decimals != 0)
		text_appendf(
			&json->text, ".%0*llu", (int)decimals, (unsigned long long)(value % scale));
}

void json_writer_bool(struct json_writer *json, const char *name, bool value)
{
	begin_value(json, name);
	text_append_string(&json->text, value ? "true" : "false");
}

void json_writer_null(struct json_writer *json, const char *name)
{
	begin_value(json, name);
	text_append(&json->text, SPAN("null"));
}

/* Bytes of the well-formed UTF-8 character at text (RFC 3629 clause 4), 0 if there is none. */
static size_t utf8_length(const unsigned char *text, size_t length)
{
	unsigned char lead = text[0];
	unsigned char low = 0x80;
	unsigned char high = 0xbf;
	size_t need;

	if (lead < 0x80)
		return 1;
	if (lead < 0xc2 || lead > 0xf4)
		return 0;
	need = lead < 0xe0 ? 2 : lead < 0xf0 ? 3 : 4;
	if (length < need)
		return 0;
	if (lead == 0xe0)
		low = 0xa0;
	else if (lead == 0xed)
		high = 0x9f; /* surrogates */
	else if (lead == 0xf0)
		low = 0x90;
	else if (lead == 0xf4)
		high = 0x8f;
	if (text[1] < low || text[1] > high)
		return 0;
	for (size_t i = 2; i < need; i++)
		if ((text[i] & 0xc0) != 0x80)
			return 0;
	return need;
}

static void append_character(struct json_writer *json, const unsigned char *at, size_t size_bytes)
{
	struct span piece = {.text = (const char *)at, .length = (uint32_t)size_bytes};

	if (size_bytes == 0)
		text_append(&json->text, SPAN("\xef\xbf\xbd"));
	else if (*at == '"' || *at == '\\')
		text_appendf(&json->text, "\\%c", *at);
	else if (*at < 0x20 || *at == 0x7f)
		text_appendf(&json->text, "\\u%04x", *at);
	else
		text_append(&json->text, piece);
}

void json_writer_text(struct json_writer *json, const char *name, const char *value, size_t length)
{
	const unsigned char *text = (const unsigned char *)value;
	size_t at = 0;

	begin_value(json, name);
	text_append_char(&json->text, '"');
	while (at < length) {
		size_t plain = at;
		size_t size_bytes;

		/* Runs of plain ASCII at once: nearly all there is. */
		while (plain < length && text[plain] >= 0x20 && text[plain] < 0x7f &&
			text[plain] != '"' && text[plain] != '\\')
			plain++;
		if (plain != at) {
			append_character(json, text + at, plain - at);
			at = plain;
			continue;
		}
		size_bytes = utf8_length(text + at, length - at);
		append_character(json, text + at, size_bytes);
		at += size_bytes == 0 ? 1 : size_bytes;
	}
	text_append_char(&json->text, '"');
}

void json_writer_string(struct json_writer *json, const char *name, const char *value)
{
	if (value == NULL || *value == '\0')
		json_writer_null(json, name);
	else
		json_writer_text(json, name, value, strlen(value));
}

char *json_writer_time_format(uint64_t wall_ns, char buffer[JSON_TIME_BYTES])
{
	time_t seconds = (time_t)(wall_ns / TD_NS_PER_S);
	struct tm parts;

	(void)gmtime_r(&seconds, &parts); /* can't fail before the year 2^31 */
	(void)snprintf(buffer, JSON_TIME_BYTES, "%04u-%02u-%02uT%02u:%02u:%02u.%09uZ",
		(unsigned)(parts.tm_year + 1900) % 10000, (unsigned)(parts.tm_mon + 1) % 100,
		(unsigned)parts.tm_mday % 100, (unsigned)parts.tm_hour % 100,
		(unsigned)parts.tm_min % 100, (unsigned)parts.tm_sec % 100,
		(unsigned)(wall_ns % TD_NS_PER_S));
	return buffer;
}

void json_writer_time(struct json_writer *json, const char *name, uint64_t wall_ns)
{
	char buffer[JSON_TIME_BYTES];

	if (wall_ns == 0)
		json_writer_null(json, name);
	else
		json_writer_string(json, name, json_writer_time_format(wall_ns, buffer));
}
