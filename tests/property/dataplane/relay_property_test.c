/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Random streams (loss, reordering, duplicates, new sources, clocks that jump, holds) go through
 * the stages. What comes out is compared with a model that keeps everything and thinks naively.
 * Prints its seed; run with a seed as argument to repeat.
 */
#include "world.h"

#include <tandem/bytes.h>
#include <tandem/time.h>

#include <assert.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum {
	RUNS = 60,
	PACKETS = 1500,
	QUEUE = 8, /* how far the network may reorder */
	SENT_MAX = 65536,
};

/* What left, by egress sequence number. */
struct sent {
	bool is_used;
	uint32_t timestamp_ts;
};

struct model {
	struct world *world;
	struct sent sent[SENT_MAX];
	uint32_t sent_count;
	uint16_t first;
	uint16_t highest; /* egress */
	uint32_t highest_ts;
	bool has_sent;
	/* the source as the network carries it */
	uint32_t ssrc;
	uint16_t sequence;
	uint32_t timestamp_ts;
	/* of the stretch since the last splice: ingress minus egress */
	bool has_offset;
	uint16_t sequence_offset;
	uint32_t offset_ts;
	uint32_t offset_ssrc;
	uint64_t seed;
};

static void fail(const struct model *model, const char *what)
{
	(void)fprintf(stderr, "seed %" PRIu64 ": %s\n", model->seed, what);
	abort();
}

/* What every packet that leaves must fulfil, whatever came in. */
static void check_sent(struct model *model, const struct packet *packet, const uint8_t *original)
{
	const uint8_t *rtp = packet->bytes + packet->payload_offset;
	uint16_t sequence = td_load_be16(rtp + 2);
	uint32_t timestamp_ts = td_load_be32(rtp + 4);
	bool has_marker = (rtp[1] & 0x80) != 0;
	bool is_ahead = (int16_t)(sequence - model->highest) > 0;

	if (td_load_be32(rtp + 8) != world_stats(model->world, 2).tx_ssrc)
		fail(model, "the SSRC changed");
	if (model->sent[sequence].is_used)
		fail(model, "a sequence number was sent twice");
	if (memcmp(rtp + 12, original + 12, 160) != 0)
		fail(model, "the payload changed");
	if (model->has_sent && is_ahead && (int32_t)(timestamp_ts - model->highest_ts) <= 0)
		fail(model, "time ran backwards");
	if (!model->has_offset || has_marker) {
		bool is_clock_only = (uint16_t)(td_load_be16(original + 2) - sequence) ==
					     model->sequence_offset &&
				     td_load_be32(original + 8) == model->offset_ssrc;

		/* a splice: the next number, whatever came, unless only the clock jumped */
		if (model->has_sent && !is_clock_only && sequence != (uint16_t)(model->highest + 1))
			fail(model, "a splice left a gap");
		if (!has_marker)
			fail(model, "a splice without marker");
		model->has_offset = true;
		model->sequence_offset = (uint16_t)(td_load_be16(original + 2) - sequence);
		model->offset_ts = td_load_be32(original + 4) - timestamp_ts;
		model->offset_ssrc = td_load_be32(original + 8);
	}
	/* within a stretch: gaps, order and timestamps as they came */
	if ((uint16_t)(td_load_be16(original + 2) - sequence) != model->sequence_offset ||
		td_load_be32(original + 4) - timestamp_ts != model->offset_ts ||
		td_load_be32(original + 8) != model->offset_ssrc)
		fail(model, "a stretch was bent");
	model->sent[sequence] = (struct sent){true, timestamp_ts};
	model->sent_count++;
	if (!model->has_sent || is_ahead) {
		model->highest = sequence;
		model->highest_ts = timestamp_ts;
	}
	model->has_sent = true;
}

struct queued {
	bool is_used;
	uint8_t rtp[172];
};

