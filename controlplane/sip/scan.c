/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The tables and scanners behind scan.h. Everything that a peer can repeat (parameters, list
 * values) is walked once, from left to right.
 */
#include "sip/scan.h"

#include <tandem/endpoint.h>

#include <errno.h>
#include <string.h>

enum {
	VIS = SIP_CHAR_VISIBLE,
	VAL = SIP_CHAR_VISIBLE | SIP_CHAR_VALUE,
	TOK = VAL | SIP_CHAR_TOKEN,
	URI = SIP_CHAR_USER | SIP_CHAR_PARAM,
	ALPHA = TOK | URI | SIP_CHAR_HOST,
	XALPHA = ALPHA | SIP_CHAR_HEX,
	DIGIT = XALPHA | SIP_CHAR_DIGIT,
	MARK_TOKEN = TOK | URI,
	/* RFC 1034's longest name, with its trailing dot. */
	HOST_NAME_MAX_BYTES = 254,
};

/* clang-format off */
const uint8_t sip_char_classes[256] = {
	['0'] = DIGIT, ['1'] = DIGIT, ['2'] = DIGIT, ['3'] = DIGIT, ['4'] = DIGIT,
	['5'] = DIGIT, ['6'] = DIGIT, ['7'] = DIGIT, ['8'] = DIGIT, ['9'] = DIGIT,
	['A'] = XALPHA, ['B'] = XALPHA, ['C'] = XALPHA, ['D'] = XALPHA, ['E'] = XALPHA,
	['F'] = XALPHA, ['G'] = ALPHA, ['H'] = ALPHA, ['I'] = ALPHA, ['J'] = ALPHA,
	['K'] = ALPHA, ['L'] = ALPHA, ['M'] = ALPHA, ['N'] = ALPHA, ['O'] = ALPHA,
	['P'] = ALPHA, ['Q'] = ALPHA, ['R'] = ALPHA, ['S'] = ALPHA, ['T'] = ALPHA,
	['U'] = ALPHA, ['V'] = ALPHA, ['W'] = ALPHA, ['X'] = ALPHA, ['Y'] = ALPHA,
	['Z'] = ALPHA,
	['a'] = XALPHA, ['b'] = XALPHA, ['c'] = XALPHA, ['d'] = XALPHA, ['e'] = XALPHA,
	['f'] = XALPHA, ['g'] = ALPHA, ['h'] = ALPHA, ['i'] = ALPHA, ['j'] = ALPHA,
	['k'] = ALPHA, ['l'] = ALPHA, ['m'] = ALPHA, ['n'] = ALPHA, ['o'] = ALPHA,
	['p'] = ALPHA, ['q'] = ALPHA, ['r'] = ALPHA, ['s'] = ALPHA, ['t'] = ALPHA,
	['u'] = ALPHA, ['v'] = ALPHA, ['w'] = ALPHA, ['x'] = ALPHA, ['y'] = ALPHA,
	['z'] = ALPHA,
	/* mark */
	['-'] = MARK_TOKEN | SIP_CHAR_HOST, ['.'] = MARK_TOKEN | SIP_CHAR_HOST,
	['_'] = MARK_TOKEN | SIP_CHAR_HOST, ['!'] = MARK_TOKEN, ['~'] = MARK_TOKEN,
	['*'] = MARK_TOKEN, ['\''] = MARK_TOKEN, ['('] = VAL | URI, [')'] = VAL | URI,
	/* the rest of token */
	['%'] = TOK, ['`'] = TOK, ['+'] = TOK | URI,
	/* user-unreserved and param-unreserved */
	['&'] = VAL | URI, ['$'] = VAL | URI, ['/'] = VAL | URI,
	['='] = VAL | SIP_CHAR_USER, [','] = VIS | SIP_CHAR_USER, [';'] = VIS | SIP_CHAR_USER,
	['?'] = VAL | SIP_CHAR_USER,
	['['] = VAL | SIP_CHAR_PARAM, [']'] = VAL | SIP_CHAR_PARAM, [':'] = VAL | SIP_CHAR_PARAM,
	['"'] = VIS, ['<'] = VIS, ['>'] = VIS,
	/* '#' isn't in the grammar, but dialled digits have it and phones don't escape it. */
	['#'] = VAL | SIP_CHAR_USER,
	['@'] = VAL, ['\\'] = VAL, ['^'] = VAL, ['{'] = VAL, ['|'] = VAL, ['}'] = VAL,
};
/* clang-format on */

