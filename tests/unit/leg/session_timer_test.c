/* SPDX-License-Identifier: Apache-2.0 */
/* What RFC 4028 lets two sides agree on, and what time does to it. */
#include "leg/session_timer.h"

#include "unit/leg/leg_fixture.h"

#include <tandem/compiler.h>
#include <tandem/time.h>

#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

enum {
	NOW_MS = 1000000,
	NONE = SESSION_REFRESHER_NONE,
	UAC = SESSION_REFRESHER_UAC,
	UAS = SESSION_REFRESHER_UAS,
};

static struct session_timer timer_of(enum session_policy policy)
{
	struct session_timer timer;

	session_timer_init(&timer, policy, 1800, 120);
	return timer;
}

/* --- headers -------------------------------------------------------------------------------- */

static const struct {
	const char *headers;
	int result;
	struct session_terms terms;
} headers[] = {
	{"", 0, {0}},
	{"Session-Expires: 1800\r\n", 0, {.expires_s = 1800}},
	{"x: 1800 ; refresher = uac\r\n", 0, {.expires_s = 1800, .refresher = UAC}},
	{"Session-Expires: 90;a=b;REFRESHER=UAS;c\r\n", 0, {.expires_s = 90, .refresher = UAS}},
	{"Session-Expires: 90;refresher=both\r\n", 0, {.expires_s = 90}},
	{"Session-Expires: 90;refresher\r\n", 0, {.expires_s = 90}},
	{"Session-Expires: 90;\r\n", 0, {.expires_s = 90}},
	{"Session-Expires: 9999999999\r\n", 0, {.expires_s = UINT32_MAX}},
	{"Session-Expires: 99999999999\r\n", -EBADMSG, {0}},
	{"Session-Expires: 0\r\n", -EBADMSG, {0}},
	{"Session-Expires: soon\r\n", -EBADMSG, {0}},
	{"Session-Expires: 90 s\r\n", -EBADMSG, {0}},
	{"Session-Expires: -90\r\n", -EBADMSG, {0}},
	{"Min-SE: 300\r\nSupported: 100rel, timer\r\n", 0, {.min_se_s = 300, .is_supported = true}},
	{"Min-SE: x\r\n", -EBADMSG, {0}},
	{"Require: timer\r\n", 0, {.is_required = true}},
};

static void test_headers_are_read(void **state)
{
	struct fixture_message fixture;

	(void)state;
	for (size_t i = 0; i < TD_COUNT_OF(headers); i++) {
		const struct session_terms *want = &headers[i].terms;
		struct session_terms terms = {0};

		fixture_request(&fixture, "INVITE sip:1@h", headers[i].headers, "");
		if (session_terms_read(&fixture.message, &terms) != headers[i].result ||
			terms.expires_s != want->expires_s || terms.min_se_s != want->min_se_s ||
			terms.refresher != want->refresher ||
			terms.is_supported != want->is_supported ||
			terms.is_required != want->is_required)
			fail_msg("%s: %u %u %u", headers[i].headers, terms.expires_s,
				terms.min_se_s, terms.refresher);
	}
}

static void test_headers_are_written(void **state)
{
	const struct session_terms terms = {.expires_s = 1800, .min_se_s = 120, .refresher = UAS};
	char bytes[512];
	struct sip_builder builder;
	int length;

	(void)state;
	sip_builder_init(&builder, bytes, sizeof(bytes));
	session_terms_build(&builder, &terms);
	length = sip_builder_finish(&builder, SPAN(""), SPAN(""));
	assert_true(length > 0);
	bytes[length] = '\0';
	assert_string_equal(bytes, "Session-Expires: 1800;refresher=uas\r\nMin-SE: 120\r\n"
				   "Content-Length: 0\r\n\r\n");
}

/* --- agreeing ------------------------------------------------------------------------------- */

