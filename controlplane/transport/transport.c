/* SPDX-License-Identifier: Apache-2.0 */
#include "transport/transport.h"

#include "sip/message.h"
#include "transport/keyring.h"
#include "transport/transport_state.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

enum {
	CONNECTIONS = 4096,
	CONNECTIONS_PER_SOURCE = 256,
	OUTPUT_BYTES = 256 << 10,
	BUFFERS_BYTES = 64 << 20,
	CONNECT_MS = 4000,
	HANDSHAKE_MS = 5000,
	HANDSHAKES = 256,
	PARTIAL_MS = 10000,
	IDLE_MS = 600000,
	SEND_MS = 4000,
	KEEPALIVE_MS = 30000,
	UDP_BATCH = 1024,
	UDP_BUFFER_BYTES = 8 << 20,
};

static void or_default(uint32_t *value, uint32_t otherwise)
{
	if (*value == 0)
		*value = otherwise;
}

static void fill_defaults(struct transport_config *config)
{
	or_default(&config->connections_max, CONNECTIONS);
	or_default(&config->connections_per_source_max, CONNECTIONS_PER_SOURCE);
	or_default(&config->output_max_bytes, OUTPUT_BYTES);
	or_default(&config->buffers_max_bytes, BUFFERS_BYTES);
	or_default(&config->connect_timeout_ms, CONNECT_MS);
	or_default(&config->handshake_timeout_ms, HANDSHAKE_MS);
	or_default(&config->handshakes_max, HANDSHAKES);
	or_default(&config->partial_timeout_ms, PARTIAL_MS);
	or_default(&config->idle_timeout_ms, IDLE_MS);
	or_default(&config->send_timeout_ms, SEND_MS);
	or_default(&config->keepalive_ms, KEEPALIVE_MS);
	or_default(&config->udp_batch, UDP_BATCH);
	or_default(&config->udp_receive_buffer_bytes, UDP_BUFFER_BYTES);
	if (config->websocket.path[0] == '\0')
		config->websocket.path[0] = '/';
}

void transport_note_failure(struct transport *transport, const struct sip_flow *flow)
{
	if (transport->failure_count == TRANSPORT_FAILURES_MAX) {
		transport->counters.failures_lost++; /* timers will find out */
		return;
	}
	transport->failures[transport->failure_count++] = *flow;
	loop_wakeup_signal(transport->wakeup);
}

void transport_note_end(struct transport *transport, uint32_t connection_id)
{
	/* More than there may be at a time, within one turn: what they were good for fails later. */
	if (transport->sink.ended == NULL ||
		transport->ended_count == transport->config.connections_max)
		return;
	transport->ended[transport->ended_count++] = connection_id;
	loop_wakeup_signal(transport->wakeup);
}

/* What is told may end further connections: they wait for the next turn. */
static void tell_ends(struct transport *transport)
{
	uint32_t count = transport->ended_count;

	for (uint32_t i = 0; i < count; i++)
		transport->sink.ended(transport->sink.context, transport->ended[i]);
	transport->ended_count -= count;
	memmove(transport->ended, transport->ended + count,
		transport->ended_count * sizeof(transport->ended[0]));
}

/* In a turn of its own, so that nobody is called from inside its own call to send. */
static void tell_news(void *context)
{
	struct transport *transport = context;
	struct sip_flow failures[TRANSPORT_FAILURES_MAX];
	uint32_t count = transport->failure_count;

	memcpy(failures, transport->failures, count * sizeof(failures[0]));
	transport->failure_count = 0;
	for (uint32_t i = 0; i < count; i++)
		transport->sink.failed(transport->sink.context, &failures[i]);
	tell_ends(transport);
}

uint64_t transport_now_ms(const struct transport *transport)
{
	uint64_t now_ms = loop_now_ms(transport->loop);

	return now_ms > transport->wheel.now_ms ? now_ms : transport->wheel.now_ms;
}

bool transport_admits(
	struct transport *transport, const struct td_ip *source, enum sip_transport kind)
{
	if (transport->sink.admits == NULL ||
		transport->sink.admits(transport->sink.context, source, kind))
		return true;
	transport->counters.strangers++;
	return false;
}

/* The kernel's choice of a port is read back. */
static int read_port(struct listener *listener)
{
	struct sockaddr_storage address;
	socklen_t length = sizeof(address);

	if (getsockname(listener->fd, (struct sockaddr *)&address, &length) != 0)
		return -errno;
	listener->local = td_endpoint_from_sockaddr(&address);
	return 0;
}

static int open_listener(struct transport *transport, uint32_t index)
{
	struct listener *listener = &transport->listeners[index];
	int error;

	listener->transport = transport;
	listener->local = transport->config.listeners[index].local;
	listener->kind = transport->config.listeners[index].transport;
	if (listener->local.ip.family == TD_FAMILY_NONE ||
		listener->kind == SIP_TRANSPORT_UNKNOWN || listener->kind >= SIP_TRANSPORT_COUNT)
		return -EINVAL;
	error = listener->kind == SIP_TRANSPORT_UDP ? udp_open(listener) : tcp_open(listener);
	return error == 0 ? read_port(listener) : error;
}

