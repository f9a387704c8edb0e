/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Restricted latching: who may be learnt, when, and who never.
 */
#include "world.h"

#include <tandem/bytes.h>
#include <tandem/time.h>

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

/* One RTP packet of a learning period. */
struct latch_step {
	uint32_t at_ms;
	const char *source;
	uint16_t port;
	bool is_accepted;
	uint8_t state; /* enum td_latch_state, afterwards */
};

enum {
	STEPS_MAX = 8,
	WINDOW_MS = 3000
};

/* The signalled address is 198.51.100.10:4000, the window is 3 s. */
struct latch_case {
	const char *name;
	uint8_t latch;
	uint8_t prefix_bits;
	struct latch_step steps[STEPS_MAX];
};

static const struct latch_case rule_cases[] = {
	{"off: the signalled one only", TD_LATCH_OFF, 0,
		{{0, "198.51.100.10", 4001, false, TD_LATCH_STATE_SIGNALLED},
			{1, "198.51.100.11", 4000, false, TD_LATCH_STATE_SIGNALLED},
			{2, "198.51.100.10", 4000, true, TD_LATCH_STATE_SIGNALLED}}},
	{"restricted: another port of the address", TD_LATCH_RESTRICTED, 0,
		{{0, "198.51.100.11", 4000, false, TD_LATCH_STATE_LEARNING},
			{1, "198.51.100.10", 4321, true, TD_LATCH_STATE_LEARNING},
			{2, "198.51.100.10", 4322, false, TD_LATCH_STATE_LEARNING},
			{3, "198.51.100.10", 4321, true, TD_LATCH_STATE_LEARNING}}},
	{"restricted: exactly as signalled ends it", TD_LATCH_RESTRICTED, 0,
		{{0, "198.51.100.10", 4000, true, TD_LATCH_STATE_LEARNT},
			{1000, "198.51.100.10", 4321, false, TD_LATCH_STATE_LEARNT}}},
	{"restricted: exactly as signalled wins over a port", TD_LATCH_RESTRICTED, 0,
		{{0, "198.51.100.10", 4321, true, TD_LATCH_STATE_LEARNING},
			{1, "198.51.100.10", 4000, true, TD_LATCH_STATE_LEARNT},
			{2, "198.51.100.10", 4321, false, TD_LATCH_STATE_LEARNT}}},
	{"restricted: an equal may take over after silence", TD_LATCH_RESTRICTED, 0,
		{{0, "198.51.100.10", 4321, true, TD_LATCH_STATE_LEARNING},
			{199, "198.51.100.10", 4400, false, TD_LATCH_STATE_LEARNING},
			{200, "198.51.100.10", 4400, true, TD_LATCH_STATE_LEARNING}}},
	{"restricted: the window closes", TD_LATCH_RESTRICTED, 0,
		{{0, "198.51.100.10", 4321, true, TD_LATCH_STATE_LEARNING},
			{WINDOW_MS - 1, "198.51.100.10", 4400, true, TD_LATCH_STATE_LEARNING},
			{WINDOW_MS, "198.51.100.10", 4500, false, TD_LATCH_STATE_LEARNT},
			{WINDOW_MS + 500, "198.51.100.10", 4000, false, TD_LATCH_STATE_LEARNT},
			{WINDOW_MS + 501, "198.51.100.10", 4400, true, TD_LATCH_STATE_LEARNT}}},
	{"restricted: a prefix", TD_LATCH_RESTRICTED, 28,
		{{0, "198.51.100.17", 4000, false, TD_LATCH_STATE_LEARNING},
			{1, "198.51.100.15", 9, true, TD_LATCH_STATE_LEARNING},
			{2, "198.51.100.10", 4400, true, TD_LATCH_STATE_LEARNING},
			{3, "198.51.100.15", 9, false, TD_LATCH_STATE_LEARNING}}},
	{"open: anybody, but the better one wins", TD_LATCH_OPEN, 0,
		{{0, "203.0.113.1", 1, true, TD_LATCH_STATE_LEARNING},
			{1, "203.0.113.2", 1, false, TD_LATCH_STATE_LEARNING},
			{2, "198.51.100.10", 4001, true, TD_LATCH_STATE_LEARNING},
			{3, "203.0.113.1", 1, false, TD_LATCH_STATE_LEARNING},
			{WINDOW_MS, "203.0.113.1", 1, false, TD_LATCH_STATE_LEARNT}}},
};

