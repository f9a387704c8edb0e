/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The n-th allocation of the switchboard fails, for n = 1, 2, 3 and so on until none did: each
 * call is refused or carried through, and nothing leaks. Then a dataplane that refuses or stays
 * away.
 */
#include "simulation/calls/agent.h"
#include "simulation/calls/board.h"
#include "switchboard/state.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

#include <cmocka.h>

#define FAULT_CONFIG                                                             \
	"node: fault\n"                                                          \
	"sip: {listen: [{address: 10.0.0.1}], ring_timeout_s: 20}\n"             \
	"media: {addresses: [10.0.0.1], ports: 30000-30003, rest_s: 0}\n"        \
	"dataplane: {ports: [{device: net_null0}]}\n"                            \
	"trunks:\n"                                                              \
	"  - {name: carrier, sources: [10.1.0.0/24], target: \"sip:10.1.0.1\", " \
	"options_interval_s: 0}\n"                                               \
	"  - {name: office, sources: [10.2.0.0/24], target: \"sip:10.2.0.1\", "  \
	"options_interval_s: 0}\n"                                               \
	"routes: [{from: carrier, pattern: \"*\", to: [office]}]\n"

enum {
	TIME_FOR_A_CALL_MS = 120 * 1000,
	TIME_FOR_TIMERS_MS = 64 * 1000,
	ALLOCATIONS_MAX = 64, /* of one call: more means a loop that never ends */
};

struct world {
	struct sim_net *net;
	struct board *board;
	struct agent *caller;
	struct agent *callee;
};

static const struct agent_plan held_call = {
	.number = 100000,
	.outcome = AGENT_ANSWER,
	.has_early_media = true,
	.hang_up_by = AGENT_CALLER,
	.reinvites = {2, 1},
	.ring_ms = 50,
	.answer_ms = 500,
	.talk_ms = 9000,
	.reinvite_ms = 1500,
};

static const struct agent_plan late_call = {
	.number = 100000,
	.outcome = AGENT_ANSWER,
	.is_offer_late = true,
	.hang_up_by = AGENT_CALLEE,
	.reinvites = {1, 0},
	.ring_ms = 50,
	.answer_ms = 500,
	.talk_ms = 5000,
	.reinvite_ms = 1500,
};

static void world_begin(struct world *world, const struct agent_plan *plan)
{
	assert_int_equal(sim_net_create(1, &world->net), 0);
	world->board = board_create(world->net, FAULT_CONFIG, 1);
	world->caller = agent_create(world->net, AGENT_CALLER, plan, 1, 1);
	world->callee = agent_create(world->net, AGENT_CALLEE, plan, 1, 1);
	agent_start(world->caller);
}

/* Runs to the end; nothing may be left. */
static void world_end(struct world *world)
{
	(void)sim_net_run(
		world->net, NULL, NULL, SIM_START_MS + TIME_FOR_A_CALL_MS + TIME_FOR_TIMERS_MS);
	assert_int_equal(agent_busy_legs(world->caller), 0);
	assert_int_equal(agent_busy_legs(world->callee), 0);
	assert_int_equal(board_outstanding(world->board), 0);
	assert_int_equal(world->board->switchboard->heap.in_use_count, 0);
	assert_int_equal(board_repeated_cdrs(world->board), 0);
	board_destroy(world->board);
	agent_destroy(world->caller);
	agent_destroy(world->callee);
	sim_net_destroy(world->net);
}

static void fail_each_allocation(const struct agent_plan *plan)
{
	unsigned refused = 0;

	for (uint32_t n = 1; n <= ALLOCATIONS_MAX; n++) {
		struct world world;
		bool has_failed;

		world_begin(&world, plan);
		world.board->switchboard->heap.fail_countdown = n;
		(void)sim_net_run(world.net, NULL, NULL, SIM_START_MS + TIME_FOR_A_CALL_MS);
		has_failed = world.board->switchboard->heap.fail_countdown == 0;
		refused += !world.caller->legs[0].was_up;
		world_end(&world);
		if (!has_failed) {
			assert_true(n > 4);
			assert_true(refused >= 3);
			(void)printf("%u allocations failed, %u calls refused\n", n - 1, refused);
			return;
		}
	}
	fail_msg("allocations without end");
}

static void test_each_allocation(void **state)
{
	(void)state;
	fail_each_allocation(&held_call);
	fail_each_allocation(&late_call);
}

static void test_no_line_left(void **state)
{
	struct world world;

	(void)state;
	world_begin(&world, &held_call);
	slab_fail_nth(world.board->switchboard->lines, 1);
	(void)sim_net_run(world.net, NULL, NULL, SIM_START_MS + 1000);
	assert_int_equal(world.caller->legs[0].final_status, 503);
	assert_int_equal(world.board->cdr_count, 0); /* it never became a call */
	world_end(&world);
}

static void test_no_ports_left(void **state)
{
	static const struct agent_plan two[] = {
		{.number = 100000, .hang_up_by = AGENT_CALLER, .answer_ms = 100, .talk_ms = 5000},
		{.number = 100001,
			.start_ms = 1000,
			.hang_up_by = AGENT_CALLER,
			.answer_ms = 100,
			.talk_ms = 500},
	};
	struct world world;

	(void)state;
	assert_int_equal(sim_net_create(1, &world.net), 0);
	world.board = board_create(world.net, FAULT_CONFIG, 1);
	world.caller = agent_create(world.net, AGENT_CALLER, two, 2, 1);
	world.callee = agent_create(world.net, AGENT_CALLEE, two, 2, 1);
	agent_start(world.caller);
	(void)sim_net_run(world.net, NULL, NULL, SIM_START_MS + 3000);
	assert_int_equal(world.caller->legs[0].state, AGENT_UP);
	assert_int_equal(world.caller->legs[1].final_status, 503);
	assert_int_equal(switchboard_get_counts(world.board->switchboard).refused_media, 1);
	world_end(&world);
}

/* The dataplane goes away in a call: the call ends all the same, without figures. */
static void test_dataplane_away_at_the_end(void **state)
{
	struct world world;

	(void)state;
	world_begin(&world, &held_call);
	(void)sim_net_run(world.net, NULL, NULL, SIM_START_MS + 5000);
	assert_int_equal(world.caller->legs[0].state, AGENT_UP);
	world.board->is_media_away = true;
	(void)sim_net_run(world.net, NULL, NULL, SIM_START_MS + 20000);
	assert_int_equal(world.board->cdr_count, 2);
	assert_int_equal(switchboard_get_counts(world.board->switchboard).calls, 0);
	world.board->is_media_away = false; /* the client repeats what it kept */
	world_end(&world);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_each_allocation),
		cmocka_unit_test(test_no_line_left),
		cmocka_unit_test(test_no_ports_left),
		cmocka_unit_test(test_dataplane_away_at_the_end),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
