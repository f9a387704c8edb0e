/* SPDX-License-Identifier: Apache-2.0 */
/*
 * One Via value: "SIP/2.0/UDP host:port;params", with spaces wherever RFC 3261 25.1 has a
 * separator (SLASH, COLON, SEMI, EQUAL).
 */
#include "sip/message.h"
#include "sip/scan.h"

#include <errno.h>

/* The next token, then spaces. NULL if there is none. */
static const char *token_scan(const char *at, const char *end, struct span *ret_token)
{
	const char *from = at;

	at = sip_scan_class(at, end, SIP_CHAR_TOKEN);
	if (at == from)
		return NULL;
	*ret_token = sip_span_between(from, at);
	return sip_scan_space(at, end);
}

/* "/" with spaces around it. NULL if it isn't there. */
static const char *slash_scan(const char *at, const char *end)
{
	if (at == end || *at != '/')
		return NULL;
	return sip_scan_space(at + 1, end);
}

/* "SIP/2.0/UDP" and the space after it. NULL if malformed. The version is the start line's to
 * judge: its sender must be told 505, and for that the rest of its Via is needed. */
static const char *protocol_scan(const char *at, const char *end, struct sip_via *via)
{
	struct span name = {.text = NULL, .length = 0};
	struct span version = {.text = NULL, .length = 0};
	struct span transport = {.text = NULL, .length = 0};

	at = token_scan(at, end, &name);
	if (at != NULL)
		at = slash_scan(at, end);
	if (at != NULL)
		at = token_scan(at, end, &version);
	if (at != NULL)
		at = slash_scan(at, end);
	if (at != NULL)
		at = token_scan(at, end, &transport);
	if (at == NULL || at == sip_span_end(transport) || !span_is(name, "SIP"))
		return NULL;
	via->transport = sip_transport_find(transport);
	return at;
}

static int via_params_parse(struct sip_via *via)
{
	static const struct span cookie = {.text = "z9hG4bK", .length = 7};
	struct span rest = via->params;
	struct sip_param param;
	uint64_t rport;
	int more;

	while ((more = sip_param_next(&rest, &param)) > 0) {
		if (param.name.length == 6 && span_is(param.name, "branch")) {
			if (via->branch.length != 0 || param.value.length == 0)
				return -EBADMSG;
			via->branch = param.value;
		} else if (param.name.length == 5 && span_is(param.name, "rport")) {
			if (via->has_rport)
				return -EBADMSG;
			via->has_rport = true;
			if (!param.has_value)
				continue;
			if (!sip_number_parse(param.value, UINT16_MAX, &rport) || rport == 0)
				return -EBADMSG;
			via->rport = (uint16_t)rport;
		} else if (param.name.length == 8 && span_is(param.name, "received")) {
			via->received = param.value;
		}
	}
	/* The cookie alone (RFC 4475 3.2.1) identifies nothing: match as RFC 2543 did. */
	via->is_rfc3261 = via->branch.length > cookie.length &&
			  memcmp(via->branch.text, cookie.text, cookie.length) == 0;
	return more;
}

int sip_via_parse(struct span text, struct sip_via *ret_via)
{
	struct span trimmed = span_trim(text);
	struct sip_host_port host_port;
	const char *end = sip_span_end(trimmed);
	const char *at;

	memset(ret_via, 0, sizeof(*ret_via));
	ret_via->text = trimmed;
	if (trimmed.length == 0)
		return -EBADMSG;
	at = protocol_scan(trimmed.text, end, ret_via);
	if (at == NULL)
		return -EBADMSG;
	at = sip_host_port_scan(at, end, true, &host_port);
	if (at == NULL)
		return -EBADMSG;
	ret_via->host = host_port.host;
	ret_via->port = host_port.port;
	at = sip_scan_space(at, end);
	if (at == end)
		return 0;
	if (*at != ';')
		return -EBADMSG;
	ret_via->params = sip_span_between(at + 1, end);
	return via_params_parse(ret_via);
}
