/* SPDX-License-Identifier: Apache-2.0 */
#include "config/value.h"

#include "config/pattern.h"

#include <ctype.h>
#include <errno.h>

enum {
	DNS_PORT = 53,
	LABEL_MAX = 63, /* RFC 1035 2.3.4 */
};

/* A reason that is more precise than value_expected(). */
static int refuse(char why[VALUE_WHY_BYTES], const char *reason)
{
	(void)snprintf(why, VALUE_WHY_BYTES, "%s", reason);
	return -EINVAL;
}

static int parse_number(struct span text, uint32_t min, uint32_t max, uint32_t *ret_number)
{
	uint64_t number = 0;

	if (text.length == 0 || text.length > 10)
		return -EINVAL;
	for (uint32_t i = 0; i < text.length; i++) {
		if (!isdigit((unsigned char)text.text[i]))
			return -EINVAL;
		number = number * 10 + (uint64_t)(text.text[i] - '0');
	}
	if (number < min || number > max)
		return -EINVAL;
	*ret_number = (uint32_t)number;
	return 0;
}

static int parse_bool(struct span text, bool *ret_value)
{
	bool is_true = span_equal(text, SPAN("true"));

	if (!is_true && !span_equal(text, SPAN("false")))
		return -EINVAL;
	*ret_value = is_true;
	return 0;
}

static int parse_choice(const struct schema_field *field, struct span text, uint32_t *ret_value)
{
	for (const struct schema_choice *choice = field->choices; choice->name != NULL; choice++) {
		if (span_equal(text, span_from(choice->name))) {
			*ret_value = choice->value;
			return 0;
		}
	}
	return -EINVAL;
}

/* All text types: bounded, and nothing that could break a line of arguments or of a message. */
static int parse_text(const struct schema_field *field, struct span text, char *storage)
{
	if (text.length >= field->size_bytes || text.length < field->min)
		return -EINVAL;
	if (field->max != 0 && text.length > field->max)
		return -EINVAL;
	for (uint32_t i = 0; i < text.length; i++) {
		if (iscntrl((unsigned char)text.text[i]))
			return -EINVAL;
	}
	memcpy(storage, text.text, text.length);
	return 0;
}

static int parse_name(const struct schema_field *field, struct span text, char *storage)
{
	if (text.length == 0)
		return -EINVAL;
	for (uint32_t i = 0; i < text.length; i++) {
		if (!isalnum((unsigned char)text.text[i]) && strchr("_.-", text.text[i]) == NULL)
			return -EINVAL;
	}
	return parse_text(field, text, storage);
}

static int parse_path(const struct schema_field *field, struct span text, char *storage)
{
	if (text.length == 0 || (field->type == SCHEMA_PATH && text.text[0] != '/'))
		return -EINVAL;
	return parse_text(field, text, storage);
}

/* An address of one host: the wildcard and groups can't stand in a Contact or an SDP. */
static int parse_ip(struct span text, struct td_ip *ret_ip, char why[VALUE_WHY_BYTES])
{
	static const struct td_ip none;
	struct td_ip ip;

	if (!td_ip_parse(text.text, text.length, &ip))
		return -EINVAL;
	if (memcmp(ip.bytes, none.bytes, sizeof(ip.bytes)) == 0)
		return refuse(why, "one real address: peers must be told where to answer");
	if (ip.family == TD_FAMILY_IPV4 ? ip.bytes[0] >= 224 : ip.bytes[0] == 0xff)
		return refuse(why, "the address of one host, not of a group");
	*ret_ip = ip;
	return 0;
}

static int parse_prefix(
	struct span text, struct config_prefix *ret_prefix, char why[VALUE_WHY_BYTES])
{
	const char *slash = memchr(text.text, '/', text.length);
	uint32_t ip_length = slash != NULL ? (uint32_t)(slash - text.text) : text.length;
	struct config_prefix prefix;
	struct td_ip masked;

