/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The names of the bits, and lists of names.
 */
#include "leg/options.h"

#include "util/text.h"

enum {
	OPTIONS_TEXT_BYTES = 128, /* all tags that we know */
};

static const char *const option_tags[LEG_OPTION_COUNT] = {
#define LEG_OPTION_TAG(constant, tag) tag,
	LEG_OPTIONS(LEG_OPTION_TAG)
#undef LEG_OPTION_TAG
};

uint32_t leg_options_listed(const struct sip_message *message, enum sip_header_id id)
{
	uint32_t options = 0;

	for (unsigned i = 0; i < LEG_OPTION_COUNT; i++)
		if (sip_message_lists(message, id, option_tags[i]))
			options |= 1u << i;
	return options;
}

static bool is_known(struct span tag, uint32_t known)
{
	for (unsigned i = 0; i < LEG_OPTION_COUNT; i++)
		if ((known & 1u << i) != 0 && span_is(tag, option_tags[i]))
			return true;
	return false;
}

/* Cuts the first of a comma-separated list of tokens off. */
static struct span next_tag(struct span *list)
{
	uint32_t length = 0;
	struct span tag;

	while (length < list->length && list->text[length] != ',')
		length++;
	tag = span_trim((struct span){list->text, length});
	length += length < list->length;
	list->text += length;
	list->length -= length;
	return tag;
}

bool leg_options_unknown(const struct sip_message *message, enum sip_header_id id, uint32_t known,
	char *text, size_t size_bytes)
{
	const struct sip_header *header;
	struct text list;
	bool has_one = false;
	uint32_t from = 0;

	text_init(&list, text, size_bytes);
	while ((header = sip_message_next(message, id, &from)) != NULL) {
		struct span rest = header->value;

		while (rest.length != 0) {
			struct span tag = next_tag(&rest);

			if (tag.length == 0 || is_known(tag, known))
				continue;
			if (has_one)
				text_append_string(&list, ", ");
			text_append(&list, tag);
			has_one = true;
		}
	}
	return has_one;
}

void leg_options_build(struct sip_builder *builder, enum sip_header_id id, uint32_t options)
{
	char bytes[OPTIONS_TEXT_BYTES];
	struct text list;

	text_init(&list, bytes, sizeof(bytes));
	for (unsigned i = 0; i < LEG_OPTION_COUNT; i++) {
		if ((options & 1u << i) == 0)
			continue;
		if (list.length != 0)
			text_append_string(&list, ", ");
		text_append_string(&list, option_tags[i]);
	}
	if (list.length != 0)
		sip_build_header(builder, id, text_span(&list));
}
