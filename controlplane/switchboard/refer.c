/* SPDX-License-Identifier: Apache-2.0 */
/*
 * REFER from a peer inside a call's dialog (RFC 3515): judged here, decided by whoever carries
 * transfers out, reported to the peer by NOTIFY until a final status. As long as nobody carries
 * transfers out, that status is 603, with the reason.
 */
#include "leg/options.h"
#include "route/route.h"
#include "subscription/refer_to.h"
#include "switchboard/usage.h"

#include <tandem/time.h>

#include <errno.h>
#include <string.h>

/* A REFER that has been read. Borrows the message. */
struct refer {
	struct refer_to to;
	struct referred_by by;
	bool has_referrer;
	bool is_unsubscribed; /* no NOTIFYs are wanted */
};

/* What is to be answered, if not that it is taken. */
struct refusal {
	unsigned status; /* 0: none */
	const char *warning;
	uint32_t retry_after_s;
};

static struct refusal read_refer_to(const struct sip_message *message, struct refer *refer)
{
	const struct sip_header *header = sip_message_find(message, SIP_HEADER_REFER_TO);
	int result = header != NULL ? refer_to_parse(header->value, &refer->to) : -EBADMSG;

	if (result == -ENOTSUP)
		return (struct refusal){416, "Refer-To is neither sip nor tel", 0};
	if (result != 0)
		return (struct refusal){400,
			header == NULL ? "REFER needs a Refer-To" : "Refer-To is malformed", 0};
	if (refer->to.method.length != 0 && !span_equal(refer->to.method, SPAN("INVITE")))
		return (struct refusal){603, "only INVITE can be referred to", 0};
	return (struct refusal){0};
}

static struct refusal read_refer(const struct sip_message *message, struct refer *refer)
{
	const struct sip_header *by = sip_message_find(message, SIP_HEADER_REFERRED_BY);
	const struct sip_header *sub = sip_message_find(message, SIP_HEADER_REFER_SUB);
	bool is_wanted = true;

	if (by != NULL && referred_by_parse(by->value, &refer->by) != 0)
		return (struct refusal){400, "Referred-By is malformed", 0};
	refer->has_referrer = by != NULL;
	if (sub != NULL && refer_sub_parse(sub->value, &is_wanted) != 0)
		return (struct refusal){400, "Refer-Sub is malformed", 0};
	refer->is_unsubscribed = !is_wanted || (leg_options_listed(message, SIP_HEADER_REQUIRE) &
						       LEG_OPTION_NOSUB) != 0;
	if (message->body.length != 0)
		return (struct refusal){415, "REFER with a body isn't understood", 0};
	return read_refer_to(message, refer);
}

/* What the state of the call, and the trunk's configuration, say to it. */
static struct refusal judge(
	const struct switchboard *switchboard, const struct line *line, unsigned index)
{
	const struct leg *leg = &line->call.legs[index];
	const struct config_trunk *trunk = trunk_config(switchboard->trunks, leg->trunk);

	if (leg_is_over(leg) || leg->state == LEG_ENDING || leg->state == LEG_PARTING)
		return (struct refusal){481, "the call has ended", 0};
	if (trunk == NULL || trunk->refer != CONFIG_REFER_ACCEPT)
		return (struct refusal){603, "this trunk may not transfer calls", 0};
	if (leg->state != LEG_ACTIVE || line->call.state != CALL_TALKING)
		return (struct refusal){491, "the call isn't up yet", 0};
	return (struct refusal){0};
}

static void set_text(char *text, size_t size, struct span value)
{
	event_text_set(text, size, value.text, value.length);
}

static void fill_transfer(const struct refer *refer, struct event_transfer *transfer)
{
	transfer->origin = EVENT_TRANSFER_ORIGIN_REFER;
	set_text(transfer->target, sizeof(transfer->target), refer->to.target);
	if (refer->to.has_replaces)
		set_text(
			transfer->replaces, sizeof(transfer->replaces), refer->to.replaces.call_id);
	if (refer->has_referrer)
		set_text(transfer->referred_by, sizeof(transfer->referred_by),
			refer->by.address.uri.text);
}

/* Tells operators of a request that came to nothing. */
static void emit_refused(struct switchboard *switchboard, struct line *line, unsigned index,
	const struct refer *refer, unsigned status)
{
	struct referral told = {.call = &line->call, .leg_index = (uint8_t)index};

	fill_transfer(refer, &told.transfer);
	told.transfer.transfer_id = switchboard_random(switchboard) | 1;
	told.transfer.outcome = EVENT_TRANSFER_OUTCOME_REFUSED;
	told.transfer.sip_status = (uint16_t)status;
	referrals_emit(switchboard, &told, CALL_EVENT_TRANSFER_ENDED);
}

static void refuse(struct switchboard *switchboard, const struct transaction_indication *request,
	const struct refusal *refusal)
{
	const struct leg_reply reply = {
		.status = refusal->status,
		.warning = refusal->warning,
		.retry_after_s = refusal->retry_after_s,
		.more = {{refusal->status == 415 ? SIP_HEADER_ACCEPT : SIP_HEADER_OTHER,
			SPAN("message/sipfrag")}},
	};

	switchboard->counts.refers_declined++;
	usages_answer(switchboard, request, &reply);
}

