/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The notifier's half of a subscription (RFC 6665 4.2): whether it lives, and when its subscriber
 * is told. At most one NOTIFY is under way, and what changes meanwhile goes out as one newer
 * state: the latest wins. Serves every package: what is told, and how long a pause is, the owner
 * knows. Pure.
 */
#ifndef TD_SUBSCRIPTION_NOTIFIER_H
#define TD_SUBSCRIPTION_NOTIFIER_H

#include "subscription/headers.h"

#include <stdbool.h>
#include <stdint.h>

/* X(CONSTANT, name) */
#define NOTIFIER_STATES(X)                                                            \
	X(INIT, init)                                                                 \
	X(PENDING, pending) /* accepted; whether it may see anything isn't decided */ \
	X(ACTIVE, active)                                                             \
	X(TERMINATED, terminated)

enum notifier_state {
#define NOTIFIER_STATE_ENUM(constant, name) NOTIFIER_##constant,
	NOTIFIER_STATES(NOTIFIER_STATE_ENUM)
#undef NOTIFIER_STATE_ENUM
	NOTIFIER_STATE_COUNT
};

/* X(CONSTANT, name): how far the telling has come. */
#define NOTIFIER_DELIVERIES(X)                                                        \
	X(IDLE, idle)			/* all is told */                             \
	X(SENDING, sending)		/* NOTIFY is out */                           \
	X(SENDING_STALE, sending_stale) /* NOTIFY is out, and it is outdated */       \
	X(PAUSING, pausing)		/* all is told; the next one has to wait */   \
	X(PAUSING_STALE, pausing_stale) /* there is news, but the pause isn't over */ \
	X(CLOSING, closing)		/* NOTIFY is out; the last one follows */     \
	X(LAST, last)			/* the last NOTIFY is out */                  \
	X(DONE, done)

enum notifier_delivery {
#define NOTIFIER_DELIVERY_ENUM(constant, name) NOTIFIER_DELIVERY_##constant,
	NOTIFIER_DELIVERIES(NOTIFIER_DELIVERY_ENUM)
#undef NOTIFIER_DELIVERY_ENUM
	NOTIFIER_DELIVERY_COUNT
};

/* X(CONSTANT, name) */
#define NOTIFIER_EVENTS(X)                                                                     \
	X(ACCEPTED, accepted)	/* the SUBSCRIBE, or REFER, that begins it */                  \
	X(DEFERRED, deferred)	/* the same, but somebody must still agree */                  \
	X(FETCHED, fetched)	/* SUBSCRIBE with Expires 0 that begins nothing: one answer */ \
	X(APPROVED, approved)	/* somebody agreed */                                          \
	X(REJECTED, rejected)	/* or didn't */                                                \
	X(REFRESHED, refreshed) /* SUBSCRIBE in its dialog */                                  \
	X(UNSUBSCRIBED, unsubscribed) /* the same with Expires 0 */                            \
	X(CHANGED, changed)	      /* there is something new to tell */                     \
	X(FINISHED, finished)	      /* there will never be any more */                       \
	X(WITHDRAWN, withdrawn)	      /* we end it; the subscriber may come again at once */   \
	X(EXPIRED, expired)	      /* it wasn't refreshed */                                \
	X(DELIVERED, delivered)	      /* 2xx to our NOTIFY */                                  \
	X(UNDELIVERED, undelivered)   /* it was refused, but the subscription stands */        \
	X(LOST, lost)		      /* refused as unknown, or never answered */              \
	X(PAUSE_OVER, pause_over)

enum notifier_event {
#define NOTIFIER_EVENT_ENUM(constant, name) NOTIFIER_EVENT_##constant,
	NOTIFIER_EVENTS(NOTIFIER_EVENT_ENUM)
#undef NOTIFIER_EVENT_ENUM
	NOTIFIER_EVENT_COUNT
};

enum notifier_action {
	NOTIFIER_ACTION_NONE,
	NOTIFIER_DO_NOTIFY, /* send the present state, with state and reason as they are now */
	NOTIFIER_DO_PAUSE,  /* PAUSE_OVER is due when the next NOTIFY may go */
	NOTIFIER_DO_FORGET, /* nothing is outstanding: the object may go */
};

/* All zero: nothing has begun. */
struct notifier {
	uint8_t state;	  /* enum notifier_state */
	uint8_t delivery; /* enum notifier_delivery */
	uint8_t reason;	  /* enum subscription_reason, when terminated */
};

/* Advances by one event. *ret_action is what must happen. Returns 0, or -EPROTO if the event
 * means nothing in this state: nothing has changed then. */
int notifier_step(
	struct notifier *notifier, enum notifier_event event, enum notifier_action *ret_action);

/* What Subscription-State says of it. */
enum subscription_substate notifier_substate(const struct notifier *notifier);

/* True if a SUBSCRIBE in its dialog may refresh or end it. */
static inline bool notifier_is_open(const struct notifier *notifier)
{
	return notifier->state == NOTIFIER_PENDING || notifier->state == NOTIFIER_ACTIVE;
}

/* True while a NOTIFY waits for its answer. */
static inline bool notifier_is_sending(const struct notifier *notifier)
{
	return notifier->delivery == NOTIFIER_DELIVERY_SENDING ||
	       notifier->delivery == NOTIFIER_DELIVERY_SENDING_STALE ||
	       notifier->delivery == NOTIFIER_DELIVERY_CLOSING ||
	       notifier->delivery == NOTIFIER_DELIVERY_LAST;
}

/* What becomes of a subscription whose NOTIFY got that final status (RFC 6665 4.2.2):
 * DELIVERED, UNDELIVERED or LOST. 0: no answer came. */
enum notifier_event notifier_event_of_status(unsigned status);

const char *notifier_state_name(unsigned state);       /* "active"; "?" out of range */
const char *notifier_delivery_name(unsigned delivery); /* "idle"; "?" out of range */
const char *notifier_event_name(unsigned event);       /* "changed"; "?" out of range */

#endif
