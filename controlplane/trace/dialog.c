/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Which SIP Call-ID belongs to which call, and who talks to whom in it.
 */
#include "trace/parts.h"
#include "trace/trace.h"
#include "util/siphash.h"

#include <string.h>

static_assert((int)TRACE_SEED_BYTES == (int)SIPHASH_SEED_BYTES, "one seed serves");

uint64_t trace_hash(const struct trace *trace, struct span sip_call_id)
{
	return siphash(trace->seed, sip_call_id.text, sip_call_id.length);
}

static struct trace_known_dialog *dialog_at(const struct trace *trace, uint64_t number)
{
	return &trace->dialogs[number & trace->dialog_mask];
}

static bool is_remembered(const struct trace *trace, uint64_t number)
{
	return number < trace->dialog_count &&
	       trace->dialog_count - number <= trace->dialog_mask + 1ull;
}

const struct trace_known_dialog *trace_dialog_by_hash(const struct trace *trace, uint64_t hash)
{
	uint64_t next = trace->dialog_chains[hash & trace->dialog_mask];

	while (next != 0 && is_remembered(trace, next - 1)) {
		const struct trace_known_dialog *dialog = dialog_at(trace, next - 1);

		if (dialog->call_hash == hash)
			return dialog;
		next = dialog->previous;
	}
	return NULL;
}

static void copy_party(char to[TRACE_PARTY_BYTES], struct span from)
{
	size_t length = from.length < TRACE_PARTY_BYTES ? from.length : TRACE_PARTY_BYTES - 1;

	if (length != 0)
		memcpy(to, from.text, length);
	to[length] = '\0';
}

uint32_t trace_tell_dialog(struct trace *trace, const struct trace_dialog *dialog)
{
	struct trace_known_dialog *known;
	uint64_t *chain;

	if (trace == NULL)
		return 0;
	known = dialog_at(trace, trace->dialog_count);
	known->leg_id = dialog->leg_id;
	known->call_id = dialog->call_id;
	known->wall_ns = dialog->wall_ns;
	known->call_hash = trace_hash(trace, dialog->sip_call_id);
	copy_party(known->caller, dialog->caller);
	copy_party(known->callee, dialog->callee);
	chain = &trace->dialog_chains[known->call_hash & trace->dialog_mask];
	known->previous = *chain;
	*chain = ++trace->dialog_count;
	trace->counts.dialogs++;
	return (uint32_t)((trace->dialog_count - 1) & trace->dialog_mask);
}

bool trace_knows(const struct trace *trace, uint32_t handle, uint64_t leg_id)
{
	return trace == NULL ||
	       (handle <= trace->dialog_mask && trace->dialogs[handle].leg_id == leg_id);
}

uint64_t trace_find_call(const struct trace *trace, struct span sip_call_id)
{
	const struct trace_known_dialog *dialog =
		trace_dialog_by_hash(trace, trace_hash(trace, sip_call_id));

	return dialog != NULL ? dialog->call_id : 0;
}
