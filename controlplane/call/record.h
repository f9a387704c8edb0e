/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Turns the state of a call into the records that leave the machine. Fills plain structs only;
 * who gets them, and how, is decided elsewhere. Pure.
 */
#ifndef TD_CALL_RECORD_H
#define TD_CALL_RECORD_H

#include "call/call.h"
#include "events/record.h"

#include <stdint.h>

/* What a record needs beyond the call. Borrowed until the function returns. */
struct record_names {
	struct td_now now;
	const char *trunks[CALL_LEGS];
};

/* Fills a call event and counts it. leg_index CALL_LEGS: concerns the whole call. */
void record_fill_event(struct call *call, enum call_event_kind kind, unsigned leg_index,
	const struct record_names *names, struct event_record *ret_record);
void record_fill_cdr(const struct call *call, unsigned leg_index, const struct record_names *names,
	struct event_record *ret_record);
void record_fill_contact(
	const struct call *call, const struct record_names *names, struct event_record *ret_record);

/* Notes that a leg went on hold or came back, for its hold time. */
void record_note_hold(struct leg *leg, bool is_held, uint64_t now_ms);
/* Notes the end of a leg, once. */
void record_note_end(struct leg *leg, const struct td_now *now);

#endif
