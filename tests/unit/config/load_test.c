/* SPDX-License-Identifier: Apache-2.0 */
#include "config/config.h"

#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cmocka.h>

static struct config *load(const char *text)
{
	struct config_errors errors;
	struct config *config = NULL;

	if (config_load_text(text, strlen(text), "/etc/tandem/t.yaml", &config, &errors) != 0) {
		config_errors_print(&errors, stderr);
		fail();
	}
	return config;
}

/* The file that the documentation shows first has all the defaults. */
static void test_example(void **state)
{
	struct config *config = load(config_example());

	(void)state;
	assert_string_equal(config->node, "rack1");
	assert_string_equal(config->run_dir, "/run/tandem");
	assert_string_equal(config->dataplane.socket, "/run/tandem/dataplane.sock");
	assert_string_equal(config->control.socket, "/run/tandem/control.sock");
	assert_string_equal(config->journal.directory, "/var/lib/tandem/journal");
	assert_string_equal(config->events.directory, "/var/lib/tandem/events");
	assert_int_equal(config->sip.listener_count, 2);
	assert_int_equal(config->sip.listeners[1].transport, SIP_TRANSPORT_TCP);
	assert_int_equal(config->sip.listeners[1].port, 5060);
	assert_int_equal(config->sip.t1_ms, 500);
	assert_int_equal(config->sip.udp_max_bytes, 1300);
	assert_true(config->sip.tls.verify_server);
	assert_int_equal(config->sip.tls.verify_client, CONFIG_VERIFY_CLIENT_OFF);
	assert_int_equal(config->sip.tls.min_version, CONFIG_TLS_1_2);
	assert_string_equal(config->sip.websocket.path, "/");
	assert_int_equal(config->media.ports.first, 16384);
	assert_int_equal(config->media.ports.last, 32767);
	assert_int_equal(config->media.latch, TD_LATCH_RESTRICTED);
	assert_int_equal(config->dataplane.worker_count, 1);
	assert_int_equal(config->dataplane.workers[0], 1);
	assert_int_equal(config->events.broker_count, 0);
	assert_true(config->dataplane.hugepages);
	assert_int_equal(config->trunk_count, 2);
	assert_int_equal(config->trunks[0].sources[0].bits, 24);
	assert_int_equal(config->trunks[1].sources[0].bits, 32);
	assert_int_equal(config->trunks[1].target.transport, SIP_TRANSPORT_TCP);
	assert_int_equal(config->trunks[1].target.endpoint.port, 5070);
	assert_int_equal(config->trunks[0].latch, TD_LATCH_RESTRICTED);
	assert_int_equal(config->trunks[0].media_timeout_s, 60);
	assert_int_equal(config->route_count, 2);
	assert_int_equal(config->routes[0].from_trunk, 0);
	assert_int_equal(config->routes[0].destinations[0], 1);
	assert_string_equal(config->routes[0].pattern, "+4930555XXXX");
	config_destroy(config);
}

