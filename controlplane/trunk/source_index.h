/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Longest-prefix match from a source address to a trunk: one hash table over (prefix, length),
 * asked once for each length in use, longest first. Built once, then read-only. Internal to
 * trunk/.
 */
#ifndef TD_TRUNK_SOURCE_INDEX_H
#define TD_TRUNK_SOURCE_INDEX_H

#include "config/config.h"
#include "trunk/trunk.h"

#include <tandem/compiler.h>
#include <tandem/endpoint.h>

#include <stdint.h>

struct source_index;

/* Makes an index with room for capacity prefixes. -ENOMEM. */
td_must_check int source_index_create(uint32_t capacity, struct source_index **ret_index);
void source_index_destroy(struct source_index *index);

/* Adds a prefix for a transport mask (bit = enum sip_transport). Never more than capacity. */
void source_index_add(struct source_index *index, const struct config_prefix *prefix,
	uint32_t transports, trunk_id trunk);
trunk_id source_index_find(
	const struct source_index *index, const struct td_ip *address, uint32_t transports);
/* Length of the prefix that the address is found by; UINT32_MAX if by none. */
uint32_t source_index_bits(
	const struct source_index *index, const struct td_ip *address, uint32_t transports);

#endif
