/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The map of the dataplane at work: runs the stages of stage/map.h over a burst, in order, and
 * prints them for --print-map. Knows nothing of DPDK.
 */
#ifndef TD_DATAPLANE_PIPELINE_H
#define TD_DATAPLANE_PIPELINE_H

#include "stage/map.h"

#include <stdint.h>
#include <stdio.h>

struct burst;
struct stage_context;

enum {
	PIPELINE_SAMPLE_EVERY = 64, /* bursts: reading the cycle counter costs more than a stage */
};

/* A worker's own; zero at start. */
struct pipeline {
	uint32_t bursts;
};

/* Runs all stages over a burst that was received. Every 64th burst the cycles of each stage go
 * to the worker's counters. Worker thread. */
void pipeline_run(struct pipeline *pipeline, struct burst *burst, struct stage_context *context);

/* Runs the last stages over a burst of packets that were made here (packet_originate_rtcp). */
void pipeline_run_originated(struct burst *burst, struct stage_context *context);

/* Prints one line for each stage. */
void pipeline_print_map(FILE *out);

#endif
