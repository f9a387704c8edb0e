/* SPDX-License-Identifier: Apache-2.0 */
/* The journal's bytes: every cut and every flipped bit is noticed. */
#include "journal/format.h"

#include "journal/crc32c.h"
#include "journal/journal.h"

#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

static void crc_matches_the_published_vectors(void **state)
{
	uint8_t bytes[32];

	(void)state;
	/* RFC 3720 B.4 */
	memset(bytes, 0, sizeof(bytes));
	assert_int_equal(crc32c(0, bytes, sizeof(bytes)), 0x8a9136aau);
	memset(bytes, 0xff, sizeof(bytes));
	assert_int_equal(crc32c(0, bytes, sizeof(bytes)), 0x62a8ab43u);
	for (unsigned i = 0; i < sizeof(bytes); i++)
		bytes[i] = (uint8_t)i;
	assert_int_equal(crc32c(0, bytes, sizeof(bytes)), 0x46dd794eu);
	assert_int_equal(crc32c(crc32c(0, bytes, 5), bytes + 5, 27), 0x46dd794eu);
}

static void crc_is_the_same_without_the_instruction(void **state)
{
	uint8_t bytes[300];

	(void)state;
	for (unsigned i = 0; i < sizeof(bytes); i++)
		bytes[i] = (uint8_t)(i * 167 + 13);
	for (unsigned from = 0; from < 9; from++)
		for (unsigned length = 0; from + length <= sizeof(bytes); length++)
			assert_int_equal(crc32c(length, bytes + from, length),
				crc32c_by_tables(length, bytes + from, length));
}

static size_t sample(uint8_t *bytes)
{
	struct journal_record record = {.kind = JOURNAL_CALL,
		.op = JOURNAL_OP_PUT,
		.id = 0x1122334455667788,
		.generation = 9,
		.value = (const uint8_t *)"snapshot",
		.value_bytes = 8};

	journal_record_encode(&record, bytes);
	return journal_record_bytes(8);
}

static void record_comes_back(void **state)
{
	uint8_t bytes[64];
	struct journal_record record;
	size_t size_bytes = sample(bytes);

	(void)state;
	assert_int_equal(journal_record_decode(bytes, size_bytes, &record), 0);
	assert_int_equal(record.kind, JOURNAL_CALL);
	assert_int_equal(record.op, JOURNAL_OP_PUT);
	assert_true(record.id == 0x1122334455667788);
	assert_true(record.generation == 9);
	assert_memory_equal(record.value, "snapshot", 8);
}

static void every_cut_asks_for_more(void **state)
{
	uint8_t bytes[64];
	struct journal_record record;
	size_t size_bytes = sample(bytes);

	(void)state;
	for (size_t cut = 0; cut < size_bytes; cut++)
		assert_int_equal(journal_record_decode(bytes, cut, &record), -EAGAIN);
}

static void every_flipped_bit_is_noticed(void **state)
{
	uint8_t bytes[64];
	struct journal_record record;
	size_t size_bytes = sample(bytes);

	(void)state;
	for (size_t bit = 0; bit < size_bytes * 8; bit++) {
		bytes[bit / 8] ^= (uint8_t)(1u << bit % 8);
		assert_int_not_equal(journal_record_decode(bytes, size_bytes, &record), 0);
		bytes[bit / 8] ^= (uint8_t)(1u << bit % 8);
	}
}

static void next_record_is_found_behind_damage(void **state)
{
	uint8_t bytes[192];
	size_t size_bytes;

	(void)state;
	memcpy(bytes, "TJR1TJR1garbage", 15);
	size_bytes = 15 + sample(bytes + 15);
	assert_int_equal(journal_record_find(bytes, size_bytes, 0), 15);
	assert_int_equal(journal_record_find(bytes, size_bytes, 15), 15);
	assert_int_equal(journal_record_find(bytes, size_bytes, 16), size_bytes);
}

static void header_comes_back_or_is_refused(void **state)
{
	struct journal_file_header header = {.file_seq = 7, .boot_id = {1, 2, 3}};
	struct journal_file_header again;
	uint8_t bytes[JOURNAL_FILE_HEADER_BYTES];

	(void)state;
	journal_file_header_encode(&header, bytes);
	assert_int_equal(journal_file_header_decode(bytes, &again), 0);
	assert_true(again.file_seq == 7);
	assert_memory_equal(again.boot_id, header.boot_id, sizeof(header.boot_id));
	bytes[9] ^= 1;
	assert_int_equal(journal_file_header_decode(bytes, &again), -EBADMSG);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(crc_matches_the_published_vectors),
		cmocka_unit_test(crc_is_the_same_without_the_instruction),
		cmocka_unit_test(record_comes_back),
		cmocka_unit_test(every_cut_asks_for_more),
		cmocka_unit_test(every_flipped_bit_is_noticed),
		cmocka_unit_test(next_record_is_found_behind_damage),
		cmocka_unit_test(header_comes_back_or_is_refused),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
