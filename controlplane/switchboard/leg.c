/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Carries out what the leg machine decides: builds the messages and tells the call.
 */
#include "call/outcome.h"
#include "call/record.h"
#include "leg/cause.h"
#include "leg/options.h"
#include "leg/screen.h"
#include "switchboard/early.h"
#include "switchboard/exchange.h"
#include "switchboard/session.h"
#include "switchboard/usage.h"
#include "util/format.h"

#include <errno.h>
#include <string.h>

enum {
	CALLER_HEADERS_BYTES = 16384, /* Identity, History-Info and rules may be long */
};

void legs_release(struct switchboard *switchboard, struct line *line, unsigned index,
	const struct event_release *release)
{
	struct leg *leg = &line->call.legs[index];

	if (leg->release.by != EVENT_RELEASE_NONE)
		return;
	leg->release = *release;
	if (leg->release.reason[0] == '\0')
		event_text_set(leg->release.reason, sizeof(leg->release.reason),
			cause_text(release->q850), strlen(cause_text(release->q850)));
	switchboard_mark(switchboard, line);
}

void legs_forget_dialog(struct switchboard *switchboard, struct line *line, unsigned index)
{
	/* A REFER in progress outlives the call in its dialog (RFC 5057). */
	if (!referral_is_on_leg(&line->call, index))
		table_remove(switchboard->by_tag, &line->tags[index].node);
	if (index == CALL_CALLER)
		table_remove(switchboard->by_origin, &line->by_origin);
}

static void send_ack(struct switchboard *switchboard, struct line *line, unsigned index)
{
	const struct sip_message *message = switchboard->message;
	uint32_t cseq = line->call.legs[index].invite_cseq;

	/* A repeated 2xx may belong to an earlier INVITE of ours. */
	if (message != NULL && message->status / 100 == 2 && message->method == SIP_METHOD_INVITE &&
		dialog_matches(&line->call.legs[index].dialog, message))
		cseq = message->cseq.number;
	legs_acknowledge(switchboard, line, index, cseq);
}

/* What goes into the first INVITE, but for its branch and what it says of the caller. */
static struct leg_invite describe_invite(
	const struct switchboard *switchboard, const struct line *line, unsigned index)
{
	const struct leg *leg = &line->call.legs[index];
	uint32_t reliable = leg->reliable.use != RELIABLE_NEVER ? LEG_OPTION_100REL : 0;
	uint32_t others = legs_options(switchboard, leg) & ~(uint32_t)LEG_OPTION_100REL;
	struct session_terms terms;

	session_timer_offer(&leg->session, &terms);
	return (struct leg_invite){
		.dialog = &leg->dialog,
		.session = terms,
		.supported = others | reliable,
		.require = leg->reliable.use == RELIABLE_REQUIRED ? LEG_OPTION_100REL : 0,
		.max_forwards = line->call.max_forwards,
		.user_agent = callers_user_agent(switchboard, line),
		.methods = usages_methods(switchboard, leg->trunk),
		.authorization =
			switchboard->authorization[0] != '\0' ? switchboard->authorization : NULL,
		.is_proxy_authorization = switchboard->is_proxy_authorization,
		.body = leg->is_offer_late ? (struct span){0} : legs_told(leg),
	};
}

/* Builds the first INVITE, keeps it and sends it. */
static int begin_invite(struct switchboard *switchboard, struct line *line, unsigned index)
{
	struct leg *leg = &line->call.legs[index];
	struct transaction_options options = {
		.flow = &leg->dialog.flow,
		.user = leg->leg_id,
		.timer_b_ms = switchboard->config->sip.invite_timeout_ms,
	};
	char branch[TRANSACTION_BRANCH_BYTES];
	char headers[CALLER_HEADERS_BYTES];
	struct leg_invite invite = describe_invite(switchboard, line, index);
	transaction_id id = 0;
	int result;

	transaction_branch(switchboard->transactions, branch);
	invite.branch = branch;
	result = callers_headers(switchboard, line, headers, sizeof(headers));
	if (result > 0)
		invite.headers = (struct span){headers, (uint32_t)result};
	else if (result < 0)
		switchboard->counts.unexpected++; /* the call is worth more than they are */
	result = leg_build_invite(switchboard->buffer, sizeof(switchboard->buffer), &invite);
	switchboard->authorization[0] = '\0';
	if (result <= 0)
		return -EINVAL;
	options.may_fall_back = oversize_divert(
		switchboard, leg->trunk, switchboard->buffer, (size_t)result, &leg->dialog.flow);
	result = call_keep_request(&line->call, &leg->invite, SIP_METHOD_INVITE,
		(struct span){switchboard->buffer, (uint32_t)result}, &leg->dialog.flow);
	if (result != 0)
		return result;
	result = transaction_request(switchboard->transactions,
		(struct span){leg->invite->bytes, leg->invite->length}, &options,
		switchboard->now.mono_ms, &id);
	if (leg->invite != NULL)
		leg->invite->transaction = id;
	return result;
}

