/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The hash index and the slab against plain arrays: random inserts, removals and look-ups with
 * keys that often repeat.
 */
#include "util/slab.h"
#include "util/table.h"

#include <tandem/time.h>

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum {
	OBJECTS = 200,
	KEYS = 50,
	KEY_BYTES = 8,
	STEPS = 100000,
};

struct object {
	struct table_node node;
	char key[KEY_BYTES];
	uint32_t key_bytes;
	slab_handle_t handle;
};

static uint64_t random_next(uint64_t *state)
{
	*state ^= *state << 13;
	*state ^= *state >> 7;
	*state ^= *state << 17;
	return *state;
}

static void check(int is_true, const char *what)
{
	if (!is_true) {
		fprintf(stderr, "%s\n", what);
		abort();
	}
}

static unsigned count_in_table(const struct table *table, const char *key, uint32_t key_bytes)
{
	unsigned count = 0;

	for (struct table_node *node = table_find(table, key, key_bytes); node != NULL;
		node = table_find_next(node))
		count++;
	return count;
}

static unsigned count_in_model(struct object *const *live, const char *key, uint32_t key_bytes)
{
	unsigned count = 0;

	for (unsigned i = 0; i < OBJECTS; i++) {
		if (live[i] != NULL && live[i]->key_bytes == key_bytes &&
			memcmp(live[i]->key, key, key_bytes) == 0)
			count++;
	}
	return count;
}

static void step(struct table *table, struct slab *slab, struct object **live, uint64_t *seed)
{
	struct object **place = &live[random_next(seed) % OBJECTS];
	char key[KEY_BYTES];
	uint32_t key_bytes = (uint32_t)(random_next(seed) % 2 == 0 ? 4 : KEY_BYTES);

	(void)snprintf(key, sizeof(key), "k%06u", (unsigned)(random_next(seed) % KEYS));
	if (*place == NULL) {
		slab_handle_t handle;

		*place = slab_take(slab, &handle);
		check(*place != NULL, "the slab is full though the model isn't");
		memcpy((*place)->key, key, sizeof(key));
		(*place)->key_bytes = key_bytes;
		(*place)->handle = handle;
		table_insert(table, &(*place)->node, (*place)->key, key_bytes);
	} else if (random_next(seed) % 2 == 0) {
		slab_handle_t stale = (*place)->handle;

		check(slab_find(slab, stale) == *place, "a live handle isn't found");
		table_remove(table, &(*place)->node);
		slab_release(slab, *place);
		check(slab_find(slab, stale) == NULL, "a stale handle is found");
		*place = NULL;
	}
	check(count_in_table(table, key, key_bytes) == count_in_model(live, key, key_bytes),
		"table and model differ");
}

int main(int argument_count, char **arguments)
{
	static struct object *live[OBJECTS];
	uint64_t seed = argument_count > 1 ? strtoull(arguments[1], NULL, 0) : td_wall_ns() | 1;
	uint8_t key[SIPHASH_SEED_BYTES] = {(uint8_t)seed};
	struct table *table;
	struct slab *slab;
	uint32_t count = 0;

	printf("seed %llu\n", (unsigned long long)seed);
	(void)fflush(stdout); /* so that the seed is seen even after an abort */
	check(table_create(32, key, &table) == 0, "no table");
	check(slab_create(OBJECTS, sizeof(struct object), &slab) == 0, "no slab");
	for (unsigned i = 0; i < STEPS; i++)
		step(table, slab, live, &seed);
	for (unsigned i = 0; i < OBJECTS; i++)
		count += live[i] != NULL;
	check(count == table_count(table) && count == slab_in_use(slab), "counts differ");
	table_destroy(table);
	slab_destroy(slab);
	return EXIT_SUCCESS;
}
