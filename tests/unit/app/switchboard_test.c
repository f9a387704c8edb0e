/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The switchboard's edges that no call flow reaches: garbage, strangers, damaged journal records,
 * an earlier boot, reload, OPTIONS towards trunks.
 */
#include "app/switchboard.h"

#include "config/config.h"
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

#define HEAD                                                            \
	"node: t\nsip: {listen: [{address: 10.0.0.1}], max_calls: 4}\n" \
	"media: {addresses: [10.0.0.1]}\n"                              \
	"dataplane: {ports: [{device: net_null0}]}\n"
#define TRUNKS                                                                                     \
	"trunks:\n"                                                                                \
	"  - {name: a, sources: [10.1.0.0/24], target: \"sip:10.1.0.1\", options_interval_s: 0}\n" \
	"  - {name: b, sources: [10.2.0.0/24], target: \"sip:10.2.0.1\", options_interval_s: 0}\n"
#define ROUTES_TO_A "routes: [{from: a, pattern: \"*\", to: [a]}]\n"
#define ROUTES "routes: [{from: a, pattern: \"*\", to: [b]}]\n"

struct rig {
	struct config *config;
	struct switchboard *switchboard;
	struct td_now now;
	unsigned sent;
	unsigned invites;
	struct sip_flow to; /* of the last message sent */
	unsigned commands;
	uint64_t terminations[2]; /* of the last commands */
	unsigned puts;
	unsigned deletes;
	unsigned cdrs;
	char last[4096];
	struct leg_cdr cdr; /* the last one */
	uint64_t journal_id;
	size_t journal_length;
	uint8_t journal[16384];
};

static void send_sip(void *context, const struct sip_flow *flow, const char *bytes, size_t length)
{
	struct rig *rig = context;

	rig->sent++;
	rig->invites += length > 7 && memcmp(bytes, "INVITE ", 7) == 0;
	rig->to = *flow;
	(void)snprintf(rig->last, sizeof(rig->last), "%.*s", (int)length, bytes);
}

static void media_command(void *context, const struct media_command *command)
{
	struct rig *rig = context;

	rig->terminations[rig->commands++ % 2] = command->spec.termination_id;
}

static void journal_put(void *context, uint64_t call_id, const void *value, size_t length)
{
	struct rig *rig = context;

	assert_true(length <= sizeof(rig->journal));
	memcpy(rig->journal, value, length);
	rig->journal_length = length;
	rig->journal_id = call_id;
	rig->puts++;
}

static void journal_delete(void *context, uint64_t call_id)
{
	struct rig *rig = context;

	(void)call_id;
	rig->deletes++;
}

static void emit(void *context, const struct event_record *record)
{
	struct rig *rig = context;

	if (record->kind != EVENT_RECORD_CDR)
		return;
	rig->cdrs++;
	rig->cdr = record->cdr;
}

static struct config *load(const char *text)
{
	struct config_errors errors;
	struct config *config = NULL;

	if (config_load_text(text, strlen(text), "rig", &config, &errors) != 0) {
		config_errors_print(&errors, stderr);
		abort();
	}
	return config;
}

static void rig_start(struct rig *rig, uint8_t boot)
{
	const struct switchboard_ports ports = {
		rig, send_sip, media_command, journal_put, journal_delete, emit};
	uint8_t seed[SWITCHBOARD_SEED_BYTES] = {boot, [20] = boot};

	assert_int_equal(
		switchboard_create(rig->config, seed, &ports, rig->now, &rig->switchboard), 0);
	switchboard_media_state(rig->switchboard, LEDGER_READY, rig->now);
}

static void rig_init(struct rig *rig, const char *text)
{
	memset(rig, 0, sizeof(*rig));
	rig->now = (struct td_now){1000000, 1767225600000000000ull};
	rig->config = load(text);
	rig_start(rig, 1);
}

static void rig_fini(struct rig *rig)
{
	switchboard_destroy(rig->switchboard);
	config_destroy(rig->config);
}

