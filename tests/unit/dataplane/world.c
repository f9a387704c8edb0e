/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The test world. Used by the unit, property, golden, fault and fuzz tests of the dataplane.
 */
#include "world.h"

#include "neighbour/fib.h"
#include "stage/checksum.h"
#include "stage/map.h"

#include <tandem/bytes.h>
#include <tandem/time.h>

#include <assert.h>
#include <stdlib.h>
#include <string.h>

static const uint64_t WALL_OFFSET_NS = UINT64_C(1700000000) * TD_NS_PER_S;
static const uint64_t START_NS = UINT64_C(1000) * TD_NS_PER_S;

static struct td_ip ip_of(const char *text)
{
	struct td_ip ip = {0};
	bool is_ip = td_ip_parse(text, strlen(text), &ip);

	assert(is_ip && "the tests' addresses are literals");
	(void)is_ip;
	return ip;
}

uint32_t world_random(struct world *world)
{
	world->random ^= world->random << 13;
	world->random ^= world->random >> 7;
	world->random ^= world->random << 17;
	return (uint32_t)(world->random >> 16);
}

static uint64_t draw(void *sink)
{
	uint64_t high = world_random(sink);

	return high << 32 | world_random(sink);
}

static bool send_change(void *sink, uint32_t worker, const struct termination_change *change)
{
	struct world *world = sink;

	(void)worker; /* the tests have one ring */
	return !world->is_ring_full && td_spsc_ring_push(&world->changes, change);
}

static bool keep_event(void *sink, const struct td_notify *event)
{
	struct world *world = sink;

	if (world->is_notify_full || world->event_count == WORLD_EVENTS_MAX)
		return false;
	world->events[world->event_count++] = *event;
	return true;
}

static bool keep_rtcp(
	void *sink, struct termination *termination, const uint8_t *rtcp, uint16_t size_bytes)
{
	struct world *world = sink;
	struct world_rtcp *kept = &world->rtcp[world->rtcp_count % WORLD_EVENTS_MAX];

	if (world->is_rtcp_refused)
		return false;
	world->rtcp_count++;
	kept->termination_id = termination->id;
	kept->length = size_bytes;
	memcpy(kept->bytes, rtcp, size_bytes);
	return true;
}

static struct fib *build_fib(void)
{
	const struct fib_port ports[] = {
		{{2, 0, 0, 0, 0, 1}, 0, 1500},
		{{2, 0, 0, 0, 0, 2}, WORLD_VLAN, WORLD_MTU_SMALL},
	};
	const struct fib_route routes[] = {
		{ip_of("198.51.100.0"), ip_of("192.0.2.254"), 0, 0, 24},
		{ip_of("203.0.113.0"), ip_of("192.0.2.253"), 0, 1, 24},
		{ip_of("2001:db8:1::"), ip_of("2001:db8::fe"), 0, 0, 48},
	};
	const struct fib_neighbour neighbours[] = {
		{ip_of("192.0.2.254"), 0, {2, 0, 0, 0, 1, 1}},
		{ip_of("192.0.2.253"), 1, {2, 0, 0, 0, 1, 2}},
		{ip_of("2001:db8::fe"), 0, {2, 0, 0, 0, 1, 3}},
	};
	const struct fib_source source = {ports, routes, neighbours, TD_COUNT_OF(ports),
		TD_COUNT_OF(routes), TD_COUNT_OF(neighbours)};
	struct fib *fib = NULL;
	int error = fib_create(&fib, &source);

	assert(error == 0 && "the tests' fib is sound");
	(void)error;
	return fib;
}

static void start(struct world *world)
{
	const struct termination_table_config config = {
		.arena = world->arena,
		.plan = &world->plan,
		.port_rest_ms = WORLD_REST_MS,
		.send = send_change,
		.random = draw,
		.sink = world,
	};
	int error = termination_table_create(&world->table, &config, world->now_ns);

	assert(error == 0 && "there is memory");
	(void)error;
	td_spsc_ring_init(&world->changes, world->change_slots, WORLD_CHANGES,
		sizeof(struct termination_change));
	world->sweep = (struct termination_sweep){
		.terminations = arena_terminations(world->arena),
		.owners = termination_table_owners(world->table),
		.capacity = world->capacity,
		.emit = keep_rtcp,
		.notify = keep_event,
		.sink = world,
		.wall_offset_ns = WALL_OFFSET_NS,
	};
	world->context = (struct stage_context){
		.plan = &world->plan,
		.indexes = {termination_table_index(world->table, 0),
			termination_table_index(world->table, 1)},
		.terminations = arena_terminations(world->arena),
		.counters = &world->counters,
		.sweep = &world->sweep,
		.ports = {{.mac = {2, 0, 0, 0, 0, 1}, .is_udp_verified = true},
			{.mac = {2, 0, 0, 0, 0, 2},
				.vlan_id = WORLD_VLAN,
				.is_udp_verified = true}},
		.port_count = 2,
		.worker_count = world->plan.worker_count,
		.fib = world->fib,
	};
}

