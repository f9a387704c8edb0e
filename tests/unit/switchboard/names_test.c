/* SPDX-License-Identifier: Apache-2.0 */
/* Calls to a trunk that has a name: no target, several, targets that fail or go while a call comes
 * up. */
#include "resolver/target.h"
#include "rig.h"
#include "trunk/trunk.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#define NAMED                                                                                      \
	"trunks:\n"                                                                                \
	"  - {name: a, sources: [10.1.0.0/24], target: \"sip:10.1.0.1\", options_interval_s: 0}\n" \
	"  - {name: b, sources: [10.2.0.0/24], target: \"sip:b.test\", options_interval_s: 0}\n"   \
	"  - {name: c, sources: [10.3.0.0/24], target: \"sip:10.3.0.1\", options_interval_s: 0}\n"
#define ROUTES_TO_B "routes: [{from: a, pattern: \"*\", to: [b]}]\n"
#define ROUTES_TO_B_C "routes: [{from: a, pattern: \"*\", to: [b, c]}]\n"

enum {
	NAMED_TRUNK = 1,
	INVITE_TIMEOUT_MS = 4000,
};

static struct rig rig;

/* 10.2.0.HOST, one behind the other. */
static void set_targets(unsigned count, const uint8_t *hosts)
{
	struct resolver_target list[RESOLVER_TARGETS_MAX];

	for (unsigned i = 0; i < count; i++)
		list[i] = (struct resolver_target){
			.endpoint = {.ip = {.bytes = {10, 2, 0, hosts[i]},
					     .family = TD_FAMILY_IPV4},
				.port = 5060},
			.transport = SIP_TRANSPORT_UDP,
			.rank = (uint16_t)i,
		};
	assert_int_equal(
		switchboard_set_targets(rig.switchboard, NAMED_TRUNK, list, count, rig.now), 0);
}

static void begin(const char *routes, unsigned count, const uint8_t *hosts)
{
	char text[2048];

	(void)snprintf(text, sizeof(text), HEAD NAMED "%s", routes);
	rig_init(&rig, text);
	if (count != 0)
		set_targets(count, hosts);
	rig_receive(&rig, "10.1.0.1", INVITE);
}

static void pass(uint64_t ms)
{
	rig.now.mono_ms += ms;
	rig.now.wall_ns += ms * TD_NS_PER_MS;
	switchboard_advance(rig.switchboard, rig.now);
}

/* The last byte of where the last INVITE went. */
static uint8_t invited(void)
{
	assert_memory_equal(rig.last, "INVITE sip:100@b.test SIP/2.0\r\n", 31);
	assert_int_equal(rig.to.remote.ip.bytes[1], 2);
	return rig.to.remote.ip.bytes[3];
}

static void header_of_last(const char *name, char *line, size_t size)
{
	const char *found = strstr(rig.last, name);

	assert_non_null(found);
	(void)snprintf(line, size, "%.*s\r\n", (int)strcspn(found, "\r"), found);
}

/* Answers the last INVITE from its target with a status line and more headers. */
static void answer(const char *status, const char *more)
{
	static const char *const copied[] = {"Via:", "From:", "Call-ID:", "CSeq:", "To:"};
	char text[4096];
	char source[TD_IP_TEXT_BYTES];
	size_t used = (size_t)snprintf(text, sizeof(text), "SIP/2.0 %s\r\n", status);

	for (size_t i = 0; i < TD_COUNT_OF(copied); i++) {
		header_of_last(copied[i], text + used, sizeof(text) - used);
		used += strlen(text + used);
	}
	(void)snprintf(text + used - 2, sizeof(text) - used, ";tag=x\r\n%s\r\n", more);
	rig_receive(&rig, td_ip_format(&rig.to.remote.ip, source), text);
}

#define OK_BODY "Contact: <sip:10.2.0.1>\r\nContent-Type: application/sdp\r\n\r\n" SDP

static void test_no_target(void **state)
{
	(void)state;
	begin(ROUTES_TO_B, 0, NULL);
	assert_memory_equal(rig.last, "SIP/2.0 503", 11);
	assert_non_null(strstr(rig.last, "Retry-After: 5"));
	assert_int_equal(rig.cdr.release.detail, EVENT_DETAIL_NO_TARGET);
	assert_int_equal(rig.cdr.release.q850, 38);
	assert_int_equal(rig.cdr.release.disposition, EVENT_DISPOSITION_CONGESTION);
	assert_int_equal(rig.commands, 0);
	rig_fini(&rig);
}

