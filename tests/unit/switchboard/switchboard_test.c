/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The switchboard's edges that no call flow reaches: garbage, strangers, limits, credentials,
 * reload, OPTIONS towards trunks. Restarts are in restart_test.c.
 */
#include "rig.h"
#include "sip/digest.h"
#include "trunk/trunk.h"

#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

static void test_strangers_and_garbage(void **state)
{
	struct rig rig;
	struct switchboard_counts counts;
	struct td_ip ip;

	(void)state;
	rig_init(&rig, HEAD TRUNKS ROUTES);
	rig_receive(&rig, "10.9.0.1", REQUEST("OPTIONS", "1") "Content-Length: 0\r\n\r\n");
	rig_receive(&rig, "10.9.0.1", "rubbish");
	assert_int_equal(rig.sent, 0);
	rig_receive(&rig, "10.1.0.1", "rubbish\r\n\r\n");
	assert_int_equal(rig.sent, 0); /* nothing that could be answered */
	rig_receive(&rig, "10.1.0.1", REQUEST("OPTIONS", "9") "Max-Forwards: x\r\n\r\n");
	assert_int_equal(rig.sent, 1);
	assert_memory_equal(rig.last, "SIP/2.0 400", 11);
	rig_receive(&rig, "10.1.0.1", REQUEST("OPTIONS", "2") "Content-Length: 0\r\n\r\n");
	assert_memory_equal(rig.last, "SIP/2.0 200", 11);
	counts = switchboard_get_counts(rig.switchboard);
	assert_int_equal(counts.messages, 5);
	assert_int_equal(counts.strangers, 2);
	assert_int_equal(counts.malformed, 2);
	assert_true(td_ip_parse("10.2.0.77", 9, &ip));
	assert_true(switchboard_admits(rig.switchboard, &ip, SIP_TRANSPORT_TCP));
	assert_true(td_ip_parse("10.3.0.1", 8, &ip));
	assert_false(switchboard_admits(rig.switchboard, &ip, SIP_TRANSPORT_TCP));
	rig_fini(&rig);
}

static void test_answers_go_where_the_via_says(void **state)
{
	struct rig rig;

	(void)state;
	rig_init(&rig, HEAD TRUNKS ROUTES);
	rig_receive(&rig, "10.1.0.1",
		"OPTIONS sip:10.0.0.1 SIP/2.0\r\nVia: SIP/2.0/UDP 10.1.0.1:5090;branch=z9hG4bKo\r\n"
		"From: <sip:1@10.1.0.1>;tag=a\r\nTo: <sip:10.0.0.1>\r\nCall-ID: c\r\n"
		"CSeq: 1 OPTIONS\r\n\r\n");
	assert_memory_equal(rig.last, "SIP/2.0 200", 11);
	assert_int_equal(rig.to.remote.port, 5090);
	switchboard_set_gate(rig.switchboard, SWITCHBOARD_GATE_DRAINING, true);
	rig_receive(&rig, "10.1.0.1",
		"INVITE sip:1@10.0.0.1 SIP/2.0\r\nVia: SIP/2.0/UDP 10.1.0.1:5090;branch=z9hG4bKi\r\n"
		"From: <sip:1@10.1.0.1>;tag=a\r\nTo: <sip:10.0.0.1>\r\nCall-ID: c\r\n"
		"CSeq: 1 INVITE\r\n\r\n");
	assert_memory_equal(rig.last, "SIP/2.0 503", 11);
	assert_int_equal(rig.to.remote.port, 5090);
	rig_fini(&rig);
}

/* New calls are refused while there is still room for what calls that are up need. */
static void test_transactions_are_kept_for_calls_in_progress(void **state)
{
	struct rig rig;
	char text[1024];
	unsigned taken = 0;

	(void)state;
	rig_init(&rig,
		"node: t\n"
		"sip: {listen: [{address: 10.0.0.1}], max_calls: 1000, max_transactions: 104}\n"
		"media: {addresses: [10.0.0.1]}\n"
		"dataplane: {ports: [{device: net_null0}]}\n" TRUNKS ROUTES);
	for (unsigned i = 0; i < 200; i++) {
		(void)snprintf(text, sizeof(text),
			"INVITE sip:100@10.0.0.1 SIP/2.0\r\n"
			"Via: SIP/2.0/UDP 10.1.0.1;branch=z9hG4bK%u\r\n"
			"From: <sip:1@10.1.0.1>;tag=a\r\nTo: <sip:100@10.0.0.1>\r\n"
			"Call-ID: c%u\r\nCSeq: 1 INVITE\r\nContact: <sip:10.1.0.1>\r\n"
			"Content-Type: application/sdp\r\n\r\n" SDP,
			i, i);
		rig_receive(&rig, "10.1.0.1", text);
		taken += memcmp(rig.last, "SIP/2.0 100", 11) == 0;
	}
	assert_memory_equal(rig.last, "SIP/2.0 503", 11);
	assert_non_null(strstr(rig.last, "Retry-After: "));
	assert_int_equal(taken, 91); /* 104 less an eighth */
	rig_receive(&rig, "10.1.0.1", REQUEST("OPTIONS", "7") "Content-Length: 0\r\n\r\n");
	assert_memory_equal(rig.last, "SIP/2.0 200", 11);
	rig_fini(&rig);
}

