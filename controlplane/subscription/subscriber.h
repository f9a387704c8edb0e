/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The subscriber's half of a subscription (RFC 6665 4.1.2): what it is in, and when it must be
 * refreshed. The first NOTIFY decides, not the 2xx: either may come first. Also the half that a
 * REFER of ours begins. Pure.
 */
#ifndef TD_SUBSCRIPTION_SUBSCRIBER_H
#define TD_SUBSCRIPTION_SUBSCRIBER_H

#include <stdbool.h>
#include <stdint.h>

/* X(CONSTANT, name) */
#define SUBSCRIBER_STATES(X)                                                \
	X(INIT, init)                                                       \
	X(WAITING, waiting) /* notify_wait: the first NOTIFY hasn't come */ \
	X(PENDING, pending)                                                 \
	X(ACTIVE, active)                                                   \
	X(TERMINATED, terminated)

enum subscriber_state {
#define SUBSCRIBER_STATE_ENUM(constant, name) SUBSCRIBER_##constant,
	SUBSCRIBER_STATES(SUBSCRIBER_STATE_ENUM)
#undef SUBSCRIBER_STATE_ENUM
	SUBSCRIBER_STATE_COUNT
};

/* X(CONSTANT, name) */
#define SUBSCRIBER_EVENTS(X)                                                               \
	X(SENT, sent)		      /* the SUBSCRIBE, or REFER, that begins it */        \
	X(ACCEPTED, accepted)	      /* 2xx to it, or to a refresh */                     \
	X(REFUSED, refused)	      /* any other final response to it, or none */        \
	X(TOLD_PENDING, told_pending) /* NOTIFY; extensions count as active */             \
	X(TOLD_ACTIVE, told_active)                                                        \
	X(TOLD_TERMINATED, told_terminated)                                                \
	X(NO_NOTIFY, no_notify) /* timer N: the first NOTIFY is too late */                \
	X(REFRESH_DUE, refresh_due)                                                        \
	X(REFRESH_FAILED, refresh_failed) /* 481, 489 and their like (RFC 6665 4.1.2.2) */ \
	X(EXPIRED, expired)                                                                \
	X(ORDER_END, order_end)

enum subscriber_event {
#define SUBSCRIBER_EVENT_ENUM(constant, name) SUBSCRIBER_EVENT_##constant,
	SUBSCRIBER_EVENTS(SUBSCRIBER_EVENT_ENUM)
#undef SUBSCRIBER_EVENT_ENUM
	SUBSCRIBER_EVENT_COUNT
};

enum subscriber_action {
	SUBSCRIBER_ACTION_NONE,
	SUBSCRIBER_DO_WAIT,	   /* NO_NOTIFY is due 64 * T1 from now */
	SUBSCRIBER_DO_KEEP,	   /* the NOTIFY's expires counts from now */
	SUBSCRIBER_DO_REFRESH,	   /* SUBSCRIBE in the dialog */
	SUBSCRIBER_DO_UNSUBSCRIBE, /* the same with Expires 0 */
	SUBSCRIBER_TELL_ENDED,	   /* nothing more will be heard */
};

enum {
	SUBSCRIBER_REFRESH_MARGIN_S = 5, /* before the end, and no later than at half of it */
};

/* Advances *state by one event. *ret_action is what must happen. Returns 0, or -EPROTO if the
 * event means nothing in this state: nothing has changed then. */
int subscriber_step(
	uint8_t *state, enum subscriber_event event, enum subscriber_action *ret_action);

/* When a subscription of so many seconds is to be refreshed, in ms from its beginning. */
uint64_t subscriber_refresh_ms(uint32_t expires_s);

/* True while NOTIFYs may still come. */
static inline bool subscriber_is_open(uint8_t state)
{
	return state == SUBSCRIBER_WAITING || state == SUBSCRIBER_PENDING ||
	       state == SUBSCRIBER_ACTIVE;
}

const char *subscriber_state_name(unsigned state); /* "active"; "?" out of range */
const char *subscriber_event_name(unsigned event); /* "told_active"; "?" out of range */

#endif
