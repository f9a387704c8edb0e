/* SPDX-License-Identifier: Apache-2.0 */
#include "sip/contact.h"

#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#define REGISTER                                                           \
	"REGISTER sip:r SIP/2.0\r\nVia: SIP/2.0/UDP h;branch=z9hG4bKa\r\n" \
	"From: <sip:u@r>;tag=a\r\nTo: <sip:u@r>\r\nCall-ID: c\r\nCSeq: 1 REGISTER\r\n"

static void parse(const char *contacts, char *buffer, size_t size, struct sip_message *message)
{
	struct sip_parse_error error;
	int length = snprintf(buffer, size, REGISTER "%sContent-Length: 0\r\n\r\n", contacts);

	if (sip_message_parse(buffer, (size_t)length, false, message, &error) != 0)
		fail_msg("%s: %s", contacts, error.reason);
}

static void test_walk(void **state)
{
	struct sip_contact_cursor cursor = {0};
	struct sip_contact contact;
	struct sip_message message;
	char buffer[2048];

	(void)state;
	parse("Contact: \"A, b\" <sip:a@1.2.3.4>;x=\",\";expires=60;q=0.25, sip:b@h;expires=0\r\n"
	      "m: <sip:c@h>;+sip.instance=\"<urn:uuid:1>\";reg-id=7;expires=99999999999\r\n",
		buffer, sizeof(buffer), &message);
	assert_int_equal(sip_contact_next(&message, &cursor, &contact), 1);
	assert_true(span_equal(contact.name_addr.uri.user, SPAN("a")));
	assert_true(contact.has_expires);
	assert_int_equal(contact.expires_s, 60);
	assert_int_equal(contact.q_permille, 250);
	assert_int_equal(sip_contact_next(&message, &cursor, &contact), 1);
	assert_true(contact.has_expires);
	assert_int_equal(contact.expires_s, 0);
	assert_int_equal(contact.q_permille, SIP_Q_MAX);
	assert_int_equal(contact.instance.length, 0);
	assert_int_equal(sip_contact_next(&message, &cursor, &contact), 1);
	assert_true(span_equal(contact.instance, SPAN("<urn:uuid:1>")));
	assert_int_equal(contact.reg_id, 7);
	assert_int_equal(contact.expires_s, SIP_EXPIRES_MALFORMED);
	assert_int_equal(sip_contact_next(&message, &cursor, &contact), 0);
	assert_int_equal(sip_contact_next(&message, &cursor, &contact), 0);
}

static void test_star_and_none(void **state)
{
	struct sip_contact_cursor cursor = {0};
	struct sip_contact contact;
	struct sip_message message;
	char buffer[2048];

	(void)state;
	parse("Contact: *\r\n", buffer, sizeof(buffer), &message);
	assert_int_equal(sip_contact_next(&message, &cursor, &contact), 1);
	assert_true(contact.is_star);
	assert_int_equal(sip_contact_next(&message, &cursor, &contact), 0);
	parse("", buffer, sizeof(buffer), &message);
	cursor = (struct sip_contact_cursor){0};
	assert_int_equal(sip_contact_next(&message, &cursor, &contact), 0);
}

static void test_parameters(void **state)
{
	static const struct {
		const char *params;
		int result;
		uint32_t q_permille;
	} cases[] = {
		{"q=1", 1, 1000},
		{"q=1.000", 1, 1000},
		{"q=0", 1, 0},
		{"q=0.", 1, 0},
		{"q=0.1", 1, 100},
		{"q=0.05", 1, 50},
		{"q=0.999", 1, 999},
		{"Q=0.5", 1, 500},
		{"q=1.001", -EBADMSG, 0},
		{"q=2", -EBADMSG, 0},
		{"q=0.1234", -EBADMSG, 0},
		{"q=x", -EBADMSG, 0},
		{"q=0x1", -EBADMSG, 0},
		{"q", -EBADMSG, 0},
		{"reg-id=0", -EBADMSG, 0},
		{"reg-id=2147483648", -EBADMSG, 0},
		{"reg-id=2147483647", 1, 1000},
		{"reg-id=a", -EBADMSG, 0},
		{"other=\"a;b,c\";more", 1, 1000},
	};
	char contacts[256];
	char buffer[2048];

	(void)state;
	for (size_t i = 0; i < TD_COUNT_OF(cases); i++) {
		struct sip_contact_cursor cursor = {0};
		struct sip_contact contact;
		struct sip_message message;

		(void)snprintf(
			contacts, sizeof(contacts), "Contact: <sip:a@h>;%s\r\n", cases[i].params);
		parse(contacts, buffer, sizeof(buffer), &message);
		if (sip_contact_next(&message, &cursor, &contact) != cases[i].result)
			fail_msg("%s", cases[i].params);
		if (cases[i].result == 1)
			assert_int_equal(contact.q_permille, cases[i].q_permille);
	}
}

