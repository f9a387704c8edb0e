/* SPDX-License-Identifier: Apache-2.0 */
/*
 * 18x from the called side to the caller: what of its session description goes along, and whether
 * the caller gets it reliably (RFC 3262 3).
 */
#include "call/outcome.h"
#include "leg/cause.h"
#include "leg/options.h"
#include "leg/screen.h"
#include "switchboard/early.h"
#include "switchboard/exchange.h"
#include "switchboard/state.h"

enum reliable_use progress_use(const struct config_trunk *trunk, const struct sip_message *invite)
{
	if (trunk == NULL || trunk->reliable_provisional == CONFIG_RELIABLE_OFF)
		return RELIABLE_NEVER;
	if ((leg_options_listed(invite, SIP_HEADER_REQUIRE) & LEG_OPTION_100REL) != 0)
		return RELIABLE_REQUIRED;
	return (leg_options_listed(invite, SIP_HEADER_SUPPORTED) & LEG_OPTION_100REL) != 0
		       ? RELIABLE_SUPPORTED
		       : RELIABLE_NEVER;
}

/* The called side's answer to the caller's offer. True if the caller is to have it now. */
static bool take_answer(struct switchboard *switchboard, struct line *line)
{
	struct call *call = &line->call;
	struct media_body offer;
	struct media_body answer;

	if (media_body_read(switchboard->message->body, &answer) != NULL ||
		media_plan_misfit(call, CALL_CALLEE, &answer) != NULL ||
		media_plan_answer_misfit(call, CALL_CALLEE, &answer) != NULL)
		return false; /* no early media; its 2xx will be judged by itself */
	(void)media_plan_take_remote(call, CALL_CALLEE, &answer, false);
	media_modify(switchboard, line, CALL_CALLEE);
	if (call->legs[CALL_CALLER].negotiation.state != NEGOTIATION_FIRST_RECEIVED ||
		media_plan_read_remote(call, CALL_CALLER, &offer) != NULL ||
		media_plan_answer(call, CALL_CALLER, &offer, &answer) != NULL)
		return false; /* he has an answer */
	media_modify(switchboard, line, CALL_CALLER);
	return true;
}

/* The called side's offer, for the caller's INVITE had none. True if the caller is to answer it;
 * else it is answered in his absence, if it can be (early_advance()). */
static bool take_offer(struct switchboard *switchboard, struct line *line)
{
	struct call *call = &line->call;
	struct media_body offer;

	if (media_body_read(switchboard->message->body, &offer) != NULL ||
		media_plan_misfit(call, CALL_CALLEE, &offer) != NULL)
		return false;
	(void)media_plan_take_remote(call, CALL_CALLEE, &offer, false);
	media_modify(switchboard, line, CALL_CALLEE);
	return call->legs[CALL_CALLER].negotiation.state == NEGOTIATION_FIRST_RECEIVED &&
	       media_plan_offer(call, CALL_CALLER, &offer) == NULL;
}

void calls_progress(struct switchboard *switchboard, struct line *line)
{
	struct call *call = &line->call;

	if (call->state != CALL_DIALLING && call->state != CALL_RINGING)
		return;
	call->legs[CALL_CALLER].provisional = (uint8_t)(switchboard->message->status - 100);
	if (switchboard->progress == PROGRESS_ANSWER && !take_answer(switchboard, line))
		switchboard->progress = PROGRESS_PLAIN;
	else if (switchboard->progress == PROGRESS_OFFER && !take_offer(switchboard, line))
		switchboard->progress = PROGRESS_PLAIN;
	calls_step(switchboard, line, CALL_ON_PROGRESS);
}

static void note_times(const struct switchboard *switchboard, struct leg *leg)
{
	struct leg_times *times = &leg->times;

	if (leg->first_18x_ms == 0) {
		leg->first_18x_ms = switchboard->now.mono_ms;
		times->first_18x_wall_ns = switchboard->now.wall_ns;
	}
	if (leg->provisional == 180 - 100 && times->t180_wall_ns == 0)
		times->t180_wall_ns = switchboard->now.wall_ns;
	if (switchboard->progress != PROGRESS_PLAIN && times->early_media_wall_ns == 0)
		times->early_media_wall_ns = switchboard->now.wall_ns;
}

/* Sends the reliable 18x that the leg says is out, for the first time or once more. */
static void send_reliable(struct switchboard *switchboard, struct line *line, unsigned index)
{
	struct leg *leg = &line->call.legs[index];
	struct leg_reply reply = {
		.status = 100u + leg->reliable.status,
		.require = LEG_OPTION_100REL,
		.rseq = leg->reliable.rseq,
		.has_allow = true, /* so that he knows of UPDATE (RFC 3311 5.1) */
	};

	if (leg->reliable.has_body)
		reply.body = legs_told(leg);
	(void)legs_respond(switchboard, line, index, leg->invite, &reply); /* ended meanwhile */
}

