/* SPDX-License-Identifier: Apache-2.0 */
/* The notifier by stories, then by all sequences of events: it always comes to an end. */
#include "subscription/notifier.h"

#include <tandem/compiler.h>

#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#define EVENT(name) NOTIFIER_EVENT_##name
#define NOTIFY NOTIFIER_DO_NOTIFY
#define PAUSE NOTIFIER_DO_PAUSE
#define FORGET NOTIFIER_DO_FORGET
#define NOTHING NOTIFIER_ACTION_NONE

static const struct {
	const char *name;
	struct {
		enum notifier_event event;
		enum notifier_state state;
		enum notifier_delivery delivery;
		enum notifier_action action;
	} steps[8];
	unsigned count;
	enum subscription_reason reason; /* at the end */
} stories[] = {
	{"subscribed, told, changed, expired",
		{{EVENT(ACCEPTED), NOTIFIER_ACTIVE, NOTIFIER_DELIVERY_SENDING, NOTIFY},
			{EVENT(DELIVERED), NOTIFIER_ACTIVE, NOTIFIER_DELIVERY_PAUSING, PAUSE},
			{EVENT(PAUSE_OVER), NOTIFIER_ACTIVE, NOTIFIER_DELIVERY_IDLE, NOTHING},
			{EVENT(CHANGED), NOTIFIER_ACTIVE, NOTIFIER_DELIVERY_SENDING, NOTIFY},
			{EVENT(DELIVERED), NOTIFIER_ACTIVE, NOTIFIER_DELIVERY_PAUSING, PAUSE},
			{EVENT(EXPIRED), NOTIFIER_TERMINATED, NOTIFIER_DELIVERY_LAST, NOTIFY},
			{EVENT(DELIVERED), NOTIFIER_TERMINATED, NOTIFIER_DELIVERY_DONE, FORGET}},
		7, SUBSCRIPTION_REASON_TIMEOUT},
	{"many changes in a pause are one NOTIFY",
		{{EVENT(ACCEPTED), NOTIFIER_ACTIVE, NOTIFIER_DELIVERY_SENDING, NOTIFY},
			{EVENT(CHANGED), NOTIFIER_ACTIVE, NOTIFIER_DELIVERY_SENDING_STALE, NOTHING},
			{EVENT(CHANGED), NOTIFIER_ACTIVE, NOTIFIER_DELIVERY_SENDING_STALE, NOTHING},
			{EVENT(DELIVERED), NOTIFIER_ACTIVE, NOTIFIER_DELIVERY_PAUSING_STALE, PAUSE},
			{EVENT(CHANGED), NOTIFIER_ACTIVE, NOTIFIER_DELIVERY_PAUSING_STALE, NOTHING},
			{EVENT(PAUSE_OVER), NOTIFIER_ACTIVE, NOTIFIER_DELIVERY_SENDING, NOTIFY},
			{EVENT(DELIVERED), NOTIFIER_ACTIVE, NOTIFIER_DELIVERY_PAUSING, PAUSE}},
		7, SUBSCRIPTION_REASON_NONE},
	{"a refresh is answered at once, in a pause too",
		{{EVENT(ACCEPTED), NOTIFIER_ACTIVE, NOTIFIER_DELIVERY_SENDING, NOTIFY},
			{EVENT(DELIVERED), NOTIFIER_ACTIVE, NOTIFIER_DELIVERY_PAUSING, PAUSE},
			{EVENT(REFRESHED), NOTIFIER_ACTIVE, NOTIFIER_DELIVERY_SENDING, NOTIFY},
			{EVENT(REFRESHED), NOTIFIER_ACTIVE, NOTIFIER_DELIVERY_SENDING_STALE,
				NOTHING}},
		4, SUBSCRIPTION_REASON_NONE},
	{"unsubscribed while a NOTIFY is out: the last one follows",
		{{EVENT(ACCEPTED), NOTIFIER_ACTIVE, NOTIFIER_DELIVERY_SENDING, NOTIFY},
			{EVENT(UNSUBSCRIBED), NOTIFIER_TERMINATED, NOTIFIER_DELIVERY_CLOSING,
				NOTHING},
			{EVENT(CHANGED), NOTIFIER_TERMINATED, NOTIFIER_DELIVERY_CLOSING, NOTHING},
			{EVENT(UNDELIVERED), NOTIFIER_TERMINATED, NOTIFIER_DELIVERY_LAST, NOTIFY},
			{EVENT(LOST), NOTIFIER_TERMINATED, NOTIFIER_DELIVERY_DONE, FORGET}},
		5, SUBSCRIPTION_REASON_TIMEOUT},
	{"a fetch gets one answer",
		{{EVENT(FETCHED), NOTIFIER_TERMINATED, NOTIFIER_DELIVERY_LAST, NOTIFY},
			{EVENT(UNDELIVERED), NOTIFIER_TERMINATED, NOTIFIER_DELIVERY_DONE, FORGET}},
		2, SUBSCRIPTION_REASON_TIMEOUT},
	{"481 to a NOTIFY ends it without another",
		{{EVENT(ACCEPTED), NOTIFIER_ACTIVE, NOTIFIER_DELIVERY_SENDING, NOTIFY},
			{EVENT(CHANGED), NOTIFIER_ACTIVE, NOTIFIER_DELIVERY_SENDING_STALE, NOTHING},
			{EVENT(LOST), NOTIFIER_TERMINATED, NOTIFIER_DELIVERY_DONE, FORGET}},
		3, SUBSCRIPTION_REASON_NONE},
	{"a refused NOTIFY is said again after a pause",
		{{EVENT(ACCEPTED), NOTIFIER_ACTIVE, NOTIFIER_DELIVERY_SENDING, NOTIFY},
			{EVENT(UNDELIVERED), NOTIFIER_ACTIVE, NOTIFIER_DELIVERY_PAUSING_STALE,
				PAUSE},
			{EVENT(PAUSE_OVER), NOTIFIER_ACTIVE, NOTIFIER_DELIVERY_SENDING, NOTIFY}},
		3, SUBSCRIPTION_REASON_NONE},
	{"pending: nothing is told but that it is pending",
		{{EVENT(DEFERRED), NOTIFIER_PENDING, NOTIFIER_DELIVERY_SENDING, NOTIFY},
			{EVENT(DELIVERED), NOTIFIER_PENDING, NOTIFIER_DELIVERY_PAUSING, PAUSE},
			{EVENT(CHANGED), NOTIFIER_PENDING, NOTIFIER_DELIVERY_PAUSING, NOTHING},
			{EVENT(APPROVED), NOTIFIER_ACTIVE, NOTIFIER_DELIVERY_SENDING, NOTIFY}},
		4, SUBSCRIPTION_REASON_NONE},
	{"pending, then rejected",
		{{EVENT(DEFERRED), NOTIFIER_PENDING, NOTIFIER_DELIVERY_SENDING, NOTIFY},
			{EVENT(DELIVERED), NOTIFIER_PENDING, NOTIFIER_DELIVERY_PAUSING, PAUSE},
			{EVENT(PAUSE_OVER), NOTIFIER_PENDING, NOTIFIER_DELIVERY_IDLE, NOTHING},
			{EVENT(REJECTED), NOTIFIER_TERMINATED, NOTIFIER_DELIVERY_LAST, NOTIFY}},
		4, SUBSCRIPTION_REASON_REJECTED},
	{"a REFER: progress, then the end",
		{{EVENT(ACCEPTED), NOTIFIER_ACTIVE, NOTIFIER_DELIVERY_SENDING, NOTIFY},
			{EVENT(FINISHED), NOTIFIER_TERMINATED, NOTIFIER_DELIVERY_CLOSING, NOTHING},
			{EVENT(DELIVERED), NOTIFIER_TERMINATED, NOTIFIER_DELIVERY_LAST, NOTIFY},
			{EVENT(EXPIRED), NOTIFIER_TERMINATED, NOTIFIER_DELIVERY_LAST, NOTHING},
			{EVENT(DELIVERED), NOTIFIER_TERMINATED, NOTIFIER_DELIVERY_DONE, FORGET}},
		5, SUBSCRIPTION_REASON_NORESOURCE},
	{"withdrawn by us",
		{{EVENT(ACCEPTED), NOTIFIER_ACTIVE, NOTIFIER_DELIVERY_SENDING, NOTIFY},
			{EVENT(DELIVERED), NOTIFIER_ACTIVE, NOTIFIER_DELIVERY_PAUSING, PAUSE},
			{EVENT(WITHDRAWN), NOTIFIER_TERMINATED, NOTIFIER_DELIVERY_LAST, NOTIFY}},
		3, SUBSCRIPTION_REASON_DEACTIVATED},
};

