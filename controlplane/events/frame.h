/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The bytes of the event log: segment header and frames. Pure: encodes and decodes, no files. A
 * frame carries all that a consumer needs: identity (epoch, sequence), record kind (its topic),
 * key, CloudEvents headers, JSON value. Little-endian; each frame begins with a marker so that a
 * reader finds the next one behind damaged bytes.
 */
#ifndef TD_EVENTS_FRAME_H
#define TD_EVENTS_FRAME_H

#include "util/span.h"

#include <tandem/compiler.h>

#include <stddef.h>
#include <stdint.h>

enum {
	EVENT_NODE_BYTES = 48,
	EVENT_FRAME_MARKER = 0x31464554, /* "TEF1" */
	EVENT_FRAME_MAX_BYTES = 128 * 1024,
	EVENT_SEGMENT_HEADER_BYTES = 96,
	EVENT_HEADERS_MAX = 16,
};

struct event_header {
	struct span name;
	struct span value;
};

struct event_frame {
	uint32_t epoch;
	uint8_t kind; /* enum event_record_kind */
	uint64_t seq;
	uint64_t wall_ns; /* when it was emitted */
	struct span key;
	struct span value; /* JSON */
	uint32_t header_count;
	struct event_header headers[EVENT_HEADERS_MAX];
};

struct event_segment_header {
	uint32_t epoch;
	uint64_t first_seq;
	uint64_t created_wall_ns;
	char node[EVENT_NODE_BYTES];
};

/* Encodes frame. -ENOSPC if it needs more than size_bytes, -EMSGSIZE if more than
 * EVENT_FRAME_MAX_BYTES. */
td_must_check int event_frame_encode(const struct event_frame *frame, uint8_t *bytes,
	size_t size_bytes, size_t *ret_frame_bytes);

/* Decodes the frame at the start of bytes; texts borrow until bytes go. -EAGAIN: well so far, but
 * it goes on after size_bytes. -EBADMSG: no frame, or its checksum is wrong. */
td_must_check int event_frame_decode(const uint8_t *bytes, size_t size_bytes,
	struct event_frame *ret_frame, size_t *ret_frame_bytes);

/* Offset of the next whole and valid frame at or after from, or size_bytes if there is none. */
size_t event_frame_find(const uint8_t *bytes, size_t size_bytes, size_t from);

/* Encodes a segment's header into EVENT_SEGMENT_HEADER_BYTES. */
void event_segment_header_encode(
	const struct event_segment_header *header, uint8_t bytes[EVENT_SEGMENT_HEADER_BYTES]);
/* Decodes it. -EBADMSG. */
td_must_check int event_segment_header_decode(
	const uint8_t bytes[EVENT_SEGMENT_HEADER_BYTES], struct event_segment_header *ret_header);

#endif
