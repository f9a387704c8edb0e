/* SPDX-License-Identifier: Apache-2.0 */
/* See format.h. Length is counted on behind the end of the buffer, as snprintf() does. */
#include "util/format.h"

#include "util/digits.h"

#include <limits.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

/* One directive: what stands between "%" and the letter. */
struct directive {
	unsigned width;
	int precision; /* -1: none */
	unsigned longs;
	bool is_zero_padded;
	char letter;
};

struct output {
	char *bytes;
	size_t size_bytes;
	size_t length; /* wanted so far */
};

static void put(struct output *output, const char *text, size_t length)
{
	size_t room = output->length < output->size_bytes ? output->size_bytes - output->length : 0;

	if (room != 0 && length != 0)
		memcpy(output->bytes + output->length, text, length < room ? length : room);
	output->length += length;
}

/* Reads a directive that stands behind "%". What follows it; NULL if it isn't one of ours. */
static const char *read_directive(
	const char *at, va_list *arguments, struct directive *ret_directive)
{
	struct directive directive = {.precision = -1};

	if (*at == '0') {
		directive.is_zero_padded = true;
		at++;
	}
	for (; *at >= '0' && *at <= '9' && directive.width < DIGITS_DECIMAL_MAX; at++)
		directive.width = directive.width * 10 + (unsigned)(*at - '0');
	if (at[0] == '.' && at[1] == '*') {
		directive.precision = va_arg(*arguments, int);
		at += 2;
	}
	while (*at == 'l') {
		directive.longs++;
		at++;
	}
	directive.letter = *at++;
	*ret_directive = directive;
	/* Spaces before a number, and what the library knows beyond this. */
	if ((directive.width != 0 && !directive.is_zero_padded) ||
		directive.width > DIGITS_DECIMAL_MAX || directive.longs > 2)
		return NULL;
	return at;
}

static uint64_t take_unsigned(const struct directive *directive, va_list *arguments)
{
	if (directive->longs == 0)
		return va_arg(*arguments, unsigned);
	if (directive->longs == 1)
		return va_arg(*arguments, unsigned long);
	return va_arg(*arguments, unsigned long long);
}

static int64_t take_signed(const struct directive *directive, va_list *arguments)
{
	if (directive->longs == 0)
		return va_arg(*arguments, int);
	if (directive->longs == 1)
		return va_arg(*arguments, long);
	return va_arg(*arguments, long long);
}

static void put_padded(
	struct output *output, const struct directive *directive, const char *text, size_t length)
{
	static const char zeros[DIGITS_DECIMAL_MAX + 1] = "00000000000000000000";

	if (directive->width > length)
		put(output, zeros, directive->width - length);
	put(output, text, length);
}

static void put_number(
	struct output *output, const struct directive *directive, uint64_t number, bool is_hex)
{
	char digits[DIGITS_DECIMAL_MAX];
	const char *from = digits;
	const char *end;

	if (is_hex) {
		end = digits_hex(digits, number);
		while (end - from > 1 && *from == '0')
			from++;
	} else {
		end = digits_decimal(digits, number);
	}
	put_padded(output, directive, from, (size_t)(end - from));
}

static void put_string(struct output *output, const struct directive *directive, const char *text)
{
	size_t length;

	if (text == NULL)
		text = "(null)";
	length = directive->precision >= 0 ? strnlen(text, (size_t)directive->precision)
					   : strlen(text);
	put(output, text, length);
}

/* False: the C library must do this one. */
static bool put_directive(
	struct output *output, const struct directive *directive, va_list *arguments)
{
	int64_t number;
	char c;

	if (directive->precision >= 0 && directive->letter != 's')
		return false;
	switch (directive->letter) {
	case 's':
		put_string(output, directive, va_arg(*arguments, const char *));
		return directive->longs == 0 && directive->width == 0;
	case 'u':
		put_number(output, directive, take_unsigned(directive, arguments), false);
		return true;
	case 'x':
		put_number(output, directive, take_unsigned(directive, arguments), true);
		return true;
	case 'd':
		number = take_signed(directive, arguments);
		if (number < 0)
			return false;
		put_number(output, directive, (uint64_t)number, false);
		return true;
	case 'c':
		c = (char)va_arg(*arguments, int);
		put(output, &c, 1);
		return directive->longs == 0 && directive->width == 0;
	case '%':
		put(output, "%", 1);
		return directive->width == 0;
	default:
		return false;
	}
}

int format_arguments(char *bytes, size_t size_bytes, const char *format, va_list arguments)
{
	struct output output = {.bytes = bytes, .size_bytes = size_bytes};
	const char *at = format;
	bool is_ours = true;
	va_list own;

	va_copy(own, arguments);
	while (is_ours && *at != '\0') {
		size_t plain = strcspn(at, "%");
		struct directive directive;

		put(&output, at, plain);
		at += plain;
		if (*at == '\0')
			break;
		at = read_directive(at + 1, &own, &directive);
		is_ours = at != NULL && put_directive(&output, &directive, &own);
	}
	va_end(own);
	if (!is_ours || output.length > INT_MAX)
		return vsnprintf(bytes, size_bytes, format, arguments);
	if (size_bytes != 0)
		bytes[output.length < size_bytes ? output.length : size_bytes - 1] = '\0';
	return (int)output.length;
}

int format_text(char *bytes, size_t size_bytes, const char *format, ...)
{
	va_list arguments;
	int length;

	va_start(arguments, format);
	length = format_arguments(bytes, size_bytes, format, arguments);
	va_end(arguments);
	return length;
}
