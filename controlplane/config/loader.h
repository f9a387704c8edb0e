/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Fills a struct config from a YAML document by walking the schema, and judges what no single
 * value can tell: references, duplicates, overlaps. Internal to config/.
 */
#ifndef TD_CONFIG_LOADER_H
#define TD_CONFIG_LOADER_H

#include "config/config.h"
#include "config/document.h"

#include <tandem/compiler.h>

#include <stdbool.h>

struct loader {
	struct document document;
	struct config *config;
	struct config_errors *errors;
	const char *file_name;
	bool is_world_readable;	  /* the configuration file: no place for a secret */
	uint32_t *trunks_by_name; /* owns: indexes of config->trunks; made by the check */
};

/* Loads every value and default; complaints go to loader->errors. -ENOMEM. */
td_must_check int loader_fill(struct loader *loader);

/* Judges what loader_fill() left: complaints go to loader->errors; fills routes' trunk indexes,
 * inherited values and passwords from files. -ENOMEM. */
td_must_check int loader_check(struct loader *loader);
/* Its parts, in files of their own. */
void loader_check_addresses(struct loader *loader); /* SIP, media, dataplane, events */
td_must_check int loader_check_trunks(struct loader *loader);
void loader_check_trace(struct loader *loader);
td_must_check int loader_check_routes(struct loader *loader);

/* One trunk's rules as registrar, and as one who registers. -ENOMEM. */
td_must_check int loader_check_registrar(struct loader *loader, uint32_t trunk);

/* One trunk's numbering plan and header rules. */
void loader_check_identity(struct loader *loader, uint32_t trunk);

/* The mapping of a trunk, or NULL. */
const yaml_node_t *loader_trunk_node(struct loader *loader, uint32_t index);

/* Index of the trunk of that name, or CONFIG_TRUNK_ANY; after loader_check_trunks(). */
uint32_t loader_find_trunk(const struct loader *loader, struct span name);

/* Reads a password from its file. Complaints name mark. Returns false after a complaint. */
bool loader_read_password(struct loader *loader, const char *path, yaml_mark_t mark,
	char password[CONFIG_SECRET_BYTES]);

/* Demands a password, or a file to read it from, in the mapping node of trunks.SECTION. */
struct loader_password {
	const char *file;
	char *secret; /* CONFIG_SECRET_BYTES */
};
void loader_check_password(struct loader *loader, const yaml_node_t *node, const char *section,
	const struct loader_password *password);

/* Writes path relative to the configuration file's directory; false if it is too long. */
bool loader_resolve(const struct loader *loader, char path[CONFIG_PATH_BYTES]);

#endif
