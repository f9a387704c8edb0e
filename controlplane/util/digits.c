/* SPDX-License-Identifier: Apache-2.0 */
/* Two digits a step: a division by 100 costs as much as one by 10. */
#include "util/digits.h"

const char digits_pairs[201] = "00010203040506070809"
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
		memcpy(at + width - 2, digits_pairs + number % 100 * 2, 2);
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
	/* Half bytes spread to bytes, the first digit's in the lowest of each word; then all eight
	 * become letters or figures at once. */
	const uint64_t each = UINT64_C(0x0101010101010101);

	for (unsigned half = 0; half < 2; half++) {
		uint64_t word = half == 0 ? number >> 32 : number & UINT32_MAX;
		uint64_t above_nine;

		word = (word & 0xffff) << 32 | word >> 16;
		word = (word & UINT64_C(0x000000ff000000ff)) << 16 |
		       (word >> 8 & UINT64_C(0x000000ff000000ff));
		word = (word & UINT64_C(0x000f000f000f000f)) << 8 |
		       (word >> 4 & UINT64_C(0x000f000f000f000f));
		above_nine = (word + each * 6) >> 4 & each;
		word += each * '0' + above_nine * ('a' - '0' - 10);
#if __BYTE_ORDER__ != __ORDER_LITTLE_ENDIAN__
		word = __builtin_bswap64(word);
#endif
		memcpy(at, &word, sizeof(word));
		at += sizeof(word);
	}
	return at;
}