static const struct latch_case unreachable_cases[] = {
	{"open: neither group, broadcast nor nobody", TD_LATCH_OPEN, 0,
		{{0, "224.0.0.5", 4000, false, TD_LATCH_STATE_LEARNING},
			{1, "255.255.255.255", 4000, false, TD_LATCH_STATE_LEARNING},
			{2, "0.0.0.0", 4000, false, TD_LATCH_STATE_LEARNING},
			{3, "203.0.113.1", 0, false, TD_LATCH_STATE_LEARNING},
			{4, "198.51.100.10", 0, false, TD_LATCH_STATE_LEARNING},
			{5, "203.0.113.1", 9, true, TD_LATCH_STATE_LEARNING}}},
};

static struct td_termination_spec latching_spec(const struct latch_case *it)
{
	struct td_termination_spec spec = world_spec(1, 7, 20000, "198.51.100.10", 4000);

	spec.latch = it->latch;
	spec.latch_prefix_bits = it->prefix_bits;
	spec.latch_window_ms = WINDOW_MS;
	return spec;
}

static void run_cases(const struct latch_case *cases, unsigned count)
{
	for (unsigned i = 0; i < count; i++) {
		struct world *world = world_create(4, 1);
		struct td_termination_spec spec = latching_spec(&cases[i]);
		uint64_t start_ns = world->now_ns;
		const struct latch_step *step = cases[i].steps;

		assert_int_equal(
			termination_table_add(world->table, &spec, world->now_ns), TD_RESULT_OK);
		for (uint16_t n = 0; n < STEPS_MAX && step->source != NULL; n++, step++) {
			const struct packet *packet;
			bool is_foreign;

			world->now_ns = start_ns + step->at_ms * (uint64_t)TD_NS_PER_MS;
			packet = world_receive_rtp(
				world, &(struct world_media){step->source, step->port, 20000,
					       0xaaaa, n, n * 160u});
			is_foreign = packet->drop_reason == TD_DROP_SOURCE_FOREIGN;
			if (is_foreign == step->is_accepted ||
				world_stats(world, 1).latch_state != step->state)
				fail_msg("%s, step %u: %s", cases[i].name, n,
					td_drop_reason_name(packet->drop_reason));
		}
		world_destroy(world);
	}
}

static void learns_within_its_rules(void **state)
{
	(void)state;
	run_cases(rule_cases, TD_COUNT_OF(rule_cases));
}

static void learns_only_where_media_can_go(void **state)
{
	(void)state;
	run_cases(unreachable_cases, TD_COUNT_OF(unreachable_cases));
}

static void sends_where_it_learnt(void **state)
{
	struct world *world = world_create(4, 1);
	struct td_termination_spec a = world_spec(1, 7, 20000, "198.51.100.10", 4000);
	struct td_termination_spec b = world_spec(2, 7, 20002, "198.51.100.20", 5000);
	const struct packet *packet;

	(void)state;
	a.latch = TD_LATCH_RESTRICTED;
	assert_int_equal(termination_table_add(world->table, &a, world->now_ns), TD_RESULT_OK);
	assert_int_equal(termination_table_add(world->table, &b, world->now_ns), TD_RESULT_OK);
	packet = world_receive_rtp(
		world, &(struct world_media){"198.51.100.20", 5000, 20002, 0xbbbb, 1, 0});
	assert_int_equal(td_load_be16(packet->bytes + 36), 4000);
	(void)world_receive_rtp(
		world, &(struct world_media){"198.51.100.10", 4444, 20000, 0xaaaa, 1, 0});
	packet = world_receive_rtp(
		world, &(struct world_media){"198.51.100.20", 5000, 20002, 0xbbbb, 2, 160});
	assert_int_equal(td_load_be16(packet->bytes + 36), 4444);
	assert_int_equal(world_stats(world, 1).latched.port, 4444);
	assert_int_equal(world->events[1].kind, TD_NOTIFY_LATCHED);
	assert_int_equal(world->events[1].stats.latched.port, 4444);
	/* the same address signalled again re-arms learning, but media goes on where it went */
	a.epoch = 2;
	a.latch_round = 2;
	assert_int_equal(termination_table_modify(world->table, &a), TD_RESULT_OK);
	world_work(world);
	assert_int_equal(world_stats(world, 1).latched.port, 4444);
	assert_int_equal(world_stats(world, 1).latch_state, TD_LATCH_STATE_LEARNING);
	/* another address signalled is where it goes from now on */
	a.epoch = 3;
	a.latch_round = 3;
	a.remote.port = 4600;
	assert_int_equal(termination_table_modify(world->table, &a), TD_RESULT_OK);
	world_work(world);
	assert_int_equal(world_stats(world, 1).latched.port, 4600);
	world_destroy(world);
}

