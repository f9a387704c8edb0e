/* SPDX-License-Identifier: Apache-2.0 */
/* What NOTIFYs hold: sipfrag and dialog-info. */
#include "subscription/dialog_info.h"
#include "subscription/sipfrag.h"
#include "subscription/xml.h"

#include <tandem/compiler.h>

#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

static void test_sipfrag_read(void **state)
{
	static const struct {
		const char *body;
		unsigned status; /* 0: refused */
		const char *phrase;
	} cases[] = {
		{"SIP/2.0 100 Trying\r\n", 100, "Trying"},
		{"SIP/2.0 200 OK", 200, "OK"},
		{"sip/2.0 486 Busy Here\r\nWarning: 399 x \"y\"\r\n", 486, "Busy Here"},
		{"SIP/2.0 503 \r\n", 503, ""},
		{"SIP/2.0 603\r\n", 603, ""},
		{"SIP/2.0 180 Ringing\n", 180, "Ringing"},
		{"", 0, NULL},
		{"SIP/2.0 ", 0, NULL},
		{"SIP/2.0 20", 0, NULL},
		{"SIP/2.0 099 X\r\n", 0, NULL},
		{"SIP/2.0 700 X\r\n", 0, NULL},
		{"SIP/2.0 2000 OK\r\n", 0, NULL},
		{"SIP/2.0  200 OK\r\n", 0, NULL},
		{"SIP/3.0 200 OK\r\n", 0, NULL},
		{"INVITE sip:a@b SIP/2.0\r\n", 0, NULL},
		{"Via: SIP/2.0/UDP x\r\n", 0, NULL},
		{" SIP/2.0 200 OK\r\n", 0, NULL},
	};
	struct sipfrag frag;

	(void)state;
	for (size_t i = 0; i < TD_COUNT_OF(cases); i++) {
		int result = sipfrag_parse(span_from(cases[i].body), &frag);

		print_message("case %zu: %s\n", i, cases[i].body);
		assert_int_equal(result, cases[i].status != 0 ? 0 : -EBADMSG);
		if (result != 0)
			continue;
		assert_int_equal(frag.status, cases[i].status);
		assert_true(span_equal(frag.phrase, span_from(cases[i].phrase)));
	}
	assert_int_equal(sipfrag_parse((struct span){"SIP/2.0 200 O\0K\r\n", 18}, &frag), -EBADMSG);
}

static void test_sipfrag_built(void **state)
{
	char buffer[SIPFRAG_BYTES];
	struct sipfrag frag;
	int length = sipfrag_build(buffer, sizeof(buffer), 603, "not here");

	(void)state;
	assert_string_equal(buffer, "SIP/2.0 603 Decline\r\nWarning: 399 tandem \"not here\"\r\n");
	assert_int_equal(length, strlen(buffer));
	assert_int_equal(sipfrag_parse(span_from(buffer), &frag), 0);
	assert_int_equal(frag.status, 603);
	assert_int_equal(sipfrag_build(buffer, sizeof(buffer), 100, NULL), 20);
	assert_string_equal(buffer, "SIP/2.0 100 Trying\r\n");
	assert_int_equal(sipfrag_build(buffer, 20, 100, NULL), -ENOSPC);
	assert_int_equal(sipfrag_build(buffer, 21, 100, NULL), 20);
}

