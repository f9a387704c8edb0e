/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Session timers of the legs (RFC 4028): reads and writes their headers as messages pass, sends
 * refreshes, and ends calls that nobody keeps alive. What is agreed, and when what is due, the
 * leg's session timer decides.
 *
 * A refresh goes by UPDATE without a body where the peer takes it, else by a re-INVITE with the
 * body that was last agreed. A peer that agreed to no timer is asked by OPTIONS instead of a
 * re-INVITE: all that is wanted of it is a sign of life.
 */
#include "switchboard/session.h"

#include "call/outcome.h"
#include "leg/allow.h"
#include "leg/cause.h"
#include "leg/options.h"
#include "leg/screen.h"
#include "switchboard/exchange.h"
#include "switchboard/state.h"

#include <tandem/time.h>

#include <string.h>

enum {
	AT_ONCE_MS = 1, /* again, by other means */
};

static enum session_policy policy_of(const struct config_trunk *trunk)
{
	static const enum session_policy policies[CONFIG_SESSION_TIMER_COUNT] = {
		[CONFIG_SESSION_TIMER_OFF] = SESSION_POLICY_OFF,
		[CONFIG_SESSION_TIMER_ACCEPT] = SESSION_POLICY_ACCEPT,
		[CONFIG_SESSION_TIMER_REQUEST] = SESSION_POLICY_REQUEST,
	};

	return trunk != NULL ? policies[trunk->session_timer] : SESSION_POLICY_OFF;
}

static void init_timer(
	const struct switchboard *switchboard, uint32_t trunk, struct session_timer *timer)
{
	const struct config_sip *sip = &switchboard->config->sip;

	session_timer_init(timer, policy_of(trunk_config(switchboard->trunks, trunk)),
		sip->session_expires_s, sip->min_se_s);
}

uint32_t sessions_options(const struct switchboard *switchboard, uint32_t trunk)
{
	return policy_of(trunk_config(switchboard->trunks, trunk)) != SESSION_POLICY_OFF
		       ? LEG_OPTION_TIMER
		       : 0;
}

/* --- time ----------------------------------------------------------------------------------- */

/* One timer serves both legs of a call. */
static void arm(struct switchboard *switchboard, struct line *line)
{
	uint64_t deadline_ms = TD_NEVER;

	for (unsigned i = 0; i < CALL_LEGS; i++) {
		const struct leg *leg = &line->call.legs[i];

		if (leg->leg_id != 0 && leg->session.deadline_ms < deadline_ms)
			deadline_ms = leg->session.deadline_ms;
	}
	wheel_start(&switchboard->wheel, &line->session.timer, deadline_ms);
}

static void release_leg(struct switchboard *switchboard, struct line *line, unsigned index,
	unsigned status, const char *reason)
{
	struct event_release release;

	outcome_set(&release, status, CAUSE_RECOVERY_ON_TIMER, EVENT_RELEASE_NETWORK,
		EVENT_DETAIL_SESSION_TIMER);
	event_text_set(release.reason, sizeof(release.reason), reason, strlen(reason));
	legs_release(switchboard, line, index, &release);
}

static void expire(struct switchboard *switchboard, struct line *line, unsigned index)
{
	switchboard->counts.sessions_expired++;
	switchboard_emit_event(switchboard, line, CALL_EVENT_SESSION_EXPIRED, index);
	release_leg(switchboard, line, index, 408, "session expired without refresh");
	legs_step(switchboard, line, index, LEG_EVENT_LOST);
}

/* The peer doesn't know the dialog any more, or is gone. */
static void lose(
	struct switchboard *switchboard, struct line *line, unsigned index, unsigned status)
{
	switchboard->counts.sessions_lost++;
	release_leg(switchboard, line, index, status,
		status == 481 ? "the peer knows nothing of the call"
			      : "no answer to a session refresh");
	legs_step(switchboard, line, index, LEG_EVENT_LOST);
}

void sessions_end(struct switchboard *switchboard, struct line *line, unsigned index)
{
	struct session_timer *timer = &line->call.legs[index].session;

	line->refreshes[index] = 0;
	if (timer->state == SESSION_OFF)
		return;
	(void)session_timer_step(timer, SESSION_EVENT_AGREED_NONE, switchboard->now.mono_ms);
	arm(switchboard, line);
}

/* --- refresh -------------------------------------------------------------------------------- */

static enum sip_method refresh_method(const struct leg *leg)
{
	if ((leg->peer_methods & LEG_METHOD(SIP_METHOD_UPDATE)) != 0)
		return SIP_METHOD_UPDATE;
	if (leg->session.is_alone && leg_allows(leg->peer_methods, SIP_METHOD_OPTIONS))
		return SIP_METHOD_OPTIONS;
	return SIP_METHOD_INVITE;
}

