/* SPDX-License-Identifier: Apache-2.0 */
#include "trunk/trunk.h"

#include "trunk_fixture.h"

#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>

#include <cmocka.h>

#define TRUNKS                                                                                \
	"trunks:\n"                                                                           \
	"  - {name: a, sources: [10.0.0.0/8], target: \"sip:10.0.0.1\", max_calls: 2}\n"      \
	"  - {name: b, sources: [10.5.0.0/16], target: \"sip:10.5.0.1:5080;transport=tcp\", " \
	"media_address: 192.0.2.8}\n"                                                         \
	"  - {name: c, target: \"sip:[2001:db8::c]\"}\n"

static struct trunk_table *table_of(const char *text)
{
	struct config *config = fixture_config(text);
	struct trunk_table *table = NULL;

	assert_int_equal(trunk_table_create(config, 7, 0, &table), 0);
	config_destroy(config);
	return table;
}

static void reload(struct trunk_table *table, const char *text)
{
	struct config *config = fixture_config(text);

	assert_int_equal(trunk_table_reload(table, config, 1000), 0);
	config_destroy(config);
}

static struct td_ip ip(const char *text)
{
	struct td_ip address = {0};

	assert_true(td_ip_parse(text, strlen(text), &address));
	return address;
}

static trunk_id find(const struct trunk_table *table, const char *text)
{
	struct td_ip address = ip(text);

	return trunk_find_by_source(table, &address, SIP_TRANSPORT_UDP);
}

static void test_addressing(void **state)
{
	struct trunk_table *table = table_of(TRUNKS);
	trunk_id a = trunk_find_by_name(table, "a");
	trunk_id b = trunk_find_by_name(table, "b");
	trunk_id c = trunk_find_by_name(table, "c");
	char uri[TRUNK_URI_BYTES];
	char huge[TRUNK_URI_BYTES];
	struct sip_flow flow;
	struct td_ip wanted = ip("192.0.2.8");
	struct td_ip got;

	(void)state;
	assert_int_equal(find(table, "10.1.1.1"), a);
	assert_int_equal(find(table, "10.5.1.1"), b);
	assert_int_equal(find(table, "11.0.0.1"), TRUNK_NONE);

	assert_int_equal(trunk_uri(table, a, SPAN("+4930"), uri), 0);
	assert_string_equal(uri, "sip:+4930@10.0.0.1");
	assert_int_equal(trunk_uri(table, b, SPAN("*1#@x"), uri), 0);
	assert_string_equal(uri, "sip:*1%23%40x@10.5.0.1:5080;transport=tcp");
	assert_int_equal(trunk_uri(table, c, SPAN(""), uri), 0);
	assert_string_equal(uri, "sip:[2001:db8::c]");
	memset(huge, '@', sizeof(huge));
	assert_int_equal(trunk_uri(table, a, (struct span){huge, sizeof(huge)}, uri), -ENOSPC);
	assert_int_equal(trunk_uri(table, a, (struct span){huge, 84}, uri), -ENOSPC);
	assert_int_equal(trunk_uri(table, 99, SPAN("1"), uri), -ENOENT);

	assert_int_equal(trunk_next_hop(table, b, &flow), 0);
	assert_int_equal(flow.transport, SIP_TRANSPORT_TCP);
	assert_int_equal(flow.remote.port, 5080);
	assert_int_equal(flow.local.port, 5060);
	assert_int_equal(trunk_next_hop(table, c, &flow), 0);
	assert_int_equal(flow.local.port, 5070);
	assert_int_equal(trunk_next_hop(table, TRUNK_NONE, &flow), -ENOENT);

	got = trunk_media_address(table, b, TD_FAMILY_IPV4);
	assert_true(td_ip_equal(&got, &wanted));
	got = trunk_media_address(table, b, TD_FAMILY_IPV6);
	wanted = ip("2001:db8::9");
	assert_true(td_ip_equal(&got, &wanted));
	got = trunk_media_address(table, c, TD_FAMILY_NONE);
	assert_true(td_ip_equal(&got, &wanted));
	got = trunk_media_address(table, a, TD_FAMILY_NONE);
	wanted = ip("192.0.2.9");
	assert_true(td_ip_equal(&got, &wanted));
	trunk_table_destroy(table);
}

