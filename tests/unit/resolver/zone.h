/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A name server without a network: zones as text lines, answers as bytes on the wire.
 */
#ifndef TD_RESOLVER_ZONE_H
#define TD_RESOLVER_ZONE_H

#include <stddef.h>
#include <stdint.h>

enum {
	ZONE_LINES_MAX = 512,
	ZONE_MESSAGE_BYTES = 65535,
};

struct zone_line {
	char name[256];
	uint16_t type; /* enum dns_type */
	uint32_t ttl_s;
	char text[300]; /* "10.0.0.1", "::1", "PRIORITY WEIGHT PORT TARGET",
			 * "ORDER PREFERENCE FLAGS SERVICE REPLACEMENT", "TARGET" */
};

struct zone {
	uint32_t count;
	uint32_t negative_ttl_s; /* of the SOA; 0: no SOA is sent */
	uint8_t rcode;		 /* not 0: the answer to everything */
	struct zone_line lines[ZONE_LINES_MAX];
};

/* Adds lines "NAME TTL TYPE DATA", one each; ends the test program if one can't be read. */
void zone_add(struct zone *zone, const char *lines);
/* Takes all lines of a name and type away. */
void zone_remove(struct zone *zone, const char *name, uint16_t type);
/* True if the zone has the name at all. */
int zone_has_name(const struct zone *zone, const char *name);

/* The answer to a question, CNAMEs followed as a recursive server does. Returns its length. */
size_t zone_answer(const struct zone *zone, const char *name, uint16_t type,
	uint8_t message[ZONE_MESSAGE_BYTES]);

/* Writes a name as on the wire, without compression. Returns its length. */
size_t zone_write_name(uint8_t *bytes, const char *name);

#endif
