/* SPDX-License-Identifier: Apache-2.0 */
/* Any bytes as a stretch of the event log, as they are and as a frame whose checksum is right:
 * what is decoded is encoded to the same bytes. */
#include "events/frame.h"
#include "journal/crc32c.h"
#include "util/serial.h"

#include <stdlib.h>
#include <string.h>

enum {
	LEAD_BYTES = 12, /* marker, length, checksum */
};

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t size_bytes);

static void check_same(const uint8_t *bytes, const struct event_frame *frame, size_t frame_bytes)
{
	static uint8_t again[EVENT_FRAME_MAX_BYTES];
	size_t again_bytes;

	if (event_frame_encode(frame, again, sizeof(again), &again_bytes) != 0 ||
		again_bytes != frame_bytes || memcmp(again, bytes, frame_bytes) != 0)
		abort();
}

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t size_bytes)
{
	static uint8_t sealed[LEAD_BYTES + EVENT_FRAME_MAX_BYTES];
	struct event_segment_header header;
	struct event_frame frame;
	struct serial_writer lead;
	size_t frame_bytes;
	size_t at = event_frame_find(bytes, size_bytes, 0);
	size_t sealed_bytes = size_bytes + LEAD_BYTES;

	if (at > size_bytes || (at < size_bytes && event_frame_decode(bytes + at, size_bytes - at,
							   &frame, &frame_bytes) != 0))
		abort();
	if (size_bytes >= EVENT_SEGMENT_HEADER_BYTES)
		(void)!event_segment_header_decode(bytes, &header); /* crashing is the fault */
	if (sealed_bytes > EVENT_FRAME_MAX_BYTES)
		return 0;
	memcpy(sealed + LEAD_BYTES, bytes, size_bytes);
	serial_writer_init(&lead, sealed, LEAD_BYTES);
	serial_put_u32(&lead, EVENT_FRAME_MARKER);
	serial_put_u32(&lead, (uint32_t)size_bytes);
	serial_put_u32(&lead, crc32c((uint32_t)sealed_bytes, bytes, size_bytes));
	if (event_frame_decode(sealed, sealed_bytes, &frame, &frame_bytes) == 0)
		check_same(sealed, &frame, frame_bytes);
	return 0;
}
