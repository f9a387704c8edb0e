/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Brings a journaled call back to life: its ports, its terminations, its dialogs, and the
 * transactions that were pending, so that an exchange of offer and answer goes on where it stood.
 */
#include "call/outcome.h"
#include "call/record.h"
#include "leg/cause.h"
#include "leg/screen.h"
#include "switchboard/early.h"
#include "switchboard/exchange.h"
#include "switchboard/session.h"
#include "switchboard/usage.h"

#include <tandem/time.h>

#include <errno.h>
#include <string.h>

static void restore_media(struct switchboard *switchboard, struct line *line, bool is_other_boot)
{
	for (unsigned i = 0; i < CALL_LEGS; i++) {
		struct call_media *media = &line->call.media[i];

		if (is_other_boot) {
			media->has_port = false;
			if (media->state != CALL_MEDIA_NONE)
				media->state = CALL_MEDIA_REMOVED;
			continue;
		}
		if (media->has_port && port_pool_claim(switchboard->pool, &media->local) != 0) {
			switchboard->counts.unexpected++;
			media->has_port = false;
		}
		media_repeat(switchboard, line, i);
	}
}

/* Monotonic times of an earlier boot mean nothing here: durations are taken from the wall
 * clock, the leg ends now. */
static void rebase_times(struct leg *leg, const struct td_now *now)
{
	const struct leg_times *times = &leg->times;
	uint64_t start_ns = times->invite_wall_ns;

	if (leg->leg_id == 0 || leg->end_ms != 0)
		return;
	if (leg->first_18x_ms != 0)
		leg->first_18x_ms = 1 + td_since(times->first_18x_wall_ns, start_ns) / TD_NS_PER_MS;
	if (leg->answer_ms != 0)
		leg->answer_ms = 1 + td_since(times->answer_wall_ns, start_ns) / TD_NS_PER_MS;
	leg->created_ms = 1;
	leg->hold_since_ms = 0;
	leg->end_ms = 1 + td_since(now->wall_ns, start_ns) / TD_NS_PER_MS;
	leg->times.end_wall_ns = now->wall_ns;
}

static void restore_identity(struct switchboard *switchboard, struct line *line)
{
	struct sip_message invite;

	for (unsigned i = 0; i < CALL_LEGS; i++) {
		struct leg *leg = &line->call.legs[i];
		struct span tag = dialog_span(&leg->dialog, leg->dialog.local_tag);

		if (leg->leg_id == 0)
			continue;
		if (!line->call.is_recorded) {
			trunk_call_restore(switchboard->trunks, leg->trunk);
			line->has_place[i] = true;
		}
		leg->is_recovered = leg->is_recovered || !leg_is_over(leg);
		if ((leg_is_over(leg) && !referral_is_on_leg(&line->call, i)) ||
			tag.length != SWITCHBOARD_TAG_BYTES - 1)
			continue;
		memcpy(line->tags[i].text, tag.text, tag.length);
		switchboard_index_leg(switchboard, line, i);
	}
	if (leg_is_over(&line->call.legs[CALL_CALLER]) ||
		!legs_read(line->call.legs[CALL_CALLER].invite, &invite))
		return;
	line->origin = receive_origin(switchboard, &invite);
	table_insert(switchboard->by_origin, &line->by_origin, &line->origin, sizeof(line->origin));
}

static void restore_client(struct switchboard *switchboard, struct line *line, unsigned index)
{
	struct leg *leg = &line->call.legs[index];
	/* If we were away for too long, no phone is to ring that didn't: what may be cancelled is,
	 * nothing is sent again. */
	bool is_stale = line->call.deadline_ms <= switchboard->now.mono_ms;
	struct transaction_options options = {
		.user = leg->leg_id,
		.is_proceeding = leg->state != LEG_CALLING || is_stale,
		.timer_b_ms = switchboard->config->sip.invite_timeout_ms,
	};
	int result = -ENOENT;

	if (leg->invite != NULL) {
		options.flow = &leg->invite->flow;
		result = transaction_restore_client(switchboard->transactions,
			(struct span){leg->invite->bytes, leg->invite->length}, &options,
			switchboard->now.mono_ms, &leg->invite->transaction);
	}
	if (result != 0) {
		struct event_release release;

		outcome_set(&release, 503, CAUSE_TEMPORARY_FAILURE, EVENT_RELEASE_SYSTEM,
			EVENT_DETAIL_INTERNAL);
		call_drop_request(&line->call, &leg->invite);
		legs_release(switchboard, line, index, &release);
		legs_step(switchboard, line, index, LEG_EVENT_REFUSED);
		return;
	}
	if (leg->state == LEG_CANCELLING &&
		transaction_cancel(switchboard->transactions, leg->invite->transaction,
			(struct span){0}, switchboard->now.mono_ms) != 0)
		switchboard->counts.unexpected++;
}

