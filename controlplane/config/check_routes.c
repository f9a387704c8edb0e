/* SPDX-License-Identifier: Apache-2.0 */
/* References from routes to trunks, and routes that exclude each other. */
#include "config/loader.h"
#include "config/schema.h"

#include <errno.h>
#include <stdlib.h>

/* The trunk whose name was probably meant, or NULL. */
static const char *suggest_trunk(const struct loader *loader, struct span name)
{
	const char *best = NULL;
	uint32_t best_distance = 3;

	for (uint32_t i = 0; i < loader->config->trunk_count; i++) {
		const char *other = loader->config->trunks[i].name;
		uint32_t distance = schema_distance(name, span_from(other), 2);

		if (distance < best_distance && other[0] != '\0') {
			best = other;
			best_distance = distance;
		}
	}
	return best;
}

static uint32_t resolve(struct loader *loader, const char *key, const yaml_node_t *node)
{
	struct span name = document_text(node);
	uint32_t trunk = name.length != 0 ? loader_find_trunk(loader, name) : CONFIG_TRUNK_ANY;
	const char *meant;

	if (trunk != CONFIG_TRUNK_ANY || node->type != YAML_SCALAR_NODE)
		return trunk;
	/* The search for what was meant is long; nobody reads the 21st complaint. */
	meant = loader->errors->count < CONFIG_ERRORS_MAX ? suggest_trunk(loader, name) : NULL;
	document_complain(loader->errors, node->start_mark,
		"routes.%s: found \"%.*s\", expected the name of a trunk%s%s%s", key,
		name.length < CONFIG_NAME_BYTES ? (int)name.length : CONFIG_NAME_BYTES,
		name.length != 0 ? name.text : "", meant != NULL ? "; did you mean \"" : "",
		meant != NULL ? meant : "", meant != NULL ? "\"?" : "");
	return CONFIG_TRUNK_ANY;
}

static void check_destinations(
	struct loader *loader, struct config_route *route, const yaml_node_t *list)
{
	for (uint32_t i = 0; i < route->destination_count; i++) {
		const yaml_node_t *node = document_item(&loader->document, list, i);

		if (node == NULL)
			return;
		route->destinations[i] = resolve(loader, "to", node);
		for (uint32_t j = 0; j < i; j++) {
			if (route->destinations[i] == route->destinations[j] &&
				route->destinations[i] != CONFIG_TRUNK_ANY)
				document_complain(loader->errors, node->start_mark,
					"routes.to: \"%.*s\" twice",
					SPAN_ARGS(document_text(node)));
		}
	}
}

static void check_route(struct loader *loader, struct config_route *route, const yaml_node_t *node)
{
	const yaml_node_t *from = document_find(&loader->document, node, "from");
	const yaml_node_t *number = document_find(&loader->document, node, "number");
	const yaml_node_t *pattern = document_find(&loader->document, node, "pattern");
	const yaml_node_t *set_number = document_find(&loader->document, node, "set_number");

	if (node == NULL || node->type != YAML_MAPPING_NODE)
		return; /* refused already */
	route->from_trunk = CONFIG_TRUNK_ANY;
	if (from != NULL && !span_equal(document_text(from), SPAN("any")))
		route->from_trunk = resolve(loader, "from", from);
	check_destinations(loader, route, document_find(&loader->document, node, "to"));
	if (number == NULL && pattern == NULL)
		document_complain(loader->errors, node->start_mark,
			"missing key \"number\" (or \"pattern\") in routes");
	if (number != NULL && pattern != NULL)
		document_complain(loader->errors, pattern->start_mark,
			"found both number and pattern, expected one of them");
	if (set_number != NULL && (route->strip != 0 || route->prefix[0] != '\0'))
		document_complain(loader->errors, set_number->start_mark,
			"found set_number beside strip or prefix, which it would undo");
}

static int compare_routes(const void *left, const void *right, void *context)
{
	const struct config *config = context;
	uint32_t a = *(const uint32_t *)left;
	uint32_t b = *(const uint32_t *)right;
	const struct config_route *first = &config->routes[a];
	const struct config_route *second = &config->routes[b];
	int order = strcmp(first->number, second->number);

	if (order == 0)
		order = strcmp(first->pattern, second->pattern);
	if (order == 0 && first->from_trunk != second->from_trunk)
		order = first->from_trunk < second->from_trunk ? -1 : 1;
	return order != 0 ? order : a < b ? -1 : a > b;
}

static bool is_same_route(const struct config_route *a, const struct config_route *b)
{
	return a->from_trunk == b->from_trunk && strcmp(a->number, b->number) == 0 &&
	       strcmp(a->pattern, b->pattern) == 0 &&
	       (a->number[0] != '\0' || a->pattern[0] != '\0');
}

int loader_check_routes(struct loader *loader)
{
	const struct config *config = loader->config;
	const yaml_node_t *list = document_find(&loader->document, loader->document.root, "routes");
	uint32_t *order = calloc((size_t)config->route_count + 1, sizeof(*order));

	if (order == NULL)
		return -ENOMEM;
	for (uint32_t i = 0; i < config->route_count; i++) {
		order[i] = i;
		check_route(loader, &config->routes[i], document_item(&loader->document, list, i));
	}
	qsort_r(order, config->route_count, sizeof(*order), compare_routes, loader->config);
	for (uint32_t i = 1; i < config->route_count; i++) {
		const yaml_node_t *first = document_item(&loader->document, list, order[i - 1]);
		const yaml_node_t *again = document_item(&loader->document, list, order[i]);

		if (is_same_route(&config->routes[order[i]], &config->routes[order[i - 1]]))
			document_complain(loader->errors, again->start_mark,
				"the same from and number as the route in line %lu",
				(unsigned long)first->start_mark.line + 1);
	}
	free(order);
	return 0;
}
