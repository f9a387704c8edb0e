/* SPDX-License-Identifier: Apache-2.0 */
/* See swarm.h. */
#include "calls/swarm.h"

#include "calls/arrivals.h"

#include <tandem/time.h>

#include <errno.h>
#include <inttypes.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

enum {
	RECEIVE_BATCH = 32, /* of one socket, before the calendar is looked at again */
	SEND_BATCH = 16,
	PROGRESS_NS = TD_NS_PER_S,
	SETTLE_NS = TD_NS_PER_S, /* between the last held call and the load */
};

static uint64_t send_message(
	void *context, unsigned pair, enum call_side side, struct piece message)
{
	struct swarm *swarm = context;

	swarm->measures.sent++;
	return sockets_send(&swarm->sockets, pair, side, message);
}

static uint64_t ns_of(double seconds)
{
	return (uint64_t)(seconds * TD_NS_PER_S);
}

/* Held calls are hung up evenly from the middle of the load to its end. */
static uint64_t held_hang_up_ns(const struct swarm *swarm, uint32_t index)
{
	uint64_t half_ns = (swarm->end_ns - swarm->load_ns) / 2;

	if (swarm->plan.waits_for_command)
		return TD_NEVER;
	return swarm->load_ns + half_ns +
	       half_ns * index / (swarm->plan.held_count != 0 ? swarm->plan.held_count : 1);
}

static void plan_call(struct swarm *swarm, uint32_t index, uint64_t intended_ns)
{
	const struct swarm_plan *plan = &swarm->plan;
	struct call *call = &swarm->calls[index];

	call->id = plan->first_id + index;
	call->pair = (uint8_t)(index % plan->calls.pair_count);
	call->intended_ns = intended_ns;
	call->is_held = index < plan->held_count;
	call->is_measured = !call->is_held && intended_ns >= swarm->load_ns + ns_of(plan->warmup_s);
	call->hang_up_ns = call->is_held ? TD_NEVER : ns_of(plan->hold_s);
	for (unsigned side = 0; side < CALL_SIDES; side++) {
		call->dates[side].kind = side;
		call_stop_repeats(call, (enum call_side)side);
	}
	calendar_set(&swarm->calendar, &call->dates[CALL_SIDE_CALLER], intended_ns);
}

/* Sets the intended time of every call. */
static void plan_calls(struct swarm *swarm)
{
	const struct swarm_plan *plan = &swarm->plan;
	struct arrivals arrivals;

	swarm->start_ns = td_mono_ns() + SETTLE_NS / 10;
	swarm->load_ns = swarm->start_ns;
	if (plan->held_count != 0)
		swarm->load_ns += ns_of(plan->held_count / plan->held_rate_per_s) + SETTLE_NS;
	swarm->end_ns = swarm->load_ns + ns_of(plan->load_s);
	swarm->progress_ns = swarm->start_ns + PROGRESS_NS;
	if (plan->held_count != 0)
		arrivals_init(&arrivals, plan->held_rate_per_s, false, plan->seed);
	for (uint32_t i = 0; i < plan->held_count; i++)
		plan_call(swarm, i, swarm->start_ns + arrivals_next_ns(&arrivals));
	if (swarm->load_count != 0)
		arrivals_init(&arrivals, plan->rate_per_s, plan->is_poisson, plan->seed);
	for (uint32_t i = 0; i < swarm->load_count; i++)
		plan_call(
			swarm, plan->held_count + i, swarm->load_ns + arrivals_next_ns(&arrivals));
}

int swarm_create(const struct swarm_plan *plan, struct swarm **ret_swarm, const char **ret_what)
{
	struct swarm *swarm = calloc(1, sizeof(*swarm));
	int error = -ENOMEM;

	*ret_what = "memory";
	if (swarm == NULL)
		return -ENOMEM;
	swarm->plan = *plan;
	swarm->load_count = (uint32_t)lround(plan->rate_per_s * plan->load_s);
	swarm->call_count = plan->held_count + swarm->load_count;
	swarm->calls = calloc(swarm->call_count, sizeof(*swarm->calls));
	if (swarm->calls != NULL)
		error = calendar_init(&swarm->calendar, swarm->call_count * CALL_SIDES);
	if (error == 0)
		error = sockets_open(&swarm->sockets, &swarm->plan.calls,
			plan->calls.is_direct ? NULL : &plan->target, ret_what);
	if (error != 0) {
		calendar_fini(&swarm->calendar);
		free(swarm->calls);
		free(swarm);
		return error;
	}
	swarm->stage = (struct call_stage){
		.config = &swarm->plan.calls,
		.calendar = &swarm->calendar,
		.measures = &swarm->measures,
		.context = swarm,
		.send = send_message,
	};
	*ret_swarm = swarm;
	return 0;
}

