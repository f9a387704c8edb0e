/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The n-th allocation from the REFER or SUBSCRIBE on fails, for n = 1, 2, 3 and so on until none did; then the
 * process dies after each line. Whatever comes of the transfer: nothing is left when the call is
 * over, and each transfer that operators were told of is told to have ended, once.
 */
#include "golden/calls/stage.h"
#include "switchboard/usage.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

enum {
	LINES_MAX = 24,
	ALLOCATIONS_MAX = 64, /* more means a loop that never ends */
	CALL_LINES = 3,
};

#define CALL "@10 recv a INVITE number=100 sdp", "@20 recv b 200 sdp", "@30 recv a ACK"
#define END "@400000 recv a BYE", "@400010 recv b 200 to=BYE", "@900000 wait"

static const struct {
	const char *name;
	unsigned first; /* line after which things go wrong */
	const char *lines[LINES_MAX];
} scripts[] = {
	{"theirs", CALL_LINES,
		{CALL, "@1000 recv a REFER \"Refer-To: <sip:300@10.2.0.1>\"",
			"@1010 recv a 200 to=NOTIFY", "@1020 recv a 200 to=NOTIFY",
			"@1030 recv a REFER \"Refer-To: <sip:301@10.2.0.1> | Refer-Sub: false\"",
			END}},
	{"ours", CALL_LINES,
		{CALL, "@1000 refer b 300", "@1010 recv b 202 to=REFER",
			"@1020 recv b NOTIFY frag=180 \"Event: refer | Subscription-State: "
			"active;expires=20\"",
			"@30000 recv b 481 to=SUBSCRIBE", "@30010 recv b 200 to=OPTIONS", END}},
	{"ours, confirmed", CALL_LINES,
		{CALL, "@1000 refer b 300", "@1010 recv b 202 to=REFER",
			"@2000 recv b NOTIFY frag=200 \"Event: refer | Subscription-State: "
			"terminated;reason=noresource\"",
			"@2100 recv b BYE", "@2110 recv a 200 to=BYE", END}},
	{"a subscription", 0,
		{"@0 recv d SUBSCRIBE number=a \"Event: dialog | Expires: 600\"",
			"@5 recv d 200 to=NOTIFY", CALL, "@1050 recv d 200 to=NOTIFY",
			"@2000 recv d SUBSCRIBE \"Event: dialog | Expires: 300\"",
			"@2010 recv d 200 to=NOTIFY",
			"@3000 recv d SUBSCRIBE \"Event: dialog | Expires: 0\"",
			"@3010 recv d 200 to=NOTIFY", END}},
	{"a fetch", CALL_LINES,
		{CALL, "@1000 recv d SUBSCRIBE number=a \"Event: dialog | Expires: 0\"",
			"@1010 recv d 200 to=NOTIFY", END}},
};

static unsigned count_of(const struct stage *stage, const char *word)
{
	unsigned count = 0;

	for (const char *at = stage->bytes; (at = strstr(at, word)) != NULL; at++)
		count++;
	return count;
}

static void check_end(struct stage *stage)
{
	if (board_outstanding(stage->board) != 0)
		(void)fputs(stage->bytes, stderr);
	assert_int_equal(board_outstanding(stage->board), 0);
	assert_true(count_of(stage, "transfer_requested") <= count_of(stage, "transfer_ended"));
	assert_int_equal(board_repeated_cdrs(stage->board), 0);
}

/* Plays the script; the n-th allocation after the call is up fails, and the process dies after
 * line kill_after. 0: neither. True if an allocation failed. */
static bool play(unsigned script, uint32_t nth, unsigned kill_after)
{
	const char *const *lines = scripts[script].lines;
	struct stage *stage = stage_create();
	struct switchboard *first = stage->board->switchboard;
	bool has_failed;

	for (unsigned i = 0; lines[i] != NULL; i++) {
		if (nth != 0 && i == scripts[script].first) {
			first->heap.fail_countdown = nth;
			first->usages->heap.fail_countdown = nth;
			slab_fail_nth(first->usages->subscriptions, nth);
		}
		assert_true(stage_play(stage, lines[i]));
		if (i + 1 == kill_after)
			board_kill(stage->board);
	}
	has_failed = nth != 0 &&
		     (first->heap.fail_countdown == 0 || first->usages->heap.fail_countdown == 0);
	check_end(stage);
	stage_destroy(stage);
	return has_failed;
}

static void test_allocations(void **state)
{
	(void)state;
	for (size_t i = 0; i < TD_COUNT_OF(scripts); i++) {
		uint32_t nth = 1;

		print_message("%s\n", scripts[i].name);
		while (play((unsigned)i, nth, 0))
			assert_true(++nth < ALLOCATIONS_MAX);
		assert_true(nth > 1); /* there was something to fail */
	}
}

static void test_deaths(void **state)
{
	(void)state;
	for (size_t i = 0; i < TD_COUNT_OF(scripts); i++)
		for (unsigned line = 1; scripts[i].lines[line + 2] != NULL; line++) {
			print_message("%s, dead after: %s\n", scripts[i].name,
				scripts[i].lines[line - 1]);
			(void)play((unsigned)i, 0, line);
		}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_allocations),
		cmocka_unit_test(test_deaths),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
