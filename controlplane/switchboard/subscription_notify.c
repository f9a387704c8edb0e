/* SPDX-License-Identifier: Apache-2.0 */
/*
 * NOTIFY of the dialog package: when one goes out, what it holds, and what its answer means. The
 * first document of a subscription, and the one after whatever may have been lost, is a full one;
 * the others hold what has changed.
 */
#include "subscription/dialog_info.h"
#include "switchboard/usage.h"

#include <tandem/time.h>

#include <string.h>

enum {
	DOCUMENT_BYTES = 32 * 1024, /* far above what SUBSCRIPTION_DIALOGS_MAX calls need */
	REMOTE_URI_BYTES = EVENT_URI_BYTES + EVENT_PARTY_BYTES * 3,
};

void subscriptions_mark(struct switchboard *switchboard, struct subscription *subscription)
{
	if (subscription->is_dirty)
		return;
	subscription->is_dirty = true;
	subscription->next_dirty = switchboard->usages->dirty;
	switchboard->usages->dirty = subscription;
}

void subscriptions_arm(struct switchboard *switchboard, struct subscription *subscription)
{
	wheel_start(&switchboard->usages->subscription_wheel, &subscription->timer,
		subscription->wake_ms < subscription->expires_ms ? subscription->wake_ms
								 : subscription->expires_ms);
}

/* --- the document ---------------------------------------------------------------------------- */

/* The other party, at the host that the watched one has; nobody if he wants to stay unknown. */
static struct dialog_info_party other_party(const struct subscription *subscription,
	const struct event_party *party, char uri[REMOTE_URI_BYTES])
{
	const char *host = strchr(subscription->entity, '@');
	char user[EVENT_PARTY_BYTES * 3];
	struct text text;

	if (party->is_private)
		return (struct dialog_info_party){.uri = SPAN("sip:anonymous@anonymous.invalid")};
	if (host == NULL || party->user[0] == '\0' ||
		sip_user_escape(span_from(party->user), user, sizeof(user)) < 0)
		return (struct dialog_info_party){.uri = {0}};
	text_init(&text, uri, REMOTE_URI_BYTES);
	text_append_string(&text, "sip:");
	text_append_string(&text, user);
	text_append_string(&text, host);
	return (struct dialog_info_party){text_span(&text), span_from(party->display)};
}

/* Who knows a dialog's name can speak in it, and end it: only those learn it who may need it for
 * Replaces. */
static bool may_replace(
	const struct switchboard *switchboard, const struct subscription *subscription)
{
	const struct config_trunk *trunk = trunk_config(switchboard->trunks, subscription->trunk);

	return trunk != NULL && trunk->refer == CONFIG_REFER_ACCEPT;
}

/* Seen from the watched phone: its tag is the one that is remote to us. */
static void name_dialog(const struct dialog *dialog, struct dialog_info_dialog *shown)
{
	shown->call_id = dialog_span(dialog, dialog->call_id);
	shown->local_tag = dialog_span(dialog, dialog->remote_tag);
	shown->remote_tag = dialog_span(dialog, dialog->local_tag);
}

/* Adds what is known of a dialog; one whose call is gone has only its state. */
static void add_dialog(const struct switchboard *switchboard, struct text *text,
	const struct subscription *subscription, const struct watched_dialog *watched)
{
	struct dialog_info_dialog shown = {.id = watched->leg_id,
		.state = (enum dialog_info_state)watched->state,
		.event = (enum dialog_info_event)watched->event,
		.code = watched->code,
		.is_initiator = watched->is_initiator};
	char uri[REMOTE_URI_BYTES];
	struct line *line = NULL;
	unsigned index = 0;
	const struct leg *leg = switchboard_find_leg(switchboard, watched->leg_id, &line, &index);

	if (leg != NULL) {
		if (may_replace(switchboard, subscription))
			name_dialog(&leg->dialog, &shown);
		shown.local.uri = span_from(subscription->entity);
		shown.remote = other_party(subscription,
			watched->is_initiator ? &line->call.callee : &line->call.caller, uri);
		if (watched->state == DIALOG_INFO_CONFIRMED)
			shown.duration_s =
				(uint32_t)(td_since(switchboard->now.mono_ms, leg->answer_ms) /
					   TD_MS_PER_S);
	}
	dialog_info_add(text, &shown);
}

/* Writes the document; what it tells counts as told. */
static struct span write_document(
	struct switchboard *switchboard, struct subscription *subscription)
{
	struct text text;

