/* SPDX-License-Identifier: Apache-2.0 */
/* The other end of a TLS connection, driven by hand in turns with the transport under test. */
#ifndef TD_TRANSPORT_TLS_PEER_H
#define TD_TRANSPORT_TLS_PEER_H

#include "pki.h"
#include "transport_fixture.h"

#include <openssl/err.h>

struct tls_peer {
	SSL_CTX *context;
	SSL *ssl;
	int fd;
};

/* A peer over a connected socket (taken). identity may be NULL. It judges nobody unless issuer is
 * given. */
static inline void tls_peer_begin(struct tls_peer *peer, int fd, bool is_server,
	const struct pki_identity *identity, const struct pki_identity *issuer)
{
	peer->fd = fd;
	peer->context = SSL_CTX_new(is_server ? TLS_server_method() : TLS_client_method());
	if (identity != NULL &&
		(SSL_CTX_use_certificate(peer->context, identity->certificate) != 1 ||
			SSL_CTX_use_PrivateKey(peer->context, identity->key) != 1))
		abort();
	if (issuer != NULL) {
		(void)X509_STORE_add_cert(
			SSL_CTX_get_cert_store(peer->context), issuer->certificate);
		SSL_CTX_set_verify(
			peer->context, SSL_VERIFY_PEER | SSL_VERIFY_FAIL_IF_NO_PEER_CERT, NULL);
	}
	peer->ssl = SSL_new(peer->context);
	(void)SSL_set_fd(peer->ssl, fd);
	if (is_server)
		SSL_set_accept_state(peer->ssl);
	else
		SSL_set_connect_state(peer->ssl);
	if (fcntl(fd, F_SETFL, fcntl(fd, F_GETFL) | O_NONBLOCK) != 0)
		abort();
}

static inline void tls_peer_end(struct tls_peer *peer)
{
	SSL_free(peer->ssl);
	SSL_CTX_free(peer->context);
	(void)close(peer->fd);
}

static inline bool tls_peer_wants_more(struct tls_peer *peer, int result)
{
	int error = SSL_get_error(peer->ssl, result);

	return error == SSL_ERROR_WANT_READ || error == SSL_ERROR_WANT_WRITE;
}

/* Shakes hands; false if that fails. */
static inline bool tls_peer_shake(struct fixture *fixture, struct tls_peer *peer)
{
	ERR_clear_error();
	for (int i = 0; i < TURNS_MAX; i++) {
		int result = SSL_do_handshake(peer->ssl);

		if (result == 1)
			return true;
		if (!tls_peer_wants_more(peer, result))
			return false;
		fixture_turn(fixture, 5);
	}
	return false;
}

static inline void tls_peer_put(
	struct fixture *fixture, struct tls_peer *peer, const char *bytes, size_t length)
{
	size_t done = 0;

	for (int i = 0; i < TURNS_MAX && done < length; i++) {
		int result = SSL_write(peer->ssl, bytes + done, (int)(length - done));

		if (result > 0)
			done += (size_t)result;
		else if (!tls_peer_wants_more(peer, result))
			abort();
		else
			fixture_turn(fixture, 5);
	}
	if (done != length)
		abort();
}

/* Reads up to length bytes while the transport has its turns; fewer if the connection ends. */
static inline size_t tls_peer_take(
	struct fixture *fixture, struct tls_peer *peer, char *bytes, size_t length)
{
	size_t used = 0;

	for (int i = 0; i < TURNS_MAX && used < length; i++) {
		int result = SSL_read(peer->ssl, bytes + used, (int)(length - used));

		if (result > 0)
			used += (size_t)result;
		else if (!tls_peer_wants_more(peer, result))
			break;
		else
			fixture_turn(fixture, 5);
	}
	return used;
}

/* True if the connection ends, well or not. */
static inline bool tls_peer_is_closed(struct fixture *fixture, struct tls_peer *peer)
{
	char byte;

	for (int i = 0; i < TURNS_MAX; i++) {
		int result = SSL_read(peer->ssl, &byte, 1);

		if (result <= 0 && !tls_peer_wants_more(peer, result))
			return true;
		fixture_turn(fixture, 5);
	}
	return false;
}

#endif
