/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Requests inside a dialog and where they go: RFC 3261 12.2.1.1 with the routing examples of its
 * section 16.12.
 */
#include "talk.h"

#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

/* RFC 3261 12.2.1.1 and the example in 16.12.1.3. */
static void test_strict_router(void **state)
{
	struct dialog dialog;
	struct sip_flow hop;
	const char *text;

	(void)state;
	talk_uac(&dialog);
	assert_int_equal(talk_answer(&dialog, 200, "b",
				 "Record-Route: <sip:192.0.2.51;lr>\r\n"
				 "Record-Route: <sip:192.0.2.50:5080;method=INVITE;x=1?a=b>\r\n"
				 "Contact: <sip:bob@192.0.2.30>\r\n"),
		0);
	text = talk_built(&dialog, SIP_METHOD_BYE, 0);
	assert_non_null(strstr(text, "BYE sip:192.0.2.50:5080;x=1 SIP/2.0\r\n"));
	assert_non_null(
		strstr(text, "Route: <sip:192.0.2.51;lr>\r\nRoute: <sip:bob@192.0.2.30>\r\nFrom:"));
	hop = dialog_next_hop(&dialog);
	assert_int_equal(hop.remote.port, 5080);
	assert_int_equal(hop.remote.ip.bytes[3], 50);
	dialog_fini(&dialog);
}

static void test_target_loses_what_a_request_line_must_not_have(void **state)
{
	struct dialog dialog;

	(void)state;
	talk_uas(&dialog, "Contact: <sip:alice@192.0.2.20;transport=tcp;method=BYE?Subject=x>\r\n");
	assert_non_null(strstr(talk_built(&dialog, SIP_METHOD_BYE, 0),
		"BYE sip:alice@192.0.2.20;transport=tcp SIP/2.0\r\n"));
	dialog_fini(&dialog);
	talk_uas(&dialog, "Contact: <sip:alice@192.0.2.20?Subject=x>\r\n");
	assert_non_null(strstr(
		talk_built(&dialog, SIP_METHOD_BYE, 0), "BYE sip:alice@192.0.2.20 SIP/2.0\r\n"));
	dialog_fini(&dialog);
}

struct hop_case {
	const char *name;
	const char *contact;
	enum sip_transport transport; /* of the flow */
	const char *expected;
	enum sip_transport expected_transport;
	uint32_t connection_id;
};

static const struct hop_case HOPS[] = {
	{"plain", "<sip:a@192.0.2.20>", SIP_TRANSPORT_UDP, "192.0.2.20:5060", SIP_TRANSPORT_UDP, 0},
	{"port", "<sip:a@192.0.2.20:5099>", SIP_TRANSPORT_UDP, "192.0.2.20:5099", SIP_TRANSPORT_UDP,
		0},
	{"of the other IP version", "<sip:a@[2001:db8::7]:5099>", SIP_TRANSPORT_UDP,
		"192.0.2.2:5060", SIP_TRANSPORT_UDP, 0},
	{"name", "<sip:a@peer.example>", SIP_TRANSPORT_UDP, "192.0.2.2:5060", SIP_TRANSPORT_UDP, 0},
	{"transport", "<sip:a@192.0.2.20;transport=tcp>", SIP_TRANSPORT_UDP, "192.0.2.20:5060",
		SIP_TRANSPORT_TCP, 0},
	{"same connection", "<sip:a@192.0.2.2:5070;transport=tcp>", SIP_TRANSPORT_TCP,
		"192.0.2.2:5070", SIP_TRANSPORT_TCP, 9},
	{"other machine", "<sip:a@192.0.2.20>", SIP_TRANSPORT_TCP, "192.0.2.20:5060",
		SIP_TRANSPORT_TCP, 0},
	{"sips", "<sips:a@192.0.2.20>", SIP_TRANSPORT_TCP, "192.0.2.20:5061", SIP_TRANSPORT_TLS, 0},
	{"sips over tcp", "<sips:a@192.0.2.20;transport=tcp>", SIP_TRANSPORT_TCP, "192.0.2.20:5061",
		SIP_TRANSPORT_TLS, 0},
	{"maddr", "<sip:a@peer.example;maddr=192.0.2.77>", SIP_TRANSPORT_UDP, "192.0.2.77:5060",
		SIP_TRANSPORT_UDP, 0},
	{"sips over what can't be", "<sips:a@192.0.2.20;transport=udp>", SIP_TRANSPORT_UDP,
		"192.0.2.20:5061", SIP_TRANSPORT_TLS, 0},
	{"tls", "<sip:a@192.0.2.20;transport=tls>", SIP_TRANSPORT_TLS, "192.0.2.20:5061",
		SIP_TRANSPORT_TLS, 0},
	{"same tls connection", "<sip:a@192.0.2.2;transport=tls>", SIP_TRANSPORT_TLS,
		"192.0.2.2:5061", SIP_TRANSPORT_TLS, 9},
	{"nobody to connect to", "<sip:a@192.0.2.20;transport=ws>", SIP_TRANSPORT_TCP,
		"192.0.2.2:5060", SIP_TRANSPORT_TCP, 9},
	{"websocket by name", "<sip:a@df7jal23ls0d.invalid;transport=ws>", SIP_TRANSPORT_WSS,
		"192.0.2.2:5060", SIP_TRANSPORT_WSS, 9},
	{"websocket", "<sip:a@192.0.2.20;transport=ws>", SIP_TRANSPORT_WS, "192.0.2.2:5060",
		SIP_TRANSPORT_WS, 9},
};

static void test_next_hop(void **state)
{
	(void)state;
	for (size_t i = 0; i < TD_COUNT_OF(HOPS); i++) {
		struct dialog dialog;
		struct parsed request;
		struct sip_flow flow = talk_flow("192.0.2.2", 5060, HOPS[i].transport);
		struct sip_flow hop;
		char contact[200];
		char text[TD_ENDPOINT_TEXT_BYTES];

		(void)snprintf(contact, sizeof(contact), "Contact: %s\r\n", HOPS[i].contact);
		talk_invite(&request, contact);
		assert_int_equal(dialog_init_uas(&dialog, &request.message,
					 &(const struct dialog_half){
						 .heap = &talk_heap,
						 .local_tag = SPAN("ours"),
						 .local_contact = SPAN("<sip:192.0.2.1>"),
					 },
					 &flow),
			0);
		hop = dialog_next_hop(&dialog);
		if (strcmp(td_endpoint_format(&hop.remote, text), HOPS[i].expected) != 0 ||
			hop.transport != HOPS[i].expected_transport ||
			hop.connection_id != HOPS[i].connection_id)
			fail_msg("%s: %s", HOPS[i].name, text);
		assert_true(td_endpoint_equal(&hop.local, &flow.local));
		dialog_fini(&dialog);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_teardown(test_strict_router, talk_teardown),
		cmocka_unit_test_teardown(
			test_target_loses_what_a_request_line_must_not_have, talk_teardown),
		cmocka_unit_test_teardown(test_next_hop, talk_teardown),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
