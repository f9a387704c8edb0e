/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A call: one caller's leg, one called leg at a time (further destinations are tried one after
 * the other), and two terminations in one context. The machine decides what happens to the whole
 * when something happens to a part; the switchboard carries it out. Pure.
 *
 * A contact (one customer's journey) has one call in this release, so both have the same id.
 */
#ifndef TD_CALL_CALL_H
#define TD_CALL_CALL_H

#include "events/record.h"
#include "leg/leg.h"
#include "sdp/relay.h"
#include "util/heap.h"
#include "util/now.h"

#include <tandem/contract.h>

#include <stdbool.h>
#include <stdint.h>

enum {
	CALL_CALLER = 0, /* index of the leg that called us */
	CALL_CALLEE = 1, /* of the leg that we called */
	CALL_LEGS = 2,

	CALL_SETUP_GUARD_MS = 3000, /* dataplane must have both terminations by then */
	CALL_STATS_WAIT_MS = 2000,  /* for the final figures of both terminations */
	CALL_DESTINATIONS_MAX = 8,
	CALL_LEG_ID_BITS = 4, /* leg_id = call_id << 4 | sequence of the leg */
};

/* X(CONSTANT, name) */
#define CALL_STATES(X)                                                             \
	X(IDLE, idle)                                                              \
	X(PREPARING, preparing) /* terminations are being added */                 \
	X(DIALLING, dialling)	/* the called side was invited */                  \
	X(RINGING, ringing)	/* its progress was relayed */                     \
	X(ANSWERED, answered)	/* 200 relayed, the caller's ACK awaited */        \
	X(TALKING, talking)                                                        \
	X(CLEARING, clearing)	/* legs are being ended, terminations removed */   \
	X(LINGERING, lingering) /* recorded; a peer hasn't answered our BYE yet */ \
	X(DONE, done)

enum call_state {
#define CALL_STATE_ENUM(constant, name) CALL_##constant,
	CALL_STATES(CALL_STATE_ENUM)
#undef CALL_STATE_ENUM
	CALL_STATE_COUNT
};

/* X(CONSTANT, name) */
#define CALL_TRIGGERS(X)                                                                      \
	X(ADMITTED, admitted)		/* a caller passed all gates and has a destination */ \
	X(MEDIA_READY, media_ready)	/* the dataplane has both terminations */             \
	X(MEDIA_REFUSED, media_refused) /* it can't */                                        \
	X(PROGRESS, progress)		/* 18x from the called side */                        \
	X(ANSWER, answer)		/* 2xx, and its body can be used */                   \
	X(UNUSABLE, unusable)		/* 2xx, but its body can't */                         \
	X(FAILOVER, failover)		/* refused, and there is another destination */       \
	X(REFUSED, refused)		/* refused for good */                                \
	X(CONFIRMED, confirmed)		/* the caller's ACK */                                \
	X(CALLER_GONE, caller_gone)	/* cancelled, hung up or lost */                      \
	X(CALLEE_GONE, callee_gone)                                                           \
	X(TIMEOUT, timeout)	  /* of the state's own timer */                              \
	X(MEDIA_LOST, media_lost) /* no media from a party that should send */                \
	X(CLEAR, clear)		  /* ended by us for any other reason */                      \
	X(SETTLED, settled)	  /* both legs are decided and the figures are here */        \
	X(OVER, over)		  /* nothing is outstanding with either peer */

enum call_trigger {
#define CALL_TRIGGER_ENUM(constant, name) CALL_ON_##constant,
	CALL_TRIGGERS(CALL_TRIGGER_ENUM)
#undef CALL_TRIGGER_ENUM
	CALL_TRIGGER_COUNT
};

enum call_action {
	CALL_ACTION_NONE,
	CALL_DO_ADD_MEDIA,
	CALL_DO_NEXT_DESTINATION, /* a new called leg takes the place of the refused one */
	CALL_DO_DIAL,
	CALL_DO_RELAY_PROGRESS,
	CALL_DO_RELAY_ANSWER,
	CALL_DO_BRIDGE,
	CALL_DO_END_CALLER, /* by whatever means fits, with the leg's release */
	CALL_DO_END_CALLEE,
	CALL_DO_SUBTRACT_MEDIA,
	CALL_DO_RECORD, /* CDRs and contact record */
	CALL_DO_FORGET, /* journal record and object go */
};

enum {
	CALL_ACTIONS_MAX = 3
};

struct call_actions {
	uint8_t count;
	uint8_t list[CALL_ACTIONS_MAX]; /* enum call_action */
};

/* How far a change of the session has come that one side asked for. */
enum call_exchange {
	CALL_EXCHANGE_NONE,
	CALL_EXCHANGE_RELAYED,	/* re-INVITE to the other side is out */
	CALL_EXCHANGE_REVERSED, /* the asker had no SDP; he got the other's offer and owes the
				 * answer in his ACK */
	CALL_EXCHANGE_WAITING,	/* the other side can't be asked before a PRACK is through */
	CALL_EXCHANGE_ORPHANED, /* as relayed, but the asker's early dialog is gone */
	CALL_EXCHANGE_OWN,	/* we ask by ourselves; exchange_from is the side we speak for */
	CALL_EXCHANGE_COUNT
};

enum call_media_state {
	CALL_MEDIA_NONE,
	CALL_MEDIA_ADDING,
	CALL_MEDIA_PRESENT,
	CALL_MEDIA_REMOVING,
	CALL_MEDIA_REMOVED,
};

/* One termination, as wanted and as far as it is known. */
struct call_media {
	uint8_t state; /* enum call_media_state */
	bool has_remote;
	bool has_timed_out; /* MEDIA_TIMEOUT told, and no MEDIA_RESUMED since */
	bool has_port;	    /* local is ours in the pool */
	uint16_t ptime_ms;
	uint32_t epoch;
	uint32_t latch_round;
	uint64_t termination_id;
	struct td_endpoint local;
	struct sdp_remote remote; /* valid if has_remote */
	char codec[EVENT_NAME_BYTES];
	struct td_termination_stats *stats; /* owned by the call's heap: final figures, or NULL */
};

struct call {
	uint8_t state;	       /* enum call_state */
	uint8_t exchange;      /* enum call_exchange */
	uint8_t exchange_from; /* leg that asked for it */
	uint8_t leg_count;     /* legs begun so far: the next leg's sequence */
	uint8_t destination_count;
	uint8_t destination_at; /* index of the one in use */
	bool is_answered;	/* 2xx from the called side */
	bool is_recorded;
	bool is_recovered;
	bool is_realign_due;	      /* the caller was told of another session than that of
				       * the called side, and has to learn of it */
	bool is_end_told;	      /* ENDED or FAILED was emitted */
	uint16_t target;	      /* trunk_target_id that is tried; not kept over a restart */
	uint32_t epoch;		      /* raised with each change that others may race with */
	uint32_t ordinal;	      /* of the next call event */
	char route[EVENT_NAME_BYTES]; /* number or pattern of the route, for the record */
	uint32_t max_forwards;
	uint32_t retry_after_s; /* of the refusal to relay; 0: none */
	uint64_t call_id;	/* never 0; below 2^60 */
	uint64_t created_ms;
	uint64_t deadline_ms;			      /* of the state's timer; TD_NEVER: none */
	uint32_t destinations[CALL_DESTINATIONS_MAX]; /* trunk_id */
	uint32_t targets_tried;			      /* of the destination in use: trunk_attempt */
	char number[EVENT_PARTY_BYTES];		      /* as the destination shall see it */
	struct event_party caller;
	struct event_party callee;
	char *offer; /* owned by heap: body that a late ACK must answer, or NULL */
	uint32_t offer_length;
	struct heap *heap; /* borrows: counted memory of all calls */
	struct referral
		*referrals; /* owned by heap: REFERs in progress (call/referral.h), or NULL */
	struct call_media media[CALL_LEGS];
	struct leg legs[CALL_LEGS];
};

/*
 * Advances the call by one trigger. *ret_actions is what must happen, in order. Returns 0, or
 * -EPROTO if the trigger means nothing in this state: nothing has changed then.
 */
int call_step(struct call *call, enum call_trigger trigger, struct call_actions *ret_actions);

const char *call_state_name(unsigned state);	 /* "talking"; "?" out of range */
const char *call_trigger_name(unsigned trigger); /* "answer"; "?" out of range */

/* Begins a leg in place of the one with that index: new id, everything else empty. */
void call_begin_leg(struct call *call, unsigned index, const struct td_now *now);

/* Replaces one of the heap-owned texts of the call. -ENOMEM, and the old text stays. */
td_must_check int call_set_text(struct call *call, char **text, uint32_t *length, struct span to);
void call_clear_text(struct call *call, char **text, uint32_t *length);

/* Puts a copy of a request in progress into *slot, in place of what was there; its transaction is
 * none yet. -ENOMEM, and the old one stays. */
td_must_check int call_keep_request(struct call *call, struct leg_request **slot,
	enum sip_method method, struct span bytes, const struct sip_flow *flow);
void call_drop_request(struct call *call, struct leg_request **slot);
/* Frees what a negotiation holds; it is as new then. */
void call_clear_negotiation(struct call *call, struct negotiation *negotiation);

/* Keeps the final figures of a leg's termination; NULL: none. Without memory they are missing from its CDR,
 * which says so. */
void call_take_stats(struct call *call, unsigned index, const struct td_termination_stats *stats);

/* Frees everything that the call holds on its heap. */
void call_fini(struct call *call);

/* True when both legs are decided and both terminations' figures have come or are given up. */
bool call_is_settled(const struct call *call);
/* True when nothing is outstanding with either peer: no BYE, and no notification of a REFER. */
bool call_is_over(const struct call *call);
/* True if the peer of that leg has put the other party on hold: it doesn't want media. */
bool call_is_held_by(const struct call *call, unsigned index);
/* True if either party has. */
bool call_is_on_hold(const struct call *call);

static inline uint64_t call_leg_id(const struct call *call, unsigned sequence)
{
	return call->call_id << CALL_LEG_ID_BITS | sequence;
}

#endif
