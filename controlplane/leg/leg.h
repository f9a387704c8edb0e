/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A leg: one INVITE usage of one dialog, ours (UAC) or the peer's (UAS), from the first INVITE to
 * the answer of the last BYE. The machine decides what must be sent and what the call must know;
 * the switchboard does it. Pure: no message, clock, socket or randomness comes near it.
 */
#ifndef TD_LEG_LEG_H
#define TD_LEG_LEG_H

#include "dialog/dialog.h"
#include "events/record.h"
#include "leg/negotiation.h"
#include "leg/reliable.h"
#include "leg/session_timer.h"
#include "transaction/transaction.h"

#include <tandem/compiler.h>

#include <stdbool.h>
#include <stdint.h>

/* X(CONSTANT, name) */
#define LEG_STATES(X)                                                                             \
	X(IDLE, idle)		  /* nothing was sent or heard */                                 \
	X(CALLING, calling)	  /* UAC: INVITE sent, nothing heard */                           \
	X(PROCEEDING, proceeding) /* UAC: a provisional response has come */                      \
	X(CANCELLING, cancelling) /* UAC: CANCEL asked for, the final response is awaited */      \
	X(CONFIRMING, confirming) /* UAC: the 2xx holds an offer, our ACK waits for the answer */ \
	X(INCOMING, incoming)	  /* UAS: INVITE received, 100 sent */                            \
	X(ALERTING, alerting)	  /* UAS: 18x sent */                                             \
	X(ACCEPTING, accepting)	  /* UAS: to be answered, but an exchange must be finished */     \
	X(ANSWERED, answered)	  /* UAS: 2xx sent, ACK awaited */                                \
	X(PARTING, parting)	  /* UAS: to be hung up, but BYE must wait for ACK */             \
	X(ACTIVE, active)                                                                         \
	X(ENDING, ending) /* BYE or a refusal was sent, the answer to it is awaited */            \
	X(ENDED, ended)

enum leg_state {
#define LEG_STATE_ENUM(constant, name) LEG_##constant,
	LEG_STATES(LEG_STATE_ENUM)
#undef LEG_STATE_ENUM
	LEG_STATE_COUNT
};

/* X(CONSTANT, name): what the peer did, then what the call wants (ORDER_). */
#define LEG_EVENTS(X)                                                                           \
	X(INVITED, invited)	      /* UAS: the INVITE */                                     \
	X(TRYING, trying)	      /* 100 */                                                 \
	X(PROGRESS, progress)	      /* 101..199 */                                            \
	X(ACCEPTED, accepted)	      /* 2xx, and nothing is owed but a plain ACK */            \
	X(COUNTERED, countered)	      /* 2xx with an offer: our INVITE had none */              \
	X(REFUSED, refused)	      /* 3xx..6xx, timeout, transport error */                  \
	X(CHALLENGED, challenged)     /* 401/407 that our credentials can answer */             \
	X(CANCELLED, cancelled)	      /* CANCEL */                                              \
	X(ACKNOWLEDGED, acknowledged) /* ACK */                                                 \
	X(ACK_MISSING, ack_missing)   /* 64 * T1 without ACK */                                 \
	X(HUNG_UP, hung_up)	      /* BYE */                                                 \
	X(CLOSED, closed) /* answer to our BYE, ACK to our refusal, or the timeout of either */ \
	X(LOST, lost)	  /* 481 or 408 to a request in the dialog (RFC 5057) */                \
	X(ORDER_DIAL, order_dial)                                                               \
	X(ORDER_RING, order_ring)		/* send the 18x that the call has prepared */   \
	X(ORDER_ACCEPT, order_accept)		/* it will be answered, not yet */              \
	X(ORDER_ANSWER, order_answer)		/* send 200 */                                  \
	X(ORDER_ACKNOWLEDGE, order_acknowledge) /* the answer for the ACK is known */           \
	X(ORDER_HANG_UP, order_hang_up)		/* end, by whatever means the state allows */

enum leg_event {
#define LEG_EVENT_ENUM(constant, name) LEG_EVENT_##constant,
	LEG_EVENTS(LEG_EVENT_ENUM)
#undef LEG_EVENT_ENUM
	LEG_EVENT_COUNT
};

/* What a step asks for, in this order. DO: towards the peer. TELL: to the call. */
enum leg_action {
	LEG_ACTION_NONE,
	LEG_DO_INVITE,
	LEG_DO_CANCEL,
	LEG_DO_ACK, /* also repeats it when the 2xx is repeated */
	LEG_DO_BYE,
	LEG_DO_PROGRESS,
	LEG_DO_ANSWER,
	LEG_DO_REFUSE,	   /* final response with leg.release */
	LEG_DO_TERMINATE,  /* 487 to the pending INVITE */
	LEG_DO_ACCEPT_BYE, /* 200 to the BYE */
	LEG_DO_STOP_2XX,   /* the 2xx needs no more repeating */
	LEG_TELL_INVITED,
	LEG_TELL_PROGRESS,
	LEG_TELL_ANSWERED,
	LEG_TELL_CONFIRMED, /* ACK has come */
	LEG_TELL_REFUSED,
	LEG_TELL_GONE, /* ended by the peer or the network */
};

