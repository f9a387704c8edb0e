/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Which SUBSCRIBE, NOTIFY and REFER goes where, and the answers to those that go nowhere.
 */
#include "switchboard/usage.h"

#include "leg/allow.h"
#include "leg/options.h"
#include "leg/screen.h"
#include "subscription/headers.h"
#include "switchboard/session.h"

#include <errno.h>
#include <stdlib.h>

int usages_create(struct switchboard *switchboard)
{
	switchboard->usages = calloc(1, sizeof(*switchboard->usages));
	if (switchboard->usages == NULL)
		return -ENOMEM;
	wheel_init(&switchboard->usages->referral_wheel, switchboard->now.mono_ms);
	return subscriptions_create(switchboard);
}

void usages_destroy(struct switchboard *switchboard)
{
	if (switchboard->usages != NULL)
		subscriptions_destroy(switchboard);
	free(switchboard->usages);
}

uint32_t usages_methods(const struct switchboard *switchboard, uint32_t trunk)
{
	const struct config_trunk *config = trunk_config(switchboard->trunks, trunk);
	uint32_t methods = LEG_METHOD(SIP_METHOD_NOTIFY); /* answers to REFERs of ours */

	if (config != NULL && config->refer == CONFIG_REFER_ACCEPT)
		methods |= LEG_METHOD(SIP_METHOD_REFER) | LEG_METHOD(SIP_METHOD_SUBSCRIBE);
	if (subscriptions_are_offered(switchboard, trunk))
		methods |= LEG_METHOD(SIP_METHOD_SUBSCRIBE);
	return methods;
}

struct span usages_packages(const struct switchboard *switchboard, uint32_t trunk)
{
	return subscriptions_are_offered(switchboard, trunk) ? SPAN("dialog, refer")
							     : SPAN("refer");
}

uint32_t usages_options(const struct switchboard *switchboard, uint32_t trunk)
{
	const struct config_trunk *config = trunk_config(switchboard->trunks, trunk);
	uint32_t options = sessions_options(switchboard, trunk);

	if (config == NULL || config->refer != CONFIG_REFER_ACCEPT)
		return options;
	/* Without somebody who carries transfers out it would be a lie to offer Replaces. */
	return options | LEG_OPTION_NOREFERSUB | LEG_OPTION_NOSUB |
	       (switchboard->ports.transfer != NULL ? LEG_OPTION_REPLACES : 0);
}

void usages_build_tail(struct switchboard *switchboard, struct sip_builder *builder)
{
	if (switchboard->authorization[0] != '\0') {
		sip_build_header(builder,
			switchboard->is_proxy_authorization ? SIP_HEADER_PROXY_AUTHORIZATION
							    : SIP_HEADER_AUTHORIZATION,
			span_from(switchboard->authorization));
		switchboard->authorization[0] = '\0';
	}
	sip_build_header(builder, SIP_HEADER_USER_AGENT, switchboard_user_agent(switchboard));
}

void usages_answer(struct switchboard *switchboard, const struct transaction_indication *request,
	const struct leg_reply *reply)
{
	receive_answer(switchboard, request->id, request->message, request->flow, reply);
}

void usages_answer_status(struct switchboard *switchboard,
	const struct transaction_indication *request, unsigned status, const char *warning)
{
	const struct leg_reply reply = {.status = status, .warning = warning};

	usages_answer(switchboard, request, &reply);
}

void usages_answer_bad_event(
	struct switchboard *switchboard, const struct transaction_indication *request)
{
	trunk_id trunk = trunk_find_by_source(
		switchboard->trunks, &request->flow->remote.ip, request->flow->transport);
	const struct leg_reply reply = {.status = 489,
		.more = {{SIP_HEADER_ALLOW_EVENTS, usages_packages(switchboard, trunk)}}};

	switchboard->counts.refused_policy++;
	usages_answer(switchboard, request, &reply);
}

int usages_read_expires(
	const struct sip_message *request, uint32_t fallback_s, uint32_t *ret_expires_s)
{
	const struct sip_header *header = sip_message_find(request, SIP_HEADER_EXPIRES);

	if (header != NULL)
		return delta_seconds_parse(header->value, ret_expires_s);
	*ret_expires_s = fallback_s;
	return 0;
}

static bool is_usage(enum sip_method method)
{
	return method == SIP_METHOD_SUBSCRIBE || method == SIP_METHOD_NOTIFY ||
	       method == SIP_METHOD_REFER;
}

/* True if the package in Event is one that there is; the answer to the others is 489. */
static bool has_known_event(const struct sip_message *message)
{
	const struct sip_header *header = sip_message_find(message, SIP_HEADER_EVENT);
	struct event_name event;

	return header != NULL && event_name_parse(header->value, &event) == 0 &&
	       span_equal(event.package, SPAN("refer"));
}

