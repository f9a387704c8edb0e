/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A piece of text inside somebody else's buffer: pointer and length, no terminating zero. The
 * holder borrows it for as long as the buffer lives.
 */
#ifndef TD_UTIL_SPAN_H
#define TD_UTIL_SPAN_H

#include <stdbool.h>
#include <stdint.h>
#include <string.h>

struct span {
	const char *text; /* borrows; may be NULL if length is 0 */
	uint32_t length;
};

/* A span over a string literal. */
#define SPAN(literal) ((struct span){.text = (literal), .length = sizeof(literal) - 1})
/* For printf's "%.*s". */
#define SPAN_ARGS(span) (int)(span).length, ((span).length ? (span).text : "")

/* A span over a zero-terminated string; NULL gives an empty span. */
static inline struct span span_from(const char *text)
{
	return (struct span){.text = text, .length = text ? (uint32_t)strlen(text) : 0};
}

static inline bool span_is_empty(struct span a)
{
	return a.length == 0;
}

/* Compares byte by byte (tokens that are case-sensitive: Call-ID, tags, user parts). */
static inline bool span_equal(struct span a, struct span b)
{
	return a.length == b.length && (a.length == 0 || memcmp(a.text, b.text, a.length) == 0);
}

/* Compares without regard to ASCII case (header names, hosts, most parameters). */
static inline bool span_equal_nocase(struct span a, struct span b)
{
	if (a.length != b.length)
		return false;
	for (uint32_t i = 0; i < a.length; i++) {
		unsigned char x = (unsigned char)a.text[i];
		unsigned char y = (unsigned char)b.text[i];

		/* Words are short, and most that differ do so at once. */
		if (x != y && ((x ^ y) != 0x20 || (x | 0x20) < 'a' || (x | 0x20) > 'z'))
			return false;
	}
	return true;
}

/* Compares with a zero-terminated string, without regard to ASCII case. */
static inline bool span_is(struct span a, const char *word)
{
	return span_equal_nocase(a, span_from(word));
}

/* The span without leading and trailing spaces and tabs. */
static inline struct span span_trim(struct span a)
{
	while (a.length != 0 && (a.text[0] == ' ' || a.text[0] == '\t')) {
		a.text++;
		a.length--;
	}
	while (a.length != 0 && (a.text[a.length - 1] == ' ' || a.text[a.length - 1] == '\t'))
		a.length--;
	return a;
}

#endif
