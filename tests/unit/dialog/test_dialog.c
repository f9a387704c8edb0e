/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Dialogs after RFC 3261 12 and the routing examples of its section 16.12: both halves, loose and
 * strict routers, sequence numbers, target refresh, forks, next hops.
 */
#include "dialog/dialog.h"

#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

enum {
	TEXT_BYTES = 8192,
};

/* One message and the text that it borrows. */
struct parsed {
	char text[TEXT_BYTES];
	struct sip_message message;
};

static struct sip_flow flow_of(const char *remote, uint16_t port, enum sip_transport transport)
{
	struct sip_flow flow;

	memset(&flow, 0, sizeof(flow));
	assert_true(td_ip_parse("192.0.2.1", 9, &flow.local.ip));
	flow.local.port = 5060;
	assert_true(td_ip_parse(remote, strlen(remote), &flow.remote.ip));
	flow.remote.port = port;
	flow.transport = transport;
	flow.connection_id = transport == SIP_TRANSPORT_UDP ? 0 : 9;
	return flow;
}

static void parse(struct parsed *parsed)
{
	struct sip_parse_error error;

	if (sip_message_parse(
		    parsed->text, strlen(parsed->text), false, &parsed->message, &error) != 0)
		fail_msg("%s in\n%s", error.reason, parsed->text);
}

/* Alice's INVITE to us; extra is whole header lines. */
static void invite(struct parsed *parsed, const char *extra)
{
	(void)snprintf(parsed->text, sizeof(parsed->text),
		"INVITE sip:bob@192.0.2.1 SIP/2.0\r\n"
		"Via: SIP/2.0/UDP 192.0.2.2;branch=z9hG4bK1\r\n"
		"Max-Forwards: 70\r\n"
		"From: \"A; tag=x\" <sip:alice@192.0.2.2>;tag=alice;x=1\r\n"
		"To: Bob <sip:bob@192.0.2.1>\r\n"
		"Call-ID: call-1\r\n"
		"CSeq: 314159 INVITE\r\n"
		"%s"
		"Content-Length: 0\r\n\r\n",
		extra);
	parse(parsed);
}

/* A request of Alice's inside the dialog. */
static void inside(struct parsed *parsed, const char *method, unsigned cseq, const char *tags,
	const char *extra)
{
	(void)snprintf(parsed->text, sizeof(parsed->text),
		"%s sip:bob@192.0.2.1 SIP/2.0\r\n"
		"Via: SIP/2.0/UDP 192.0.2.2;branch=z9hG4bK2\r\n"
		"Max-Forwards: 70\r\n"
		"From: <sip:alice@192.0.2.2>;tag=%.*s\r\n"
		"To: Bob <sip:bob@192.0.2.1>;tag=%s\r\n"
		"Call-ID: call-1\r\n"
		"CSeq: %u %s\r\n"
		"%s"
		"Content-Length: 0\r\n\r\n",
		method, (int)strcspn(tags, "/"), tags, strchr(tags, '/') + 1, cseq, method, extra);
	parse(parsed);
}

/* Bob's response to our INVITE. */
static void response(struct parsed *parsed, unsigned status, const char *to_tag, const char *extra)
{
	(void)snprintf(parsed->text, sizeof(parsed->text),
		"SIP/2.0 %u Test\r\n"
		"Via: SIP/2.0/UDP 192.0.2.1;branch=z9hG4bK3\r\n"
		"From: <sip:tandem@192.0.2.1>;tag=ours\r\n"
		"To: <sip:bob@192.0.2.3>%s%s\r\n"
		"Call-ID: call-2\r\n"
		"CSeq: 1 INVITE\r\n"
		"%s"
		"Content-Length: 0\r\n\r\n",
		status, to_tag[0] ? ";tag=" : "", to_tag, extra);
	parse(parsed);
}

static const char CONTACT_BOB[] = "Contact: <sip:bob@192.0.2.30:5070>\r\n";
static const char CONTACT_ALICE[] = "Contact: <sip:alice@192.0.2.20>\r\n";

