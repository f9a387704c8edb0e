/* SPDX-License-Identifier: Apache-2.0 */
/*
 * SUBSCRIBE to the dialog package (RFC 6665, RFC 4235): who may, whom he watches, for how long.
 */
#include "identity/number.h"
#include "leg/options.h"
#include "leg/screen.h"
#include "route/route.h"
#include "subscription/headers.h"
#include "switchboard/usage.h"
#include "util/format.h"
#include "util/siphash.h"

#include <tandem/time.h>

#include <errno.h>
#include <string.h>

enum {
	SECONDS_BYTES = 12,
};

/* What a SUBSCRIBE asks for. Borrows the message. */
struct wish {
	struct event_name event;
	uint32_t expires_s;
	char user[ROUTE_NUMBER_BYTES];
};

int subscriptions_create(struct switchboard *switchboard)
{
	struct usages *usages = switchboard->usages;
	uint32_t capacity = switchboard->config->sip.max_subscriptions;
	uint32_t calls = slab_capacity(switchboard->lines);
	int result;

	wheel_init(&usages->subscription_wheel, switchboard->now.mono_ms);
	subscriptions_reconfigure(switchboard);
	if (capacity == 0)
		return 0;
	result = slab_create(capacity, sizeof(struct subscription), &usages->subscriptions);
	if (result == 0)
		result = table_create(capacity, switchboard->seed, &usages->by_id);
	if (result == 0)
		result = table_create(capacity, switchboard->seed, &usages->by_tag);
	if (result == 0)
		result = table_create(capacity, switchboard->seed, &usages->by_party);
	if (result == 0)
		result = table_create(calls * CALL_LEGS, switchboard->seed, &usages->legs_by_party);
	return result;
}

void subscriptions_destroy(struct switchboard *switchboard)
{
	struct usages *usages = switchboard->usages;
	struct subscription *subscription;
	uint32_t cursor = 0;
	struct line *line;

	while (usages->subscriptions != NULL &&
		(subscription = slab_next(usages->subscriptions, &cursor)) != NULL)
		dialog_fini(&subscription->dialog);
	cursor = 0;
	while ((line = slab_next(switchboard->lines, &cursor)) != NULL)
		heap_free(&usages->heap, line->watch);
	table_destroy(usages->legs_by_party);
	table_destroy(usages->by_party);
	table_destroy(usages->by_tag);
	table_destroy(usages->by_id);
	slab_destroy(usages->subscriptions);
}

uint64_t subscriptions_party(
	const struct switchboard *switchboard, uint32_t trunk, const char *user)
{
	const uint64_t key[] = {trunk, siphash(switchboard->seed, user, strlen(user))};

	return siphash(switchboard->seed, key, sizeof(key));
}

bool subscriptions_are_offered(const struct switchboard *switchboard, uint32_t trunk)
{
	const struct config_trunk *config = trunk_config(switchboard->trunks, trunk);

	if (config == NULL || switchboard->config->sip.max_subscriptions == 0)
		return false;
	for (uint32_t i = 0; i < config->event_count; i++)
		if (config->events[i] == CONFIG_EVENT_DIALOG)
			return true;
	return false;
}

void subscriptions_index(struct switchboard *switchboard, struct subscription *subscription)
{
	struct usages *usages = switchboard->usages;

	table_insert(
		usages->by_id, &subscription->by_id, &subscription->id, sizeof(subscription->id));
	table_insert(usages->by_tag, &subscription->by_tag, subscription->tag,
		SWITCHBOARD_TAG_BYTES - 1);
	table_insert(usages->by_party, &subscription->by_party, &subscription->party,
		sizeof(subscription->party));
	usages->per_trunk[subscription->trunk]++;
}

static void unmark(struct usages *usages, const struct subscription *subscription)
{
	struct subscription **at = &usages->dirty;

	while (*at != NULL && *at != subscription)
		at = &(*at)->next_dirty;
	if (*at != NULL)
		*at = subscription->next_dirty;
}

