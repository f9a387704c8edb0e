/* SPDX-License-Identifier: Apache-2.0 */
/* Any bytes as a stretch of the journal, as they are and as a record whose checksum is right:
 * what is decoded is encoded to the same bytes. */
#include "journal/crc32c.h"
#include "journal/format.h"
#include "journal/journal.h"
#include "util/serial.h"

#include <stdlib.h>
#include <string.h>

enum {
	CHECKED_AT = 12, /* what the checksum is of */
	SEALED_MAX_BYTES = JOURNAL_RECORD_FIXED_BYTES + JOURNAL_VALUE_MAX_BYTES,
};

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t size_bytes);

static void check_same(const uint8_t *bytes, const struct journal_record *record)
{
	static uint8_t again[SEALED_MAX_BYTES];

	journal_record_encode(record, again);
	if (memcmp(again, bytes, journal_record_bytes(record->value_bytes)) != 0)
		abort();
}

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t size_bytes)
{
	static const uint8_t marker[4] = {'T', 'J', 'R', '1'};
	static uint8_t sealed[SEALED_MAX_BYTES];
	struct journal_file_header header;
	struct journal_record record;
	struct serial_writer lead;
	size_t at = journal_record_find(bytes, size_bytes, 0);
	uint32_t value_bytes = (uint32_t)(size_bytes - JOURNAL_RECORD_FIXED_BYTES);

	if (at > size_bytes || (at < size_bytes && journal_record_decode(bytes + at,
							   size_bytes - at, &record) != 0))
		abort();
	if (size_bytes >= JOURNAL_FILE_HEADER_BYTES)
		(void)!journal_file_header_decode(bytes, &header); /* crashing is the fault */
	if (size_bytes < JOURNAL_RECORD_FIXED_BYTES || size_bytes > SEALED_MAX_BYTES)
		return 0;
	memcpy(sealed, bytes, size_bytes);
	memcpy(sealed, marker, sizeof(marker));
	serial_writer_init(&lead, sealed + sizeof(marker), CHECKED_AT - sizeof(marker));
	serial_put_u32(&lead, value_bytes);
	serial_put_u32(&lead, crc32c(value_bytes, sealed + CHECKED_AT, size_bytes - CHECKED_AT));
	if (journal_record_decode(sealed, size_bytes, &record) == 0)
		check_same(sealed, &record);
	return 0;
}
