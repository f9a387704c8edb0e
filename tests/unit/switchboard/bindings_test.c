/* SPDX-License-Identifier: Apache-2.0 */
/* Phones that register, call and are called. */
#include "phone.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#define PHONES                                                           \
	"  - name: p\n    sources: [10.3.0.0/16]\n    registrar: true\n" \
	"    users: [{username: \"300\", password: x}, {username: \"301\", password: y}]\n"
#define PHONE_ROUTES                                                                      \
	"routes: [{from: a, pattern: 3XX, to: [p]}, {from: a, pattern: 8XX, to: [p, b], " \
	"set_number: \"300\"}, {from: p, pattern: \"*\", to: [b]}]\n"
#define CONFIG HEAD TRUNKS PHONES PHONE_ROUTES
#define HERE "sip:10.0.0.1"
#define CONTACT(uri) "Contact: <" uri ">\r\n\r\n"
#define CALL(number, id)                                                                \
	"INVITE sip:" number "@10.0.0.1 SIP/2.0\r\n"                                    \
	"Via: SIP/2.0/UDP 10.1.0.1;branch=z9hG4bKi" id ";rport\r\n"                     \
	"From: <sip:1@10.1.0.1>;tag=a\r\nTo: <sip:" number "@10.0.0.1>\r\nCall-ID: " id \
	"\r\nCSeq: 1 INVITE\r\nContact: <sip:10.1.0.1>\r\n"                             \
	"Content-Type: application/sdp\r\n\r\n" SDP

static struct rig rig;
static struct phone phone;

static int begin(void **state)
{
	(void)state;
	rig_init(&rig, CONFIG);
	phone = (struct phone){.rig = &rig,
		.user = "300",
		.password = "x",
		.source = "10.3.0.7",
		.call_id = "reg",
		.port = 40000,
		.transport = SIP_TRANSPORT_UDP};
	return 0;
}

static int end(void **state)
{
	(void)state;
	rig_fini(&rig);
	return 0;
}

static struct registrar_counts counts(void)
{
	return switchboard_get_counts(rig.switchboard).registrar;
}

static void test_proof(void **state)
{
	(void)state;
	assert_int_equal(phone_send(&phone, "REGISTER", HERE, CONTACT("sip:300@10.9.9.9")), 401);
	assert_non_null(strstr(rig.last, "WWW-Authenticate: Digest realm=\"t\""));
	assert_int_equal(rig.puts, 0);
	assert_int_equal(switchboard_get_counts(rig.switchboard).transactions.servers, 0);
	assert_int_equal(phone_send(&phone, "REGISTER", HERE, CONTACT("sip:300@10.9.9.9")), 200);
	assert_non_null(strstr(rig.last, "Contact: <sip:300@10.9.9.9>;expires=3600\r\n"));
	assert_int_equal(rig.puts, 1);
	assert_int_equal(rig.journal_kind, SWITCHBOARD_JOURNAL_BINDINGS);
	assert_int_equal(switchboard_get_counts(rig.switchboard).transactions.servers, 0);
	assert_int_equal(phone_repeat(&phone), 200); /* the network copied it */
	assert_int_equal(rig.puts, 1);
	assert_int_equal(counts().repeated, 1);
	/* The same proof again for something else: no. */
	phone.nonce_count = 0;
	assert_int_equal(phone_send(&phone, "REGISTER", HERE, CONTACT("sip:300@10.6.6.6")), 401);
	assert_non_null(strstr(rig.last, "stale=true"));
	assert_int_equal(rig.puts, 1);
	assert_int_equal(counts().bindings, 1);
	assert_int_equal(
		phone_send(&phone, "REGISTER", HERE, "Contact: *\r\nExpires: 0\r\n\r\n"), 200);
	assert_int_equal(counts().bindings, 0);
	assert_int_equal(rig.deletes, 1);
}

