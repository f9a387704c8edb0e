/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The life of one connection: bytes in are cut into messages, bytes out wait until the peer
 * reads. A stream in which no message can be found any more is closed, for nothing in it can be
 * trusted to begin one.
 */
#include "sip/message.h"
#include "transport/transport_state.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>

enum {
	INPUT_FIRST_BYTES = 4096,
	/* One message of the greatest length, and keep-alives before it. */
	INPUT_MAX_BYTES = SIP_MESSAGE_MAX_BYTES + 1024,
	OUTPUT_FIRST_BYTES = 4096,
	READS_PER_TURN = 16,
	CRLF_BYTES = 2,
	CRLFS_OF_PING = 2, /* RFC 5626 4.4.1 */
};

struct sip_flow connection_flow(const struct connection *connection)
{
	return (struct sip_flow){.local = connection->local,
		.remote = connection->remote,
		.transport = SIP_TRANSPORT_TCP,
		.connection_id = connection->id};
}

/* What was sent on a connection of ours may have been meant for another one that had gone: such
 * a failure is the peer's, not the connection's. */
static struct sip_flow failed_flow(const struct connection *connection)
{
	struct sip_flow flow = connection_flow(connection);

	if (!connection->is_accepted)
		flow.connection_id = 0;
	return flow;
}

void connection_fail(struct connection *connection)
{
	struct sip_flow flow = failed_flow(connection);

	if (connection->state == CONNECTION_CONNECTING)
		connection->transport->counters.tcp_open_failed++;
	if (connection->output_used > connection->output_start)
		transport_note_failure(connection->transport, &flow);
	connection_destroy(connection);
}

/* Doubles a buffer until it holds wanted bytes. */
static bool grow(char **bytes, size_t *size, size_t first, size_t wanted)
{
	size_t larger = *size != 0 ? *size : first;
	char *moved;

	while (larger < wanted)
		larger *= 2;
	if (larger == *size)
		return true;
	moved = realloc(*bytes, larger);
	if (moved == NULL)
		return false;
	*bytes = moved;
	*size = larger;
	return true;
}

static void release(char **bytes, size_t *size)
{
	free(*bytes);
	*bytes = NULL;
	*size = 0;
}

static int want_write(struct connection *connection, bool is_wanted)
{
	uint32_t interest = connection->state == CONNECTION_CONNECTING ? 0u : (uint32_t)LOOP_READ;

	if (connection->is_writing == is_wanted)
		return 0;
	connection->is_writing = is_wanted;
	return loop_change(connection->transport->loop, connection->fd,
		interest | (is_wanted ? (uint32_t)LOOP_WRITE : 0u));
}

/* Writes what waits. Returns 0, or a negative errno that ends the connection. */
static int write_waiting(struct connection *connection)
{
	while (connection->output_start < connection->output_used) {
		ssize_t sent = send(connection->fd, connection->output + connection->output_start,
			connection->output_used - connection->output_start,
			MSG_DONTWAIT | MSG_NOSIGNAL);

		if (sent < 0 && (errno == EAGAIN || errno == EWOULDBLOCK))
			break;
		if (sent < 0)
			return -errno;
		connection->output_start += (size_t)sent;
	}
	if (connection->output_start == connection->output_used) {
		connection->output_start = 0;
		connection->output_used = 0;
		release(&connection->output, &connection->output_size);
	}
	return want_write(connection, connection->output_used != 0);
}

/* Appends to what waits; false if the peer's share is spent. */
static bool queue_output(struct connection *connection, const char *bytes, size_t length)
{
	size_t waiting = connection->output_used - connection->output_start;

	if (waiting + length > connection->transport->config.output_max_bytes)
		return false;
	if (connection->output_start != 0) {
		memmove(connection->output, connection->output + connection->output_start, waiting);
		connection->output_start = 0;
		connection->output_used = waiting;
	}
	if (!grow(&connection->output, &connection->output_size, OUTPUT_FIRST_BYTES,
		    waiting + length))
		return false;
	memcpy(connection->output + waiting, bytes, length);
	connection->output_used = waiting + length;
	return true;
}

/* Sends or queues; returns 0 or the negative errno that ends the connection. */
static int put_out(struct connection *connection, const char *bytes, size_t length)
{
	size_t done = 0;

	if (connection->output_used == 0 && connection->state != CONNECTION_CONNECTING) {
		ssize_t sent = send(connection->fd, bytes, length, MSG_DONTWAIT | MSG_NOSIGNAL);

		if (sent < 0 && errno != EAGAIN && errno != EWOULDBLOCK)
			return -errno;
		done = sent > 0 ? (size_t)sent : 0;
	}
	if (done == length)
		return 0;
	if (!queue_output(connection, bytes + done, length - done))
		return -ENOBUFS;
	return want_write(connection, true);
}

void connection_send(struct connection *connection, const char *bytes, size_t length)
{
	struct transport *transport = connection->transport;
	struct sip_flow flow = failed_flow(connection);
	int error = put_out(connection, bytes, length);

	if (error == 0) {
		transport->counters.tcp_sent++;
		if (connection->state == CONNECTION_IDLE)
			connection_enter(connection, CONNECTION_IDLE);
		return;
	}
	if (error == -ENOBUFS)
		transport->counters.tcp_output_overflows++;
	connection->output_used = 0; /* told once, here */
	connection->output_start = 0;
	transport_note_failure(transport, &flow);
	connection_destroy(connection);
}