	if (span_equal(text, SPAN("target"))) {
		*ret_prefix = (struct config_prefix){.bits = CONFIG_SOURCE_TARGET};
		return 0;
	}
	if (!td_ip_parse(text.text, ip_length, &prefix.network))
		return -EINVAL;
	prefix.bits = (uint32_t)td_ip_size_bytes(&prefix.network) * 8;
	if (slash != NULL && parse_number((struct span){slash + 1, text.length - ip_length - 1}, 0,
				     prefix.bits, &prefix.bits) != 0)
		return refuse(why, "a prefix length from 0 to 32 (IPv4) or 128 (IPv6) after '/'");
	masked = prefix.network;
	for (uint32_t bit = prefix.bits; bit < sizeof(masked.bytes) * 8; bit++)
		masked.bytes[bit / 8] &= (uint8_t) ~(0x80u >> bit % 8);
	if (!td_ip_equal(&masked, &prefix.network)) {
		char ip[TD_IP_TEXT_BYTES];

		(void)snprintf(why, VALUE_WHY_BYTES, "no bits after the prefix: %s/%u",
			td_ip_format(&masked, ip), prefix.bits);
		return -EINVAL;
	}
	*ret_prefix = prefix;
	return 0;
}

static int parse_port_range(
	struct span text, struct config_port_range *ret_range, char why[VALUE_WHY_BYTES])
{
	const char *dash = memchr(text.text, '-', text.length);
	uint32_t first;
	uint32_t last;

	if (dash == NULL ||
		parse_number((struct span){text.text, (uint32_t)(dash - text.text)}, 1024, 65535,
			&first) != 0 ||
		parse_number(
			(struct span){dash + 1, text.length - (uint32_t)(dash - text.text) - 1},
			1024, 65535, &last) != 0)
		return -EINVAL;
	if (first > last)
		return refuse(why, "the lower port first");
	if (first % 2 != 0 || last % 2 == 0)
		return refuse(why, "an even first port and an odd last one: RTP takes the even "
				   "port of a pair, RTCP the odd one");
	ret_range->first = (uint16_t)first;
	ret_range->last = (uint16_t)last;
	return 0;
}

/* RFC 1035 2.3.4: the URI's grammar knows no lengths. */
static bool is_host_name(struct span host)
{
	uint32_t label = 0;

	for (uint32_t i = 0; i < host.length; i++) {
		label = host.text[i] == '.' ? 0 : label + 1;
		if (label > LABEL_MAX || (label == 0 && i == 0))
			return false;
	}
	return host.length != 0;
}

static int parse_target(
	struct span text, struct config_target *ret_target, char why[VALUE_WHY_BYTES])
{
	struct config_target target = {0};
	struct span transport;
	struct sip_uri uri;

	if (text.length >= sizeof(target.uri) || sip_uri_parse(text, &uri) != 0)
		return -EINVAL;
	if ((uri.scheme != SIP_SCHEME_SIP && uri.scheme != SIP_SCHEME_SIPS) ||
		uri.user.length != 0 || uri.headers.length != 0)
		return -EINVAL;
	target.is_sips = uri.scheme == SIP_SCHEME_SIPS;
	target.has_transport = sip_param_find(uri.params, "transport", &transport);
	if (sip_transport_is_websocket(uri.transport))
		return refuse(why, "udp, tcp or tls: WebSockets are opened by the peer");
	if (target.has_transport && uri.transport == SIP_TRANSPORT_UNKNOWN)
		return refuse(why, "transport=udp, tcp or tls");
	if (target.is_sips && uri.transport == SIP_TRANSPORT_UDP)
		return refuse(why, "no transport=udp in a sips: URI");
	if (uri.host_ip.family == TD_FAMILY_NONE && !is_host_name(uri.host))
		return refuse(why, "a host name with labels of 1 to 63 letters, digits and '-'");
	memcpy(target.uri, text.text, text.length);
	memcpy(target.host, uri.host.text, uri.host.length);
	target.endpoint.ip = uri.host_ip;
	target.transport = target.is_sips	  ? SIP_TRANSPORT_TLS
			   : target.has_transport ? uri.transport
						  : SIP_TRANSPORT_UDP;
	target.endpoint.port = uri.port;
	if (uri.port == 0 && uri.host_ip.family != TD_FAMILY_NONE)
		target.endpoint.port = sip_transport_port((enum sip_transport)target.transport);
	*ret_target = target;
	return 0;
}

