/* SPDX-License-Identifier: Apache-2.0 */
/* RFC 3263 section 4 case by case: what is asked, in which order targets come. */
#include "server.h"

#include <tandem/compiler.h>

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#define SRV_ZONE                                                  \
	"_sip._udp.example.com 300 SRV 20 0 5060 c.example.com\n" \
	"_sip._udp.example.com 300 SRV 10 1 5070 b.example.com\n" \
	"_sip._udp.example.com 300 SRV 10 9 5060 a.example.com\n" \
	"_sip._tcp.example.com 300 SRV 1 0 5080 a.example.com\n"  \
	"_sips._tcp.example.com 300 SRV 1 0 5061 a.example.com\n" \
	"a.example.com 300 A 10.0.0.1\n"                          \
	"b.example.com 300 A 10.0.0.2\n"                          \
	"b.example.com 300 AAAA 2001:db8::2\n"                    \
	"c.example.com 300 A 10.0.0.3\n"                          \
	"example.com 300 A 10.0.0.9\n"

#define UDP_TARGETS                      \
	"0 0 9 UDP 10.0.0.1:5060\n"      \
	"0 1 1 UDP 10.0.0.2:5070\n"      \
	"0 1 1 UDP [2001:db8::2]:5070\n" \
	"1 2 0 UDP 10.0.0.3:5060\n"

struct rule {
	const char *what;
	const char *zone;
	const char *uri;
	const char *targets; /* "" none */
	enum locate_reason reason;
};

