/* SPDX-License-Identifier: Apache-2.0 */
/* Files of keys: which are refused and why, and what a reload does to connections. */
#include "tls_peer.h"

#include <openssl/pem.h>

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

static int group_setup(void **state)
{
	(void)state;
	pki_create(&pki);
	return 0;
}

static int group_teardown(void **state)
{
	(void)state;
	pki_destroy(&pki);
	return 0;
}

static struct transport_tls settings_of(const char *certificate_file, const char *key_file)
{
	struct transport_tls tls = {.certificate_count = 1};

	(void)snprintf(
		tls.certificates[0].certificate_file, TRANSPORT_PATH_BYTES, "%s", certificate_file);
	(void)snprintf(tls.certificates[0].key_file, TRANSPORT_PATH_BYTES, "%s", key_file);
	(void)snprintf(tls.ca_file, sizeof(tls.ca_file), "%s", pki.issuer.certificate_file);
	return tls;
}

static void write_text(const char *path, const char *text, mode_t mode)
{
	FILE *file = fopen(path, "w");

	assert_non_null(file);
	assert_int_equal(fchmod(fileno(file), mode), 0);
	(void)fputs(text, file);
	assert_int_equal(fclose(file), 0);
}

static void refuse(const struct transport_tls *tls, const char *says)
{
	struct transport_config config = {.listener_count = 1, .tls = *tls};
	struct transport_sink sink = {NULL, NULL, fixture_receive, fixture_failed, fixture_ended};
	struct transport_failure failure;
	struct transport *transport = NULL;
	struct loop *loop;

	config.listeners[0].transport = SIP_TRANSPORT_TLS;
	config.listeners[0].local = fixture_loopback(false);
	assert_int_equal(loop_create(&loop), 0);
	assert_int_equal(
		transport_create(loop, &config, &sink, &transport, &failure), -EKEYREJECTED);
	assert_int_equal(failure.listener, 1);
	if (strstr(failure.why, says) == NULL)
		fail_msg("\"%s\", expected \"%s\"", failure.why, says);
	loop_destroy(loop);
}

static void test_bad_files(void **state)
{
	struct pki_identity one;
	struct pki_identity two;
	struct transport_tls tls;
	char path[PKI_PATH_BYTES];

	(void)state;
	pki_make(&pki, &(const struct pki_wish){.file = "one"}, &one);
	pki_make(&pki, &(const struct pki_wish){.file = "two"}, &two);
	(void)snprintf(path, sizeof(path), "%s/text", pki.directory);
	write_text(path, "no PEM at all\n", 0600);

	tls = settings_of("/nowhere.pem", one.key_file);
	refuse(&tls, "/nowhere.pem: No such file");
	tls = settings_of(pki.directory, one.key_file);
	refuse(&tls, "something else than a PEM file");
	tls = settings_of(path, one.key_file);
	refuse(&tls, "text: no certificate");
	tls = settings_of(one.certificate_file, path);
	refuse(&tls, "text: no key");
	tls = settings_of(one.certificate_file, two.key_file);
	refuse(&tls, "two.key: not the key of its certificate");
	tls = settings_of(one.certificate_file, one.key_file);
	(void)snprintf(tls.ca_file, sizeof(tls.ca_file), "%s", path);
	refuse(&tls, "text: no certificates of issuers");
	assert_int_equal(chmod(one.key_file, 0644), 0);
	tls = settings_of(one.certificate_file, one.key_file);
	refuse(&tls, "others can use this key (mode 0644): chmod o= it");
	write_text(one.certificate_file,
		"-----BEGIN CERTIFICATE-----\nMIIB\n-----END CERTIFICATE-----\n", 0644);
	refuse(&tls, "one.pem: no certificate");
	pki_free(&one);
	pki_free(&two);
}

/* An encrypted key is refused; nobody is asked for its passphrase. */
static void test_encrypted(void **state)
{
	struct pki_identity one;
	struct transport_tls tls;
	FILE *file;

	(void)state;
	pki_make(&pki, &(const struct pki_wish){.file = "one"}, &one);
	file = fopen(one.key_file, "w");
	assert_non_null(file);
	assert_int_equal(PEM_write_PKCS8PrivateKey(
				 file, one.key, EVP_aes_128_cbc(), "secret", 6, NULL, NULL),
		1);
	(void)fclose(file);
	tls = settings_of(one.certificate_file, one.key_file);
	refuse(&tls, "one.key: no key, or an encrypted one");
	pki_free(&one);
}

static bool offers(struct fixture *fixture, const X509 *certificate)
{
	struct tls_peer peer;
	bool is_expected;

	tls_peer_begin(&peer, fixture_peer(fixture, SOCK_STREAM), false, NULL, &pki.issuer);
	SSL_set_verify(peer.ssl, SSL_VERIFY_NONE, NULL);
	is_expected = tls_peer_shake(fixture, &peer) &&
		      X509_cmp(SSL_get0_peer_certificate(peer.ssl), certificate) == 0;
	tls_peer_end(&peer);
	return is_expected;
}

