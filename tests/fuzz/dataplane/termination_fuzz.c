/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Commands against the table. The input is a sequence of records: one byte for what to do, then
 * patches of a good specification (count, then offset and value each). Whatever is accepted must
 * survive a restart: the arena checks every record again.
 */
#include "termination/spec.h"
#include "world.h"

#include <tandem/time.h>

#include <stdlib.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

enum {
	SPEC_BYTES = sizeof(struct td_termination_spec),
};

static void carry_out(struct world *world, uint8_t what, const struct td_termination_spec *spec)
{
	struct td_command_subtract subtract = {
		.termination_id = spec->termination_id, .epoch = spec->epoch};
	bool is_departed;

	switch (what % 8) {
	case 0:
	case 1:
		(void)termination_table_add(world->table, spec, world->now_ns);
		break;
	case 2:
		(void)termination_table_modify(world->table, spec);
		break;
	case 3:
		(void)termination_table_move(
			world->table, spec->termination_id, spec->context_id, spec->epoch);
		break;
	case 4:
		(void)termination_table_subtract(world->table, &subtract, 1, &is_departed);
		break;
	case 5:
		world_reclaim(world);
		break;
	case 6:
		world_restart(world);
		break;
	default:
		world_work(world);
		(void)world_receive_rtp(world, &(struct world_media){"198.51.100.10", 4000,
						       spec->local.port, what, what, what * 160u});
		world_advance_ms(world, 300);
		world->now_ns += (uint64_t)WORLD_REST_MS / 2 * TD_NS_PER_MS;
		termination_table_wake(world->table, world->now_ns);
		break;
	}
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct world *world = world_create(4, 1);

	while (size >= 2) {
		struct td_termination_spec spec =
			world_spec(1 + data[0] / 64, 1, 20000, "198.51.100.10", 4000);
		uint8_t what = data[0];
		size_t patches = data[1] % 8;

		spec.local.port = (uint16_t)(spec.local.port + data[0] / 64 * 2);
		data += 2;
		size -= 2;
		for (; patches != 0 && size >= 2; patches--, data += 2, size -= 2)
			((uint8_t *)&spec)[data[0] % SPEC_BYTES] = data[1];
		carry_out(world, what, &spec);
	}
	world_restart(world);
	world_destroy(world);
	return 0;
}
