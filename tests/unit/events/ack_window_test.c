/* SPDX-License-Identifier: Apache-2.0 */
/* The window of confirmations against a naive model. */
#include "events/ack_window.h"

#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

static void low_mark_moves_over_whole_runs(void **state)
{
	struct ack_window window;

	(void)state;
	assert_int_equal(ack_window_init(&window, 100, 64), 0);
	assert_true(ack_window_ack(&window, 102));
	assert_true(window.low_seq == 100);
	assert_false(ack_window_ack(&window, 102));
	assert_true(ack_window_ack(&window, 101));
	assert_true(window.low_seq == 102);
	assert_false(ack_window_ack(&window, 102));
	assert_true(ack_window_is_acked(&window, 7));
	assert_false(ack_window_is_acked(&window, 103));
	ack_window_fini(&window);
}

static void edges_of_the_window(void **state)
{
	struct ack_window window;

	(void)state;
	assert_int_equal(ack_window_init(&window, 0, 0), -EINVAL);
	assert_int_equal(ack_window_init(&window, 0, 64), 0);
	assert_false(ack_window_has_room(&window, 0));
	assert_true(ack_window_has_room(&window, 64));
	assert_false(ack_window_has_room(&window, 65));
	assert_false(ack_window_ack(&window, 65));
	for (uint64_t seq = 64; seq > 0; seq--)
		assert_true(ack_window_ack(&window, seq));
	assert_true(window.low_seq == 64);
	assert_true(ack_window_has_room(&window, 128));
	assert_false(ack_window_is_acked(&window, 65)); /* the slot of 1 is clean again */
	ack_window_fini(&window);
}

static void skipping_forgets_nothing_above(void **state)
{
	struct ack_window window;

	(void)state;
	assert_int_equal(ack_window_init(&window, 10, 64), 0);
	assert_true(ack_window_ack(&window, 15));
	ack_window_skip_to(&window, 14);
	assert_true(window.low_seq == 15);
	assert_true(ack_window_ack(&window, 17));
	ack_window_skip_to(&window, 1000000);
	assert_true(window.low_seq == 1000000);
	assert_false(ack_window_is_acked(&window, 1000017));
	ack_window_fini(&window);
}

static void random_order_like_a_model(void **state)
{
	static bool acked[5000];
	struct ack_window window;
	uint64_t low = 0;
	unsigned seed = 11;

	(void)state;
	assert_int_equal(ack_window_init(&window, 0, 128), 0);
	memset(acked, 0, sizeof(acked));
	while (low < 4800) {
		uint64_t seq = low + 1 + (uint64_t)rand_r(&seed) % 140;
		bool may = seq - low <= 128 && !acked[seq];

		assert_int_equal(ack_window_ack(&window, seq), may);
		if (may)
			acked[seq] = true;
		while (acked[low + 1])
			low++;
		assert_true(window.low_seq == low);
	}
	ack_window_fini(&window);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(low_mark_moves_over_whole_runs),
		cmocka_unit_test(edges_of_the_window),
		cmocka_unit_test(skipping_forgets_nothing_above),
		cmocka_unit_test(random_order_like_a_model),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