static const struct {
	const char *name;
	enum session_policy policy;
	struct session_terms asked;
	unsigned refusal;
	uint32_t answer_s; /* Session-Expires of our 2xx; 0: none */
	uint8_t refresher;
	bool is_required;
	uint8_t state; /* enum session_state */
} answers[] = {
	{"off hears nothing", SESSION_POLICY_OFF, {.expires_s = 600, .is_supported = true}, 0, 0,
		NONE, false, SESSION_OFF},
	{"off doesn't refuse", SESSION_POLICY_OFF, {.expires_s = 90, .is_supported = true}, 0, 0,
		NONE, false, SESSION_OFF},
	{"nothing asked, nothing given", SESSION_POLICY_ACCEPT, {.is_supported = true}, 0, 0, NONE,
		false, SESSION_OFF},
	{"the asker refreshes", SESSION_POLICY_ACCEPT, {.expires_s = 600, .is_supported = true}, 0,
		600, UAC, true, SESSION_PEERS},
	{"the asker wants us to", SESSION_POLICY_ACCEPT,
		{.expires_s = 600, .refresher = UAS, .is_supported = true}, 0, 600, UAS, true,
		SESSION_OURS},
	{"the asker insists on himself", SESSION_POLICY_REQUEST,
		{.expires_s = 600, .refresher = UAC, .is_supported = true}, 0, 600, UAC, true,
		SESSION_PEERS},
	{"longer than ours is shortened", SESSION_POLICY_ACCEPT,
		{.expires_s = 7200, .is_supported = true}, 0, 1800, UAC, true, SESSION_PEERS},
	{"but not below the asker's minimum", SESSION_POLICY_ACCEPT,
		{.expires_s = 7200, .min_se_s = 3600, .is_supported = true}, 0, 3600, UAC, true,
		SESSION_PEERS},
	{"too short", SESSION_POLICY_ACCEPT, {.expires_s = 119, .is_supported = true}, 422, 0, NONE,
		false, SESSION_OFF},
	{"just long enough", SESSION_POLICY_ACCEPT, {.expires_s = 120, .is_supported = true}, 0,
		120, UAC, true, SESSION_PEERS},
	{"a proxy's, for one who can't", SESSION_POLICY_ACCEPT, {.expires_s = 600}, 0, 600, UAS,
		false, SESSION_OURS},
	{"a proxy's, too short", SESSION_POLICY_ACCEPT, {.expires_s = 100}, 0, 0, NONE, false,
		SESSION_OFF},
	{"we ask who can", SESSION_POLICY_REQUEST, {.is_supported = true}, 0, 1800, UAS, true,
		SESSION_OURS},
	{"we ask who can, above his minimum", SESSION_POLICY_REQUEST,
		{.min_se_s = 2000, .is_supported = true}, 0, 2000, UAS, true, SESSION_OURS},
	{"we tell who can't", SESSION_POLICY_REQUEST, {0}, 0, 1800, UAS, false, SESSION_OURS},
};

static void test_answers(void **state)
{
	(void)state;
	for (size_t i = 0; i < TD_COUNT_OF(answers); i++) {
		struct session_timer timer = timer_of(answers[i].policy);
		struct session_terms terms;
		struct session_terms repeated;

		if (session_timer_judge(&timer, &answers[i].asked) != answers[i].refusal)
			fail_msg("%s: judged wrongly", answers[i].name);
		if (answers[i].refusal != 0)
			continue;
		session_timer_prepare(&timer, &answers[i].asked);
		assert_int_equal(timer.state, SESSION_OFF); /* not yet */
		session_timer_answer(&timer, NOW_MS, &terms);
		if (terms.expires_s != answers[i].answer_s ||
			terms.refresher != answers[i].refresher ||
			terms.is_required != answers[i].is_required ||
			terms.is_supported != (answers[i].policy != SESSION_POLICY_OFF) ||
			timer.state != answers[i].state)
			fail_msg("%s: %u %u %s", answers[i].name, terms.expires_s, terms.refresher,
				session_state_name(timer.state));
		session_timer_repeat(&timer, &repeated);
		assert_int_equal(repeated.expires_s, terms.expires_s);
		assert_int_equal(repeated.refresher, terms.refresher);
		assert_int_equal(repeated.is_required, terms.is_required);
	}
}

static void test_a_refresher_stays_what_he_is(void **state)
{
	const struct session_terms again = {.expires_s = 600, .is_supported = true};
	struct session_timer timer = timer_of(SESSION_POLICY_REQUEST);
	struct session_terms terms;

	(void)state;
	session_timer_prepare(&timer, &(const struct session_terms){.is_supported = true});
	session_timer_answer(&timer, NOW_MS, &terms);
	assert_int_equal(timer.state, SESSION_OURS);
	session_timer_prepare(&timer, &again); /* his re-INVITE */
	session_timer_answer(&timer, NOW_MS, &terms);
	assert_int_equal(timer.state, SESSION_OURS);
	assert_int_equal(terms.refresher, UAS);
	session_timer_offer(&timer, &terms); /* ours */
	assert_int_equal(terms.refresher, UAC);
	assert_int_equal(terms.expires_s, 600);
	session_timer_accept(
		&timer, &(const struct session_terms){.expires_s = 600, .refresher = UAS}, NOW_MS);
	assert_int_equal(timer.state, SESSION_PEERS);
	session_timer_offer(&timer, &terms); /* a hold, say */
	assert_int_equal(terms.refresher, UAS);
	session_timer_prepare(&timer, &again);
	session_timer_answer(&timer, NOW_MS, &terms);
	assert_int_equal(timer.state, SESSION_PEERS);
	assert_int_equal(terms.refresher, UAC);
}