/* The 18x that waits becomes the one that is out. */
static void send_kept(struct switchboard *switchboard, struct line *line, unsigned index)
{
	struct leg *leg = &line->call.legs[index];
	struct reliable *reliable = &leg->reliable;

	reliable->status = reliable->kept_status;
	reliable->has_body =
		reliable->has_kept_body && leg->negotiation.state == NEGOTIATION_FIRST_RECEIVED;
	reliable->has_kept_body = false;
	reliable->rseq = reliable->rseq != 0 ? reliable->rseq + 1
					     : reliable_first_rseq(switchboard_random(switchboard));
	if (reliable->has_body)
		exchange_step(switchboard, line, index,
			leg->is_offer_late ? NEGOTIATION_EVENT_ORDER_EARLY_OFFER
					   : NEGOTIATION_EVENT_ORDER_EARLY_ANSWER);
	send_reliable(switchboard, line, index);
}

/* 64 * T1 without PRACK: the caller can't be reached, or doesn't do what it says. */
static void give_up(struct switchboard *switchboard, struct line *line)
{
	struct event_release release;

	switchboard->counts.prack_missing++;
	outcome_set(&release, 504, CAUSE_RECOVERY_ON_TIMER, EVENT_RELEASE_NETWORK,
		EVENT_DETAIL_NO_RESPONSE);
	switchboard->warning = "no PRACK for a reliable provisional response";
	calls_clear(switchboard, line, CALL_ON_CLEAR, &release);
}

void progress_step(
	struct switchboard *switchboard, struct line *line, unsigned index, unsigned event)
{
	struct leg *leg = &line->call.legs[index];
	struct reliable_actions actions;

	if (reliable_step(&leg->reliable.state, (enum reliable_event)event, &actions) != 0) {
		switchboard->counts.unexpected++;
		return;
	}
	switchboard_mark(switchboard, line);
	for (unsigned i = 0; i < actions.count; i++) {
		switch ((enum reliable_action)actions.list[i]) {
		case RELIABLE_DO_SEND:
		case RELIABLE_DO_SEND_KEPT:
			send_kept(switchboard, line, index);
			break;
		case RELIABLE_DO_STOP:
			(void)transaction_acknowledged(/* gone is as good */
				switchboard->transactions,
				leg->invite != NULL ? leg->invite->transaction : 0);
			break;
		case RELIABLE_TELL_EXPIRED:
			give_up(switchboard, line);
			break;
		case RELIABLE_DO_KEEP:
		case RELIABLE_ACTION_NONE:
		default:
			break;
		}
	}
}

/* True if the 18x must not be reliable: the first reliable answer to an INVITE without offer
 * holds one (RFC 3261 13.2.1), and there is none yet. */
static bool lacks_offer(const struct switchboard *switchboard, const struct leg *leg)
{
	return leg->is_offer_late && leg->negotiation.state == NEGOTIATION_FIRST_RECEIVED &&
	       switchboard->progress == PROGRESS_PLAIN && leg->reliable.state == RELIABLE_IDLE;
}

void progress_send(struct switchboard *switchboard, struct line *line, unsigned index)
{
	struct leg *leg = &line->call.legs[index];
	struct reliable *reliable = &leg->reliable;
	struct leg_reply reply = {.status = 100u + leg->provisional};
	bool has_body = switchboard->progress != PROGRESS_PLAIN;

	note_times(switchboard, leg);
	if (reliable->use != RELIABLE_NEVER && !lacks_offer(switchboard, leg)) {
		reliable->kept_status = leg->provisional;
		reliable->has_kept_body = has_body || reliable->has_kept_body;
		progress_step(switchboard, line, index, RELIABLE_EVENT_ORDER_SEND);
	} else if (reliable->use != RELIABLE_REQUIRED) {
		if (has_body)
			reply.body = legs_told(leg);
		(void)legs_respond(switchboard, line, index, leg->invite, &reply); /* one of many */
	} /* else silence is all that is left (RFC 3262 3) */
}

void progress_restore(struct switchboard *switchboard, struct line *line, unsigned index)
{
	const struct reliable *reliable = &line->call.legs[index].reliable;

	if (reliable->state == RELIABLE_SENT || reliable->state == RELIABLE_QUEUED)
		send_reliable(switchboard, line, index);
}
