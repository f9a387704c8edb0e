/* SPDX-License-Identifier: Apache-2.0 */
/* Peers that connect to us by TLS. */
#include "tls_peer.h"

#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/stat.h>

#include <cmocka.h>

/* Another name with the sip_server_id() of client.example. */
#define SAME_ID_NAME "c8miilo.example"

static const char message[] = FIXTURE_MESSAGE;
enum {
	MESSAGE_BYTES = sizeof(message) - 1
};

static struct pki pki;
static struct pki_identity first;
static struct pki_identity second;
static struct pki_identity client;
static struct pki_identity impostor;

static int group_setup(void **state)
{
	(void)state;
	pki_create(&pki);
	pki_make(&pki, &(const struct pki_wish){.file = "first", .names = "DNS:first.example"},
		&first);
	pki_make(&pki,
		&(const struct pki_wish){
			.file = "second", .names = "DNS:x.example,DNS:*.second.example"},
		&second);
	pki_make(&pki, &(const struct pki_wish){.file = "client", .names = "DNS:client.example"},
		&client);
	pki_make(&pki, &(const struct pki_wish){.file = "impostor", .names = "DNS:" SAME_ID_NAME},
		&impostor);
	return 0;
}

static int group_teardown(void **state)
{
	(void)state;
	pki_free(&first);
	pki_free(&second);
	pki_free(&client);
	pki_free(&impostor);
	pki_destroy(&pki);
	return 0;
}

static void add_certificate(struct transport_tls *tls, const struct pki_identity *identity)
{
	uint32_t at = tls->certificate_count++;

	(void)snprintf(tls->certificates[at].certificate_file, TRANSPORT_PATH_BYTES, "%s",
		identity->certificate_file);
	(void)snprintf(
		tls->certificates[at].key_file, TRANSPORT_PATH_BYTES, "%s", identity->key_file);
}

static struct transport_config config_of(enum transport_verify_client verify_client)
{
	struct transport_config config = {.tls = {.verify_client = verify_client}};

	add_certificate(&config.tls, &first);
	add_certificate(&config.tls, &second);
	(void)snprintf(
		config.tls.ca_file, sizeof(config.tls.ca_file), "%s", pki.issuer.certificate_file);
	return config;
}

static struct fixture *create(enum transport_verify_client verify_client)
{
	struct transport_config config = config_of(verify_client);

	return fixture_create(SIP_TRANSPORT_TLS, false, &config);
}

static const struct transport_counters *counters_of(const struct fixture *fixture)
{
	return transport_get_counters(fixture->transport);
}

/* A message to the echoing transport and back. */
static void exchange(struct fixture *fixture, struct tls_peer *peer)
{
	uint32_t before = fixture->received;
	char bytes[MESSAGE_BYTES];

	tls_peer_put(fixture, peer, message, MESSAGE_BYTES);
	assert_true(fixture_wait(fixture, &fixture->received, before + 1));
	assert_int_equal(tls_peer_take(fixture, peer, bytes, sizeof(bytes)), sizeof(bytes));
	assert_memory_equal(bytes, message, MESSAGE_BYTES);
}

static void test_exchange(void **state)
{
	struct fixture *fixture = create(TRANSPORT_VERIFY_OFF);
	struct tls_peer peer;

	(void)state;
	fixture->is_echoing = true;
	tls_peer_begin(&peer, fixture_peer(fixture, SOCK_STREAM), false, NULL, &pki.issuer);
	assert_true(tls_peer_shake(fixture, &peer));
	assert_int_equal(SSL_version(peer.ssl), TLS1_3_VERSION);
	exchange(fixture, &peer);
	exchange(fixture, &peer);
	assert_int_equal(fixture->flow.transport, SIP_TRANSPORT_TLS);
	assert_int_not_equal(fixture->flow.connection_id, 0);
	assert_int_equal(counters_of(fixture)->tls_handshakes, 1);
	tls_peer_end(&peer);
	for (int i = 0; i < TURNS_MAX && transport_connection_count(fixture->transport) != 0; i++)
		fixture_turn(fixture, TURN_WAIT_MS);
	assert_int_equal(transport_connection_count(fixture->transport), 0);
	assert_int_equal(transport_get_gauges(fixture->transport).buffered_bytes, 0);
	fixture_destroy(fixture);
}

