/* SPDX-License-Identifier: Apache-2.0 */
/* WebSockets, with frames made by hand. */
#include "tls_peer.h"

#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#define REQUEST                                                                        \
	"GET / HTTP/1.1\r\nHost: h\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"   \
	"Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\nSec-WebSocket-Version: 13\r\n" \
	"Sec-WebSocket-Protocol: sip\r\n\r\n"
/* Without Content-Length: the frame says where it ends. */
#define SIP_TEXT "OPTIONS sip:a@h SIP/2.0\r\nVia: SIP/2.0/WS h;branch=z9hG4bK1\r\n\r\n"

enum {
	TEXT = 0x81,
	TEXT_BEGIN = 0x01,
	CONTINUED = 0x00,
	CONTINUED_END = 0x80,
	BINARY = 0x82,
	CLOSE = 0x88,
	PING = 0x89,
	PONG = 0x8a,
	FRAME_BYTES = 70000,
};

/* A frame as clients send it: masked. Returns its length. */
static size_t frame_of(uint8_t first, const void *payload, size_t length, uint8_t *frame)
{
	static const uint8_t mask[] = {0x11, 0x22, 0x33, 0x44};
	size_t at = 2;

	frame[0] = first;
	frame[1] = (uint8_t)(0x80 | (length < 126 ? length : length < 65536 ? 126 : 127));
	if (length >= 126 && length < 65536) {
		frame[at++] = (uint8_t)(length >> 8);
		frame[at++] = (uint8_t)length;
	} else if (length >= 126) {
		memset(frame + at, 0, 4);
		at += 4;
		for (int shift = 24; shift >= 0; shift -= 8)
			frame[at++] = (uint8_t)(length >> shift);
	}
	memcpy(frame + at, mask, sizeof(mask));
	at += sizeof(mask);
	for (size_t i = 0; i < length; i++)
		frame[at + i] = (uint8_t)(((const uint8_t *)payload)[i] ^ mask[i % 4]);
	return at + length;
}

static void put(int fd, const void *bytes, size_t length)
{
	assert_int_equal(send(fd, bytes, length, MSG_NOSIGNAL), length);
}

static void put_frame(int fd, uint8_t first, const void *payload, size_t length)
{
	static uint8_t frame[FRAME_BYTES];

	put(fd, frame, frame_of(first, payload, length, frame));
}

/* Reads exactly length bytes; fewer if the connection ends or nothing more comes. */
static size_t take(struct fixture *fixture, int fd, void *bytes, size_t length)
{
	size_t used = 0;

	for (int i = 0; i < TURNS_MAX && used < length; i++) {
		ssize_t more = recv(fd, (char *)bytes + used, length - used, MSG_DONTWAIT);

		if (more > 0)
			used += (size_t)more;
		else if (more == 0)
			break;
		else
			fixture_turn(fixture, 5);
	}
	return used;
}

static void expect_frame(
	struct fixture *fixture, int fd, uint8_t first, const void *payload, size_t length)
{
	static uint8_t got[FRAME_BYTES];
	size_t head = length < 126 ? 2 : 4;

	assert_true(length < 65536);
	assert_int_equal(take(fixture, fd, got, head + length), head + length);
	assert_int_equal(got[0], first);
	assert_int_equal(got[1], length < 126 ? length : 126);
	if (length >= 126)
		assert_int_equal(got[2] << 8 | got[3], length);
	assert_memory_equal(got + head, payload, length);
}

static bool is_closed(struct fixture *fixture, int fd)
{
	char byte;

	return take(fixture, fd, &byte, 1) == 0 && recv(fd, &byte, 1, MSG_DONTWAIT) == 0;
}

static void expect_end(struct fixture *fixture, int fd)
{
	assert_true(is_closed(fixture, fd));
	(void)close(fd);
	for (int i = 0; i < TURNS_MAX && transport_connection_count(fixture->transport) != 0; i++)
		fixture_turn(fixture, TURN_WAIT_MS);
	assert_int_equal(transport_connection_count(fixture->transport), 0);
	assert_int_equal(transport_get_gauges(fixture->transport).buffered_bytes, 0);
}

static int open_socket(struct fixture *fixture)
{
	int fd = fixture_peer(fixture, SOCK_STREAM);
	char answer[256] = "";
	size_t used = 0;

	put(fd, REQUEST, sizeof(REQUEST) - 1);
	while (strstr(answer, "\r\n\r\n") == NULL && take(fixture, fd, answer + used, 1) == 1)
		used++;
	assert_memory_equal(answer, "HTTP/1.1 101 ", 13);
	assert_non_null(strstr(answer, "Sec-WebSocket-Accept: s3pPLMBiTxaQ9kYGzzhZRbK+xOo=\r\n"));
	return fd;
}

