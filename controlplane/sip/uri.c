/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Parses SIP, SIPS and tel URIs by the grammar of RFC 3261 25.1 and RFC 3966. The user part may
 * hold ';' and '?', so the '@' is looked for first.
 */
#include "sip/uri.h"

#include "sip/scan.h"
#include "util/format.h"

#include <errno.h>

static const char *const transport_names[SIP_TRANSPORT_COUNT] = {
	[SIP_TRANSPORT_UNKNOWN] = "?",
	[SIP_TRANSPORT_UDP] = "UDP",
	[SIP_TRANSPORT_TCP] = "TCP",
	[SIP_TRANSPORT_TLS] = "TLS",
	[SIP_TRANSPORT_WS] = "WS",
	[SIP_TRANSPORT_WSS] = "WSS",
};

const char *sip_transport_name(enum sip_transport transport)
{
	return (unsigned)transport < SIP_TRANSPORT_COUNT ? transport_names[transport] : "?";
}

enum sip_transport sip_transport_find(struct span name)
{
	for (unsigned i = SIP_TRANSPORT_UNKNOWN + 1; i < SIP_TRANSPORT_COUNT; i++) {
		if (span_is(name, transport_names[i]))
			return (enum sip_transport)i;
	}
	return SIP_TRANSPORT_UNKNOWN;
}

uint16_t sip_transport_port(enum sip_transport transport)
{
	switch (transport) {
	case SIP_TRANSPORT_TLS:
		return SIPS_PORT;
	case SIP_TRANSPORT_WS:
		return SIP_WS_PORT;
	case SIP_TRANSPORT_WSS:
		return SIP_WSS_PORT;
	case SIP_TRANSPORT_UDP:
	case SIP_TRANSPORT_TCP:
	case SIP_TRANSPORT_UNKNOWN:
	case SIP_TRANSPORT_COUNT:
	default:
		return SIP_PORT;
	}
}

bool sip_transport_is_secure(enum sip_transport transport)
{
	return transport == SIP_TRANSPORT_TLS || transport == SIP_TRANSPORT_WSS;
}

bool sip_transport_is_websocket(enum sip_transport transport)
{
	return transport == SIP_TRANSPORT_WS || transport == SIP_TRANSPORT_WSS;
}

uint32_t sip_server_id(struct span name)
{
	uint32_t hash = 2166136261u; /* FNV-1a: only the configuration chooses names */

	if (name.length != 0 && name.text[name.length - 1] == '.')
		name.length--;
	for (uint32_t i = 0; i < name.length; i++) {
		uint8_t c = (uint8_t)name.text[i];

		hash = (hash ^ (c >= 'A' && c <= 'Z' ? c | 0x20u : c)) * 16777619u;
	}
	return hash != 0 ? hash : 1;
}

/* True if text consists of classes and valid escapes. */
static bool text_is(struct span text, unsigned classes)
{
	bool has_escape = false;

	for (uint32_t i = 0; i < text.length; i++) {
		if (sip_char_is(text.text[i], classes))
			continue;
		if (text.text[i] != '%')
			return false;
		has_escape = true;
	}
	return !has_escape || sip_escapes_are_valid(text);
}

static int userinfo_parse(struct span userinfo, struct sip_uri *uri)
{
	const char *colon = memchr(userinfo.text, ':', userinfo.length);

	uri->user = userinfo;
	if (colon != NULL) {
		uri->user = sip_span_between(userinfo.text, colon);
		uri->password = sip_span_between(colon + 1, sip_span_end(userinfo));
		if (!text_is(uri->password, SIP_CHAR_USER))
			return -EINVAL;
	}
	return uri->user.length != 0 && text_is(uri->user, SIP_CHAR_USER) ? 0 : -EINVAL;
}

/* ";"-separated uri-parameters: pname [ "=" pvalue ], no spaces (RFC 3261 25.1). */
static int uri_params_parse(struct sip_uri *uri)
{
	struct span rest = uri->params;

	while (rest.text != NULL) {
		const char *end = sip_span_end(rest);
		const char *name = rest.text;
		const char *at = name;
		struct span key;
		struct span value = {.text = NULL, .length = 0};

		while (at != end && (sip_char_is(*at, SIP_CHAR_PARAM) || *at == '%'))
			at++;
		key = sip_span_between(name, at);
		if (key.length == 0)
			return -EINVAL;
		if (at != end && *at == '=') {
			const char *from = ++at;

			/* A second '=' is against the grammar, but base64 values have it. */
			while (at != end &&
				(sip_char_is(*at, SIP_CHAR_PARAM) || *at == '%' || *at == '='))
				at++;
			value = sip_span_between(from, at);
			if (value.length == 0)
				return -EINVAL;
		}
		if (at != end && *at != ';')
			return -EINVAL;
		rest = at == end ? (struct span){.text = NULL, .length = 0}
				 : sip_span_between(at + 1, end);
		if (key.length == 2 && span_is(key, "lr"))
			uri->is_loose_router = true;
		else if (key.length == 9 && span_is(key, "transport"))
			uri->transport = sip_transport_find(value);
	}
	return sip_escapes_are_valid(uri->params) ? 0 : -EINVAL;
}

