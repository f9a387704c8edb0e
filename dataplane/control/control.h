/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The control thread: one epoll loop that serves the command socket, carries frames between
 * workers and kernel, follows the kernel's tables, waits for grace periods and keeps the gauges.
 * Nothing here touches a media packet.
 */
#ifndef TD_CONTROL_CONTROL_H
#define TD_CONTROL_CONTROL_H

#include <tandem/compiler.h>
#include <tandem/contract.h>
#include <tandem/counters.h>

#include <stdbool.h>
#include <stdint.h>

struct control;
struct kernel_path;
struct media_plan;
struct mirror;
struct state;
struct td_spsc_ring;
struct termination_table;

/* The control thread's ends of a worker's rings. */
struct control_worker {
	struct td_spsc_ring *changes;	    /* struct termination_change, to the worker */
	struct td_spsc_ring *notifications; /* struct td_notify, from it */
	struct td_spsc_ring *demands;	    /* struct mirror_demand, from it */
};

/* borrows all pointers until control_destroy; copies the rest */
struct control_config {
	const char *run_dir;
	const struct media_plan *plan;
	const struct state *state;
	struct mirror *mirror;
	struct kernel_path *kernel_path;
	struct control_worker workers[TD_WORKERS_MAX];
	uint32_t worker_count;
	uint32_t termination_capacity;
	uint32_t port_rest_ms;
	int signals; /* signalfd: anything readable ends the loop */
	/* Packet buffers in use beyond what idle queues hold. */
	uint64_t (*count_mbufs)(void *sink);
	void *sink;
};

/* Takes over the arena, opens the command socket. -errno, after a line in the log. The calling
 * thread is registered with RCU and becomes the control thread. gives *ret_control. */
td_must_check int control_create(struct control **ret_control, const struct control_config *config);

/* Closes the socket and frees everything; accepts NULL. Workers have ended. */
void control_destroy(struct control *control);

/* The table that the workers read. */
struct termination_table *control_table(struct control *control);

/* Runs the loop until a signal arrives; returns its number, or -errno of epoll. */
int control_run(struct control *control);

#endif
