/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Tables of methods, headers and statuses agree with themselves.
 */
#include "sip/message.h"

#include <ctype.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

static void test_every_header_is_found(void **state)
{
	char upper[32];

	(void)state;
	for (unsigned id = SIP_HEADER_OTHER + 1; id < SIP_HEADER_COUNT; id++) {
		const char *name = sip_header_name((enum sip_header_id)id);
		size_t length = strlen(name);

		assert_int_equal(sip_header_find(span_from(name)), id);
		for (size_t i = 0; i <= length; i++)
			upper[i] = (char)toupper((unsigned char)name[i]);
		assert_int_equal(sip_header_find(span_from(upper)), id);
	}
}

struct compact {
	char letter;
	enum sip_header_id id;
};

static const struct compact compacts[] = {
#define COMPACT(constant, name, letter) {letter, SIP_HEADER_##constant},
	SIP_HEADERS(COMPACT)
#undef COMPACT
};

static void test_every_compact_form_is_found(void **state)
{
	(void)state;
	for (size_t i = 0; i < TD_COUNT_OF(compacts); i++) {
		struct span name = {.text = &compacts[i].letter, .length = 1};

		if (compacts[i].letter != 0)
			assert_int_equal(sip_header_find(name), compacts[i].id);
	}
	assert_int_equal(sip_header_find(SPAN("V")), SIP_HEADER_VIA);
	assert_int_equal(sip_header_find(SPAN("z")), SIP_HEADER_OTHER);
	assert_int_equal(sip_header_find(SPAN("1")), SIP_HEADER_OTHER);
}

static void test_unknown_headers(void **state)
{
	(void)state;
	assert_int_equal(sip_header_find(SPAN("")), SIP_HEADER_OTHER);
	assert_int_equal(sip_header_find(SPAN("Vib")), SIP_HEADER_OTHER);
	assert_int_equal(sip_header_find(SPAN("Content-Lengthy")), SIP_HEADER_OTHER);
	assert_int_equal(sip_header_find(SPAN("A-Header-Name-Longer-Than-Any")), SIP_HEADER_OTHER);
	assert_string_equal(sip_header_name(SIP_HEADER_COUNT), "?");
}

static void test_methods(void **state)
{
	(void)state;
	for (unsigned i = SIP_METHOD_OTHER + 1; i < SIP_METHOD_COUNT; i++)
		assert_int_equal(
			sip_method_find(span_from(sip_method_name((enum sip_method)i))), i);
	assert_int_equal(sip_method_find(SPAN("invite")), SIP_METHOD_OTHER);
	assert_int_equal(sip_method_find(SPAN("")), SIP_METHOD_OTHER);
	assert_string_equal(sip_method_name(SIP_METHOD_OTHER), "?");
}

static void test_phrases(void **state)
{
	(void)state;
	assert_string_equal(sip_status_phrase(100), "Trying");
	assert_string_equal(sip_status_phrase(486), "Busy Here");
	assert_string_equal(sip_status_phrase(608), "Rejected");
	assert_string_equal(sip_status_phrase(299), "");
	assert_string_equal(sip_status_phrase(0), "");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_every_header_is_found),
		cmocka_unit_test(test_every_compact_form_is_found),
		cmocka_unit_test(test_unknown_headers),
		cmocka_unit_test(test_methods),
		cmocka_unit_test(test_phrases),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