static void uac(struct dialog *dialog)
{
	struct dialog_identity identity = {
		.call_id = SPAN("call-2"),
		.local_tag = SPAN("ours"),
		.local_uri = SPAN("<sip:tandem@192.0.2.1>"),
		.remote_uri = SPAN("<sip:bob@192.0.2.3>"),
		.remote_target = SPAN("sip:bob@192.0.2.3"),
		.local_contact = SPAN("<sip:192.0.2.1:5060>"),
	};
	struct sip_flow flow = flow_of("192.0.2.3", 5060, SIP_TRANSPORT_UDP);

	assert_int_equal(dialog_init_uac(dialog, &identity, 1, &flow), 0);
}

static void uas(struct dialog *dialog, const char *extra)
{
	struct parsed request;
	struct sip_flow flow = flow_of("192.0.2.2", 5060, SIP_TRANSPORT_UDP);

	invite(&request, extra);
	assert_int_equal(dialog_init_uas(dialog, &request.message, SPAN("ours"),
				 SPAN("<sip:192.0.2.1:5060>"), &flow),
		0);
}

static int answer(struct dialog *dialog, unsigned status, const char *to_tag, const char *extra)
{
	struct parsed parsed;
	struct sip_flow flow = flow_of("192.0.2.3", 5060, SIP_TRANSPORT_UDP);

	response(&parsed, status, to_tag, extra);
	return dialog_accept_response(dialog, &parsed.message, &flow);
}

/* Builds a request and gives its text. */
static const char *built(struct dialog *dialog, enum sip_method method, uint32_t cseq_for_ack)
{
	static char text[TEXT_BYTES];
	struct sip_builder builder;
	int length;

	sip_builder_init(&builder, text, sizeof(text) - 1);
	dialog_build_request(dialog, &builder, method, "z9hG4bKbuilt", cseq_for_ack);
	length = sip_builder_finish(&builder, SPAN(""), SPAN(""));
	assert_true(length > 0);
	text[length] = '\0';
	return text;
}

static void check_text(const struct dialog *dialog, struct dialog_text text, const char *expected)
{
	struct span span = dialog_span(dialog, text);

	if (span.length != strlen(expected) || memcmp(span.text, expected, span.length) != 0)
		fail_msg("\"%.*s\" instead of \"%s\"", SPAN_ARGS(span), expected);
}

static void test_uas_half(void **state)
{
	struct dialog dialog;

	(void)state;
	uas(&dialog, "Record-Route: <sip:192.0.2.10;lr>, <sip:192.0.2.11;lr>\r\n"
		     "Record-Route: <sip:192.0.2.12;lr>\r\n"
		     "Contact: <sip:alice@192.0.2.20>\r\n");
	check_text(&dialog, dialog.call_id, "call-1");
	check_text(&dialog, dialog.local_tag, "ours");
	check_text(&dialog, dialog.remote_tag, "alice");
	check_text(&dialog, dialog.local_uri, "Bob <sip:bob@192.0.2.1>");
	check_text(&dialog, dialog.remote_uri, "\"A; tag=x\" <sip:alice@192.0.2.2>;x=1");
	check_text(&dialog, dialog.remote_target, "sip:alice@192.0.2.20");
	check_text(&dialog, dialog.routes,
		"<sip:192.0.2.10;lr>\n<sip:192.0.2.11;lr>\n<sip:192.0.2.12;lr>");
	assert_int_equal(dialog.route_count, 3);
	assert_int_equal(dialog.remote_cseq, 314159);
	assert_int_equal(dialog.state, DIALOG_EARLY);
	assert_int_equal(dialog.is_uac, 0);
	assert_string_equal(built(&dialog, SIP_METHOD_BYE, 0),
		"BYE sip:alice@192.0.2.20 SIP/2.0\r\n"
		"Via: SIP/2.0/UDP 192.0.2.1:5060;branch=z9hG4bKbuilt;rport\r\n"
		"Max-Forwards: 70\r\n"
		"Route: <sip:192.0.2.10;lr>\r\n"
		"Route: <sip:192.0.2.11;lr>\r\n"
		"Route: <sip:192.0.2.12;lr>\r\n"
		"From: Bob <sip:bob@192.0.2.1>;tag=ours\r\n"
		"To: \"A; tag=x\" <sip:alice@192.0.2.2>;x=1;tag=alice\r\n"
		"Call-ID: call-1\r\n"
		"CSeq: 1 BYE\r\n"
		"Content-Length: 0\r\n\r\n");
}

