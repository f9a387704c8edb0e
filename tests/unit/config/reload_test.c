/* SPDX-License-Identifier: Apache-2.0 */
#include "config/config.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#define CONFIG(sip, media, trunks, routes)                        \
	"node: t\nsip: {listen: [{address: 192.0.2.1}]" sip "}\n" \
	"media: {addresses: [192.0.2.1]" media "}\n"              \
	"dataplane: {ports: [{device: net_null0}]}\ntrunks:\n" trunks "routes:\n" routes

#define TRUNK_A "  - {name: a, target: sip:10.0.0.1}\n"
#define TRUNK_B "  - {name: b, target: sip:10.0.0.2}\n"
#define ROUTE "  - {from: a, number: 1, to: [b]}\n"

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

static void note(void *context, enum config_applies applies, const char *path)
{
	char *told = context;
	size_t used = strlen(told);

	(void)snprintf(told + used, 512 - used, "%s%s ",
		applies == CONFIG_APPLIES_RESTART ? "!" : "", path);
}

/* before and after differ in told; "!" marks what needs a restart. */
static void expect(const char *before_text, const char *after_text, const char *expected)
{
	struct config *before = load(before_text);
	struct config *after = load(after_text);
	char told[512] = "";

	(void)config_diff(before, after, note, told);
	assert_string_equal(told, expected);
	config_destroy(before);
	config_destroy(after);
}

static void test_diff(void **state)
{
	static const char base[] = CONFIG("", "", TRUNK_A TRUNK_B, ROUTE);

	(void)state;
	expect(base, base, "");
	expect(base, CONFIG(", max_calls: 5", "", TRUNK_A TRUNK_B, ROUTE), "sip.max_calls ");
	expect(base,
		CONFIG(", tls: {min_version: \"1.3\"}, websocket: {origins: [https://a]}", "",
			TRUNK_A TRUNK_B, ROUTE),
		"sip.tls.min_version sip.websocket.origins ");
	expect(base, CONFIG(", t1_ms: 400", "", TRUNK_A TRUNK_B, ROUTE), "!sip.t1_ms ");
	expect(base, CONFIG("", ", latch: open", TRUNK_A TRUNK_B, ROUTE),
		"media.latch trunks[a].latch trunks[b].latch ");
	expect(base, CONFIG("", ", rest_s: 9", TRUNK_A TRUNK_B, ROUTE), "!media.rest_s ");
	expect(base, CONFIG("", "", TRUNK_B TRUNK_A, ROUTE), "");
	expect(base, CONFIG("", "", TRUNK_A TRUNK_B, "  - {number: 1, to: [b]}\n"), "routes ");
	expect(base, CONFIG("", "", TRUNK_A TRUNK_B "  - {name: c, target: sip:10.0.0.3}\n", ROUTE),
		"trunks[c] ");
	expect(CONFIG("", "", TRUNK_A TRUNK_B "  - {name: c, target: sip:10.0.0.3}\n", ROUTE), base,
		"trunks[c] ");
	expect(base,
		CONFIG("", "", TRUNK_A "  - {name: b, target: sip:10.0.0.9, max_calls: 3}\n",
			ROUTE),
		"trunks[b].target trunks[b].max_calls ");
	expect(base,
		CONFIG("", "",
			TRUNK_A "  - {name: b, target: sip:10.0.0.2, credentials: "
				"{username: u, password: p}}\n",
			ROUTE),
		"trunks[b].credentials.username trunks[b].credentials.password ");
	expect(base,
		CONFIG(", defence: {scanners: [abc], sources_max: 100}", "",
			TRUNK_A "  - {name: b, target: sip:10.0.0.2, limits: {calls_per_s: 2}}\n",
			ROUTE),
		"!sip.defence.sources_max sip.defence.scanners trunks[b].limits.calls_per_s ");
}

static void test_apply(void **state)
{
	struct config *running = load(CONFIG("", "", TRUNK_A TRUNK_B, ROUTE));
	struct config *next = load(CONFIG(", max_calls: 5, t1_ms: 400, defence: {scanners: [abc]}",
		", timeout_s: 7, rest_s: 9", TRUNK_B, "  - {number: 2, to: [b]}\n"));

	(void)state;
	config_apply_reload(running, next);
	assert_int_equal(running->sip.max_calls, 5);
	assert_int_equal(running->sip.t1_ms, 500);
	assert_int_equal(running->media.timeout_s, 7);
	assert_int_equal(running->media.rest_s, 5);
	assert_int_equal(running->sip.defence.scanner_count, 1);
	assert_string_equal(running->sip.defence.scanners[0], "abc");
	assert_int_equal(running->trunk_count, 1);
	assert_string_equal(running->trunks[0].name, "b");
	assert_string_equal(running->routes[0].number, "2");
	config_destroy(running);
}

/* A list that stands inside the structure comes over with its count. */
static void test_apply_list(void **state)
{
	struct config *running = load(CONFIG("", "", TRUNK_A TRUNK_B, ROUTE));

	(void)state;
	config_apply_reload(
		running, load(CONFIG(", websocket: {path: /sip, origins: [https://a, https://b]}",
				 "", TRUNK_A TRUNK_B, ROUTE)));
	assert_string_equal(running->sip.websocket.path, "/sip");
	assert_int_equal(running->sip.websocket.origin_count, 2);
	assert_string_equal(running->sip.websocket.origins[1], "https://b");
	config_apply_reload(running, load(CONFIG("", "", TRUNK_A TRUNK_B, ROUTE)));
	assert_int_equal(running->sip.websocket.origin_count, 0);
	assert_string_equal(running->sip.websocket.path, "/");
	config_destroy(running);
}

int main(void)
{
	static const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_diff),
		cmocka_unit_test(test_apply),
		cmocka_unit_test(test_apply_list),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
