/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What a peer's REFER and ours have in common: requests in the leg's dialog, timers, events, and
 * how they end with their call.
 */
#include "call/record.h"
#include "leg/screen.h"
#include "subscription/sipfrag.h"
#include "switchboard/usage.h"

#include <tandem/time.h>

#include <errno.h>
#include <stdio.h>

static struct line *line_of(struct referral *referral)
{
	return td_container_of(referral->call, struct line, call);
}

/* "refer", with the REFER's number: always right, and needed as soon as there are two. */
static void build_event(struct sip_builder *builder, const struct referral *referral)
{
	sip_build_header_format(builder, SIP_HEADER_EVENT, "refer;id=%u", referral->cseq);
}

static void build_state(struct sip_builder *builder, const struct switchboard *switchboard,
	const struct referral *referral)
{
	enum subscription_substate substate = notifier_substate(&referral->notifier);
	uint64_t left_ms = td_since(referral->deadline_ms, switchboard->now.mono_ms);

	if (substate == SUBSTATE_TERMINATED)
		sip_build_header_format(builder, SIP_HEADER_SUBSCRIPTION_STATE,
			"terminated;reason=%s",
			subscription_reason_token(
				(enum subscription_reason)referral->notifier.reason));
	else
		sip_build_header_format(builder, SIP_HEADER_SUBSCRIPTION_STATE, "%s;expires=%llu",
			subscription_substate_token(substate),
			(unsigned long long)(left_ms / TD_MS_PER_S));
}

/* Adds what the method needs, and gives the body. */
static struct span build_part(struct switchboard *switchboard, struct referral *referral,
	enum sip_method method, struct sip_builder *builder, char body[SIPFRAG_BYTES])
{
	const struct dialog *dialog = &referral->call->legs[referral->leg_index].dialog;
	struct span self = dialog_span(dialog, dialog->local_uri);
	int length;

	if (method == SIP_METHOD_NOTIFY) {
		build_event(builder, referral);
		build_state(builder, switchboard, referral);
		length = sipfrag_build(
			body, SIPFRAG_BYTES, referral->status, referral_note_text(referral->note));
		return (struct span){body, length > 0 ? (uint32_t)length : 0};
	}
	if (method == SIP_METHOD_REFER) {
		sip_build_header(builder, SIP_HEADER_REFER_TO, span_from(referral->refer_to));
		sip_build_header(builder, SIP_HEADER_REFERRED_BY, self);
		sip_build_header(builder, SIP_HEADER_REFER_SUB, SPAN("true"));
	} else if (method == SIP_METHOD_SUBSCRIBE) {
		build_event(builder, referral);
		sip_build_header_format(
			builder, SIP_HEADER_EXPIRES, "%u", (unsigned)REFER_SUBSCRIPTION_S);
		sip_build_header(builder, SIP_HEADER_ACCEPT, SPAN(SIPFRAG_TYPE));
	} else { /* OPTIONS */
		sip_build_header(builder, SIP_HEADER_ACCEPT, SPAN(LEG_ACCEPT));
	}
	return (struct span){0};
}

static void note_sent(struct switchboard *switchboard, struct referral *referral,
	enum sip_method method, transaction_id id)
{
	if (method == SIP_METHOD_REFER || method == SIP_METHOD_NOTIFY) {
		referral->transaction = id;
		switchboard->counts.notifies_sent += method == SIP_METHOD_NOTIFY;
	} else {
		referral->question = id;
		referral->question_method = method;
	}
}

int referrals_send(
	struct switchboard *switchboard, struct referral *referral, enum sip_method method)
{
	struct leg *leg = &referral->call->legs[referral->leg_index];
	struct sip_flow next_hop = legs_next_hop(switchboard, &leg->dialog);
	const struct transaction_options options = {
		.flow = &next_hop,
		.user = USAGE_REFERRAL_USER | referral->call->call_id << REFERRAL_NUMBER_BITS |
			referral->number,
	};
	char branch[TRANSACTION_BRANCH_BYTES];
	const struct dialog_via via = {.branch = branch, .hop = &next_hop};
	char frag[SIPFRAG_BYTES];
	struct sip_builder builder;
	struct span body;
	transaction_id id;
	int result;

	transaction_branch(switchboard->transactions, branch);
	sip_builder_init(&builder, switchboard->buffer, sizeof(switchboard->buffer));
	dialog_build_request_by(&leg->dialog, &builder, method, &via, 0);
	if (method == SIP_METHOD_REFER)
		referral->cseq = leg->dialog.local_cseq;
	body = build_part(switchboard, referral, method, &builder, frag);
	usages_build_tail(switchboard, &builder);
	result = sip_builder_finish(&builder, SPAN(SIPFRAG_TYPE ";version=2.0"), body);
	switchboard_mark(switchboard, line_of(referral));
	if (result <= 0)
		return result;
	result = transaction_request(switchboard->transactions,
		(struct span){switchboard->buffer, (uint32_t)result}, &options,
		switchboard->now.mono_ms, &id);
	if (result != 0)
		switchboard->counts.refused_memory++;
	else
		note_sent(switchboard, referral, method, id);
	return result;
}

