/* SPDX-License-Identifier: Apache-2.0 */
/*
 * See frame.h. Layout of a frame: marker, length of all that follows the checksum, checksum,
 * then the fixed fields, key, headers (name and value each with its length) and value. Identity
 * (epoch, sequence) comes first of what is checked.
 */
#include "events/frame.h"

#include "journal/crc32c.h"
#include "util/serial.h"

#include <errno.h>
#include <string.h>

static const uint32_t segment_magic = 0x4c454e54; /* "TNEL" */

enum {
	SEGMENT_VERSION = 1,
	SEGMENT_CRC_AT = EVENT_SEGMENT_HEADER_BYTES - 4,
	FRAME_CHECKED_AT = 12, /* behind marker, length and checksum */
};

int event_frame_encode(
	const struct event_frame *frame, uint8_t *bytes, size_t size_bytes, size_t *ret_frame_bytes)
{
	struct serial_writer writer;
	struct serial_writer lead;
	size_t used_bytes;
	int error;

	serial_writer_init(&writer, bytes, size_bytes);
	serial_put_u32(&writer, EVENT_FRAME_MARKER);
	serial_put_u32(&writer, 0);
	serial_put_u32(&writer, 0);
	serial_put_u32(&writer, frame->epoch);
	serial_put_u64(&writer, frame->seq);
	serial_put_u64(&writer, frame->wall_ns);
	serial_put_u8(&writer, frame->kind);
	serial_put_u8(&writer, (uint8_t)frame->header_count);
	serial_put_u16(&writer, 0);
	serial_put_span(&writer, frame->key);
	for (uint32_t i = 0; i < frame->header_count && i < EVENT_HEADERS_MAX; i++) {
		serial_put_span(&writer, frame->headers[i].name);
		serial_put_span(&writer, frame->headers[i].value);
	}
	serial_put_span(&writer, frame->value);
	error = serial_writer_finish(&writer, &used_bytes);
	if (error != 0)
		return error;
	if (used_bytes > EVENT_FRAME_MAX_BYTES)
		return -EMSGSIZE;
	serial_writer_init(&lead, bytes + 4, 8);
	serial_put_u32(&lead, (uint32_t)(used_bytes - FRAME_CHECKED_AT));
	serial_put_u32(&lead, crc32c((uint32_t)used_bytes, bytes + FRAME_CHECKED_AT,
				      used_bytes - FRAME_CHECKED_AT));
	*ret_frame_bytes = used_bytes;
	return 0;
}

int event_frame_decode(const uint8_t *bytes, size_t size_bytes, struct event_frame *ret_frame,
	size_t *ret_frame_bytes)
{
	struct event_frame frame = {0};
	struct serial_reader reader;
	size_t frame_bytes;
	uint32_t crc;

	serial_reader_init(&reader, bytes, size_bytes);
	if (size_bytes < FRAME_CHECKED_AT)
		return -EAGAIN;
	if (serial_get_u32(&reader) != EVENT_FRAME_MARKER)
		return -EBADMSG;
	frame_bytes = (size_t)serial_get_u32(&reader) + FRAME_CHECKED_AT;
	crc = serial_get_u32(&reader);
	if (frame_bytes > EVENT_FRAME_MAX_BYTES)
		return -EBADMSG;
	if (size_bytes < frame_bytes)
		return -EAGAIN;
	if (crc != crc32c((uint32_t)frame_bytes, bytes + FRAME_CHECKED_AT,
			   frame_bytes - FRAME_CHECKED_AT))
		return -EBADMSG;
	serial_reader_init(&reader, bytes + FRAME_CHECKED_AT, frame_bytes - FRAME_CHECKED_AT);
	frame.epoch = serial_get_u32(&reader);
	frame.seq = serial_get_u64(&reader);
	frame.wall_ns = serial_get_u64(&reader);
	frame.kind = serial_get_u8(&reader);
	frame.header_count = serial_get_u8(&reader);
	if (serial_get_u16(&reader) != 0 || frame.header_count > EVENT_HEADERS_MAX)
		return -EBADMSG;
	frame.key = serial_get_span(&reader);
	for (uint32_t i = 0; i < frame.header_count; i++) {
		frame.headers[i].name = serial_get_span(&reader);
		frame.headers[i].value = serial_get_span(&reader);
	}
	frame.value = serial_get_span(&reader);
	if (serial_reader_finish(&reader) != 0)
		return -EBADMSG;
	*ret_frame = frame;
	*ret_frame_bytes = frame_bytes;
	return 0;
}

size_t event_frame_find(const uint8_t *bytes, size_t size_bytes, size_t from)
{
	static const uint8_t marker[4] = {'T', 'E', 'F', '1'};
	struct event_frame frame;
	size_t frame_bytes;

	while (from < size_bytes) {
		const uint8_t *at = memmem(bytes + from, size_bytes - from, marker, sizeof(marker));

		if (at == NULL)
			return size_bytes;
		from = (size_t)(at - bytes);
		if (event_frame_decode(at, size_bytes - from, &frame, &frame_bytes) == 0)
			return from;
		from++;
	}
	return size_bytes;
}

void event_segment_header_encode(
	const struct event_segment_header *header, uint8_t bytes[EVENT_SEGMENT_HEADER_BYTES])
{
	struct serial_writer writer;
	struct serial_writer tail;

	memset(bytes, 0, EVENT_SEGMENT_HEADER_BYTES);
	serial_writer_init(&writer, bytes, SEGMENT_CRC_AT);
	serial_put_u32(&writer, segment_magic);
	serial_put_u32(&writer, SEGMENT_VERSION);
	serial_put_u32(&writer, header->epoch);
	serial_put_u32(&writer, 0);
	serial_put_u64(&writer, header->first_seq);
	serial_put_u64(&writer, header->created_wall_ns);
	serial_put_fixed(&writer, header->node, sizeof(header->node));
	serial_writer_init(&tail, bytes + SEGMENT_CRC_AT, 4);
	serial_put_u32(&tail, crc32c(0, bytes, SEGMENT_CRC_AT));
}

int event_segment_header_decode(
	const uint8_t bytes[EVENT_SEGMENT_HEADER_BYTES], struct event_segment_header *ret_header)
{
	struct event_segment_header header;
	struct serial_reader reader;
	struct serial_reader tail;

	serial_reader_init(&reader, bytes, SEGMENT_CRC_AT);
	serial_reader_init(&tail, bytes + SEGMENT_CRC_AT, 4);
	if (serial_get_u32(&reader) != segment_magic ||
		serial_get_u32(&reader) != SEGMENT_VERSION ||
		serial_get_u32(&tail) != crc32c(0, bytes, SEGMENT_CRC_AT))
		return -EBADMSG;
	header.epoch = serial_get_u32(&reader);
	if (serial_get_u32(&reader) != 0)
		return -EBADMSG;
	header.first_seq = serial_get_u64(&reader);
	header.created_wall_ns = serial_get_u64(&reader);
	serial_get_fixed(&reader, header.node, sizeof(header.node));
	header.node[EVENT_NODE_BYTES - 1] = '\0';
	*ret_header = header;
	return 0;
}
