/* SPDX-License-Identifier: Apache-2.0 */
/* We register with a trunk's registrar. */
#include "rig.h"
#include "sip/message.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#define CARRIER(more)                                                             \
	"trunks:\n"                                                               \
	"  - {name: a, sources: [10.1.0.0/24], target: \"sip:10.1.0.1\", "        \
	"options_interval_s: 0}\n"                                                \
	"  - name: b\n    sources: [10.2.0.0/24]\n    target: \"sip:10.2.0.1\"\n" \
	"    options_interval_s: 0\n    credentials: {username: u, password: p}\n" more
#define REGISTRATION(more) "    registration: {user: \"4930\", domain: example.org" more "}\n"
#define PLAIN HEAD CARRIER(REGISTRATION("")) ROUTES

static struct rig rig;

static void start(const char *config)
{
	rig_init(&rig, config);
}

static int end(void **state)
{
	(void)state;
	rig_fini(&rig);
	return 0;
}

/* Time goes on to the next deadline. */
static void fire(void)
{
	uint64_t next_ms = switchboard_deadline(rig.switchboard);

	assert_true(next_ms != TD_NEVER);
	if (next_ms > rig.now.mono_ms) {
		rig.now.wall_ns += (next_ms - rig.now.mono_ms) * TD_NS_PER_MS;
		rig.now.mono_ms = next_ms;
	}
	switchboard_advance(rig.switchboard, rig.now);
}

/* Time goes on until something is sent. */
static void wait_for_request(void)
{
	rig.sent = 0;
	for (unsigned i = 0; i < 100 && rig.sent == 0; i++)
		fire();
	assert_int_equal(rig.sent, 1);
}

static uint32_t cseq_of_last(void)
{
	const char *cseq = strstr(rig.last, "CSeq: ");

	assert_non_null(cseq);
	return (uint32_t)strtoul(cseq + 6, NULL, 10);
}

static const char *call_id_of_last(void)
{
	static char call_id[64];
	const char *at = strstr(rig.last, "Call-ID: ");

	assert_non_null(at);
	(void)snprintf(call_id, sizeof(call_id), "%.*s", (int)strcspn(at + 9, "\r"), at + 9);
	return call_id;
}

/* Answers the last request, with headers of its own. */
static void answer(const char *status, const char *headers)
{
	char response[4096];
	size_t used = (size_t)snprintf(response, sizeof(response), "SIP/2.0 %s x\r\n", status);

	for (const char *at = rig.last; *at != '\0'; at += strcspn(at, "\n") + 1)
		if (strncmp(at, "Via:", 4) == 0 || strncmp(at, "From:", 5) == 0 ||
			strncmp(at, "To:", 3) == 0 || strncmp(at, "Call-ID:", 8) == 0 ||
			strncmp(at, "CSeq:", 5) == 0)
			used += (size_t)snprintf(response + used, sizeof(response) - used, "%.*s",
				(int)strcspn(at, "\n") + 1, at);
	(void)snprintf(response + used, sizeof(response) - used, "%s\r\n", headers);
	rig.sent = 0;
	rig_receive(&rig, "10.2.0.1", response);
}

static struct switchboard_registration shown(void)
{
	struct switchboard_registration registration;

	assert_true(switchboard_get_registration(rig.switchboard, 1, &registration));
	return registration;
}

