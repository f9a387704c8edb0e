/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The forms of From, To and Contact, and their parameters.
 */
#include "sip/uri.h"

#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

struct form {
	const char *text;
	int result;
	const char *display;
	const char *host;
	const char *tag;
};

static const struct form forms[] = {
	{"sip:a@b", 0, "", "b", ""},
	{"sip:a@b;tag=1;x", 0, "", "b", "1"},
	{"<sip:a@b;user=phone>;tag=1", 0, "", "b", "1"},
	{"  <sip:a@b>\t; tag = 1 ", 0, "", "b", "1"},
	{"\"A \\\"B\\\" <x>\" <sip:a@b>;x=\"y;tag=2\";TAG=3", 0, "A \\\"B\\\" <x>", "b", "3"},
	{"Anna Bell<sip:a@b>", 0, "Anna Bell", "b", ""},
	{"<isbn:29837>;tag=1", -ENOTSUP, "", "", "1"},
	{"isbn:29837;tag=1", -ENOTSUP, "", "", "1"},
	{"", -EINVAL, NULL, NULL, NULL},
	{"Anna", -EINVAL, NULL, NULL, NULL},
	{"<sip:a@b", -EINVAL, NULL, NULL, NULL},
	{"<sip:a@b>x", -EINVAL, NULL, NULL, NULL},
	{"<sip:a@b>;", -EINVAL, NULL, NULL, NULL},
	{"<sip:a@b>;tag", -EINVAL, NULL, NULL, NULL},
	{"<sip:a@b>;tag=", -EINVAL, NULL, NULL, NULL},
	{"<sip:a@b>;tag=1;tag=2", -EINVAL, NULL, NULL, NULL},
	{"<sip:a@b>;x=\"y", -EINVAL, NULL, NULL, NULL},
	{"<sip:a@b>, <sip:c@d>", -EINVAL, NULL, NULL, NULL},
	{"\"A <sip:a@b>", -EINVAL, NULL, NULL, NULL},
	{"\"A\" sip:a@b", -EINVAL, NULL, NULL, NULL},
	{"A, B <sip:a@b>", -EINVAL, NULL, NULL, NULL},
	{"< sip:a@b >", -EINVAL, NULL, NULL, NULL},
	{"sip:a@b?x=y", -EINVAL, NULL, NULL, NULL},
	{"sip:a,b@c", -EINVAL, NULL, NULL, NULL},
};

static void test_forms(void **state)
{
	(void)state;
	for (size_t i = 0; i < TD_COUNT_OF(forms); i++) {
		const struct form *form = &forms[i];
		struct sip_name_addr name_addr;

		if (sip_name_addr_parse(span_from(form->text), &name_addr) != form->result)
			fail_msg("wrong verdict on: %s", form->text);
		if (form->result == -EINVAL)
			continue;
		if (!span_equal(name_addr.display, span_from(form->display)) ||
			!span_equal(name_addr.uri.host, span_from(form->host)) ||
			!span_equal(name_addr.tag, span_from(form->tag)))
			fail_msg("wrong parts of: %s", form->text);
	}
}

static void test_param_find(void **state)
{
	struct span value;

	(void)state;
	assert_true(sip_param_find(SPAN("a=1;B = \"x;y\" ;c"), "b", &value));
	assert_true(span_equal(value, SPAN("x;y")));
	assert_true(sip_param_find(SPAN("a=1;b;c"), "c", &value));
	assert_int_equal(value.length, 0);
	assert_false(sip_param_find(SPAN("a=1;b"), "bb", &value));
	assert_false(sip_param_find(SPAN(""), "a", &value));
	assert_false(sip_param_find((struct span){.text = NULL, .length = 0}, "a", &value));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_forms),
		cmocka_unit_test(test_param_find),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
