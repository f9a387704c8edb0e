/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Who may send media to a termination, and whose address may be learnt. The rules of restricted
 * latching: the signalled address always; others only while learning is armed, only within what
 * the mode of latching allows, and a better match wins over a worse one. Owner's thread.
 *
 *   armed by a new latch_round:  LEARNING --exactly as signalled, or window over--> LEARNT
 */
#ifndef TD_TERMINATION_LATCH_H
#define TD_TERMINATION_LATCH_H

#include "termination/address.h"

#include <stdbool.h>
#include <stdint.h>

struct termination;
struct td_endpoint;

enum {
	/* While learning, an equally good address takes over after this much silence. */
	LATCH_HOLDER_SILENCE_MS = 200,
};

enum latch_answer {
	LATCH_ACCEPT,
	LATCH_LEARN,   /* accept; the address was learnt from this packet */
	LATCH_FOREIGN, /* not the peer */
	LATCH_UNKNOWN, /* the peer isn't known and may not be learnt */
	LATCH_ANSWER_COUNT
};

/* Where a packet came from. */
struct latch_source {
	struct media_ip ip;
	uint16_t port;
	uint8_t family;
};

/* Sends media to the signalled address again, and arms learning if the mode allows any. */
void latch_arm(struct termination *termination);

/* Decides about a well-formed RTP packet of a negotiated payload type. */
enum latch_answer latch_rtp(
	struct termination *termination, const struct latch_source *source, uint64_t now_ns);

/* Decides about an RTCP packet; learns at most the port, and only of the address that RTP has. */
enum latch_answer latch_rtcp(struct termination *termination, const struct latch_source *source);

/* True if the packet comes from exactly where media is sent to. */
bool latch_is_current(const struct termination *termination, const struct latch_source *source);

#endif