static const struct rule rules[] = {
	{"a port: the host's addresses alone", SRV_ZONE, "sip:b.example.com:5099",
		"0 0 0 UDP 10.0.0.2:5099\n0 0 0 UDP [2001:db8::2]:5099\n", LOCATE_NONE},
	{"a port and a transport", SRV_ZONE, "sip:example.com:5099;transport=tcp",
		"0 0 0 TCP 10.0.0.9:5099\n", LOCATE_NONE},
	{"a port, sips", SRV_ZONE, "sips:example.com:5099", "0 0 0 TLS 10.0.0.9:5099\n",
		LOCATE_NONE},
	{"a transport: its SRV records", SRV_ZONE, "sip:example.com;transport=udp", UDP_TARGETS,
		LOCATE_NONE},
	{"TLS asks for _sips", SRV_ZONE, "sip:example.com;transport=tls",
		"0 0 0 TLS 10.0.0.1:5061\n", LOCATE_NONE},
	{"sips over TCP is TLS", SRV_ZONE, "sips:example.com;transport=tcp",
		"0 0 0 TLS 10.0.0.1:5061\n", LOCATE_NONE},
	{"a transport without SRV: the host, the transport's port", "a.test 9 A 10.0.0.1",
		"sip:a.test;transport=tcp", "0 0 0 TCP 10.0.0.1:5060\n", LOCATE_NONE},
	{"TLS without SRV: port 5061", "a.test 9 A 10.0.0.1", "sip:a.test;transport=tls",
		"0 0 0 TLS 10.0.0.1:5061\n", LOCATE_NONE},
	{"no NAPTR: SRV of each transport", SRV_ZONE, "sip:example.com",
		UDP_TARGETS "2 0 0 TCP 10.0.0.1:5080\n3 0 0 TLS 10.0.0.1:5061\n", LOCATE_NONE},
	{"no NAPTR, sips: SRV of TLS alone", SRV_ZONE, "sips:example.com",
		"0 0 0 TLS 10.0.0.1:5061\n", LOCATE_NONE},
	{"neither NAPTR nor SRV: UDP to the host", "a.test 9 A 10.0.0.1\na.test 9 AAAA 2001:db8::1",
		"sip:a.test", "0 0 0 UDP 10.0.0.1:5060\n0 0 0 UDP [2001:db8::1]:5060\n",
		LOCATE_NONE},
	{"neither, sips: TLS to the host", "a.test 9 A 10.0.0.1", "sips:a.test",
		"0 0 0 TLS 10.0.0.1:5061\n", LOCATE_NONE},
	{"NAPTR: by order, then preference",
		SRV_ZONE "example.com 60 NAPTR 5 50 s SIP+D2U _sip._udp.example.com\n"
			 "example.com 60 NAPTR 5 10 s SIP+D2T _sip._tcp.example.com\n"
			 "example.com 60 NAPTR 9 1 s SIPS+D2T _sips._tcp.example.com",
		"sip:example.com",
		"0 0 0 TCP 10.0.0.1:5080\n"
		"1 0 9 UDP 10.0.0.1:5060\n"
		"1 1 1 UDP 10.0.0.2:5070\n"
		"1 1 1 UDP [2001:db8::2]:5070\n"
		"2 2 0 UDP 10.0.0.3:5060\n",
		LOCATE_NONE},
	{"NAPTR, sips: only what is secure",
		SRV_ZONE "example.com 60 NAPTR 5 50 s SIP+D2U _sip._udp.example.com\n"
			 "example.com 60 NAPTR 9 1 s SIPS+D2T _sips._tcp.example.com",
		"sips:example.com", "0 0 0 TLS 10.0.0.1:5061\n", LOCATE_NONE},
	{"NAPTR of a transport that we lack", SRV_ZONE "example.com 60 NAPTR 5 50 s SIP+D2S x.test",
		"sip:example.com", "", LOCATE_NO_TRANSPORT},
	{"NAPTR of other services alone: as if there were none",
		"a.test 9 NAPTR 5 50 s E2U+sip x.test\na.test 9 A 10.0.0.1", "sip:a.test",
		"0 0 0 UDP 10.0.0.1:5060\n", LOCATE_NONE},
	{"NAPTR that leads to nothing", "a.test 9 NAPTR 5 50 s SIP+D2U x.test\na.test 9 A 10.0.0.1",
		"sip:a.test", "", LOCATE_ABSENT},
	{"NAPTR to another domain",
		"a.test 9 NAPTR 5 50 s SIP+D2U _sip._udp.b.test\n"
		"_sip._udp.b.test 9 SRV 0 0 5062 c.test\nc.test 9 A 10.0.0.7",
		"sip:a.test", "0 0 0 UDP 10.0.0.7:5062\n", LOCATE_NONE},
	{"SRV \".\": no service", "_sip._udp.a.test 9 SRV 0 0 0 .\na.test 9 A 10.0.0.1",
		"sip:a.test;transport=udp", "", LOCATE_NO_SERVICE},
	{"SRV \".\" of one transport, another there",
		"_sip._udp.a.test 9 SRV 0 0 0 .\n_sip._tcp.a.test 9 SRV 0 0 5060 a.test\n"
		"a.test 9 A 10.0.0.1",
		"sip:a.test", "0 0 0 TCP 10.0.0.1:5060\n", LOCATE_NONE},
	{"SRV whose host has no address", "_sip._udp.a.test 9 SRV 0 0 5060 b.test",
		"sip:a.test;transport=udp", "", LOCATE_NO_ADDRESS},
	{"SRV with port 0", "_sip._udp.a.test 9 SRV 0 0 0 a.test\na.test 9 A 10.0.0.1",
		"sip:a.test;transport=udp", "", LOCATE_NO_ADDRESS},
	{"no such name", "a.test 9 A 10.0.0.1", "sip:b.test", "", LOCATE_ABSENT},
	{"CNAME of host and service",
		"_sip._udp.a.test 9 CNAME s.test\ns.test 9 SRV 0 0 5060 h.test\n"
		"h.test 9 CNAME i.test\ni.test 9 A 10.0.0.5",
		"sip:a.test;transport=udp", "0 0 0 UDP 10.0.0.5:5060\n", LOCATE_NONE},
	{"CNAME in a circle", "a.test 9 CNAME b.test\nb.test 9 CNAME a.test", "sip:a.test:5060", "",
		LOCATE_NO_SERVER},
	{"addresses that no peer has",
		"a.test 9 A 0.0.0.0\na.test 9 A 127.0.0.1\na.test 9 A 224.0.0.1\n"
		"a.test 9 A 255.255.255.255\na.test 9 AAAA ::\na.test 9 AAAA ::1\n"
		"a.test 9 AAAA ::ffff:10.0.0.1\na.test 9 AAAA ff02::1\na.test 9 AAAA fe80::1",
		"sip:a.test:5060", "", LOCATE_NO_ADDRESS},
	{"the same address twice",
		"_sip._udp.a.test 9 SRV 0 0 5060 b.test\n_sip._udp.a.test 9 SRV 1 0 5060 c.test\n"
		"b.test 9 A 10.0.0.1\nc.test 9 A 10.0.0.1",
		"sip:a.test;transport=udp", "0 0 0 UDP 10.0.0.1:5060\n", LOCATE_NONE},
};

