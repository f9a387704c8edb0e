/* SPDX-License-Identifier: Apache-2.0 */
#include "transport/stun.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

/* The transaction id and the addresses of RFC 5769 2.2 and 2.3. */
#define ID 0xb7, 0xe7, 0xa7, 0x01, 0xbc, 0x34, 0xd6, 0x86, 0xfa, 0x87, 0xdf, 0xae
#define COOKIE 0x21, 0x12, 0xa4, 0x42

static struct td_endpoint endpoint_of(const char *ip, uint16_t port)
{
	struct td_endpoint endpoint = {.port = port};

	assert_true(td_ip_parse(ip, strlen(ip), &endpoint.ip));
	return endpoint;
}

static void test_ipv4(void **state)
{
	static const uint8_t request[] = {0, 1, 0, 0, COOKIE, ID};
	static const uint8_t expected[] = {0x01, 0x01, 0, 12, COOKIE, ID, 0x00, 0x20, 0, 8, 0, 1,
		0xa1, 0x47, 0xe1, 0x12, 0xa6, 0x43};
	struct td_endpoint source = endpoint_of("192.0.2.1", 32853);
	uint8_t response[STUN_RESPONSE_MAX_BYTES];

	(void)state;
	assert_true(stun_is_message(request, sizeof(request)));
	assert_int_equal(
		stun_answer(request, sizeof(request), &source, response), sizeof(expected));
	assert_memory_equal(response, expected, sizeof(expected));
}

static void test_ipv6(void **state)
{
	static const uint8_t request[] = {
		0, 1, 0, 8, COOKIE, ID, 0x80, 0x22, 0, 3, 'a', 'b', 'c', 0};
	static const uint8_t expected[] = {0x01, 0x01, 0, 24, COOKIE, ID, 0x00, 0x20, 0, 20, 0, 2,
		0xa1, 0x47, 0x01, 0x13, 0xa9, 0xfa, 0xa5, 0xd3, 0xf1, 0x79, 0xbc, 0x25, 0xf4, 0xb5,
		0xbe, 0xd2, 0xb9, 0xd9};
	struct td_endpoint source = endpoint_of("2001:db8:1234:5678:11:2233:4455:6677", 32853);
	uint8_t response[STUN_RESPONSE_MAX_BYTES];

	(void)state;
	assert_int_equal(
		stun_answer(request, sizeof(request), &source, response), sizeof(expected));
	assert_memory_equal(response, expected, sizeof(expected));
}

static void test_not_answered(void **state)
{
	static const struct {
		const char *what;
		uint8_t bytes[28];
		size_t size;
	} cases[] = {
		{"short", {0, 1, 0, 0, COOKIE, ID}, 19},
		{"other cookie", {0, 1, 0, 0, 0x21, 0x12, 0xa4, 0x43, ID}, 20},
		{"response", {1, 1, 0, 0, COOKIE, ID}, 20},
		{"indication", {0, 0x11, 0, 0, COOKIE, ID}, 20},
		{"length too great", {0, 1, 0, 4, COOKIE, ID}, 20},
		{"length too small", {0, 1, 0, 0, COOKIE, ID, 0x80, 0x22, 0, 0}, 24},
		{"attribute to understand",
			{0, 1, 0, 8, COOKIE, ID, 0x00, 0x06, 0, 1, 'u', 0, 0, 0}, 28},
		{"attribute past the end", {0, 1, 0, 8, COOKIE, ID, 0x80, 0x22, 0, 5, 'u', 0, 0, 0},
			28},
		{"rest of an attribute", {0, 1, 0, 2, COOKIE, ID, 0x80, 0x22}, 22},
		{"SIP", "OPTIONS sip:a@h SIP/2.0\r\n", 25},
	};
	struct td_endpoint source = endpoint_of("192.0.2.1", 1);
	struct td_endpoint nobody = {.port = 1};
	uint8_t response[STUN_RESPONSE_MAX_BYTES];
	static const uint8_t good[] = {0, 1, 0, 0, COOKIE, ID};

	(void)state;
	for (size_t i = 0; i < TD_COUNT_OF(cases); i++)
		if (stun_answer(cases[i].bytes, cases[i].size, &source, response) != 0)
			fail_msg("%s is answered", cases[i].what);
	assert_int_equal(stun_answer(good, sizeof(good), &nobody, response), 0);
}

int main(void)
{
	static const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_ipv4),
		cmocka_unit_test(test_ipv6),
		cmocka_unit_test(test_not_answered),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
