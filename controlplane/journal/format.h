/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The bytes of a journal file: header and records. Pure: encodes and decodes, no files.
 * Little-endian; each record begins with a marker so that the next one is found behind damage.
 */
#ifndef TD_JOURNAL_FORMAT_H
#define TD_JOURNAL_FORMAT_H

#include <tandem/compiler.h>

#include <stddef.h>
#include <stdint.h>

enum {
	JOURNAL_FILE_HEADER_BYTES = 64,
	JOURNAL_RECORD_FIXED_BYTES = 32, /* before the value */
	JOURNAL_BOOT_ID_BYTES = 16,
};

enum journal_op {
	JOURNAL_OP_PUT = 1,
	JOURNAL_OP_DELETE = 2,
	JOURNAL_OP_COMMIT = 3, /* kind 0, no value: all before it counts */
};

struct journal_file_header {
	uint64_t file_seq; /* files are named and ordered by it */
	uint8_t boot_id[JOURNAL_BOOT_ID_BYTES];
};

struct journal_record {
	uint16_t kind; /* enum journal_kind */
	uint16_t op;   /* enum journal_op */
	uint64_t id;
	uint64_t generation;  /* of two records of a key the higher counts */
	const uint8_t *value; /* borrows */
	uint32_t value_bytes;
};

void journal_file_header_encode(
	const struct journal_file_header *header, uint8_t bytes[JOURNAL_FILE_HEADER_BYTES]);
/* -EBADMSG: not a journal file of this version. */
td_must_check int journal_file_header_decode(
	const uint8_t bytes[JOURNAL_FILE_HEADER_BYTES], struct journal_file_header *ret_header);

/* Bytes that a record with a value of value_bytes takes. */
static inline size_t journal_record_bytes(size_t value_bytes)
{
	return JOURNAL_RECORD_FIXED_BYTES + value_bytes;
}

/* Encodes record into bytes, which has room for journal_record_bytes(record->value_bytes). */
void journal_record_encode(const struct journal_record *record, uint8_t *bytes);
/* Decodes the record at the start of bytes; value borrows. -EAGAIN: well so far, but it goes on
 * after size_bytes. -EBADMSG: no record, or its checksum is wrong. */
td_must_check int journal_record_decode(
	const uint8_t *bytes, size_t size_bytes, struct journal_record *ret_record);

/* Offset of the next whole and valid record at or after from, or size_bytes if there is none. */
size_t journal_record_find(const uint8_t *bytes, size_t size_bytes, size_t from);

#endif
