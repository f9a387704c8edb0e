/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Stage admit: only the peer may send, and only while its stream is meant to be received. A
 * stranger gets no answer, changes nothing and is counted.
 */
#include "stage/context.h"
#include "stage/map.h"
#include "termination/latch.h"
#include "termination/sweep.h"
#include "termination/termination.h"

static void refuse(struct packet *packet, enum latch_answer answer)
{
	packet_drop(packet, answer == LATCH_UNKNOWN ? TD_DROP_NOT_LATCHED : TD_DROP_SOURCE_FOREIGN);
}

static void admit_rtcp(struct packet *packet, const struct latch_source *source)
{
	enum latch_answer answer = latch_rtcp(packet->termination, source);

	if (answer != LATCH_ACCEPT && answer != LATCH_LEARN)
		refuse(packet, answer);
}

static void admit_rtp(struct packet *packet, const struct latch_source *source,
	const struct stage_context *context)
{
	struct termination *termination = packet->termination;
	enum latch_answer answer;

	if ((termination->match.mode & TD_MODE_RECEIVE) == 0) {
		/* Nothing is learnt from a stream that isn't meant to flow. */
		packet_drop(packet, latch_is_current(termination, source) ? TD_DROP_MODE_NO_RECEIVE
									  : TD_DROP_SOURCE_FOREIGN);
		return;
	}
	answer = latch_rtp(termination, source, context->now_ns);
	if (answer == LATCH_LEARN)
		termination_notify(termination, TD_NOTIFY_LATCHED, context->sweep, context->now_ns);
	else if (answer != LATCH_ACCEPT)
		refuse(packet, answer);
}

void stage_admit(struct burst *burst, struct stage_context *context)
{
	for (uint32_t i = 0; i < burst->count; i++) {
		struct packet *packet = &burst->packets[i];
		struct latch_source source;

		if (packet->verdict != VERDICT_CONTINUE)
			continue;
		source.ip = packet->source_ip;
		source.port = packet->source_port;
		source.family = packet->family;
		if (packet->kind == PACKET_RTCP)
			admit_rtcp(packet, &source);
		else
			admit_rtp(packet, &source, context);
	}
}