static void test_stories(void **state)
{
	(void)state;
	for (size_t i = 0; i < TD_COUNT_OF(stories); i++) {
		struct notifier notifier = {.state = NOTIFIER_INIT};

		print_message("%s\n", stories[i].name);
		for (unsigned j = 0; j < stories[i].count; j++) {
			enum notifier_action action;

			assert_int_equal(
				notifier_step(&notifier, stories[i].steps[j].event, &action), 0);
			assert_int_equal(notifier.state, stories[i].steps[j].state);
			assert_int_equal(notifier.delivery, stories[i].steps[j].delivery);
			assert_int_equal(action, stories[i].steps[j].action);
		}
		assert_int_equal(notifier.reason, stories[i].reason);
	}
}

static void test_unexpected(void **state)
{
	struct notifier notifier = {.state = NOTIFIER_INIT};
	enum notifier_action action;

	(void)state;
	assert_int_equal(notifier_step(&notifier, EVENT(DELIVERED), &action), -EPROTO);
	assert_int_equal(notifier_step(&notifier, EVENT(CHANGED), &action), -EPROTO);
	assert_int_equal(notifier_step(&notifier, (enum notifier_event)99, &action), -EPROTO);
	assert_int_equal(notifier_step(&notifier, EVENT(ACCEPTED), &action), 0);
	assert_int_equal(notifier_step(&notifier, EVENT(ACCEPTED), &action), -EPROTO);
	assert_int_equal(notifier_step(&notifier, EVENT(PAUSE_OVER), &action), -EPROTO);
	assert_int_equal(notifier.delivery, NOTIFIER_DELIVERY_SENDING);
	notifier.state = NOTIFIER_STATE_COUNT;
	assert_int_equal(notifier_step(&notifier, EVENT(CHANGED), &action), -EPROTO);
}

