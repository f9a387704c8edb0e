/* SPDX-License-Identifier: Apache-2.0 */
/*
 * One YAML document in memory, refused unless it is plain: one document, no anchors, aliases,
 * explicit tags or merge keys, bounded size and depth. Gives nodes by key and their positions, so
 * that every later complaint can point at its place. Internal to config/.
 */
#ifndef TD_CONFIG_DOCUMENT_H
#define TD_CONFIG_DOCUMENT_H

#include "config/config.h"
#include "util/span.h"

#include <tandem/compiler.h>

#include <yaml.h>

struct document {
	yaml_document_t yaml;
	yaml_node_t *root; /* a mapping */
};

/* Parses text. -EBADMSG with entries in errors, -ENOMEM. On success document_fini() is due. */
td_must_check int document_init(
	struct document *document, const char *text, size_t length, struct config_errors *errors);
/* Wipes every scalar (some are secrets) and frees. */
void document_fini(struct document *document);

/* The value of key in a mapping, or NULL (also if mapping is NULL or no mapping). */
yaml_node_t *document_find(struct document *document, const yaml_node_t *mapping, const char *key);
/* Item index of a sequence, or NULL past the end (also if sequence is NULL or none). */
yaml_node_t *document_item(struct document *document, const yaml_node_t *sequence, uint32_t index);

/* Text of a scalar; empty for NULL and other nodes. Borrows until document_fini(). */
struct span document_text(const yaml_node_t *node);
/* "a list", "a mapping", "a value" */
const char *document_kind(const yaml_node_t *node);

/* Adds an error at a mark of libyaml (counts from 0). */
td_printf(3, 4) void document_complain(
	struct config_errors *errors, yaml_mark_t mark, const char *format, ...);

/* Sorts the errors by place. */
void document_sort_errors(struct config_errors *errors);

#endif
