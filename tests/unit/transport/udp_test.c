/* SPDX-License-Identifier: Apache-2.0 */
#include "transport_fixture.h"

#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

static void exchange(bool is_ipv6)
{
	struct fixture *fixture = fixture_create(SIP_TRANSPORT_UDP, is_ipv6, NULL);
	const struct transport_counters *counters = transport_get_counters(fixture->transport);
	struct td_endpoint here = transport_local(fixture->transport, 0);
	int peer = fixture_peer(fixture, SOCK_DGRAM);
	char answer[64];

	fixture->is_echoing = true;
	assert_int_equal(send(peer, "hello", 5, 0), 5);
	assert_true(fixture_wait(fixture, &fixture->received, 1));
	assert_memory_equal(fixture->bytes, "hello", 5);
	assert_true(td_endpoint_equal(&fixture->flow.local, &here));
	assert_int_equal(fixture->flow.connection_id, 0);
	/* The peer is connected: only an answer from where it asked arrives. */
	assert_int_equal(recv(peer, answer, sizeof(answer), 0), 5);
	assert_int_equal(counters->udp_received, 1);
	assert_int_equal(counters->udp_received_bytes, 5);
	assert_int_equal(counters->udp_sent, 1);
	assert_int_equal(transport_deadline(fixture->transport), TD_NEVER);
	(void)close(peer);
	fixture_destroy(fixture);
}

static void test_exchange(void **state)
{
	(void)state;
	exchange(false);
	exchange(true);
}

/* More datagrams than a batch: all arrive, over several turns. */
static void test_batch(void **state)
{
	struct transport_config config = {.udp_batch = 4};
	struct fixture *fixture = fixture_create(SIP_TRANSPORT_UDP, false, &config);
	int peer = fixture_peer(fixture, SOCK_DGRAM);

	(void)state;
	for (int i = 0; i < 10; i++)
		assert_int_equal(send(peer, "x", 1, 0), 1);
	fixture_turn(fixture, TURN_WAIT_MS);
	assert_int_equal(fixture->received, 4);
	fixture_turn(fixture, TURN_WAIT_MS);
	assert_int_equal(fixture->received, 8);
	assert_true(fixture_wait(fixture, &fixture->received, 10));
	(void)close(peer);
	fixture_destroy(fixture);
}

/* What a datagram waited is measured. The kernel begins to stamp on arrival a moment after the
 * first socket asked for it, so the first tries may count for nothing. */
static void test_queue_delay(void **state)
{
	struct fixture *fixture = fixture_create(SIP_TRANSPORT_UDP, false, NULL);
	int peer = fixture_peer(fixture, SOCK_DGRAM);

	(void)state;
	for (uint32_t i = 1; i < TURNS_MAX && fixture->worst_queue_delay_us < 2000; i++) {
		uint64_t start_ns = td_mono_ns();

		assert_int_equal(send(peer, "x", 1, 0), 1);
		while (td_since(td_mono_ns(), start_ns) < 2 * (uint64_t)TD_NS_PER_MS)
			; /* lets it lie for 2 ms */
		assert_true(fixture_wait(fixture, &fixture->received, i));
	}
	assert_in_range(fixture->worst_queue_delay_us, 2000, 10000000);
	(void)close(peer);
	fixture_destroy(fixture);
}

static void test_not_messages(void **state)
{
	struct fixture *fixture = fixture_create(SIP_TRANSPORT_UDP, false, NULL);
	const struct transport_counters *counters = transport_get_counters(fixture->transport);
	int peer = fixture_peer(fixture, SOCK_DGRAM);

	(void)state;
	assert_int_equal(send(peer, "\r\n\r\n", 4, 0), 4);
	assert_int_equal(send(peer, "\0\0\0\0", 4, 0), 4);
	assert_int_equal(send(peer, "", 0, 0), 0);
	assert_true(fixture_wait64(fixture, &counters->udp_keepalives, 3));
	fixture->is_refusing = true;
	assert_int_equal(send(peer, "hello", 5, 0), 5);
	assert_true(fixture_wait64(fixture, &counters->strangers, 1));
	assert_int_equal(fixture->received, 0);
	(void)close(peer);
	fixture_destroy(fixture);
}

/* A full receive buffer is the kernel's to drop from, and ours to count. */
static void test_kernel_drops(void **state)
{
	struct transport_config config = {.udp_receive_buffer_bytes = 4096};
	struct fixture *fixture = fixture_create(SIP_TRANSPORT_UDP, false, &config);
	const struct transport_counters *counters = transport_get_counters(fixture->transport);
	int peer = fixture_peer(fixture, SOCK_DGRAM);
	char text[1000] = {[0] = 'x'};
	uint32_t sent = 200;

	(void)state;
	for (uint32_t i = 0; i < sent; i++)
		assert_int_equal(send(peer, text, sizeof(text), 0), sizeof(text));
	assert_true(fixture_wait(fixture, &fixture->received, 1));
	/* The count comes with the next datagram that finds room. */
	assert_int_equal(send(peer, "last", 4, 0), 4);
	assert_true(fixture_wait64(fixture, &counters->udp_kernel_drops, 1));
	assert_true(fixture->received + counters->udp_kernel_drops >= sent);
	(void)close(peer);
	fixture_destroy(fixture);
}

