/* SPDX-License-Identifier: Apache-2.0 */
/*
 * TLS short of memory and of descriptors: the connection that it hits ends, nothing else does, and
 * nothing is left. OpenSSL's allocations fail one after the other, on either end.
 */
#include "tls_peer.h"

#include <openssl/crypto.h>

#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/resource.h>

#include <cmocka.h>

enum {
	STEP = 23, /* of the allocations of a handshake, some two thousand */
	CONNECTIONS_BEFORE = 3,
};

static uint32_t countdown; /* 0: none fails */

static bool is_failing(void)
{
	return countdown != 0 && --countdown == 0;
}

static void *fail_malloc(size_t size, const char *file, int line)
{
	(void)file;
	(void)line;
	return is_failing() ? NULL : malloc(size);
}

static void *fail_realloc(void *bytes, size_t size, const char *file, int line)
{
	(void)file;
	(void)line;
	return is_failing() ? NULL : realloc(bytes, size);
}

static void plain_free(void *bytes, const char *file, int line)
{
	(void)file;
	(void)line;
	free(bytes);
}

static struct pki pki;
static struct pki_identity own;

static struct fixture *create(void)
{
	struct transport_config config = {.tls = {.certificate_count = 1}};

	(void)snprintf(config.tls.certificates[0].certificate_file, TRANSPORT_PATH_BYTES, "%s",
		own.certificate_file);
	(void)snprintf(
		config.tls.certificates[0].key_file, TRANSPORT_PATH_BYTES, "%s", own.key_file);
	return fixture_create(SIP_TRANSPORT_TLS, false, &config);
}

static void wait_for_nobody(struct fixture *fixture)
{
	for (int i = 0; i < TURNS_MAX && transport_connection_count(fixture->transport) != 0; i++)
		fixture_turn(fixture, TURN_WAIT_MS);
	assert_int_equal(transport_connection_count(fixture->transport), 0);
	assert_int_equal(transport_get_gauges(fixture->transport).handshakes, 0);
	assert_int_equal(transport_get_gauges(fixture->transport).buffered_bytes, 0);
}

/* True if a handshake and a message passed. */
static bool try_once(struct fixture *fixture, uint32_t fail_at)
{
	static const char message[] = FIXTURE_MESSAGE;
	uint32_t before = fixture->received;
	struct tls_peer peer;
	bool is_good;

	tls_peer_begin(&peer, fixture_peer(fixture, SOCK_STREAM), false, NULL, &pki.issuer);
	countdown = fail_at;
	is_good = tls_peer_shake(fixture, &peer) &&
		  SSL_write(peer.ssl, message, sizeof(message) - 1) > 0;
	for (int i = 0; is_good && i < 20 && fixture->received == before; i++)
		fixture_turn(fixture, 5);
	countdown = 0;
	tls_peer_end(&peer);
	wait_for_nobody(fixture);
	return is_good && fixture->received == before + 1;
}

static void test_memory(void **state)
{
	struct fixture *fixture = create();
	uint32_t failed = 0;
	uint32_t at = 1;

	(void)state;
	assert_true(try_once(fixture, 0)); /* what is made once is made */
	for (uint32_t good = 0; good < 3; at += STEP) {
		bool is_good = try_once(fixture, at);

		good = is_good ? good + 1 : 0; /* past the last allocation */
		failed += !is_good;
	}
	assert_true(failed > 10);
	assert_true(try_once(fixture, 0));
	fixture_destroy(fixture);
}

static void test_descriptors(void **state)
{
	struct fixture *fixture = create();
	const struct transport_counters *counters = transport_get_counters(fixture->transport);
	int peers[CONNECTIONS_BEFORE + 1];
	struct rlimit usual;
	struct rlimit scarce;

	(void)state;
	assert_int_equal(getrlimit(RLIMIT_NOFILE, &usual), 0);
	for (int i = 0; i <= CONNECTIONS_BEFORE; i++)
		peers[i] = fixture_peer(fixture, SOCK_STREAM);
	scarce = usual;
	scarce.rlim_cur = (rlim_t)peers[CONNECTIONS_BEFORE] + 1; /* none is free above */
	assert_int_equal(setrlimit(RLIMIT_NOFILE, &scarce), 0);
	assert_true(fixture_wait64(fixture, &counters->tcp_refused_full, 1));
	assert_int_equal(setrlimit(RLIMIT_NOFILE, &usual), 0);
	for (int i = 0; i <= CONNECTIONS_BEFORE; i++)
		(void)close(peers[i]);
	wait_for_nobody(fixture);
	assert_true(try_once(fixture, 0));
	fixture_destroy(fixture);
}

int main(void)
{
	static const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_memory),
		cmocka_unit_test(test_descriptors),
	};
	int failed;

	(void)signal(SIGPIPE, SIG_IGN); /* of the peer, which writes to what has ended */
	if (CRYPTO_set_mem_functions(fail_malloc, fail_realloc, plain_free) != 1)
		return EXIT_FAILURE;
	pki_create(&pki);
	pki_make(&pki, &(const struct pki_wish){.file = "own"}, &own);
	failed = cmocka_run_group_tests(tests, NULL, NULL);
	pki_free(&own);
	pki_destroy(&pki);
	return failed;
}