static struct fixture *create(const struct transport_config *config)
{
	return fixture_create(SIP_TRANSPORT_WS, false, config);
}

static const struct transport_counters *counters_of(const struct fixture *fixture)
{
	return transport_get_counters(fixture->transport);
}

static void test_exchange(void **state)
{
	struct fixture *fixture = create(NULL);
	int peer = open_socket(fixture);

	(void)state;
	fixture->is_echoing = true;
	for (uint32_t i = 1; i <= 3; i++) {
		put_frame(peer, i == 2 ? BINARY : TEXT, SIP_TEXT, sizeof(SIP_TEXT) - 1);
		assert_true(fixture_wait(fixture, &fixture->received, i));
		assert_int_equal(fixture->length, sizeof(SIP_TEXT) - 1);
		assert_false(fixture->is_stream);
		assert_int_equal(fixture->flow.transport, SIP_TRANSPORT_WS);
		assert_int_not_equal(fixture->flow.connection_id, 0);
		expect_frame(fixture, peer, TEXT, SIP_TEXT, sizeof(SIP_TEXT) - 1);
	}
	assert_int_equal(counters_of(fixture)->ws_upgrades, 1);
	(void)close(peer);
	for (int i = 0; i < TURNS_MAX && transport_connection_count(fixture->transport) != 0; i++)
		fixture_turn(fixture, TURN_WAIT_MS);
	assert_int_equal(transport_connection_count(fixture->transport), 0);
	fixture_destroy(fixture);
}

/* What isn't UTF-8 can't go as text. */
static void test_binary(void **state)
{
	static const char *const texts[] = {"caf\xc3\xa9", "\xe2\x82\xac", "\xf0\x9f\x93\x9e"};
	static const char *const bytes[] = {"\xff", "\xc0\x80", "\xe0\x80\x80", "\xed\xa0\x80",
		"\xc3", "\xf4\x90\x80\x80", "\x80"};
	struct fixture *fixture = create(NULL);
	int peer = open_socket(fixture);

	(void)state;
	put_frame(peer, TEXT, SIP_TEXT, sizeof(SIP_TEXT) - 1);
	assert_true(fixture_wait(fixture, &fixture->received, 1));
	for (size_t i = 0; i < TD_COUNT_OF(texts); i++) {
		transport_send(fixture->transport, &fixture->flow, texts[i], strlen(texts[i]));
		expect_frame(fixture, peer, TEXT, texts[i], strlen(texts[i]));
	}
	for (size_t i = 0; i < TD_COUNT_OF(bytes); i++) {
		transport_send(fixture->transport, &fixture->flow, bytes[i], strlen(bytes[i]));
		expect_frame(fixture, peer, BINARY, bytes[i], strlen(bytes[i]));
	}
	(void)close(peer);
	fixture_destroy(fixture);
}

/* The request and the first frame in one piece, and everything byte by byte. */
static void test_pieces(void **state)
{
	struct fixture *fixture = create(NULL);
	static uint8_t all[FRAME_BYTES];
	size_t length = sizeof(REQUEST) - 1;
	char answer[200];

	(void)state;
	fixture->is_echoing = true;
	memcpy(all, REQUEST, length);
	length += frame_of(TEXT, SIP_TEXT, sizeof(SIP_TEXT) - 1, all + length);
	for (uint32_t round = 1; round <= 2; round++) {
		const uint64_t *bytes = &counters_of(fixture)->tcp_received_bytes;
		uint64_t before = *bytes;
		int peer = fixture_peer(fixture, SOCK_STREAM);

		if (round == 1)
			put(peer, all, length);
		for (size_t i = 0; i < length && round == 2; i++) {
			put(peer, all + i, 1);
			assert_true(fixture_wait64(fixture, bytes, before + i + 1));
		}
		assert_true(fixture_wait(fixture, &fixture->received, round));
		assert_int_equal(take(fixture, peer, answer, 129 + 29), 129 + 29);
		expect_frame(fixture, peer, TEXT, SIP_TEXT, sizeof(SIP_TEXT) - 1);
		(void)close(peer);
	}
	fixture_destroy(fixture);
}

