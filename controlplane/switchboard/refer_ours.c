/* SPDX-License-Identifier: Apache-2.0 */
/*
 * REFER that we send inside a call's dialog, and its way to an outcome: the answer, the NOTIFYs,
 * the peer's BYE, or none of them. What it came to is told as an event and remembered for a while.
 */
#include "call/outcome.h"
#include "leg/allow.h"
#include "leg/cause.h"
#include "subscription/refer_to.h"
#include "subscription/sipfrag.h"
#include "subscription/subscriber.h"
#include "switchboard/usage.h"

#include <tandem/time.h>

#include <errno.h>
#include <string.h>

enum {
	PROBE_T1 = 64, /* timer F, in T1: so long may OPTIONS take (RFC 3261 17.1.2.2) */
};

static void remember(struct switchboard *switchboard, const struct referral *referral)
{
	struct usages *usages = switchboard->usages;

	usages->results[usages->result_at++ % USAGE_RESULTS] = (struct usage_result){
		.referral_id = referral->referral_id,
		.outcome = referral->outcome,
		.status = referral->status,
	};
}

static void tell_outcome(
	struct switchboard *switchboard, struct referral *referral, enum refer_outcome outcome)
{
	static const uint8_t outcomes[REFER_OUTCOME_COUNT] = {
		[REFER_OUTCOME_REFUSED] = EVENT_TRANSFER_OUTCOME_REFUSED,
		[REFER_OUTCOME_CONFIRMED] = EVENT_TRANSFER_OUTCOME_CONFIRMED,
		[REFER_OUTCOME_FAILED] = EVENT_TRANSFER_OUTCOME_FAILED,
		[REFER_OUTCOME_PRESUMED] = EVENT_TRANSFER_OUTCOME_PRESUMED,
		[REFER_OUTCOME_UNKNOWN] = EVENT_TRANSFER_OUTCOME_UNKNOWN,
	};

	referral->outcome = (uint8_t)outcome;
	referral->is_told = true;
	referral->transfer.outcome = outcomes[outcome];
	if (outcome != REFER_OUTCOME_PRESUMED && outcome != REFER_OUTCOME_UNKNOWN)
		referral->transfer.sip_status = referral->status;
	remember(switchboard, referral);
	referrals_emit(switchboard, referral, CALL_EVENT_TRANSFER_ENDED);
}

static void wait_for(
	struct switchboard *switchboard, struct referral *referral, enum refer_client_wait wait)
{
	uint64_t probe_ms = (uint64_t)switchboard->config->sip.t1_ms * PROBE_T1;

	if (wait == REFER_WAIT_NOTHING)
		referral->deadline_ms = TD_NEVER;
	else if (wait != REFER_WAIT_AS_IS)
		referral->deadline_ms =
			td_after(switchboard->now.mono_ms, refer_client_wait_ms(wait, probe_ms));
	referrals_arm(switchboard, referral);
}

/* The peer talks to another now: what is left of our call has no purpose. */
static void end_call(struct switchboard *switchboard, struct line *line)
{
	struct event_release release;

	outcome_set(&release, 200, CAUSE_NORMAL, EVENT_RELEASE_SYSTEM, EVENT_DETAIL_OPERATOR);
	calls_clear(switchboard, line, CALL_ON_CLEAR, &release);
}

/* The dialog is gone on the peer's side (RFC 5057 5.1): so is the leg. */
static void lose_leg(struct switchboard *switchboard, struct line *line, unsigned index)
{
	struct event_release release;

	if (line->call.legs[index].state != LEG_ACTIVE)
		return;
	outcome_set(&release, 481, CAUSE_RECOVERY_ON_TIMER, EVENT_RELEASE_NETWORK,
		EVENT_DETAIL_NO_RESPONSE);
	legs_release(switchboard, line, index, &release);
	legs_step(switchboard, line, index, LEG_EVENT_LOST);
}

void refers_ours_step(
	struct switchboard *switchboard, struct referral *referral, enum refer_client_event event)
{
	struct line *line = td_container_of(referral->call, struct line, call);
	unsigned index = referral->leg_index;
	struct refer_client_step step;