/* From every state that events can lead to: an end of the subscription and answers to what is
 * out lead to DONE, and never more than one NOTIFY is out. */
static void test_always_ends(void **state)
{
	bool is_seen[NOTIFIER_STATE_COUNT][NOTIFIER_DELIVERY_COUNT] = {{false}};
	struct notifier queue[NOTIFIER_STATE_COUNT * NOTIFIER_DELIVERY_COUNT + 1] = {
		{.state = NOTIFIER_INIT}};
	unsigned count = 1;
	enum notifier_action action;

	(void)state;
	for (unsigned at = 0; at < count; at++) {
		for (unsigned event = 0; event < NOTIFIER_EVENT_COUNT; event++) {
			struct notifier next = queue[at];
			bool was_sending = notifier_is_sending(&next);

			if (notifier_step(&next, (enum notifier_event)event, &action) != 0)
				continue;
			if (action == NOTIFIER_DO_NOTIFY)
				assert_true(!was_sending || event == EVENT(DELIVERED) ||
					    event == EVENT(UNDELIVERED));
			assert_true(action != NOTIFIER_DO_NOTIFY || notifier_is_sending(&next));
			if (is_seen[next.state][next.delivery])
				continue;
			is_seen[next.state][next.delivery] = true;
			queue[count++] = next;
		}
	}
	for (unsigned at = 1; at < count; at++) {
		struct notifier end = queue[at];
		unsigned steps = 0;

		(void)notifier_step(&end, EVENT(WITHDRAWN), &action);
		while (end.delivery != NOTIFIER_DELIVERY_DONE && steps++ < 3)
			assert_int_equal(notifier_step(&end, EVENT(DELIVERED), &action), 0);
		assert_int_equal(end.delivery, NOTIFIER_DELIVERY_DONE);
		assert_int_equal(end.state, NOTIFIER_TERMINATED);
	}
	assert_true(count > 8);
}

static void test_statuses(void **state)
{
	static const unsigned lost[] = {
		0, 404, 405, 408, 410, 416, 480, 481, 482, 483, 484, 485, 489, 501, 604};
	static const unsigned stays[] = {301, 400, 401, 403, 407, 486, 491, 500, 503, 600, 603};

	(void)state;
	assert_int_equal(notifier_event_of_status(200), EVENT(DELIVERED));
	assert_int_equal(notifier_event_of_status(202), EVENT(DELIVERED));
	for (size_t i = 0; i < TD_COUNT_OF(lost); i++)
		assert_int_equal(notifier_event_of_status(lost[i]), EVENT(LOST));
	for (size_t i = 0; i < TD_COUNT_OF(stays); i++)
		assert_int_equal(notifier_event_of_status(stays[i]), EVENT(UNDELIVERED));
}

static void test_names(void **state)
{
	struct notifier notifier = {.state = NOTIFIER_PENDING};

	(void)state;
	assert_int_equal(notifier_substate(&notifier), SUBSTATE_PENDING);
	assert_true(notifier_is_open(&notifier));
	notifier.state = NOTIFIER_ACTIVE;
	assert_int_equal(notifier_substate(&notifier), SUBSTATE_ACTIVE);
	notifier.state = NOTIFIER_TERMINATED;
	assert_int_equal(notifier_substate(&notifier), SUBSTATE_TERMINATED);
	assert_false(notifier_is_open(&notifier));
	assert_string_equal(notifier_state_name(NOTIFIER_ACTIVE), "active");
	assert_string_equal(notifier_state_name(99), "?");
	assert_string_equal(notifier_delivery_name(NOTIFIER_DELIVERY_LAST), "last");
	assert_string_equal(notifier_delivery_name(99), "?");
	assert_string_equal(notifier_event_name(EVENT(FETCHED)), "fetched");
	assert_string_equal(notifier_event_name(99), "?");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_stories),
		cmocka_unit_test(test_unexpected),
		cmocka_unit_test(test_always_ends),
		cmocka_unit_test(test_statuses),
		cmocka_unit_test(test_names),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