/* Credentials that somebody heard are worth nothing: each count of a nonce is good for once. */
static void test_credentials_count(void **state)
{
	static char challenge_bytes[4096];
	struct sip_message message;
	struct sip_parse_error error;
	struct digest_challenge challenge;
	struct digest_secret secret;
	struct rig rig;
	char answer[1024];
	char text[3072];

	(void)state;
	rig_init(&rig, HEAD
		"trunks:\n  - {name: a, sources: [10.1.0.0/24], target: \"sip:10.1.0.1\", "
		"options_interval_s: 0, inbound_auth: {username: u, password: p}}\n" ROUTES_TO_A);
	rig_receive(&rig, "10.1.0.1", INVITE);
	assert_memory_equal(rig.last, "SIP/2.0 401", 11);
	(void)snprintf(challenge_bytes, sizeof(challenge_bytes), "%s", rig.last);
	assert_int_equal(sip_message_parse(
				 challenge_bytes, strlen(challenge_bytes), false, &message, &error),
		0);
	assert_int_equal(digest_challenge_choose(&message, &challenge), 0);
	assert_int_equal(digest_secret_make(SPAN("u"), challenge.realm, SPAN("p"), &secret), 0);
	assert_true(digest_answer(&challenge, &secret,
			    &(const struct digest_request){.username = SPAN("u"),
				    .method = SPAN("INVITE"),
				    .uri = SPAN("sip:100@10.0.0.1"),
				    .cnonce = SPAN("c"),
				    .nc = 1},
			    answer, sizeof(answer)) > 0);
	for (unsigned i = 0; i < 2; i++) {
		(void)snprintf(text, sizeof(text),
			"INVITE sip:100@10.0.0.1 SIP/2.0\r\n"
			"Via: SIP/2.0/UDP 10.1.0.1;branch=z9hG4bKd%u\r\n"
			"From: <sip:1@10.1.0.1>;tag=a\r\nTo: <sip:100@10.0.0.1>\r\n"
			"Call-ID: d%u\r\nCSeq: 1 INVITE\r\nContact: <sip:10.1.0.1>\r\n"
			"Authorization: %s\r\nContent-Type: application/sdp\r\n\r\n" SDP,
			i, i, answer);
		rig_receive(&rig, "10.1.0.1", text);
		assert_int_equal(switchboard_get_counts(rig.switchboard).calls_started, 1);
	}
	assert_memory_equal(rig.last, "SIP/2.0 401", 11);
	assert_non_null(strstr(rig.last, "stale=true"));
	rig_fini(&rig);
}

/* A display name that is too long is cut; it doesn't cut the URI off. */
static void test_a_long_name_is_cut(void **state)
{
	struct rig rig;
	char name[601];
	char text[2048];

	(void)state;
	rig_init(&rig, HEAD TRUNKS ROUTES);
	memset(name, 'n', sizeof(name) - 1);
	name[sizeof(name) - 1] = '\0';
	(void)snprintf(text, sizeof(text),
		"INVITE sip:100@10.0.0.1 SIP/2.0\r\n"
		"Via: SIP/2.0/UDP 10.1.0.1;branch=z9hG4bKn\r\nFrom: \"%s\" <sip:1@10.1.0.1>;tag=a\r\n"
		"To: <sip:100@10.0.0.1>\r\nCall-ID: c\r\nCSeq: 1 INVITE\r\n"
		"Contact: <sip:10.1.0.1>\r\nContent-Type: application/sdp\r\n\r\n" SDP,
		name);
	rig_receive(&rig, "10.1.0.1", text);
	rig_media_done(&rig);
	assert_int_equal(rig.invites, 1);
	assert_non_null(strstr(rig.last, "nnn\" <sip:1@10.0.0.1>;tag="));
	rig_fini(&rig);
}