struct world *world_create(uint32_t capacity, uint32_t worker_count)
{
	struct world *world = calloc(1, sizeof(*world));
	struct td_ip ipv4 = ip_of("192.0.2.1");
	struct td_ip ipv6 = ip_of("2001:db8::1");

	assert(world != NULL && "there is memory");
	world->now_ns = START_NS;
	world->random = UINT64_C(0x1234567887654321);
	world->capacity = capacity;
	world->plan.port_first = WORLD_PORT_FIRST;
	world->plan.port_last = WORLD_PORT_LAST;
	world->plan.worker_count = worker_count;
	if (media_plan_add(&world->plan, &ipv4) != 0 || media_plan_add(&world->plan, &ipv6) != 0)
		abort();
	world->arena = aligned_alloc(
		ARENA_HEADER_BYTES, (arena_size_bytes(capacity) + ARENA_HEADER_BYTES - 1) /
					    ARENA_HEADER_BYTES * ARENA_HEADER_BYTES);
	assert(world->arena != NULL && "there is memory");
	arena_format(world->arena, capacity, worker_count);
	world->fib = build_fib();
	start(world);
	return world;
}

void world_destroy(struct world *world)
{
	termination_table_destroy(world->table);
	fib_destroy(world->fib);
	free(world->arena);
	free(world);
}

void world_restart(struct world *world)
{
	uint32_t slot;
	enum arena_problem problem = arena_attach(world->arena, arena_size_bytes(world->capacity),
		world->capacity, &world->plan, &slot);

	assert(problem == ARENA_BAD_NONE && "what we wrote, we can read");
	(void)problem;
	termination_table_destroy(world->table);
	start(world);
}

struct td_termination_spec world_spec(
	uint64_t id, uint64_t context_id, uint16_t local_port, const char *remote, uint16_t port)
{
	struct td_termination_spec spec = {
		.termination_id = id,
		.context_id = context_id,
		.epoch = 1,
		.mode = TD_MODE_SEND_RECEIVE,
		.codec_count = 3,
		.latch_window_ms = 3000,
		.latch_round = 1,
		.codecs = {{0, TD_CODEC_PCMU, 20, 8000}, {8, TD_CODEC_PCMA, 20, 8000},
			{101, TD_CODEC_TELEPHONE_EVENT, 20, 8000}},
	};

	spec.local.ip = ip_of(remote != NULL && strchr(remote, ':') ? "2001:db8::1" : "192.0.2.1");
	spec.local.port = local_port;
	if (remote != NULL) {
		spec.remote.ip = ip_of(remote);
		spec.remote.port = port;
	}
	return spec;
}

void world_work(struct world *world)
{
	struct termination_change change;

	while (td_spsc_ring_pop(&world->changes, &change))
		termination_change_run(&world->sweep, &change, world->now_ns);
}

static void keep_gone(void *sink, const struct termination_departure *departure)
{
	struct world *world = sink;

	if (world->gone_count < WORLD_EVENTS_MAX)
		world->gone[world->gone_count] = *departure;
	world->gone_count++;
}

void world_reclaim(struct world *world)
{
	world_work(world);
	if (termination_table_begin_grace(world->table) != 0)
		termination_table_reclaim(world->table, world->now_ns, WALL_OFFSET_NS, keep_gone);
}

/* Writes the IP header at ip; its length. */
static uint32_t build_ip(uint8_t *ip, const struct td_ip *source, const struct td_ip *destination,
	uint16_t udp_bytes)
{
	uint16_t checksum;

	if (source->family == TD_FAMILY_IPV6) {
		td_store_be32(ip, 6u << 28);
		td_store_be16(ip + 4, udp_bytes);
		ip[6] = 17;
		ip[7] = 60;
		memcpy(ip + 8, source->bytes, 16);
		memcpy(ip + 24, destination->bytes, 16);
		return 40;
	}
	memset(ip, 0, 20);
	ip[0] = 0x45;
	td_store_be16(ip + 2, (uint16_t)(20 + udp_bytes));
	ip[8] = 60;
	ip[9] = 17;
	memcpy(ip + 12, source->bytes, 4);
	memcpy(ip + 16, destination->bytes, 4);
	checksum = (uint16_t)~checksum_fold(checksum_add(0, ip, 20));
	memcpy(ip + 10, &checksum, 2);
	return 20;
}