void subscriptions_drop(struct switchboard *switchboard, struct subscription *subscription)
{
	struct usages *usages = switchboard->usages;

	if (subscription->is_journaled)
		switchboard->ports.journal_delete(switchboard->ports.context,
			SWITCHBOARD_JOURNAL_SUBSCRIPTION, subscription->id);
	wheel_stop(&usages->subscription_wheel, &subscription->timer);
	table_remove(usages->by_id, &subscription->by_id);
	table_remove(usages->by_tag, &subscription->by_tag);
	table_remove(usages->by_party, &subscription->by_party);
	usages->per_trunk[subscription->trunk]--;
	if (subscription->is_dirty)
		unmark(usages, subscription);
	dialog_fini(&subscription->dialog);
	slab_release(usages->subscriptions, subscription);
}

struct subscription *subscriptions_find(
	const struct switchboard *switchboard, const struct sip_message *request)
{
	const struct usages *usages = switchboard->usages;
	struct table_node *node =
		usages->subscriptions == NULL
			? NULL
			: table_find(usages->by_tag, request->to.tag.text, request->to.tag.length);

	for (; node != NULL; node = table_find_next(node)) {
		struct subscription *subscription =
			td_container_of(node, struct subscription, by_tag);

		if (dialog_matches(&subscription->dialog, request))
			return subscription;
	}
	return NULL;
}

/* --- what is asked --------------------------------------------------------------------------- */

/* True if the sender can read what we write. */
static bool accepts_document(const struct sip_message *request)
{
	return sip_message_find(request, SIP_HEADER_ACCEPT) == NULL ||
	       sip_message_lists(request, SIP_HEADER_ACCEPT, DIALOG_INFO_TYPE) ||
	       sip_message_lists(request, SIP_HEADER_ACCEPT, "application/*") ||
	       sip_message_lists(request, SIP_HEADER_ACCEPT, "*/*");
}

/* Reads event and duration. 0, or the status to answer. */
static unsigned read_wish(const struct sip_message *request, struct wish *wish)
{
	const struct sip_header *event = sip_message_find(request, SIP_HEADER_EVENT);

	if (event == NULL)
		return 489;
	if (event_name_parse(event->value, &wish->event) != 0 ||
		wish->event.id.length >= SUBSCRIPTION_EVENT_ID_BYTES)
		return 400;
	if (!span_equal(wish->event.package, SPAN("dialog")))
		return 489;
	if (usages_read_expires(request, SUBSCRIPTION_EXPIRES_S, &wish->expires_s) != 0)
		return 400;
	if (wish->expires_s != 0 && wish->expires_s < SUBSCRIPTION_MIN_EXPIRES_S)
		return 423;
	if (wish->expires_s > SUBSCRIPTION_EXPIRES_S)
		wish->expires_s = SUBSCRIPTION_EXPIRES_S;
	return accepts_document(request) ? 0 : 406;
}

/* Reads who is to be watched: the user of the request URI, as calls of this trunk name him. */
static unsigned read_user(
	const struct sip_message *request, const struct config_trunk *trunk, struct wish *wish)
{
	if (request->request_uri.scheme == SIP_SCHEME_OTHER)
		return 416;
	if (request->contact_count != 1 || request->contact.uri.host.length == 0)
		return 400;
	if (route_number(&request->request_uri, wish->user) != 0 ||
		request->request_uri.text.length >= EVENT_URI_BYTES)
		return 404;
	identity_number_in(&trunk->numbers, wish->user, wish->user, sizeof(wish->user));
	return 0;
}

static void refuse(struct switchboard *switchboard, const struct transaction_indication *request,
	unsigned status)
{
	char seconds[SECONDS_BYTES];
	struct leg_reply reply = {.status = status};

	switchboard->counts.subscriptions_refused++;
	if (status == 489) {
		usages_answer_bad_event(switchboard, request);
		return;
	}
	if (status == 423) {
		(void)format_text(seconds, sizeof(seconds), "%d", SUBSCRIPTION_MIN_EXPIRES_S);
		reply.more[0] = (struct leg_header){SIP_HEADER_MIN_EXPIRES, span_from(seconds)};
	} else if (status == 406) {
		reply.more[0] = (struct leg_header){SIP_HEADER_ACCEPT, SPAN(DIALOG_INFO_TYPE)};
	} else if (status == 480) {
		/* Not 503: that would turn calls away from us too (RFC 3261 21.5.4). */
		reply.retry_after_s = switchboard->config->sip.retry_after_s;
		reply.warning = "no room for another subscription now";
	}
	usages_answer(switchboard, request, &reply);
}

