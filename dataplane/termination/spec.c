/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Checks what the control plane commands. Called by the table for ADD and MODIFY before anything
 * else, and by the arena for what a former process left.
 */
#include "termination/spec.h"

#include "termination/plan.h"

#include <string.h>

enum {
	PAYLOAD_TYPE_MAX = 127,
	CLOCK_MIN_HZ = 1000,
	CLOCK_MAX_HZ = 192000,
	PTIME_MAX_MS = 1000,
	LATCH_WINDOW_MAX_MS = 60000,
	IPV4_BITS = 32,
	IPV6_BITS = 128,
};

static bool is_zero(const uint8_t *bytes, size_t count)
{
	for (size_t i = 0; i < count; i++) {
		if (bytes[i] != 0)
			return false;
	}
	return true;
}

static bool are_reserved_zero(const struct td_endpoint *endpoint)
{
	return endpoint->reserved == 0 &&
	       is_zero(endpoint->ip.reserved, sizeof(endpoint->ip.reserved));
}

/* A remote end point may be absent altogether; a port without address or the reverse may not. */
static bool is_remote_valid(const struct td_endpoint *remote, uint8_t local_family)
{
	if (remote->ip.family == TD_FAMILY_NONE)
		return remote->port == 0 && is_zero(remote->ip.bytes, sizeof(remote->ip.bytes));
	if (remote->ip.family != local_family || remote->port == 0)
		return false;
	if (!is_zero(remote->ip.bytes + td_ip_size_bytes(&remote->ip),
		    sizeof(remote->ip.bytes) - td_ip_size_bytes(&remote->ip)))
		return false;
	return media_ip_is_unicast(media_ip_from_td(&remote->ip), remote->ip.family);
}

static bool are_codecs_valid(const struct td_termination_spec *spec)
{
	if (spec->codec_count == 0 || spec->codec_count > TD_CODECS_MAX)
		return false;
	for (unsigned i = 0; i < spec->codec_count; i++) {
		const struct td_codec *codec = &spec->codecs[i];

		if (codec->payload_type > PAYLOAD_TYPE_MAX || codec->kind >= TD_CODEC_KIND_COUNT ||
			codec->ptime_ms > PTIME_MAX_MS || codec->clock_hz < CLOCK_MIN_HZ ||
			codec->clock_hz > CLOCK_MAX_HZ)
			return false;
		for (unsigned j = 0; j < i; j++) {
			if (spec->codecs[j].payload_type == codec->payload_type)
				return false;
		}
	}
	return true;
}

static bool are_values_valid(const struct td_termination_spec *spec)
{
	unsigned bits = spec->local.ip.family == TD_FAMILY_IPV4 ? IPV4_BITS : IPV6_BITS;

	return spec->termination_id != 0 && spec->context_id != 0 && spec->epoch != 0 &&
	       spec->mode <= TD_MODE_SEND_RECEIVE && spec->latch < TD_LATCH_COUNT &&
	       spec->latch_prefix_bits <= bits && (spec->flags & ~TD_TERMINATION_FLAGS_ALL) == 0 &&
	       spec->latch_window_ms <= LATCH_WINDOW_MAX_MS && spec->local.port % 2 == 0 &&
	       is_remote_valid(&spec->remote, spec->local.ip.family) &&
	       is_remote_valid(&spec->remote_rtcp, spec->local.ip.family) && are_codecs_valid(spec);
}

enum td_result termination_spec_check(
	const struct td_termination_spec *spec, const struct media_plan *plan)
{
	if (spec->reserved0 != 0 || !is_zero(spec->reserved1, sizeof(spec->reserved1)) ||
		!are_reserved_zero(&spec->local) || !are_reserved_zero(&spec->remote) ||
		!are_reserved_zero(&spec->remote_rtcp))
		return TD_RESULT_MALFORMED;
	if (!are_values_valid(spec))
		return TD_RESULT_BAD_VALUE;
	if (spec->local.port < plan->port_first || spec->local.port >= plan->port_last ||
		media_plan_find(plan, spec->local.ip.family, media_ip_from_td(&spec->local.ip)) ==
			MEDIA_ADDRESS_NONE)
		return TD_RESULT_PORT_FOREIGN;
	return TD_RESULT_OK;
}
