/* SPDX-License-Identifier: Apache-2.0 */
/* Bytes between a connection and its socket, through TLS where it has it. */
#include "transport/keyring.h"
#include "transport/transport_state.h"

#include <openssl/bio.h>
#include <openssl/err.h>
#include <openssl/ssl.h>

#include <errno.h>
#include <limits.h>
#include <sys/socket.h>

enum {
	SOCKET_READS_PER_TURN = 32, /* a handshake's step needs two or three */
};

/* OpenSSL's own socket BIO would raise SIGPIPE. */
static int bio_write(BIO *bio, const char *bytes, int length)
{
	const struct connection *connection = BIO_get_data(bio);
	ssize_t sent = send(connection->fd, bytes, (size_t)length, MSG_DONTWAIT | MSG_NOSIGNAL);

	BIO_clear_retry_flags(bio);
	if (sent < 0 && (errno == EAGAIN || errno == EWOULDBLOCK))
		BIO_set_retry_write(bio);
	return (int)sent;
}

/* Bounded per turn, for OpenSSL reads ahead, and on for as long as records come that aren't data:
 * who sends fast enough would never let go. What is left in the socket is told of again; what
 * OpenSSL has, it gives without this. */
static int bio_read(BIO *bio, char *bytes, int size)
{
	struct connection *connection = BIO_get_data(bio);
	ssize_t length;

	BIO_clear_retry_flags(bio);
	if (connection->socket_reads == SOCKET_READS_PER_TURN) {
		BIO_set_retry_read(bio);
		return -1;
	}
	connection->socket_reads++;
	length = recv(connection->fd, bytes, (size_t)size, MSG_DONTWAIT);
	if (length < 0 && (errno == EAGAIN || errno == EWOULDBLOCK))
		BIO_set_retry_read(bio);
	if (length == 0)
		BIO_set_flags(bio, BIO_FLAGS_IN_EOF);
	return (int)length;
}

static long bio_control(BIO *bio, int command, long number, void *pointer)
{
	(void)number;
	(void)pointer;
	if (command == BIO_CTRL_EOF)
		return BIO_test_flags(bio, BIO_FLAGS_IN_EOF) != 0;
	return command == BIO_CTRL_FLUSH; /* nothing is kept here; what else is asked: no */
}

/* Made with the first connection, lives as long as the process. */
static const BIO_METHOD *bio_method(void)
{
	static BIO_METHOD *method;

	if (method != NULL)
		return method;
	method = BIO_meth_new(
		BIO_get_new_index() | BIO_TYPE_SOURCE_SINK | BIO_TYPE_DESCRIPTOR, "connection");
	if (method == NULL)
		return NULL;
	(void)BIO_meth_set_write(method, bio_write);
	(void)BIO_meth_set_read(method, bio_read);
	(void)BIO_meth_set_ctrl(method, bio_control);
	return method;
}

int stream_attach_tls(struct connection *connection)
{
	const BIO_METHOD *method = bio_method();
	BIO *bio = method != NULL ? BIO_new(method) : NULL;

	if (bio == NULL)
		return -ENOMEM;
	BIO_set_data(bio, connection);
	BIO_set_init(bio, 1);
	SSL_set_bio(connection->ssl, bio, bio); /* taken */
	return 0;
}

/* What OpenSSL's answer means as an errno. The socket's own is the last system call's. */
static ssize_t tls_failure(struct connection *connection, int result)
{
	int socket_error = errno;

	switch (SSL_get_error(connection->ssl, result)) {
	case SSL_ERROR_WANT_READ:
	case SSL_ERROR_WANT_WRITE:
		return -EAGAIN;
	case SSL_ERROR_ZERO_RETURN:
		return 0;
	case SSL_ERROR_SYSCALL:
		return socket_error != 0 ? -socket_error : -ECONNRESET;
	default:
		tls_note_broken(connection);
		return -EPROTO;
	}
}

static ssize_t tls_read(struct connection *connection, void *bytes, size_t size)
{
	int result;

	ERR_clear_error();
	errno = 0;
	result = SSL_read(connection->ssl, bytes, size < INT_MAX ? (int)size : INT_MAX);
	return result > 0 ? result : tls_failure(connection, result);
}

static ssize_t tls_write(struct connection *connection, const void *bytes, size_t length)
{
	ssize_t failure;
	int result;

	ERR_clear_error();
	errno = 0;
	result = SSL_write(connection->ssl, bytes, length < INT_MAX ? (int)length : INT_MAX);
	if (result > 0)
		return result;
	failure = tls_failure(connection, result);
	return failure == 0 ? -EPIPE : failure;
}

ssize_t stream_read(struct connection *connection, void *bytes, size_t size)
{
	ssize_t length;

	if (connection->ssl != NULL)
		return tls_read(connection, bytes, size);
	length = recv(connection->fd, bytes, size, MSG_DONTWAIT);
	if (length >= 0)
		return length;
	return errno == EWOULDBLOCK ? -EAGAIN : -errno;
}

ssize_t stream_write(struct connection *connection, const void *bytes, size_t length)
{
	ssize_t sent;

	if (length == 0)
		return 0;
	if (connection->ssl != NULL)
		return tls_write(connection, bytes, length);
	sent = send(connection->fd, bytes, length, MSG_DONTWAIT | MSG_NOSIGNAL);
	if (sent >= 0)
		return sent;
	return errno == EWOULDBLOCK ? -EAGAIN : -errno;
}

bool stream_has_pending(const struct connection *connection)
{
	return connection->ssl != NULL && SSL_has_pending(connection->ssl);
}