static void test_wrong_proofs(void **state)
{
	(void)state;
	phone.password = "wrong";
	assert_int_equal(phone_try(&phone, "REGISTER", HERE, CONTACT("sip:300@10.9.9.9")), 401);
	assert_int_equal(phone_try(&phone, "REGISTER", HERE, CONTACT("sip:300@10.9.9.9")), 401);
	assert_int_equal(counts().proofs_wrong, 3);
	phone.user = "999"; /* nobody: the same words */
	assert_int_equal(phone_try(&phone, "REGISTER", HERE, CONTACT("sip:999@10.9.9.9")), 401);
	assert_int_equal(counts().names_unknown, 2);
	assert_int_equal(rig.puts, 0);
	assert_int_equal(switchboard_get_counts(rig.switchboard).transactions.servers, 0);
	/* A user, but another's address of record. */
	phone.user = "301";
	phone.password = "y";
	assert_int_equal(phone_try(&phone, "REGISTER", HERE, CONTACT("sip:301@10.9.9.9")), 200);
	assert_int_equal(phone_send(&phone, "REGISTER", HERE,
				 "t: <sip:300@t>\r\nContact: <sip:x@10.9.9.9>\r\n\r\n"),
		400); /* two To headers */
	assert_int_equal(counts().bindings, 1);
}

/* A user who proves himself and names another. */
static void test_foreign_record(void **state)
{
	(void)state;
	phone.record = "301";
	assert_int_equal(phone_try(&phone, "REGISTER", HERE, CONTACT("sip:300@10.9.9.9")), 403);
	phone.record = "%33%30%30"; /* 300 */
	assert_int_equal(phone_try(&phone, "REGISTER", HERE, CONTACT("sip:300@10.9.9.9")), 200);
	assert_int_equal(counts().bindings, 1);
}

static void test_extensions_and_load(void **state)
{
	(void)state;
	assert_int_equal(phone_send(&phone, "REGISTER", HERE,
				 "Require: gruu, path\r\n" CONTACT("sip:300@10.9.9.9")),
		420);
	assert_non_null(strstr(rig.last, "Unsupported: gruu\r\n"));
	assert_int_equal(phone_send(&phone, "REGISTER", "tel:1", CONTACT("sip:300@10.9.9.9")), 416);
	assert_int_equal(
		phone_try(&phone, "REGISTER", HERE, "Expires: 5\r\n" CONTACT("sip:300@10.9.9.9")),
		423);
	assert_non_null(strstr(rig.last, "Min-Expires: 60\r\n"));
	switchboard_set_gate(rig.switchboard, SWITCHBOARD_GATE_JOURNAL, true);
	assert_int_equal(phone_send(&phone, "REGISTER", HERE, CONTACT("sip:300@10.9.9.9")), 503);
	assert_non_null(strstr(rig.last, "Retry-After: "));
	switchboard_set_gate(rig.switchboard, SWITCHBOARD_GATE_JOURNAL, false);
	/* Elsewhere REGISTER is still not offered. */
	rig_receive(&rig, "10.1.0.1", REQUEST("REGISTER", "1") "\r\n");
	assert_memory_equal(rig.last, "SIP/2.0 405", 11);
}

static void test_call_to_phone(void **state)
{
	(void)state;
	assert_int_equal(
		phone_try(&phone, "REGISTER", HERE,
			"Path: <sip:edge.example;lr>\r\n" CONTACT("sip:300@192.168.1.2:5062;ob")),
		200);
	rig.sent = 0;
	rig_receive(&rig, "10.1.0.1", CALL("300", "1"));
	rig_media_done(&rig);
	assert_memory_equal(rig.last, "INVITE sip:300@192.168.1.2:5062;ob SIP/2.0\r\n", 44);
	assert_non_null(strstr(rig.last, "\r\nRoute: <sip:edge.example;lr>\r\n"));
	assert_int_equal(rig.to.remote.port, 40000); /* the flow, not the contact */
	assert_int_equal(rig.to.remote.ip.bytes[3], 7);
	assert_int_equal(rig.invites, 1);
}