static void test_expires(void **state)
{
	(void)state;
	assert_int_equal(sip_expires_parse(SPAN("0")), 0);
	assert_int_equal(sip_expires_parse(SPAN(" 3 ")), 3);
	assert_int_equal(sip_expires_parse(SPAN("4294967295")), UINT32_MAX);
	assert_int_equal(sip_expires_parse(SPAN("4294967296")), SIP_EXPIRES_MALFORMED);
	assert_int_equal(sip_expires_parse(SPAN("")), SIP_EXPIRES_MALFORMED);
	assert_int_equal(sip_expires_parse(SPAN("-1")), SIP_EXPIRES_MALFORMED);
	assert_int_equal(sip_expires_parse(SPAN("Sat, 01 Dec 2040")), SIP_EXPIRES_MALFORMED);
}

static void test_dates(void **state)
{
	static const struct {
		uint64_t seconds;
		const char *text;
	} cases[] = {
		{0, "Thu, 01 Jan 1970 00:00:00 GMT"},
		{1289690940, "Sat, 13 Nov 2010 23:29:00 GMT"}, /* RFC 3261 20.17 */
		{951782399, "Mon, 28 Feb 2000 23:59:59 GMT"},
		{951782400, "Tue, 29 Feb 2000 00:00:00 GMT"},
		{951868800, "Wed, 01 Mar 2000 00:00:00 GMT"},
		{4107542400, "Mon, 01 Mar 2100 00:00:00 GMT"},
		{4107542399, "Sun, 28 Feb 2100 23:59:59 GMT"},
		{1767225599, "Wed, 31 Dec 2025 23:59:59 GMT"},
	};
	char date[SIP_DATE_BYTES];

	(void)state;
	for (size_t i = 0; i < TD_COUNT_OF(cases); i++)
		assert_string_equal(
			sip_date_format(cases[i].seconds * 1000000000u, date), cases[i].text);
}

/* The examples of RFC 3261 19.1.4 and what they leave out. */
static void test_equal(void **state)
{
	static const struct {
		const char *a;
		const char *b;
		bool is_equal;
	} cases[] = {
		{"sip:%61lice@atlanta.com;transport=TCP", "sip:alice@AtLanTa.CoM;Transport=tcp",
			true},
		{"sip:carol@chicago.com", "sip:carol@chicago.com;newparam=5", true},
		{"sip:carol@chicago.com", "sip:carol@chicago.com;security=on", true},
		{"sip:carol@chicago.com;newparam=5", "sip:carol@chicago.com;security=on", true},
		{"sip:biloxi.com;transport=tcp;method=REGISTER?to=sip:bob%40biloxi.com",
			"sip:biloxi.com;method=REGISTER;transport=tcp?to=sip:bob%40biloxi.com",
			true},
		{"sip:alice@atlanta.com?subject=project%20x&priority=urgent",
			"sip:alice@atlanta.com?priority=urgent&subject=project%20x", true},
		{"SIP:ALICE@AtLanTa.CoM;Transport=udp", "sip:alice@AtLanTa.CoM;Transport=UDP",
			false},
		{"sip:bob@biloxi.com", "sip:bob@biloxi.com:5060", false},
		{"sip:bob@biloxi.com", "sip:bob@biloxi.com;transport=udp", false},
		{"sip:bob@biloxi.com;transport=udp", "sip:bob@biloxi.com;transport=tcp", false},
		{"sip:bob@biloxi.com", "sip:bob@biloxi.com:6000;transport=tcp", false},
		{"sip:carol@chicago.com", "sip:carol@chicago.com?Subject=next%20meeting", false},
		{"sip:bob@phone21.boxesbybob.com", "sip:bob@192.0.2.4", false},
		{"sip:carol@chicago.com;security=on", "sip:carol@chicago.com;security=off", false},
		{"sip:a@h", "sips:a@h", false},
		{"sip:a:p@h", "sip:a@h", false},
		{"sip:a%3Bb@h", "sip:a;b@h", false},
		{"sip:a%2Db@h", "sip:a-b@h", true},
		{"sip:a@[2001:db8::1]", "sip:a@[2001:DB8:0::1]", true},
		{"sip:a@h;lr", "sip:a@h;lr", true},
		{"sip:a@h;x", "sip:a@h;x=1", false},
		{"sip:ab@h", "sip:a@h", false},
		{"tel:+49-30", "tel:+49-30", true},
		{"tel:+4930", "tel:+4931", false},
	};

	(void)state;
	for (size_t i = 0; i < TD_COUNT_OF(cases); i++) {
		struct sip_uri a;
		struct sip_uri b;

		assert_int_equal(sip_uri_parse(span_from(cases[i].a), &a), 0);
		assert_int_equal(sip_uri_parse(span_from(cases[i].b), &b), 0);
		if (sip_uri_equal(&a, &b) != cases[i].is_equal ||
			sip_uri_equal(&b, &a) != cases[i].is_equal)
			fail_msg("%s %s", cases[i].a, cases[i].b);
		assert_true(sip_uri_equal(&a, &a));
	}
}

int main(void)
{
	static const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_walk),
		cmocka_unit_test(test_star_and_none),
		cmocka_unit_test(test_parameters),
		cmocka_unit_test(test_expires),
		cmocka_unit_test(test_dates),
		cmocka_unit_test(test_equal),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
