/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Dialogs after RFC 3261 12: both halves, sequence numbers, target refresh, forks, what is
 * refused.
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

static void test_uas_half(void **state)
{
	struct dialog dialog;

	(void)state;
	talk_uas(&dialog, "Record-Route: <sip:192.0.2.10;lr>, <sip:192.0.2.11;lr>\r\n"
			  "Record-Route: <sip:192.0.2.12;lr>\r\n"
			  "Contact: <sip:alice@192.0.2.20>\r\n");
	talk_check_text(&dialog, dialog.call_id, "call-1");
	talk_check_text(&dialog, dialog.local_tag, "ours");
	talk_check_text(&dialog, dialog.remote_tag, "alice");
	talk_check_text(&dialog, dialog.local_uri, "Bob <sip:bob@192.0.2.1>");
	talk_check_text(&dialog, dialog.remote_uri, "\"A; tag=x\" <sip:alice@192.0.2.2>;x=1");
	talk_check_text(&dialog, dialog.remote_target, "sip:alice@192.0.2.20");
	talk_check_text(&dialog, dialog.routes,
		"<sip:192.0.2.10;lr>\n<sip:192.0.2.11;lr>\n<sip:192.0.2.12;lr>");
	assert_int_equal(dialog.route_count, 3);
	assert_int_equal(dialog.remote_cseq, 314159);
	assert_int_equal(dialog.state, DIALOG_EARLY);
	assert_int_equal(dialog.is_uac, 0);
	assert_string_equal(talk_built(&dialog, SIP_METHOD_BYE, 0),
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
	dialog_fini(&dialog);
}

static void test_uac_half(void **state)
{
	struct dialog dialog;
	const char *text;

	(void)state;
	talk_uac(&dialog);
	assert_int_equal(talk_answer(&dialog, 180, "b1",
				 "Record-Route: <sip:192.0.2.40;lr>\r\n"
				 "Contact: <sip:bob@192.0.2.31>\r\n"),
		0);
	assert_int_equal(dialog.state, DIALOG_EARLY);
	talk_check_text(&dialog, dialog.routes, "<sip:192.0.2.40;lr>");
	talk_check_text(&dialog, dialog.remote_tag, "b1");
	/* The 2xx computes the route set anew, in reverse order. */
	assert_int_equal(talk_answer(&dialog, 200, "b1",
				 "Record-Route: <sip:192.0.2.41;lr>\r\n"
				 "Record-Route: <sip:192.0.2.42;lr>\r\n"
				 "Contact: <sip:bob@192.0.2.30:5070>\r\n"),
		0);
	assert_int_equal(dialog.state, DIALOG_CONFIRMED);
	talk_check_text(&dialog, dialog.routes, "<sip:192.0.2.42;lr>\n<sip:192.0.2.41;lr>");
	text = talk_built(&dialog, SIP_METHOD_ACK, 1);
	assert_non_null(strstr(text, "ACK sip:bob@192.0.2.30:5070 SIP/2.0\r\n"));
	assert_non_null(
		strstr(text, "Route: <sip:192.0.2.42;lr>\r\nRoute: <sip:192.0.2.41;lr>\r\n"));
	assert_non_null(strstr(text, "CSeq: 1 ACK\r\n"));
	assert_null(strstr(text, "Contact:"));
	assert_int_equal(dialog.local_cseq, 1);
	text = talk_built(&dialog, SIP_METHOD_INVITE, 0);
	assert_non_null(strstr(text, "CSeq: 2 INVITE\r\n"));
	assert_non_null(strstr(text, "Contact: <sip:192.0.2.1:5060>\r\n"));
	assert_int_equal(dialog.local_cseq, 2);
	dialog_fini(&dialog);
}

static void test_2xx_without_record_route_clears_the_early_one(void **state)
{
	struct dialog dialog;

	(void)state;
	talk_uac(&dialog);
	assert_int_equal(
		talk_answer(&dialog, 183, "b1", "Record-Route: <sip:192.0.2.40;lr>\r\n"), 0);
	talk_check_text(&dialog, dialog.remote_target, "sip:bob@192.0.2.3"); /* no Contact yet */
	assert_int_equal(talk_answer(&dialog, 200, "b1", CONTACT_BOB), 0);
	talk_check_text(&dialog, dialog.routes, "");
	assert_int_equal(dialog.route_count, 0);
	dialog_fini(&dialog);
}

static void test_refused_responses_change_nothing(void **state)
{
	struct dialog dialog;
	struct dialog before;
	char text[TEXT_BYTES];
	char many[TEXT_BYTES] = "";

	(void)state;
	talk_uac(&dialog);
	before = dialog;
	memcpy(text, dialog.text, dialog.text_bytes);
	assert_int_equal(talk_answer(&dialog, 180, "", CONTACT_BOB), -EBADMSG);
	assert_int_equal(talk_answer(&dialog, 200, "b", ""), -EBADMSG);
	assert_int_equal(
		talk_answer(&dialog, 200, "b", "Contact: <tel:+4930123456>\r\n"), -EBADMSG);
	assert_int_equal(talk_answer(&dialog, 200, "b",
				 "Record-Route: <tel:+4930123456>\r\n"
				 "Contact: <sip:bob@192.0.2.30>\r\n"),
		-EBADMSG);
	strcat(many, CONTACT_BOB);
	for (int i = 0; i < SIP_ROUTES_MAX; i++) {
		char line[400];

		(void)snprintf(
			line, sizeof(line), "Record-Route: <sip:%0*d@192.0.2.40;lr>\r\n", 300, i);
		strcat(many, line);
	}
	assert_int_equal(talk_answer(&dialog, 200, "b", many), -ENOSPC);
	talk_heap.fail_countdown = 1;
	assert_int_equal(talk_answer(&dialog, 200, "b", CONTACT_BOB), -ENOMEM);
	assert_memory_equal(&dialog, &before, sizeof(dialog));
	assert_memory_equal(text, dialog.text, dialog.text_bytes);
	dialog_fini(&dialog);
}

static void test_forks(void **state)
{
	struct dialog dialog;

	(void)state;
	talk_uac(&dialog);
	assert_int_equal(talk_answer(&dialog, 180, "b1", CONTACT_BOB), 0);
	assert_int_equal(talk_answer(&dialog, 180, "b2", "Contact: <sip:bob@192.0.2.32>\r\n"), 0);
	talk_check_text(&dialog, dialog.remote_tag, "b2"); /* the one that spoke last */
	talk_check_text(&dialog, dialog.remote_target, "sip:bob@192.0.2.32");
	assert_int_equal(talk_answer(&dialog, 200, "b1", CONTACT_BOB), 0);
	talk_check_text(&dialog, dialog.remote_tag, "b1");
	assert_int_equal(talk_answer(&dialog, 200, "b2", CONTACT_BOB), -EEXIST);
	assert_int_equal(talk_answer(&dialog, 180, "b2", CONTACT_BOB), -EEXIST);
	assert_int_equal(talk_answer(&dialog, 200, "b1", "Contact: <sip:x@192.0.2.99>\r\n"), 0);
	talk_check_text(&dialog, dialog.remote_target, "sip:bob@192.0.2.30:5070");
	talk_check_text(&dialog, dialog.remote_tag, "b1");
	dialog_fini(&dialog);
}

static unsigned ask(struct dialog *dialog, const char *method, unsigned cseq, const char *tags)
{
	struct parsed parsed;
	struct sip_flow flow = talk_flow("192.0.2.22", 5066, SIP_TRANSPORT_UDP);

	talk_inside(&parsed, method, cseq, tags, "");
	return dialog_accept_request(dialog, &parsed.message, &flow);
}

static void test_sequence_numbers(void **state)
{
	struct dialog dialog;

	(void)state;
	talk_uas(&dialog, CONTACT_ALICE);
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
	dialog_fini(&dialog);
}

static void test_first_request_of_the_peer_sets_its_number(void **state)
{
	struct dialog dialog;
	struct parsed parsed;
	struct sip_flow flow = talk_flow("192.0.2.3", 5060, SIP_TRANSPORT_UDP);

	(void)state;
	talk_uac(&dialog);
	assert_int_equal(talk_answer(&dialog, 200, "b", CONTACT_BOB), 0);
	assert_int_equal(dialog.has_remote_cseq, 0);
	talk_inside(&parsed, "BYE", 0, "b/ours", "");
	memcpy(strstr(parsed.text, "call-1"), "call-2", 6);
	assert_int_equal(dialog_accept_request(&dialog, &parsed.message, &flow), 0);
	assert_int_equal(dialog.has_remote_cseq, 1);
	assert_int_equal(dialog.remote_cseq, 0);
	dialog_fini(&dialog);
}

static void test_matches(void **state)
{
	struct dialog dialog;
	struct parsed parsed;

	(void)state;
	talk_uac(&dialog);
	talk_response(&parsed, 180, "b", CONTACT_BOB);
	assert_false(dialog_matches(&dialog, &parsed.message)); /* it has no peer yet */
	assert_int_equal(talk_answer(&dialog, 180, "b", CONTACT_BOB), 0);
	assert_true(dialog_matches(&dialog, &parsed.message));
	talk_response(&parsed, 180, "B", CONTACT_BOB);
	assert_false(dialog_matches(&dialog, &parsed.message));
	talk_inside(&parsed, "BYE", 1, "b/ours", "");
	assert_false(dialog_matches(&dialog, &parsed.message)); /* another Call-ID */
	dialog_fini(&dialog);
}

static void test_target_refresh(void **state)
{
	struct dialog dialog;
	struct parsed parsed;
	char contact[DIALOG_TEXT_MAX_BYTES + 100];

	(void)state;
	talk_uas(&dialog, CONTACT_ALICE);
	talk_inside(
		&parsed, "INVITE", 314160, "alice/ours", "Contact: <sip:a@192.0.2.21:5062>\r\n");
	assert_int_equal(dialog_refresh_target(&dialog, &parsed.message), 0);
	talk_check_text(&dialog, dialog.remote_target, "sip:a@192.0.2.21:5062");
	talk_inside(&parsed, "UPDATE", 314161, "alice/ours", "");
	assert_int_equal(dialog_refresh_target(&dialog, &parsed.message), 0);
	talk_check_text(&dialog, dialog.remote_target, "sip:a@192.0.2.21:5062");
	(void)snprintf(contact, sizeof(contact), "Contact: <sip:%0*d@192.0.2.21>\r\n",
		DIALOG_TEXT_MAX_BYTES, 1);
	talk_inside(&parsed, "UPDATE", 314162, "alice/ours", contact);
	assert_int_equal(dialog_refresh_target(&dialog, &parsed.message), -ENOSPC);
	talk_check_text(&dialog, dialog.remote_target, "sip:a@192.0.2.21:5062");
	/* For ever: texts never leak into the fixed room. */
	for (int i = 0; i < 1000; i++) {
		(void)snprintf(contact, sizeof(contact), "Contact: <sip:%0*d@192.0.2.21>\r\n",
			1 + i * 37 % 400, 1);
		talk_inside(&parsed, "UPDATE", 314162, "alice/ours", contact);
		assert_int_equal(dialog_refresh_target(&dialog, &parsed.message), 0);
		talk_check_text(&dialog, dialog.local_tag, "ours");
		talk_check_text(&dialog, dialog.local_contact, "<sip:192.0.2.1:5060>");
	}
	dialog_fini(&dialog);
}

static const struct dialog_half HALF = {
	.heap = &talk_heap,
	.local_tag = {.text = "t", .length = 1},
	.local_contact = {.text = "<sip:x>", .length = 7},
};

static void test_init_uas_refusals(void **state)
{
	struct dialog dialog;
	struct parsed request;
	struct sip_flow flow = talk_flow("192.0.2.2", 5060, SIP_TRANSPORT_UDP);
	char longer[DIALOG_TEXT_MAX_BYTES];
	struct dialog_half half = HALF;

	(void)state;
	talk_invite(&request, "");
	assert_int_equal(dialog_init_uas(&dialog, &request.message, &HALF, &flow), -EBADMSG);
	talk_invite(&request, CONTACT_ALICE);
	memset(longer, 'x', sizeof(longer));
	half.local_contact = (struct span){.text = longer, .length = sizeof(longer)};
	assert_int_equal(dialog_init_uas(&dialog, &request.message, &half, &flow), -ENOSPC);
	talk_heap.fail_countdown = 1;
	assert_int_equal(dialog_init_uas(&dialog, &request.message, &HALF, &flow), -ENOMEM);
}

static void test_secure_dialog(void **state)
{
	struct dialog dialog;
	struct parsed request;
	struct sip_flow flow = talk_flow("192.0.2.2", 5061, SIP_TRANSPORT_TLS);

	(void)state;
	talk_invite(&request, CONTACT_ALICE);
	assert_int_equal(dialog_init_uas(&dialog, &request.message, &HALF, &flow), 0);
	assert_int_equal(dialog.is_secure, 0);
	dialog_fini(&dialog);
	memcpy(request.text, "INVITE sips:bo@192.0.2.1 SIP/2.0", 32);
	talk_parse(&request);
	assert_int_equal(dialog_init_uas(&dialog, &request.message, &HALF, &flow), 0);
	assert_int_equal(dialog.is_secure, 1);
	dialog_fini(&dialog);
}

static void test_journaled_rubbish_stays_inside(void **state)
{
	struct dialog dialog;
	struct dialog_text text = {.offset = 1500, .length = 400};

	(void)state;
	memset(&dialog, 0xff, sizeof(dialog));
	assert_int_equal(dialog_restore(&dialog, &talk_heap, SPAN("text")), -EBADMSG);
	dialog.state = DIALOG_EARLY;
	assert_int_equal(dialog_restore(&dialog, &talk_heap, SPAN("text")), -EBADMSG);
	dialog.text_bytes = 4;
	assert_int_equal(dialog_restore(&dialog, &talk_heap, SPAN("text")), -EBADMSG);
	assert_int_equal(dialog_span(&dialog, text).length, 0);
	(void)dialog_next_hop(&dialog);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_teardown(test_uas_half, talk_teardown),
		cmocka_unit_test_teardown(test_uac_half, talk_teardown),
		cmocka_unit_test_teardown(
			test_2xx_without_record_route_clears_the_early_one, talk_teardown),
		cmocka_unit_test_teardown(test_refused_responses_change_nothing, talk_teardown),
		cmocka_unit_test_teardown(test_forks, talk_teardown),
		cmocka_unit_test_teardown(test_sequence_numbers, talk_teardown),
		cmocka_unit_test_teardown(
			test_first_request_of_the_peer_sets_its_number, talk_teardown),
		cmocka_unit_test_teardown(test_matches, talk_teardown),
		cmocka_unit_test_teardown(test_target_refresh, talk_teardown),
		cmocka_unit_test_teardown(test_init_uas_refusals, talk_teardown),
		cmocka_unit_test_teardown(test_secure_dialog, talk_teardown),
		cmocka_unit_test_teardown(test_journaled_rubbish_stays_inside, talk_teardown),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
