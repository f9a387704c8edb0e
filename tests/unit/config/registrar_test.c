/* SPDX-License-Identifier: Apache-2.0 */
/* Trunks that register with us, and trunks that we register with. */
#include "config/config.h"

#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#define HEAD                                                              \
	"node: t\nsip: {listen: [{address: 10.0.0.1}]}\n"                 \
	"media: {addresses: [10.0.0.1]}\n"                                \
	"dataplane: {ports: [{device: net_null0}]}\n"                     \
	"trunks:\n  - {name: a, target: sip:10.1.0.1:5070, credentials: " \
	"{username: u, password: p}"
#define PHONES "}\n  - {name: p, registrar: true"
#define END "}\n"

static struct config *load(const char *text)
{
	struct config_errors errors;
	struct config *config = NULL;

	if (config_load_text(text, strlen(text), "t.yaml", &config, &errors) != 0) {
		config_errors_print(&errors, stderr);
		fail();
	}
	return config;
}

static void test_defaults(void **state)
{
	struct config *config = load(HEAD ", registration: {user: \"4930\"}" PHONES END);
	const struct config_registration *registration = &config->trunks[0].registration;
	const struct config_bindings *bindings = &config->trunks[1].bindings;

	(void)state;
	assert_true(registration->is_enabled);
	assert_true(registration->is_outbound);
	assert_false(registration->is_bulk);
	assert_int_equal(registration->expires_s, 3600);
	assert_string_equal(registration->registrar.uri, "sip:10.1.0.1:5070");
	assert_int_equal(registration->registrar.endpoint.port, 5070);
	assert_string_equal(registration->domain, "");
	assert_false(config->trunks[0].is_registrar);
	assert_true(config->trunks[1].is_registrar);
	assert_int_equal(config->trunks[1].user_count, 0);
	assert_int_equal(config->trunks[1].options_interval_s, 0);
	assert_int_equal(bindings->expires_s, 3600);
	assert_int_equal(bindings->min_expires_s, 60);
	assert_int_equal(bindings->max_expires_s, 7200);
	assert_int_equal(bindings->max_per_user, 5);
	assert_int_equal(bindings->algorithm, CONFIG_DIGEST_BOTH);
	config_destroy(config);
}

static void test_values(void **state)
{
	struct config *config = load(HEAD
		", registration: {user: u, domain: example.org, contact_user: c, "
		"registrar: sip:10.1.0.9, enabled: false, bulk: true, outbound: false, "
		"expires_s: 60}" PHONES ", bindings: {algorithm: md5, max_per_user: 1, realm: r, "
		"min_expires_s: 10, max_expires_s: 30, expires_s: 20}, "
		"users: [{username: \"100\", password: one}, {username: bob, password: "
		"two}]" END);

	(void)state;
	assert_false(config->trunks[0].registration.is_enabled);
	assert_true(config->trunks[0].registration.is_bulk);
	assert_string_equal(config->trunks[0].registration.registrar.host, "10.1.0.9");
	assert_int_equal(config->trunks[1].user_count, 2);
	assert_string_equal(config->trunks[1].users[0].username, "100");
	assert_string_equal(config->trunks[1].users[1].password, "two");
	assert_int_equal(config->trunks[1].bindings.algorithm, CONFIG_DIGEST_MD5);
	assert_int_equal(config->trunks[1].bindings.expires_s, 20);
	config_destroy(config);
}

static void test_errors(void **state)
{
	static const struct {
		const char *text;
		const char *says;
	} cases[] = {
		{HEAD "}\n  - {name: b}\n", "missing key \"target\""},
		{HEAD PHONES ", target: sip:10.1.0.3" END,
			"found target in a trunk with registrar"},
		{HEAD PHONES ", inbound_auth: {username: u, password: p}" END,
			"found inbound_auth"},
		{HEAD PHONES ", registration: {user: u}" END, "found registration"},
		{HEAD ", users: [{username: u, password: p}]" END,
			"found users in a trunk without"},
		{HEAD ", bindings: {expires_s: 60}" END, "found bindings in a trunk without"},
		{HEAD PHONES ", users: [{username: u}]" END, "missing key \"password_file\""},
		{HEAD PHONES ", users: [{password: p}]" END, "missing key \"username\""},
		{HEAD PHONES ", users: [{username: \"a b\", password: p}]" END,
			"trunks.users.username: found \"a b\""},
		{HEAD PHONES ", users: [{username: u, password: p}, {username: v, password: p}, "
			     "{username: u, password: q}]" END,
			"duplicate user \"u\""},
		{HEAD PHONES ", bindings: {min_expires_s: 3600, max_expires_s: 60}" END,
			"min_expires_s 3600 above max_expires_s 60"},
		{HEAD PHONES ", bindings: {expires_s: 30}" END, "expected 60 to 7200"},
		{HEAD ", registration: {expires_s: 60}" END, "missing key \"user\""},
		{HEAD ", registration: {user: \"a b\"}" END, "no SIP URI"},
		{HEAD ", registration: {user: a, domain: \"x;y\"}" END, "no SIP URI"},
		{HEAD ", registration: {user: a, contact_user: \"<b>\"}" END, "no SIP URI"},
		{HEAD ", registration: {user: a, registrar: sip:registrar.example}" END,
			"only the name of the trunk's target"},
		{HEAD ", registration: {user: a, expires_s: 29}" END, "a number from 30"},
		{HEAD ", registration: {user: a, registrar: \"sip:reg.example\"}" END,
			"found the name \"reg.example\""},
	};

	(void)state;
	for (size_t i = 0; i < TD_COUNT_OF(cases); i++) {
		struct config_errors errors;
		struct config *config = NULL;

		if (config_load_text(cases[i].text, strlen(cases[i].text), "t", &config, &errors) !=
			-EBADMSG)
			fail_msg("loaded: %s", cases[i].says);
		if (strstr(errors.list[0].text, cases[i].says) == NULL)
			fail_msg("found: %s\nexpected: %s", errors.list[0].text, cases[i].says);
	}
}

struct found {
	char paths[512];
};

static void note(void *context, enum config_applies applies, const char *path)
{
	struct found *found = context;
	size_t used = strlen(found->paths);

	assert_int_equal(applies, CONFIG_APPLIES_RELOAD);
	(void)snprintf(found->paths + used, sizeof(found->paths) - used, "%s ", path);
}

static void test_diff(void **state)
{
	struct config *before = load(HEAD PHONES ", users: [{username: u, password: p}]" END);
	struct config *after = load(HEAD ", registration: {user: x}" PHONES
					 ", users: [{username: u, password: q}]" END);
	struct found found = {""};

	(void)state;
	(void)config_diff(before, after, note, &found);
	assert_non_null(strstr(found.paths, "trunks[a].registration.user"));
	assert_non_null(strstr(found.paths, "trunks[p].users"));
	found.paths[0] = '\0';
	assert_int_equal(config_diff(after, after, note, &found), 0);
	config_apply_reload(before, after);
	assert_string_equal(before->trunks[1].users[0].password, "q");
	config_destroy(before);
}

int main(void)
{
	static const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_defaults),
		cmocka_unit_test(test_values),
		cmocka_unit_test(test_errors),
		cmocka_unit_test(test_diff),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
