/* SPDX-License-Identifier: Apache-2.0 */
/* What the kernel says of the listeners' sockets, and the counts that connections keep. */
#include "transport/transport_state.h"

#include <linux/sock_diag.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <string.h>
#include <sys/socket.h>

static void read_datagrams(
	const struct listener *listener, struct transport_listener_status *status)
{
	uint32_t memory[SK_MEMINFO_VARS] = {0};
	socklen_t length = sizeof(memory);

	/* Since Linux 4.12; without it there is nothing to show. */
	(void)getsockopt(listener->fd, SOL_SOCKET, SO_MEMINFO, memory, &length);
	status->queue_bytes = memory[SK_MEMINFO_RMEM_ALLOC];
	status->buffer_bytes = memory[SK_MEMINFO_RCVBUF];
	status->kernel_drops = listener->all_kernel_drops;
	if (memory[SK_MEMINFO_DROPS] > listener->kernel_drops) /* not yet told with a datagram */
		status->kernel_drops += memory[SK_MEMINFO_DROPS] - listener->kernel_drops;
}

static void read_backlog(const struct listener *listener, struct transport_listener_status *status)
{
	struct tcp_info facts = {0};
	socklen_t length = sizeof(facts);

	(void)getsockopt(listener->fd, IPPROTO_TCP, TCP_INFO, &facts, &length);
	status->waiting = facts.tcpi_unacked; /* of a listening socket: its accept queue */
	status->waiting_max = facts.tcpi_sacked;
}

bool transport_listener_status(const struct transport *transport, uint32_t index,
	struct transport_listener_status *ret_status)
{
	const struct listener *listener;

	if (index >= transport->config.listener_count)
		return false;
	listener = &transport->listeners[index];
	*ret_status = (struct transport_listener_status){
		.transport = listener->kind, .local = listener->local};
	if (listener->kind == SIP_TRANSPORT_UDP)
		read_datagrams(listener, ret_status);
	else
		read_backlog(listener, ret_status);
	return true;
}

struct td_endpoint transport_local(const struct transport *transport, uint32_t index)
{
	return transport->listeners[index].local;
}

uint32_t transport_connection_count(const struct transport *transport)
{
	return transport->connection_count;
}

struct transport_gauges transport_get_gauges(const struct transport *transport)
{
	struct transport_gauges gauges = {
		.handshakes = transport->handshakes, .buffered_bytes = transport->buffered_bytes};

	memcpy(gauges.connections, transport->kind_counts, sizeof(gauges.connections));
	return gauges;
}

const struct transport_counters *transport_get_counters(const struct transport *transport)
{
	return &transport->counters;
}
