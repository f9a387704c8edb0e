/* SPDX-License-Identifier: Apache-2.0 */
/* All connections: found by id, by remote end, and by deadline. */
#include "transport/transport_state.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

/* Who connects is known to the trunks, so a plain hash will do; a source's connections differ in
 * their port. */
static uint32_t hash_remote(const struct td_endpoint *remote)
{
	uint32_t hash = 2166136261u ^ remote->port;

	for (size_t i = 0; i < sizeof(remote->ip.bytes); i++)
		hash = (hash ^ remote->ip.bytes[i]) * 16777619u;
	return hash ^ hash >> 15;
}

int connection_table_init(struct transport *transport)
{
	uint32_t buckets = 16;

	while (buckets < transport->config.connections_max)
		buckets *= 2;
	transport->bucket_mask = buckets - 1;
	transport->by_id = calloc(buckets, sizeof(*transport->by_id));
	transport->by_remote = calloc(buckets, sizeof(*transport->by_remote));
	if (transport->by_id == NULL || transport->by_remote == NULL)
		return -ENOMEM;
	transport->spare_fd = open("/dev/null", O_RDONLY | O_CLOEXEC);
	return 0;
}

void connection_table_fini(struct transport *transport)
{
	for (int state = 0; state < CONNECTION_STATE_COUNT; state++) {
		while (transport->queues[state].first != NULL)
			connection_destroy(transport->queues[state].first);
	}
	if (transport->spare_fd >= 0)
		(void)close(transport->spare_fd); /* nothing can be lost */
	free(transport->by_id);
	free(transport->by_remote);
}

static void leave_queue(struct connection *connection)
{
	struct connection_queue *queue = &connection->transport->queues[connection->state];

	if (connection->earlier != NULL)
		connection->earlier->later = connection->later;
	else
		queue->first = connection->later;
	if (connection->later != NULL)
		connection->later->earlier = connection->earlier;
	else
		queue->last = connection->earlier;
}

static void join_queue(struct connection *connection, enum connection_state state)
{
	struct transport *transport = connection->transport;
	struct connection_queue *queue = &transport->queues[state];
	uint32_t timeout_ms = state == CONNECTION_CONNECTING ? transport->config.connect_timeout_ms
			      : state == CONNECTION_PARTIAL  ? transport->config.partial_timeout_ms
							     : transport->config.idle_timeout_ms;

	/* One timeout per queue, so that its end is always the latest. */
	connection->deadline_ms = td_after(loop_now_ms(transport->loop), timeout_ms);
	connection->state = state;
	connection->later = NULL;
	connection->earlier = queue->last;
	if (queue->last != NULL)
		queue->last->later = connection;
	else
		queue->first = connection;
	queue->last = connection;
}

void connection_enter(struct connection *connection, enum connection_state state)
{
	leave_queue(connection);
	join_queue(connection, state);
}

/* An id that nobody has; after 2^32 connections a number that still lives is passed over. */
static uint32_t fresh_id(struct transport *transport)
{
	do {
		transport->next_id++;
	} while (transport->next_id == 0 ||
		 connection_find_id(transport, transport->next_id) != NULL);
	return transport->next_id;
}

int connection_create(struct transport *transport, int fd, const struct sip_flow *flow,
	enum connection_state state, struct connection **ret_connection)
{
	uint32_t interest = state == CONNECTION_CONNECTING ? LOOP_WRITE : LOOP_READ;
	struct connection *connection = calloc(1, sizeof(*connection));
	struct connection **bucket;
	int error = -ENOMEM;

	if (connection != NULL)
		error = loop_add(transport->loop, fd, interest, connection_ready, connection);
	if (error != 0) {
		(void)close(fd); /* nothing was sent on it */
		free(connection);
		return error;
	}
	connection->transport = transport;
	connection->fd = fd;
	connection->id = fresh_id(transport);
	connection->local = flow->local;
	connection->remote = flow->remote;
	connection->is_writing = state == CONNECTION_CONNECTING;
	bucket = &transport->by_id[connection->id & transport->bucket_mask];
	connection->next_by_id = *bucket;
	*bucket = connection;
	bucket = &transport->by_remote[hash_remote(&flow->remote) & transport->bucket_mask];
	connection->next_by_remote = *bucket;
	*bucket = connection;
	join_queue(connection, state);
	transport->connection_count++;
	*ret_connection = connection;
	return 0;
}

void connection_destroy(struct connection *connection)
{
	struct transport *transport = connection->transport;
	struct connection **link = &transport->by_id[connection->id & transport->bucket_mask];

	while (*link != connection)
		link = &(*link)->next_by_id;
	*link = connection->next_by_id;
	link = &transport->by_remote[hash_remote(&connection->remote) & transport->bucket_mask];
	while (*link != connection)
		link = &(*link)->next_by_remote;
	*link = connection->next_by_remote;
	leave_queue(connection);
	loop_remove(transport->loop, connection->fd);
	(void)close(connection->fd); /* what it couldn't send is told as a failure */
	transport->connection_count--;
	transport->counters.tcp_closed++;
	connection->is_detached = true;
	if (!connection->is_delivering)
		connection_free(connection);
}

void connection_free(struct connection *connection)
{
	free(connection->input);
	free(connection->output);
	free(connection);
}

struct connection *connection_find_id(const struct transport *transport, uint32_t id)
{
	struct connection *connection = transport->by_id[id & transport->bucket_mask];

	while (connection != NULL && connection->id != id)
		connection = connection->next_by_id;
	return connection;
}

struct connection *connection_find_remote(
	const struct transport *transport, const struct sip_flow *flow)
{
	struct connection *connection =
		transport->by_remote[hash_remote(&flow->remote) & transport->bucket_mask];

	while (connection != NULL && !(td_endpoint_equal(&connection->remote, &flow->remote) &&
					     td_ip_equal(&connection->local.ip, &flow->local.ip)))
		connection = connection->next_by_remote;
	return connection;
}

uint32_t connection_count_source(const struct transport *transport, const struct td_ip *source)
{
	uint32_t count = 0;

	for (int state = 0; state < CONNECTION_STATE_COUNT; state++) {
		const struct connection *connection = transport->queues[state].first;

		for (; connection != NULL; connection = connection->later)
			count += connection->is_accepted &&
				 td_ip_equal(&connection->remote.ip, source);
	}
	return count;
}
