/* SPDX-License-Identifier: Apache-2.0 */
/* The keys of event subscriptions and transfers: defaults, values, refusals, reload. */
#include "config/config.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

static struct config *load(const char *sip, const char *trunk, struct config_errors *ret_errors)
{
	struct config *config = NULL;
	char text[1024];
	int length = snprintf(text, sizeof(text),
		"node: t\nsip: {listen: [{address: 10.0.0.1}]%s}\n"
		"media: {addresses: [10.0.0.1]}\ndataplane: {ports: [{device: net_null0}]}\n"
		"trunks:\n  - {name: a, target: \"sip:10.1.0.1\"%s}\n",
		sip, trunk);

	return config_load_text(text, (size_t)length, "t.yaml", &config, ret_errors) == 0 ? config
											  : NULL;
}

static void test_values(void **state)
{
	struct config_errors errors;
	struct config *config = load("", "", &errors);

	(void)state;
	assert_non_null(config);
	assert_int_equal(config->sip.max_subscriptions, 1000);
	assert_int_equal(config->trunks[0].refer, CONFIG_REFER_REJECT);
	assert_int_equal(config->trunks[0].event_count, 0);
	assert_int_equal(config->trunks[0].max_subscriptions, 100);
	config_destroy(config);
	config = load(", max_subscriptions: 7",
		", refer: accept, events: [dialog], max_subscriptions: 3", &errors);
	assert_non_null(config);
	assert_int_equal(config->sip.max_subscriptions, 7);
	assert_int_equal(config->trunks[0].refer, CONFIG_REFER_ACCEPT);
	assert_int_equal(config->trunks[0].event_count, 1);
	assert_int_equal(config->trunks[0].events[0], CONFIG_EVENT_DIALOG);
	assert_int_equal(config->trunks[0].max_subscriptions, 3);
	config_destroy(config);
}

static void test_refused(void **state)
{
	static const char *const trunks[] = {", refer: maybe", ", events: [presence]",
		", events: [dialog, dialog, dialog, dialog, dialog]",
		", max_subscriptions: 100001"};
	struct config_errors errors;

	(void)state;
	for (size_t i = 0; i < sizeof(trunks) / sizeof(trunks[0]); i++) {
		assert_null(load("", trunks[i], &errors));
		assert_int_equal(errors.count, 1);
		assert_int_equal(errors.list[0].line, 6);
	}
	assert_null(load(", max_subscriptions: -1", "", &errors));
	assert_int_equal(errors.list[0].line, 2);
}

static void note(void *context, enum config_applies applies, const char *path)
{
	char *told = context;

	(void)snprintf(told + strlen(told), 200 - strlen(told), "%s%s ",
		applies == CONFIG_APPLIES_RESTART ? "!" : "", path);
}

static void test_reload(void **state)
{
	struct config_errors errors;
	struct config *before = load("", "", &errors);
	struct config *after = load(", max_subscriptions: 7",
		", refer: accept, events: [dialog], max_subscriptions: 3", &errors);
	char told[200] = "";

	(void)state;
	assert_int_equal(config_diff(before, after, note, told), 4);
	assert_string_equal(told, "!sip.max_subscriptions trunks[a].refer trunks[a].events "
				  "trunks[a].max_subscriptions ");
	config_destroy(before);
	config_destroy(after);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_values),
		cmocka_unit_test(test_refused),
		cmocka_unit_test(test_reload),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
