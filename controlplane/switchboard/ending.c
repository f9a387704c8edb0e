/* SPDX-License-Identifier: Apache-2.0 */
/*
 * How calls end: who learns which reason, whether another destination gets a try, what is
 * recorded, and when the object may go.
 */
#include "call/outcome.h"
#include "call/record.h"
#include "leg/cause.h"
#include "switchboard/exchange.h"
#include "switchboard/session.h"
#include "switchboard/state.h"

#include <string.h>

void calls_names(const struct switchboard *switchboard, const struct line *line,
	struct record_names *ret_names)
{
	const struct call *call = &line->call;

	ret_names->now = switchboard->now;
	for (unsigned i = 0; i < CALL_LEGS; i++) {
		const struct config_trunk *trunk =
			call->legs[i].leg_id != 0
				? trunk_config(switchboard->trunks, call->legs[i].trunk)
				: NULL;

		ret_names->trunks[i] = trunk != NULL ? trunk->name : "";
	}
}

static void emit_cdr(struct switchboard *switchboard, struct line *line, unsigned index)
{
	struct record_names names;
	struct event_record record;

	calls_names(switchboard, line, &names);
	record_fill_cdr(&line->call, index, &names, &record);
	switchboard->ports.emit(switchboard->ports.context, &record);
}

void calls_clear(struct switchboard *switchboard, struct line *line, enum call_trigger trigger,
	const struct event_release *release)
{
	for (unsigned i = 0; i < CALL_LEGS; i++)
		legs_release(switchboard, line, i, release);
	calls_step(switchboard, line, trigger);
}

void calls_begin_callee(struct switchboard *switchboard, struct line *line, uint32_t trunk)
{
	exchange_forget_dialog(switchboard, line, CALL_CALLEE);
	call_begin_leg(&line->call, CALL_CALLEE, &switchboard->now);
	line->call.legs[CALL_CALLEE].trunk = trunk;
	sessions_begin(switchboard, &line->call.legs[CALL_CALLEE]);
	line->has_place[CALL_CALLEE] = true;
}

/* True if the call may be tried once more: not too often, and not for too long. */
static bool may_try_again(const struct switchboard *switchboard, const struct call *call)
{
	uint64_t limit_ms = (uint64_t)switchboard->config->sip.setup_timeout_s * TD_MS_PER_S;

	return call->leg_count < EVENT_CALL_LEGS_MAX &&
	       td_since(switchboard->now.mono_ms, call->created_ms) < limit_ms;
}

/* Gives the next target or destination a try after a refusal that only concerned the route. */
static bool fail_over(struct switchboard *switchboard, struct line *line)
{
	struct call *call = &line->call;
	const struct event_release *release = &call->legs[CALL_CALLEE].release;
	uint8_t destination = call->destination_at;
	uint32_t trunk;

	if (!may_try_again(switchboard, call))
		return false;
	/* The offer that the caller is about to answer was this destination's. */
	if (call->legs[CALL_CALLER].negotiation.state == NEGOTIATION_EARLY_OFFERED)
		return false;
	if (bindings_choose_next(switchboard, line))
		trunk = call->legs[CALL_CALLEE].trunk;
	else if (!outcome_is_route_failure(release) ||
		 trunks_choose_next(switchboard, line,
			 outcome_is_target_failure(release) &&
				 !bindings_serve(switchboard, call->legs[CALL_CALLEE].trunk),
			 &trunk) != 0)
		return false;
	emit_cdr(switchboard, line, CALL_CALLEE);
	if (call->destination_at != destination)
		trunks_leave(switchboard, line, CALL_CALLEE);
	calls_begin_callee(switchboard, line, trunk);
	calls_step(switchboard, line, CALL_ON_FAILOVER);
	return true;
}

void calls_refused(struct switchboard *switchboard, struct line *line)
{
	struct call *call = &line->call;
	struct event_release release;

	if (call->state != CALL_DIALLING && call->state != CALL_RINGING)
		return;
	if (fail_over(switchboard, line))
		return;
	outcome_for_caller(&call->legs[CALL_CALLEE].release, &release);
	call->retry_after_s = release.sip_status == call->legs[CALL_CALLEE].release.sip_status
				      ? outcome_retry_after_s(switchboard->message)
				      : 0; /* of that hop, not of ours */
	legs_release(switchboard, line, CALL_CALLER, &release);
	calls_step(switchboard, line, CALL_ON_REFUSED);
}

