/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The insides of a trace, for the files that it is divided into. Nobody else includes this.
 *
 * Positions count bytes since the beginning of time; a position modulo the ring's size is a place
 * in the ring. So a record at position p is whole as long as p + size >= head, and nothing needs
 * to be done when a record is overwritten. Chains of records with the same hash go from the newest
 * back, until they lead to a record that is no more.
 */
#ifndef TD_TRACE_PARTS_H
#define TD_TRACE_PARTS_H

#include "trace/trace.h"

enum {
	TRACE_ALIGN_BYTES = 8,
	TRACE_MARKS = 64, /* places in the ring whose first record is known */
};

/* In the ring, before its message. */
struct trace_record {
	uint64_t previous;  /* position of the next older one of its chain; 0: none */
	uint64_t call_hash; /* of the Call-ID */
	uint64_t wall_ns;
	const char *reason;    /* static text, or NULL */
	uint32_t record_bytes; /* to the next record */
	uint32_t length;
	uint8_t direction; /* enum trace_direction */
	uint8_t note;	   /* enum trace_note */
	uint8_t is_padding;
	uint8_t reserved[5];
	struct sip_flow flow;
};

struct trace_known_dialog {
	uint64_t leg_id; /* 0: never used */
	uint64_t call_id;
	uint64_t call_hash;
	uint64_t wall_ns;
	uint64_t previous; /* number of the next older one of its chain, plus 1; 0: none */
	char caller[TRACE_PARTY_BYTES];
	char callee[TRACE_PARTY_BYTES];
};

struct trace {
	uint8_t seed[TRACE_SEED_BYTES];
	char *ring; /* owns */
	size_t size_bytes;
	size_t offset; /* of head: head modulo size_bytes */
	uint64_t head; /* position of the next record; the first is size_bytes, so 0 is none */
	uint64_t last_in;
	uint64_t *chains; /* owns; newest record by hash */
	uint32_t chain_mask;
	uint32_t dialog_mask;
	struct trace_known_dialog *dialogs; /* owns */
	uint64_t *dialog_chains;	    /* owns; newest dialog's number plus 1 */
	uint64_t dialog_count;		    /* ever told: number of the next */
	struct trace_counts counts;
	uint64_t marks[TRACE_MARKS];
};

static inline bool trace_is_live(const struct trace *trace, uint64_t position)
{
	return position != 0 && position < trace->head &&
	       position + trace->size_bytes >= trace->head;
}

static inline struct trace_record *trace_record_at(const struct trace *trace, uint64_t position)
{
	return (struct trace_record *)(void *)(trace->ring + position % trace->size_bytes);
}

/* ---- trace.c ---- */
void trace_fill_entry(const struct trace *trace, uint64_t position, struct trace_entry *ret_entry);

/* ---- dialog.c ---- */
uint64_t trace_hash(const struct trace *trace, struct span sip_call_id);
/* The newest dialog with that hash that is remembered, or NULL. */
const struct trace_known_dialog *trace_dialog_by_hash(const struct trace *trace, uint64_t hash);

#endif
