/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Questions to a trace: an operator's, so they may take a walk along the chains, but not through
 * the whole ring.
 */
#include "trace/parts.h"
#include "trace/trace.h"

#include <stdlib.h>
#include <string.h>

enum {
	CHAINS_MAX = 16, /* dialogs of one call that are followed */
	CALLS_MAX = 256, /* of one number */
};

struct found {
	uint32_t count;
	uint64_t positions[TRACE_FOUND_MAX];
};

static void collect(const struct trace *trace, uint64_t hash, uint32_t max, struct found *found)
{
	uint64_t position = trace->chains[hash & trace->chain_mask];

	while (trace_is_live(trace, position) && max != 0) {
		const struct trace_record *record = trace_record_at(trace, position);

		if (record->call_hash == hash) {
			found->positions[found->count++] = position;
			max--;
		}
		position = record->previous;
	}
}

static int compare_positions(const void *left, const void *right)
{
	uint64_t a = *(const uint64_t *)left;
	uint64_t b = *(const uint64_t *)right;

	return a < b ? -1 : a > b;
}

static uint32_t visit_found(
	const struct trace *trace, struct found *found, trace_visit_fn *visit, void *context)
{
	struct trace_entry entry;

	qsort(found->positions, found->count, sizeof(found->positions[0]), compare_positions);
	for (uint32_t i = 0; i < found->count; i++) {
		trace_fill_entry(trace, found->positions[i], &entry);
		visit(context, &entry);
	}
	return found->count;
}

/* The hashes of a call's dialogs, each once. */
static uint32_t hashes_of_call(
	const struct trace *trace, uint64_t call_id, uint64_t hashes[CHAINS_MAX])
{
	uint32_t count = 0;

	for (uint32_t i = 0; i <= trace->dialog_mask && count < CHAINS_MAX; i++) {
		const struct trace_known_dialog *dialog = &trace->dialogs[i];
		uint32_t at = 0;

		if (dialog->leg_id == 0 || dialog->call_id != call_id)
			continue;
		while (at < count && hashes[at] != dialog->call_hash)
			at++;
		hashes[at] = dialog->call_hash;
		count += at == count;
	}
	return count;
}

uint32_t trace_visit_call(
	const struct trace *trace, uint64_t call_id, trace_visit_fn *visit, void *context)
{
	uint64_t hashes[CHAINS_MAX];
	struct found found = {.count = 0};
	uint32_t chains = hashes_of_call(trace, call_id, hashes);

	for (uint32_t i = 0; i < chains; i++)
		collect(trace, hashes[i], TRACE_FOUND_MAX / chains, &found);
	return visit_found(trace, &found, visit, context);
}

uint32_t trace_visit_sip_call(
	const struct trace *trace, struct span sip_call_id, trace_visit_fn *visit, void *context)
{
	struct found found = {.count = 0};

	collect(trace, trace_hash(trace, sip_call_id), TRACE_FOUND_MAX, &found);
	return visit_found(trace, &found, visit, context);
}

/* True if party is number, or ends with it and it is long enough to mean something. */
static bool is_number(const char *party, struct span number)
{
	size_t length = strlen(party);

	if (number.length != 0 && number.text[0] == '+' && length != 0 && party[0] != '+')
		number = (struct span){number.text + 1, number.length - 1};
	if (length == number.length)
		return strncasecmp(party, number.text, length) == 0;
	return number.length >= TRACE_DIGITS_MIN && length > number.length &&
	       memcmp(party + length - number.length, number.text, number.length) == 0;
}

/* True if the call is among the first count of ids. */
static bool is_known(const uint64_t *ids, uint32_t count, uint64_t id)
{
	for (uint32_t i = 0; i < count; i++)
		if (ids[i] == id)
			return true;
	return false;
}

uint32_t trace_visit_number(const struct trace *trace, struct span number, uint32_t max,
	trace_visit_call_fn *visit, void *context)
{
	uint64_t ids[CALLS_MAX];
	uint32_t count = 0;
	uint64_t oldest = trace->dialog_count > trace->dialog_mask
				  ? trace->dialog_count - trace->dialog_mask - 1
				  : 0;

	if (span_is_empty(number))
		return 0;
	max = max < CALLS_MAX ? max : CALLS_MAX;
	for (uint64_t i = trace->dialog_count; i > oldest && count < max; i--) {
		const struct trace_known_dialog *dialog =
			&trace->dialogs[(i - 1) & trace->dialog_mask];

		if ((!is_number(dialog->caller, number) && !is_number(dialog->callee, number)) ||
			is_known(ids, count, dialog->call_id))
			continue;
		ids[count++] = dialog->call_id;
		visit(context, &(const struct trace_call){.call_id = dialog->call_id,
				       .wall_ns = dialog->wall_ns,
				       .caller = dialog->caller,
				       .callee = dialog->callee});
	}
	return count;
}