static void test_nobody_there(void **state)
{
	(void)state;
	rig_receive(&rig, "10.1.0.1", CALL("300", "1"));
	assert_memory_equal(rig.last, "SIP/2.0 480", 11);
	assert_non_null(strstr(rig.last, "Reason: Q.850;cause=20"));
	rig_receive(&rig, "10.1.0.1", CALL("399", "2"));
	assert_memory_equal(rig.last, "SIP/2.0 404", 11);
	assert_non_null(strstr(rig.last, "Reason: Q.850;cause=1"));
	/* But a route's next destination gets its turn. */
	rig_receive(&rig, "10.1.0.1", CALL("800", "3"));
	rig_media_done(&rig);
	assert_memory_equal(rig.last, "INVITE sip:300@10.2.0.1 SIP/2.0\r\n", 33);
}

/* The first contact is gone: the next one rings. */
static void test_next_binding(void **state)
{
	char response[1024];
	const char *via;

	(void)state;
	assert_int_equal(
		phone_try(&phone, "REGISTER", HERE,
			"Contact: <sip:one@10.9.9.1>;q=0.9, <sip:two@10.9.9.2>;q=0.1\r\n\r\n"),
		200);
	rig_receive(&rig, "10.1.0.1", CALL("300", "1"));
	rig_media_done(&rig);
	assert_memory_equal(rig.last, "INVITE sip:one@10.9.9.1 ", 24);
	via = strstr(rig.last, "Via:");
	(void)snprintf(response, sizeof(response), "SIP/2.0 480 Away\r\n%.*s\r\n%.*s;tag=t\r\n",
		(int)strcspn(via, "\r"), via, (int)strcspn(strstr(rig.last, "To:"), "\r"),
		strstr(rig.last, "To:"));
	for (const char *at = rig.last; *at != '\0'; at += strcspn(at, "\n") + 1)
		if (strncmp(at, "From:", 5) == 0 || strncmp(at, "Call-ID:", 8) == 0 ||
			strncmp(at, "CSeq:", 5) == 0)
			strncat(response, at, strcspn(at, "\n") + 1);
	strcat(response, "\r\n");
	rig_receive(&rig, "10.3.0.7", response);
	rig_media_done(&rig);
	assert_int_equal(rig.invites, 2);
	assert_memory_equal(rig.last, "INVITE sip:two@10.9.9.2 ", 24);
	assert_int_equal(rig.cdrs, 1);
}

/* A phone that calls proves itself too. */
static void test_call_from_phone(void **state)
{
	(void)state;
	assert_int_equal(
		phone_send(&phone, "INVITE", "sip:5@10.0.0.1", CONTACT("sip:300@192.168.1.2") ""),
		401);
	assert_int_equal(rig.invites, 0);
	phone.call_id = "call";
	(void)phone_send(&phone, "INVITE", "sip:5@10.0.0.1",
		"Contact: <sip:300@192.168.1.2>\r\nContent-Type: application/sdp\r\n\r\n" SDP);
	rig_media_done(&rig);
	assert_int_equal(rig.invites, 1);
	assert_memory_equal(rig.last, "INVITE sip:5@10.2.0.1 ", 22);
}

/* A phone behind NAT hears of its colleague's calls by the way that it came; of what would let it
 * speak in their dialogs it hears only if it may replace them. */
static void watch_colleague(const char *config, bool has_names)
{
	rig_fini(&rig);
	rig_init(&rig, config);
	phone.call_id = "watch";
	assert_int_equal(phone_send(&phone, "REGISTER", HERE, CONTACT("sip:300@192.168.1.2")), 401);
	assert_int_equal(phone_send(&phone, "REGISTER", HERE, CONTACT("sip:300@192.168.1.2")), 200);
	rig_receive(&rig, "10.1.0.1", CALL("300", "1"));
	rig_media_done(&rig);
	assert_int_equal(rig.invites, 1);
	(void)phone_send(&phone, "SUBSCRIBE", "sip:300@10.0.0.1",
		"Event: dialog\r\n" CONTACT("sip:300@192.168.1.2"));
	assert_memory_equal(rig.last, "NOTIFY sip:300@192.168.1.2 ", 27);
	assert_int_equal(rig.to.remote.port, 40000);
	assert_int_equal(rig.to.remote.ip.bytes[0], 10);
	assert_non_null(strstr(rig.last, "<state>trying</state>"));
	assert_int_equal(strstr(rig.last, " call-id=") != NULL, has_names);
	assert_int_equal(strstr(rig.last, " remote-tag=") != NULL, has_names);
}