	/* Nothing else is in that buffer between two journal records. */
	text_init(&text, (char *)switchboard->journal, DOCUMENT_BYTES);
	dialog_info_begin(&text, span_from(subscription->entity), subscription->version++,
		subscription->must_tell_all);
	for (unsigned i = 0; i < SUBSCRIPTION_DIALOGS_MAX; i++) {
		struct watched_dialog *watched = &subscription->dialogs[i];
		size_t before = text.length;

		if (watched->leg_id == 0 ||
			(watched->state == watched->told && !subscription->must_tell_all))
			continue;
		add_dialog(switchboard, &text, subscription, watched);
		if (text.has_overflowed) { /* one call with monstrous ids must not hide the others */
			text.length = before;
			text.has_overflowed = false;
			switchboard->counts.dialogs_untold++;
		}
		watched->told = watched->state;
		if (watched->state == DIALOG_INFO_TERMINATED)
			*watched = (struct watched_dialog){.leg_id = 0};
	}
	dialog_info_end(&text);
	subscription->must_tell_all = false;
	subscription->is_changed = false;
	return text_span(&text);
}

/* --- the request ----------------------------------------------------------------------------- */

static void build_head(const struct switchboard *switchboard,
	const struct subscription *subscription, struct sip_builder *builder)
{
	enum subscription_substate substate = notifier_substate(&subscription->notifier);
	uint64_t left_ms = td_since(subscription->expires_ms, switchboard->now.mono_ms);

	if (subscription->event_id[0] != '\0')
		sip_build_header_format(
			builder, SIP_HEADER_EVENT, "dialog;id=%s", subscription->event_id);
	else
		sip_build_header(builder, SIP_HEADER_EVENT, SPAN("dialog"));
	if (substate == SUBSTATE_TERMINATED)
		sip_build_header_format(builder, SIP_HEADER_SUBSCRIPTION_STATE,
			"terminated;reason=%s",
			subscription_reason_token(
				(enum subscription_reason)subscription->notifier.reason));
	else
		sip_build_header_format(builder, SIP_HEADER_SUBSCRIPTION_STATE, "%s;expires=%llu",
			subscription_substate_token(substate),
			(unsigned long long)(left_ms / TD_MS_PER_S));
}

/* Sends the present state. -errno of transaction_request() or of the builder. */
static int send_notify(struct switchboard *switchboard, struct subscription *subscription)
{
	struct dialog *dialog = &subscription->dialog;
	struct sip_flow next_hop = legs_next_hop(switchboard, dialog);
	const struct transaction_options options = {
		.flow = &next_hop, .user = USAGE_SUBSCRIPTION_USER | subscription->id};
	char branch[TRANSACTION_BRANCH_BYTES];
	const struct dialog_via via = {.branch = branch, .hop = &next_hop};
	struct sip_builder builder;
	struct span body = write_document(switchboard, subscription);
	int result;

	transaction_branch(switchboard->transactions, branch);
	sip_builder_init(&builder, switchboard->buffer, sizeof(switchboard->buffer));
	dialog_build_request_by(dialog, &builder, SIP_METHOD_NOTIFY, &via, 0);
	build_head(switchboard, subscription, &builder);
	usages_build_tail(switchboard, &builder);
	result = sip_builder_finish(&builder, SPAN(DIALOG_INFO_TYPE), body);
	if (result > 0)
		result = transaction_request(switchboard->transactions,
			(struct span){switchboard->buffer, (uint32_t)result}, &options,
			switchboard->now.mono_ms, &subscription->transaction);
	if (result != 0) {
		switchboard->counts.refused_memory++;
		return result;
	}
	switchboard->counts.notifies_sent++;
	subscription->sent_ms = switchboard->now.mono_ms;
	return 0;
}

static void pause_notifies(struct switchboard *switchboard, struct subscription *subscription,
	enum notifier_event event)
{
	if (event == NOTIFIER_EVENT_DELIVERED) {
		subscription->wake_ms = td_after(subscription->sent_ms, SUBSCRIPTION_PAUSE_MS);
		return;
	}
	/* What it held may be lost on the way. */
	subscription->must_tell_all = true;
	subscription->wake_ms = td_after(switchboard->now.mono_ms, USAGE_RETRY_MS);
}

bool subscriptions_step(struct switchboard *switchboard, struct subscription *subscription,
	enum notifier_event event)
{
	uint8_t before = subscription->notifier.state;
	enum notifier_action action;