	if (refer_client_step(&referral->client, event, &step) != 0) {
		switchboard->counts.unexpected++;
		return;
	}
	switchboard_mark(switchboard, line);
	wait_for(switchboard, referral, step.wait);
	if (step.outcome != REFER_OUTCOME_NONE)
		tell_outcome(switchboard, referral, step.outcome);
	if (step.action == REFER_CLIENT_DO_PROBE &&
		referrals_send(switchboard, referral, SIP_METHOD_OPTIONS) != 0)
		referral->deadline_ms = switchboard->now.mono_ms; /* it can't be asked */
	if (referral->client == REFER_CLIENT_OVER)
		referrals_forget(switchboard, referral);
	else
		referrals_arm(switchboard, referral);
	if (step.action == REFER_CLIENT_DO_HANG_UP)
		end_call(switchboard, line);
	if (event == REFER_CLIENT_EVENT_GONE)
		lose_leg(switchboard, line, index);
}

/* False if nothing more will be heard: then the outcome must be found in another way. */
static bool step_subscriber(
	struct switchboard *switchboard, struct referral *referral, enum subscriber_event event)
{
	enum subscriber_action action;

	if (subscriber_step(&referral->subscriber, event, &action) != 0)
		return true; /* it had ended before, and that was told */
	if (action == SUBSCRIBER_DO_REFRESH) {
		referral->wake_ms = TD_NEVER; /* until the NOTIFY that follows says for how long */
		/* If it can't be sent the subscription ends by itself, and the silence is heard. */
		(void)!referrals_send(switchboard, referral, SIP_METHOD_SUBSCRIBE);
	}
	return action != SUBSCRIBER_TELL_ENDED;
}

void refers_ours_told(struct switchboard *switchboard, struct referral *referral, unsigned status)
{
	bool is_gone = status == 481 || status == 408 || status == 404 || status == 410;

	if (referral->question_method == SIP_METHOD_SUBSCRIBE) {
		if (status / 100 != 2 &&
			!step_subscriber(switchboard, referral, SUBSCRIBER_EVENT_REFRESH_FAILED))
			refers_ours_step(switchboard, referral, REFER_CLIENT_EVENT_TOLD_NOTHING);
	} else if (referral->client == REFER_CLIENT_PROBING) {
		refers_ours_step(switchboard, referral,
			status == 0 ? REFER_CLIENT_EVENT_DEADLINE
			: is_gone   ? REFER_CLIENT_EVENT_GONE
				    : REFER_CLIENT_EVENT_ALIVE);
	}
}

void refers_ours_answered(
	struct switchboard *switchboard, struct referral *referral, unsigned status)
{
	if (status == 0 || status == 408) {
		refers_ours_step(switchboard, referral, REFER_CLIENT_EVENT_UNANSWERED);
	} else if (status / 100 == 2) {
		(void)step_subscriber(switchboard, referral, SUBSCRIBER_EVENT_ACCEPTED);
		refers_ours_step(switchboard, referral, REFER_CLIENT_EVENT_ACCEPTED);
	} else {
		/* Only if no NOTIFY has said otherwise before. */
		if (referral->status == 0)
			referral->status = (uint16_t)status;
		(void)step_subscriber(switchboard, referral, SUBSCRIBER_EVENT_REFUSED);
		refers_ours_step(switchboard, referral, REFER_CLIENT_EVENT_REFUSED);
	}
}

/* What is told of the subscription itself. */
static void take_state(struct switchboard *switchboard, struct referral *referral,
	const struct subscription_state_header *state)
{
	enum subscriber_event event =
		state->substate == SUBSTATE_TERMINATED ? SUBSCRIBER_EVENT_TOLD_TERMINATED
		: state->substate == SUBSTATE_PENDING  ? SUBSCRIBER_EVENT_TOLD_PENDING
						       : SUBSCRIBER_EVENT_TOLD_ACTIVE;

	(void)step_subscriber(switchboard, referral, event); /* the body says what it means */
	referral->wake_ms = TD_NEVER;
	if (state->substate != SUBSTATE_TERMINATED && state->has_expires)
		referral->wake_ms =
			td_after(switchboard->now.mono_ms, subscriber_refresh_ms(state->expires_s));
}

