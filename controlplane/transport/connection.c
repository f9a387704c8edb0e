/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The life of one connection: bytes in are cut into messages, bytes out wait until the peer
 * reads. A stream in which no message can be found any more is closed, for nothing in it can be
 * trusted to begin one.
 *
 *   CONNECTING -> HANDSHAKE -> UPGRADE -> IDLE <-> PARTIAL -> CLOSING
 *
 * TCP begins on the left when we open it and with HANDSHAKE, UPGRADE or IDLE when it is accepted;
 * HANDSHAKE is for TLS and UPGRADE for WebSockets only. Every state has a deadline.
 */
#include "sip/message.h"
#include "transport/alias.h"
#include "transport/transport_state.h"

#include <assert.h>
#include <errno.h>
#include <string.h>
#include <sys/socket.h>

enum {
	READ_BYTES = 2048, /* room made before each read */
	/* One message of the greatest length, and keep-alives before it. */
	INPUT_MAX_BYTES = SIP_MESSAGE_MAX_BYTES + 1024,
	READS_PER_TURN = 16,
};

struct sip_flow connection_flow(const struct connection *connection)
{
	return (struct sip_flow){.local = connection->local,
		.remote = connection->remote,
		.transport = (enum sip_transport)connection->kind,
		.connection_id = connection->id,
		.server_id = connection->server_id};
}

/* What was sent on a connection of ours may have been meant for another one that had gone: such
 * a failure is the peer's, not the connection's. */
static void note_failures(const struct connection *connection)
{
	struct sip_flow flow = connection_flow(connection);

	if (!connection->is_accepted)
		flow.connection_id = 0;
	transport_note_failure(connection->transport, &flow);
	if (td_endpoint_equal(&connection->alias, &connection->remote))
		return;
	flow.remote = connection->alias;
	if (connection->is_aliased)
		flow.connection_id = 0;
	transport_note_failure(connection->transport, &flow);
}

void connection_fail(struct connection *connection, int reason)
{
	struct transport_counters *counters = &connection->transport->counters;
	bool is_open = connection->state > CONNECTION_HANDSHAKE;

	if (!is_open && !connection->is_accepted)
		counters->tcp_open_failed++;
	if (is_open && reason == -ETIMEDOUT) /* the kernel's: TCP_USER_TIMEOUT, SO_KEEPALIVE */
		counters->tcp_unacknowledged++;
	/* A peer that has closed in good order has acknowledged all before; its answers may come
	 * by another connection. */
	if (reason != -EPIPE || output_waiting(connection) != 0 || connection->websocket != NULL)
		note_failures(connection);
	connection_destroy(connection);
}

void connection_send(struct connection *connection, const char *bytes, size_t length)
{
	struct transport *transport = connection->transport;
	int error = sip_transport_is_websocket((enum sip_transport)connection->kind)
			    ? websocket_send(connection, bytes, length)
			    : output_put(connection, bytes, length);

	if (error != 0) {
		connection_fail(connection, error == -EPIPE ? -ECONNRESET : error);
		return;
	}
	transport->counters.tcp_sent++;
	connection->active_ms = transport_now_ms(transport);
}

int connection_deliver(struct connection *connection, char *bytes, size_t length)
{
	struct transport *transport = connection->transport;
	bool is_nested = connection->is_delivering;
	struct transport_message message = {.flow = connection_flow(connection),
		.bytes = bytes,
		.length = length,
		.is_stream = !sip_transport_is_websocket((enum sip_transport)connection->kind)};

	if (connection->is_verified && !connection->is_alias_known)
		alias_learn(connection, bytes, length);
	transport->counters.tcp_received++;
	connection->crlf_count = 0;
	connection->active_ms = transport_now_ms(transport);
	connection->is_delivering = true; /* its bytes are lent out: nobody may free them */
	transport->sink.receive(transport->sink.context, &message);
	connection->is_delivering = is_nested;
	if (!connection->is_detached)
		return 0;
	if (!is_nested)
		connection_free(connection);
	return -ESTALE;
}

