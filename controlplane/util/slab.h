/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A pool of objects of one size with a capacity fixed at creation. Full is an ordinary answer.
 * Each object has a 64-bit handle (slot and generation): a handle that outlived its object is
 * recognised, never confused with the slot's next tenant. Tests can make the n-th take fail.
 * Objects never move. Not thread-safe.
 */
#ifndef TD_UTIL_SLAB_H
#define TD_UTIL_SLAB_H

#include <tandem/compiler.h>

#include <stddef.h>
#include <stdint.h>

/* Names an object of one slab; 0 is none. */
typedef uint64_t slab_handle_t;

struct slab;

/* Creates a pool of capacity objects of object_bytes each, aligned for any type. Memory is
 * reserved at once, and touched as objects are first taken. -EINVAL (a zero, or more than 2^31
 * objects), -ENOMEM. */
td_must_check int slab_create(uint32_t capacity, size_t object_bytes, struct slab **ret_slab);
/* Frees the pool and everything in it. Accepts NULL. */
void slab_destroy(struct slab *slab);

/* Gives a zeroed object, or NULL if the pool is full (or a test asked for it). */
void *slab_take(struct slab *slab, slab_handle_t *ret_handle);
/* Takes object back; its handle becomes stale at once. Accepts NULL. */
void slab_release(struct slab *slab, void *object);

/* The object of that handle, or NULL if the handle is stale, foreign or 0. */
void *slab_find(const struct slab *slab, slab_handle_t handle);
/* The handle of an object in use. */
slab_handle_t slab_handle(const struct slab *slab, const void *object);

/* Walks the objects in use, in slot order: *cursor 0 to begin. NULL at the end. The object just
 * given may be released during the walk. */
void *slab_next(const struct slab *slab, uint32_t *cursor);

uint32_t slab_in_use(const struct slab *slab);
uint32_t slab_capacity(const struct slab *slab);

/* Tests only: the n-th slab_take() from now on fails (1: the next one); 0: none. */
void slab_fail_nth(struct slab *slab, uint32_t n);

#endif
