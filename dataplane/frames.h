/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The memory of frames on their way: buffer pools and the rings between threads, sized once from
 * what can be on its way at one time.
 */
#ifndef TD_DATAPLANE_FRAMES_H
#define TD_DATAPLANE_FRAMES_H

#include <tandem/compiler.h>
#include <tandem/counters.h>

#include <stdint.h>

struct rte_mempool;
struct rte_ring;

struct frames_config {
	uint32_t worker_count;
	uint32_t queue_count; /* of all ports together, each direction */
	uint16_t mtu_bytes;   /* the largest of all ports */
};

/* DPDK owns pools and rings until EAL is cleaned up. */
struct frames {
	struct rte_mempool *forward_pool;	    /* for what ports receive and for RTCP */
	struct rte_mempool *exception_pool;	    /* for frames from the kernel */
	struct rte_ring *to_kernel;		    /* any worker to control */
	struct rte_ring *from_kernel;		    /* control to worker 0 */
	struct rte_ring *handoffs[TD_WORKERS_MAX];  /* any worker to the owner */
	struct rte_ring *transmits[TD_WORKERS_MAX]; /* any worker to one with a queue */
};

/* Makes pools and rings. -ENOMEM, after a line in the log that says how much is needed. */
td_must_check int frames_create(struct frames *ret_frames, const struct frames_config *config);

/* Buffers that aren't free: in queues, rings and hands. */
uint32_t frames_taken(const struct frames *frames);

#endif
