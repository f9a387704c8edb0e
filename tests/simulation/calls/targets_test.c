/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Calls to a trunk whose name leads to many targets, most of which are dead, silent or full, in
 * lists that change all the time: a call finds the one that lives, nothing is left behind.
 */
#include "resolver/target.h"
#include "simulation/calls/agent.h"
#include "simulation/calls/board.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#define TARGETS_CONFIG                                                             \
	"node: sim\n"                                                              \
	"sip:\n"                                                                   \
	"  listen: [{address: 10.0.0.1}]\n"                                        \
	"  invite_timeout_ms: 1000\n"                                              \
	"  setup_timeout_s: 30\n"                                                  \
	"  max_calls: 4000\n"                                                      \
	"  max_transactions: 100000\n"                                             \
	"media: {addresses: [10.0.0.1]}\n"                                         \
	"dataplane: {ports: [{device: net_null0}]}\n"                              \
	"trunks:\n"                                                                \
	"  - {name: carrier, sources: [10.1.0.0/24], target: \"sip:10.1.0.1\", "   \
	"options_interval_s: 0}\n"                                                 \
	"  - {name: office, sources: [10.2.0.0/24], target: \"sip:office.test\", " \
	"options_interval_s: 0}\n"                                                 \
	"routes:\n"                                                                \
	"  - {from: carrier, pattern: \"*\", to: [office]}\n"                      \
	"  - {from: office, pattern: \"*\", to: [carrier]}\n"

enum {
	FIRST_NUMBER = 100000,
	LINGER_MS = 200 * 1000,
	OFFICE = 1,	 /* trunk_id: the second in the file */
	LIVE_HOST = 1,	 /* 10.2.0.1, the phone */
	FULL_HOST = 2,	 /* 10.2.0.2 answers 503 */
	SILENT_HOST = 3, /* and above, up to 5: hear and say nothing */
	DEAD_HOST = 6,	 /* and above, up to 9: nobody there, ICMP */
	LAST_HOST = 9,
	BAD_MAX = 5, /* of a list: fewer than a call may have legs */
	CHANGE_MS = 700,
};

struct scenario {
	const char *name;
	uint32_t calls;
	uint32_t period_ms;
	uint32_t absent_percent; /* lists without the one that lives */
	uint32_t kill_every;
};

struct world {
	const struct scenario *scenario;
	struct sim_net *net;
	struct board *board;
	int full; /* its node */
	uint64_t refusals;
	uint64_t changes;
	uint64_t end_ms;
	uint32_t boots;
	uint32_t count;
	struct resolver_target list[RESOLVER_TARGETS_MAX];
};

static struct td_endpoint place(uint8_t host)
{
	return (struct td_endpoint){
		.ip = {.bytes = {10, 2, 0, host}, .family = TD_FAMILY_IPV4}, .port = 5060};
}

/* --- a server without room ------------------------------------------------------------------ */

static void copy_header(char *reply, size_t size, const char *request, const char *name)
{
	const char *line = strstr(request, name);
	size_t used = strlen(reply);

	if (line != NULL)
		(void)snprintf(
			reply + used, size - used, "%.*s\r\n", (int)strcspn(line, "\r"), line);
}

static void refuse(
	void *context, const struct sip_flow *flow, char *bytes, size_t length, uint64_t now_ms)
{
	static const char *const copied[] = {"Via:", "From:", "Call-ID:", "CSeq:"};
	struct world *world = context;
	char request[4096];
	char reply[2048] = "SIP/2.0 503 Service Unavailable\r\n";
	size_t used;

	(void)now_ms;
	if (length >= sizeof(request) || strncmp(bytes, "INVITE ", 7) != 0)
		return;
	memcpy(request, bytes, length);
	request[length] = '\0';
	for (size_t i = 0; i < TD_COUNT_OF(copied); i++)
		copy_header(reply, sizeof(reply), request, copied[i]);
	copy_header(reply, sizeof(reply), request, "To:");
	used = strlen(reply) - 2;
	(void)snprintf(reply + used, sizeof(reply) - used,
		";tag=full\r\n%sContent-Length: 0\r\n\r\n",
		sim_net_random_below(world->net, 2) == 0 ? "Retry-After: 2\r\n" : "");
	world->refusals++;
	sim_net_send(world->net, world->full, flow, reply, strlen(reply));
}

