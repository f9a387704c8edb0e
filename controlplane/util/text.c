/* SPDX-License-Identifier: Apache-2.0 */
/*
 * All appends come down to one bounded copy; a piece that doesn't fit is left out whole.
 */
#include "util/text.h"

#include "util/format.h"

#include <assert.h>
#include <stdarg.h>
#include <string.h>

enum {
	TEXT_NUMBER_BYTES = 20 /* digits of 2^64 - 1 */
};

void text_init(struct text *text, char *bytes, size_t size_bytes)
{
	assert(size_bytes != 0 && "no room for the terminating zero");
	text->bytes = bytes;
	text->size_bytes = size_bytes;
	text->length = 0;
	text->has_overflowed = false;
	bytes[0] = '\0';
}

static void text_put(struct text *text, const char *bytes, size_t length)
{
	if (text->has_overflowed || length >= text->size_bytes - text->length) {
		text->has_overflowed = true;
		return;
	}
	if (length != 0)
		memcpy(text->bytes + text->length, bytes, length);
	text->length += length;
	text->bytes[text->length] = '\0';
}

void text_append(struct text *text, struct span piece)
{
	text_put(text, piece.text, piece.length);
}

void text_append_string(struct text *text, const char *piece)
{
	text_put(text, piece, strlen(piece));
}

void text_append_char(struct text *text, char c)
{
	text_put(text, &c, 1);
}

void text_append_number(struct text *text, uint64_t number)
{
	char digits[TEXT_NUMBER_BYTES];
	size_t at = sizeof(digits);

	do {
		digits[--at] = (char)('0' + number % 10);
		number /= 10;
	} while (number != 0);
	text_put(text, digits + at, sizeof(digits) - at);
}

void text_appendf(struct text *text, const char *format, ...)
{
	size_t room = text->size_bytes - text->length;
	va_list arguments;
	int length;

	if (text->has_overflowed)
		return;
	va_start(arguments, format);
	length = format_arguments(text->bytes + text->length, room, format, arguments);
	va_end(arguments);
	if (length < 0 || (size_t)length >= room) {
		text->bytes[text->length] = '\0';
		text->has_overflowed = true;
		return;
	}
	text->length += (size_t)length;
}

struct span text_span(const struct text *text)
{
	return (struct span){.text = text->bytes, .length = (uint32_t)text->length};
}