static void test_offers(void **state)
{
	struct session_timer timer = timer_of(SESSION_POLICY_OFF);
	struct session_terms terms;

	(void)state;
	session_timer_offer(&timer, &terms);
	assert_false(terms.is_supported);
	assert_int_equal(terms.expires_s, 0);
	timer = timer_of(SESSION_POLICY_ACCEPT);
	session_timer_offer(&timer, &terms);
	assert_true(terms.is_supported);
	assert_int_equal(terms.expires_s, 0);
	timer = timer_of(SESSION_POLICY_REQUEST);
	session_timer_offer(&timer, &terms);
	assert_true(terms.is_supported);
	assert_false(terms.is_required);
	assert_int_equal(terms.expires_s, 1800);
	assert_int_equal(terms.min_se_s, 120);
	assert_int_equal(terms.refresher, NONE);
}

static const struct {
	const char *name;
	enum session_policy policy;
	struct session_terms answered;
	uint8_t state;
	uint32_t interval_s;
	bool is_alone;
} acceptances[] = {
	{"he refreshes", SESSION_POLICY_REQUEST, {.expires_s = 600, .refresher = UAS},
		SESSION_PEERS, 600, false},
	{"we refresh", SESSION_POLICY_REQUEST, {.expires_s = 600, .refresher = UAC}, SESSION_OURS,
		600, false},
	{"he doesn't say who", SESSION_POLICY_REQUEST, {.expires_s = 600}, SESSION_OURS, 600,
		false},
	{"he can't: we look after him", SESSION_POLICY_REQUEST, {0}, SESSION_OURS, 1800, true},
	{"he wants none, nor do we", SESSION_POLICY_ACCEPT, {0}, SESSION_OFF, 0, false},
	{"he wants one unasked", SESSION_POLICY_ACCEPT, {.expires_s = 600, .refresher = UAS},
		SESSION_PEERS, 600, false},
	{"absurdly short", SESSION_POLICY_ACCEPT, {.expires_s = 1, .refresher = UAC}, SESSION_OURS,
		90, false},
	{"off hears nothing", SESSION_POLICY_OFF, {.expires_s = 600, .refresher = UAS}, SESSION_OFF,
		0, false},
};

static void test_acceptances(void **state)
{
	(void)state;
	for (size_t i = 0; i < TD_COUNT_OF(acceptances); i++) {
		struct session_timer timer = timer_of(acceptances[i].policy);

		session_timer_accept(&timer, &acceptances[i].answered, NOW_MS);
		if (timer.state != acceptances[i].state ||
			timer.interval_s != acceptances[i].interval_s ||
			timer.is_alone != acceptances[i].is_alone)
			fail_msg("%s: %s %u", acceptances[i].name, session_state_name(timer.state),
				timer.interval_s);
	}
}

static void test_a_2xx_without_ends_the_timer(void **state)
{
	struct session_timer timer = timer_of(SESSION_POLICY_ACCEPT);

	(void)state;
	session_timer_accept(
		&timer, &(const struct session_terms){.expires_s = 600, .refresher = UAC}, NOW_MS);
	session_timer_accept(&timer, &(const struct session_terms){0}, NOW_MS);
	assert_int_equal(timer.state, SESSION_OFF);
	assert_true(timer.deadline_ms == TD_NEVER && timer.expire_ms == TD_NEVER);
}