static void test_life(void **state)
{
	uint32_t cseq;

	(void)state;
	start(PLAIN);
	assert_string_equal(shown().state, "idle");
	wait_for_request();
	assert_memory_equal(rig.last, "REGISTER sip:example.org SIP/2.0\r\n", 33);
	assert_int_equal(rig.to.remote.ip.bytes[1], 2);
	assert_non_null(strstr(rig.last, "\r\nFrom: <sip:4930@example.org>;tag="));
	assert_non_null(strstr(rig.last, "\r\nTo: <sip:4930@example.org>\r\n"));
	assert_non_null(strstr(
		rig.last, "\r\nContact: <sip:4930@10.0.0.1:5060>;+sip.instance=\"<urn:uuid:"));
	assert_non_null(strstr(rig.last, ">\";reg-id=1\r\nExpires: 3600\r\n"));
	assert_non_null(strstr(rig.last, "\r\nSupported: path, outbound\r\n"));
	assert_string_equal(shown().state, "registering");
	assert_int_equal(rig.journal_kind, SWITCHBOARD_JOURNAL_REGISTRATION);
	cseq = cseq_of_last();
	answer("401", "WWW-Authenticate: Digest realm=\"r\", nonce=\"n\", qop=\"auth\"\r\n");
	assert_int_equal(rig.sent, 1);
	assert_int_equal(cseq_of_last(), cseq + 1);
	assert_non_null(strstr(rig.last, "\r\nAuthorization: Digest username=\"u\", realm=\"r\""));
	assert_non_null(strstr(rig.last, "uri=\"sip:example.org\""));
	answer("200", "Contact: <sip:x@10.9.9.9>;expires=5\r\n"
		      "Contact: <sip:4930@10.0.0.1:5060>;expires=1000\r\nExpires: 70\r\n");
	assert_string_equal(shown().state, "registered");
	assert_int_equal(shown().left_s, 1000);
	assert_in_range(shown().next_s, 849, 900);
	assert_int_equal(rig.registrations, 1);
	assert_int_equal(rig.registration.kind, REGISTRATION_EVENT_REGISTERED);
	assert_int_equal(rig.registration.direction, EVENT_DIRECTION_OUT);
	assert_string_equal(rig.registration.trunk, "b");
	assert_int_equal(rig.registration.expires_s, 1000);
	wait_for_request();
	assert_string_equal(shown().state, "refreshing");
	assert_int_equal(cseq_of_last(), cseq + 2);
	assert_null(strstr(rig.last, "Authorization"));
	answer("200", "Expires: 70\r\n");
	assert_int_equal(shown().left_s, 70);
	assert_int_equal(rig.registrations, 1);
}

/* Nonces grow stale, passwords are wrong. */
static void test_challenges(void **state)
{
	(void)state;
	start(PLAIN);
	wait_for_request();
	answer("407", "Proxy-Authenticate: Digest realm=\"r\", nonce=\"1\"\r\n");
	assert_non_null(strstr(rig.last, "\r\nProxy-Authorization: Digest"));
	answer("407", "Proxy-Authenticate: Digest realm=\"r\", nonce=\"2\", stale=true\r\n");
	assert_non_null(strstr(rig.last, "nonce=\"2\""));
	answer("407", "Proxy-Authenticate: Digest realm=\"r\", nonce=\"3\", stale=true\r\n");
	assert_int_equal(rig.sent, 0);
	assert_string_equal(shown().state, "backing_off");
	assert_int_equal(shown().status, 407);
	assert_int_equal(rig.registration.kind, REGISTRATION_EVENT_FAILED);
	assert_int_equal(rig.registration.reason, EVENT_REASON_REFUSED);
	assert_int_equal(rig.registration.sip_status, 407);
	assert_in_range(shown().next_s, 29, 60);
	wait_for_request();
	answer("401", "WWW-Authenticate: Digest realm=\"r\", nonce=\"4\"\r\n");
	answer("401", "WWW-Authenticate: Digest realm=\"r\", nonce=\"5\"\r\n"); /* wrong */
	assert_int_equal(rig.sent, 0);
	assert_int_equal(rig.registrations, 1); /* told once */
	wait_for_request();
	answer("200", "");
	assert_int_equal(rig.registration.kind, REGISTRATION_EVENT_REGISTERED);
	assert_int_equal(rig.registration.ordinal, 1);
}

