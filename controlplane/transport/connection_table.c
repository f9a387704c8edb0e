/* SPDX-License-Identifier: Apache-2.0 */
/* All connections: found by id, by remote end and, one after the other, for the end of all. */
#include "transport/transport_state.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>
#include <unistd.h>

enum {
	CLOSING_MS = 1000, /* what waits goes out at once, or never */
};

/* Who connects is known to the trunks, so a plain hash will do; a source's connections differ in
 * their port. */
static uint32_t hash_remote(const struct td_endpoint *remote)
{
	uint32_t hash = 2166136261u ^ remote->port;

	for (size_t i = 0; i < sizeof(remote->ip.bytes); i++)
		hash = (hash ^ remote->ip.bytes[i]) * 16777619u;
	return hash ^ hash >> 15;
}

/* The end point under which a connection stands in by_remote. */
static const struct td_endpoint *key_of(const struct connection *connection)
{
	return connection->is_aliased ? &connection->alias : &connection->remote;
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
	wheel_init(&transport->wheel, loop_now_ms(transport->loop));
	/* What the process before has journaled mustn't name a connection of this one. */
	if (getrandom(&transport->next_id, sizeof(transport->next_id), 0) < 0 ||
		getrandom(&transport->random, sizeof(transport->random), 0) < 0)
		transport->next_id = (uint32_t)td_wall_ns();
	transport->random |= 1; /* xorshift must not begin at 0 */
	transport->spare_fd = open("/dev/null", O_RDONLY | O_CLOEXEC);
	return source_table_init(transport);
}

void connection_table_fini(struct transport *transport)
{
	while (transport->first != NULL)
		connection_destroy(transport->first);
	if (transport->spare_fd >= 0)
		(void)close(transport->spare_fd); /* nothing can be lost */
	source_table_fini(transport);
	free(transport->by_id);
	free(transport->by_remote);
}

static uint64_t timeout_ms(const struct connection *connection, enum connection_state state)
{
	const struct transport_config *config = &connection->transport->config;

	switch (state) {
	case CONNECTION_CONNECTING:
		return config->connect_timeout_ms;
	case CONNECTION_HANDSHAKE:
	case CONNECTION_UPGRADE:
		return config->handshake_timeout_ms;
	case CONNECTION_PARTIAL:
		return config->partial_timeout_ms;
	case CONNECTION_CLOSING:
		return CLOSING_MS;
	case CONNECTION_IDLE:
	case CONNECTION_STATE_COUNT:
	default:
		return config->idle_timeout_ms;
	}
}

void connection_enter(struct connection *connection, enum connection_state state)
{
	struct transport *transport = connection->transport;
	uint64_t now_ms = transport_now_ms(transport);
	bool goes_on = state == CONNECTION_HANDSHAKE && !connection->is_accepted;

	connection->state = (uint8_t)state;
	if (state == CONNECTION_IDLE)
		connection->active_ms = now_ms;
	/* Our handshake is part of connecting. An idle connection's timer looks at active_ms when
	 * it comes, so that a message needn't move it. */
	if (goes_on || (state == CONNECTION_IDLE && connection->timer.timer.is_running &&
			       connection->timer.timer.deadline_ms >
				       td_after(now_ms, transport->config.idle_timeout_ms / 2)))
		return;
	wheel_start(&transport->wheel, &connection->timer.timer,
		td_after(now_ms, timeout_ms(connection, state)));
}

int connection_watch(struct connection *connection)
{
	bool is_waiting = output_waiting(connection) != 0 && !connection->is_corked;
	uint32_t interest = is_waiting ? (uint32_t)LOOP_READ | LOOP_WRITE : (uint32_t)LOOP_READ;
	int error;

	if (connection->state == CONNECTION_CONNECTING)
		interest = LOOP_WRITE;
	else if (connection->state == CONNECTION_HANDSHAKE)
		interest = connection->wants;
	if (interest == connection->interest)
		return 0;
	error = loop_change(connection->transport->loop, connection->fd, interest);
	if (error == 0)
		connection->interest = interest;
	return error;
}

/* An id that nobody has; after 2^32 connections a number that still lives is passed over. */
static uint32_t fresh_id(struct transport *transport)
{
	const struct connection *other;

	do {
		transport->next_id++;
		other = transport->by_id[transport->next_id & transport->bucket_mask];
		while (other != NULL && other->id != transport->next_id)
			other = other->next_by_id;
	} while (transport->next_id == 0 || other != NULL);
	return transport->next_id;
}

static void enter_lists(struct connection *connection)
{
	struct transport *transport = connection->transport;
	struct connection **bucket = &transport->by_id[connection->id & transport->bucket_mask];

	connection->next_by_id = *bucket;
	*bucket = connection;
	bucket = &transport->by_remote[hash_remote(&connection->remote) & transport->bucket_mask];
	connection->next_by_remote = *bucket;
	*bucket = connection;
	connection->next = transport->first;
	if (transport->first != NULL)
		transport->first->previous = connection;
	transport->first = connection;
	transport->connection_count++;
	transport->kind_counts[connection->kind]++;
}

