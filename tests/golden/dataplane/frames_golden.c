/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Frames in, frames out, byte by byte. Reads frames.golden: lines "< port hex" go in, and what the
 * stages make of each is printed as "> port hex" or "! reason"; meson compares the output with the
 * file. Identities are seeded, so they repeat. To take a change over:
 *
 *   build/tests/golden/dataplane/frames_golden tests/golden/dataplane/frames.golden
 */
#include "world.h"

#include <tandem/time.h>

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum {
	LINE_BYTES = 8192
};

static const char *const verdicts[VERDICT_COUNT] = {
	"continue", "transmit", "drop", "exception", "handoff"};

static void add_pair(
	struct world *world, struct td_termination_spec a, struct td_termination_spec b)
{
	b.termination_id = a.termination_id + 1;
	b.context_id = a.context_id;
	if (termination_table_add(world->table, &a, world->now_ns) != TD_RESULT_OK ||
		termination_table_add(world->table, &b, world->now_ns) != TD_RESULT_OK)
		abort();
}

/* One pair for each way that headers can change. */
static void set_up(struct world *world)
{
	add_pair(world, world_spec(1, 1, 20000, "198.51.100.10", 4000),
		world_spec(0, 1, 20002, "198.51.100.20", 5000));
	add_pair(world, world_spec(3, 2, 20004, "198.51.100.10", 4000),
		world_spec(0, 2, 20006, "2001:db8:1::20", 5000));
	add_pair(world, world_spec(5, 3, 20008, "198.51.100.10", 4000),
		world_spec(0, 3, 20010, "203.0.113.20", 5000));
	add_pair(world, world_spec(7, 4, 20012, "2001:db8:1::10", 4000),
		world_spec(0, 4, 20014, "2001:db8:1::20", 5000));
}

static uint16_t read_hex(const char *text, uint8_t *bytes)
{
	uint16_t count = 0;
	unsigned value;

	while (count < 1500 && sscanf(text + 2 * count, "%2x", &value) == 1)
		bytes[count++] = (uint8_t)value;
	return count;
}

static void print_result(const struct packet *packet)
{
	if (packet->verdict == VERDICT_DROP) {
		(void)printf("! %s\n", td_drop_reason_name(packet->drop_reason));
		return;
	}
	if (packet->verdict != VERDICT_TRANSMIT) {
		(void)printf("! %s\n", verdicts[packet->verdict]);
		return;
	}
	(void)printf("> %u ", packet->tx_port);
	for (uint32_t i = 0; i < packet->length_bytes; i++)
		(void)printf("%02x", packet->bytes[i]);
	(void)printf("\n");
}

int main(int argc, char **argv)
{
	struct world *world = world_create(8, 1);
	FILE *file = argc == 2 ? fopen(argv[1], "r") : NULL;
	char line[LINE_BYTES];

	if (file == NULL) {
		(void)fprintf(stderr, "usage: frames_golden FILE\n");
		return 1;
	}
	set_up(world);
	while (fgets(line, sizeof(line), file) != NULL) {
		struct world_frame frame = {0};
		unsigned port;
		int hex;

		if (line[0] == '>' || line[0] == '!')
			continue;
		(void)fputs(line, stdout);
		if (sscanf(line, "< %u %n", &port, &hex) != 1)
			continue;
		frame.length = read_hex(line + hex, frame.buffer + WORLD_HEADROOM_BYTES);
		world->now_ns += 20 * (uint64_t)TD_NS_PER_MS;
		print_result(world_receive(world, &frame, (uint8_t)port));
	}
	(void)fclose(file);
	world_destroy(world);
	return 0;
}
