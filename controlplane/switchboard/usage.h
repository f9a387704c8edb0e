/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Uses of dialogs other than a call's (RFC 5057): event subscriptions, and REFER with the
 * subscription that it implies. For the switchboard's files alone, which are divided as state.h
 * says: usage (dispatch, life), referral (what both kinds of REFER share), refer (a peer's),
 * transfer (the one who decides, and ours), replaces, subscription, watch.
 */
#ifndef TD_SWITCHBOARD_USAGE_H
#define TD_SWITCHBOARD_USAGE_H

#include "call/referral.h"
#include "call/transfer.h"
#include "subscription/dialog_info.h"
#include "subscription/refer_client.h"
#include "switchboard/state.h"

#include <tandem/compiler.h>

#include <stdbool.h>
#include <stdint.h>

enum {
	USAGE_RESULTS = 64,	    /* outcomes of REFERs of ours that are remembered */
	USAGE_RETRY_MS = 5000,	    /* after a NOTIFY that was refused for the moment */
	REFER_SUBSCRIPTION_S = 180, /* of a REFER's subscription: ringing, and some */
	REFER_LIFE_MS = 300 * 1000, /* whoever decides about a transfer has so long */

	SUBSCRIPTION_DIALOGS_MAX = 16, /* told of by one subscription at a time */
	SUBSCRIPTION_PAUSE_MS = 1000,  /* between its NOTIFYs (RFC 4235 3.10) */
	SUBSCRIPTION_EXPIRES_S = 3600, /* if it doesn't say, and at most (RFC 4235 3.4) */
	SUBSCRIPTION_MIN_EXPIRES_S = 60,
	SUBSCRIPTION_RESERVE = 32, /* CSeqs and versions that one journal record covers */
	SUBSCRIPTION_EVENT_ID_BYTES = 48,
	SUBSCRIPTION_ID_BITS = 59,
};

/* Marks transactions of a referral (call id and number follow), and of a subscription (its id
 * follows). Beside SWITCHBOARD_TRUNK_USER, whose bits 62 and 61 are clear. */
#define USAGE_REFERRAL_USER (3ull << 62)
#define USAGE_SUBSCRIPTION_USER (5ull << 61)

/* The outcome of a REFER of ours, for who asks later. */
struct usage_result {
	uint64_t referral_id; /* 0: none */
	uint8_t outcome;      /* enum refer_outcome */
	uint16_t status;
};

/* One dialog as a subscription knows it. */
struct watched_dialog {
	uint64_t leg_id;   /* 0: the place is free */
	uint8_t state;	   /* enum dialog_info_state */
	uint8_t told;	   /* the same, as its subscriber was told */
	uint8_t event;	   /* enum dialog_info_event */
	bool is_initiator; /* the watched one made the call */
	uint16_t code;
};

/* A subscription to the dialog package, in a dialog of its own. */
struct subscription {
	struct wheel_timer timer;   /* of expiry and pause */
	struct table_node by_id;    /* key: id */
	struct table_node by_tag;   /* key: tag */
	struct table_node by_party; /* key: party */
	struct subscription *next_dirty;
	uint64_t id;	/* below 2^59 */
	uint64_t party; /* of whom it watches */
	uint32_t trunk;
	uint32_t version; /* of the next document */
	/* Up to these a restart takes numbers as used. */
	uint32_t version_reserved;
	uint32_t cseq_reserved;
	uint64_t expires_ms;	    /* TD_NEVER: it has ended */
	uint64_t wake_ms;	    /* end of a pause; TD_NEVER: none */
	uint64_t sent_ms;	    /* of the last NOTIFY */
	transaction_id transaction; /* of the NOTIFY under way; 0: none */
	struct notifier notifier;
	uint8_t challenges;
	bool is_dirty;	 /* something is to be told, or journaled */
	bool is_changed; /* a dialog isn't as it was told */
	bool must_journal;
	bool is_journaled;
	bool must_tell_all; /* the next document is a full one */
	char tag[SWITCHBOARD_TAG_BYTES];
	char trunk_name[CONFIG_NAME_BYTES];	    /* an id may come to mean another trunk */
	char event_id[SUBSCRIPTION_EVENT_ID_BYTES]; /* empty: none */
	char user[ROUTE_NUMBER_BYTES];		    /* whom it watches */
	char entity[EVENT_URI_BYTES];		    /* the same as a URI */
	struct watched_dialog dialogs[SUBSCRIPTION_DIALOGS_MAX];
	struct dialog dialog;
};

/* Finds the legs of a party; for lines on trunks that may subscribe. */
struct watch {
	struct watch_leg {
		struct table_node by_party; /* key: party */
		uint64_t party;
		uint64_t leg_id; /* 0: none yet */
		uint8_t state;	 /* enum dialog_info_state */
		bool is_initiator;
	} legs[CALL_LEGS];
};

struct usages {
	struct wheel referral_wheel;
	struct wheel subscription_wheel;
	struct heap heap;	    /* texts of subscriptions' dialogs, watches */
	struct slab *subscriptions; /* NULL: there may be none */
	struct table *by_id;
	struct table *by_tag;
	struct table *by_party;
	struct table *legs_by_party;
	struct subscription *dirty;
	uint32_t per_trunk[TRUNK_IDS_MAX]; /* subscriptions */
	bool is_watching;		   /* some trunk may subscribe */
	bool is_restoring;  /* calls are still being given back: nobody is told of them yet */
	bool must_withdraw; /* all subscriptions are to be ended */
	struct usage_result results[USAGE_RESULTS];
	uint32_t result_at; /* where the next one goes */
};

/* ---- usage.c ---- */
td_must_check int usages_create(struct switchboard *switchboard);
void usages_destroy(struct switchboard *switchboard);
/* Methods and extensions that a trunk's peers may use, beyond those that all may. */
uint32_t usages_methods(const struct switchboard *switchboard, uint32_t trunk);
uint32_t usages_options(const struct switchboard *switchboard, uint32_t trunk);
/* The event packages that there are for a trunk, as Allow-Events lists them. */
struct span usages_packages(const struct switchboard *switchboard, uint32_t trunk);
/* A request outside dialogs. True if it was one for us, and has been answered. */
bool usages_begin(struct switchboard *switchboard, const struct transaction_indication *request);
/* A request inside a dialog. True if it was one for us, and has been answered. */
bool usages_in_dialog(
	struct switchboard *switchboard, const struct transaction_indication *request);
/* News of a transaction of ours. False: it belongs to somebody else. */
bool usages_indication(
	struct switchboard *switchboard, const struct transaction_indication *indication);
void usages_advance(struct switchboard *switchboard);
uint64_t usages_deadline(const struct switchboard *switchboard);
/* Adds User-Agent, and the credentials that auth_answer_for() has prepared. */
void usages_build_tail(struct switchboard *switchboard, struct sip_builder *builder);
void usages_answer(struct switchboard *switchboard, const struct transaction_indication *request,
	const struct leg_reply *reply);
void usages_answer_status(struct switchboard *switchboard,
	const struct transaction_indication *request, unsigned status, const char *warning);
/* 489, with the packages that there are. */
void usages_answer_bad_event(
	struct switchboard *switchboard, const struct transaction_indication *request);
/* Reads Expires: -EBADMSG if it is none; absent gives fallback_s. */
td_must_check int usages_read_expires(
	const struct sip_message *request, uint32_t fallback_s, uint32_t *ret_expires_s);

/* ---- referral.c ---- */
/* Sends a request of the referral in its leg's dialog. -errno of transaction_request() or of the
 * builder: nothing was sent. */
td_must_check int referrals_send(
	struct switchboard *switchboard, struct referral *referral, enum sip_method method);
/* (Re)starts its timer by its deadlines. */
void referrals_arm(struct switchboard *switchboard, struct referral *referral);
/* Nothing is outstanding: frees it, and its leg's dialog if that is over. */
void referrals_forget(struct switchboard *switchboard, struct referral *referral);
void referrals_emit(struct switchboard *switchboard, const struct referral *referral,
	enum call_event_kind kind);
void referrals_indication(
	struct switchboard *switchboard, const struct transaction_indication *indication);
/* What the step did to the legs that referrals are on. */
void referrals_commit(struct switchboard *switchboard, struct line *line);
/* The line is dropped: no timer must fire. */
void referrals_stop(struct switchboard *switchboard, struct line *line);
void referrals_restore(struct switchboard *switchboard, struct line *line, bool is_other_boot);

/* ---- refer.c: the peer's ---- */
void refers_take(struct switchboard *switchboard, const struct transaction_indication *request,
	struct line *line, unsigned index);
/* SUBSCRIBE in the dialog, for the subscription of a REFER. */
void refers_subscribed(struct switchboard *switchboard,
	const struct transaction_indication *request, struct line *line, unsigned index);
/* What has become of the transfer: a provisional or final status. */
void refers_report(struct switchboard *switchboard, struct referral *referral, unsigned status,
	enum referral_note note);
void refers_step(
	struct switchboard *switchboard, struct referral *referral, enum notifier_event event);
void refers_timeout(struct switchboard *switchboard, struct referral *referral);
void refers_restore(struct switchboard *switchboard, struct referral *referral);

/* ---- refer_ours.c ---- */
void refers_ours_notified(struct switchboard *switchboard,
	const struct transaction_indication *request, struct line *line, unsigned index);
/* The final status of REFER; 0: none came. */
void refers_ours_answered(
	struct switchboard *switchboard, struct referral *referral, unsigned status);
/* The same of OPTIONS or SUBSCRIBE. */
void refers_ours_told(struct switchboard *switchboard, struct referral *referral, unsigned status);
void refers_ours_step(
	struct switchboard *switchboard, struct referral *referral, enum refer_client_event event);
void refers_ours_timeout(struct switchboard *switchboard, struct referral *referral);
void refers_ours_restore(struct switchboard *switchboard, struct referral *referral);
/* Sends a REFER on an operator's order. NULL, or why it can't be. */
const char *refers_ours_begin(
	struct switchboard *switchboard, const struct switchboard_refer *order, uint64_t *ret_id);

/* ---- subscription.c ---- */
td_must_check int subscriptions_create(struct switchboard *switchboard);
void subscriptions_destroy(struct switchboard *switchboard);
/* SUBSCRIBE outside a dialog. */
void subscriptions_begin(
	struct switchboard *switchboard, const struct transaction_indication *request);
/* SUBSCRIBE in the dialog of a subscription. */
void subscriptions_refresh(struct switchboard *switchboard,
	const struct transaction_indication *request, struct subscription *subscription);
/* The subscription whose dialog the request belongs to, or NULL. */
struct subscription *subscriptions_find(
	const struct switchboard *switchboard, const struct sip_message *request);
/* Gives a new one its place in the indexes. */
void subscriptions_index(struct switchboard *switchboard, struct subscription *subscription);
/* Takes it out and frees it. */
void subscriptions_drop(struct switchboard *switchboard, struct subscription *subscription);
/* Who a user of a trunk is to the indexes. */
uint64_t subscriptions_party(
	const struct switchboard *switchboard, uint32_t trunk, const char *user);
/* True if the trunk may subscribe to the dialog package. */
bool subscriptions_are_offered(const struct switchboard *switchboard, uint32_t trunk);
/* Another configuration: ends what it doesn't offer any more. */
void subscriptions_reconfigure(struct switchboard *switchboard);

/* ---- subscription_notify.c ---- */
/* False: that was its end, and it is gone. */
bool subscriptions_step(struct switchboard *switchboard, struct subscription *subscription,
	enum notifier_event event);
/* Puts it among those that the commit looks at. */
void subscriptions_mark(struct switchboard *switchboard, struct subscription *subscription);
/* Tells what the step has changed, and journals it. */
void subscriptions_commit(struct switchboard *switchboard);
/* Ends all of them: their subscribers may come again. */
void subscriptions_withdraw(struct switchboard *switchboard);
void subscriptions_arm(struct switchboard *switchboard, struct subscription *subscription);
void subscriptions_expire(void *context, struct wheel_timer *timer);
void subscriptions_indication(
	struct switchboard *switchboard, const struct transaction_indication *indication);

/* ---- subscription_journal.c ---- */
void subscriptions_journal(struct switchboard *switchboard, struct subscription *subscription);
td_must_check int subscriptions_restore(
	struct switchboard *switchboard, const struct switchboard_snapshot *snapshot);
/* All calls have been given back: each subscriber is told of all of them. */
void subscriptions_restored(struct switchboard *switchboard);

/* ---- watch.c ---- */
/* Takes note of the states of a line's legs, for those who watch them. */
void watches_note(struct switchboard *switchboard, struct line *line);
/* The line is dropped. */
void watches_drop(struct switchboard *switchboard, struct line *line);
/* Tells a new subscription of the calls that there are. */
void watches_collect(struct switchboard *switchboard, struct subscription *subscription);

/* ---- replaces.c ---- */
/* An INVITE that would replace or join a call. True if it has been answered. */
bool replaces_take(struct switchboard *switchboard, const struct transaction_indication *request);

#endif
