/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The control thread's table: commands and their answers, epochs, contexts, the life of a slot,
 * and the arena across a restart.
 */
#include "termination/spec.h"
#include "world.h"

#include <tandem/time.h>

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

static const char *const A = "198.51.100.10";

static int setup(void **state)
{
	*state = world_create(4, 2);
	return 0;
}

static int teardown(void **state)
{
	world_destroy(*state);
	return 0;
}

static enum td_result add(struct world *world, uint64_t id, uint64_t context_id, uint16_t port)
{
	struct td_termination_spec spec = world_spec(id, context_id, port, A, 4000);

	return termination_table_add(world->table, &spec, world->now_ns);
}

static enum td_result subtract(struct world *world, uint64_t id, uint32_t epoch, bool *ret_departed)
{
	struct td_command_subtract command = {.termination_id = id, .epoch = epoch};

	return termination_table_subtract(world->table, &command, 99, ret_departed);
}

static struct termination_table_gauges gauges(const struct world *world)
{
	struct termination_table_gauges now;

	termination_table_gauges(world->table, &now);
	return now;
}

/* Breaks one field of a good specification. */
static const struct spec_case {
	const char *name;
	size_t at;
	uint8_t value;
	enum td_result result;
} spec_cases[] = {
#define FIELD(member, byte, value, result)                                                    \
	{                                                                                     \
#member, offsetof(struct td_termination_spec, member) + (byte), value, result \
	}
	FIELD(termination_id, 0, 0, TD_RESULT_BAD_VALUE),
	FIELD(context_id, 0, 0, TD_RESULT_BAD_VALUE),
	FIELD(epoch, 0, 0, TD_RESULT_BAD_VALUE),
	FIELD(mode, 0, 4, TD_RESULT_BAD_VALUE),
	FIELD(latch, 0, 3, TD_RESULT_BAD_VALUE),
	FIELD(latch_prefix_bits, 0, 33, TD_RESULT_BAD_VALUE),
	FIELD(flags, 0, 2, TD_RESULT_BAD_VALUE),
	FIELD(codec_count, 0, 0, TD_RESULT_BAD_VALUE),
	FIELD(codec_count, 0, 17, TD_RESULT_BAD_VALUE),
	FIELD(reserved0, 0, 1, TD_RESULT_MALFORMED),
	FIELD(latch_window_ms, 3, 1, TD_RESULT_BAD_VALUE),
	FIELD(local.ip.family, 0, 5, TD_RESULT_BAD_VALUE),
	FIELD(local.ip.bytes, 3, 9, TD_RESULT_PORT_FOREIGN),
	FIELD(local.ip.reserved, 0, 1, TD_RESULT_MALFORMED),
	FIELD(local.port, 0, 0x21, TD_RESULT_BAD_VALUE),
	FIELD(local.port, 1, 0x01, TD_RESULT_PORT_FOREIGN),
	FIELD(remote.ip.bytes, 0, 224, TD_RESULT_BAD_VALUE),
	FIELD(remote.ip.bytes, 0, 0, TD_RESULT_BAD_VALUE),
	FIELD(remote.ip.bytes, 15, 1, TD_RESULT_BAD_VALUE),
	FIELD(remote.ip.family, 0, TD_FAMILY_IPV6, TD_RESULT_BAD_VALUE),
	FIELD(remote.ip.family, 0, TD_FAMILY_NONE, TD_RESULT_BAD_VALUE),
	FIELD(remote_rtcp.port, 0, 1, TD_RESULT_BAD_VALUE),
	FIELD(reserved1, 19, 1, TD_RESULT_MALFORMED),
	FIELD(codecs[0].payload_type, 0, 128, TD_RESULT_BAD_VALUE),
	FIELD(codecs[1].payload_type, 0, 0, TD_RESULT_BAD_VALUE),
	FIELD(codecs[0].kind, 0, TD_CODEC_KIND_COUNT, TD_RESULT_BAD_VALUE),
	FIELD(codecs[0].ptime_ms, 1, 4, TD_RESULT_BAD_VALUE),
	FIELD(codecs[0].clock_hz, 3, 1, TD_RESULT_BAD_VALUE),
	FIELD(codecs[0].clock_hz, 1, 0, TD_RESULT_BAD_VALUE),
#undef FIELD
};