static int create_parts(struct transport *transport)
{
	int error;

	transport->datagram = malloc(SIP_MESSAGE_MAX_BYTES);
	transport->ended = calloc(transport->config.connections_max, sizeof(transport->ended[0]));
	if (transport->datagram == NULL || transport->ended == NULL)
		return -ENOMEM;
	error = connection_table_init(transport);
	if (error == 0)
		error = loop_wakeup_create(
			transport->loop, tell_news, transport, &transport->wakeup);
	return error;
}

int transport_create(struct loop *loop, const struct transport_config *config,
	const struct transport_sink *sink, struct transport **ret_transport,
	struct transport_failure *ret_failure)
{
	struct transport_failure failure = {.listener = config->listener_count};
	struct transport *transport;
	int error;

	if (config->listener_count > TRANSPORT_LISTENERS_MAX)
		return -EINVAL;
	transport = calloc(1, sizeof(*transport));
	if (transport == NULL)
		return -ENOMEM;
	transport->loop = loop;
	transport->config = *config;
	transport->sink = *sink;
	transport->spare_fd = -1;
	fill_defaults(&transport->config);
	for (uint32_t i = 0; i < TRANSPORT_LISTENERS_MAX; i++)
		transport->listeners[i].fd = -1;
	error = create_parts(transport);
	if (error == 0)
		error = secrets_create(transport, failure.why);
	for (uint32_t i = 0; i < config->listener_count && error == 0; i++) {
		error = open_listener(transport, i);
		if (error != 0)
			failure.listener = i;
	}
	if (error != 0) {
		transport_destroy(transport);
		if (ret_failure != NULL)
			*ret_failure = failure;
		return error;
	}
	*ret_transport = transport;
	return 0;
}

void transport_destroy(struct transport *transport)
{
	if (transport == NULL)
		return;
	for (uint32_t i = 0; i < TRANSPORT_LISTENERS_MAX; i++) {
		if (transport->listeners[i].fd < 0)
			continue;
		loop_remove(transport->loop, transport->listeners[i].fd);
		(void)close(transport->listeners[i].fd); /* nothing can be lost */
		transport->listeners[i].fd = -1;
	}
	connection_table_fini(transport);
	secrets_destroy(transport);
	if (transport->wakeup != NULL)
		loop_wakeup_destroy(transport->loop, transport->wakeup);
	free(transport->datagram);
	free(transport->ended);
	free(transport);
}

int transport_listen(struct transport *transport)
{
	int error = 0;

	if (!transport->config.is_held)
		return 0;
	for (uint32_t i = 0; i < transport->config.listener_count && error == 0; i++)
		error = loop_change(transport->loop, transport->listeners[i].fd, LOOP_READ);
	transport->config.is_held = error != 0;
	return error;
}

uint32_t transport_interest(const struct transport *transport)
{
	return transport->config.is_held ? 0 : LOOP_READ;
}

static struct listener *udp_listener_for(
	struct transport *transport, const struct td_endpoint *local)
{
	for (uint32_t i = 0; i < transport->config.listener_count; i++) {
		struct listener *listener = &transport->listeners[i];

		if (listener->kind == SIP_TRANSPORT_UDP &&
			td_endpoint_equal(&listener->local, local))
			return listener;
	}
	return NULL;
}

void transport_send(
	struct transport *transport, const struct sip_flow *flow, const char *bytes, size_t length)
{
	struct listener *listener;

	if (flow->transport > SIP_TRANSPORT_UDP && flow->transport < SIP_TRANSPORT_COUNT) {
		tcp_send(transport, flow, bytes, length);
		return;
	}
	listener = udp_listener_for(transport, &flow->local);
	if (flow->transport != SIP_TRANSPORT_UDP || listener == NULL) {
		transport->counters.udp_send_failed++;
		transport_note_failure(transport, flow);
		return;
	}
	udp_send(listener, flow, bytes, length);
}

uint64_t transport_deadline(const struct transport *transport)
{
	/* wheel_wake_ms() remembers what it found: the only write. */
	uint64_t deadline_ms = wheel_wake_ms((struct wheel *)&transport->wheel);

	return transport->renew_ms < deadline_ms ? transport->renew_ms : deadline_ms;
}

static void expire(void *context, struct wheel_timer *timer)
{
	struct connection_timer *fired = td_container_of(timer, struct connection_timer, timer);
	struct connection *connection = fired->connection;

	(void)context;
	if (fired == &connection->pings)
		keepalive_expire(connection);
	else
		connection_expire(connection);
}

void transport_advance(struct transport *transport, uint64_t now_ms)
{
	(void)wheel_advance(&transport->wheel, now_ms, expire, transport);
	if (transport->renew_ms <= now_ms)
		secrets_renew(transport, now_ms);
}
