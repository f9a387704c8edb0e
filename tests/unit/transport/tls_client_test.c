/* SPDX-License-Identifier: Apache-2.0 */
/* Peers that we connect to by TLS: who they must be, and what happens if they are not. */
#include "tls_peer.h"

#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/stat.h>

#include <cmocka.h>

static const char message[] = FIXTURE_MESSAGE;
enum {
	MESSAGE_BYTES = sizeof(message) - 1
};

static struct pki pki;
static struct pki_identity own;

static int group_setup(void **state)
{
	(void)state;
	pki_create(&pki);
	pki_make(&pki, &(const struct pki_wish){.file = "own", .names = "DNS:own.example"}, &own);
	return 0;
}

static int group_teardown(void **state)
{
	(void)state;
	pki_free(&own);
	pki_destroy(&pki);
	return 0;
}

static void set_paths(struct transport_tls *tls, const struct pki_identity *identity)
{
	tls->certificate_count = 1;
	(void)snprintf(tls->certificates[0].certificate_file, TRANSPORT_PATH_BYTES, "%s",
		identity->certificate_file);
	(void)snprintf(
		tls->certificates[0].key_file, TRANSPORT_PATH_BYTES, "%s", identity->key_file);
	(void)snprintf(tls->ca_file, sizeof(tls->ca_file), "%s", pki.issuer.certificate_file);
}

/* A transport and a server that it may connect to. */
struct meeting {
	struct fixture *fixture;
	const struct transport_counters *counters;
	struct sip_flow flow;
	int server;
};

static void meeting_create(struct meeting *meeting, const struct transport_config *wanted)
{
	static const struct transport_server servers[] = {
		{0, "one.example"}, {0, "two.example"}, {0, "a.wild.example"}};
	struct transport_config config = {0};
	struct transport_server named[TD_COUNT_OF(servers)];

	if (wanted != NULL)
		config = *wanted;
	set_paths(&config.tls, &own);
	memset(meeting, 0, sizeof(*meeting));
	meeting->fixture = fixture_create(SIP_TRANSPORT_TLS, false, &config);
	meeting->counters = transport_get_counters(meeting->fixture->transport);
	for (size_t i = 0; i < TD_COUNT_OF(servers); i++) {
		named[i] = servers[i];
		named[i].id = sip_server_id(span_from(servers[i].name));
	}
	assert_int_equal(
		transport_set_servers(meeting->fixture->transport, named, TD_COUNT_OF(servers)), 0);
	meeting->server = fixture_server(false, SOCK_STREAM, &meeting->flow.remote);
	meeting->flow.local = transport_local(meeting->fixture->transport, 0);
	meeting->flow.transport = SIP_TRANSPORT_TLS;
}

static void meeting_end(struct meeting *meeting)
{
	(void)close(meeting->server);
	fixture_destroy(meeting->fixture);
}

/* Sends by TLS to whoever must be named name (NULL: by address); the server shows identity.
 * True if the message arrived. */
static bool reaches(struct meeting *meeting, const char *name, const struct pki_identity *identity)
{
	struct fixture *fixture = meeting->fixture;
	uint32_t failed = fixture->failed;
	uint64_t opened = meeting->counters->tcp_opened;
	char bytes[MESSAGE_BYTES];
	struct tls_peer peer;
	bool has_come = false;

	meeting->flow.server_id = name != NULL ? sip_server_id(span_from(name)) : 0;
	transport_send(fixture->transport, &meeting->flow, message, MESSAGE_BYTES);
	tls_peer_begin(&peer, accept(meeting->server, NULL, NULL), true, identity, NULL);
	if (tls_peer_shake(fixture, &peer))
		has_come = tls_peer_take(fixture, &peer, bytes, sizeof(bytes)) == sizeof(bytes);
	if (has_come) {
		assert_memory_equal(bytes, message, MESSAGE_BYTES);
		assert_int_equal(meeting->counters->tcp_opened, opened + 1);
		assert_string_equal(name != NULL ? name : "",
			SSL_get_servername(peer.ssl, TLSEXT_NAMETYPE_host_name) != NULL
				? SSL_get_servername(peer.ssl, TLSEXT_NAMETYPE_host_name)
				: "");
	} else {
		assert_true(fixture_wait(fixture, &fixture->failed, failed + 1));
		assert_int_equal(fixture->failed_flow.server_id, meeting->flow.server_id);
		assert_int_equal(fixture->failed_flow.connection_id, 0);
		assert_true(td_endpoint_equal(&fixture->failed_flow.remote, &meeting->flow.remote));
		assert_int_equal(transport_connection_count(fixture->transport), 0);
	}
	SSL_set_shutdown(peer.ssl, SSL_SENT_SHUTDOWN);
	tls_peer_end(&peer);
	for (int i = 0; i < TURNS_MAX && transport_connection_count(fixture->transport) != 0; i++)
		fixture_turn(fixture, TURN_WAIT_MS);
	return has_come;
}

