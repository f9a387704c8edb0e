/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Ten thousand random calls through the switchboard over good and bad networks: afterwards
 * nothing is outstanding anywhere and each leg has exactly one CDR.
 */
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

#define CALLS_CONFIG                                                             \
	"node: sim\n"                                                            \
	"sip:\n"                                                                 \
	"  listen: [{address: 10.0.0.1}, {address: 10.0.0.1, transport: tcp}]\n" \
	"  ring_timeout_s: 20\n"                                                 \
	"  invite_timeout_ms: 20000\n"                                           \
	"  max_calls: 4000\n"                                                    \
	"  max_transactions: 100000\n"                                           \
	"media: {addresses: [10.0.0.1]}\n"                                       \
	"dataplane: {ports: [{device: net_null0}]}\n"                            \
	"trunks:\n"                                                              \
	"  - {name: carrier, sources: [10.1.0.0/24], target: \"sip:10.1.0.1\", " \
	"options_interval_s: 0}\n"                                               \
	"  - {name: office, sources: [10.2.0.0/24], target: \"sip:10.2.0.1\", "  \
	"options_interval_s: 0}\n"                                               \
	"routes:\n"                                                              \
	"  - {from: carrier, pattern: \"*\", to: [office]}\n"                    \
	"  - {from: office, pattern: \"*\", to: [carrier]}\n"

enum {
	FIRST_NUMBER = 100000,
	LINGER_MS = 200 * 1000, /* longer than every timer that may be left */
};

struct scenario {
	const char *name;
	uint32_t calls;
	uint32_t period_ms;
	struct sim_link link;
	uint32_t reply_jitter_ms;
	uint32_t tolerance_ms; /* of durations: a lossy network repeats 200 and BYE */
	uint32_t kill_every;   /* steps between two deaths of the switchboard; 0: none */
};

static void plan_call(struct sim_net *net, struct agent_plan *plan, uint32_t i, uint32_t period_ms)
{
	uint32_t dice = sim_net_random_below(net, 100);

	*plan = (struct agent_plan){
		.number = FIRST_NUMBER + i,
		.outcome = dice < 60   ? AGENT_ANSWER
			   : dice < 72 ? AGENT_BUSY
			   : dice < 88 ? AGENT_CANCEL
			   : dice < 96 ? AGENT_NO_ANSWER
				       : AGENT_SILENT,
		.has_early_media = sim_net_random_below(net, 3) == 0,
		.is_offer_late = sim_net_random_below(net, 8) == 0,
		.hang_up_by = (uint8_t)sim_net_random_below(net, AGENT_SIDES + 1),
		.start_ms = sim_net_random_below(net, period_ms),
		.ring_ms = sim_net_random_below(net, 300),
		.answer_ms = sim_net_random_below(net, 4000),
		.talk_ms = 500 + sim_net_random_below(net, 20000),
		.reinvite_ms = 200 + sim_net_random_below(net, 5000),
		.cancel_ms = sim_net_random_below(net, 4500),
	};
	for (unsigned side = 0; side < AGENT_SIDES; side++)
		if (sim_net_random_below(net, 3) == 0)
			plan->reinvites[side] = (uint8_t)sim_net_random_below(net, 5);
}

/* Each CDR's answered time against what the phone on that side saw. */
static uint32_t wrong_durations(const struct board *board, const struct agent *caller,
	const struct agent *callee, uint64_t tolerance_ms)
{
	uint32_t wrong = 0;

	for (uint32_t i = 0; i < board->cdr_count; i++) {
		const struct board_cdr *cdr = &board->cdrs[i];
		const struct agent *agent = (cdr->leg_id & 15) == 0 ? caller : callee;
		uint32_t at = (uint32_t)strtoul(cdr->callee, NULL, 10) - FIRST_NUMBER;
		const struct agent_leg *leg = &agent->legs[at];
		uint64_t seen_ms = leg->was_up ? leg->over_ms - leg->up_ms : 0;
		uint64_t difference_ms =
			seen_ms > cdr->bill_ms ? seen_ms - cdr->bill_ms : cdr->bill_ms - seen_ms;

		if (difference_ms <= tolerance_ms || leg->gave_up)
			continue;
		wrong++;
		(void)fprintf(stderr, "call %s leg %u: CDR %llu ms, phone %llu ms\n", cdr->callee,
			(unsigned)(cdr->leg_id & 15), (unsigned long long)cdr->bill_ms,
			(unsigned long long)seen_ms);
	}
	return wrong;
}

