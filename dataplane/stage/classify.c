/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Stage classify: which termination a media packet belongs to. First all ports are looked up and
 * their records prefetched, then the peers': the memory's latency is paid once per burst, not
 * once per packet.
 */
#include "stage/context.h"
#include "stage/map.h"
#include "termination/termination.h"

/* Prefetches the lines that the later stages touch in the record a packet arrived at. */
static void prefetch_arrival(const struct termination *termination)
{
	td_prefetch(&termination->match);
	td_prefetch(&termination->rx);
	td_prefetch(&termination->sources[0]);
}

static void classify_packet(struct packet *packet, const struct stage_context *context)
{
	uint32_t entry = port_index_lookup(
		context->indexes[packet->media_address], packet->destination_port);
	uint32_t owner = td_port_owner(packet->destination_port, context->worker_count);

	if (!port_entry_is_used(entry)) {
		packet_drop(packet, entry == PORT_ENTRY_RESTING ? TD_DROP_PORT_RESTING
								: TD_DROP_NO_TERMINATION);
		return;
	}
	if (owner != context->worker) {
		/* The record is another worker's: not even a look at it. */
		packet->verdict = VERDICT_HANDOFF;
		packet->handoff_worker = (uint8_t)owner;
		return;
	}
	packet->kind = (entry & PORT_ENTRY_RTCP) != 0 ? PACKET_RTCP : PACKET_UNKNOWN;
	packet->slot = port_entry_slot(entry);
	packet->termination = &context->terminations[packet->slot];
	prefetch_arrival(packet->termination);
}

static void find_peer(struct packet *packet, const struct stage_context *context)
{
	uint8_t source = packet->termination->rx.source;

	packet->peer = termination_peer(packet->termination, context->terminations);
	/* Most terminations know one source only; the others' lines weren't prefetched yet. */
	if (source != 0 && source < RTP_SOURCES_MAX)
		td_prefetch(&packet->termination->sources[source]);
	if (packet->peer == NULL)
		return;
	td_prefetch(&packet->peer->match);
	td_prefetch(&packet->peer->tx);
}

void stage_classify(struct burst *burst, struct stage_context *context)
{
	for (uint32_t i = 0; i < burst->count; i++) {
		if (burst->packets[i].verdict == VERDICT_CONTINUE)
			classify_packet(&burst->packets[i], context);
	}
	for (uint32_t i = 0; i < burst->count; i++) {
		if (burst->packets[i].verdict == VERDICT_CONTINUE)
			find_peer(&burst->packets[i], context);
	}
}
