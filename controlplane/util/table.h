/* SPDX-License-Identifier: Apache-2.0 */
/*
 * An index from a byte key to an object, O(1), for keys that peers choose (Call-IDs, branches,
 * tags): SipHash under a secret seed. Nodes are intrusive; the table allocates once, when it is
 * created, and never grows. Several nodes may have equal keys. Not thread-safe.
 */
#ifndef TD_UTIL_TABLE_H
#define TD_UTIL_TABLE_H

#include "util/siphash.h"

#include <tandem/compiler.h>

#include <stddef.h>
#include <stdint.h>

/* Lives inside the indexed object; get back with td_container_of(). All zero: not in a table. */
struct table_node {
	struct table_node *next;
	struct table_node **link; /* what points here; NULL if not in a table */
	uint64_t hash;
	const void *key; /* borrows until table_remove() */
	uint32_t key_bytes;
};

struct table;

/* Creates an index meant for capacity nodes (more still work, slower). -EINVAL (capacity 0 or
 * above 2^30), -ENOMEM. */
td_must_check int table_create(
	uint32_t capacity, const uint8_t seed[SIPHASH_SEED_BYTES], struct table **ret_table);
/* Frees the index, not the nodes. Accepts NULL. */
void table_destroy(struct table *table);

/* Puts node in. Borrows key until table_remove(): it must not change or move meanwhile. Of equal
 * keys the newest is found first. The node must not be in a table. */
void table_insert(
	struct table *table, struct table_node *node, const void *key, uint32_t key_bytes);
/* Takes node out; one that isn't in is left alone. */
void table_remove(struct table *table, struct table_node *node);

/* The newest node with that key, or NULL. */
struct table_node *table_find(const struct table *table, const void *key, size_t key_bytes);
/* The same with a hash that the caller has: of a key that no peer can choose (table_id_hash()), or
 * that is a keyed hash itself. One table's nodes are all put in and found the same way. */
void table_insert_hashed(struct table *table, struct table_node *node, const void *key,
	uint32_t key_bytes, uint64_t hash);
struct table_node *table_find_hashed(
	const struct table *table, const void *key, size_t key_bytes, uint64_t hash);

/* A hash of an id that we gave ourselves: spreads counters over all bits (the finaliser of
 * MurmurHash3), at a tenth of SipHash's price. */
static inline uint64_t table_id_hash(uint64_t id)
{
	id = (id ^ id >> 33) * UINT64_C(0xff51afd7ed558ccd);
	id = (id ^ id >> 33) * UINT64_C(0xc4ceb9fe1a85ec53);
	return id ^ id >> 33;
}

/* The next older node with the same key as node, or NULL. */
struct table_node *table_find_next(const struct table_node *node);

uint32_t table_count(const struct table *table);

#endif
