/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Where a call goes: from the trunk it came in on and the number it asks for to trunks in order
 * of preference, and the number as they shall see it. Pure; compiled once per configuration,
 * read-only afterwards.
 *
 * Order: an exact number beats every pattern; among exact numbers the route of the very trunk
 * beats "any". Among patterns the more specific wins: at the first position where they differ,
 * the smaller set of digits; a fixed end beats '.', which beats '*'. Equal patterns: the very
 * trunk beats "any".
 */
#ifndef TD_ROUTE_ROUTE_H
#define TD_ROUTE_ROUTE_H

#include "config/config.h"
#include "sip/uri.h"
#include "trunk/trunk.h"

#include <tandem/compiler.h>

#include <stdint.h>

enum {
	ROUTE_NUMBER_BYTES = CONFIG_NUMBER_BYTES
};

struct route_result {
	uint32_t route; /* index in the configuration's list, for the log */
	uint32_t destination_count;
	trunk_id destinations
		[CONFIG_ROUTE_DESTINATIONS_MAX]; /* all of them; health is the caller's */
	char number[ROUTE_NUMBER_BYTES];	 /* transformed, zero-terminated */
};

struct route_table;

/* Compiles the routes of a configuration; trunks must have been loaded from the same one.
 * Copies what it needs. -ENOMEM, -EINVAL (a pattern that config/ would have refused). */
td_must_check int route_table_create(const struct config *config, const struct trunk_table *trunks,
	uint64_t seed, struct route_table **ret_table);
void route_table_destroy(struct route_table *table);

/* Writes the number that a request URI asks for: user part unescaped; of a telephone number (tel:,
 * ;user=phone, or one that consists only of digits and separators after an optional '+') visual
 * separators "-.()" and parameters are taken out (RFC 3966 5.1.1). Zero-terminated.
 * -EINVAL (no user part, bad escape, control characters), -ENOSPC. */
td_must_check int route_number(const struct sip_uri *uri, char number[ROUTE_NUMBER_BYTES]);

/* Finds the route for a normalised number. -ENOENT: none (answer 404); -ENOSPC: the transformed
 * number is too long (answer 484). */
td_must_check int route_lookup(const struct route_table *table, trunk_id from, const char *number,
	struct route_result *ret_result);

#endif