/* Cuts messages out of the input. Returns 0, or what ends the connection. */
static int deliver_messages(struct connection *connection)
{
	struct buffer *input = &connection->input;
	uint32_t start = 0;

	while (start < input->used) {
		uint32_t skipped = 0;
		int length = sip_frame_length(input->bytes + start, input->used - start, &skipped);
		int error;

		if (length < 0) {
			connection->transport->counters.tcp_malformed++;
			return -EBADMSG;
		}
		error = keepalive_crlf(connection, skipped);
		if (error != 0)
			return error;
		start += skipped;
		if (length == 0)
			break;
		error = connection_deliver(connection, input->bytes + start, (size_t)length);
		if (error != 0)
			return error;
		start += (uint32_t)length;
	}
	memmove(input->bytes, input->bytes + start, input->used - start);
	input->used -= start;
	return 0;
}

/* After a read: which deadline applies now. A message's begins with its first byte. */
static void settle(struct connection *connection, bool has_delivered)
{
	if (connection->input.used == 0) {
		buffer_release(connection->transport, &connection->input);
		if (connection->state != CONNECTION_IDLE)
			connection_enter(connection, CONNECTION_IDLE);
	} else if (connection->state != CONNECTION_PARTIAL || has_delivered) {
		connection_enter(connection, CONNECTION_PARTIAL);
	}
}

/* One read and what follows from it. -EAGAIN: nothing was there. */
static int read_once(struct connection *connection)
{
	struct transport *transport = connection->transport;
	struct buffer *input = &connection->input;
	uint64_t received = transport->counters.tcp_received;
	int error = buffer_reserve(transport, input, input->used + READ_BYTES);
	ssize_t length;

	if (error != 0)
		return error;
	length = stream_read(connection, input->bytes + input->used, input->size - input->used);
	if (length <= 0) {
		if (input->used == 0)
			buffer_release(transport, input);
		return length == 0 ? -EPIPE : (int)length;
	}
	transport->counters.tcp_received_bytes += (uint64_t)length;
	input->used += (uint32_t)length;
	error = deliver_messages(connection);
	if (error != 0)
		return error;
	if (input->used > INPUT_MAX_BYTES) {
		transport->counters.tcp_malformed++;
		return -EMSGSIZE;
	}
	settle(connection, transport->counters.tcp_received != received);
	return 0;
}

/* Reads what is there, bounded: but what TLS has taken from the socket must not lie, for the
 * socket won't tell of it again. Returns 0 or what ends the connection. */
static int read_some(struct connection *connection)
{
	for (int i = 0; i < READS_PER_TURN || stream_has_pending(connection); i++) {
		int error = read_once(connection);

		if (error != 0)
			return error == -EAGAIN ? 0 : error;
	}
	return 0;
}

/* After all has gone out. */
static void shut(struct connection *connection)
{
	if (output_waiting(connection) != 0 || connection->is_shut)
		return;
	connection->is_shut = true;
	if (connection->ssl != NULL)
		tls_end(connection); /* what follows is of no interest: raw bytes will do */
	(void)shutdown(connection->fd, SHUT_WR); /* fails if the peer has gone: as well */
}

int connection_close(struct connection *connection)
{
	connection_enter(connection, CONNECTION_CLOSING);
	shut(connection);
	return connection_watch(connection);
}

/* Waits for the peer's end. */
static int linger(struct connection *connection, uint32_t ready)
{
	ssize_t length;

	shut(connection);
	if (!connection->is_shut || (ready & (LOOP_READ | LOOP_ERROR)) == 0)
		return 0;
	length = recv(connection->fd, connection->transport->datagram, SIP_MESSAGE_MAX_BYTES,
		MSG_DONTWAIT);
	if (length > 0 || (length < 0 && (errno == EAGAIN || errno == EWOULDBLOCK)))
		return 0;
	return -EPIPE;
}

