/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What differs between two configurations, by the schema's rows, and the reload that takes over
 * what may change. Lists of the top level are told by name, other lists as a whole.
 */
#include "config/schema.h"

#include <stdlib.h>

enum {
	CHANGE_PATH_BYTES = SCHEMA_PATH_BYTES + CONFIG_NAME_BYTES + 2
};

struct difference {
	config_change_function *change;
	void *context;
	uint32_t count;
};

static void tell(struct difference *difference, enum config_applies applies, const char *path)
{
	difference->count++;
	if (difference->change != NULL)
		difference->change(difference->context, applies, path);
}

/* True if a value, or a list with its count, is the same in both structures. */
static bool is_same(const struct schema_field *field, const char *before, const char *after)
{
	uint32_t count;

	if (field->list_max == 0)
		return memcmp(before + field->offset, after + field->offset, field->size_bytes) ==
		       0;
	if (memcmp(before + field->count_offset, after + field->count_offset, sizeof(count)) != 0)
		return false;
	memcpy(&count, before + field->count_offset, sizeof(count));
	return memcmp(before + field->offset, after + field->offset,
		       (size_t)count * field->size_bytes) == 0;
}

/* Compares the fields of one section; prefix is how its keys are told. */
static void compare_section(struct difference *difference, const char *section, const char *prefix,
	const char *before, const char *after)
{
	for (uint32_t i = 0; i < schema_field_count(); i++) {
		const struct schema_field *field = schema_field_at(i);
		char path[CHANGE_PATH_BYTES];
		char below[SCHEMA_PATH_BYTES];

		if (strcmp(field->section, section) != 0 || field->is_on_heap)
			continue;
		(void)snprintf(path, sizeof(path), "%s%s%s", prefix, prefix[0] != '\0' ? "." : "",
			field->key);
		if (field->type == SCHEMA_SECTION && field->list_max == 0) {
			schema_path(field, below);
			compare_section(difference, below, path, before + field->offset,
				after + field->offset);
		} else if (!is_same(field, before, after)) {
			tell(difference, field->applies, path);
		}
	}
}

static void tell_trunk(struct difference *difference, const struct config_trunk *trunk)
{
	char path[CHANGE_PATH_BYTES];

	(void)snprintf(path, sizeof(path), "trunks[%s]", trunk->name);
	tell(difference, CONFIG_APPLIES_RELOAD, path);
}

static void compare_users(struct difference *difference, const struct config_trunk *before,
	const struct config_trunk *after)
{
	char path[CHANGE_PATH_BYTES];

	if (before->user_count == after->user_count &&
		(before->user_count == 0 ||
			memcmp(before->users, after->users,
				before->user_count * sizeof(*before->users)) == 0))
		return;
	(void)snprintf(path, sizeof(path), "trunks[%s].users", after->name);
	tell(difference, CONFIG_APPLIES_RELOAD, path);
}

static void compare_trunks(
	struct difference *difference, const struct config *before, const struct config *after)
{
	for (uint32_t i = 0; i < before->trunk_count; i++) {
		if (config_find_trunk(after, before->trunks[i].name) == CONFIG_TRUNK_ANY)
			tell_trunk(difference, &before->trunks[i]);
	}
	for (uint32_t i = 0; i < after->trunk_count; i++) {
		const struct config_trunk *trunk = &after->trunks[i];
		uint32_t old = config_find_trunk(before, trunk->name);
		char path[CHANGE_PATH_BYTES];

		if (old == CONFIG_TRUNK_ANY) {
			tell_trunk(difference, trunk);
			continue;
		}
		(void)snprintf(path, sizeof(path), "trunks[%s]", trunk->name);
		compare_section(difference, "trunks", path, (const char *)&before->trunks[old],
			(const char *)trunk);
		compare_users(difference, &before->trunks[old], trunk);
	}
}

/* Trunk indexes may have moved although the route means the same. */
static bool is_same_route(const struct config *before, const struct config_route *a,
	const struct config *after, const struct config_route *b)
{
	if ((a->from_trunk == CONFIG_TRUNK_ANY) != (b->from_trunk == CONFIG_TRUNK_ANY) ||
		a->destination_count != b->destination_count || a->strip != b->strip ||
		strcmp(a->number, b->number) != 0 || strcmp(a->pattern, b->pattern) != 0 ||
		strcmp(a->prefix, b->prefix) != 0 || strcmp(a->set_number, b->set_number) != 0)
		return false;
	if (a->from_trunk != CONFIG_TRUNK_ANY &&
		strcmp(before->trunks[a->from_trunk].name, after->trunks[b->from_trunk].name) != 0)
		return false;
	for (uint32_t i = 0; i < a->destination_count; i++) {
		if (strcmp(before->trunks[a->destinations[i]].name,
			    after->trunks[b->destinations[i]].name) != 0)
			return false;
	}
	return true;
}

static void compare_routes(
	struct difference *difference, const struct config *before, const struct config *after)
{
	bool is_same_list = before->route_count == after->route_count;

	for (uint32_t i = 0; i < before->route_count && is_same_list; i++)
		is_same_list = is_same_route(before, &before->routes[i], after, &after->routes[i]);
	if (!is_same_list)
		tell(difference, CONFIG_APPLIES_RELOAD, "routes");
}

uint32_t config_diff(const struct config *before, const struct config *after,
	config_change_function *change, void *context)
{
	struct difference difference = {.change = change, .context = context};

	compare_section(&difference, "", "", (const char *)before, (const char *)after);
	compare_trunks(&difference, before, after);
	compare_routes(&difference, before, after);
	return difference.count;
}

/* A value, or a list that stands inside the structure with its count. */
static void apply_value(const struct schema_field *field, char *running, const char *next)
{
	size_t elements = field->list_max != 0 ? field->list_max : 1;

	memcpy(running + field->offset, next + field->offset, elements * field->size_bytes);
	if (field->list_max != 0)
		memcpy(running + field->count_offset, next + field->count_offset, sizeof(uint32_t));
}

static void apply_section(const char *section, char *running, const char *next)
{
	for (uint32_t i = 0; i < schema_field_count(); i++) {
		const struct schema_field *field = schema_field_at(i);
		char below[SCHEMA_PATH_BYTES];

		if (strcmp(field->section, section) != 0 || field->is_on_heap)
			continue;
		if (field->type == SCHEMA_SECTION && field->list_max == 0) {
			schema_path(field, below);
			apply_section(below, running + field->offset, next + field->offset);
		} else if (field->applies == CONFIG_APPLIES_RELOAD) {
			apply_value(field, running, next);
		}
	}
}

void config_apply_reload(struct config *running, struct config *next)
{
	struct config_trunk *trunks = running->trunks;
	struct config_route *routes = running->routes;
	uint32_t trunk_count = running->trunk_count;

	apply_section("", (char *)running, (const char *)next);
	running->trunks = next->trunks;
	running->trunk_count = next->trunk_count;
	running->routes = next->routes;
	running->route_count = next->route_count;
	next->trunks = trunks;
	next->trunk_count = trunk_count;
	next->routes = routes;
	config_destroy(next);
}
