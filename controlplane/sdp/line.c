/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Words, numbers and addresses of SDP lines.
 */
#include "sdp/line.h"

bool sdp_word_next(struct span *rest, struct span *ret_word)
{
	const char *at = rest->text;
	const char *end = rest->length == 0 ? at : at + rest->length;
	const char *from;

	while (at != end && *at == ' ')
		at++;
	from = at;
	while (at != end && *at != ' ')
		at++;
	*rest = (struct span){.text = at, .length = (uint32_t)(end - at)};
	*ret_word = (struct span){.text = from, .length = (uint32_t)(at - from)};
	return at != from;
}

bool sdp_number_parse(struct span text, uint32_t max, uint32_t *ret_number)
{
	uint64_t number = 0;

	if (text.length == 0)
		return false;
	for (uint32_t i = 0; i < text.length; i++) {
		if (text.text[i] < '0' || text.text[i] > '9')
			return false;
		number = number * 10 + (uint64_t)(text.text[i] - '0');
		if (number > max)
			return false;
	}
	*ret_number = (uint32_t)number;
	return true;
}

static bool ip_is_multicast(const struct td_ip *ip)
{
	return ip->family == TD_FAMILY_IPV4 ? (ip->bytes[0] & 0xf0) == 0xe0
					    : ip->family == TD_FAMILY_IPV6 && ip->bytes[0] == 0xff;
}

const char *sdp_address_parse(struct span text, struct sdp_address *ret_address)
{
	struct span rest = text;
	struct span net;
	struct span type;
	struct span address;
	struct span extra;
	const char *slash;

	memset(ret_address, 0, sizeof(*ret_address));
	if (!sdp_word_next(&rest, &net) || !sdp_word_next(&rest, &type) ||
		!sdp_word_next(&rest, &address) || sdp_word_next(&rest, &extra))
		return "address isn't of the form IN IP4 x";
	slash = memchr(address.text, '/', address.length);
	if (slash != NULL) {
		ret_address->is_multicast = true;
		address.length = (uint32_t)(slash - address.text);
	}
	ret_address->text = address;
	ret_address->is_present = true;
	if (!span_is(net, "IN") || !td_ip_parse(address.text, address.length, &ret_address->ip))
		return NULL; /* another network, or a name: the caller sees no address */
	if ((ret_address->ip.family == TD_FAMILY_IPV4) != span_is(type, "IP4"))
		return "address type and address differ";
	if (ip_is_multicast(&ret_address->ip))
		ret_address->is_multicast = true;
	return NULL;
}

static const char *const direction_names[SDP_DIRECTION_COUNT] = {
	[SDP_DIRECTION_NONE] = "",
	[SDP_SENDRECV] = "sendrecv",
	[SDP_SENDONLY] = "sendonly",
	[SDP_RECVONLY] = "recvonly",
	[SDP_INACTIVE] = "inactive",
};

const char *sdp_direction_name(enum sdp_direction direction)
{
	return (unsigned)direction < SDP_DIRECTION_COUNT ? direction_names[direction] : "";
}

enum sdp_direction sdp_direction_find(struct span name)
{
	enum {
		DIRECTION_BYTES = 8 /* of each of the four words */
	};

	if (name.length != DIRECTION_BYTES)
		return SDP_DIRECTION_NONE;
	for (unsigned i = SDP_DIRECTION_NONE + 1; i < SDP_DIRECTION_COUNT; i++) {
		if (span_equal(name, span_from(direction_names[i])))
			return (enum sdp_direction)i;
	}
	return SDP_DIRECTION_NONE;
}