/* Answers pings among skipped CRLFs (RFC 5626 4.4.1: a double CRLF gets a single one); its halves
 * may come apart. */
static int answer_pings(struct connection *connection, uint32_t skipped_bytes)
{
	int error = 0;

	connection->crlf_count += skipped_bytes / CRLF_BYTES;
	for (; connection->crlf_count >= CRLFS_OF_PING && error == 0;
		connection->crlf_count -= CRLFS_OF_PING) {
		connection->transport->counters.tcp_keepalives++;
		error = put_out(connection, "\r\n", CRLF_BYTES);
	}
	return error;
}

/* Hands one message on. -ESTALE: what the sink sent has ended the connection. */
static int deliver(struct connection *connection, char *bytes, size_t length)
{
	struct transport *transport = connection->transport;
	struct transport_message message = {.flow = connection_flow(connection),
		.bytes = bytes,
		.length = length,
		.is_stream = true};

	transport->counters.tcp_received++;
	connection->crlf_count = 0;
	connection->is_delivering = true; /* its bytes are lent out: nobody may free them */
	transport->sink.receive(transport->sink.context, &message);
	connection->is_delivering = false;
	if (!connection->is_detached)
		return 0;
	connection_free(connection);
	return -ESTALE;
}

/* Cuts messages out of the input. Returns 0, or what ends the connection. */
static int deliver_messages(struct connection *connection)
{
	size_t start = 0;

	while (start < connection->input_used) {
		uint32_t skipped = 0;
		int length = sip_frame_length(
			connection->input + start, connection->input_used - start, &skipped);
		int error;

		if (length < 0) {
			connection->transport->counters.tcp_malformed++;
			return -EBADMSG;
		}
		error = answer_pings(connection, skipped);
		if (error != 0)
			return error;
		start += skipped;
		if (length == 0)
			break;
		error = deliver(connection, connection->input + start, (size_t)length);
		if (error != 0)
			return error;
		start += (size_t)length;
	}
	memmove(connection->input, connection->input + start, connection->input_used - start);
	connection->input_used -= start;
	return 0;
}

/* After a read: which deadline applies now. A message's begins with its first byte. */
static void settle(struct connection *connection, bool has_delivered)
{
	if (connection->input_used == 0) {
		release(&connection->input, &connection->input_size);
		connection_enter(connection, CONNECTION_IDLE);
	} else if (connection->state != CONNECTION_PARTIAL || has_delivered) {
		connection_enter(connection, CONNECTION_PARTIAL);
	}
}

/* Reads what is there, bounded. Returns 0 or what ends the connection. */
static int read_some(struct connection *connection)
{
	struct transport *transport = connection->transport;

	for (int i = 0; i < READS_PER_TURN; i++) {
		uint64_t received = transport->counters.tcp_received;
		ssize_t length;
		int error;

		if (!grow(&connection->input, &connection->input_size, INPUT_FIRST_BYTES,
			    connection->input_used + INPUT_FIRST_BYTES / 2))
			return -ENOMEM;
		length = recv(connection->fd, connection->input + connection->input_used,
			connection->input_size - connection->input_used, MSG_DONTWAIT);
		if (length < 0 && (errno == EAGAIN || errno == EWOULDBLOCK)) {
			if (connection->input_used == 0)
				release(&connection->input, &connection->input_size);
			return 0;
		}
		if (length <= 0)
			return length == 0 ? -EPIPE : -errno;
		transport->counters.tcp_received_bytes += (uint64_t)length;
		connection->input_used += (size_t)length;
		error = deliver_messages(connection);
		if (error != 0)
			return error;
		if (connection->input_used > INPUT_MAX_BYTES) {
			transport->counters.tcp_malformed++;
			return -EMSGSIZE;
		}
		settle(connection, transport->counters.tcp_received != received);
	}
	return 0;
}

/* The connect has succeeded or failed. */
static int finish_connect(struct connection *connection)
{
	int error = 0;
	socklen_t length = sizeof(error);

	if (getsockopt(connection->fd, SOL_SOCKET, SO_ERROR, &error, &length) != 0)
		return -errno;
	if (error != 0)
		return -error;
	connection->transport->counters.tcp_opened++;
	connection_enter(connection, CONNECTION_IDLE);
	connection->is_writing = false; /* asks the loop anew, now for reading too */
	error = want_write(connection, true);
	return error == 0 ? write_waiting(connection) : error;
}

void connection_ready(void *context, uint32_t ready)
{
	struct connection *connection = context;
	int error = 0;

	if (connection->state == CONNECTION_CONNECTING) {
		error = finish_connect(connection);
	} else {
		if ((ready & LOOP_WRITE) != 0)
			error = write_waiting(connection);
		if (error == 0 && (ready & (LOOP_READ | LOOP_ERROR)) != 0)
			error = read_some(connection);
	}
	if (error != 0 && error != -ESTALE)
		connection_fail(connection);
}
