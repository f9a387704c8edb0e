/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Peers and operators who say anything about transfers and subscriptions at any moment, over
 * networks that lose, double and reorder, while the switchboard dies now and then: whatever it
 * comes to, nothing is left when the calls are over, and each transfer that was told of has ended.
 */
#include "golden/calls/stage.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

#include <cmocka.h>

enum {
	RUNS = 400,
	WORDS_MAX = 40,
	STEP_MS = 3000,
	KILL_ONE_IN = 30,
	DEAD_MS = 1000, /* the next one has started by then */
	LINE_BYTES = 256,
	DRAWS_APART = 150, /* more than a run draws */
	LOSS_PPM = 100000,
	DOUBLE_PPM = 100000,
	JITTER_MS = 400,
};

static const char *const words[] = {
	"recv a REFER \"Refer-To: <sip:300@10.2.0.1>\"",
	"recv a REFER \"Refer-To: <sip:301@10.2.0.1> | Refer-Sub: false\"",
	"recv b REFER \"Refer-To: <sip:302@10.2.0.1>\"",
	"recv a SUBSCRIBE \"Event: refer | Expires: 0\"",
	"recv a 200 to=NOTIFY",
	"recv a 481 to=NOTIFY",
	"recv b 200 to=NOTIFY",
	"refer a 300",
	"refer b 300",
	"recv b 202 to=REFER",
	"recv b 603 to=REFER",
	"recv a 202 to=REFER",
	"recv b NOTIFY frag=100 \"Event: refer | Subscription-State: active;expires=20\"",
	"recv b NOTIFY frag=180 \"Event: refer | Subscription-State: active;expires=60\"",
	"recv b NOTIFY frag=200 \"Event: refer | Subscription-State: terminated;reason=noresource\"",
	"recv b NOTIFY frag=486 \"Event: refer | Subscription-State: terminated;reason=noresource\"",
	"recv b NOTIFY \"Event: refer | Subscription-State: terminated;reason=giveup\"",
	"recv b 200 to=OPTIONS",
	"recv b 481 to=OPTIONS",
	"recv b 200 to=SUBSCRIBE",
	"recv d SUBSCRIBE number=a \"Event: dialog | Expires: 600\"",
	"recv d SUBSCRIBE \"Event: dialog | Expires: 300\"",
	"recv d SUBSCRIBE \"Event: dialog | Expires: 0\"",
	"recv d SUBSCRIBE \"Event: presence\"",
	"recv d 200 to=NOTIFY",
	"recv d 481 to=NOTIFY",
	"recv b BYE",
	"recv a 200 to=BYE",
};

struct count {
	uint32_t requested;
	uint32_t ended;
	uint64_t subscribed;
	uint32_t boots;
};

static void say(struct stage *stage, uint64_t at_ms, const char *words_of_line)
{
	char line[LINE_BYTES];

	(void)snprintf(line, sizeof(line), "@%llu %s", (unsigned long long)at_ms, words_of_line);
	assert_true(stage_play(stage, line));
}

static void run(uint64_t seed, const struct sim_link *link, bool has_deaths, struct count *count)
{
	struct stage *stage = stage_create();
	struct board *board = stage->board;
	struct sim_net *net = stage->net;
	struct sim_link own_link = *link;
	uint64_t at_ms = 30;
	uint32_t length;

	/* The stage's own network always begins alike: it is moved on to where this run begins. */
	for (uint64_t i = 0; i < seed * DRAWS_APART; i++)
		(void)sim_net_random_below(net, 2);
	length = 1 + sim_net_random_below(net, WORDS_MAX);
	if (sim_net_random_below(net, 2) == 0)
		say(stage, 0, words[20]);
	say(stage, 10, "recv a INVITE number=100 sdp");
	say(stage, 20, "recv b 200 sdp");
	say(stage, 30, "recv a ACK");
	own_link.seed = seed;
	sim_net_set_all_links(net, &own_link);
	for (uint32_t i = 0; i < length; i++) {
		at_ms += sim_net_random_below(net, STEP_MS);
		say(stage, at_ms, words[sim_net_random_below(net, TD_COUNT_OF(words))]);
		if (has_deaths && sim_net_random_below(net, KILL_ONE_IN) == 0) {
			board_kill(board);
			at_ms += DEAD_MS;
			say(stage, at_ms, "wait");
		}
	}
	sim_net_set_all_links(net, &(const struct sim_link){.delay_ms = 1});
	say(stage, at_ms + 400000, "recv a BYE");
	say(stage, at_ms + 400010, "recv b 200 to=BYE");
	say(stage, at_ms + 1200000, "wait");
	if (board_outstanding(board) != 0 || board->event_counts[CALL_EVENT_TRANSFER_REQUESTED] >
						     board->event_counts[CALL_EVENT_TRANSFER_ENDED])
		(void)fprintf(stderr, "run %llu:\n%s\n", (unsigned long long)seed, stage->bytes);
	assert_int_equal(board_outstanding(board), 0);
	assert_true(board->event_counts[CALL_EVENT_TRANSFER_REQUESTED] <=
		    board->event_counts[CALL_EVENT_TRANSFER_ENDED]);
	assert_int_equal(board_repeated_cdrs(board), 0);
	count->requested += board->event_counts[CALL_EVENT_TRANSFER_REQUESTED];
	count->ended += board->event_counts[CALL_EVENT_TRANSFER_ENDED];
	count->subscribed += switchboard_get_counts(board->switchboard).subscriptions_taken;
	count->boots += board->boots;
	stage_destroy(stage);
}

static void run_many(const char *name, const struct sim_link *link, bool has_deaths)
{
	struct count count = {0};

	for (uint64_t seed = 1; seed <= RUNS; seed++)
		run(seed, link, has_deaths, &count);
	(void)printf(
		"%s: %u calls, transfers %u requested, %u ended, %llu subscriptions, %u boots\n",
		name, RUNS, count.requested, count.ended, (unsigned long long)count.subscribed,
		count.boots);
	assert_true(count.requested > 0 && count.subscribed > 0); /* it did happen */
}

static void test_any_words(void **state)
{
	(void)state;
	run_many("good network", &(const struct sim_link){.delay_ms = 1}, false);
}

static void test_bad_network(void **state)
{
	(void)state;
	run_many("loss, doubles, reordering",
		&(const struct sim_link){.delay_ms = 5,
			.jitter_ms = JITTER_MS,
			.loss_ppm = LOSS_PPM,
			.duplicate_ppm = DOUBLE_PPM},
		false);
}

static void test_deaths(void **state)
{
	(void)state;
	run_many("killed now and then",
		&(const struct sim_link){.delay_ms = 5,
			.jitter_ms = JITTER_MS,
			.loss_ppm = LOSS_PPM,
			.duplicate_ppm = DOUBLE_PPM},
		true);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_any_words),
		cmocka_unit_test(test_bad_network),
		cmocka_unit_test(test_deaths),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
