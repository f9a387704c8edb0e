/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Builds text in somebody else's buffer: bounded, always zero-terminated, and overflow is
 * remembered so that it needs asking only once, at the end. After an overflow nothing more is
 * added: what stands there is a clean prefix, cut between two appends.
 */
#ifndef TD_UTIL_TEXT_H
#define TD_UTIL_TEXT_H

#include "util/span.h"

#include <tandem/compiler.h>

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct text {
	char *bytes;	   /* borrows */
	size_t size_bytes; /* room, the terminating zero included */
	size_t length;
	bool has_overflowed;
};

/* Begins an empty text in bytes; size_bytes at least 1. */
void text_init(struct text *text, char *bytes, size_t size_bytes);
void text_append(struct text *text, struct span piece);
/* Appends a zero-terminated string. */
void text_append_string(struct text *text, const char *piece);
void text_append_char(struct text *text, char c);
void text_append_number(struct text *text, uint64_t number);
td_printf(2, 3) void text_appendf(struct text *text, const char *format, ...);
/* What has been built so far. Borrows until the buffer goes or changes. */
struct span text_span(const struct text *text);

#endif