/* What is told of the transfer. */
static void take_status(struct switchboard *switchboard, struct referral *referral,
	const struct subscription_state_header *state, unsigned status)
{
	if (status != 0)
		referral->status = (uint16_t)status;
	if (status >= 300)
		refers_ours_step(switchboard, referral, REFER_CLIENT_EVENT_TOLD_FAILURE);
	else if (status >= 200)
		refers_ours_step(switchboard, referral, REFER_CLIENT_EVENT_TOLD_SUCCESS);
	else if (state->substate == SUBSTATE_TERMINATED)
		refers_ours_step(switchboard, referral, REFER_CLIENT_EVENT_TOLD_NOTHING);
	else if (status != 0)
		refers_ours_step(switchboard, referral, REFER_CLIENT_EVENT_TOLD_PROGRESS);
}

/* The subscription that a NOTIFY names; NULL: none. */
static struct referral *find_notified(
	const struct sip_message *notify, const struct line *line, unsigned index)
{
	const struct sip_header *header = sip_message_find(notify, SIP_HEADER_EVENT);
	struct referral *referral = NULL;
	struct event_name event;
	uint32_t cseq = 0;

	if (event_name_parse(header->value, &event) == 0 &&
		(event.id.length == 0 || delta_seconds_parse(event.id, &cseq) == 0))
		referral = referral_find(&line->call, index, true, cseq);
	return referral != NULL && subscriber_is_open(referral->subscriber) ? referral : NULL;
}

void refers_ours_notified(struct switchboard *switchboard,
	const struct transaction_indication *request, struct line *line, unsigned index)
{
	const struct sip_message *message = request->message;
	const struct sip_header *header = sip_message_find(message, SIP_HEADER_SUBSCRIPTION_STATE);
	const struct leg_reply unread = {.status = 415,
		.warning = "the body isn't a sipfrag",
		.more = {{SIP_HEADER_ACCEPT, SPAN(SIPFRAG_TYPE)}}};
	struct referral *referral = find_notified(message, line, index);
	struct subscription_state_header state;
	struct sipfrag frag = {.status = 0};

	if (referral == NULL) {
		usages_answer_status(switchboard, request, 481, "there is no such subscription");
		return;
	}
	if (header == NULL || subscription_state_parse(header->value, &state) != 0) {
		usages_answer_status(switchboard, request, 400, "Subscription-State is malformed");
		return;
	}
	if (message->body.length != 0 && (!span_is(message->content_type, SIPFRAG_TYPE) ||
						 sipfrag_parse(message->body, &frag) != 0)) {
		usages_answer(switchboard, request, &unread);
		return;
	}
	usages_answer_status(switchboard, request, 200, NULL);
	take_state(switchboard, referral, &state);
	take_status(switchboard, referral, &state, frag.status);
}

void refers_ours_timeout(struct switchboard *switchboard, struct referral *referral)
{
	uint64_t now_ms = switchboard->now.mono_ms;

	if (referral->deadline_ms <= now_ms) {
		referral->deadline_ms = TD_NEVER;
		refers_ours_step(switchboard, referral, REFER_CLIENT_EVENT_DEADLINE);
	} else if (referral->total_ms <= now_ms) {
		referral->total_ms = TD_NEVER;
		refers_ours_step(switchboard, referral, REFER_CLIENT_EVENT_TOLD_NOTHING);
	} else if (referral->wake_ms <= now_ms) {
		referral->wake_ms = TD_NEVER;
		(void)step_subscriber(switchboard, referral, SUBSCRIBER_EVENT_REFRESH_DUE);
		referrals_arm(switchboard, referral);
	} else {
		referrals_arm(switchboard, referral);
	}
}

void refers_ours_restore(struct switchboard *switchboard, struct referral *referral)
{
	/* Whether the REFER was heard nobody knows, and saying it twice could transfer twice. */
	if (referral->client == REFER_CLIENT_SENT)
		refers_ours_step(switchboard, referral, REFER_CLIENT_EVENT_UNANSWERED);
	else if (referral->client == REFER_CLIENT_PROBING &&
		 referrals_send(switchboard, referral, SIP_METHOD_OPTIONS) != 0)
		refers_ours_step(switchboard, referral, REFER_CLIENT_EVENT_DEADLINE);
	else
		referrals_arm(switchboard, referral);
}

