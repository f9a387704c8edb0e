/* SPDX-License-Identifier: Apache-2.0 */
/* The header values of subscriptions and transfers: what is taken, and what is refused. */
#include "subscription/headers.h"

#include <tandem/compiler.h>

#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

#include <cmocka.h>

#define assert_span(span, expected) assert_true(span_equal((span), span_from(expected)))

static void test_event(void **state)
{
	static const struct {
		const char *value;
		const char *package; /* NULL: refused */
		const char *id;
	} cases[] = {
		{"dialog", "dialog", ""},
		{"refer;id=93809824", "refer", "93809824"},
		{" presence.winfo ;foo=bar; id=a1", "presence.winfo", "a1"},
		{"dialog;sla;include-session-description", "dialog", ""},
		{"Dialog", "Dialog", ""},
		{"", NULL, NULL},
		{";id=1", NULL, NULL},
		{"dialog;id", NULL, NULL},
		{"dialog;id=", NULL, NULL},
		{"dialog;id=1;id=1", NULL, NULL},
		{"dialog;id=a b", NULL, NULL},
		{"dialog;id=\"1\";id=2", NULL, NULL},
		{"dialog, presence", NULL, NULL},
		{"di alog", NULL, NULL},
		{"dialog;;id=1", NULL, NULL},
	};
	struct event_name event;

	(void)state;
	for (size_t i = 0; i < TD_COUNT_OF(cases); i++) {
		int result = event_name_parse(span_from(cases[i].value), &event);

		print_message("Event: %s\n", cases[i].value);
		assert_int_equal(result, cases[i].package != NULL ? 0 : -EBADMSG);
		if (result != 0)
			continue;
		assert_span(event.package, cases[i].package);
		assert_span(event.id, cases[i].id);
	}
}

static void test_subscription_state(void **state)
{
	static const struct {
		const char *value;
		int result;
		struct subscription_state_header state;
	} cases[] = {
		{"active", 0, {.substate = SUBSTATE_ACTIVE}},
		{"Active;expires=60", 0,
			{.substate = SUBSTATE_ACTIVE, .has_expires = true, .expires_s = 60}},
		{"pending ; expires = 5", 0,
			{.substate = SUBSTATE_PENDING, .has_expires = true, .expires_s = 5}},
		{"terminated;reason=noresource", 0,
			{.substate = SUBSTATE_TERMINATED,
				.reason = SUBSCRIPTION_REASON_NORESOURCE}},
		{"terminated;reason=PROBATION;retry-after=7", 0,
			{.substate = SUBSTATE_TERMINATED,
				.reason = SUBSCRIPTION_REASON_PROBATION,
				.has_retry_after = true,
				.retry_after_s = 7}},
		{"terminated;reason=mystery", 0, {.substate = SUBSTATE_TERMINATED}},
		{"waiting", 0, {.substate = SUBSTATE_OTHER}},
		{"active;expires=99999999999999999999", 0,
			{.substate = SUBSTATE_ACTIVE,
				.has_expires = true,
				.expires_s = UINT32_MAX}},
		{"", -EBADMSG, {.substate = SUBSTATE_OTHER}},
		{";reason=timeout", -EBADMSG, {.substate = SUBSTATE_OTHER}},
		{"active;expires", -EBADMSG, {.substate = SUBSTATE_OTHER}},
		{"active;expires=-1", -EBADMSG, {.substate = SUBSTATE_OTHER}},
		{"active;expires=1;expires=2", -EBADMSG, {.substate = SUBSTATE_OTHER}},
		{"active;expires=1x", -EBADMSG, {.substate = SUBSTATE_OTHER}},
		{"terminated;reason=a;reason=b", -EBADMSG, {.substate = SUBSTATE_OTHER}},
		{"terminated;retry-after=1;retry-after=1", -EBADMSG, {.substate = SUBSTATE_OTHER}},
		{"terminated reason=timeout", -EBADMSG, {.substate = SUBSTATE_OTHER}},
	};
	struct subscription_state_header got;

	(void)state;
	for (size_t i = 0; i < TD_COUNT_OF(cases); i++) {
		print_message("Subscription-State: %s\n", cases[i].value);
		assert_int_equal(
			subscription_state_parse(span_from(cases[i].value), &got), cases[i].result);
		if (cases[i].result != 0)
			continue;
		assert_int_equal(got.substate, cases[i].state.substate);
		assert_int_equal(got.reason, cases[i].state.reason);
		assert_int_equal(got.has_expires, cases[i].state.has_expires);
		assert_int_equal(got.expires_s, cases[i].state.expires_s);
		assert_int_equal(got.has_retry_after, cases[i].state.has_retry_after);
		assert_int_equal(got.retry_after_s, cases[i].state.retry_after_s);
	}
}