static void leave_remote(struct connection *connection)
{
	struct transport *transport = connection->transport;
	struct connection **link =
		&transport->by_remote[hash_remote(key_of(connection)) & transport->bucket_mask];

	while (*link != connection)
		link = &(*link)->next_by_remote;
	*link = connection->next_by_remote;
}

static void leave_lists(struct connection *connection)
{
	struct transport *transport = connection->transport;
	struct connection **link = &transport->by_id[connection->id & transport->bucket_mask];

	while (*link != connection)
		link = &(*link)->next_by_id;
	*link = connection->next_by_id;
	leave_remote(connection);
	if (connection->previous != NULL)
		connection->previous->next = connection->next;
	else
		transport->first = connection->next;
	if (connection->next != NULL)
		connection->next->previous = connection->previous;
	transport->connection_count--;
	transport->kind_counts[connection->kind]--;
}

int connection_create(struct transport *transport, int fd, const struct sip_flow *flow,
	enum connection_state state, struct connection **ret_connection)
{
	struct connection *connection = calloc(1, sizeof(*connection));
	uint32_t interest = state == CONNECTION_CONNECTING ? LOOP_WRITE : LOOP_READ;
	int error = -ENOMEM;

	if (connection != NULL)
		error = loop_add(transport->loop, fd, interest, connection_ready, connection);
	if (error != 0) {
		(void)close(fd); /* nothing was sent on it */
		free(connection);
		return error;
	}
	connection->transport = transport;
	connection->timer.connection = connection;
	connection->pings.connection = connection;
	connection->fd = fd;
	connection->interest = interest;
	connection->id = fresh_id(transport);
	connection->kind = (uint8_t)flow->transport;
	connection->server_id = flow->server_id;
	connection->local = flow->local;
	connection->remote = flow->remote;
	connection->alias = flow->remote;
	enter_lists(connection);
	connection_enter(connection, state);
	*ret_connection = connection;
	return 0;
}

void connection_destroy(struct connection *connection)
{
	struct transport *transport = connection->transport;

	leave_lists(connection);
	wheel_stop(&transport->wheel, &connection->timer.timer);
	wheel_stop(&transport->wheel, &connection->pings.timer);
	tcp_handshake_over(connection);
	source_leave(connection);
	loop_remove(transport->loop, connection->fd);
	if (connection->ssl != NULL)
		tls_end(connection);
	(void)close(connection->fd); /* what it couldn't send is told as a failure */
	transport->counters.tcp_closed++;
	transport_note_end(transport, connection->id);
	connection->is_detached = true;
	if (!connection->is_delivering)
		connection_free(connection);
}

void connection_free(struct connection *connection)
{
	websocket_destroy(connection);
	buffer_release(connection->transport, &connection->input);
	buffer_release(connection->transport, &connection->output);
	free(connection);
}

/* A journal or a long transaction may outlive what it knew: the number alone isn't enough. */
struct connection *connection_find_id(
	const struct transport *transport, const struct sip_flow *flow)
{
	struct connection *connection =
		transport->by_id[flow->connection_id & transport->bucket_mask];

	while (connection != NULL && connection->id != flow->connection_id)
		connection = connection->next_by_id;
	if (connection == NULL || connection->state == CONNECTION_CLOSING ||
		connection->kind != (uint8_t)flow->transport ||
		!td_ip_equal(&connection->remote.ip, &flow->remote.ip))
		return NULL;
	return connection;
}

/* True if what is sent to a flow's remote may go by that connection. Over TLS its peer must have
 * been verified for it: we opened it, or it has an alias. Who came from that very port is anybody. */
static bool leads_to(const struct connection *connection, const struct sip_flow *flow)
{
	if (!sip_transport_is_secure(flow->transport))
		return true;
	return (!connection->is_accepted || connection->is_aliased) &&
	       connection->server_id == flow->server_id;
}

struct connection *connection_find_remote(
	const struct transport *transport, const struct sip_flow *flow)
{
	struct connection *connection =
		transport->by_remote[hash_remote(&flow->remote) & transport->bucket_mask];

	while (connection != NULL && !(connection->state != CONNECTION_CLOSING &&
					     connection->kind == (uint8_t)flow->transport &&
					     leads_to(connection, flow) &&
					     td_endpoint_equal(key_of(connection), &flow->remote) &&
					     td_ip_equal(&connection->local.ip, &flow->local.ip)))
		connection = connection->next_by_remote;
	return connection;
}

void connection_add_alias(struct connection *connection, const struct td_endpoint *alias)
{
	struct transport *transport = connection->transport;
	struct connection **bucket =
		&transport->by_remote[hash_remote(alias) & transport->bucket_mask];

	leave_remote(connection);
	connection->alias = *alias;
	connection->is_aliased = true;
	connection->next_by_remote = *bucket;
	*bucket = connection;
}