static void test_uac_half(void **state)
{
	struct dialog dialog;
	const char *text;

	(void)state;
	uac(&dialog);
	assert_int_equal(answer(&dialog, 180, "b1",
				 "Record-Route: <sip:192.0.2.40;lr>\r\n"
				 "Contact: <sip:bob@192.0.2.31>\r\n"),
		0);
	assert_int_equal(dialog.state, DIALOG_EARLY);
	check_text(&dialog, dialog.routes, "<sip:192.0.2.40;lr>");
	check_text(&dialog, dialog.remote_tag, "b1");
	/* The 2xx computes the route set anew, in reverse order. */
	assert_int_equal(answer(&dialog, 200, "b1",
				 "Record-Route: <sip:192.0.2.41;lr>\r\n"
				 "Record-Route: <sip:192.0.2.42;lr>\r\n"
				 "Contact: <sip:bob@192.0.2.30:5070>\r\n"),
		0);
	assert_int_equal(dialog.state, DIALOG_CONFIRMED);
	check_text(&dialog, dialog.routes, "<sip:192.0.2.42;lr>\n<sip:192.0.2.41;lr>");
	text = built(&dialog, SIP_METHOD_ACK, 1);
	assert_non_null(strstr(text, "ACK sip:bob@192.0.2.30:5070 SIP/2.0\r\n"));
	assert_non_null(
		strstr(text, "Route: <sip:192.0.2.42;lr>\r\nRoute: <sip:192.0.2.41;lr>\r\n"));
	assert_non_null(strstr(text, "CSeq: 1 ACK\r\n"));
	assert_null(strstr(text, "Contact:"));
	assert_int_equal(dialog.local_cseq, 1);
	text = built(&dialog, SIP_METHOD_INVITE, 0);
	assert_non_null(strstr(text, "CSeq: 2 INVITE\r\n"));
	assert_non_null(strstr(text, "Contact: <sip:192.0.2.1:5060>\r\n"));
	assert_int_equal(dialog.local_cseq, 2);
}

static void test_2xx_without_record_route_clears_the_early_one(void **state)
{
	struct dialog dialog;

	(void)state;
	uac(&dialog);
	assert_int_equal(answer(&dialog, 183, "b1", "Record-Route: <sip:192.0.2.40;lr>\r\n"), 0);
	check_text(&dialog, dialog.remote_target, "sip:bob@192.0.2.3"); /* no Contact yet */
	assert_int_equal(answer(&dialog, 200, "b1", CONTACT_BOB), 0);
	check_text(&dialog, dialog.routes, "");
	assert_int_equal(dialog.route_count, 0);
}

static void test_refused_responses_change_nothing(void **state)
{
	struct dialog dialog;
	struct dialog before;
	char many[TEXT_BYTES] = "";

	(void)state;
	uac(&dialog);
	before = dialog;
	assert_int_equal(answer(&dialog, 180, "", CONTACT_BOB), -EBADMSG);
	assert_int_equal(answer(&dialog, 200, "b", ""), -EBADMSG);
	assert_int_equal(answer(&dialog, 200, "b", "Contact: <tel:+4930123456>\r\n"), -EBADMSG);
	assert_int_equal(answer(&dialog, 200, "b",
				 "Record-Route: <tel:+4930123456>\r\n"
				 "Contact: <sip:bob@192.0.2.30>\r\n"),
		-EBADMSG);
	strcat(many, CONTACT_BOB);
	for (int i = 0; i < SIP_ROUTES_MAX; i++) {
		char line[200];

		(void)snprintf(
			line, sizeof(line), "Record-Route: <sip:%0*d@192.0.2.40;lr>\r\n", 100, i);
		strcat(many, line);
	}
	assert_int_equal(answer(&dialog, 200, "b", many), -ENOSPC);
	assert_memory_equal(&dialog, &before, sizeof(dialog));
}

