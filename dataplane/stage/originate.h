/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Packets that are born here (RTCP): prepares a packet so that the stages readdress and account
 * can finish it. Called by the worker from the sweep's emit callback.
 */
#ifndef TD_STAGE_ORIGINATE_H
#define TD_STAGE_ORIGINATE_H

#include "stage/burst.h"

#include <stdint.h>

enum {
	/* Room that a frame needs in front of the payload: Ethernet, VLAN tag, IPv6, UDP. */
	ORIGINATE_HEADROOM_BYTES = 14 + 4 + 40 + 8,
};

/* Makes *packet an RTCP packet to the remote end of termination (borrows until the end of the
 * burst). payload points into a buffer with headroom_bytes, at least ORIGINATE_HEADROOM_BYTES,
 * writable in front. The verdict is VERDICT_CONTINUE: run stage_readdress and stage_account over
 * the burst, nothing else. Owner's thread. */
void packet_originate_rtcp(struct packet *packet, struct termination *termination, uint8_t *payload,
	uint16_t payload_bytes, uint16_t headroom_bytes);

#endif
