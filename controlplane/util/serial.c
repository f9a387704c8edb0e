/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Integers are assembled byte by byte, so that neither alignment nor the machine's byte order
 * matters.
 */
#include "util/serial.h"

#include <errno.h>
#include <string.h>

void serial_writer_init(struct serial_writer *writer, void *bytes, size_t size_bytes)
{
	*writer = (struct serial_writer){.bytes = bytes, .size_bytes = size_bytes};
}

static void put_integer(struct serial_writer *writer, uint64_t value, size_t width_bytes)
{
	uint8_t bytes[sizeof(value)];

	for (size_t i = 0; i < width_bytes; i++)
		bytes[i] = (uint8_t)(value >> 8 * i);
	serial_put_fixed(writer, bytes, width_bytes);
}

void serial_put_u8(struct serial_writer *writer, uint8_t value)
{
	put_integer(writer, value, sizeof(value));
}

void serial_put_u16(struct serial_writer *writer, uint16_t value)
{
	put_integer(writer, value, sizeof(value));
}

void serial_put_u32(struct serial_writer *writer, uint32_t value)
{
	put_integer(writer, value, sizeof(value));
}

void serial_put_u64(struct serial_writer *writer, uint64_t value)
{
	put_integer(writer, value, sizeof(value));
}

void serial_put_fixed(struct serial_writer *writer, const void *bytes, size_t size_bytes)
{
	if (writer->has_failed || size_bytes > writer->size_bytes - writer->used_bytes) {
		writer->has_failed = true;
		return;
	}
	if (size_bytes != 0)
		memcpy(writer->bytes + writer->used_bytes, bytes, size_bytes);
	writer->used_bytes += size_bytes;
}

void serial_put_bytes(struct serial_writer *writer, const void *bytes, size_t size_bytes)
{
	if (size_bytes > UINT32_MAX) {
		writer->has_failed = true;
		return;
	}
	serial_put_u32(writer, (uint32_t)size_bytes);
	serial_put_fixed(writer, bytes, size_bytes);
}

void serial_put_span(struct serial_writer *writer, struct span text)
{
	serial_put_bytes(writer, text.text, text.length);
}

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