static void test_xml(void **state)
{
	static const struct {
		const char *value;
		const char *expected;
	} cases[] = {
		{"plain", "plain"},
		{"<a href=\"x\">&'</a>", "&lt;a href=&quot;x&quot;&gt;&amp;&apos;&lt;/a&gt;"},
		{"]]>", "]]&gt;"},
		{"J\xc3\xbcrgen \xe2\x82\xac \xf0\x9f\x98\x80",
			"J\xc3\xbcrgen \xe2\x82\xac \xf0\x9f\x98\x80"},
		{"a\tb\rc\nd\x01\x1b[31m\x7f", "a b?c?d??[31m?"},
		{"\xff\xfe", "??"},
		{"\xc0\xaf", "??"},	      /* not the shortest form */
		{"\xe0\x80\xaf", "???"},      /* the same */
		{"\xed\xa0\x80", "???"},      /* a surrogate */
		{"\xef\xbf\xbf", "???"},      /* U+FFFF */
		{"\xf4\x90\x80\x80", "????"}, /* above U+10FFFF */
		{"\xe2\x82", "??"},	      /* cut off */
		{"\xc3", "?"},
		{"x\x80y", "x?y"},
	};
	char buffer[128];
	struct text text;

	(void)state;
	for (size_t i = 0; i < TD_COUNT_OF(cases); i++) {
		text_init(&text, buffer, sizeof(buffer));
		xml_append(&text, span_from(cases[i].value));
		assert_string_equal(buffer, cases[i].expected);
	}
	text_init(&text, buffer, sizeof(buffer));
	xml_append_attribute(&text, "a", SPAN("x\"y"));
	xml_append_attribute(&text, "b", SPAN(""));
	assert_string_equal(buffer, " a=\"x&quot;y\"");
	text_init(&text, buffer, sizeof(buffer));
	xml_append(&text, (struct span){"a\0b", 3});
	assert_string_equal(buffer, "a?b");
}

static void test_dialog_info(void **state)
{
	const struct dialog_info_dialog ringing = {
		.id = 0xabc,
		.call_id = SPAN("c<1>@h"),
		.local_tag = SPAN("l"),
		.remote_tag = SPAN("r"),
		.state = DIALOG_INFO_EARLY,
		.local = {.uri = SPAN("sip:1001@10.2.0.1")},
		.remote = {.uri = SPAN("sip:+49@10.0.0.1"), .display = SPAN("A & B")},
	};
	const struct dialog_info_dialog ended = {
		.id = 1,
		.is_initiator = true,
		.state = DIALOG_INFO_TERMINATED,
		.event = DIALOG_INFO_EVENT_REJECTED,
		.code = 486,
		.duration_s = 7,
	};
	char buffer[1024];
	struct text text;

	(void)state;
	text_init(&text, buffer, sizeof(buffer));
	dialog_info_begin(&text, SPAN("sip:1001@10.0.0.1"), 3, false);
	dialog_info_add(&text, &ringing);
	dialog_info_add(&text, &ended);
	dialog_info_end(&text);
	assert_false(text.has_overflowed);
	assert_string_equal(buffer,
		"<?xml version=\"1.0\" encoding=\"UTF-8\"?>\r\n"
		"<dialog-info xmlns=\"urn:ietf:params:xml:ns:dialog-info\" version=\"3\" "
		"state=\"partial\" entity=\"sip:1001@10.0.0.1\">\r\n"
		"<dialog id=\"abc\" call-id=\"c&lt;1&gt;@h\" local-tag=\"l\" remote-tag=\"r\" "
		"direction=\"recipient\">\r\n"
		"<state>early</state>\r\n"
		"<local><identity>sip:1001@10.2.0.1</identity>"
		"<target uri=\"sip:1001@10.2.0.1\"/></local>\r\n"
		"<remote><identity display=\"A &amp; B\">sip:+49@10.0.0.1</identity>"
		"<target uri=\"sip:+49@10.0.0.1\"/></remote>\r\n"
		"</dialog>\r\n"
		"<dialog id=\"1\" direction=\"initiator\">\r\n"
		"<state event=\"rejected\" code=\"486\">terminated</state>\r\n"
		"<duration>7</duration>\r\n"
		"</dialog>\r\n"
		"</dialog-info>\r\n");
	text_init(&text, buffer, sizeof(buffer));
	dialog_info_begin(&text, SPAN("sip:a@b"), 0, true);
	dialog_info_end(&text);
	assert_non_null(strstr(buffer, "version=\"0\" state=\"full\""));
	text_init(&text, buffer, 100);
	dialog_info_begin(&text, SPAN("sip:a@b"), 0, true);
	dialog_info_end(&text);
	assert_true(text.has_overflowed);
	assert_string_equal(dialog_info_state_token(DIALOG_INFO_CONFIRMED), "confirmed");
	assert_string_equal(dialog_info_state_token(DIALOG_INFO_NONE), "");
	assert_string_equal(dialog_info_state_token((enum dialog_info_state)99), "");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_sipfrag_read),
		cmocka_unit_test(test_sipfrag_built),
		cmocka_unit_test(test_xml),
		cmocka_unit_test(test_dialog_info),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
