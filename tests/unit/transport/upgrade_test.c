/* SPDX-License-Identifier: Apache-2.0 */
#include "transport/upgrade.h"

#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#define LINE "GET /sip HTTP/1.1\r\n"
#define HOST "Host: sip.example\r\n"
#define WORDS "Upgrade: websocket\r\nConnection: keep-alive, Upgrade\r\n"
#define KEY "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n"
#define VERSION "Sec-WebSocket-Version: 13\r\n"
#define PROTOCOL "Sec-WebSocket-Protocol: chat, SIP\r\n"
#define ALL HOST WORDS KEY VERSION PROTOCOL
#define END "\r\n"

static const struct transport_websocket rules = {.path = "/sip",
	.origin_count = 2,
	.origins = {"https://a.example", "https://b.example:8443"}};

struct request_case {
	const char *what;
	const char *text;
	unsigned status;
};

static const struct request_case CASES[] = {
	{"good", LINE ALL END, 101},
	{"no space after a colon", LINE "Host:h\r\n" WORDS KEY VERSION PROTOCOL END, 101},
	{"one of several protocol headers", LINE ALL "Sec-WebSocket-Protocol: x\r\n" END, 101},
	{"page of the list", LINE ALL "Origin: https://b.example:8443\r\n" END, 101},
	{"page in capitals", LINE ALL "Origin: HTTPS://A.example\r\n" END, 101},
	{"empty body", LINE ALL "Content-Length: 0\r\n" END, 101},
	{"page of somebody else", LINE ALL "Origin: https://evil.example\r\n" END, 403},
	{"page without origin", LINE ALL "Origin: null\r\n" END, 403},
	{"page with an empty origin", LINE ALL "Origin:\r\n" END, 403},
	{"two pages", LINE ALL "Origin: https://a.example\r\nOrigin: https://a.example\r\n" END,
		400},
	{"other path", "GET / HTTP/1.1\r\n" ALL END, 404},
	{"longer path", "GET /sip/ HTTP/1.1\r\n" ALL END, 404},
	{"path with a query", "GET /sip?x HTTP/1.1\r\n" ALL END, 404},
	{"whole URL", "GET ws://h/sip HTTP/1.1\r\n" ALL END, 404},
	{"POST", "POST /sip HTTP/1.1\r\n" ALL END, 405},
	{"get", "get /sip HTTP/1.1\r\n" ALL END, 405},
	{"HTTP 1.0", "GET /sip HTTP/1.0\r\n" ALL END, 505},
	{"HTTP 2", "PRI * HTTP/2.0\r\n\r\n", 505},
	{"SIP", "OPTIONS sip:a@h SIP/2.0\r\n\r\n", 505},
	{"two spaces", "GET  /sip HTTP/1.1\r\n" ALL END, 400},
	{"space at the end", "GET /sip HTTP/1.1 \r\n" ALL END, 400},
	{"nothing but a method", "GET\r\n" ALL END, 400},
	{"empty line first", "\r\n\r\n", 400},
	{"no host", LINE WORDS KEY VERSION PROTOCOL END, 400},
	{"two hosts", LINE HOST ALL END, 400},
	{"no upgrade", LINE HOST "Connection: Upgrade\r\n" KEY VERSION PROTOCOL END, 426},
	{"no connection", LINE HOST "Upgrade: websocket\r\n" KEY VERSION PROTOCOL END, 426},
	{"upgrade to something else",
		LINE HOST "Upgrade: h2c\r\nConnection: Upgrade\r\n" KEY VERSION PROTOCOL END, 426},
	{"no version", LINE HOST WORDS KEY PROTOCOL END, 426},
	{"other version", LINE HOST WORDS KEY "Sec-WebSocket-Version: 8\r\n" PROTOCOL END, 426},
	{"no key", LINE HOST WORDS VERSION PROTOCOL END, 400},
	{"short key",
		LINE HOST WORDS "Sec-WebSocket-Key: dGhlIHNhbXBsZQ==\r\n" VERSION PROTOCOL END,
		400},
	{"key that isn't base64",
		LINE HOST WORDS
		"Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25j*Q==\r\n" VERSION PROTOCOL END,
		400},
	{"two keys", LINE ALL KEY END, 400},
	{"no protocol", LINE HOST WORDS KEY VERSION END, 400},
	{"other protocol", LINE HOST WORDS KEY VERSION "Sec-WebSocket-Protocol: sips\r\n" END, 400},
	{"body", LINE ALL "Content-Length: 1\r\n" END, 400},
	{"chunked body", LINE ALL "Transfer-Encoding: chunked\r\n" END, 400},
	{"continued line", LINE ALL " x: y\r\n" END, 400},
	{"space before a colon", LINE ALL "X : y\r\n" END, 400},
	{"no colon", LINE ALL "nonsense\r\n" END, 400},
	{"no name", LINE ALL ": y\r\n" END, 400},
	{"bare line feed", LINE ALL "X: y\nOrigin: https://a.example\r\n" END, 400},
	{"bare carriage return", LINE ALL "X: y\rz\r\n" END, 400},
	{"control character", LINE ALL "X: \x01\r\n" END, 400},
};

