/* SPDX-License-Identifier: Apache-2.0 */
/* c-ares in our loop, against a name server in this process that behaves as each test wants. */
#include "resolver/ares_client.h"

#include "loop/loop.h"
#include "resolver/answer.h"
#include "zone.h"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include <cmocka.h>

enum {
	PORTS_MAX = 64,
	TURNS_MAX = 2000,
};

struct server {
	struct loop *loop;
	struct ares_client *client;
	int udp;
	int tcp;
	int accepted;
	struct td_endpoint address;
	struct zone zone;
	bool is_silent;
	bool is_truncating;
	bool is_lying; /* another id first */
	uint32_t port_count;
	uint16_t ports[PORTS_MAX]; /* where questions came from */
	uint32_t answers;
	uint32_t silences;
	uint64_t id;
	struct answer answer;
};

static struct server server;

static int bound(int kind, uint16_t port)
{
	struct sockaddr_in address = {.sin_family = AF_INET, .sin_port = htons(port)};
	int fd = socket(AF_INET, kind | SOCK_CLOEXEC, 0);
	int on = 1;

	address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
	assert_true(fd >= 0);
	assert_int_equal(setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &on, sizeof(on)), 0);
	assert_int_equal(bind(fd, (struct sockaddr *)&address, sizeof(address)), 0);
	return fd;
}

/* The answer to a question's bytes. */
static size_t answer_to(const uint8_t *question, uint8_t message[ZONE_MESSAGE_BYTES])
{
	struct name name;
	size_t at = 12;
	size_t length;
	uint16_t type;

	assert_int_equal(name_read(question, 512, &at, &name), 0);
	type = (uint16_t)(question[at] << 8 | question[at + 1]);
	length = zone_answer(&server.zone, name.text, type, message);
	memcpy(message, question, 2);
	return length;
}

static void on_udp(void *context, uint32_t ready)
{
	static uint8_t message[ZONE_MESSAGE_BYTES];
	struct sockaddr_in from;
	socklen_t from_length = sizeof(from);
	uint8_t question[512] = {0};
	size_t length;

	(void)context;
	(void)ready;
	if (recvfrom(server.udp, question, sizeof(question), MSG_DONTWAIT, (struct sockaddr *)&from,
		    &from_length) <= 0)
		return;
	if (server.port_count < PORTS_MAX)
		server.ports[server.port_count++] = ntohs(from.sin_port);
	if (server.is_silent)
		return;
	length = answer_to(question, message);
	if (server.is_truncating) {
		message[2] |= 0x02;
		message[7] = 0;
		length = length > 200 ? 200 : length;
	}
	if (server.is_lying) {
		message[0] ^= 0x55;
		assert_true(sendto(server.udp, message, length, 0, (struct sockaddr *)&from,
				    from_length) > 0);
		message[0] ^= 0x55;
	}
	assert_true(
		sendto(server.udp, message, length, 0, (struct sockaddr *)&from, from_length) > 0);
}

static void on_stream(void *context, uint32_t ready)
{
	static uint8_t message[2 + ZONE_MESSAGE_BYTES];
	uint8_t question[512] = {0};
	ssize_t got = recv(server.accepted, question, sizeof(question), MSG_DONTWAIT);
	size_t length;

	(void)context;
	(void)ready;
	if (got <= 2) {
		loop_remove(server.loop, server.accepted);
		(void)close(server.accepted);
		server.accepted = -1;
		return;
	}
	length = answer_to(question + 2, message + 2);
	message[0] = (uint8_t)(length >> 8);
	message[1] = (uint8_t)length;
	assert_int_equal(send(server.accepted, message, length + 2, MSG_NOSIGNAL), length + 2);
}

static void on_accept(void *context, uint32_t ready)
{
	(void)context;
	(void)ready;
	server.accepted = accept(server.tcp, NULL, NULL);
	assert_true(server.accepted >= 0);
	assert_int_equal(loop_add(server.loop, server.accepted, LOOP_READ, on_stream, NULL), 0);
}