/* URI, flow and certificate name of targets over TLS. */
static void test_secure_targets(void **state)
{
	static const char text[] =
		"node: t\n"
		"sip: {listen: [{address: 192.0.2.1}, {transport: tls, address: 192.0.2.1}],\n"
		"  tls: {certificate_file: a, key_file: b}}\n"
		"media: {addresses: [192.0.2.1]}\n"
		"dataplane: {ports: [{device: net_null0}]}\n"
		"trunks:\n"
		"  - {name: sips, target: \"sips:10.0.0.1\", tls_name: c.example}\n"
		"  - {name: tls, target: \"sip:10.0.0.1:5062;transport=tls\"}\n"
		"  - {name: udp, target: \"sip:10.0.0.1\"}\n";
	static const char *const uris[] = {
		"sips:1@10.0.0.1", "sip:1@10.0.0.1:5062;transport=tls", "sip:1@10.0.0.1"};
	char uri[TRUNK_URI_BYTES];
	struct config_errors errors;
	struct trunk_table *table;
	struct config *config;
	struct sip_flow flow;

	(void)state;
	assert_int_equal(config_load_text(text, strlen(text), "text", &config, &errors), 0);
	assert_int_equal(trunk_table_create(config, 7, 0, &table), 0);
	config_destroy(config);
	for (trunk_id i = 0; i < TD_COUNT_OF(uris); i++) {
		assert_int_equal(trunk_uri(table, i, SPAN("1"), uri), 0);
		assert_string_equal(uri, uris[i]);
		assert_int_equal(trunk_scheme(table, i), i == 0 ? SIP_SCHEME_SIPS : SIP_SCHEME_SIP);
		assert_int_equal(trunk_next_hop(table, i, &flow), 0);
		assert_int_equal(flow.transport, i < 2 ? SIP_TRANSPORT_TLS : SIP_TRANSPORT_UDP);
		assert_int_equal(flow.local.port, i < 2 ? 5061 : 5060);
		assert_int_equal(flow.remote.port, i == 0 ? 5061 : i == 1 ? 5062 : 5060);
		assert_int_equal(flow.server_id, i == 0 ? sip_server_id(SPAN("c.example")) : 0);
	}
	assert_int_equal(trunk_scheme(table, TRUNK_NONE), SIP_SCHEME_SIP);
	trunk_table_destroy(table);
}

/* Our end of another transport: on the same address if there is a choice. */
static void test_local_end(void **state)
{
	static const char text[] =
		"node: t\n"
		"sip: {listen: [{address: 192.0.2.1}, {address: 192.0.2.2},\n"
		"  {address: 192.0.2.1, transport: tcp}, {address: 192.0.2.2, transport: tcp, "
		"port: 5070},\n"
		"  {address: 192.0.2.9, transport: tls}], tls: {certificate_file: a, key_file: b}}\n"
		"media: {addresses: [192.0.2.1]}\n"
		"dataplane: {ports: [{device: net_null0}]}\n"
		"trunks: [{name: a, target: \"sip:10.0.0.1\"}]\n";
	struct sip_flow flow = {.local = {.ip = ip("192.0.2.2"), .port = 5060}};
	struct td_ip wanted = ip("192.0.2.9");
	struct config_errors errors;
	struct trunk_table *table;
	struct config *config;

	(void)state;
	assert_int_equal(config_load_text(text, strlen(text), "text", &config, &errors), 0);
	assert_int_equal(trunk_table_create(config, 7, 0, &table), 0);
	config_destroy(config);
	flow.transport = SIP_TRANSPORT_TCP;
	assert_int_equal(trunk_local_end(table, &flow), 0);
	assert_int_equal(flow.local.port, 5070);
	flow.transport = SIP_TRANSPORT_TLS;
	assert_int_equal(trunk_local_end(table, &flow), 0);
	assert_int_equal(flow.local.port, 5061);
	assert_true(td_ip_equal(&flow.local.ip, &wanted));
	flow.transport = SIP_TRANSPORT_WS;
	assert_int_equal(trunk_local_end(table, &flow), -EAFNOSUPPORT);
	flow.local.ip = ip("2001:db8::1");
	flow.transport = SIP_TRANSPORT_TCP;
	assert_int_equal(trunk_local_end(table, &flow), -EAFNOSUPPORT);
	trunk_table_destroy(table);
}

