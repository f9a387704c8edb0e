/* SPDX-License-Identifier: Apache-2.0 */
/* Every kind of mistake in a configuration: told at its exact place, with what was expected. */
#include "config/config.h"

#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

/* Lines 1 to 8 of every case. */
#define HEAD                                                           \
	"node: t\n"                                                    \
	"sip: {listen: [{address: 192.0.2.1}]}\n"                      \
	"media: {addresses: [192.0.2.1]}\n"                            \
	"dataplane: {ports: [{device: net_null0}]}\n"                  \
	"trunks:\n"                                                    \
	"  - {name: a, sources: [10.0.0.0/8], target: sip:10.0.0.1}\n" \
	"  - {name: b, target: sip:10.0.0.2}\n"

struct complaint {
	const char *name;
	const char *text;
	uint32_t line;
	uint32_t column;
	const char *says; /* part of the message */
};

static const struct complaint complaints[] = {
	{"unknown key", HEAD "tunks: []\n", 8, 1, "did you mean \"trunks\"?"},
	{"unknown key, nothing near", HEAD "zebra: 1\n", 8, 1, "unknown key \"zebra\""},
	{"key of another section", HEAD "journal: {latch: off}\n", 8, 11, "it belongs in media"},
	{"wrong type: list for number", HEAD "journal:\n  compact_mb: [1]\n", 9, 15,
		"found a list, expected a number from 1 to 1024"},
	{"wrong type: text for section", HEAD "journal: here\n", 8, 10,
		"found a value, expected a mapping"},
	{"wrong type: mapping for list", HEAD "routes: {number: 1}\n", 8, 9,
		"found a mapping, expected a list"},
	{"wrong type: quoted number", HEAD "journal: {compact_mb: \"4\"}\n", 8, 23,
		"without quotes"},
	{"bad number", HEAD "journal: {compact_mb: four}\n", 8, 23, "found \"four\""},
	{"number out of range", HEAD "journal: {compact_mb: 0}\n", 8, 23,
		"expected a number from 1 to 1024 MiB"},
	{"negative number", HEAD "journal: {compact_mb: -1}\n", 8, 23, "found \"-1\""},
	{"bad boolean", HEAD "journal: {sync: yes}\n", 8, 17, "expected true or false"},
	{"bad broker", HEAD "events: {brokers: [kafka]}\n", 8, 20, "host:port"},
	{"no value", HEAD "run_dir:\n", 8, 9, "found nothing"},
	{"relative path", HEAD "run_dir: tmp\n", 8, 10, "an absolute path"},
	{"duplicate key", HEAD "node: u\n", 8, 1, "first given in line 1"},
	{"unknown trunk in to", HEAD "routes: [{number: \"1\", to: [c]}]\n", 8, 29,
		"found \"c\", expected the name of a trunk; did you mean"},
	{"unknown trunk in from", HEAD "routes: [{from: nobody, number: 1, to: [a]}]\n", 8, 17,
		"found \"nobody\", expected the name of a trunk"},
	{"trunk twice in to", HEAD "routes: [{number: 1, to: [a, a]}]\n", 8, 30, "twice"},
	{"collector without transport", HEAD "trace: {hep: {collector: 10.0.0.1:9060}}\n", 8, 26,
		"expected udp:ADDRESS:PORT"},
	{"collector by name", HEAD "trace: {hep: {collector: udp:homer:9060}}\n", 8, 26,
		"expected udp:ADDRESS:PORT"},
	{"collector without port", HEAD "trace: {hep: {collector: udp:10.0.0.1}}\n", 8, 26,
		"expected udp:ADDRESS:PORT"},
	{"collector, but no trace",
		HEAD "trace: {memory_mb: 0, hep: {collector: udp:10.0.0.1:9060}}\n", 8, 40,
		"needs trace.memory_mb"},
	{"no such password file", HEAD "trace: {hep: {password_file: /nowhere/pw}}\n", 8, 30,
		"/nowhere/pw: No such file"},
	{"neither number nor pattern", HEAD "routes:\n  - to: [a]\n", 9, 5,
		"missing key \"number\" (or \"pattern\")"},
	{"number and pattern", HEAD "routes: [{number: 1, pattern: X, to: [a]}]\n", 8, 31,
		"both number and pattern"},
	{"set_number and strip", HEAD "routes: [{number: 1, to: [a], strip: 1, set_number: 2}]\n",
		8, 53, "beside strip"},
	{"the same route again",
		HEAD "routes:\n  - {number: 1, to: [a]}\n  - {number: 1, to: [b]}\n", 10, 5,
		"the route in line 9"},
	{"bad pattern", HEAD "routes: [{pattern: \"+49[5-3]\", to: [a]}]\n", 8, 20,
		"must rise from digit to digit"},
	{"number with separators", HEAD "routes: [{number: 030-55, to: [a]}]\n", 8, 19,
		"without separators"},
	{"too many destinations", HEAD "routes: [{number: 1, to: [a, b, c, d, e, f, g, h, i]}]\n",
		8, 26, "found 9 entries, expected at most 8"},
	{"missing in list item", HEAD "routes:\n  - {number: 1}\n", 9, 5, "missing key \"to\""},
	{"tls file without tls", HEAD "events: {tls_ca_file: /ca.pem}\n", 8, 23, "tls: true"},
	{"not YAML: tab", HEAD "journal:\n\tsync: true\n", 9, 1, "not YAML"},
	{"not YAML: open bracket", HEAD "routes: [\n", 9, 1, "not YAML"},
	{"not YAML: control character", HEAD "run_dir: \x01\n", 8, 10, "not YAML"},
	{"alias", HEAD "x: &here 1\ny: *here\n", 8, 4, "anchor"},
	{"tag", HEAD "run_dir: !!str /x\n", 8, 10, "tag"},
	{"second document", HEAD "---\nnode: u\n", 8, 1, "second document"},
	{"too deep", HEAD "routes: [[[[[[[[[[]]]]]]]]]]\n", 8, 16, "nested"},
	{"a list at the top", "- a\n", 1, 1, "expected keys and values"},
	{"empty file", "", 1, 1, "found nothing"},
};