static void test_forks(void **state)
{
	struct dialog dialog;

	(void)state;
	uac(&dialog);
	assert_int_equal(answer(&dialog, 180, "b1", CONTACT_BOB), 0);
	assert_int_equal(answer(&dialog, 180, "b2", "Contact: <sip:bob@192.0.2.32>\r\n"), 0);
	check_text(&dialog, dialog.remote_tag, "b2"); /* the one that spoke last */
	check_text(&dialog, dialog.remote_target, "sip:bob@192.0.2.32");
	assert_int_equal(answer(&dialog, 200, "b1", CONTACT_BOB), 0);
	check_text(&dialog, dialog.remote_tag, "b1");
	assert_int_equal(answer(&dialog, 200, "b2", CONTACT_BOB), -EEXIST);
	assert_int_equal(answer(&dialog, 180, "b2", CONTACT_BOB), -EEXIST);
	assert_int_equal(answer(&dialog, 200, "b1", "Contact: <sip:x@192.0.2.99>\r\n"), 0);
	check_text(&dialog, dialog.remote_target, "sip:bob@192.0.2.30:5070");
	check_text(&dialog, dialog.remote_tag, "b1");
}

/* RFC 3261 12.2.1.1 and the example in 16.12.1.3. */
static void test_strict_router(void **state)
{
	struct dialog dialog;
	struct sip_flow hop;
	const char *text;

	(void)state;
	uac(&dialog);
	assert_int_equal(answer(&dialog, 200, "b",
				 "Record-Route: <sip:192.0.2.51;lr>\r\n"
				 "Record-Route: <sip:192.0.2.50:5080;method=INVITE;x=1?a=b>\r\n"
				 "Contact: <sip:bob@192.0.2.30>\r\n"),
		0);
	text = built(&dialog, SIP_METHOD_BYE, 0);
	assert_non_null(strstr(text, "BYE sip:192.0.2.50:5080;x=1 SIP/2.0\r\n"));
	assert_non_null(
		strstr(text, "Route: <sip:192.0.2.51;lr>\r\nRoute: <sip:bob@192.0.2.30>\r\nFrom:"));
	hop = dialog_next_hop(&dialog);
	assert_int_equal(hop.remote.port, 5080);
	assert_int_equal(hop.remote.ip.bytes[3], 50);
}

static void test_target_loses_what_a_request_line_must_not_have(void **state)
{
	struct dialog dialog;

	(void)state;
	uas(&dialog, "Contact: <sip:alice@192.0.2.20;transport=tcp;method=BYE?Subject=x>\r\n");
	assert_non_null(strstr(built(&dialog, SIP_METHOD_BYE, 0),
		"BYE sip:alice@192.0.2.20;transport=tcp SIP/2.0\r\n"));
	uas(&dialog, "Contact: <sip:alice@192.0.2.20?Subject=x>\r\n");
	assert_non_null(
		strstr(built(&dialog, SIP_METHOD_BYE, 0), "BYE sip:alice@192.0.2.20 SIP/2.0\r\n"));
}

static unsigned ask(struct dialog *dialog, const char *method, unsigned cseq, const char *tags)
{
	struct parsed parsed;
	struct sip_flow flow = flow_of("192.0.2.22", 5066, SIP_TRANSPORT_UDP);

	inside(&parsed, method, cseq, tags, "");
	return dialog_accept_request(dialog, &parsed.message, &flow);
}

static void test_sequence_numbers(void **state)
{
	struct dialog dialog;

	(void)state;
	uas(&dialog, CONTACT_ALICE);
	assert_int_equal(ask(&dialog, "ACK", 314159, "alice/ours"), 0);
	assert_int_equal(ask(&dialog, "INFO", 314160, "alice/ours"), 0);
	assert_int_equal(ask(&dialog, "INFO", 400000, "alice/ours"), 0); /* gaps are legal */
	assert_int_equal(dialog.remote_cseq, 400000);
	assert_int_equal(ask(&dialog, "INFO", 399999, "alice/ours"), 500);
	assert_int_equal(ask(&dialog, "ACK", 314159, "alice/ours"), 0);
	assert_int_equal(dialog.remote_cseq, 400000);
	assert_int_equal(ask(&dialog, "BYE", 400001, "mallory/ours"), 481);
	assert_int_equal(ask(&dialog, "BYE", 400001, "alice/guess"), 481);
	assert_int_equal(dialog.remote_cseq, 400000);
	assert_int_equal(dialog.flow.remote.port, 5066); /* follows the peer's last request */
}

