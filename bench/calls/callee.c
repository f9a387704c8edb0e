/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The called side (UAS): rings at once, answers after the ring time, repeats its 200 until the
 * ACK comes (RFC 3261 13.3.1.4), answers every BYE, also a repeated one.
 *
 *   IDLE --INVITE--> RINGING --ring time--> ANSWERED --ACK--> CONFIRMED --BYE--> OVER
 */
#include "calls/call.h"

#include <tandem/time.h>

#include <stdlib.h>
#include <string.h>

/* Sends a response; keeps it for repeats if must_keep. Returns when it was sent. */
static uint64_t respond(const struct call_stage *stage, struct call *call, const char *bytes,
	size_t length, bool must_keep)
{
	if (must_keep) {
		char *copy = realloc(call->response, length);

		if (copy == NULL)
			abort(); /* the generator can't measure anything without memory */
		memcpy(copy, bytes, length);
		call->response = copy;
		call->response_length = (uint16_t)length;
	}
	return stage->send(
		stage->context, call->pair, CALL_SIDE_CALLEE, (struct piece){bytes, length});
}

static void send_again(const struct call_stage *stage, const struct call *call)
{
	if (call->response != NULL)
		(void)stage->send(stage->context, call->pair, CALL_SIDE_CALLEE,
			(struct piece){call->response, call->response_length});
}

/* Answers from the 180 that was kept: it holds all that the 200 needs of the INVITE. */
static void answer(const struct call_stage *stage, struct call *call, uint64_t now_ns)
{
	char bytes[CALL_MESSAGE_BYTES];
	struct sip_view ringing;

	if (sip_view_read(call->response, call->response_length, &ringing) != 0)
		abort(); /* our own text */
	call->callee = CALLEE_ANSWERED;
	call->entered_ns[CALL_CROSSING_ANSWER] = respond(stage, call, bytes,
		message_response(stage->config, call, &ringing, 200, bytes), true);
	call_start_repeats(stage, call, CALL_SIDE_CALLEE, now_ns);
}

static bool body_is_right(
	const struct call_config *config, const struct call *call, struct piece body)
{
	const char *caller = config->pairs[call->pair].ip[CALL_SIDE_CALLER];

	return piece_has(body, "m=audio ") && (config->is_direct || !piece_has(body, caller));
}

static void take_invite(const struct call_stage *stage, struct call *call,
	const struct sip_view *view, uint64_t arrived_ns)
{
	char bytes[CALL_MESSAGE_BYTES];
	size_t length;

	if (call->callee != CALLEE_IDLE) {
		stage->measures->repeated++;
		send_again(stage, call);
		return;
	}
	call_note_left(stage, call, CALL_CROSSING_INVITE, arrived_ns);
	if (!body_is_right(stage->config, call, view->body))
		call_fail(call, CALL_FAILURE_WRONG);
	call->callee = CALLEE_RINGING;
	length = message_response(stage->config, call, view, 180, bytes);
	call->entered_ns[CALL_CROSSING_RINGING] = respond(stage, call, bytes, length, true);
	call_stop_repeats(call, CALL_SIDE_CALLEE);
	call_schedule(stage, call, CALL_SIDE_CALLEE, arrived_ns + stage->config->ring_ns);
}

static void take_ack(const struct call_stage *stage, struct call *call)
{
	if (call->callee != CALLEE_ANSWERED) {
		stage->measures->repeated++;
		return;
	}
	call->callee = CALLEE_CONFIRMED;
	call->was_confirmed = true;
	call_fini(call);
	call_stop_repeats(call, CALL_SIDE_CALLEE);
	call_schedule(stage, call, CALL_SIDE_CALLEE, TD_NEVER);
}

static void take_bye(const struct call_stage *stage, struct call *call, const struct sip_view *view,
	uint64_t arrived_ns)
{
	char bytes[CALL_MESSAGE_BYTES];

	if (call->callee == CALLEE_OVER)
		stage->measures->repeated++;
	else
		call_note_left(stage, call, CALL_CROSSING_BYE, arrived_ns);
	if (call->caller == CALLER_HOLDING && call->callee != CALLEE_OVER)
		call_fail(call, CALL_FAILURE_ENDED_EARLY);
	call->callee = CALLEE_OVER;
	call_stop_repeats(call, CALL_SIDE_CALLEE);
	call_schedule(stage, call, CALL_SIDE_CALLEE, TD_NEVER);
	(void)respond(
		stage, call, bytes, message_response(stage->config, call, view, 200, bytes), false);
}

static void take_cancel(
	const struct call_stage *stage, struct call *call, const struct sip_view *view)
{
	char bytes[CALL_MESSAGE_BYTES];
	struct sip_view ringing;

	(void)respond(
		stage, call, bytes, message_response(stage->config, call, view, 200, bytes), false);
	if (call->callee != CALLEE_RINGING)
		return;
	if (sip_view_read(call->response, call->response_length, &ringing) != 0)
		abort(); /* our own text */
	call->callee = CALLEE_CANCELLED;
	(void)respond(stage, call, bytes,
		message_response(stage->config, call, &ringing, 487, bytes), false);
	call_schedule(stage, call, CALL_SIDE_CALLEE, TD_NEVER);
}

void callee_receive(const struct call_stage *stage, struct call *call, const struct sip_view *view,
	uint64_t arrived_ns)
{
	char bytes[CALL_MESSAGE_BYTES];

	if (view->status != 0) {
		stage->measures->unexpected++;
	} else if (piece_is(view->method, "INVITE")) {
		take_invite(stage, call, view, arrived_ns);
	} else if (piece_is(view->method, "ACK")) {
		take_ack(stage, call);
	} else if (piece_is(view->method, "BYE")) {
		take_bye(stage, call, view, arrived_ns);
	} else if (piece_is(view->method, "CANCEL")) {
		take_cancel(stage, call, view);
	} else {
		stage->measures->unexpected++;
		(void)respond(stage, call, bytes,
			message_response(stage->config, call, view, 200, bytes), false);
	}
}

void callee_due(const struct call_stage *stage, struct call *call, uint64_t now_ns)
{
	if (call->callee == CALLEE_RINGING) {
		answer(stage, call, now_ns);
	} else if (call->give_up_ns[CALL_SIDE_CALLEE] <= now_ns) {
		call_fail(call, CALL_FAILURE_HALF);
		call_stop_repeats(call, CALL_SIDE_CALLEE);
	} else if (call->retransmit_ns[CALL_SIDE_CALLEE] <= now_ns) {
		send_again(stage, call);
		call_next_repeat(stage, call, CALL_SIDE_CALLEE, stage->config->t2_ns, now_ns);
	} else {
		call_schedule(stage, call, CALL_SIDE_CALLEE, TD_NEVER);
	}
}
