/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A URI's headers are name=value pairs between '&', percent-escaped (RFC 3261 19.1.1).
 */
#include "subscription/refer_to.h"

#include "sip/scan.h"

#include <errno.h>

/* Cuts the first header off headers. False at the end. */
static bool next_header(struct span *headers, struct span *ret_name, struct span *ret_value)
{
	const char *end = sip_span_end(*headers);
	const char *ampersand;
	const char *equals;
	struct span one;

	if (headers->length == 0)
		return false;
	ampersand = memchr(headers->text, '&', headers->length);
	one = sip_span_between(headers->text, ampersand != NULL ? ampersand : end);
	*headers = ampersand != NULL ? sip_span_between(ampersand + 1, end) : (struct span){0};
	equals = one.length == 0 ? NULL : memchr(one.text, '=', one.length);
	*ret_name = sip_span_between(one.text, equals != NULL ? equals : sip_span_end(one));
	*ret_value =
		equals != NULL ? sip_span_between(equals + 1, sip_span_end(one)) : (struct span){0};
	return true;
}

static int take_replaces(struct refer_to *refer_to, struct span value)
{
	int result;

	if (refer_to->has_replaces)
		return -EBADMSG;
	result = sip_user_unescape(value, refer_to->replaces_text, sizeof(refer_to->replaces_text));
	if (result != 0)
		return result == -ENOSPC ? -ENOSPC : -EBADMSG;
	refer_to->has_replaces = true;
	return replaces_parse(span_from(refer_to->replaces_text), &refer_to->replaces);
}

static int take_headers(struct refer_to *refer_to, struct span headers)
{
	char name[sizeof("Replaces")];
	struct span escaped;
	struct span value;
	unsigned count = 0;

	if (!sip_escapes_are_valid(headers))
		return -EBADMSG;
	while (next_header(&headers, &escaped, &value)) {
		int result = 0;

		if (escaped.length == 0 || ++count > REFER_TO_HEADERS_MAX)
			return -EBADMSG;
		/* Other headers, whose names may be longer, are left to whoever dials. */
		if (sip_user_unescape(escaped, name, sizeof(name)) == 0 &&
			span_is(span_from(name), "Replaces"))
			result = take_replaces(refer_to, value);
		if (result != 0)
			return result;
	}
	return 0;
}

/* Copies the URI without headers and method parameter. */
static int take_target(struct refer_to *refer_to)
{
	const struct sip_uri *uri = &refer_to->address.uri;
	struct span params = uri->params;
	struct span head = uri->text;
	struct sip_param param;
	struct text text;
	int more;

	if (params.length != 0)
		head.length = (uint32_t)(params.text - 1 - head.text);
	else if (uri->headers.length != 0)
		head.length = (uint32_t)(uri->headers.text - 1 - head.text);
	text_init(&text, refer_to->target_text, sizeof(refer_to->target_text));
	text_append(&text, head);
	while ((more = sip_param_next(&params, &param)) > 0) {
		if (span_is(param.name, "method"))
			continue;
		text_append_char(&text, ';');
		text_append(&text, param.text);
	}
	if (more < 0)
		return -EBADMSG;
	refer_to->target = text_span(&text);
	return text.has_overflowed ? -ENOSPC : 0;
}

int refer_to_parse(struct span value, struct refer_to *ret_refer_to)
{
	int result;

	memset(ret_refer_to, 0, sizeof(*ret_refer_to));
	result = sip_name_addr_parse(value, &ret_refer_to->address);
	if (result != 0)
		return result == -ENOTSUP ? -ENOTSUP : -EBADMSG;
	if (sip_params_check(ret_refer_to->address.params) != 0)
		return -EBADMSG;
	if (sip_param_find(ret_refer_to->address.uri.params, "method", &ret_refer_to->method) &&
		ret_refer_to->method.length == 0)
		return -EBADMSG;
	result = take_target(ret_refer_to);
	if (result == 0)
		result = take_headers(ret_refer_to, ret_refer_to->address.uri.headers);
	return result;
}

/* Appends text as a URI header's value may hold it: unreserved characters as they are. */
static void append_escaped(struct text *text, struct span value)
{
	for (uint32_t i = 0; i < value.length; i++) {
		char c = value.text[i];

		if ((c >= '0' && c <= '9') || (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') ||
			c == '-' || c == '_' || c == '.' || c == '!' || c == '~' || c == '*')
			text_append_char(text, c);
		else
			text_appendf(text, "%%%02X", (unsigned)(uint8_t)c);
	}
}

void refer_to_build(struct text *text, struct span uri, const struct dialog_name *replaces)
{
	text_append_char(text, '<');
	text_append(text, uri);
	if (replaces != NULL) {
		text_append_string(text, "?Replaces=");
		append_escaped(text, replaces->call_id);
		append_escaped(text, SPAN(";to-tag="));
		append_escaped(text, replaces->receiver_tag);
		append_escaped(text, SPAN(";from-tag="));
		append_escaped(text, replaces->other_tag);
		if (replaces->is_early_only)
			append_escaped(text, SPAN(";early-only"));
	}
	text_append_char(text, '>');
}
