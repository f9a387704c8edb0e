/* SPDX-License-Identifier: Apache-2.0 */
#include "config/loader.h"

#include "config/schema.h"
#include "config/value.h"

#include <assert.h>
#include <errno.h>
#include <stdlib.h>

enum {
	FOUND_SHOWN_CHARACTERS = 40
};

static int load_section(
	struct loader *loader, const char *section, const yaml_node_t *mapping, void *structure);

/* True if what stands there may be taken for a value; complains otherwise. */
static bool is_scalar(
	struct loader *loader, const struct schema_field *field, const yaml_node_t *node)
{
	char path[SCHEMA_PATH_BYTES];
	char expected[VALUE_WHY_BYTES];

	if (node->type == YAML_SCALAR_NODE)
		return true;
	schema_path(field, path);
	value_expected(field, expected);
	document_complain(loader->errors, node->start_mark, "%s: found %s, expected %s", path,
		document_kind(node), expected);
	return false;
}

static void complain_of_value(struct loader *loader, const struct schema_field *field,
	const yaml_node_t *node, const char *expected)
{
	struct span text = document_text(node);
	char path[SCHEMA_PATH_BYTES];

	schema_path(field, path);
	if (field->type == SCHEMA_SECRET)
		document_complain(loader->errors, node->start_mark,
			"%s: found something unusable (not shown), expected %s", path, expected);
	else if (text.length == 0)
		document_complain(loader->errors, node->start_mark,
			"%s: found nothing, expected %s", path, expected);
	else
		document_complain(loader->errors, node->start_mark,
			"%s: found \"%.*s\"%s, expected %s", path,
			text.length < FOUND_SHOWN_CHARACTERS ? (int)text.length
							     : FOUND_SHOWN_CHARACTERS,
			text.text, text.length > FOUND_SHOWN_CHARACTERS ? "..." : "", expected);
}

static void load_value(struct loader *loader, const struct schema_field *field,
	const yaml_node_t *node, void *storage)
{
	struct span text = document_text(node);
	char why[VALUE_WHY_BYTES];

	if (!is_scalar(loader, field, node))
		return;
	if (field->type == SCHEMA_TRUNK) /* resolved when all trunks are known */
		return;
	if ((field->type == SCHEMA_NUMBER || field->type == SCHEMA_BOOL) &&
		node->data.scalar.style != YAML_PLAIN_SCALAR_STYLE) {
		size_t used;

		value_expected(field, why);
		used = strlen(why);
		(void)snprintf(why + used, sizeof(why) - used, ", without quotes");
		complain_of_value(loader, field, node, why);
		return;
	}
	if (strlen(text.length != 0 ? text.text : "") != text.length) {
		complain_of_value(loader, field, node, "text without a zero character");
		return;
	}
	if (value_parse(field, text, storage, why) != 0)
		complain_of_value(loader, field, node, why);
	else if (field->type == SCHEMA_SECRET && loader->is_world_readable)
		document_complain(loader->errors, node->start_mark,
			"found a password in a file that everyone can read, expected mode 0640 or "
			"password_file");
	else if (field->type == SCHEMA_FILE && !loader_resolve(loader, storage))
		complain_of_value(loader, field, node, "a shorter path");
}

bool loader_resolve(const struct loader *loader, char path[CONFIG_PATH_BYTES])
{
	const char *slash = strrchr(loader->file_name, '/');
	size_t directory = slash != NULL ? (size_t)(slash - loader->file_name) + 1 : 0;
	size_t length = strlen(path);

	if (path[0] == '/')
		return true;
	if (directory + length >= CONFIG_PATH_BYTES)
		return false;
	memmove(path + directory, path, length + 1);
	memcpy(path, loader->file_name, directory);
	return true;
}

/* Replaces {run_dir} and {state_dir} in a default; both are bounded so that it fits. */
static struct span expand_default(
	const struct config *config, const char *text, char buffer[CONFIG_PATH_BYTES])
{
	const char *directory = strncmp(text, "{run_dir}", 9) == 0	? config->run_dir
				: strncmp(text, "{state_dir}", 11) == 0 ? config->state_dir
									: NULL;

	if (directory == NULL)
		return span_from(text);
	(void)snprintf(buffer, CONFIG_PATH_BYTES, "%s%s", directory, strchr(text, '}') + 1);
	return span_from(buffer);
}