void world_frame_build(struct world_frame *frame, const struct world_path *path,
	const uint8_t *payload, uint16_t size)
{
	struct td_ip from = ip_of(path->source);
	struct td_ip to = ip_of(path->destination);
	uint8_t *start_at = frame->buffer + WORLD_HEADROOM_BYTES;
	uint8_t *at = start_at;
	uint16_t udp_bytes = (uint16_t)(8 + size);
	uint32_t address_bytes = from.family == TD_FAMILY_IPV4 ? 4 : 16;
	uint16_t checksum;

	memcpy(at, "\x02\0\0\0\0\1\x02\0\0\0\1\1", 12);
	if (frame->vlan_id == WORLD_VLAN)
		at[5] = 2;
	at += 12;
	if (frame->vlan_id != 0) {
		td_store_be16(at, 0x8100);
		td_store_be16(at + 2, frame->vlan_id);
		at += 4;
	}
	td_store_be16(at, from.family == TD_FAMILY_IPV4 ? 0x0800 : 0x86dd);
	at += 2;
	at += build_ip(at, &from, &to, udp_bytes);
	td_store_be16(at, path->source_port);
	td_store_be16(at + 2, path->destination_port);
	td_store_be16(at + 4, udp_bytes);
	td_store_be16(at + 6, 0);
	memcpy(at + 8, payload, size);
	checksum = (uint16_t)~checksum_fold(checksum_add(
		checksum_pseudo(
			checksum_add(0, at - 2 * address_bytes, 2 * address_bytes), udp_bytes),
		at, udp_bytes));
	if (checksum == 0)
		checksum = UINT16_MAX;
	memcpy(at + 6, &checksum, 2);
	frame->length = (uint16_t)(at + udp_bytes - start_at);
}

uint16_t world_rtp(uint8_t *packet, uint32_t ssrc, uint16_t sequence, uint32_t timestamp_ts,
	uint8_t payload_type)
{
	enum {
		SIZE = 172
	};

	memset(packet, 0x55, SIZE);
	packet[0] = 0x80;
	packet[1] = payload_type;
	td_store_be16(packet + 2, sequence);
	td_store_be32(packet + 4, timestamp_ts);
	td_store_be32(packet + 8, ssrc);
	return SIZE;
}

struct packet *world_receive(struct world *world, struct world_frame *frame, uint8_t rx_port)
{
	struct packet *packet = &world->burst.packets[0];

	packet_init(
		packet, frame->buffer + WORLD_HEADROOM_BYTES, frame->length, WORLD_HEADROOM_BYTES);
	packet->rx_port = rx_port;
	world->burst.count = 1;
	world->context.now_ns = world->now_ns;
#define WORLD_RUN_STAGE(name, help) stage_##name(&world->burst, &world->context);
	STAGE_MAP(WORLD_RUN_STAGE)
#undef WORLD_RUN_STAGE
	return packet;
}

struct packet *world_receive_rtp(struct world *world, const struct world_media *media)
{
	struct world_path path = {media->source, media->source_port,
		strchr(media->source, ':') ? "2001:db8::1" : "192.0.2.1", media->local_port};
	uint8_t payload[256];
	uint16_t size = world_rtp(payload, media->ssrc, media->sequence, media->timestamp_ts, 0);

	world_frame_build(&world->frame, &path, payload, size);
	return world_receive(world, &world->frame, 0);
}

void world_call(struct world *world)
{
	struct td_termination_spec a = world_spec(1, 7, 20000, "198.51.100.10", 4000);
	struct td_termination_spec b = world_spec(2, 7, 20002, "198.51.100.20", 5000);

	if (termination_table_add(world->table, &a, world->now_ns) != TD_RESULT_OK ||
		termination_table_add(world->table, &b, world->now_ns) != TD_RESULT_OK)
		abort();
}

uint64_t world_drops(const struct world *world, enum td_drop_reason reason)
{
	return td_counter_read(&world->counters.drops[reason]);
}

struct td_termination_stats world_stats(const struct world *world, uint64_t id)
{
	const struct termination *termination = termination_table_find(world->table, id);
	struct td_termination_stats stats = {0};

	if (termination != NULL)
		termination_snapshot(termination, WALL_OFFSET_NS, &stats);
	return stats;
}

void world_advance_ms(struct world *world, uint64_t delay_ms)
{
	for (uint64_t i = 0; i < delay_ms; i++) {
		world->now_ns += TD_NS_PER_MS;
		termination_sweep_run(&world->sweep, world->now_ns);
	}
}