/* Of several listeners the one on the trunk's own network is used. */
static void test_next_hop_leaves_by_the_media_address(void **state)
{
	static const char text[] =
		"node: t\n"
		"sip: {listen: [{address: 192.0.2.1}, {address: 198.51.100.1, port: 5070}]}\n"
		"media: {addresses: [192.0.2.1, 198.51.100.1, 203.0.113.1]}\n"
		"dataplane: {ports: [{device: net_null0}]}\n"
		"trunks:\n"
		"  - {name: first, target: \"sip:192.0.2.7\"}\n"
		"  - {name: near, target: \"sip:198.51.100.7\", media_address: 198.51.100.1}\n"
		"  - {name: media, target: \"sip:203.0.113.7\", media_address: 203.0.113.1}\n";
	static const uint16_t ports[] = {5060, 5070, 5060};
	struct config_errors errors;
	struct trunk_table *table;
	struct config *config;
	struct sip_flow flow;

	(void)state;
	assert_int_equal(config_load_text(text, strlen(text), "text", &config, &errors), 0);
	assert_int_equal(trunk_table_create(config, 7, 0, &table), 0);
	for (trunk_id i = 0; i < TD_COUNT_OF(ports); i++) {
		assert_int_equal(trunk_next_hop(table, i, &flow), 0);
		assert_int_equal(flow.local.port, ports[i]);
	}
	trunk_table_destroy(table);
	config_destroy(config);
}

static void test_limit(void **state)
{
	struct trunk_table *table = table_of(TRUNKS);
	struct trunk_status status;

	(void)state;
	assert_int_equal(trunk_call_begin(table, 0), 0);
	assert_true(trunk_is_usable(table, 0, 0));
	assert_int_equal(trunk_call_begin(table, 0), 0);
	assert_false(trunk_is_usable(table, 0, 0));
	assert_int_equal(trunk_call_begin(table, 0), -EBUSY);
	trunk_call_restore(table, 0);
	assert_int_equal(trunk_get_status(table, 0, &status), 0);
	assert_int_equal(status.calls, 3);
	assert_int_equal(status.calls_refused_full, 1);
	trunk_call_end(table, 0);
	trunk_call_end(table, 0);
	assert_true(trunk_is_usable(table, 0, 0));
	assert_int_equal(trunk_call_begin(table, 77), -ENOENT);
	trunk_call_end(table, 77);
	trunk_table_destroy(table);
}

/* A trunk that leaves the file finishes its calls; its requests are still known as its own. */
static void test_reload(void **state)
{
	struct trunk_table *table = table_of(TRUNKS);
	trunk_id a = trunk_find_by_name(table, "a");
	trunk_id b = trunk_find_by_name(table, "b");

	(void)state;
	assert_int_equal(trunk_call_begin(table, a), 0);
	reload(table, "trunks:\n  - {name: d, sources: [10.6.0.0/16], target: \"sip:10.6.0.1\"}\n"
		      "  - {name: b, sources: [10.7.0.0/16], target: \"sip:10.5.0.1\"}\n");
	assert_int_equal(trunk_find_by_name(table, "b"), b);
	assert_true(trunk_is_retired(table, a));
	assert_false(trunk_is_usable(table, a, 0));
	assert_non_null(trunk_config(table, a));
	assert_int_equal(trunk_call_begin(table, a), -ENOENT);
	assert_int_equal(find(table, "10.1.1.1"), a);
	assert_int_equal(find(table, "10.7.1.1"), b);
	assert_int_equal(find(table, "10.5.1.1"), a);
	assert_int_equal(trunk_find_by_name(table, "c"), TRUNK_NONE);
	trunk_call_end(table, a);
	assert_null(trunk_config(table, a));
	assert_int_equal(find(table, "10.1.1.1"), TRUNK_NONE);
	reload(table, TRUNKS);
	assert_int_equal(trunk_find_by_name(table, "b"), b);
	assert_int_equal(find(table, "10.1.1.1"), trunk_find_by_name(table, "a"));
	trunk_table_destroy(table);
}

int main(void)
{
	static const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_addressing),
		cmocka_unit_test(test_secure_targets),
		cmocka_unit_test(test_local_end),
		cmocka_unit_test(test_next_hop_leaves_by_the_media_address),
		cmocka_unit_test(test_limit),
		cmocka_unit_test(test_reload),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