static bool offers(struct fixture *fixture, const char *name, const struct pki_identity *expected)
{
	struct tls_peer peer;
	bool is_expected;

	tls_peer_begin(&peer, fixture_peer(fixture, SOCK_STREAM), false, NULL, &pki.issuer);
	if (name != NULL)
		(void)SSL_set_tlsext_host_name(peer.ssl, name);
	is_expected = tls_peer_shake(fixture, &peer) &&
		      X509_cmp(SSL_get0_peer_certificate(peer.ssl), expected->certificate) == 0;
	tls_peer_end(&peer);
	return is_expected;
}

/* The certificate that has the name asked for; the first if none has it, or none is asked for. */
static void test_names(void **state)
{
	struct fixture *fixture = create(TRANSPORT_VERIFY_OFF);

	(void)state;
	assert_true(offers(fixture, NULL, &first));
	assert_true(offers(fixture, "first.example", &first));
	assert_true(offers(fixture, "X.example", &second));
	assert_true(offers(fixture, "a.second.example", &second));
	assert_true(offers(fixture, "a.b.second.example", &first));
	assert_true(offers(fixture, "nobody.example", &first));
	fixture_destroy(fixture);
}

/* One client after the other at a listener that asks for certificates. */
static void test_clients(void **state)
{
	static const char *const whats[] = {"none", "good", "foreign", "expired", "not yet"};
	struct pki_identity foreign;
	struct pki_identity expired;
	struct pki_identity early;
	const struct pki_identity *const identities[] = {NULL, &client, &foreign, &expired, &early};

	(void)state;
	pki_make(&pki, &(const struct pki_wish){.file = "foreign", .issuer = &pki.stranger},
		&foreign);
	pki_make(&pki, &(const struct pki_wish){.file = "expired", .ends_s = -10}, &expired);
	pki_make(&pki, &(const struct pki_wish){.file = "early", .begins_s = PKI_DAY_S}, &early);
	for (int mode = TRANSPORT_VERIFY_REQUEST; mode <= TRANSPORT_VERIFY_REQUIRE; mode++) {
		struct fixture *fixture = create((enum transport_verify_client)mode);
		const struct transport_counters *counters = counters_of(fixture);

		fixture->is_echoing = true;
		for (size_t i = 0; i < TD_COUNT_OF(identities); i++) {
			bool is_welcome = i == 1 || (i == 0 && mode == TRANSPORT_VERIFY_REQUEST);
			uint64_t closed = counters->tcp_closed;
			struct tls_peer peer;

			tls_peer_begin(&peer, fixture_peer(fixture, SOCK_STREAM), false,
				identities[i], &pki.issuer);
			/* Over TLS 1.3 a refused client learns of it with its first read. */
			if (!tls_peer_shake(fixture, &peer))
				fail_msg("%s: no handshake", whats[i]);
			if (is_welcome)
				exchange(fixture, &peer);
			else if (!tls_peer_is_closed(fixture, &peer))
				fail_msg("%s: let in", whats[i]);
			tls_peer_end(&peer);
			assert_true(fixture_wait64(fixture, &counters->tcp_closed, closed + 1));
		}
		assert_int_equal(
			counters->tls_peer_missing, mode == TRANSPORT_VERIFY_REQUIRE ? 1 : 0);
		assert_int_equal(counters->tls_peer_untrusted, 1);
		assert_int_equal(counters->tls_peer_expired, 2);
		fixture_destroy(fixture);
	}
	pki_free(&foreign);
	pki_free(&expired);
	pki_free(&early);
}

/* Connects to a listener with a session of another connection. */
static bool is_resumed(struct fixture *fixture, uint32_t listener,
	const struct pki_identity *identity, SSL_SESSION **session)
{
	const struct transport_counters *counters = counters_of(fixture);
	uint64_t before = counters->tls_handshakes + counters->tls_peer_missing;
	char bytes[MESSAGE_BYTES];
	struct tls_peer peer;
	bool is_resumed;

	tls_peer_begin(&peer, fixture_peer_at(fixture, listener, SOCK_STREAM, NULL), false,
		identity, &pki.issuer);
	if (*session != NULL)
		assert_int_equal(SSL_set_session(peer.ssl, *session), 1);
	assert_true(tls_peer_shake(fixture, &peer));
	for (int i = 0;
		i < TURNS_MAX && counters->tls_handshakes + counters->tls_peer_missing == before;
		i++)
		fixture_turn(fixture, TURN_WAIT_MS);
	(void)SSL_write(peer.ssl, message, MESSAGE_BYTES);
	(void)tls_peer_take(fixture, &peer, bytes, sizeof(bytes)); /* and the ticket */
	is_resumed = SSL_session_reused(peer.ssl) == 1;
	SSL_SESSION_free(*session);
	*session = SSL_get1_session(peer.ssl);
	SSL_set_shutdown(peer.ssl, SSL_SENT_SHUTDOWN); /* else it counts as broken */
	tls_peer_end(&peer);
	return is_resumed;
}