static bool is_told(const struct config_errors *errors, const struct complaint *wanted)
{
	for (uint32_t i = 0; i < errors->count; i++) {
		if (errors->list[i].line == wanted->line &&
			errors->list[i].column == wanted->column &&
			strstr(errors->list[i].text, wanted->says) != NULL)
			return true;
	}
	return false;
}

/* The mistake is told at its place, and at most one more follows from it. */
static void expect(const struct complaint *wanted)
{
	struct config_errors errors;
	struct config *config = NULL;
	int error =
		config_load_text(wanted->text, strlen(wanted->text), "t.yaml", &config, &errors);

	if (error != -EBADMSG || !is_told(&errors, wanted) || errors.count > 2) {
		config_errors_print(&errors, stderr);
		fail_msg("%s: %d, expected %u:%u: %s", wanted->name, error, wanted->line,
			wanted->column, wanted->says);
	}
	assert_null(config);
}

static void test_places(void **state)
{
	(void)state;
	for (size_t i = 0; i < TD_COUNT_OF(complaints); i++)
		expect(&complaints[i]);
}

/* Mistakes in what HEAD gives: text replaces its line. */
struct replacement {
	const char *name;
	uint32_t line;
	const char *text;
	uint32_t column;
	const char *says;
};

static const struct replacement replacements[] = {
	{"missing key", 1, "run_dir: /run", 1, "missing key \"node\""},
	{"bad name", 1, "node: a b", 7, "expected a name"},
	{"missing section", 2, "", 1, "missing key \"sip\""},
	{"near miss in a section", 2, "sip: {listen: [{adress: 192.0.2.1}]}", 17,
		"did you mean \"address\"?"},
	{"bad address", 2, "sip: {listen: [{address: 192.0.2.256}]}", 26,
		"expected an IPv4 or IPv6 address"},
	{"wildcard address", 2, "sip: {listen: [{address: \"::\"}]}", 26, "one real address"},
	{"group address", 2, "sip: {listen: [{address: 224.0.0.1}]}", 26, "not of a group"},
	{"bad choice", 2, "sip: {listen: [{transport: sctp, address: 192.0.2.1}]}", 28,
		"found \"sctp\", expected udp, tcp, tls, ws or wss"},
	{"bad port", 2, "sip: {listen: [{address: 192.0.2.1, port: 65536}]}", 43,
		"from 1 to 65535"},
	{"no listener", 2, "sip: {listen: []}", 15, "at least one"},
	{"duplicate listener", 2, "sip: {listen: [{address: 192.0.2.1}, {address: 192.0.2.1}]}", 38,
		"the same listener as entry 1"},
	{"TCP and TLS on one port", 2,
		"sip: {listen: [{address: 192.0.2.1}, {transport: tcp, address: 192.0.2.1}, "
		"{transport: ws, address: 192.0.2.1, port: 5060}]}",
		76, "the same listener as entry 2"},
	{"TLS without a certificate", 2,
		"sip: {listen: [{address: 192.0.2.1}, {transport: wss, address: 192.0.2.1}]}", 38,
		"a listener for wss needs sip.tls.certificate_file"},
	{"certificate without key", 2,
		"sip: {listen: [{address: 192.0.2.1}], tls: {certificate_file: a.pem}}", 44,
		"only one of"},
	{"more certificates without a first", 2,
		"sip: {listen: [{address: 192.0.2.1}], tls: {certificates: [{certificate_file: a, "
		"key_file: b}]}}",
		44, "without sip.tls.certificate_file"},
	{"SIP port among media ports", 2, "sip: {listen: [{address: 192.0.2.1, port: 20000}]}", 16,
		"belongs to media.ports"},
	{"t2 below t1", 2, "sip: {listen: [{address: 192.0.2.1}], t1_ms: 900, t2_ms: 800}", 58,
		"at least sip.t1_ms"},
	{"minimum above the session interval", 2,
		"sip: {listen: [{address: 192.0.2.1}], session_expires_s: 600, min_se_s: 601}", 73,
		"at most sip.session_expires_s (600)"},
	{"less memory than the dataplane takes", 4,
		"dataplane: {memory_mb: 63, ports: [{device: net_null0}]}", 24,
		"expected a number from 64 to"},
	{"smaller packets than IPv6 needs", 4,
		"dataplane: {ports: [{device: net_null0, mtu: 1279}]}", 46,
		"expected a number from 1280 to"},
	{"port range reversed", 3, "media: {addresses: [192.0.2.1], ports: 20001-20000}", 40,
		"the lower port first"},
	{"odd first port", 3, "media: {addresses: [192.0.2.1], ports: 20001-20008}", 40,
		"an even first port"},
	{"no range", 3, "media: {addresses: [192.0.2.1], ports: 20000}", 40, "two ports"},
	{"media address twice", 3, "media: {addresses: [192.0.2.1, 192.0.2.1]}", 32,
		"the same address as entry 1"},
	{"list too long", 3,
		"media: {addresses: [10.0.0.1, 10.0.0.2, 10.0.0.3, 10.0.0.4, 10.0.0.5, 10.0.0.6, "
		"10.0.0.7, 10.0.0.8, 10.0.0.9]}",
		20, "found 9 entries, expected at most 8"},
	{"duplicate port name", 4, "dataplane: {ports: [{device: a}, {device: b, tap: t}]}", 34,
		"duplicate port name \"port0\""},
	{"CPU twice", 4, "dataplane: {ports: [{device: a}], workers: [1, 2, 1]}", 51,
		"CPU 1 twice"},
	{"duplicate trunk", 7, "  - {name: a, target: sip:10.0.0.2}", 12,
		"duplicate trunk name \"a\"; it was first given in line 6"},
	{"trunk called any", 7, "  - {name: any, target: sip:10.0.0.2}", 12, "every trunk"},
	{"overlapping sources", 7, "  - {name: b, sources: [10.0.0.0/8], target: sip:10.0.0.2}", 25,
		"is also trunk \"a\"'s"},
	{"bits after the prefix", 7, "  - {name: b, sources: [10.1.0.1/16], target: sip:10.0.0.2}",
		25, "10.1.0.0/16"},
	{"bad prefix length", 7, "  - {name: b, sources: [10.1.0.0/33], target: sip:10.0.0.2}", 25,
		"a prefix length"},
	{"bad URI", 7, "  - {name: b, target: \"10.0.0.2\"}", 23, "a SIP URI"},
	{"URI with an endless label", 7,
		"  - {name: b, target: "
		"sip:a123456789012345678901234567890123456789012345678901234567890123.test}",
		23, "a host name with labels"},
	{"name over TLS without a listener", 7, "  - {name: b, target: sips:carrier.example}", 23,
		"found TLS, but sip.listen has no such address"},
	{"name over TCP without a listener", 7,
		"  - {name: b, target: sip:carrier.example;transport=tcp}", 23, "found TCP, but"},
	{"URI over something else", 7, "  - {name: b, target: sip:10.0.0.2;transport=sctp}", 23,
		"transport=udp, tcp or tls"},
	{"URI over WebSocket", 7, "  - {name: b, target: sip:10.0.0.2;transport=ws}", 23,
		"opened by the peer"},
	{"SIPS over UDP", 7, "  - {name: b, target: sips:10.0.0.2;transport=udp}", 23,
		"no transport=udp"},
	{"target over TLS without a listener", 7, "  - {name: b, target: sips:10.0.0.2}", 23,
		"found TLS over IPv4, but sip.listen has no such address"},
	{"unreachable target", 7, "  - {name: b, target: sip:10.0.0.2;transport=tcp}", 23,
		"TCP over IPv4"},
	{"foreign media address", 7, "  - {name: b, target: sip:10.0.0.2, media_address: 10.9.9.9}",
		52, "expected one of media.addresses"},
	{"no password", 7, "  - {name: b, target: sip:10.0.0.2, credentials: {username: u}}", 50,
		"missing key \"password_file\""},
	{"both passwords", 7,
		"  - {name: b, target: sip:10.0.0.2, credentials: {username: u, password: p, "
		"password_file: f}}",
		92, "found both"},
	{"no such password file", 7,
		"  - {name: b, target: sip:10.0.0.2, inbound_auth: {username: u, "
		"password_file: /nonexistent}}",
		80, "No such file"},
};