static void test_other_answers(void **state)
{
	(void)state;
	start(PLAIN);
	wait_for_request();
	answer("423", "Min-Expires: 7000\r\n");
	assert_non_null(strstr(rig.last, "\r\nExpires: 7000\r\n"));
	answer("439", "");
	assert_null(strstr(rig.last, "reg-id"));
	assert_non_null(strstr(rig.last, "\r\nSupported: path\r\n"));
	answer("302", "Contact: <sip:10.2.0.7:5080>\r\n");
	assert_int_equal(rig.to.remote.port, 5080);
	assert_int_equal(rig.to.remote.ip.bytes[3], 7);
	answer("302", "Contact: <sip:10.2.0.8>\r\n");
	assert_int_equal(rig.to.remote.ip.bytes[3], 8);
	answer("302", "Contact: <sip:10.2.0.9>\r\n"); /* enough */
	assert_int_equal(rig.sent, 0);
	assert_string_equal(shown().state, "backing_off");
	wait_for_request();
	assert_int_equal(rig.to.remote.ip.bytes[3], 1);
	answer("302", "Contact: <sip:elsewhere.example>\r\n"); /* names aren't followed */
	assert_string_equal(shown().state, "backing_off");
	wait_for_request();
	answer("503", "Retry-After: 1000\r\n");
	assert_string_equal(shown().state, "backing_off");
	assert_in_range(shown().next_s, 1000, 1300);
	wait_for_request();
	answer("200", "Expires: 0\r\n"); /* granted nothing */
	assert_string_equal(shown().state, "backing_off");
	wait_for_request();
	answer("200", "");
	assert_int_equal(shown().left_s, 7000);
}

/* Nobody answers: timer F, then the pause; what was granted runs out meanwhile. */
static void test_no_answer(void **state)
{
	(void)state;
	start(PLAIN);
	wait_for_request();
	answer("200", "Expires: 1000\r\n");
	while (rig.registrations == 1)
		fire();
	assert_int_equal(rig.registration.kind, REGISTRATION_EVENT_FAILED);
	assert_int_equal(rig.registration.reason, EVENT_REASON_NO_RESPONSE);
	while (rig.registrations == 2)
		fire();
	assert_int_equal(rig.registration.kind, REGISTRATION_EVENT_EXPIRED);
	assert_false(shown().is_held);
	wait_for_request();
	answer("200", "Expires: 100\r\n");
	assert_int_equal(rig.registration.ordinal, 3);
	assert_true(shown().is_held);
}

static void test_drain(void **state)
{
	(void)state;
	start(PLAIN);
	wait_for_request();
	answer("200", "");
	switchboard_set_gate(rig.switchboard, SWITCHBOARD_GATE_DRAINING, true);
	rig.sent = 0;
	fire();
	assert_int_equal(rig.sent, 1);
	assert_non_null(strstr(rig.last, "\r\nExpires: 0\r\n"));
	assert_string_equal(shown().state, "unregistering");
	answer("401", "WWW-Authenticate: Digest realm=\"r\", nonce=\"n\"\r\n");
	assert_non_null(strstr(rig.last, "\r\nExpires: 0\r\n"));
	answer("200", "");
	assert_string_equal(shown().state, "idle");
	assert_int_equal(rig.registration.kind, REGISTRATION_EVENT_UNREGISTERED);
	assert_int_equal(rig.registration.reason, EVENT_REASON_DRAINING);
	switchboard_set_gate(rig.switchboard, SWITCHBOARD_GATE_DRAINING, false);
	wait_for_request();
	answer("200", "");
	assert_string_equal(shown().state, "registered");
}

static void reload(const char *text)
{
	struct config *next = rig_load(text);

	assert_int_equal(switchboard_reconfigure(rig.switchboard, next, rig.now), 0);
	config_destroy(rig.config);
	rig.config = next;
}