static void on_answer(void *context, uint64_t id, const uint8_t *message, size_t length)
{
	static const struct name asked = {6, "a.test"};

	(void)context;
	server.id = id;
	server.answers += message != NULL;
	server.silences += message == NULL;
	if (message != NULL)
		assert_int_equal(
			answer_read(message, length, &asked, DNS_TYPE_A, &server.answer), 0);
}

static uint64_t next_ms(void *context)
{
	(void)context;
	return server.client != NULL ? ares_client_deadline(server.client) : TD_NEVER;
}

static void expire(void *context, uint64_t now_ms)
{
	(void)context;
	(void)now_ms;
	ares_client_advance(server.client);
}

static void begin(void)
{
	const struct loop_deadline deadline = {NULL, next_ms, expire};
	const struct ares_client_sink sink = {NULL, on_answer};
	struct ares_client_config config = {.server_count = 1, .timeout_ms = 60, .tries = 2};
	struct sockaddr_storage address;
	socklen_t length = sizeof(address);

	memset(&server, 0, sizeof(server));
	server.accepted = -1;
	server.zone.negative_ttl_s = 7;
	zone_add(&server.zone, "a.test 60 A 10.0.0.1");
	assert_int_equal(loop_create(&server.loop), 0);
	server.udp = bound(SOCK_DGRAM, 0);
	assert_int_equal(getsockname(server.udp, (struct sockaddr *)&address, &length), 0);
	config.servers[0] = td_endpoint_from_sockaddr(&address);
	server.tcp = bound(SOCK_STREAM, config.servers[0].port);
	assert_int_equal(listen(server.tcp, 4), 0);
	assert_int_equal(loop_add(server.loop, server.udp, LOOP_READ, on_udp, NULL), 0);
	assert_int_equal(loop_add(server.loop, server.tcp, LOOP_READ, on_accept, NULL), 0);
	assert_int_equal(ares_client_create(server.loop, &config, &sink, &server.client), 0);
	loop_set_deadline(server.loop, &deadline);
}

static void end(void)
{
	ares_client_destroy(server.client);
	server.client = NULL;
	(void)close(server.udp);
	(void)close(server.tcp);
	if (server.accepted >= 0)
		(void)close(server.accepted);
	loop_destroy(server.loop);
}

/* Turns the loop until that many questions have ended. */
static void wait_for(uint32_t count)
{
	for (unsigned i = 0; i < TURNS_MAX && server.answers + server.silences < count; i++)
		assert_int_equal(loop_turn(server.loop, 100), 0);
	assert_int_equal(server.answers + server.silences, count);
	assert_int_equal(ares_client_get_counts(server.client).in_flight, 0);
}

static void ask(uint64_t id)
{
	ares_client_ask(server.client, id, "a.test", DNS_TYPE_A);
}

static void test_answer(void **state)
{
	(void)state;
	begin();
	assert_int_equal(ares_client_deadline(server.client), TD_NEVER);
	ask(77);
	assert_true(ares_client_deadline(server.client) <= loop_now_ms(server.loop) + 70);
	wait_for(1);
	assert_int_equal(server.id, 77);
	assert_int_equal(server.answer.outcome, ANSWER_FOUND);
	assert_int_equal(server.answer.ttl_s, 60);
	end();
}

/* What does not exist comes with the SOA that says for how long. */
static void test_absence(void **state)
{
	(void)state;
	begin();
	zone_remove(&server.zone, "a.test", DNS_TYPE_A);
	ask(1);
	wait_for(1);
	assert_int_equal(server.answer.outcome, ANSWER_ABSENT);
	assert_int_equal(server.answer.ttl_s, 7);
	zone_add(&server.zone, "a.test 60 AAAA ::1");
	ask(2);
	wait_for(2);
	assert_int_equal(server.answer.outcome, ANSWER_ABSENT);
	end();
}

static void test_silence(void **state)
{
	uint64_t begun_ms;

	(void)state;
	begin();
	server.is_silent = true;
	begun_ms = loop_now_ms(server.loop);
	ask(1);
	wait_for(1);
	assert_int_equal(server.silences, 1);
	assert_int_equal(server.port_count, 2); /* asked twice */
	assert_true(loop_now_ms(server.loop) - begun_ms >= 60 + 120);
	assert_true(ares_client_get_counts(server.client).timeouts >= 1);
	end();
}