static void test_422_lengthens(void **state)
{
	struct session_timer timer = timer_of(SESSION_POLICY_REQUEST);
	struct session_terms terms = {.min_se_s = 2400};

	(void)state;
	assert_true(session_timer_lengthen(&timer, &terms));
	session_timer_offer(&timer, &terms);
	assert_int_equal(terms.expires_s, 2400);
	assert_int_equal(terms.min_se_s, 2400);
	/* No reason to refuse what was asked for: it would go on for ever. */
	assert_false(session_timer_lengthen(&timer, &(const struct session_terms){0}));
	assert_false(
		session_timer_lengthen(&timer, &(const struct session_terms){.min_se_s = 2400}));
	assert_true(
		session_timer_lengthen(&timer, &(const struct session_terms){.min_se_s = 2401}));
	assert_true(
		session_timer_lengthen(&timer, &(const struct session_terms){.min_se_s = 2402}));
	assert_false(
		session_timer_lengthen(&timer, &(const struct session_terms){.min_se_s = 2403}));
	session_timer_accept(
		&timer, &(const struct session_terms){.expires_s = 2402, .refresher = UAC}, NOW_MS);
	assert_true(
		session_timer_lengthen(&timer, &(const struct session_terms){.min_se_s = 3000}));
	session_timer_offer(&timer, &terms);
	assert_int_equal(terms.expires_s, 3000);
	timer = timer_of(SESSION_POLICY_ACCEPT); /* asked for nothing: can't have been too small */
	assert_false(
		session_timer_lengthen(&timer, &(const struct session_terms){.min_se_s = 3000}));
}

/* --- time ----------------------------------------------------------------------------------- */

static struct session_timer running(uint32_t interval_s, uint8_t refresher)
{
	struct session_timer timer = timer_of(SESSION_POLICY_ACCEPT);

	session_timer_accept(&timer,
		&(const struct session_terms){.expires_s = interval_s, .refresher = refresher},
		NOW_MS);
	return timer;
}

static void test_deadlines(void **state)
{
	static const struct {
		uint32_t interval_s;
		uint32_t refresh_s;
		uint32_t expire_s;
	} rows[] = {{1800, 900, 1768}, {96, 48, 64}, {90, 45, 60}, {97, 48, 65}};

	(void)state;
	for (size_t i = 0; i < TD_COUNT_OF(rows); i++) {
		struct session_timer ours = running(rows[i].interval_s, UAC);
		struct session_timer peers = running(rows[i].interval_s, UAS);

		assert_int_equal(
			ours.deadline_ms, NOW_MS + (uint64_t)rows[i].interval_s * TD_MS_PER_S / 2);
		assert_int_equal(ours.expire_ms, NOW_MS + rows[i].expire_s * TD_MS_PER_S);
		assert_int_equal(peers.deadline_ms, NOW_MS + rows[i].expire_s * TD_MS_PER_S);
		assert_int_equal(session_timer_due(&ours, ours.expire_ms - 1), SESSION_EVENT_DUE);
		assert_int_equal(session_timer_due(&ours, ours.expire_ms), SESSION_EVENT_EXPIRED);
	}
	/* A century is as good as never, and nothing overflows. */
	assert_true(running(UINT32_MAX, UAS).deadline_ms > NOW_MS);
}

static void test_a_refresh_that_fails_is_tried_again_until_the_end(void **state)
{
	struct session_timer timer = running(1800, UAC);
	uint64_t now_ms = timer.deadline_ms;
	unsigned refreshes = 0;
	enum session_action action;

	(void)state;
	for (;;) {
		action = session_timer_step(&timer, session_timer_due(&timer, now_ms), now_ms);
		if (action != SESSION_DO_REFRESH)
			break;
		refreshes++;
		assert_int_equal(timer.state, SESSION_REFRESHING);
		if (now_ms + 40000 < NOW_MS + 1768 * TD_MS_PER_S)
			assert_int_equal(timer.deadline_ms, now_ms + 40000); /* nothing heard */
		else
			assert_int_equal(timer.deadline_ms, timer.expire_ms);
		session_timer_refused(&timer, 0, now_ms);
		assert_int_equal(timer.state, SESSION_AGAIN);
		now_ms = timer.deadline_ms;
	}
	assert_int_equal(action, SESSION_TELL_EXPIRED);
	assert_int_equal(now_ms, NOW_MS + 1768 * TD_MS_PER_S);
	assert_int_equal(timer.state, SESSION_OFF);
	assert_int_equal(refreshes, 8); /* 868 s, one each 112.5 s, and the first */
}

static void test_a_refresh_that_is_forgotten_is_sent_again(void **state)
{
	struct session_timer timer = running(1800, UAC);
	uint64_t now_ms = timer.deadline_ms;

	(void)state;
	(void)session_timer_step(&timer, SESSION_EVENT_DUE, now_ms);
	now_ms = timer.deadline_ms;
	assert_int_equal(session_timer_due(&timer, now_ms), SESSION_EVENT_DUE);
	assert_int_equal(session_timer_step(&timer, SESSION_EVENT_DUE, now_ms), SESSION_DO_REFRESH);
	assert_int_equal(timer.state, SESSION_REFRESHING);
}

