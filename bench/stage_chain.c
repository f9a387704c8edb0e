/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Measures what the dataplane's stages cost per relayed RTP packet, without NIC and without EAL:
 * bursts of 32, terminations touched in random order, frames not in the first-level cache. Prints
 * one line for each way of doing checksums. Not a test: it asserts nothing about time.
 *
 *   build/bench/stage_chain [terminations, default 65536] [million packets, default 8]
 */
#include "neighbour/fib.h"
#include "stage/checksum.h"
#include "stage/context.h"
#include "stage/map.h"
#include "termination/arena.h"
#include "termination/sweep.h"
#include "termination/table.h"

#include <tandem/bytes.h>
#include <tandem/time.h>

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum {
	FRAME_STRIDE_BYTES = 2176, /* as mbufs lie */
	FRAMES = 2048,		   /* made ahead, so that they left the first-level cache */
	HEADROOM_BYTES = 128,
	FRAME_BYTES = 214, /* G.711, 20 ms */
	PORT_FIRST = 1024,
	PAIRS_PER_ADDRESS = 32000,
	SPIN_UP_ROUNDS = 4, /* not counted */
};

struct bench {
	struct media_plan plan;
	void *arena;
	struct termination_table *table;
	struct fib *fib;
	struct td_worker_counters counters;
	struct termination_sweep sweep;
	struct stage_context context;
	struct burst burst;
	uint32_t terminations;
	uint32_t *order;     /* terminations, shuffled */
	uint16_t *sequences; /* next of each remote end */
	uint8_t *frames;
	uint64_t random;
	uint64_t now_ns;
	uint64_t stage_ns[STAGE_ID_COUNT];
};

static uint64_t draw(void *sink)
{
	struct bench *bench = sink;

	bench->random ^= bench->random << 13;
	bench->random ^= bench->random >> 7;
	bench->random ^= bench->random << 17;
	return bench->random;
}

static bool refuse_change(void *sink, uint32_t worker, const struct termination_change *change)
{
	(void)sink;
	(void)worker;
	(void)change;
	return false;
}

static bool take_event(void *sink, const struct td_notify *event)
{
	(void)sink;
	(void)event;
	return true;
}

static void require(bool is_true, const char *what)
{
	if (is_true)
		return;
	(void)fprintf(stderr, "stage_chain: %s\n", what);
	exit(1);
}

/* Remote end and local port of the n-th termination; neighbours 2n and 2n+1 are a call. */
static struct td_termination_spec spec_of(uint32_t n)
{
	struct td_termination_spec spec = {
		.termination_id = n + 1,
		.context_id = n / 2 + 1,
		.epoch = 1,
		.mode = TD_MODE_SEND_RECEIVE,
		.codec_count = 1,
		.codecs = {{0, TD_CODEC_PCMU, 1, 8000}},
	};

	spec.local.ip.family = TD_FAMILY_IPV4;
	memcpy(spec.local.ip.bytes, (uint8_t[]){192, 0, 2, (uint8_t)(1 + n / PAIRS_PER_ADDRESS)},
		4);
	spec.local.port = (uint16_t)(PORT_FIRST + n % PAIRS_PER_ADDRESS * 2);
	spec.remote.ip.family = TD_FAMILY_IPV4;
	memcpy(spec.remote.ip.bytes,
		(uint8_t[]){10, (uint8_t)(n >> 16), (uint8_t)(n >> 8), (uint8_t)n}, 4);
	spec.remote.port = 4000;
	return spec;
}

static void set_up_routes(struct bench *bench)
{
	struct fib_port port = {{2, 0, 0, 0, 0, 1}, 0, 1500};
	struct fib_route route = {.prefix_bits = 8};
	struct fib_neighbour neighbour = {.mac = {2, 0, 0, 0, 1, 1}};
	struct fib_source source = {&port, &route, &neighbour, 1, 1, 1};

	require(td_ip_parse("10.0.0.0", 8, &route.network) &&
			td_ip_parse("192.0.2.254", 11, &route.gateway),
		"literals");
	neighbour.ip = route.gateway;
	require(fib_create(&bench->fib, &source) == 0, "fib");
}

static void set_up_terminations(struct bench *bench)
{
	struct termination_table_config config = {
		.arena = bench->arena,
		.plan = &bench->plan,
		.send = refuse_change,
		.random = draw,
		.sink = bench,
	};
	uint64_t start_ns;

	require(termination_table_create(&bench->table, &config, bench->now_ns) == 0, "table");
	start_ns = td_mono_ns();
	for (uint32_t n = 0; n < bench->terminations; n++) {
		struct td_termination_spec spec = spec_of(n);

		require(termination_table_add(bench->table, &spec, bench->now_ns) == TD_RESULT_OK,
			"add");
	}
	(void)printf("add: %" PRIu64 " ns per termination\n",
		(td_mono_ns() - start_ns) / bench->terminations);
}

