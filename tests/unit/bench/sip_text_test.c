/* SPDX-License-Identifier: Apache-2.0 */
/* What the generator reads out of messages, and what it refuses to read. */
#include "calls/sip_text.h"

#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <string.h>

#include <cmocka.h>

#define ANSWER                                                                           \
	"SIP/2.0 200 OK\r\n"                                                             \
	"Via: SIP/2.0/UDP 192.0.2.1:5060;branch=z9hG4bKa;received=192.0.2.1\r\n"         \
	"Via: SIP/2.0/UDP 192.0.2.2;branch=z9hG4bKb\r\n"                                 \
	"From: <sip:a@192.0.2.1>;tag=one\r\nTo: \"B\" <sip:b@192.0.2.3>;tag=two;x=y\r\n" \
	"Call-ID:  0000000042-tandem-bench@192.0.2.1 \r\nCSeq: 7 INVITE\r\n"             \
	"Contact: \"B\" <sip:b@192.0.2.9:5062>;expires=3\r\n"                            \
	"Retry-After: 12 (busy)\r\nContent-Length: 4\r\n\r\nbodyrest"

#define assert_piece(piece, text) assert_true(piece_is((piece), (text)))

static void test_reads_an_answer(void **state)
{
	struct sip_view view;
	uint64_t id = 0;

	(void)state;
	assert_int_equal(sip_view_read(ANSWER, sizeof(ANSWER) - 1, &view), 0);
	assert_int_equal(view.status, 200);
	assert_piece(view.method, "INVITE");
	assert_piece(view.branch, "z9hG4bKa");
	assert_piece(view.vias,
		"Via: SIP/2.0/UDP 192.0.2.1:5060;branch=z9hG4bKa;received=192.0.2.1\r\n"
		"Via: SIP/2.0/UDP 192.0.2.2;branch=z9hG4bKb\r\n");
	assert_piece(view.from, "<sip:a@192.0.2.1>;tag=one");
	assert_piece(view.to_tag, "two");
	assert_piece(view.cseq, "7 INVITE");
	assert_piece(view.contact_uri, "sip:b@192.0.2.9:5062");
	assert_piece(view.body, "body");
	assert_int_equal(view.retry_after_s, 12);
	assert_false(view.has_record_route);
	assert_true(piece_number_before(view.call_id, '-', &id));
	assert_int_equal(id, 42);
}

static void test_reads_a_request(void **state)
{
	static const char text[] =
		"BYE sip:+49300000000007@192.0.2.1:5060 SIP/2.0\r\n"
		"Via: SIP/2.0/UDP h;branch=z9hG4bKc;rport\r\nFrom: <sip:a@h>;tag=1\r\n"
		"To: <sip:b@h>\r\nCall-ID: x\r\nCSeq: 1 BYE\r\nRecord-Route: <sip:p;lr>\r\n"
		"Contact: sip:c@h\r\n\r\n";
	struct sip_view view;
	uint64_t number = 0;

	(void)state;
	assert_int_equal(sip_view_read(text, sizeof(text) - 1, &view), 0);
	assert_int_equal(view.status, 0);
	assert_piece(view.method, "BYE");
	assert_piece(view.uri, "sip:+49300000000007@192.0.2.1:5060");
	assert_piece(view.contact_uri, "sip:c@h");
	assert_int_equal(view.to_tag.length, 0);
	assert_int_equal(view.body.length, 0);
	assert_true(view.has_record_route);
	assert_true(piece_number_before(view.uri, '@', &number));
	assert_int_equal(number, 49300000000007);
	assert_false(piece_number_before(view.call_id, '@', &number));
}

#define HEAD "SIP/2.0 180 Ringing\r\n"
#define REST "From: <sip:a@h>\r\nTo: <sip:b@h>\r\nCall-ID: x\r\nCSeq: 1 INVITE\r\n"
#define VIA "Via: SIP/2.0/UDP h;branch=b\r\n"

static void test_refuses_what_is_no_message(void **state)
{
	static const char *const texts[] = {
		"", "\r\n\r\n", "SIP/2.0 99 Low\r\n" VIA REST "\r\n",
		"INVITE sip:a@b\r\n" VIA REST "\r\n", HEAD VIA REST, /* no end of headers */
		HEAD REST "\r\n",				     /* no Via */
		HEAD VIA "From: <sip:a@h>\r\n\r\n",		     /* nothing else */
		HEAD VIA REST "nonsense\r\n\r\n",		     /* no colon */
		HEAD VIA REST VIA "\r\n",			     /* Via lines apart */
		HEAD VIA REST "Content-Length: 9\r\n\r\nbody",	     /* cut off */
	};

	(void)state;
	for (size_t i = 0; i < TD_COUNT_OF(texts); i++) {
		struct sip_view view;

		print_message("case %zu\n", i);
		assert_int_equal(sip_view_read(texts[i], strlen(texts[i]), &view), -EBADMSG);
	}
}

static void test_writer_keeps_its_bounds(void **state)
{
	char bytes[8];
	struct writer writer = {.bytes = bytes, .size = sizeof(bytes)};

	(void)state;
	writer_put_number(&writer, 0);
	writer_put_digits(&writer, 42, 4);
	writer_put(&writer, PIECE("abc"));
	assert_false(writer.has_overflowed);
	assert_memory_equal(bytes, "00042abc", 8);
	writer_put_number(&writer, 1);
	assert_true(writer.has_overflowed);
	assert_int_equal(writer.length, 8);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_reads_an_answer),
		cmocka_unit_test(test_reads_a_request),
		cmocka_unit_test(test_refuses_what_is_no_message),
		cmocka_unit_test(test_writer_keeps_its_bounds),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
