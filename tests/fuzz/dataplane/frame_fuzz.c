/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Frames through all stages. The input is a sequence of records: one byte (bit 0: port, bits 1-3:
 * milliseconds that pass, bit 4: sweep, bit 5: restart), two bytes length, the frame. Each frame
 * lies at the very end of its own allocation.
 */
#include "stage/map.h"
#include "world.h"

#include <tandem/time.h>

#include <stdlib.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void add(struct world *world, struct td_termination_spec spec, uint8_t latch, uint8_t flags)
{
	spec.latch = latch;
	spec.flags = flags;
	if (termination_table_add(world->table, &spec, world->now_ns) != TD_RESULT_OK)
		abort();
}

static void receive(struct world *world, const uint8_t *frame, uint16_t length, uint8_t port)
{
	uint8_t *buffer = malloc(WORLD_HEADROOM_BYTES + (size_t)length);
	struct packet *packet = &world->burst.packets[0];

	if (buffer == NULL)
		return;
	memcpy(buffer + WORLD_HEADROOM_BYTES, frame, length);
	packet_init(packet, buffer + WORLD_HEADROOM_BYTES, length, WORLD_HEADROOM_BYTES);
	packet->rx_port = port;
	world->burst.count = 1;
	world->context.now_ns = world->now_ns;
#define FUZZ_RUN_STAGE(name, help) stage_##name(&world->burst, &world->context);
	STAGE_MAP(FUZZ_RUN_STAGE)
#undef FUZZ_RUN_STAGE
	if (packet->verdict == VERDICT_CONTINUE ||
		(packet->verdict == VERDICT_DROP) != (packet->drop_reason != TD_DROP_NONE) ||
		packet->bytes < buffer ||
		packet->bytes + packet->length_bytes > buffer + WORLD_HEADROOM_BYTES + length)
		abort();
	free(buffer);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct world *world = world_create(8, 1);

	add(world, world_spec(1, 1, 20000, "198.51.100.10", 4000), TD_LATCH_RESTRICTED, 0);
	add(world, world_spec(2, 1, 20002, "2001:db8:1::20", 5000), TD_LATCH_OFF, 1);
	add(world, world_spec(3, 2, 20004, NULL, 0), TD_LATCH_OPEN, 1);
	add(world, world_spec(4, 2, 20006, "203.0.113.20", 5000), TD_LATCH_OPEN, 0);
	while (size >= 3) {
		uint8_t control = data[0];
		size_t length = (size_t)data[1] << 8 | data[2];

		data += 3;
		size -= 3;
		length = length > size ? size : length;
		length = length > WORLD_FRAME_BYTES ? WORLD_FRAME_BYTES : length;
		world->now_ns += (uint64_t)(control >> 1 & 7) * 30 * TD_NS_PER_MS;
		if ((control & 32) != 0)
			world_restart(world);
		receive(world, data, (uint16_t)length, control & 1);
		if ((control & 16) != 0)
			world_advance_ms(world, 300);
		data += length;
		size -= length;
	}
	world_destroy(world);
	return 0;
}