/* Each token is read back as what it was written for. */
static void test_tokens(void **state)
{
	struct subscription_state_header got;
	char value[64];

	(void)state;
	for (unsigned i = 1; i < SUBSTATE_COUNT; i++) {
		const char *token = subscription_substate_token((enum subscription_substate)i);

		assert_int_equal(subscription_state_parse(span_from(token), &got), 0);
		assert_int_equal(got.substate, i);
	}
	for (unsigned i = 1; i < SUBSCRIPTION_REASON_COUNT; i++) {
		(void)snprintf(value, sizeof(value), "terminated;reason=%s",
			subscription_reason_token((enum subscription_reason)i));
		assert_int_equal(subscription_state_parse(span_from(value), &got), 0);
		assert_int_equal(got.reason, i);
	}
	assert_string_equal(subscription_reason_token(SUBSCRIPTION_REASON_NONE), "");
	assert_string_equal(subscription_reason_token((enum subscription_reason)99), "");
	assert_string_equal(subscription_substate_token((enum subscription_substate)99), "");
}

static void test_replaces(void **state)
{
	static const struct {
		const char *value;
		const char *call_id; /* NULL: refused */
		const char *to;
		const char *from;
		bool is_early_only;
	} cases[] = {
		{"98732@sip.example.com;from-tag=r33th4x0r;to-tag=ff87ff", "98732@sip.example.com",
			"ff87ff", "r33th4x0r", false},
		{"12adf2f34456gs5;to-tag=12345;from-tag=54321;early-only", "12adf2f34456gs5",
			"12345", "54321", true},
		{"87134@192.0.2.23;to-tag=24796;from-tag=0", "87134@192.0.2.23", "24796", "0",
			false},
		{"<x:y>\"[z]{}/?()@h;To-Tag=a;FROM-TAG=b;x=y", "<x:y>\"[z]{}/?()@h", "a", "b",
			false},
		{"c;to-tag=a", NULL, NULL, NULL, false},
		{"c;from-tag=a", NULL, NULL, NULL, false},
		{"c;from-tag=a;to-tag", NULL, NULL, NULL, false},
		{"c;from-tag=a;to-tag=b;to-tag=b", NULL, NULL, NULL, false},
		{"c;from-tag=a;to-tag=b;early-only=1", NULL, NULL, NULL, false},
		{"c;from-tag=a;to-tag=b;early-only;early-only", NULL, NULL, NULL, false},
		{";from-tag=a;to-tag=b", NULL, NULL, NULL, false},
		{"a b;from-tag=a;to-tag=b", NULL, NULL, NULL, false},
		{"a@b@c;from-tag=a;to-tag=b", NULL, NULL, NULL, false},
		{"@b;from-tag=a;to-tag=b", NULL, NULL, NULL, false},
		{"a@;from-tag=a;to-tag=b", NULL, NULL, NULL, false},
		{"a,b;from-tag=a;to-tag=b", NULL, NULL, NULL, false},
		{"a;from-tag=a;to-tag=b, c;from-tag=a;to-tag=b", NULL, NULL, NULL, false},
		{"", NULL, NULL, NULL, false},
	};
	struct dialog_name name;

	(void)state;
	for (size_t i = 0; i < TD_COUNT_OF(cases); i++) {
		int result = replaces_parse(span_from(cases[i].value), &name);

		print_message("Replaces: %s\n", cases[i].value);
		assert_int_equal(result, cases[i].call_id != NULL ? 0 : -EBADMSG);
		if (result != 0)
			continue;
		assert_span(name.call_id, cases[i].call_id);
		assert_span(name.receiver_tag, cases[i].to);
		assert_span(name.other_tag, cases[i].from);
		assert_int_equal(name.is_early_only, cases[i].is_early_only);
	}
}