/* A session goes on, with its certificate; but not from where none is asked for to where one is
 * required. */
static void test_sessions(void **state)
{
	struct transport_config config = config_of(TRANSPORT_VERIFY_REQUIRE);
	SSL_SESSION *session = NULL;
	struct fixture *fixture;

	(void)state;
	config.listener_count = 2;
	config.listeners[1].transport = SIP_TRANSPORT_WSS;
	fixture = fixture_create(SIP_TRANSPORT_TLS, false, &config);
	fixture->is_echoing = true;
	assert_false(is_resumed(fixture, 0, &client, &session));
	assert_true(is_resumed(fixture, 0, &client, &session));
	assert_int_equal(counters_of(fixture)->tls_resumed, 1);
	SSL_SESSION_free(session);
	session = NULL;
	assert_false(is_resumed(fixture, 1, NULL, &session));
	assert_false(is_resumed(fixture, 0, NULL, &session));
	assert_int_equal(counters_of(fixture)->tls_peer_missing, 1);
	assert_int_equal(counters_of(fixture)->tls_resumed, 1);
	SSL_SESSION_free(session);
	fixture_destroy(fixture);
}

static bool can_speak(struct fixture *fixture, int version, const char *ciphers)
{
	struct tls_peer peer;
	bool is_good;

	tls_peer_begin(&peer, fixture_peer(fixture, SOCK_STREAM), false, NULL, NULL);
	SSL_set_security_level(peer.ssl, 0);
	assert_int_equal(SSL_set_min_proto_version(peer.ssl, version), 1);
	assert_int_equal(SSL_set_max_proto_version(peer.ssl, version), 1);
	if (ciphers != NULL)
		assert_int_equal(SSL_set_cipher_list(peer.ssl, ciphers), 1);
	is_good = tls_peer_shake(fixture, &peer);
	tls_peer_end(&peer);
	return is_good;
}

static void test_versions(void **state)
{
	struct transport_config config = config_of(TRANSPORT_VERIFY_OFF);
	struct fixture *fixture = create(TRANSPORT_VERIFY_OFF);

	(void)state;
	assert_true(can_speak(fixture, TLS1_3_VERSION, NULL));
	assert_true(can_speak(fixture, TLS1_2_VERSION, NULL));
	assert_false(can_speak(fixture, TLS1_1_VERSION, NULL));
	assert_false(can_speak(fixture, TLS1_VERSION, NULL));
	assert_false(can_speak(fixture, TLS1_2_VERSION, "AES128-SHA"));
	assert_false(can_speak(fixture, TLS1_2_VERSION, "ECDHE-ECDSA-AES128-SHA"));
	assert_true(can_speak(fixture, TLS1_2_VERSION, "ECDHE-ECDSA-AES256-GCM-SHA384"));
	assert_int_equal(counters_of(fixture)->tls_handshake_failures, 4);
	fixture_destroy(fixture);
	config.tls.is_tls13_only = true;
	fixture = fixture_create(SIP_TRANSPORT_TLS, false, &config);
	assert_true(can_speak(fixture, TLS1_3_VERSION, NULL));
	assert_false(can_speak(fixture, TLS1_2_VERSION, NULL));
	fixture_destroy(fixture);
}