static void set_up_context(struct bench *bench, bool is_offloaded)
{
	bench->sweep = (struct termination_sweep){
		.terminations = arena_terminations(bench->arena), .notify = take_event};
	bench->context = (struct stage_context){
		.plan = &bench->plan,
		.terminations = arena_terminations(bench->arena),
		.counters = &bench->counters,
		.sweep = &bench->sweep,
		.ports = {{.mac = {2, 0, 0, 0, 0, 1},
			.is_udp_verified = true,
			.has_tx_ipv4_checksum = is_offloaded,
			.has_tx_udp_checksum = is_offloaded}},
		.port_count = 1,
		.worker_count = 1,
		.fib = bench->fib,
	};
	for (uint32_t i = 0; i < bench->plan.address_count; i++)
		bench->context.indexes[i] = termination_table_index(bench->table, i);
}

static void set_up(struct bench *bench, uint32_t terminations)
{
	size_t size = arena_size_bytes(terminations);

	bench->terminations = terminations;
	bench->random = UINT64_C(0x853c49e6748fea9b);
	bench->now_ns = td_mono_ns();
	bench->plan.port_first = PORT_FIRST;
	bench->plan.port_last = UINT16_MAX;
	bench->plan.worker_count = 1;
	for (uint32_t i = 0; i <= (terminations - 1) / PAIRS_PER_ADDRESS; i++) {
		struct td_termination_spec spec = spec_of(i * PAIRS_PER_ADDRESS);

		require(media_plan_add(&bench->plan, &spec.local.ip) == 0, "addresses");
	}
	bench->arena = aligned_alloc(ARENA_HEADER_BYTES,
		(size + ARENA_HEADER_BYTES - 1) / ARENA_HEADER_BYTES * ARENA_HEADER_BYTES);
	bench->order = malloc(terminations * sizeof(*bench->order));
	bench->sequences = calloc(terminations, sizeof(*bench->sequences));
	bench->frames = aligned_alloc(64, (size_t)FRAMES * FRAME_STRIDE_BYTES);
	require(bench->arena != NULL && bench->order != NULL && bench->sequences != NULL &&
			bench->frames != NULL,
		"memory");
	arena_format(bench->arena, terminations, 1);
	set_up_routes(bench);
	set_up_terminations(bench);
	for (uint32_t i = 0; i < terminations; i++) {
		uint32_t j = (uint32_t)(draw(bench) % (i + 1));

		bench->order[i] = bench->order[j];
		bench->order[j] = i;
	}
}

/* A frame from the remote end of a termination, with its next sequence number. */
static void make_frame(struct bench *bench, uint8_t *frame, uint32_t n)
{
	const struct td_termination_spec spec = spec_of(n);
	uint16_t sequence = bench->sequences[n]++;
	uint16_t checksum;
	uint8_t *ip = frame + 14;

	memset(frame, 0, FRAME_BYTES);
	memcpy(frame, bench->context.ports[0].mac, 6);
	td_store_be16(frame + 12, 0x0800);
	ip[0] = 0x45;
	td_store_be16(ip + 2, FRAME_BYTES - 14);
	ip[8] = 64;
	ip[9] = 17;
	memcpy(ip + 12, spec.remote.ip.bytes, 4);
	memcpy(ip + 16, spec.local.ip.bytes, 4);
	checksum = (uint16_t)~checksum_fold(checksum_add(0, ip, 20));
	memcpy(ip + 10, &checksum, 2);
	td_store_be16(ip + 20, spec.remote.port);
	td_store_be16(ip + 22, spec.local.port);
	td_store_be16(ip + 24, FRAME_BYTES - 34);
	ip[28] = 0x80;
	td_store_be16(ip + 30, sequence);
	td_store_be32(ip + 32, sequence * 160u);
	td_store_be32(ip + 36, 0x1000 + n);
	checksum = (uint16_t)~checksum_fold(
		checksum_add(checksum_pseudo(checksum_add(0, ip + 12, 8), FRAME_BYTES - 34),
			ip + 20, FRAME_BYTES - 34));
	memcpy(ip + 26, &checksum, 2);
}

static void run_stages(struct bench *bench)
{
#define BENCH_STAGE(name, help) stage_##name(&bench->burst, &bench->context);
	STAGE_MAP(BENCH_STAGE)
#undef BENCH_STAGE
}

