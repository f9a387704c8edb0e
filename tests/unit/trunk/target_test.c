/* SPDX-License-Identifier: Apache-2.0 */
/* Several targets of one trunk: which is tried, what is learnt of each, lists that change. */
#include "trunk/trunk.h"
#include "trunk_fixture.h"

#include <tandem/time.h>

#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>

#include <cmocka.h>

#define ONE "trunks:\n  - {name: a, target: \"sip:10.0.0.1\", options_interval_s: 0}\n"

static struct trunk_table *table_of(const char *text)
{
	struct config *config = fixture_config(text);
	struct trunk_table *table = NULL;

	assert_int_equal(trunk_table_create(config, 7, 0, &table), 0);
	config_destroy(config);
	return table;
}

/* 10.0.0.N, port 5060, UDP. */
static struct resolver_target target(uint8_t n, uint16_t rank)
{
	return (struct resolver_target){
		.endpoint = {.ip = {.bytes = {10, 0, 0, n}, .family = TD_FAMILY_IPV4},
			.port = 5060},
		.transport = SIP_TRANSPORT_UDP,
		.rank = rank,
		.server = n,
	};
}

static struct sip_flow flow_of(uint8_t n)
{
	return (struct sip_flow){.remote = target(n, 0).endpoint, .transport = SIP_TRANSPORT_UDP};
}

/* The last byte of the chosen target's address; 0: none. */
static uint8_t choose(const struct trunk_table *table, struct trunk_attempt *attempt)
{
	struct sip_flow flow;

	if (trunk_choose_target(table, 0, attempt, 0, 1000) != 0)
		return 0;
	assert_int_equal(trunk_target_flow(table, 0, attempt->last, &flow), 0);
	return flow.remote.ip.bytes[3];
}

static uint8_t first_choice(const struct trunk_table *table)
{
	struct trunk_attempt attempt = {.last = TRUNK_TARGET_NONE};

	return choose(table, &attempt);
}

static void tell(struct trunk_table *table, uint8_t n, enum trunk_event event, uint64_t now_ms)
{
	const struct sip_flow flow = flow_of(n);
	struct trunk_actions actions;

	trunk_step(table, &(const struct trunk_news){0, trunk_find_target(table, 0, &flow), event},
		now_ms, &actions);
}

static enum trunk_state state_of(const struct trunk_table *table)
{
	struct trunk_status status;

	assert_int_equal(trunk_get_status(table, 0, &status), 0);
	return status.state;
}

static void test_order(void **state)
{
	const struct resolver_target list[] = {target(3, 2), target(1, 0), target(2, 1)};
	struct trunk_table *table = table_of(ONE);
	struct trunk_attempt attempt = {.last = TRUNK_TARGET_NONE};

	(void)state;
	assert_int_equal(trunk_set_targets(table, 0, list, 3, 0), 0);
	assert_int_equal(trunk_target_count(table, 0), 3);
	for (uint8_t i = 1; i <= 3; i++)
		assert_int_equal(choose(table, &attempt), i);
	assert_int_equal(choose(table, &attempt), 0);
	assert_int_equal(trunk_choose_target(table, 0, &attempt, 0, 0), -EHOSTDOWN);
	assert_int_equal(trunk_choose_target(table, 9, &attempt, 0, 0), -ENOENT);
	trunk_table_destroy(table);
}

/* Silence takes a target with an alternative out at once; the state is that of the best one. */
static void test_silence(void **state)
{
	const struct resolver_target list[] = {target(1, 0), target(2, 1)};
	struct trunk_table *table = table_of(ONE);
	struct trunk_attempt last_resort = {.last = TRUNK_TARGET_NONE, .is_last_resort = true};

	(void)state;
	assert_int_equal(trunk_set_targets(table, 0, list, 2, 0), 0);
	tell(table, 1, TRUNK_CALL_UNANSWERED, 1000);
	assert_int_equal(first_choice(table), 2);
	assert_int_equal(state_of(table), TRUNK_UNKNOWN);
	tell(table, 2, TRUNK_CALL_ANSWERED, 1000);
	assert_int_equal(state_of(table), TRUNK_UP);
	tell(table, 2, TRUNK_CALL_FAILED, 1000);
	assert_int_equal(first_choice(table), 2);
	tell(table, 2, TRUNK_CALL_FAILED, 1000);
	assert_int_equal(state_of(table), TRUNK_DOWN);
	assert_false(trunk_is_usable(table, 0, 1000));
	assert_int_equal(choose(table, &last_resort), 1);
	assert_int_equal(choose(table, &last_resort), 2);
	tell(table, 1, TRUNK_CALL_ANSWERED, 2000);
	assert_int_equal(first_choice(table), 1);
	trunk_table_destroy(table);
}