static void test_reload(void **state)
{
	(void)state;
	start(PLAIN);
	wait_for_request();
	answer("200", "");
	rig.sent = 0;
	reload(HEAD CARRIER(REGISTRATION(", expires_s: 600")) ROUTES); /* the same one */
	assert_int_equal(rig.sent, 0);
	wait_for_request();
	assert_non_null(strstr(rig.last, "\r\nExpires: 600\r\n"));
	answer("200", "");
	/* Another user: the old one is taken back, the new one begins. */
	reload(HEAD CARRIER("    registration: {user: \"4940\", domain: example.org}\n") ROUTES);
	assert_int_equal(rig.sent, 1);
	assert_non_null(strstr(rig.last, "<sip:4930@example.org>"));
	assert_non_null(strstr(rig.last, "\r\nExpires: 0\r\n"));
	answer("200", "");
	assert_int_equal(rig.registration.reason, EVENT_REASON_WITHDRAWN);
	assert_int_equal(rig.deletes, 1);
	wait_for_request();
	assert_non_null(strstr(rig.last, "<sip:4940@example.org>"));
	answer("200", "");
	/* None at all; the registrar doesn't care any more. */
	reload(HEAD CARRIER("") ROUTES);
	assert_non_null(strstr(rig.last, "\r\nExpires: 0\r\n"));
	answer("404", "");
	assert_int_equal(rig.deletes, 2);
	assert_false(switchboard_get_registration(
		rig.switchboard, 1, &(struct switchboard_registration){0}));
}

static void test_restart(void **state)
{
	char call_id[64];
	uint32_t cseq;

	(void)state;
	start(PLAIN);
	wait_for_request();
	(void)snprintf(call_id, sizeof(call_id), "%s", call_id_of_last());
	answer("200", "Expires: 1000\r\nService-Route: <sip:10.2.0.77;lr>, <sip:s2;lr>\r\n");
	cseq = cseq_of_last();
	rig_restart(&rig, 100000, true);
	assert_true(shown().is_held);
	assert_int_equal(shown().left_s, 900);
	wait_for_request(); /* soon: is it still there? */
	assert_true(shown().left_s > 890);
	assert_string_equal(call_id_of_last(), call_id);
	assert_true(cseq_of_last() > cseq);
	answer("200", "");
	assert_int_equal(rig.registrations, 1); /* no news */
	/* Killed while the request is out: its number isn't used again. */
	wait_for_request();
	cseq = cseq_of_last();
	rig_restart(&rig, 10, false);
	wait_for_request();
	assert_string_equal(call_id_of_last(), call_id);
	assert_int_equal(cseq_of_last(), cseq + 1);
	/* Away for too long. */
	answer("200", "Expires: 60\r\n");
	rig_restart(&rig, 100000, false);
	assert_false(shown().is_held);
	assert_int_equal(rig.registration.kind, REGISTRATION_EVENT_EXPIRED);
	wait_for_request();
	assert_string_equal(call_id_of_last(), call_id);
}

/* A record of another registration than the configuration wants now is of no use. */
static void test_restart_with_another_configuration(void **state)
{
	struct config *next;

	(void)state;
	start(PLAIN);
	wait_for_request();
	answer("200", "");
	next = rig_load(HEAD CARRIER("    registration: {user: other}\n") ROUTES);
	config_destroy(rig.config);
	rig.config = next;
	rig_restart(&rig, 1000, false);
	assert_false(shown().is_held);
	assert_int_equal(rig.deletes, 1);
	wait_for_request();
	assert_memory_equal(rig.last, "REGISTER sip:10.2.0.1 SIP/2.0\r\n", 31);
}

/* Calls begin with the Service-Route, at its first hop. */
static void test_service_route(void **state)
{
	(void)state;
	start(PLAIN);
	wait_for_request();
	answer("200", "Service-Route: <sip:10.2.0.77:5070;lr>\r\nService-Route: <sip:s2;lr>\r\n");
	rig_receive(&rig, "10.1.0.1", INVITE);
	rig_media_done(&rig);
	assert_memory_equal(rig.last, "INVITE sip:100@10.2.0.1 ", 24);
	assert_non_null(
		strstr(rig.last, "\r\nRoute: <sip:10.2.0.77:5070;lr>\r\nRoute: <sip:s2;lr>\r\n"));
	assert_int_equal(rig.to.remote.port, 5070);
	assert_int_equal(rig.to.remote.ip.bytes[3], 77);
}