void referrals_arm(struct switchboard *switchboard, struct referral *referral)
{
	uint64_t first_ms = referral->deadline_ms;

	first_ms = referral->wake_ms < first_ms ? referral->wake_ms : first_ms;
	first_ms = referral->total_ms < first_ms ? referral->total_ms : first_ms;
	wheel_start(&switchboard->usages->referral_wheel, &referral->timer, first_ms);
}

void referrals_forget(struct switchboard *switchboard, struct referral *referral)
{
	struct line *line = line_of(referral);
	unsigned index = referral->leg_index;

	wheel_stop(&switchboard->usages->referral_wheel, &referral->timer);
	referral_remove(referral);
	if (leg_is_over(&line->call.legs[index]))
		legs_forget_dialog(switchboard, line, index);
	switchboard_mark(switchboard, line);
}

void referrals_emit(
	struct switchboard *switchboard, const struct referral *referral, enum call_event_kind kind)
{
	struct line *line = td_container_of(referral->call, struct line, call);
	struct record_names names;
	struct event_record record;

	calls_names(switchboard, line, &names);
	record_fill_event(&line->call, kind, referral->leg_index, &names, &record);
	record.call.transfer = referral->transfer;
	switchboard->ports.emit(switchboard->ports.context, &record);
	switchboard_mark(switchboard, line);
}

/* True if the challenge was answered with another try. */
static bool try_again(struct switchboard *switchboard, struct referral *referral,
	const struct sip_message *response)
{
	const struct leg *leg = &referral->call->legs[referral->leg_index];
	const struct auth_try attempt = {
		.trunk = leg->trunk,
		.challenges = &referral->challenges,
		.method = response->method,
		.uri = dialog_span(&leg->dialog, leg->dialog.remote_target),
	};

	return auth_answer_for(switchboard, &attempt, response) &&
	       referrals_send(switchboard, referral, response->method) == 0;
}

/* The referral whose transaction that is, or NULL. */
static struct referral *find_referral(
	const struct switchboard *switchboard, const struct transaction_indication *indication)
{
	uint64_t call_id = (indication->user & ~USAGE_REFERRAL_USER) >> REFERRAL_NUMBER_BITS;
	unsigned number = indication->user & ((1u << REFERRAL_NUMBER_BITS) - 1);
	struct line *line = switchboard_find_call(switchboard, call_id);
	struct referral *referral = line != NULL ? referral_at(&line->call, number) : NULL;

	return referral != NULL && (referral->transaction == indication->id ||
					   referral->question == indication->id)
		       ? referral
		       : NULL;
}

void referrals_indication(
	struct switchboard *switchboard, const struct transaction_indication *indication)
{
	struct referral *referral = find_referral(switchboard, indication);
	bool is_question = referral != NULL && referral->question == indication->id;
	unsigned status = 0;

	if (referral == NULL || indication->event == TRANSACTION_TERMINATED)
		return;
	if (indication->event == TRANSACTION_RESPONSE) {
		status = indication->message->status;
		if (status < 200 || try_again(switchboard, referral, indication->message))
			return;
	}
	switchboard_mark(switchboard, line_of(referral));
	referral->challenges = 0;
	*(is_question ? &referral->question : &referral->transaction) = 0;
	if (is_question) {
		refers_ours_told(switchboard, referral, status);
	} else if (referral->is_ours) {
		refers_ours_answered(switchboard, referral, status);
	} else {
		switchboard->counts.notifies_failed += status / 100 != 2;
		refers_step(switchboard, referral, notifier_event_of_status(status));
	}
}

void referrals_commit(struct switchboard *switchboard, struct line *line)
{
	struct referral *next;

	for (struct referral *at = line->call.referrals; at != NULL; at = next) {
		const struct leg *leg = &line->call.legs[at->leg_index];
		bool is_by_peer =
			leg->release.detail == EVENT_DETAIL_HANGUP &&
			leg->release.by == (at->leg_index == CALL_CALLER ? EVENT_RELEASE_CALLER
									 : EVENT_RELEASE_CALLEE);

		next = at->next;
		if (!at->is_ours || at->is_leg_over || !leg_is_settled(leg))
			continue;
		at->is_leg_over = true;
		refers_ours_step(switchboard, at,
			is_by_peer ? REFER_CLIENT_EVENT_HUNG_UP : REFER_CLIENT_EVENT_CALL_ENDED);
	}
}

void referrals_stop(struct switchboard *switchboard, struct line *line)
{
	for (struct referral *at = line->call.referrals; at != NULL; at = at->next)
		wheel_stop(&switchboard->usages->referral_wheel, &at->timer);
}

void referrals_restore(struct switchboard *switchboard, struct line *line, bool is_other_boot)
{
	struct referral *next;

	for (struct referral *at = line->call.referrals; at != NULL; at = next) {
		next = at->next;
		if (is_other_boot) { /* the old times mean nothing */
			at->deadline_ms = switchboard->now.mono_ms;
			at->wake_ms = TD_NEVER;
			at->total_ms = TD_NEVER;
		}
		if (at->is_ours)
			refers_ours_restore(switchboard, at);
		else
			refers_restore(switchboard, at);
	}
}
