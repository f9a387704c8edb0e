/* SPDX-License-Identifier: Apache-2.0 */
#include "transport_fixture.h"

#include <errno.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

static const char message[] = FIXTURE_MESSAGE;
enum {
	MESSAGE_BYTES = sizeof(message) - 1
};

static void put(int fd, const char *bytes, size_t length)
{
	assert_int_equal(send(fd, bytes, length, MSG_NOSIGNAL), length);
}

/* Reads length bytes while the transport has its turns. */
static void expect_bytes(struct fixture *fixture, int fd, const char *bytes, size_t length)
{
	char got[4096];
	size_t used = 0;

	for (int i = 0; i < TURNS_MAX && used < length; i++) {
		ssize_t more = recv(fd, got + used, length - used, MSG_DONTWAIT);

		if (more > 0)
			used += (size_t)more;
		else
			fixture_turn(fixture, 5);
	}
	assert_int_equal(used, length);
	assert_memory_equal(got, bytes, length);
}

/* Turns until the peer sees the end of its connection. */
static bool is_closed(struct fixture *fixture, int fd)
{
	char byte;

	for (int i = 0; i < TURNS_MAX; i++) {
		ssize_t got = recv(fd, &byte, 1, MSG_DONTWAIT);

		if (got == 0 || (got < 0 && errno != EAGAIN))
			return true;
		fixture_turn(fixture, TURN_WAIT_MS);
	}
	return false;
}

static void exchange(bool is_ipv6)
{
	struct fixture *fixture = fixture_create(SIP_TRANSPORT_TCP, is_ipv6, NULL);
	int peer = fixture_peer(fixture, SOCK_STREAM);

	fixture->is_echoing = true;
	put(peer, message, MESSAGE_BYTES);
	expect_bytes(fixture, peer, message, MESSAGE_BYTES);
	assert_int_equal(fixture->received, 1);
	assert_int_equal(fixture->length, MESSAGE_BYTES);
	assert_int_not_equal(fixture->flow.connection_id, 0);
	assert_int_equal(fixture->ended, 0);
	(void)close(peer);
	for (int i = 0; i < TURNS_MAX && fixture->ended == 0; i++)
		fixture_turn(fixture, TURN_WAIT_MS);
	assert_int_equal(transport_connection_count(fixture->transport), 0);
	assert_int_equal(fixture->ended, 1);
	assert_int_equal(fixture->ended_id, fixture->flow.connection_id);
	assert_int_equal(fixture->failed, 0);
	fixture_destroy(fixture);
}

static void test_exchange(void **state)
{
	(void)state;
	exchange(false);
	exchange(true);
}

/* Any cut of the stream gives the same messages. */
static void test_framing(void **state)
{
	struct fixture *fixture = fixture_create(SIP_TRANSPORT_TCP, false, NULL);
	int peer = fixture_peer(fixture, SOCK_STREAM);
	int on = 1;
	char both[2 * MESSAGE_BYTES];

	(void)state;
	(void)setsockopt(peer, IPPROTO_TCP, TCP_NODELAY, &on, sizeof(on));
	memcpy(both, message, MESSAGE_BYTES);
	memcpy(both + MESSAGE_BYTES, message, MESSAGE_BYTES);
	for (size_t cut = 1; cut < sizeof(both); cut += 7) {
		const struct transport_counters *counters =
			transport_get_counters(fixture->transport);
		uint32_t before = fixture->received;
		uint64_t bytes = counters->tcp_received_bytes;

		put(peer, both, cut);
		assert_true(fixture_wait64(fixture, &counters->tcp_received_bytes, bytes + cut));
		assert_int_equal(fixture->received, before + cut / MESSAGE_BYTES);
		put(peer, both + cut, sizeof(both) - cut);
		assert_true(fixture_wait(fixture, &fixture->received, before + 2));
		assert_memory_equal(fixture->bytes, message, MESSAGE_BYTES);
	}
	(void)close(peer);
	fixture_destroy(fixture);
}

static void test_largest(void **state)
{
	struct fixture *fixture = fixture_create(SIP_TRANSPORT_TCP, false, NULL);
	int peer = fixture_peer(fixture, SOCK_STREAM);
	static char text[SIP_MESSAGE_MAX_BYTES];
	int head = snprintf(
		text, sizeof(text), "OPTIONS sip:a@h SIP/2.0\r\nContent-Length: %05d\r\n\r\n", 0);

	(void)state;
	(void)snprintf(text, sizeof(text),
		"OPTIONS sip:a@h SIP/2.0\r\nContent-Length: %05d\r\n\r\n",
		(int)sizeof(text) - head);
	memset(text + head, 'b', sizeof(text) - (size_t)head);
	put(peer, text, sizeof(text));
	assert_true(fixture_wait(fixture, &fixture->received, 1));
	assert_int_equal(fixture->length, sizeof(text));
	(void)close(peer);
	fixture_destroy(fixture);
}

