/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Messages of a control plane, as the socket delivers them: through message_read, the commander
 * and the table. The input is a sequence of records: one byte for what happens (less than 5: a
 * message comes, with two bytes of length before it), each message in its own allocation.
 */
#include "control/commander.h"
#include "world.h"

#include <tandem/time.h>

#include <stdlib.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

struct outbox {
	uint32_t replies;
	bool is_full;
};

static bool take(void *sink, const struct td_message *message)
{
	struct outbox *outbox = sink;
	uint8_t copy[TD_MESSAGE_MAX_BYTES];

	if (message->magic != TD_CONTRACT_MAGIC || message->length_bytes > sizeof(copy) ||
		message->type < TD_MESSAGE_REPLY || message->type >= TD_MESSAGE_TYPE_COUNT)
		abort();
	memcpy(copy, message, message->length_bytes);
	outbox->replies += message->type == TD_MESSAGE_REPLY;
	return !outbox->is_full;
}

static void ignore_destination(void *sink, const struct td_ip *destination)
{
	(void)sink;
	if (destination->family == TD_FAMILY_NONE)
		abort();
}

static void receive(struct commander *commander, const uint8_t *bytes, size_t size)
{
	struct outbox *outbox = commander->sink;
	uint8_t *copy = malloc(size == 0 ? 1 : size);

	if (copy == NULL)
		return;
	memcpy(copy, bytes, size);
	outbox->replies = 0;
	commander_receive(commander, copy, size);
	if (outbox->replies > 1)
		abort();
	free(copy);
}

static void pass_events(struct commander *commander, struct world *world)
{
	for (uint32_t i = 0; i < world->event_count; i++)
		commander_notify(commander, &world->events[i]);
	world->event_count = 0;
	for (uint32_t i = 0; i < world->gone_count && i < WORLD_EVENTS_MAX; i++)
		commander_depart(commander, &world->gone[i]);
	world->gone_count = 0;
}

static void happen(struct commander *commander, struct world *world, uint8_t what)
{
	switch (what % 8) {
	case 5:
		world_reclaim(world);
		break;
	case 6:
		commander_close_session(commander);
		commander_open_session(commander);
		break;
	default:
		world_work(world);
		(void)world_receive_rtp(
			world, &(struct world_media){"198.51.100.10", 4000,
				       (uint16_t)(20000 + what / 8), what, what, what * 160u});
		world_advance_ms(world, 1000);
		world->is_ring_full = what / 8 == 1;
		((struct outbox *)commander->sink)->is_full = what / 8 == 2;
		termination_table_wake(world->table, world->now_ns);
		break;
	}
	pass_events(commander, world);
	commander_continue_audit(commander, 2);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static struct commander commander;
	static struct td_counters counters;
	struct outbox outbox = {0};
	struct world *world = world_create(4, 1);

	(void)setenv("TANDEM_LOG", "err", 1); /* refusals are what happens here */
	memset(&commander, 0, sizeof(commander));
	commander.table = world->table;
	commander.counters = &counters;
	commander.send = take;
	commander.want = ignore_destination;
	commander.sink = &outbox;
	commander_open_session(&commander);
	while (size >= 3) {
		uint8_t what = data[0];
		size_t length = (size_t)data[1] << 8 | data[2];

		commander.now_ns = world->now_ns;
		if (what % 8 >= 5) {
			happen(&commander, world, what);
			data++;
			size--;
			continue;
		}
		length = length > size - 3 ? size - 3 : length;
		receive(&commander, data + 3, length);
		data += 3 + length;
		size -= 3 + length;
	}
	world_restart(world); /* the arena checks what was accepted */
	world_destroy(world);
	return 0;
}