/* A default that its own field refuses is an error of the table. */
static void load_default_value(const struct loader *loader, const struct schema_field *field,
	struct span text, void *storage)
{
	char why[VALUE_WHY_BYTES];
	int error = value_parse(field, text, storage, why);

	assert((error == 0 || loader->errors->total_count != 0) &&
		"default refused by its own field");
	(void)loader;
	(void)error;
}

static void load_default_list(
	const struct loader *loader, const struct schema_field *field, char *structure)
{
	const char *at = field->default_text;
	uint32_t count = 0;

	while (*at != '\0') {
		struct span entry = {at, (uint32_t)strcspn(at, ",")};

		assert(count < field->list_max && "more defaults than entries");
		load_default_value(loader, field, entry,
			structure + field->offset + count * field->size_bytes);
		count++;
		at += entry.length;
		at += strspn(at, ", ");
	}
	memcpy(structure + field->count_offset, &count, sizeof(count));
}

/* An absent key. */
static void load_default(struct loader *loader, const struct schema_field *field, void *structure)
{
	char *storage = (char *)structure + field->offset;
	char path[CONFIG_PATH_BYTES];
	uint32_t unset = CONFIG_UNSET;

	if (field->type == SCHEMA_TRUNK && field->list_max == 0) {
		uint32_t any = CONFIG_TRUNK_ANY;

		memcpy(storage, &any, sizeof(any));
	} else if (field->is_inherited) {
		memcpy(storage, &unset, sizeof(unset));
	} else if (field->default_text == NULL || field->default_text[0] == '\0') {
		return;
	} else if (field->list_max != 0) {
		load_default_list(loader, field, structure);
	} else {
		load_default_value(loader, field,
			expand_default(loader->config, field->default_text, path), storage);
	}
}

/* A list on the heap lives in *(void **)member; others inside the structure. */
static int list_storage(
	const struct schema_field *field, uint32_t count, char *member, char **ret_elements)
{
	void *elements = member;

	if (field->is_on_heap) {
		elements = calloc(count != 0 ? count : 1, field->size_bytes);
		if (elements == NULL)
			return -ENOMEM;
		memcpy(member, &elements, sizeof(elements));
	}
	*ret_elements = elements;
	return 0;
}

static int load_list(struct loader *loader, const struct schema_field *field,
	const yaml_node_t *node, char *structure)
{
	char path[SCHEMA_PATH_BYTES];
	char *elements;
	size_t count;
	uint32_t stored;
	int error = 0;

	schema_path(field, path);
	if (node->type != YAML_SEQUENCE_NODE) {
		document_complain(loader->errors, node->start_mark,
			"%s: found %s, expected a list ([a, b] or lines with '- ')", path,
			document_kind(node));
		return 0;
	}
	count = (size_t)(node->data.sequence.items.top - node->data.sequence.items.start);
	if (count > field->list_max) {
		document_complain(loader->errors, node->start_mark,
			"%s: found %zu entries, expected at most %u", path, count, field->list_max);
		return 0;
	}
	if (count == 0 && field->is_required)
		document_complain(loader->errors, node->start_mark,
			"%s: found an empty list, expected at least one entry", path);
	error = list_storage(field, (uint32_t)count, structure + field->offset, &elements);
	stored = (uint32_t)count;
	if (error == 0)
		memcpy(structure + field->count_offset, &stored, sizeof(stored));
	for (uint32_t i = 0; i < count && error == 0; i++) {
		const yaml_node_t *item = document_item(&loader->document, node, i);

		if (field->type == SCHEMA_SECTION)
			error = load_section(loader, path, item, elements + i * field->size_bytes);
		else
			load_value(loader, field, item, elements + i * field->size_bytes);
	}
	return error;
}

static void complain_of_missing(
	struct loader *loader, const struct schema_field *field, const yaml_node_t *mapping)
{
	char expected[VALUE_WHY_BYTES];
	yaml_mark_t top = {0};

	value_expected(field, expected);
	document_complain(loader->errors, mapping != NULL ? mapping->start_mark : top,
		"missing key \"%s\"%s%s, expected %s%s", field->key,
		field->section[0] != '\0' ? " in " : "", field->section,
		field->list_max != 0 ? "a list, each entry " : "", expected);
}