static void test_first_request_of_the_peer_sets_its_number(void **state)
{
	struct dialog dialog;
	struct parsed parsed;
	struct sip_flow flow = flow_of("192.0.2.3", 5060, SIP_TRANSPORT_UDP);

	(void)state;
	uac(&dialog);
	assert_int_equal(answer(&dialog, 200, "b", CONTACT_BOB), 0);
	assert_int_equal(dialog.has_remote_cseq, 0);
	inside(&parsed, "BYE", 0, "b/ours", "");
	memcpy(strstr(parsed.text, "call-1"), "call-2", 6);
	assert_int_equal(dialog_accept_request(&dialog, &parsed.message, &flow), 0);
	assert_int_equal(dialog.has_remote_cseq, 1);
	assert_int_equal(dialog.remote_cseq, 0);
}

static void test_matches(void **state)
{
	struct dialog dialog;
	struct parsed parsed;

	(void)state;
	uac(&dialog);
	response(&parsed, 180, "b", CONTACT_BOB);
	assert_false(dialog_matches(&dialog, &parsed.message)); /* it has no peer yet */
	assert_int_equal(answer(&dialog, 180, "b", CONTACT_BOB), 0);
	assert_true(dialog_matches(&dialog, &parsed.message));
	response(&parsed, 180, "B", CONTACT_BOB);
	assert_false(dialog_matches(&dialog, &parsed.message));
	inside(&parsed, "BYE", 1, "b/ours", "");
	assert_false(dialog_matches(&dialog, &parsed.message)); /* another Call-ID */
}

static void test_target_refresh(void **state)
{
	struct dialog dialog;
	struct parsed parsed;
	char contact[DIALOG_TEXT_BYTES + 100];

	(void)state;
	uas(&dialog, CONTACT_ALICE);
	inside(&parsed, "INVITE", 314160, "alice/ours", "Contact: <sip:a@192.0.2.21:5062>\r\n");
	assert_int_equal(dialog_refresh_target(&dialog, &parsed.message), 0);
	check_text(&dialog, dialog.remote_target, "sip:a@192.0.2.21:5062");
	inside(&parsed, "UPDATE", 314161, "alice/ours", "");
	assert_int_equal(dialog_refresh_target(&dialog, &parsed.message), 0);
	check_text(&dialog, dialog.remote_target, "sip:a@192.0.2.21:5062");
	(void)snprintf(contact, sizeof(contact), "Contact: <sip:%0*d@192.0.2.21>\r\n",
		DIALOG_TEXT_BYTES, 1);
	inside(&parsed, "UPDATE", 314162, "alice/ours", contact);
	assert_int_equal(dialog_refresh_target(&dialog, &parsed.message), -ENOSPC);
	check_text(&dialog, dialog.remote_target, "sip:a@192.0.2.21:5062");
	/* For ever: texts never leak into the fixed room. */
	for (int i = 0; i < 1000; i++) {
		(void)snprintf(contact, sizeof(contact), "Contact: <sip:%0*d@192.0.2.21>\r\n",
			1 + i * 37 % 400, 1);
		inside(&parsed, "UPDATE", 314162, "alice/ours", contact);
		assert_int_equal(dialog_refresh_target(&dialog, &parsed.message), 0);
		check_text(&dialog, dialog.local_tag, "ours");
		check_text(&dialog, dialog.local_contact, "<sip:192.0.2.1:5060>");
	}
}

