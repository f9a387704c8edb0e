/* SPDX-License-Identifier: Apache-2.0 */
/*
 * INVITEs that are too large for a datagram go by TCP (RFC 3261 18.1.1): if the trunk's target is an
 * address without a transport, and we listen on TCP where we do on UDP. A peer that TCP didn't
 * reach gets datagrams for a while; which peers those are is remembered here.
 */
#include "switchboard/state.h"

enum {
	WITHOUT_STREAM_MS = 300 * 1000,
};

static struct switchboard_no_stream *slot_of(
	struct switchboard *switchboard, const struct td_endpoint *remote)
{
	uint32_t hash = remote->port;

	for (size_t i = 0; i < sizeof(remote->ip.bytes); i++)
		hash = (hash ^ remote->ip.bytes[i]) * 16777619u;
	return &switchboard->no_streams[(hash ^ hash >> 15) % SWITCHBOARD_NO_STREAMS];
}

/* Our Via and Contact stay as they are but for one word: so both listeners must share a port. */
static bool has_stream_beside(const struct switchboard *switchboard, const struct sip_flow *flow,
	struct sip_flow *ret_flow)
{
	*ret_flow = *flow;
	ret_flow->transport = SIP_TRANSPORT_TCP;
	return trunk_local_end(switchboard->trunks, ret_flow) == 0 &&
	       td_endpoint_equal(&ret_flow->local, &flow->local);
}

bool oversize_divert(struct switchboard *switchboard, uint32_t trunk, char *bytes, size_t length,
	struct sip_flow *flow)
{
	const struct config_trunk *config = trunk_config(switchboard->trunks, trunk);
	const struct switchboard_no_stream *known = slot_of(switchboard, &flow->remote);
	struct sip_flow stream;

	if (flow->transport != SIP_TRANSPORT_UDP ||
		length <= switchboard->config->sip.udp_max_bytes || config == NULL ||
		config->target.has_transport ||
		!td_endpoint_equal(&config->target.endpoint, &flow->remote))
		return false;
	if (known->until_ms > switchboard->now.mono_ms &&
		td_endpoint_equal(&known->remote, &flow->remote))
		return false;
	if (!has_stream_beside(switchboard, flow, &stream) ||
		!sip_via_rename(bytes, length, SIP_TRANSPORT_TCP))
		return false;
	*flow = stream;
	return true;
}

void oversize_note_failure(struct switchboard *switchboard, const struct sip_flow *flow)
{
	if (flow->transport == SIP_TRANSPORT_TCP && flow->connection_id == 0)
		*slot_of(switchboard, &flow->remote) = (struct switchboard_no_stream){
			flow->remote, td_after(switchboard->now.mono_ms, WITHOUT_STREAM_MS)};
}