/* Sends the INVITE that begins the called leg, or repeats it with credentials. */
static void send_invite(struct switchboard *switchboard, struct line *line, unsigned index)
{
	struct leg *leg = &line->call.legs[index];
	struct event_release release;

	if (leg->invite_cseq != 0) {
		leg->dialog.local_cseq++;
	} else {
		leg->created_ms = switchboard->now.mono_ms;
		leg->times.invite_wall_ns = switchboard->now.wall_ns;
		exchange_step(switchboard, line, index, NEGOTIATION_EVENT_ORDER_CALL);
	}
	leg->invite_cseq = leg->dialog.local_cseq;
	if (begin_invite(switchboard, line, index) == 0)
		return;
	switchboard->counts.refused_memory++;
	outcome_set(&release, 503, CAUSE_RESOURCE_UNAVAILABLE, EVENT_RELEASE_SYSTEM,
		EVENT_DETAIL_INTERNAL);
	legs_release(switchboard, line, index, &release);
	legs_step(switchboard, line, index, LEG_EVENT_REFUSED);
}

static void send_cancel(struct switchboard *switchboard, struct line *line, unsigned index)
{
	struct leg *leg = &line->call.legs[index];
	char reason[64];
	int length = format_text(reason, sizeof(reason), "Q.850;cause=%u", leg->release.q850);
	int result = transaction_cancel(switchboard->transactions,
		leg->invite != NULL ? leg->invite->transaction : 0,
		leg->release.q850 != CAUSE_NONE ? (struct span){reason, (uint32_t)length}
						: (struct span){0},
		switchboard->now.mono_ms);

	/* -EALREADY: the final response is on its way up to us. */
	if (result == -ENOENT)
		legs_step(switchboard, line, index, LEG_EVENT_REFUSED);
}

/* Ends what an offer left open, so that BYE closes everything. */
static void close_negotiation(struct switchboard *switchboard, struct line *line, unsigned index)
{
	struct leg *leg = &line->call.legs[index];
	struct negotiation *negotiation = &leg->negotiation;
	struct leg_reply reply = {.status = 487};

	if (negotiation->state == NEGOTIATION_OFFER_RECEIVED) /* RFC 3261 15.1.2 */
		(void)legs_respond(switchboard, line, index, negotiation->asked, &reply);
	else if (negotiation->state == NEGOTIATION_ANSWER_SENT && negotiation->asked != NULL)
		(void)transaction_acknowledged(/* gone is as good */
			switchboard->transactions, negotiation->asked->transaction);
	else if (negotiation->state == NEGOTIATION_ACK_OWED)
		legs_acknowledge(switchboard, line, index, leg->invite_cseq);
	wheel_stop(&switchboard->wheel, &line->pauses[index].timer);
	call_drop_request(&line->call, &negotiation->asked);
	if (negotiation->sent != NULL && negotiation->sent->method != SIP_METHOD_BYE)
		call_drop_request(&line->call, &negotiation->sent);
	negotiation->state = NEGOTIATION_IDLE;
}

static void send_bye(struct switchboard *switchboard, struct line *line, unsigned index)
{
	const struct legs_outgoing bye = {
		.method = SIP_METHOD_BYE, .keep = &line->call.legs[index].negotiation.sent};
	const struct legs_outgoing unkept = {.method = SIP_METHOD_BYE};

	close_negotiation(switchboard, line, index);
	line->call.legs[index].challenges = 0;
	if (legs_request(switchboard, line, index, &bye) == 0)
		return;
	/* Without memory to follow it the peer is to hear it all the same. */
	switchboard->counts.refused_memory++;
	if (legs_request(switchboard, line, index, &unkept) != 0)
		switchboard->counts.refused_memory++;
	legs_step(switchboard, line, index, LEG_EVENT_CLOSED);
}

static void send_refusal(
	struct switchboard *switchboard, struct line *line, unsigned index, unsigned status)
{
	struct leg *leg = &line->call.legs[index];
	struct leg_reply reply = {
		.status = status,
		.q850 = leg->release.q850,
		.warning = switchboard->warning,
		.retry_after_s = line->call.retry_after_s,
		.has_accept = status == 488,
	};