/* ";params?headers", or nothing. */
static int tail_parse(const char *at, const char *end, struct sip_uri *uri)
{
	if (at != end && *at == ';') {
		const char *question = memchr(at, '?', (size_t)(end - at));
		const char *params_end = question != NULL ? question : end;

		uri->params = sip_span_between(at + 1, params_end);
		if (uri_params_parse(uri) != 0)
			return -EINVAL;
		at = params_end;
	}
	if (at == end)
		return 0;
	if (*at != '?')
		return -EINVAL;
	uri->headers = sip_span_between(at + 1, end);
	return uri->headers.length != 0 && text_is(uri->headers, SIP_CHAR_PARAM | SIP_CHAR_USER)
		       ? 0
		       : -EINVAL;
}

static int sip_rest_parse(struct span rest, struct sip_uri *uri)
{
	const char *at = rest.text;
	const char *end = sip_span_end(rest);
	const char *at_sign = memchr(at, '@', rest.length);
	struct sip_host_port host_port;

	if (at_sign != NULL) {
		if (userinfo_parse(sip_span_between(at, at_sign), uri) != 0)
			return -EINVAL;
		at = at_sign + 1;
	}
	at = sip_host_port_scan(at, end, false, &host_port);
	if (at == NULL)
		return -EINVAL;
	uri->host = host_port.host;
	uri->host_ip = host_port.ip;
	uri->port = host_port.port;
	return tail_parse(at, end, uri);
}

static int tel_rest_parse(struct span rest, struct sip_uri *uri)
{
	const char *at = rest.text;
	const char *end = sip_span_end(rest);

	if (*at == '+')
		at++;
	/* phonedigit, phonedigit-hex and visual-separator */
	while (at != end && (sip_char_is(*at, SIP_CHAR_HEX) || memchr("*#-.()", *at, 6) != NULL))
		at++;
	uri->user = sip_span_between(rest.text, at);
	if (uri->user.length == 0 || tail_parse(at, end, uri) != 0 || uri->headers.text != NULL)
		return -EINVAL;
	return 0;
}

/* The length of "scheme" if text begins with "scheme:", else 0. */
static uint32_t scheme_length(struct span text)
{
	uint32_t length = 0;

	while (length < text.length &&
		(sip_char_is(text.text[length], SIP_CHAR_HOST) || text.text[length] == '+') &&
		text.text[length] != '_')
		length++;
	if (length == text.length || text.text[length] != ':' || length == 0)
		return 0;
	/* Begins with a letter (RFC 3986 3.1). */
	return (text.text[0] | 0x20) >= 'a' && (text.text[0] | 0x20) <= 'z' ? length : 0;
}

/* True if text begins with "sip:", in any case: nearly all do. */
static bool is_plain_sip(struct span text)
{
	return text.length > 4 && (text.text[0] | 0x20) == 's' && (text.text[1] | 0x20) == 'i' &&
	       (text.text[2] | 0x20) == 'p' && text.text[3] == ':';
}

int sip_uri_parse(struct span text, struct sip_uri *ret_uri)
{
	uint32_t length = is_plain_sip(text) ? 3 : scheme_length(text);
	struct span rest;

	memset(ret_uri, 0, sizeof(*ret_uri));
	if (length == 0 || length + 1 == text.length)
		return -EINVAL;
	ret_uri->text = text;
	ret_uri->scheme_text = (struct span){.text = text.text, .length = length};
	rest = sip_span_between(text.text + length + 1, sip_span_end(text));
	if (is_plain_sip(text)) {
		ret_uri->scheme = SIP_SCHEME_SIP;
		return sip_rest_parse(rest, ret_uri);
	}
	if (length == 4 && span_is(ret_uri->scheme_text, "sips")) {
		ret_uri->scheme = SIP_SCHEME_SIPS;
		return sip_rest_parse(rest, ret_uri);
	}
	if (length == 3 && span_is(ret_uri->scheme_text, "tel")) {
		ret_uri->scheme = SIP_SCHEME_TEL;
		return tel_rest_parse(rest, ret_uri);
	}
	for (uint32_t i = 0; i < rest.length; i++) {
		if (!sip_char_is(rest.text[i], SIP_CHAR_VISIBLE) || rest.text[i] == '<' ||
			rest.text[i] == '>' || rest.text[i] == '"')
			return -EINVAL;
	}
	return -ENOTSUP;
}

static int hex_value(char c)
{
	return c <= '9' ? c - '0' : (c | 0x20) - 'a' + 10;
}

int sip_user_unescape(struct span user, char *buffer, size_t size)
{
	size_t used = 0;

	if (!sip_escapes_are_valid(user))
		return -EINVAL;
	for (uint32_t i = 0; i < user.length; i++) {
		char c = user.text[i];

		if (c == '%') {
			c = (char)(hex_value(user.text[i + 1]) << 4 | hex_value(user.text[i + 2]));
			i += 2;
		}
		if (c == '\0')
			return -EINVAL;
		if (used + 1 >= size)
			return -ENOSPC;
		buffer[used++] = c;
	}
	if (used >= size)
		return -ENOSPC;
	buffer[used] = '\0';
	return 0;
}

int sip_user_escape(struct span user, char *buffer, size_t size)
{
	size_t used = 0;

	for (uint32_t i = 0; i < user.length; i++) {
		char c = user.text[i];

		if (used + sizeof("%XX") > size)
			return -ENOSPC;
		/* We take '#' from peers, but RFC 3261 25.1 has it escaped. */
		if (sip_char_is(c, SIP_CHAR_USER) && c != '#')
			buffer[used++] = c;
		else
			used += (size_t)format_text(
				buffer + used, size - used, "%%%02X", (unsigned)(unsigned char)c);
	}
	if (used == size)
		return -ENOSPC;
	buffer[used] = '\0';
	return (int)used;
}