static void test_keepalive(void **state)
{
	struct fixture *fixture = fixture_create(SIP_TRANSPORT_TCP, false, NULL);
	int peer = fixture_peer(fixture, SOCK_STREAM);

	(void)state;
	put(peer, "\r\n\r\n", 4);
	expect_bytes(fixture, peer, "\r\n", 2);
	put(peer, "\r\n", 2); /* half a ping, then the rest */
	fixture_turn(fixture, TURN_WAIT_MS);
	put(peer, "\r\n", 2);
	expect_bytes(fixture, peer, "\r\n", 2);
	assert_int_equal(transport_get_counters(fixture->transport)->tcp_keepalives, 2);
	assert_int_equal(fixture->received, 0);
	(void)close(peer);
	fixture_destroy(fixture);
}

static void test_malformed(void **state)
{
	static const char text[] = "OPTIONS sip:a@h SIP/2.0\r\nVia: x\r\n\r\n";
	struct fixture *fixture = fixture_create(SIP_TRANSPORT_TCP, false, NULL);
	int peer = fixture_peer(fixture, SOCK_STREAM);

	(void)state;
	put(peer, text, sizeof(text) - 1);
	assert_true(is_closed(fixture, peer));
	assert_int_equal(transport_get_counters(fixture->transport)->tcp_malformed, 1);
	(void)close(peer);
	fixture_destroy(fixture);
}

/* Both sides of each deadline are tried by moving the transport's time, not by waiting. */
static void test_timeouts(void **state)
{
	struct transport_config config = {.partial_timeout_ms = 60000, .idle_timeout_ms = 90000};
	struct fixture *fixture = fixture_create(SIP_TRANSPORT_TCP, false, &config);
	const struct transport_counters *counters = transport_get_counters(fixture->transport);
	int idle = fixture_peer(fixture, SOCK_STREAM);
	int partial = fixture_peer(fixture, SOCK_STREAM);
	uint64_t deadline_ms;

	(void)state;
	put(partial, message, 10);
	assert_true(fixture_wait64(fixture, &counters->tcp_received_bytes, 10));
	assert_int_equal(transport_connection_count(fixture->transport), 2);
	deadline_ms = transport_deadline(fixture->transport);
	assert_in_range(deadline_ms - loop_now_ms(fixture->loop), 55000, 60000);
	transport_advance(fixture->transport, deadline_ms - 1);
	assert_int_equal(transport_connection_count(fixture->transport), 2);
	transport_advance(fixture->transport, deadline_ms);
	assert_int_equal(counters->tcp_partial_timeouts, 1);
	deadline_ms = transport_deadline(fixture->transport);
	transport_advance(fixture->transport, deadline_ms - 1);
	assert_int_equal(transport_connection_count(fixture->transport), 1);
	transport_advance(fixture->transport, deadline_ms);
	assert_int_equal(counters->tcp_idle_timeouts, 1);
	assert_int_equal(transport_deadline(fixture->transport), TD_NEVER);
	(void)close(idle);
	(void)close(partial);
	fixture_destroy(fixture);
}

static void test_limits(void **state)
{
	struct transport_config config = {.connections_per_source_max = 2};
	struct fixture *fixture = fixture_create(SIP_TRANSPORT_TCP, false, &config);
	const struct transport_counters *counters = transport_get_counters(fixture->transport);
	int peers[3];

	(void)state;
	for (int i = 0; i < 3; i++)
		peers[i] = fixture_peer(fixture, SOCK_STREAM);
	assert_true(fixture_wait64(fixture, &counters->tcp_refused_source, 1));
	assert_int_equal(counters->tcp_accepted, 2);
	assert_true(is_closed(fixture, peers[2]));
	(void)close(peers[2]);
	fixture->is_refusing = true;
	peers[2] = fixture_peer(fixture, SOCK_STREAM);
	assert_true(fixture_wait64(fixture, &counters->strangers, 1));
	assert_true(is_closed(fixture, peers[2]));
	for (int i = 0; i < 3; i++)
		(void)close(peers[i]);
	fixture_destroy(fixture);
}

