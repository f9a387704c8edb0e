/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Which TLS we speak: 1.2 with forward secrecy and authenticated ciphers, or 1.3. One context per
 * certificate for who connects to us, one for connections that we open.
 */
#include "transport/keyring.h"

#include "transport/identity.h"

#include <tandem/time.h>

#include <openssl/bio.h>
#include <openssl/crypto.h>
#include <openssl/err.h>
#include <openssl/pem.h>
#include <openssl/rand.h>
#include <openssl/ssl.h>
#include <openssl/x509v3.h>

#include <assert.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

enum {
	CHAIN_MAX = 5,		      /* issuers between a certificate and one that we trust */
	CHAIN_MAX_BYTES = 32 << 10,   /* of a peer's certificates */
	SESSION_LIFE_S = 2 * 60 * 60, /* what a certificate says may be believed so long */
	TICKETS = 1,		      /* per handshake; OpenSSL gives two */
	TICKET_KEY_BYTES = 80,	      /* name, HMAC key, AES key: OpenSSL's own layout */
	CLIENT_ISSUERS_MAX = 16,      /* names told to clients; more would swell every handshake */
};

/* Debian's store as one file: read once, where a directory would be searched in the loop. */
static const char SYSTEM_STORE[] = "/etc/ssl/certs/ca-certificates.crt";
static const char CIPHERS[] = "ECDHE+AESGCM:ECDHE+CHACHA20";
static const char GROUPS[] = "X25519:P-256:P-384";

struct reading {
	const struct transport_tls *settings;
	X509_STORE *store;
	char *why;
};

/* Says what OpenSSL has against a file. */
static int complain(const struct reading *reading, const char *path, const char *what)
{
	unsigned long error = ERR_peek_last_error();
	const char *reason = error != 0 ? ERR_reason_error_string(error) : NULL;

	(void)snprintf(reading->why, TRANSPORT_WHY_BYTES, "%s: %s%s%s", path, what,
		reason != NULL ? ": " : "", reason != NULL ? reason : "");
	ERR_clear_error();
	return -EKEYREJECTED;
}

/* No prompt may ever stop the process. */
static int no_passphrase(char *buffer, int size, int is_writing, void *context)
{
	(void)buffer;
	(void)size;
	(void)is_writing;
	(void)context;
	return -1;
}

static int load_store(struct reading *reading)
{
	const char *path = reading->settings->ca_file;

	reading->store = X509_STORE_new();
	if (reading->store == NULL)
		return -ENOMEM;
	if (path[0] != '\0')
		return X509_STORE_load_file(reading->store, path) == 1
			       ? 0
			       : complain(reading, path, "no certificates of issuers");
	if (access(SYSTEM_STORE, R_OK) == 0 &&
		X509_STORE_load_file(reading->store, SYSTEM_STORE) == 1)
		return 0;
	ERR_clear_error();
	return X509_STORE_set_default_paths(reading->store) == 1
		       ? 0
		       : complain(reading, "system", "no store of issuers");
}

static int set_rules(const struct reading *reading, SSL_CTX *context)
{
	bool is_13_only = reading->settings->is_tls13_only;

	/* A peer that ends without close_notify is SIP's to judge: a message is whole or not. */
	(void)SSL_CTX_set_options(context, SSL_OP_NO_RENEGOTIATION | SSL_OP_NO_COMPRESSION |
						   SSL_OP_CIPHER_SERVER_PREFERENCE |
						   SSL_OP_IGNORE_UNEXPECTED_EOF);
	(void)SSL_CTX_set_mode(context, SSL_MODE_ENABLE_PARTIAL_WRITE |
						SSL_MODE_ACCEPT_MOVING_WRITE_BUFFER |
						SSL_MODE_RELEASE_BUFFERS);
	SSL_CTX_set_read_ahead(context, 1); /* one system call per record, not two */
	(void)SSL_CTX_set_max_cert_list(context, CHAIN_MAX_BYTES);
	(void)SSL_CTX_set_timeout(context, SESSION_LIFE_S);
	SSL_CTX_set_verify_depth(context, CHAIN_MAX);
	if (SSL_CTX_set_min_proto_version(context, is_13_only ? TLS1_3_VERSION : TLS1_2_VERSION) !=
			1 ||
		SSL_CTX_set_cipher_list(context, CIPHERS) != 1 ||
		SSL_CTX_set1_groups_list(context, GROUPS) != 1)
		return complain(reading, "TLS", "settings refused");
	SSL_CTX_set1_cert_store(context, reading->store);
	return 0;
}