static void add_bad_hosts(struct world *world)
{
	const struct sim_node full = {.name = "full", .context = world, .receive = refuse};
	const struct sim_node silent = {.name = "silent"};
	struct td_endpoint at;
	int node;

	world->full = sim_net_add_node(world->net, &full);
	assert_true(world->full >= 0);
	at = place(FULL_HOST);
	assert_int_equal(sim_net_listen(world->net, world->full, &at), 0);
	node = sim_net_add_node(world->net, &silent);
	assert_true(node >= 0);
	for (uint8_t host = SILENT_HOST; host < DEAD_HOST; host++) {
		at = place(host);
		assert_int_equal(sim_net_listen(world->net, node, &at), 0);
	}
	sim_net_set_up(world->net, node, false);
}

/* --- lists that change ---------------------------------------------------------------------- */

static void add_target(struct world *world, uint8_t host)
{
	struct resolver_target *target = &world->list[world->count++];

	*target = (struct resolver_target){
		.endpoint = place(host),
		.transport = SIP_TRANSPORT_UDP,
		.rank = (uint16_t)sim_net_random_below(world->net, 3),
		.server = host,
		.weight = (uint16_t)sim_net_random_below(world->net, 4),
	};
}

static void tell_list(struct world *world)
{
	if (world->board->switchboard != NULL)
		assert_int_equal(
			switchboard_set_targets(world->board->switchboard, OFFICE, world->list,
				world->count, board_now(sim_net_now_ms(world->net))),
			0);
	world->boots = world->board->boots;
}

static void change_list(void *context, uint64_t now_ms)
{
	struct world *world = context;
	uint32_t bad = sim_net_random_below(world->net, BAD_MAX + 1);
	uint32_t first = sim_net_random_below(world->net, LAST_HOST - 1);

	world->count = 0;
	for (uint32_t i = 0; i < bad; i++)
		add_target(world, (uint8_t)(FULL_HOST + (first + i) % (LAST_HOST - 1)));
	if (sim_net_random_below(world->net, 100) >= world->scenario->absent_percent)
		add_target(world, LIVE_HOST);
	world->changes++;
	tell_list(world);
	if (now_ms < world->end_ms)
		sim_net_at(world->net, now_ms + 1 + sim_net_random_below(world->net, 2 * CHANGE_MS),
			change_list, world);
}

/* --- runs ----------------------------------------------------------------------------------- */

static void plan_call(struct sim_net *net, struct agent_plan *plan, uint32_t i, uint32_t period_ms)
{
	uint32_t dice = sim_net_random_below(net, 100);

	*plan = (struct agent_plan){
		.number = FIRST_NUMBER + i,
		.outcome = dice < 70   ? AGENT_ANSWER
			   : dice < 85 ? AGENT_BUSY
				       : AGENT_CANCEL,
		.hang_up_by = (uint8_t)sim_net_random_below(net, AGENT_SIDES + 1),
		.start_ms = sim_net_random_below(net, period_ms),
		.ring_ms = sim_net_random_below(net, 300),
		.answer_ms = sim_net_random_below(net, 2000),
		.talk_ms = 500 + sim_net_random_below(net, 5000),
		.cancel_ms = sim_net_random_below(net, 4500),
	};
}

static void kill_now_and_then(struct world *world)
{
	struct board *board = world->board;

	do {
		board->kill_at = board->steps + 1 +
				 sim_net_random_below(world->net, world->scenario->kill_every);
		while (board->kill_at != 0 && sim_net_step(world->net, world->end_ms))
			if (board->boots != world->boots && board->switchboard != NULL)
				tell_list(world); /* from the journal, in the real program */
	} while (board->kill_at == 0);
	board->kill_at = 0;
}

/* True if the call had as many legs as a call may have. */
static bool was_tried_enough(const struct board *board, uint32_t number)
{
	uint32_t legs = 0;

	for (uint32_t i = 0; i < board->cdr_count; i++)
		legs += strtoul(board->cdrs[i].callee, NULL, 10) == number;
	return legs >= EVENT_CALL_LEGS_MAX;
}

