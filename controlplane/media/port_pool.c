/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Each pair is a node of exactly one doubly linked list: free or resting, one of each per
 * address and worker; pairs in use are in none. Both lists are in the order of release, so the
 * head of "resting" is always the next to become free.
 */
#include "media/port_pool.h"

#include <tandem/contract.h>
#include <tandem/time.h>

#include <assert.h>
#include <errno.h>
#include <stdbool.h>
#include <stdlib.h>

enum pair_state {
	PAIR_FREE,
	PAIR_RESTING,
	PAIR_IN_USE
};

#define PAIR_NONE UINT32_MAX

struct pair {
	uint64_t rested_ms; /* PAIR_RESTING: free from this time on */
	uint32_t next;
	uint32_t previous;
	uint8_t state; /* enum pair_state */
};

struct pair_list {
	uint32_t head;
	uint32_t tail;
};

/* The pairs of one address that one worker owns. */
struct shelf {
	struct pair_list lists[PAIR_IN_USE]; /* PAIR_FREE, PAIR_RESTING */
};

struct port_pool {
	struct td_ip addresses[PORT_POOL_ADDRESSES_MAX];
	uint32_t address_count;
	uint32_t worker_count;
	uint32_t pairs_per_address;
	uint32_t rest_ms;
	uint32_t in_use;
	uint16_t port_first;
	uint32_t *in_use_by_worker;
	struct shelf *shelves; /* [address][worker] */
	struct pair *pairs;    /* [address][pair] */
};

static struct shelf *shelf_of(const struct port_pool *pool, uint32_t pair_index)
{
	uint32_t address = pair_index / pool->pairs_per_address;
	uint32_t pair = pair_index % pool->pairs_per_address;
	uint16_t port = (uint16_t)(pool->port_first + 2 * pair);

	return &pool->shelves[address * pool->worker_count +
			      td_port_owner(port, pool->worker_count)];
}

static void list_append(struct port_pool *pool, struct pair_list *list, uint32_t index)
{
	struct pair *pair = &pool->pairs[index];

	pair->next = PAIR_NONE;
	pair->previous = list->tail;
	if (list->tail == PAIR_NONE)
		list->head = index;
	else
		pool->pairs[list->tail].next = index;
	list->tail = index;
}

static void list_remove(struct port_pool *pool, struct pair_list *list, uint32_t index)
{
	struct pair *pair = &pool->pairs[index];

	if (pair->previous == PAIR_NONE)
		list->head = pair->next;
	else
		pool->pairs[pair->previous].next = pair->next;
	if (pair->next == PAIR_NONE)
		list->tail = pair->previous;
	else
		pool->pairs[pair->next].previous = pair->previous;
}

/* Moves a pair between free, resting and in use, and keeps the counts. */
static void pair_become(struct port_pool *pool, uint32_t index, enum pair_state state)
{
	struct pair *pair = &pool->pairs[index];
	struct shelf *shelf = shelf_of(pool, index);
	uint32_t worker = (uint32_t)(shelf - pool->shelves) % pool->worker_count;

	if (pair->state == PAIR_IN_USE) {
		pool->in_use--;
		pool->in_use_by_worker[worker]--;
	} else {
		list_remove(pool, &shelf->lists[pair->state], index);
	}
	pair->state = (uint8_t)state;
	if (state == PAIR_IN_USE) {
		pool->in_use++;
		pool->in_use_by_worker[worker]++;
	} else {
		list_append(pool, &shelf->lists[state], index);
	}
}

static bool config_is_sound(const struct port_pool_config *config)
{
	return config->address_count != 0 && config->address_count <= PORT_POOL_ADDRESSES_MAX &&
	       config->worker_count != 0 && config->port_first % 2 == 0 &&
	       config->port_last % 2 == 1 && config->port_last > config->port_first;
}

static void fill_shelves(struct port_pool *pool)
{
	for (uint32_t i = 0; i < pool->address_count * pool->worker_count; i++)
		for (uint32_t state = 0; state < PAIR_IN_USE; state++)
			pool->shelves[i].lists[state] = (struct pair_list){PAIR_NONE, PAIR_NONE};
	for (uint32_t i = 0; i < pool->address_count * pool->pairs_per_address; i++)
		list_append(pool, &shelf_of(pool, i)->lists[PAIR_FREE], i);
}