static void refuses_bad_values_and_changes_nothing(void **state)
{
	struct world *world = *state;

	for (unsigned i = 0; i < TD_COUNT_OF(spec_cases); i++) {
		/* 20000 is 0x4e20: its low byte comes first */
		struct td_termination_spec spec = world_spec(1, 7, 20000, A, 4000);
		enum td_result result;

		((uint8_t *)&spec)[spec_cases[i].at] = spec_cases[i].value;
		result = termination_table_add(world->table, &spec, world->now_ns);
		if (result != spec_cases[i].result)
			fail_msg("%u %s: %s", i, spec_cases[i].name, td_result_name(result));
	}
	assert_int_equal(gauges(world).live, 0);
	assert_int_equal(add(world, 1, 7, 20000), TD_RESULT_OK);
}

static void answers_repeats_and_epochs(void **state)
{
	struct world *world = *state;
	struct td_termination_spec spec = world_spec(1, 7, 20000, A, 4000);

	assert_int_equal(termination_table_modify(world->table, &spec), TD_RESULT_UNKNOWN);
	spec.epoch = 5;
	assert_int_equal(termination_table_add(world->table, &spec, 0), TD_RESULT_OK);
	assert_int_equal(termination_table_add(world->table, &spec, 0), TD_RESULT_OK);
	assert_int_equal(gauges(world).live, 1);
	spec.epoch = 4;
	assert_int_equal(termination_table_add(world->table, &spec, 0), TD_RESULT_STALE_EPOCH);
	assert_int_equal(termination_table_modify(world->table, &spec), TD_RESULT_STALE_EPOCH);
	spec.epoch = 6;
	spec.mode = TD_MODE_SEND;
	assert_int_equal(termination_table_add(world->table, &spec, 0), TD_RESULT_OK);
	assert_int_equal(termination_table_find(world->table, 1)->spec.mode, TD_MODE_SEND);
	world_work(world);
	spec.local.port = 20100;
	spec.epoch = 7;
	assert_int_equal(termination_table_modify(world->table, &spec), TD_RESULT_BAD_VALUE);
	assert_int_equal(termination_table_find(world->table, 1)->spec.epoch, 6);
}

static void deals_out_ports_slots_and_contexts(void **state)
{
	struct world *world = *state;

	assert_int_equal(add(world, 1, 7, 20000), TD_RESULT_OK);
	assert_int_equal(add(world, 2, 8, 20000), TD_RESULT_PORT_IN_USE);
	/* 20002 belongs to the other worker */
	assert_int_equal(add(world, 2, 7, 20002), TD_RESULT_WORKER_FOREIGN);
	assert_int_equal(add(world, 2, 7, 20004), TD_RESULT_OK);
	assert_int_equal(add(world, 3, 7, 20008), TD_RESULT_CONTEXT_FULL);
	assert_int_equal(add(world, 3, 8, 20008), TD_RESULT_OK);
	assert_int_equal(add(world, 4, 8, 20012), TD_RESULT_OK);
	assert_int_equal(add(world, 5, 9, 20016), TD_RESULT_FULL);
	assert_int_equal(gauges(world).live, 4);
	assert_int_equal(gauges(world).contexts, 2);
}

