/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Patterns as a tree whose branches are tried from the most specific on, so that the first hit is
 * the best one. A search visits a node at most once. Internal to route/.
 */
#ifndef TD_ROUTE_TRIE_H
#define TD_ROUTE_TRIE_H

#include "config/pattern.h"
#include "trunk/trunk.h"

#include <tandem/compiler.h>

#include <stdint.h>

#define TRIE_NONE UINT32_MAX

struct trie;

/* -ENOMEM. */
td_must_check int trie_create(struct trie **ret_trie);
void trie_destroy(struct trie *trie);

/* Adds a pattern of a trunk (TRUNK_NONE: any) that leads to route. -ENOMEM. */
td_must_check int trie_add(
	struct trie *trie, const struct config_pattern *pattern, trunk_id from, uint32_t route);

/* Route of the most specific pattern that matches, or TRIE_NONE. */
uint32_t trie_find(const struct trie *trie, trunk_id from, const char *number);

#endif
