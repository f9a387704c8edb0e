/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Reliable provisional responses as the called side of RFC 3262 3: one is out at a time, a further
 * one waits until its PRACK has come. Whether a 2xx may go out meanwhile is the negotiation's to
 * say (leg/negotiation.h), for it depends on what the 18x held. Pure.
 */
#ifndef TD_LEG_RELIABLE_H
#define TD_LEG_RELIABLE_H

#include <stdbool.h>
#include <stdint.h>

/* What the caller knows of it and the trunk's configuration allows. */
enum reliable_use {
	RELIABLE_NEVER,
	RELIABLE_SUPPORTED,
	RELIABLE_REQUIRED,
	RELIABLE_USE_COUNT
};

/* X(CONSTANT, name) */
#define RELIABLE_STATES(X)                                                \
	X(IDLE, idle)	  /* all that was sent is acknowledged */         \
	X(SENT, sent)	  /* PRACK is awaited */                          \
	X(QUEUED, queued) /* the same, and another 18x waits behind it */ \
	X(LATE, late)	  /* a final response went out before the PRACK came */

enum reliable_state {
#define RELIABLE_STATE_ENUM(constant, name) RELIABLE_##constant,
	RELIABLE_STATES(RELIABLE_STATE_ENUM)
#undef RELIABLE_STATE_ENUM
	RELIABLE_STATE_COUNT
};

/* X(CONSTANT, name) */
#define RELIABLE_EVENTS(X)                                      \
	X(ORDER_SEND, order_send)   /* an 18x is to go out */   \
	X(ORDER_FINAL, order_final) /* a final response does */ \
	X(PRACKED, pracked)	    /* its PRACK has come */    \
	X(EXPIRED, expired)	    /* 64 * T1 without PRACK */

enum reliable_event {
#define RELIABLE_EVENT_ENUM(constant, name) RELIABLE_EVENT_##constant,
	RELIABLE_EVENTS(RELIABLE_EVENT_ENUM)
#undef RELIABLE_EVENT_ENUM
	RELIABLE_EVENT_COUNT
};

enum reliable_action {
	RELIABLE_ACTION_NONE,
	RELIABLE_DO_SEND,
	RELIABLE_DO_KEEP, /* it waits; a later one takes its place */
	RELIABLE_DO_STOP, /* no more repeats */
	RELIABLE_DO_SEND_KEPT,
	RELIABLE_TELL_EXPIRED,
};

enum {
	RELIABLE_ACTIONS_MAX = 2
};

struct reliable_actions {
	uint8_t count;
	uint8_t list[RELIABLE_ACTIONS_MAX]; /* enum reliable_action */
};

/* What a leg knows of its reliable provisional responses. */
struct reliable {
	uint8_t use;	     /* enum reliable_use; of our own INVITE: what we offered */
	uint8_t state;	     /* enum reliable_state */
	uint8_t status;	     /* of the one that is out, less 100 */
	uint8_t kept_status; /* of the one that waits, less 100 */
	bool has_body;	     /* the one that is out holds a session description */
	bool has_kept_body;  /* the one that waits will */
	uint32_t rseq;	     /* of the one sent last; 0: none was */
};

/* Advances *state by one event. 0, or -EPROTO: the event can't happen now, nothing changed. */
int reliable_step(uint8_t *state, enum reliable_event event, struct reliable_actions *ret_actions);

/* The first RSeq: 1 to 2^31 - 1, from a random number (RFC 3262 3). */
uint32_t reliable_first_rseq(uint64_t random);

const char *reliable_state_name(unsigned state); /* "idle"; "?" out of range */

/* True if the 18x that is out holds a session description: no 2xx may pass it. */
static inline bool reliable_holds_2xx(const struct reliable *reliable)
{
	return (reliable->state == RELIABLE_SENT || reliable->state == RELIABLE_QUEUED) &&
	       reliable->has_body;
}

#endif