static void test_a_wait_never_outlasts_the_session(void **state)
{
	struct session_timer timer = running(90, UAC);

	(void)state;
	(void)session_timer_step(&timer, SESSION_EVENT_DUE, timer.deadline_ms);
	session_timer_refused(&timer, 3210, NOW_MS + 45000);
	assert_int_equal(timer.deadline_ms, NOW_MS + 48210);
	session_timer_refused(&timer, 60000, NOW_MS + 45000);
	assert_int_equal(timer.deadline_ms, timer.expire_ms);
}

static void test_silence_of_the_refresher_ends_the_session(void **state)
{
	struct session_timer timer = running(1800, UAS);

	(void)state;
	assert_int_equal(session_timer_step(&timer, session_timer_due(&timer, timer.deadline_ms),
				 timer.deadline_ms),
		SESSION_TELL_EXPIRED);
	assert_int_equal(timer.state, SESSION_OFF);
}

static void test_a_late_refusal_spoils_nothing(void **state)
{
	struct session_timer timer = running(1800, UAC);
	uint64_t deadline_ms = timer.deadline_ms;

	(void)state;
	session_timer_refused(&timer, 5, NOW_MS + 10);
	assert_int_equal(timer.state, SESSION_OURS);
	assert_int_equal(timer.deadline_ms, deadline_ms);
	timer = running(1800, UAS);
	session_timer_refused(&timer, 5, NOW_MS + 10);
	assert_int_equal(timer.state, SESSION_PEERS);
	assert_int_equal(timer.deadline_ms, timer.expire_ms);
	timer = timer_of(SESSION_POLICY_ACCEPT);
	session_timer_refused(&timer, 5, NOW_MS + 10);
	assert_true(timer.deadline_ms == TD_NEVER);
	assert_int_equal(
		session_timer_step(&timer, SESSION_EVENT_DUE, NOW_MS), SESSION_ACTION_NONE);
}

static void test_a_restart_costs_nothing(void **state)
{
	struct session_timer timer = running(1800, UAS);

	(void)state;
	session_timer_restore(&timer, NOW_MS + 1000);
	assert_int_equal(timer.deadline_ms, NOW_MS + 1768 * TD_MS_PER_S);
	session_timer_restore(&timer, NOW_MS + 3600 * TD_MS_PER_S); /* away for an hour */
	assert_int_equal(timer.state, SESSION_PEERS);
	assert_int_equal(timer.deadline_ms, NOW_MS + 3600 * TD_MS_PER_S + SESSION_RESTART_MS);
	timer = running(1800, UAC);
	(void)session_timer_step(&timer, SESSION_EVENT_DUE, timer.deadline_ms);
	session_timer_restore(&timer, NOW_MS + 901 * TD_MS_PER_S);
	assert_int_equal(timer.state, SESSION_AGAIN);
	assert_int_equal(timer.deadline_ms, NOW_MS + 901 * TD_MS_PER_S);
	timer = running(1800, UAC); /* overdue, not sent: at once, and with time for the answer */
	session_timer_restore(&timer, NOW_MS + 3600 * TD_MS_PER_S);
	assert_int_equal(timer.deadline_ms, NOW_MS + 900 * TD_MS_PER_S);
	assert_int_equal(session_timer_due(&timer, NOW_MS + 3600 * TD_MS_PER_S), SESSION_EVENT_DUE);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_headers_are_read),
		cmocka_unit_test(test_headers_are_written),
		cmocka_unit_test(test_answers),
		cmocka_unit_test(test_a_refresher_stays_what_he_is),
		cmocka_unit_test(test_offers),
		cmocka_unit_test(test_acceptances),
		cmocka_unit_test(test_a_2xx_without_ends_the_timer),
		cmocka_unit_test(test_422_lengthens),
		cmocka_unit_test(test_deadlines),
		cmocka_unit_test(test_a_refresh_that_fails_is_tried_again_until_the_end),
		cmocka_unit_test(test_a_refresh_that_is_forgotten_is_sent_again),
		cmocka_unit_test(test_a_wait_never_outlasts_the_session),
		cmocka_unit_test(test_silence_of_the_refresher_ends_the_session),
		cmocka_unit_test(test_a_late_refusal_spoils_nothing),
		cmocka_unit_test(test_a_restart_costs_nothing),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