/* The leaf first, then what leads from it to an issuer that the peer may know. */
static int use_chain(const struct reading *reading, SSL_CTX *context, const char *path, BIO *file)
{
	X509 *certificate = PEM_read_bio_X509(file, NULL, no_passphrase, NULL);
	int is_good;

	if (certificate == NULL)
		return complain(reading, path, "no certificate");
	is_good = SSL_CTX_use_certificate(context, certificate);
	X509_free(certificate);
	if (is_good != 1)
		return complain(reading, path, "certificate refused");
	while ((certificate = PEM_read_bio_X509(file, NULL, no_passphrase, NULL)) != NULL) {
		if (SSL_CTX_add0_chain_cert(context, certificate) != 1) {
			X509_free(certificate);
			return complain(reading, path, "issuer refused");
		}
	}
	if (ERR_GET_REASON(ERR_peek_last_error()) != PEM_R_NO_START_LINE)
		return complain(reading, path, "broken certificate of an issuer");
	ERR_clear_error();
	return 0;
}

static int use_certificate(const struct reading *reading, SSL_CTX *context, uint32_t index)
{
	const char *path = reading->settings->certificates[index].certificate_file;
	struct file_bytes file;
	int error = file_read(path, false, &file, reading->why);
	BIO *bytes;

	if (error != 0)
		return error;
	bytes = BIO_new_mem_buf(file.bytes, (int)file.size);
	error = bytes != NULL ? use_chain(reading, context, path, bytes) : -ENOMEM;
	BIO_free(bytes);
	file_free(&file);
	return error;
}

static int use_key(const struct reading *reading, SSL_CTX *context, uint32_t index)
{
	const char *path = reading->settings->certificates[index].key_file;
	struct file_bytes file;
	int error = file_read(path, true, &file, reading->why);
	EVP_PKEY *key = NULL;
	BIO *bytes;

	if (error != 0)
		return error;
	bytes = BIO_new_mem_buf(file.bytes, (int)file.size);
	if (bytes != NULL)
		key = PEM_read_bio_PrivateKey(bytes, NULL, no_passphrase, NULL);
	if (key == NULL)
		error = complain(reading, path, "no key, or an encrypted one");
	else if (SSL_CTX_use_PrivateKey(context, key) != 1 ||
		 SSL_CTX_check_private_key(context) != 1)
		error = complain(reading, path, "not the key of its certificate");
	EVP_PKEY_free(key);
	BIO_free(bytes);
	file_free(&file);
	return error;
}

/* Tells clients whose certificates they may choose from, if those are few. */
static int name_client_issuers(const struct reading *reading, SSL_CTX *context)
{
	const char *path = reading->settings->ca_file;
	STACK_OF(X509_NAME) *names = path[0] != '\0' ? SSL_load_client_CA_file(path) : NULL;

	ERR_clear_error();
	if (names != NULL && sk_X509_NAME_num(names) <= CLIENT_ISSUERS_MAX)
		SSL_CTX_set_client_CA_list(context, names); /* taken */
	else
		sk_X509_NAME_pop_free(names, X509_NAME_free);
	return 0;
}

static int describe(struct keyring_key *key, const char *path)
{
	const X509 *certificate = SSL_CTX_get0_certificate(key->context);
	struct tm expires = {0};

	(void)snprintf(key->certificate.file, sizeof(key->certificate.file), "%s", path);
	identity_text(certificate, key->certificate.names, sizeof(key->certificate.names));
	if (ASN1_TIME_to_tm(X509_get0_notAfter(certificate), &expires) != 1)
		return -EKEYREJECTED;
	key->certificate.expires_wall_s = (int64_t)timegm(&expires);
	return 0;
}