static void moves_between_contexts(void **state)
{
	struct world *world = *state;
	const struct termination *first;

	assert_int_equal(add(world, 1, 7, 20000), TD_RESULT_OK);
	assert_int_equal(add(world, 2, 7, 20004), TD_RESULT_OK);
	assert_int_equal(add(world, 3, 8, 20008), TD_RESULT_OK);
	assert_int_equal(add(world, 4, 9, 20002), TD_RESULT_OK);
	first = termination_table_find(world->table, 1);
	assert_int_equal(termination_table_move(world->table, 2, 8, 1), TD_RESULT_STALE_EPOCH);
	assert_int_equal(termination_table_move(world->table, 2, 8, 2), TD_RESULT_OK);
	assert_int_equal(termination_table_move(world->table, 2, 8, 2), TD_RESULT_OK);
	assert_int_equal(first->match.peer_slot, TERMINATION_NO_SLOT);
	assert_int_equal(termination_table_move(world->table, 1, 8, 2), TD_RESULT_CONTEXT_FULL);
	assert_int_equal(termination_table_move(world->table, 4, 7, 2), TD_RESULT_WORKER_FOREIGN);
	assert_int_equal(termination_table_move(world->table, 9, 7, 2), TD_RESULT_UNKNOWN);
	assert_int_equal(termination_table_move(world->table, 1, 0, 2), TD_RESULT_BAD_VALUE);
	assert_int_equal(gauges(world).contexts, 3);
	/* into a new one */
	assert_int_equal(termination_table_move(world->table, 2, 10, 3), TD_RESULT_OK);
	assert_int_equal(termination_table_move(world->table, 1, 10, 3), TD_RESULT_OK);
	assert_ptr_equal(&arena_terminations(world->arena)[first->match.peer_slot],
		termination_table_find(world->table, 2));
	assert_int_equal(gauges(world).contexts, 3);
}

static void departs_in_order(void **state)
{
	struct world *world = *state;
	struct termination_departure gone;
	bool is_gone = true;

	assert_int_equal(subtract(world, 1, 1, &is_gone), TD_RESULT_UNKNOWN);
	assert_int_equal(add(world, 1, 7, 20000), TD_RESULT_OK);
	(void)world_receive_rtp(world, &(struct world_media){A, 4000, 20000, 0xaaaa, 1, 0});
	assert_int_equal(subtract(world, 1, 0, &is_gone), TD_RESULT_STALE_EPOCH);
	assert_int_equal(subtract(world, 1, 1, &is_gone), TD_RESULT_OK);
	assert_false(is_gone);
	assert_null(termination_table_find(world->table, 1));
	/* the worker hasn't let go of it: no grace period, no reuse of the id or the port */
	assert_int_equal(termination_table_begin_grace(world->table), 0);
	assert_int_equal(add(world, 1, 7, 20000), TD_RESULT_STALE_EPOCH);
	assert_int_equal(add(world, 2, 7, 20000), TD_RESULT_PORT_RESTING);
	assert_int_equal(subtract(world, 1, 1, &is_gone), TD_RESULT_OK);
	world_work(world);
	assert_int_equal(gauges(world).retired, 1);
	world_reclaim(world);
	assert_int_equal(world->gone_count, 1);
	assert_int_equal(world->gone[0].termination_id, 1);
	assert_int_equal(world->gone[0].cookie, 99);
	assert_int_equal(world->gone[0].stats.rx_packets, 1);
	assert_true(world->gone[0].stats.mos_x100 > 400);
	/* asked again, the same answer, until the port's rest is over */
	assert_int_equal(subtract(world, 1, 1, &is_gone), TD_RESULT_OK);
	assert_true(is_gone);
	assert_true(termination_table_find_departed(world->table, 1, 0, &gone));
	assert_int_equal(gone.stats.rx_packets, 1);
	assert_int_equal(gauges(world).resting, 1);
	world->now_ns += (uint64_t)WORLD_REST_MS * TD_NS_PER_MS;
	termination_table_wake(world->table, world->now_ns);
	assert_int_equal(gauges(world).resting, 0);
	assert_int_equal(subtract(world, 1, 1, &is_gone), TD_RESULT_UNKNOWN);
	assert_int_equal(add(world, 2, 7, 20000), TD_RESULT_OK);
}

