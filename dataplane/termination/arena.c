/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Formats and checks the arena. Called at launch only; what it lets pass, the packet path trusts.
 */
#include "termination/arena.h"

#include "termination/id_map.h"
#include "termination/plan.h"
#include "termination/spec.h"
#include "termination/termination.h"

#include <assert.h>
#include <string.h>

static_assert(sizeof(struct arena_header) <= ARENA_HEADER_BYTES, "header outgrew its page");

enum {
	GENERATION_MAX = (1 << 24) - 1, /* termination_feed shifts it by 8 */
};

const char *arena_problem_text(enum arena_problem problem)
{
	static const char *const texts[ARENA_BAD_COUNT] = {
#define ARENA_PROBLEM_TEXT(constant, help) help,
		ARENA_PROBLEMS(ARENA_PROBLEM_TEXT)
#undef ARENA_PROBLEM_TEXT
	};

	return (unsigned)problem < ARENA_BAD_COUNT ? texts[problem] : "?";
}

/* FNV-1a over what a record looks like: another compiler or source gives another hash. */
static uint64_t layout_hash(void)
{
	static const uint32_t layout[] = {
		ARENA_VERSION,
		TD_CONTRACT_VERSION,
		sizeof(struct termination),
		offsetof(struct termination, match),
		offsetof(struct termination, rx),
		offsetof(struct termination, tx),
		offsetof(struct termination, sources),
		offsetof(struct termination, quality),
		offsetof(struct termination, timing),
		offsetof(struct termination, signalling),
		offsetof(struct termination, spec),
		offsetof(struct termination, id),
		offsetof(struct termination_match, remote_port),
		offsetof(struct termination_rx, police_cost_ns),
		offsetof(struct rtp_splice, sequence_high),
		offsetof(struct rtp_source, awaited_sequence),
		offsetof(struct termination_signalling, payload_types),
	};
	uint64_t hash = UINT64_C(0xcbf29ce484222325);

	for (unsigned i = 0; i < TD_COUNT_OF(layout); i++)
		hash = (hash ^ layout[i]) * UINT64_C(0x100000001b3);
	return hash;
}

size_t arena_size_bytes(uint32_t capacity)
{
	return ARENA_HEADER_BYTES + (size_t)capacity * sizeof(struct termination);
}

struct termination *arena_terminations(void *memory)
{
	return (struct termination *)(void *)((uint8_t *)memory + ARENA_HEADER_BYTES);
}

void arena_format(void *memory, uint32_t capacity, uint32_t worker_count)
{
	struct arena_header *header = memory;

	assert(capacity != 0 && capacity <= ARENA_CAPACITY_MAX && "configuration checks it");
	header->magic = 0;
	/* A crash in here must leave no magic over half-cleared records. */
	atomic_signal_fence(memory_order_seq_cst);
	memset(memory, 0, arena_size_bytes(capacity));
	header->version = ARENA_VERSION;
	header->layout_hash = layout_hash();
	header->capacity = capacity;
	header->record_bytes = sizeof(struct termination);
	header->worker_count = worker_count;
	atomic_signal_fence(memory_order_seq_cst);
	header->magic = ARENA_MAGIC;
}

static bool is_match_valid(const struct termination *termination)
{
	const struct termination_match *match = &termination->match;
	const struct td_termination_spec *spec = &termination->spec;
	uint8_t family = atomic_load_explicit(&match->remote_family, memory_order_relaxed);

	return match->generation != 0 && match->generation <= GENERATION_MAX &&
	       match->mode <= TD_MODE_SEND_RECEIVE && match->latch < TD_LATCH_COUNT &&
	       (match->flags & ~TD_TERMINATION_FLAGS_ALL) == 0 &&
	       match->latch_state < TD_LATCH_STATE_COUNT && match->latch_rank < LATCH_RANK_COUNT &&
	       match->local_port == spec->local.port &&
	       match->local_family == spec->local.ip.family &&
	       media_ip_equal(match->local, media_ip_from_td(&spec->local.ip)) &&
	       (family == TD_FAMILY_NONE || family == match->local_family);
}

static bool are_codecs_valid(const struct termination_signalling *signalling)
{
	if (signalling->codec_count == 0 || signalling->codec_count > TD_CODECS_MAX)
		return false;
	for (unsigned i = 0; i < signalling->codec_count; i++) {
		if (signalling->payload_types[i] > 127 ||
			signalling->codec_kinds[i] >= TD_CODEC_KIND_COUNT ||
			signalling->clocks_hz[i] == 0)
			return false;
	}
	return true;
}

static bool is_record_valid(const struct termination *termination)
{
	const struct termination_rx *rx = &termination->rx;
	uint8_t source = atomic_load_explicit(&rx->source, memory_order_relaxed);

	return termination->id != 0 && termination->id == termination->spec.termination_id &&
	       is_match_valid(termination) && are_codecs_valid(&termination->signalling) &&
	       rx->codec_kind < TD_CODEC_KIND_COUNT && rx->audio_kind < TD_CODEC_KIND_COUNT &&
	       rx->police_cost_ns != 0 && termination->timing.random != 0 &&
	       (source < RTP_SOURCES_MAX || source == RTP_SOURCE_NONE);
}

/* Only the range: a process may end between the two halves of joining or parting, so the table
 * works out the peers from the contexts again. */
