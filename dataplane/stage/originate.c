/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Packets that are born here. Called from the sweep's emit callback.
 */
#include "stage/originate.h"

void packet_originate_rtcp(struct packet *packet, struct termination *termination, uint8_t *payload,
	uint16_t payload_bytes, uint16_t headroom_bytes)
{
	packet_init(packet, payload, payload_bytes, headroom_bytes);
	packet->kind = PACKET_RTCP;
	packet->payload_bytes = payload_bytes;
	packet->peer = termination;
}