/* Why a leg ended that nobody gave a reason for yet. */
static struct event_release release_of_gone(
	const struct switchboard *switchboard, const struct leg *leg, unsigned index)
{
	struct event_release release;
	uint16_t cause =
		switchboard->message != NULL ? cause_from_message(switchboard->message) : 0;

	if (leg->answer_ms == 0)
		outcome_set(&release, 487, cause != CAUSE_NONE ? cause : CAUSE_NORMAL,
			index == CALL_CALLER ? EVENT_RELEASE_CALLER : EVENT_RELEASE_CALLEE,
			EVENT_DETAIL_CANCEL);
	else
		outcome_set(&release, 200, CAUSE_RECOVERY_ON_TIMER, EVENT_RELEASE_NETWORK,
			EVENT_DETAIL_NO_RESPONSE);
	return release;
}

/* A leg ended by its peer or the network: the other one follows, for the same reason. */
void calls_gone(struct switchboard *switchboard, struct line *line, unsigned index)
{
	struct leg *leg = &line->call.legs[index];
	struct event_release release = release_of_gone(switchboard, leg, index);

	legs_release(switchboard, line, index, &release);
	release = leg->release;
	if (line->call.legs[1 - index].answer_ms == 0)
		release.sip_status = index == CALL_CALLER ? 487 : 480;
	legs_release(switchboard, line, 1 - index, &release);
	calls_step(switchboard, line,
		index == CALL_CALLER ? CALL_ON_CALLER_GONE : CALL_ON_CALLEE_GONE);
}

void calls_timeout(struct switchboard *switchboard, struct line *line)
{
	struct event_release release;

	if (line->call.state == CALL_CLEARING) {
		media_give_up(switchboard, line);
		calls_step(switchboard, line, CALL_ON_TIMEOUT);
		return;
	}
	if (line->call.state == CALL_PREPARING) {
		switchboard->counts.refused_media++;
		line->call.retry_after_s = switchboard->config->sip.retry_after_s;
		outcome_set(&release, 503, CAUSE_RESOURCE_UNAVAILABLE, EVENT_RELEASE_SYSTEM,
			EVENT_DETAIL_MEDIA_REFUSED);
	} else {
		outcome_set(
			&release, 480, CAUSE_NO_ANSWER, EVENT_RELEASE_SYSTEM, EVENT_DETAIL_TIMER);
	}
	calls_clear(switchboard, line, CALL_ON_TIMEOUT, &release);
}

/* A destination that was chosen but never sent an INVITE is no leg of the call. */
static void forget_undialled(struct switchboard *switchboard, struct line *line)
{
	struct leg *callee = &line->call.legs[CALL_CALLEE];

	if (callee->leg_id == 0 || callee->invite_cseq != 0)
		return;
	trunks_leave(switchboard, line, CALL_CALLEE);
	callee->leg_id = 0;
	line->call.leg_count--;
}

void calls_record(struct switchboard *switchboard, struct line *line)
{
	struct call *call = &line->call;
	struct record_names names;
	struct event_record record;

	if (call->is_recorded)
		return;
	forget_undialled(switchboard, line);
	switchboard_emit_event(switchboard, line,
		call->is_answered ? CALL_EVENT_ENDED : CALL_EVENT_FAILED, CALL_CALLER);
	for (unsigned i = 0; i < CALL_LEGS; i++) {
		if (call->legs[i].leg_id == 0)
			continue;
		record_note_end(&call->legs[i], &switchboard->now);
		emit_cdr(switchboard, line, i);
	}
	calls_names(switchboard, line, &names);
	record_fill_contact(call, &names, &record);
	switchboard->ports.emit(switchboard->ports.context, &record);
	for (unsigned i = 0; i < CALL_LEGS; i++)
		trunks_leave(switchboard, line, i); /* may be the last of a retired trunk */
	call->is_recorded = true;
	switchboard->counts.calls_ended++;
	switchboard_arm(switchboard, line, TD_NEVER);
}

bool calls_settle(struct switchboard *switchboard, struct line *line)
{
	if (line->call.state == CALL_CLEARING && call_is_settled(&line->call))
		calls_step(switchboard, line, CALL_ON_SETTLED);
	if (line->call.state == CALL_LINGERING && call_is_over(&line->call))
		calls_step(switchboard, line, CALL_ON_OVER);
	if (line->call.state != CALL_DONE)
		return false;
	switchboard_drop_line(switchboard, line);
	return true;
}
