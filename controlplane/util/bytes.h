/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Looks through text many bytes at a time. Where the processor has no such instructions (SSE2 is
 * part of x86-64), eight bytes are taken as a word. Never reads beyond the end.
 */
#ifndef TD_UTIL_BYTES_H
#define TD_UTIL_BYTES_H

#include <stddef.h>
#include <stdint.h>
#include <string.h>

#if defined(__SSE2__)
#include <emmintrin.h>
#endif

/* The first byte below 0x20 in [at, end), or end. */
static inline const char *bytes_find_control(const char *at, const char *end)
{
#if defined(__SSE2__)
	for (; end - at >= 16; at += 16) {
		__m128i block = _mm_loadu_si128((const __m128i *)(const void *)at);
		/* Unsigned "at most 0x1f": the smaller of the two is the byte itself. */
		__m128i low = _mm_cmpeq_epi8(_mm_min_epu8(block, _mm_set1_epi8(0x1f)), block);
		unsigned hits = (unsigned)_mm_movemask_epi8(low);

		if (hits != 0)
			return at + __builtin_ctz(hits);
	}
#endif
	for (; end - at >= 8; at += 8) {
		const uint64_t each = UINT64_C(0x0101010101010101);
		uint64_t word;
		uint64_t below;

		memcpy(&word, at, sizeof(word));
		below = (word - each * 0x20) & ~word & each * 0x80;
		if (below == 0)
			continue;
#if __BYTE_ORDER__ == __ORDER_LITTLE_ENDIAN__
		/* Borrows run upwards: the lowest hit is always a true one. */
		return at + __builtin_ctzll(below) / 8;
#else
		break;
#endif
	}
	while (at != end && (uint8_t)*at >= 0x20)
		at++;
	return at;
}

/* The first byte in [at, end) that a JSON string or another quoted text can't hold as it is: below
 * 0x20, above 0x7e, quote or backslash; or end. */
static inline const char *bytes_find_unplain(const char *at, const char *end)
{
#if defined(__SSE2__)
	for (; end - at >= 16; at += 16) {
		__m128i block = _mm_loadu_si128((const __m128i *)(const void *)at);
		/* As signed numbers, what is above 0x7f lies below 0x20 too. */
		__m128i hits = _mm_or_si128(_mm_or_si128(_mm_cmplt_epi8(block, _mm_set1_epi8(0x20)),
						    _mm_cmpeq_epi8(block, _mm_set1_epi8(0x7f))),
			_mm_or_si128(_mm_cmpeq_epi8(block, _mm_set1_epi8('"')),
				_mm_cmpeq_epi8(block, _mm_set1_epi8('\\'))));
		unsigned mask = (unsigned)_mm_movemask_epi8(hits);

		if (mask != 0)
			return at + __builtin_ctz(mask);
	}
#endif
	for (; end - at >= 8; at += 8) {
		const uint64_t each = UINT64_C(0x0101010101010101);
		uint64_t word;
		uint64_t quotes;
		uint64_t slashes;

		memcpy(&word, at, sizeof(word));
		quotes = word ^ each * '"';
		slashes = word ^ each * '\\';
		/* Below 0x20; above 0x7e; a byte that became zero. Borrows may only tell too much:
		 * the bytes are looked at one by one then. */
		if ((((word - each * 0x20) | (word + each) | (quotes - each) | (slashes - each) |
			     word) &
			    each * 0x80) != 0)
			break;
	}
	while (at != end && (uint8_t)*at >= 0x20 && (uint8_t)*at < 0x7f && *at != '"' &&
		*at != '\\')
		at++;
	return at;
}

#endif
