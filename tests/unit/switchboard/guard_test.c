/* SPDX-License-Identifier: Apache-2.0 */
/* What the switchboard keeps off its machines: rates of trunks. */
#include "defence/sources.h"
#include "rig.h"

#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#define LIMITED_TRUNKS                                                                             \
	"trunks:\n"                                                                                \
	"  - {name: a, sources: [10.1.0.0/24], target: \"sip:10.1.0.1\", options_interval_s: 0, "  \
	"limits: {calls_per_s: 1, burst: 2}}\n"                                                    \
	"  - {name: b, sources: [10.2.0.0/24], target: \"sip:10.2.0.1\", options_interval_s: 0, "  \
	"limits: {outbound_calls_per_s: 1, outbound_burst: 1}}\n"                                  \
	"  - {name: c, sources: [10.3.0.0/24], target: \"sip:10.3.0.1\", options_interval_s: 0, "  \
	"limits: {outbound_calls_per_s: 1, outbound_burst: 1}}\n"                                  \
	"  - {name: d, sources: [10.4.0.0/24], target: \"sip:10.4.0.1\", options_interval_s: 0}\n" \
	"routes: [{from: any, pattern: \"*\", to: [b, c]}]\n"

static void invite(struct rig *rig, const char *source, unsigned number)
{
	char text[1024];

	(void)snprintf(text, sizeof(text),
		"INVITE sip:100@10.0.0.1 SIP/2.0\r\n"
		"Via: SIP/2.0/UDP %s;branch=z9hG4bK%u;rport\r\n"
		"From: <sip:1@10.1.0.1>;tag=a\r\nTo: <sip:100@10.0.0.1>\r\nCall-ID: c%u\r\n"
		"CSeq: 1 INVITE\r\nContact: <sip:10.1.0.1>\r\n"
		"Content-Type: application/sdp\r\n\r\n" SDP,
		source, number, number);
	rig->last[0] = '\0';
	rig_receive(rig, source, text);
}

/* More calls than the trunk may bring are refused without a call or a transaction; repeats of
 * those taken aren't counted again. */
static void test_calls_per_second_from_a_trunk(void **state)
{
	struct rig rig;
	struct switchboard_counts counts;

	(void)state;
	rig_init(&rig, HEAD LIMITED_TRUNKS);
	invite(&rig, "10.1.0.1", 1);
	invite(&rig, "10.1.0.2", 2);
	assert_memory_equal(rig.last, "SIP/2.0 100", 11);
	invite(&rig, "10.1.0.1", 1);
	assert_memory_equal(rig.last, "SIP/2.0 100", 11);
	invite(&rig, "10.1.0.3", 3);
	assert_memory_equal(rig.last, "SIP/2.0 503", 11);
	assert_non_null(strstr(rig.last, "Retry-After: "));
	counts = switchboard_get_counts(rig.switchboard);
	assert_int_equal(counts.calls, 2);
	assert_int_equal(counts.transactions.servers, 2);
	assert_int_equal(counts.defence.refused_trunk_rate, 1);
	rig.now.mono_ms += 1000;
	invite(&rig, "10.1.0.3", 4);
	assert_memory_equal(rig.last, "SIP/2.0 100", 11);
	invite(&rig, "10.4.0.1", 5);
	assert_memory_equal(rig.last, "SIP/2.0 100", 11);
	rig_fini(&rig);
}

/* A carrier that takes one call a second gets one; the next goes elsewhere, then there is no way
 * left. */
static void test_calls_per_second_to_a_trunk(void **state)
{
	struct rig rig;

	(void)state;
	rig_init(&rig, HEAD LIMITED_TRUNKS);
	for (unsigned i = 1; i <= 2; i++) {
		invite(&rig, "10.4.0.1", i);
		rig_media_done(&rig);
		assert_memory_equal(rig.last, "INVITE", 6);
		assert_int_equal(rig.to.remote.ip.bytes[1], 1 + i);
	}
	invite(&rig, "10.4.0.1", 3);
	assert_memory_equal(rig.last, "SIP/2.0 503", 11);
	assert_int_equal(switchboard_get_counts(rig.switchboard).defence.outbound_rate, 1 + 2 + 2);
	rig.now.mono_ms += 1000;
	invite(&rig, "10.4.0.1", 4);
	rig_media_done(&rig);
	assert_memory_equal(rig.last, "INVITE", 6);
	assert_int_equal(rig.to.remote.ip.bytes[1], 2);
	rig_fini(&rig);
}