static void test_values(void **state)
{
	struct config *config = load(
		"node: t\n"
		"run_dir: /tmp/x\n"
		"sip: {listen: [{address: \"2001:db8::1\", port: 5070}], user_agent: \"\"}\n"
		"media: {addresses: [192.0.2.1, \"2001:db8::1\"], latch: off, timeout_s: 0}\n"
		"dataplane:\n"
		"  ports: [{device: \"net_af_packet0,iface=veth0\", tap: tap7, checksum: trust}]\n"
		"  workers: [2, 3]\n"
		"  poll: adaptive\n"
		"  hugepages: false\n"
		"events: {brokers: [\"k1:9092\", \"[::1]:9092\"]}\n"
		"trunks:\n"
		"  - name: a\n"
		"    target: sip:[2001:db8::5]:5080\n"
		"    sources: [\"2001:db8::/32\", 0.0.0.0/0]\n"
		"    transports: [tcp]\n"
		"    latch: open\n"
		"    media_timeout_s: 5\n"
		"    media_address: 192.0.2.1\n"
		"    inbound_auth: {username: u, password: p}\n"
		"routes:\n"
		"  - {number: alice, to: [a], strip: 2, prefix: \"+49\"}\n");

	(void)state;
	assert_string_equal(config->dataplane.socket, "/tmp/x/dataplane.sock");
	assert_string_equal(config->sip.user_agent, "");
	assert_int_equal(config->media.latch, TD_LATCH_OFF);
	assert_int_equal(config->dataplane.worker_count, 2);
	assert_int_equal(config->dataplane.poll, CONFIG_POLL_ADAPTIVE);
	assert_false(config->dataplane.hugepages);
	assert_int_equal(config->events.broker_count, 2);
	assert_string_equal(config->trunks[0].target.host, "2001:db8::5");
	assert_int_equal(config->trunks[0].sources[1].bits, 0);
	assert_int_equal(config->trunks[0].transports[0], SIP_TRANSPORT_TCP);
	assert_int_equal(config->trunks[0].latch, TD_LATCH_OPEN);
	assert_int_equal(config->trunks[0].media_timeout_s, 5);
	assert_string_equal(config->trunks[0].inbound_auth.password, "p");
	assert_string_equal(config->trunks[0].credentials.username, "");
	assert_int_equal(config->routes[0].from_trunk, CONFIG_TRUNK_ANY);
	assert_string_equal(config->routes[0].number, "alice");
	config_destroy(config);
}

/* Sections that nobody wrote have their defaults, lists too; given lists replace them. */
static void test_defence(void **state)
{
	struct config *config = load(config_example());
	const struct config_defence *defence = &config->sip.defence;

	(void)state;
	assert_int_equal(defence->source_requests_per_s, 200);
	assert_int_equal(defence->emergency_number_count, 2);
	assert_string_equal(defence->emergency_numbers[0], "112");
	assert_string_equal(defence->emergency_numbers[1], "911");
	assert_true(defence->scanner_count > 5);
	assert_string_equal(defence->scanners[0], "friendly-scanner");
	assert_int_equal(config->trunks[0].limits.calls_per_s, 0);
	assert_int_equal(config->trunks[0].limits.burst, 20);
	assert_int_equal(config->trunks[0].limits.priority, CONFIG_PRIORITY_NORMAL);
	config_destroy(config);

	config = load("node: t\nsip: {listen: [{address: 192.0.2.1}], defence: {ban_s: 7, "
		      "scanners: [abc], emergency_numbers: []}}\n"
		      "media: {addresses: [192.0.2.1]}\n"
		      "dataplane: {ports: [{device: net_null0}]}\n"
		      "trunks: [{name: a, target: sip:10.0.0.1, "
		      "limits: {calls_per_s: 3, priority: high}}]\n");
	assert_int_equal(config->sip.defence.ban_s, 7);
	assert_int_equal(config->sip.defence.scanner_count, 1);
	assert_string_equal(config->sip.defence.scanners[0], "abc");
	assert_int_equal(config->sip.defence.emergency_number_count, 0);
	assert_int_equal(config->trunks[0].limits.calls_per_s, 3);
	assert_int_equal(config->trunks[0].limits.outbound_burst, 1);
	assert_int_equal(config->trunks[0].limits.priority, CONFIG_PRIORITY_HIGH);
	config_destroy(config);
}

static void write_file(const char *path, const char *text, mode_t mode)
{
	FILE *file = fopen(path, "w");

	assert_non_null(file);
	assert_true(fputs(text, file) >= 0);
	assert_int_equal(fclose(file), 0);
	assert_int_equal(chmod(path, mode), 0);
}

