/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Offer and answer inside an established leg (RFC 3261 14, RFC 3264): who may offer now, what a
 * re-INVITE that crosses ours gets, and when the ACK is owed. A machine of its own next to the
 * leg's, because a negotiation may fail without the session noticing. Pure.
 */
#ifndef TD_LEG_NEGOTIATION_H
#define TD_LEG_NEGOTIATION_H

#include <stdbool.h>
#include <stdint.h>

/* X(CONSTANT, name) */
#define NEGOTIATION_STATES(X)                                                          \
	X(IDLE, idle)			  /* no offer is outstanding */                \
	X(OFFER_RECEIVED, offer_received) /* the peer's re-INVITE or UPDATE waits */   \
	X(ANSWER_SENT, answer_sent)	  /* 2xx sent, ACK awaited */                  \
	X(OFFER_SENT, offer_sent)	  /* our re-INVITE is out */                   \
	X(ACK_OWED, ack_owed)		  /* 2xx held an offer; our ACK must answer */ \
	X(PAUSED, paused)		  /* 491: to be repeated after a pause */

enum negotiation_state {
#define NEGOTIATION_STATE_ENUM(constant, name) NEGOTIATION_##constant,
	NEGOTIATION_STATES(NEGOTIATION_STATE_ENUM)
#undef NEGOTIATION_STATE_ENUM
	NEGOTIATION_STATE_COUNT
};

/* X(CONSTANT, name): what the peer did, then what the call wants (ORDER_). */
#define NEGOTIATION_EVENTS(X)                                                       \
	X(INVITED, invited)	      /* re-INVITE */                               \
	X(UPDATED, updated)	      /* UPDATE with an offer */                    \
	X(ACKNOWLEDGED, acknowledged) /* ACK to our 2xx */                          \
	X(ACK_MISSING, ack_missing)   /* 64 * T1 without it */                      \
	X(ACCEPTED, accepted)	      /* 2xx to our re-INVITE */                    \
	X(COUNTERED, countered)	      /* 2xx with an offer: ours had none */        \
	X(REFUSED, refused)	      /* any other final response */                \
	X(GLARED, glared)	      /* 491 */                                     \
	X(CHALLENGED, challenged)     /* 401/407 that our credentials can answer */ \
	X(LOST, lost)		      /* 481, 408, timeout: the dialog is gone */   \
	X(PAUSE_OVER, pause_over)                                                   \
	X(ORDER_OFFER, order_offer)                                                 \
	X(ORDER_ANSWER, order_answer)                                               \
	X(ORDER_ANSWER_UPDATE, order_answer_update) /* no ACK follows */            \
	X(ORDER_REJECT, order_reject)                                               \
	X(ORDER_ACKNOWLEDGE, order_acknowledge)                                     \
	X(ORDER_GIVE_UP, order_give_up) /* too many 491 */

enum negotiation_event {
#define NEGOTIATION_EVENT_ENUM(constant, name) NEGOTIATION_EVENT_##constant,
	NEGOTIATION_EVENTS(NEGOTIATION_EVENT_ENUM)
#undef NEGOTIATION_EVENT_ENUM
	NEGOTIATION_EVENT_COUNT
};

enum negotiation_action {
	NEGOTIATION_ACTION_NONE,
	NEGOTIATION_DO_REINVITE,
	NEGOTIATION_DO_ANSWER, /* 200 to the pending request */
	NEGOTIATION_DO_REJECT, /* the status that the call chose */
	NEGOTIATION_DO_ACK,
	NEGOTIATION_DO_STOP_2XX,
	NEGOTIATION_DO_GLARE,	 /* 491 to the new request */
	NEGOTIATION_DO_TOO_SOON, /* 500 and Retry-After to the new request (RFC 3261 14.2) */
	NEGOTIATION_DO_PAUSE,
	NEGOTIATION_TELL_OFFER,
	NEGOTIATION_TELL_ANSWER,
	NEGOTIATION_TELL_REFUSED,
	NEGOTIATION_TELL_CONFIRMED, /* ACK has come, perhaps with the answer */
	NEGOTIATION_TELL_LOST,
};

enum {
	NEGOTIATION_ACTIONS_MAX = 2,
	NEGOTIATION_GLARE_MAX = 4, /* after so many 491 the change is given up */
};

struct negotiation_actions {
	uint8_t count;
	uint8_t list[NEGOTIATION_ACTIONS_MAX]; /* enum negotiation_action */
};

/* Advances *state by one event. 0, or -EPROTO: the event can't happen now, nothing changed. */
int negotiation_step(
	uint8_t *state, enum negotiation_event event, struct negotiation_actions *ret_actions);

/* Milliseconds to wait after 491 (RFC 3261 14.1): 2.1 to 4 s for the owner of the Call-ID, 0 to
 * 2 s for the other side, in units of 10 ms. random is any number. */
uint32_t negotiation_pause_ms(bool is_call_id_owner, uint64_t random);

const char *negotiation_state_name(unsigned state); /* "idle"; "?" out of range */

#endif