/* A single target isn't given up for one silence. */
static void test_silence_without_alternative(void **state)
{
	struct trunk_table *table = table_of(ONE);

	(void)state;
	tell(table, 1, TRUNK_CALL_UNANSWERED, 1000);
	assert_true(trunk_is_usable(table, 0, 1000));
	tell(table, 1, TRUNK_CALL_UNANSWERED, 1000);
	assert_false(trunk_is_usable(table, 0, 1000));
	trunk_table_destroy(table);
}

static void test_retry_after(void **state)
{
	const struct resolver_target list[] = {target(1, 0), target(2, 1)};
	struct trunk_table *table = table_of(ONE);
	const struct sip_flow flow = flow_of(1);

	(void)state;
	assert_int_equal(trunk_set_targets(table, 0, list, 2, 0), 0);
	trunk_avoid(table, 0, trunk_find_target(table, 0, &flow), 1001);
	assert_int_equal(first_choice(table), 2);
	trunk_avoid(table, 0, trunk_find_target(table, 0, &flow), 1000);
	assert_int_equal(first_choice(table), 1);
	trunk_avoid(table, 0, TRUNK_TARGET_NONE, 9000);
	trunk_table_destroy(table);
}

/* What stays keeps its state, what left is recognised as gone, what is new is unknown. */
static void test_new_list(void **state)
{
	const struct resolver_target before[] = {target(1, 0), target(2, 1)};
	const struct resolver_target after[] = {target(2, 0), target(3, 1)};
	struct trunk_table *table = table_of(ONE);
	const struct sip_flow flow = flow_of(1);
	struct sip_flow to;
	trunk_target_id gone;

	(void)state;
	assert_int_equal(trunk_set_targets(table, 0, before, 2, 0), 0);
	gone = trunk_find_target(table, 0, &flow);
	tell(table, 1, TRUNK_CALL_ANSWERED, 1000);
	tell(table, 2, TRUNK_CALL_UNANSWERED, 1000);
	assert_int_equal(trunk_set_targets(table, 0, after, 2, 1000), 0);
	assert_int_equal(trunk_target_flow(table, 0, gone, &to), -ENOENT);
	assert_int_equal(first_choice(table), 3);
	assert_int_equal(state_of(table), TRUNK_UNKNOWN);
	assert_int_equal(trunk_find_target(table, 0, &flow), TRUNK_TARGET_NONE);
	assert_int_equal(trunk_set_targets(table, 0, before, 2, 1000), 0);
	assert_int_equal(trunk_target_flow(table, 0, gone, &to), -ENOENT);
	assert_int_equal(first_choice(table), 1);
	trunk_table_destroy(table);
}

/* Lists that change all the time, as a hostile name server may have it: never more than fit. */
static void test_churn(void **state)
{
	struct trunk_table *table = table_of(ONE);
	struct resolver_target list[RESOLVER_TARGETS_MAX];
	struct trunk_target_status status;
	uint32_t cursor = 0;
	uint32_t count = 0;

	(void)state;
	for (unsigned round = 0; round < 1000; round++) {
		for (unsigned i = 0; i < RESOLVER_TARGETS_MAX; i++)
			list[i] = target((uint8_t)(round * 7 + i), (uint16_t)i);
		assert_int_equal(trunk_set_targets(table, 0, list, RESOLVER_TARGETS_MAX, round), 0);
		assert_int_equal(trunk_target_count(table, 0), RESOLVER_TARGETS_MAX);
		assert_int_equal(first_choice(table), (uint8_t)(round * 7));
	}
	while (trunk_next_target(table, 0, &cursor, &status)) {
		assert_int_equal(status.state, TRUNK_UNKNOWN);
		count++;
	}
	assert_int_equal(count, RESOLVER_TARGETS_MAX);
	trunk_table_destroy(table);
}

