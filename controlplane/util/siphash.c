/* SPDX-License-Identifier: Apache-2.0 */
/*
 * SipHash-2-4: two rounds per 8-byte word, four at the end. Follows the paper's definition; the
 * test compares with the vectors of its appendix.
 */
#include "util/siphash.h"

#include <string.h>

struct siphash_state {
	uint64_t v0;
	uint64_t v1;
	uint64_t v2;
	uint64_t v3;
};

static inline uint64_t rotate_left(uint64_t value, unsigned bits)
{
	return value << bits | value >> (64 - bits);
}

static inline uint64_t load_le64(const uint8_t *at)
{
	uint64_t value;

	memcpy(&value, at, sizeof(value));
#if __BYTE_ORDER__ == __ORDER_BIG_ENDIAN__
	value = __builtin_bswap64(value);
#endif
	return value;
}

static inline void siphash_round(struct siphash_state *state)
{
	state->v0 += state->v1;
	state->v2 += state->v3;
	state->v1 = rotate_left(state->v1, 13) ^ state->v0;
	state->v3 = rotate_left(state->v3, 16) ^ state->v2;
	state->v0 = rotate_left(state->v0, 32);
	state->v2 += state->v1;
	state->v0 += state->v3;
	state->v1 = rotate_left(state->v1, 17) ^ state->v2;
	state->v3 = rotate_left(state->v3, 21) ^ state->v0;
	state->v2 = rotate_left(state->v2, 32);
}

static inline void siphash_word(struct siphash_state *state, uint64_t word)
{
	state->v3 ^= word;
	siphash_round(state);
	siphash_round(state);
	state->v0 ^= word;
}

uint64_t siphash(const uint8_t seed[SIPHASH_SEED_BYTES], const void *bytes, size_t size_bytes)
{
	const uint8_t *at = bytes;
	uint64_t k0 = load_le64(seed);
	uint64_t k1 = load_le64(seed + 8);
	/* The constants are the paper's "somepseudorandomlygeneratedbytes". */
	struct siphash_state state = {
		.v0 = k0 ^ UINT64_C(0x736f6d6570736575),
		.v1 = k1 ^ UINT64_C(0x646f72616e646f6d),
		.v2 = k0 ^ UINT64_C(0x6c7967656e657261),
		.v3 = k1 ^ UINT64_C(0x7465646279746573),
	};
	size_t whole = size_bytes & ~(size_t)7;
	uint64_t last = (uint64_t)size_bytes << 56;

	for (size_t i = 0; i < whole; i += 8)
		siphash_word(&state, load_le64(at + i));
	for (size_t i = whole; i < size_bytes; i++)
		last |= (uint64_t)at[i] << 8 * (i - whole);
	siphash_word(&state, last);
	state.v2 ^= 0xff;
	for (int i = 0; i < 4; i++)
		siphash_round(&state);
	return state.v0 ^ state.v1 ^ state.v2 ^ state.v3;
}