/* HEAD with one line replaced; to be freed. */
static char *with_line(const struct replacement *replacement)
{
	const char *at = HEAD;
	char *text = calloc(1, 2048);
	size_t used = 0;

	for (uint32_t line = 1; *at != '\0'; line++) {
		size_t length = strcspn(at, "\n") + 1;

		if (line == replacement->line)
			used += (size_t)sprintf(text + used, "%s\n", replacement->text);
		else
			used += (size_t)sprintf(text + used, "%.*s", (int)length, at);
		at += length;
	}
	return text;
}

static void test_replacements(void **state)
{
	(void)state;
	for (size_t i = 0; i < TD_COUNT_OF(replacements); i++) {
		const struct replacement *wanted = &replacements[i];
		char *text = with_line(wanted);
		bool is_missing = strstr(wanted->says, "missing key \"node\"") != NULL ||
				  strstr(wanted->says, "missing key \"sip\"") != NULL;

		expect(&(struct complaint){wanted->name, text, is_missing ? 1 : wanted->line,
			wanted->column, wanted->says});
		free(text);
	}
}

/* Several mistakes: all told in one run, in the order of the file. */
static void test_several(void **state)
{
	static const char text[] = HEAD "journal: {compact_mb: 0, sink: 1}\n"
					"events: {segment_mb: x}\n"
					"routes: [{number: 1, to: [nobody]}]\n";
	struct config_errors errors;
	struct config *config = NULL;

	(void)state;
	assert_int_equal(
		config_load_text(text, strlen(text), "t.yaml", &config, &errors), -EBADMSG);
	assert_int_equal(errors.count, 4);
	assert_int_equal(errors.list[0].line, 8);
	assert_int_equal(errors.list[1].line, 8);
	assert_true(errors.list[0].column < errors.list[1].column);
	assert_int_equal(errors.list[2].line, 9);
	assert_int_equal(errors.list[3].line, 10);
}

