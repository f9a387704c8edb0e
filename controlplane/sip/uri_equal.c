/* SPDX-License-Identifier: Apache-2.0 */
/*
 * When two URIs are the same (RFC 3261 19.1.4). The comparison isn't transitive, by the RFC's own
 * rules: a parameter that one of them lacks is mostly no difference.
 */
#include "sip/contact.h"
#include "sip/scan.h"

#include <ctype.h>
#include <string.h>

/* The next character of an escaped text; 256 is added to a reserved one that was escaped, which
 * is never the same as the plain one. Moves *text on. */
static unsigned next_character(struct span *text)
{
	unsigned char c = (unsigned char)text->text[0];
	uint32_t taken = 1;

	if (c == '%' && text->length >= 3 && sip_char_is(text->text[1], SIP_CHAR_HEX) &&
		sip_char_is(text->text[2], SIP_CHAR_HEX)) {
		char high = text->text[1];
		char low = text->text[2];

		c = (unsigned char)((high <= '9' ? high - '0' : (high | 0x20) - 'a' + 10) << 4 |
				    (low <= '9' ? low - '0' : (low | 0x20) - 'a' + 10));
		taken = 3;
	}
	text->text += taken;
	text->length -= taken;
	return taken == 3 && c != '\0' && strchr(";/?:@&=+$,", c) != NULL ? c + 256u : c;
}

static bool text_equal(struct span a, struct span b, bool is_case_sensitive)
{
	while (a.length != 0 && b.length != 0) {
		unsigned x = next_character(&a);
		unsigned y = next_character(&b);

		if (!is_case_sensitive && x < 128 && y < 128) {
			x = (unsigned)tolower((int)x);
			y = (unsigned)tolower((int)y);
		}
		if (x != y)
			return false;
	}
	return a.length == b.length;
}

/* Cuts one ";name=value" off; false at the end. */
static bool next_pair(
	struct span *list, char separator, struct span *ret_name, struct span *ret_value)
{
	const char *end;
	const char *equals;

	if (list->length == 0)
		return false;
	end = memchr(list->text, separator, list->length);
	*ret_name = *list;
	if (end != NULL) {
		ret_name->length = (uint32_t)(end - list->text);
		list->length -= ret_name->length + 1;
		list->text = end + 1;
	} else {
		list->length = 0;
	}
	equals = ret_name->length != 0 ? memchr(ret_name->text, '=', ret_name->length) : NULL;
	*ret_value = (struct span){0};
	if (equals != NULL) {
		ret_value->text = equals + 1;
		ret_value->length = ret_name->length - (uint32_t)(equals + 1 - ret_name->text);
		ret_name->length = (uint32_t)(equals - ret_name->text);
	}
	return true;
}

static bool find_pair(struct span list, char separator, struct span name, struct span *ret_value)
{
	struct span other;

	while (next_pair(&list, separator, &other, ret_value))
		if (text_equal(other, name, false))
			return true;
	return false;
}

/* Parameters that matter even if only one of the two has them. */
static bool param_is_vital(struct span name)
{
	return text_equal(name, SPAN("user"), false) || text_equal(name, SPAN("ttl"), false) ||
	       text_equal(name, SPAN("method"), false) || text_equal(name, SPAN("maddr"), false) ||
	       text_equal(name, SPAN("transport"), false);
}

/* True if no parameter of a contradicts b. */
static bool params_agree(struct span a, struct span b)
{
	struct span name;
	struct span value;
	struct span other;

	for (struct span rest = a; next_pair(&rest, ';', &name, &value);) {
		if (find_pair(b, ';', name, &other)) {
			if (!text_equal(value, other, false))
				return false;
		} else if (param_is_vital(name)) {
			return false;
		}
	}
	return true;
}

/* True if each header of a stands in b. */
static bool headers_are_in(struct span a, struct span b)
{
	struct span name;
	struct span value;
	struct span other;

	for (struct span rest = a; next_pair(&rest, '&', &name, &value);)
		if (!find_pair(b, '&', name, &other) || !text_equal(value, other, false))
			return false;
	return true;
}

static bool host_equal(const struct sip_uri *a, const struct sip_uri *b)
{
	if (a->host_ip.family != TD_FAMILY_NONE || b->host_ip.family != TD_FAMILY_NONE)
		return td_ip_equal(&a->host_ip, &b->host_ip);
	return span_equal_nocase(a->host, b->host);
}

bool sip_uri_equal(const struct sip_uri *a, const struct sip_uri *b)
{
	if (a->scheme != b->scheme)
		return false;
	if (a->scheme != SIP_SCHEME_SIP && a->scheme != SIP_SCHEME_SIPS)
		return text_equal(a->text, b->text, false);
	return text_equal(a->user, b->user, true) && text_equal(a->password, b->password, true) &&
	       host_equal(a, b) && a->port == b->port && params_agree(a->params, b->params) &&
	       params_agree(b->params, a->params) && headers_are_in(a->headers, b->headers) &&
	       headers_are_in(b->headers, a->headers);
}
