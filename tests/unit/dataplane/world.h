/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A dataplane without a NIC, for tests: one worker's stages, sweep and command ring over a real
 * arena, table and fib. Frames go in as bytes and come out as bytes; time is a field.
 *
 *   media addresses   192.0.2.1, 2001:db8::1; ports 20000..20999
 *   port n has the Ethernet address 02:00:00:00:00:0(n+1)
 *   port 0, untagged  198.51.100.0/24 by gateway, 2001:db8:1::/48 by gateway
 *   port 1, VLAN 42   203.0.113.0/24 by gateway, MTU 600
 */
#ifndef TD_DATAPLANE_WORLD_H
#define TD_DATAPLANE_WORLD_H

#include "stage/context.h"
#include "termination/arena.h"
#include "termination/sweep.h"
#include "termination/table.h"

#include <tandem/spsc_ring.h>

#include <stdbool.h>
#include <stdint.h>

enum {
	WORLD_HEADROOM_BYTES = 128,
	WORLD_FRAME_BYTES = 2048,
	WORLD_CHANGES = 1024,
	WORLD_EVENTS_MAX = 256,
	WORLD_PORT_FIRST = 20000,
	WORLD_PORT_LAST = 20999,
	WORLD_VLAN = 42,
	WORLD_MTU_SMALL = 600,
	WORLD_REST_MS = 30000,
};

/* A frame in a buffer with headroom. */
struct world_frame {
	uint8_t buffer[WORLD_FRAME_BYTES];
	uint16_t length;
	uint16_t vlan_id;
};

/* Who sends to whom; addresses are texts of one family. */
struct world_path {
	const char *source;
	uint16_t source_port;
	const char *destination;
	uint16_t destination_port;
};

/* An RTP packet from a remote end. */
struct world_media {
	const char *source;
	uint16_t source_port;
	uint16_t local_port;
	uint32_t ssrc;
	uint16_t sequence;
	uint32_t timestamp_ts;
};

struct world_rtcp {
	uint64_t termination_id;
	uint16_t length;
	uint8_t bytes[SWEEP_RTCP_MAX_BYTES];
};

struct world {
	uint64_t now_ns;
	uint64_t random;
	uint32_t capacity;
	struct media_plan plan;
	void *arena;
	struct termination_table *table;
	struct fib *fib;
	struct td_worker_counters counters;
	struct termination_sweep sweep;
	struct stage_context context;
	struct td_spsc_ring changes;
	struct termination_change change_slots[WORLD_CHANGES];
	bool is_ring_full;   /* makes the next sends fail */
	bool is_notify_full; /* makes notify fail */
	bool is_rtcp_refused;

	uint32_t event_count;
	struct td_notify events[WORLD_EVENTS_MAX];
	uint32_t rtcp_count;
	struct world_rtcp rtcp[WORLD_EVENTS_MAX];
	uint32_t gone_count;
	struct termination_departure gone[WORLD_EVENTS_MAX];

	/* of the last frame that went in */
	struct burst burst;
	struct world_frame frame; /* of world_receive_rtp */
};

/* Makes a world with room for capacity terminations, as worker 0 of worker_count. */
struct world *world_create(uint32_t capacity, uint32_t worker_count);
void world_destroy(struct world *world);

/* Ends the process, as far as the arena is concerned, and starts it again. */
void world_restart(struct world *world);

/* A specification with sensible values: local port, remote "address", remote port, PCMU, PCMA and
 * telephone-event, latching off. Epoch 1. */
struct td_termination_spec world_spec(
	uint64_t id, uint64_t context_id, uint16_t local_port, const char *remote, uint16_t port);

/* Lets the worker carry out what the table asked for. */
void world_work(struct world *world);

/* Lets retired terminations pass their grace period. */
void world_reclaim(struct world *world);

/* Builds a UDP frame along path with payload. */
void world_frame_build(struct world_frame *frame, const struct world_path *path,
	const uint8_t *payload, uint16_t size);

/* Builds an RTP packet; returns its length. */
uint16_t world_rtp(uint8_t *packet, uint32_t ssrc, uint16_t sequence, uint32_t timestamp_ts,
	uint8_t payload_type);

/* Sends one frame through all stages on a port; the packet it became, valid until the next. */
struct packet *world_receive(struct world *world, struct world_frame *frame, uint8_t rx_port);

/* The usual: an RTP packet of 160 bytes from a remote end to a local port of its family. */
struct packet *world_receive_rtp(struct world *world, const struct world_media *media);

/* Two terminations in a context, ids 1 and 2: 198.51.100.10:4000 <-> port 20000,
 * 198.51.100.20:5000 <-> port 20002. */
void world_call(struct world *world);

/* How often a reason was counted. */
uint64_t world_drops(const struct world *world, enum td_drop_reason reason);

/* Figures of a live termination. */
struct td_termination_stats world_stats(const struct world *world, uint64_t id);

/* Moves time on, sweeping as a worker would. */
void world_advance_ms(struct world *world, uint64_t delay_ms);

/* A random number, repeatable from the seed in world->random. */
uint32_t world_random(struct world *world);

#endif