/* More mistakes than anyone reads are counted, and the work stays bounded. */
static void test_flood(void **state)
{
	size_t size = 200000;
	char *text = malloc(size * 4);
	size_t used = 0;
	struct config_errors errors;
	struct config *config = NULL;

	(void)state;
	for (size_t i = 0; i < size; i++)
		used += (size_t)sprintf(text + used, "a:\n");
	assert_int_equal(config_load_text(text, used, "t.yaml", &config, &errors), -EBADMSG);
	assert_int_equal(errors.count, CONFIG_ERRORS_MAX);
	assert_true(errors.total_count > CONFIG_ERRORS_MAX);
	free(text);
}

static void test_secrets_stay_secret(void **state)
{
	static const char text[] =
		HEAD "  - {name: c, target: sip:10.0.0.3, credentials: {username: u, "
		     "password: \"TOPSECRET\\x07\"}}\n";
	struct config_errors errors;
	struct config *config = NULL;

	(void)state;
	assert_int_equal(
		config_load_text(text, strlen(text), "t.yaml", &config, &errors), -EBADMSG);
	assert_null(strstr(errors.list[0].text, "SECRET"));
	assert_non_null(strstr(errors.list[0].text, "not shown"));
}

int main(void)
{
	static const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_places),
		cmocka_unit_test(test_replacements),
		cmocka_unit_test(test_several),
		cmocka_unit_test(test_flood),
		cmocka_unit_test(test_secrets_stay_secret),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