static void test_no_target(void **state)
{
	struct trunk_table *table = table_of(ONE);
	struct trunk_attempt attempt = {.last = TRUNK_TARGET_NONE, .is_last_resort = true};
	struct sip_flow flow;

	(void)state;
	assert_int_equal(trunk_set_targets(table, 0, NULL, 0, 5), 0);
	assert_int_equal(state_of(table), TRUNK_NO_TARGET);
	assert_string_equal(trunk_state_name(TRUNK_NO_TARGET), "no_target");
	assert_false(trunk_is_usable(table, 0, 5));
	assert_int_equal(trunk_choose_target(table, 0, &attempt, 0, 5), -EDESTADDRREQ);
	assert_int_equal(trunk_next_hop(table, 0, &flow), -EDESTADDRREQ);
	assert_int_equal(trunk_deadline(table), TD_NEVER);
	trunk_table_destroy(table);
}

/* Each target is asked for itself. */
static void test_options(void **state)
{
	const struct resolver_target list[] = {target(1, 0), target(2, 1)};
	struct trunk_table *table = table_of(
		"trunks:\n  - {name: a, target: \"sip:10.0.0.1\", options_interval_s: 30}\n");
	struct trunk_actions actions;
	struct trunk_news news;
	uint32_t asked = 0;

	(void)state;
	assert_int_equal(trunk_set_targets(table, 0, list, 2, 0), 0);
	while (trunk_due(table, 5000, &news)) {
		trunk_step(table, &news, 5000, &actions);
		assert_int_equal(actions.list[0].kind, TRUNK_SEND_OPTIONS);
		asked |= trunk_target_bit(actions.list[0].target);
		trunk_step(table,
			&(const struct trunk_news){
				0, actions.list[0].target, TRUNK_OPTIONS_ANSWERED},
			5000, &actions);
	}
	assert_int_equal(__builtin_popcount(asked), 2);
	assert_int_equal(state_of(table), TRUNK_UP);
	trunk_table_destroy(table);
}

static trunk_id source(const struct trunk_table *table, const char *text)
{
	struct td_ip address = {0};

	assert_true(td_ip_parse(text, strlen(text), &address));
	return trunk_find_by_source(table, &address, SIP_TRANSPORT_UDP);
}

/* "sources: [target]": what the name means, but never what another trunk was given. */
static void test_sources_follow(void **state)
{
	const struct resolver_target before[] = {target(1, 0), target(2, 1)};
	const struct resolver_target after[] = {target(3, 0), target(9, 1)};
	struct trunk_table *table = table_of(
		"trunks:\n  - {name: a, target: \"sip:carrier.test\", sources: [target]}\n"
		"  - {name: b, target: \"sip:10.0.0.9\", sources: [10.0.0.8/30]}\n"
		"  - {name: c, target: \"sip:10.0.0.33\", sources: [192.0.2.0/24, target]}\n");

	(void)state;
	assert_int_equal(state_of(table), TRUNK_NO_TARGET);
	assert_int_equal(source(table, "10.0.0.33"), 2);
	assert_int_equal(source(table, "10.0.0.1"), TRUNK_NONE);
	assert_int_equal(trunk_set_targets(table, 0, before, 2, 0), 0);
	assert_int_equal(source(table, "10.0.0.1"), 0);
	assert_int_equal(trunk_call_begin(table, 0), 0);
	assert_int_equal(trunk_set_targets(table, 0, after, 2, 0), 0);
	assert_int_equal(source(table, "10.0.0.3"), 0);
	assert_int_equal(source(table, "10.0.0.1"), 0); /* the call may be with it */
	assert_int_equal(source(table, "10.0.0.9"), 1);
	trunk_call_end(table, 0);
	assert_int_equal(source(table, "10.0.0.1"), TRUNK_NONE);
	assert_int_equal(source(table, "10.0.0.3"), 0);
	assert_int_equal(trunk_set_targets(table, 0, NULL, 0, 0), 0);
	assert_int_equal(source(table, "10.0.0.3"), TRUNK_NONE);
	trunk_table_destroy(table);
}

