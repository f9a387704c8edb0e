/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Bytes that wait in connections: each has a share, and all together have one, so that peers that
 * don't read or never finish can't take the appliance's memory.
 */
#include "transport/transport_state.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

enum {
	BUFFER_FIRST_BYTES = 2048, /* most messages fit */
};

int buffer_reserve(struct transport *transport, struct buffer *buffer, uint32_t wanted)
{
	uint32_t larger = buffer->size != 0 ? buffer->size : BUFFER_FIRST_BYTES;
	char *moved;

	while (larger < wanted)
		larger *= 2;
	if (larger == buffer->size)
		return 0;
	if (transport->buffered_bytes + larger - buffer->size >
		transport->config.buffers_max_bytes) {
		transport->counters.tcp_buffers_full++;
		return -ENOBUFS;
	}
	moved = realloc(buffer->bytes, larger);
	if (moved == NULL)
		return -ENOMEM;
	transport->buffered_bytes += larger - buffer->size;
	buffer->bytes = moved;
	buffer->size = larger;
	return 0;
}

void buffer_release(struct transport *transport, struct buffer *buffer)
{
	transport->buffered_bytes -= buffer->size;
	free(buffer->bytes);
	*buffer = (struct buffer){0};
}

uint32_t output_waiting(const struct connection *connection)
{
	return connection->output.used - connection->output.start;
}

/* Before that nothing of ours may go out. */
static bool is_open(const struct connection *connection)
{
	return connection->state != CONNECTION_CONNECTING &&
	       connection->state != CONNECTION_HANDSHAKE;
}

int output_flush(struct connection *connection)
{
	struct buffer *output = &connection->output;

	while (is_open(connection) && output->start < output->used) {
		ssize_t sent = stream_write(
			connection, output->bytes + output->start, output->used - output->start);

		if (sent == -EAGAIN)
			break;
		if (sent < 0)
			return (int)sent;
		output->start += (uint32_t)sent;
	}
	if (output->start == output->used && output->bytes != NULL)
		buffer_release(connection->transport, output);
	return connection_watch(connection);
}

static int queue(struct connection *connection, const char *bytes, size_t length)
{
	struct transport *transport = connection->transport;
	struct buffer *output = &connection->output;
	uint32_t waiting = output_waiting(connection);
	int error;

	if (length > transport->config.output_max_bytes ||
		waiting + length > transport->config.output_max_bytes) {
		transport->counters.tcp_output_overflows++;
		return -ENOBUFS;
	}
	if (output->start != 0) {
		memmove(output->bytes, output->bytes + output->start, waiting);
		output->start = 0;
		output->used = waiting;
	}
	error = buffer_reserve(transport, output, waiting + (uint32_t)length);
	if (error != 0)
		return error;
	memcpy(output->bytes + waiting, bytes, length);
	output->used = waiting + (uint32_t)length;
	return 0;
}

int output_put(struct connection *connection, const char *bytes, size_t length)
{
	size_t done = 0;
	int error;

	if (output_waiting(connection) == 0 && is_open(connection) && !connection->is_corked) {
		ssize_t sent = stream_write(connection, bytes, length);

		if (sent < 0 && sent != -EAGAIN)
			return (int)sent;
		done = sent > 0 ? (size_t)sent : 0;
	}
	if (done == length)
		return 0;
	error = queue(connection, bytes + done, length - done);
	return error == 0 ? connection_watch(connection) : error;
}
