/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The caller's side (UAC).
 *
 *   WAITING --its time--> CALLING --1xx--> PROCEEDING --200--> HOLDING --its time--> ENDING
 *                            └────────200, refusal, 64*T1──────────┐     200, 64*T1──> OVER
 */
#include "calls/call.h"

#include <tandem/time.h>

#include <string.h>

static void emit(const struct call_stage *stage, const struct call *call, const char *bytes,
	size_t length, uint64_t *ret_sent_ns)
{
	uint64_t sent_ns = stage->send(
		stage->context, call->pair, CALL_SIDE_CALLER, (struct piece){bytes, length});

	if (ret_sent_ns != NULL && *ret_sent_ns == 0)
		*ret_sent_ns = sent_ns;
}

static void over(const struct call_stage *stage, struct call *call, enum call_failure failure)
{
	if (failure != CALL_FAILURE_NONE)
		call_fail(call, failure);
	call->caller = CALLER_OVER;
	stage->measures->over++;
	call_stop_repeats(call, CALL_SIDE_CALLER);
	call_schedule(stage, call, CALL_SIDE_CALLER, TD_NEVER);
}

void caller_begin(const struct call_stage *stage, struct call *call, uint64_t now_ns)
{
	char bytes[CALL_MESSAGE_BYTES];
	size_t length = message_invite(stage->config, call, bytes);

	call->caller = CALLER_CALLING;
	stage->measures->begun++;
	emit(stage, call, bytes, length, &call->entered_ns[CALL_CROSSING_INVITE]);
	if (call->is_measured)
		histogram_add(&stage->measures->lag,
			td_since(call->entered_ns[CALL_CROSSING_INVITE], call->intended_ns));
	call_start_repeats(stage, call, CALL_SIDE_CALLER, now_ns);
}

static void send_bye(const struct call_stage *stage, struct call *call)
{
	char bytes[CALL_MESSAGE_BYTES];
	size_t length = message_bye(stage->config, call, bytes);

	emit(stage, call, bytes, length, &call->entered_ns[CALL_CROSSING_BYE]);
}

void caller_hang_up(const struct call_stage *stage, struct call *call, uint64_t now_ns)
{
	if (call->caller != CALLER_HOLDING)
		return;
	call->caller = CALLER_ENDING;
	send_bye(stage, call);
	call_start_repeats(stage, call, CALL_SIDE_CALLER, now_ns);
}

static void repeat(const struct call_stage *stage, struct call *call, uint64_t now_ns)
{
	char bytes[CALL_MESSAGE_BYTES];

	if (call->caller == CALLER_CALLING) {
		emit(stage, call, bytes, message_invite(stage->config, call, bytes), NULL);
		call_next_repeat(stage, call, CALL_SIDE_CALLER, TD_NEVER, now_ns);
	} else {
		send_bye(stage, call);
		call_next_repeat(stage, call, CALL_SIDE_CALLER, stage->config->t2_ns, now_ns);
	}
}

void caller_due(const struct call_stage *stage, struct call *call, uint64_t now_ns)
{
	if (call->caller == CALLER_WAITING)
		caller_begin(stage, call, now_ns);
	else if (call->caller == CALLER_HOLDING)
		caller_hang_up(stage, call, now_ns);
	else if (call->give_up_ns[CALL_SIDE_CALLER] <= now_ns)
		over(stage, call,
			call->caller == CALLER_CALLING	    ? CALL_FAILURE_NO_RESPONSE
			: call->caller == CALLER_PROCEEDING ? CALL_FAILURE_NO_ANSWER
							    : CALL_FAILURE_BYE_UNANSWERED);
	else if (call->retransmit_ns[CALL_SIDE_CALLER] <= now_ns)
		repeat(stage, call, now_ns);
	else
		call_schedule(stage, call, CALL_SIDE_CALLER, TD_NEVER);
}

/* Copies what fits. False: it doesn't, or is empty. */
static bool keep(struct piece piece, char *text, size_t size)
{
	if (piece.length == 0 || piece.length >= size)
		return false;
	memcpy(text, piece.text, piece.length);
	text[piece.length] = '\0';
	return true;
}

static void send_ack(const struct call_stage *stage, struct call *call)
{
	char bytes[CALL_MESSAGE_BYTES];

	emit(stage, call, bytes, message_ack(stage->config, call, bytes), NULL);
}

/* True if the answer's session description is one of the system under test, not the callee's. */
static bool body_is_right(
	const struct call_config *config, const struct call *call, struct piece body)
{
	const char *callee = config->pairs[call->pair].ip[CALL_SIDE_CALLEE];

	return piece_has(body, "m=audio ") && (config->is_direct || !piece_has(body, callee));
}

