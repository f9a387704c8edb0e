/* SPDX-License-Identifier: Apache-2.0 */
/* Two digits a step: a division by 100 costs as much as one by 10. */
#include "util/digits.h"

#include <string.h>

static const char pairs[] = "00010203040506070809"
			    "10111213141516171819"
			    "20212223242526272829"
			    "30313233343536373839"
			    "40414243444546474849"
			    "50515253545556575859"
			    "60616263646566676869"
			    "70717273747576777879"
			    "80818283848586878889"
			    "90919293949596979899";

/* How many digits a number has. */
static unsigned width_of(uint64_t number)
{
	unsigned width = 1;

	for (; number >= 10000; number /= 10000)
		width += 4;
	return width + (number >= 10) + (number >= 100) + (number >= 1000);
}

char *digits_padded(char *at, uint64_t number, unsigned width)
{
	char *end = at + width;

	for (; width >= 2; width -= 2) {
		memcpy(at + width - 2, pairs + number % 100 * 2, 2);
		number /= 100;
	}
	if (width != 0)
		*at = (char)('0' + number % 10);
	return end;
}

char *digits_decimal(char *at, uint64_t number)
{
	return digits_padded(at, number, width_of(number));
}

char *digits_hex(char *at, uint64_t number)
{
	static const char hex[] = "0123456789abcdef";

	for (unsigned i = DIGITS_HEX; i-- > 0; number >>= 4)
		at[i] = hex[number & 15];
	return at + DIGITS_HEX;
}