/* A refused INVITE gets the same answer each time it comes, even if there is room by then; the ACK
 * to it concerns nobody. */
static void test_repeats_of_a_refused_invite(void **state)
{
	struct rig rig;
	struct switchboard_counts counts;
	char first[sizeof(rig.last)];
	char ack[1024];
	const char *tag;

	(void)state;
	rig_init(&rig, HEAD LIMITED_TRUNKS);
	invite(&rig, "10.1.0.1", 1);
	invite(&rig, "10.1.0.2", 2);
	invite(&rig, "10.1.0.3", 3);
	assert_memory_equal(rig.last, "SIP/2.0 503", 11);
	(void)snprintf(first, sizeof(first), "%s", rig.last);
	rig.now.mono_ms += 5000;
	invite(&rig, "10.1.0.3", 3);
	assert_string_equal(rig.last, first);
	tag = strstr(first, "To: <sip:100@10.0.0.1>");
	(void)snprintf(ack, sizeof(ack),
		"ACK sip:100@10.0.0.1 SIP/2.0\r\n"
		"Via: SIP/2.0/UDP 10.1.0.3;branch=z9hG4bK3;rport\r\n"
		"From: <sip:1@10.1.0.1>;tag=a\r\n%.*s\r\nCall-ID: c3\r\nCSeq: 1 ACK\r\n\r\n",
		(int)strcspn(tag, "\r"), tag);
	rig.sent = 0;
	rig_receive(&rig, "10.1.0.3", ack);
	counts = switchboard_get_counts(rig.switchboard);
	assert_int_equal(rig.sent, 0);
	assert_int_equal(counts.unmatched, 0);
	assert_int_equal(counts.defence.acks_absorbed, 1);
	assert_int_equal(counts.defence.repeats_refused, 1);
	assert_int_equal(counts.transactions.servers, 2);
	rig.now.mono_ms += 32000; /* a new call, as far as anybody can tell */
	invite(&rig, "10.1.0.3", 3);
	assert_memory_equal(rig.last, "SIP/2.0 100", 11);
	rig_fini(&rig);
}

/* Folded or compact, with lists: the parser reads it, and the same gate closes. */
static void test_unusual_invites_are_refused_too(void **state)
{
	static const char *const texts[] = {
		"INVITE sip:100@10.0.0.1 SIP/2.0\r\nv: SIP/2.0/UDP 10.1.0.1;branch=z9hG4bK1, "
		"SIP/2.0/UDP h;branch=z9hG4bK2\r\nf: <sip:1@10.1.0.1>;tag=a\r\n"
		"t: <sip:100@10.0.0.1>\r\ni: c\r\nCSeq: 1 INVITE\r\nm: <sip:10.1.0.1>\r\n\r\n",
		REQUEST("INVITE", "2") "Subject: a\r\n b\r\n\r\n",
	};
	struct rig rig;

	(void)state;
	rig_init(&rig, HEAD TRUNKS ROUTES);
	switchboard_set_gate(rig.switchboard, SWITCHBOARD_GATE_DRAINING, true);
	for (unsigned i = 0; i < 2; i++) {
		rig_receive(&rig, "10.1.0.1", texts[i]);
		assert_int_equal(rig.sent, i + 1);
		assert_memory_equal(rig.last, "SIP/2.0 503", 11);
	}
	assert_int_equal(switchboard_get_counts(rig.switchboard).transactions.servers, 0);
	rig_fini(&rig);
}

