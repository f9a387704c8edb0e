/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Records of the journal: what was written is read back, and nothing else is.
 */
#include "util/serial.h"

#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

static size_t record_write(uint8_t *record, size_t size_bytes)
{
	struct serial_writer writer;
	size_t length = 0;

	serial_writer_init(&writer, record, size_bytes);
	serial_put_u8(&writer, 0xab);
	serial_put_u16(&writer, 0x1234);
	serial_put_u32(&writer, 0xdeadbeef);
	serial_put_u64(&writer, UINT64_C(0x0102030405060708));
	serial_put_span(&writer, SPAN("hello"));
	serial_put_fixed(&writer, "xyz", 3);
	serial_put_bytes(&writer, NULL, 0);
	assert_int_equal(serial_writer_finish(&writer, &length), 0);
	return length;
}

static void test_round_trip(void **state)
{
	uint8_t record[64];
	char fixed[3];
	char text[8];
	struct serial_reader reader;
	size_t length = record_write(record, sizeof(record));

	(void)state;
	assert_int_equal(length, 1 + 2 + 4 + 8 + 4 + 5 + 3 + 4);
	assert_int_equal(record[1], 0x34); /* little-endian */
	serial_reader_init(&reader, record, length);
	assert_int_equal(serial_get_u8(&reader), 0xab);
	assert_int_equal(serial_get_u16(&reader), 0x1234);
	assert_int_equal(serial_get_u32(&reader), 0xdeadbeef);
	assert_true(serial_get_u64(&reader) == UINT64_C(0x0102030405060708));
	assert_int_equal(serial_get_bytes(&reader, text, sizeof(text)), 5);
	assert_memory_equal(text, "hello", 5);
	serial_get_fixed(&reader, fixed, sizeof(fixed));
	assert_memory_equal(fixed, "xyz", 3);
	assert_int_equal(serial_reader_finish(&reader), -EBADMSG); /* something is left */
	assert_int_equal(serial_get_span(&reader).length, 0);
	assert_int_equal(serial_reader_finish(&reader), 0);
}

static void test_every_truncation_fails(void **state)
{
	uint8_t record[64];
	size_t length = record_write(record, sizeof(record));

	(void)state;
	for (size_t cut = 0; cut < length; cut++) {
		struct serial_reader reader;
		uint8_t fixed[3];

		serial_reader_init(&reader, record, cut);
		(void)serial_get_u8(&reader);
		(void)serial_get_u16(&reader);
		(void)serial_get_u32(&reader);
		(void)serial_get_u64(&reader);
		(void)serial_get_span(&reader);
		serial_get_fixed(&reader, fixed, sizeof(fixed));
		(void)serial_get_span(&reader);
		assert_int_equal(serial_reader_finish(&reader), -EBADMSG);
		assert_int_equal(serial_get_u8(&reader), 0);
	}
}

static void test_length_beyond_the_end(void **state)
{
	static const uint8_t record[] = {0xff, 0xff, 0xff, 0xff, 'a'};
	struct serial_reader reader;

	(void)state;
	serial_reader_init(&reader, record, sizeof(record));
	assert_int_equal(serial_get_span(&reader).length, 0);
	assert_true(reader.has_failed);
}

static void test_text_too_long_for_its_place(void **state)
{
	uint8_t record[16];
	char text[4];
	size_t length = 0;
	struct serial_writer writer;
	struct serial_reader reader;

	(void)state;
	serial_writer_init(&writer, record, sizeof(record));
	serial_put_span(&writer, SPAN("hello"));
	assert_int_equal(serial_writer_finish(&writer, &length), 0);
	serial_reader_init(&reader, record, length);
	assert_int_equal(serial_get_bytes(&reader, text, sizeof(text)), 0);
	assert_int_equal(serial_reader_finish(&reader), -EBADMSG);
	serial_reader_init(&reader, record, 0);
	serial_reader_fail(&reader);
	assert_int_equal(serial_reader_finish(&reader), -EBADMSG);
}

static void test_writer_overflow(void **state)
{
	uint8_t record[3];
	size_t length = 0;
	struct serial_writer writer;

	(void)state;
	serial_writer_init(&writer, record, sizeof(record));
	serial_put_u16(&writer, 1);
	serial_put_u16(&writer, 1);
	serial_put_u8(&writer, 1); /* would fit, but the record is broken already */
	assert_int_equal(serial_writer_finish(&writer, &length), -ENOSPC);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_round_trip),
		cmocka_unit_test(test_every_truncation_fails),
		cmocka_unit_test(test_length_beyond_the_end),
		cmocka_unit_test(test_text_too_long_for_its_place),
		cmocka_unit_test(test_writer_overflow),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
