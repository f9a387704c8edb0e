/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Turns an event record into what goes out: JSON value, Kafka key, CloudEvents headers, and from
 * these a frame of the event log. Field names and meanings are a contract with consumers:
 * docs/events/. Pure.
 */
#ifndef TD_EVENTS_RECORD_JSON_H
#define TD_EVENTS_RECORD_JSON_H

#include "events/frame.h"
#include "events/record.h"

#include <tandem/compiler.h>

#include <stddef.h>
#include <stdint.h>

enum {
	EVENT_SCHEMA_VERSION = 1, /* raised when an optional field is added; never otherwise */
	EVENT_ID_BYTES = 128,
	EVENT_JSON_MAX_BYTES = 32 * 1024, /* no record is longer, whatever its texts hold */
};

/* Who says it, and as which record of theirs. */
struct event_identity {
	const char *node;
	uint32_t epoch;
	uint64_t seq;
	uint64_t wall_ns; /* of emission */
};

/* Writes the JSON value. -ENOSPC if size_bytes isn't enough (EVENT_JSON_MAX_BYTES always is),
 * -EINVAL if kind or an enumeration in record is out of range. */
td_must_check int event_record_to_json(const struct event_record *record,
	const struct event_identity *identity, char *json, size_t size_bytes, size_t *ret_length);

/* Writes the whole frame: value, key and headers. Errors as above. */
td_must_check int event_record_to_frame(const struct event_record *record,
	const struct event_identity *identity, uint8_t *bytes, size_t size_bytes,
	size_t *ret_frame_bytes);

#endif
