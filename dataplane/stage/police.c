/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Stage police: no peer gets more than its packet rate, so that one can't starve the others of a
 * worker. A generic cell rate algorithm: one addition and one compare per packet. It stands
 * behind admit, so that strangers can't use up the peer's allowance.
 */
#include "stage/context.h"
#include "stage/map.h"
#include "termination/termination.h"

#include <tandem/time.h>

enum {
	BURST_MS = 1000, /* what a stalled path may deliver at once */
};

void stage_police(struct burst *burst, struct stage_context *context)
{
	uint64_t now_ns = context->now_ns;

	for (uint32_t i = 0; i < burst->count; i++) {
		struct packet *packet = &burst->packets[i];
		struct termination_rx *rx;
		uint64_t full_ns;

		if (packet->verdict != VERDICT_CONTINUE)
			continue;
		rx = &packet->termination->rx;
		full_ns = rx->police_full_ns > now_ns ? rx->police_full_ns : now_ns;
		if (full_ns - now_ns > (uint64_t)BURST_MS * TD_NS_PER_MS)
			packet_drop(packet, TD_DROP_POLICED);
		else
			rx->police_full_ns = full_ns + rx->police_cost_ns;
	}
}
