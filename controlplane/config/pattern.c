/* SPDX-License-Identifier: Apache-2.0 */
#include "config/pattern.h"

#include <errno.h>
#include <stdbool.h>

enum {
	SET_X = 0x3ff, /* 0-9 */
	SET_Z = 0x3fe, /* 1-9 */
	SET_N = 0x3fc, /* 2-9 */
};

static bool is_digit(char c)
{
	return c >= '0' && c <= '9';
}

/* Reads "[...]" at text[*at]; leaves *at on the bracket that ends it. 0: *why says why not. */
static uint16_t parse_set(struct span text, uint32_t *at, const char **why)
{
	uint16_t set = 0;

	for (uint32_t i = *at + 1; i < text.length; i++) {
		char c = text.text[i];

		if (c == ']') {
			*at = i;
			if (set == 0)
				*why = "[] holds no digit";
			return set;
		}
		if (!is_digit(c)) {
			*why = "only digits and ranges such as 2-5 may stand between [ and ]";
			return 0;
		}
		if (i + 2 < text.length && text.text[i + 1] == '-') {
			char last = text.text[i + 2];

			if (!is_digit(last) || last < c) {
				*why = "a range between [ and ] must rise from digit to digit";
				return 0;
			}
			for (char digit = c; digit <= last; digit++)
				set |= (uint16_t)(1u << (digit - '0'));
			i += 2;
		} else {
			set |= (uint16_t)(1u << (c - '0'));
		}
	}
	*why = "[ without ]";
	return 0;
}

static uint16_t parse_place(struct span text, uint32_t *at, const char **why)
{
	char c = text.text[*at];
	int symbol = config_pattern_symbol(c);

	if (symbol >= 0)
		return (uint16_t)(1u << symbol);
	switch (c) {
	case 'X':
	case 'x':
		return SET_X;
	case 'Z':
	case 'z':
		return SET_Z;
	case 'N':
	case 'n':
		return SET_N;
	case '[':
		return parse_set(text, at, why);
	case '.':
		*why = "'.' may only be last";
		return 0;
	default:
		*why = "only digits, +, #, *, X, Z, N, [sets] and a last '.' or '*' may stand here";
		return 0;
	}
}

int config_pattern_parse(struct span text, struct config_pattern *ret_pattern, const char **ret_why)
{
	struct config_pattern pattern = {0};

	*ret_why = "it is empty";
	if (text.length == 0)
		return -EINVAL;
	for (uint32_t at = 0; at < text.length; at++) {
		bool is_last = at + 1 == text.length;
		uint16_t set;

		if (is_last && (text.text[at] == '.' || text.text[at] == '*')) {
			pattern.end = text.text[at] == '.' ? CONFIG_PATTERN_ONE_OR_MORE
							   : CONFIG_PATTERN_ANY;
			break;
		}
		if (pattern.place_count == CONFIG_PATTERN_PLACES_MAX) {
			*ret_why = "it has too many places (40 at most)";
			return -EINVAL;
		}
		set = parse_place(text, &at, ret_why);
		if (set == 0)
			return -EINVAL;
		pattern.places[pattern.place_count++] = set;
	}
	*ret_pattern = pattern;
	return 0;
}
