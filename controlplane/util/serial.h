/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Writes and reads the little-endian records of the journal. Both sides are bounded and remember
 * the first failure, so that a record is checked once, at its end: serial_writer_finish() and
 * serial_reader_finish(). A reader gives zeros after a failure and never reads past the end.
 */
#ifndef TD_UTIL_SERIAL_H
#define TD_UTIL_SERIAL_H

#include "util/span.h"

#include <tandem/compiler.h>

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct serial_writer {
	uint8_t *bytes;	   /* borrows */
	size_t size_bytes; /* room */
	size_t used_bytes;
	bool has_failed;
};

/* Begins a record in bytes. */
void serial_writer_init(struct serial_writer *writer, void *bytes, size_t size_bytes);
void serial_put_u8(struct serial_writer *writer, uint8_t value);
void serial_put_u16(struct serial_writer *writer, uint16_t value);
void serial_put_u32(struct serial_writer *writer, uint32_t value);
void serial_put_u64(struct serial_writer *writer, uint64_t value);
/* Appends size_bytes bytes as they are; the reader must know their number. */
void serial_put_fixed(struct serial_writer *writer, const void *bytes, size_t size_bytes);
/* Appends a u32 length and the bytes. */
void serial_put_bytes(struct serial_writer *writer, const void *bytes, size_t size_bytes);
void serial_put_span(struct serial_writer *writer, struct span text);
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
