/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Stage feedback: RTCP is never relayed. What the remote end reports is taken over, and the
 * packet ends here.
 */
#include "rtp/rtcp.h"
#include "stage/context.h"
#include "stage/map.h"
#include "termination/report.h"
#include "termination/sweep.h"
#include "termination/termination.h"

void stage_feedback(struct burst *burst, struct stage_context *context)
{
	for (uint32_t i = 0; i < burst->count; i++) {
		struct packet *packet = &burst->packets[i];
		struct rtcp_news news;

		if (packet->verdict != VERDICT_CONTINUE || packet->kind != PACKET_RTCP)
			continue;
		/* demux checked it already; here our SSRC picks the report block */
		if (rtcp_parse(packet->bytes + packet->payload_offset, packet->payload_bytes,
			    packet->termination->tx.splice.ssrc, &news) == 0)
			report_take(packet->termination, &news, context->now_ns,
				context->sweep->wall_offset_ns);
		packet_drop(packet, TD_DROP_RTCP_CONSUMED);
	}
}
