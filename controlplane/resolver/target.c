/* SPDX-License-Identifier: Apache-2.0 */
#include "resolver/target.h"

#include <tandem/compiler.h>

#include <assert.h>
#include <stdbool.h>

static bool is_allowed(uint32_t allowed, unsigned index)
{
	return (allowed >> index & 1) != 0;
}

static bool is_same_server(const struct resolver_target *a, const struct resolver_target *b)
{
	return a->rank == b->rank && a->server == b->server;
}

static uint32_t of_lowest_rank(const struct resolver_target *targets, uint32_t allowed)
{
	uint32_t lowest = UINT32_MAX;
	uint32_t kept = 0;

	for (unsigned i = 0; i < RESOLVER_SELECT_MAX; i++) {
		if (!is_allowed(allowed, i) || targets[i].rank > lowest)
			continue;
		if (targets[i].rank < lowest)
			kept = 0;
		lowest = targets[i].rank;
		kept |= 1u << i;
	}
	return kept;
}

static uint32_t of_server(
	const struct resolver_target *targets, uint32_t allowed, const struct resolver_target *one)
{
	uint32_t kept = 0;

	for (unsigned i = 0; i < RESOLVER_SELECT_MAX; i++)
		if (is_allowed(allowed, i) && is_same_server(&targets[i], one))
			kept |= 1u << i;
	return kept;
}

/* The n-th bit of a mask, from 0. */
static unsigned nth(uint32_t mask, uint32_t n)
{
	for (; n != 0; n--)
		mask &= mask - 1;
	return (unsigned)__builtin_ctz(mask);
}

/* A random number as one below count. */
static uint32_t scaled(uint32_t random, uint32_t count)
{
	return (uint32_t)((uint64_t)random * count >> 32);
}

/* One target of each server in the mask. */
static uint32_t one_of_each(const struct resolver_target *targets, uint32_t mask)
{
	uint32_t kept = 0;

	while (mask != 0) {
		unsigned first = (unsigned)__builtin_ctz(mask);

		kept |= 1u << first;
		mask &= ~of_server(targets, mask, &targets[first]);
	}
	return kept;
}

/*
 * RFC 2782: a number from 0 to the sum of the weights, and the first server whose running sum
 * reaches it, those of weight 0 before all others: these share the one number 0. Without such a
 * server the number begins at 1, so that each server's share is exactly its weight's. If no
 * server has a weight, all are alike.
 */
static unsigned draw_server(
	const struct resolver_target *targets, uint32_t servers, uint32_t random)
{
	uint32_t weightless = 0;
	uint32_t sum = 0;
	uint64_t drawn; /* number, and 32 bits of fraction */
	uint32_t number;

	for (uint32_t rest = servers; rest != 0; rest &= rest - 1) {
		unsigned i = (unsigned)__builtin_ctz(rest);

		sum += targets[i].weight;
		weightless |= targets[i].weight == 0 ? 1u << i : 0;
	}
	drawn = (uint64_t)random * (weightless != 0 ? sum + 1 : sum);
	number = (uint32_t)(drawn >> 32) + (weightless == 0);
	if (number == 0)
		return nth(weightless,
			scaled((uint32_t)drawn, (uint32_t)__builtin_popcount(weightless)));
	for (uint32_t rest = servers & ~weightless; rest != 0; rest &= rest - 1) {
		unsigned i = (unsigned)__builtin_ctz(rest);

		if (number <= targets[i].weight)
			return i;
		number -= targets[i].weight;
	}
	assert(0 && "a running sum reaches every number up to the sum");
	return (unsigned)__builtin_ctz(servers);
}

/* Of a server's addresses one of the preferred family; equals share the load. */
static unsigned draw_address(
	const struct resolver_target *targets, uint32_t addresses, uint32_t random)
{
	uint32_t lowest = UINT32_MAX;
	uint32_t kept = 0;

	for (uint32_t rest = addresses; rest != 0; rest &= rest - 1) {
		unsigned i = (unsigned)__builtin_ctz(rest);

		if (targets[i].order > lowest)
			continue;
		if (targets[i].order < lowest)
			kept = 0;
		lowest = targets[i].order;
		kept |= 1u << i;
	}
	return nth(kept, scaled(random, (uint32_t)__builtin_popcount(kept)));
}

unsigned resolver_select(
	const struct resolver_target *targets, uint32_t allowed, unsigned last, uint64_t random)
{
	uint32_t addresses = 0;

	assert(allowed != 0 && "the caller looks whether there is a choice");
	if ((allowed & (allowed - 1)) == 0)
		return (unsigned)__builtin_ctz(allowed);
	if (last < RESOLVER_SELECT_MAX)
		addresses = of_server(targets, allowed, &targets[last]);
	if (addresses == 0) {
		uint32_t ranked = of_lowest_rank(targets, allowed);
		unsigned one = draw_server(targets, one_of_each(targets, ranked), (uint32_t)random);

		addresses = of_server(targets, ranked, &targets[one]);
	}
	return draw_address(targets, addresses, (uint32_t)(random >> 32));
}
