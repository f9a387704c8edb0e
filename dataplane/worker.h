/* SPDX-License-Identifier: Apache-2.0 */
/*
 * One forwarding thread: takes frames from its queues and from other workers, runs the pipeline
 * over them, acts on the verdicts, and between bursts serves the terminations that it owns. It
 * never allocates, locks, logs or blocks, and makes no system call but to sleep when idle.
 */
#ifndef TD_DATAPLANE_WORKER_H
#define TD_DATAPLANE_WORKER_H

#include "neighbour/fib.h"
#include "pipeline.h"
#include "stage/burst.h"
#include "stage/context.h"
#include "termination/change.h"
#include "termination/sweep.h"

#include <tandem/spsc_ring.h>

#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>

struct mirror;
struct rte_mbuf;
struct rte_mempool;
struct rte_ring;

enum {
	WORKER_CHANGES = 1024,	     /* slots of the command ring */
	WORKER_NOTIFICATIONS = 1024, /* slots of the event ring */
	WORKER_DEMANDS = 64,	     /* slots of the ring of next hops to be resolved */
	WORKER_RING_FRAMES = 2048,   /* slots of each frame ring between threads */
	WORKER_DPDK_PORTS_MAX = 32,  /* RTE_MAX_ETHPORTS */
};

/* How this worker reaches a port. */
struct worker_port {
	struct rte_ring
		*sender; /* of the worker that transmits for this one; NULL: it does itself */
	uint16_t dpdk_id;
	uint16_t burst_max;
	bool has_rx_queue; /* number worker.index */
	bool has_rx_checksum;
	uint32_t held_count;
	struct rte_mbuf *held[BURST_PACKETS_MAX]; /* to be sent after the burst */
};

/* Converts cycles to CLOCK_MONOTONIC. Worker's own. */
struct worker_clock {
	uint64_t base_ns;
	uint64_t base_cycles;
	uint64_t last_ns;
	uint64_t rebase_cycles;	 /* ask the operating system again after so many */
	uint64_t wall_offset_ns; /* wall time = monotonic time + this */
	double ns_per_cycle;
};

/* Everything is set up by launch and belongs to the worker's thread from then on, except the
 * rings' other ends and the atomics. borrows all pointers */
struct worker {
	uint32_t index;
	bool is_adaptive;
	_Atomic bool is_stopping; /* w: control, r: worker */
	uint32_t port_count;
	struct worker_port ports[STAGE_PORTS_MAX];
	uint8_t port_of_dpdk[WORKER_DPDK_PORTS_MAX];
	struct worker_clock clock;
	struct stage_context context;
	struct termination_sweep sweep;
	struct pipeline pipeline;
	struct burst burst;
	struct burst originated;
	struct fib_demand demand;
	uint64_t demand_sent_ns;
	uint64_t exception_full_ns[8]; /* struct exception_limits, see worker.c */

	const struct mirror *mirror;
	struct rte_mempool *pool;
	struct rte_ring *handoff;     /* frames that other workers give to this one */
	struct rte_ring *transmit;    /* finished frames that others can't transmit */
	struct rte_ring *from_kernel; /* NULL: another worker's task */
	struct rte_ring *to_kernel;
	struct rte_ring **handoffs; /* of all workers */

	struct td_spsc_ring changes;	   /* struct termination_change, from control */
	struct td_spsc_ring notifications; /* struct td_notify, to control */
	struct td_spsc_ring demands;	   /* struct mirror_demand, to control */
};

/* Runs until is_stopping; registers with RCU by itself. worker is a struct worker. Returns 0. */
int worker_main(void *worker);

#endif
