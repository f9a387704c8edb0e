/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The ring: making, filling, reading on.
 */
#include "trace/trace.h"

#include "trace/mask.h"
#include "trace/parts.h"
#include "util/siphash.h"

#include <errno.h>
#include <stdalign.h>
#include <stdlib.h>
#include <string.h>

enum {
	LARGEST_PART = 4,	 /* of the ring, that one message may take */
	BYTES_PER_CHAIN = 4096,	 /* of the ring: chains are short, and a small part of the whole */
	BYTES_PER_DIALOG = 8192, /* about what the messages of one take */
};

static_assert(sizeof(struct trace_record) % TRACE_ALIGN_BYTES == 0,
	"the message begins where alignment wants the next record");
static_assert(sizeof(struct trace_known_dialog) <= 128, "an hour of calls has many dialogs");

/* The largest power of two that isn't above count; at least 1. */
static uint32_t power_of_two(size_t count)
{
	uint32_t power = 1;

	while (power <= count / 2 && power < 1u << 30)
		power *= 2;
	return power;
}

int trace_create(const struct trace_setup *setup, struct trace **ret_trace)
{
	size_t size_bytes = setup->memory_bytes / TRACE_ALIGN_BYTES * TRACE_ALIGN_BYTES;
	uint32_t chains = power_of_two(size_bytes / BYTES_PER_CHAIN);
	uint32_t dialogs = power_of_two(size_bytes / BYTES_PER_DIALOG);
	struct trace *trace;

	if (size_bytes / LARGEST_PART < SIP_MESSAGE_MAX_BYTES + 2 * sizeof(struct trace_record))
		return -EINVAL;
	trace = calloc(1, sizeof(*trace));
	if (trace == NULL)
		return -ENOMEM;
	memcpy(trace->seed, setup->seed, sizeof(trace->seed));
	trace->size_bytes = size_bytes;
	trace->head = size_bytes;
	trace->chain_mask = chains - 1;
	trace->dialog_mask = dialogs - 1;
	trace->ring = malloc(size_bytes);
	trace->chains = calloc(chains, sizeof(trace->chains[0]));
	trace->dialogs = calloc(dialogs, sizeof(trace->dialogs[0]));
	trace->dialog_chains = calloc(dialogs, sizeof(trace->dialog_chains[0]));
	if (trace->ring == NULL || trace->chains == NULL || trace->dialogs == NULL ||
		trace->dialog_chains == NULL) {
		trace_destroy(trace);
		return -ENOMEM;
	}
	*ret_trace = trace;
	return 0;
}

void trace_destroy(struct trace *trace)
{
	if (trace == NULL)
		return;
	free(trace->ring);
	free(trace->chains);
	free(trace->dialogs);
	free(trace->dialog_chains);
	free(trace);
}

static void advance(struct trace *trace, size_t bytes)
{
	trace->head += bytes;
	trace->offset += bytes;
	if (trace->offset == trace->size_bytes)
		trace->offset = 0;
}

/* Fills the end of the ring if the next record doesn't fit there. */
static void skip_end(struct trace *trace, size_t need_bytes)
{
	size_t rest_bytes = trace->size_bytes - trace->offset;
	struct trace_record *record;

	if (need_bytes <= rest_bytes)
		return;
	if (rest_bytes >= sizeof(*record)) {
		record = trace_record_at(trace, trace->head);
		memset(record, 0, sizeof(*record));
		record->is_padding = 1;
		record->record_bytes = (uint32_t)rest_bytes;
	}
	advance(trace, rest_bytes);
}

/* Remembers the first record of each part of the ring. */
static void mark(struct trace *trace)
{
	size_t part_bytes = trace->size_bytes / TRACE_MARKS + 1;
	uint64_t *at = &trace->marks[trace->offset / part_bytes];

	if (!trace_is_live(trace, *at))
		*at = trace->head;
}

static void link_record(struct trace *trace, struct trace_record *record, struct span call_id)
{
	uint64_t *chain;

	record->call_hash = trace_hash(trace, call_id);
	chain = &trace->chains[record->call_hash & trace->chain_mask];
	record->previous = *chain;
	*chain = trace->head;
}

