/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Random commands against the table, with restarts and full rings in between, compared with a
 * model of what should live where. Prints its seed.
 */
#include "world.h"

#include <tandem/time.h>

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum {
	IDS = 40,
	PORTS = 30,
	CONTEXTS = 12,
	CAPACITY = 16,
	STEPS = 20000,
};

enum model_state {
	MODEL_ABSENT,
	MODEL_LIVE,
	MODEL_LEAVING,
	MODEL_RESTING,
};

struct model_termination {
	enum model_state state;
	uint32_t epoch;
	uint64_t context_id;
	uint16_t port;
	uint64_t rest_until_ns;
};

struct model {
	struct world *world;
	struct model_termination terminations[IDS];
	uint64_t seed;
};

static void require(const struct model *model, bool is_true, const char *what)
{
	if (is_true)
		return;
	(void)fprintf(stderr, "seed %" PRIu64 ": %s\n", model->seed, what);
	abort();
}

static uint32_t parties(const struct model *model, uint64_t context_id)
{
	uint32_t count = 0;

	for (unsigned i = 0; i < IDS; i++)
		count += model->terminations[i].state == MODEL_LIVE &&
			 model->terminations[i].context_id == context_id;
	return count;
}

static enum td_result expect_port(const struct model *model, uint16_t port)
{
	for (unsigned i = 0; i < IDS; i++) {
		const struct model_termination *it = &model->terminations[i];

		if (it->state == MODEL_ABSENT || it->port != port)
			continue;
		return it->state == MODEL_LIVE ? TD_RESULT_PORT_IN_USE : TD_RESULT_PORT_RESTING;
	}
	return TD_RESULT_OK;
}

static uint32_t slots_used(const struct model *model)
{
	uint32_t count = 0;

	for (unsigned i = 0; i < IDS; i++)
		count += model->terminations[i].state != MODEL_ABSENT;
	return count;
}

static enum td_result expect_change(const struct model *model, const struct model_termination *it,
	uint64_t context_id, uint32_t epoch, uint16_t port)
{
	if (epoch < it->epoch)
		return TD_RESULT_STALE_EPOCH;
	if (port != it->port)
		return TD_RESULT_BAD_VALUE;
	if (epoch == it->epoch)
		return TD_RESULT_OK;
	if (context_id != it->context_id && parties(model, context_id) == 2)
		return TD_RESULT_CONTEXT_FULL;
	return model->world->is_ring_full ? TD_RESULT_BUSY : TD_RESULT_OK;
}

static void add(struct model *model, unsigned n, uint64_t context_id, uint16_t port)
{
	struct world *world = model->world;
	struct model_termination *it = &model->terminations[n];
	uint32_t epoch = it->epoch + world_random(world) % 3;
	struct td_termination_spec spec =
		world_spec(n + 1, context_id, port, "198.51.100.10", 4000);
	enum td_result expected;
	enum td_result result;

	spec.epoch = epoch == 0 ? 1 : epoch;
	if (it->state == MODEL_LIVE)
		expected = expect_change(model, it, context_id, spec.epoch, port);
	else if (it->state != MODEL_ABSENT)
		expected = TD_RESULT_STALE_EPOCH;
	else if ((expected = expect_port(model, port)) == TD_RESULT_OK)
		expected = parties(model, context_id) == 2 ? TD_RESULT_CONTEXT_FULL
			   : slots_used(model) == CAPACITY ? TD_RESULT_FULL
							   : TD_RESULT_OK;
	result = termination_table_add(world->table, &spec, world->now_ns);
	require(model, result == expected, "add");
	if (result != TD_RESULT_OK || (it->state == MODEL_LIVE && spec.epoch == it->epoch))
		return;
	*it = (struct model_termination){MODEL_LIVE, spec.epoch, context_id, port, 0};
}

static void move(struct model *model, unsigned n, uint64_t context_id)
{
	struct model_termination *it = &model->terminations[n];
	uint32_t epoch = it->epoch + world_random(model->world) % 2;
	enum td_result expected = TD_RESULT_UNKNOWN;
	enum td_result result;

	if (epoch == 0)
		return;
	if (it->state == MODEL_LIVE && epoch == it->epoch)
		expected = context_id == it->context_id ? TD_RESULT_OK : TD_RESULT_STALE_EPOCH;
	else if (it->state == MODEL_LIVE)
		expected = expect_change(model, it, context_id, epoch, it->port);
	result = termination_table_move(model->world->table, n + 1, context_id, epoch);
	require(model, result == expected, "move");
	if (result != TD_RESULT_OK)
		return;
	it->context_id = context_id;
	it->epoch = epoch;
}

