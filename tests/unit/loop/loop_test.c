/* SPDX-License-Identifier: Apache-2.0 */
/* The loop with real descriptors and a real clock; every wait is bounded and for a condition. */
#include "loop/loop.h"

#include <errno.h>
#include <pthread.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <unistd.h>

#include <cmocka.h>

enum {
	WAIT_MAX_MS = 2000
};

struct pair {
	struct loop *loop;
	int fds[2];
	int other_fds[2];
	uint32_t calls;
	uint32_t turn_ends;
	uint32_t expirations;
	uint64_t due_ms;
	uint64_t expired_ms;
	uint64_t worst_delay_us;
	int caught;
};

static int set_up(void **state)
{
	struct pair *pair = calloc(1, sizeof(*pair));

	assert_non_null(pair);
	pair->due_ms = TD_NEVER;
	assert_int_equal(loop_create(&pair->loop), 0);
	assert_int_equal(pipe(pair->fds), 0);
	assert_int_equal(pipe(pair->other_fds), 0);
	*state = pair;
	return 0;
}

static int tear_down(void **state)
{
	struct pair *pair = *state;

	loop_destroy(pair->loop);
	for (int i = 0; i < 2; i++) {
		(void)close(pair->fds[i]);
		(void)close(pair->other_fds[i]);
	}
	free(pair);
	return 0;
}

static void read_byte(void *context, uint32_t ready)
{
	struct pair *pair = context;
	char byte;

	assert_true((ready & LOOP_READ) != 0);
	assert_int_equal(read(pair->fds[0], &byte, 1), 1);
	pair->calls++;
}

static void write_byte(int fd)
{
	assert_int_equal(write(fd, "x", 1), 1);
}

static void test_descriptor(void **state)
{
	struct pair *pair = *state;

	assert_int_equal(loop_add(pair->loop, pair->fds[0], LOOP_READ, read_byte, pair), 0);
	assert_int_equal(loop_add(pair->loop, pair->fds[0], LOOP_READ, read_byte, pair), -EEXIST);
	assert_int_equal(loop_add(pair->loop, -1, LOOP_READ, read_byte, pair), -EBADF);
	assert_int_equal(loop_change(pair->loop, pair->fds[1], LOOP_READ), -ENOENT);
	write_byte(pair->fds[1]);
	assert_int_equal(loop_turn(pair->loop, WAIT_MAX_MS), 0);
	assert_int_equal(pair->calls, 1);
	assert_int_equal(loop_change(pair->loop, pair->fds[0], 0), 0);
	write_byte(pair->fds[1]);
	assert_int_equal(loop_turn(pair->loop, 0), 0);
	assert_int_equal(pair->calls, 1);
	loop_remove(pair->loop, pair->fds[0]);
	loop_remove(pair->loop, pair->fds[0]);
	assert_int_equal(loop_turn(pair->loop, 0), 0);
	assert_int_equal(pair->calls, 1);
}

/* Whichever of the two comes first takes the other away: it must not be told any more. */
static void remove_both(void *context, uint32_t ready)
{
	struct pair *pair = context;

	(void)ready;
	loop_remove(pair->loop, pair->fds[0]);
	loop_remove(pair->loop, pair->other_fds[0]);
	pair->calls++;
}

static void test_remove_in_turn(void **state)
{
	struct pair *pair = *state;

	assert_int_equal(loop_add(pair->loop, pair->fds[0], LOOP_READ, remove_both, pair), 0);
	assert_int_equal(loop_add(pair->loop, pair->other_fds[0], LOOP_READ, remove_both, pair), 0);
	write_byte(pair->fds[1]);
	write_byte(pair->other_fds[1]);
	assert_int_equal(loop_turn(pair->loop, WAIT_MAX_MS), 0);
	assert_int_equal(pair->calls, 1);
}

static uint64_t next_due(void *context)
{
	return ((struct pair *)context)->due_ms;
}

static void expire(void *context, uint64_t now_ms)
{
	struct pair *pair = context;

	assert_true(now_ms >= pair->due_ms);
	pair->expirations++;
	pair->expired_ms = now_ms;
	pair->due_ms = TD_NEVER;
}

static void count_turn(void *context)
{
	((struct pair *)context)->turn_ends++;
}

static void test_deadline(void **state)
{
	struct pair *pair = *state;
	struct loop_deadline deadline = {pair, next_due, expire};
	uint64_t start_ms = loop_now_ms(pair->loop);

	loop_set_deadline(pair->loop, &deadline);
	loop_set_turn_end(pair->loop, count_turn, pair);
	pair->due_ms = start_ms + 20;
	for (int i = 0; i < 100 && pair->expirations == 0; i++)
		assert_int_equal(loop_turn(pair->loop, WAIT_MAX_MS), 0);
	assert_int_equal(pair->expirations, 1);
	assert_true(pair->expired_ms >= start_ms + 20);
	/* It slept once, to the deadline, and not in steps. */
	assert_int_equal(pair->turn_ends, 1);
	pair->due_ms = 1; /* long past */
	assert_int_equal(loop_turn(pair->loop, WAIT_MAX_MS), 0);
	assert_int_equal(pair->expirations, 2);
}

