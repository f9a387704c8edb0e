/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The last minutes of SIP in memory: every message that came or went, with time, flow and what
 * became of it, found by SIP Call-ID, by call or by number, also when the call has ended. A ring
 * of bounded size in which the newest takes the place of the oldest; secrets are masked before
 * anything is stored (mask.h). Adding costs one copy and two searches, allocates nothing and never
 * fails. Pure: the caller says what time it is.
 *
 * One thread.
 */
#ifndef TD_TRACE_TRACE_H
#define TD_TRACE_TRACE_H

#include "transaction/transaction.h"
#include "util/span.h"

#include <tandem/compiler.h>

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum {
	TRACE_SEED_BYTES = 16,
	TRACE_PARTY_BYTES = 40, /* numbers, cut */
	TRACE_FOUND_MAX = 2000, /* messages that one question gets; the newest */
};

enum trace_direction {
	TRACE_IN,
	TRACE_OUT,
	TRACE_EVENT, /* no message: something that happened to the dialog's requests */
};

/* X(CONSTANT, name, help): what became of a message, if it isn't ordinary. */
#define TRACE_NOTES(X)                                                                     \
	X(NONE, none, "")                                                                  \
	X(MALFORMED, malformed, "failed the parser")                                       \
	X(SHED, shed, "refused before a transaction was made: overload, limits, draining") \
	X(REPEATED, repeated, "a retransmission, absorbed")                                \
	X(UNMATCHED, unmatched, "belongs to no dialog or transaction")                     \
	X(REFUSED, refused, "refused by policy: method, extension, body, credentials")     \
	X(NO_RESPONSE, no_response,                                                        \
		"nothing came back: no response to our request, no ACK to our answer")     \
	X(UNDELIVERED, undelivered, "couldn't be delivered")

enum trace_note {
#define TRACE_NOTE_ENUM(constant, name, help) TRACE_NOTE_##constant,
	TRACE_NOTES(TRACE_NOTE_ENUM)
#undef TRACE_NOTE_ENUM
	TRACE_NOTE_COUNT
};

struct trace;

struct trace_setup {
	size_t memory_bytes; /* of messages; indexes come on top, about 1/40 */
	const uint8_t *seed; /* TRACE_SEED_BYTES, secret; copied */
};

/* Creates an empty trace. -ENOMEM, -EINVAL (less memory than one message of the largest size
 * takes). Memory is touched as it fills. */
td_must_check int trace_create(const struct trace_setup *setup, struct trace **ret_trace);
/* Accepts NULL. */
void trace_destroy(struct trace *trace);

/* A message that came or goes. */
struct trace_message {
	enum trace_direction direction;
	enum trace_note note;
	const struct sip_flow *flow; /* copied */
	struct span bytes;	     /* copied, and masked there; TRACE_EVENT: none */
	struct span call_id;	     /* TRACE_EVENT: the dialog's; else found in bytes */
	const char *reason;	     /* static text that goes with the note, or NULL */
	uint64_t wall_ns;
};
/* All of these accept NULL as trace: nothing is kept then. */
void trace_add(struct trace *trace, const struct trace_message *message);
/* Says what became of the message that came last. The first note stays. */
void trace_note_last(struct trace *trace, enum trace_note note, const char *reason);

/* A dialog of a call. */
struct trace_dialog {
	uint64_t call_id;
	uint64_t leg_id;
	struct span sip_call_id;
	struct span caller;
	struct span callee;
	uint64_t wall_ns;
};
/* Remembers which call a SIP Call-ID belongs to. The oldest dialogs are forgotten; whoever needs
 * his for long asks trace_knows(), and tells again. Returns a handle for that. */
uint32_t trace_tell_dialog(struct trace *trace, const struct trace_dialog *dialog);
/* True if what the handle stands for is that leg's dialog still. */
bool trace_knows(const struct trace *trace, uint32_t handle, uint64_t leg_id);

/* ---- asking ---- */

/* A stored message. Borrows from the trace until the next trace_add(). */
struct trace_entry {
	uint64_t position; /* order of all that was ever added */
	uint64_t wall_ns;
	enum trace_direction direction;
	enum trace_note note;
	const char *reason; /* static text, or NULL */
	const struct sip_flow *flow;
	struct span bytes;
	uint64_t call_id; /* 0: no call is known for its Call-ID */
};
typedef void trace_visit_fn(void *context, const struct trace_entry *entry);

/* Visits the messages of a call, oldest first: those of all its dialogs. Returns how many. */
uint32_t trace_visit_call(
	const struct trace *trace, uint64_t call_id, trace_visit_fn *visit, void *context);
/* The messages with one SIP Call-ID. */
uint32_t trace_visit_sip_call(
	const struct trace *trace, struct span sip_call_id, trace_visit_fn *visit, void *context);
/* The call that a SIP Call-ID belongs to; 0 if none is known. */
uint64_t trace_find_call(const struct trace *trace, struct span sip_call_id);

/* A call that is remembered. */
struct trace_call {
	uint64_t call_id;
	uint64_t wall_ns; /* of its first dialog that is remembered */
	const char *caller;
	const char *callee;
};
typedef void trace_visit_call_fn(void *context, const struct trace_call *call);
/* Visits the calls from or to a number, newest first, at most max: the number as it stands in the
 * call, or at least its last TRACE_DIGITS_MIN digits. Returns how many there are. */
enum {
	TRACE_DIGITS_MIN = 4
};
uint32_t trace_visit_number(const struct trace *trace, struct span number, uint32_t max,
	trace_visit_call_fn *visit, void *context);

/* Reads messages in the order in which they were added, for export. *cursor is 0 to begin with
 * what comes from now on. False: there is no more. What was overwritten before it was read is
 * counted in *lost_bytes. */
bool trace_read_next(const struct trace *trace, uint64_t *cursor, uint64_t *lost_bytes,
	struct trace_entry *ret_entry);

/* X(name, help) */
#define TRACE_COUNTERS(X)                                          \
	X(messages, "SIP messages stored")                         \
	X(bytes, "bytes of those messages")                        \
	X(dialogs, "dialogs remembered, each time they were told") \
	X(too_long, "messages not stored because a quarter of the memory couldn't hold them")

struct trace_counts {
#define TRACE_COUNTER_FIELD(name, help) uint64_t name;
	TRACE_COUNTERS(TRACE_COUNTER_FIELD)
#undef TRACE_COUNTER_FIELD
	uint64_t oldest_wall_ns; /* of the messages that are stored; 0: none */
};
struct trace_counts trace_get_counts(const struct trace *trace);

const char *trace_note_name(unsigned note); /* "shed"; "?" out of range */

#endif
