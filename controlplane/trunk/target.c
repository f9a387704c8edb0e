/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A trunk's targets live in slots. Slots are taken in turn, so that one that was left is used
 * again as late as possible: a call that has marked it as tried would pass over its successor.
 */
#include "trunk/trunk.h"
#include "trunk/trunk_table.h"

#include <tandem/time.h>

#include <assert.h>
#include <errno.h>

enum {
	SLOT_BITS = 8, /* of a trunk_target_id; the generation stands above */
	SLOTS = RESOLVER_SELECT_MAX,
};

static_assert(SLOTS >= 2 * RESOLVER_TARGETS_MAX, "a new list finds room beside the old one");

static bool is_listed(const struct trunk *trunk, unsigned slot)
{
	return (trunk->listed >> slot & 1) != 0;
}

static bool is_same_place(const struct resolver_target *a, const struct resolver_target *b)
{
	return a->transport == b->transport && td_endpoint_equal(&a->endpoint, &b->endpoint);
}

trunk_target_id trunk_targets_id(const struct trunk *trunk, unsigned slot)
{
	return (trunk_target_id)(trunk->health[slot].generation << SLOT_BITS | slot);
}

unsigned trunk_targets_slot(const struct trunk *trunk, trunk_target_id target)
{
	unsigned slot = target & ((1u << SLOT_BITS) - 1);

	return slot < SLOTS && is_listed(trunk, slot) && trunk_targets_id(trunk, slot) == target
		       ? slot
		       : SLOTS;
}

uint32_t trunk_targets_live(const struct trunk *trunk, uint64_t now_ms)
{
	uint32_t live = 0;

	for (uint32_t rest = trunk->listed; rest != 0; rest &= rest - 1) {
		unsigned slot = (unsigned)__builtin_ctz(rest);
		const struct trunk_health *health = &trunk->health[slot];

		if (health->state != TRUNK_DOWN && health->avoided_until_ms <= now_ms)
			live |= 1u << slot;
	}
	return live;
}

/* The slot of that place, or SLOTS. */
static unsigned find_place(const struct trunk *trunk, const struct resolver_target *target)
{
	for (unsigned slot = 0; slot < SLOTS; slot++)
		if (is_listed(trunk, slot) && is_same_place(&trunk->targets[slot], target))
			return slot;
	return SLOTS;
}

static unsigned take_slot(struct trunk *trunk)
{
	uint32_t busy = trunk->listed | trunk->departed;

	if (busy == UINT32_MAX)
		busy = trunk->listed; /* one that left long ago makes room */
	while ((busy >> trunk->next_slot & 1) != 0)
		trunk->next_slot = (uint8_t)((trunk->next_slot + 1) % SLOTS);
	trunk->departed &= ~(1u << trunk->next_slot);
	return trunk->next_slot;
}

bool trunk_targets_take(struct trunk_table *table, struct trunk *trunk,
	const struct resolver_target *list, uint32_t count, uint64_t now_ms)
{
	uint32_t before = trunk->listed;
	uint32_t kept = 0;
	bool is_changed;

	assert(count <= RESOLVER_TARGETS_MAX && "the resolver's lists are bounded");
	for (uint32_t i = 0; i < count; i++) {
		unsigned slot = find_place(trunk, &list[i]);

		if (slot == SLOTS) {
			slot = take_slot(trunk);
			trunk->listed |= 1u << slot;
			trunk_health_begin(table, trunk, slot, now_ms);
		}
		trunk->targets[slot] = list[i];
		kept |= 1u << slot;
	}
	is_changed = kept != before;
	if (trunk->calls != 0)
		trunk->departed |= trunk->listed & ~kept;
	trunk->listed = kept;
	trunk_health_sum(table, trunk, now_ms);
	return is_changed;
}

void trunk_targets_begin(struct trunk_table *table, struct trunk *trunk, uint64_t now_ms)
{
	for (uint32_t rest = trunk->listed; rest != 0; rest &= rest - 1)
		trunk_health_begin(table, trunk, (unsigned)__builtin_ctz(rest), now_ms);
	trunk_health_sum(table, trunk, now_ms);
}

void trunk_targets_from_config(struct trunk_table *table, struct trunk *trunk, uint64_t now_ms)
{
	const struct config_target *config = &trunk->config.target;
	const struct resolver_target target = {
		.endpoint = config->endpoint, .transport = (uint8_t)config->transport};

	if (trunk->calls != 0)
		trunk->departed |= trunk->listed;
	trunk->listed = 0; /* also what was learnt of an address that stays begins anew */
	(void)trunk_targets_take(table, trunk, &target,
		config->endpoint.ip.family != TD_FAMILY_NONE ? 1 : 0, now_ms);
}

int trunk_set_targets(struct trunk_table *table, trunk_id id, const struct resolver_target *list,
	uint32_t count, uint64_t now_ms)
{
	struct trunk *trunk = trunk_at(table, id);

	if (trunk == NULL || !trunk_targets_take(table, trunk, list, count, now_ms) ||
		!trunk_follows(trunk))
		return 0;
	return trunk_follow(table);
}

unsigned trunk_target_count(const struct trunk_table *table, trunk_id id)
{
	const struct trunk *trunk = trunk_at(table, id);

	return trunk != NULL ? (unsigned)__builtin_popcount(trunk->listed) : 0;
}