static void subtract(struct model *model, unsigned n)
{
	struct model_termination *it = &model->terminations[n];
	struct td_command_subtract command = {.termination_id = n + 1, .epoch = it->epoch};
	bool is_departed = false;
	enum td_result result =
		termination_table_subtract(model->world->table, &command, n, &is_departed);

	if (it->state == MODEL_ABSENT) {
		require(model, result == TD_RESULT_UNKNOWN, "subtract of nothing");
		return;
	}
	if (it->state == MODEL_LIVE && model->world->is_ring_full) {
		require(model, result == TD_RESULT_BUSY, "subtract with a full ring");
		return;
	}
	require(model, result == TD_RESULT_OK, "subtract");
	require(model, is_departed == (it->state == MODEL_RESTING), "departed");
	if (it->state == MODEL_LIVE)
		it->state = MODEL_LEAVING;
}

/* The worker, a grace period, and later the end of rests. */
static void clean_up(struct model *model)
{
	struct world *world = model->world;

	world_reclaim(world);
	for (unsigned i = 0; i < IDS; i++) {
		if (model->terminations[i].state != MODEL_LEAVING)
			continue;
		model->terminations[i].state = MODEL_RESTING;
		model->terminations[i].rest_until_ns =
			world->now_ns + (uint64_t)WORLD_REST_MS * TD_NS_PER_MS;
	}
	world->now_ns += (uint64_t)(world_random(world) % WORLD_REST_MS) * TD_NS_PER_MS;
	termination_table_wake(world->table, world->now_ns);
	for (unsigned i = 0; i < IDS; i++) {
		if (model->terminations[i].state == MODEL_RESTING &&
			world->now_ns >= model->terminations[i].rest_until_ns)
			model->terminations[i] = (struct model_termination){0};
	}
}

/* All rests begin anew; what was leaving, has left. */
static void restart(struct model *model)
{
	world_restart(model->world);
	for (unsigned i = 0; i < IDS; i++) {
		if (model->terminations[i].state == MODEL_ABSENT ||
			model->terminations[i].state == MODEL_LIVE)
			continue;
		model->terminations[i].state = MODEL_RESTING;
		model->terminations[i].rest_until_ns =
			model->world->now_ns + (uint64_t)WORLD_REST_MS * TD_NS_PER_MS;
	}
}

static void compare(const struct model *model)
{
	struct termination_table_gauges gauges;
	uint32_t live = 0;

	for (unsigned i = 0; i < IDS; i++) {
		const struct model_termination *it = &model->terminations[i];
		const struct termination *termination =
			termination_table_find(model->world->table, i + 1);
		bool is_alone;

		require(model, (termination != NULL) == (it->state == MODEL_LIVE), "who lives");
		if (termination == NULL)
			continue;
		live++;
		is_alone = termination->match.peer_slot == TERMINATION_NO_SLOT;
		require(model, termination->spec.epoch == it->epoch, "epoch");
		require(model, is_alone == (parties(model, it->context_id) == 1), "peer");
	}
	termination_table_gauges(model->world->table, &gauges);
	require(model, gauges.live == live, "live");
	require(model, gauges.live + gauges.retired + gauges.resting == slots_used(model), "slots");
}

static void step(struct model *model)
{
	struct world *world = model->world;
	unsigned n = world_random(world) % IDS;
	uint64_t context_id = world_random(world) % CONTEXTS + 1;
	uint16_t port = model->terminations[n].state == MODEL_LIVE && world_random(world) % 4 != 0
				? model->terminations[n].port
				: (uint16_t)(WORLD_PORT_FIRST + world_random(world) % PORTS * 2);

	world->is_ring_full = world_random(world) % 10 == 0;
	switch (world_random(world) % 8) {
	case 0:
	case 1:
	case 2:
		add(model, n, context_id, port);
		break;
	case 3:
	case 4:
		move(model, n, context_id);
		break;
	case 5:
		subtract(model, n);
		break;
	case 6:
		clean_up(model);
		break;
	default:
		if (world_random(world) % 20 == 0)
			restart(model);
		else
			world_work(world);
		break;
	}
}

int main(int argc, char **argv)
{
	struct model model = {.seed = argc > 1 ? strtoull(argv[1], NULL, 10) : 20261122};

	(void)printf("seed %" PRIu64 "\n", model.seed);
	model.world = world_create(CAPACITY, 1);
	model.world->random = model.seed * UINT64_C(0x9e3779b97f4a7c15) | 1;
	for (uint32_t i = 0; i < STEPS; i++) {
		step(&model);
		compare(&model);
	}
	world_destroy(model.world);
	return 0;
}
