/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The version in o=: it rises by one with each change and stays otherwise (RFC 3264 8), so that
 * a peer can tell a refreshed session from a changed one.
 */
#include "sdp/line.h"
#include "sdp/relay.h"
#include "util/format.h"

#include <errno.h>

/* The version word of the o= line; false if there is none. */
static bool version_find(struct span body, struct span *ret_version)
{
	const char *at = body.text;
	const char *end = body.length == 0 ? at : at + body.length;

	while (at != end) {
		const char *newline = memchr(at, '\n', (size_t)(end - at));
		const char *line_end = newline != NULL ? newline : end;
		struct span rest;
		struct span word;

		if (line_end - at > 2 && at[0] == 'o' && at[1] == '=') {
			rest = (struct span){
				.text = at + 2, .length = (uint32_t)(line_end - at - 2)};
			return sdp_word_next(&rest, &word) && sdp_word_next(&rest, &word) &&
			       sdp_word_next(&rest, ret_version);
		}
		at = newline != NULL ? newline + 1 : end;
	}
	return false;
}

bool sdp_equal_but_version(struct span a, struct span b)
{
	struct span version_a;
	struct span version_b;
	uint32_t before_a;
	uint32_t before_b;

	if (!version_find(a, &version_a) || !version_find(b, &version_b))
		return span_equal(a, b);
	before_a = (uint32_t)(version_a.text - a.text);
	before_b = (uint32_t)(version_b.text - b.text);
	return span_equal((struct span){.text = a.text, .length = before_a},
		       (struct span){.text = b.text, .length = before_b}) &&
	       span_equal((struct span){.text = version_a.text + version_a.length,
				  .length = a.length - before_a - version_a.length},
		       (struct span){.text = version_b.text + version_b.length,
			       .length = b.length - before_b - version_b.length});
}

uint64_t sdp_version_next(struct span previous, struct span next, uint64_t previous_version)
{
	return sdp_equal_but_version(previous, next) ? previous_version : previous_version + 1;
}

int sdp_set_version(char *body, size_t length_bytes, size_t size_bytes, uint64_t version)
{
	struct span text = {.text = body, .length = (uint32_t)length_bytes};
	struct span old;
	char digits[24];
	size_t at;
	size_t digit_count;
	size_t new_length_bytes;

	if (!version_find(text, &old))
		return -EINVAL;
	digit_count =
		(size_t)format_text(digits, sizeof(digits), "%llu", (unsigned long long)version);
	at = (size_t)(old.text - body);
	new_length_bytes = length_bytes - old.length + digit_count;
	if (new_length_bytes > size_bytes)
		return -ENOSPC;
	memmove(body + at + digit_count, body + at + old.length, length_bytes - at - old.length);
	memcpy(body + at, digits, digit_count);
	return (int)new_length_bytes;
}
