/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A source's loss, reordering and duplicates, compared with a model that remembers each packet;
 * the map from ids to slots, compared with an array. Prints its seed.
 */
#include "rtp/source.h"
#include "termination/id_map.h"

#include <inttypes.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum {
	RUNS = 100,
	PACKETS = 3000,
	IDS = 300,
	MAP_STEPS = 20000,
};

static uint64_t state;

static uint32_t draw(uint32_t below)
{
	state ^= state << 13;
	state ^= state >> 7;
	state ^= state << 17;
	return (uint32_t)(state >> 16) % below;
}

static void require(bool is_true, const char *what, uint64_t seed)
{
	if (is_true)
		return;
	(void)fprintf(stderr, "seed %" PRIu64 ": %s\n", seed, what);
	abort();
}

/* Sends numbers 0 to PACKETS, starting anywhere in the 16-bit space, through a bad network. */
static void measure(uint64_t seed)
{
	static bool seen[PACKETS];
	struct rtp_source source;
	uint16_t offset = (uint16_t)draw(65536);
	uint32_t highest = 100;
	uint32_t lowest = 100;
	uint32_t received = 1;
	uint32_t extended;

	memset(seen, 0, sizeof(seen));
	extended = rtp_source_start(&source, 1, (uint16_t)(offset + highest), 0);
	seen[highest] = true;
	for (uint32_t i = highest; i < PACKETS - 50; i += draw(3)) {
		/* up to 40 ahead, up to 100 behind */
		uint32_t number = draw(8) != 0 ? i : i + draw(40);
		enum rtp_verdict expected;
		enum rtp_verdict verdict;

		number -= draw(8) == 0 ? draw(100) : 0;
		expected = number > highest			 ? RTP_ACCEPT
			   : highest - number >= RTP_WINDOW_PKTS ? RTP_STALE
			   : seen[number]			 ? RTP_DUPLICATE
								 : RTP_REORDERED;
		verdict = rtp_source_receive(&source, (uint16_t)(offset + number), i, &extended);
		/* two old packets in a row are a new beginning: not part of this model */
		if (verdict == RTP_RESTARTED)
			return;
		require(verdict == expected, "verdict", seed);
		if (verdict != RTP_ACCEPT && verdict != RTP_REORDERED)
			continue;
		seen[number] = true;
		received++;
		highest = number > highest ? number : highest;
		lowest = number < lowest ? number : lowest;
		require((uint16_t)extended == (uint16_t)(offset + number), "extended", seed);
		require(rtp_source_expected(&source) == highest - lowest + 1, "expected", seed);
		require(rtp_source_lost(&source) == highest - lowest + 1 - received, "lost", seed);
	}
}

static void map_ids(uint64_t seed)
{
	static uint32_t model[IDS];
	struct id_map map;
	uint32_t count = 0;

	require(id_map_init(&map, IDS) == 0, "memory", seed);
	for (uint32_t i = 0; i < IDS; i++)
		model[i] = ID_MAP_NONE;
	for (uint32_t step = 0; step < MAP_STEPS; step++) {
		uint32_t n = draw(IDS);
		/* ids that crowd together as well as ones that don't */
		uint64_t id = seed % 2 ? n + 1 : (uint64_t)(n + 1) << 40;

		if (draw(2) == 0) {
			count += model[n] == ID_MAP_NONE;
			model[n] = step;
			id_map_put(&map, id, step);
		} else {
			count -= model[n] != ID_MAP_NONE;
			model[n] = ID_MAP_NONE;
			id_map_remove(&map, id);
		}
		n = draw(IDS);
		id = seed % 2 ? n + 1 : (uint64_t)(n + 1) << 40;
		require(id_map_find(&map, id) == model[n], "find", seed);
		require(map.count == count, "count", seed);
	}
	id_map_fini(&map);
}

int main(int argc, char **argv)
{
	uint64_t seed = argc > 1 ? strtoull(argv[1], NULL, 10) : 20261122;

	(void)printf("seed %" PRIu64 "\n", seed);
	for (uint64_t i = 0; i < RUNS; i++) {
		state = (seed + i) * UINT64_C(0x9e3779b97f4a7c15) | 1;
		measure(seed + i);
		if (i < 10)
			map_ids(seed + i);
	}
	return 0;
}
