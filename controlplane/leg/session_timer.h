/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The session timer of a leg (RFC 4028): what the two sides agree on in each INVITE, re-INVITE and
 * UPDATE, who keeps the session alive, and when it is over because nobody did. A machine of its
 * own next to the leg's; each leg of a call has one, for the timer is a matter of one dialog. It
 * also finds peers that died without a word and know nothing of RFC 4028: where the configuration
 * says "request", we ask them now and then. Pure: terms in, terms out, time is an argument.
 */
#ifndef TD_LEG_SESSION_TIMER_H
#define TD_LEG_SESSION_TIMER_H

#include "sip/builder.h"
#include "sip/message.h"

#include <tandem/compiler.h>

#include <stdbool.h>
#include <stdint.h>

enum {
	SESSION_MIN_SE_S = 90, /* RFC 4028 4: no interval is shorter; value of an absent Min-SE */
	SESSION_TOO_SMALL_MAX = 3, /* 422 in a row that are answered with a longer interval */
	SESSION_RESTART_MS =
		32000, /* what a restart grants to a refresh that was missed: 64 * T1 */
};

/* What the trunk's configuration says. */
enum session_policy {
	SESSION_POLICY_OFF,	/* the peer's wishes are not heard */
	SESSION_POLICY_ACCEPT,	/* the peer may have a timer; we don't ask for one */
	SESSION_POLICY_REQUEST, /* we ask, and refresh by ourselves if the peer can't */
	SESSION_POLICY_COUNT
};

/* X(CONSTANT, name) */
#define SESSION_STATES(X)                                                             \
	X(OFF, off)		  /* the session doesn't expire */                    \
	X(OURS, ours)		  /* we refresh; half of the interval isn't over */   \
	X(REFRESHING, refreshing) /* our refresh is out */                            \
	X(AGAIN, again)		  /* it was refused or couldn't go; soon once more */ \
	X(PEERS, peers)		  /* the peer refreshes, or the session ends */

enum session_state {
#define SESSION_STATE_ENUM(constant, name) SESSION_##constant,
	SESSION_STATES(SESSION_STATE_ENUM)
#undef SESSION_STATE_ENUM
	SESSION_STATE_COUNT
};

/* X(CONSTANT, name) */
#define SESSION_EVENTS(X)                                                                         \
	X(AGREED_OURS, agreed_ours)   /* a 2xx gave the session a new life; we refresh */         \
	X(AGREED_PEERS, agreed_peers) /* the same; the peer refreshes */                          \
	X(AGREED_NONE, agreed_none)   /* a 2xx ended the timer (RFC 4028 7.2), or the leg ends */ \
	X(DUE, due)		      /* timer.deadline_ms, before timer.expire_ms */             \
	X(EXPIRED, expired)	      /* timer.expire_ms */                                       \
	X(REFUSED, refused)	      /* our refresh was refused, or couldn't be sent now */

enum session_event {
#define SESSION_EVENT_ENUM(constant, name) SESSION_EVENT_##constant,
	SESSION_EVENTS(SESSION_EVENT_ENUM)
#undef SESSION_EVENT_ENUM
	SESSION_EVENT_COUNT
};

enum session_action {
	SESSION_ACTION_NONE,
	SESSION_DO_REFRESH,
	SESSION_TELL_EXPIRED, /* end the leg: BYE (RFC 4028 10) */
};

enum session_refresher {
	SESSION_REFRESHER_NONE, /* the parameter is absent */
	SESSION_REFRESHER_UAC,
	SESSION_REFRESHER_UAS,
};

/* What one message says about the timer. */
struct session_terms {
	uint32_t expires_s; /* Session-Expires; 0: absent */
	uint32_t min_se_s;  /* Min-SE; 0: absent */
	uint8_t refresher;  /* enum session_refresher */
	bool is_supported;  /* Supported: timer (leg/options.h writes it) */
	bool is_required;   /* Require: timer */
};

/* Stands in the leg and, as it is, in its journal record. */
struct session_timer {
	uint8_t state;		 /* enum session_state */
	uint8_t policy;		 /* enum session_policy */
	uint8_t too_small_count; /* 422 in a row */
	uint8_t is_alone; /* bool: the peer agreed to nothing: we only look whether it lives */
	uint8_t is_asker_capable; /* bool: who sent the request in progress knows the timer */
	uint8_t is_answer_ours;	  /* bool: the 2xx to it says that we refresh */
	uint32_t answer_s;	  /* Session-Expires of the 2xx to it; 0: none */
	uint32_t wanted_s;	  /* interval that we ask for */
	uint32_t min_se_s;	  /* shortest that we, or a 422 on the way, allow */
	uint32_t interval_s;	  /* agreed; 0: none */
	uint64_t deadline_ms;	  /* monotonic; of the state; TD_NEVER: none */
	uint64_t expire_ms;	  /* monotonic; the session is over; TD_NEVER: never */
};

/* Begins without a timer. wanted_s and min_se_s from the configuration. */
void session_timer_init(struct session_timer *timer, enum session_policy policy, uint32_t wanted_s,
	uint32_t min_se_s);

/* Reads what a request or response says. -EBADMSG: Session-Expires or Min-SE isn't one. */
td_must_check int session_terms_read(
	const struct sip_message *message, struct session_terms *ret_terms);
/* Writes Session-Expires and Min-SE. */
void session_terms_build(struct sip_builder *builder, const struct session_terms *terms);

/* ---- we answer (UAS) ---- */

/* 0, or 422: the peer knows the timer and wants an interval shorter than timer.min_se_s. */
unsigned session_timer_judge(const struct session_timer *timer, const struct session_terms *asked);
/* Takes a request that will be answered: decides what its 2xx will say. */
void session_timer_prepare(struct session_timer *timer, const struct session_terms *asked);
/* The 2xx goes out: a new life begins, or the timer ends. */
void session_timer_answer(
	struct session_timer *timer, uint64_t now_ms, struct session_terms *ret_terms);
/* What a repeat of that 2xx says (after a restart); nothing begins. */
void session_timer_repeat(const struct session_timer *timer, struct session_terms *ret_terms);

/* ---- we ask (UAC) ---- */

/* What stands in our INVITE, re-INVITE or UPDATE. */
void session_timer_offer(const struct session_timer *timer, struct session_terms *ret_terms);
/* Takes a 2xx to it: a new life begins, or the timer ends. */
void session_timer_accept(
	struct session_timer *timer, const struct session_terms *answered, uint64_t now_ms);
/* Takes a 422. True: ask again, with the longer interval that session_timer_offer() says now. */
bool session_timer_lengthen(struct session_timer *timer, const struct session_terms *answered);

/* ---- time ---- */

/* Advances by one event; timer.deadline_ms is when to come back with session_timer_due(). */
enum session_action session_timer_step(
	struct session_timer *timer, enum session_event event, uint64_t now_ms);
/* The event that a deadline reached at now_ms is. */
enum session_event session_timer_due(const struct session_timer *timer, uint64_t now_ms);
/* Our refresh was refused or couldn't go: the next comes after wait_ms (0: a wait that fits the
 * interval), but never after the session's end. */
void session_timer_refused(struct session_timer *timer, uint64_t wait_ms, uint64_t now_ms);
/* After a restart: an overdue deadline gets SESSION_RESTART_MS, for we are the ones who were away;
 * a refresh that was out is sent anew at once. */
void session_timer_restore(struct session_timer *timer, uint64_t now_ms);

const char *session_state_name(unsigned state); /* "ours"; "?" out of range */

#endif