int port_pool_create(const struct port_pool_config *config, struct port_pool **ret_pool)
{
	struct port_pool *pool;

	if (!config_is_sound(config))
		return -EINVAL;
	pool = calloc(1, sizeof(*pool));
	if (pool == NULL)
		return -ENOMEM;
	for (uint32_t i = 0; i < config->address_count; i++)
		pool->addresses[i] = config->addresses[i];
	pool->address_count = config->address_count;
	pool->worker_count = config->worker_count;
	pool->pairs_per_address = (uint32_t)(config->port_last - config->port_first + 1) / 2;
	pool->rest_ms = config->rest_ms;
	pool->port_first = config->port_first;
	pool->in_use_by_worker = calloc(pool->worker_count, sizeof(*pool->in_use_by_worker));
	pool->shelves =
		calloc((size_t)pool->address_count * pool->worker_count, sizeof(*pool->shelves));
	pool->pairs =
		calloc((size_t)pool->address_count * pool->pairs_per_address, sizeof(*pool->pairs));
	if (pool->in_use_by_worker == NULL || pool->shelves == NULL || pool->pairs == NULL) {
		port_pool_destroy(pool);
		return -ENOMEM;
	}
	fill_shelves(pool);
	*ret_pool = pool;
	return 0;
}

void port_pool_destroy(struct port_pool *pool)
{
	if (pool == NULL)
		return;
	free(pool->in_use_by_worker);
	free(pool->shelves);
	free(pool->pairs);
	free(pool);
}

int port_pool_find_address(const struct port_pool *pool, const struct td_ip *ip)
{
	for (uint32_t i = 0; i < pool->address_count; i++)
		if (td_ip_equal(&pool->addresses[i], ip))
			return (int)i;
	return -ENOENT;
}

unsigned port_pool_least_used_worker(const struct port_pool *pool)
{
	unsigned best = 0;

	for (unsigned worker = 1; worker < pool->worker_count; worker++)
		if (pool->in_use_by_worker[worker] < pool->in_use_by_worker[best])
			best = worker;
	return best;
}

static void wake_rested(struct port_pool *pool, struct shelf *shelf, uint64_t now_ms)
{
	uint32_t index = shelf->lists[PAIR_RESTING].head;

	while (index != PAIR_NONE && pool->pairs[index].rested_ms <= now_ms) {
		uint32_t next = pool->pairs[index].next;

		pair_become(pool, index, PAIR_FREE);
		index = next;
	}
}

int port_pool_take(struct port_pool *pool, uint32_t address_index, unsigned worker, uint64_t now_ms,
	struct td_endpoint *ret_rtp)
{
	struct shelf *shelf;
	uint32_t index;

	if (address_index >= pool->address_count || worker >= pool->worker_count)
		return -EINVAL;
	shelf = &pool->shelves[address_index * pool->worker_count + worker];
	wake_rested(pool, shelf, now_ms);
	index = shelf->lists[PAIR_FREE].head;
	if (index == PAIR_NONE)
		return -ENOSPC;
	pair_become(pool, index, PAIR_IN_USE);
	*ret_rtp = (struct td_endpoint){
		.ip = pool->addresses[address_index],
		.port = (uint16_t)(pool->port_first + 2 * (index % pool->pairs_per_address)),
	};
	return 0;
}

/* Index of the pair whose RTP end that is, PAIR_NONE if it isn't of this pool. */
static uint32_t pair_find(const struct port_pool *pool, const struct td_endpoint *rtp)
{
	int address = port_pool_find_address(pool, &rtp->ip);
	uint32_t pair = (uint32_t)(rtp->port - pool->port_first) / 2;

	if (address < 0 || rtp->port < pool->port_first || rtp->port % 2 != 0 ||
		pair >= pool->pairs_per_address)
		return PAIR_NONE;
	return (uint32_t)address * pool->pairs_per_address + pair;
}

void port_pool_release(struct port_pool *pool, const struct td_endpoint *rtp, uint64_t now_ms)
{
	uint32_t index = pair_find(pool, rtp);

	if (index == PAIR_NONE || pool->pairs[index].state != PAIR_IN_USE)
		return;
	pool->pairs[index].rested_ms = td_after(now_ms, pool->rest_ms);
	pair_become(pool, index, PAIR_RESTING);
}

int port_pool_claim(struct port_pool *pool, const struct td_endpoint *rtp)
{
	uint32_t index = pair_find(pool, rtp);

	if (index == PAIR_NONE)
		return -EINVAL;
	if (pool->pairs[index].state == PAIR_IN_USE)
		return -EADDRINUSE;
	pair_become(pool, index, PAIR_IN_USE);
	return 0;
}

uint32_t port_pool_pairs_in_use(const struct port_pool *pool)
{
	return pool->in_use;
}