static void learns_nothing_while_held_or_from_bad_packets(void **state)
{
	struct world *world = world_create(4, 1);
	struct td_termination_spec spec = world_spec(1, 7, 20000, NULL, 0);
	struct world_frame frame = {0};
	uint8_t payload[256];
	uint16_t size;

	(void)state;
	spec.latch = TD_LATCH_OPEN;
	spec.mode = TD_MODE_INACTIVE;
	assert_int_equal(termination_table_add(world->table, &spec, world->now_ns), TD_RESULT_OK);
	(void)world_receive_rtp(
		world, &(struct world_media){"203.0.113.1", 9, 20000, 0xaaaa, 1, 0});
	assert_int_equal(world_stats(world, 1).latched.ip.family, TD_FAMILY_NONE);
	spec.epoch = 2;
	spec.mode = TD_MODE_SEND_RECEIVE;
	assert_int_equal(termination_table_modify(world->table, &spec), TD_RESULT_OK);
	world_work(world);
	size = world_rtp(payload, 1, 1, 1, 99); /* a type that nobody negotiated */
	world_frame_build(
		&frame, &(struct world_path){"203.0.113.1", 9, "192.0.2.1", 20000}, payload, size);
	(void)world_receive(world, &frame, 0);
	assert_int_equal(world_stats(world, 1).latched.ip.family, TD_FAMILY_NONE);
	(void)world_receive_rtp(
		world, &(struct world_media){"203.0.113.1", 9, 20000, 0xaaaa, 1, 0});
	assert_int_equal(world_stats(world, 1).latched.port, 9);
	world_destroy(world);
}

static void learns_rtcp_port_of_the_same_address_once(void **state)
{
	struct world *world = world_create(4, 1);
	struct td_termination_spec spec = world_spec(1, 7, 20000, "198.51.100.10", 4000);
	uint8_t rtcp[8] = {0x80, 201, 0, 1, 0, 0, 0, 9};
	struct world_frame frame = {0};
	static const struct {
		const char *source;
		uint16_t port;
		uint8_t reason;
	} steps[] = {
		{"198.51.100.11", 4001, TD_DROP_SOURCE_FOREIGN},
		{"198.51.100.10", 7777, TD_DROP_RTCP_CONSUMED},
		{"198.51.100.10", 4001, TD_DROP_SOURCE_FOREIGN},
		{"198.51.100.10", 7777, TD_DROP_RTCP_CONSUMED},
	};

	(void)state;
	spec.latch = TD_LATCH_RESTRICTED;
	assert_int_equal(termination_table_add(world->table, &spec, world->now_ns), TD_RESULT_OK);
	for (unsigned i = 0; i < TD_COUNT_OF(steps); i++) {
		world_frame_build(&frame,
			&(struct world_path){steps[i].source, steps[i].port, "192.0.2.1", 20001},
			rtcp, sizeof(rtcp));
		assert_int_equal(world_receive(world, &frame, 0)->drop_reason, steps[i].reason);
	}
	world_destroy(world);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(learns_within_its_rules),
		cmocka_unit_test(learns_only_where_media_can_go),
		cmocka_unit_test(sends_where_it_learnt),
		cmocka_unit_test(learns_nothing_while_held_or_from_bad_packets),
		cmocka_unit_test(learns_rtcp_port_of_the_same_address_once),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