/* Puts a request of the peer's back; answers it with status if that isn't 0. What can't be put
 * back is dropped. */
static void restore_server(struct switchboard *switchboard, struct line *line, unsigned index,
	struct leg_request **slot, unsigned status)
{
	struct leg *leg = &line->call.legs[index];
	struct leg_reply reply = {
		.status = status,
		.has_allow = status == 200,
		.q850 = leg->refused_status != 0 ? leg->release.q850 : CAUSE_NONE,
	};
	struct transaction_options options = {.user = leg->leg_id};
	struct sip_message request;

	if (*slot != NULL)
		options.flow = &(*slot)->flow;
	if (!legs_read(*slot, &request) ||
		transaction_restore_server(switchboard->transactions, &request, &options,
			switchboard->now.mono_ms, &(*slot)->transaction) != 0) {
		call_drop_request(&line->call, slot);
		return;
	}
	if (status == 200) {
		if (slot != &leg->invite || leg->has_final_body)
			reply.body = legs_told(leg);
		sessions_repeat(leg, &reply);
	}
	if (status != 0)
		(void)legs_respond(switchboard, line, index, *slot, &reply); /* it is repeated */
}

/* A request of ours: the same bytes again, so that a peer that has answered answers once more. */
static void restore_sent(struct switchboard *switchboard, struct line *line, unsigned index)
{
	struct leg *leg = &line->call.legs[index];
	struct leg_request *sent = leg->negotiation.sent;
	struct transaction_options options = {.user = leg->leg_id};

	if (sent == NULL)
		return;
	options.flow = &sent->flow;
	if (transaction_restore_client(switchboard->transactions,
		    (struct span){sent->bytes, sent->length}, &options, switchboard->now.mono_ms,
		    &sent->transaction) != 0)
		response_missing(switchboard, sent->transaction, 503, line, index);
}

static void restore_prack(struct switchboard *switchboard, struct line *line, unsigned index,
	struct leg_request **prack)
{
	struct transaction_options options = {.user = line->call.legs[index].leg_id};

	if (*prack == NULL)
		return;
	options.flow = &(*prack)->flow;
	if (transaction_restore_client(switchboard->transactions,
		    (struct span){(*prack)->bytes, (*prack)->length}, &options,
		    switchboard->now.mono_ms, &(*prack)->transaction) != 0)
		call_drop_request(&line->call, prack);
}

/* An exchange goes on where it stood. */
static void restore_negotiation(struct switchboard *switchboard, struct line *line, unsigned index)
{
	struct leg *leg = &line->call.legs[index];
	struct negotiation *negotiation = &leg->negotiation;

	restore_prack(switchboard, line, index, &negotiation->prack);
	for (struct leg_fork *fork = leg->forks; fork != NULL; fork = fork->next)
		restore_prack(switchboard, line, index, &fork->negotiation.prack);
	restore_sent(switchboard, line, index);
	if (negotiation->state == NEGOTIATION_OFFER_RECEIVED)
		restore_server(switchboard, line, index, &negotiation->asked, 0);
	else if (negotiation->state == NEGOTIATION_ANSWER_SENT)
		restore_server(switchboard, line, index, &negotiation->asked, 200);
	else if (negotiation->state == NEGOTIATION_PAUSED ||
		 negotiation->state == NEGOTIATION_PAUSED_UPDATE)
		offer_pause(switchboard, line, index);
}

