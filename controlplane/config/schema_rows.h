/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The words that rows of the schema are written in, and the tables that they stand in. For the
 * schema's files alone.
 */
#ifndef TD_CONFIG_SCHEMA_ROWS_H
#define TD_CONFIG_SCHEMA_ROWS_H

#include "config/schema.h"

#define AT(structure, member)                         \
	.offset = offsetof(struct structure, member), \
	.size_bytes = sizeof(((struct structure *)0)->member)
#define LIST(structure, member, count)                            \
	.offset = offsetof(struct structure, member),             \
	.count_offset = offsetof(struct structure, count),        \
	.size_bytes = sizeof(((struct structure *)0)->member[0]), \
	.list_max = TD_COUNT_OF(((struct structure *)0)->member)
#define HEAP_LIST(structure, member, count, maximum)                                     \
	.offset = offsetof(struct structure, member),                                    \
	.count_offset = offsetof(struct structure, count),                               \
	.size_bytes = sizeof(((struct structure *)0)->member[0]), .list_max = (maximum), \
	.is_on_heap = true

#define RELOAD .applies = CONFIG_APPLIES_RELOAD
#define RESTART .applies = CONFIG_APPLIES_RESTART
#define REQUIRED .is_required = true
#define DEFAULT(text) .default_text = (text)
#define INHERITS(path) .default_text = (path), .is_inherited = true
#define RANGE(low, high) .min = (low), .max = (high)
#define UNIT(text) .unit = (text)
#define FILLED .is_filled = true
/* The head of every row; the rest are the words above. */
#define ROW(in, name, of_type, text, ...)                                                      \
	{                                                                                      \
		.section = (in), .key = (name), .type = (of_type), .help = (text), __VA_ARGS__ \
	}

/* A table of rows. */
struct schema_part {
	const struct schema_field *fields;
	uint32_t count;
};

enum {
	SCHEMA_DEFENCE_FIELDS = 23,
	SCHEMA_DNS_FIELDS = 8,
	SCHEMA_IDENTITY_FIELDS = 14,
	SCHEMA_TRACE_FIELDS = 5,
};
/* sip.defence and trunks.limits (schema_defence.c). */
extern const struct schema_field schema_defence_fields[SCHEMA_DEFENCE_FIELDS];
/* sip.dns (schema_dns.c). */
extern const struct schema_field schema_dns_fields[SCHEMA_DNS_FIELDS];
/* trunks.identity, trunks.numbers and trunks.headers (schema_identity.c). */
extern const struct schema_field schema_identity_fields[SCHEMA_IDENTITY_FIELDS];
/* trace and trace.hep (schema_trace.c). */
extern const struct schema_field schema_trace_fields[SCHEMA_TRACE_FIELDS];

#endif