static void stop(void *context)
{
	struct pair *pair = context;

	pair->calls++;
	loop_stop(pair->loop);
}

static void *wake_it(void *context)
{
	for (int i = 0; i < 1000; i++)
		loop_wakeup_signal(context);
	return NULL;
}

static void test_wakeup(void **state)
{
	struct pair *pair = *state;
	struct loop_wakeup *wakeup;
	struct loop_wakeup *other;
	pthread_t thread;

	assert_int_equal(loop_wakeup_create(pair->loop, stop, pair, &wakeup), 0);
	assert_int_equal(loop_wakeup_create(pair->loop, stop, pair, &other), 0);
	assert_int_equal(pthread_create(&thread, NULL, wake_it, wakeup), 0);
	assert_int_equal(loop_run(pair->loop), 0);
	assert_int_equal(pthread_join(thread, NULL), 0);
	assert_true(pair->calls >= 1);
	loop_wakeup_destroy(pair->loop, wakeup);
	loop_wakeup_destroy(pair->loop, NULL);
}

static void note_signal(void *context, int signal_number)
{
	((struct pair *)context)->caught = signal_number;
}

static void test_signal(void **state)
{
	struct pair *pair = *state;

	assert_int_equal(loop_catch_signal(pair->loop, SIGUSR1, note_signal, pair), 0);
	assert_int_equal(loop_catch_signal(pair->loop, SIGUSR2, note_signal, pair), 0);
	assert_int_equal(loop_catch_signal(pair->loop, SIGUSR1, note_signal, pair), -EEXIST);
	assert_int_equal(raise(SIGUSR2), 0);
	assert_int_equal(loop_turn(pair->loop, WAIT_MAX_MS), 0);
	assert_int_equal(pair->caught, SIGUSR2);
	assert_int_equal(raise(SIGUSR1), 0);
	assert_int_equal(loop_turn(pair->loop, WAIT_MAX_MS), 0);
	assert_int_equal(pair->caught, SIGUSR1);
}

static void note_delay(void *context, uint64_t delay_us)
{
	struct pair *pair = context;

	if (delay_us > pair->worst_delay_us)
		pair->worst_delay_us = delay_us;
}

/* Busy for 20 ms: what became ready meanwhile has waited about that long. */
static void hold_up(void *context, uint32_t ready)
{
	struct pair *pair = context;
	uint64_t start_ns = td_mono_ns();
	char byte;

	(void)ready;
	assert_int_equal(read(pair->other_fds[0], &byte, 1), 1);
	while (td_since(td_mono_ns(), start_ns) < 20 * (uint64_t)TD_NS_PER_MS)
		;
	write_byte(pair->fds[1]);
}

static void test_delay(void **state)
{
	struct pair *pair = *state;

	loop_set_delay_hook(pair->loop, note_delay, pair);
	assert_int_equal(loop_add(pair->loop, pair->fds[0], LOOP_READ, read_byte, pair), 0);
	assert_int_equal(loop_add(pair->loop, pair->other_fds[0], LOOP_READ, hold_up, pair), 0);
	write_byte(pair->other_fds[1]);
	assert_int_equal(loop_turn(pair->loop, WAIT_MAX_MS), 0);
	assert_int_equal(loop_turn(pair->loop, WAIT_MAX_MS), 0);
	assert_int_equal(pair->calls, 1);
	assert_true(pair->worst_delay_us >= 20000);
	assert_true(loop_get_metrics(pair->loop)->delay_us_max >= 20000);
	assert_true(loop_get_metrics(pair->loop)->delays_over_10ms >= 1);
	assert_int_equal(loop_get_metrics(pair->loop)->turns, 2);
	assert_int_equal(loop_get_metrics(pair->loop)->events, 2);
}

int main(void)
{
	static const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(test_descriptor, set_up, tear_down),
		cmocka_unit_test_setup_teardown(test_remove_in_turn, set_up, tear_down),
		cmocka_unit_test_setup_teardown(test_deadline, set_up, tear_down),
		cmocka_unit_test_setup_teardown(test_wakeup, set_up, tear_down),
		cmocka_unit_test_setup_teardown(test_signal, set_up, tear_down),
		cmocka_unit_test_setup_teardown(test_delay, set_up, tear_down),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