static void receive(struct rig *rig, const char *source, const char *text)
{
	struct sip_flow flow = {.transport = SIP_TRANSPORT_UDP};
	char bytes[4096];
	const struct switchboard_message message = {
		.bytes = bytes, .length = strlen(text), .flow = &flow};

	memcpy(bytes, text, strlen(text) + 1);
	assert_true(td_ip_parse(source, strlen(source), &flow.remote.ip));
	assert_true(td_ip_parse("10.0.0.1", 8, &flow.local.ip));
	flow.remote.port = flow.local.port = 5060;
	switchboard_receive_sip(rig->switchboard, &message, rig->now);
}

#define REQUEST(method, cseq)                                                             \
	method " sip:100@10.0.0.1 SIP/2.0\r\n"                                            \
	       "Via: SIP/2.0/UDP 10.1.0.1;branch=z9hG4bK" method cseq ";rport\r\n"        \
	       "From: <sip:1@10.1.0.1>;tag=a\r\nTo: <sip:100@10.0.0.1>\r\nCall-ID: c\r\n" \
	       "CSeq: " cseq " " method "\r\nContact: <sip:10.1.0.1>\r\n"
/* The dataplane has done what it was told. */
static void media_done(struct rig *rig)
{
	const uint64_t ids[] = {rig->terminations[0], rig->terminations[1]};

	for (size_t i = 0; i < 2; i++)
		switchboard_media_reply(rig->switchboard,
			&(const struct td_reply){.termination_id = ids[i],
				.command_type = TD_MESSAGE_ADD,
				.result = TD_RESULT_OK},
			rig->now);
}

/* Another process takes over, ms later. */
static void rig_restart(struct rig *rig, uint64_t ms, bool is_other_boot)
{
	const struct switchboard_snapshot snapshot = {.call_id = rig->journal_id,
		.value = rig->journal,
		.length = rig->journal_length,
		.is_other_boot = is_other_boot};

	switchboard_destroy(rig->switchboard);
	rig->now.wall_ns += ms * TD_NS_PER_MS;
	rig->now.mono_ms = is_other_boot ? 500 : rig->now.mono_ms + ms;
	rig_start(rig, 2);
	assert_int_equal(switchboard_restore(rig->switchboard, &snapshot, rig->now), 0);
	switchboard_restored(rig->switchboard, rig->now);
}

#define SDP                                                                       \
	"v=0\r\no=- 1 1 IN IP4 10.1.0.1\r\ns=-\r\nc=IN IP4 10.1.0.1\r\nt=0 0\r\n" \
	"m=audio 4000 RTP/AVP 8\r\n"
#define INVITE                 \
	REQUEST("INVITE", "1") \
	"Content-Type: application/sdp\r\n\r\n" SDP