static void count_call(void *context, const struct switchboard_call *call)
{
	unsigned *count = context;

	*count += 1;
	assert_string_equal(call->trunk_in, "a");
	assert_string_equal(call->trunk_out, "b");
	assert_string_equal(call->callee, "100");
	assert_string_equal(call->state, "preparing");
}

static void test_list_and_reload(void **state)
{
	struct rig rig;
	struct config *next;
	unsigned listed = 0;

	(void)state;
	rig_init(&rig, HEAD TRUNKS ROUTES);
	rig_receive(&rig, "10.1.0.1", INVITE);
	switchboard_visit_calls(rig.switchboard, count_call, &listed);
	assert_int_equal(listed, 1);
	assert_int_equal(switchboard_deadline(rig.switchboard), rig.now.mono_ms + 3000);
	next = rig_load(
		HEAD "trunks:\n  - {name: c, sources: [10.3.0.0/24], target: \"sip:10.3.0.1\", "
		     "options_interval_s: 0}\n"
		     "routes: [{from: c, pattern: \"*\", to: [c]}]\n");
	assert_int_equal(switchboard_reconfigure(rig.switchboard, next, rig.now), 0);
	config_destroy(rig.config);
	rig.config = next;
	listed = 0;
	switchboard_visit_calls(rig.switchboard, count_call, &listed);
	assert_int_equal(listed, 1); /* its trunks live on until it ends */
	rig.now.mono_ms += 3000;
	switchboard_advance(rig.switchboard, rig.now); /* no dataplane answered */
	assert_memory_equal(rig.last, "SIP/2.0 503", 11);
	rig_fini(&rig);
}

static void receive_by_tcp(struct rig *rig, const char *text)
{
	struct sip_flow flow = {.transport = SIP_TRANSPORT_TCP, .connection_id = 1};
	char bytes[2048];
	const struct switchboard_message message = {
		.bytes = bytes, .length = strlen(text), .flow = &flow, .is_stream = true};

	memcpy(bytes, text, message.length);
	assert_true(td_ip_parse("10.1.0.1", 8, &flow.remote.ip));
	assert_true(td_ip_parse("10.0.0.1", 8, &flow.local.ip));
	flow.remote.port = flow.local.port = 5060;
	switchboard_receive_sip(rig->switchboard, &message, rig->now);
}

static void test_options_tell_whether_a_trunk_lives(void **state)
{
	struct rig rig;
	struct trunk_status status;
	const struct trunk_table *trunks;

	(void)state;
	rig_init(&rig, HEAD "trunks:\n  - {name: a, sources: [10.1.0.0/24], "
			    "target: \"sip:10.1.0.1\", options_interval_s: 10}\n");
	trunks = switchboard_trunks(rig.switchboard);
	for (unsigned i = 0; i < 2000 && rig.now.mono_ms < 1300000; i++) {
		uint64_t deadline = switchboard_deadline(rig.switchboard);

		rig.now.mono_ms = deadline > rig.now.mono_ms ? deadline : rig.now.mono_ms + 1;
		switchboard_advance(rig.switchboard, rig.now);
	}
	assert_memory_equal(rig.last, "OPTIONS sip:10.1.0.1 SIP/2.0", 28);
	assert_int_equal(trunk_get_status(trunks, 0, &status), 0);
	assert_int_equal(status.state, TRUNK_DOWN);
	rig_receive(&rig, "10.1.0.1", REQUEST("OPTIONS", "3") "Content-Length: 0\r\n\r\n");
	assert_int_equal(trunk_get_status(trunks, 0, &status), 0);
	assert_int_equal(status.state, TRUNK_DOWN); /* anybody can send that in its name */
	receive_by_tcp(&rig, REQUEST("OPTIONS", "4") "Content-Length: 0\r\n\r\n");
	assert_int_equal(trunk_get_status(trunks, 0, &status), 0);
	assert_int_equal(status.state, TRUNK_UP); /* it speaks, so it lives */
	rig_fini(&rig);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_strangers_and_garbage),
		cmocka_unit_test(test_answers_go_where_the_via_says),
		cmocka_unit_test(test_transactions_are_kept_for_calls_in_progress),
		cmocka_unit_test(test_credentials_count),
		cmocka_unit_test(test_a_long_name_is_cut),
		cmocka_unit_test(test_list_and_reload),
		cmocka_unit_test(test_options_tell_whether_a_trunk_lives),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
