/* SPDX-License-Identifier: Apache-2.0 */
/* UTF-8 by RFC 3629: shortest form, no surrogates; characters by XML 1.0 2.2. */
#include "subscription/xml.h"

#include <stddef.h>
#include <stdint.h>

/* Reads one character of two to four bytes. Its length, or 0 if it is none. */
static uint32_t utf8_length(const uint8_t *at, uint32_t left)
{
	static const uint32_t least[] = {0, 0, 0x80, 0x800, 0x10000};
	uint32_t length = at[0] >= 0xf0 ? 4 : at[0] >= 0xe0 ? 3 : 2;
	uint32_t code;

	if (at[0] < 0xc2 || at[0] > 0xf4 || length > left)
		return 0;
	code = at[0] & (0xffu >> (length + 1));
	for (uint32_t i = 1; i < length; i++) {
		if ((at[i] & 0xc0) != 0x80)
			return 0;
		code = code << 6 | (at[i] & 0x3f);
	}
	if (code < least[length] || code > 0x10ffff || (code >= 0xd800 && code <= 0xdfff) ||
		code == 0xfffe || code == 0xffff)
		return 0;
	return length;
}

static const char *entity_of(char c)
{
	/* clang-format off */
	switch (c) {
	case '&': return "&amp;";
	case '<': return "&lt;";
	case '>': return "&gt;";
	case '"': return "&quot;";
	case '\'': return "&apos;";
	default: return NULL;
	}
	/* clang-format on */
}

void xml_append(struct text *text, struct span value)
{
	for (uint32_t i = 0; i < value.length;) {
		const uint8_t *at = (const uint8_t *)value.text + i;
		const char *entity = entity_of((char)*at);
		uint32_t length = *at < 0x80 ? 1 : utf8_length(at, value.length - i);

		if (entity != NULL)
			text_append_string(text, entity);
		else if (length == 0 || *at < ' ' || *at == 0x7f)
			text_append_char(text, *at == '\t' ? ' ' : '?');
		else
			text_append(text, (struct span){value.text + i, length});
		i += length == 0 ? 1 : length;
	}
}

void xml_append_attribute(struct text *text, const char *name, struct span value)
{
	if (value.length == 0)
		return;
	text_append_char(text, ' ');
	text_append_string(text, name);
	text_append_string(text, "=\"");
	xml_append(text, value);
	text_append_char(text, '"');
}