static void run_stages_timed(struct bench *bench)
{
	uint64_t before_ns = td_mono_ns();
	uint64_t after_ns;
#define BENCH_STAGE(name, help)                                   \
	stage_##name(&bench->burst, &bench->context);             \
	after_ns = td_mono_ns();                                  \
	bench->stage_ns[STAGE_ID_##name] += after_ns - before_ns; \
	before_ns = after_ns;
	STAGE_MAP(BENCH_STAGE)
#undef BENCH_STAGE
}

static void fill_burst(struct bench *bench, uint32_t first, bool is_offloaded)
{
	bench->burst.count = BURST_PACKETS_MAX;
	for (uint32_t i = 0; i < BURST_PACKETS_MAX; i++) {
		struct packet *packet = &bench->burst.packets[i];

		packet_init(packet,
			bench->frames + (size_t)(first + i) * FRAME_STRIDE_BYTES + HEADROOM_BYTES,
			FRAME_BYTES, HEADROOM_BYTES);
		if (is_offloaded) {
			packet->rx_ip_checksum = CHECKSUM_GOOD;
			packet->rx_udp_checksum = CHECKSUM_GOOD;
		}
	}
}

static int compare_ns(const void *a, const void *b)
{
	uint64_t left = *(const uint64_t *)a;
	uint64_t right = *(const uint64_t *)b;

	return left < right ? -1 : left > right;
}

/* Relays packets; *round_ns takes how long each round's stages took, packet_init included. */
static void relay(
	struct bench *bench, uint64_t rounds, bool is_offloaded, bool is_split, uint64_t *round_ns)
{
	uint32_t next = 0;

	set_up_context(bench, is_offloaded);
	for (uint64_t round = 0; round < rounds + SPIN_UP_ROUNDS; round++) {
		uint64_t start_ns;

		for (uint32_t i = 0; i < FRAMES; i++) {
			make_frame(bench,
				bench->frames + (size_t)i * FRAME_STRIDE_BYTES + HEADROOM_BYTES,
				bench->order[next]);
			next = next + 1 == bench->terminations ? 0 : next + 1;
		}
		bench->now_ns += 20 * TD_NS_PER_MS;
		bench->context.now_ns = bench->now_ns;
		start_ns = td_mono_ns();
		for (uint32_t first = 0; first < FRAMES; first += BURST_PACKETS_MAX) {
			fill_burst(bench, first, is_offloaded);
			if (is_split)
				run_stages_timed(bench);
			else
				run_stages(bench);
		}
		if (round >= SPIN_UP_ROUNDS)
			round_ns[round - SPIN_UP_ROUNDS] = td_mono_ns() - start_ns;
	}
	qsort(round_ns, rounds, sizeof(*round_ns), compare_ns);
}

static void report(struct bench *bench, const char *what, uint64_t rounds, bool is_offloaded)
{
	uint64_t relayed = td_counter_read(&bench->counters.rtp_relayed);
	uint64_t *round_ns = malloc(rounds * sizeof(*round_ns));

	require(round_ns != NULL, "memory");
	relay(bench, rounds, is_offloaded, false, round_ns);
	relayed = td_counter_read(&bench->counters.rtp_relayed) - relayed;
	require(relayed == (rounds + SPIN_UP_ROUNDS) * FRAMES, "a packet wasn't relayed");
	(void)printf("%s: %.1f ns per packet (median; best %.1f, 95th percentile %.1f)\n", what,
		(double)round_ns[rounds / 2] / FRAMES, (double)round_ns[0] / FRAMES,
		(double)round_ns[rounds * 95 / 100] / FRAMES);
	free(round_ns);
}

static void report_stages(struct bench *bench, uint64_t rounds)
{
	uint64_t *round_ns = malloc(rounds * sizeof(*round_ns));

	require(round_ns != NULL, "memory");
	relay(bench, rounds, true, true, round_ns);
	for (unsigned i = 0; i < STAGE_ID_COUNT; i++)
		(void)printf("  %-10s %5.1f ns (mean)\n", stage_name(i),
			(double)bench->stage_ns[i] / (double)((rounds + SPIN_UP_ROUNDS) * FRAMES));
	free(round_ns);
}

int main(int argc, char **argv)
{
	static struct bench bench;
	uint32_t terminations = argc > 1 ? (uint32_t)strtoul(argv[1], NULL, 10) : 65536;
	uint64_t million = argc > 2 ? strtoul(argv[2], NULL, 10) : 8;
	uint64_t rounds = million * 1000000 / FRAMES;

	require(terminations >= 2 && terminations <= 8 * PAIRS_PER_ADDRESS && rounds != 0,
		"2 to 256000 terminations, at least 1 million packets");
	set_up(&bench, terminations);
	report(&bench, "checksums by NIC", rounds, true);
	report(&bench, "checksums in software", rounds, false);
	report_stages(&bench, rounds / 4);
	termination_table_destroy(bench.table);
	fib_destroy(bench.fib);
	free(bench.arena);
	free(bench.order);
	free(bench.sequences);
	free(bench.frames);
	return 0;
}
