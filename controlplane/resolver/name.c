/* SPDX-License-Identifier: Apache-2.0 */
#include "resolver/name.h"

#include <errno.h>

enum {
	LABEL_KIND = 0xc0, /* of a length byte: 00 a label, 11 a pointer (RFC 1035 4.1.4) */
	LABEL_POINTER = 0xc0,
};

/* The character in lower case, or 0 if no label may have it. */
static char label_character(char c)
{
	if (c >= 'A' && c <= 'Z')
		return (char)(c - 'A' + 'a');
	if ((c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') || c == '-' || c == '_')
		return c;
	return 0;
}

int name_parse(struct span text, struct name *ret_name)
{
	struct name name = {.length = 0};
	uint32_t label = 0;

	if (text.length != 0 && text.text[text.length - 1] == '.')
		text.length--;
	if (text.length == 0 || text.length >= NAME_TEXT_BYTES)
		return -EINVAL;
	for (uint32_t i = 0; i < text.length; i++) {
		char c = text.text[i] == '.' ? '.' : label_character(text.text[i]);

		if (c == 0 || (c == '.' && label == 0) || (c != '.' && label == NAME_LABEL_MAX))
			return -EINVAL;
		label = c == '.' ? 0 : label + 1;
		name.text[i] = c;
	}
	if (label == 0)
		return -EINVAL;
	name.length = (uint8_t)text.length;
	name.text[name.length] = '\0';
	*ret_name = name;
	return 0;
}

int name_prefix(const char *prefix, const struct name *name, struct name *ret_name)
{
	size_t length = strlen(prefix);

	if (length + 1 + name->length >= NAME_TEXT_BYTES)
		return -ENAMETOOLONG;
	memcpy(ret_name->text, prefix, length);
	ret_name->text[length] = '.';
	memcpy(ret_name->text + length + 1, name->text, name->length + 1u);
	ret_name->length = (uint8_t)(length + 1 + name->length);
	return 0;
}

/* Puts a label behind what the name has. Returns -EBADMSG if it grows too long, -EINVAL if it has
 * a strange character. */
static int append_label(struct name *name, const uint8_t *bytes, uint8_t length)
{
	size_t at = name->length;
	int result = 0;

	if (at + (at != 0) + length >= NAME_TEXT_BYTES)
		return -EBADMSG;
	if (at != 0)
		name->text[at++] = '.';
	for (uint8_t i = 0; i < length; i++) {
		char c = label_character((char)bytes[i]);

		if (c == 0)
			result = -EINVAL;
		name->text[at++] = c;
	}
	name->length = (uint8_t)at;
	return result;
}

int name_read(const uint8_t *message, size_t length, size_t *offset, struct name *ret_name)
{
	struct name name = {.length = 0};
	size_t lowest = *offset; /* pointers must lead before it */
	size_t at = *offset;
	size_t end = 0; /* behind the name where it stands; 0: no pointer was followed yet */
	int result = 0;

	for (;;) {
		uint8_t count;

		if (at >= length)
			return -EBADMSG;
		count = message[at];
		if ((count & LABEL_KIND) == LABEL_POINTER) {
			size_t to;

			if (at + 2 > length)
				return -EBADMSG;
			to = (size_t)(count & ~LABEL_KIND) << 8 | message[at + 1];
			if (to >= lowest)
				return -EBADMSG;
			end = end == 0 ? at + 2 : end;
			lowest = at = to;
			continue;
		}
		if ((count & LABEL_KIND) != 0)
			return -EBADMSG;
		at++;
		if (count == 0)
			break;
		if (count > length - at)
			return -EBADMSG;
		switch (append_label(&name, message + at, count)) {
		case -EBADMSG:
			return -EBADMSG;
		case -EINVAL:
			result = -EINVAL;
			break;
		default:
			break;
		}
		at += count;
	}
	*offset = end != 0 ? end : at;
	name.text[name.length] = '\0';
	if (result == 0)
		*ret_name = name;
	return result;
}