/* In the order of the states. */
int connection_opened(struct connection *connection)
{
	bool is_secure = sip_transport_is_secure((enum sip_transport)connection->kind);
	int error;

	if (connection->state <= CONNECTION_HANDSHAKE && is_secure && connection->ssl == NULL) {
		error = tls_begin(connection);
		if (error != 0)
			return error;
		connection_enter(connection, CONNECTION_HANDSHAKE);
		return connection_watch(connection);
	}
	if (!connection->is_accepted)
		connection->transport->counters.tcp_opened++;
	connection_enter(
		connection, sip_transport_is_websocket((enum sip_transport)connection->kind)
				    ? CONNECTION_UPGRADE
				    : CONNECTION_IDLE);
	if (connection->state == CONNECTION_IDLE)
		keepalive_start(connection);
	return output_flush(connection);
}

/* The connect has succeeded or failed. */
static int finish_connect(struct connection *connection)
{
	int error = 0;
	socklen_t length = sizeof(error);

	if (getsockopt(connection->fd, SOL_SOCKET, SO_ERROR, &error, &length) != 0)
		return -errno;
	return error != 0 ? -error : connection_opened(connection);
}

static int go_on_open(struct connection *connection, uint32_t ready)
{
	int error = 0;

	if ((ready & LOOP_WRITE) != 0)
		error = output_flush(connection);
	if (error != 0)
		return error;
	if (connection->state == CONNECTION_CLOSING)
		return linger(connection, ready);
	if ((ready & (LOOP_READ | LOOP_ERROR)) == 0)
		return 0;
	return sip_transport_is_websocket((enum sip_transport)connection->kind)
		       ? websocket_read(connection)
		       : read_some(connection);
}

static int go_on_shaking(struct connection *connection)
{
	int error = tls_step(connection);

	if (error == -EAGAIN)
		return connection_watch(connection);
	tcp_handshake_over(connection);
	if (error == 0)
		error = connection_opened(connection);
	/* What the peer sent first may have come with its last word of the handshake. */
	return error == 0 && stream_has_pending(connection) ? go_on_open(connection, LOOP_READ)
							    : error;
}

void connection_ready(void *context, uint32_t ready)
{
	struct connection *connection = context;
	int error;

	connection->socket_reads = 0;
	if (connection->state == CONNECTION_CONNECTING)
		error = finish_connect(connection);
	else if (connection->state == CONNECTION_HANDSHAKE)
		error = go_on_shaking(connection);
	else
		error = go_on_open(connection, ready);
	if (error != 0 && error != -ESTALE)
		connection_fail(connection, error);
}

static uint64_t *timeout_counter(struct connection *connection)
{
	struct transport_counters *counters = &connection->transport->counters;

	if (connection->state <= CONNECTION_HANDSHAKE && !connection->is_accepted)
		return &counters->tcp_connect_timeouts;
	if (connection->state == CONNECTION_HANDSHAKE)
		return &counters->tls_handshake_timeouts;
	if (connection->state == CONNECTION_UPGRADE)
		return &counters->ws_upgrade_timeouts;
	return connection->state == CONNECTION_PARTIAL ? &counters->tcp_partial_timeouts
						       : &counters->tcp_idle_timeouts;
}

void connection_expire(struct connection *connection)
{
	struct transport *transport = connection->transport;
	uint64_t idle_ms = td_after(connection->active_ms, transport->config.idle_timeout_ms);

	if (connection->state == CONNECTION_IDLE && idle_ms > transport_now_ms(transport)) {
		wheel_start(&transport->wheel, &connection->timer.timer, idle_ms);
		return;
	}
	if (connection->state != CONNECTION_CLOSING)
		(*timeout_counter(connection))++;
	connection_fail(connection, -ETIME);
}