void swarm_destroy(struct swarm *swarm)
{
	for (uint32_t i = 0; i < swarm->call_count; i++)
		call_fini(&swarm->calls[i]);
	sockets_close(&swarm->sockets);
	calendar_fini(&swarm->calendar);
	free(swarm->calls);
	free(swarm);
}

static void receive(
	struct swarm *swarm, enum call_side side, const char *bytes, size_t length, uint64_t at_ns)
{
	struct sip_view view;
	struct call *call;
	uint32_t id = 0;
	bool is_ours;

	swarm->measures.received++;
	if (sip_view_read(bytes, length, &view) != 0) {
		swarm->measures.unreadable++;
		return;
	}
	is_ours = side == CALL_SIDE_CALLER ? message_caller_id(&view, &id)
					   : message_callee_id(&view, &id);
	if (!is_ours || id < swarm->plan.first_id ||
		id - swarm->plan.first_id >= swarm->call_count) {
		swarm->measures.strays++;
		return;
	}
	call = &swarm->calls[id - swarm->plan.first_id];
	if (side == CALL_SIDE_CALLER)
		caller_receive(&swarm->stage, call, &view, at_ns);
	else
		callee_receive(&swarm->stage, call, &view, at_ns);
}

/* Takes what is there, a batch of each socket. True if there was anything. */
static bool receive_all(struct swarm *swarm)
{
	bool has_any = false;

	for (unsigned pair = 0; pair < swarm->plan.calls.pair_count; pair++) {
		for (unsigned side = 0; side < CALL_SIDES; side++) {
			for (unsigned i = 0; i < RECEIVE_BATCH; i++) {
				char bytes[CALL_MESSAGE_BYTES];
				uint64_t at_ns = 0;
				size_t length = sockets_receive(
					&swarm->sockets, pair, (enum call_side)side, bytes, &at_ns);

				if (length == 0)
					break;
				has_any = true;
				receive(swarm, (enum call_side)side, bytes, length, at_ns);
			}
		}
	}
	return has_any;
}

/* Does what is due, a batch. */
static void send_due(struct swarm *swarm)
{
	for (unsigned i = 0; i < SEND_BATCH; i++) {
		uint64_t now_ns = td_mono_ns();
		struct calendar_date *date = calendar_take(&swarm->calendar, now_ns);
		struct call *call;

		if (date == NULL)
			return;
		if (date->kind == CALL_SIDE_CALLER) {
			call = td_container_of(date, struct call, dates[CALL_SIDE_CALLER]);
			caller_due(&swarm->stage, call, now_ns);
		} else {
			call = td_container_of(date, struct call, dates[CALL_SIDE_CALLEE]);
			callee_due(&swarm->stage, call, now_ns);
		}
	}
}

struct swarm_result swarm_result(const struct swarm *swarm)
{
	struct swarm_result result = {0};

	for (uint32_t i = 0; i < swarm->call_count; i++) {
		const struct call *call = &swarm->calls[i];
		enum call_failure verdict = call_verdict(call);

		if (call->is_held) {
			result.held_offered++;
			result.held_established +=
				call->was_confirmed && call->caller >= CALLER_HOLDING;
			result.held_completed += verdict == CALL_FAILURE_NONE;
			result.held_failures[verdict]++;
			continue;
		}
		result.offered += call->caller != CALLER_WAITING;
		if (call->caller == CALLER_WAITING)
			continue;
		result.completed += verdict == CALL_FAILURE_NONE;
		result.failed += verdict != CALL_FAILURE_NONE;
		result.failures[verdict]++;
	}
	return result;
}

