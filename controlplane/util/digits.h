/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Numbers as digits, without printf: each message, event and CDR holds dozens of them. The
 * functions write at a place that has room, add no zero, and return what follows.
 */
#ifndef TD_UTIL_DIGITS_H
#define TD_UTIL_DIGITS_H

#include <stdint.h>
#include <string.h>

enum {
	DIGITS_DECIMAL_MAX = 20, /* of 2^64 - 1 */
	DIGITS_HEX = 16,
};

extern const char digits_pairs[201];

/* Two decimal digits of a number below 100. */
static inline char *digits_pair(char *at, unsigned number)
{
	memcpy(at, digits_pairs + number * 2, 2);
	return at + 2;
}

/* Decimal, as many digits as it needs: at most DIGITS_DECIMAL_MAX. */
char *digits_decimal(char *at, uint64_t number);
/* Decimal with leading zeros to exactly width digits, at most DIGITS_DECIMAL_MAX; higher ones are
 * left out. */
char *digits_padded(char *at, uint64_t number, unsigned width);
/* DIGITS_HEX hexadecimal digits, lower case. */
char *digits_hex(char *at, uint64_t number);

#endif
