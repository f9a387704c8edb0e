/* SPDX-License-Identifier: Apache-2.0 */
#include "route/trie.h"

#include <errno.h>
#include <stdlib.h>

enum {
	FIRST_CAPACITY = 64,
	NODE_MAX = 1 << 24,
};

/* Indexes into the trie's arrays; 0 is none, for the root is nobody's child or brother. */
struct node {
	uint32_t child;			       /* first, the most specific */
	uint32_t brother;		       /* next, as specific or less */
	uint32_t ends[CONFIG_PATTERN_ANY + 1]; /* lists of endings, by kind of end */
	uint16_t set;			       /* characters of the place that leads here */
};

struct ending {
	uint32_t next;
	trunk_id from; /* TRUNK_NONE: any */
	uint32_t route;
};

struct trie {
	struct node *nodes; /* owns */
	uint32_t node_count;
	uint32_t node_capacity;
	struct ending *endings; /* owns; the first is unused */
	uint32_t ending_count;
	uint32_t ending_capacity;
};

/* Makes room for one more element and zeroes it. */
static int grow(void **elements, uint32_t count, uint32_t *capacity, size_t size_bytes)
{
	uint32_t wanted = *capacity != 0 ? *capacity * 2 : FIRST_CAPACITY;
	void *larger;

	if (count < *capacity)
		return 0;
	if (wanted > NODE_MAX)
		return -ENOMEM;
	larger = realloc(*elements, wanted * size_bytes);
	if (larger == NULL)
		return -ENOMEM;
	*elements = larger;
	*capacity = wanted;
	return 0;
}

static int add_node(struct trie *trie, uint16_t set, uint32_t *ret_index)
{
	void *nodes = trie->nodes;
	int error = grow(&nodes, trie->node_count, &trie->node_capacity, sizeof(struct node));

	trie->nodes = nodes;
	if (error != 0)
		return error;
	*ret_index = trie->node_count++;
	trie->nodes[*ret_index] = (struct node){.set = set};
	return 0;
}

int trie_create(struct trie **ret_trie)
{
	struct trie *trie = calloc(1, sizeof(*trie));
	uint32_t root;

	if (trie == NULL)
		return -ENOMEM;
	if (add_node(trie, 0, &root) != 0) {
		trie_destroy(trie);
		return -ENOMEM;
	}
	trie->ending_count = 1;
	*ret_trie = trie;
	return 0;
}

void trie_destroy(struct trie *trie)
{
	if (trie == NULL)
		return;
	free(trie->nodes);
	free(trie->endings);
	free(trie);
}

/* True if set a is to be tried before b: fewer characters first, then any fixed order. */
static bool is_more_specific(uint16_t a, uint16_t b)
{
	int count_a = __builtin_popcount(a);
	int count_b = __builtin_popcount(b);

	return count_a != count_b ? count_a < count_b : a < b;
}

/* Finds or makes the child of parent for a set, keeping brothers in order. */
static int child_for(struct trie *trie, uint32_t parent, uint16_t set, uint32_t *ret_child)
{
	uint32_t before = 0;
	uint32_t at = trie->nodes[parent].child;
	uint32_t made;

	while (at != 0 && is_more_specific(trie->nodes[at].set, set)) {
		before = at;
		at = trie->nodes[at].brother;
	}
	if (at != 0 && trie->nodes[at].set == set) {
		*ret_child = at;
		return 0;
	}
	if (add_node(trie, set, &made) != 0)
		return -ENOMEM;
	trie->nodes[made].brother = at;
	if (before != 0)
		trie->nodes[before].brother = made;
	else
		trie->nodes[parent].child = made;
	*ret_child = made;
	return 0;
}

int trie_add(struct trie *trie, const struct config_pattern *pattern, trunk_id from, uint32_t route)
{
	void *endings = trie->endings;
	uint32_t at = 0;
	int error =
		grow(&endings, trie->ending_count, &trie->ending_capacity, sizeof(struct ending));

	trie->endings = endings;
	for (uint32_t i = 0; i < pattern->place_count && error == 0; i++)
		error = child_for(trie, at, pattern->places[i], &at);
	if (error != 0)
		return error;
	trie->endings[trie->ending_count] =
		(struct ending){trie->nodes[at].ends[pattern->end], from, route};
	trie->nodes[at].ends[pattern->end] = trie->ending_count++;
	return 0;
}

/* The trunk's own ending, else that of any trunk. */
static uint32_t choose(const struct trie *trie, uint32_t ending, trunk_id from)
{
	uint32_t route_of_any = TRIE_NONE;

	for (; ending != 0; ending = trie->endings[ending].next) {
		if (trie->endings[ending].from == from)
			return trie->endings[ending].route;
		if (trie->endings[ending].from == TRUNK_NONE)
			route_of_any = trie->endings[ending].route;
	}
	return route_of_any;
}

/* Recursion is as deep as the longest pattern, CONFIG_PATTERN_PLACES_MAX. */
static uint32_t search(const struct trie *trie, uint32_t at, trunk_id from, const char *rest)
{
	const struct node *node = &trie->nodes[at];
	int symbol = config_pattern_symbol(*rest);
	uint32_t route = TRIE_NONE;

	if (*rest == '\0')
		route = choose(trie, node->ends[CONFIG_PATTERN_FIXED], from);
	for (uint32_t child = node->child; child != 0 && symbol >= 0 && route == TRIE_NONE;
		child = trie->nodes[child].brother) {
		if ((trie->nodes[child].set >> symbol & 1) != 0)
			route = search(trie, child, from, rest + 1);
	}
	if (route == TRIE_NONE && *rest != '\0')
		route = choose(trie, node->ends[CONFIG_PATTERN_ONE_OR_MORE], from);
	if (route == TRIE_NONE)
		route = choose(trie, node->ends[CONFIG_PATTERN_ANY], from);
	return route;
}

uint32_t trie_find(const struct trie *trie, trunk_id from, const char *number)
{
	return search(trie, 0, from, number);
}