static void test_strangers_and_garbage(void **state)
{
	struct rig rig;
	struct switchboard_counts counts;
	struct td_ip ip;

	(void)state;
	rig_init(&rig, HEAD TRUNKS ROUTES);
	receive(&rig, "10.9.0.1", REQUEST("OPTIONS", "1") "Content-Length: 0\r\n\r\n");
	receive(&rig, "10.9.0.1", "rubbish");
	assert_int_equal(rig.sent, 0);
	receive(&rig, "10.1.0.1", "rubbish\r\n\r\n");
	assert_int_equal(rig.sent, 0); /* nothing that could be answered */
	receive(&rig, "10.1.0.1", REQUEST("OPTIONS", "9") "Max-Forwards: x\r\n\r\n");
	assert_int_equal(rig.sent, 1);
	assert_memory_equal(rig.last, "SIP/2.0 400", 11);
	receive(&rig, "10.1.0.1", REQUEST("OPTIONS", "2") "Content-Length: 0\r\n\r\n");
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

static void test_damaged_records_are_refused(void **state)
{
	struct rig rig;
	const struct switchboard_snapshot rubbish = {.call_id = 5, .value = "rubbish", .length = 7};
	struct switchboard_snapshot snapshot;

	(void)state;
	rig_init(&rig, HEAD TRUNKS ROUTES);
	assert_int_equal(switchboard_restore(rig.switchboard, &rubbish, rig.now), -EBADMSG);
	receive(&rig, "10.1.0.1", INVITE);
	assert_int_equal(rig.commands, 2);
	switchboard_destroy(rig.switchboard);
	rig_start(&rig, 2);
	snapshot = (struct switchboard_snapshot){
		.call_id = 5, .value = rig.journal, .length = rig.journal_length};
	assert_int_equal(switchboard_restore(rig.switchboard, &snapshot, rig.now), -EBADMSG);
	snapshot.call_id = rig.journal_id;
	assert_int_equal(switchboard_restore(rig.switchboard, &snapshot, rig.now), 0);
	assert_int_equal(switchboard_restore(rig.switchboard, &snapshot, rig.now), -ENOSPC);
	assert_int_equal(switchboard_get_counts(rig.switchboard).recovery_failed, 2);
	assert_int_equal(switchboard_get_counts(rig.switchboard).calls, 1);
	assert_int_equal(switchboard_get_counts(rig.switchboard).ports_in_use, 4);
	assert_int_equal(rig.commands, 4); /* both terminations again */
	assert_int_equal(rig.deletes, 2);  /* of what can't be read, not of what has no room */
	rig_fini(&rig);
}

static void test_calls_of_an_earlier_boot_end(void **state)
{
	struct rig rig;
	struct switchboard_snapshot snapshot;

	(void)state;
	rig_init(&rig, HEAD TRUNKS ROUTES);
	receive(&rig, "10.1.0.1", INVITE);
	switchboard_destroy(rig.switchboard);
	rig.now = (struct td_now){500, rig.now.wall_ns + 60 * (td_ns_t)TD_NS_PER_S};
	rig_start(&rig, 2);
	rig.commands = 0;
	snapshot = (struct switchboard_snapshot){.call_id = rig.journal_id,
		.value = rig.journal,
		.length = rig.journal_length,
		.is_other_boot = true};
	assert_int_equal(switchboard_restore(rig.switchboard, &snapshot, rig.now), 0);
	assert_int_equal(rig.commands, 0); /* its media died with the machine */
	assert_memory_equal(rig.last, "SIP/2.0 503", 11);
	assert_int_equal(rig.cdrs, 1);
	assert_true(rig.cdr.is_recovered);
	assert_int_equal(rig.cdr.times.end_wall_ns, rig.now.wall_ns);
	assert_int_equal(switchboard_get_counts(rig.switchboard).ports_in_use, 0);
	rig.now.mono_ms += 32000; /* timer H: nobody is there to acknowledge */
	switchboard_advance(rig.switchboard, rig.now);
	assert_int_equal(rig.deletes, 1);
	assert_int_equal(switchboard_get_counts(rig.switchboard).calls, 0);
	rig_fini(&rig);
}

/* An INVITE that nobody has answered yet is sent again after a short absence, not after one that
 * outlasted the caller's patience: a phone would ring for a call that is over. */
static void test_no_phone_rings_for_an_old_call(void **state)
{
	static const struct {
		uint64_t away_ms;
		bool is_other_boot;
		unsigned invites;
	} cases[] = {{1000, false, 1}, {600000, false, 0}, {600000, true, 0}};

	(void)state;
	for (size_t i = 0; i < TD_COUNT_OF(cases); i++) {
		struct rig rig;

		rig_init(&rig, HEAD TRUNKS ROUTES);
		receive(&rig, "10.1.0.1", INVITE);
		media_done(&rig);
		assert_int_equal(rig.invites, 1);
		rig.invites = 0;
		rig_restart(&rig, cases[i].away_ms, cases[i].is_other_boot);
		assert_int_equal(rig.invites, cases[i].invites);
		for (unsigned step = 0; step < 40; step++) {
			rig.now.mono_ms += 2000;
			switchboard_advance(rig.switchboard, rig.now);
		}
		if (cases[i].invites == 0)
			assert_int_equal(rig.invites, 0);
		assert_int_equal(switchboard_get_counts(rig.switchboard).calls, 0);
		rig_fini(&rig);
	}
}

static void test_calls_of_a_trunk_that_is_gone_end(void **state)
{
	struct rig rig;

	(void)state;
	rig_init(&rig, HEAD TRUNKS ROUTES);
	receive(&rig, "10.1.0.1", INVITE);
	media_done(&rig);
	config_destroy(rig.config);
	rig.config = load(HEAD "trunks:\n  - {name: a, sources: [10.1.0.0/24], "
			       "target: \"sip:10.1.0.1\", options_interval_s: 0}\n");
	rig_restart(&rig, 100, false);
	assert_memory_equal(rig.last, "SIP/2.0 503", 11);
	for (unsigned i = 0; i < 40; i++) {
		rig.now.mono_ms += 2000;
		switchboard_advance(rig.switchboard, rig.now);
	}
	assert_int_equal(rig.cdrs, 2);
	assert_int_equal(switchboard_get_counts(rig.switchboard).calls, 0);
	rig_fini(&rig);
}

static void test_answers_go_where_the_via_says(void **state)
{
	struct rig rig;

	(void)state;
	rig_init(&rig, HEAD TRUNKS ROUTES);
	receive(&rig, "10.1.0.1",
		"OPTIONS sip:10.0.0.1 SIP/2.0\r\nVia: SIP/2.0/UDP 10.1.0.1:5090;branch=z9hG4bKo\r\n"
		"From: <sip:1@10.1.0.1>;tag=a\r\nTo: <sip:10.0.0.1>\r\nCall-ID: c\r\n"
		"CSeq: 1 OPTIONS\r\n\r\n");
	assert_memory_equal(rig.last, "SIP/2.0 200", 11);
	assert_int_equal(rig.to.remote.port, 5090);
	switchboard_set_gate(rig.switchboard, SWITCHBOARD_GATE_DRAINING, true);
	receive(&rig, "10.1.0.1",
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
		receive(&rig, "10.1.0.1", text);
		taken += memcmp(rig.last, "SIP/2.0 100", 11) == 0;
	}
	assert_memory_equal(rig.last, "SIP/2.0 503", 11);
	assert_non_null(strstr(rig.last, "Retry-After: "));
	assert_int_equal(taken, 91); /* 104 less an eighth */
	receive(&rig, "10.1.0.1", REQUEST("OPTIONS", "7") "Content-Length: 0\r\n\r\n");
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
	receive(&rig, "10.1.0.1", INVITE);
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
		receive(&rig, "10.1.0.1", text);
		assert_int_equal(switchboard_get_counts(rig.switchboard).calls_started, 1);
	}
	assert_memory_equal(rig.last, "SIP/2.0 401", 11);
	assert_non_null(strstr(rig.last, "stale=true"));
	rig_fini(&rig);
}