static void survives_restarts_at_any_stage(void **state)
{
	struct world *world = *state;
	bool is_gone;

	assert_int_equal(add(world, 1, 7, 20000), TD_RESULT_OK);
	assert_int_equal(add(world, 2, 7, 20004), TD_RESULT_OK);
	assert_int_equal(add(world, 3, 8, 20008), TD_RESULT_OK);
	assert_int_equal(subtract(world, 3, 1, &is_gone), TD_RESULT_OK);
	world_restart(world);
	assert_int_equal(gauges(world).live, 2);
	assert_int_equal(gauges(world).contexts, 1);
	assert_int_equal(gauges(world).resting, 1);
	assert_int_equal(
		termination_table_find(world->table, 1)->match.peer_slot != TERMINATION_NO_SLOT, 1);
	assert_int_equal(add(world, 4, 9, 20008), TD_RESULT_PORT_RESTING);
	world->now_ns += (uint64_t)WORLD_REST_MS * TD_NS_PER_MS;
	termination_table_wake(world->table, world->now_ns);
	assert_int_equal(add(world, 4, 9, 20008), TD_RESULT_OK);
}

static enum arena_problem attach(struct world *world, uint32_t *ret_slot)
{
	return arena_attach(world->arena, arena_size_bytes(world->capacity), world->capacity,
		&world->plan, ret_slot);
}

static void refuses_corrupted_arenas(void **state)
{
	struct world *world = *state;
	struct arena_header *header = world->arena;
	struct termination *records = arena_terminations(world->arena);
	struct arena_header good_header;
	struct termination good;
	uint32_t slot;

	assert_int_equal(add(world, 1, 7, 20000), TD_RESULT_OK);
	assert_int_equal(add(world, 2, 8, 20004), TD_RESULT_OK);
	assert_int_equal(attach(world, &slot), ARENA_BAD_NONE);
	good = records[1];
	good_header = *header;
#define CHECK(statement, problem)                                \
	do {                                                     \
		statement;                                       \
		assert_int_equal(attach(world, &slot), problem); \
		records[1] = good;                               \
		*header = good_header;                           \
	} while (0)
	CHECK(header->magic ^= 1, ARENA_BAD_MAGIC);
	CHECK(header->version++, ARENA_BAD_VERSION);
	CHECK(header->layout_hash++, ARENA_BAD_LAYOUT);
	CHECK(header->capacity++, ARENA_BAD_CAPACITY);
	CHECK(header->worker_count++, ARENA_BAD_WORKERS);
	CHECK(records[1].match.state = TERMINATION_STATE_COUNT, ARENA_BAD_STATE);
	CHECK(records[1].spec.codec_count = 200, ARENA_BAD_FIELD);
	CHECK(records[1].signalling.codec_count = 200, ARENA_BAD_FIELD);
	CHECK(records[1].rx.source = 4, ARENA_BAD_FIELD);
	CHECK(records[1].match.generation = 0, ARENA_BAD_FIELD);
	CHECK(records[1].spec.local.port = 30000, ARENA_BAD_PLAN);
	CHECK(records[1].match.peer_slot = 77, ARENA_BAD_PEER);
	CHECK(records[1].match.peer_slot = 1, ARENA_BAD_PEER);
	CHECK((records[1].id = 1, records[1].spec.termination_id = 1), ARENA_BAD_IDENTITY);
	CHECK((records[1].spec.local.port = 20000, records[1].match.local_port = 20000),
		ARENA_BAD_IDENTITY);
#undef CHECK
	assert_int_equal(slot, 1);
	assert_int_equal(attach(world, &slot), ARENA_BAD_NONE);
	assert_int_equal(arena_attach(world->arena, ARENA_HEADER_BYTES, world->capacity,
				 &world->plan, &slot),
		ARENA_BAD_SIZE);
	assert_string_equal(arena_problem_text(ARENA_BAD_NONE), "usable");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(
			refuses_bad_values_and_changes_nothing, setup, teardown),
		cmocka_unit_test_setup_teardown(answers_repeats_and_epochs, setup, teardown),
		cmocka_unit_test_setup_teardown(
			deals_out_ports_slots_and_contexts, setup, teardown),
		cmocka_unit_test_setup_teardown(moves_between_contexts, setup, teardown),
		cmocka_unit_test_setup_teardown(departs_in_order, setup, teardown),
		cmocka_unit_test_setup_teardown(survives_restarts_at_any_stage, setup, teardown),
		cmocka_unit_test_setup_teardown(refuses_corrupted_arenas, setup, teardown),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
