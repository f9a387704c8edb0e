/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Stage account: what became of each packet, in the termination's figures and the worker's
 * counters. Handed-off packets and those of the kernel are the shell's to count.
 */
#include "stage/context.h"
#include "stage/map.h"
#include "termination/termination.h"

#include <string.h>

/* What a burst adds to the worker's counters, written once. */
struct tally {
	uint32_t relayed;
	uint32_t rtcp_sent;
	uint32_t dropped;
	uint16_t drops[TD_DROP_REASON_COUNT];
};

static void account_sent(
	const struct packet *packet, const struct stage_context *context, struct tally *tally)
{
	struct termination *to = packet->peer;

	if (packet->kind == PACKET_RTCP) {
		tally->rtcp_sent++;
		return;
	}
	tally->relayed++;
	if (td_unlikely(to->tx.packets == 0))
		atomic_store_explicit(
			&to->timing.first_tx_ns, context->now_ns, memory_order_relaxed);
	termination_count(&to->tx.packets, 1);
	termination_count(&to->tx.bytes, packet->rtp.media_bytes);
}

static void account_dropped(const struct packet *packet, struct tally *tally)
{
	tally->dropped++;
	tally->drops[packet->drop_reason]++;
	if (packet->termination != NULL && packet->drop_reason != TD_DROP_RTCP_CONSUMED)
		termination_count(&packet->termination->rx.refused, 1);
}

static void write_tally(const struct tally *tally, struct td_worker_counters *counters)
{
	if (tally->relayed != 0)
		td_counter_add(&counters->rtp_relayed, tally->relayed);
	if (tally->rtcp_sent != 0)
		td_counter_add(&counters->rtcp_sent, tally->rtcp_sent);
	if (tally->dropped == 0)
		return;
	if (tally->drops[TD_DROP_RTCP_CONSUMED] != 0)
		td_counter_add(&counters->rtcp_received, tally->drops[TD_DROP_RTCP_CONSUMED]);
	for (unsigned reason = 0; reason < TD_DROP_REASON_COUNT; reason++) {
		if (tally->drops[reason] != 0)
			td_counter_add(&counters->drops[reason], tally->drops[reason]);
	}
}

void stage_account(struct burst *burst, struct stage_context *context)
{
	struct tally tally = {0};

	for (uint32_t i = 0; i < burst->count; i++) {
		const struct packet *packet = &burst->packets[i];

		if (packet->verdict == VERDICT_TRANSMIT)
			account_sent(packet, context, &tally);
		else if (packet->verdict == VERDICT_DROP)
			account_dropped(packet, &tally);
	}
	write_tally(&tally, context->counters);
}
