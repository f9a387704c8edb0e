/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Writes and reads the little-endian records of the journal. Both sides are bounded and remember
 * the first failure, so that a record is checked once, at its end: serial_writer_finish() and
 * serial_reader_finish(). A reader gives zeros after a failure and never reads past the end.
 * Writing is inline: a call's snapshot has some 150 fields, and is written with every message.
 */
#ifndef TD_UTIL_SERIAL_H
#define TD_UTIL_SERIAL_H

#include "util/span.h"

#include <tandem/compiler.h>

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#if __BYTE_ORDER__ == __ORDER_LITTLE_ENDIAN__
#define serial_le16(value) (value)
#define serial_le32(value) (value)
#define serial_le64(value) (value)
#else
#define serial_le16(value) __builtin_bswap16(value)
#define serial_le32(value) __builtin_bswap32(value)
#define serial_le64(value) __builtin_bswap64(value)
#endif

struct serial_writer {
	uint8_t *bytes;	   /* borrows */
	size_t size_bytes; /* room */
	size_t used_bytes;
	bool has_failed;
};

/* Begins a record in bytes. */
static inline void serial_writer_init(struct serial_writer *writer, void *bytes, size_t size_bytes)
{
	*writer = (struct serial_writer){.bytes = (uint8_t *)bytes, .size_bytes = size_bytes};
}

/* Room for size_bytes more; NULL after remembering that there isn't so much. */
static inline uint8_t *serial_writer_take(struct serial_writer *writer, size_t size_bytes)
{
	uint8_t *at = writer->bytes + writer->used_bytes;

	if (td_unlikely(size_bytes > writer->size_bytes - writer->used_bytes)) {
		writer->has_failed = true;
		writer->size_bytes = writer->used_bytes; /* nothing fits any more */
		return NULL;
	}
	writer->used_bytes += size_bytes;
	return at;
}

/* Appends size_bytes bytes as they are; the reader must know their number. */
static inline void serial_put_fixed(
	struct serial_writer *writer, const void *bytes, size_t size_bytes)
{
	uint8_t *at = serial_writer_take(writer, size_bytes);

	if (at != NULL && size_bytes != 0)
		memcpy(at, bytes, size_bytes);
}

static inline void serial_put_u8(struct serial_writer *writer, uint8_t value)
{
	serial_put_fixed(writer, &value, sizeof(value));
}

static inline void serial_put_u16(struct serial_writer *writer, uint16_t value)
{
	value = serial_le16(value);
	serial_put_fixed(writer, &value, sizeof(value));
}

static inline void serial_put_u32(struct serial_writer *writer, uint32_t value)
{
	value = serial_le32(value);
	serial_put_fixed(writer, &value, sizeof(value));
}

static inline void serial_put_u64(struct serial_writer *writer, uint64_t value)
{
	value = serial_le64(value);
	serial_put_fixed(writer, &value, sizeof(value));
}

/* Appends a u32 length and the bytes. */
static inline void serial_put_bytes(
	struct serial_writer *writer, const void *bytes, size_t size_bytes)
{
	if (td_unlikely(size_bytes > UINT32_MAX)) {
		writer->has_failed = true;
		return;
	}
	serial_put_u32(writer, (uint32_t)size_bytes);
	serial_put_fixed(writer, bytes, size_bytes);
}

static inline void serial_put_span(struct serial_writer *writer, struct span text)
{
	serial_put_bytes(writer, text.text, text.length);
}

/* Ends the record: its length in bytes through ret_size_bytes, or -ENOSPC if it didn't fit. */
td_must_check int serial_writer_finish(const struct serial_writer *writer, size_t *ret_size_bytes);

struct serial_reader {
	const uint8_t *bytes; /* borrows */
	size_t size_bytes;
	size_t at;
	bool has_failed;
};

void serial_reader_init(struct serial_reader *reader, const void *bytes, size_t size_bytes);
uint8_t serial_get_u8(struct serial_reader *reader);
uint16_t serial_get_u16(struct serial_reader *reader);
uint32_t serial_get_u32(struct serial_reader *reader);
uint64_t serial_get_u64(struct serial_reader *reader);
/* Copies exactly size_bytes bytes out; zeros them on failure. */
void serial_get_fixed(struct serial_reader *reader, void *ret_bytes, size_t size_bytes);
/* What serial_put_bytes() or serial_put_span() wrote, in place: borrows until the record's
 * buffer goes. Empty on failure. */
struct span serial_get_span(struct serial_reader *reader);
/* The same, copied into a buffer of size_bytes; returns its length. Longer is a failure. */
size_t serial_get_bytes(struct serial_reader *reader, void *ret_bytes, size_t size_bytes);
/* Marks the record as bad for a reason of the caller's (a value out of range). */
void serial_reader_fail(struct serial_reader *reader);
/* 0 if everything was read well and nothing is left over; else -EBADMSG. */
td_must_check int serial_reader_finish(const struct serial_reader *reader);

#endif
