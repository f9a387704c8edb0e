/* SPDX-License-Identifier: Apache-2.0 */
/*
 * URIs by the grammar: what is taken apart how, and what is refused.
 */
#include "sip/uri.h"

#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

struct good {
	const char *text;
	enum sip_scheme scheme;
	const char *user;
	const char *password;
	const char *host;
	uint16_t port;
	const char *params;
	const char *headers;
	enum sip_transport transport;
	bool is_loose_router;
};

static const struct good goods[] = {
	{"sip:example.com", SIP_SCHEME_SIP, "", "", "example.com", 0, "", "", 0, false},
	{"SIPS:a@b.c:5061", SIP_SCHEME_SIPS, "a", "", "b.c", 5061, "", "", 0, false},
	{"sip:a:b@192.0.2.1;lr", SIP_SCHEME_SIP, "a", "b", "192.0.2.1", 0, "lr", "", 0, true},
	{"sip:[2001:db8::1]:5060;transport=TCP;x=y", SIP_SCHEME_SIP, "", "", "2001:db8::1", 5060,
		"transport=TCP;x=y", "", SIP_TRANSPORT_TCP, false},
	{"sip:a@b;method=INVITE?subject=x%20y&to=z", SIP_SCHEME_SIP, "a", "", "b", 0,
		"method=INVITE", "subject=x%20y&to=z", 0, false},
	{"sip:user;par=u%40example.net@example.com", SIP_SCHEME_SIP, "user;par=u%40example.net", "",
		"example.com", 0, "", "", 0, false},
	{"sip:a?b@c.d", SIP_SCHEME_SIP, "a?b", "", "c.d", 0, "", "", 0, false},
	{"sip:*31#5551@gw_1.example.com.", SIP_SCHEME_SIP, "*31#5551", "", "gw_1.example.com.", 0,
		"", "", 0, false},
	{"sip:a@b;transport=sctp;LR=on", SIP_SCHEME_SIP, "a", "", "b", 0, "transport=sctp;LR=on",
		"", SIP_TRANSPORT_UNKNOWN, true},
	{"tel:+1-201-555-0123", SIP_SCHEME_TEL, "+1-201-555-0123", "", "", 0, "", "", 0, false},
	{"tel:7042;phone-context=example.com", SIP_SCHEME_TEL, "7042", "", "", 0,
		"phone-context=example.com", "", 0, false},
};

static void test_good(void **state)
{
	(void)state;
	for (size_t i = 0; i < TD_COUNT_OF(goods); i++) {
		const struct good *good = &goods[i];
		struct sip_uri uri;

		if (sip_uri_parse(span_from(good->text), &uri) != 0)
			fail_msg("%s is refused", good->text);
		assert_int_equal(uri.scheme, good->scheme);
		if (!span_equal(uri.user, span_from(good->user)) ||
			!span_equal(uri.password, span_from(good->password)) ||
			!span_equal(uri.host, span_from(good->host)) ||
			!span_equal(uri.params, span_from(good->params)) ||
			!span_equal(uri.headers, span_from(good->headers)))
			fail_msg("%s is taken apart in the wrong place", good->text);
		assert_int_equal(uri.port, good->port);
		assert_int_equal(uri.transport, good->transport);
		assert_int_equal(uri.is_loose_router, good->is_loose_router);
	}
}

static const char *const bads[] = {
	"",
	"sip",
	"sip:",
	":a@b",
	"sip:@b",
	"sip:a@",
	"sip:a@b@c",
	"sip:a b@c",
	"sip:a@b c",
	"sip:a@b;",
	"sip:a@b;;lr",
	"sip:a@b;=x",
	"sip:a@b;x=",
	"sip:a@b?",
	"sip:a@b:",
	"sip:a@b:0",
	"sip:a@b:65536",
	"sip:a@b:99999999999999999999",
	"sip:a@b:50x",
	"sip:a@192.0.2.256",
	"sip:a@192.0.2",
	"sip:a@1.2.3.4.5",
	"sip:a@192.0.02.1",
	"sip:a@a..b",
	"sip:a@.b",
	"sip:a@[192.0.2.1]",
	"sip:a@[2001:db8::1",
	"sip:a@2001:db8::1",
	"sip:a%4@b",
	"sip:a%zz@b",
	"sip:a@b;x=%",
	"sip:\"a\"@b",
	"<sip:a@b>",
	"tel:",
	"tel:;x=y",
	"tel:12 34",
	"tel:1+2",
	"tel:1?x=y",
	"http:a<b",
	"1ab:x",
	"ab_c:x",
};