static void test_no_target_but_another_trunk(void **state)
{
	(void)state;
	begin(ROUTES_TO_B_C, 0, NULL);
	rig_media_done(&rig);
	assert_int_equal(rig.to.remote.ip.bytes[1], 3);
	rig_fini(&rig);
}

/* Silence: the next target of the trunk gets the call, the first one's leg is recorded. */
static void test_silence(void **state)
{
	(void)state;
	begin(ROUTES_TO_B_C, 2, (const uint8_t[]){1, 2});
	rig_media_done(&rig);
	assert_int_equal(invited(), 1);
	pass(INVITE_TIMEOUT_MS - 1);
	assert_int_equal(rig.cdrs, 0);
	pass(1);
	assert_int_equal(rig.cdrs, 1);
	assert_int_equal(rig.cdr.release.sip_status, 408);
	assert_int_equal(rig.cdr.remote.ip.bytes[3], 1);
	rig_media_done(&rig);
	assert_int_equal(invited(), 2);
	rig_fini(&rig);
}

/* ICMP: at once. The 2xx that comes all the same is acknowledged and ended. */
static void test_unreachable(void **state)
{
	struct sip_flow flow;
	char invite[sizeof(rig.last)];

	(void)state;
	begin(ROUTES_TO_B, 2, (const uint8_t[]){1, 2});
	rig_media_done(&rig);
	flow = rig.to;
	memcpy(invite, rig.last, sizeof(invite));
	switchboard_transport_failed(rig.switchboard, &flow, rig.now);
	rig_media_done(&rig);
	assert_int_equal(invited(), 2);
	assert_int_equal(rig.cdr.release.detail, EVENT_DETAIL_TRANSPORT);
	memcpy(rig.last, invite, sizeof(invite));
	rig.to = flow;
	rig.sent = 0;
	answer("200 OK", OK_BODY);
	assert_int_equal(rig.sent, 2); /* ACK, BYE */
	assert_memory_equal(rig.last, "BYE ", 4);
	rig_fini(&rig);
}

/* 503 goes on to the next target, 500 to the next trunk, 486 to the caller (RFC 3263 4.3). */
static void test_refusals(void **state)
{
	(void)state;
	begin(ROUTES_TO_B_C, 2, (const uint8_t[]){1, 2});
	rig_media_done(&rig);
	answer("503 No", "");
	rig_media_done(&rig);
	assert_int_equal(invited(), 2);
	answer("500 No", "");
	rig_media_done(&rig);
	assert_int_equal(rig.to.remote.ip.bytes[1], 3);
	rig_fini(&rig);
	begin(ROUTES_TO_B_C, 2, (const uint8_t[]){1, 2});
	rig_media_done(&rig);
	answer("486 Busy", "");
	assert_memory_equal(rig.last, "SIP/2.0 486", 11);
	rig_fini(&rig);
}

/* Retry-After keeps other calls away for that long, but no longer than a minute. */
static void test_retry_after(void **state)
{
	static const struct {
		const char *header;
		uint64_t ms;
	} cases[] = {{"Retry-After: 7\r\n", 7000}, {"Retry-After: 86400\r\n", 60000}};

	(void)state;
	for (size_t i = 0; i < TD_COUNT_OF(cases); i++) {
		const struct trunk_table *trunks;
		struct trunk_attempt attempt = {.last = TRUNK_TARGET_NONE};
		struct sip_flow flow;

		begin(ROUTES_TO_B, 2, (const uint8_t[]){1, 2});
		rig_media_done(&rig);
		answer("503 No", cases[i].header);
		trunks = switchboard_trunks(rig.switchboard);
		assert_int_equal(trunk_choose_target(trunks, NAMED_TRUNK, &attempt, 0,
					 rig.now.mono_ms + cases[i].ms - 1),
			0);
		assert_int_equal(trunk_target_flow(trunks, NAMED_TRUNK, attempt.last, &flow), 0);
		assert_int_equal(flow.remote.ip.bytes[3], 2);
		attempt = (struct trunk_attempt){.last = TRUNK_TARGET_NONE};
		assert_int_equal(trunk_choose_target(trunks, NAMED_TRUNK, &attempt, 0,
					 rig.now.mono_ms + cases[i].ms),
			0);
		assert_int_equal(trunk_target_flow(trunks, NAMED_TRUNK, attempt.last, &flow), 0);
		assert_int_equal(flow.remote.ip.bytes[3], 1);
		rig_fini(&rig);
	}
}

