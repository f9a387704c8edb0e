/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Each block begins with a header that holds its size, so that releasing it can be counted
 * without the caller remembering lengths.
 */
#include "util/heap.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>

union heap_block {
	size_t size_bytes;
	max_align_t alignment;
};

void *heap_alloc(struct heap *heap, size_t size_bytes)
{
	union heap_block *block;

	if (heap->fail_countdown != 0 && --heap->fail_countdown == 0)
		return NULL;
	if (size_bytes > SIZE_MAX - sizeof(*block) - heap->in_use_bytes)
		return NULL;
	if (heap->limit_bytes != 0 && heap->in_use_bytes + size_bytes > heap->limit_bytes)
		return NULL;
	block = malloc(sizeof(*block) + size_bytes);
	if (block == NULL)
		return NULL;
	block->size_bytes = size_bytes;
	heap->in_use_bytes += size_bytes;
	heap->in_use_count++;
	return block + 1;
}

void *heap_copy(struct heap *heap, const void *bytes, size_t size_bytes)
{
	void *copy = heap_alloc(heap, size_bytes);

	if (copy != NULL && size_bytes != 0)
		memcpy(copy, bytes, size_bytes);
	return copy;
}

void heap_free(struct heap *heap, void *bytes)
{
	union heap_block *block = bytes;

	if (block == NULL)
		return;
	block--;
	assert(heap->in_use_count != 0 && heap->in_use_bytes >= block->size_bytes &&
		"released to a heap that didn't give it");
	heap->in_use_bytes -= block->size_bytes;
	heap->in_use_count--;
	free(block);
}