static void answer_accepted(struct switchboard *switchboard,
	const struct transaction_indication *request, const struct referral *referral)
{
	const struct dialog *dialog = &referral->call->legs[referral->leg_index].dialog;
	const struct leg_reply reply = {
		.status = referral->is_unsubscribed ? 200 : 202,
		.contact = dialog_span(dialog, dialog->local_contact),
		.more = {{referral->is_unsubscribed ? SIP_HEADER_REFER_SUB : SIP_HEADER_OTHER,
			SPAN("false")}},
	};

	usages_answer(switchboard, request, &reply);
}

/* Hands the request to who decides. */
static void hand_over(
	struct switchboard *switchboard, struct referral *referral, const struct refer *refer)
{
	const struct leg *leg = &referral->call->legs[referral->leg_index];
	char number[ROUTE_NUMBER_BYTES];
	struct transfer_request request = {
		.call_id = referral->call->call_id,
		.leg_id = leg->leg_id,
		.transfer_id = referral->referral_id,
		.target = refer->to.target,
		.number = number,
		.replaces = refer->to.has_replaces ? &refer->to.replaces : NULL,
		.referred_by = refer->has_referrer ? refer->by.address.uri.text : (struct span){0},
	};
	unsigned status = 603;

	if (route_number(&refer->to.address.uri, number) != 0)
		number[0] = '\0';
	if (switchboard->ports.transfer != NULL)
		status = switchboard->ports.transfer(switchboard->ports.context, &request);
	if (status != 0)
		refers_report(switchboard, referral, status,
			switchboard->ports.transfer != NULL ? REFERRAL_NOTE_NONE
							    : REFERRAL_NOTE_NO_POLICY);
}

static void begin(struct switchboard *switchboard, const struct transaction_indication *request,
	struct referral *referral, const struct refer *refer)
{
	referral->referral_id = switchboard_random(switchboard) | 1;
	referral->cseq = request->message->cseq.number;
	referral->status = 100;
	referral->expires_s = REFER_SUBSCRIPTION_S;
	referral->is_unsubscribed = refer->is_unsubscribed;
	fill_transfer(refer, &referral->transfer);
	referral->transfer.transfer_id = referral->referral_id;
	referral->total_ms = td_after(switchboard->now.mono_ms, REFER_LIFE_MS);
	answer_accepted(switchboard, request, referral);
	referrals_emit(switchboard, referral, CALL_EVENT_TRANSFER_REQUESTED);
	if (!refer->is_unsubscribed) {
		referral->deadline_ms =
			td_after(switchboard->now.mono_ms, REFER_SUBSCRIPTION_S * TD_MS_PER_S);
		refers_step(switchboard, referral, NOTIFIER_EVENT_ACCEPTED);
	}
	referrals_arm(switchboard, referral);
	hand_over(switchboard, referral, refer);
}

void refers_take(struct switchboard *switchboard, const struct transaction_indication *request,
	struct line *line, unsigned index)
{
	struct refer refer = {.has_referrer = false};
	struct refusal refusal = read_refer(request->message, &refer);
	bool is_readable = refusal.status == 0;
	struct referral *referral;

	switchboard->counts.refers_received++;
	if (is_readable)
		refusal = judge(switchboard, line, index);
	if (refusal.status != 0) {
		refuse(switchboard, request, &refusal);
		if (is_readable)
			emit_refused(switchboard, line, index, &refer, refusal.status);
		return;
	}
	referral = referral_add(&line->call, index);
	if (referral == NULL) {
		switchboard->counts.refused_memory++;
		refuse(switchboard, request,
			&(const struct refusal){500, "too many transfers of this call at a time",
				switchboard->config->sip.retry_after_s});
		return;
	}
	begin(switchboard, request, referral, &refer);
}

/* Frees a referral of which nobody will hear any more. */
static void forget_if_done(struct switchboard *switchboard, struct referral *referral)
{
	bool is_silent = referral->notifier.state == NOTIFIER_INIT ||
			 referral->notifier.delivery == NOTIFIER_DELIVERY_DONE;

	if (referral->is_told && is_silent)
		referrals_forget(switchboard, referral);
	else
		referrals_arm(switchboard, referral);
}

void refers_step(
	struct switchboard *switchboard, struct referral *referral, enum notifier_event event)
{
	enum notifier_action action;