	if (notifier_step(&subscription->notifier, event, &action) != 0) {
		switchboard->counts.unexpected++;
		return true;
	}
	if (action == NOTIFIER_DO_FORGET) {
		subscriptions_drop(switchboard, subscription);
		return false;
	}
	subscriptions_mark(switchboard, subscription);
	if (subscription->notifier.state != before)
		subscription->must_journal = true;
	if (subscription->notifier.state == NOTIFIER_TERMINATED)
		subscription->expires_ms = TD_NEVER;
	if (action == NOTIFIER_DO_NOTIFY) {
		subscription->wake_ms = TD_NEVER;
		if (send_notify(switchboard, subscription) != 0)
			return subscriptions_step(
				switchboard, subscription, NOTIFIER_EVENT_UNDELIVERED);
	} else if (action == NOTIFIER_DO_PAUSE) {
		pause_notifies(switchboard, subscription, event);
	}
	subscriptions_arm(switchboard, subscription);
	return true;
}

void subscriptions_expire(void *context, struct wheel_timer *timer)
{
	struct switchboard *switchboard = context;
	struct subscription *subscription = td_container_of(timer, struct subscription, timer);
	uint64_t now_ms = switchboard->now.mono_ms;

	if (subscription->wake_ms <= now_ms) {
		subscription->wake_ms = TD_NEVER;
		if (!subscriptions_step(switchboard, subscription, NOTIFIER_EVENT_PAUSE_OVER))
			return;
	}
	if (subscription->expires_ms <= now_ms &&
		!subscriptions_step(switchboard, subscription, NOTIFIER_EVENT_EXPIRED))
		return;
	subscriptions_arm(switchboard, subscription);
}

/* True if the challenge was answered with another try. */
static bool try_again(struct switchboard *switchboard, struct subscription *subscription,
	const struct sip_message *response)
{
	const struct dialog *dialog = &subscription->dialog;
	const struct auth_try attempt = {
		.trunk = subscription->trunk,
		.challenges = &subscription->challenges,
		.method = SIP_METHOD_NOTIFY,
		.uri = dialog_span(dialog, dialog->remote_target),
	};

	if (!auth_answer_for(switchboard, &attempt, response))
		return false;
	subscription->must_tell_all = true; /* what was told before was refused */
	return send_notify(switchboard, subscription) == 0;
}

void subscriptions_indication(
	struct switchboard *switchboard, const struct transaction_indication *indication)
{
	uint64_t id = indication->user & ((1ull << SUBSCRIPTION_ID_BITS) - 1);
	struct table_node *node = table_find(switchboard->usages->by_id, &id, sizeof(id));
	struct subscription *subscription =
		node == NULL ? NULL : td_container_of(node, struct subscription, by_id);
	unsigned status = 0;

	if (subscription == NULL || subscription->transaction != indication->id ||
		indication->event == TRANSACTION_TERMINATED)
		return; /* of one that is over */
	if (indication->event == TRANSACTION_RESPONSE) {
		status = indication->message->status;
		if (status < 200)
			return;
		if (try_again(switchboard, subscription, indication->message)) {
			subscriptions_mark(switchboard, subscription);
			return;
		}
	}
	subscription->transaction = 0;
	subscription->challenges = 0;
	switchboard->counts.notifies_failed += status / 100 != 2;
	(void)subscriptions_step(/* it may be over with that */
		switchboard, subscription, notifier_event_of_status(status));
}

void subscriptions_commit(struct switchboard *switchboard)
{
	struct usages *usages = switchboard->usages;

	while (usages->dirty != NULL && !usages->is_restoring) {
		struct subscription *subscription = usages->dirty;

		usages->dirty = subscription->next_dirty;
		subscription->is_dirty = false;
		if (subscription->is_changed) {
			subscription->is_changed = false;
			if (!subscriptions_step(switchboard, subscription, NOTIFIER_EVENT_CHANGED))
				continue;
		}
		subscriptions_journal(switchboard, subscription);
	}
}

void subscriptions_withdraw(struct switchboard *switchboard)
{
	struct usages *usages = switchboard->usages;
	struct subscription *subscription;
	uint32_t cursor = 0;

	usages->must_withdraw = false;
	while (usages->subscriptions != NULL &&
		(subscription = slab_next(usages->subscriptions, &cursor)) != NULL) {
		subscription->must_tell_all = true;
		if (notifier_is_open(&subscription->notifier))
			(void)subscriptions_step(/* or gone */
				switchboard, subscription, NOTIFIER_EVENT_WITHDRAWN);
	}
}
