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

uint8_t dialog_count_routes(struct span routes)
{
	uint8_t count = 0;

	while (count < SIP_ROUTES_MAX && !span_is_empty(dialog_next_route(&routes)))
		count++;
	return count;
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

int dialog_read_routes(const struct sip_message *message, struct dialog_routes *ret_routes)
{
	struct span routes[SIP_ROUTES_MAX];
	size_t used = 0;
	int count = collect_routes(message, routes);

	if (count < 0)
		return count;
	for (int i = 0; i < count; i++) {
		int at = sip_message_is_request(message) ? i : count - 1 - i;

		if (used + routes[at].length + 1 > sizeof(ret_routes->lines))
			return -ENOSPC;
		if (used != 0)
			ret_routes->lines[used++] = '\n';
		memcpy(ret_routes->lines + used, routes[at].text, routes[at].length);
		used += routes[at].length;
	}
	ret_routes->count = (uint8_t)count;
	ret_routes->length = (uint16_t)used;
	return 0;
}