int trunk_choose_target(const struct trunk_table *table, trunk_id id, struct trunk_attempt *attempt,
	uint64_t random, uint64_t now_ms)
{
	const struct trunk *trunk = trunk_at(table, id);
	uint32_t allowed;
	unsigned slot;

	if (trunk == NULL)
		return -ENOENT;
	if (trunk->listed == 0)
		return -EDESTADDRREQ;
	allowed = attempt->is_last_resort ? trunk->listed : trunk_targets_live(trunk, now_ms);
	allowed &= ~attempt->tried;
	if (allowed == 0)
		return -EHOSTDOWN;
	slot = resolver_select(
		trunk->targets, allowed, trunk_targets_slot(trunk, attempt->last), random);
	attempt->tried |= 1u << slot;
	attempt->last = trunk_targets_id(trunk, slot);
	return 0;
}

uint32_t trunk_target_bit(trunk_target_id target)
{
	unsigned slot = target & ((1u << SLOT_BITS) - 1);

	return slot < SLOTS ? 1u << slot : 0;
}

trunk_target_id trunk_find_target(
	const struct trunk_table *table, trunk_id id, const struct sip_flow *flow)
{
	const struct trunk *trunk = trunk_at(table, id);
	const struct resolver_target wanted = {
		.endpoint = flow->remote, .transport = (uint8_t)flow->transport};
	unsigned slot;

	if (trunk == NULL)
		return TRUNK_TARGET_NONE;
	slot = find_place(trunk, &wanted);
	for (unsigned i = 0; i < SLOTS && slot == SLOTS; i++)
		if (is_listed(trunk, i) &&
			td_ip_equal(&trunk->targets[i].endpoint.ip, &flow->remote.ip))
			slot = i;
	return slot < SLOTS ? trunk_targets_id(trunk, slot) : TRUNK_TARGET_NONE;
}

trunk_target_id trunk_guess_target(
	const struct trunk_table *table, trunk_id id, const struct sip_flow *flow)
{
	const struct trunk *trunk = trunk_at(table, id);

	if (trunk != NULL && trunk->listed != 0 && (trunk->listed & (trunk->listed - 1)) == 0)
		return trunk_targets_id(trunk, (unsigned)__builtin_ctz(trunk->listed));
	return trunk_find_target(table, id, flow);
}

/* Our end towards a target: on the trunk's own network if there is a choice. */
static const struct config_listener *listener_for(const struct config_sip *sip,
	const struct config_trunk *trunk, const struct resolver_target *target)
{
	const struct config_listener *first = NULL;

	for (uint32_t i = 0; i < sip->listener_count; i++) {
		const struct config_listener *listener = &sip->listeners[i];

		if (listener->transport != target->transport ||
			listener->address.family != target->endpoint.ip.family)
			continue;
		if (td_ip_equal(&listener->address, &trunk->media_address))
			return listener;
		if (first == NULL)
			first = listener;
	}
	return first;
}

int trunk_target_flow(const struct trunk_table *table, trunk_id id, trunk_target_id target,
	struct sip_flow *ret_flow)
{
	const struct trunk *trunk = trunk_at(table, id);
	const struct config_listener *listener;
	const struct resolver_target *to;
	unsigned slot;

	if (trunk == NULL)
		return -ENOENT;
	slot = trunk_targets_slot(trunk, target);
	if (slot == SLOTS)
		return -ENOENT;
	to = &trunk->targets[slot];
	listener = listener_for(&table->sip, &trunk->config, to);
	if (listener == NULL)
		return -EAFNOSUPPORT;
	memset(ret_flow, 0, sizeof(*ret_flow));
	ret_flow->local.ip = listener->address;
	ret_flow->local.port = (uint16_t)listener->port;
	ret_flow->remote = to->endpoint;
	ret_flow->transport = (enum sip_transport)to->transport;
	if (sip_transport_is_secure(ret_flow->transport))
		ret_flow->server_id = trunk->config.target.server_id;
	return 0;
}

int trunk_local_end(const struct trunk_table *table, struct sip_flow *flow)
{
	const struct config_listener *found = NULL;

	for (uint32_t i = 0; i < table->sip.listener_count; i++) {
		const struct config_listener *listener = &table->sip.listeners[i];
		bool is_same_address = td_ip_equal(&listener->address, &flow->local.ip);

		if (listener->transport == (uint32_t)flow->transport &&
			listener->address.family == flow->local.ip.family &&
			(found == NULL || is_same_address))
			found = listener;
		if (found == listener && is_same_address)
			break;
	}
	if (found == NULL)
		return -EAFNOSUPPORT;
	flow->local.ip = found->address;
	flow->local.port = (uint16_t)found->port;
	return 0;
}

int trunk_next_hop(const struct trunk_table *table, trunk_id id, struct sip_flow *ret_flow)
{
	struct trunk_attempt attempt = {.last = TRUNK_TARGET_NONE};
	int result = trunk_choose_target(table, id, &attempt, 0, TD_NEVER);

	if (result == -EHOSTDOWN) {
		attempt.is_last_resort = true;
		result = trunk_choose_target(table, id, &attempt, 0, TD_NEVER);
	}
	return result == 0 ? trunk_target_flow(table, id, attempt.last, ret_flow) : result;
}

bool trunk_next_target(const struct trunk_table *table, trunk_id id, uint32_t *cursor,
	struct trunk_target_status *ret_status)
{
	const struct trunk *trunk = trunk_at(table, id);
	const struct trunk_health *health;

	while (trunk != NULL && *cursor < SLOTS && !is_listed(trunk, *cursor))
		(*cursor)++;
	if (trunk == NULL || *cursor >= SLOTS)
		return false;
	health = &trunk->health[*cursor];
	*ret_status = (struct trunk_target_status){
		.target = trunk->targets[*cursor],
		.state = (enum trunk_state)health->state,
		.state_since_ms = health->state_since_ms,
		.avoided_until_ms = health->avoided_until_ms,
		.options_sent = health->options_sent,
		.options_failed = health->options_failed,
	};
	(*cursor)++;
	return true;
}
