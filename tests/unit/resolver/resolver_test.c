/* SPDX-License-Identifier: Apache-2.0 */
/* Names over time: asked for ahead, kept through outages, followed when they change. */
#include "server.h"

#include <tandem/compiler.h>
#include <tandem/time.h>

#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

#include <cmocka.h>

#define ZONE                                             \
	"_sip._udp.a.test 300 SRV 0 0 5060 h.test\n"     \
	"h.test 100 A 10.0.0.1\nh.test 100 A 10.0.0.2\n" \
	"other.test 300 A 10.0.0.7\n"
#define URI "sip:a.test;transport=udp"

static struct server server;

static void begin(const char *zone)
{
	const struct resolver_config config = server_config();

	server_init(&server, &config, zone);
}

static struct resolver_status status_of(uint32_t watch)
{
	struct resolver_status status;

	assert_int_equal(resolver_get_status(server.resolver, watch, &status), 0);
	return status;
}

/* Nothing is asked for twice at a time, nor before nine tenths of the TTL. */
static void test_ahead(void **state)
{
	(void)state;
	begin(ZONE);
	server_watch(&server, 0, URI);
	server_watch(&server, 1, URI);
	assert_int_equal(server.asked, 1);
	assert_int_equal(status_of(0).reason, LOCATE_PENDING);
	assert_false(status_of(0).is_known);
	server_answer(&server);
	assert_int_equal(server.asked, 3); /* SRV, A, AAAA */
	assert_int_equal(server.changes, 2);
	assert_int_equal(server.count, 2);
	assert_true(status_of(1).is_known);
	server.asked = 0;
	server_pass(&server, 26999);
	assert_int_equal(server.asked, 0);
	server_pass(&server, 1); /* no AAAA: 30 s */
	assert_int_equal(server.asked, 1);
	server_pass(&server, 62999);
	server.asked = 0;
	server_pass(&server, 1); /* A: 100 s */
	assert_int_equal(server.asked, 1);
	assert_int_equal(server.changes, 2);
	server_fini(&server);
}

/* Between the question and its answer, and when the order of records changes, nothing moves. */
static void test_quiet(void **state)
{
	(void)state;
	begin(ZONE);
	server_watch(&server, 0, URI);
	server_answer(&server);
	zone_remove(&server.zone, "h.test", DNS_TYPE_A);
	zone_add(&server.zone, "h.test 100 A 10.0.0.2\nh.test 100 A 10.0.0.1");
	server_pass(&server, 1000000);
	assert_int_equal(server.changes, 1);
	server_fini(&server);
}

static void test_change(void **state)
{
	(void)state;
	begin(ZONE);
	server_watch(&server, 0, URI);
	server_answer(&server);
	zone_remove(&server.zone, "h.test", DNS_TYPE_A);
	zone_add(&server.zone, "h.test 100 A 10.0.0.3");
	server_pass(&server, 90000);
	assert_int_equal(server.changes, 2);
	assert_string_equal(server_list(&server), "0 0 0 UDP 10.0.0.3:5060\n");
	zone_remove(&server.zone, "_sip._udp.a.test", DNS_TYPE_SRV);
	server_pass(&server, 300000);
	assert_int_equal(server.count, 0); /* the name no longer exists: not a failure of servers */
	assert_int_equal(status_of(0).reason, LOCATE_ABSENT);
	zone_add(&server.zone, "_sip._udp.a.test 300 SRV 0 0 5060 h.test");
	server_pass(&server, 60000);
	assert_int_equal(server.count, 1);
	server_fini(&server);
}

/* Servers dead for less than stale_s: the list stays. Back: the new one soon. */
static void test_outage(void **state)
{
	(void)state;
	begin(ZONE);
	server_watch(&server, 0, URI);
	server_answer(&server);
	server.is_silent = true;
	server_pass(&server, 80000000);
	assert_int_equal(server.changes, 1);
	assert_true(status_of(0).is_stale);
	assert_int_equal(status_of(0).count, 2);
	server.is_silent = false;
	zone_remove(&server.zone, "h.test", DNS_TYPE_A);
	zone_add(&server.zone, "h.test 100 A 10.0.0.3");
	server_pass(&server, 31000);
	assert_int_equal(server.changes, 2);
	assert_int_equal(server.count, 1);
	assert_false(status_of(0).is_stale);
	server.is_silent = true;
	server_pass(&server, 90000000);
	assert_int_equal(server.count, 0); /* a day is over */
	assert_int_equal(status_of(0).reason, LOCATE_NO_SERVER);
	server_fini(&server);
}

