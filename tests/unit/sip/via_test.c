/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Via values, with spaces wherever the grammar has a separator.
 */
#include "sip/message.h"

#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

static void test_parts(void **state)
{
	struct sip_via via;

	(void)state;
	assert_int_equal(sip_via_parse(SPAN("SIP / 2.0 / udp  [2001:db8::9] : 5070 ; rport ;"
					    "branch = z9hG4bKx;received=[2001:db8::1];ttl=1"),
				 &via),
		0);
	assert_int_equal(via.transport, SIP_TRANSPORT_UDP);
	assert_true(span_equal(via.host, SPAN("2001:db8::9")));
	assert_int_equal(via.port, 5070);
	assert_true(via.has_rport);
	assert_int_equal(via.rport, 0);
	assert_true(via.is_rfc3261);
	assert_true(span_equal(via.branch, SPAN("z9hG4bKx")));
	assert_true(span_equal(via.received, SPAN("[2001:db8::1]")));
	assert_int_equal(sip_via_parse(SPAN("SIP/2.0/SCTP gw;rport=5090;branch=1"), &via), 0);
	assert_int_equal(via.transport, SIP_TRANSPORT_UNKNOWN);
	assert_int_equal(via.rport, 5090);
	assert_false(via.is_rfc3261);
}

static const char *const bads[] = {
	"",
	"SIP/2.0/UDP",
	"SIP/2.0 host",
	"SIP/2.0/ host",
	"HTTP/2.0/UDP host",
	"SIP/2.0/UDPhost",
	"SIP/2.0/UDP host x",
	"SIP/2.0/UDP host;",
	"SIP/2.0/UDP host;;branch=1",
	"SIP/2.0/UDP host;branch",
	"SIP/2.0/UDP host;branch=1;branch=2",
	"SIP/2.0/UDP host;rport=0",
	"SIP/2.0/UDP host;rport=x",
	"SIP/2.0/UDP host;rport;rport",
	"SIP/2.0/UDP host:0",
	"SIP/2.0/UDP [::1",
	"SIP/2.0/UDP host, SIP/2.0/UDP other",
};

static void test_bad(void **state)
{
	struct sip_via via;

	(void)state;
	for (size_t i = 0; i < TD_COUNT_OF(bads); i++) {
		if (sip_via_parse(span_from(bads[i]), &via) != -EBADMSG)
			fail_msg("%s isn't refused", bads[i]);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_parts),
		cmocka_unit_test(test_bad),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