/* Who doesn't finish his handshake, who begins none, and who goes in the middle. */
static void test_bad_handshakes(void **state)
{
	struct fixture *fixture = create(TRANSPORT_VERIFY_OFF);
	const struct transport_counters *counters = counters_of(fixture);
	int slow = fixture_peer(fixture, SOCK_STREAM);
	int wrong = fixture_peer(fixture, SOCK_STREAM);
	int hasty = fixture_peer(fixture, SOCK_STREAM);
	uint64_t deadline_ms;

	(void)state;
	assert_int_equal(send(slow, "\x16\x03\x01\x02\x00\x01", 6, 0), 6);
	assert_int_equal(send(wrong, message, MESSAGE_BYTES, 0), MESSAGE_BYTES);
	assert_int_equal(send(hasty, "\x16\x03", 2, 0), 2);
	assert_true(fixture_wait64(fixture, &counters->tcp_accepted, 3));
	(void)close(hasty);
	assert_true(fixture_wait64(fixture, &counters->tls_handshake_failures, 2));
	assert_int_equal(transport_connection_count(fixture->transport), 1);
	assert_int_equal(transport_get_gauges(fixture->transport).handshakes, 1);
	deadline_ms = loop_now_ms(fixture->loop) + 5000;
	transport_advance(fixture->transport, deadline_ms - 1000);
	assert_int_equal(counters->tls_handshake_timeouts, 0);
	transport_advance(fixture->transport, deadline_ms);
	assert_int_equal(counters->tls_handshake_timeouts, 1);
	assert_int_equal(transport_connection_count(fixture->transport), 0);
	assert_int_equal(fixture->received, 0);
	(void)close(slow);
	(void)close(wrong);
	fixture_destroy(fixture);
}

/* Handshakes that don't end block their own source first, and then the listener, but no longer
 * than they last. */
static void test_limits(void **state)
{
	struct transport_config config = config_of(TRANSPORT_VERIFY_OFF);
	struct td_ip from = fixture_loopback(false).ip;
	const struct transport_counters *counters;
	struct fixture *fixture;
	struct tls_peer peer;
	int sockets[8];

	(void)state;
	config.handshakes_max = 8;
	fixture = fixture_create(SIP_TRANSPORT_TLS, false, &config);
	counters = counters_of(fixture);
	for (int i = 0; i < 3; i++)
		sockets[i] = fixture_peer(fixture, SOCK_STREAM);
	assert_true(fixture_wait64(fixture, &counters->tls_refused_source, 1));
	assert_int_equal(counters->tcp_accepted, 2);
	(void)close(sockets[2]);
	for (int i = 2; i < 8; i++) {
		from.bytes[3] = (uint8_t)i;
		sockets[i] = fixture_peer_at(fixture, 0, SOCK_STREAM, &from);
	}
	assert_true(fixture_wait64(fixture, &counters->tls_accept_pauses, 1));
	assert_int_equal(transport_get_gauges(fixture->transport).handshakes, 8);
	from.bytes[3] = 99;
	tls_peer_begin(
		&peer, fixture_peer_at(fixture, 0, SOCK_STREAM, &from), false, NULL, &pki.issuer);
	(void)SSL_do_handshake(peer.ssl);
	for (int i = 0; i < 5; i++)
		fixture_turn(fixture, 5);
	assert_int_equal(counters->tcp_accepted, 8);
	for (int i = 0; i < 3; i++)
		(void)close(sockets[i]);
	assert_true(tls_peer_shake(fixture, &peer));
	for (int i = 3; i < 8; i++)
		(void)close(sockets[i]);
	tls_peer_end(&peer);
	fixture_destroy(fixture);
}

/* Large messages both ways, past a peer that reads slowly: TLS may take a write in parts. */
static void test_volume(void **state)
{
	static char text[60000];
	static char echo[sizeof(text)];
	struct transport_config config = config_of(TRANSPORT_VERIFY_OFF);
	int head = snprintf(text, sizeof(text),
		"OPTIONS sip:a@h SIP/2.0\r\nContent-Length: %05d\r\n\r\n", (int)sizeof(text) - 50);
	struct fixture *fixture;
	struct tls_peer peer;

	(void)state;
	assert_int_equal(head, 50);
	memset(text + head, 'b', sizeof(text) - (size_t)head);
	config.output_max_bytes = 4 << 20;
	fixture = fixture_create(SIP_TRANSPORT_TLS, false, &config);
	fixture->is_echoing = true;
	tls_peer_begin(&peer, fixture_peer(fixture, SOCK_STREAM), false, NULL, &pki.issuer);
	assert_true(tls_peer_shake(fixture, &peer));
	for (uint32_t i = 0; i < 20; i++) {
		tls_peer_put(fixture, &peer, text, sizeof(text));
		assert_true(fixture_wait(fixture, &fixture->received, i + 1));
	}
	for (uint32_t i = 0; i < 20; i++) {
		assert_int_equal(tls_peer_take(fixture, &peer, echo, sizeof(echo)), sizeof(echo));
		assert_memory_equal(echo, text, sizeof(text));
	}
	tls_peer_end(&peer);
	fixture_destroy(fixture);
}