/* A server that says SERVFAIL, or speaks nonsense, is as good as none. */
static void test_useless_server(void **state)
{
	(void)state;
	begin(ZONE);
	server_watch(&server, 0, URI);
	server_answer(&server);
	server.zone.rcode = 2;
	server_pass(&server, 1000000);
	assert_int_equal(server.changes, 1);
	assert_true(status_of(0).is_stale);
	server.zone.rcode = 3;
	server_pass(&server, 31000);
	assert_int_equal(server.count, 0); /* NXDOMAIN isn't a failure (RFC 8767 4) */
	server_fini(&server);
}

static void test_dead_at_start(void **state)
{
	(void)state;
	begin(ZONE);
	server.is_silent = true;
	server_watch(&server, 0, URI);
	server_pass(&server, 60000);
	assert_int_equal(server.changes, 0);
	assert_int_equal(status_of(0).reason, LOCATE_NO_SERVER);
	assert_true(server.asked <= 8);
	server.is_silent = false;
	server_pass(&server, 30000);
	assert_int_equal(server.count, 2);
	server_fini(&server);
}

/* One branch hangs: what is known is taken after half a second, and completed later. */
static void test_patience(void **state)
{
	static uint8_t message[ZONE_MESSAGE_BYTES];
	struct server_question hanging;

	(void)state;
	begin(ZONE "_sip._udp.a.test 300 SRV 5 0 5060 slow.test\nslow.test 300 A 10.0.0.9");
	server_watch(&server, 0, URI);
	resolver_answer(server.resolver, server.questions[0].id, message,
		zone_answer(&server.zone, server.questions[0].name, DNS_TYPE_SRV, message),
		server.now_ms);
	memmove(server.questions, server.questions + 1, 4 * sizeof(server.questions[0]));
	server.question_count = 4;
	assert_string_equal(server.questions[2].name, "slow.test");
	hanging = server.questions[2];
	server.questions[2] = server.questions[3];
	server.question_count = 3;
	server_answer(&server);
	assert_int_equal(server.changes, 0);
	server_pass(&server, 499);
	assert_int_equal(server.changes, 0);
	server_pass(&server, 1);
	assert_int_equal(server.count, 2);
	server.questions[0] = hanging;
	server.question_count = 1;
	server_answer(&server);
	assert_int_equal(server.count, 3);
	server_fini(&server);
}

/* What was known before a restart stands while servers are silent, and gives way to an answer. */
static void test_remember(void **state)
{
	const struct resolver_target before[] = {
		{.endpoint = {.ip = {.bytes = {10, 0, 0, 5}, .family = TD_FAMILY_IPV4},
			 .port = 5060},
			.transport = SIP_TRANSPORT_UDP}};

	(void)state;
	begin(ZONE);
	server.is_silent = true;
	server_watch(&server, 0, URI);
	resolver_remember(server.resolver, 0, before, 1, server.now_ms + 100000);
	server_pass(&server, 99999);
	assert_int_equal(server.changes, 0);
	assert_int_equal(status_of(0).count, 1);
	assert_true(status_of(0).is_stale);
	server_pass(&server, 1);
	assert_int_equal(server.changes, 1);
	assert_int_equal(server.count, 0);
	server_watch(&server, 1, "sip:other.test:5060");
	resolver_remember(server.resolver, 1, before, 1, server.now_ms + 1000000);
	server.is_silent = false;
	server_pass(&server, 60000);
	assert_false(status_of(1).is_stale);
	assert_int_equal(status_of(0).count, 2);
	resolver_remember(server.resolver, 1, before, 1, server.now_ms + 1000000);
	resolver_remember(server.resolver, 9, before, 1, server.now_ms + 1000000);
	server_pass(&server, 60000);
	assert_false(status_of(1).is_stale);
	server_fini(&server);
}

