/* SPDX-License-Identifier: Apache-2.0 */
/* Who may say who calls, and who may learn it. */
#include "identity/caller.h"

#include "identity/rule.h"
#include "unit/identity/identity_fixture.h"

#include <errno.h>

static const struct td_ip own = {.family = TD_FAMILY_IPV4, .bytes = {10, 0, 0, 1}};

struct scene {
	struct fixture fixture;
	struct config_trunk from;
	struct config_trunk to;
	struct event_party caller;
	struct event_party callee;
	char value[512];
	char headers[4096];
};

static void play(struct scene *scene, const char *from, const char *headers)
{
	struct identity_call call = {.invite = &scene->fixture.message,
		.caller = &scene->caller,
		.from = &scene->from,
		.to = &scene->to,
		.own = own,
		.target = SPAN("sip:100@10.2.0.1")};
	int length;

	fixture_invite(&scene->fixture, "sip:030100200@h", from, headers);
	identity_read_parties(
		&scene->fixture.message, &scene->from, &scene->caller, &scene->callee);
	assert_int_equal(identity_write_from(&scene->caller, &scene->to, &own, scene->value,
				 sizeof(scene->value)),
		0);
	length = identity_build_headers(&call, scene->headers, sizeof(scene->headers) - 1);
	assert_true(length >= 0);
	scene->headers[length] = '\0';
}

static const char from_ada[] = "\"Ada\" <sip:+4930123@h>";

static void test_untrusted_to_untrusted(void **state)
{
	struct scene scene = {0};

	(void)state;
	play(&scene, from_ada, "P-Asserted-Identity: <sip:+4999@h>\r\n");
	assert_string_equal(scene.caller.user, "+4930123");
	assert_string_equal(scene.caller.display, "Ada");
	assert_string_equal(scene.caller.p_asserted, "");
	assert_string_equal(scene.value, "\"Ada\" <sip:+4930123@10.0.0.1>");
	assert_string_equal(scene.headers, "");
}

static void test_untrusted_claims_nothing_to_trusted(void **state)
{
	struct scene scene = {.to.identity.is_trusted = true};

	(void)state;
	play(&scene, from_ada, "P-Asserted-Identity: <sip:+4999@h>\r\n");
	assert_string_equal(scene.headers, "");
}

static void test_trusted_to_trusted(void **state)
{
	struct scene scene = {.from.identity.is_trusted = true, .to.identity.is_trusted = true};

	(void)state;
	play(&scene, from_ada,
		"P-Asserted-Identity: \"Lovelace, A\" <sip:+4999@h>, <tel:+4999>\r\n"
		"Privacy: id\r\n");
	assert_string_equal(scene.caller.p_asserted, "+4999");
	assert_true(scene.caller.is_private);
	assert_string_equal(scene.value, "\"Ada\" <sip:+4930123@10.0.0.1>");
	assert_string_equal(scene.headers,
		"P-Asserted-Identity: \"Lovelace, A\" <sip:+4999@10.0.0.1>\r\n"
		"Privacy: id\r\n");
}

static void test_the_border_keeps_the_secret(void **state)
{
	static const char *const wishes[] = {"id", "user", "header", "id;critical"};

	(void)state;
	for (size_t i = 0; i < TD_COUNT_OF(wishes); i++) {
		struct scene scene = {.from.identity.is_trusted = true};
		char headers[128];

		(void)snprintf(headers, sizeof(headers),
			"P-Asserted-Identity: <sip:+4999@h>\r\nPrivacy: %s\r\n", wishes[i]);
		play(&scene, from_ada, headers);
		assert_string_equal(scene.value, "\"Anonymous\" <sip:anonymous@anonymous.invalid>");
		assert_string_equal(scene.headers, "");
	}
}

static void test_anonymous_stays_anonymous(void **state)
{
	struct scene scene = {.from.identity.is_trusted = true, .to.identity.is_trusted = true};

	(void)state;
	play(&scene, "\"Anonymous\" <sip:anonymous@anonymous.invalid>",
		"P-Asserted-Identity: <tel:+4999>\r\nPrivacy: id\r\n");
	assert_true(scene.caller.is_private);
	assert_string_equal(scene.value, "\"Anonymous\" <sip:anonymous@anonymous.invalid>");
	assert_string_equal(
		scene.headers, "P-Asserted-Identity: <sip:+4999@10.0.0.1>\r\nPrivacy: id\r\n");
}

static void test_a_trunk_may_call_as_its_numbers(void **state)
{
	static const struct {
		const char *from;
		const char *headers;
		const char *asserted;
	} cases[] = {
		{"<sip:030123@h>", "", "+4930123"},
		{"<sip:alice@h>", "P-Preferred-Identity: <sip:+4930125@h>\r\n", "+4930125"},
		{"<sip:+4930124@h>", "P-Preferred-Identity: <sip:+1900@h>\r\n", "+4930124"},
		{"<sip:+1900@h>", "", ""},
		{"<sip:+1900@h>", "P-Asserted-Identity: <sip:+4930123@h>\r\n", ""},
		{"<sip:+4930124@h>", "P-Asserted-Identity: \"Police\" <sip:110@h>\r\n", "+4930124"},
	};

	(void)state;
	for (size_t i = 0; i < TD_COUNT_OF(cases); i++) {
		struct scene scene = {.to.identity.is_trusted = true,
			.from.numbers = {.country_code = "49",
				.international_prefix = "00",
				.national_prefix = "0",
				.short_digits = 3},
			.from.identity = {.caller_count = 1, .callers = {"+493012X"}}};

		play(&scene, cases[i].from, cases[i].headers);
		assert_string_equal(scene.caller.p_asserted, cases[i].asserted);
		assert_null(strstr(scene.headers, "Police"));
	}
}