/* A display name that doesn't fit is left out; it doesn't cut the URI off. */
static void test_a_long_name_costs_the_name(void **state)
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
	receive(&rig, "10.1.0.1", text);
	media_done(&rig);
	assert_int_equal(rig.invites, 1);
	assert_non_null(strstr(rig.last, "From: <sip:1@10.0.0.1>;tag="));
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
	receive(&rig, "10.1.0.1", INVITE);
	switchboard_visit_calls(rig.switchboard, count_call, &listed);
	assert_int_equal(listed, 1);
	assert_int_equal(switchboard_deadline(rig.switchboard), rig.now.mono_ms + 3000);
	next = load(HEAD "trunks:\n  - {name: c, sources: [10.3.0.0/24], target: \"sip:10.3.0.1\", "
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
	receive(&rig, "10.1.0.1", REQUEST("OPTIONS", "3") "Content-Length: 0\r\n\r\n");
	assert_int_equal(trunk_get_status(trunks, 0, &status), 0);
	assert_int_equal(status.state, TRUNK_UP); /* it speaks, so it lives */
	rig_fini(&rig);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_strangers_and_garbage),
		cmocka_unit_test(test_damaged_records_are_refused),
		cmocka_unit_test(test_calls_of_an_earlier_boot_end),
		cmocka_unit_test(test_no_phone_rings_for_an_old_call),
		cmocka_unit_test(test_answers_go_where_the_via_says),
		cmocka_unit_test(test_credentials_count),
		cmocka_unit_test(test_a_long_name_costs_the_name),
		cmocka_unit_test(test_transactions_are_kept_for_calls_in_progress),
		cmocka_unit_test(test_calls_of_a_trunk_that_is_gone_end),
		cmocka_unit_test(test_list_and_reload),
		cmocka_unit_test(test_options_tell_whether_a_trunk_lives),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