static void test_watching(void **state)
{
	struct resolver_status status;
	struct resolver_peer peer = {.port = 1};

	(void)state;
	begin(ZONE);
	assert_int_equal(resolver_watch(server.resolver, 64, &peer, 0), -EINVAL);
	server_watch(&server, 63, URI);
	server_answer(&server);
	server_watch(&server, 63, URI); /* the same: nothing begins anew */
	assert_int_equal(status_of(63).count, 2);
	server_watch(&server, 63, "sip:other.test:5060");
	assert_int_equal(status_of(63).count, 0);
	server_answer(&server);
	assert_int_equal(server.count, 1);
	resolver_unwatch(server.resolver, 63);
	resolver_unwatch(server.resolver, 63);
	resolver_unwatch(server.resolver, 7);
	assert_int_equal(resolver_get_status(server.resolver, 63, &status), -ENOENT);
	assert_int_equal(resolver_deadline(server.resolver), TD_NEVER);
	server_fini(&server);
}

/* No more questions at a time than allowed; every name gets its turn. */
static void test_many(void **state)
{
	struct resolver_config config = server_config();
	char line[64];

	(void)state;
	config.queries_max = 3;
	server_init(&server, &config, ZONE);
	for (unsigned i = 0; i < 64; i++) {
		(void)snprintf(line, sizeof(line), "m%u.test 300 A 10.0.1.%u", i, i);
		zone_add(&server.zone, line);
		(void)snprintf(line, sizeof(line), "sip:m%u.test:5060", i);
		server_watch(&server, i, line);
		assert_true(server.question_count <= 3);
	}
	server_answer(&server);
	assert_int_equal(server.changes, 64);
	assert_int_equal(resolver_get_counts(server.resolver).cache.names, 128);
	server_fini(&server);
}

/* A cache too small for what is watched: lists stay although their records don't. */
static void test_small_cache(void **state)
{
	struct resolver_config config = server_config();
	char line[64];

	(void)state;
	config.cache.names_max = 16;
	config.queries_max = 4;
	server_init(&server, &config, ZONE);
	for (unsigned i = 0; i < 32; i++) {
		(void)snprintf(line, sizeof(line), "m%u.test 300 A 10.0.1.%u", i, i);
		zone_add(&server.zone, line);
		(void)snprintf(line, sizeof(line), "sip:m%u.test:5060", i);
		server_watch(&server, i, line);
		server_pass(&server, 5000);
	}
	server_pass(&server, 10000);
	server.is_silent = true;
	server_pass(&server, 600000);
	for (unsigned i = 0; i < 32; i++)
		assert_int_equal(status_of(i).count, 1);
	server_fini(&server);
}

static void test_reconfigure(void **state)
{
	struct resolver_config config = server_config();

	(void)state;
	begin(ZONE);
	server_watch(&server, 0, URI);
	server_answer(&server);
	memset(config.support.families, 0, sizeof(config.support.families));
	resolver_configure(server.resolver, &config, server.now_ms);
	assert_int_equal(server.count, 0);
	assert_int_equal(status_of(0).reason, LOCATE_NO_TRANSPORT);
	server_fini(&server);
}

static void test_garbage(void **state)
{
	uint8_t garbage[64];

	(void)state;
	begin(ZONE);
	memset(garbage, 0xff, sizeof(garbage));
	server_watch(&server, 0, URI);
	resolver_answer(server.resolver, 12345, garbage, sizeof(garbage), server.now_ms);
	resolver_answer(
		server.resolver, server.questions[0].id, garbage, sizeof(garbage), server.now_ms);
	assert_int_equal(resolver_get_counts(server.resolver).malformed, 1);
	assert_int_equal(status_of(0).reason, LOCATE_NO_SERVER);
	server.question_count = 0;
	server_pass(&server, 1000);
	assert_int_equal(server.count, 2);
	server_fini(&server);
}

int main(void)
{
	static const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_ahead),
		cmocka_unit_test(test_quiet),
		cmocka_unit_test(test_change),
		cmocka_unit_test(test_outage),
		cmocka_unit_test(test_useless_server),
		cmocka_unit_test(test_dead_at_start),
		cmocka_unit_test(test_patience),
		cmocka_unit_test(test_remember),
		cmocka_unit_test(test_watching),
		cmocka_unit_test(test_many),
		cmocka_unit_test(test_small_cache),
		cmocka_unit_test(test_reconfigure),
		cmocka_unit_test(test_garbage),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