/* --- the operator's order -------------------------------------------------------------------- */

/* Writes Refer-To, and the URI alone. What is wrong with the order, or NULL. */
static const char *write_target(struct switchboard *switchboard,
	const struct switchboard_refer *order, struct referral *referral)
{
	const struct leg *leg = &referral->call->legs[referral->leg_index];
	char *refer_to = referral->refer_to;
	struct dialog_name replaces;
	char uri[TRUNK_URI_BYTES];
	struct span target = span_from(order->target);
	struct sip_uri parsed;
	struct text text;

	if (strchr(order->target, ':') == NULL) { /* a number */
		if (trunk_uri(switchboard->trunks, leg->trunk, target, uri) != 0)
			return "the number is too long";
		target = span_from(uri);
	}
	if (sip_uri_parse(target, &parsed) != 0 || parsed.headers.length != 0)
		return "the target isn't a plain SIP or tel URI";
	if (order->replaces != NULL && replaces_parse(span_from(order->replaces), &replaces) != 0)
		return "replaces isn't CALL-ID;to-tag=TAG;from-tag=TAG";
	text_init(&text, refer_to, sizeof(referral->refer_to));
	refer_to_build(&text, target, order->replaces != NULL ? &replaces : NULL);
	if (text.has_overflowed)
		return "the target is too long";
	event_text_set(referral->transfer.target, sizeof(referral->transfer.target), target.text,
		target.length);
	if (order->replaces != NULL)
		event_text_set(referral->transfer.replaces, sizeof(referral->transfer.replaces),
			replaces.call_id.text, replaces.call_id.length);
	return NULL;
}

/* What stands against the order, or NULL. */
static const char *find_obstacle(const struct line *line, unsigned index)
{
	const struct leg *leg = &line->call.legs[index];

	if (leg->state != LEG_ACTIVE || line->call.state != CALL_TALKING)
		return "that leg isn't in an answered call";
	if (!leg_allows(leg->peer_methods, SIP_METHOD_REFER))
		return "the peer doesn't take REFER: its Allow doesn't list it";
	if (referral_find(&line->call, index, true, 0) != NULL)
		return "a transfer of that leg is in progress";
	return NULL;
}

static const char *begin(struct switchboard *switchboard, struct referral *referral)
{
	const struct config_sip *sip = &switchboard->config->sip;
	uint64_t total_s = sip->ring_timeout_s + REFER_TOTAL_BEYOND_RING_S;

	referral->is_ours = true;
	referral->referral_id = switchboard_random(switchboard) | 1;
	referral->transfer.transfer_id = referral->referral_id;
	referral->transfer.origin = EVENT_TRANSFER_ORIGIN_OPERATOR;
	referral->total_ms = td_after(switchboard->now.mono_ms, total_s * TD_MS_PER_S);
	if (referrals_send(switchboard, referral, SIP_METHOD_REFER) != 0)
		return "REFER can't be sent: out of memory or transactions";
	switchboard->counts.refers_sent++;
	(void)step_subscriber(switchboard, referral, SUBSCRIBER_EVENT_SENT);
	referrals_emit(switchboard, referral, CALL_EVENT_TRANSFER_REQUESTED);
	refers_ours_step(switchboard, referral, REFER_CLIENT_EVENT_SENT);
	return NULL;
}

const char *refers_ours_begin(
	struct switchboard *switchboard, const struct switchboard_refer *order, uint64_t *ret_id)
{
	struct line *line = switchboard_find_call(switchboard, order->call_id);
	unsigned index = order->is_callee ? CALL_CALLEE : CALL_CALLER;
	const char *obstacle = line == NULL ? "there is no such call" : find_obstacle(line, index);
	struct referral *referral;

	if (obstacle != NULL)
		return obstacle;
	referral = referral_add(&line->call, index);
	if (referral == NULL)
		return "too many transfers of this call at a time";
	obstacle = write_target(switchboard, order, referral);
	if (obstacle == NULL)
		obstacle = begin(switchboard, referral);
	if (obstacle != NULL) {
		referrals_forget(switchboard, referral);
		return obstacle;
	}
	*ret_id = referral->referral_id;
	return NULL;
}