/* Lets the switchboard die at random steps as long as new calls come. */
static void kill_now_and_then(struct board *board, const struct scenario *scenario)
{
	do {
		board->kill_at =
			board->steps + 1 + sim_net_random_below(board->net, scenario->kill_every);
		while (board->kill_at != 0 &&
			sim_net_step(board->net, SIM_START_MS + scenario->period_ms))
			;
	} while (board->kill_at == 0);
	board->kill_at = 0;
}

static void run(const struct scenario *scenario)
{
	uint64_t seed = sim_seed(20260101);
	struct agent_plan *plans = calloc(scenario->calls, sizeof(*plans));
	struct sim_net *net = NULL;
	struct agent *caller;
	struct agent *callee;
	struct board *board;
	struct switchboard_counts counts;

	assert_non_null(plans);
	assert_int_equal(sim_net_create(seed, &net), 0);
	for (uint32_t i = 0; i < scenario->calls; i++)
		plan_call(net, &plans[i], i, scenario->period_ms);
	board = board_create(net, CALLS_CONFIG, seed);
	board->reply_delay_ms = 1;
	board->reply_jitter_ms = scenario->reply_jitter_ms;
	caller = agent_create(net, AGENT_CALLER, plans, scenario->calls, seed);
	callee = agent_create(net, AGENT_CALLEE, plans, scenario->calls, seed);
	sim_net_set_all_links(net, &scenario->link);
	agent_start(caller);
	if (scenario->kill_every != 0)
		kill_now_and_then(board, scenario);
	(void)sim_net_run(net, NULL, NULL, SIM_START_MS + scenario->period_ms + LINGER_MS);
	counts = switchboard_get_counts(board->switchboard);
	(void)printf("%s: %llu calls, %llu answered, %u boots, %u CDRs, %u held, "
		     "re-INVITEs %llu ok %llu refused, glares %llu, unexpected %llu, "
		     "malformed %llu\n",
		scenario->name, (unsigned long long)counts.calls_started,
		(unsigned long long)counts.calls_answered, board->boots, board->cdr_count,
		board->event_counts[CALL_EVENT_HELD],
		(unsigned long long)(caller->reinvites_accepted + callee->reinvites_accepted),
		(unsigned long long)(caller->reinvites_refused + callee->reinvites_refused),
		(unsigned long long)(caller->glares + callee->glares),
		(unsigned long long)counts.unexpected, (unsigned long long)counts.malformed);
	assert_int_equal(agent_busy_legs(caller), 0);
	assert_int_equal(agent_busy_legs(callee), 0);
	assert_int_equal(board_outstanding(board), 0);
	assert_int_equal(caller->faults + callee->faults, 0);
	assert_int_equal(board_repeated_cdrs(board), 0);
	assert_int_equal(wrong_durations(board, caller, callee, scenario->tolerance_ms), 0);
	assert_int_equal(counts.unexpected, 0);
	assert_int_equal(counts.malformed, 0);
	board_destroy(board);
	agent_destroy(caller);
	agent_destroy(callee);
	sim_net_destroy(net);
	free(plans);
}

static void test_good_network(void **state)
{
	(void)state;
	run(&(const struct scenario){
		.name = "good network",
		.calls = 2000,
		.period_ms = 200000,
		.link = {.delay_ms = 5, .jitter_ms = 3},
		.tolerance_ms = 50,
	});
}

static void test_bad_network(void **state)
{
	(void)state;
	run(&(const struct scenario){
		.name = "loss, doubles, reordering",
		.calls = 10000,
		.period_ms = 1000000,
		.link = {.delay_ms = 10,
			.jitter_ms = 300,
			.loss_ppm = 50000,
			.duplicate_ppm = 50000},
		.reply_jitter_ms = 100,
		.tolerance_ms = 20000,
	});
}

static void test_restarts(void **state)
{
	(void)state;
	run(&(const struct scenario){
		.name = "killed at random steps",
		.calls = 2000,
		.period_ms = 400000,
		.link = {.delay_ms = 5, .jitter_ms = 30, .loss_ppm = 10000},
		.reply_jitter_ms = 20,
		.tolerance_ms = 8000,
		.kill_every = 5000,
	});
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_good_network),
		cmocka_unit_test(test_bad_network),
		cmocka_unit_test(test_restarts),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