struct identity_case {
	const char *what;
	const char *names;  /* of the server's certificate */
	const char *wanted; /* NULL: by address */
	bool is_good;
};

static const struct identity_case CASES[] = {
	{"name", "DNS:one.example", "one.example", true},
	{"name among others", "DNS:x.example,DNS:ONE.example", "one.example", true},
	{"domain in a URI", "URI:sip:one.example", "one.example", true},
	{"somebody of the domain", "URI:sip:me@one.example", "one.example", false},
	{"URI of another scheme", "URI:https://one.example", "one.example", false},
	{"sips", "URI:sips:one.example", "one.example", false},
	{"other name", "DNS:two.example", "one.example", false},
	{"longer name", "DNS:one.example.evil", "one.example", false},
	{"shorter name", "DNS:example", "one.example", false},
	{"wildcard", "DNS:*.wild.example", "a.wild.example", false},
	{"common name only", NULL, "one.example", false},
	{"address", "IP:127.0.0.1", NULL, true},
	{"other address", "IP:127.0.0.2", NULL, false},
	{"address in a name", "DNS:127.0.0.1", NULL, false},
	{"address instead of the name", "IP:127.0.0.1", "one.example", false},
	{"name that nobody configured", "DNS:three.example", "three.example", false},
};

static void test_identities(void **state)
{
	struct meeting meeting;
	uint64_t refused = 0;

	(void)state;
	meeting_create(&meeting, NULL);
	for (size_t i = 0; i < TD_COUNT_OF(CASES); i++) {
		struct pki_identity identity;

		pki_make(&pki,
			&(const struct pki_wish){.file = "one.example", .names = CASES[i].names},
			&identity);
		if (reaches(&meeting, CASES[i].wanted, &identity) != CASES[i].is_good)
			fail_msg("%s: %s", CASES[i].what, CASES[i].is_good ? "refused" : "taken");
		refused += !CASES[i].is_good;
		assert_int_equal(meeting.counters->tls_peer_wrong_name, refused);
		pki_free(&identity);
	}
	assert_int_equal(meeting.counters->tcp_open_failed, refused);
	meeting_end(&meeting);
}

static void test_wildcards(void **state)
{
	struct transport_config config = {.tls = {.allows_wildcards = true}};
	struct pki_identity wide;
	struct meeting meeting;

	(void)state;
	meeting_create(&meeting, &config);
	pki_make(&pki,
		&(const struct pki_wish){
			.file = "wide", .names = "DNS:*.wild.example,DNS:*.example"},
		&wide);
	assert_true(reaches(&meeting, "a.wild.example", &wide));
	assert_false(reaches(&meeting, "one.example", &wide)); /* not a whole top level */
	pki_free(&wide);
	meeting_end(&meeting);
}

/* Certificates that have the right name, and are bad all the same. */
static void test_untrusted(void **state)
{
	struct pki_identity identity;
	struct pki_wish wish = {.file = "server", .names = "DNS:one.example"};
	struct meeting meeting;

	(void)state;
	meeting_create(&meeting, NULL);
	wish.ends_s = -10;
	pki_make(&pki, &wish, &identity);
	assert_false(reaches(&meeting, "one.example", &identity));
	assert_int_equal(meeting.counters->tls_peer_expired, 1);
	pki_free(&identity);
	wish.ends_s = 0;
	wish.issuer = &pki.stranger;
	pki_make(&pki, &wish, &identity);
	assert_false(reaches(&meeting, "one.example", &identity));
	assert_int_equal(meeting.counters->tls_peer_untrusted, 1);
	pki_free(&identity);
	assert_int_equal(meeting.counters->tls_handshakes, 0);
	meeting_end(&meeting);
}

/* Whoever switches it off gets what he wants: anybody. */
static void test_unverified(void **state)
{
	struct transport_config config = {.tls = {.is_server_unverified = true}};
	struct pki_identity identity;
	struct meeting meeting;

	(void)state;
	meeting_create(&meeting, &config);
	pki_make(&pki, &(const struct pki_wish){.file = "any", .issuer = &pki.stranger}, &identity);
	assert_true(reaches(&meeting, "one.example", &identity));
	pki_free(&identity);
	meeting_end(&meeting);
}

