/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Our own offers inside a dialog, by re-INVITE or UPDATE: how they go out, what their responses
 * mean, and the pause after 491 (RFC 3261 14.1, RFC 3311 5.3).
 */
#include "call/outcome.h"
#include "leg/cause.h"
#include "leg/screen.h"
#include "switchboard/early.h"
#include "switchboard/exchange.h"
#include "switchboard/session.h"
#include "switchboard/state.h"

#include <tandem/time.h>

enum {
	RETRY_MAX_S = 10, /* RFC 3261 14.2 */
};

void offer_send(struct switchboard *switchboard, struct line *line, unsigned index)
{
	struct leg *leg = &line->call.legs[index];
	bool is_update = leg->negotiation.state == NEGOTIATION_UPDATE_SENT;
	const struct legs_outgoing offer = {
		.method = is_update ? SIP_METHOD_UPDATE : SIP_METHOD_INVITE,
		.body = leg->is_offer_late && !is_update ? (struct span){0} : legs_told(leg),
		.keep = &leg->negotiation.sent,
	};

	if (legs_request(switchboard, line, index, &offer) != 0) {
		switchboard->counts.refused_memory++;
		switchboard->reject_status = 500;
		sessions_refused(switchboard, line, index);
		exchange_step(switchboard, line, index, NEGOTIATION_EVENT_REFUSED);
		return;
	}
	if (!is_update)
		leg->invite_cseq = leg->dialog.local_cseq;
}

void offer_pause(struct switchboard *switchboard, struct line *line, unsigned index)
{
	struct leg *leg = &line->call.legs[index];
	uint32_t pause_ms = switchboard->pause_ms;

	if (pause_ms == 0)
		pause_ms = negotiation_pause_ms(leg->is_uac, switchboard_random(switchboard));
	switchboard->pause_ms = 0;

	wheel_start(&switchboard->wheel, &line->pauses[index].timer,
		td_after(switchboard->now.mono_ms, pause_ms));
}

void offer_pause_over(struct switchboard *switchboard, struct line *line, unsigned index)
{
	struct leg *leg = &line->call.legs[index];
	bool is_hopeless = ++leg->negotiation.glare_count >= NEGOTIATION_GLARE_MAX;

	switchboard->reject_status = 491;
	if (is_hopeless)
		sessions_refused(switchboard, line, index);
	exchange_step(switchboard, line, index,
		is_hopeless ? NEGOTIATION_EVENT_ORDER_GIVE_UP : NEGOTIATION_EVENT_PAUSE_OVER);
}

void offer_lost(struct switchboard *switchboard, struct line *line, unsigned index)
{
	struct leg *leg = &line->call.legs[index];
	struct event_release release;

	outcome_set(&release, leg_is_early(leg) ? 504 : 408, CAUSE_RECOVERY_ON_TIMER,
		EVENT_RELEASE_NETWORK, EVENT_DETAIL_NO_RESPONSE);
	if (!leg_is_early(leg)) {
		legs_release(switchboard, line, index, &release);
		legs_step(switchboard, line, index, LEG_EVENT_LOST);
	} else if (leg->forks != NULL) {
		forks_end(switchboard, line, index); /* the others may live */
	} else {
		calls_clear(switchboard, line, CALL_ON_CLEAR, &release);
	}
}

void offer_accepted(struct switchboard *switchboard, struct line *line, unsigned index,
	const struct sip_message *response)
{
	struct leg *leg = &line->call.legs[index];
	enum negotiation_event event = NEGOTIATION_EVENT_ACCEPTED;

	call_drop_request(&line->call, &leg->negotiation.sent);
	if (dialog_refresh_target(&leg->dialog, response) != 0)
		switchboard->counts.refused_memory++;
	sessions_accepted(switchboard, line, index, response);
	if (response->method == SIP_METHOD_UPDATE)
		event = NEGOTIATION_EVENT_ANSWERED;
	else if (leg->is_offer_late && leg_has_sdp(response))
		event = NEGOTIATION_EVENT_COUNTERED;
	exchange_step(switchboard, line, index, event);
}

static void lose(
	struct switchboard *switchboard, struct line *line, unsigned index, unsigned status)
{
	sessions_lost(switchboard, line, index, status);
	exchange_step(switchboard, line, index, NEGOTIATION_EVENT_LOST);
}

static void refuse(struct switchboard *switchboard, struct line *line, unsigned index)
{
	sessions_refused(switchboard, line, index);
	exchange_step(switchboard, line, index, NEGOTIATION_EVENT_REFUSED);
}

/* 500 with a short Retry-After: an offer of the peer's own is pending (RFC 3261 14.2, RFC 3311
 * 5.2). 0: it isn't that. */
static uint32_t retry_ms(const struct sip_message *response)
{
	uint32_t wait_s = outcome_retry_after_s(response);

	return wait_s <= RETRY_MAX_S ? wait_s * TD_MS_PER_S : 0;
}

void offer_refused(struct switchboard *switchboard, struct line *line, unsigned index,
	const struct sip_message *response, unsigned status)
{
	struct leg *leg = &line->call.legs[index];
	struct span uri = dialog_span(&leg->dialog, leg->dialog.remote_target);
	enum sip_method method = (enum sip_method)leg->negotiation.sent->method;
	bool can_answer =
		response != NULL && (auth_answer(switchboard, leg, response, method, uri) ||
					    sessions_lengthen(leg, response));

	call_drop_request(&line->call, &leg->negotiation.sent);
	switchboard->reject_status = status;
	if (status == 500 && response != NULL && !can_answer)
		switchboard->pause_ms = retry_ms(response);
	if (can_answer)
		exchange_step(switchboard, line, index, NEGOTIATION_EVENT_CHALLENGED);
	else if (status == 491 || switchboard->pause_ms != 0)
		exchange_step(switchboard, line, index, NEGOTIATION_EVENT_GLARED);
	else if (status == 481 || status == 408 || response == NULL)
		lose(switchboard, line, index, status);
	else
		refuse(switchboard, line, index);
}

void offer_update_response(struct switchboard *switchboard, struct line *line, unsigned index,
	const struct transaction_indication *response)
{
	const struct leg_request *sent = line->call.legs[index].negotiation.sent;
	unsigned status = response->message->status;

	if (status < 200 || sent == NULL || sent->transaction != response->id)
		return;
	if (status < 300)
		offer_accepted(switchboard, line, index, response->message);
	else
		offer_refused(switchboard, line, index, response->message, status);
}
