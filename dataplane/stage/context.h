/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What a worker brings to the stages: the media plan (fixed while the process runs), the table of
 * terminations, the fib of this turn, the time of this burst, and where events go. One per
 * worker; the worker sets now_ns, sweep->wall_offset_ns and fib before each burst.
 */
#ifndef TD_STAGE_CONTEXT_H
#define TD_STAGE_CONTEXT_H

#include "stage/burst.h"
#include "termination/plan.h"
#include "termination/port_index.h"

#include <tandem/counters.h>

#include <stdbool.h>
#include <stdint.h>

struct fib;
struct fib_demand;
struct termination;
struct termination_sweep;

enum {
	STAGE_PORTS_MAX = 8
};

/* What the stages must know of a NIC port. */
struct stage_port {
	uint8_t mac[6];	  /* received frames must be for it, or for a group */
	uint16_t vlan_id; /* received frames must carry it; 0: untagged or priority-tagged */
	/* true: a received UDP checksum that the NIC says nothing of is verified; false: trusted
	 * (af_packet delivers unfinished checksums of local senders). IPv4's is always verified. */
	bool is_udp_verified;
	bool has_tx_ipv4_checksum; /* the NIC can fill it in */
	bool has_tx_udp_checksum;
};

struct stage_context {
	/* set up once; borrows all pointers */
	const struct media_plan *plan;
	const struct port_index *indexes[MEDIA_ADDRESSES_MAX]; /* one per address of the plan */
	struct termination *terminations;		       /* arena_terminations() */
	struct td_worker_counters *counters;
	/* gives events away and answers RTCP; the worker sets its wall_offset_ns, too */
	struct termination_sweep *sweep;
	struct stage_port ports[STAGE_PORTS_MAX];
	uint32_t port_count;
	uint32_t worker;
	uint32_t worker_count;

	/* set before each burst */
	uint64_t now_ns;       /* CLOCK_MONOTONIC at reception */
	const struct fib *fib; /* borrows until the end of the burst; NULL: no next hops */
	struct fib_demand *demand;
};

#endif