/* True if no extension that we lack is required; else it has been answered. */
static bool screen_require(
	struct switchboard *switchboard, const struct transaction_indication *request)
{
	char unsupported[SCREEN_TEXT_BYTES];
	const struct leg_reply reply = {.status = 420, .unsupported = {unsupported, 0}};
	struct leg_reply full = reply;

	if (!leg_options_unknown(
		    request->message, SIP_HEADER_REQUIRE, 0, unsupported, sizeof(unsupported)))
		return true;
	full.unsupported = span_from(unsupported);
	switchboard->counts.subscriptions_refused++;
	usages_answer(switchboard, request, &full);
	return false;
}

static void answer_ok(struct switchboard *switchboard, const struct transaction_indication *request,
	const struct subscription *subscription, uint32_t expires_s)
{
	const struct dialog *dialog = &subscription->dialog;
	char seconds[SECONDS_BYTES];
	const struct leg_reply reply = {
		.status = 200,
		.to_tag = dialog_span(dialog, dialog->local_tag),
		.contact = dialog_span(dialog, dialog->local_contact),
		.more = {{SIP_HEADER_EXPIRES, {seconds, 0}}},
	};
	struct leg_reply full = reply;

	(void)format_text(seconds, sizeof(seconds), "%u", expires_s);
	full.more[0].value = span_from(seconds);
	usages_answer(switchboard, request, &full);
}

/* --- one more -------------------------------------------------------------------------------- */

static bool has_room(const struct switchboard *switchboard, uint32_t trunk)
{
	const struct usages *usages = switchboard->usages;
	const struct config_trunk *config = trunk_config(switchboard->trunks, trunk);

	return (switchboard->gates & SWITCHBOARD_GATE_DRAINING) == 0 &&
	       slab_in_use(usages->subscriptions) < slab_capacity(usages->subscriptions) &&
	       usages->per_trunk[trunk] < config->max_subscriptions;
}

/* Writes the watched URI without parameters and headers. */
static void take_entity(struct subscription *subscription, const struct sip_uri *uri)
{
	struct span entity = uri->text;

	if (uri->params.length != 0)
		entity.length = (uint32_t)(uri->params.text - 1 - entity.text);
	else if (uri->headers.length != 0)
		entity.length = (uint32_t)(uri->headers.text - 1 - entity.text);
	event_text_set(
		subscription->entity, sizeof(subscription->entity), entity.text, entity.length);
}

static uint64_t fresh_id(struct switchboard *switchboard)
{
	uint64_t id;

	do
		id = switchboard_random(switchboard) >> (64 - SUBSCRIPTION_ID_BITS);
	while (id == 0 || table_find(switchboard->usages->by_id, &id, sizeof(id)) != NULL);
	return id;
}

/* Makes the object and its dialog. NULL: no memory, or no dialog can be made of the request. */
static struct subscription *create(struct switchboard *switchboard,
	const struct transaction_indication *request, uint32_t trunk, const struct wish *wish)
{
	const struct sip_message *message = request->message;
	char contact[LEG_CONTACT_BYTES];
	struct dialog_half half = {.heap = &switchboard->usages->heap};
	slab_handle_t handle;
	struct subscription *subscription = slab_take(switchboard->usages->subscriptions, &handle);

	if (subscription == NULL)
		return NULL;
	subscription->id = fresh_id(switchboard);
	subscription->trunk = trunk;
	event_text_set(subscription->trunk_name, sizeof(subscription->trunk_name),
		trunk_config(switchboard->trunks, trunk)->name,
		strlen(trunk_config(switchboard->trunks, trunk)->name));
	event_text_set(
		subscription->user, sizeof(subscription->user), wish->user, strlen(wish->user));
	subscription->party = subscriptions_party(switchboard, trunk, wish->user);
	subscription->wake_ms = TD_NEVER;
	subscription->expires_ms = TD_NEVER;
	event_text_set(subscription->event_id, sizeof(subscription->event_id), wish->event.id.text,
		wish->event.id.length);
	take_entity(subscription, &message->request_uri);
	switchboard_random_text(switchboard, subscription->tag, sizeof(subscription->tag));
	half.local_tag = span_from(subscription->tag);
	half.local_contact = leg_contact(request->flow, message->request_uri.scheme, contact);
	half.keeps_flow = bindings_keep_flow(switchboard, trunk, message, request->flow);
	if (dialog_init_uas(&subscription->dialog, message, &half, request->flow) != 0) {
		slab_release(switchboard->usages->subscriptions, subscription);
		return NULL;
	}
	subscription->dialog.state = DIALOG_CONFIRMED;
	subscriptions_index(switchboard, subscription);
	return subscription;
}

