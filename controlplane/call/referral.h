/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A REFER in progress in the dialog of a leg: the peer's, whose sender we notify, or ours, which
 * we follow to its outcome. It lives on the call's heap, is journaled with the call, and keeps the
 * call object alive until nothing of it is outstanding, also beyond both BYEs. Pure.
 */
#ifndef TD_CALL_REFERRAL_H
#define TD_CALL_REFERRAL_H

#include "events/record.h"
#include "subscription/notifier.h"
#include "transaction/transaction.h"
#include "util/serial.h"
#include "util/wheel.h"

#include <tandem/compiler.h>

#include <stdbool.h>
#include <stdint.h>

enum {
	REFERRALS_MAX = 4,	     /* of one call at a time */
	REFERRAL_TARGET_BYTES = 768, /* a Refer-To value with an escaped Replaces */
	REFERRAL_NUMBER_BITS = 3,
};

struct call;

/* X(CONSTANT, text): what a final NOTIFY adds to its status, or NULL. */
#define REFERRAL_NOTES(X)                                       \
	X(NONE, NULL)                                           \
	X(NO_POLICY, "this appliance carries out no transfers") \
	X(RESTARTED, "the appliance restarted and the transfer was given up")

enum referral_note {
#define REFERRAL_NOTE_ENUM(constant, text) REFERRAL_NOTE_##constant,
	REFERRAL_NOTES(REFERRAL_NOTE_ENUM)
#undef REFERRAL_NOTE_ENUM
	REFERRAL_NOTE_COUNT
};

struct referral {
	struct wheel_timer timer; /* of whichever deadline comes first */
	struct referral *next;	  /* of the same call */
	struct call *call;	  /* borrows: the one it belongs to */
	uint64_t referral_id;	  /* names it outside; never 0 */
	uint8_t number;		  /* within the call, below REFERRALS_MAX */
	uint8_t leg_index;
	bool is_ours;		    /* we sent the REFER */
	bool is_unsubscribed;	    /* the peer wants no NOTIFYs */
	bool is_told;		    /* the outcome was reported */
	bool is_leg_over;	    /* ours: the end of the leg was taken into account */
	uint8_t challenges;	    /* answered for the requests under way */
	uint8_t note;		    /* enum referral_note */
	uint8_t outcome;	    /* enum refer_outcome */
	uint16_t status;	    /* the last one told, or heard */
	uint32_t cseq;		    /* of the REFER: the subscription's id */
	uint32_t expires_s;	    /* of the subscription */
	transaction_id transaction; /* of the REFER or NOTIFY under way; 0: none */
	transaction_id question;    /* ours: of OPTIONS or SUBSCRIBE under way; 0: none */
	enum sip_method question_method;

	struct notifier notifier; /* theirs */
	uint8_t client;		  /* ours: enum refer_client_state */
	uint8_t subscriber;	  /* ours: enum subscriber_state */

	/* Monotonic ms; TD_NEVER: none. */
	uint64_t deadline_ms; /* theirs: end of the subscription; ours: of the state */
	uint64_t wake_ms;     /* theirs: end of a pause; ours: the subscription must be refreshed */
	uint64_t total_ms;    /* ours: end of all patience */

	struct event_transfer transfer;	      /* as it is told to the outside */
	char refer_to[REFERRAL_TARGET_BYTES]; /* ours: the header's value, for a second try */
};

/* Adds an empty referral to a leg of the call. NULL: no memory, or REFERRALS_MAX are there. */
struct referral *referral_add(struct call *call, unsigned leg_index);
/* Takes it out of its call and frees it; its timer must be stopped. */
void referral_remove(struct referral *referral);
/* Frees all; their timers must be stopped. */
void referral_remove_all(struct call *call);

/* The referral of that number, or NULL. */
struct referral *referral_at(const struct call *call, unsigned number);
/* One of that leg and direction whose REFER had that CSeq; 0: the oldest. NULL: none. */
struct referral *referral_find(
	const struct call *call, unsigned leg_index, bool is_ours, uint32_t cseq);
/* True if the leg's dialog is still needed for one. */
bool referral_is_on_leg(const struct call *call, unsigned leg_index);

/* NULL: none. */
const char *referral_note_text(unsigned note);

/* Their part of the call's snapshot. referral_get_all(): 0, -ENOMEM; what is malformed marks the
 * reader as failed. */
void referral_put_all(struct serial_writer *writer, const struct call *call);
td_must_check int referral_get_all(struct serial_reader *reader, struct call *call);

#endif