#define STRICT_HEAD                                                                               \
	"node: t\nsip: {listen: [{address: 10.0.0.1}], max_calls: 4, defence: {"                  \
	"source_requests_per_s: 1, source_burst: 3, ban_malformed: 2, body_max_bytes: 1024, "     \
	"headers_max: 16, vias_max: 2, header_max_bytes: 256, contacts_max: 1, routes_max: 1}}\n" \
	"media: {addresses: [10.0.0.1]}\ndataplane: {ports: [{device: net_null0}]}\n"
#define WIDE_AND_SINGLE                                                                            \
	"trunks:\n"                                                                                \
	"  - {name: a, sources: [10.1.0.0/24], target: \"sip:10.1.0.1\", options_interval_s: 0}\n" \
	"  - {name: b, sources: [10.2.0.1], target: \"sip:10.2.0.1\", options_interval_s: 0}\n"
#define SCANNER_OPTIONS(agent)                                                                    \
	"OPTIONS sip:100@10.0.0.1 SIP/2.0\r\nVia: SIP/2.0/UDP 10.1.0.7;branch=z9hG4bK1;rport\r\n" \
	"From: <sip:1@10.1.0.7>;tag=a\r\nTo: <sip:100@10.0.0.1>\r\nCall-ID: s\r\n"                \
	"CSeq: 1 OPTIONS\r\nUser-Agent: " agent "\r\n\r\n"

static struct switchboard_counts counts_of(const struct rig *rig)
{
	return switchboard_get_counts(rig->switchboard);
}

/* A scanner out of a wide source gets silence, and is banned; one that uses (or forges) the single
 * address of a trunk gets silence and nothing else happens. */
static void test_scanners(void **state)
{
	struct rig rig;

	(void)state;
	rig_init(&rig, STRICT_HEAD WIDE_AND_SINGLE ROUTES);
	rig_receive(&rig, "10.1.0.7", SCANNER_OPTIONS("friendly-scanner"));
	rig_receive(&rig, "10.1.0.7", SCANNER_OPTIONS("honest"));
	rig_receive(&rig, "10.2.0.1", SCANNER_OPTIONS("SIPVicious 0.3"));
	assert_int_equal(rig.sent, 0);
	rig_receive(&rig, "10.2.0.1", SCANNER_OPTIONS("honest"));
	rig_receive(&rig, "10.1.0.8", SCANNER_OPTIONS("honest"));
	assert_int_equal(rig.sent, 2);
	assert_int_equal(counts_of(&rig).defence.scanners, 2);
	assert_int_equal(counts_of(&rig).defence.bans, 1);
	assert_int_equal(counts_of(&rig).defence.banned_dropped, 1);
	rig.now.mono_ms += 300 * 1000;
	rig_receive(&rig, "10.1.0.7", SCANNER_OPTIONS("honest"));
	assert_int_equal(rig.sent, 3);
	rig_fini(&rig);
}

/* A ban closes connections, but not the socket: datagrams of dialogs must come through. */
static void test_banned(void **state)
{
	struct td_ip ip;
	struct rig rig;

	(void)state;
	rig_init(&rig, HEAD TRUNKS ROUTES);
	assert_true(td_ip_parse("10.1.0.1", 8, &ip));
	assert_int_equal(switchboard_ban(rig.switchboard, &ip, TD_NEVER, rig.now.mono_ms), 0);
	assert_false(switchboard_admits(rig.switchboard, &ip, SIP_TRANSPORT_TCP));
	assert_true(switchboard_admits(rig.switchboard, &ip, SIP_TRANSPORT_UDP));
	rig.sent = 0;
	rig_receive(&rig, "10.1.0.1", REQUEST("OPTIONS", "5") "\r\n");
	assert_int_equal(rig.sent, 0);
	assert_int_equal(counts_of(&rig).defence.banned_dropped, 1);
	rig_fini(&rig);
}

/* Copies the line of a header from a message. */
static void copy_line(const char *message, const char *name, char *line, size_t size)
{
	const char *at = strstr(message, name);

	assert_non_null(at);
	(void)snprintf(line, size, "%.*s\r\n", (int)strcspn(at, "\r"), at);
}

