/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The map from ids to slots. Ids are chosen by the control plane, which isn't trusted, but can do
 * no more harm by picking them badly than slow down its own commands.
 */
#include "termination/id_map.h"

#include <assert.h>
#include <errno.h>
#include <stdlib.h>

/* Mixes all bits of an id into its home cell (multiplication by 2^64 / golden ratio). */
static uint32_t home(const struct id_map *map, uint64_t id)
{
	return (uint32_t)((id * UINT64_C(0x9e3779b97f4a7c15)) >> 32) & map->mask;
}

int id_map_init(struct id_map *map, uint32_t capacity)
{
	uint32_t cells = 16;

	while (cells < 2 * capacity)
		cells *= 2;
	map->cells = calloc(cells, sizeof(*map->cells));
	if (map->cells == NULL)
		return -ENOMEM;
	map->mask = cells - 1;
	map->count = 0;
	return 0;
}

void id_map_fini(struct id_map *map)
{
	free(map->cells);
	*map = (struct id_map){0};
}

/* The cell of an id, or the empty one where it belongs. */
static uint32_t locate(const struct id_map *map, uint64_t id)
{
	uint32_t at = home(map, id);

	while (map->cells[at].id != 0 && map->cells[at].id != id)
		at = (at + 1) & map->mask;
	return at;
}

uint32_t id_map_find(const struct id_map *map, uint64_t id)
{
	const struct id_map_cell *cell = &map->cells[locate(map, id)];

	return id != 0 && cell->id == id ? cell->slot : ID_MAP_NONE;
}

void id_map_put(struct id_map *map, uint64_t id, uint32_t slot)
{
	struct id_map_cell *cell = &map->cells[locate(map, id)];

	assert(id != 0 && "0 marks an empty cell");
	if (cell->id == 0) {
		assert(map->count <= map->mask / 2 && "caller holds at most capacity ids");
		map->count++;
	}
	cell->id = id;
	cell->slot = slot;
}

void id_map_remove(struct id_map *map, uint64_t id)
{
	uint32_t hole = locate(map, id);

	if (id == 0 || map->cells[hole].id != id)
		return;
	map->count--;
	/* Move back whatever would no longer be found across the hole. */
	for (uint32_t at = (hole + 1) & map->mask; map->cells[at].id != 0;
		at = (at + 1) & map->mask) {
		uint32_t distance = (at - home(map, map->cells[at].id)) & map->mask;

		if (distance >= ((at - hole) & map->mask)) {
			map->cells[hole] = map->cells[at];
			hole = at;
		}
	}
	map->cells[hole] = (struct id_map_cell){0};
}