/* A flow without connection: one is opened, and used again. */
static void test_open_and_reuse(void **state)
{
	struct fixture *fixture = fixture_create(SIP_TRANSPORT_TCP, false, NULL);
	struct sip_flow flow = {.transport = SIP_TRANSPORT_TCP};
	int server = fixture_server(false, SOCK_STREAM, &flow.remote);
	int peer;

	(void)state;
	flow.local = transport_local(fixture->transport, 0);
	transport_send(fixture->transport, &flow, message, MESSAGE_BYTES);
	transport_send(fixture->transport, &flow, message, MESSAGE_BYTES);
	assert_int_equal(transport_connection_count(fixture->transport), 1);
	peer = accept(server, NULL, NULL);
	assert_true(peer >= 0);
	expect_bytes(fixture, peer, message, MESSAGE_BYTES);
	expect_bytes(fixture, peer, message, MESSAGE_BYTES);
	put(peer, message, MESSAGE_BYTES);
	assert_true(fixture_wait(fixture, &fixture->received, 1));
	assert_true(td_endpoint_equal(&fixture->flow.remote, &flow.remote));
	assert_true(td_endpoint_equal(&fixture->flow.local, &flow.local));

	/* The connection that a reply names has gone: another one is opened. */
	(void)close(peer);
	for (int i = 0; i < TURNS_MAX && transport_connection_count(fixture->transport) != 0; i++)
		fixture_turn(fixture, TURN_WAIT_MS);
	transport_send(fixture->transport, &fixture->flow, message, MESSAGE_BYTES);
	peer = accept(server, NULL, NULL);
	expect_bytes(fixture, peer, message, MESSAGE_BYTES);
	assert_int_equal(transport_get_counters(fixture->transport)->tcp_opened, 2);
	assert_int_equal(fixture->failed, 0);
	(void)close(peer);
	(void)close(server);
	fixture_destroy(fixture);
}

static void test_refused(void **state)
{
	struct fixture *fixture = fixture_create(SIP_TRANSPORT_TCP, false, NULL);
	struct sip_flow flow = {.transport = SIP_TRANSPORT_TCP, .connection_id = 77};
	int server = fixture_server(false, SOCK_STREAM, &flow.remote);

	(void)state;
	flow.local = transport_local(fixture->transport, 0);
	(void)close(server);
	transport_send(fixture->transport, &flow, message, MESSAGE_BYTES);
	assert_int_equal(fixture->failed, 0);
	assert_true(fixture_wait(fixture, &fixture->failed, 1));
	assert_true(td_endpoint_equal(&fixture->failed_flow.remote, &flow.remote));
	assert_int_equal(transport_connection_count(fixture->transport), 0);
	assert_int_equal(transport_get_counters(fixture->transport)->tcp_open_failed, 1);
	fixture_destroy(fixture);
}

/* A peer that doesn't read: its share fills, then it is given up and told once. */
static void test_overflow(void **state)
{
	struct transport_config config = {.output_max_bytes = 100000};
	struct fixture *fixture = fixture_create(SIP_TRANSPORT_TCP, false, &config);
	struct sip_flow flow = {.transport = SIP_TRANSPORT_TCP};
	int server = fixture_server(false, SOCK_STREAM, &flow.remote);
	static char text[50000];
	const struct transport_counters *counters = transport_get_counters(fixture->transport);

	(void)state;
	flow.local = transport_local(fixture->transport, 0);
	transport_send(fixture->transport, &flow, "x", 1);
	assert_true(fixture_wait64(fixture, &counters->tcp_opened, 1));
	for (int i = 0; i < 10000 && counters->tcp_output_overflows == 0; i++)
		transport_send(fixture->transport, &flow, text, sizeof(text));
	assert_int_equal(counters->tcp_output_overflows, 1);
	assert_true(fixture_wait(fixture, &fixture->failed, 1));
	assert_int_equal(transport_connection_count(fixture->transport), 0);
	(void)close(server);
	fixture_destroy(fixture);
}

int main(void)
{
	static const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_exchange),
		cmocka_unit_test(test_framing),
		cmocka_unit_test(test_largest),
		cmocka_unit_test(test_keepalive),
		cmocka_unit_test(test_malformed),
		cmocka_unit_test(test_timeouts),
		cmocka_unit_test(test_limits),
		cmocka_unit_test(test_open_and_reuse),
		cmocka_unit_test(test_refused),
		cmocka_unit_test(test_overflow),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
