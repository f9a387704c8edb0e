/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Cutting messages out of a stream.
 */
#include "sip/message.h"

#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

static int frame(const char *text, uint32_t *ret_skip_bytes)
{
	return sip_frame_length(text, strlen(text), ret_skip_bytes);
}

static void test_frames(void **state)
{
	uint32_t skip_bytes;

	(void)state;
	assert_int_equal(frame("A\r\nl: 3\r\n\r\nabcNEXT", &skip_bytes), 14);
	assert_int_equal(skip_bytes, 0);
	assert_int_equal(frame("\r\n\r\nA\r\nContent-Length:0\r\n\r\n", &skip_bytes), 23);
	assert_int_equal(skip_bytes, 4);
	assert_int_equal(frame("A\r\ncontent-LENGTH \t: \r\n  3 \r\n\r\nabc", &skip_bytes), 34);
}

static void test_needs_more(void **state)
{
	static const char whole[] = "\r\nA\r\nB: c\r\nl: 3\r\n\r\nabc";
	uint32_t skip_bytes;

	(void)state;
	for (size_t cut = 0; cut < sizeof(whole) - 1; cut++)
		assert_int_equal(sip_frame_length(whole, cut, &skip_bytes), 0);
	assert_int_equal(
		sip_frame_length(whole, sizeof(whole) - 1, &skip_bytes), sizeof(whole) - 3);
}

static const char *const hopeless[] = {
	"A\r\nB: c\r\n\r\n", "A\r\nl: 3\r\nl: 3\r\n\r\nabc", "A\r\nl: -1\r\n\r\n",
	"A\r\nl: 3 4\r\n\r\n", "A\r\nl:\r\n\r\n", "A\r\nl: 65536\r\n\r\n",
	"A\r\nl: 65530\r\n\r\n", /* with its headers more than a message may have */
};

static void test_hopeless(void **state)
{
	uint32_t skip_bytes;

	(void)state;
	for (size_t i = 0; i < TD_COUNT_OF(hopeless); i++)
		assert_int_equal(frame(hopeless[i], &skip_bytes), -EBADMSG);
}

static void test_endless_header_section(void **state)
{
	static char text[SIP_MESSAGE_MAX_BYTES + 10];
	uint32_t skip_bytes;

	(void)state;
	memset(text, 'x', sizeof(text));
	assert_int_equal(sip_frame_length(text, SIP_MESSAGE_MAX_BYTES - 1, &skip_bytes), 0);
	assert_int_equal(sip_frame_length(text, SIP_MESSAGE_MAX_BYTES, &skip_bytes), -EBADMSG);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_frames),
		cmocka_unit_test(test_needs_more),
		cmocka_unit_test(test_hopeless),
		cmocka_unit_test(test_endless_header_section),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
