/* SPDX-License-Identifier: Apache-2.0 */
#include "identity/number.h"

#include "unit/identity/identity_fixture.h"

static const struct config_numbers germany = {.country_code = "49",
	.international_prefix = "00",
	.national_prefix = "0",
	.bare = CONFIG_BARE_AS_IS,
	.short_digits = 6};

static void test_in(void **state)
{
	static const struct {
		const char *name;
		enum config_bare_number bare;
		const char *number;
		const char *expected;
	} cases[] = {
		{"E.164 stays", CONFIG_BARE_AS_IS, "+4930123456", "+4930123456"},
		{"international", CONFIG_BARE_AS_IS, "0033142345678", "+33142345678"},
		{"national", CONFIG_BARE_AS_IS, "030123456", "+4930123456"},
		{"bare, unknown", CONFIG_BARE_AS_IS, "30123456", "30123456"},
		{"bare, national", CONFIG_BARE_NATIONAL, "30123456", "+4930123456"},
		{"bare, E.164", CONFIG_BARE_E164, "4930123456", "+4930123456"},
		{"short", CONFIG_BARE_NATIONAL, "112", "112"},
		{"short with 0", CONFIG_BARE_NATIONAL, "010099", "010099"},
		{"one digit more is no short number", CONFIG_BARE_AS_IS, "0301234", "+49301234"},
		{"a name", CONFIG_BARE_NATIONAL, "alice", "alice"},
		{"a service code", CONFIG_BARE_NATIONAL, "*21*0301234#", "*21*0301234#"},
		{"more than 15 digits", CONFIG_BARE_AS_IS, "001234567890123456",
			"001234567890123456"},
		{"15 digits", CONFIG_BARE_AS_IS, "00123456789012345", "+123456789012345"},
		{"nothing behind the prefix", CONFIG_BARE_AS_IS, "0000000", "+00000"},
		{"empty", CONFIG_BARE_NATIONAL, "", ""},
	};

	(void)state;
	for (size_t i = 0; i < TD_COUNT_OF(cases); i++) {
		struct config_numbers plan = germany;
		char result[IDENTITY_NUMBER_BYTES];

		plan.bare = cases[i].bare;
		identity_number_in(&plan, cases[i].number, result, sizeof(result));
		if (strcmp(result, cases[i].expected) != 0)
			fail_msg("%s: %s, expected %s", cases[i].name, result, cases[i].expected);
	}
}

static void test_out(void **state)
{
	static const struct {
		enum config_number_form form;
		const char *number;
		const char *expected;
	} cases[] = {
		{CONFIG_NUMBER_AS_IS, "+4930123456", "+4930123456"},
		{CONFIG_NUMBER_E164, "+4930123456", "+4930123456"},
		{CONFIG_NUMBER_E164_BARE, "+4930123456", "4930123456"},
		{CONFIG_NUMBER_INTERNATIONAL, "+4930123456", "004930123456"},
		{CONFIG_NUMBER_NATIONAL, "+4930123456", "030123456"},
		{CONFIG_NUMBER_NATIONAL, "+33142345678", "0033142345678"},
		{CONFIG_NUMBER_NATIONAL, "112", "112"},
		{CONFIG_NUMBER_INTERNATIONAL, "alice", "alice"},
	};

	(void)state;
	for (size_t i = 0; i < TD_COUNT_OF(cases); i++) {
		struct config_numbers plan = germany;
		char result[IDENTITY_NUMBER_BYTES];

		plan.form = cases[i].form;
		identity_number_out(&plan, cases[i].number, result, sizeof(result));
		assert_string_equal(result, cases[i].expected);
	}
}

/* What goes out by a plan comes back by it. */
static void test_there_and_back(void **state)
{
	static const char *const numbers[] = {"+4930123456", "+33142345678", "+14155550100"};

	(void)state;
	for (uint32_t form = 0; form < CONFIG_NUMBER_FORM_COUNT; form++)
		for (size_t i = 0; i < TD_COUNT_OF(numbers); i++) {
			struct config_numbers plan = germany;
			char text[IDENTITY_NUMBER_BYTES];

			plan.form = form;
			plan.bare = form == CONFIG_NUMBER_E164_BARE ? CONFIG_BARE_E164
								    : CONFIG_BARE_AS_IS;
			identity_number_out(&plan, numbers[i], text, sizeof(text));
			identity_number_in(&plan, text, text, sizeof(text));
			assert_string_equal(text, numbers[i]);
		}
}

static void test_without_a_plan(void **state)
{
	const struct config_numbers none = {.international_prefix = "00", .national_prefix = "0"};
	char result[IDENTITY_NUMBER_BYTES];

	(void)state;
	identity_number_in(&none, "0049301234", result, sizeof(result));
	assert_string_equal(result, "0049301234");
	identity_number_out(&none, "+49301234", result, sizeof(result));
	assert_string_equal(result, "+49301234");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_in),
		cmocka_unit_test(test_out),
		cmocka_unit_test(test_there_and_back),
		cmocka_unit_test(test_without_a_plan),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
