/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What two threads share: the ring, the port index, a termination's figures and its life. Says
 * little by itself, all under -Db_sanitize=thread. The workers end when the control side says so;
 * nothing here waits for a time.
 */
#include "world.h"

#include <pthread.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

enum {
	ELEMENTS = 200000,
	ROUNDS = 3000,
};

struct element {
	uint64_t number;
	uint64_t check;
};

static void *produce(void *argument)
{
	struct td_spsc_ring *ring = argument;

	for (uint64_t i = 0; i < ELEMENTS;) {
		struct element element = {i, ~i};

		if (td_spsc_ring_push(ring, &element))
			i++;
	}
	return NULL;
}

static void ring_keeps_order_and_content(void **state)
{
	static struct element slots[64];
	static struct td_spsc_ring ring; /* cache-aligned, which a sanitizer's fake stack is not */
	pthread_t producer;

	(void)state;
	td_spsc_ring_init(&ring, slots, TD_COUNT_OF(slots), sizeof(slots[0]));
	assert_int_equal(pthread_create(&producer, NULL, produce, &ring), 0);
	for (uint64_t i = 0; i < ELEMENTS;) {
		struct element element;

		if (!td_spsc_ring_pop(&ring, &element))
			continue;
		assert_int_equal(element.number, i);
		assert_int_equal(element.check, ~i);
		i++;
	}
	assert_int_equal(pthread_join(producer, NULL), 0);
}

/* A worker as the shell runs it: changes, a burst, the sweep, then a quiescent state. */
struct worker {
	struct world *world;
	_Atomic bool is_over;
	_Atomic uint32_t turns;
};

static void *work(void *argument)
{
	struct worker *worker = argument;
	struct world *world = worker->world;
	uint16_t sequence = 0;

	/* partner: release store at the end of the test */
	while (!atomic_load_explicit(&worker->is_over, memory_order_acquire)) {
		world_work(world);
		world->now_ns += 20000000;
		sequence++;
		(void)world_receive_rtp(world, &(struct world_media){"198.51.100.10", 4000, 20000,
						       0xaaaa, sequence, sequence * 160u});
		(void)world_receive_rtp(world, &(struct world_media){"198.51.100.20", 5000, 20002,
						       0xbbbb, sequence, sequence * 160u});
		termination_sweep_run(&world->sweep, world->now_ns);
		/* partner: acquire loads in wait_for_grace */
		(void)atomic_fetch_add_explicit(&worker->turns, 1, memory_order_release);
	}
	return NULL;
}

/* Two whole turns: the worker has seen what was published before. */
static void wait_for_grace(struct worker *worker)
{
	uint32_t from = atomic_load_explicit(&worker->turns, memory_order_acquire);

	while (atomic_load_explicit(&worker->turns, memory_order_acquire) - from < 2)
		;
}

static uint32_t gone_count;

static void count_gone(void *sink, const struct termination_departure *departure)
{
	(void)sink;
	assert_in_range(departure->stats.rx_packets, 0, UINT32_MAX);
	gone_count++;
}

/* One call's life, from the control thread, while packets for it arrive. */
static void live_once(struct worker *worker, uint32_t round)
{
	struct termination_table *table = worker->world->table;
	uint64_t id = 2 * (uint64_t)round + 1;
	uint64_t time_ns = (uint64_t)round * 1000;
	struct td_termination_spec a = world_spec(id, id, 20000, "198.51.100.10", 4000);
	struct td_termination_spec b = world_spec(id + 1, id, 20002, "198.51.100.20", 5000);
	struct td_command_subtract subtract = {.epoch = 9};
	struct td_termination_stats stats;
	bool is_gone;

	assert_int_equal(termination_table_add(table, &a, time_ns), TD_RESULT_OK);
	assert_int_equal(termination_table_add(table, &b, time_ns), TD_RESULT_OK);
	a.epoch = 2;
	a.remote.port = round % 2 ? 4000 : 4444;
	assert_int_equal(termination_table_modify(table, &a), TD_RESULT_OK);
	termination_snapshot(termination_table_find(table, id), 0, &stats);
	assert_true(stats.latched.port == 4000 || stats.latched.port == 4444);
	for (uint64_t i = 0; i < 2; i++) {
		subtract.termination_id = id + i;
		assert_int_equal(
			termination_table_subtract(table, &subtract, 0, &is_gone), TD_RESULT_OK);
	}
	while (termination_table_begin_grace(table) < 2) {
		if (termination_table_begin_grace(table) == 1) {
			wait_for_grace(worker);
			termination_table_reclaim(table, time_ns, 0, count_gone);
		}
		if (gone_count == 2 * (round + 1))
			break;
	}
	wait_for_grace(worker);
	termination_table_reclaim(table, time_ns, 0, count_gone);
	assert_int_equal(gone_count, 2 * (round + 1));
	termination_table_wake(table, UINT64_MAX - 1);
}

static void terminations_come_and_go_under_traffic(void **state)
{
	struct worker worker = {.world = world_create(8, 1)};
	pthread_t thread;

	(void)state;
	gone_count = 0;
	assert_int_equal(pthread_create(&thread, NULL, work, &worker), 0);
	for (uint32_t round = 0; round < ROUNDS; round++)
		live_once(&worker, round);
	atomic_store_explicit(&worker.is_over, true, memory_order_release);
	assert_int_equal(pthread_join(thread, NULL), 0);
	world_destroy(worker.world);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(ring_keeps_order_and_content),
		cmocka_unit_test(terminations_come_and_go_under_traffic),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
