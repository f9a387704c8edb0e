/* SPDX-License-Identifier: Apache-2.0 */
/* Redirections, in both headers that tell of them. */
#include "identity/diversion.h"

#include "unit/identity/identity_fixture.h"

static const char two_diversions[] =
	"Diversion: <sip:+492@h>;reason=no-answer;counter=1\r\n"
	"Diversion: \"One\" <sip:+491@h>;reason=unconditional;privacy=full\r\n";
static const char two_entries[] =
	"History-Info: <sip:+491@h?Privacy=history>;index=1, <sip:+492@h;cause=302>;index=1.1\r\n"
	"History-Info: <sip:+493@h;cause=408>;index=1.1.1\r\n";

static void write_for(
	const char *headers, const struct config_identity *identity, char *result, size_t size)
{
	const struct config_trunk to = {.identity = *identity};
	struct fixture fixture;
	struct sip_builder builder;

	fixture_invite(&fixture, "sip:1@h", "<sip:2@h>", headers);
	sip_builder_init(&builder, result, size - 1);
	identity_build_diversions(&builder, &fixture.message, &to, SPAN("sip:+493@b"));
	assert_int_equal(builder.error, 0);
	result[builder.used_bytes] = '\0';
}

static void test_read(void **state)
{
	static const char *const forms[] = {two_diversions, two_entries};

	(void)state;
	for (size_t i = 0; i < TD_COUNT_OF(forms); i++) {
		struct fixture fixture;
		struct diversions diversions;

		fixture_invite(&fixture, "sip:1@h", "<sip:2@h>", forms[i]);
		identity_read_diversions(&fixture.message, &diversions);
		assert_int_equal(diversions.count, 2);
		assert_true(span_is(diversions.list[0].uri, "sip:+491@h"));
		assert_int_equal(diversions.list[0].cause, 302);
		assert_true(diversions.list[0].is_private);
		assert_int_equal(diversions.list[1].cause, 408);
		assert_false(diversions.list[1].is_private);
	}
}

static void test_write(void **state)
{
	char text[2048];

	(void)state;
	write_for(two_diversions,
		&(const struct config_identity){
			.is_trusted = true, .diversion = CONFIG_DIVERSION_HISTORY_INFO},
		text, sizeof(text));
	assert_string_equal(text,
		"History-Info: <sip:+491@h?Privacy=history>;index=1, "
		"<sip:+492@h;cause=302>;index=1.1, <sip:+493@b;cause=408>;index=1.1.1\r\n");
	write_for(two_entries,
		&(const struct config_identity){
			.is_trusted = true, .diversion = CONFIG_DIVERSION_DIVERSION},
		text, sizeof(text));
	/* A URI's own cause parameter tells of the entry before it; it does no harm here. */
	assert_non_null(strstr(text, ";reason=no-answer;counter=1\r\nDiversion: <sip:+491@h>"));
	assert_non_null(strstr(text, ";reason=unconditional;privacy=full;counter=1\r\n"));
}

static void test_forms(void **state)
{
	static const struct {
		const char *headers;
		enum config_diversion form;
		bool has_diversion;
		bool has_history;
	} cases[] = {
		{two_diversions, CONFIG_DIVERSION_AS_IS, true, false},
		{two_entries, CONFIG_DIVERSION_AS_IS, false, true},
		{two_entries, CONFIG_DIVERSION_BOTH, true, true},
		{two_diversions, CONFIG_DIVERSION_DROP, false, false},
		{"", CONFIG_DIVERSION_BOTH, false, false},
		{"Diversion: nonsense\r\n", CONFIG_DIVERSION_BOTH, false, false},
	};
	char text[2048];

	(void)state;
	for (size_t i = 0; i < TD_COUNT_OF(cases); i++) {
		write_for(cases[i].headers,
			&(const struct config_identity){
				.is_trusted = true, .diversion = cases[i].form},
			text, sizeof(text));
		assert_int_equal(strstr(text, "Diversion: ") != NULL, cases[i].has_diversion);
		assert_int_equal(strstr(text, "History-Info: ") != NULL, cases[i].has_history);
	}
}

static void test_the_border(void **state)
{
	char text[2048];

	(void)state;
	write_for(two_diversions, &(const struct config_identity){0}, text, sizeof(text));
	assert_string_equal(text, "Diversion: <sip:+492@h>;reason=no-answer;counter=1\r\n");
	/* The caller's wish is about all of them. */
	write_for("Privacy: id; history\r\nDiversion: <sip:+492@h>;reason=no-answer\r\n",
		&(const struct config_identity){0}, text, sizeof(text));
	assert_string_equal(text, "");
}

/* Headers in a URI of Diversion would stand in the way of those of a History-Info entry. */
static void test_headers_in_uri(void **state)
{
	char text[2048];

	(void)state;
	write_for("Diversion: <sip:+492@h?Privacy=none>;reason=user-busy;privacy=full\r\n",
		&(const struct config_identity){
			.is_trusted = true, .diversion = CONFIG_DIVERSION_HISTORY_INFO},
		text, sizeof(text));
	assert_string_equal(text, "History-Info: <sip:+492@h?Privacy=history>;index=1, "
				  "<sip:+493@b;cause=486>;index=1.1\r\n");
}

static void test_many(void **state)
{
	char headers[4096] = "";
	struct fixture fixture;
	struct diversions diversions;

	(void)state;
	for (int i = 0; i < 20; i++)
		(void)snprintf(headers + strlen(headers), sizeof(headers) - strlen(headers),
			"Diversion: <sip:%d@h>;reason=user-busy\r\n", i);
	fixture_invite(&fixture, "sip:1@h", "<sip:2@h>", headers);
	identity_read_diversions(&fixture.message, &diversions);
	assert_int_equal(diversions.count, DIVERSIONS_MAX);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_read),
		cmocka_unit_test(test_write),
		cmocka_unit_test(test_forms),
		cmocka_unit_test(test_the_border),
		cmocka_unit_test(test_headers_in_uri),
		cmocka_unit_test(test_many),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
