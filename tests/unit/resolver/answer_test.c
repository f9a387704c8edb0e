/* SPDX-License-Identifier: Apache-2.0 */
/* Names and messages as name servers, and those who pretend to be some, write them. */
#include "resolver/answer.h"

#include "sip/uri.h"
#include "zone.h"

#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdlib.h>

#include <cmocka.h>

static uint8_t message[ZONE_MESSAGE_BYTES];
static struct answer answer;

static struct name name_of(const char *text)
{
	struct name name = {.length = 0};

	assert_int_equal(name_parse(span_from(text), &name), 0);
	return name;
}

static int read_bytes(size_t length, const char *text, uint16_t type)
{
	struct name name = name_of(text);
	/* In memory of exactly that size: a sanitizer sees each byte read beyond it. */
	uint8_t *exact = malloc(length != 0 ? length : 1);
	int result;

	assert_non_null(exact);
	memcpy(exact, message, length);
	result = answer_read(exact, length, &name, type, &answer);
	free(exact);
	return result;
}

static void read_zone(const char *lines, const char *name, uint16_t type)
{
	static struct zone zone;

	zone = (struct zone){.negative_ttl_s = 77};
	zone_add(&zone, lines);
	assert_int_equal(read_bytes(zone_answer(&zone, name, type, message), name, type), 0);
}

static void test_names(void **state)
{
	static const char *const bad[] = {"", ".", "a..b", ".a", "a b", "a/b", "\xc3\xa4.de",
		"a.b..", "0123456789012345678901234567890123456789012345678901234567890123.test"};
	struct name name = name_of("Host-1.EXAMPLE.com.");
	char text[300];

	(void)state;
	assert_string_equal(name.text, "host-1.example.com");
	assert_int_equal(name.length, 18);
	for (size_t i = 0; i < TD_COUNT_OF(bad); i++)
		assert_int_equal(name_parse(span_from(bad[i]), &name), -EINVAL);
	for (size_t i = 0; i < sizeof(text); i++)
		text[i] = i % 64 == 63 ? '.' : 'a';
	assert_int_equal(name_parse((struct span){text, 253}, &name), 0);
	assert_int_equal(name_prefix("_sip._udp", &name, &name), -ENAMETOOLONG);
	assert_int_equal(name_parse((struct span){text, 255}, &name), -EINVAL);
	name = name_of("a.test");
	assert_int_equal(name_prefix("_sip._udp", &name, &name), 0);
}

static void test_pointers(void **state)
{
	static const struct {
		const char *what;
		uint8_t bytes[8];
		size_t at;
		int result;
	} cases[] = {
		{"a pointer back", {1, 'a', 0, 1, 'b', 0xc0, 0}, 3, 0},
		{"to itself", {0xc0, 0}, 0, -EBADMSG},
		{"forward", {0xc0, 2, 0}, 0, -EBADMSG},
		{"in a circle", {1, 'a', 0xc0, 4, 0xc0, 0}, 4, -EBADMSG},
		{"cut off", {1, 'a', 0, 0, 0, 0, 0, 0xc0}, 7, -EBADMSG},
		{"another kind of label", {0x41, 'a', 0}, 0, -EBADMSG},
		{"a label cut off", {9, 'a'}, 0, -EBADMSG},
		{"without an end", {1, 'a', 1, 'b', 1, 'c', 1, 'd'}, 0, -EBADMSG},
		{"a strange character", {1, ' ', 0}, 0, -EINVAL},
		{"the root", {0}, 0, 0},
	};

	(void)state;
	for (size_t i = 0; i < TD_COUNT_OF(cases); i++) {
		size_t at = cases[i].at;
		struct name name;

		if (name_read(cases[i].bytes, 8, &at, &name) != cases[i].result)
			fail_msg("%s", cases[i].what);
		if (cases[i].result == -EBADMSG)
			assert_int_equal(at, cases[i].at);
	}
}

/* Many pointers to one long name: what they expand to stays bounded. */
static void test_expansion(void **state)
{
	uint8_t bytes[300] = {0};
	struct name name;
	size_t at = 0;

	(void)state;
	for (size_t i = 0; i < 250; i += 50) {
		bytes[i] = 49;
		memset(bytes + i + 1, 'a', 49);
	}
	assert_int_equal(name_read(bytes, sizeof(bytes), &at, &name), 0);
	assert_int_equal(name.length, 249);
	bytes[250] = 9;
	memset(bytes + 251, 'b', 9);
	bytes[260] = 0xc0;
	at = 250;
	assert_int_equal(name_read(bytes, sizeof(bytes), &at, &name), -EBADMSG);
}

