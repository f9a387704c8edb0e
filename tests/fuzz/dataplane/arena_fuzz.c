/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A corrupted arena. The input patches the image of a sound one (three bytes: offset in the four
 * records, value); if it is accepted nevertheless, calls, packets and the sweep must go well.
 */
#include "world.h"

#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct world *world = world_create(4, 1);
	uint8_t *records = (uint8_t *)arena_terminations(world->arena);
	uint32_t slot;

	world_call(world);
	(void)world_receive_rtp(
		world, &(struct world_media){"198.51.100.10", 4000, 20000, 1, 1, 1});
	for (; size >= 3; data += 3, size -= 3) {
		size_t at = ((size_t)data[0] << 8 | data[1]) %
			    (arena_size_bytes(4) - ARENA_HEADER_BYTES);

		records[at] = data[2];
	}
	if (arena_attach(world->arena, arena_size_bytes(4), 4, &world->plan, &slot) ==
		ARENA_BAD_NONE) {
		world_restart(world);
		for (uint16_t i = 0; i < 5; i++) {
			(void)world_receive_rtp(world, &(struct world_media){"198.51.100.10", 4000,
							       20000, 1, i, i * 160u});
			(void)world_receive_rtp(world, &(struct world_media){"198.51.100.20", 5000,
							       20002, 2, i, i * 160u});
			world_advance_ms(world, 500);
		}
	}
	world_destroy(world);
	return 0;
}
