/* SPDX-License-Identifier: Apache-2.0 */
/*
 * How ids look outside: "<node>-<16 hex digits>", unique among appliances. Shared by the files
 * that turn records into JSON and into frames. Pure.
 */
#ifndef TD_EVENTS_RECORD_ID_H
#define TD_EVENTS_RECORD_ID_H

#include "events/frame.h"
#include "events/record_json.h"
#include "util/span.h"

#include <stddef.h>
#include <stdint.h>

enum {
	EVENT_ID_TEXT_BYTES = EVENT_NODE_BYTES + 20,
};

/* Writes "node-0123456789abcdef" (EVENT_ID_TEXT_BYTES are enough), no zero; returns what
 * follows. */
char *event_id_write(char *at, const char *node, size_t node_length, uint64_t number);

/* Writes the id of a record, the same whenever the same fact is told again: node, kind, number,
 * ordinal. Returns it; borrows id. */
struct span event_record_id_write(const struct event_identity *identity,
	const struct event_record *record, char id[EVENT_ID_BYTES]);

#endif