const char *sip_scan_quoted(const char *at, const char *end)
{
	for (at++; at < end; at++) {
		if (*at == '"')
			return at + 1;
		if (*at == '\\')
			at++;
	}
	return NULL;
}

bool sip_escapes_are_valid(struct span text)
{
	const char *end = sip_span_end(text);
	const char *at = text.length == 0 ? NULL : memchr(text.text, '%', text.length);

	while (at != NULL) {
		if (end - at < 3 || !sip_char_is(at[1], SIP_CHAR_HEX) ||
			!sip_char_is(at[2], SIP_CHAR_HEX))
			return false;
		at += 3;
		at = memchr(at, '%', (size_t)(end - at));
	}
	return true;
}

bool sip_number_parse(struct span text, uint64_t max, uint64_t *ret_number)
{
	uint64_t number = 0;

	if (text.length == 0)
		return false;
	for (uint32_t i = 0; i < text.length; i++) {
		uint64_t digit = (uint8_t)(text.text[i] - '0');

		if (digit > 9 || number > (max - digit) / 10 || digit > max)
			return false;
		number = number * 10 + digit;
	}
	*ret_number = number;
	return true;
}

bool sip_list_next(struct span *list, struct span *ret_value)
{
	const char *at = list->text;
	const char *end = sip_span_end(*list);
	bool is_bracketed = false;

	if (at == NULL)
		return false;
	/* Most lists have one value, and its end is found without looking at its inside. */
	if (at == end || memchr(at, ',', list->length) == NULL)
		at = end;
	for (; at < end; at++) {
		if (*at == ',' && !is_bracketed)
			break;
		if (*at == '<') {
			is_bracketed = true;
		} else if (*at == '>') {
			is_bracketed = false;
		} else if (*at == '"' && !is_bracketed) {
			at = sip_scan_quoted(at, end);
			if (at == NULL)
				at = end;
			at--;
		}
	}
	*ret_value = span_trim(sip_span_between(list->text, at));
	if (at < end)
		*list = sip_span_between(at + 1, end);
	else
		*list = (struct span){.text = NULL, .length = 0};
	return true;
}

/* at stands behind "=": reads the value. NULL if it is malformed. */
static const char *param_value(const char *at, const char *end, struct sip_param *param)
{
	const char *from = at = sip_scan_space(at, end);

	param->has_value = true;
	if (at != end && *at == '"') {
		at = sip_scan_quoted(at, end);
		if (at == NULL)
			return NULL;
		param->value = sip_span_between(from + 1, at - 1);
	} else {
		at = sip_scan_class(at, end, SIP_CHAR_VALUE);
		if (at == from)
			return NULL;
		param->value = sip_span_between(from, at);
	}
	param->text = sip_span_between(param->name.text, at);
	return sip_scan_space(at, end);
}

int sip_param_next(struct span *params, struct sip_param *ret_param)
{
	const char *end = sip_span_end(*params);
	const char *at;
	const char *name;

	if (params->text == NULL)
		return 0;
	name = sip_scan_space(params->text, end);
	at = sip_scan_class(name, end, SIP_CHAR_TOKEN | SIP_CHAR_PARAM);
	if (at == name)
		return -EBADMSG;
	ret_param->name = sip_span_between(name, at);
	ret_param->text = ret_param->name;
	ret_param->value = (struct span){.text = NULL, .length = 0};
	ret_param->has_value = false;
	at = sip_scan_space(at, end);
	if (at != end && *at == '=') {
		at = param_value(at + 1, end, ret_param);
		if (at == NULL)
			return -EBADMSG;
	}
	if (at == end) {
		*params = (struct span){.text = NULL, .length = 0};
		return 1;
	}
	if (*at != ';')
		return -EBADMSG;
	*params = sip_span_between(at + 1, end);
	return 1;
}

