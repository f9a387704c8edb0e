/* SPDX-License-Identifier: Apache-2.0 */
/* What a refusal means to the caller, to the next destination and to the statistics. */
#include "call/outcome.h"

#include "unit/leg/leg_fixture.h"

#include <tandem/compiler.h>

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

static const struct {
	unsigned status;
	unsigned to_caller;
	bool fails_over;
	enum event_disposition disposition;
	enum event_ner_class ner;
} rows[] = {
	{302, 502, true, EVENT_DISPOSITION_FAILED, EVENT_NER_NETWORK},
	{400, 502, false, EVENT_DISPOSITION_FAILED, EVENT_NER_NETWORK},
	{401, 502, true, EVENT_DISPOSITION_FAILED, EVENT_NER_NETWORK},
	{403, 403, false, EVENT_DISPOSITION_REJECTED, EVENT_NER_USER},
	{404, 404, false, EVENT_DISPOSITION_FAILED, EVENT_NER_NETWORK},
	{407, 502, true, EVENT_DISPOSITION_FAILED, EVENT_NER_NETWORK},
	{408, 408, false, EVENT_DISPOSITION_NO_ANSWER, EVENT_NER_USER},
	{420, 502, false, EVENT_DISPOSITION_FAILED, EVENT_NER_NETWORK},
	{480, 480, false, EVENT_DISPOSITION_NO_ANSWER, EVENT_NER_USER},
	{481, 502, false, EVENT_DISPOSITION_FAILED, EVENT_NER_NETWORK},
	{486, 486, false, EVENT_DISPOSITION_BUSY, EVENT_NER_USER},
	{487, 487, false, EVENT_DISPOSITION_CANCELED, EVENT_NER_USER},
	{488, 488, false, EVENT_DISPOSITION_FAILED, EVENT_NER_NETWORK},
	{491, 502, false, EVENT_DISPOSITION_FAILED, EVENT_NER_NETWORK},
	{500, 500, true, EVENT_DISPOSITION_FAILED, EVENT_NER_NETWORK},
	{503, 500, true, /* RFC 3261 16.7 */ EVENT_DISPOSITION_CONGESTION, EVENT_NER_NETWORK},
	{600, 600, false, EVENT_DISPOSITION_BUSY, EVENT_NER_USER},
	{603, 603, false, EVENT_DISPOSITION_REJECTED, EVENT_NER_USER},
};

static void test_rows(void **state)
{
	struct fixture_message fixture;
	struct event_release callee;
	struct event_release caller;

	(void)state;
	for (size_t i = 0; i < TD_COUNT_OF(rows); i++) {
		fixture_response(&fixture, rows[i].status, "");
		outcome_of_response(&fixture.message, &callee);
		outcome_for_caller(&callee, &caller);
		outcome_classify(&callee, false);
		if (callee.sip_status != rows[i].status || caller.sip_status != rows[i].to_caller ||
			outcome_is_route_failure(&callee) != rows[i].fails_over ||
			callee.disposition != rows[i].disposition ||
			callee.ner_class != rows[i].ner)
			fail_msg("%u: %u to the caller, disposition %u, class %u", rows[i].status,
				caller.sip_status, callee.disposition, callee.ner_class);
		assert_int_equal(caller.q850, callee.q850);
		assert_string_equal(callee.reason, "Because");
	}
}

static void test_details_beat_statuses(void **state)
{
	struct event_release release;

	(void)state;
	outcome_set(&release, 408, 102, EVENT_RELEASE_NETWORK, EVENT_DETAIL_NO_RESPONSE);
	assert_true(outcome_is_route_failure(&release));
	outcome_classify(&release, false);
	assert_int_equal(release.disposition, EVENT_DISPOSITION_FAILED);
	outcome_set(&release, 480, 19, EVENT_RELEASE_SYSTEM, EVENT_DETAIL_TIMER);
	outcome_classify(&release, false);
	assert_int_equal(release.disposition, EVENT_DISPOSITION_NO_ANSWER);
	outcome_set(&release, 503, 42, EVENT_RELEASE_SYSTEM, EVENT_DETAIL_ADMISSION);
	outcome_classify(&release, false);
	assert_int_equal(release.disposition, EVENT_DISPOSITION_CONGESTION);
	outcome_set(&release, 403, 21, EVENT_RELEASE_SYSTEM, EVENT_DETAIL_POLICY);
	outcome_classify(&release, false);
	assert_int_equal(release.disposition, EVENT_DISPOSITION_BLOCKED);
	outcome_set(&release, 486, 17, EVENT_RELEASE_CALLEE, EVENT_DETAIL_HANGUP);
	outcome_classify(&release, true);
	assert_int_equal(release.disposition, EVENT_DISPOSITION_ANSWERED);
	assert_int_equal(release.ner_class, EVENT_NER_SUCCESS);
}

static void test_our_own_503_stays(void **state)
{
	struct event_release callee;
	struct event_release caller;

	(void)state;
	outcome_set(&callee, 503, 42, EVENT_RELEASE_SYSTEM, EVENT_DETAIL_ADMISSION);
	outcome_for_caller(&callee, &caller);
	assert_int_equal(caller.sip_status, 503);
	outcome_set(&callee, 503, 41, EVENT_RELEASE_NETWORK, EVENT_DETAIL_TRANSPORT);
	outcome_for_caller(&callee, &caller);
	assert_int_equal(caller.sip_status, 500);
}

static void test_extensions_are_named(void **state)
{
	struct fixture_message fixture;
	struct event_release release;

	(void)state;
	fixture_response(&fixture, 421, "Require: precondition\r\n");
	outcome_of_response(&fixture.message, &release);
	assert_string_equal(release.reason, "Because: precondition");
	assert_int_equal(release.q850, 127);
	fixture_response(&fixture, 420, "Unsupported: 100rel\r\n");
	outcome_of_response(&fixture.message, &release);
	assert_string_equal(release.reason, "Because: 100rel");
	fixture_response(&fixture, 420, "");
	outcome_of_response(&fixture.message, &release);
	assert_string_equal(release.reason, "Because");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_rows),
		cmocka_unit_test(test_details_beat_statuses),
		cmocka_unit_test(test_our_own_503_stays),
		cmocka_unit_test(test_extensions_are_named),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
