/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Where connections come from: accepted on a listener, or opened towards a flow's remote. How
 * many there may be, of each address and in all, is decided here.
 */
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
	/* An idle peer that vanished is noticed after these: its next call must find out at once
	 * that it has to connect anew. */
	PROBE_IDLE_S = 60,
	PROBE_INTERVAL_S = 10,
	PROBES = 3,
	/* Shares of handshakes_max. */
	SOURCE_SHARE = 4,
	RESUME_NUMERATOR = 3,
	RESUME_DENOMINATOR = 4,
};

static void set_number(int fd, int level, int name, int value)
{
	(void)setsockopt(fd, level, name, &value, sizeof(value)); /* optional: we do without */
}

static void set_option(int fd, int level, int name)
{
	set_number(fd, level, name, 1);
}

/* The kernel ends what isn't acknowledged in time: a half-open peer is a failure after
 * send_timeout_ms, not after a transaction's 32 s or TCP's quarter of an hour. */
static void set_options(const struct transport *transport, int fd)
{
	set_option(fd, IPPROTO_TCP, TCP_NODELAY);
	set_option(fd, SOL_SOCKET, SO_KEEPALIVE);
	set_number(fd, IPPROTO_TCP, TCP_KEEPIDLE, PROBE_IDLE_S);
	set_number(fd, IPPROTO_TCP, TCP_KEEPINTVL, PROBE_INTERVAL_S);
	set_number(fd, IPPROTO_TCP, TCP_KEEPCNT, PROBES);
	set_number(fd, IPPROTO_TCP, TCP_USER_TIMEOUT, (int)transport->config.send_timeout_ms);
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

/* --- handshakes ------------------------------------------------------------------------------- */

/* Watches the listeners whose connections begin with a handshake, or lets theirs wait in the
 * kernel. */
static void watch_secure_listeners(struct transport *transport, uint32_t interest)
{
	for (uint32_t i = 0; i < transport->config.listener_count; i++) {
		struct listener *listener = &transport->listeners[i];

		/* Both fail only without memory in the kernel: then the next change mends it. */
		if (sip_transport_is_secure(listener->kind) && listener->fd >= 0)
			(void)!loop_change(transport->loop, listener->fd, interest);
	}
}

static void handshake_begins(struct connection *connection)
{
	struct transport *transport = connection->transport;

	connection->is_handshaking = true;
	connection->source->handshakes++;
	if (++transport->handshakes < transport->config.handshakes_max ||
		transport->is_accept_paused)
		return;
	transport->is_accept_paused = true;
	transport->counters.tls_accept_pauses++;
	watch_secure_listeners(transport, 0);
}

void tcp_handshake_over(struct connection *connection)
{
	struct transport *transport = connection->transport;

	if (!connection->is_handshaking)
		return;
	connection->is_handshaking = false;
	connection->source->handshakes--;
	if (--transport->handshakes * RESUME_DENOMINATOR >
			transport->config.handshakes_max * RESUME_NUMERATOR ||
		!transport->is_accept_paused)
		return;
	transport->is_accept_paused = false;
	watch_secure_listeners(transport, transport_interest(transport));
}

/* --- accepted --------------------------------------------------------------------------------- */

static bool may_stay(const struct listener *listener, const struct td_endpoint *remote)
{
	struct transport *transport = listener->transport;
	const struct transport_config *config = &transport->config;
	const struct source *source;

	if (!transport_admits(transport, &remote->ip, listener->kind))
		return false;
	if (transport->connection_count >= config->connections_max) {
		transport->counters.tcp_refused_full++;
		return false;
	}
	source = source_find(transport, &remote->ip);
	if (source == NULL)
		return true;
	if (source->connections >= config->connections_per_source_max) {
		transport->counters.tcp_refused_source++;
		return false;
	}
	if (sip_transport_is_secure(listener->kind) &&
		source->handshakes * SOURCE_SHARE >= config->handshakes_max) {
		transport->counters.tls_refused_source++;
		return false;
	}
	return true;
}

static enum connection_state first_state(enum sip_transport kind)
{
	return sip_transport_is_secure(kind)	  ? CONNECTION_HANDSHAKE
	       : sip_transport_is_websocket(kind) ? CONNECTION_UPGRADE
						  : CONNECTION_IDLE;
}

static void accept_one(struct listener *listener, int fd, const struct sockaddr_storage *from)
{
	struct transport *transport = listener->transport;
	struct sip_flow flow = {.local = listener->local,
		.remote = td_endpoint_from_sockaddr(from),
		.transport = listener->kind};
	struct connection *connection;

	if (!may_stay(listener, &flow.remote)) {
		(void)close(fd); /* nothing was sent on it */
		return;
	}
	set_options(transport, fd);
	if (connection_create(transport, fd, &flow, first_state(listener->kind), &connection) !=
		0) {
		transport->counters.tcp_refused_full++;
		return;
	}
	connection->is_accepted = true;
	if (!source_join(connection) ||
		(sip_transport_is_secure(listener->kind) && tls_begin(connection) != 0)) {
		transport->counters.tcp_refused_full++;
		connection_destroy(connection);
		return;
	}
	transport->counters.tcp_accepted++;
	connection_enter(connection, first_state(listener->kind)); /* now that it is accepted */
	if (connection->state == CONNECTION_HANDSHAKE)
		handshake_begins(connection);
}

static void tcp_ready(void *context, uint32_t ready)
{
	struct listener *listener = context;
	const struct transport *transport = listener->transport;
	bool is_secure = sip_transport_is_secure(listener->kind);

	(void)ready;
	for (int i = 0; i < ACCEPTS_PER_TURN && !(is_secure && transport->is_accept_paused); i++) {
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

/* --- opened ----------------------------------------------------------------------------------- */

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
	set_options(transport, fd);
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
		connection = connection_find_id(transport, flow);
	if (connection != NULL && !connection->is_aliased)
		connection->alias = flow->remote; /* what else is to be told if it fails */
	if (connection == NULL && !sip_transport_is_websocket(flow->transport)) {
		connection = connection_find_remote(transport, flow);
		if (connection == NULL && open_connection(transport, flow, &connection) != 0)
			connection = NULL;
	}
	if (connection == NULL) {
		transport->counters.tcp_open_failed++;
		transport_note_failure(transport, flow);
		return;
	}
	connection_send(connection, bytes, length);
}