static void restore_ending(struct switchboard *switchboard, struct line *line, unsigned index)
{
	struct leg *leg = &line->call.legs[index];

	/* The peer may not have heard it. */
	if (leg->refused_status != 0)
		restore_server(switchboard, line, index, &leg->invite, leg->refused_status);
	else
		restore_sent(switchboard, line, index);
	if (leg->invite == NULL && leg->negotiation.sent == NULL)
		legs_step(switchboard, line, index, LEG_EVENT_CLOSED);
}

static void restore_leg(struct switchboard *switchboard, struct line *line, unsigned index)
{
	struct leg *leg = &line->call.legs[index];

	switch ((enum leg_state)leg->state) {
	case LEG_CALLING:
	case LEG_PROCEEDING:
	case LEG_CANCELLING:
		restore_client(switchboard, line, index);
		restore_negotiation(switchboard, line, index);
		break;
	case LEG_INCOMING:
	case LEG_ALERTING:
	case LEG_ACCEPTING:
		restore_server(switchboard, line, index, &leg->invite, 0);
		progress_restore(switchboard, line, index);
		restore_negotiation(switchboard, line, index);
		break;
	case LEG_ANSWERED:
	case LEG_PARTING:
		restore_server(switchboard, line, index, &leg->invite, 200);
		break;
	case LEG_ACTIVE:
		restore_negotiation(switchboard, line, index);
		break;
	case LEG_ENDING:
		restore_ending(switchboard, line, index);
		break;
	case LEG_IDLE:
	case LEG_CONFIRMING: /* the caller's ACK is still to come, or its absence */
	case LEG_ENDED:
	case LEG_STATE_COUNT:
	default:
		break;
	}
}

static void restore_timer(struct switchboard *switchboard, struct line *line)
{
	struct call *call = &line->call;
	uint64_t now_ms = switchboard->now.mono_ms;

	/* The dataplane needs its time after our restart, whatever was left of the old wait. */
	if (call->state == CALL_PREPARING)
		switchboard_arm(switchboard, line, td_after(now_ms, CALL_SETUP_GUARD_MS));
	else if (call->state == CALL_CLEARING)
		switchboard_arm(switchboard, line, td_after(now_ms, CALL_STATS_WAIT_MS));
	else
		switchboard_arm(switchboard, line, call->deadline_ms);
}

/* True if a trunk of the call left the configuration while we were away: what its peer says is
 * a stranger's word now. */
static bool has_lost_trunk(const struct call *call)
{
	for (unsigned i = 0; i < CALL_LEGS; i++)
		if (call->legs[i].leg_id != 0 && call->legs[i].trunk == TRUNK_NONE)
			return true;
	return false;
}

void restore_line(struct switchboard *switchboard, struct line *line, bool is_other_boot)
{
	struct call *call = &line->call;
	struct event_release release;

	call->is_recovered = true;
	switchboard_mark(switchboard, line);
	for (unsigned i = 0; is_other_boot && i < CALL_LEGS; i++)
		rebase_times(&call->legs[i], &switchboard->now);
	if (is_other_boot) {
		call->created_ms = switchboard->now.mono_ms;
		call->deadline_ms = switchboard->now.mono_ms; /* the old one means nothing */
	}
	restore_identity(switchboard, line);
	restore_media(switchboard, line, is_other_boot);
	if (!call->is_recorded)
		switchboard_emit_event(switchboard, line, CALL_EVENT_RECOVERED, CALL_LEGS);
	restore_timer(switchboard, line);
	sessions_restore(switchboard, line);
	for (unsigned i = 0; i < CALL_LEGS; i++)
		if (call->legs[i].leg_id != 0)
			restore_leg(switchboard, line, i);
	referrals_restore(switchboard, line, is_other_boot);
	if ((is_other_boot || has_lost_trunk(call)) && call->state < CALL_CLEARING) {
		outcome_set(&release, 503, CAUSE_TEMPORARY_FAILURE, EVENT_RELEASE_SYSTEM,
			EVENT_DETAIL_INTERNAL);
		calls_clear(switchboard, line, CALL_ON_CLEAR, &release);
	}
}
