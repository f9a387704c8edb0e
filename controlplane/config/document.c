/* SPDX-License-Identifier: Apache-2.0 */
#include "config/document.h"

#include <tandem/bytes.h>

#include <errno.h>
#include <stdarg.h>
#include <stdlib.h>

enum {
	DEPTH_MAX = 8, /* trunks, item, credentials, and room */
};

void document_complain(struct config_errors *errors, yaml_mark_t mark, const char *format, ...)
{
	va_list arguments;
	struct config_error *error;

	errors->total_count++;
	if (errors->count == CONFIG_ERRORS_MAX)
		return;
	error = &errors->list[errors->count++];
	error->line = (uint32_t)mark.line + 1;
	error->column = (uint32_t)mark.column + 1;
	va_start(arguments, format);
	(void)vsnprintf(error->text, sizeof(error->text), format, arguments);
	va_end(arguments);
}

/* The reader (encoding, control characters) gives an offset in bytes instead of a mark. */
static yaml_mark_t mark_of_offset(const char *text, size_t length, size_t offset)
{
	yaml_mark_t mark = {.index = offset};

	for (size_t i = 0; i < offset && i < length; i++) {
		if (text[i] == '\n') {
			mark.line++;
			mark.column = 0;
		} else if (((unsigned char)text[i] & 0xc0) != 0x80) { /* not a UTF-8 tail */
			mark.column++;
		}
	}
	return mark;
}

static int complain_of_parser(
	const yaml_parser_t *parser, const char *text, size_t length, struct config_errors *errors)
{
	const char *problem = parser->problem != NULL ? parser->problem : "unreadable";

	if (parser->error == YAML_MEMORY_ERROR)
		return -ENOMEM;
	if (parser->error == YAML_READER_ERROR)
		document_complain(errors, mark_of_offset(text, length, parser->problem_offset),
			"not YAML: %s", problem);
	else if (parser->context != NULL)
		document_complain(errors, parser->problem_mark,
			"not YAML: %s (%s that began in line %lu)", problem, parser->context,
			(unsigned long)parser->context_mark.line + 1);
	else
		document_complain(errors, parser->problem_mark, "not YAML: %s", problem);
	return -EBADMSG;
}

/* What libyaml buffered of the text is as secret as the text. */
static void wipe_parser(yaml_parser_t *parser)
{
	if (parser->raw_buffer.start != NULL)
		td_wipe(parser->raw_buffer.start,
			(size_t)(parser->raw_buffer.end - parser->raw_buffer.start));
	if (parser->buffer.start != NULL)
		td_wipe(parser->buffer.start, (size_t)(parser->buffer.end - parser->buffer.start));
	yaml_parser_delete(parser);
}

static void wipe_event(yaml_event_t *event)
{
	if (event->type == YAML_SCALAR_EVENT && event->data.scalar.value != NULL)
		td_wipe(event->data.scalar.value, event->data.scalar.length);
	yaml_event_delete(event);
}

/* Anchor and tag of an event, if it has them. */
static void event_extras(
	const yaml_event_t *event, const yaml_char_t **ret_anchor, const yaml_char_t **ret_tag)
{
	*ret_anchor = NULL;
	*ret_tag = NULL;
	if (event->type == YAML_SCALAR_EVENT) {
		*ret_anchor = event->data.scalar.anchor;
		*ret_tag = event->data.scalar.tag;
	} else if (event->type == YAML_SEQUENCE_START_EVENT) {
		*ret_anchor = event->data.sequence_start.anchor;
		*ret_tag = event->data.sequence_start.tag;
	} else if (event->type == YAML_MAPPING_START_EVENT) {
		*ret_anchor = event->data.mapping_start.anchor;
		*ret_tag = event->data.mapping_start.tag;
	}
}

struct plainness {
	uint32_t depth;
	uint32_t documents;
};

/* Judges one event; false: no use in going on. */
static bool judge_event(
	struct plainness *seen, const yaml_event_t *event, struct config_errors *errors)
{
	const yaml_char_t *anchor;
	const yaml_char_t *tag;

	event_extras(event, &anchor, &tag);
	if (anchor != NULL)
		document_complain(errors, event->start_mark,
			"found an anchor (&%s), which is not supported here", (const char *)anchor);
	if (tag != NULL)
		document_complain(errors, event->start_mark,
			"found a tag (%s), which is not supported here", (const char *)tag);
	if (event->type == YAML_ALIAS_EVENT)
		document_complain(errors, event->start_mark,
			"found an alias (*%s), which is not supported here; quote a value that "
			"begins with '*'",
			(const char *)event->data.alias.anchor);
	if (event->type == YAML_DOCUMENT_START_EVENT && ++seen->documents == 2)
		document_complain(errors, event->start_mark,
			"found a second document, expected the end of the file");
	if (event->type == YAML_SEQUENCE_END_EVENT || event->type == YAML_MAPPING_END_EVENT)
		seen->depth--;
	if (event->type == YAML_SEQUENCE_START_EVENT || event->type == YAML_MAPPING_START_EVENT) {
		if (++seen->depth > DEPTH_MAX) {
			document_complain(
				errors, event->start_mark, "nested more than %d deep", DEPTH_MAX);
			return false;
		}
	}
	return errors->total_count < CONFIG_ERRORS_MAX;
}

