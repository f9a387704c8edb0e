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
};

/* Marks transactions of a referral: call id and number follow. Beside SWITCHBOARD_TRUNK_USER. */
#define USAGE_REFERRAL_USER (3ull << 62)
/* Whose bits of the user say whose it is. */
#define USAGE_CLASS_MASK (3ull << 62)

/* The outcome of a REFER of ours, for who asks later. */
struct usage_result {
	uint64_t referral_id; /* 0: none */
	uint8_t outcome;      /* enum refer_outcome */
	uint16_t status;
};

struct usages {
	struct wheel referral_wheel;
	struct usage_result results[USAGE_RESULTS];
	uint32_t result_at; /* where the next one goes */
};

/* ---- usage.c ---- */
td_must_check int usages_create(struct switchboard *switchboard);
void usages_destroy(struct switchboard *switchboard);
/* Methods and extensions that a trunk's peers may use, beyond those that all may. */
uint32_t usages_methods(const struct switchboard *switchboard, uint32_t trunk);
uint32_t usages_options(const struct switchboard *switchboard, uint32_t trunk);
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

/* ---- replaces.c ---- */
/* An INVITE that would replace or join a call. True if it has been answered. */
bool replaces_take(struct switchboard *switchboard, const struct transaction_indication *request);

#endif
