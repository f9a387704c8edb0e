/* SPDX-License-Identifier: Apache-2.0 */
/* Which requests pass the questions of RFC 3261 8.2, and what the others are told. */
#include "leg/screen.h"

#include "unit/leg/leg_fixture.h"

#include <tandem/compiler.h>

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#define CONTACT "Contact: <sip:10.1.0.1>\r\n"
#define SDP "Content-Type: application/sdp\r\n"

static const struct {
	const char *name;
	const char *request;
	const char *extra;
	const char *body;
	unsigned initial;   /* status outside a dialog */
	unsigned in_dialog; /* inside */
} rows[] = {
	{"plain INVITE", "INVITE sip:1@h", CONTACT SDP, "v=0\r\n", 0, 0},
	{"tel URI", "INVITE tel:+49301", CONTACT, "", 0, 0},
	{"sips URI", "INVITE sips:1@h", CONTACT, "", 416, 0},
	{"unknown scheme", "INVITE nobody:1@h", CONTACT, "", 416, 0},
	{"100rel is required", "INVITE sip:1@h", CONTACT "Require: 100rel\r\n", "", 420, 420},
	{"100rel is supported", "INVITE sip:1@h", CONTACT "Supported: 100rel\r\n", "", 0, 0},
	{"another body", "INVITE sip:1@h", CONTACT "Content-Type: text/plain\r\n", "x", 415, 415},
	{"encoded body", "INVITE sip:1@h", CONTACT SDP "Content-Encoding: gzip\r\n", "x", 415, 415},
	{"identity encoding", "INVITE sip:1@h", CONTACT SDP "Content-Encoding: identity\r\n", "x",
		0, 0},
	{"no Contact", "INVITE sip:1@h", "", "", 400, 0},
	{"no hops left", "INVITE sip:1@h", CONTACT "Max-Forwards: 0\r\n", "", 483, 0},
	{"OPTIONS", "OPTIONS sip:1@h", "", "", 0, 0},
	{"OPTIONS with a strange body", "OPTIONS sip:1@h", "Content-Type: text/plain\r\n", "x", 0,
		0},
	{"UPDATE", "UPDATE sip:1@h", CONTACT, "", 481, 0},
	{"BYE with Require", "BYE sip:1@h", "Require: x\r\n", "", 420, 0},
	{"INFO", "INFO sip:1@h", "", "", 481, 0},
	{"INFO with a body of its own", "INFO sip:1@h", "Content-Type: application/dtmf\r\n", "5",
		481, 0},
	{"MESSAGE", "MESSAGE sip:1@h", "", "", 405, 405},
	{"REFER", "REFER sip:1@h", "", "", 405, 405},
	{"PRACK", "PRACK sip:1@h", "", "", 481, 0},
	{"REGISTER", "REGISTER sip:h", "", "", 405, 405},
	{"unheard-of method", "DANCE sip:1@h", "", "", 501, 501},
};

static void test_rows(void **state)
{
	struct fixture_message fixture;
	struct leg_screening screening;

	(void)state;
	for (size_t i = 0; i < TD_COUNT_OF(rows); i++) {
		fixture_request(&fixture, rows[i].request, rows[i].extra, rows[i].body);
		leg_screen_initial(&fixture.message, 0, &screening);
		if (screening.status != rows[i].initial)
			fail_msg("%s outside: %u", rows[i].name, screening.status);
		leg_screen_in_dialog(&fixture.message, 0, &screening);
		if (screening.status != rows[i].in_dialog)
			fail_msg("%s inside: %u", rows[i].name, screening.status);
		if (screening.status != 0)
			assert_non_null(screening.reason);
	}
}

static void test_what_goes_with_the_answer(void **state)
{
	struct fixture_message fixture;
	struct leg_screening screening;

	(void)state;
	fixture_request(
		&fixture, "INVITE sip:1@h", CONTACT "Require: 100rel, timer\r\nRequire: x\r\n", "");
	leg_screen_initial(&fixture.message, 0, &screening);
	assert_string_equal(screening.unsupported, "100rel, timer, x");
	fixture_request(&fixture, "MESSAGE sip:1@h", "", "");
	leg_screen_initial(&fixture.message, 0, &screening);
	assert_true(screening.has_allow);
	fixture_request(&fixture, "INVITE sip:1@h", CONTACT "Content-Type: a/b\r\n", "x");
	leg_screen_initial(&fixture.message, 0, &screening);
	assert_true(screening.has_accept);
	assert_false(leg_has_sdp(&fixture.message));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_rows),
		cmocka_unit_test(test_what_goes_with_the_answer),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
