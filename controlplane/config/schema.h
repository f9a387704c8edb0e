/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The one table that says which keys the configuration has: type, range, default, unit, help and
 * whether a reload can change them. Loader, documentation and reload difference all read it; a
 * new key is one new row here and one member in config.h.
 */
#ifndef TD_CONFIG_SCHEMA_H
#define TD_CONFIG_SCHEMA_H

#include "config/config.h"
#include "util/span.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum schema_type {
	SCHEMA_SECTION, /* a mapping; with list_max a list of mappings */
	SCHEMA_BOOL,
	SCHEMA_NUMBER, /* uint32_t */
	SCHEMA_CHOICE, /* uint32_t, one of choices */
	SCHEMA_NAME,   /* letters, digits, '_', '.', '-' */
	SCHEMA_TEXT,
	SCHEMA_SECRET,
	SCHEMA_PATH, /* absolute */
	SCHEMA_FILE, /* relative to the configuration file, or absolute */
	SCHEMA_IP,
	SCHEMA_PREFIX, /* or "target" */
	SCHEMA_PORT_RANGE,
	SCHEMA_TARGET,	    /* SIP URI */
	SCHEMA_NAME_SERVER, /* address, and port if not 53 */
	SCHEMA_BROKER,	    /* host:port */
	SCHEMA_DIALLED,	    /* what a caller may dial: number or user name */
	SCHEMA_PATTERN,
	SCHEMA_TRUNK, /* name of a trunk, resolved after loading */
	SCHEMA_TYPE_COUNT
};

struct schema_choice {
	const char *name; /* NULL ends the list */
	uint32_t value;
};

struct schema_field {
	const char *section; /* "" is the top level; "trunks.credentials" */
	const char *key;
	const char *default_text; /* as it would be written; NULL: none, the value is empty.
				   * "{run_dir}" and "{state_dir}" are replaced in paths; entries
				   * of a list are parted by ", " */
	const char *unit;	  /* NULL: none */
	const char *help;
	const struct schema_choice *choices; /* SCHEMA_CHOICE */
	size_t offset;			     /* of the value (a list: of its first element or of
					      * the pointer to it) in the section's structure */
	size_t count_offset;		     /* lists: of the uint32_t count */
	size_t size_bytes;		     /* of the value or element */
	uint32_t min;			     /* SCHEMA_NUMBER; SCHEMA_TEXT: shortest length */
	uint32_t max;
	uint32_t list_max; /* 0: not a list */
	enum schema_type type;
	enum config_applies applies;
	bool is_required;
	bool is_on_heap;   /* the list is allocated */
	bool is_inherited; /* default_text names the key whose value is taken */
	bool is_filled;	   /* a section that stands inside another: its defaults count even where
			    * it is absent */
};

uint32_t schema_field_count(void);
const struct schema_field *schema_field_at(uint32_t index);

/* The field of that key in a section, or NULL. */
const struct schema_field *schema_find(const char *section, struct span key);
/* The key of the section that key was probably meant to be, or NULL. */
const char *schema_suggest(const char *section, struct span key);
/* Another section that has this key, or NULL. */
const char *schema_section_with(struct span key);

/* Writes "section.key", or "key" at the top level. */
enum {
	SCHEMA_PATH_BYTES = 96
};
void schema_path(const struct schema_field *field, char path[SCHEMA_PATH_BYTES]);

/* Edits (insert, delete, change, swap neighbours) that make b of a; at most limit + 1. */
uint32_t schema_distance(struct span a, struct span b, uint32_t limit);

#endif