/* Calls that should have been answered and were not, although not every try was used. */
static uint32_t unanswered(
	const struct board *board, const struct agent *caller, const struct agent_plan *plans)
{
	uint32_t count = 0;

	for (uint32_t i = 0; i < caller->count; i++)
		count += plans[i].outcome == AGENT_ANSWER && !caller->legs[i].was_up &&
			 !was_tried_enough(board, plans[i].number);
	return count;
}

static uint32_t run(const struct scenario *scenario)
{
	uint64_t seed = sim_seed(20261123);
	struct agent_plan *plans = calloc(scenario->calls, sizeof(*plans));
	const struct sim_link link = {.delay_ms = 5, .jitter_ms = 3};
	struct world world = {.scenario = scenario};
	struct switchboard_counts counts;
	struct agent *caller;
	struct agent *callee;
	uint32_t missed;

	assert_non_null(plans);
	assert_int_equal(sim_net_create(seed, &world.net), 0);
	for (uint32_t i = 0; i < scenario->calls; i++)
		plan_call(world.net, &plans[i], i, scenario->period_ms);
	world.board = board_create(world.net, TARGETS_CONFIG, seed);
	world.board->reply_delay_ms = 1;
	world.board->reply_jitter_ms = 30;
	caller = agent_create(world.net, AGENT_CALLER, plans, scenario->calls, seed);
	callee = agent_create(world.net, AGENT_CALLEE, plans, scenario->calls, seed);
	add_bad_hosts(&world);
	sim_net_set_all_links(world.net, &link);
	world.end_ms = SIM_START_MS + scenario->period_ms;
	change_list(&world, SIM_START_MS);
	agent_start(caller);
	if (scenario->kill_every != 0)
		kill_now_and_then(&world);
	(void)sim_net_run(world.net, NULL, NULL, world.end_ms + LINGER_MS);
	counts = switchboard_get_counts(world.board->switchboard);
	missed = unanswered(world.board, caller, plans);
	(void)printf(
		"%s: %llu calls, %llu answered, %u missed, %llu lists, %llu refusals, %u CDRs, "
		"%u boots\n",
		scenario->name, (unsigned long long)counts.calls_started,
		(unsigned long long)counts.calls_answered, missed,
		(unsigned long long)world.changes, (unsigned long long)world.refusals,
		world.board->cdr_count, world.board->boots);
	assert_int_equal(agent_busy_legs(caller), 0);
	assert_int_equal(agent_busy_legs(callee), 0);
	assert_int_equal(board_outstanding(world.board), 0);
	assert_int_equal(caller->faults + callee->faults, 0);
	assert_int_equal(board_repeated_cdrs(world.board), 0);
	assert_int_equal(counts.unexpected, 0);
	assert_true(world.refusals != 0);
	board_destroy(world.board);
	agent_destroy(caller);
	agent_destroy(callee);
	sim_net_destroy(world.net);
	free(plans);
	return missed;
}

/* As long as one target lives, each call finds it, whatever the others do, unless new dead ones
 * turn up faster than it may try. */
static void test_one_lives(void **state)
{
	(void)state;
	assert_int_equal(run(&(const struct scenario){
				 .name = "one of many lives",
				 .calls = 3000,
				 .period_ms = 600000,
			 }),
		0);
}

/* A name that now and then leads nowhere: those calls fail, all of them end. */
static void test_sometimes_none(void **state)
{
	(void)state;
	assert_true(run(&(const struct scenario){
			    .name = "sometimes none",
			    .calls = 3000,
			    .period_ms = 600000,
			    .absent_percent = 40,
		    }) > 0);
}

static void test_restarts(void **state)
{
	(void)state;
	(void)run(&(const struct scenario){
		.name = "killed at random steps",
		.calls = 2000,
		.period_ms = 400000,
		.absent_percent = 10,
		.kill_every = 3000,
	});
}

int main(void)
{
	static const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_one_lives),
		cmocka_unit_test(test_sometimes_none),
		cmocka_unit_test(test_restarts),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
