/* SPDX-License-Identifier: Apache-2.0 */
/* What both sides of a call share, see call.h. */
#include "calls/call.h"

#include <tandem/time.h>

#include <stdlib.h>

enum {
	GIVE_UP_T1 = 64, /* RFC 3261 17.1.1.2, 17.1.2.2, 13.3.1.4 */
};

static const char *const failure_names[] = {
#define CALL_FAILURE_NAME(constant, name, help) #name,
	CALL_FAILURES(CALL_FAILURE_NAME)
#undef CALL_FAILURE_NAME
};
static const char *const crossing_names[] = {
#define CALL_CROSSING_NAME(constant, name) #name,
	CALL_CROSSINGS(CALL_CROSSING_NAME)
#undef CALL_CROSSING_NAME
};

const char *call_failure_name(enum call_failure failure)
{
	return failure < CALL_FAILURE_COUNT ? failure_names[failure] : "?";
}

const char *call_crossing_name(enum call_crossing crossing)
{
	return crossing < CALL_CROSSING_COUNT ? crossing_names[crossing] : "?";
}

void call_fini(struct call *call)
{
	free(call->response);
	call->response = NULL;
}

enum call_failure call_verdict(const struct call *call)
{
	if (call->failure != CALL_FAILURE_NONE)
		return (enum call_failure)call->failure;
	if (call->caller != CALLER_OVER)
		return CALL_FAILURE_UNFINISHED;
	if (call->callee != CALLEE_OVER || !call->was_confirmed)
		return CALL_FAILURE_HALF;
	return CALL_FAILURE_NONE;
}

void call_fail(struct call *call, enum call_failure failure)
{
	if (call->failure == CALL_FAILURE_NONE)
		call->failure = (uint8_t)failure;
}

void call_note_left(const struct call_stage *stage, struct call *call, enum call_crossing crossing,
	uint64_t arrived_ns)
{
	if (call->left_ns[crossing] != 0)
		return;
	call->left_ns[crossing] = arrived_ns;
	if (call->entered_ns[crossing] != 0 && call->is_measured)
		histogram_add(&stage->measures->added[crossing],
			td_since(arrived_ns, call->entered_ns[crossing]));
}

void call_stop_repeats(struct call *call, enum call_side side)
{
	call->retransmit_ns[side] = TD_NEVER;
	call->give_up_ns[side] = TD_NEVER;
}

void call_schedule(
	const struct call_stage *stage, struct call *call, enum call_side side, uint64_t at_ns)
{
	if (call->retransmit_ns[side] < at_ns)
		at_ns = call->retransmit_ns[side];
	if (call->give_up_ns[side] < at_ns)
		at_ns = call->give_up_ns[side];
	if (at_ns == TD_NEVER)
		calendar_clear(stage->calendar, &call->dates[side]);
	else
		calendar_set(stage->calendar, &call->dates[side], at_ns);
}

void call_start_repeats(
	const struct call_stage *stage, struct call *call, enum call_side side, uint64_t now_ns)
{
	const struct call_config *config = stage->config;

	call->interval_ns[side] = config->t1_ns;
	call->retransmit_ns[side] = config->has_retransmissions ? now_ns + config->t1_ns : TD_NEVER;
	call->give_up_ns[side] = now_ns + GIVE_UP_T1 * config->t1_ns;
	call_schedule(stage, call, side, TD_NEVER);
}

void call_next_repeat(const struct call_stage *stage, struct call *call, enum call_side side,
	uint64_t limit_ns, uint64_t now_ns)
{
	call->interval_ns[side] *= 2;
	if (call->interval_ns[side] > limit_ns)
		call->interval_ns[side] = limit_ns;
	call->retransmit_ns[side] = now_ns + call->interval_ns[side];
	stage->measures->retransmitted++;
	call_schedule(stage, call, side, TD_NEVER);
}
