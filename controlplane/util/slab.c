/* SPDX-License-Identifier: Apache-2.0 */
/*
 * One array of objects, one of generations and one free list through slot numbers. A handle is
 * generation << 32 | slot + 1; an odd generation means "in use". Free slots are reused last in,
 * first out, so that memory which is warm stays so and slots never used are never touched.
 */
#include "util/slab.h"

#include <assert.h>
#include <errno.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

enum {
	SLAB_SLOT_NONE = 0 /* slots are counted from 1 in handles and free lists */
};

/* Per slot: odd generation in use, and the next free slot otherwise. */
struct slab_slot {
	uint32_t generation;
	uint32_t next_free;
};

struct slab {
	uint8_t *objects;
	struct slab_slot *slots;
	size_t object_bytes; /* rounded up to the strictest alignment */
	uint32_t capacity;
	uint32_t in_use;
	uint32_t first_free;
	uint32_t untouched; /* slots from here on were never used */
	uint32_t fail_countdown;
};

int slab_create(uint32_t capacity, size_t object_bytes, struct slab **ret_slab)
{
	const size_t alignment = _Alignof(max_align_t);
	struct slab *slab;

	if (capacity == 0 || capacity > UINT32_C(1) << 31 || object_bytes == 0 ||
		object_bytes > SIZE_MAX / 2)
		return -EINVAL;
	slab = calloc(1, sizeof(*slab));
	if (slab == NULL)
		return -ENOMEM;
	slab->capacity = capacity;
	slab->object_bytes = (object_bytes + alignment - 1) / alignment * alignment;
	slab->objects = calloc(capacity, slab->object_bytes);
	slab->slots = calloc(capacity, sizeof(*slab->slots));
	if (slab->objects == NULL || slab->slots == NULL) {
		slab_destroy(slab);
		return -ENOMEM;
	}
	*ret_slab = slab;
	return 0;
}

void slab_destroy(struct slab *slab)
{
	if (slab == NULL)
		return;
	free(slab->objects);
	free(slab->slots);
	free(slab);
}

static void *slab_object(const struct slab *slab, uint32_t slot)
{
	return slab->objects + (size_t)slot * slab->object_bytes;
}

static uint32_t slab_slot_of(const struct slab *slab, const void *object)
{
	size_t offset = (size_t)((const uint8_t *)object - slab->objects);

	assert(offset % slab->object_bytes == 0 && offset / slab->object_bytes < slab->capacity &&
		"object of another slab");
	return (uint32_t)(offset / slab->object_bytes);
}

static slab_handle_t slab_handle_of(const struct slab *slab, uint32_t slot)
{
	return (slab_handle_t)slab->slots[slot].generation << 32 | (slot + 1);
}

void *slab_take(struct slab *slab, slab_handle_t *ret_handle)
{
	uint32_t slot;
	void *object;

	if (slab->fail_countdown != 0 && --slab->fail_countdown == 0)
		return NULL;
	if (slab->first_free != SLAB_SLOT_NONE) {
		slot = slab->first_free - 1;
		slab->first_free = slab->slots[slot].next_free;
		memset(slab_object(slab, slot), 0, slab->object_bytes);
	} else if (slab->untouched < slab->capacity) {
		slot = slab->untouched++;
	} else {
		return NULL;
	}
	object = slab_object(slab, slot);
	slab->slots[slot].generation++;
	slab->in_use++;
	*ret_handle = slab_handle_of(slab, slot);
	return object;
}

void slab_release(struct slab *slab, void *object)
{
	uint32_t slot;

	if (object == NULL)
		return;
	slot = slab_slot_of(slab, object);
	assert((slab->slots[slot].generation & 1) != 0 && "released twice");
	slab->slots[slot].generation++;
	slab->slots[slot].next_free = slab->first_free;
	slab->first_free = slot + 1;
	slab->in_use--;
}

void *slab_find(const struct slab *slab, slab_handle_t handle)
{
	uint32_t slot = (uint32_t)handle - 1; /* 0 wraps beyond any capacity */

	if (slot >= slab->untouched || slab->slots[slot].generation != handle >> 32 ||
		(slab->slots[slot].generation & 1) == 0)
		return NULL;
	return slab_object(slab, slot);
}

slab_handle_t slab_handle(const struct slab *slab, const void *object)
{
	return slab_handle_of(slab, slab_slot_of(slab, object));
}

void *slab_next(const struct slab *slab, uint32_t *cursor)
{
	while (*cursor < slab->untouched) {
		uint32_t slot = (*cursor)++;

		if ((slab->slots[slot].generation & 1) != 0)
			return slab_object(slab, slot);
	}
	return NULL;
}

uint32_t slab_in_use(const struct slab *slab)
{
	return slab->in_use;
}

uint32_t slab_capacity(const struct slab *slab)
{
	return slab->capacity;
}

void slab_fail_nth(struct slab *slab, uint32_t n)
{
	slab->fail_countdown = n;
}