static int load_key(const struct reading *reading, struct keyring *keyring, uint32_t index)
{
	struct keyring_key *key = &keyring->keys[index];
	const char *path = reading->settings->certificates[index].certificate_file;
	int error;

	key->context = SSL_CTX_new(TLS_server_method());
	if (key->context == NULL)
		return -ENOMEM;
	keyring->key_count = index + 1;
	error = set_rules(reading, key->context);
	if (error == 0)
		error = use_certificate(reading, key->context, index);
	if (error == 0)
		error = use_key(reading, key->context, index);
	if (error == 0 && describe(key, path) != 0)
		error = complain(reading, path, "no date");
	if (error == 0)
		error = name_client_issuers(reading, key->context);
	if (error != 0)
		return error;
	(void)SSL_CTX_set_session_cache_mode(key->context, SSL_SESS_CACHE_OFF); /* tickets only */
	(void)SSL_CTX_set_num_tickets(key->context, TICKETS);
	(void)SSL_CTX_set_tlsext_servername_callback(key->context, tls_choose_certificate);
	SSL_CTX_set_verify(key->context, SSL_VERIFY_NONE, tls_judge_peer); /* see tls_begin() */
	return 0;
}

static int load_client(const struct reading *reading, struct keyring *keyring)
{
	int error;

	keyring->client = SSL_CTX_new(TLS_client_method());
	if (keyring->client == NULL)
		return -ENOMEM;
	error = set_rules(reading, keyring->client);
	if (error == 0 && reading->settings->certificate_count != 0)
		error = use_certificate(reading, keyring->client, 0);
	if (error == 0 && reading->settings->certificate_count != 0)
		error = use_key(reading, keyring->client, 0);
	if (error != 0)
		return error;
	(void)SSL_CTX_set_session_cache_mode(
		keyring->client, SSL_SESS_CACHE_CLIENT | SSL_SESS_CACHE_NO_INTERNAL);
	SSL_CTX_sess_set_new_cb(keyring->client, tls_keep_session);
	SSL_CTX_set_verify(keyring->client,
		reading->settings->is_server_unverified ? SSL_VERIFY_NONE : SSL_VERIFY_PEER,
		reading->settings->is_server_unverified ? NULL : tls_judge_peer);
	return 0;
}

int keyring_load(const struct transport_tls *settings, struct keyring **ret_keyring,
	char why[TRANSPORT_WHY_BYTES])
{
	struct reading reading = {.settings = settings, .why = why};
	struct keyring *keyring = calloc(1, sizeof(*keyring));
	int error = keyring != NULL ? 0 : -ENOMEM;

	assert(settings->certificate_count <= TRANSPORT_CERTIFICATES_MAX && "the caller's bound");
	why[0] = '\0';
	ERR_clear_error();
	if (error == 0) {
		keyring->settings = *settings;
		error = load_store(&reading);
	}
	for (uint32_t i = 0; i < settings->certificate_count && error == 0; i++)
		error = load_key(&reading, keyring, i);
	if (error == 0)
		error = load_client(&reading, keyring);
	X509_STORE_free(reading.store);
	if (error == 0) {
		keyring_renew_tickets(keyring);
		*ret_keyring = keyring;
		return 0;
	}
	if (why[0] == '\0')
		(void)snprintf(why, TRANSPORT_WHY_BYTES, "no memory");
	keyring_destroy(keyring);
	return error;
}

void keyring_destroy(struct keyring *keyring)
{
	if (keyring == NULL)
		return;
	for (uint32_t i = 0; i < keyring->key_count; i++)
		SSL_CTX_free(keyring->keys[i].context);
	SSL_CTX_free(keyring->client);
	free(keyring);
}

uint32_t keyring_find_expired(const struct keyring *keyring, int64_t wall_s)
{
	uint32_t i = 0;

	while (i < keyring->key_count && keyring->keys[i].certificate.expires_wall_s > wall_s)
		i++;
	return i;
}

/* Tickets are read by the context that the connection began with: always the first. */
void keyring_renew_tickets(struct keyring *keyring)
{
	uint8_t keys[TICKET_KEY_BYTES];

	if (keyring->key_count == 0 || RAND_bytes(keys, sizeof(keys)) != 1)
		return; /* OpenSSL's own, of the context's beginning, stay */
	(void)SSL_CTX_set_tlsext_ticket_keys(keyring->keys[0].context, keys, sizeof(keys));
	OPENSSL_cleanse(keys, sizeof(keys));
}