/* A trunk that doesn't have us is tried last. */
static void test_missing(void **state)
{
	(void)state;
	start(HEAD CARRIER(REGISTRATION(
		"")) "  - {name: c, sources: [10.3.0.0/24], target: \"sip:10.3.0.1\", "
		     "options_interval_s: 0}\n"
		     "routes: [{from: a, number: \"100\", to: [b, c]}, {from: a, number: \"200\", to: "
		     "[b]}]\n");
	wait_for_request();
	rig_receive(&rig, "10.1.0.1", INVITE);
	rig_media_done(&rig);
	assert_memory_equal(rig.last, "INVITE sip:100@10.3.0.1 ", 24);
}

/* RFC 6140 */
static void test_bulk(void **state)
{
	(void)state;
	start(HEAD CARRIER("    registration: {user: trunk, bulk: true, outbound: false, "
			   "registrar: \"sip:10.2.0.9:5070\"}\n") ROUTES);
	wait_for_request();
	assert_memory_equal(rig.last, "REGISTER sip:10.2.0.9:5070 SIP/2.0\r\n", 36);
	assert_int_equal(rig.to.remote.port, 5070);
	assert_non_null(strstr(rig.last, "\r\nContact: <sip:10.0.0.1:5060;bnc>\r\n"));
	assert_non_null(strstr(rig.last, "\r\nRequire: gin\r\nProxy-Require: gin\r\n"));
	assert_non_null(strstr(rig.last, "\r\nSupported: path, gin\r\n"));
	answer("503", "");
	assert_string_equal(shown().state, "backing_off");
	wait_for_request();
	assert_int_equal(rig.to.remote.port, 5070);
}

/* A thousand trunks begin one after the other. */
static void test_spread(void **state)
{
	static char text[512 * 1024];
	size_t used = (size_t)snprintf(text, sizeof(text), "%s", HEAD "trunks:\n");
	unsigned most = 0;
	uint64_t first_ms;

	(void)state;
	for (unsigned i = 0; i < 1000; i++)
		used += (size_t)snprintf(text + used, sizeof(text) - used,
			"  - {name: t%u, target: \"sip:10.2.%u.%u\", options_interval_s: 0, "
			"registration: {user: u%u}}\n",
			i, 1 + i / 200, 1 + i % 200, i);
	start(text);
	first_ms = rig.now.mono_ms;
	for (rig.sent = 0; rig.now.mono_ms < first_ms + 20000; rig.now.mono_ms += 100) {
		unsigned before = rig.sent;

		switchboard_advance(rig.switchboard, rig.now);
		if (rig.now.mono_ms < first_ms + 500 && rig.sent - before > most)
			most = rig.sent - before; /* later ones are repeated, too */
	}
	assert_true(rig.sent >= 1000);
	assert_true(most < 25); /* 5 are meant, in 100 ms */
}

int main(void)
{
	static const struct CMUnitTest tests[] = {
		cmocka_unit_test_teardown(test_life, end),
		cmocka_unit_test_teardown(test_challenges, end),
		cmocka_unit_test_teardown(test_other_answers, end),
		cmocka_unit_test_teardown(test_no_answer, end),
		cmocka_unit_test_teardown(test_drain, end),
		cmocka_unit_test_teardown(test_reload, end),
		cmocka_unit_test_teardown(test_restart, end),
		cmocka_unit_test_teardown(test_restart_with_another_configuration, end),
		cmocka_unit_test_teardown(test_service_route, end),
		cmocka_unit_test_teardown(test_missing, end),
		cmocka_unit_test_teardown(test_bulk, end),
		cmocka_unit_test_teardown(test_spread, end),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
