/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Any bytes after a WebSocket's HTTP request, over a real connection on loopback: whatever comes,
 * the transport takes it or closes, and holds nothing afterwards.
 */
#include "transport_fixture.h"

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t size_bytes);

static const char request[] =
	"GET / HTTP/1.1\r\nHost: h\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
	"Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\nSec-WebSocket-Version: 13\r\n"
	"Sec-WebSocket-Protocol: sip\r\n\r\n";

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t size_bytes)
{
	static struct fixture *fixture;
	char answers[4096];
	int peer;

	if (fixture == NULL)
		fixture = fixture_create(SIP_TRANSPORT_WS, false, NULL);
	fixture->is_echoing = true;
	peer = fixture_peer(fixture, SOCK_STREAM);
	(void)send(peer, request, sizeof(request) - 1, MSG_NOSIGNAL);
	(void)send(peer, bytes, size_bytes, MSG_NOSIGNAL | MSG_DONTWAIT);
	(void)shutdown(peer, SHUT_WR);
	for (int i = 0;
		i < TURNS_MAX && (i < 2 || transport_connection_count(fixture->transport) != 0);
		i++) {
		fixture_turn(fixture, 1);
		while (recv(peer, answers, sizeof(answers), MSG_DONTWAIT) > 0)
			;
	}
	(void)close(peer);
	if (transport_connection_count(fixture->transport) != 0 ||
		transport_get_gauges(fixture->transport).buffered_bytes != 0)
		abort();
	return 0;
}