static void test_fragments(void **state)
{
	struct fixture *fixture = create(NULL);
	static char large[SIP_MESSAGE_MAX_BYTES + 1];
	int peer = open_socket(fixture);

	(void)state;
	put_frame(peer, TEXT_BEGIN, SIP_TEXT, 10);
	put_frame(peer, PING, "p", 1);
	put_frame(peer, CONTINUED, &SIP_TEXT[10], 10);
	expect_frame(fixture, peer, PONG, "p", 1);
	put_frame(peer, CONTINUED_END, &SIP_TEXT[20], sizeof(SIP_TEXT) - 21);
	assert_true(fixture_wait(fixture, &fixture->received, 1));
	assert_int_equal(fixture->length, sizeof(SIP_TEXT) - 1);
	memset(large, 'x', sizeof(large));
	put_frame(peer, TEXT, large, sizeof(large) - 1);
	assert_true(fixture_wait(fixture, &fixture->received, 2));
	assert_int_equal(fixture->length, SIP_MESSAGE_MAX_BYTES);
	/* One byte more than a message may have, in fragments: 1009. */
	put_frame(peer, TEXT_BEGIN, large, sizeof(large) - 10);
	put_frame(peer, CONTINUED, large, 10);
	expect_frame(fixture, peer, CLOSE, "\x03\xf1", 2);
	expect_end(fixture, peer);
	assert_int_equal(counters_of(fixture)->ws_protocol_errors, 1);
	assert_int_equal(fixture->received, 2);
	fixture_destroy(fixture);
}

struct offence {
	const char *what;
	uint8_t bytes[16];
	size_t length;
	const char *code; /* of the close frame; NULL: it has none */
};

static const struct offence OFFENCES[] = {
	{"not masked", {0x81, 0x01, 'x'}, 3, "\x03\xea"},
	{"reserved bit", {0xc1, 0x80, 0, 0, 0, 0}, 6, "\x03\xea"},
	{"unknown opcode", {0x83, 0x80, 0, 0, 0, 0}, 6, "\x03\xea"},
	{"continuation of nothing", {0x80, 0x80, 0, 0, 0, 0}, 6, "\x03\xea"},
	{"fragmented ping", {0x09, 0x80, 0, 0, 0, 0}, 6, NULL},
	{"long ping", {0x89, 0xfe, 0, 126, 0, 0, 0, 0}, 8, NULL},
	{"too large", {0x82, 0xff, 0, 0, 0, 0, 0, 1, 0, 0, 0, 0, 0, 0, 0}, 15, "\x03\xf1"},
	{"text that is none", {0x81, 0x81, 0, 0, 0, 0, 0xff}, 7, "\x03\xef"},
};

static void test_offences(void **state)
{
	struct fixture *fixture = create(NULL);

	(void)state;
	for (size_t i = 0; i < TD_COUNT_OF(OFFENCES); i++) {
		int peer = open_socket(fixture);
		size_t expected = OFFENCES[i].code != NULL ? 4 : 2;
		uint8_t answer[4] = {0};

		put(peer, OFFENCES[i].bytes, OFFENCES[i].length);
		if (take(fixture, peer, answer, expected) != expected || answer[0] != CLOSE ||
			(expected == 4 && memcmp(answer + 2, OFFENCES[i].code, 2) != 0))
			fail_msg("%s: %02x %02x %02x%02x", OFFENCES[i].what, answer[0], answer[1],
				answer[2], answer[3]);
		expect_end(fixture, peer);
		assert_int_equal(counters_of(fixture)->ws_protocol_errors, i + 1);
	}
	assert_int_equal(fixture->received, 0);
	fixture_destroy(fixture);
}

static void test_close(void **state)
{
	struct fixture *fixture = create(NULL);
	int peer = open_socket(fixture);
	struct sip_flow flow;

	(void)state;
	put_frame(peer, TEXT, SIP_TEXT, sizeof(SIP_TEXT) - 1);
	assert_true(fixture_wait(fixture, &fixture->received, 1));
	flow = fixture->flow;
	put_frame(peer, CLOSE, "\x03\xe9", 2);
	expect_frame(fixture, peer, CLOSE, "\x03\xe9", 2);
	expect_end(fixture, peer);
	assert_int_equal(counters_of(fixture)->ws_closed, 1);
	assert_true(fixture_wait(fixture, &fixture->failed, 1));
	assert_int_equal(fixture->failed_flow.connection_id, flow.connection_id);
	/* There is no other way to it, and none is tried. */
	transport_send(fixture->transport, &flow, "x", 1);
	assert_true(fixture_wait(fixture, &fixture->failed, 2));
	assert_int_equal(transport_connection_count(fixture->transport), 0);
	fixture_destroy(fixture);
}