static void refresh(struct switchboard *switchboard, struct line *line, unsigned index)
{
	struct leg *leg = &line->call.legs[index];
	struct legs_outgoing outgoing = {
		.method = refresh_method(leg), .ret_id = &line->refreshes[index]};

	/* An exchange under way refreshes the session itself, or fails soon. */
	if (leg->state != LEG_ACTIVE || leg->negotiation.state != NEGOTIATION_IDLE ||
		(line->call.exchange != CALL_EXCHANGE_NONE &&
			outgoing.method == SIP_METHOD_INVITE)) {
		session_timer_refused(&leg->session, 0, switchboard->now.mono_ms);
		return;
	}
	switchboard->counts.session_refreshes++;
	line->refreshes[index] = 0;
	leg->challenges = 0;
	if (outgoing.method == SIP_METHOD_INVITE) {
		leg->is_offer_late = false;
		leg->negotiation.glare_count = 0;
		exchange_step(switchboard, line, index, NEGOTIATION_EVENT_ORDER_OFFER);
	} else if (legs_request(switchboard, line, index, &outgoing) != 0) {
		switchboard->counts.refused_memory++;
		session_timer_refused(&leg->session, 0, switchboard->now.mono_ms);
	}
}

static void due(struct switchboard *switchboard, struct line *line, unsigned index)
{
	struct leg *leg = &line->call.legs[index];
	uint64_t now_ms = switchboard->now.mono_ms;

	if (leg->leg_id == 0 || leg->session.deadline_ms > now_ms)
		return;
	switchboard_mark(switchboard, line);
	switch (session_timer_step(
		&leg->session, session_timer_due(&leg->session, now_ms), now_ms)) {
	case SESSION_DO_REFRESH:
		refresh(switchboard, line, index);
		break;
	case SESSION_TELL_EXPIRED:
		if (leg->state == LEG_ACTIVE || leg->state == LEG_ANSWERED)
			expire(switchboard, line, index);
		break;
	case SESSION_ACTION_NONE:
	default:
		break;
	}
}

void sessions_due(struct switchboard *switchboard, struct line *line)
{
	for (unsigned i = 0; i < CALL_LEGS; i++)
		due(switchboard, line, i);
	arm(switchboard, line);
}

/* A refresh of ours was answered by something else than 2xx. */
static void take_refusal(struct switchboard *switchboard, struct line *line, unsigned index,
	const struct sip_message *response)
{
	struct leg *leg = &line->call.legs[index];
	uint64_t now_ms = switchboard->now.mono_ms;
	uint64_t wait_ms = 0;

	if (response->status == 405 || response->status == 501) {
		leg->peer_methods &= ~LEG_METHOD(response->method);
		wait_ms = leg->session.is_alone ? 0 : AT_ONCE_MS;
	} else if (response->status == 491) {
		wait_ms = negotiation_pause_ms(leg->is_uac, switchboard_random(switchboard));
	} else if (response->status == 422 && sessions_lengthen(leg, response)) {
		wait_ms = AT_ONCE_MS;
	}
	if (leg->session.is_alone && wait_ms == 0) /* whatever it said: it lives */
		(void)session_timer_step(&leg->session, SESSION_EVENT_AGREED_OURS, now_ms);
	else
		session_timer_refused(&leg->session, wait_ms, now_ms);
}

static void take_response(struct switchboard *switchboard, struct line *line, unsigned index,
	const struct sip_message *response)
{
	struct leg *leg = &line->call.legs[index];
	struct span uri = dialog_span(&leg->dialog, leg->dialog.remote_target);
	const struct legs_outgoing again = {
		.method = response->method, .ret_id = &line->refreshes[index]};

	line->refreshes[index] = 0;
	if (leg->state != LEG_ACTIVE)
		return;
	if (response->status == 481 || response->status == 408) {
		lose(switchboard, line, index, response->status);
		return;
	}
	if (auth_answer(switchboard, leg, response, response->method, uri) &&
		legs_request(switchboard, line, index, &again) == 0)
		return;
	if (response->status >= 300) {
		take_refusal(switchboard, line, index, response);
	} else if (response->method == SIP_METHOD_OPTIONS) {
		leg_allow_learn(response, &leg->peer_methods);
		(void)session_timer_step(
			&leg->session, SESSION_EVENT_AGREED_OURS, switchboard->now.mono_ms);
	} else {
		if (dialog_refresh_target(&leg->dialog, response) != 0)
			switchboard->counts.refused_memory++;
		sessions_accepted(switchboard, line, index, response);
	}
	arm(switchboard, line);
}

bool sessions_response(struct switchboard *switchboard,
	const struct transaction_indication *response, struct line *line, unsigned index)
{
	if (line->refreshes[index] == 0 || line->refreshes[index] != response->id)
		return false;
	if (response->message->status >= 200)
		take_response(switchboard, line, index, response->message);
	return true;
}

bool sessions_missing(
	struct switchboard *switchboard, transaction_id id, struct line *line, unsigned index)
{
	if (line->refreshes[index] == 0 || line->refreshes[index] != id)
		return false;
	line->refreshes[index] = 0;
	if (line->call.legs[index].state == LEG_ACTIVE)
		lose(switchboard, line, index, 408);
	return true;
}

/* --- agreeing ------------------------------------------------------------------------------- */

void sessions_begin(struct switchboard *switchboard, struct leg *leg)
{
	init_timer(switchboard, leg->trunk, &leg->session);
}

