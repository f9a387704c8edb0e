/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Brings a journaled call back to life: its ports, its terminations, its dialogs, and the
 * transactions that were pending. What was half agreed in a re-INVITE is treated as not agreed:
 * the session stays as it was and the asker may ask again.
 */
#include "call/outcome.h"
#include "call/record.h"
#include "leg/cause.h"
#include "leg/screen.h"
#include "switchboard/state.h"

#include <tandem/time.h>

#include <string.h>

enum {
	RETRY_AFTER_RESTART_S = 2,
};

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
		if (leg_is_over(leg) || tag.length != SWITCHBOARD_TAG_BYTES - 1)
			continue;
		memcpy(line->tags[i].text, tag.text, tag.length);
		switchboard_index_leg(switchboard, line, i);
	}
	/* Later the pending request is a re-INVITE, whose repeats have a To tag. */
	if (line->call.legs[CALL_CALLER].state >= LEG_ACTIVE ||
		!legs_read_pending(&line->call.legs[CALL_CALLER], &invite))
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
	const struct transaction_options options = {
		.flow = &leg->pending.flow,
		.user = leg->leg_id,
		.is_proceeding = leg->state != LEG_CALLING || is_stale,
		.timer_b_ms = switchboard->config->sip.invite_timeout_ms,
	};

	if (leg->pending.bytes == NULL ||
		transaction_restore_client(switchboard->transactions,
			(struct span){leg->pending.bytes, leg->pending.length}, &options,
			switchboard->now.mono_ms, &leg->pending.transaction) != 0) {
		response_missing(switchboard, leg->pending.transaction, 503, line, index);
		return;
	}
	if (leg->state == LEG_CANCELLING &&
		transaction_cancel(switchboard->transactions, leg->pending.transaction,
			(struct span){0}, switchboard->now.mono_ms) != 0)
		switchboard->counts.unexpected++;
}

/* Puts the peer's INVITE back; answers it with status if that isn't 0. */
static void restore_server(
	struct switchboard *switchboard, struct line *line, unsigned index, unsigned status)
{
	struct leg *leg = &line->call.legs[index];
	struct leg_reply reply = {
		.status = status,
		.has_allow = status == 200,
		.retry_after_s = status == 500 ? RETRY_AFTER_RESTART_S : 0,
		.q850 = leg->refused_status != 0 ? leg->release.q850 : CAUSE_NONE,
	};
	const struct transaction_options options = {
		.flow = &leg->pending.flow, .user = leg->leg_id};
	struct sip_message request;

	if (!legs_read_pending(leg, &request) || leg->pending.is_update ||
		transaction_restore_server(switchboard->transactions, &request, &options,
			switchboard->now.mono_ms, &leg->pending.transaction) != 0) {
		call_clear_pending(&line->call, index);
		return;
	}
	if (status != 0)
		(void)legs_respond(switchboard, line, index, &reply, status == 200);
}

static void restore_negotiation(struct switchboard *switchboard, struct line *line, unsigned index)
{
	struct leg *leg = &line->call.legs[index];

	if (leg->negotiation == NEGOTIATION_OFFER_RECEIVED) {
		restore_server(switchboard, line, index, 500);
	} else if (leg->negotiation == NEGOTIATION_ANSWER_SENT) {
		restore_server(switchboard, line, index, 200);
		return; /* its ACK is still to come */
	} else if (leg->negotiation == NEGOTIATION_ACK_OWED) {
		(void)legs_answer_in_ack(switchboard, line, index); /* else without body */
		legs_acknowledge(switchboard, line, index, leg->invite_cseq);
	}
	leg->negotiation = NEGOTIATION_IDLE;
}

static void restore_leg(struct switchboard *switchboard, struct line *line, unsigned index)
{
	struct leg *leg = &line->call.legs[index];
	transaction_id id;

	switch ((enum leg_state)leg->state) {
	case LEG_CALLING:
	case LEG_PROCEEDING:
	case LEG_CANCELLING:
		restore_client(switchboard, line, index);
		break;
	case LEG_INCOMING:
	case LEG_ALERTING:
		restore_server(switchboard, line, index, 0);
		break;
	case LEG_ANSWERED:
	case LEG_PARTING:
		restore_server(switchboard, line, index, 200);
		break;
	case LEG_ACTIVE:
		restore_negotiation(switchboard, line, index);
		break;
	case LEG_ENDING: /* the peer may not have heard it */
		if (leg->refused_status != 0) {
			restore_server(switchboard, line, index, leg->refused_status);
			if (leg->pending.bytes == NULL)
				legs_step(switchboard, line, index, LEG_EVENT_CLOSED);
		} else if (legs_request(switchboard, line, index, SIP_METHOD_BYE, &id) != 0) {
			legs_step(switchboard, line, index, LEG_EVENT_CLOSED);
		}
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
	trunks_restore(switchboard, line);
	restore_media(switchboard, line, is_other_boot);
	if (!call->is_recorded)
		switchboard_emit_event(switchboard, line, CALL_EVENT_RECOVERED, CALL_LEGS);
	restore_timer(switchboard, line);
	for (unsigned i = 0; i < CALL_LEGS; i++)
		if (call->legs[i].leg_id != 0)
			restore_leg(switchboard, line, i);
	if ((is_other_boot || has_lost_trunk(call)) && call->state < CALL_CLEARING) {
		outcome_set(&release, 503, CAUSE_TEMPORARY_FAILURE, EVENT_RELEASE_SYSTEM,
			EVENT_DETAIL_INTERNAL);
		calls_clear(switchboard, line, CALL_ON_CLEAR, &release);
	}
}