static void test_rules(void **state)
{
	static struct server server;
	const struct resolver_config config = server_config();

	(void)state;
	for (size_t i = 0; i < TD_COUNT_OF(rules); i++) {
		struct resolver_status status;

		server_init(&server, &config, rules[i].zone);
		server_watch(&server, 3, rules[i].uri);
		server_answer(&server);
		if (strcmp(server_list(&server), rules[i].targets) != 0)
			fail_msg("%s: %s", rules[i].what, server_list(&server));
		assert_int_equal(resolver_get_status(server.resolver, 3, &status), 0);
		if (status.reason != rules[i].reason)
			fail_msg("%s: %s", rules[i].what, locate_reason_text(status.reason));
		server_fini(&server);
	}
}

/* Only families and transports of our listeners, in their order. */
static void test_support(void **state)
{
	static struct server server;
	struct resolver_config config = server_config();

	(void)state;
	memset(config.support.families, 0, sizeof(config.support.families));
	config.support.families[SIP_TRANSPORT_TCP][0] = TD_FAMILY_IPV6;
	config.support.families[SIP_TRANSPORT_TCP][1] = TD_FAMILY_IPV4;
	server_init(&server, &config,
		"a.test 9 A 10.0.0.1\na.test 9 AAAA 2001:db8::1\n"
		"b.test 9 NAPTR 1 1 s SIP+D2U _sip._udp.b.test\n"
		"b.test 9 NAPTR 2 1 s SIP+D2T _sip._tcp.b.test\n"
		"_sip._tcp.b.test 9 SRV 0 0 5060 a.test");
	server_watch(&server, 0, "sip:a.test");
	server_answer(&server);
	assert_string_equal(
		server_list(&server), "0 0 0 TCP [2001:db8::1]:5060\n0 0 0 TCP 10.0.0.1:5060\n");
	server_watch(&server, 1, "sip:b.test");
	server_answer(&server);
	assert_string_equal(
		server_list(&server), "0 0 0 TCP [2001:db8::1]:5060\n0 0 0 TCP 10.0.0.1:5060\n");
	server_fini(&server);
}

static void test_loopback_where_we_listen_there(void **state)
{
	static struct server server;
	struct resolver_config config = server_config();

	(void)state;
	config.support.has_loopback = true;
	server_init(&server, &config, "a.test 9 A 127.0.0.2\na.test 9 AAAA ::1");
	server_watch(&server, 0, "sip:a.test:5060");
	server_answer(&server);
	assert_int_equal(server.count, 2);
	server_fini(&server);
}

/* A zone made to have us ask and send as much as possible. */
static void test_flood(void **state)
{
	static struct server server;
	const struct resolver_config config = server_config();
	char line[128];

	(void)state;
	server_init(&server, &config, "a.test 0 NAPTR 1 1 s SIP+D2U _sip._udp.a.test");
	for (unsigned i = 0; i < 40; i++) {
		(void)snprintf(
			line, sizeof(line), "_sip._udp.a.test 0 SRV %u 0 5060 h%u.test", i, i);
		zone_add(&server.zone, line);
		for (unsigned j = 0; j < 8 && i > 0; j++) {
			(void)snprintf(line, sizeof(line), "h%u.test 0 A 10.%u.0.%u", i, i, j);
			zone_add(&server.zone, line);
		}
	}
	server_watch(&server, 0, "sip:a.test");
	server_answer(&server);
	assert_int_equal(server.count, RESOLVER_TARGETS_MAX);
	assert_true(server.asked <= LOCATE_LOOKUPS_MAX);
	server.asked = 0;
	server_pass(&server, 60000); /* a TTL of 0 is taken for 5 s */
	assert_true(server.asked <= 14 * LOCATE_LOOKUPS_MAX);
	server_fini(&server);
}

/* CNAMEs that lead on and on, one message each. */
static void test_alias_chain(void **state)
{
	static struct server server;
	const struct resolver_config config = server_config();
	char line[128];

	(void)state;
	server_init(&server, &config, "h20.test 9 A 10.0.0.1");
	for (unsigned i = 0; i < 20; i++) {
		(void)snprintf(line, sizeof(line), "h%u.test 9 CNAME h%u.test", i, i + 1);
		zone_add(&server.zone, line);
	}
	server_watch(&server, 0, "sip:h15.test:5060");
	server_answer(&server);
	assert_int_equal(server.count, 1);
	server_watch(&server, 1, "sip:h0.test:5060");
	server_answer(&server);
	assert_int_equal(server.watch, 0);
	server_fini(&server);
}

int main(void)
{
	static const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_rules),
		cmocka_unit_test(test_support),
		cmocka_unit_test(test_loopback_where_we_listen_there),
		cmocka_unit_test(test_flood),
		cmocka_unit_test(test_alias_chain),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
