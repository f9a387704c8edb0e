/* SPDX-License-Identifier: Apache-2.0 */
#include "route/route.h"

#include "config/pattern.h"
#include "route/trie.h"
#include "util/format.h"
#include "util/siphash.h"

#include <errno.h>
#include <stdlib.h>

enum {
	SLOT_FREE = 0 /* slots hold index + 1 */
};

struct route {
	trunk_id from; /* TRUNK_NONE: any */
	uint32_t destination_count;
	trunk_id destinations[CONFIG_ROUTE_DESTINATIONS_MAX];
	uint32_t strip;
	char number[CONFIG_NUMBER_BYTES]; /* exact routes */
	char prefix[CONFIG_NUMBER_BYTES];
	char set_number[CONFIG_NUMBER_BYTES];
};

struct route_table {
	uint8_t seed[SIPHASH_SEED_BYTES];
	uint32_t route_count;
	struct route *routes; /* owns */
	uint32_t slot_mask;
	uint32_t *slots;       /* owns: exact routes by number, open addressing */
	struct trie *patterns; /* owns */
};

static uint32_t slot_of(const struct route_table *table, const char *number)
{
	return (uint32_t)siphash(table->seed, number, strlen(number)) & table->slot_mask;
}

static void add_exact(struct route_table *table, uint32_t index)
{
	uint32_t at = slot_of(table, table->routes[index].number);

	while (table->slots[at] != SLOT_FREE)
		at = (at + 1) & table->slot_mask;
	table->slots[at] = index + 1;
}

static int add_pattern(struct route_table *table, uint32_t index, const char *text)
{
	struct config_pattern pattern;
	const char *why;

	if (config_pattern_parse(span_from(text), &pattern, &why) != 0)
		return -EINVAL;
	return trie_add(table->patterns, &pattern, table->routes[index].from, index);
}

static int compile(struct route_table *table, const struct config *config, const trunk_id *ids)
{
	int error = 0;

	for (uint32_t i = 0; i < config->route_count && error == 0; i++) {
		const struct config_route *from = &config->routes[i];
		struct route *route = &table->routes[i];

		route->from =
			from->from_trunk == CONFIG_TRUNK_ANY ? TRUNK_NONE : ids[from->from_trunk];
		route->destination_count = from->destination_count;
		for (uint32_t j = 0; j < from->destination_count; j++)
			route->destinations[j] = ids[from->destinations[j]];
		route->strip = from->strip;
		memcpy(route->number, from->number, sizeof(route->number));
		memcpy(route->prefix, from->prefix, sizeof(route->prefix));
		memcpy(route->set_number, from->set_number, sizeof(route->set_number));
		if (from->number[0] != '\0')
			add_exact(table, i);
		else
			error = add_pattern(table, i, from->pattern);
	}
	return error;
}

int route_table_create(const struct config *config, const struct trunk_table *trunks, uint64_t seed,
	struct route_table **ret_table)
{
	struct route_table *table = calloc(1, sizeof(*table));
	trunk_id *ids = calloc((size_t)config->trunk_count + 1, sizeof(*ids));
	uint32_t slots = 16;
	int error = -ENOMEM;

	if (table == NULL || ids == NULL)
		goto out;
	for (uint32_t i = 0; i < config->trunk_count; i++)
		ids[i] = trunk_find_by_name(trunks, config->trunks[i].name);
	while (slots < config->route_count * 2)
		slots *= 2;
	memcpy(table->seed, &seed, sizeof(seed));
	table->slot_mask = slots - 1;
	table->route_count = config->route_count;
	table->slots = calloc(slots, sizeof(*table->slots));
	table->routes = calloc((size_t)config->route_count + 1, sizeof(*table->routes));
	if (table->slots == NULL || table->routes == NULL || trie_create(&table->patterns) != 0)
		goto out;
	error = compile(table, config, ids);
out:
	free(ids);
	if (error != 0) {
		route_table_destroy(table);
		return error;
	}
	*ret_table = table;
	return 0;
}

void route_table_destroy(struct route_table *table)
{
	if (table == NULL)
		return;
	trie_destroy(table->patterns);
	free(table->slots);
	free(table->routes);
	free(table);
}

/* The trunk's own exact route, else that of any trunk. */
static uint32_t find_exact(const struct route_table *table, trunk_id from, const char *number)
{
	uint32_t found = TRIE_NONE;

	for (uint32_t at = slot_of(table, number); table->slots[at] != SLOT_FREE;
		at = (at + 1) & table->slot_mask) {
		const struct route *route = &table->routes[table->slots[at] - 1];

		if (strcmp(route->number, number) != 0)
			continue;
		if (route->from == from)
			return table->slots[at] - 1;
		if (route->from == TRUNK_NONE)
			found = table->slots[at] - 1;
	}
	return found;
}

static int transform(const struct route *route, const char *number, char result[ROUTE_NUMBER_BYTES])
{
	size_t length = strlen(number);
	size_t strip = route->strip < length ? route->strip : length;
	int needed;

	if (route->set_number[0] != '\0')
		needed = format_text(result, ROUTE_NUMBER_BYTES, "%s", route->set_number);
	else
		needed = format_text(
			result, ROUTE_NUMBER_BYTES, "%s%s", route->prefix, number + strip);
	return needed < ROUTE_NUMBER_BYTES ? 0 : -ENOSPC;
}

int route_lookup(const struct route_table *table, trunk_id from, const char *number,
	struct route_result *ret_result)
{
	struct route_result result = {.route = find_exact(table, from, number)};
	const struct route *route;

	if (result.route == TRIE_NONE)
		result.route = trie_find(table->patterns, from, number);
	if (result.route == TRIE_NONE)
		return -ENOENT;
	route = &table->routes[result.route];
	if (transform(route, number, result.number) != 0)
		return -ENOSPC;
	result.destination_count = route->destination_count;
	memcpy(result.destinations, route->destinations, sizeof(result.destinations));
	*ret_result = result;
	return 0;
}
