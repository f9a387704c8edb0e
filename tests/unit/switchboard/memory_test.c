/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What an established call costs when nothing happens to it: the ceiling of 6 kB with peers as
 * talkative as they come (proxies on both sides, long identifiers, three codecs).
 */
#include "rig.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

enum {
	CEILING_BYTES = 6000,
	CALM_MS = 100 * 1000, /* longer than any transaction lives */
};

#define ROUTES_OF_PROXIES                                                              \
	"Record-Route: <sip:10.1.0.7:5060;lr;ftag=0123456789abcdef;did=4711.abcd>\r\n" \
	"Record-Route: <sip:10.1.0.8:5060;transport=udp;lr>\r\n"

#define LONG_SDP(ip)                                                                            \
	"Content-Type: application/sdp\r\n\r\n"                                                 \
	"v=0\r\no=- 3895167000 3895167000 IN IP4 " ip "\r\ns=session\r\nc=IN IP4 " ip           \
	"\r\nt=0 0\r\nm=audio 41234 RTP/AVP 8 0 9 101\r\na=rtpmap:8 PCMA/8000\r\n"              \
	"a=rtpmap:0 PCMU/8000\r\na=rtpmap:9 G722/8000\r\na=rtpmap:101 telephone-event/8000\r\n" \
	"a=fmtp:101 0-15\r\na=ptime:20\r\na=maxptime:40\r\na=sendrecv\r\n"

static const char LONG_INVITE[] =
	"INVITE sip:100@10.0.0.1 SIP/2.0\r\n"
	"Via: SIP/2.0/UDP 10.1.0.8;branch=z9hG4bKfirst;rport\r\n" ROUTES_OF_PROXIES
	"From: \"Ada Lovelace\" <sip:+4930123456@carrier.example.net;user=phone>;"
	"tag=0123456789abcdef0123456789abcdef\r\n"
	"To: <sip:100@10.0.0.1;user=phone>\r\n"
	"Call-ID: 8f14e45f-ceea-467f-a0e6-9e1f0ad4f1c2@sbc-01.carrier.example.net\r\n"
	"CSeq: 1 INVITE\r\nMax-Forwards: 68\r\n"
	"Contact: <sip:+4930123456@10.1.0.1:5060;transport=udp;line=abcdef0123456789>\r\n"
	"User-Agent: Some Session Border Controller 12.34.56 (build 789)\r\n"
	"P-Asserted-Identity: \"Ada Lovelace\" <sip:+4930123456@carrier.example.net>\r\n" LONG_SDP(
		"10.1.0.1");

/* Copies the header of rig->last between two marks. */
static void cut(const struct rig *rig, const char *from, char *text, size_t size)
{
	const char *at = strstr(rig->last, from);

	assert_non_null(at);
	at += strlen(from);
	(void)snprintf(text, size, "%.*s", (int)strcspn(at, "\r"), at);
}

static void answer_with(struct rig *rig, const char *status, const char *tail)
{
	char via[200];
	char from[200];
	char call_id[80];
	char text[2048];

	cut(rig, "Via: ", via, sizeof(via));
	cut(rig, "From: ", from, sizeof(from));
	cut(rig, "Call-ID: ", call_id, sizeof(call_id));
	(void)snprintf(text, sizeof(text),
		"SIP/2.0 %s\r\nVia: %s\r\n" ROUTES_OF_PROXIES
		"From: %s\r\nTo: <sip:100@10.2.0.1>;tag=fedcba9876543210fedcba9876543210\r\n"
		"Call-ID: %s\r\nCSeq: 1 INVITE\r\n"
		"Contact: <sip:100@10.2.0.1:5060;transport=udp;ob>\r\n%s",
		status, via, from, call_id, tail);
	rig_receive(rig, "10.2.0.1", text);
}

static void acknowledge(struct rig *rig)
{
	char to[200];
	char text[1024];

	cut(rig, "To: ", to, sizeof(to));
	(void)snprintf(text, sizeof(text),
		"ACK sip:10.0.0.1:5060 SIP/2.0\r\nVia: SIP/2.0/UDP 10.1.0.8;branch=z9hG4bKack\r\n"
		"From: \"Ada Lovelace\" <sip:+4930123456@carrier.example.net;user=phone>;"
		"tag=0123456789abcdef0123456789abcdef\r\nTo: %s\r\n"
		"Call-ID: 8f14e45f-ceea-467f-a0e6-9e1f0ad4f1c2@sbc-01.carrier.example.net\r\n"
		"CSeq: 1 ACK\r\n\r\n",
		to);
	rig_receive(rig, "10.1.0.8", text);
}

static void test_established_call(void **state)
{
	struct rig rig;
	struct switchboard_counts counts;

	(void)state;
	rig_init(&rig, HEAD TRUNKS ROUTES);
	rig_receive(&rig, "10.1.0.8", LONG_INVITE);
	rig_media_done(&rig);
	assert_int_equal(rig.invites, 1);
	answer_with(&rig, "200 OK", LONG_SDP("10.2.0.1"));
	acknowledge(&rig);
	for (unsigned i = 0; i < CALM_MS / 1000; i++) {
		rig.now.mono_ms += 1000;
		switchboard_advance(rig.switchboard, rig.now);
	}
	counts = switchboard_get_counts(rig.switchboard);
	assert_int_equal(counts.calls, 1);
	assert_int_equal(counts.dialogs, 2);
	assert_int_equal(counts.transactions.clients + counts.transactions.servers, 0);
	(void)printf("established call: %llu bytes, journal record %zu bytes\n",
		(unsigned long long)counts.call_memory_bytes, rig.journal_length);
	assert_true(counts.call_memory_bytes <= CEILING_BYTES);
	/* What the journal holds is the same call: it takes the same room after a restart. */
	rig_restart(&rig, 1, false);
	assert_int_equal(switchboard_get_counts(rig.switchboard).call_memory_bytes,
		counts.call_memory_bytes);
	rig_fini(&rig);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_established_call),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