static void test_addresses(void **state)
{
	(void)state;
	read_zone("a.test 300 A 10.0.0.1\na.test 200 A 10.0.0.2\na.test 5 AAAA ::1", "a.test",
		DNS_TYPE_A);
	assert_int_equal(answer.outcome, ANSWER_FOUND);
	assert_int_equal(answer.record_count, 2);
	assert_int_equal(answer.ttl_s, 200);
	assert_int_equal(answer.records[1].ip.bytes[3], 2);
	read_zone("a.test 300 AAAA 2001:db8::7", "a.test", DNS_TYPE_AAAA);
	assert_int_equal(answer.records[0].ip.family, TD_FAMILY_IPV6);
	assert_int_equal(answer.records[0].ip.bytes[15], 7);
}

static void test_services(void **state)
{
	struct span target;

	(void)state;
	read_zone("_sip._udp.a.test 300 SRV 1 2 5070 b.test\n"
		  "_sip._udp.a.test 300 SRV 3 4 5080 .\n"
		  "_sip._udp.a.test 300 SRV 3 4 5080 c.test",
		"_sip._udp.a.test", DNS_TYPE_SRV);
	assert_int_equal(answer.record_count, 3);
	assert_int_equal(answer.records[0].order, 1);
	assert_int_equal(answer.records[0].preference, 2);
	assert_int_equal(answer.records[0].port, 5070);
	target = answer_name(&answer.records[0], answer.names);
	assert_true(span_equal(target, SPAN("b.test")));
	assert_int_equal(answer.records[1].name_length, 0);
}

static void test_naptr(void **state)
{
	(void)state;
	read_zone("a.test 300 NAPTR 10 20 s SIPS+D2T _sips._tcp.a.test\n"
		  "a.test 300 NAPTR 20 10 S sip+d2u _sip._udp.a.test\n"
		  "a.test 300 NAPTR 20 11 s SIP+D2S _sip._sctp.a.test\n"
		  "a.test 300 NAPTR 20 12 s E2U+sip _sip._udp.a.test\n"
		  "a.test 300 NAPTR 20 13 u SIP+D2T _sip._tcp.a.test\n"
		  "a.test 300 NAPTR 20 13 s SIP+D2T .",
		"a.test", DNS_TYPE_NAPTR);
	assert_int_equal(answer.record_count, 3);
	assert_int_equal(answer.left_out, 3);
	assert_int_equal(answer.records[0].transport, SIP_TRANSPORT_TLS);
	assert_true(answer.records[0].is_secure);
	assert_int_equal(answer.records[1].transport, SIP_TRANSPORT_UDP);
	assert_int_equal(answer.records[2].transport, SIP_TRANSPORT_UNKNOWN);
}

static void test_aliases(void **state)
{
	struct name alias = name_of("d.test");

	(void)state;
	read_zone("a.test 300 CNAME b.test\nb.test 100 CNAME c.test\nc.test 200 A 10.0.0.1",
		"a.test", DNS_TYPE_A);
	assert_int_equal(answer.outcome, ANSWER_FOUND);
	assert_int_equal(answer.ttl_s, 100);
	read_zone("a.test 300 CNAME c.test\nc.test 200 AAAA ::2", "a.test", DNS_TYPE_A);
	assert_int_equal(answer.outcome, ANSWER_ABSENT);
	assert_int_equal(answer.ttl_s, 77);
	/* A server that doesn't know where it leads says nothing of the end. */
	read_zone("a.test 300 CNAME d.test\nd.test 1 A 10.0.0.9", "a.test", DNS_TYPE_A);
	message[7] = 1;
	message[9] = 0;
	assert_int_equal(read_bytes(12 + 12 + 8 + 10 + 8, "a.test", DNS_TYPE_A), 0);
	assert_int_equal(answer.outcome, ANSWER_ALIAS);
	assert_true(name_equal(&answer.alias, &alias));
}

static void test_alias_circle(void **state)
{
	static struct zone zone;

	(void)state;
	zone_add(&zone, "a.test 300 CNAME b.test\nb.test 300 CNAME a.test");
	assert_int_equal(
		read_bytes(zone_answer(&zone, "a.test", DNS_TYPE_A, message), "a.test", DNS_TYPE_A),
		-EBADMSG);
}

