/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Our registration with a trunk's registrar (RFC 3261 10.2): when to ask, when to ask again, and
 * what the answers mean. A pure machine: answers and time go in, requests to send and news come
 * out. Whom the request goes to and what it says is the switchboard's matter.
 *
 * One thread.
 */
#ifndef TD_TRUNK_REGISTRATION_H
#define TD_TRUNK_REGISTRATION_H

#include <tandem/compiler.h>

#include <stdbool.h>
#include <stdint.h>

/* X(CONSTANT, name) */
#define REGISTRATION_STATES(X)                                                                 \
	X(IDLE, idle)		    /* not wanted, or not begun: TIMER begins it */            \
	X(REGISTERING, registering) /* the request is out */                                   \
	X(REGISTERED, registered)   /* TIMER: time to refresh */                               \
	X(REFRESHING, refreshing)   /* the request is out, and the registration still holds */ \
	X(BACKING_OFF,                                                                         \
		backing_off) /* all targets failed; what was granted may hold for a while */   \
	X(UNREGISTERING, unregistering)

enum registration_state {
#define REGISTRATION_STATE_ENUM(constant, name) REGISTRATION_##constant,
	REGISTRATION_STATES(REGISTRATION_STATE_ENUM)
#undef REGISTRATION_STATE_ENUM
	REGISTRATION_STATE_COUNT
};

/* "registered"; "?" out of range */
const char *registration_state_name(unsigned state);

enum registration_trigger {
	REGISTRATION_ON_START,	       /* it is wanted; value: ms over which many such begin */
	REGISTRATION_ON_STOP,	       /* it isn't wanted any more */
	REGISTRATION_ON_TIMER,	       /* registration.due_ms has come */
	REGISTRATION_ON_ACCEPTED,      /* 2xx; value: seconds granted, at least 1 */
	REGISTRATION_ON_CHALLENGED,    /* 401 or 407 that can be answered */
	REGISTRATION_ON_TOO_BRIEF,     /* 423; value: seconds of Min-Expires */
	REGISTRATION_ON_REDIRECTED,    /* 3xx that is followed */
	REGISTRATION_ON_TARGET_FAILED, /* 5xx, no answer, nothing could be sent; value: seconds of
					* Retry-After, 0: none. Asks for the next target */
	REGISTRATION_ON_NONE_LEFT,     /* there is no next target */
	REGISTRATION_ON_REFUSED,       /* any other answer */
	REGISTRATION_ON_FLOW_LOST,     /* the connection of the registration has ended */
	REGISTRATION_ON_REACHABLE,     /* there is word that the registrar is back; value: ms over
				    * which many may hear it */
	REGISTRATION_ON_RETRY,	       /* the machine's own: a wait is over */
	REGISTRATION_EVENT_COUNT
};

/* What must happen, in order. */
enum registration_action {
	REGISTRATION_DO_NOTHING,
	REGISTRATION_DO_SEND,	      /* REGISTER for registration.wanted_s, to a first target */
	REGISTRATION_DO_REPEAT,	      /* the same to the target in use */
	REGISTRATION_DO_TRY_NEXT,     /* the same to the next target, or tell NONE_LEFT */
	REGISTRATION_DO_SEND_END,     /* REGISTER for 0 seconds, to where it was registered */
	REGISTRATION_DO_REPEAT_END,   /* the same, with the answer to a challenge */
	REGISTRATION_TELL_REGISTERED, /* it holds, and didn't before */
	REGISTRATION_TELL_FAILED,     /* the first attempt that failed since it held, or began */
	REGISTRATION_TELL_EXPIRED,    /* what was granted is over */
	REGISTRATION_TELL_ENDED,      /* it has ended as wanted */
};

enum {
	REGISTRATION_ACTIONS_MAX = 3
};

struct registration_actions {
	uint8_t count;
	uint8_t list[REGISTRATION_ACTIONS_MAX]; /* enum registration_action */
};

struct registration {
	uint8_t state; /* enum registration_state */
	bool is_wanted;
	bool has_failed;   /* TELL_FAILED was told, and no success since */
	uint8_t intervals; /* 423 answered since the last success */
	uint32_t configured_s;
	uint32_t wanted_s;	/* interval to ask for: configured, raised by 423 */
	uint32_t retry_max_s;	/* longest wait after failures */
	uint32_t failures;	/* rounds in a row */
	uint32_t retry_after_s; /* longest that a target of this round asked for */
	uint64_t due_ms;	/* when TIMER is wanted; TD_NEVER */
	uint64_t retry_ms;	/* BACKING_OFF: next attempt */
	uint64_t expires_ms;	/* until when it holds; 0: it doesn't */
	uint64_t state_since_ms;
};

/* Puts it at its beginning: idle, not wanted. */
void registration_init(struct registration *registration, uint32_t expires_s, uint32_t retry_max_s,
	uint64_t now_ms);
/* After a restart: it holds until expires_ms; a refresh confirms that within spread_ms. */
void registration_restore(struct registration *registration, uint64_t expires_ms,
	uint64_t refresh_ms, uint64_t now_ms);

struct registration_input {
	enum registration_trigger event;
	uint32_t value;	 /* of the event */
	uint64_t random; /* for jitter */
	uint64_t now_ms;
};

/* Advances it. 0, or -EPROTO: the event means nothing in this state, nothing has changed. */
int registration_step(struct registration *registration, const struct registration_input *input,
	struct registration_actions *ret_actions);

/* True while calls from the registrar can be expected. */
static inline bool registration_holds(const struct registration *registration)
{
	return registration->expires_ms != 0;
}

#endif