static int load_field(struct loader *loader, const struct schema_field *field,
	const yaml_node_t *mapping, char *structure)
{
	const yaml_node_t *node = document_find(&loader->document, mapping, field->key);
	char path[SCHEMA_PATH_BYTES];

	if (node == NULL && field->is_required) {
		complain_of_missing(loader, field, mapping);
		return 0;
	}
	if (node != NULL && field->list_max != 0)
		return load_list(loader, field, node, structure);
	if (field->type == SCHEMA_SECTION && field->list_max == 0) {
		/* An absent credentials section has no defaults to fill in. */
		if (node == NULL && field->section[0] != '\0' && !field->is_filled)
			return 0;
		schema_path(field, path);
		return load_section(loader, path, node, structure + field->offset);
	}
	if (node != NULL)
		load_value(loader, field, node, structure + field->offset);
	else if (field->type != SCHEMA_SECTION)
		load_default(loader, field, structure);
	return 0;
}

/* Complains of a key that the section doesn't have. */
static void complain_of_unknown(struct loader *loader, const char *section, const yaml_node_t *key)
{
	struct span text = document_text(key);
	const char *nearest = schema_suggest(section, text);
	const char *elsewhere = schema_section_with(text);
	const char *where = section[0] != '\0' ? section : "the top level";
	int shown =
		text.length < FOUND_SHOWN_CHARACTERS ? (int)text.length : FOUND_SHOWN_CHARACTERS;

	if (nearest != NULL)
		document_complain(loader->errors, key->start_mark,
			"unknown key \"%.*s\" in %s; did you mean \"%s\"?", shown, text.text, where,
			nearest);
	else if (elsewhere != NULL)
		document_complain(loader->errors, key->start_mark,
			"unknown key \"%.*s\" in %s; it belongs in %s", shown, text.text, where,
			elsewhere[0] != '\0' ? elsewhere : "the top level");
	else
		document_complain(loader->errors, key->start_mark, "unknown key \"%.*s\" in %s",
			shown, text.length != 0 ? text.text : "", where);
}

/* Finds unknown and repeated keys. */
static void check_keys(struct loader *loader, const char *section, const yaml_node_t *mapping)
{
	for (yaml_node_pair_t *pair = mapping->data.mapping.pairs.start;
		pair < mapping->data.mapping.pairs.top; pair++) {
		const yaml_node_t *key = yaml_document_get_node(&loader->document.yaml, pair->key);

		if (key->type != YAML_SCALAR_NODE) {
			document_complain(loader->errors, key->start_mark,
				"found %s as key, expected a word", document_kind(key));
			continue;
		}
		if (schema_find(section, document_text(key)) == NULL) {
			complain_of_unknown(loader, section, key);
			continue;
		}
		/* Known keys are few, so the way back is short; unknown ones were left above. */
		for (yaml_node_pair_t *other = mapping->data.mapping.pairs.start; other < pair;
			other++) {
			const yaml_node_t *first =
				yaml_document_get_node(&loader->document.yaml, other->key);

			if (!span_equal(document_text(first), document_text(key)))
				continue;
			document_complain(loader->errors, key->start_mark,
				"key \"%.*s\" again; it was first given in line %lu",
				SPAN_ARGS(document_text(key)),
				(unsigned long)first->start_mark.line + 1);
			break;
		}
		if (loader->errors->total_count >= 10 * CONFIG_ERRORS_MAX)
			return; /* enough is enough, and the work stays bounded */
	}
}

/* Loads one mapping; NULL stands for an absent section, whose keys all take their defaults. */
static int load_section(
	struct loader *loader, const char *section, const yaml_node_t *mapping, void *structure)
{
	int error = 0;

	if (mapping != NULL && mapping->type != YAML_MAPPING_NODE) {
		document_complain(loader->errors, mapping->start_mark,
			"%s: found %s, expected a mapping (key: value)", section,
			document_kind(mapping));
		return 0;
	}
	if (mapping != NULL)
		check_keys(loader, section, mapping);
	for (uint32_t i = 0; i < schema_field_count() && error == 0; i++) {
		const struct schema_field *field = schema_field_at(i);

		if (strcmp(field->section, section) == 0)
			error = load_field(loader, field, mapping, structure);
	}
	return error;
}

int loader_fill(struct loader *loader)
{
	return load_section(loader, "", loader->document.root, loader->config);
}
