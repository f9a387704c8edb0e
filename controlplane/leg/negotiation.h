/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Offer and answer in one dialog (RFC 3261 13.2.1 and 14, RFC 3262 5, RFC 3264, RFC 3311): who may
 * offer now, what an offer that crosses ours gets, and by which message an answer is owed. A
 * machine of its own next to the leg's, because a negotiation may fail without the session
 * noticing, and because each early dialog of a leg has its own. Pure.
 */
#ifndef TD_LEG_NEGOTIATION_H
#define TD_LEG_NEGOTIATION_H

#include <stdbool.h>
#include <stdint.h>

/* X(CONSTANT, name) */
#define NEGOTIATION_STATES(X)                                                                      \
	X(IDLE, idle)			  /* no offer is outstanding */                            \
	X(FIRST_SENT, first_sent)	  /* our first INVITE is out: its offer, or the peer's   \
					   * that it asks for, isn't there */ \
	X(FIRST_RECEIVED, first_received) /* the same of the peer's first INVITE */                \
	X(EARLY_ANSWERED, early_answered) /* reliable 18x held our answer, PRACK awaited */        \
	X(EARLY_OFFERED, early_offered)	  /* reliable 18x held our offer, PRACK must answer */     \
	X(PRACK_OWED, prack_owed)	  /* the peer's reliable 18x held an offer: our PRACK    \
					   * must answer */ \
	X(OFFER_RECEIVED, offer_received) /* the peer's re-INVITE, UPDATE or PRACK waits */        \
	X(ANSWER_SENT, answer_sent)	  /* 2xx to the re-INVITE sent, ACK awaited */             \
	X(OFFER_SENT, offer_sent)	  /* our re-INVITE is out */                               \
	X(UPDATE_SENT, update_sent)	  /* our UPDATE with an offer is out */                    \
	X(ACK_OWED, ack_owed)		  /* 2xx held an offer; our ACK must answer */             \
	X(PAUSED, paused)		  /* 491 to the re-INVITE: to be repeated after a pause */ \
	X(PAUSED_UPDATE, paused_update)	  /* the same of the UPDATE */

enum negotiation_state {
#define NEGOTIATION_STATE_ENUM(constant, name) NEGOTIATION_##constant,
	NEGOTIATION_STATES(NEGOTIATION_STATE_ENUM)
#undef NEGOTIATION_STATE_ENUM
	NEGOTIATION_STATE_COUNT
};

/* X(CONSTANT, name): what the peer did, then what the call wants (ORDER_). */
#define NEGOTIATION_EVENTS(X)                                                                     \
	X(INVITED, invited)		/* re-INVITE */                                           \
	X(UPDATED, updated)		/* UPDATE with an offer */                                \
	X(PRACK_OFFERED, prack_offered) /* PRACK with an offer, to what needed no answer */       \
	X(PRACKED, pracked)	      /* PRACK to the 18x with our answer; or with his to ours */ \
	X(ACKNOWLEDGED, acknowledged) /* ACK to our 2xx */                                        \
	X(ACK_MISSING, ack_missing)   /* 64 * T1 without it */                                    \
	X(EARLY_ANSWER, early_answer) /* reliable 18x with the answer */                          \
	X(EARLY_OFFER, early_offer)   /* reliable 18x with an offer: our INVITE had none */       \
	X(CONNECTED, connected)	      /* 2xx to the first INVITE, either way */                   \
	X(ACCEPTED, accepted)	      /* 2xx to our re-INVITE */                                  \
	X(COUNTERED, countered)	      /* 2xx with an offer: ours had none */                      \
	X(ANSWERED, answered)	      /* 2xx to our UPDATE */                                     \
	X(REFUSED, refused)	      /* any other final response */                              \
	X(GLARED, glared)	      /* 491 */                                                   \
	X(CHALLENGED, challenged)     /* 401/407 that our credentials can answer */               \
	X(LOST, lost)		      /* 481, 408, timeout: the dialog is gone */                 \
	X(PAUSE_OVER, pause_over)                                                                 \
	X(ORDER_CALL, order_call)		    /* the first INVITE goes out */               \
	X(ORDER_TAKE, order_take)		    /* the peer's first INVITE was taken */       \
	X(ORDER_EARLY_ANSWER, order_early_answer)   /* a reliable 18x with our answer goes out */ \
	X(ORDER_EARLY_OFFER, order_early_offer)	    /* a reliable 18x with our offer goes out */  \
	X(ORDER_PRACK, order_prack)		    /* the answer for the PRACK is known */       \
	X(ORDER_OFFER, order_offer)		    /* by re-INVITE */                            \
	X(ORDER_UPDATE, order_update)		    /* by UPDATE */                               \
	X(ORDER_ANSWER, order_answer)		    /* to a re-INVITE */                          \
	X(ORDER_ANSWER_UPDATE, order_answer_update) /* to UPDATE or PRACK: no ACK follows */      \
	X(ORDER_REJECT, order_reject)                                                             \
	X(ORDER_ACKNOWLEDGE, order_acknowledge)                                                   \
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
	NEGOTIATION_DO_UPDATE,
	NEGOTIATION_DO_PRACK,
	NEGOTIATION_DO_ANSWER, /* 200 to the pending request */
	NEGOTIATION_DO_REJECT, /* the status that the call chose */
	NEGOTIATION_DO_ACK,
	NEGOTIATION_DO_STOP_2XX,
	NEGOTIATION_DO_GLARE,	 /* 491 to the new request */
	NEGOTIATION_DO_TOO_SOON, /* 500 and Retry-After to the new request (RFC 3261 14.2,
				  * RFC 3311 5.2) */
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

struct leg_request;

/* What was agreed in one dialog, and what is being agreed. All pointers are owned by the call's
 * heap; see call_clear_negotiation(). */
struct negotiation {
	uint8_t state;	     /* enum negotiation_state */
	uint8_t glare_count; /* 491 in a row */
	uint32_t local_sdp_length;
	uint32_t remote_sdp_length;
	char *local_sdp;	   /* last body sent in this dialog, or NULL */
	char *remote_sdp;	   /* last body of the peer's that counts, or NULL: kept until the
				    * call is up */
	uint64_t version;	   /* in o= of local_sdp */
	struct leg_request *asked; /* the peer's re-INVITE, UPDATE or PRACK whose offer waits, or
				    * whose 2xx waits for its ACK; or NULL */
	struct leg_request *sent;  /* our re-INVITE, UPDATE or BYE in progress, or NULL */
	struct leg_request *prack; /* our PRACK in progress, or NULL */
	uint32_t rseq;		   /* of the last reliable 18x that was taken; 0: none */
};

/* Advances *state by one event. 0, or -EPROTO: the event can't happen now, nothing changed. */
int negotiation_step(
	uint8_t *state, enum negotiation_event event, struct negotiation_actions *ret_actions);

/* Milliseconds to wait after 491 (RFC 3261 14.1): 2.1 to 4 s for the owner of the Call-ID, 0 to
 * 2 s for the other side, in units of 10 ms. random is any number. */
uint32_t negotiation_pause_ms(bool is_call_id_owner, uint64_t random);

const char *negotiation_state_name(unsigned state); /* "idle"; "?" out of range */

#endif
