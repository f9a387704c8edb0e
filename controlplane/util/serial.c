/* SPDX-License-Identifier: Apache-2.0 */
/* Reading, and the ends of both. Integers are assembled byte by byte. */
#include "util/serial.h"

#include <errno.h>
#include <string.h>

int serial_writer_finish(const struct serial_writer *writer, size_t *ret_size_bytes)
{
	if (writer->has_failed)
		return -ENOSPC;
	*ret_size_bytes = writer->used_bytes;
	return 0;
}

void serial_reader_init(struct serial_reader *reader, const void *bytes, size_t size_bytes)
{
	*reader = (struct serial_reader){.bytes = bytes, .size_bytes = size_bytes};
}

/* The next size_bytes bytes, or NULL after remembering that there aren't so many. */
static const uint8_t *take(struct serial_reader *reader, size_t size_bytes)
{
	const uint8_t *at;

	if (reader->has_failed || size_bytes > reader->size_bytes - reader->at) {
		reader->has_failed = true;
		return NULL;
	}
	at = reader->bytes + reader->at;
	reader->at += size_bytes;
	return at;
}

static uint64_t get_integer(struct serial_reader *reader, size_t width_bytes)
{
	const uint8_t *at = take(reader, width_bytes);
	uint64_t value = 0;

	if (at == NULL)
		return 0;
	for (size_t i = 0; i < width_bytes; i++)
		value |= (uint64_t)at[i] << 8 * i;
	return value;
}

uint8_t serial_get_u8(struct serial_reader *reader)
{
	return (uint8_t)get_integer(reader, sizeof(uint8_t));
}

uint16_t serial_get_u16(struct serial_reader *reader)
{
	return (uint16_t)get_integer(reader, sizeof(uint16_t));
}

uint32_t serial_get_u32(struct serial_reader *reader)
{
	return (uint32_t)get_integer(reader, sizeof(uint32_t));
}

uint64_t serial_get_u64(struct serial_reader *reader)
{
	return get_integer(reader, sizeof(uint64_t));
}

void serial_get_fixed(struct serial_reader *reader, void *ret_bytes, size_t size_bytes)
{
	const uint8_t *at;

	if (size_bytes == 0)
		return;
	at = take(reader, size_bytes);
	if (at != NULL)
		memcpy(ret_bytes, at, size_bytes);
	else
		memset(ret_bytes, 0, size_bytes);
}

struct span serial_get_span(struct serial_reader *reader)
{
	uint32_t length = serial_get_u32(reader);
	const uint8_t *at = take(reader, length);

	if (at == NULL)
		return (struct span){.text = NULL, .length = 0};
	return (struct span){.text = (const char *)at, .length = length};
}

size_t serial_get_bytes(struct serial_reader *reader, void *ret_bytes, size_t size_bytes)
{
	struct span stored = serial_get_span(reader);

	if (stored.length > size_bytes) {
		reader->has_failed = true;
		return 0;
	}
	if (stored.length != 0)
		memcpy(ret_bytes, stored.text, stored.length);
	return stored.length;
}

void serial_reader_fail(struct serial_reader *reader)
{
	reader->has_failed = true;
}

int serial_reader_finish(const struct serial_reader *reader)
{
	return reader->has_failed || reader->at != reader->size_bytes ? -EBADMSG : 0;
}
