/* SPDX-License-Identifier: Apache-2.0 */
#include "defence/input.h"

#include "sip/message.h"

#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

enum {
	RING_BYTES = 256 * 1024,
	STEPS = 200000,
};

static char bytes[SIP_MESSAGE_MAX_BYTES];

static int push(struct input *input, uint32_t number, size_t length)
{
	memset(bytes, (int)(number & 0xff), length);
	return input_push(input,
		&(const struct input_message){
			.flow = {.connection_id = number}, .length = length, .bytes = bytes});
}

static void expect(struct input *input, uint32_t number, size_t length)
{
	struct input_message message;

	assert_true(input_pop(input, &message));
	assert_int_equal(message.flow.connection_id, number);
	assert_int_equal(message.length, length);
	for (size_t i = 0; i < length; i++)
		assert_int_equal((uint8_t)message.bytes[i], number & 0xff);
	memset(message.bytes, '#', length); /* it may be written to */
}

static void test_order(void **state)
{
	struct input *input;
	struct input_message message;

	(void)state;
	assert_int_equal(input_create(1000, &input), -EINVAL);
	assert_int_equal(input_create(RING_BYTES, &input), 0);
	assert_false(input_pop(input, &message));
	assert_int_equal(push(input, 1, 1000), 0);
	assert_int_equal(push(input, 2, 0), 0);
	assert_int_equal(push(input, 3, SIP_MESSAGE_MAX_BYTES), 0);
	assert_int_equal(input_count(input), 3);
	expect(input, 1, 1000);
	expect(input, 2, 0);
	expect(input, 3, SIP_MESSAGE_MAX_BYTES);
	assert_false(input_pop(input, &message));
	input_destroy(input);
}

static void test_full(void **state)
{
	struct input *input;
	uint32_t pushed = 0;
	uint32_t more;

	(void)state;
	assert_int_equal(input_create(RING_BYTES, &input), 0);
	while (push(input, pushed, 1200) == 0)
		pushed++;
	assert_in_range(pushed, RING_BYTES / 1400, RING_BYTES / 1200);
	expect(input, 0, 1200);
	expect(input, 1, 1200);
	for (more = pushed; push(input, more, 1200) == 0; more++)
		;
	assert_in_range(more, pushed + 1, pushed + 2);
	for (uint32_t i = 2; i < more; i++)
		expect(input, i, 1200);
	assert_int_equal(input_count(input), 0);
	input_destroy(input);
}

/* Random pushes and pops against a plain list. */
static void test_random(void **state)
{
	static size_t lengths[STEPS];
	uint64_t random = 20260107;
	struct input *input;
	uint32_t first = 0;
	uint32_t next = 0;
	size_t waiting = 0;

	(void)state;
	assert_int_equal(input_create(RING_BYTES, &input), 0);
	for (unsigned step = 0; step < STEPS; step++) {
		random ^= random << 13;
		random ^= random >> 7;
		random ^= random << 17;
		if (random % 100 < 52) {
			size_t length = random >> 32 & (random % 7 == 0 ? 0x7fff : 0x7ff);
			int result = push(input, next, length);

			/* Refused only if it might not have fitted. */
			assert_true(result == 0 ||
				    (result == -ENOSPC && waiting + length > RING_BYTES / 3));
			if (result != 0)
				continue;
			lengths[next++] = length;
			waiting += length + 200;
		} else if (first != next) {
			expect(input, first, lengths[first]);
			waiting -= lengths[first++] + 200;
		}
		assert_int_equal(input_count(input), next - first);
	}
	assert_true(first > STEPS / 4);
	input_destroy(input);
}

int main(void)
{
	static const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_order),
		cmocka_unit_test(test_full),
		cmocka_unit_test(test_random),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
