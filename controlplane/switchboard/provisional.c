/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Provisional responses to our first INVITE: which early dialog they belong to, whether they come
 * in order and must be acknowledged (RFC 3262 4), and which fork is the one that is heard.
 */
#include "call/fork.h"
#include "leg/allow.h"
#include "leg/options.h"
#include "leg/screen.h"
#include "sip/rack.h"
#include "switchboard/early.h"
#include "switchboard/exchange.h"
#include "switchboard/state.h"

#include <errno.h>

enum {
	STATUS_EARLY_DIALOG_TERMINATED = 199, /* RFC 6228 */
};

bool forks_can_switch(const struct line *line, unsigned index)
{
	const struct negotiation *negotiation = &line->call.legs[index].negotiation;

	/* What is half agreed with a fork is finished with it. */
	return line->call.exchange == CALL_EXCHANGE_NONE &&
	       (negotiation->state == NEGOTIATION_IDLE ||
		       negotiation->state == NEGOTIATION_FIRST_SENT);
}

int forks_enter(struct line *line, unsigned index, struct span tag, struct leg_fork **ret_former)
{
	struct leg *leg = &line->call.legs[index];
	struct span used = dialog_span(&leg->dialog, leg->dialog.remote_tag);
	struct leg_fork *fork;
	int result;

	*ret_former = NULL;
	if (span_is_empty(tag) || span_is_empty(used) || span_equal(tag, used))
		return 0;
	fork = call_find_fork(leg, tag);
	if (fork != NULL) {
		call_swap_fork(leg, fork);
		*ret_former = fork;
		return 0;
	}
	result = call_add_fork(&line->call, index);
	if (result == 0)
		*ret_former = leg->forks;
	return result;
}

void forks_end(struct switchboard *switchboard, struct line *line, unsigned index)
{
	struct leg *leg = &line->call.legs[index];
	struct leg_fork *fork = leg->forks;
	struct media_body body;

	if (fork == NULL)
		return; /* the last one: another may still come */
	exchange_forget_dialog(switchboard, line, index);
	call_swap_fork(leg, fork);
	call_drop_fork(&line->call, index, fork);
	if (media_plan_read_remote(&line->call, index, &body) != NULL)
		return;
	(void)media_plan_take_remote(&line->call, index, &body, true);
	media_modify(switchboard, line, index);
}

/* True if the 18x is reliable; *ret_rseq is its number. */
static bool is_reliable(
	const struct leg *leg, const struct sip_message *message, uint32_t *ret_rseq)
{
	return leg->reliable.use != RELIABLE_NEVER && message->to.tag.length != 0 &&
	       (leg_options_listed(message, SIP_HEADER_REQUIRE) & LEG_OPTION_100REL) != 0 &&
	       sip_rseq_read(message, ret_rseq) == 0;
}

/* True if it is the next one; what comes again or out of order isn't heard (RFC 3262 4). */
static bool is_in_order(const struct negotiation *negotiation, uint32_t rseq)
{
	return negotiation->rseq == 0 || rseq == negotiation->rseq + 1;
}

/* What the body of an 18x is in the dialog in use. */
static enum progress_body body_of(
	const struct leg *leg, const struct sip_message *message, bool is_reliable)
{
	if (!leg_has_sdp(message) || leg->negotiation.state != NEGOTIATION_FIRST_SENT)
		return PROGRESS_PLAIN;
	if (!leg->is_offer_late)
		return PROGRESS_ANSWER;
	return is_reliable ? PROGRESS_OFFER : PROGRESS_PLAIN; /* an offer needs an answer */
}

/* Takes a reliable 18x: PRACK goes out at once, unless it must hold an answer. */
static void acknowledge(struct switchboard *switchboard, struct line *line, unsigned index,
	enum progress_body body, uint32_t rseq)
{
	struct leg *leg = &line->call.legs[index];

	leg->negotiation.rseq = rseq;
	if (body == PROGRESS_ANSWER)
		exchange_step(switchboard, line, index, NEGOTIATION_EVENT_EARLY_ANSWER);
	else if (body == PROGRESS_OFFER)
		exchange_step(switchboard, line, index, NEGOTIATION_EVENT_EARLY_OFFER);
	if (body != PROGRESS_OFFER)
		prack_send(switchboard, line, index, false);
}

