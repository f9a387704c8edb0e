/* SPDX-License-Identifier: Apache-2.0 */
/* Responses and first INVITEs as text. */
#include "leg/reply.h"

#include "unit/leg/leg_fixture.h"

#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

static struct sip_flow flow_of(enum sip_transport transport, const char *ip)
{
	struct sip_flow flow = {.transport = transport};

	assert_true(td_ip_parse(ip, strlen(ip), &flow.local.ip));
	flow.local.port = 5060;
	flow.remote = flow.local;
	return flow;
}

static void test_reply_carries_what_it_is_told(void **state)
{
	struct sip_flow flow = flow_of(SIP_TRANSPORT_UDP, "10.0.0.1");
	const struct leg_reply reply = {
		.status = 503,
		.to_tag = SPAN("mine"),
		.server = SPAN("Tandem"),
		.warning = "why",
		.q850 = 42,
		.retry_after_s = 5,
		.has_allow = true,
	};
	struct fixture_message fixture;
	char bytes[2048];
	int length;

	(void)state;
	fixture_request(&fixture, "INVITE sip:1@h", "Record-Route: <sip:p;lr>\r\n", "");
	length = leg_build_reply(bytes, sizeof(bytes) - 1, &fixture.message, &flow.remote, &reply);
	assert_true(length > 0);
	bytes[length] = '\0';
	assert_non_null(strstr(bytes, "SIP/2.0 503 Service Unavailable\r\n"));
	assert_non_null(strstr(bytes, ";tag=mine\r\n"));
	assert_non_null(strstr(bytes, "Retry-After: 5\r\n"));
	assert_non_null(strstr(bytes, "Warning: 399 tandem \"why\"\r\n"));
	assert_non_null(strstr(bytes, "Q.850;cause=42"));
	assert_non_null(strstr(bytes, "Allow: INVITE"));
	assert_null(strstr(bytes, "Record-Route")); /* makes no dialog */
	assert_int_equal(
		leg_build_reply(bytes, 100, &fixture.message, &flow.remote, &reply), -ENOSPC);
}

static void test_reply_that_makes_a_dialog_keeps_the_route(void **state)
{
	struct sip_flow flow = flow_of(SIP_TRANSPORT_UDP, "10.0.0.1");
	const struct leg_reply reply = {.status = 200, .contact = SPAN("<sip:10.0.0.1>")};
	struct fixture_message fixture;
	char bytes[2048];
	int length;

	(void)state;
	fixture_request(&fixture, "INVITE sip:1@h", "Record-Route: <sip:p;lr>\r\n", "");
	length = leg_build_reply(bytes, sizeof(bytes) - 1, &fixture.message, &flow.remote, &reply);
	assert_true(length > 0);
	bytes[length] = '\0';
	assert_non_null(strstr(bytes, "Record-Route: <sip:p;lr>\r\n"));
	assert_non_null(strstr(bytes, "Contact: <sip:10.0.0.1>\r\n"));
}

static void test_contact(void **state)
{
	static const struct {
		enum sip_transport transport;
		enum sip_scheme scheme;
		const char *expected;
	} cases[] = {
		{SIP_TRANSPORT_UDP, SIP_SCHEME_SIP, "<sip:[2001:db8::1]:5060>"},
		{SIP_TRANSPORT_UDP, SIP_SCHEME_SIPS, "<sip:[2001:db8::1]:5060>"},
		{SIP_TRANSPORT_TCP, SIP_SCHEME_SIP, "<sip:[2001:db8::1]:5060;transport=tcp>"},
		{SIP_TRANSPORT_TLS, SIP_SCHEME_SIP, "<sip:[2001:db8::1]:5060;transport=tls>"},
		{SIP_TRANSPORT_TLS, SIP_SCHEME_SIPS, "<sips:[2001:db8::1]:5060>"},
		{SIP_TRANSPORT_WS, SIP_SCHEME_SIP, "<sip:[2001:db8::1]:5060;transport=ws>"},
		{SIP_TRANSPORT_WSS, SIP_SCHEME_SIPS, "<sips:[2001:db8::1]:5060;transport=ws>"},
	};
	char contact[LEG_CONTACT_BYTES];

	(void)state;
	for (size_t i = 0; i < TD_COUNT_OF(cases); i++) {
		struct sip_flow flow = flow_of(cases[i].transport, "2001:db8::1");

		(void)leg_contact(&flow, cases[i].scheme, contact);
		assert_string_equal(contact, cases[i].expected);
	}
}

static int build(const char *headers, char *bytes, size_t size)
{
	struct sip_flow flow = flow_of(SIP_TRANSPORT_UDP, "10.0.0.1");
	static struct heap heap;
	static struct dialog dialog;
	int length;
	const struct leg_invite invite = {
		.dialog = &dialog,
		.branch = "z9hG4bKx",
		.max_forwards = 12,
		.headers = span_from(headers),
		.user_agent = SPAN("Tandem"),
		.authorization = "Digest x",
		.is_proxy_authorization = true,
		.body = SPAN("v=0\r\n"),
	};

	assert_int_equal(dialog_init_uac(&dialog,
				 &(const struct dialog_identity){
					 .heap = &heap,
					 .call_id = SPAN("id"),
					 .local_tag = SPAN("t"),
					 .local_uri = SPAN("<sip:a@b>"),
					 .remote_uri = SPAN("<sip:c@d>"),
					 .remote_target = SPAN("sip:c@d"),
					 .local_contact = SPAN("<sip:10.0.0.1:5060>"),
				 },
				 1, &flow),
		0);
	length = leg_build_invite(bytes, size, &invite);
	dialog_fini(&dialog);
	return length;
}

static void test_invite(void **state)
{
	char bytes[2048];
	int length = build("P-Asserted-Identity: <sip:+4930123@x>\r\nDiversion: <sip:9@x>\r\n",
		bytes, sizeof(bytes) - 1);

	(void)state;
	assert_true(length > 0);
	bytes[length] = '\0';
	assert_memory_equal(bytes, "INVITE sip:c@d SIP/2.0\r\n", 24);
	assert_non_null(strstr(bytes, "Via: SIP/2.0/UDP 10.0.0.1:5060;branch=z9hG4bKx;rport\r\n"));
	assert_non_null(strstr(bytes, "From: <sip:a@b>;tag=t\r\n"));
	assert_non_null(strstr(bytes, "To: <sip:c@d>\r\n"));
	assert_non_null(strstr(bytes, "CSeq: 1 INVITE\r\n"));
	assert_non_null(strstr(bytes, "Max-Forwards: 12\r\n"));
	assert_non_null(strstr(bytes, "P-Asserted-Identity: <sip:+4930123@x>\r\n"));
	assert_non_null(strstr(bytes, "Diversion: <sip:9@x>\r\n"));
	assert_non_null(strstr(bytes, "Proxy-Authorization: Digest x\r\n"));
	assert_non_null(strstr(bytes, "Content-Length: 5\r\n\r\nv=0\r\n"));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_reply_carries_what_it_is_told),
		cmocka_unit_test(test_reply_that_makes_a_dialog_keeps_the_route),
		cmocka_unit_test(test_contact),
		cmocka_unit_test(test_invite),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