static void reload(struct fixture *fixture, const struct transport_tls *tls, bool is_good)
{
	const struct transport_counters *counters = transport_get_counters(fixture->transport);
	const struct transport_websocket websocket = {.path = "/"};
	uint64_t before = counters->tls_reloads;
	uint64_t failures = counters->tls_reload_failures;

	assert_int_equal(transport_reload(fixture->transport, tls, &websocket), 0);
	assert_true(fixture_wait64(fixture, &counters->tls_reloads, before + 1));
	assert_int_equal(counters->tls_reload_failures, failures + !is_good);
	assert_int_equal(transport_reload_error(fixture->transport)[0] == '\0', is_good);
}

/* A new certificate counts for new connections; the old ones go on; bad files change nothing. */
static void test_reload(void **state)
{
	struct pki_identity old;
	struct pki_identity new;
	struct transport_config config = {0};
	struct transport_certificate shown;
	char bytes[MESSAGE_BYTES];
	struct fixture *fixture;
	struct tls_peer peer;

	(void)state;
	pki_make(&pki,
		&(const struct pki_wish){
			.file = "server", .names = "DNS:old.example", .ends_s = 10 * PKI_DAY_S},
		&old);
	config.tls = settings_of(old.certificate_file, old.key_file);
	fixture = fixture_create(SIP_TRANSPORT_TLS, false, &config);
	fixture->is_echoing = true;
	tls_peer_begin(&peer, fixture_peer(fixture, SOCK_STREAM), false, NULL, &pki.issuer);
	assert_true(tls_peer_shake(fixture, &peer));
	assert_true(transport_certificate(fixture->transport, 0, &shown));
	assert_string_equal(shown.names, "old.example");
	assert_in_range(shown.expires_wall_s - (int64_t)(td_wall_ns() / TD_NS_PER_S),
		10 * PKI_DAY_S - 60, 10 * PKI_DAY_S);
	assert_false(transport_certificate(fixture->transport, 1, &shown));

	pki_make(
		&pki, &(const struct pki_wish){.file = "server", .names = "DNS:new.example"}, &new);
	reload(fixture, &config.tls, true);
	assert_true(offers(fixture, new.certificate));
	tls_peer_put(fixture, &peer, message, MESSAGE_BYTES);
	assert_int_equal(tls_peer_take(fixture, &peer, bytes, sizeof(bytes)), sizeof(bytes));

	write_text(new.certificate_file, "half a file", 0644);
	reload(fixture, &config.tls, false);
	assert_true(offers(fixture, new.certificate));
	pki_free(&old);
	pki_make(&pki,
		&(const struct pki_wish){.file = "server", .names = "DNS:x.example", .ends_s = -10},
		&old);
	reload(fixture, &config.tls, false);
	assert_non_null(
		strstr(transport_reload_error(fixture->transport), "server.pem: has expired"));
	assert_true(offers(fixture, new.certificate));
	assert_true(transport_certificate(fixture->transport, 0, &shown));
	assert_string_equal(shown.names, "new.example");
	tls_peer_put(fixture, &peer, message, MESSAGE_BYTES);
	assert_int_equal(tls_peer_take(fixture, &peer, bytes, sizeof(bytes)), sizeof(bytes));
	tls_peer_end(&peer);
	pki_free(&old);
	pki_free(&new);
	fixture_destroy(fixture);
}

/* Asked while it reads, it reads once more; ended while it reads, it waits. */
static void test_hasty_reloads(void **state)
{
	const struct transport_websocket websocket = {.path = "/sip"};
	struct transport_config config = {0};
	struct pki_identity one;
	struct pki_identity two;
	struct transport_tls next;
	struct fixture *fixture;

	(void)state;
	pki_make(&pki, &(const struct pki_wish){.file = "one"}, &one);
	pki_make(&pki, &(const struct pki_wish){.file = "two"}, &two);
	config.tls = settings_of(one.certificate_file, one.key_file);
	next = settings_of(two.certificate_file, two.key_file);
	fixture = fixture_create(SIP_TRANSPORT_TLS, false, &config);
	assert_int_equal(transport_reload(fixture->transport, &config.tls, &websocket), 0);
	assert_int_equal(transport_reload(fixture->transport, &config.tls, &websocket), 0);
	assert_int_equal(transport_reload(fixture->transport, &next, &websocket), 0);
	assert_true(fixture_wait64(
		fixture, &transport_get_counters(fixture->transport)->tls_reloads, 1));
	assert_true(offers(fixture, two.certificate));
	assert_int_equal(transport_reload(fixture->transport, &config.tls, &websocket), 0);
	fixture_destroy(fixture);
	pki_free(&one);
	pki_free(&two);
}

int main(void)
{
	static const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_bad_files),
		cmocka_unit_test(test_encrypted),
		cmocka_unit_test(test_reload),
		cmocka_unit_test(test_hasty_reloads),
	};

	return cmocka_run_group_tests(tests, group_setup, group_teardown);
}