/* However often a name changes while a call is up, sources stay bounded. */
static void test_departed_sources_are_bounded(void **state)
{
	struct trunk_table *table = table_of(
		"trunks:\n  - {name: a, target: \"sip:carrier.test\", sources: [target]}\n");
	struct resolver_target list[RESOLVER_TARGETS_MAX];
	char text[32];
	unsigned known = 0;

	(void)state;
	trunk_call_restore(table, 0);
	for (unsigned round = 0; round < 8; round++) {
		for (unsigned i = 0; i < RESOLVER_TARGETS_MAX; i++)
			list[i] = target((uint8_t)(round * RESOLVER_TARGETS_MAX + i), 0);
		assert_int_equal(trunk_set_targets(table, 0, list, RESOLVER_TARGETS_MAX, 0), 0);
	}
	for (unsigned i = 0; i < 256; i++) {
		(void)snprintf(text, sizeof(text), "10.0.0.%u", i);
		known += source(table, text) == 0;
	}
	assert_int_equal(known, RESOLVER_SELECT_MAX);
	assert_int_equal(source(table, "10.0.0.127"), 0);
	trunk_table_destroy(table);
}

/* Another interval of OPTIONS begins what is known anew, but forgets no target of a name. */
static void test_reload_keeps_targets(void **state)
{
	const struct resolver_target list[] = {target(1, 0), target(2, 1)};
	struct trunk_table *table =
		table_of("trunks:\n  - {name: a, target: \"sip:carrier.test\"}\n");
	struct config *config = fixture_config(
		"trunks:\n  - {name: a, target: \"sip:carrier.test\", options_interval_s: 0}\n");

	(void)state;
	assert_int_equal(trunk_set_targets(table, 0, list, 2, 0), 0);
	tell(table, 1, TRUNK_OPTIONS_FAILED, 0);
	assert_int_equal(trunk_table_reload(table, config, 1000), 0);
	assert_int_equal(trunk_target_count(table, 0), 2);
	assert_int_equal(first_choice(table), 1);
	assert_int_equal(trunk_deadline(table), TD_NEVER);
	config_destroy(config);
	config = fixture_config("trunks:\n  - {name: a, target: \"sip:other.test\"}\n");
	assert_int_equal(trunk_table_reload(table, config, 1000), 0);
	assert_int_equal(state_of(table), TRUNK_NO_TARGET);
	config_destroy(config);
	trunk_table_destroy(table);
}

/* The request URI keeps the name, and a port that was written with it; only TLS asks for a name in
 * the certificate, and what isn't TLS must look like any flow, or its failures go unheard. */
static void test_names_in_uris_and_flows(void **state)
{
	static const struct {
		const char *target;
		const char *uri;
	} cases[] = {
		{"sip:carrier.test", "sip:1@carrier.test"},
		{"sip:carrier.test:5060", "sip:1@carrier.test:5060"},
		{"sip:carrier.test:5080;transport=tcp", "sip:1@carrier.test:5080;transport=tcp"},
	};
	const struct resolver_target list[] = {target(1, 0)};

	(void)state;
	for (size_t i = 0; i < TD_COUNT_OF(cases); i++) {
		char text[256];
		char uri[TRUNK_URI_BYTES];
		struct trunk_attempt attempt = {.last = TRUNK_TARGET_NONE};
		struct trunk_table *table;
		struct sip_flow flow;

		(void)snprintf(text, sizeof(text), "trunks:\n  - {name: a, target: \"%s\"}\n",
			cases[i].target);
		table = table_of(text);
		assert_int_equal(trunk_uri(table, 0, SPAN("1"), uri), 0);
		assert_string_equal(uri, cases[i].uri);
		assert_int_equal(trunk_set_targets(table, 0, list, 1, 0), 0);
		assert_int_equal(trunk_choose_target(table, 0, &attempt, 0, 0), 0);
		assert_int_equal(trunk_target_flow(table, 0, attempt.last, &flow), 0);
		assert_int_equal(flow.server_id, 0);
		trunk_table_destroy(table);
	}
}

int main(void)
{
	static const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_order),
		cmocka_unit_test(test_silence),
		cmocka_unit_test(test_silence_without_alternative),
		cmocka_unit_test(test_retry_after),
		cmocka_unit_test(test_new_list),
		cmocka_unit_test(test_churn),
		cmocka_unit_test(test_no_target),
		cmocka_unit_test(test_options),
		cmocka_unit_test(test_sources_follow),
		cmocka_unit_test(test_departed_sources_are_bounded),
		cmocka_unit_test(test_reload_keeps_targets),
		cmocka_unit_test(test_names_in_uris_and_flows),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