	if (notifier_step(&referral->notifier, event, &action) != 0) {
		switchboard->counts.unexpected++;
		return;
	}
	if (action == NOTIFIER_DO_NOTIFY) {
		referral->wake_ms = TD_NEVER;
		if (referrals_send(switchboard, referral, SIP_METHOD_NOTIFY) != 0) {
			refers_step(switchboard, referral, NOTIFIER_EVENT_UNDELIVERED);
			return;
		}
	} else if (action == NOTIFIER_DO_PAUSE && event == NOTIFIER_EVENT_DELIVERED) {
		refers_step(switchboard, referral, NOTIFIER_EVENT_PAUSE_OVER);
		return;
	} else if (action == NOTIFIER_DO_PAUSE) {
		referral->wake_ms = td_after(switchboard->now.mono_ms, USAGE_RETRY_MS);
	} else if (action == NOTIFIER_DO_FORGET) {
		referral->deadline_ms = TD_NEVER;
		forget_if_done(switchboard, referral);
		return;
	}
	referrals_arm(switchboard, referral);
}

void refers_report(struct switchboard *switchboard, struct referral *referral, unsigned status,
	enum referral_note note)
{
	struct event_transfer *transfer = &referral->transfer;
	bool is_final = status >= 200;
	bool is_heard = notifier_is_open(&referral->notifier);

	if (referral->is_told)
		return;
	referral->status = (uint16_t)status;
	referral->note = (uint8_t)note;
	if (is_final) {
		referral->is_told = true;
		referral->total_ms = TD_NEVER;
		transfer->sip_status = (uint16_t)status;
		transfer->outcome = status < 300 ? EVENT_TRANSFER_OUTCOME_CONFIRMED
						 : EVENT_TRANSFER_OUTCOME_FAILED;
		referrals_emit(switchboard, referral, CALL_EVENT_TRANSFER_ENDED);
	}
	if (is_heard)
		refers_step(switchboard, referral,
			is_final ? NOTIFIER_EVENT_FINISHED : NOTIFIER_EVENT_CHANGED);
	else
		forget_if_done(switchboard, referral);
}

void refers_timeout(struct switchboard *switchboard, struct referral *referral)
{
	uint64_t now_ms = switchboard->now.mono_ms;

	if (referral->wake_ms <= now_ms) {
		referral->wake_ms = TD_NEVER;
		refers_step(switchboard, referral, NOTIFIER_EVENT_PAUSE_OVER);
	} else if (referral->total_ms <= now_ms) {
		refers_report(switchboard, referral, 408, REFERRAL_NOTE_NONE);
	} else if (referral->deadline_ms <= now_ms) {
		referral->deadline_ms = TD_NEVER;
		refers_step(switchboard, referral, NOTIFIER_EVENT_EXPIRED);
	} else {
		referrals_arm(switchboard, referral);
	}
}

void refers_subscribed(struct switchboard *switchboard,
	const struct transaction_indication *request, struct line *line, unsigned index)
{
	const struct dialog *dialog = &line->call.legs[index].dialog;
	const struct sip_header *header = sip_message_find(request->message, SIP_HEADER_EVENT);
	struct event_name event = {.id = {0}};
	char expires[12];
	struct leg_reply reply = {.status = 200};
	struct referral *referral;
	uint32_t cseq = 0;
	uint32_t seconds;

	if (event_name_parse(header->value, &event) != 0 ||
		(event.id.length != 0 && delta_seconds_parse(event.id, &cseq) != 0))
		cseq = UINT32_MAX; /* no REFER has that number */
	referral = referral_find(&line->call, index, false, cseq);
	if (referral == NULL || !notifier_is_open(&referral->notifier)) {
		usages_answer_status(switchboard, request, 481, "there is no such subscription");
		return;
	}
	if (usages_read_expires(request->message, REFER_SUBSCRIPTION_S, &seconds) != 0) {
		usages_answer_status(switchboard, request, 400, "Expires is malformed");
		return;
	}
	seconds = seconds < REFER_SUBSCRIPTION_S ? seconds : REFER_SUBSCRIPTION_S;
	(void)snprintf(expires, sizeof(expires), "%u", seconds);
	reply.contact = dialog_span(dialog, dialog->local_contact);
	reply.more[0] = (struct leg_header){SIP_HEADER_EXPIRES, span_from(expires)};
	usages_answer(switchboard, request, &reply);
	referral->deadline_ms =
		seconds == 0 ? TD_NEVER : td_after(switchboard->now.mono_ms, seconds * TD_MS_PER_S);
	referrals_arm(switchboard, referral);
	refers_step(switchboard, referral,
		seconds == 0 ? NOTIFIER_EVENT_UNSUBSCRIBED : NOTIFIER_EVENT_REFRESHED);
}

void refers_restore(struct switchboard *switchboard, struct referral *referral)
{
	/* Whether the last NOTIFY was heard nobody knows: the end is told once more. */
	bool must_close = referral->notifier.state != NOTIFIER_INIT &&
			  referral->notifier.delivery != NOTIFIER_DELIVERY_DONE;

	referral->wake_ms = TD_NEVER;
	referral->deadline_ms = TD_NEVER;
	if (must_close)
		referral->notifier = (struct notifier){.state = NOTIFIER_ACTIVE};
	if (!referral->is_told)
		refers_report(switchboard, referral, 503, REFERRAL_NOTE_RESTARTED);
	else if (must_close)
		refers_step(switchboard, referral, NOTIFIER_EVENT_FINISHED);
	else
		forget_if_done(switchboard, referral);
}