static void test_requests(void **state)
{
	(void)state;
	for (size_t i = 0; i < TD_COUNT_OF(CASES); i++) {
		size_t size = strlen(CASES[i].text);
		struct upgrade upgrade;
		int length = upgrade_parse(CASES[i].text, size, &rules, &upgrade);

		if (upgrade.status != CASES[i].status || length <= 0 || (size_t)length > size)
			fail_msg("%s: %u (length %d), expected %u", CASES[i].what, upgrade.status,
				length, CASES[i].status);
		/* Not a byte less is enough. */
		for (size_t cut = 0; cut < (size_t)length; cut++)
			assert_int_equal(upgrade_parse(CASES[i].text, cut, &rules, &upgrade), 0);
	}
}

/* The example of RFC 6455 1.3. */
static void test_accept(void **state)
{
	char response[UPGRADE_RESPONSE_BYTES];
	struct upgrade upgrade;
	size_t length;

	(void)state;
	assert_true(upgrade_parse(LINE ALL END, sizeof(LINE ALL END) - 1, &rules, &upgrade) > 0);
	assert_string_equal(upgrade.accept, "s3pPLMBiTxaQ9kYGzzhZRbK+xOo=");
	length = upgrade_respond(&upgrade, response);
	assert_int_equal(length, strlen(response));
	assert_string_equal(response,
		"HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
		"Sec-WebSocket-Accept: s3pPLMBiTxaQ9kYGzzhZRbK+xOo=\r\n"
		"Sec-WebSocket-Protocol: sip\r\n\r\n");
}

static void test_refusals(void **state)
{
	static const unsigned statuses[] = {400, 403, 404, 405, 426, 431, 505};
	char response[UPGRADE_RESPONSE_BYTES];
	char begin[32];

	(void)state;
	for (size_t i = 0; i < TD_COUNT_OF(statuses); i++) {
		const struct upgrade upgrade = {.status = statuses[i]};
		size_t length = upgrade_respond(&upgrade, response);

		assert_int_equal(length, strlen(response));
		(void)snprintf(begin, sizeof(begin), "HTTP/1.1 %u ", statuses[i]);
		assert_memory_equal(response, begin, strlen(begin));
		assert_non_null(strstr(response, "\r\nConnection: close\r\n"));
		assert_string_equal(response + strlen(response) - 4, "\r\n\r\n");
	}
}

static void test_sizes(void **state)
{
	static char text[UPGRADE_REQUEST_MAX_BYTES + 1000];
	struct upgrade upgrade;
	int length;

	(void)state;
	length = snprintf(text, sizeof(text), "%s", LINE HOST);
	for (int i = 0; i < 63; i++)
		length += snprintf(text + length, sizeof(text) - (size_t)length, "X: y\r\n");
	(void)snprintf(text + length, sizeof(text) - (size_t)length, "%s", END);
	assert_true(upgrade_parse(text, strlen(text), &rules, &upgrade) > 0);
	assert_int_equal(upgrade.status, 426);
	(void)snprintf(text + length, sizeof(text) - (size_t)length, "X: y\r\n%s", END);
	assert_true(upgrade_parse(text, strlen(text), &rules, &upgrade) > 0);
	assert_int_equal(upgrade.status, 431);

	memset(text, 'x', sizeof(text));
	assert_int_equal(upgrade_parse(text, UPGRADE_REQUEST_MAX_BYTES - 1, &rules, &upgrade), 0);
	assert_int_equal(
		upgrade_parse(text, UPGRADE_REQUEST_MAX_BYTES, &rules, &upgrade), -EMSGSIZE);
	assert_int_equal(upgrade.status, 431);
	memcpy(text + UPGRADE_REQUEST_MAX_BYTES, "\r\n\r\n", 4);
	assert_int_equal(upgrade_parse(text, sizeof(text), &rules, &upgrade), -EMSGSIZE);
}

int main(void)
{
	static const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_requests),
		cmocka_unit_test(test_accept),
		cmocka_unit_test(test_refusals),
		cmocka_unit_test(test_sizes),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
