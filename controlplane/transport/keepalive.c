/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Keep-alives of connections (RFC 5626 3.5.1, 4.4.1; RFC 6455 5.5.2). On those that we opened a
 * double CRLF goes out, on WebSockets a ping. Who doesn't answer is gone; but a peer that never
 * answered a CRLF may simply not know RFC 5626, and stays.
 */
#include "transport/transport_state.h"

#include <errno.h>

enum {
	CRLF_BYTES = 2,
	CRLFS_OF_PING = 2,
	PONG_MS = 10000,      /* RFC 5626 4.4.1 */
	JITTER_PER_CENT = 20, /* RFC 5626 4.4.1: between 80 and 100 % */
	JITTER_STEPS = 1 << 10,
};

/* xorshift64* (Vigna 2016): only spreads load, guards nothing. */
static uint64_t next_random(struct transport *transport)
{
	uint64_t x = transport->random;

	x ^= x >> 12;
	x ^= x << 25;
	x ^= x >> 27;
	transport->random = x;
	return (x * 0x2545f4914f6cdd1dull) >> 32;
}

static void schedule(struct connection *connection, uint64_t delay_ms)
{
	struct transport *transport = connection->transport;

	wheel_start(&transport->wheel, &connection->pings.timer,
		td_after(transport_now_ms(transport), delay_ms));
}

static void pause(struct connection *connection)
{
	struct transport *transport = connection->transport;
	uint64_t longest_ms = transport->config.keepalive_ms;
	uint64_t jitter_ms = longest_ms * JITTER_PER_CENT / 100 *
			     (next_random(transport) % JITTER_STEPS) / JITTER_STEPS;

	connection->ping = PING_PAUSE;
	schedule(connection, longest_ms - jitter_ms);
}

/* A browser's script can't send pings, and what opened the WebSocket may have gone silently. */
void keepalive_start(struct connection *connection)
{
	bool is_asked = !connection->is_accepted || connection->websocket != NULL;

	if (is_asked && connection->transport->config.keepalive_ms != UINT32_MAX)
		pause(connection);
}

static int send_ping(struct connection *connection)
{
	connection->transport->counters.tcp_pings_sent++;
	connection->ping = PING_AWAITED;
	return connection->websocket != NULL
		       ? websocket_ping(connection)
		       : output_put(connection, "\r\n\r\n", CRLFS_OF_PING * CRLF_BYTES);
}

void keepalive_expire(struct connection *connection)
{
	uint64_t wait_ms = connection->transport->config.keepalive_ms;
	bool must_answer = connection->has_ponged || connection->websocket != NULL;
	int error = 0;

	if (connection->state != CONNECTION_IDLE && connection->state != CONNECTION_PARTIAL)
		return;
	if (connection->ping == PING_PAUSE) {
		error = send_ping(connection);
		if (error == 0)
			schedule(connection, wait_ms < PONG_MS ? wait_ms : PONG_MS);
	} else if (must_answer) {
		connection->transport->counters.tcp_pongs_missing++;
		error = -ETIME;
	} else {
		pause(connection);
	}
	if (error != 0)
		connection_fail(connection, error);
}

void keepalive_answered(struct connection *connection)
{
	if (connection->ping != PING_AWAITED)
		return;
	connection->has_ponged = true;
	pause(connection);
}

/* A double CRLF is a ping and gets a single one; its halves may come apart. While we await the
 * answer to ours, the first that comes is that. */
int keepalive_crlf(struct connection *connection, uint32_t skipped_bytes)
{
	int error = 0;

	for (uint32_t i = 0; i < skipped_bytes / CRLF_BYTES && error == 0; i++) {
		if (connection->ping == PING_AWAITED) {
			keepalive_answered(connection);
			continue;
		}
		if (++connection->crlf_count < CRLFS_OF_PING)
			continue;
		connection->crlf_count = 0;
		connection->transport->counters.tcp_keepalives++;
		error = output_put(connection, "\r\n", CRLF_BYTES);
	}
	return error;
}