/* Whoever is banned in the middle of a call can still end it. */
static void test_banned_in_a_call(void **state)
{
	static const char *const names[] = {"Via: ", "From: ", "To: ", "Call-ID: ", "CSeq: "};
	struct td_ip ip;
	struct rig rig;
	char lines[5][512];
	char text[4096];

	(void)state;
	rig_init(&rig, HEAD TRUNKS ROUTES);
	rig_receive(&rig, "10.1.0.1", INVITE);
	rig_media_done(&rig);
	assert_memory_equal(rig.last, "INVITE", 6);
	for (size_t i = 0; i < 5; i++)
		copy_line(rig.last, names[i], lines[i], sizeof(lines[i]));
	lines[2][strlen(lines[2]) - 2] = '\0';
	(void)snprintf(text, sizeof(text),
		"SIP/2.0 200 OK\r\n%s%s%s;tag=b\r\n%s%sContact: <sip:10.2.0.1>\r\n"
		"Content-Type: application/sdp\r\n\r\n" SDP,
		lines[0], lines[1], lines[2], lines[3], lines[4]);
	rig_receive(&rig, "10.2.0.1", text);
	assert_memory_equal(rig.last, "SIP/2.0 200", 11);
	copy_line(rig.last, "To: ", lines[2], sizeof(lines[2]));
	assert_true(td_ip_parse("10.1.0.1", 8, &ip));
	assert_int_equal(switchboard_ban(rig.switchboard, &ip, TD_NEVER, rig.now.mono_ms), 0);
	for (unsigned i = 0; i < 2; i++) {
		static const char *const methods[] = {"ACK", "BYE"};

		(void)snprintf(text, sizeof(text),
			"%s sip:100@10.0.0.1 SIP/2.0\r\n"
			"Via: SIP/2.0/UDP 10.1.0.1;branch=z9hG4bKend%u;rport\r\n"
			"From: <sip:1@10.1.0.1>;tag=a\r\n%sCall-ID: c\r\nCSeq: %u %s\r\n\r\n",
			methods[i], i, lines[2], 1 + i, methods[i]);
		rig.sent = 0;
		rig_receive(&rig, "10.1.0.1", text);
	}
	assert_int_equal(rig.sent, 2); /* 200 to the BYE, and a BYE to the other side */
	rig_receive(&rig, "10.1.0.1", REQUEST("OPTIONS", "9") "\r\n");
	assert_int_equal(rig.sent, 2);
	assert_int_equal(counts_of(&rig).defence.banned_dropped, 1);
	rig_fini(&rig);
}

/* An address of a wide source has its own rate; a trunk's single one only the trunk's. */
static void test_rate_of_an_address(void **state)
{
	struct rig rig;
	char text[1024];

	(void)state;
	rig_init(&rig, STRICT_HEAD WIDE_AND_SINGLE ROUTES);
	for (unsigned i = 0; i < 10; i++) {
		(void)snprintf(text, sizeof(text),
			"OPTIONS sip:10.0.0.1 SIP/2.0\r\n"
			"Via: SIP/2.0/UDP 10.1.0.1;branch=z9hG4bKo%u;rport\r\n"
			"From: <sip:1@10.1.0.1>;tag=a\r\nTo: <sip:10.0.0.1>\r\n"
			"Call-ID: o%u\r\nCSeq: 1 OPTIONS\r\nSubject: %0*d\r\n\r\n",
			i, i, 200, 0);
		rig_receive(&rig, "10.1.0.1", text);
		assert_memory_equal(rig.last, i < 3 ? "SIP/2.0 200" : "SIP/2.0 503", 11);
		rig_receive(&rig, "10.2.0.1", text);
		assert_memory_equal(rig.last, "SIP/2.0 200", 11);
	}
	rig_receive(&rig, "10.1.0.2", text);
	assert_memory_equal(rig.last, "SIP/2.0 200", 11);
	assert_int_equal(counts_of(&rig).defence.refused_source_rate, 7);
	rig_fini(&rig);
}