/* First pass, over events: the document interface resolves aliases without a trace. */
static int check_plain(const char *text, size_t length, struct config_errors *errors)
{
	struct plainness seen = {0};
	yaml_parser_t parser;
	int error = 0;
	bool goes_on = true;

	if (!yaml_parser_initialize(&parser))
		return -ENOMEM;
	yaml_parser_set_encoding(&parser, YAML_UTF8_ENCODING);
	yaml_parser_set_input_string(&parser, (const unsigned char *)text, length);
	while (goes_on) {
		yaml_event_t event;

		if (!yaml_parser_parse(&parser, &event)) {
			error = complain_of_parser(&parser, text, length, errors);
			break;
		}
		goes_on = judge_event(&seen, &event, errors) && event.type != YAML_STREAM_END_EVENT;
		wipe_event(&event);
	}
	wipe_parser(&parser);
	if (error == 0 && errors->total_count != 0)
		error = -EBADMSG;
	return error;
}

int document_init(
	struct document *document, const char *text, size_t length, struct config_errors *errors)
{
	yaml_mark_t top = {0};
	yaml_parser_t parser;
	int error;

	error = check_plain(text, length, errors);
	if (error != 0)
		return error;
	if (!yaml_parser_initialize(&parser))
		return -ENOMEM;
	yaml_parser_set_encoding(&parser, YAML_UTF8_ENCODING);
	yaml_parser_set_input_string(&parser, (const unsigned char *)text, length);
	if (!yaml_parser_load(&parser, &document->yaml)) {
		error = complain_of_parser(&parser, text, length, errors);
		wipe_parser(&parser);
		return error;
	}
	wipe_parser(&parser);
	document->root = yaml_document_get_root_node(&document->yaml);
	if (document->root == NULL || document->root->type != YAML_MAPPING_NODE) {
		document_complain(errors, document->root != NULL ? document->root->start_mark : top,
			"found %s, expected keys and values (\"node: NAME\" ...)",
			document->root != NULL ? document_kind(document->root) : "nothing");
		document_fini(document);
		return -EBADMSG;
	}
	return 0;
}

void document_fini(struct document *document)
{
	for (yaml_node_t *node = document->yaml.nodes.start; node < document->yaml.nodes.top;
		node++) {
		if (node->type == YAML_SCALAR_NODE)
			td_wipe(node->data.scalar.value, node->data.scalar.length);
	}
	yaml_document_delete(&document->yaml);
	document->root = NULL;
}

yaml_node_t *document_find(struct document *document, const yaml_node_t *mapping, const char *key)
{
	if (mapping == NULL || mapping->type != YAML_MAPPING_NODE)
		return NULL;
	for (yaml_node_pair_t *pair = mapping->data.mapping.pairs.start;
		pair < mapping->data.mapping.pairs.top; pair++) {
		yaml_node_t *name = yaml_document_get_node(&document->yaml, pair->key);

		if (span_equal(document_text(name), span_from(key)))
			return yaml_document_get_node(&document->yaml, pair->value);
	}
	return NULL;
}

yaml_node_t *document_item(struct document *document, const yaml_node_t *sequence, uint32_t index)
{
	if (sequence == NULL || sequence->type != YAML_SEQUENCE_NODE)
		return NULL;
	if (index >=
		(size_t)(sequence->data.sequence.items.top - sequence->data.sequence.items.start))
		return NULL;
	return yaml_document_get_node(&document->yaml, sequence->data.sequence.items.start[index]);
}

struct span document_text(const yaml_node_t *node)
{
	if (node == NULL || node->type != YAML_SCALAR_NODE)
		return (struct span){.text = NULL, .length = 0};
	return (struct span){.text = (const char *)node->data.scalar.value,
		.length = (uint32_t)node->data.scalar.length};
}

const char *document_kind(const yaml_node_t *node)
{
	return node->type == YAML_MAPPING_NODE	  ? "a mapping"
	       : node->type == YAML_SEQUENCE_NODE ? "a list"
	       : node->type == YAML_SCALAR_NODE	  ? "a value"
						  : "nothing";
}

static int compare_errors(const void *left, const void *right)
{
	const struct config_error *a = left;
	const struct config_error *b = right;

	if (a->line != b->line)
		return a->line < b->line ? -1 : 1;
	return a->column < b->column ? -1 : a->column > b->column;
}

void document_sort_errors(struct config_errors *errors)
{
	qsort(errors->list, errors->count, sizeof(errors->list[0]), compare_errors);
}