static void test_absence(void **state)
{
	static struct zone zone;

	(void)state;
	read_zone("a.test 300 A 10.0.0.1", "b.test", DNS_TYPE_A);
	assert_int_equal(answer.outcome, ANSWER_ABSENT);
	assert_true(answer.has_ttl);
	assert_int_equal(answer.ttl_s, 77);
	assert_int_equal(
		read_bytes(zone_answer(&zone, "b.test", DNS_TYPE_A, message), "b.test", DNS_TYPE_A),
		0);
	assert_int_equal(answer.outcome, ANSWER_ABSENT);
	assert_false(answer.has_ttl);
	zone.rcode = 2;
	assert_int_equal(
		read_bytes(zone_answer(&zone, "b.test", DNS_TYPE_A, message), "b.test", DNS_TYPE_A),
		0);
	assert_int_equal(answer.outcome, ANSWER_REFUSED);
}

/* What isn't an answer to the question that was asked. */
static void test_mismatches(void **state)
{
	static struct zone zone;
	size_t length;

	(void)state;
	zone_add(&zone, "a.test 300 A 10.0.0.1");
	length = zone_answer(&zone, "a.test", DNS_TYPE_A, message);
	assert_int_equal(read_bytes(length, "b.test", DNS_TYPE_A), -EBADMSG);
	assert_int_equal(read_bytes(length, "a.test", DNS_TYPE_SRV), -EBADMSG);
	message[2] = 0x01; /* a query */
	assert_int_equal(read_bytes(length, "a.test", DNS_TYPE_A), -EBADMSG);
	message[2] = 0x83; /* cut off */
	assert_int_equal(read_bytes(length, "a.test", DNS_TYPE_A), 0);
	assert_int_equal(answer.outcome, ANSWER_REFUSED);
	message[2] = 0x81;
	message[5] = 2;
	assert_int_equal(read_bytes(length, "a.test", DNS_TYPE_A), -EBADMSG);
}

/* Every message cut at every place, and every byte of one changed: an answer or a refusal. */
static void test_damage(void **state)
{
	static struct zone zone;
	size_t length;

	(void)state;
	zone.negative_ttl_s = 5;
	zone_add(&zone, "a.test 300 CNAME b.test\nb.test 300 NAPTR 1 2 s SIP+D2U x.test\n"
			"b.test 300 NAPTR 1 3 s SIP+D2T y.test");
	length = zone_answer(&zone, "a.test", DNS_TYPE_NAPTR, message);
	for (size_t cut = 0; cut < length; cut++)
		(void)read_bytes(cut, "a.test", DNS_TYPE_NAPTR);
	for (size_t at = 0; at < length; at++) {
		for (unsigned value = 0; value < 256; value++) {
			uint8_t before = message[at];

			message[at] = (uint8_t)value;
			(void)read_bytes(length, "a.test", DNS_TYPE_NAPTR);
			assert_in_range(answer.record_count, 0, ANSWER_RECORDS_MAX);
			message[at] = before;
		}
	}
}

static void test_flood(void **state)
{
	static struct zone zone;
	char line[64];

	(void)state;
	for (unsigned i = 0; i < 200; i++) {
		(void)snprintf(line, sizeof(line), "a.test 300 A 10.0.%u.%u", i / 250, i % 250);
		zone_add(&zone, line);
	}
	assert_int_equal(
		read_bytes(zone_answer(&zone, "a.test", DNS_TYPE_A, message), "a.test", DNS_TYPE_A),
		0);
	assert_int_equal(answer.record_count, ANSWER_RECORDS_MAX);
	assert_int_equal(answer.left_out, 200 - ANSWER_RECORDS_MAX);
	for (unsigned i = 0; i < 200; i++) {
		(void)snprintf(line, sizeof(line), "a.test 300 A 10.1.%u.%u", i / 250, i % 250);
		zone_add(&zone, line);
	}
	assert_int_equal(
		read_bytes(zone_answer(&zone, "a.test", DNS_TYPE_A, message), "a.test", DNS_TYPE_A),
		-EBADMSG);
}

int main(void)
{
	static const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_names),
		cmocka_unit_test(test_pointers),
		cmocka_unit_test(test_expansion),
		cmocka_unit_test(test_addresses),
		cmocka_unit_test(test_services),
		cmocka_unit_test(test_naptr),
		cmocka_unit_test(test_aliases),
		cmocka_unit_test(test_alias_circle),
		cmocka_unit_test(test_absence),
		cmocka_unit_test(test_mismatches),
		cmocka_unit_test(test_damage),
		cmocka_unit_test(test_flood),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