void trace_add(struct trace *trace, const struct trace_message *message)
{
	struct trace_record *record;
	struct span call_id = message->call_id;
	size_t need_bytes;
	char *copy;

	if (trace == NULL)
		return;
	need_bytes = (sizeof(*record) + message->bytes.length + TRACE_ALIGN_BYTES - 1) /
		     TRACE_ALIGN_BYTES * TRACE_ALIGN_BYTES;
	if (message->direction == TRACE_IN)
		trace->last_in = 0;
	if (need_bytes > trace->size_bytes / LARGEST_PART) {
		trace->counts.too_long++;
		return;
	}
	skip_end(trace, need_bytes);
	mark(trace);
	record = trace_record_at(trace, trace->head);
	*record = (struct trace_record){
		.wall_ns = message->wall_ns,
		.reason = message->reason,
		.record_bytes = (uint32_t)need_bytes,
		.length = message->bytes.length,
		.direction = (uint8_t)message->direction,
		.note = (uint8_t)message->note,
		.flow = *message->flow,
	};
	if (message->bytes.length != 0) {
		copy = (char *)(record + 1);
		memcpy(copy, message->bytes.text, message->bytes.length);
		call_id = trace_mask(copy, message->bytes.length);
		trace->counts.messages++;
		trace->counts.bytes += message->bytes.length;
	}
	link_record(trace, record, call_id);
	if (message->direction == TRACE_IN)
		trace->last_in = trace->head;
	advance(trace, need_bytes);
}

void trace_note_last(struct trace *trace, enum trace_note note, const char *reason)
{
	struct trace_record *record;

	if (trace == NULL || !trace_is_live(trace, trace->last_in))
		return;
	record = trace_record_at(trace, trace->last_in);
	if (record->note != TRACE_NOTE_NONE)
		return;
	record->note = (uint8_t)note;
	record->reason = reason;
}

/* Moves *cursor to the next record at or after it. False: there is none. */
static bool find_record(const struct trace *trace, uint64_t *cursor)
{
	while (*cursor < trace->head) {
		size_t rest_bytes = trace->size_bytes - *cursor % trace->size_bytes;

		if (rest_bytes >= sizeof(struct trace_record) &&
			!trace_record_at(trace, *cursor)->is_padding)
			return true;
		*cursor += rest_bytes;
	}
	return false;
}

void trace_fill_entry(const struct trace *trace, uint64_t position, struct trace_entry *ret_entry)
{
	const struct trace_record *record = trace_record_at(trace, position);
	const struct trace_known_dialog *dialog = trace_dialog_by_hash(trace, record->call_hash);

	*ret_entry = (struct trace_entry){
		.position = position,
		.wall_ns = record->wall_ns,
		.direction = (enum trace_direction)record->direction,
		.note = (enum trace_note)record->note,
		.reason = record->reason,
		.flow = &record->flow,
		.bytes = {(const char *)(record + 1), record->length},
		.call_id = dialog != NULL ? dialog->call_id : 0,
	};
}

bool trace_read_next(const struct trace *trace, uint64_t *cursor, uint64_t *lost_bytes,
	struct trace_entry *ret_entry)
{
	if (*cursor == 0)
		*cursor = trace->head;
	if (*cursor < trace->head && !trace_is_live(trace, *cursor)) {
		*lost_bytes += trace->head - *cursor;
		*cursor = trace->head;
	}
	if (!find_record(trace, cursor))
		return false;
	trace_fill_entry(trace, *cursor, ret_entry);
	*cursor += trace_record_at(trace, *cursor)->record_bytes;
	return true;
}

struct trace_counts trace_get_counts(const struct trace *trace)
{
	struct trace_counts counts = trace->counts;
	uint64_t oldest = trace->head;

	for (unsigned i = 0; i < TRACE_MARKS; i++)
		if (trace_is_live(trace, trace->marks[i]) && trace->marks[i] < oldest)
			oldest = trace->marks[i];
	counts.oldest_wall_ns = oldest < trace->head ? trace_record_at(trace, oldest)->wall_ns : 0;
	return counts;
}

const char *trace_note_name(unsigned note)
{
	static const char *const names[TRACE_NOTE_COUNT] = {
#define TRACE_NOTE_NAME(constant, name, help) #name,
		TRACE_NOTES(TRACE_NOTE_NAME)
#undef TRACE_NOTE_NAME
	};

	return note < TRACE_NOTE_COUNT ? names[note] : "?";
}