/* An address, "[IPv6]:port" or "IPv4:port". */
static int parse_name_server(struct span text, struct td_endpoint *ret_server)
{
	struct td_endpoint server = {.port = DNS_PORT};
	uint32_t at = text.length;
	uint32_t port;

	if (!td_ip_parse(text.text, text.length, &server.ip)) {
		bool is_bracketed = text.text[0] == '[';

		while (at != 0 && text.text[at - 1] != ':' && text.text[at - 1] != ']')
			at--;
		if (at == 0 || (is_bracketed && at < 3))
			return -EINVAL;
		if (text.text[at - 1] == ':') {
			if (parse_number((struct span){text.text + at, text.length - at}, 1, 65535,
				    &port) != 0)
				return -EINVAL;
			server.port = (uint16_t)port;
			at--;
		} else if (at != text.length) {
			return -EINVAL;
		}
		if (is_bracketed && text.text[at - 1] != ']')
			return -EINVAL;
		if (!td_ip_parse(text.text + is_bracketed, at - 2 * is_bracketed, &server.ip) ||
			is_bracketed != (server.ip.family == TD_FAMILY_IPV6))
			return -EINVAL;
	}
	*ret_server = server;
	return 0;
}

static int parse_broker(const struct schema_field *field, struct span text, char *storage)
{
	uint32_t colon = text.length;
	uint32_t port;

	while (colon != 0 && text.text[colon - 1] != ':')
		colon--;
	if (colon < 2 || memchr(text.text, ',', text.length) != NULL ||
		memchr(text.text, ' ', text.length) != NULL)
		return -EINVAL;
	if (parse_number((struct span){text.text + colon, text.length - colon}, 1, 65535, &port) !=
		0)
		return -EINVAL;
	return parse_text(field, text, storage);
}

/* A telephone number without separators, or a user name: what route_number() produces. */
static int parse_dialled(const struct schema_field *field, struct span text, char *storage,
	char why[VALUE_WHY_BYTES])
{
	bool has_letter = false;

	if (text.length == 0)
		return -EINVAL;
	for (uint32_t i = 0; i < text.length; i++)
		has_letter = has_letter || isalpha((unsigned char)text.text[i]);
	for (uint32_t i = 0; i < text.length; i++) {
		char c = text.text[i];

		if (isalnum((unsigned char)c) || strchr("+*#", c) != NULL)
			continue;
		if (has_letter && strchr("-_.!~'&=$,;?/%", c) != NULL)
			continue;
		if (strchr(" -.()", c) != NULL)
			return refuse(why, "a number without separators");
		return -EINVAL;
	}
	return parse_text(field, text, storage);
}

static int parse_pattern(const struct schema_field *field, struct span text, char *storage,
	char why[VALUE_WHY_BYTES])
{
	struct config_pattern pattern;
	const char *reason;

	if (config_pattern_parse(text, &pattern, &reason) != 0) {
		(void)snprintf(why, VALUE_WHY_BYTES, "a number pattern, but %s", reason);
		return -EINVAL;
	}
	return parse_text(field, text, storage);
}

static int parse(const struct schema_field *field, struct span text, void *storage,
	char why[VALUE_WHY_BYTES])
{
	switch (field->type) {
	case SCHEMA_BOOL:
		return parse_bool(text, storage);
	case SCHEMA_NUMBER:
		return parse_number(text, field->min, field->max, storage);
	case SCHEMA_CHOICE:
		return parse_choice(field, text, storage);
	case SCHEMA_NAME:
		return parse_name(field, text, storage);
	case SCHEMA_TEXT:
	case SCHEMA_SECRET:
		return parse_text(field, text, storage);
	case SCHEMA_PATH:
	case SCHEMA_FILE:
		return parse_path(field, text, storage);
	case SCHEMA_IP:
		return parse_ip(text, storage, why);
	case SCHEMA_PREFIX:
		return parse_prefix(text, storage, why);
	case SCHEMA_PORT_RANGE:
		return parse_port_range(text, storage, why);
	case SCHEMA_TARGET:
		return parse_target(text, storage, why);
	case SCHEMA_NAME_SERVER:
		return parse_name_server(text, storage);
	case SCHEMA_BROKER:
		return parse_broker(field, text, storage);
	case SCHEMA_DIALLED:
		return parse_dialled(field, text, storage, why);
	case SCHEMA_PATTERN:
		return parse_pattern(field, text, storage, why);
	case SCHEMA_TRUNK:
	case SCHEMA_SECTION:
	case SCHEMA_TYPE_COUNT:
		break;
	}
	return -EINVAL;
}