enum {
	LEG_ACTIONS_MAX = 4,
	LEG_USER_AGENT_BYTES = 64,
};

struct leg_actions {
	uint8_t count;
	uint8_t list[LEG_ACTIONS_MAX]; /* enum leg_action */
};

/* A request in progress, ours or the peer's: it has no final response yet, or is an INVITE whose
 * 2xx has no ACK. Its bytes are kept to build responses from, and to survive a restart. One block
 * of the call's heap. */
struct leg_request {
	transaction_id transaction;
	struct sip_flow flow;
	uint32_t length;
	uint8_t method; /* enum sip_method */
	char bytes[];
};

struct leg {
	uint8_t state; /* enum leg_state */
	uint8_t index; /* 0: the caller's side, 1: the called side */
	bool is_uac;
	bool is_offer_late;	 /* the (re-)INVITE in progress has no SDP */
	uint8_t challenges;	 /* how often credentials were given for the request in progress */
	bool is_recovered;	 /* a restart lay within the leg's life */
	bool has_final_body;	 /* UAS: our 2xx holds a session description */
	uint16_t refused_status; /* UAS: final status of 300 or more that we sent; 0: none */
	uint8_t provisional;	 /* last 18x status seen or sent, less 100 */
	uint16_t attempt_no;	 /* 1: first destination tried */
	uint32_t trunk;		 /* trunk_id */
	uint32_t peer_methods;	 /* what it takes (leg/allow.h); 0: it never said */
	uint32_t invite_cseq;	 /* of our last INVITE: its ACK repeats it */
	uint32_t peer_cseq;	 /* of the peer's last INVITE: its ACK must have it */
	uint64_t leg_id;	 /* never 0 */
	uint64_t created_ms;	 /* the times below, monotonic; 0: didn't happen */
	uint64_t first_18x_ms;
	uint64_t answer_ms;
	uint64_t end_ms;
	uint64_t held_ms;	/* finished holds together */
	uint64_t hold_since_ms; /* 0: not on hold */
	struct leg_times times;
	struct leg_request *info;   /* owned by the call's heap: the peer's INFO that the other side
				     * is being sent, or NULL; not journaled */
	struct leg_request *invite; /* owned by the call's heap: the first INVITE in progress, or
				     * NULL */
	uint32_t ack_cseq;	    /* of the ACK that ack_sdp belongs to */
	uint32_t ack_sdp_length;
	char *ack_sdp; /* owned by the call's heap: answer that our ACK held, for its repeats */
	struct event_release release;
	char user_agent[LEG_USER_AGENT_BYTES];
	struct dialog dialog;
	struct negotiation negotiation; /* in that dialog */
	struct session_timer session;	/* of that dialog */
	struct reliable reliable;	/* the 18x that we send, or ask for */
	struct leg_fork *forks;		/* owned by the call's heap: other early dialogs of our
					 * INVITE, the one that spoke last first; see call/fork.h */
};

/* An early dialog of a leg that isn't the one in use. */
struct leg_fork {
	struct leg_fork *next;
	uint32_t peer_methods;
	struct dialog dialog;
	struct negotiation negotiation;
};

/*
 * Advances the leg by one event. *ret_actions is what must happen, in order. Returns 0, or
 * -EPROTO if the event can't happen in this state: nothing has changed then, the caller counts
 * it.
 */
int leg_step(struct leg *leg, enum leg_event event, struct leg_actions *ret_actions);

/* "active"; "?" out of range. */
const char *leg_state_name(unsigned state);
/* "hung_up"; "?" out of range. */
const char *leg_event_name(unsigned event);

/* True while the leg has not been answered: a refusal is still possible. */
static inline bool leg_is_early(const struct leg *leg)
{
	return leg->state >= LEG_CALLING && leg->state <= LEG_ACCEPTING &&
	       leg->state != LEG_CONFIRMING;
}

/* True once nothing more can become of it: BYE is out, or all is over, or nothing began. */
static inline bool leg_is_settled(const struct leg *leg)
{
	return leg->state == LEG_IDLE || leg->state >= LEG_ENDING;
}

/* True if nothing of it is outstanding with the peer. */
static inline bool leg_is_over(const struct leg *leg)
{
	return leg->state == LEG_IDLE || leg->state == LEG_ENDED;
}

/* True if requests can be sent inside the dialog. */
static inline bool leg_is_talking(const struct leg *leg)
{
	return leg->state == LEG_ACTIVE || leg->state == LEG_ANSWERED ||
	       leg->state == LEG_CONFIRMING;
}

#endif