static void test_keepalives(void **state)
{
	struct transport_config config = {.keepalive_ms = 30000};
	struct fixture *fixture = create(&config);
	int peer = open_socket(fixture);
	uint64_t now_ms = loop_now_ms(fixture->loop);
	uint64_t ping_ms = transport_deadline(fixture->transport);

	(void)state;
	put_frame(peer, TEXT, "\r\n\r\n", 4);
	expect_frame(fixture, peer, TEXT, "\r\n", 2);
	put_frame(peer, TEXT, "\r\n", 2);
	put_frame(peer, PONG, "", 0);
	fixture_turn(fixture, 5);
	assert_int_equal(counters_of(fixture)->ws_keepalives, 1);
	assert_int_equal(fixture->received, 0);
	assert_in_range(ping_ms - now_ms, 23990, 30000);
	transport_advance(fixture->transport, ping_ms - 1);
	assert_int_equal(counters_of(fixture)->tcp_pings_sent, 0);
	transport_advance(fixture->transport, ping_ms);
	expect_frame(fixture, peer, PING, "", 0);
	put_frame(peer, PONG, "", 0);
	fixture_turn(fixture, TURN_WAIT_MS);
	fixture_turn(fixture, TURN_WAIT_MS);
	assert_true(transport_deadline(fixture->transport) > loop_now_ms(fixture->loop) + 20000);
	/* The next one isn't answered. */
	transport_advance(fixture->transport, ping_ms + 60000);
	assert_int_equal(counters_of(fixture)->tcp_pings_sent, 2);
	transport_advance(fixture->transport, ping_ms + 80000);
	assert_int_equal(counters_of(fixture)->tcp_pongs_missing, 1);
	assert_int_equal(transport_connection_count(fixture->transport), 0);
	(void)close(peer);
	fixture_destroy(fixture);
}

static void expect_refusal(struct fixture *fixture, const char *request, unsigned status)
{
	int peer = fixture_peer(fixture, SOCK_STREAM);
	char answer[300] = "";
	unsigned got = 0;

	put(peer, request, strlen(request));
	(void)take(fixture, peer, answer, sizeof(answer) - 1);
	(void)sscanf(answer, "HTTP/1.1 %u", &got);
	if (got != status)
		fail_msg("%u, expected %u", got, status);
	expect_end(fixture, peer);
}

static void test_requests(void **state)
{
	struct transport_config config = {
		.websocket = {.path = "/sip", .origin_count = 1, .origins = {"https://a.example"}}};
	static char endless[9000];
	struct fixture *fixture = create(&config);
	const struct transport_counters *counters = counters_of(fixture);
	int slow;

	(void)state;
	expect_refusal(fixture, REQUEST, 404);
	expect_refusal(fixture, "GET /sip HTTP/1.1\r\nHost: h\r\n\r\n", 426);
	expect_refusal(fixture,
		"GET /sip HTTP/1.1\r\nHost: h\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
		"Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\nSec-WebSocket-Version: 13\r\n"
		"Origin: https://b.example\r\nSec-WebSocket-Protocol: sip\r\n\r\n",
		403);
	memset(endless, 'x', sizeof(endless) - 1);
	expect_refusal(fixture, endless, 431);
	assert_int_equal(counters->ws_refused_path, 1);
	assert_int_equal(counters->ws_refused_request, 2);
	assert_int_equal(counters->ws_refused_origin, 1);
	slow = fixture_peer(fixture, SOCK_STREAM);
	put(slow, "GET", 3);
	assert_true(fixture_wait64(fixture, &counters->tcp_accepted, 5));
	fixture_turn(fixture, 5);
	transport_advance(fixture->transport, loop_now_ms(fixture->loop) + 4900);
	assert_int_equal(counters->ws_upgrade_timeouts, 0);
	transport_advance(fixture->transport, loop_now_ms(fixture->loop) + 5000);
	assert_int_equal(counters->ws_upgrade_timeouts, 1);
	(void)close(slow);
	fixture_destroy(fixture);
}

