/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The header values of event subscriptions and of transfers, parsed strictly: Event and
 * Subscription-State (RFC 6665), Replaces (RFC 3891), Join (RFC 3911), Target-Dialog (RFC 4538),
 * Referred-By (RFC 3892), Refer-Sub (RFC 4488). What a value may not hold is an error, never
 * ignored. Pure: spans borrow the text that was parsed.
 */
#ifndef TD_SUBSCRIPTION_HEADERS_H
#define TD_SUBSCRIPTION_HEADERS_H

#include "sip/uri.h"
#include "util/span.h"

#include <tandem/compiler.h>

#include <stdbool.h>
#include <stdint.h>

/* Event, and one value of Allow-Events. Both are compared byte by byte (RFC 6665 8.2.1). */
struct event_name {
	struct span package; /* with its templates: "presence.winfo" */
	struct span id;	     /* empty: none */
};

/* Parses an Event value. -EBADMSG. */
td_must_check int event_name_parse(struct span value, struct event_name *ret_event);

/* X(CONSTANT, "token"): what a subscription is, as Subscription-State says it. */
#define SUBSCRIPTION_SUBSTATES(X) \
	X(PENDING, "pending")     \
	X(ACTIVE, "active")       \
	X(TERMINATED, "terminated")

enum subscription_substate {
	SUBSTATE_OTHER, /* an extension: to be treated as if it were active */
#define SUBSTATE_ENUM(constant, token) SUBSTATE_##constant,
	SUBSCRIPTION_SUBSTATES(SUBSTATE_ENUM)
#undef SUBSTATE_ENUM
	SUBSTATE_COUNT
};

/* X(CONSTANT, "token"): why a subscription ended (RFC 6665 4.1.3). */
#define SUBSCRIPTION_REASONS(X)                                           \
	X(DEACTIVATED, "deactivated") /* subscribe again at once */       \
	X(PROBATION, "probation")     /* subscribe again later */         \
	X(REJECTED, "rejected")	      /* don't */                         \
	X(TIMEOUT, "timeout")	      /* it wasn't refreshed */           \
	X(GIVEUP, "giveup")	      /* no authorisation came in time */ \
	X(NORESOURCE, "noresource")   /* what was watched is gone */      \
	X(INVARIANT, "invariant")     /* it can never change again */

enum subscription_reason {
	SUBSCRIPTION_REASON_NONE, /* none given, or an extension */
#define SUBSCRIPTION_REASON_ENUM(constant, token) SUBSCRIPTION_REASON_##constant,
	SUBSCRIPTION_REASONS(SUBSCRIPTION_REASON_ENUM)
#undef SUBSCRIPTION_REASON_ENUM
	SUBSCRIPTION_REASON_COUNT
};

struct subscription_state_header {
	enum subscription_substate substate;
	enum subscription_reason reason;
	uint32_t expires_s; /* valid if has_expires */
	uint32_t retry_after_s;
	bool has_expires;
	bool has_retry_after;
};

/* Parses a Subscription-State value. -EBADMSG. */
td_must_check int subscription_state_parse(
	struct span value, struct subscription_state_header *ret_state);

const char *subscription_substate_token(enum subscription_substate substate); /* "active" */
const char *subscription_reason_token(enum subscription_reason reason); /* "timeout"; "" for NONE */

/* Names a dialog from outside. The tags are those of whoever receives the message (first) and of
 * the other side (second): to-tag and from-tag of Replaces and Join, remote-tag and local-tag of
 * Target-Dialog, whose names speak from the sender's view. */
struct dialog_name {
	struct span call_id;
	struct span receiver_tag;
	struct span other_tag;
	bool is_early_only; /* Replaces: only if the dialog is still early */
};

/* Parses a Replaces value, or a Join value, which has the same form. -EBADMSG (a tag is missing
 * or given twice, a Call-ID that can't be one). */
td_must_check int replaces_parse(struct span value, struct dialog_name *ret_name);
/* Parses a Target-Dialog value. -EBADMSG. */
td_must_check int target_dialog_parse(struct span value, struct dialog_name *ret_name);

/* Who referred (RFC 3892). */
struct referred_by {
	struct sip_name_addr address;
	struct span cid; /* of the token in the body; empty: none */
};

/* Parses a Referred-By value. -EBADMSG. */
td_must_check int referred_by_parse(struct span value, struct referred_by *ret_referrer);

/* Parses a Refer-Sub value: true, false. -EBADMSG. */
td_must_check int refer_sub_parse(struct span value, bool *ret_is_wanted);

/* Parses the whole value as a number of seconds (Expires, Min-Expires): anything above 2^32 - 1 is
 * taken as that. -EBADMSG. */
td_must_check int delta_seconds_parse(struct span value, uint32_t *ret_seconds);

#endif