static void tell_progress(struct swarm *swarm, uint64_t now_ns)
{
	if (now_ns < swarm->progress_ns)
		return;
	swarm->progress_ns += PROGRESS_NS;
	(void)printf("{\"event\": \"progress\", \"seconds\": %.1f, \"begun\": %" PRIu64
		     ", \"over\": %" PRIu64 "}\n",
		(double)td_since(now_ns, swarm->start_ns) / TD_NS_PER_S, swarm->measures.begun,
		swarm->measures.over);
	(void)fflush(stdout);
}

/* The held calls are up, or as many as will be: from here on they wait for their end. */
static void end_establishing(struct swarm *swarm, uint64_t now_ns)
{
	if (swarm->is_held_told || now_ns + SETTLE_NS / 10 < swarm->load_ns)
		return;
	swarm->is_held_told = true;
	if (swarm->plan.held_count == 0)
		return;
	(void)printf("{\"event\": \"held\", \"established\": %" PRIu64 "}\n",
		swarm_result(swarm).held_established);
	(void)fflush(stdout);
	for (uint32_t i = 0; i < swarm->plan.held_count; i++) {
		struct call *call = &swarm->calls[i];
		uint64_t at_ns = held_hang_up_ns(swarm, i);

		if (call->caller == CALLER_HOLDING && at_ns != TD_NEVER)
			calendar_set(&swarm->calendar, &call->dates[CALL_SIDE_CALLER], at_ns);
	}
}

/* "bye": hang up the held calls, paced. Anything else, and the end of input: stop. */
static void obey(struct swarm *swarm)
{
	char text[64];
	ssize_t length = read(STDIN_FILENO, text, sizeof(text));
	uint64_t now_ns = td_mono_ns();
	struct arrivals arrivals;

	if (length < 3 || memcmp(text, "bye", 3) != 0) {
		swarm->must_stop = true;
		return;
	}
	arrivals_init(&arrivals, swarm->plan.held_rate_per_s, false, swarm->plan.seed);
	for (uint32_t i = 0; i < swarm->plan.held_count; i++)
		if (swarm->calls[i].caller == CALLER_HOLDING)
			calendar_set(&swarm->calendar, &swarm->calls[i].dates[CALL_SIDE_CALLER],
				now_ns + arrivals_next_ns(&arrivals));
	swarm->end_ns = now_ns + arrivals_next_ns(&arrivals);
	swarm->plan.waits_for_command = false;
}

/* True if nothing more can come: every call is over on both sides. */
static bool is_all_over(const struct swarm *swarm)
{
	for (uint32_t i = 0; i < swarm->call_count; i++) {
		const struct call *call = &swarm->calls[i];

		if (call->caller != CALLER_OVER ||
			(call->callee != CALLEE_OVER && call->callee != CALLEE_IDLE &&
				call->callee != CALLEE_CANCELLED))
			return false;
	}
	return true;
}

static bool is_done(const struct swarm *swarm, uint64_t now_ns)
{
	if (swarm->must_stop)
		return true;
	if (now_ns < swarm->end_ns || swarm->plan.waits_for_command)
		return false;
	return now_ns >= swarm->end_ns + ns_of(swarm->plan.drain_s) || is_all_over(swarm);
}

void swarm_run(struct swarm *swarm)
{
	uint64_t checked_ns = 0;
	uint64_t now_ns;

	plan_calls(swarm);
	if (swarm->plan.waits_for_command && sockets_watch(&swarm->sockets, STDIN_FILENO) != 0)
		return;
	for (;;) {
		uint64_t next_ns;
		bool was_busy = receive_all(swarm);

		send_due(swarm);
		now_ns = td_mono_ns();
		tell_progress(swarm, now_ns);
		end_establishing(swarm, now_ns);
		if (now_ns - checked_ns > PROGRESS_NS / 20) { /* looks at every call */
			checked_ns = now_ns;
			if (is_done(swarm, now_ns))
				return;
		}
		next_ns = calendar_next_ns(&swarm->calendar);
		if (was_busy || swarm->plan.is_busy || next_ns <= now_ns)
			next_ns = 0; /* only looks for commands */
		else if (next_ns > now_ns + PROGRESS_NS / 20)
			next_ns = now_ns + PROGRESS_NS / 20;
		if (next_ns != 0 || swarm->plan.waits_for_command)
			if (sockets_wait(&swarm->sockets, next_ns))
				obey(swarm);
	}
}