	close_negotiation(switchboard, line, index);
	progress_step(switchboard, line, index, RELIABLE_EVENT_ORDER_FINAL);
	switchboard->warning = NULL;
	leg->refused_status = (uint16_t)status;
	if (legs_respond(switchboard, line, index, leg->invite, &reply))
		return; /* kept until the peer has it */
	call_drop_request(&line->call, &leg->invite);
	legs_step(switchboard, line, index, LEG_EVENT_CLOSED);
}

static void send_answer(struct switchboard *switchboard, struct line *line, unsigned index)
{
	struct leg *leg = &line->call.legs[index];
	struct leg_reply reply = {.status = 200, .has_allow = true};

	/* Once he has our answer, or we his, the 2xx has nothing to say (RFC 6337 3.1.1). */
	leg->has_final_body = leg->negotiation.state == NEGOTIATION_FIRST_RECEIVED;
	if (leg->has_final_body)
		reply.body = legs_told(leg);
	if (leg->answer_ms == 0) {
		leg->answer_ms = switchboard->now.mono_ms;
		leg->times.answer_wall_ns = switchboard->now.wall_ns;
	}
	leg->dialog.state = DIALOG_CONFIRMED;
	exchange_step(switchboard, line, index, NEGOTIATION_EVENT_CONNECTED);
	sessions_answer(switchboard, line, index, &reply);
	progress_step(switchboard, line, index, RELIABLE_EVENT_ORDER_FINAL);
	if (!legs_respond(switchboard, line, index, leg->invite, &reply))
		legs_step(switchboard, line, index, LEG_EVENT_ACK_MISSING);
}

static void stop_2xx(struct switchboard *switchboard, struct line *line, unsigned index)
{
	struct leg *leg = &line->call.legs[index];

	/* Gone already if the process restarted since: nothing repeats then. */
	if (leg->invite != NULL)
		(void)transaction_acknowledged(switchboard->transactions, leg->invite->transaction);
	call_drop_request(&line->call, &leg->invite);
	if (leg->times.ack_wall_ns == 0)
		leg->times.ack_wall_ns = switchboard->now.wall_ns;
}

static void accept_bye(struct switchboard *switchboard, struct line *line, unsigned index)
{
	const struct leg_reply reply = {.status = 200};

	receive_answer(switchboard, switchboard->transaction, switchboard->message,
		switchboard->flow, &reply);
	close_negotiation(switchboard, line, index);
}

static void perform(
	struct switchboard *switchboard, struct line *line, unsigned index, enum leg_action action)
{
	switch (action) {
	case LEG_DO_INVITE:
		send_invite(switchboard, line, index);
		break;
	case LEG_DO_CANCEL:
		send_cancel(switchboard, line, index);
		break;
	case LEG_DO_ACK:
		send_ack(switchboard, line, index);
		break;
	case LEG_DO_BYE:
		send_bye(switchboard, line, index);
		break;
	case LEG_DO_PROGRESS:
		progress_send(switchboard, line, index);
		break;
	case LEG_DO_ANSWER:
		send_answer(switchboard, line, index);
		break;
	case LEG_DO_REFUSE:
		send_refusal(switchboard, line, index, line->call.legs[index].release.sip_status);
		break;
	case LEG_DO_TERMINATE:
		send_refusal(switchboard, line, index, 487);
		break;
	case LEG_DO_ACCEPT_BYE:
		accept_bye(switchboard, line, index);
		break;
	case LEG_DO_STOP_2XX:
		stop_2xx(switchboard, line, index);
		break;
	case LEG_TELL_PROGRESS:
		calls_progress(switchboard, line);
		break;
	case LEG_TELL_ANSWERED:
		calls_answered(switchboard, line);
		break;
	case LEG_TELL_CONFIRMED:
		calls_confirmed(switchboard, line);
		break;
	case LEG_TELL_REFUSED:
		calls_refused(switchboard, line);
		break;
	case LEG_TELL_GONE:
		calls_gone(switchboard, line, index);
		break;
	case LEG_TELL_INVITED: /* admission goes on in the caller's function */
	case LEG_ACTION_NONE:
	default:
		break;
	}
}

void legs_step(
	struct switchboard *switchboard, struct line *line, unsigned index, enum leg_event event)
{
	struct leg *leg = &line->call.legs[index];
	struct leg_actions actions;

	if (leg_step(leg, event, &actions) != 0) {
		switchboard->counts.unexpected++;
		return;
	}
	switchboard_mark(switchboard, line);
	if (leg_is_settled(leg) && leg->leg_id != 0)
		record_note_end(leg, &switchboard->now);
	if (leg_is_settled(leg))
		sessions_end(switchboard, line, index);
	if (leg->state == LEG_ENDED)
		legs_forget_dialog(switchboard, line, index);
	for (unsigned i = 0; i < actions.count; i++)
		perform(switchboard, line, index, (enum leg_action)actions.list[i]);
}
