/* SPDX-License-Identifier: Apache-2.0 */
/* See json_writer.h. */
#include "events/json_writer.h"

#include "util/bytes.h"
#include "util/digits.h"

#include <tandem/time.h>

#include <errno.h>

enum {
	ESCAPE_BYTES_MAX = 6, /* of \u001f */
};

/* Largest integer that every JSON reader takes for what it is (RFC 7493 2.2). */
static const uint64_t number_max = (1ull << 53) - 1;

void json_writer_begin(struct json_writer *json, char *bytes, size_t size_bytes)
{
	*json = (struct json_writer){.bytes = bytes, .size_bytes = size_bytes};
	json_writer_put(json, "{", 1);
}

int json_writer_finish(struct json_writer *json, size_t *ret_length)
{
	json_writer_close(json);
	json_writer_put(json, "", 1);
	if (json->has_overflowed)
		return -ENOSPC;
	*ret_length = json->length - 1;
	return 0;
}

void json_writer_put_number(struct json_writer *json, uint64_t value)
{
	char digits[DIGITS_DECIMAL_MAX];
	const char *end = digits_decimal(digits, value < number_max ? value : number_max);

	json_writer_put(json, digits, (size_t)(end - digits));
}

void json_writer_put_decimal(struct json_writer *json, uint64_t value, unsigned decimals)
{
	char digits[2 * DIGITS_DECIMAL_MAX + 1];
	uint64_t scale = 1;
	char *end;

	for (unsigned i = 0; i < decimals; i++)
		scale *= 10;
	end = digits_decimal(digits, value / scale);
	if (decimals != 0) {
		*end++ = '.';
		end = digits_padded(end, value % scale, decimals);
	}
	json_writer_put(json, digits, (size_t)(end - digits));
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

/* One character that isn't plain; size_bytes 0: a byte that is no UTF-8. */
static void put_character(struct json_writer *json, const unsigned char *at, size_t size_bytes)
{
	static const char hex[] = "0123456789abcdef";
	char escape[ESCAPE_BYTES_MAX] = {'\\', 'u', '0', '0', hex[*at >> 4], hex[*at & 15]};

	if (size_bytes == 0) {
		json_writer_put(json, "\xef\xbf\xbd", 3);
	} else if (*at == '"' || *at == '\\') {
		escape[1] = (char)*at;
		json_writer_put(json, escape, 2);
	} else if (*at < 0x20 || *at == 0x7f) {
		json_writer_put(json, escape, sizeof(escape));
	} else {
		json_writer_put(json, (const char *)at, size_bytes);
	}
}

/* How many plain bytes there are at the beginning. */
static size_t plain_length(const unsigned char *text, size_t length)
{
	const char *at = (const char *)text;

	return (size_t)(bytes_find_unplain(at, at + length) - at);
}

void json_writer_put_text(struct json_writer *json, const char *value, size_t length)
{
	const unsigned char *text = (const unsigned char *)value;
	size_t at = 0;

	json_writer_put(json, "\"", 1);
	while (at < length) {
		/* Runs of plain ASCII at once: nearly all there is. */
		size_t plain = plain_length(text + at, length - at);
		size_t size_bytes;

		json_writer_put(json, value + at, plain);
		at += plain;
		if (at == length)
			break;
		size_bytes = utf8_length(text + at, length - at);
		put_character(json, text + at, size_bytes);
		at += size_bytes == 0 ? 1 : size_bytes;
	}
	json_writer_put(json, "\"", 1);
}

/* Year, month and day of a number of days since 1970-01-01, in the proleptic Gregorian calendar.
 * Years begin in March here, so that the leap day is the last one. */
static void date_of(uint64_t days, unsigned *ret_year, unsigned *ret_month, unsigned *ret_day)
{
	enum {
		DAYS_PER_ERA = 146097,	  /* 400 years */
		DAYS_TO_1970 = 719468,	  /* from 0000-03-01 */
		DAYS_PER_CENTURY = 36524, /* without its leap day */
		DAYS_PER_4_YEARS = 1460,  /* without theirs */
		DAYS_PER_YEAR = 365,
	};
	uint64_t era = (days + DAYS_TO_1970) / DAYS_PER_ERA;
	unsigned in_era = (unsigned)((days + DAYS_TO_1970) % DAYS_PER_ERA);
	unsigned year = (in_era - in_era / DAYS_PER_4_YEARS + in_era / DAYS_PER_CENTURY -
				in_era / (DAYS_PER_ERA - 1)) /
			DAYS_PER_YEAR;
	unsigned in_year = in_era - (DAYS_PER_YEAR * year + year / 4 - year / 100);
	unsigned march_month = (5 * in_year + 2) / 153; /* 153 days in five months from March on */

	*ret_day = in_year - (153 * march_month + 2) / 5 + 1;
	*ret_month = march_month < 10 ? march_month + 3 : march_month - 9;
	*ret_year = (unsigned)(era * 400) + year + (*ret_month <= 2);
}

char *json_writer_time_format(char *at, uint64_t wall_ns)
{
	enum {
		S_PER_DAY = 86400,
		S_PER_HOUR = 3600,
		S_PER_MINUTE = 60,
	};
	uint64_t seconds = wall_ns / TD_NS_PER_S;
	unsigned in_day = (unsigned)(seconds % S_PER_DAY);
	unsigned ns = (unsigned)(wall_ns % TD_NS_PER_S);
	unsigned year;
	unsigned month;
	unsigned day;

	date_of(seconds / S_PER_DAY, &year, &month, &day);
	at = digits_pair(at, year / 100);
	at = digits_pair(at, year % 100);
	*at++ = '-';
	at = digits_pair(at, month);
	*at++ = '-';
	at = digits_pair(at, day);
	*at++ = 'T';
	at = digits_pair(at, in_day / S_PER_HOUR);
	*at++ = ':';
	at = digits_pair(at, in_day % S_PER_HOUR / S_PER_MINUTE);
	*at++ = ':';
	at = digits_pair(at, in_day % S_PER_MINUTE);
	*at++ = '.';
	*at++ = (char)('0' + ns / 100000000);
	at = digits_pair(at, ns / 1000000 % 100);
	at = digits_pair(at, ns / 10000 % 100);
	at = digits_pair(at, ns / 100 % 100);
	at = digits_pair(at, ns % 100);
	*at++ = 'Z';
	return at;
}

void json_writer_put_time(struct json_writer *json, uint64_t wall_ns)
{
	char text[JSON_TIME_LENGTH + 2];

	if (wall_ns == 0) {
		json_writer_put(json, "null", 4);
		return;
	}
	text[0] = '"';
	*json_writer_time_format(text + 1, wall_ns) = '"';
	json_writer_put(json, text, sizeof(text));
}