static void test_watching(void **state)
{
	(void)state;
	watch_colleague(HEAD TRUNKS PHONES "    events: [dialog]\n" PHONE_ROUTES, false);
	phone.nonce[0] = '\0';
	watch_colleague(
		HEAD TRUNKS PHONES "    events: [dialog]\n    refer: accept\n" PHONE_ROUTES, true);
}

static void test_flow_is_lost(void **state)
{
	(void)state;
	phone.transport = SIP_TRANSPORT_TCP;
	phone.connection_id = 9;
	assert_int_equal(phone_try(&phone, "REGISTER", HERE, CONTACT("sip:300@10.9.9.9")), 200);
	switchboard_connection_closed(rig.switchboard, 9, rig.now);
	assert_int_equal(counts().bindings, 0);
	assert_int_equal(rig.deletes, 1);
	rig_receive(&rig, "10.1.0.1", CALL("300", "1"));
	assert_memory_equal(rig.last, "SIP/2.0 480", 11);
}

static void test_restart(void **state)
{
	(void)state;
	assert_int_equal(
		phone_try(&phone, "REGISTER", HERE, "Expires: 600\r\n" CONTACT("sip:300@10.9.9.9")),
		200);
	rig_restart(&rig, 100000, true);
	assert_int_equal(counts().bindings, 1);
	assert_int_equal(rig.deletes, 0);
	rig_receive(&rig, "10.1.0.1", CALL("300", "1"));
	rig_media_done(&rig);
	assert_memory_equal(rig.last, "INVITE sip:300@10.9.9.9 ", 24);
	rig.now.mono_ms += 499999;
	switchboard_advance(rig.switchboard, rig.now);
	assert_int_equal(counts().bindings, 1);
	rig.now.mono_ms += 1;
	switchboard_advance(rig.switchboard, rig.now);
	assert_int_equal(counts().bindings, 0);
}

static void test_restart_rubbish(void **state)
{
	const struct switchboard_snapshot rubbish = {
		.kind = SWITCHBOARD_JOURNAL_BINDINGS, .id = 5, .value = "rubbish", .length = 7};

	(void)state;
	assert_int_not_equal(switchboard_restore(rig.switchboard, &rubbish, rig.now), 0);
	assert_int_equal(rig.deletes, 1);
	assert_int_equal(switchboard_get_counts(rig.switchboard).recovery_failed, 1);
}

int main(void)
{
	static const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(test_proof, begin, end),
		cmocka_unit_test_setup_teardown(test_wrong_proofs, begin, end),
		cmocka_unit_test_setup_teardown(test_foreign_record, begin, end),
		cmocka_unit_test_setup_teardown(test_extensions_and_load, begin, end),
		cmocka_unit_test_setup_teardown(test_call_to_phone, begin, end),
		cmocka_unit_test_setup_teardown(test_nobody_there, begin, end),
		cmocka_unit_test_setup_teardown(test_next_binding, begin, end),
		cmocka_unit_test_setup_teardown(test_call_from_phone, begin, end),
		cmocka_unit_test_setup_teardown(test_watching, begin, end),
		cmocka_unit_test_setup_teardown(test_flow_is_lost, begin, end),
		cmocka_unit_test_setup_teardown(test_restart, begin, end),
		cmocka_unit_test_setup_teardown(test_restart_rubbish, begin, end),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