static void take_answer(const struct call_stage *stage, struct call *call,
	const struct sip_view *view, uint64_t arrived_ns)
{
	bool is_right = keep(view->to_tag, call->tag, sizeof(call->tag)) &&
			keep(view->contact_uri, call->target, sizeof(call->target)) &&
			!view->has_record_route && body_is_right(stage->config, call, view->body) &&
			call->ringings == 1 && call->entered_ns[CALL_CROSSING_ANSWER] != 0;
	uint64_t with_callee_ns = td_since(
		call->entered_ns[CALL_CROSSING_ANSWER], call->left_ns[CALL_CROSSING_INVITE]);

	call_note_left(stage, call, CALL_CROSSING_ANSWER, arrived_ns);
	if (call->is_measured)
		histogram_add(&stage->measures->setup,
			td_since(td_since(arrived_ns, call->intended_ns), with_callee_ns));
	if (!is_right)
		call_fail(call, CALL_FAILURE_WRONG);
	call->caller = CALLER_HOLDING;
	send_ack(stage, call);
	call_stop_repeats(call, CALL_SIDE_CALLER);
	call_schedule(stage, call, CALL_SIDE_CALLER,
		call->hang_up_ns == TD_NEVER ? TD_NEVER : arrived_ns + call->hang_up_ns);
}

static void take_provisional(const struct call_stage *stage, struct call *call,
	const struct sip_view *view, uint64_t arrived_ns)
{
	struct call_measures *measures = stage->measures;

	if (call->caller == CALLER_CALLING) {
		call->caller = CALLER_PROCEEDING;
		call->retransmit_ns[CALL_SIDE_CALLER] = TD_NEVER;
		call_schedule(stage, call, CALL_SIDE_CALLER, TD_NEVER);
		if (view->status == 100 && call->is_measured)
			histogram_add(&measures->trying, td_since(arrived_ns, call->intended_ns));
	}
	if (view->status != 180)
		return;
	if (call->left_ns[CALL_CROSSING_RINGING] == 0 && call->is_measured)
		histogram_add(&measures->ringing, td_since(arrived_ns, call->intended_ns));
	call_note_left(stage, call, CALL_CROSSING_RINGING, arrived_ns);
	call->ringings = 1;
}

static void take_refusal(
	const struct call_stage *stage, struct call *call, const struct sip_view *view)
{
	char bytes[CALL_MESSAGE_BYTES];

	/* Before the ACK is built: its branch is the INVITE's if the call has failed. */
	over(stage, call, view->status == 503 ? CALL_FAILURE_REFUSED_503 : CALL_FAILURE_REFUSED);
	emit(stage, call, bytes, message_ack_refusal(stage->config, call, view, bytes), NULL);
}

static void take_invite_response(const struct call_stage *stage, struct call *call,
	const struct sip_view *view, uint64_t arrived_ns)
{
	bool is_open = call->caller == CALLER_CALLING || call->caller == CALLER_PROCEEDING;

	if (view->status < 200 && is_open) {
		take_provisional(stage, call, view, arrived_ns);
	} else if (view->status < 200) {
		stage->measures->repeated++;
	} else if (view->status < 300 && is_open) {
		take_answer(stage, call, view, arrived_ns);
	} else if (view->status < 300 && call->tag[0] != '\0') {
		stage->measures->repeated++;
		send_ack(stage, call); /* RFC 3261 13.2.2.4: each 2xx is acknowledged */
	} else if (view->status >= 300 && is_open) {
		take_refusal(stage, call, view);
	} else if (view->status >= 300) {
		char bytes[CALL_MESSAGE_BYTES];

		stage->measures->repeated++;
		emit(stage, call, bytes, message_ack_refusal(stage->config, call, view, bytes),
			NULL);
	} else {
		stage->measures->unexpected++;
	}
}

static void take_request(
	const struct call_stage *stage, struct call *call, const struct sip_view *view)
{
	char bytes[CALL_MESSAGE_BYTES];

	stage->measures->unexpected++;
	if (piece_is(view->method, "ACK"))
		return;
	emit(stage, call, bytes, message_response(stage->config, call, view, 200, bytes), NULL);
	if (piece_is(view->method, "BYE") && call->caller == CALLER_HOLDING)
		over(stage, call, CALL_FAILURE_ENDED_EARLY);
}

void caller_receive(const struct call_stage *stage, struct call *call, const struct sip_view *view,
	uint64_t arrived_ns)
{
	if (view->status == 0) {
		take_request(stage, call, view);
	} else if (piece_is(view->method, "INVITE")) {
		take_invite_response(stage, call, view, arrived_ns);
	} else if (piece_is(view->method, "BYE") && call->caller == CALLER_ENDING) {
		if (view->status < 200)
			return;
		if (call->is_measured)
			histogram_add(&stage->measures->bye,
				td_since(arrived_ns, call->entered_ns[CALL_CROSSING_BYE]));
		over(stage, call,
			view->status < 300 ? CALL_FAILURE_NONE : CALL_FAILURE_BYE_REFUSED);
	} else {
		stage->measures->repeated++;
	}
}
