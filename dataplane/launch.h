/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Brings the dataplane up from its options and down again: EAL, memory, ports, state, workers.
 * All capacity is allocated here; nothing is allocated for a packet or a call later.
 */
#ifndef TD_DATAPLANE_LAUNCH_H
#define TD_DATAPLANE_LAUNCH_H

#include <tandem/compiler.h>

struct control;
struct dataplane;
struct options;

/* Starts everything; signals is a signalfd that ends the control loop. -errno after a line in
 * the log that says what failed. options is borrowed until dataplane_stop. gives *ret_dataplane.
 * The calling thread becomes the control thread. */
td_must_check int dataplane_start(
	struct dataplane **ret_dataplane, const struct options *options, int signals);

/* The loop to run. */
struct control *dataplane_control(struct dataplane *dataplane);

/* Stops workers and ports, leaves the state in shared memory; accepts NULL. */
void dataplane_stop(struct dataplane *dataplane);

#endif
