/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Reads the few gauges that status shows: the dataplane's counters file and the process's own
 * descriptors. Shell; loop thread; microseconds.
 */
#ifndef TD_APP_GAUGES_H
#define TD_APP_GAUGES_H

#include <tandem/compiler.h>

#include <stdint.h>

struct dataplane_gauges {
	uint64_t terminations_in_use;
	uint64_t contexts_in_use;
	uint64_t ports_resting;
	uint64_t mbufs_in_use;
	uint64_t descriptors_open;
	uint64_t heartbeat_age_ms;
	uint64_t rtp_relayed;
	uint64_t dropped; /* all reasons but RTCP that ended here as intended */
	uint32_t worker_count;
};

/* Reads the file "counters" in run_dir. -ENOENT (the dataplane has never run), -EBADMSG (another
 * version's, or damaged), or errno of open, read. */
td_must_check int gauges_read_dataplane(const char *run_dir, struct dataplane_gauges *ret_gauges);

/* Open file descriptors of this process; 0 if the kernel doesn't say. */
uint32_t gauges_open_descriptors(void);

#endif