/* Refuses a request whose terms can't be had. */
static bool is_refused(struct switchboard *switchboard,
	const struct transaction_indication *request, const struct session_timer *timer,
	const struct session_terms *asked)
{
	struct leg_reply reply = {.status = session_timer_judge(timer, asked)};

	if (reply.status == 0)
		return false;
	switchboard->counts.session_too_small++;
	reply.session.min_se_s = timer->min_se_s;
	receive_answer(switchboard, request->id, request->message, request->flow, &reply);
	return true;
}

static bool admit(struct switchboard *switchboard, const struct transaction_indication *request,
	const struct session_timer *timer, struct session_terms *ret_asked)
{
	const struct leg_reply reply = {
		.status = 400, .warning = "Session-Expires or Min-SE isn't a number of seconds"};

	memset(ret_asked, 0, sizeof(*ret_asked));
	if (timer->policy == SESSION_POLICY_OFF)
		return true;
	if (session_terms_read(request->message, ret_asked) == 0)
		return !is_refused(switchboard, request, timer, ret_asked);
	switchboard->counts.refused_policy++;
	receive_answer(switchboard, request->id, request->message, request->flow, &reply);
	return false;
}

bool sessions_admit_first(struct switchboard *switchboard,
	const struct transaction_indication *request, uint32_t trunk)
{
	struct session_timer timer;
	struct session_terms asked;

	init_timer(switchboard, trunk, &timer);
	return admit(switchboard, request, &timer, &asked);
}

bool sessions_admit_refresh(struct switchboard *switchboard,
	const struct transaction_indication *request, struct leg *leg)
{
	struct session_terms asked;

	if (!admit(switchboard, request, &leg->session, &asked))
		return false;
	session_timer_prepare(&leg->session, &asked);
	return true;
}

void sessions_prepare(struct leg *leg, const struct sip_message *invite)
{
	struct session_terms asked = {0};

	/* Judged before: it can be read. */
	if (leg->session.policy != SESSION_POLICY_OFF && session_terms_read(invite, &asked) == 0)
		session_timer_prepare(&leg->session, &asked);
}

static void write_terms(const struct session_terms *terms, struct leg_reply *reply)
{
	reply->session = *terms;
	if (terms->is_required)
		reply->require |= LEG_OPTION_TIMER;
}

void sessions_answer(
	struct switchboard *switchboard, struct line *line, unsigned index, struct leg_reply *reply)
{
	struct leg *leg = &line->call.legs[index];
	struct session_terms terms;

	if (leg->session.policy == SESSION_POLICY_OFF)
		return;
	session_timer_answer(&leg->session, switchboard->now.mono_ms, &terms);
	write_terms(&terms, reply);
	line->refreshes[index] = 0; /* this 2xx does what it was to do */
	arm(switchboard, line);
}

void sessions_repeat(const struct leg *leg, struct leg_reply *reply)
{
	struct session_terms terms;

	session_timer_repeat(&leg->session, &terms);
	write_terms(&terms, reply);
}

void sessions_accepted(struct switchboard *switchboard, struct line *line, unsigned index,
	const struct sip_message *response)
{
	struct leg *leg = &line->call.legs[index];
	struct session_terms terms = {0};

	if (leg->session.policy == SESSION_POLICY_OFF)
		return;
	if (session_terms_read(response, &terms) != 0)
		switchboard->counts.malformed++; /* as if it had agreed to nothing */
	session_timer_accept(&leg->session, &terms, switchboard->now.mono_ms);
	arm(switchboard, line);
}

bool sessions_lengthen(struct leg *leg, const struct sip_message *response)
{
	struct session_terms terms;

	return response != NULL && response->status == 422 &&
	       session_terms_read(response, &terms) == 0 &&
	       session_timer_lengthen(&leg->session, &terms);
}

void sessions_refused(struct switchboard *switchboard, struct line *line, unsigned index)
{
	struct leg *leg = &line->call.legs[index];

	if (leg->session.state != SESSION_REFRESHING)
		return;
	if (leg->session.is_alone) /* whatever it said: it lives */
		(void)session_timer_step(
			&leg->session, SESSION_EVENT_AGREED_OURS, switchboard->now.mono_ms);
	else
		session_timer_refused(&leg->session, 0, switchboard->now.mono_ms);
	arm(switchboard, line);
}

void sessions_lost(
	struct switchboard *switchboard, struct line *line, unsigned index, unsigned status)
{
	const struct leg *leg = &line->call.legs[index];

	if (leg->session.state != SESSION_REFRESHING || line->call.exchange != CALL_EXCHANGE_NONE)
		return;
	switchboard->counts.sessions_lost++;
	release_leg(switchboard, line, index, status,
		status == 481 ? "the peer knows nothing of the call"
			      : "no answer to a session refresh");
}

void sessions_restore(struct switchboard *switchboard, struct line *line)
{
	for (unsigned i = 0; i < CALL_LEGS; i++)
		session_timer_restore(&line->call.legs[i].session, switchboard->now.mono_ms);
	arm(switchboard, line);
}