/* Relative password files stand beside the configuration; nobody else may read them. */
static void test_password_file(void **state)
{
	static const char head[] = "node: t\nsip: {listen: [{address: 192.0.2.1}]}\n"
				   "media: {addresses: [192.0.2.1]}\n"
				   "dataplane: {ports: [{device: net_null0}]}\n"
				   "trunks:\n  - {name: a, target: sip:10.0.0.1, credentials: ";
	char directory[] = "/tmp/tandem-config-XXXXXX";
	char path[64];
	char secret[64];
	char text[1024];
	struct config_errors errors;
	struct config *config = NULL;

	(void)state;
	assert_non_null(mkdtemp(directory));
	(void)snprintf(path, sizeof(path), "%s/t.yaml", directory);
	(void)snprintf(secret, sizeof(secret), "%s/secret", directory);
	(void)snprintf(text, sizeof(text), "%s{username: u, password_file: secret}}\n", head);
	write_file(path, text, 0644);
	write_file(secret, "geheim\nrest\n", 0600);
	assert_int_equal(config_load(path, &config, &errors), 0);
	assert_string_equal(config->trunks[0].credentials.password, "geheim");
	config_destroy(config);

	write_file(secret, "geheim\n", 0644);
	assert_int_equal(config_load(path, &config, &errors), -EBADMSG);
	assert_non_null(strstr(errors.list[0].text, "mode 0644"));
	write_file(secret, "\n", 0600);
	assert_int_equal(config_load(path, &config, &errors), -EBADMSG);

	(void)snprintf(text, sizeof(text), "%s{username: u, password: p}}\n", head);
	write_file(path, text, 0644);
	assert_int_equal(config_load(path, &config, &errors), -EBADMSG);
	assert_non_null(strstr(errors.list[0].text, "everyone can read"));
	assert_int_equal(errors.list[0].line, 6);
	write_file(path, text, 0640);
	assert_int_equal(config_load(path, &config, &errors), 0);
	config_destroy(config);

	assert_int_equal(unlink(path), 0);
	assert_int_equal(unlink(secret), 0);
	assert_int_equal(config_load(path, &config, &errors), -ENOENT);
	assert_int_equal(errors.count, 1);
	assert_int_equal(config_load(directory, &config, &errors), -EBADMSG);
	assert_int_equal(rmdir(directory), 0);
}

/* Ports that aren't given, targets, and the names of certificates. */
static void test_transports(void **state)
{
	static const uint32_t ports[] = {5060, 5060, 5061, 80, 443, 5060};
	struct config *config = load(
		"node: t\n"
		"sip:\n"
		"  listen:\n"
		"    - {address: 192.0.2.1}\n"
		"    - {address: 192.0.2.1, transport: tcp}\n"
		"    - {address: 192.0.2.1, transport: tls}\n"
		"    - {address: 192.0.2.1, transport: ws}\n"
		"    - {address: 192.0.2.1, transport: wss}\n"
		"    - {address: 192.0.2.2, transport: tls, port: 5060}\n"
		"  tls: {certificate_file: own.pem, key_file: /keys/own.pem, verify_client: require,\n"
		"    certificates: [{certificate_file: b.pem, key_file: b.key}]}\n"
		"media: {addresses: [192.0.2.1]}\n"
		"dataplane: {ports: [{device: net_null0}]}\n"
		"trunks:\n"
		"  - {name: a, target: sip:10.0.0.1, transports: [udp, tcp, tls, ws, wss]}\n"
		"  - {name: b, target: sips:10.0.0.2, tls_name: B.example.}\n"
		"  - {name: c, target: \"sip:10.0.0.3;transport=tls\", tls_name: b.example}\n"
		"  - {name: d, target: \"sips:10.0.0.4:5099;transport=tcp\"}\n"
		"  - {name: e, target: \"sip:10.0.0.4;transport=udp\"}\n");
	const struct config_trunk *trunks = config->trunks;

	(void)state;
	for (uint32_t i = 0; i < TD_COUNT_OF(ports); i++)
		assert_int_equal(config->sip.listeners[i].port, ports[i]);
	assert_string_equal(config->sip.tls.certificate_file, "/etc/tandem/own.pem");
	assert_string_equal(config->sip.tls.key_file, "/keys/own.pem");
	assert_int_equal(config->sip.tls.verify_client, CONFIG_VERIFY_CLIENT_REQUIRE);
	assert_int_equal(config->sip.tls.certificate_count, 1);
	assert_string_equal(config->sip.tls.certificates[0].key_file, "/etc/tandem/b.key");
	assert_int_equal(trunks[0].transport_count, 5);
	assert_int_equal(trunks[0].target.server_id, 0);
	assert_false(trunks[0].target.has_transport);
	assert_int_equal(trunks[1].target.transport, SIP_TRANSPORT_TLS);
	assert_int_equal(trunks[1].target.endpoint.port, 5061);
	assert_true(trunks[1].target.is_sips);
	assert_int_equal(trunks[1].target.server_id, sip_server_id(SPAN("b.example")));
	assert_int_equal(trunks[2].target.server_id, trunks[1].target.server_id);
	assert_false(trunks[2].target.is_sips);
	assert_int_equal(trunks[2].target.endpoint.port, 5061);
	assert_int_equal(trunks[3].target.transport, SIP_TRANSPORT_TLS);
	assert_int_equal(trunks[3].target.endpoint.port, 5099);
	assert_true(trunks[4].target.has_transport);
	config_destroy(config);
}