static void deliver(struct model *model, const struct queued *queued)
{
	struct world_frame frame = {0};
	const struct packet *packet;

	world_frame_build(&frame, &(struct world_path){"198.51.100.10", 4000, "192.0.2.1", 20000},
		queued->rtp, sizeof(queued->rtp));
	packet = world_receive(model->world, &frame, 0);
	if (packet->verdict == VERDICT_TRANSMIT)
		check_sent(model, packet, queued->rtp);
	else if (packet->verdict != VERDICT_DROP || packet->drop_reason == TD_DROP_NONE)
		fail(model, "a packet vanished without a reason");
}

/* Now and then the source becomes another one, or its clock or numbers jump. */
static void disturb(struct model *model)
{
	switch (world_random(model->world) % 400) {
	case 0:
		model->ssrc = world_random(model->world);
		model->sequence = (uint16_t)world_random(model->world);
		model->timestamp_ts = world_random(model->world);
		break;
	case 1:
		model->timestamp_ts = world_random(model->world);
		break;
	case 2:
		model->sequence = (uint16_t)world_random(model->world);
		break;
	case 3:
		model->world->now_ns +=
			(uint64_t)(world_random(model->world) % 3000) * TD_NS_PER_MS;
		break;
	default:
		break;
	}
}

static void set_hold(struct model *model, uint32_t epoch)
{
	struct td_termination_spec spec = world_spec(2, 7, 20002, "198.51.100.20", 5000);

	spec.epoch = epoch;
	spec.mode = epoch % 2 == 0 ? TD_MODE_RECEIVE : TD_MODE_SEND_RECEIVE;
	if (termination_table_modify(model->world->table, &spec) != TD_RESULT_OK)
		fail(model, "modify");
	world_work(model->world);
}

static void step(struct model *model, struct queued queue[QUEUE], uint32_t *epoch)
{
	struct world *world = model->world;
	struct queued *slot = &queue[world_random(world) % QUEUE];
	struct queued made = {.is_used = true};

	disturb(model);
	if (world_random(world) % 300 == 0)
		set_hold(model, ++*epoch);
	if (world_random(world) % 500 == 0)
		world_restart(world);
	(void)world_rtp(made.rtp, model->ssrc, model->sequence++, model->timestamp_ts, 0);
	model->timestamp_ts += 160;
	world->now_ns += 20 * TD_NS_PER_MS;
	if (world_random(world) % 20 == 0)
		return; /* lost */
	if (world_random(world) % 30 == 0)
		deliver(model, &made); /* and once more below */
	if (world_random(world) % 10 != 0) {
		deliver(model, &made);
		return;
	}
	if (slot->is_used)
		deliver(model, slot);
	*slot = made;
}

static void run(uint64_t seed)
{
	struct model *model = calloc(1, sizeof(*model));
	struct queued queue[QUEUE] = {0};
	uint32_t epoch = 1;
	struct td_termination_stats in;

	if (model == NULL)
		abort();
	model->seed = seed;
	model->world = world_create(4, 1);
	model->world->random = seed * UINT64_C(0x9e3779b97f4a7c15) | 1;
	world_call(model->world);
	model->ssrc = world_random(model->world);
	for (uint32_t i = 0; i < PACKETS; i++)
		step(model, queue, &epoch);
	in = world_stats(model->world, 1);
	if (world_stats(model->world, 2).tx_packets != model->sent_count)
		fail(model, "what was sent isn't what was counted");
	if (in.rx_packets < PACKETS / 2 || model->sent_count == 0)
		fail(model, "too little came through");
	world_destroy(model->world);
	free(model);
}

int main(int argc, char **argv)
{
	uint64_t seed = argc > 1 ? strtoull(argv[1], NULL, 10) : 20261122;

	(void)printf("seed %" PRIu64 "\n", seed);
	for (uint64_t i = 0; i < RUNS; i++)
		run(seed + i);
	return 0;
}