static void test_sizes(void **state)
{
	static const struct {
		const char *name;
		const char *headers;
		unsigned body_bytes;
		const char *status;
	} cases[] = {
		{"fine", "", 1024, "SIP/2.0 200"},
		{"body", "", 1025, "SIP/2.0 413"},
		{"vias", "Via: SIP/2.0/UDP a\r\nVia: SIP/2.0/UDP b\r\n", 0, "SIP/2.0 483"},
		{"contacts", "Contact: <sip:a>, <sip:b>\r\n", 0, "SIP/2.0 400"},
		{"routes", "Route: <sip:a;lr>, <sip:b;lr>\r\n", 0, "SIP/2.0 513"},
		{"headers",
			"X1: 1\r\nX2: 1\r\nX3: 1\r\nX4: 1\r\nX5: 1\r\nX6: 1\r\nX7: 1\r\n"
			"X8: 1\r\nX9: 1\r\nXA: 1\r\nXB: 1\r\n",
			0, "SIP/2.0 513"},
	};
	static char text[4096];
	struct rig rig;

	(void)state;
	rig_init(&rig, STRICT_HEAD WIDE_AND_SINGLE ROUTES);
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		(void)snprintf(text, sizeof(text),
			"OPTIONS sip:10.0.0.1 SIP/2.0\r\n"
			"Via: SIP/2.0/UDP 10.2.0.1;branch=z9hG4bK%zu;rport\r\n"
			"From: <sip:1@10.2.0.1>;tag=a\r\nTo: <sip:10.0.0.1>\r\nCall-ID: z%zu\r\n"
			"CSeq: 1 OPTIONS\r\nContent-Type: text/plain\r\n%s\r\n%.*s",
			i, i, cases[i].headers, (int)cases[i].body_bytes,
			memset(text + 2048, 'x', 1100) != NULL ? text + 2048 : "");
		rig_receive(&rig, "10.2.0.1", text);
		if (strncmp(rig.last, cases[i].status, 11) != 0)
			fail_msg("%s: %.40s", cases[i].name, rig.last);
	}
	assert_int_equal(counts_of(&rig).defence.too_large, 5);
	rig_fini(&rig);
}

/* Malformed messages from a wide source end in a ban; the operator's word ends it. */
static void test_malformed_floods(void **state)
{
	struct td_ip ip;
	struct rig rig;

	(void)state;
	rig_init(&rig, STRICT_HEAD WIDE_AND_SINGLE ROUTES);
	for (unsigned i = 0; i < 5; i++) {
		rig_receive(&rig, "10.1.0.9", "rubbish\r\n\r\n");
		rig_receive(&rig, "10.2.0.1", "rubbish\r\n\r\n");
	}
	assert_int_equal(counts_of(&rig).defence.bans, 1);
	rig_receive(&rig, "10.1.0.9", SCANNER_OPTIONS("honest"));
	assert_int_equal(rig.sent, 0);
	assert_true(td_ip_parse("10.1.0.9", 8, &ip));
	assert_true(sources_unban(switchboard_sources(rig.switchboard), &ip, rig.now.mono_ms));
	rig_receive(&rig, "10.1.0.9", SCANNER_OPTIONS("honest"));
	assert_int_equal(rig.sent, 1);
	assert_true(td_ip_parse("10.2.0.1", 8, &ip));
	assert_int_equal(switchboard_ban(rig.switchboard, &ip, TD_NEVER, rig.now.mono_ms), -EPERM);
	rig_fini(&rig);
}

int main(void)
{
	static const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_calls_per_second_from_a_trunk),
		cmocka_unit_test(test_calls_per_second_to_a_trunk),
		cmocka_unit_test(test_repeats_of_a_refused_invite),
		cmocka_unit_test(test_unusual_invites_are_refused_too),
		cmocka_unit_test(test_scanners),
		cmocka_unit_test(test_banned),
		cmocka_unit_test(test_banned_in_a_call),
		cmocka_unit_test(test_rate_of_an_address),
		cmocka_unit_test(test_sizes),
		cmocka_unit_test(test_malformed_floods),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