static void test_numbers_and_domain(void **state)
{
	struct scene scene = {.to.identity = {.is_trusted = true, .from_domain = "pbx.example"},
		.from.identity.is_trusted = true,
		.from.numbers = {.country_code = "49",
			.international_prefix = "00",
			.national_prefix = "0",
			.short_digits = 3},
		.to.numbers = {.country_code = "49",
			.international_prefix = "00",
			.national_prefix = "0",
			.form = CONFIG_NUMBER_NATIONAL}};

	(void)state;
	play(&scene, "<sip:030123;phone-context=x@h;user=phone>",
		"P-Asserted-Identity: <tel:0033142345678>\r\n");
	assert_string_equal(scene.caller.user, "+4930123");
	assert_string_equal(scene.callee.user, "+4930100200");
	assert_string_equal(scene.value, "<sip:030123@pbx.example>");
	assert_string_equal(
		scene.headers, "P-Asserted-Identity: <sip:0033142345678@pbx.example>\r\n");
}

/* A number with an escape sequence in it must not reach the operator's terminal as one. */
static void test_parties_command_no_terminal(void **state)
{
	struct scene scene = {.from.identity.is_trusted = true};

	(void)state;
	play(&scene, "<sip:%1b%5b2J@h>", "P-Asserted-Identity: <sip:%0d1@h>\r\n");
	assert_string_equal(scene.caller.user, "%1b%5b2J");
	assert_string_equal(scene.caller.p_asserted, "%0d1");
}

static void test_a_cut_name_keeps_its_quotes(void **state)
{
	struct event_party caller = {.user = "1"};
	const struct config_trunk to = {0};
	char from[256];

	(void)state;
	memset(caller.display, 'n', sizeof(caller.display) - 1);
	caller.display[sizeof(caller.display) - 2] = '\\';
	assert_int_equal(identity_write_from(&caller, &to, &own, from, sizeof(from)), 0);
	assert_non_null(strstr(from, "nnn\" <sip:1@10.0.0.1>"));
	assert_int_equal(identity_write_from(&caller, &to, &own, from, 20), -ENOSPC);
}

static void test_what_the_network_says(void **state)
{
	/* {"attest":"B","dest":{"tn":["493"]},"iat":1,"orig":{"tn":"1"},"origid":"x"} */
	static const char passport[] =
		"Identity: e30.eyJhdHRlc3QiOiJCIiwiZGVzdCI6eyJ0biI6WyI0OTMiXX0sImlhdCI6MSwib3JpZyI6"
		"eyJ0biI6IjEifSwib3JpZ2lkIjoieCJ9.c2ln;info=<https://c.example/1>;alg=ES256;ppt=shaken"
		"\r\n";
	struct scene scene = {.from.identity.is_trusted = true, .to.identity.has_passports = true};

	(void)state;
	play(&scene, "<sip:+1;verstat=TN-Validation-Passed@h;user=phone>", passport);
	assert_int_equal(scene.caller.attestation, 'B');
	assert_int_equal(scene.caller.verstat, EVENT_VERSTAT_PASSED);
	assert_string_equal(scene.caller.user, "+1");
	assert_memory_equal(scene.headers, passport, strlen(passport));
	scene.to.identity.has_passports = false;
	play(&scene, "<sip:+1@h>", passport);
	assert_string_equal(scene.headers, "");
	scene.from.identity.is_trusted = false;
	play(&scene, "<sip:+1;verstat=TN-Validation-Passed@h;user=phone>", "Identity: x\r\n");
	assert_int_equal(scene.caller.attestation, 0);
	assert_int_equal(scene.caller.verstat, EVENT_VERSTAT_NONE);
}

static void test_rules(void **state)
{
	struct scene scene = {.from.identity.is_trusted = true,
		.to.identity.is_trusted = true,
		.to.header_rule_count = 6,
		.to.header_rules = {
			{.action = CONFIG_HEADER_ADD, .name = "X-Account", .value = "7"},
			{.action = CONFIG_HEADER_COPY, .name = "User-to-User"},
			{.action = CONFIG_HEADER_COPY, .name = "x-trace"},
			{.action = CONFIG_HEADER_REMOVE, .name = "p-asserted-identity"},
			{.action = CONFIG_HEADER_ADD, .name = "X-Gone", .value = "1"},
			{.action = CONFIG_HEADER_REMOVE, .name = "X-Gone"}}};

	(void)state;
	play(&scene, from_ada,
		"P-Asserted-Identity: <sip:+4999@h>\r\nUser-to-User: 00c8;encoding=hex\r\n"
		"X-Trace: a\r\nX-Trace: b\r\nX-Other: c\r\n");
	assert_string_equal(scene.headers,
		"X-Account: 7\r\nUser-to-User: 00c8;encoding=hex\r\nx-trace: a\r\nx-trace: b\r\n");
	assert_true(identity_removes(&scene.to, "P-Asserted-Identity"));
	assert_false(identity_removes(&scene.to, "User-Agent"));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_untrusted_to_untrusted),
		cmocka_unit_test(test_untrusted_claims_nothing_to_trusted),
		cmocka_unit_test(test_trusted_to_trusted),
		cmocka_unit_test(test_the_border_keeps_the_secret),
		cmocka_unit_test(test_anonymous_stays_anonymous),
		cmocka_unit_test(test_a_trunk_may_call_as_its_numbers),
		cmocka_unit_test(test_numbers_and_domain),
		cmocka_unit_test(test_parties_command_no_terminal),
		cmocka_unit_test(test_a_cut_name_keeps_its_quotes),
		cmocka_unit_test(test_what_the_network_says),
		cmocka_unit_test(test_rules),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
