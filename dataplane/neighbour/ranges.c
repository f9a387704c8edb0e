/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Prefixes as ranges, see ranges.h. Prefixes nest and never cross, so that one walk with a stack
 * of the open ones finds every place where another route begins to count.
 */
#include "neighbour/ranges.h"

#include "neighbour/fib.h"

#include <tandem/bytes.h>

#include <stdbool.h>

enum {
	WORD_BITS = 64,
	DEPTH_MAX = 129 + 1, /* prefixes of 0 to 128 bits, each within the one before */
};

struct open_prefix {
	struct range_key last;
	uint32_t route;
};

static uint64_t load_be64(const uint8_t *bytes)
{
	return (uint64_t)td_load_be32(bytes) << 32 | td_load_be32(bytes + 4);
}

static struct range_key key_of(const struct td_ip *ip)
{
	return (struct range_key){load_be64(ip->bytes), load_be64(ip->bytes + 8)};
}

static bool is_before(const struct range_key *a, const struct range_key *b)
{
	return a->high < b->high || (a->high == b->high && a->low < b->low);
}

/* The bits of a word that a prefix leaves free, when it covers the word's first bits. */
static uint64_t free_bits(unsigned bits)
{
	return bits >= WORD_BITS ? 0 : UINT64_MAX >> bits;
}

static void begin_range(struct ranges *ranges, struct range_key first, uint32_t route)
{
	struct range *last = &ranges->entries[ranges->count - 1];

	if (is_before(&last->first, &first))
		last = &ranges->entries[ranges->count++];
	*last = (struct range){.first = first, .route = route};
}

/* Ends the open prefixes that end before key (NULL: all); the number that stay open. */
static uint32_t close_before(struct ranges *ranges, const struct open_prefix *open, uint32_t depth,
	const struct range_key *key)
{
	while (depth != 0 && (key == NULL || is_before(&open[depth - 1].last, key))) {
		struct range_key next = open[--depth].last;

		if (++next.low == 0 && ++next.high == 0)
			return 0; /* it reached up to the last address, and so do all around it */
		begin_range(ranges, next, depth == 0 ? RANGES_NO_ROUTE : open[depth - 1].route);
	}
	return depth;
}

void ranges_build(
	struct ranges *ranges, const struct fib_route *routes, uint32_t begin, uint32_t end)
{
	struct open_prefix open[DEPTH_MAX];
	uint32_t depth = 0;

	ranges->entries[0] = (struct range){.route = RANGES_NO_ROUTE};
	ranges->count = 1;
	for (uint32_t i = begin; i < end; i++) {
		unsigned bits = routes[i].prefix_bits;
		uint64_t free_high = free_bits(bits);
		uint64_t free_low = free_bits(bits < WORD_BITS ? 0 : bits - WORD_BITS);
		struct range_key first = key_of(&routes[i].network);
		struct open_prefix *top;

		depth = close_before(ranges, open, depth, &first);
		top = &open[depth];
		*top = (struct open_prefix){{first.high | free_high, first.low | free_low}, i};
		/* the same prefix again takes its place */
		if (depth != 0 && top->last.high == top[-1].last.high &&
			top->last.low == top[-1].last.low &&
			routes[i].prefix_bits == routes[top[-1].route].prefix_bits)
			top[-1] = *top;
		else
			depth++;
		begin_range(ranges, first, i);
	}
	(void)close_before(ranges, open, depth, NULL);
}

uint32_t ranges_find(const struct ranges *ranges, const struct td_ip *ip)
{
	struct range_key key = key_of(ip);
	const struct range *at = ranges->entries;
	uint32_t count = ranges->count;

	/* Without a branch that depends on the address: nobody could guess it. */
	while (count > 1) {
		uint32_t half = count / 2;

		at = is_before(&key, &at[half].first) ? at : at + half;
		count -= half;
	}
	return at->route;
}
