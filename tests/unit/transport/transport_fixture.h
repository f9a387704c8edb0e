/* SPDX-License-Identifier: Apache-2.0 */
/* A transport on loopback with a sink that remembers, and plain sockets as peers. */
#ifndef TD_TRANSPORT_TRANSPORT_FIXTURE_H
#define TD_TRANSPORT_TRANSPORT_FIXTURE_H

#include "sip/message.h"
#include "transport/transport.h"

#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

enum {
	TURNS_MAX = 200,
	TURN_WAIT_MS = 20,
	KEPT_MAX = 64,
};

#define FIXTURE_MESSAGE                                                     \
	"OPTIONS sip:a@h SIP/2.0\r\nVia: SIP/2.0/TCP h;branch=z9hG4bK1\r\n" \
	"Content-Length: 4\r\n\r\nbody"

struct fixture {
	struct loop *loop;
	struct transport *transport;
	uint32_t received;
	uint32_t failed;
	uint32_t ended;
	uint32_t ended_id;
	bool is_echoing; /* answers each message on its flow */
	bool is_refusing;
	bool is_stream; /* of the last message */
	uint64_t worst_queue_delay_us;
	struct sip_flow flow; /* of the last message */
	struct sip_flow failed_flow;
	size_t length;
	char bytes[70000];
};

static inline bool fixture_admits(
	void *context, const struct td_ip *source, enum sip_transport transport)
{
	(void)source;
	(void)transport;
	return !((struct fixture *)context)->is_refusing;
}

static inline void fixture_receive(void *context, struct transport_message *message)
{
	struct fixture *fixture = context;

	fixture->received++;
	fixture->flow = message->flow;
	fixture->length = message->length;
	fixture->is_stream = message->is_stream;
	if (message->queue_delay_us > fixture->worst_queue_delay_us)
		fixture->worst_queue_delay_us = message->queue_delay_us;
	memcpy(fixture->bytes, message->bytes, message->length);
	if (fixture->is_echoing)
		transport_send(fixture->transport, &message->flow, message->bytes, message->length);
	memset(message->bytes, '#', message->length); /* it may be written to, and still be there */
}

static inline void fixture_failed(void *context, const struct sip_flow *flow)
{
	struct fixture *fixture = context;

	fixture->failed++;
	fixture->failed_flow = *flow;
}

static inline void fixture_ended(void *context, uint32_t connection_id)
{
	struct fixture *fixture = context;

	fixture->ended++;
	fixture->ended_id = connection_id;
}

static inline struct td_endpoint fixture_loopback(bool is_ipv6)
{
	struct td_endpoint endpoint = {.port = 0};

	endpoint.ip.family = is_ipv6 ? TD_FAMILY_IPV6 : TD_FAMILY_IPV4;
	if (is_ipv6) {
		endpoint.ip.bytes[15] = 1;
	} else {
		endpoint.ip.bytes[0] = 127;
		endpoint.ip.bytes[3] = 1;
	}
	return endpoint;
}

/* A transport with one listener of that kind, or with config's, of which that is the first; config
 * may be NULL. */
static inline struct fixture *fixture_create(
	enum sip_transport kind, bool is_ipv6, const struct transport_config *config)
{
	struct fixture *fixture = calloc(1, sizeof(*fixture));
	struct transport_config own = {0};
	struct transport_sink sink = {
		fixture, fixture_admits, fixture_receive, fixture_failed, fixture_ended};

	if (config != NULL)
		own = *config;
	if (own.listener_count == 0)
		own.listener_count = 1;
	own.listeners[0].transport = kind;
	for (uint32_t i = 0; i < own.listener_count; i++)
		own.listeners[i].local = fixture_loopback(is_ipv6);
	if (fixture == NULL || loop_create(&fixture->loop) != 0 ||
		transport_create(fixture->loop, &own, &sink, &fixture->transport, NULL) != 0)
		abort();
	return fixture;
}

static inline void fixture_destroy(struct fixture *fixture)
{
	transport_destroy(fixture->transport);
	loop_destroy(fixture->loop);
	free(fixture);
}

/* A turn of the loop, with the transport's deadlines. */
static inline void fixture_turn(struct fixture *fixture, uint64_t wait_ms)
{
	if (loop_turn(fixture->loop, wait_ms) != 0)
		abort();
	transport_advance(fixture->transport, loop_now_ms(fixture->loop));
}

/* Turns until *counter is at least wanted; false if it doesn't come about. */
static inline bool fixture_wait64(struct fixture *fixture, const uint64_t *counter, uint64_t wanted)
{
	for (int i = 0; i < TURNS_MAX && *counter < wanted; i++)
		fixture_turn(fixture, TURN_WAIT_MS);
	return *counter >= wanted;
}

static inline bool fixture_wait(struct fixture *fixture, const uint32_t *counter, uint32_t wanted)
{
	for (int i = 0; i < TURNS_MAX && *counter < wanted; i++)
		fixture_turn(fixture, TURN_WAIT_MS);
	return *counter >= wanted;
}

/* A peer's socket towards the listener; bound and connected. */
static inline int fixture_peer_at(
	struct fixture *fixture, uint32_t listener, int type, const struct td_ip *from)
{
	struct td_endpoint to = transport_local(fixture->transport, listener);
	struct td_endpoint own = {.port = 0};
	struct sockaddr_storage address;
	socklen_t length = td_endpoint_to_sockaddr(&to, &address);
	int fd = socket(address.ss_family, type | SOCK_CLOEXEC, 0);

	if (from != NULL) {
		own.ip = *from;
		length = td_endpoint_to_sockaddr(&own, &address);
		if (bind(fd, (struct sockaddr *)&address, length) != 0)
			abort();
		length = td_endpoint_to_sockaddr(&to, &address);
	}
	if (fd < 0 || connect(fd, (struct sockaddr *)&address, length) != 0)
		abort();
	return fd;
}

static inline int fixture_peer(struct fixture *fixture, int type)
{
	return fixture_peer_at(fixture, 0, type, NULL);
}

/* A passive socket of the test's own; *ret_local is where it is. */
static inline int fixture_server(bool is_ipv6, int type, struct td_endpoint *ret_local)
{
	struct td_endpoint local = fixture_loopback(is_ipv6);
	struct sockaddr_storage address;
	socklen_t length = td_endpoint_to_sockaddr(&local, &address);
	int fd = socket(address.ss_family, type | SOCK_CLOEXEC, 0);

	if (fd < 0 || bind(fd, (struct sockaddr *)&address, length) != 0 ||
		(type == SOCK_STREAM && listen(fd, 8) != 0))
		abort();
	length = sizeof(address);
	if (getsockname(fd, (struct sockaddr *)&address, &length) != 0)
		abort();
	*ret_local = td_endpoint_from_sockaddr(&address);
	return fd;
}

#endif
