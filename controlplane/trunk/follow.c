/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Sources that follow a target ("sources: [target]"): an index of their own, made anew whenever
 * such a trunk's targets change. What the configuration says of an address goes first, so no name
 * server can take it from another trunk.
 */
#include "trunk/trunk_table.h"

#include <errno.h>

static bool is_following(const struct trunk *trunk)
{
	for (uint32_t i = 0; i < trunk->config.source_count; i++)
		if (trunk->config.sources[i].bits == CONFIG_SOURCE_TARGET)
			return true;
	return false;
}

static void add_targets(const struct trunk_table *table, struct source_index *index, trunk_id id)
{
	const struct trunk *trunk = &table->slots[id];

	for (uint32_t rest = trunk->listed | trunk->departed; rest != 0; rest &= rest - 1) {
		const struct td_ip *ip = &trunk->targets[__builtin_ctz(rest)].endpoint.ip;
		const struct config_prefix prefix = {
			.network = *ip, .bits = (uint32_t)td_ip_size_bytes(ip) * 8};

		source_index_add(index, &prefix, trunk_transport_mask(&trunk->config), id);
	}
}

bool trunk_follows(const struct trunk *trunk)
{
	return trunk->is_used && is_following(trunk);
}

int trunk_follow(struct trunk_table *table)
{
	struct source_index *index;
	uint32_t capacity = 0;

	for (uint32_t i = 0; i < table->slot_count; i++)
		if (trunk_follows(&table->slots[i]))
			capacity += RESOLVER_SELECT_MAX;
	if (source_index_create(capacity, &index) != 0)
		return -ENOMEM;
	/* Of two trunks with the same target the one that stays in the configuration has it. */
	for (uint32_t i = 0; i < table->slot_count; i++)
		if (trunk_follows(&table->slots[i]) && !table->slots[i].is_retired)
			add_targets(table, index, i);
	for (uint32_t i = 0; i < table->slot_count; i++)
		if (trunk_follows(&table->slots[i]) && table->slots[i].is_retired)
			add_targets(table, index, i);
	source_index_destroy(table->followed);
	table->followed = index;
	return 0;
}
