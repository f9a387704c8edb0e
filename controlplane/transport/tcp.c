/* SPDX-License-Identifier: Apache-2.0 */
/* Where connections come from: accepted on a listener, or opened towards a flow's remote. */
#include "transport/transport_state.h"

#include <errno.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <sys/socket.h>
#include <unistd.h>

enum {
	BACKLOG = 1024,
	ACCEPTS_PER_TURN = 64,
};

static void set_option(int fd, int level, int name)
{
	int on = 1;

	(void)setsockopt(fd, level, name, &on, sizeof(on)); /* optional: we do without */
}

/* Takes a connection that can't be kept off the queue, or epoll would tell of it for ever. */
static void refuse_without_descriptor(struct listener *listener)
{
	struct transport *transport = listener->transport;
	int fd;

	transport->counters.tcp_refused_full++;
	if (transport->spare_fd >= 0)
		(void)close(transport->spare_fd); /* nothing can be lost */
	fd = accept4(listener->fd, NULL, NULL, SOCK_CLOEXEC);
	if (fd >= 0)
		(void)close(fd); /* nothing was sent on it */
	transport->spare_fd = open("/dev/null", O_RDONLY | O_CLOEXEC);
}

static bool may_stay(struct transport *transport, const struct td_endpoint *remote)
{
	if (!transport_admits(transport, &remote->ip, SIP_TRANSPORT_TCP))
		return false;
	if (transport->connection_count >= transport->config.connections_max) {
		transport->counters.tcp_refused_full++;
		return false;
	}
	if (connection_count_source(transport, &remote->ip) >=
		transport->config.connections_per_source_max) {
		transport->counters.tcp_refused_source++;
		return false;
	}
	return true;
}

static void accept_one(struct listener *listener, int fd, const struct sockaddr_storage *from)
{
	struct transport *transport = listener->transport;
	struct sip_flow flow = {.local = listener->local,
		.remote = td_endpoint_from_sockaddr(from),
		.transport = SIP_TRANSPORT_TCP};
	struct connection *connection;

	if (!may_stay(transport, &flow.remote)) {
		(void)close(fd); /* nothing was sent on it */
		return;
	}
	set_option(fd, IPPROTO_TCP, TCP_NODELAY);
	set_option(fd, SOL_SOCKET, SO_KEEPALIVE);
	if (connection_create(transport, fd, &flow, CONNECTION_IDLE, &connection) != 0) {
		transport->counters.tcp_refused_full++;
		return;
	}
	connection->is_accepted = true;
	transport->counters.tcp_accepted++;
}

static void tcp_ready(void *context, uint32_t ready)
{
	struct listener *listener = context;

	(void)ready;
	for (int i = 0; i < ACCEPTS_PER_TURN; i++) {
		struct sockaddr_storage from;
		socklen_t length = sizeof(from);
		int fd = accept4(listener->fd, (struct sockaddr *)&from, &length,
			SOCK_NONBLOCK | SOCK_CLOEXEC);

		if (fd >= 0) {
			accept_one(listener, fd, &from);
			continue;
		}
		if (errno == EMFILE || errno == ENFILE)
			refuse_without_descriptor(listener);
		if (errno == EAGAIN || errno == EWOULDBLOCK || errno == EMFILE || errno == ENFILE)
			return;
		/* Others tell of a connection that died in the queue: go on. */
	}
}

int tcp_open(struct listener *listener)
{
	bool is_ipv6 = listener->local.ip.family == TD_FAMILY_IPV6;
	struct sockaddr_storage address;
	socklen_t length = td_endpoint_to_sockaddr(&listener->local, &address);

	listener->fd = socket(address.ss_family, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
	if (listener->fd < 0)
		return -errno;
	set_option(listener->fd, SOL_SOCKET, SO_REUSEADDR);
	set_option(listener->fd, is_ipv6 ? IPPROTO_IPV6 : IPPROTO_IP,
		is_ipv6 ? IPV6_FREEBIND : IP_FREEBIND);
	if (is_ipv6)
		set_option(listener->fd, IPPROTO_IPV6, IPV6_V6ONLY);
	if (bind(listener->fd, (struct sockaddr *)&address, length) != 0 ||
		listen(listener->fd, BACKLOG) != 0)
		return -errno;
	return loop_add(listener->transport->loop, listener->fd,
		transport_interest(listener->transport), tcp_ready, listener);
}

/* Opens a connection from the flow's local address, any port. */
static int open_connection(struct transport *transport, const struct sip_flow *flow,
	struct connection **ret_connection)
{
	struct td_endpoint from = {.ip = flow->local.ip};
	struct sockaddr_storage address;
	socklen_t length = td_endpoint_to_sockaddr(&from, &address);
	int fd;

	if (transport->connection_count >= transport->config.connections_max) {
		transport->counters.tcp_refused_full++;
		return -EMFILE;
	}
	fd = socket(address.ss_family, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
	if (fd < 0)
		return -errno;
	set_option(fd, IPPROTO_IP, IP_BIND_ADDRESS_NO_PORT);
	set_option(fd, IPPROTO_TCP, TCP_NODELAY);
	set_option(fd, SOL_SOCKET, SO_KEEPALIVE);
	if (bind(fd, (struct sockaddr *)&address, length) != 0)
		goto err_close;
	length = td_endpoint_to_sockaddr(&flow->remote, &address);
	if (connect(fd, (struct sockaddr *)&address, length) != 0 && errno != EINPROGRESS)
		goto err_close;
	return connection_create(transport, fd, flow, CONNECTION_CONNECTING, ret_connection);

err_close:
	(void)close(fd); /* nothing was sent on it */
	return -ECONNREFUSED;
}

void tcp_send(
	struct transport *transport, const struct sip_flow *flow, const char *bytes, size_t length)
{
	struct connection *connection = NULL;

	if (flow->connection_id != 0)
		connection = connection_find_id(transport, flow->connection_id);
	if (connection == NULL)
		connection = connection_find_remote(transport, flow);
	if (connection == NULL && open_connection(transport, flow, &connection) != 0) {
		transport->counters.tcp_open_failed++;
		transport_note_failure(transport, flow);
		return;
	}
	connection_send(connection, bytes, length);
}