/* The list changes between the choice and the INVITE, for which media had to be made ready. */
static void test_list_changes_before_the_invite(void **state)
{
	(void)state;
	begin(ROUTES_TO_B, 1, (const uint8_t[]){1});
	set_targets(1, (const uint8_t[]){9});
	rig_media_done(&rig);
	assert_int_equal(invited(), 9);
	rig_fini(&rig);
	begin(ROUTES_TO_B, 1, (const uint8_t[]){1});
	set_targets(0, NULL);
	rig_media_done(&rig);
	assert_int_equal(rig.invites, 0);
	assert_memory_equal(rig.last, "SIP/2.0 503", 11);
	rig_fini(&rig);
}

/* A list that changes while a target is tried: what is new gets its try, what was tried doesn't. */
static void test_list_changes_during_a_try(void **state)
{
	(void)state;
	begin(ROUTES_TO_B, 1, (const uint8_t[]){1});
	rig_media_done(&rig);
	set_targets(3, (const uint8_t[]){1, 7, 8});
	answer("503 No", "");
	rig_media_done(&rig);
	assert_int_equal(invited(), 7);
	set_targets(1, (const uint8_t[]){1});
	answer("503 No", "");
	assert_memory_equal(rig.last, "SIP/2.0 500", 11); /* its overload isn't ours */
	rig_fini(&rig);
}

/* Requests after the answer go where the dialog is, whatever the name means now. */
static void test_dialog_stays(void **state)
{
	char bye[512];

	(void)state;
	begin(ROUTES_TO_B, 1, (const uint8_t[]){1});
	rig_media_done(&rig);
	answer("200 OK", OK_BODY);
	set_targets(1, (const uint8_t[]){9});
	(void)snprintf(bye, sizeof(bye), "%s", REQUEST("ACK", "1") "\r\n");
	rig_receive(&rig, "10.1.0.1", bye);
	assert_int_equal(switchboard_get_counts(rig.switchboard).calls_answered, 1);
	pass(70000); /* no ACK matched our tag: the call ends by BYE to both */
	assert_int_equal(rig.to.remote.ip.bytes[3], 1);
	rig_fini(&rig);
}

/* A name may lead to many dead hosts: the caller isn't kept waiting for all of them. */
static void test_setup_timeout(void **state)
{
	const uint8_t hosts[] = {1, 2, 3, 4, 5, 6, 7, 8, 9};
	uint64_t begun_ms;

	(void)state;
	begin("routes: [{from: a, pattern: \"*\", to: [b]}]\n", 9, hosts);
	begun_ms = rig.now.mono_ms;
	while (strncmp(rig.last, "SIP/2.0 4", 9) != 0 && strncmp(rig.last, "SIP/2.0 5", 9) != 0) {
		rig_media_done(&rig);
		pass(500);
		assert_true(rig.now.mono_ms - begun_ms < 61000);
	}
	assert_true(rig.cdrs <= EVENT_CALL_LEGS_MAX);
	rig_fini(&rig);
	begin("routes: [{from: a, pattern: \"*\", to: [b]}]\n", 9, hosts);
	rig.config->sip.setup_timeout_s = 10;
	begun_ms = rig.now.mono_ms;
	rig.cdrs = 0;
	while (strncmp(rig.last, "SIP/2.0 4", 9) != 0 && strncmp(rig.last, "SIP/2.0 5", 9) != 0) {
		rig_media_done(&rig);
		pass(500);
		assert_true(rig.now.mono_ms - begun_ms <= 10500);
	}
	assert_int_equal(rig.invites != 0, 1);
	rig_fini(&rig);
}

/* kill -9 while a target is tried: its INVITE goes on, and what fails then isn't tried again. */
static void test_restart(void **state)
{
	(void)state;
	begin(ROUTES_TO_B, 2, (const uint8_t[]){1, 2});
	rig_media_done(&rig);
	assert_int_equal(invited(), 1);
	rig.invites = 0;
	rig_restart(&rig, 1000, false);
	assert_int_equal(rig.invites, 1);
	assert_int_equal(invited(), 1);
	set_targets(3, (const uint8_t[]){1, 2, 3});
	answer("503 No", "");
	rig_media_done(&rig);
	assert_int_equal(invited(), 2);
	rig_fini(&rig);
}

int main(void)
{
	static const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_no_target),
		cmocka_unit_test(test_no_target_but_another_trunk),
		cmocka_unit_test(test_silence),
		cmocka_unit_test(test_unreachable),
		cmocka_unit_test(test_refusals),
		cmocka_unit_test(test_retry_after),
		cmocka_unit_test(test_list_changes_before_the_invite),
		cmocka_unit_test(test_list_changes_during_a_try),
		cmocka_unit_test(test_dialog_stays),
		cmocka_unit_test(test_setup_timeout),
		cmocka_unit_test(test_restart),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
