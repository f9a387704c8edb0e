/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Counted memory of varying size (message copies, bodies) with a ceiling: what slabs can't hold.
 * One heap per owner, so that "nothing is outstanding" can be asked of each and tests can fail
 * the n-th allocation. Not thread-safe.
 */
#ifndef TD_UTIL_HEAP_H
#define TD_UTIL_HEAP_H

#include <stddef.h>
#include <stdint.h>

enum {
	/* What a block costs beyond its bytes: our header, malloc's, and what both round up. */
	HEAP_BLOCK_OVERHEAD_BYTES = 32,
};

/* All zero: empty heap without a ceiling. */
struct heap {
	size_t limit_bytes; /* 0: none */
	size_t in_use_bytes;
	uint32_t in_use_count;
	uint32_t fail_countdown; /* tests only: this allocation from now fails; 0: none */
};

/* What all blocks together cost, as far as it can be known. */
static inline uint64_t heap_footprint_bytes(const struct heap *heap)
{
	return heap->in_use_bytes + (uint64_t)heap->in_use_count * HEAP_BLOCK_OVERHEAD_BYTES;
}

/* Gives size_bytes bytes (uninitialised, aligned for any type), or NULL. */
void *heap_alloc(struct heap *heap, size_t size_bytes);
/* Gives a copy of size_bytes bytes, or NULL. */
void *heap_copy(struct heap *heap, const void *bytes, size_t size_bytes);
/* Frees what the same heap gave. Accepts NULL. */
void heap_free(struct heap *heap, void *bytes);

#endif