/* A closed port answers with ICMP: told as a failure of that flow, of no other. */
static void test_unreachable(void **state)
{
	struct fixture *fixture = fixture_create(SIP_TRANSPORT_UDP, false, NULL);
	struct sip_flow flow = {.transport = SIP_TRANSPORT_UDP};
	struct td_endpoint other;
	int gone = fixture_server(false, SOCK_DGRAM, &flow.remote);
	int there = fixture_server(false, SOCK_DGRAM, &other);
	struct sip_flow good = {.remote = other, .transport = SIP_TRANSPORT_UDP};
	char text[8];

	(void)state;
	flow.local = transport_local(fixture->transport, 0);
	good.local = flow.local;
	(void)close(gone);
	transport_send(fixture->transport, &flow, "x", 1);
	transport_send(fixture->transport, &good, "y", 1);
	assert_int_equal(fixture->failed, 0); /* never from inside a send */
	assert_true(fixture_wait(fixture, &fixture->failed, 1));
	assert_true(td_endpoint_equal(&fixture->failed_flow.remote, &flow.remote));
	assert_int_equal(recv(there, text, sizeof(text), 0), 1);
	assert_int_equal(fixture->failed, 1);
	(void)close(there);
	fixture_destroy(fixture);
}

static void test_foreign_flow(void **state)
{
	struct fixture *fixture = fixture_create(SIP_TRANSPORT_UDP, false, NULL);
	struct sip_flow flow = {.transport = SIP_TRANSPORT_UDP};

	(void)state;
	flow.local = fixture_loopback(false);
	flow.local.port = 1;
	flow.remote = transport_local(fixture->transport, 0);
	transport_send(fixture->transport, &flow, "x", 1);
	assert_true(fixture_wait(fixture, &fixture->failed, 1));
	fixture_destroy(fixture);
}

static void test_refused_listeners(void **state)
{
	struct transport_config config = {.listener_count = 2};
	struct transport_sink sink = {NULL, NULL, fixture_receive, fixture_failed, fixture_ended};
	struct transport *transport = NULL;
	struct loop *loop;
	struct transport_failure failure = {.listener = 99};
	int taken = fixture_server(false, SOCK_DGRAM, &config.listeners[1].local);

	(void)state;
	assert_int_equal(loop_create(&loop), 0);
	config.listeners[0].transport = SIP_TRANSPORT_UDP;
	config.listeners[0].local = fixture_loopback(false);
	config.listeners[1].transport = SIP_TRANSPORT_UDP;
	assert_int_equal(transport_create(loop, &config, &sink, &transport, &failure), -EADDRINUSE);
	assert_int_equal(failure.listener, 1);
	config.listeners[1].transport = SIP_TRANSPORT_TLS;
	assert_int_equal(transport_create(loop, &config, &sink, &transport, &failure), -EINVAL);
	assert_null(transport);
	loop_destroy(loop);
	(void)close(taken);
}

/* A held listener leaves what comes in the socket, sends, and takes it all once it listens. */
static void test_held(void **state)
{
	struct transport_config config = {.is_held = true};
	struct fixture *fixture = fixture_create(SIP_TRANSPORT_UDP, false, &config);
	struct sip_flow flow = {.transport = SIP_TRANSPORT_UDP};
	int peer = fixture_peer(fixture, SOCK_DGRAM);
	struct sockaddr_storage address;
	socklen_t length = sizeof(address);
	char sent[8];

	(void)state;
	assert_int_equal(getsockname(peer, (struct sockaddr *)&address, &length), 0);
	flow.local = transport_local(fixture->transport, 0);
	flow.remote = td_endpoint_from_sockaddr(&address);
	assert_int_equal(send(peer, "hello", 5, 0), 5);
	transport_send(fixture->transport, &flow, "out", 3);
	assert_int_equal(recv(peer, sent, sizeof(sent), 0), 3);
	fixture_turn(fixture, TURN_WAIT_MS);
	assert_int_equal(fixture->received, 0);
	assert_int_equal(transport_listen(fixture->transport), 0);
	assert_true(fixture_wait(fixture, &fixture->received, 1));
	assert_memory_equal(fixture->bytes, "hello", 5);
	assert_int_equal(transport_listen(fixture->transport), 0);
	(void)close(peer);
	fixture_destroy(fixture);
}

int main(void)
{
	static const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_exchange),
		cmocka_unit_test(test_batch),
		cmocka_unit_test(test_queue_delay),
		cmocka_unit_test(test_not_messages),
		cmocka_unit_test(test_kernel_drops),
		cmocka_unit_test(test_unreachable),
		cmocka_unit_test(test_foreign_flow),
		cmocka_unit_test(test_refused_listeners),
		cmocka_unit_test(test_held),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