static void note(
	const struct switchboard *switchboard, struct leg *leg, const struct sip_message *message)
{
	leg->provisional = (uint8_t)(message->status - 100);
	if (leg->first_18x_ms == 0) {
		leg->first_18x_ms = switchboard->now.mono_ms;
		leg->times.first_18x_wall_ns = switchboard->now.wall_ns;
	}
	if (message->status == 180 && leg->times.t180_wall_ns == 0)
		leg->times.t180_wall_ns = switchboard->now.wall_ns;
	if (leg_has_sdp(message) && leg->times.early_media_wall_ns == 0)
		leg->times.early_media_wall_ns = switchboard->now.wall_ns;
}

/* An 18x in the dialog in use. is_heard: its media are the ones to hear from now on. */
static void take(struct switchboard *switchboard, struct line *line, unsigned index,
	const struct transaction_indication *response, bool is_heard)
{
	struct leg *leg = &line->call.legs[index];
	const struct sip_message *message = response->message;
	uint32_t rseq = 0;
	int error = 0;
	bool must_acknowledge = is_reliable(leg, message, &rseq);

	if (must_acknowledge && !is_in_order(&leg->negotiation, rseq)) {
		switchboard->counts.provisional_dropped++;
		return;
	}
	if (message->to.tag.length != 0)
		error = dialog_accept_response(&leg->dialog, message, response->flow);
	if (error == -ENOMEM) {
		switchboard->counts.refused_memory++;
		if (must_acknowledge)
			return; /* it comes again */
	} else if (error != 0) {
		switchboard->counts.unexpected++;
	}
	leg_allow_learn(message, &leg->peer_methods);
	switchboard->progress = body_of(leg, message, must_acknowledge);
	if (must_acknowledge)
		acknowledge(switchboard, line, index, switchboard->progress, rseq);
	if (!is_heard && switchboard->progress != PROGRESS_PLAIN) {
		/* Kept for the case that this fork answers. */
		if (call_set_text(&line->call, &leg->negotiation.remote_sdp,
			    &leg->negotiation.remote_sdp_length, message->body) != 0)
			switchboard->counts.refused_memory++;
		switchboard->progress = PROGRESS_PLAIN;
	}
	if (message->status == STATUS_EARLY_DIALOG_TERMINATED)
		return;
	note(switchboard, leg, message);
	legs_step(switchboard, line, index, LEG_EVENT_PROGRESS);
}

static void take_trying(struct switchboard *switchboard, struct line *line, unsigned index)
{
	struct leg *leg = &line->call.legs[index];

	if (leg->times.t100_wall_ns == 0)
		leg->times.t100_wall_ns = switchboard->now.wall_ns;
	legs_step(switchboard, line, index, LEG_EVENT_TRYING);
}

/* 199: the dialog in use is over; former waits if there is one that was in use before. */
static void forget(
	struct switchboard *switchboard, struct line *line, unsigned index, struct leg_fork *former)
{
	if (former == NULL) {
		forks_end(switchboard, line, index);
		return;
	}
	call_swap_fork(&line->call.legs[index], former);
	call_drop_fork(&line->call, index, former);
}

void provisional_take(struct switchboard *switchboard, struct line *line, unsigned index,
	const struct transaction_indication *response)
{
	struct leg *leg = &line->call.legs[index];
	const struct sip_message *message = response->message;
	bool can_switch = forks_can_switch(line, index);
	bool is_heard;
	struct leg_fork *former;

	if (leg->answer_ms != 0 || !leg->is_uac || leg->invite == NULL ||
		message->cseq.number != leg->invite_cseq)
		return; /* of a re-INVITE, or of one that was repeated with credentials */
	if (message->status == 100) {
		take_trying(switchboard, line, index);
		return;
	}
	if (forks_enter(line, index, message->to.tag, &former) != 0) {
		switchboard->counts.forks_refused++;
		return;
	}
	/* Media follow the fork that speaks last; one that only rings doesn't silence another. */
	is_heard = former == NULL ||
		   (can_switch && (leg_has_sdp(message) || former->negotiation.remote_sdp == NULL));
	take(switchboard, line, index, response, is_heard);
	if (message->status == STATUS_EARLY_DIALOG_TERMINATED)
		forget(switchboard, line, index, former);
	else if (former != NULL && !is_heard)
		call_swap_fork(leg, former);
}
