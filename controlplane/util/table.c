/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Chained buckets, twice as many as nodes are expected, so that a chain has about one node. The
 * full 64-bit hash is compared before the key.
 */
#include "util/table.h"

#include <assert.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>

enum {
	TABLE_CAPACITY_MAX = 1 << 30,
	TABLE_BUCKETS_MIN = 8
};

struct table {
	uint8_t seed[SIPHASH_SEED_BYTES];
	uint64_t mask;
	uint32_t count;
	struct table_node *buckets[];
};

int table_create(
	uint32_t capacity, const uint8_t seed[SIPHASH_SEED_BYTES], struct table **ret_table)
{
	size_t bucket_count = TABLE_BUCKETS_MIN;
	struct table *table;

	if (capacity == 0 || capacity > TABLE_CAPACITY_MAX)
		return -EINVAL;
	while (bucket_count < (size_t)capacity * 2)
		bucket_count *= 2;
	table = calloc(1, sizeof(*table) + bucket_count * sizeof(table->buckets[0]));
	if (table == NULL)
		return -ENOMEM;
	memcpy(table->seed, seed, sizeof(table->seed));
	table->mask = bucket_count - 1;
	*ret_table = table;
	return 0;
}

void table_destroy(struct table *table)
{
	free(table);
}

void table_insert(struct table *table, struct table_node *node, const void *key, uint32_t key_bytes)
{
	table_insert_hashed(table, node, key, key_bytes, siphash(table->seed, key, key_bytes));
}

void table_insert_hashed(struct table *table, struct table_node *node, const void *key,
	uint32_t key_bytes, uint64_t hash)
{
	struct table_node **bucket;

	assert(node->link == NULL && "the node is in a table already");
	node->key = key;
	node->key_bytes = key_bytes;
	node->hash = hash;
	bucket = &table->buckets[node->hash & table->mask];
	node->next = *bucket;
	node->link = bucket;
	if (node->next != NULL)
		node->next->link = &node->next;
	*bucket = node;
	table->count++;
}

void table_remove(struct table *table, struct table_node *node)
{
	if (node->link == NULL)
		return;
	*node->link = node->next;
	if (node->next != NULL)
		node->next->link = node->link;
	node->next = NULL;
	node->link = NULL;
	table->count--;
}

static struct table_node *chain_find(
	struct table_node *node, uint64_t hash, const void *key, size_t key_bytes)
{
	for (; node != NULL; node = node->next) {
		if (node->hash == hash && node->key_bytes == key_bytes &&
			(key_bytes == 0 || memcmp(node->key, key, key_bytes) == 0))
			return node;
	}
	return NULL;
}

struct table_node *table_find(const struct table *table, const void *key, size_t key_bytes)
{
	return table_find_hashed(table, key, key_bytes, siphash(table->seed, key, key_bytes));
}

struct table_node *table_find_hashed(
	const struct table *table, const void *key, size_t key_bytes, uint64_t hash)
{
	return chain_find(table->buckets[hash & table->mask], hash, key, key_bytes);
}

struct table_node *table_find_next(const struct table_node *node)
{
	return chain_find(node->next, node->hash, node->key, node->key_bytes);
}

uint32_t table_count(const struct table *table)
{
	return table->count;
}