static void take_duration(
	struct switchboard *switchboard, struct subscription *subscription, uint32_t expires_s)
{
	subscription->expires_ms =
		expires_s == 0 ? TD_NEVER
			       : td_after(switchboard->now.mono_ms, expires_s * TD_MS_PER_S);
	subscription->must_tell_all = true;
	subscription->must_journal = true;
	subscriptions_arm(switchboard, subscription);
}

void subscriptions_begin(
	struct switchboard *switchboard, const struct transaction_indication *request)
{
	const struct sip_message *message = request->message;
	trunk_id trunk = trunk_find_by_source(
		switchboard->trunks, &request->flow->remote.ip, request->flow->transport);
	const struct config_trunk *config = trunk_config(switchboard->trunks, trunk);
	struct subscription *subscription;
	struct wish wish = {.expires_s = 0};
	unsigned status;

	if (!screen_require(switchboard, request))
		return;
	status = read_wish(message, &wish);
	if (status == 0)
		status = read_user(message, config, &wish);
	if (status == 0 && !auth_admit(switchboard, request, config))
		return;
	if (status == 0 && !has_room(switchboard, trunk))
		status = 480;
	if (status != 0) {
		refuse(switchboard, request, status);
		return;
	}
	subscription = create(switchboard, request, trunk, &wish);
	if (subscription == NULL) {
		switchboard->counts.refused_memory++;
		refuse(switchboard, request, 480);
		return;
	}
	switchboard->counts.subscriptions_taken++;
	answer_ok(switchboard, request, subscription, wish.expires_s);
	watches_collect(switchboard, subscription);
	take_duration(switchboard, subscription, wish.expires_s);
	(void)subscriptions_step(switchboard, subscription, /* it may be over with that */
		wish.expires_s == 0 ? NOTIFIER_EVENT_FETCHED : NOTIFIER_EVENT_ACCEPTED);
}

void subscriptions_refresh(struct switchboard *switchboard,
	const struct transaction_indication *request, struct subscription *subscription)
{
	const struct sip_message *message = request->message;
	struct wish wish = {.expires_s = 0};
	unsigned status = dialog_accept_request(&subscription->dialog, message, request->flow);

	if (status == 0 && !screen_require(switchboard, request))
		return;
	if (status == 0)
		status = read_wish(message, &wish);
	/* A dialog holds one subscription here (RFC 6665 4.5.2): another event is another one. */
	if (status == 0 && (!notifier_is_open(&subscription->notifier) ||
				   !span_equal(wish.event.id, span_from(subscription->event_id))))
		status = 481;
	if (status == 0 && dialog_refresh_target(&subscription->dialog, message) != 0)
		status = 500;
	if (status != 0) {
		refuse(switchboard, request, status);
		return;
	}
	answer_ok(switchboard, request, subscription, wish.expires_s);
	take_duration(switchboard, subscription, wish.expires_s);
	(void)subscriptions_step(switchboard, subscription, /* it may be over with that */
		wish.expires_s == 0 ? NOTIFIER_EVENT_UNSUBSCRIBED : NOTIFIER_EVENT_REFRESHED);
}

void subscriptions_reconfigure(struct switchboard *switchboard)
{
	struct usages *usages = switchboard->usages;
	struct subscription *subscription;
	uint32_t cursor = 0;

	usages->is_watching = false;
	for (trunk_id trunk = 0; trunk < trunk_table_size(switchboard->trunks); trunk++)
		usages->is_watching =
			usages->is_watching || subscriptions_are_offered(switchboard, trunk);
	while (usages->subscriptions != NULL &&
		(subscription = slab_next(usages->subscriptions, &cursor)) != NULL) {
		trunk_id trunk = trunk_find_by_name(switchboard->trunks, subscription->trunk_name);

		if (trunk != subscription->trunk || trunk_is_retired(switchboard->trunks, trunk))
			subscriptions_drop(switchboard, subscription); /* a stranger's now */
		else if (!subscriptions_are_offered(switchboard, trunk) &&
			 notifier_is_open(&subscription->notifier))
			(void)subscriptions_step(switchboard, subscription, /* or gone */
				NOTIFIER_EVENT_REJECTED);
	}
}
