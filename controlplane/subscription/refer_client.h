/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What became of a REFER that we sent: from the request to an outcome that says no more than is
 * known. A transfer is "confirmed" only by a final NOTIFY; a peer that hangs up first has
 * "presumably" gone; a peer that falls silent is asked whether the call still stands. Pure.
 */
#ifndef TD_SUBSCRIPTION_REFER_CLIENT_H
#define TD_SUBSCRIPTION_REFER_CLIENT_H

#include <stdint.h>

/* X(CONSTANT, name) */
#define REFER_CLIENT_STATES(X)                                                                   \
	X(IDLE, idle)                                                                            \
	X(SENT, sent)		    /* REFER is out, no answer */                                \
	X(ACCEPTED, accepted)	    /* 2xx, and no NOTIFY yet */                                 \
	X(PROGRESSING, progressing) /* NOTIFY says 1xx */                                        \
	X(LEAVING, leaving) /* the peer hung up before it answered; the answer may still come */ \
	X(PARTING, parting) /* the peer hung up; its last NOTIFY may still come */               \
	X(PROBING, probing) /* it fell silent: OPTIONS asks whether the call stands */           \
	X(SUCCEEDED, succeeded) /* confirmed; the peer's BYE is awaited */                       \
	X(OVER, over)

enum refer_client_state {
#define REFER_CLIENT_STATE_ENUM(constant, name) REFER_CLIENT_##constant,
	REFER_CLIENT_STATES(REFER_CLIENT_STATE_ENUM)
#undef REFER_CLIENT_STATE_ENUM
	REFER_CLIENT_STATE_COUNT
};

/* X(CONSTANT, name) */
#define REFER_CLIENT_EVENTS(X)                                                              \
	X(SENT, sent)                                                                       \
	X(ACCEPTED, accepted)		/* 2xx to REFER */                                  \
	X(REFUSED, refused)		/* 3xx to 6xx to it */                              \
	X(UNANSWERED, unanswered)	/* no final response came */                        \
	X(TOLD_PROGRESS, told_progress) /* NOTIFY with 1xx */                               \
	X(TOLD_SUCCESS, told_success)	/* with 2xx */                                      \
	X(TOLD_FAILURE, told_failure)	/* with 3xx to 6xx */                               \
	X(TOLD_NOTHING, told_nothing)	/* the subscription ended without a final status */ \
	X(HUNG_UP, hung_up)		/* BYE from the peer */                             \
	X(ALIVE, alive)			/* OPTIONS was answered: the dialog stands */       \
	X(GONE, gone)			/* OPTIONS got 481: it doesn't */                   \
	X(CALL_ENDED, call_ended)	/* we hung up, for another reason */                \
	X(DEADLINE, deadline)		/* of the state */

enum refer_client_event {
#define REFER_CLIENT_EVENT_ENUM(constant, name) REFER_CLIENT_EVENT_##constant,
	REFER_CLIENT_EVENTS(REFER_CLIENT_EVENT_ENUM)
#undef REFER_CLIENT_EVENT_ENUM
	REFER_CLIENT_EVENT_COUNT
};

/* X(CONSTANT, name, help) */
#define REFER_OUTCOMES(X)                                                             \
	X(REFUSED, refused, "the peer refused the request itself")                    \
	X(CONFIRMED, confirmed, "the peer reported that the target answered")         \
	X(FAILED, failed, "the peer reported that the target didn't answer")          \
	X(PRESUMED, presumed, "the peer hung up, or lost the call, without a report") \
	X(UNKNOWN, unknown, "neither a report nor anything else says how it ended")

enum refer_outcome {
	REFER_OUTCOME_NONE,
#define REFER_OUTCOME_ENUM(constant, name, help) REFER_OUTCOME_##constant,
	REFER_OUTCOMES(REFER_OUTCOME_ENUM)
#undef REFER_OUTCOME_ENUM
	REFER_OUTCOME_COUNT
};

/* How long a state lasts at most. */
enum refer_client_wait {
	REFER_WAIT_AS_IS, /* the deadline that runs stays */
	REFER_WAIT_ACCEPT,
	REFER_WAIT_NOTIFY,
	REFER_WAIT_PEER, /* for what crosses: a NOTIFY behind a BYE, a BYE behind a NOTIFY */
	REFER_WAIT_PROBE,
	REFER_WAIT_NOTHING, /* it is over */
};

enum {
	REFER_ACCEPT_MS = 10 * 1000, /* for the answer to REFER */
	REFER_NOTIFY_MS = 32 * 1000, /* since the last NOTIFY, or the 2xx: RFC 6665 timer N */
	REFER_PEER_MS = 1000,
	REFER_TOTAL_BEYOND_RING_S = 30, /* the whole lasts no longer than ringing may, and this */
};

enum refer_client_action {
	REFER_CLIENT_ACTION_NONE,
	REFER_CLIENT_DO_PROBE,	 /* OPTIONS in the dialog */
	REFER_CLIENT_DO_HANG_UP, /* the peer talks to another: our call with it has no purpose */
};

struct refer_client_step {
	enum refer_client_wait wait;
	enum refer_client_action action;
	enum refer_outcome outcome; /* reported with this step; NONE: not yet */
};

/* Advances *state by one event. Returns 0, or -EPROTO if the event means nothing in this state:
 * nothing has changed then. */
int refer_client_step(
	uint8_t *state, enum refer_client_event event, struct refer_client_step *ret_step);

/* Milliseconds that wait stands for; 0 for AS_IS and NOTHING. probe_ms is how long the OPTIONS may
 * take. */
uint64_t refer_client_wait_ms(enum refer_client_wait wait, uint64_t probe_ms);

const char *refer_client_state_name(unsigned state); /* "sent"; "?" out of range */
const char *refer_client_event_name(unsigned event); /* "accepted"; "?" out of range */
const char *refer_outcome_name(unsigned outcome);    /* "confirmed"; "" for NONE */

#endif