static bool is_peer_valid(const struct termination *termination, uint32_t capacity, uint32_t slot)
{
	uint32_t peer_slot = termination->match.peer_slot;

	return peer_slot == TERMINATION_NO_SLOT || (peer_slot < capacity && peer_slot != slot);
}

static enum arena_problem check_record(const struct termination *terminations, uint32_t capacity,
	uint32_t slot, const struct media_plan *plan)
{
	const struct termination *termination = &terminations[slot];
	uint32_t state = termination->match.state;
	enum td_result result;

	if (state >= TERMINATION_STATE_COUNT)
		return ARENA_BAD_STATE;
	if (state == TERMINATION_FREE)
		return ARENA_BAD_NONE;
	result = termination_spec_check(&termination->spec, plan);
	if (result != TD_RESULT_OK)
		return result == TD_RESULT_PORT_FOREIGN ? ARENA_BAD_PLAN : ARENA_BAD_FIELD;
	if (!is_record_valid(termination))
		return ARENA_BAD_FIELD;
	if (!is_peer_valid(termination, capacity, slot))
		return ARENA_BAD_PEER;
	return ARENA_BAD_NONE;
}

/* What a record occupies, as a number: address index and port pair. Never 0. */
static uint64_t port_key(const struct termination *termination, const struct media_plan *plan)
{
	uint64_t address =
		media_plan_find(plan, termination->spec.local.ip.family, termination->match.local);

	return (address << 16 | termination->spec.local.port) + 1;
}

/* Counts the parties of a context; false if there are too many. */
static bool join_context(struct id_map *contexts, const struct termination *termination)
{
	uint32_t parties = id_map_find(contexts, termination->spec.context_id);

	parties = parties == ID_MAP_NONE ? 1 : parties + 1;
	id_map_put(contexts, termination->spec.context_id, parties);
	return parties <= TD_CONTEXT_PARTIES_MAX;
}

struct identities {
	struct id_map ids;
	struct id_map ports;
	struct id_map contexts;
};

static enum arena_problem check_identity(struct identities *known,
	const struct termination *termination, uint32_t slot, const struct media_plan *plan)
{
	uint64_t key = port_key(termination, plan);

	if (id_map_find(&known->ids, termination->id) != ID_MAP_NONE ||
		id_map_find(&known->ports, key) != ID_MAP_NONE)
		return ARENA_BAD_IDENTITY;
	id_map_put(&known->ids, termination->id, slot);
	id_map_put(&known->ports, key, slot);
	if (termination->match.state == TERMINATION_LIVE &&
		!join_context(&known->contexts, termination))
		return ARENA_BAD_CONTEXT;
	return ARENA_BAD_NONE;
}

/* No two records may claim one id or one port, nor too many one context. */
static enum arena_problem check_identities(const struct termination *terminations,
	uint32_t capacity, const struct media_plan *plan, uint32_t *ret_slot)
{
	enum arena_problem problem = ARENA_BAD_NONE;
	struct identities known = {0};

	if (id_map_init(&known.ids, capacity) != 0 || id_map_init(&known.ports, capacity) != 0 ||
		id_map_init(&known.contexts, capacity) != 0) {
		problem = ARENA_BAD_MEMORY;
		goto out;
	}
	for (uint32_t slot = 0; slot < capacity; slot++) {
		if (terminations[slot].match.state == TERMINATION_FREE)
			continue;
		problem = check_identity(&known, &terminations[slot], slot, plan);
		if (problem != ARENA_BAD_NONE) {
			*ret_slot = slot;
			break;
		}
	}
out:
	id_map_fini(&known.ids);
	id_map_fini(&known.ports);
	id_map_fini(&known.contexts);
	return problem;
}

static enum arena_problem check_header(const struct arena_header *header, size_t size_bytes,
	uint32_t capacity, uint32_t worker_count)
{
	if (size_bytes < ARENA_HEADER_BYTES)
		return ARENA_BAD_SIZE;
	if (header->magic != ARENA_MAGIC)
		return ARENA_BAD_MAGIC;
	if (header->version != ARENA_VERSION)
		return ARENA_BAD_VERSION;
	if (header->layout_hash != layout_hash() ||
		header->record_bytes != sizeof(struct termination))
		return ARENA_BAD_LAYOUT;
	if (header->capacity != capacity || capacity == 0 || capacity > ARENA_CAPACITY_MAX)
		return ARENA_BAD_CAPACITY;
	if (header->worker_count != worker_count)
		return ARENA_BAD_WORKERS;
	return size_bytes < arena_size_bytes(capacity) ? ARENA_BAD_SIZE : ARENA_BAD_NONE;
}

enum arena_problem arena_attach(const void *memory, size_t size_bytes, uint32_t capacity,
	const struct media_plan *plan, uint32_t *ret_slot)
{
	const struct termination *terminations =
		(const struct termination *)(const void *)((const uint8_t *)memory +
							   ARENA_HEADER_BYTES);
	enum arena_problem problem = check_header(memory, size_bytes, capacity, plan->worker_count);

	*ret_slot = TERMINATION_NO_SLOT;
	for (uint32_t slot = 0; problem == ARENA_BAD_NONE && slot < capacity; slot++) {
		problem = check_record(terminations, capacity, slot, plan);
		if (problem != ARENA_BAD_NONE)
			*ret_slot = slot;
	}
	return problem != ARENA_BAD_NONE ? problem
					 : check_identities(terminations, capacity, plan, ret_slot);
}
