/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The torture messages of RFC 4475 and the parser's verdict on each. Those that the RFC leaves
 * to the transaction user (unknown scheme, extension, media type, Max-Forwards 0 ...) must get
 * past the parser. The one argument is the directory of the messages.
 */
#include "sip/message.h"

#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>

#include <cmocka.h>

enum {
	FILE_MAX_BYTES = 16384,
	PATH_BYTES = 1024
};

struct verdict {
	const char *name;
	bool is_good;
	uint16_t status; /* of a refusal; 0: discard without an answer */
	const char *reason;
};

static const struct verdict verdicts[] = {
	/* 3.1.1 valid messages */
	{"wsinv", true, 0, NULL},
	{"intmeth", true, 0, NULL},
	{"esc01", true, 0, NULL},
	{"escnull", true, 0, NULL},
	{"esc02", true, 0, NULL},
	{"lwsdisp", true, 0, NULL},
	{"longreq", true, 0, NULL},
	{"dblreq", true, 0, NULL},
	{"semiuri", true, 0, NULL},
	{"transports", true, 0, NULL},
	{"mpart01", true, 0, NULL},
	{"unreason", true, 0, NULL},
	{"noreason", true, 0, NULL},
	/* 3.1.2 invalid messages */
	{"badinv01", false, 0, "topmost Via is malformed"},
	{"clerr", false, 400, "Content-Length is beyond the message's end"},
	{"ncl", false, 400, "Content-Length isn't a number that we accept"},
	{"scalar02", false, 400, "CSeq isn't a number below 2^31"},
	{"scalarlg", false, 0, "CSeq isn't a number below 2^31"},
	{"quotbal", false, 400, "To is malformed"},
	{"ltgtruri", false, 400, "request URI is malformed"},
	{"lwsruri", false, 400, "request line is malformed"},
	{"lwsstart", false, 400, "request line is malformed"},
	{"trws", false, 400, "request line is malformed"},
	{"escruri", false, 400, "request URI has headers"},
	{"baddate", true, 0, NULL}, /* 3.1.2.12 leaves it: we use no Date */
	{"regbadct", false, 400, "Contact is malformed"},
	{"badaspec", false, 400, "To is malformed"},
	{"baddn", false, 400, "From is malformed"},
	{"badvers", false, 505, "another version of SIP"},
	{"mismatch01", false, 400, "CSeq method differs from the request's"},
	{"mismatch02", false, 400, "CSeq method differs from the request's"},
	{"bigcode", false, 0, "status code isn't 100 to 699"},
	/* 3.2, 3.3: transaction and application layer */
	{"badbranch", true, 0, NULL},
	{"insuf", false, 0, "From is missing"},
	{"unkscm", true, 0, NULL},
	{"novelsc", true, 0, NULL},
	{"unksm2", true, 0, NULL},
	{"bext01", true, 0, NULL},
	{"invut", true, 0, NULL},
	{"regaut01", true, 0, NULL},
	{"multi01", false, 400, "a header that must stand once is repeated"},
	{"mcl01", false, 400, "a header that must stand once is repeated"},
	{"bcast", true, 0, NULL},
	{"zeromf", true, 0, NULL},
	{"cparam01", true, 0, NULL},
	{"cparam02", true, 0, NULL},
	{"regescrt", true, 0, NULL},
	{"sdp01", true, 0, NULL},
	/* 3.4 backward compatibility */
	{"inv2543", true, 0, NULL},
	/* RFC 5118; its archive has bare LF: line ends made CRLF, Content-Length to match */
	{"rfc5118_ipv6_good", true, 0, NULL},
	{"rfc5118_ipv6_bad", false, 400, "request URI is malformed"},
	{"rfc5118_port_ambiguous", true, 0, NULL},
	{"rfc5118_port_unambiguous", true, 0, NULL},
	{"rfc5118_via_received_param_with_delim", true, 0, NULL},
	{"rfc5118_via_received_param_no_delim", true, 0, NULL},
	{"rfc5118_ipv6_in_sdp", true, 0, NULL},
	{"rfc5118_mult_ip_in_header", true, 0, NULL},
	{"rfc5118_mult_ip_in_sdp", true, 0, NULL},
	{"rfc5118_ipv4_mapped_ipv6", true, 0, NULL},
	{"rfc5118_ipv6_bug_abnf_3_colons", false, 400, "request URI is malformed"},
	{"rfc5118_ipv6_correct_abnf_2_colons", true, 0, NULL},
};

static const char *directory;
static char bytes[FILE_MAX_BYTES];

static size_t message_read(const char *name)
{
	char path[PATH_BYTES];
	size_t size_bytes;
	FILE *file;

	(void)snprintf(path, sizeof(path), "%s/%s.sip", directory, name);
	file = fopen(path, "rb");
	if (file == NULL)
		fail_msg("can't open %s", path);
	size_bytes = fread(bytes, 1, sizeof(bytes), file);
	(void)fclose(file); /* only read from */
	return size_bytes;
}

static int message_load(const char *name, struct sip_message *message)
{
	struct sip_parse_error error;

	return sip_message_parse(bytes, message_read(name), false, message, &error);
}