#define HEAD                                                \
	"node: t\nsip: {listen: [{address: 10.0.0.1}]%s}\n" \
	"media: {addresses: [10.0.0.1]}\n"                  \
	"dataplane: {ports: [{device: a}]}\n"

/* Names as targets, sources that follow them, and who is asked for them. */
static void test_names_as_targets(void **state)
{
	char text[1024];
	struct config *config;

	(void)state;
	(void)snprintf(text, sizeof(text),
		HEAD "trunks:\n"
		     "  - {name: a, target: \"sip:Carrier.example\", sources: [target]}\n"
		     "  - {name: b, target: \"sip:b.example:5080;transport=udp\", "
		     "sources: [10.0.0.0/8, target]}\n",
		", dns: {servers: [10.0.0.53, \"10.0.0.54:5353\", \"2001:db8::53\", "
		"\"[2001:db8::54]:5353\"], stale_s: 0}");
	config = load(text);
	assert_int_equal(config->trunks[0].target.endpoint.ip.family, TD_FAMILY_NONE);
	assert_int_equal(config->trunks[0].target.endpoint.port, 0);
	assert_false(config->trunks[0].target.has_transport);
	assert_string_equal(config->trunks[0].target.host, "Carrier.example");
	assert_int_equal(config->trunks[0].sources[0].bits, CONFIG_SOURCE_TARGET);
	assert_int_equal(config->trunks[1].target.endpoint.port, 5080);
	assert_true(config->trunks[1].target.has_transport);
	assert_int_equal(config->trunks[1].source_count, 2);
	assert_int_equal(config->sip.dns.server_count, 4);
	assert_int_equal(config->sip.dns.servers[0].port, 53);
	assert_int_equal(config->sip.dns.servers[1].port, 5353);
	assert_int_equal(config->sip.dns.servers[2].port, 53);
	assert_int_equal(config->sip.dns.servers[3].ip.bytes[15], 0x54);
	assert_int_equal(config->sip.dns.servers[3].port, 5353);
	assert_int_equal(config->sip.dns.stale_s, 0);
	assert_int_equal(config->sip.dns.timeout_ms, 1000);
	config_destroy(config);
}

static void test_bad_name_servers(void **state)
{
	static const char *const bad[] = {"dns.example", "10.0.0.53:", "10.0.0.53:0", "10.0.0:53",
		"[10.0.0.53]:53", "[2001:db8::53", "[]:53", ":53", "]", "10.0.0.53:70000"};
	struct config_errors errors;
	struct config *config;
	char text[512];
	char servers[64];

	(void)state;
	for (size_t i = 0; i < TD_COUNT_OF(bad); i++) {
		(void)snprintf(servers, sizeof(servers), ", dns: {servers: [\"%s\"]}", bad[i]);
		(void)snprintf(text, sizeof(text), HEAD "trunks: []\n", servers);
		if (config_load_text(text, strlen(text), "t.yaml", &config, &errors) != -EBADMSG)
			fail_msg("%s", bad[i]);
		assert_non_null(strstr(errors.list[0].text, "expected an address such as"));
	}
}

int main(void)
{
	static const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_names_as_targets),
		cmocka_unit_test(test_bad_name_servers),
		cmocka_unit_test(test_example),
		cmocka_unit_test(test_transports),
		cmocka_unit_test(test_values),
		cmocka_unit_test(test_defence),
		cmocka_unit_test(test_password_file),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