/* The second connection goes on with the session of the first, for the same name only. */
static void test_resumption(void **state)
{
	struct pki_identity identity;
	struct meeting meeting;

	(void)state;
	meeting_create(&meeting, NULL);
	pki_make(&pki,
		&(const struct pki_wish){
			.file = "both", .names = "DNS:one.example,DNS:two.example"},
		&identity);
	for (int i = 0; i < 2; i++) {
		uint32_t received = meeting.fixture->received;
		struct tls_peer peer;
		static SSL_CTX *context; /* its ticket keys */

		meeting.flow.server_id = sip_server_id(SPAN("one.example"));
		transport_send(meeting.fixture->transport, &meeting.flow, message, MESSAGE_BYTES);
		tls_peer_begin(&peer, accept(meeting.server, NULL, NULL), true, &identity, NULL);
		if (context != NULL) {
			SSL_free(peer.ssl);
			SSL_CTX_free(peer.context);
			peer.context = context;
			peer.ssl = SSL_new(context);
			(void)SSL_set_fd(peer.ssl, peer.fd);
			SSL_set_accept_state(peer.ssl);
		}
		assert_true(tls_peer_shake(meeting.fixture, &peer));
		assert_int_equal(SSL_session_reused(peer.ssl), i);
		tls_peer_put(meeting.fixture, &peer, message, MESSAGE_BYTES);
		assert_true(
			fixture_wait(meeting.fixture, &meeting.fixture->received, received + 1));
		(void)SSL_CTX_up_ref(peer.context);
		context = peer.context;
		(void)SSL_shutdown(peer.ssl);
		tls_peer_end(&peer);
		for (int k = 0; k < TURNS_MAX &&
				transport_connection_count(meeting.fixture->transport) != 0;
			k++)
			fixture_turn(meeting.fixture, TURN_WAIT_MS);
		if (i == 1)
			SSL_CTX_free(context);
	}
	assert_int_equal(meeting.counters->tls_resumed, 1);
	assert_int_equal(meeting.counters->tls_handshakes, 2);
	assert_true(reaches(&meeting, "two.example", &identity));
	assert_int_equal(meeting.counters->tls_resumed, 1);
	pki_free(&identity);
	meeting_end(&meeting);
}

/* A peer that asks for our certificate gets it; one that doesn't like it is a failure. */
static void test_mutual(void **state)
{
	static const bool is_liked[] = {true, false};
	struct pki_identity identity;
	struct meeting meeting;

	(void)state;
	meeting_create(&meeting, NULL);
	pki_make(&pki, &(const struct pki_wish){.file = "server", .names = "DNS:one.example"},
		&identity);
	for (size_t i = 0; i < TD_COUNT_OF(is_liked); i++) {
		struct tls_peer peer;
		char bytes[MESSAGE_BYTES];

		meeting.flow.server_id = sip_server_id(SPAN("one.example"));
		transport_send(meeting.fixture->transport, &meeting.flow, message, MESSAGE_BYTES);
		tls_peer_begin(&peer, accept(meeting.server, NULL, NULL), true, &identity,
			is_liked[i] ? &pki.issuer : &pki.stranger);
		assert_int_equal(tls_peer_shake(meeting.fixture, &peer), is_liked[i]);
		if (is_liked[i]) {
			assert_int_equal(
				X509_cmp(SSL_get0_peer_certificate(peer.ssl), own.certificate), 0);
			assert_int_equal(
				tls_peer_take(meeting.fixture, &peer, bytes, sizeof(bytes)),
				sizeof(bytes));
		} else {
			assert_true(fixture_wait(meeting.fixture, &meeting.fixture->failed, 1));
			assert_int_equal(meeting.counters->tls_refused_by_peer, 1);
		}
		tls_peer_end(&peer);
		for (int k = 0; k < TURNS_MAX &&
				transport_connection_count(meeting.fixture->transport) != 0;
			k++)
			fixture_turn(meeting.fixture, TURN_WAIT_MS);
	}
	pki_free(&identity);
	meeting_end(&meeting);
}

/* A peer that accepts and says nothing: the connection's time includes the handshake. */
static void test_silent(void **state)
{
	struct meeting meeting;
	uint64_t begin_ms;

	(void)state;
	meeting_create(&meeting, NULL);
	begin_ms = loop_now_ms(meeting.fixture->loop);
	transport_send(meeting.fixture->transport, &meeting.flow, message, MESSAGE_BYTES);
	for (int i = 0; i < 5; i++)
		fixture_turn(meeting.fixture, 5);
	transport_advance(meeting.fixture->transport, begin_ms + 3999);
	assert_int_equal(meeting.counters->tcp_connect_timeouts, 0);
	transport_advance(meeting.fixture->transport, begin_ms + 4000 + 5);
	assert_int_equal(meeting.counters->tcp_connect_timeouts, 1);
	assert_true(fixture_wait(meeting.fixture, &meeting.fixture->failed, 1));
	meeting_end(&meeting);
}

int main(void)
{
	static const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_identities),
		cmocka_unit_test(test_wildcards),
		cmocka_unit_test(test_untrusted),
		cmocka_unit_test(test_unverified),
		cmocka_unit_test(test_resumption),
		cmocka_unit_test(test_mutual),
		cmocka_unit_test(test_silent),
	};

	return cmocka_run_group_tests(tests, group_setup, group_teardown);
}
