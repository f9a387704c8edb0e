/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Relays INFO from one side of a call to the other (DTMF, flash, fast update and whatever else two
 * peers agree on), one at a time in each direction, and gives the other side's verdict back. Info
 * packages are refused: we know none. What is relayed is nobody's business here: bodies, which may
 * be digits that a caller pressed, are never looked at or logged.
 */
#include "switchboard/info.h"

#include "call/outcome.h"
#include "leg/allow.h"
#include "leg/cause.h"

#include <errno.h>

enum {
	INFO_BODY_MAX_BYTES = 4096, /* a digit takes 30, a fast update 300 */
	INFO_RETRY_S = 1,
};

static void refuse(struct switchboard *switchboard, const struct transaction_indication *request,
	const struct leg_reply *reply)
{
	switchboard->counts.infos_refused++;
	receive_answer(switchboard, request->id, request->message, request->flow, reply);
}

/* Why it can't be relayed: the reply's status, 0 if it can. */
static struct leg_reply judge(
	const struct line *line, unsigned index, const struct sip_message *request)
{
	const struct call *call = &line->call;
	const struct leg *other = &call->legs[1 - index];

	if (sip_message_find(request, SIP_HEADER_INFO_PACKAGE) != NULL)
		return (struct leg_reply){.status = 469,
			.more = {{SIP_HEADER_RECV_INFO, SPAN("")}}}; /* none (RFC 6086 4.2.2) */
	if (request->body.length > INFO_BODY_MAX_BYTES)
		return (struct leg_reply){.status = 413, .warning = "INFO body is too long"};
	if (call->state != CALL_TALKING || call->legs[index].state != LEG_ACTIVE ||
		other->state != LEG_ACTIVE)
		return (struct leg_reply){.status = 403, .warning = "the call isn't up"};
	if (!leg_allows(other->peer_methods, SIP_METHOD_INFO))
		return (struct leg_reply){.status = 488, .warning = "the other side takes no INFO"};
	if (call->legs[index].info != NULL)
		return (struct leg_reply){.status = 500, .retry_after_s = INFO_RETRY_S};
	return (struct leg_reply){.status = 0};
}

/* Sends leg index's kept INFO to the other side. */
static int relay(struct switchboard *switchboard, struct line *line, unsigned index)
{
	struct sip_message request;
	const struct sip_header *type;
	struct legs_outgoing outgoing = {
		.method = SIP_METHOD_INFO, .ret_id = &line->infos[1 - index]};

	if (!legs_read(line->call.legs[index].info, &request))
		return -EINVAL;
	type = sip_message_find(&request, SIP_HEADER_CONTENT_TYPE);
	if (request.body.length != 0 && type != NULL) {
		outgoing.body = request.body;
		outgoing.content_type = type->value;
	}
	return legs_request(switchboard, line, 1 - index, &outgoing);
}

void infos_take(struct switchboard *switchboard, const struct transaction_indication *request,
	struct line *line, unsigned index)
{
	struct leg *leg = &line->call.legs[index];
	const struct sip_message *message = request->message;
	struct leg_reply reply = judge(line, index, message);

	if (reply.status != 0) {
		refuse(switchboard, request, &reply);
		return;
	}
	reply.status = 500;
	reply.retry_after_s = INFO_RETRY_S;
	if (call_keep_request(
		    &line->call, &leg->info, SIP_METHOD_INFO, message->bytes, request->flow) != 0) {
		refuse(switchboard, request, &reply);
		return;
	}
	leg->info->transaction = request->id;
	line->call.legs[1 - index].challenges = 0;
	if (relay(switchboard, line, index) != 0) {
		call_drop_request(&line->call, &leg->info);
		refuse(switchboard, request, &reply);
		return;
	}
	switchboard->counts.infos_relayed++;
}

/* The other side's verdict, as far as it is the asker's business. */
static unsigned verdict(unsigned status)
{
	if (status < 300)
		return 200;
	return status == 401 || status == 407 || status == 408 || status == 503 || status < 400
		       ? 500
		       : status;
}

static void finish(
	struct switchboard *switchboard, struct line *line, unsigned asker, unsigned status)
{
	struct leg *leg = &line->call.legs[asker];
	struct leg_reply reply = {.status = verdict(status)};

	if (leg->info == NULL)
		return;
	(void)legs_respond(switchboard, line, asker, leg->info, &reply); /* gone: he asks again */
	call_drop_request(&line->call, &leg->info);
}

/* RFC 5057: 481 to any request inside the dialog says that the peer doesn't know it. */
static void lose(struct switchboard *switchboard, struct line *line, unsigned index)
{
	struct event_release release;

	outcome_set(&release, 481, CAUSE_RECOVERY_ON_TIMER, EVENT_RELEASE_NETWORK,
		EVENT_DETAIL_NO_RESPONSE);
	legs_release(switchboard, line, index, &release);
	legs_step(switchboard, line, index, LEG_EVENT_LOST);
}

bool infos_response(struct switchboard *switchboard, const struct transaction_indication *response,
	struct line *line, unsigned index)
{
	struct leg *leg = &line->call.legs[index];
	const struct sip_message *message = response->message;
	struct span uri = dialog_span(&leg->dialog, leg->dialog.remote_target);

	if (line->infos[index] == 0 || line->infos[index] != response->id)
		return false;
	if (message->status < 200)
		return true;
	line->infos[index] = 0;
	if (leg->state == LEG_ACTIVE &&
		auth_answer(switchboard, leg, message, SIP_METHOD_INFO, uri) &&
		relay(switchboard, line, 1 - index) == 0)
		return true;
	finish(switchboard, line, 1 - index, message->status);
	if (message->status == 481 && leg->state == LEG_ACTIVE)
		lose(switchboard, line, index);
	return true;
}

bool infos_missing(
	struct switchboard *switchboard, transaction_id id, struct line *line, unsigned index)
{
	if (line->infos[index] == 0 || line->infos[index] != id)
		return false;
	line->infos[index] = 0;
	/* Who sent it has given up too, and 408 may not be said (RFC 4320 4.2). */
	call_drop_request(&line->call, &line->call.legs[1 - index].info);
	(void)switchboard;
	return true;
}