static void test_verdicts(void **state)
{
	static struct sip_message message;

	(void)state;
	for (size_t i = 0; i < TD_COUNT_OF(verdicts); i++) {
		const struct verdict *verdict = &verdicts[i];
		struct sip_parse_error error;
		int result = sip_message_parse(
			bytes, message_read(verdict->name), false, &message, &error);

		if ((result == 0) != verdict->is_good)
			fail_msg("%s: %s", verdict->name,
				error.reason != NULL ? error.reason : "accepted");
		if (result == 0)
			continue;
		if (error.status != verdict->status || strcmp(error.reason, verdict->reason) != 0)
			fail_msg("%s: %u %s", verdict->name, error.status, error.reason);
		assert_int_equal(error.is_answerable, verdict->status != 0);
	}
}

static void test_wsinv_content(void **state)
{
	static struct sip_message message;
	struct sip_via via;
	uint32_t from = 0;

	(void)state;
	assert_int_equal(message_load("wsinv", &message), 0);
	assert_int_equal(message.method, SIP_METHOD_INVITE);
	assert_true(span_equal(message.to.tag, SPAN("1918181833n")));
	assert_true(span_equal(message.from.tag, SPAN("98asjd8")));
	assert_true(span_equal(message.from.display, SPAN("J Rosenberg \\\\\\\"")));
	assert_int_equal(message.max_forwards, 68);
	assert_int_equal(message.cseq.number, 9);
	assert_int_equal(message.via_count, 3);
	assert_true(span_equal(message.via.host, SPAN("192.0.2.2")));
	assert_true(span_equal(message.via.branch, SPAN("390skdjuw")));
	assert_false(message.via.is_rfc3261);
	(void)sip_message_next(&message, SIP_HEADER_VIA, &from);
	assert_int_equal(
		sip_via_parse(sip_message_next(&message, SIP_HEADER_VIA, &from)->value, &via), 0);
	assert_int_equal(via.transport, SIP_TRANSPORT_TCP);
	assert_true(span_equal(via.host, SPAN("spindle.example.com")));
	assert_true(span_equal(via.branch, SPAN("z9hG4bK9ikj8")));
	assert_int_equal(message.contact_count, 1);
	assert_true(span_equal(message.contact.uri.host, SPAN("example.com")));
	assert_true(span_equal(message.content_type, SPAN("application/sdp")));
	assert_int_equal(message.body.text[0], 'v');
}

static void test_intmeth_content(void **state)
{
	static struct sip_message message;

	(void)state;
	assert_int_equal(message_load("intmeth", &message), 0);
	assert_int_equal(message.method, SIP_METHOD_OTHER);
	assert_true(span_equal(message.request_uri.user,
		SPAN("1_unusual.URI~(to-be!sure)&isn't+it$/crazy?,/;;*")));
	assert_true(span_equal(
		message.request_uri.password, SPAN("&it+has=1,weird!*pas$wo~d_too.(doesn't-it)")));
	assert_true(span_equal(message.from.tag, SPAN("_token~1'+`*%!-.")));
	assert_int_equal(message.to.display.length, 20);
}

static void test_others_content(void **state)
{
	static struct sip_message message;
	char user[32];

	(void)state;
	assert_int_equal(message_load("dblreq", &message), 0);
	assert_int_equal(message.method, SIP_METHOD_REGISTER);
	assert_int_equal(message.body.length, 0);
	assert_int_equal(message_load("longreq", &message), 0);
	assert_int_equal(message.via_count, 34);
	assert_int_equal(message_load("semiuri", &message), 0);
	assert_true(span_equal(message.request_uri.user, SPAN("user;par=u%40example.net")));
	assert_true(sip_message_lists(&message, SIP_HEADER_ACCEPT, "message/sipfrag"));
	assert_int_equal(message_load("escnull", &message), 0);
	assert_int_equal(message.contact_count, 2);
	assert_int_equal(sip_user_unescape(message.to.uri.user, user, sizeof(user)), -EINVAL);
	assert_int_equal(message_load("unkscm", &message), 0);
	assert_int_equal(message.request_uri.scheme, SIP_SCHEME_OTHER);
	assert_int_equal(message_load("cparam01", &message), 0);
	assert_true(span_equal(message.contact.params, SPAN("unknownparam")));
	assert_int_equal(message_load("cparam02", &message), 0);
	assert_true(span_equal(message.contact.uri.params, SPAN("unknownparam")));
	assert_int_equal(message_load("badbranch", &message), 0);
	assert_false(message.via.is_rfc3261);
	assert_int_equal(message_load("noreason", &message), 0);
	assert_int_equal(message.status, 100);
	assert_int_equal(message_load("bcast", &message), 0);
	assert_int_equal(message.via_count, 2);
}

int main(int argument_count, char **arguments)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_verdicts),
		cmocka_unit_test(test_wsinv_content),
		cmocka_unit_test(test_intmeth_content),
		cmocka_unit_test(test_others_content),
	};

	if (argument_count != 2)
		return EXIT_FAILURE;
	directory = arguments[1];
	return cmocka_run_group_tests(tests, NULL, NULL);
}
