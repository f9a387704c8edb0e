/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The name-addr and addr-spec forms of From, To, Contact, Route and their like, and the
 * parameters that follow (RFC 3261 20.10, 25.1).
 */
#include "sip/scan.h"
#include "sip/uri.h"

#include <errno.h>

bool sip_param_find(struct span params, const char *name, struct span *ret_value)
{
	struct sip_param param;

	while (sip_param_next(&params, &param) > 0) {
		if (span_is(param.name, name)) {
			*ret_value = param.value;
			return true;
		}
	}
	return false;
}

/* What stands between the URI and the end: nothing, or ";" parameters. */
static int params_parse(const char *at, const char *end, struct sip_name_addr *name_addr)
{
	struct sip_param param;
	struct span rest;
	int more;

	at = sip_scan_space(at, end);
	if (at == end)
		return 0;
	if (*at != ';')
		return -EINVAL;
	name_addr->params = sip_span_between(at + 1, end);
	rest = name_addr->params;
	while ((more = sip_param_next(&rest, &param)) > 0) {
		if (param.name.length == 3 && span_is(param.name, "tag")) {
			if (!param.has_value || name_addr->tag.length != 0)
				return -EINVAL;
			name_addr->tag = param.value;
		}
	}
	return more == 0 ? 0 : -EINVAL;
}

/* at stands behind "<". */
static int bracketed_parse(const char *at, const char *end, struct sip_name_addr *name_addr)
{
	const char *close = memchr(at, '>', (size_t)(end - at));
	int error;
	int params_error;

	if (close == NULL)
		return -EINVAL;
	error = sip_uri_parse(sip_span_between(at, close), &name_addr->uri);
	if (error == -EINVAL)
		return error;
	params_error = params_parse(close + 1, end, name_addr);
	return params_error != 0 ? params_error : error;
}

/* Without brackets the URI ends at ';' or a space, and may hold neither ',' nor '?'
 * (RFC 3261 20.10). */
static int bare_parse(const char *from, const char *end, struct sip_name_addr *name_addr)
{
	const char *at = from;
	int error;
	int params_error;

	while (at != end && *at != ';' && *at != ' ' && *at != '\t') {
		if (*at == ',' || *at == '?')
			return -EINVAL;
		at++;
	}
	error = sip_uri_parse(sip_span_between(from, at), &name_addr->uri);
	if (error == -EINVAL)
		return error;
	params_error = params_parse(at, end, name_addr);
	return params_error != 0 ? params_error : error;
}

int sip_name_addr_parse(struct span text, struct sip_name_addr *ret_name_addr)
{
	struct span trimmed = span_trim(text);
	const char *end = sip_span_end(trimmed);
	const char *from = trimmed.text;
	const char *at = from;

	memset(ret_name_addr, 0, sizeof(*ret_name_addr));
	ret_name_addr->text = trimmed;
	if (trimmed.length == 0)
		return -EINVAL;
	if (*at == '"') {
		at = sip_scan_quoted(at, end);
		if (at == NULL)
			return -EINVAL;
		ret_name_addr->display = sip_span_between(from + 1, at - 1);
		at = sip_scan_space(at, end);
		if (at == end || *at != '<')
			return -EINVAL;
		return bracketed_parse(at + 1, end, ret_name_addr);
	}
	/* display-name as *(token LWS), or the scheme of a bare URI */
	while (at != end && (sip_char_is(*at, SIP_CHAR_TOKEN) || *at == ' ' || *at == '\t'))
		at++;
	if (at == end)
		return -EINVAL;
	if (*at == '<') {
		ret_name_addr->display = span_trim(sip_span_between(from, at));
		return bracketed_parse(at + 1, end, ret_name_addr);
	}
	return *at == ':' ? bare_parse(from, end, ret_name_addr) : -EINVAL;
}