/* Half a message holds memory for as long as half a message may take, and counts among all. */
static void test_partial(void **state)
{
	struct transport_config config = {.buffers_max_bytes = 100000};
	struct fixture *fixture = create(&config);
	const struct transport_counters *counters = counters_of(fixture);
	static char large[50000];
	uint64_t bytes;
	int one;
	int two;
	int three;

	(void)state;
	one = open_socket(fixture);
	two = open_socket(fixture);
	three = open_socket(fixture);
	bytes = counters->tcp_received_bytes;
	put_frame(one, TEXT_BEGIN, "x", 1);
	put_frame(two, TEXT_BEGIN, large, sizeof(large));
	assert_true(fixture_wait64(fixture, &counters->tcp_received_bytes, bytes + sizeof(large)));
	/* Each fragment with what it takes beside its bytes: tiny ones aren't free. */
	assert_int_equal(transport_get_gauges(fixture->transport).buffered_bytes, 50001 + 2 * 64);
	put_frame(three, TEXT_BEGIN, large, sizeof(large));
	assert_true(fixture_wait64(fixture, &counters->tcp_buffers_full, 1));
	assert_true(fixture_wait64(fixture, &counters->tcp_closed, 1));
	transport_advance(fixture->transport, loop_now_ms(fixture->loop) + 9000);
	assert_int_equal(counters->tcp_partial_timeouts, 0);
	transport_advance(fixture->transport, loop_now_ms(fixture->loop) + 10000);
	assert_int_equal(counters->tcp_partial_timeouts, 2);
	assert_int_equal(transport_get_gauges(fixture->transport).buffered_bytes, 0);
	(void)close(one);
	(void)close(two);
	(void)close(three);
	fixture_destroy(fixture);
}

static void test_secure(void **state)
{
	struct transport_config config = {.tls = {.certificate_count = 1}};
	static uint8_t frame[FRAME_BYTES];
	struct pki_identity identity;
	struct fixture *fixture;
	struct tls_peer peer;
	struct pki pki;
	char bytes[300];
	size_t length;

	(void)state;
	pki_create(&pki);
	pki_make(&pki, &(const struct pki_wish){.file = "one", .names = "DNS:h"}, &identity);
	(void)snprintf(config.tls.certificates[0].certificate_file, TRANSPORT_PATH_BYTES, "%s",
		identity.certificate_file);
	(void)snprintf(
		config.tls.certificates[0].key_file, TRANSPORT_PATH_BYTES, "%s", identity.key_file);
	/* Browsers have no certificates: none is asked for here, whatever tls listeners do. */
	config.tls.verify_client = TRANSPORT_VERIFY_REQUIRE;
	fixture = fixture_create(SIP_TRANSPORT_WSS, false, &config);
	fixture->is_echoing = true;
	tls_peer_begin(&peer, fixture_peer(fixture, SOCK_STREAM), false, NULL, &pki.issuer);
	assert_true(tls_peer_shake(fixture, &peer));
	tls_peer_put(fixture, &peer, REQUEST, sizeof(REQUEST) - 1);
	assert_int_equal(tls_peer_take(fixture, &peer, bytes, 158), 158);
	assert_memory_equal(bytes, "HTTP/1.1 101 ", 13);
	length = frame_of(TEXT, SIP_TEXT, sizeof(SIP_TEXT) - 1, frame);
	tls_peer_put(fixture, &peer, (const char *)frame, length);
	assert_true(fixture_wait(fixture, &fixture->received, 1));
	assert_int_equal(fixture->flow.transport, SIP_TRANSPORT_WSS);
	assert_int_equal(
		tls_peer_take(fixture, &peer, bytes, sizeof(SIP_TEXT) + 1), sizeof(SIP_TEXT) + 1);
	assert_memory_equal(bytes + 2, SIP_TEXT, sizeof(SIP_TEXT) - 1);
	length = frame_of(CLOSE, "\x03\xe8", 2, frame);
	tls_peer_put(fixture, &peer, (const char *)frame, length);
	assert_int_equal(tls_peer_take(fixture, &peer, bytes, 4), 4);
	assert_true(tls_peer_is_closed(fixture, &peer));
	tls_peer_end(&peer);
	pki_free(&identity);
	pki_destroy(&pki);
	fixture_destroy(fixture);
}

int main(void)
{
	static const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_exchange),
		cmocka_unit_test(test_binary),
		cmocka_unit_test(test_pieces),
		cmocka_unit_test(test_fragments),
		cmocka_unit_test(test_offences),
		cmocka_unit_test(test_close),
		cmocka_unit_test(test_keepalives),
		cmocka_unit_test(test_requests),
		cmocka_unit_test(test_partial),
		cmocka_unit_test(test_secure),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
