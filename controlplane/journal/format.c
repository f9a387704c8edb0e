/* SPDX-License-Identifier: Apache-2.0 */
/* See format.h. The checksum covers everything behind itself. */
#include "journal/format.h"

#include "journal/crc32c.h"
#include "journal/journal.h"
#include "util/serial.h"

#include <errno.h>
#include <string.h>

static const uint32_t file_magic = 0x4c4a4e54;	  /* "TNJL" */
static const uint32_t record_marker = 0x31524a54; /* "TJR1" */

enum {
	FILE_VERSION = 1,
	FILE_CRC_AT = JOURNAL_FILE_HEADER_BYTES - 4,
	RECORD_CHECKED_AT = 12, /* behind marker, length and checksum */
};

/* A writer over a buffer whose size the caller has computed: it can't overflow. */
static struct serial_writer writer_over(uint8_t *bytes, size_t size_bytes)
{
	struct serial_writer writer;

	serial_writer_init(&writer, bytes, size_bytes);
	return writer;
}

void journal_file_header_encode(
	const struct journal_file_header *header, uint8_t bytes[JOURNAL_FILE_HEADER_BYTES])
{
	struct serial_writer writer = writer_over(bytes, JOURNAL_FILE_HEADER_BYTES);
	struct serial_writer tail = writer_over(bytes + FILE_CRC_AT, 4);

	memset(bytes, 0, JOURNAL_FILE_HEADER_BYTES);
	serial_put_u32(&writer, file_magic);
	serial_put_u32(&writer, FILE_VERSION);
	serial_put_u64(&writer, header->file_seq);
	serial_put_fixed(&writer, header->boot_id, sizeof(header->boot_id));
	serial_put_u32(&tail, crc32c(0, bytes, FILE_CRC_AT));
}

int journal_file_header_decode(
	const uint8_t bytes[JOURNAL_FILE_HEADER_BYTES], struct journal_file_header *ret_header)
{
	struct serial_reader reader;
	struct serial_reader tail;
	struct journal_file_header header;

	serial_reader_init(&reader, bytes, JOURNAL_FILE_HEADER_BYTES);
	serial_reader_init(&tail, bytes + FILE_CRC_AT, 4);
	if (serial_get_u32(&reader) != file_magic || serial_get_u32(&reader) != FILE_VERSION)
		return -EBADMSG;
	if (serial_get_u32(&tail) != crc32c(0, bytes, FILE_CRC_AT))
		return -EBADMSG;
	header.file_seq = serial_get_u64(&reader);
	serial_get_fixed(&reader, header.boot_id, sizeof(header.boot_id));
	*ret_header = header;
	return 0;
}

void journal_record_encode(const struct journal_record *record, uint8_t *bytes)
{
	size_t size_bytes = journal_record_bytes(record->value_bytes);
	struct serial_writer writer = writer_over(bytes, size_bytes);

	serial_put_u32(&writer, record_marker);
	serial_put_u32(&writer, record->value_bytes);
	serial_put_u32(&writer, 0);
	serial_put_u16(&writer, record->kind);
	serial_put_u16(&writer, record->op);
	serial_put_u64(&writer, record->id);
	serial_put_u64(&writer, record->generation);
	serial_put_fixed(&writer, record->value, record->value_bytes);
	writer = writer_over(bytes + 8, 4);
	serial_put_u32(&writer, crc32c(record->value_bytes, bytes + RECORD_CHECKED_AT,
					size_bytes - RECORD_CHECKED_AT));
}

/* True if the fixed fields can be ours. */
static bool is_plausible(const struct journal_record *record)
{
	if (record->op == JOURNAL_OP_COMMIT)
		return record->kind == 0 && record->value_bytes == 0;
	return (record->op == JOURNAL_OP_PUT || record->op == JOURNAL_OP_DELETE) &&
	       record->kind != 0 && record->kind < JOURNAL_KIND_COUNT &&
	       record->value_bytes <= JOURNAL_VALUE_MAX_BYTES;
}

int journal_record_decode(
	const uint8_t *bytes, size_t size_bytes, struct journal_record *ret_record)
{
	struct journal_record record;
	struct serial_reader reader;
	uint32_t crc;

	serial_reader_init(&reader, bytes, size_bytes);
	if (size_bytes < JOURNAL_RECORD_FIXED_BYTES)
		return -EAGAIN;
	if (serial_get_u32(&reader) != record_marker)
		return -EBADMSG;
	record.value_bytes = serial_get_u32(&reader);
	crc = serial_get_u32(&reader);
	record.kind = serial_get_u16(&reader);
	record.op = serial_get_u16(&reader);
	record.id = serial_get_u64(&reader);
	record.generation = serial_get_u64(&reader);
	if (!is_plausible(&record))
		return -EBADMSG;
	if (size_bytes < journal_record_bytes(record.value_bytes))
		return -EAGAIN;
	record.value = bytes + JOURNAL_RECORD_FIXED_BYTES;
	if (crc != crc32c(record.value_bytes, bytes + RECORD_CHECKED_AT,
			   journal_record_bytes(record.value_bytes) - RECORD_CHECKED_AT))
		return -EBADMSG;
	*ret_record = record;
	return 0;
}

size_t journal_record_find(const uint8_t *bytes, size_t size_bytes, size_t from)
{
	static const uint8_t marker[4] = {'T', 'J', 'R', '1'};
	struct journal_record record;

	while (from < size_bytes) {
		const uint8_t *at = memmem(bytes + from, size_bytes - from, marker, sizeof(marker));

		if (at == NULL)
			return size_bytes;
		from = (size_t)(at - bytes);
		if (journal_record_decode(at, size_bytes - from, &record) == 0)
			return from;
		from++;
	}
	return size_bytes;
}