int value_parse(const struct schema_field *field, struct span text, void *storage,
	char why[VALUE_WHY_BYTES])
{
	int error;

	why[0] = '\0';
	error = text.length == 0 && field->type != SCHEMA_TEXT ? -EINVAL
							       : parse(field, text, storage, why);
	if (error != 0 && why[0] == '\0')
		value_expected(field, why);
	return error;
}

static void expected_choices(const struct schema_field *field, char expected[VALUE_WHY_BYTES])
{
	size_t used = 0;

	for (const struct schema_choice *choice = field->choices; choice->name != NULL; choice++) {
		const char *joint = used == 0 ? "" : choice[1].name == NULL ? " or " : ", ";

		used += (size_t)snprintf(
			expected + used, VALUE_WHY_BYTES - used, "%s%s", joint, choice->name);
	}
}

static void expected_text(
	const struct schema_field *field, const char *what, char expected[VALUE_WHY_BYTES])
{
	size_t longest = field->max != 0 ? field->max : field->size_bytes - 1;

	(void)snprintf(expected, VALUE_WHY_BYTES, "%s of %s %zu characters", what,
		field->min != 0 || field->type != SCHEMA_TEXT ? "1 to" : "at most", longest);
}

void value_expected(const struct schema_field *field, char expected[VALUE_WHY_BYTES])
{
	static const char *const fixed[SCHEMA_TYPE_COUNT] = {
		[SCHEMA_SECTION] = "a mapping (key: value)",
		[SCHEMA_BOOL] = "true or false",
		[SCHEMA_IP] = "an IPv4 or IPv6 address",
		[SCHEMA_PREFIX] =
			"an address or prefix such as 192.0.2.0/24 or 2001:db8::/48, or target",
		[SCHEMA_PORT_RANGE] = "two ports from 1024 to 65535, such as 16384-32767",
		[SCHEMA_TARGET] = "a SIP URI such as sip:192.0.2.1:5060;transport=tcp or "
				  "sips:carrier.example.com, without user",
		[SCHEMA_NAME_SERVER] =
			"an address such as 192.0.2.53, 192.0.2.53:5353 or [2001:db8::53]:5353",
		[SCHEMA_BROKER] = "a broker as host:port",
		[SCHEMA_DIALLED] = "a number (digits, +, *, #) or a user name",
		[SCHEMA_PATTERN] = "a number pattern such as +4930XXXX or +49*",
		[SCHEMA_TRUNK] = "the name of a trunk",
	};

	if (fixed[field->type] != NULL)
		(void)snprintf(expected, VALUE_WHY_BYTES, "%s", fixed[field->type]);
	else if (field->type == SCHEMA_NUMBER)
		(void)snprintf(expected, VALUE_WHY_BYTES, "a number from %u to %u%s%s", field->min,
			field->max, field->unit != NULL ? " " : "",
			field->unit != NULL ? field->unit : "");
	else if (field->type == SCHEMA_CHOICE)
		expected_choices(field, expected);
	else if (field->type == SCHEMA_NAME)
		expected_text(field, "a name (letters, digits, '_', '.', '-')", expected);
	else if (field->type == SCHEMA_PATH)
		expected_text(field, "an absolute path", expected);
	else if (field->type == SCHEMA_FILE)
		expected_text(field, "the path of a file,", expected);
	else
		expected_text(field, "text", expected);
}