static void test_init_uas_refusals(void **state)
{
	struct dialog dialog;
	struct parsed request;
	struct sip_flow flow = flow_of("192.0.2.2", 5060, SIP_TRANSPORT_UDP);
	char longer[DIALOG_TEXT_BYTES];

	(void)state;
	invite(&request, "");
	assert_int_equal(
		dialog_init_uas(&dialog, &request.message, SPAN("t"), SPAN("<sip:x>"), &flow),
		-EBADMSG);
	invite(&request, CONTACT_ALICE);
	memset(longer, 'x', sizeof(longer));
	assert_int_equal(dialog_init_uas(&dialog, &request.message, SPAN("t"),
				 (struct span){.text = longer, .length = sizeof(longer)}, &flow),
		-ENOSPC);
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
	{"IPv6", "<sip:a@[2001:db8::7]:5099>", SIP_TRANSPORT_UDP, "[2001:db8::7]:5099",
		SIP_TRANSPORT_UDP, 0},
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
	{"websocket", "<sip:a@192.0.2.20;transport=ws>", SIP_TRANSPORT_WS, "192.0.2.2:5060",
		SIP_TRANSPORT_WS, 9},
};

static void test_next_hop(void **state)
{
	(void)state;
	for (size_t i = 0; i < TD_COUNT_OF(HOPS); i++) {
		struct dialog dialog;
		struct parsed request;
		struct sip_flow flow = flow_of("192.0.2.2", 5060, HOPS[i].transport);
		struct sip_flow hop;
		char contact[200];
		char text[TD_ENDPOINT_TEXT_BYTES];

		(void)snprintf(contact, sizeof(contact), "Contact: %s\r\n", HOPS[i].contact);
		invite(&request, contact);
		assert_int_equal(dialog_init_uas(&dialog, &request.message, SPAN("ours"),
					 SPAN("<sip:192.0.2.1>"), &flow),
			0);
		hop = dialog_next_hop(&dialog);
		if (strcmp(td_endpoint_format(&hop.remote, text), HOPS[i].expected) != 0 ||
			hop.transport != HOPS[i].expected_transport ||
			hop.connection_id != HOPS[i].connection_id)
			fail_msg("%s: %s", HOPS[i].name, text);
		assert_true(td_endpoint_equal(&hop.local, &flow.local));
	}
}

static void test_secure_dialog(void **state)
{
	struct dialog dialog;
	struct parsed request;
	struct sip_flow flow = flow_of("192.0.2.2", 5061, SIP_TRANSPORT_TLS);

	(void)state;
	invite(&request, CONTACT_ALICE);
	assert_int_equal(
		dialog_init_uas(&dialog, &request.message, SPAN("t"), SPAN("<sip:x>"), &flow), 0);
	assert_int_equal(dialog.is_secure, 0);
	memcpy(request.text, "INVITE sips:bo@192.0.2.1 SIP/2.0", 32);
	parse(&request);
	assert_int_equal(
		dialog_init_uas(&dialog, &request.message, SPAN("t"), SPAN("<sip:x>"), &flow), 0);
	assert_int_equal(dialog.is_secure, 1);
}

static void test_journaled_rubbish_stays_inside(void **state)
{
	struct dialog dialog;
	struct dialog_text text = {.offset = 1500, .length = 400};

	(void)state;
	memset(&dialog, 0xff, sizeof(dialog));
	assert_int_equal(dialog_span(&dialog, text).length, 0);
	(void)dialog_next_hop(&dialog);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_uas_half),
		cmocka_unit_test(test_uac_half),
		cmocka_unit_test(test_2xx_without_record_route_clears_the_early_one),
		cmocka_unit_test(test_refused_responses_change_nothing),
		cmocka_unit_test(test_forks),
		cmocka_unit_test(test_strict_router),
		cmocka_unit_test(test_target_loses_what_a_request_line_must_not_have),
		cmocka_unit_test(test_sequence_numbers),
		cmocka_unit_test(test_first_request_of_the_peer_sets_its_number),
		cmocka_unit_test(test_matches),
		cmocka_unit_test(test_target_refresh),
		cmocka_unit_test(test_init_uas_refusals),
		cmocka_unit_test(test_next_hop),
		cmocka_unit_test(test_secure_dialog),
		cmocka_unit_test(test_journaled_rubbish_stays_inside),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
