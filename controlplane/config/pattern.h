/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The number patterns of routes: what they may look like, as a sequence of sets of characters.
 * The loader checks with it, route/ compiles with it. Pure.
 *
 *   digits, '+', '#', '*' (not last)  themselves
 *   X 0-9   Z 1-9   N 2-9   [13-5] one of the set
 *   last: '.' one or more of anything, '*' nothing or anything
 */
#ifndef TD_CONFIG_PATTERN_H
#define TD_CONFIG_PATTERN_H

#include "util/span.h"

#include <tandem/compiler.h>

#include <stdint.h>

enum {
	CONFIG_PATTERN_PLACES_MAX = 40,
	CONFIG_PATTERN_SYMBOLS = 13, /* 0-9 * # + */
};

enum config_pattern_end {
	CONFIG_PATTERN_FIXED,
	CONFIG_PATTERN_ONE_OR_MORE,
	CONFIG_PATTERN_ANY,
};

struct config_pattern {
	uint32_t place_count;
	uint16_t places[CONFIG_PATTERN_PLACES_MAX]; /* bit = symbol, see config_pattern_symbol() */
	enum config_pattern_end end;
};

/* Parses a pattern. -EINVAL: *ret_why says what is wrong (static text). */
td_must_check int config_pattern_parse(
	struct span text, struct config_pattern *ret_pattern, const char **ret_why);

/* Bit number of a character in a place's set, or -1 if patterns can't name it. */
static inline int config_pattern_symbol(char c)
{
	return c >= '0' && c <= '9' ? c - '0' : c == '*' ? 10 : c == '#' ? 11 : c == '+' ? 12 : -1;
}

#endif
