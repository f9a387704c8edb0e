/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Carries frames between workers and the kernel: rings on the workers' side, TAP descriptors on
 * the kernel's. The workers never make a system call; this is where they are made for them.
 * Control thread only.
 */
#ifndef TD_PORT_KERNEL_PATH_H
#define TD_PORT_KERNEL_PATH_H

#include <stdbool.h>
#include <stdint.h>

struct port;
struct rte_mempool;
struct rte_ring;

/* Set up once; borrows all pointers. */
struct kernel_path {
	const struct port *ports;
	uint32_t port_count;
	struct rte_ring *to_kernel;   /* mbufs of workers; mbuf->port is the DPDK port id */
	struct rte_ring *from_kernel; /* mbufs for the worker that has transmit queue 0 */
	struct rte_mempool *pool;     /* for frames from the kernel */
	uint64_t refused;	      /* frames that the kernel didn't take */
};

/* Writes what the workers left to the TAPs, at most a few hundred frames. Returns how many. */
uint32_t kernel_path_deliver(struct kernel_path *path);

/* Reads frames from the TAPs while the ring has room; what finds none stays in the kernel, which
 * counts its own losses. Returns how many. */
uint32_t kernel_path_collect(struct kernel_path *path);

#endif