int sip_params_check(struct span params)
{
	struct sip_param param;
	int more;

	while ((more = sip_param_next(&params, &param)) > 0)
		;
	return more;
}

/* Reads one number of a dotted quad, below 256 and without leading zeros. What follows it, or
 * NULL. */
static inline const char *octet_scan(const char *at, const char *end, uint8_t *ret_octet)
{
	unsigned octet;
	unsigned digit;

	if (at == end || (octet = (uint8_t)(*at - '0')) > 9)
		return NULL;
	at++;
	if (at != end && (digit = (uint8_t)(*at - '0')) <= 9) {
		if (octet == 0)
			return NULL;
		octet = octet * 10 + digit;
		at++;
		if (at != end && (digit = (uint8_t)(*at - '0')) <= 9) {
			octet = octet * 10 + digit;
			at++;
		}
	}
	if (octet > UINT8_MAX)
		return NULL;
	*ret_octet = (uint8_t)octet;
	return at;
}

/* Reads a dotted quad. What follows it, or NULL. */
static const char *ipv4_scan(const char *at, const char *end, struct td_ip *ret_ip)
{
	for (unsigned i = 0; i < 4; i++) {
		if (i != 0 && (at == end || *at++ != '.'))
			return NULL;
		at = octet_scan(at, end, &ret_ip->bytes[i]);
		if (at == NULL)
			return NULL;
	}
	if (at != end && sip_char_is(*at, SIP_CHAR_HOST))
		return NULL;
	ret_ip->family = TD_FAMILY_IPV4;
	return at;
}

/* Reads a name with no empty label whose last label isn't all digits (RFC 3261 25.1: toplabel
 * begins with a letter). What follows it, or NULL. */
static const char *host_name_scan(const char *at, const char *end)
{
	const char *from = at;
	const char *label = at;
	bool is_label_numeric = true;

	for (; at != end && sip_char_is(*at, SIP_CHAR_HOST); at++) {
		if (*at != '.') {
			is_label_numeric = is_label_numeric && *at >= '0' && *at <= '9';
			continue;
		}
		if (at == label)
			return NULL;
		label = at + 1;
		if (label != end && sip_char_is(*label, SIP_CHAR_HOST))
			is_label_numeric = true;
	}
	return is_label_numeric || at - from > HOST_NAME_MAX_BYTES ? NULL : at;
}

/* Reads the host at the beginning of [at, end); what follows it, or NULL. */
static const char *host_scan(const char *at, const char *end, struct sip_host_port *ret_host)
{
	const char *from = at;

	memset(&ret_host->ip, 0, sizeof(ret_host->ip));
	if (at != end && *at == '[') {
		at = memchr(at, ']', (size_t)(end - at));
		if (at == NULL)
			return NULL;
		ret_host->host = sip_span_between(from + 1, at);
		if (!td_ip_parse(ret_host->host.text, ret_host->host.length, &ret_host->ip) ||
			ret_host->ip.family != TD_FAMILY_IPV6)
			return NULL;
		return at + 1;
	}
	at = ipv4_scan(from, end, &ret_host->ip);
	if (at == NULL) {
		memset(&ret_host->ip, 0, sizeof(ret_host->ip));
		at = host_name_scan(from, end);
	}
	if (at != NULL)
		ret_host->host = sip_span_between(from, at);
	return at;
}

const char *sip_host_port_scan(
	const char *at, const char *end, bool may_space, struct sip_host_port *ret_host)
{
	const char *from;
	const char *after;
	uint32_t port = 0;

	ret_host->port = 0;
	after = at = host_scan(at, end, ret_host);
	if (at != NULL && may_space)
		at = sip_scan_space(at, end);
	if (at == NULL || at == end || *at != ':')
		return after;
	at++;
	if (may_space)
		at = sip_scan_space(at, end);
	for (from = at; at != end && *at >= '0' && *at <= '9' && port <= UINT16_MAX; at++)
		port = port * 10 + (uint32_t)(*at - '0');
	if (at == from || port == 0 || port > UINT16_MAX)
		return NULL;
	ret_host->port = (uint16_t)port;
	return at;
}