static void test_target_dialog(void **state)
{
	struct dialog_name name;

	(void)state;
	assert_int_equal(target_dialog_parse(SPAN("fa77as7dad8-sd98ajzz@host.example.com"
						  ";local-tag=kkaz-;remote-tag=6544"),
				 &name),
		0);
	assert_span(name.call_id, "fa77as7dad8-sd98ajzz@host.example.com");
	assert_span(name.receiver_tag, "6544"); /* remote to the sender: ours */
	assert_span(name.other_tag, "kkaz-");
	assert_int_equal(target_dialog_parse(SPAN("a;to-tag=b;from-tag=c"), &name), -EBADMSG);
}

static void test_referred_by(void **state)
{
	struct referred_by referrer;

	(void)state;
	assert_int_equal(referred_by_parse(SPAN("<sip:referrer@referrer.example>"
						";cid=\"20398823.2UWQFN309shb3@referrer.example\""),
				 &referrer),
		0);
	assert_span(referrer.address.uri.user, "referrer");
	assert_span(referrer.cid, "20398823.2UWQFN309shb3@referrer.example");
	assert_int_equal(referred_by_parse(SPAN("\"A\" <sip:a@b>"), &referrer), 0);
	assert_int_equal(referrer.cid.length, 0);
	assert_int_equal(referred_by_parse(SPAN("<sip:a@b>;cid"), &referrer), -EBADMSG);
	assert_int_equal(
		referred_by_parse(SPAN("<sip:a@b>;cid=\"a@b\";cid=\"a@b\""), &referrer), -EBADMSG);
	assert_int_equal(referred_by_parse(SPAN("<sip:a@b>, <sip:c@d>"), &referrer), -EBADMSG);
	assert_int_equal(referred_by_parse(SPAN("mailto:a@b"), &referrer), -EBADMSG);
	assert_int_equal(referred_by_parse(SPAN(""), &referrer), -EBADMSG);
}

static void test_refer_sub(void **state)
{
	bool is_wanted = false;

	(void)state;
	assert_int_equal(refer_sub_parse(SPAN("TRUE"), &is_wanted), 0);
	assert_true(is_wanted);
	assert_int_equal(refer_sub_parse(SPAN("false;x=1"), &is_wanted), 0);
	assert_false(is_wanted);
	assert_int_equal(refer_sub_parse(SPAN("maybe"), &is_wanted), -EBADMSG);
	assert_int_equal(refer_sub_parse(SPAN(""), &is_wanted), -EBADMSG);
	assert_int_equal(refer_sub_parse(SPAN("true;;"), &is_wanted), -EBADMSG);
}

static void test_delta_seconds(void **state)
{
	uint32_t seconds = 1;

	(void)state;
	assert_int_equal(delta_seconds_parse(SPAN(" 0 "), &seconds), 0);
	assert_int_equal(seconds, 0);
	assert_int_equal(delta_seconds_parse(SPAN("4294967295"), &seconds), 0);
	assert_int_equal(seconds, UINT32_MAX);
	assert_int_equal(delta_seconds_parse(SPAN("4294967296"), &seconds), 0);
	assert_int_equal(seconds, UINT32_MAX);
	assert_int_equal(delta_seconds_parse(SPAN("0x10"), &seconds), -EBADMSG);
	assert_int_equal(delta_seconds_parse(SPAN("ff"), &seconds), -EBADMSG);
	assert_int_equal(delta_seconds_parse(SPAN(""), &seconds), -EBADMSG);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_event),
		cmocka_unit_test(test_subscription_state),
		cmocka_unit_test(test_tokens),
		cmocka_unit_test(test_replaces),
		cmocka_unit_test(test_target_dialog),
		cmocka_unit_test(test_referred_by),
		cmocka_unit_test(test_refer_sub),
		cmocka_unit_test(test_delta_seconds),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