static void test_bad(void **state)
{
	struct sip_uri uri;

	(void)state;
	for (size_t i = 0; i < TD_COUNT_OF(bads); i++) {
		if (sip_uri_parse(span_from(bads[i]), &uri) != -EINVAL)
			fail_msg("%s isn't refused", bads[i]);
	}
}

static void test_other_schemes(void **state)
{
	struct sip_uri uri;

	(void)state;
	assert_int_equal(sip_uri_parse(SPAN("soap.beep://192.0.2.103:3002"), &uri), -ENOTSUP);
	assert_true(span_equal(uri.scheme_text, SPAN("soap.beep")));
	assert_int_equal(uri.scheme, SIP_SCHEME_OTHER);
}

static void test_host_address(void **state)
{
	struct sip_uri uri;
	char text[TD_IP_TEXT_BYTES];

	(void)state;
	assert_int_equal(sip_uri_parse(SPAN("sip:a@[2001:db8::9]"), &uri), 0);
	assert_string_equal(td_ip_format(&uri.host_ip, text), "2001:db8::9");
	assert_int_equal(sip_uri_parse(SPAN("sip:192.0.2.255"), &uri), 0);
	assert_string_equal(td_ip_format(&uri.host_ip, text), "192.0.2.255");
	assert_int_equal(sip_uri_parse(SPAN("sip:1.2.3.4a"), &uri), 0);
	assert_int_equal(uri.host_ip.family, TD_FAMILY_NONE);
}

static void test_unescape(void **state)
{
	char buffer[6];

	(void)state;
	assert_int_equal(sip_user_unescape(SPAN("a%40%4Ab"), buffer, sizeof(buffer)), 0);
	assert_string_equal(buffer, "a@Jb");
	assert_int_equal(sip_user_unescape(SPAN("12345"), buffer, sizeof(buffer)), 0);
	assert_int_equal(sip_user_unescape(SPAN("123456"), buffer, sizeof(buffer)), -ENOSPC);
	assert_int_equal(sip_user_unescape(SPAN(""), buffer, 0), -ENOSPC);
	assert_int_equal(sip_user_unescape(SPAN("a%00"), buffer, sizeof(buffer)), -EINVAL);
	assert_int_equal(sip_user_unescape(SPAN("a%0"), buffer, sizeof(buffer)), -EINVAL);
}

static void test_transports(void **state)
{
	(void)state;
	assert_int_equal(sip_transport_find(SPAN("wss")), SIP_TRANSPORT_WSS);
	assert_int_equal(sip_transport_find(SPAN("?")), SIP_TRANSPORT_UNKNOWN);
	assert_string_equal(sip_transport_name(SIP_TRANSPORT_TLS), "TLS");
	assert_string_equal(sip_transport_name(SIP_TRANSPORT_COUNT), "?");
	assert_int_equal(sip_transport_port(SIP_TRANSPORT_UDP), 5060);
	assert_int_equal(sip_transport_port(SIP_TRANSPORT_TLS), 5061);
	assert_int_equal(sip_transport_port(SIP_TRANSPORT_WS), 80);
	assert_int_equal(sip_transport_port(SIP_TRANSPORT_WSS), 443);
	assert_true(sip_transport_is_secure(SIP_TRANSPORT_WSS));
	assert_false(sip_transport_is_secure(SIP_TRANSPORT_WS));
	assert_true(sip_transport_is_websocket(SIP_TRANSPORT_WS));
	assert_false(sip_transport_is_websocket(SIP_TRANSPORT_TLS));
}

static void test_server_id(void **state)
{
	(void)state;
	assert_int_equal(sip_server_id(SPAN("A.Example.")), sip_server_id(SPAN("a.example")));
	assert_int_not_equal(sip_server_id(SPAN("a.example")), sip_server_id(SPAN("b.example")));
	assert_int_not_equal(sip_server_id(SPAN("")), 0);
	assert_int_equal(sip_server_id(SPAN("1")), 0x340ca71c); /* FNV-1a */
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_good),
		cmocka_unit_test(test_bad),
		cmocka_unit_test(test_other_schemes),
		cmocka_unit_test(test_host_address),
		cmocka_unit_test(test_unescape),
		cmocka_unit_test(test_transports),
		cmocka_unit_test(test_server_id),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
