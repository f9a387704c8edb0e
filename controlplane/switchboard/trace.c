/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Tells the trace what comes and goes, what became of it, and which call it belongs to. What
 * became of a message is read off the counters that move while it is handled, so that nobody has
 * to say it twice.
 */
#include "trace/trace.h"

#include "switchboard/state.h"
#include "switchboard/trace.h"

#include <tandem/time.h>

static struct switchboard_fate fate_now(const struct switchboard *switchboard)
{
	struct transaction_counts transactions =
		transaction_table_counts(switchboard->transactions);

	return (struct switchboard_fate){
		.repeated = transactions.retransmissions_absorbed,
		.unmatched = switchboard->counts.unmatched + transactions.stray_responses,
		.refused = switchboard->counts.refused_policy,
	};
}

enum {
	SHED_PER_S =
		20 /* messages turned away that are kept: a flood is told, and floods nothing */
};

static void keep_received(
	struct switchboard *switchboard, const struct switchboard_message *received)
{
	trace_add(
		switchboard->trace, &(const struct trace_message){
					    .direction = TRACE_IN,
					    .flow = received->flow,
					    .bytes = {received->bytes, (uint32_t)received->length},
					    .wall_ns = switchboard->now.wall_ns,
				    });
	switchboard->fate = fate_now(switchboard);
	switchboard->is_traced = true;
}

void traces_receive(struct switchboard *switchboard, const struct switchboard_message *received)
{
	uint64_t second = switchboard->now.mono_ms / TD_MS_PER_S;

	if (switchboard->trace == NULL)
		return;
	if (switchboard->shed_second != second)
		switchboard->shed_count = 0;
	switchboard->shed_second = second;
	switchboard->is_trace_waiting = switchboard->shed_count >= SHED_PER_S;
	if (!switchboard->is_trace_waiting)
		keep_received(switchboard, received);
}

void traces_shed(struct switchboard *switchboard)
{
	if (switchboard->trace == NULL)
		return;
	switchboard->shed_count++;
	if (!switchboard->is_trace_waiting)
		trace_note_last(switchboard->trace, TRACE_NOTE_SHED, NULL);
	switchboard->is_trace_waiting = false;
	switchboard->is_traced = false;
}

void traces_admit(struct switchboard *switchboard, const struct switchboard_message *received)
{
	if (!switchboard->is_trace_waiting)
		return;
	switchboard->is_trace_waiting = false;
	keep_received(switchboard, received);
}

void traces_conclude(struct switchboard *switchboard)
{
	const struct switchboard_fate *before = &switchboard->fate;
	struct switchboard_fate after;

	if (!switchboard->is_traced)
		return;
	switchboard->is_traced = false;
	after = fate_now(switchboard);
	if (after.refused != before->refused)
		trace_note_last(switchboard->trace, TRACE_NOTE_REFUSED, NULL);
	else if (after.unmatched != before->unmatched)
		trace_note_last(switchboard->trace, TRACE_NOTE_UNMATCHED, NULL);
	else if (after.repeated != before->repeated)
		trace_note_last(switchboard->trace, TRACE_NOTE_REPEATED, NULL);
}

void traces_send(struct switchboard *switchboard, const struct sip_flow *flow, struct span bytes)
{
	if (switchboard->is_trace_waiting)
		return; /* the answer to a message that isn't kept */
	trace_add(switchboard->trace, &(const struct trace_message){
					      .direction = TRACE_OUT,
					      .flow = flow,
					      .bytes = bytes,
					      .wall_ns = switchboard->now.wall_ns,
				      });
}

void traces_event(struct switchboard *switchboard, const struct leg *leg, unsigned note)
{
	const struct dialog *dialog = &leg->dialog;

	trace_add(switchboard->trace, &(const struct trace_message){
					      .direction = TRACE_EVENT,
					      .note = (enum trace_note)note,
					      .flow = &dialog->flow,
					      .call_id = dialog_span(dialog, dialog->call_id),
					      .wall_ns = switchboard->now.wall_ns,
				      });
}

void traces_keep(struct switchboard *switchboard, struct line *line)
{
	const struct call *call = &line->call;

	for (unsigned i = 0; i < CALL_LEGS; i++) {
		const struct leg *leg = &call->legs[i];
		struct span sip_call_id = dialog_span(&leg->dialog, leg->dialog.call_id);

		if (leg->leg_id == 0 || span_is_empty(sip_call_id) ||
			trace_knows(switchboard->trace, line->trace_handles[i], leg->leg_id))
			continue;
		line->trace_handles[i] = trace_tell_dialog(
			switchboard->trace, &(const struct trace_dialog){
						    .call_id = call->call_id,
						    .leg_id = leg->leg_id,
						    .sip_call_id = sip_call_id,
						    .caller = span_from(call->caller.user),
						    .callee = span_from(call->callee.user),
						    .wall_ns = switchboard->now.wall_ns,
					    });
	}
}