/* A client with a certificate and ";alias" gets our requests by its own connection; one without
 * doesn't, nor one whose certificate is another server's, or of a name with the same hash. */
static void test_alias(void **state)
{
	static const char *const vias[] = {"h:5099;branch=z9hG4bK1;alias", "h:5098;branch=z9hG4bK1",
		"h:5097;branch=z9hG4bK1;alias", "h:5096;branch=z9hG4bK1;alias"};
	const struct pki_identity *const identities[] = {&client, &client, &first, &impostor};
	static const uint16_t ports[] = {5099, 5098, 5097, 5096};
	struct fixture *fixture = create(TRANSPORT_VERIFY_REQUIRE);
	struct transport_server server = {.name = "client.example"};
	struct sip_flow flow = {.transport = SIP_TRANSPORT_TLS};
	struct tls_peer peers[4];
	char text[512];

	(void)state;
	server.id = sip_server_id(span_from(server.name));
	assert_int_equal(sip_server_id(SPAN(SAME_ID_NAME)), server.id);
	assert_int_equal(transport_set_servers(fixture->transport, &server, 1), 0);
	flow.local = transport_local(fixture->transport, 0);
	flow.remote = flow.local;
	flow.server_id = server.id;
	for (size_t i = 0; i < 4; i++) {
		int length = snprintf(text, sizeof(text),
			"OPTIONS sip:a@h SIP/2.0\r\nVia: SIP/2.0/TLS %s\r\nFrom: <sip:a@h>;tag=1\r\n"
			"To: <sip:b@h>\r\nCall-ID: 1\r\nCSeq: 1 OPTIONS\r\nMax-Forwards: 70\r\n"
			"Content-Length: 0\r\n\r\n",
			vias[i]);

		tls_peer_begin(&peers[i], fixture_peer(fixture, SOCK_STREAM), false, identities[i],
			&pki.issuer);
		assert_true(tls_peer_shake(fixture, &peers[i]));
		tls_peer_put(fixture, &peers[i], text, (size_t)length);
		assert_true(fixture_wait(fixture, &fixture->received, (uint32_t)i + 1));
		flow.remote.port = ports[i];
		transport_send(fixture->transport, &flow, message, MESSAGE_BYTES);
	}
	assert_int_equal(counters_of(fixture)->tcp_aliases, 1);
	assert_int_equal(tls_peer_take(fixture, &peers[0], text, MESSAGE_BYTES), MESSAGE_BYTES);
	/* The others were connected to, where nobody listens. */
	assert_true(fixture_wait(fixture, &fixture->failed, 3));
	for (size_t i = 0; i < 4; i++)
		tls_peer_end(&peers[i]);
	fixture_destroy(fixture);
}

/* Who connects from the port that requests go to isn't thereby who they are for. */
static void test_no_alias_by_port(void **state)
{
	struct fixture *fixture = create(TRANSPORT_VERIFY_OFF);
	struct sip_flow flow;
	struct tls_peer peer;

	(void)state;
	tls_peer_begin(&peer, fixture_peer(fixture, SOCK_STREAM), false, NULL, &pki.issuer);
	assert_true(tls_peer_shake(fixture, &peer));
	tls_peer_put(fixture, &peer, message, MESSAGE_BYTES);
	assert_true(fixture_wait(fixture, &fixture->received, 1));
	flow = fixture->flow;
	flow.connection_id = 0;
	transport_send(fixture->transport, &flow, message, MESSAGE_BYTES);
	assert_true(fixture_wait(fixture, &fixture->failed, 1)); /* nobody listens there */
	assert_int_equal(counters_of(fixture)->tcp_open_failed, 1);
	assert_int_equal(counters_of(fixture)->tcp_sent, 1);
	tls_peer_end(&peer);
	fixture_destroy(fixture);
}

int main(void)
{
	static const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_exchange),
		cmocka_unit_test(test_names),
		cmocka_unit_test(test_clients),
		cmocka_unit_test(test_sessions),
		cmocka_unit_test(test_versions),
		cmocka_unit_test(test_bad_handshakes),
		cmocka_unit_test(test_limits),
		cmocka_unit_test(test_volume),
		cmocka_unit_test(test_alias),
		cmocka_unit_test(test_no_alias_by_port),
	};

	return cmocka_run_group_tests(tests, group_setup, group_teardown);
}
