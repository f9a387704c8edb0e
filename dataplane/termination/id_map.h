/* SPDX-License-Identifier: Apache-2.0 */
/*
 * From a 64-bit id to a slot number: open addressing with linear probing, no tombstones. Size is
 * fixed at creation for twice the number of ids. Control thread only.
 */
#ifndef TD_TERMINATION_ID_MAP_H
#define TD_TERMINATION_ID_MAP_H

#include <tandem/compiler.h>

#include <stdint.h>

#define ID_MAP_NONE UINT32_MAX

struct id_map_cell {
	uint64_t id; /* 0: empty */
	uint32_t slot;
	uint32_t reserved;
};

struct id_map {
	struct id_map_cell *cells; /* owns */
	uint32_t mask;
	uint32_t count;
};

/* Makes room for capacity ids. -ENOMEM. Pair with id_map_fini. */
td_must_check int id_map_init(struct id_map *map, uint32_t capacity);

/* Frees what init took; accepts an all-zero map. */
void id_map_fini(struct id_map *map);

/* The slot of an id, or ID_MAP_NONE. */
uint32_t id_map_find(const struct id_map *map, uint64_t id);

/* Sets the slot of an id, never 0. There must be room: the caller holds no more ids than
 * capacity. */
void id_map_put(struct id_map *map, uint64_t id, uint32_t slot);

/* Removes an id; nothing happens if it isn't there. */
void id_map_remove(struct id_map *map, uint64_t id);

#endif
