/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A bounded ring between exactly one producer thread and one consumer thread, of fixed-size
 * elements copied in and out. No locks, no allocation after init. Used for commands to workers
 * and their answers; tested under ThreadSanitizer.
 */
#ifndef TD_TANDEM_SPSC_RING_H
#define TD_TANDEM_SPSC_RING_H

#include <tandem/compiler.h>

#include <assert.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>
#include <string.h>

struct td_spsc_ring {
	uint8_t *slots; /* borrows: capacity * element_bytes, must outlive the ring */
	uint32_t mask;	/* capacity - 1 */
	uint32_t element_bytes;
	_Atomic uint32_t head td_cache_aligned; /* w: producer, r: consumer */
	uint32_t cached_tail;			/* producer's view */
	_Atomic uint32_t tail td_cache_aligned; /* w: consumer, r: producer */
	uint32_t cached_head;			/* consumer's view */
};

/* Prepares a ring over slots, which holds capacity elements; capacity is a power of two. */
static inline void td_spsc_ring_init(
	struct td_spsc_ring *ring, void *slots, uint32_t capacity, uint32_t element_bytes)
{
	assert(capacity != 0 && (capacity & (capacity - 1)) == 0 && "a power of two");
	ring->slots = slots;
	ring->mask = capacity - 1;
	ring->element_bytes = element_bytes;
	ring->cached_tail = 0;
	ring->cached_head = 0;
	atomic_init(&ring->head, 0);
	atomic_init(&ring->tail, 0);
}

/* Copies element in; false if the ring is full. Producer thread only. */
static inline bool td_spsc_ring_push(struct td_spsc_ring *ring, const void *element)
{
	uint32_t head = atomic_load_explicit(&ring->head, memory_order_relaxed);

	if (head - ring->cached_tail > ring->mask) {
		/* partner: release store in pop */
		ring->cached_tail = atomic_load_explicit(&ring->tail, memory_order_acquire);
		if (head - ring->cached_tail > ring->mask)
			return false;
	}
	memcpy(ring->slots + (size_t)(head & ring->mask) * ring->element_bytes, element,
		ring->element_bytes);
	/* partner: acquire load in pop */
	atomic_store_explicit(&ring->head, head + 1, memory_order_release);
	return true;
}

/* Copies the oldest element out; false if the ring is empty. Consumer thread only. */
static inline bool td_spsc_ring_pop(struct td_spsc_ring *ring, void *ret_element)
{
	uint32_t tail = atomic_load_explicit(&ring->tail, memory_order_relaxed);

	if (tail == ring->cached_head) {
		/* partner: release store in push */
		ring->cached_head = atomic_load_explicit(&ring->head, memory_order_acquire);
		if (tail == ring->cached_head)
			return false;
	}
	memcpy(ret_element, ring->slots + (size_t)(tail & ring->mask) * ring->element_bytes,
		ring->element_bytes);
	/* partner: acquire load in push */
	atomic_store_explicit(&ring->tail, tail + 1, memory_order_release);
	return true;
}

#endif
