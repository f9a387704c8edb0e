/* SPDX-License-Identifier: Apache-2.0 */
/* Refer-To as peers write it, and as we do. */
#include "subscription/refer_to.h"

#include <tandem/compiler.h>

#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#define assert_span(span, expected) assert_true(span_equal((span), span_from(expected)))
#define CALL_ID "?Replaces=c%40h%3Bto-tag%3Dt%3Bfrom-tag%3Df"

static void test_reads(void **state)
{
	static const struct {
		const char *value;
		int result;
		const char *target;
		const char *method;
		const char *call_id; /* of Replaces; "": none */
	} cases[] = {
		{"sip:bob@example.com", 0, "sip:bob@example.com", "", ""},
		{"\"Bob\" <sip:bob@example.com:5070;transport=tcp>;x=y", 0,
			"sip:bob@example.com:5070;transport=tcp", "", ""},
		{"<sip:bob@example.com;method=SUBSCRIBE;user=phone>", 0,
			"sip:bob@example.com;user=phone", "SUBSCRIBE", ""},
		{"<tel:+49305551234;phone-context=x>", 0, "tel:+49305551234;phone-context=x", "",
			""},
		{"<sip:bob@example.com" CALL_ID ">", 0, "sip:bob@example.com", "", "c@h"},
		{"<sip:b@x;a=1?Subject=hi&replaces=12%40192.0.2.1%3bearly-only%3B"
		 "to-tag%3Dt%3Bfrom-tag%3Df&Accept-Contact=%2a>",
			0, "sip:b@x;a=1", "", "12@192.0.2.1"},
		{"<sip:b@x?Re%70laces=c%3Bto-tag=t%3Bfrom-tag=f>", 0, "sip:b@x", "", "c"},
		{"sip:bob@example.com" CALL_ID, -EBADMSG, "", "", ""}, /* needs brackets */
		{"<sip:b@x?Replaces=c%3Bto-tag%3Dt>", -EBADMSG, "", "", ""},
		{"<sip:b@x?Replaces=>", -EBADMSG, "", "", ""},
		{"<sip:b@x" CALL_ID "&Replaces=c%3Bto-tag%3Dt%3Bfrom-tag%3Df>", -EBADMSG, "", "",
			""},
		{"<sip:b@x?Replaces=c%00%3Bto-tag%3Dt%3Bfrom-tag%3Df>", -EBADMSG, "", "", ""},
		{"<sip:b@x?Replaces=c%0d%0aEvil%3Bto-tag%3Dt%3Bfrom-tag%3Df>", -EBADMSG, "", "",
			""},
		{"<sip:b@x?=x>", -EBADMSG, "", "", ""},
		{"<sip:b@x;method>", -EBADMSG, "", "", ""},
		{"<sip:b@x>, <sip:c@x>", -EBADMSG, "", "", ""},
		{"<sip:b@x", -EBADMSG, "", "", ""},
		{"<mailto:b@x>", -ENOTSUP, "", "", ""},
		{"", -EBADMSG, "", "", ""},
	};
	struct refer_to refer_to;

	(void)state;
	for (size_t i = 0; i < TD_COUNT_OF(cases); i++) {
		print_message("Refer-To: %s\n", cases[i].value);
		assert_int_equal(
			refer_to_parse(span_from(cases[i].value), &refer_to), cases[i].result);
		if (cases[i].result != 0)
			continue;
		assert_span(refer_to.target, cases[i].target);
		assert_span(refer_to.method, cases[i].method);
		assert_int_equal(refer_to.has_replaces, cases[i].call_id[0] != '\0');
		assert_span(refer_to.replaces.call_id, cases[i].call_id);
	}
}

static void test_too_long(void **state)
{
	char value[REFER_TO_REPLACES_BYTES * 2];
	struct refer_to refer_to;
	struct text text;

	(void)state;
	text_init(&text, value, sizeof(value));
	text_append_string(&text, "<sip:");
	while (text.length < REFER_TO_REPLACES_BYTES + 10)
		text_append_char(&text, 'a');
	text_append_string(&text, "@b>");
	assert_int_equal(refer_to_parse(text_span(&text), &refer_to), -ENOSPC);
	text_init(&text, value, sizeof(value));
	text_append_string(&text, "<sip:a@b?Replaces=");
	while (text.length < REFER_TO_REPLACES_BYTES + 20)
		text_append_char(&text, 'a');
	text_append_string(&text, "%3Bto-tag%3Dt%3Bfrom-tag%3Df>");
	assert_int_equal(refer_to_parse(text_span(&text), &refer_to), -ENOSPC);
	text_init(&text, value, sizeof(value));
	text_append_string(&text, "<sip:a@b?a=b");
	for (unsigned i = 0; i < REFER_TO_HEADERS_MAX; i++)
		text_append_string(&text, "&a=b");
	text_append_char(&text, '>');
	assert_int_equal(refer_to_parse(text_span(&text), &refer_to), -EBADMSG);
}

/* What we write is read back as the same. */
static void test_round_trip(void **state)
{
	const struct dialog_name replaces = {.call_id = SPAN("a.b%+x@[2001:db8::1]"),
		.receiver_tag = SPAN("to*1"),
		.other_tag = SPAN("from~2'`!"),
		.is_early_only = true};
	char value[512];
	struct refer_to refer_to;
	struct text text;

	(void)state;
	text_init(&text, value, sizeof(value));
	refer_to_build(&text, SPAN("sip:1001@10.2.0.1:5060;transport=tcp"), &replaces);
	assert_false(text.has_overflowed);
	assert_null(strchr(value, '+'));
	assert_int_equal(refer_to_parse(text_span(&text), &refer_to), 0);
	assert_span(refer_to.target, "sip:1001@10.2.0.1:5060;transport=tcp");
	assert_true(refer_to.has_replaces);
	assert_span(refer_to.replaces.call_id, "a.b%+x@[2001:db8::1]");
	assert_span(refer_to.replaces.receiver_tag, "to*1");
	assert_span(refer_to.replaces.other_tag, "from~2'`!");
	assert_true(refer_to.replaces.is_early_only);
	text_init(&text, value, sizeof(value));
	refer_to_build(&text, SPAN("tel:+4930"), NULL);
	assert_string_equal(value, "<tel:+4930>");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_reads),
		cmocka_unit_test(test_too_long),
		cmocka_unit_test(test_round_trip),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