bool usages_begin(struct switchboard *switchboard, const struct transaction_indication *request)
{
	const struct leg_reply not_allowed = {
		.status = 405, .warning = "not outside a call's dialog", .has_allow = true};
	const struct sip_message *message = request->message;
	trunk_id trunk = trunk_find_by_source(
		switchboard->trunks, &request->flow->remote.ip, request->flow->transport);

	if (!is_usage(message->method))
		return false;
	if (message->method == SIP_METHOD_SUBSCRIBE &&
		subscriptions_are_offered(switchboard, trunk)) {
		subscriptions_begin(switchboard, request);
		return true;
	}
	switchboard->counts.refused_policy++;
	if (message->method != SIP_METHOD_NOTIFY)
		usages_answer(switchboard, request, &not_allowed);
	else if (has_known_event(message))
		usages_answer_status(switchboard, request, 481, "there is no such subscription");
	else
		usages_answer_bad_event(switchboard, request);
	return true;
}

/* True if the request may go on; else it has been answered. */
static bool screen(struct switchboard *switchboard, const struct transaction_indication *request,
	struct leg *leg)
{
	const struct sip_message *message = request->message;
	char unsupported[SCREEN_TEXT_BYTES];
	struct leg_reply reply = {.status = 420};

	reply.status = dialog_accept_request(&leg->dialog, message, request->flow);
	if (reply.status == 0 && leg_options_unknown(message, SIP_HEADER_REQUIRE,
					 usages_options(switchboard, leg->trunk), unsupported,
					 sizeof(unsupported))) {
		reply.status = 420;
		reply.unsupported = span_from(unsupported);
	}
	if (reply.status == 0 && dialog_refresh_target(&leg->dialog, message) != 0)
		reply.status = 500;
	if (reply.status != 0)
		usages_answer(switchboard, request, &reply);
	return reply.status == 0;
}

/* In a dialog of a subscription, or in none. */
static void without_leg(
	struct switchboard *switchboard, const struct transaction_indication *request)
{
	struct subscription *subscription = subscriptions_find(switchboard, request->message);

	if (subscription != NULL && request->message->method == SIP_METHOD_SUBSCRIBE) {
		subscriptions_refresh(switchboard, request, subscription);
		return;
	}
	switchboard->counts.unmatched++;
	usages_answer_status(switchboard, request, 481, NULL);
}

bool usages_in_dialog(struct switchboard *switchboard, const struct transaction_indication *request)
{
	const struct sip_message *message = request->message;
	struct line *line = NULL;
	unsigned index = 0;
	struct leg *leg;

	if (!is_usage(message->method))
		return false;
	leg = request_find_leg(switchboard, message, message->to.tag, &line, &index);
	if (leg == NULL) {
		without_leg(switchboard, request);
		return true;
	}
	switchboard_mark(switchboard, line);
	if (!screen(switchboard, request, leg))
		return true;
	leg_allow_learn(message, &leg->peer_methods);
	if (message->method == SIP_METHOD_REFER)
		refers_take(switchboard, request, line, index);
	else if (!has_known_event(message))
		usages_answer_bad_event(switchboard, request);
	else if (message->method == SIP_METHOD_NOTIFY)
		refers_ours_notified(switchboard, request, line, index);
	else
		refers_subscribed(switchboard, request, line, index);
	return true;
}

bool usages_indication(
	struct switchboard *switchboard, const struct transaction_indication *indication)
{
	if (indication->user >= USAGE_REFERRAL_USER)
		referrals_indication(switchboard, indication);
	else if (indication->user >= USAGE_SUBSCRIPTION_USER)
		subscriptions_indication(switchboard, indication);
	else
		return false;
	return true;
}

static void expire_referral(void *context, struct wheel_timer *timer)
{
	struct switchboard *switchboard = context;
	struct referral *referral = td_container_of(timer, struct referral, timer);

	if (referral->is_ours)
		refers_ours_timeout(switchboard, referral);
	else
		refers_timeout(switchboard, referral);
}

void usages_advance(struct switchboard *switchboard)
{
	struct usages *usages = switchboard->usages;
	uint64_t now_ms = switchboard->now.mono_ms;

	(void)wheel_advance(&usages->referral_wheel, now_ms, expire_referral, switchboard);
	(void)wheel_advance(&usages->subscription_wheel, now_ms, subscriptions_expire, switchboard);
	if (usages->must_withdraw)
		subscriptions_withdraw(switchboard);
}

uint64_t usages_deadline(const struct switchboard *switchboard)
{
	struct usages *usages = switchboard->usages;
	uint64_t referral_ms = wheel_deadline(&usages->referral_wheel);
	uint64_t subscription_ms = wheel_deadline(&usages->subscription_wheel);

	if (usages->must_withdraw)
		return switchboard->now.mono_ms;
	return referral_ms < subscription_ms ? referral_ms : subscription_ms;
}
