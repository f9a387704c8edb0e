/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The route set of a dialog: one Route value per line, in the order in which requests visit them.
 */
#include "dialog/parts.h"

#include <errno.h>
#include <stddef.h>
#include <string.h>

struct span dialog_next_route(struct span *rest)
{
	struct span line = *rest;
	const char *end = rest->length ? memchr(rest->text, '\n', rest->length) : NULL;

	if (end == NULL) {
		*rest = (struct span){0};
		return line;
	}
	line.length = (uint32_t)(end - line.text);
	rest->text = end + 1;
	rest->length -= line.length + 1;
	return line;
}

bool dialog_first_route(const struct dialog *dialog, struct sip_name_addr *ret_route)
{
	struct span rest = dialog_span(dialog, dialog->routes);
	struct span first = dialog_next_route(&rest);

	return !span_is_empty(first) && sip_name_addr_parse(first, ret_route) == 0;
}

/* Cuts the first value off a comma-separated list; commas in quotes and brackets don't count. */
static struct span cut_value(struct span *list)
{
	struct span value = *list;
	bool is_quoted = false;
	bool is_in_brackets = false;

	for (uint32_t i = 0; i < list->length; i++) {
		char c = list->text[i];

		if (c == '\\' && is_quoted) {
			i++;
		} else if (c == '"' && !is_in_brackets) {
			is_quoted = !is_quoted;
		} else if (!is_quoted && (c == '<' || c == '>')) {
			is_in_brackets = c == '<';
		} else if (c == ',' && !is_quoted && !is_in_brackets) {
			value.length = i;
			list->text += i + 1;
			list->length -= i + 1;
			return span_trim(value);
		}
	}
	*list = (struct span){0};
	return span_trim(value);
}

/* Collects the values of all Record-Route headers in their order; -EBADMSG if there are too many
 * or one isn't a SIP URI. */
static int collect_routes(const struct sip_message *message, struct span routes[SIP_ROUTES_MAX])
{
	const struct sip_header *header;
	uint32_t from = 0;
	int count = 0;

	while ((header = sip_message_next(message, SIP_HEADER_RECORD_ROUTE, &from)) != NULL) {
		struct span list = header->value;

		while (!span_is_empty(list)) {
			struct span value = cut_value(&list);
			struct sip_name_addr parsed;

			if (count == SIP_ROUTES_MAX || sip_name_addr_parse(value, &parsed) != 0 ||
				(parsed.uri.scheme != SIP_SCHEME_SIP &&
					parsed.uri.scheme != SIP_SCHEME_SIPS))
				return -EBADMSG;
			routes[count++] = value;
		}
	}
	return count;
}

int dialog_take_routes(struct dialog *dialog, const struct sip_message *message)
{
	struct span routes[SIP_ROUTES_MAX];
	char lines[DIALOG_TEXT_BYTES];
	size_t used = 0;
	int count = collect_routes(message, routes);
	int error;

	if (count < 0)
		return count;
	for (int i = 0; i < count; i++) {
		int at = sip_message_is_request(message) ? i : count - 1 - i;

		if (used + routes[at].length + 1 > sizeof(lines))
			return -ENOSPC;
		if (used != 0)
			lines[used++] = '\n';
		memcpy(lines + used, routes[at].text, routes[at].length);
		used += routes[at].length;
	}
	error = dialog_set_text(
		dialog, &dialog->routes, (struct span){.text = lines, .length = (uint32_t)used});
	if (error == 0)
		dialog->route_count = (uint8_t)count;
	return error;
}