static void test_refusal(void **state)
{
	(void)state;
	begin();
	server.zone.rcode = 2;
	ask(1);
	for (unsigned i = 0; i < TURNS_MAX && server.answers + server.silences == 0; i++)
		assert_int_equal(loop_turn(server.loop, 100), 0);
	assert_true(server.silences == 1 || server.answer.outcome == ANSWER_REFUSED);
	end();
}

/* An answer too long for a datagram comes by TCP. */
static void test_long_answer(void **state)
{
	(void)state;
	begin();
	for (unsigned i = 2; i < 32; i++) {
		char line[64];

		(void)snprintf(line, sizeof(line), "a.test 60 A 10.0.0.%u", i);
		zone_add(&server.zone, line);
	}
	server.is_truncating = true;
	ask(1);
	wait_for(1);
	assert_int_equal(server.answer.outcome, ANSWER_FOUND);
	assert_int_equal(server.answer.record_count, 31);
	end();
}

/* A forged answer with another id counts for nothing. */
static void test_lie(void **state)
{
	(void)state;
	begin();
	server.is_lying = true;
	ask(1);
	wait_for(1);
	assert_int_equal(server.answers, 1);
	end();
}

static int compare_ports(const void *left, const void *right)
{
	return *(const uint16_t *)left - *(const uint16_t *)right;
}

/* Each group of questions has a port of its own, and nobody can tell the next one. */
static void test_ports(void **state)
{
	unsigned distinct = 1;
	unsigned neighbours = 0;

	(void)state;
	begin();
	for (uint32_t i = 1; i <= PORTS_MAX; i++) {
		ask(i);
		wait_for(i);
	}
	for (unsigned i = 1; i < PORTS_MAX; i++)
		neighbours += abs(server.ports[i] - server.ports[i - 1]) <= 4;
	qsort(server.ports, PORTS_MAX, sizeof(server.ports[0]), compare_ports);
	for (unsigned i = 1; i < PORTS_MAX; i++)
		distinct += server.ports[i] != server.ports[i - 1];
	assert_true(distinct >= PORTS_MAX * 3 / 4);
	assert_true(neighbours <= PORTS_MAX / 8);
	end();
}

static void test_many(void **state)
{
	(void)state;
	begin();
	for (uint32_t i = 0; i < 200; i++)
		ask(i);
	wait_for(200);
	assert_int_equal(server.answers, 200);
	end();
}

/* What is out when the servers are read anew ends unanswered; what is asked then is answered. */
static void test_renewal(void **state)
{
	(void)state;
	begin();
	server.is_silent = true;
	ask(1);
	assert_int_equal(loop_turn(server.loop, 5), 0);
	assert_int_equal(ares_client_renew(server.client), 0);
	assert_int_equal(server.silences, 1);
	server.is_silent = false;
	ask(2);
	wait_for(2);
	assert_int_equal(server.answers, 1);
	end();
}

static void test_end_with_questions_out(void **state)
{
	(void)state;
	begin();
	server.is_silent = true;
	ask(1);
	ask(2);
	assert_int_equal(loop_turn(server.loop, 5), 0);
	end();
	assert_int_equal(server.silences, 0);
	ares_client_destroy(NULL);
}

static void test_system_servers(void **state)
{
	const struct ares_client_config config = {.timeout_ms = 60, .tries = 1};
	const struct ares_client_sink sink = {NULL, on_answer};
	struct ares_client *client;
	struct loop *loop;

	(void)state;
	assert_int_equal(loop_create(&loop), 0);
	assert_int_equal(ares_client_create(loop, &config, &sink, &client), 0);
	ares_client_destroy(client);
	loop_destroy(loop);
}

int main(void)
{
	static const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_answer),
		cmocka_unit_test(test_absence),
		cmocka_unit_test(test_silence),
		cmocka_unit_test(test_refusal),
		cmocka_unit_test(test_long_answer),
		cmocka_unit_test(test_lie),
		cmocka_unit_test(test_ports),
		cmocka_unit_test(test_many),
		cmocka_unit_test(test_renewal),
		cmocka_unit_test(test_end_with_questions_out),
		cmocka_unit_test(test_system_servers),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
