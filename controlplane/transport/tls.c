/* SPDX-License-Identifier: Apache-2.0 */
/*
 * TLS of one connection: the handshake in steps, none of which may hold up the loop for long, and
 * the judgement of who the peer is. A step is a signature and a key exchange, half a millisecond
 * and more with RSA; what one turn may spend on them is bounded, the rest stays in the sockets
 * until the next.
 */
#include "transport/identity.h"
#include "transport/keyring.h"
#include "transport/transport_state.h"

#include <tandem/time.h>

#include <openssl/err.h>
#include <openssl/ssl.h>
#include <openssl/x509v3.h>

#include <assert.h>
#include <errno.h>
#include <string.h>
#include <sys/socket.h>

enum {
	/* Of a turn's time: less than what a message may be late without being noticed. */
	TURN_SPENT_MAX_NS = 3 * TD_NS_PER_MS,
};

/* Why a peer was refused; also what the log remembers of it. */
enum refusal {
	REFUSAL_NONE,
	REFUSAL_EXPIRED,
	REFUSAL_WRONG_NAME,
	REFUSAL_UNTRUSTED,
	REFUSAL_MISSING,
	REFUSAL_INVALID,
	REFUSAL_BY_PEER,
	REFUSAL_OTHER,
	REFUSAL_COUNT
};

static struct connection *connection_of(const SSL *ssl)
{
	return SSL_get_ex_data(ssl, 0);
}

/* --- certificates ----------------------------------------------------------------------------- */

int tls_choose_certificate(SSL *ssl, int *ret_alert, void *context)
{
	const struct keyring *keyring = connection_of(ssl)->transport->keyring;
	const char *name = SSL_get_servername(ssl, TLSEXT_NAMETYPE_host_name);

	(void)ret_alert;
	(void)context;
	for (uint32_t i = 0; name != NULL && i < keyring->key_count; i++) {
		SSL_CTX *candidate = keyring->keys[i].context;

		if (!identity_names_host(SSL_CTX_get0_certificate(candidate), name, true))
			continue;
		(void)SSL_set_SSL_CTX(ssl, candidate); /* without memory: the first serves */
		return SSL_TLSEXT_ERR_OK;
	}
	return SSL_TLSEXT_ERR_NOACK; /* a name of nobody here: the first is all we have */
}

/* True if a certificate names the peer that a connection was opened to. */
static bool names_peer(const struct connection *connection, const X509 *certificate)
{
	const struct transport *transport = connection->transport;
	const char *name = transport_server_name(transport, connection->server_id);

	if (connection->server_id == 0)
		return identity_names_ip(certificate, &connection->remote.ip);
	return name != NULL && identity_names_host(certificate, name,
				       transport->keyring->settings.allows_wildcards);
}

/* OpenSSL asks after each certificate of the chain, the peer's own last. */
int tls_judge_peer(int is_good, X509_STORE_CTX *chain)
{
	const SSL *ssl = X509_STORE_CTX_get_ex_data(chain, SSL_get_ex_data_X509_STORE_CTX_idx());
	const struct connection *connection = connection_of(ssl);
	struct transport *transport = connection->transport;

	if (is_good && (X509_STORE_CTX_get_error_depth(chain) != 0 || connection->is_accepted ||
			       names_peer(connection, X509_STORE_CTX_get_current_cert(chain))))
		return 1;
	if (is_good)
		X509_STORE_CTX_set_error(chain, X509_V_ERR_HOSTNAME_MISMATCH);
	identity_text(X509_STORE_CTX_get0_cert(chain), transport->refused_names,
		sizeof(transport->refused_names));
	return 0;
}

int tls_keep_session(SSL *ssl, SSL_SESSION *session)
{
	const struct connection *connection = connection_of(ssl);
	const struct sip_flow flow = connection_flow(connection);

	/* A ticket that comes after a reload is for a peer judged by the rules of before. */
	if (SSL_get_SSL_CTX(ssl) != connection->transport->keyring->client)
		return 0;
	tls_peers_keep(connection->transport->tls_peers, &flow, session);
	return 1; /* kept */
}

/* --- what went wrong -------------------------------------------------------------------------- */

static enum refusal refusal_of_chain(long verdict)
{
	switch (verdict) {
	case X509_V_OK:
		return REFUSAL_NONE;
	case X509_V_ERR_CERT_HAS_EXPIRED:
	case X509_V_ERR_CERT_NOT_YET_VALID:
		return REFUSAL_EXPIRED;
	case X509_V_ERR_HOSTNAME_MISMATCH:
		return REFUSAL_WRONG_NAME;
	case X509_V_ERR_UNABLE_TO_GET_ISSUER_CERT:
	case X509_V_ERR_UNABLE_TO_GET_ISSUER_CERT_LOCALLY:
	case X509_V_ERR_DEPTH_ZERO_SELF_SIGNED_CERT:
	case X509_V_ERR_SELF_SIGNED_CERT_IN_CHAIN:
	case X509_V_ERR_UNABLE_TO_VERIFY_LEAF_SIGNATURE:
	case X509_V_ERR_CERT_UNTRUSTED:
		return REFUSAL_UNTRUSTED;
	default:
		return REFUSAL_INVALID;
	}
}

static enum refusal refusal_of(const SSL *ssl, unsigned long error)
{
	int reason = ERR_GET_REASON(error);

	if (ERR_GET_LIB(error) != ERR_LIB_SSL)
		return REFUSAL_OTHER;
	if (reason == SSL_R_CERTIFICATE_VERIFY_FAILED)
		return refusal_of_chain(SSL_get_verify_result(ssl));
	if (reason == SSL_R_PEER_DID_NOT_RETURN_A_CERTIFICATE)
		return REFUSAL_MISSING;
	/* An alert that came is told with its number above this one. */
	return reason > SSL_AD_REASON_OFFSET ? REFUSAL_BY_PEER : REFUSAL_OTHER;
}

static void count(struct transport_counters *counters, enum refusal refusal)
{
	uint64_t *const each[REFUSAL_COUNT] = {
		[REFUSAL_EXPIRED] = &counters->tls_peer_expired,
		[REFUSAL_WRONG_NAME] = &counters->tls_peer_wrong_name,
		[REFUSAL_UNTRUSTED] = &counters->tls_peer_untrusted,
		[REFUSAL_MISSING] = &counters->tls_peer_missing,
		[REFUSAL_INVALID] = &counters->tls_peer_invalid,
		[REFUSAL_BY_PEER] = &counters->tls_refused_by_peer,
		[REFUSAL_OTHER] = &counters->tls_handshake_failures,
	};

	if (each[refusal] != NULL)
		(*each[refusal])++;
}

/* Once per peer and reason: what refuses a trunk refuses it every few seconds. */
static void say(const struct connection *connection, enum refusal refusal, const char *reason)
{
	static const char *const texts[REFUSAL_COUNT] = {
		[REFUSAL_EXPIRED] = "its certificate is not valid at this time",
		[REFUSAL_WRONG_NAME] = "its certificate is another's",
		[REFUSAL_UNTRUSTED] = "its certificate has no issuer that we trust",
		[REFUSAL_MISSING] = "it has shown no certificate",
		[REFUSAL_INVALID] = "its certificate is bad",
		[REFUSAL_BY_PEER] = "it has refused us",
		[REFUSAL_OTHER] = "no TLS could be agreed on",
	};
	const struct transport *transport = connection->transport;
	const struct sip_flow flow = connection_flow(connection);
	const char *wanted = transport_server_name(transport, connection->server_id);
	char peer[TD_ENDPOINT_TEXT_BYTES];

	if (!tls_peers_is_news(transport->tls_peers, &flow, refusal) || texts[refusal] == NULL)
		return;
	td_log(TD_LOG_WARN,
		"transport: %s: %s, connection closed (%s; expected=%s certificate=%s); logged once, "
		"counted always",
		td_endpoint_format(&connection->remote, peer), texts[refusal], reason,
		connection->is_accepted ? "any"
		: wanted != NULL	? wanted
					: "its address",
		transport->refused_names);
}

static void note(struct connection *connection, unsigned long error)
{
	enum refusal refusal = refusal_of(connection->ssl, error);
	long verdict = SSL_get_verify_result(connection->ssl);
	const char *reason = refusal >= REFUSAL_EXPIRED && refusal <= REFUSAL_INVALID &&
					     refusal != REFUSAL_MISSING
				     ? X509_verify_cert_error_string(verdict)
				     : ERR_reason_error_string(error);

	count(&connection->transport->counters, refusal);
	say(connection, refusal, reason != NULL ? reason : "?");
	ERR_clear_error();
}

/* Over TLS 1.3 a client learns only after its handshake that the server doesn't take it. */
void tls_note_broken(struct connection *connection)
{
	unsigned long error = ERR_peek_error();

	if (ERR_GET_LIB(error) == ERR_LIB_SSL && ERR_GET_REASON(error) > SSL_AD_REASON_OFFSET)
		note(connection, error);
	ERR_clear_error();
}

/* --- handshake -------------------------------------------------------------------------------- */

/* What the listener's kind asks of clients. Browsers have no certificates of their own. */
static int client_mode(const struct connection *connection)
{
	if (connection->kind == SIP_TRANSPORT_WSS)
		return SSL_VERIFY_NONE;
	switch (connection->transport->keyring->settings.verify_client) {
	case TRANSPORT_VERIFY_REQUEST:
		return SSL_VERIFY_PEER;
	case TRANSPORT_VERIFY_REQUIRE:
		return SSL_VERIFY_PEER | SSL_VERIFY_FAIL_IF_NO_PEER_CERT;
	case TRANSPORT_VERIFY_OFF:
	default:
		return SSL_VERIFY_NONE;
	}
}

/* A session is good only for listeners that ask the same: else one without a certificate could
 * be continued where one is required. */
static int begin_server(struct connection *connection)
{
	uint8_t mode = (uint8_t)client_mode(connection);

	SSL_set_accept_state(connection->ssl);
	SSL_set_verify(connection->ssl, mode, tls_judge_peer);
	connection->wants = LOOP_READ;
	return SSL_set_session_id_context(connection->ssl, &mode, sizeof(mode)) == 1 ? 0 : -ENOMEM;
}

static int begin_client(struct connection *connection)
{
	const struct transport *transport = connection->transport;
	const struct sip_flow flow = connection_flow(connection);
	const char *name = transport_server_name(transport, connection->server_id);
	SSL_SESSION *session = tls_peers_session(transport->tls_peers, &flow);

	SSL_set_connect_state(connection->ssl);
	connection->wants = LOOP_WRITE;
	if (name != NULL && SSL_set_tlsext_host_name(connection->ssl, name) != 1)
		return -ENOMEM;
	if (session != NULL && SSL_set_session(connection->ssl, session) != 1)
		return -ENOMEM;
	return 0;
}

int tls_begin(struct connection *connection)
{
	const struct keyring *keyring = connection->transport->keyring;
	SSL_CTX *context = NULL;

	if (keyring != NULL && connection->is_accepted)
		context = keyring->key_count != 0 ? keyring->keys[0].context : NULL;
	else if (keyring != NULL)
		context = keyring->client;
	if (context == NULL)
		return -EKEYREJECTED;
	ERR_clear_error();
	connection->ssl = SSL_new(context);
	if (connection->ssl == NULL || SSL_set_ex_data(connection->ssl, 0, connection) != 1 ||
		stream_attach_tls(connection) != 0)
		return -ENOMEM;
	return connection->is_accepted ? begin_server(connection) : begin_client(connection);
}

/* True if this turn has done its share of handshakes. */
static bool is_turn_spent(struct transport *transport)
{
	uint64_t turn = atomic_load_explicit(
		&loop_get_metrics(transport->loop)->turns, memory_order_relaxed);

	if (turn != transport->tls_turn) {
		transport->tls_turn = turn;
		transport->tls_spent_ns = 0;
	}
	return transport->tls_spent_ns >= TURN_SPENT_MAX_NS;
}

/* A session that goes on has been judged when it began; what may have changed is the date. */
static int judge_resumed(struct connection *connection)
{
	const X509 *certificate = SSL_get0_peer_certificate(connection->ssl);
	const struct sip_flow flow = connection_flow(connection);
	bool is_required = connection->is_accepted &&
			   (client_mode(connection) & SSL_VERIFY_FAIL_IF_NO_PEER_CERT) != 0;
	enum refusal refusal = REFUSAL_NONE;

	connection->transport->counters.tls_resumed++;
	if (certificate == NULL)
		refusal = is_required ? REFUSAL_MISSING : REFUSAL_NONE;
	else if (X509_cmp_current_time(X509_get0_notAfter(certificate)) <= 0 &&
		 SSL_get_verify_mode(connection->ssl) != SSL_VERIFY_NONE)
		refusal = REFUSAL_EXPIRED;
	if (refusal == REFUSAL_NONE)
		return 0;
	tls_peers_forget(connection->transport->tls_peers, &flow);
	count(&connection->transport->counters, refusal);
	say(connection, refusal, "session continued");
	return -EKEYREJECTED;
}

static int finish(struct connection *connection)
{
	struct transport *transport = connection->transport;
	const struct sip_flow flow = connection_flow(connection);
	int error = SSL_session_reused(connection->ssl) ? judge_resumed(connection) : 0;

	if (error != 0)
		return error;
	transport->counters.tls_handshakes++;
	connection->is_verified = connection->is_accepted &&
				  SSL_get0_peer_certificate(connection->ssl) != NULL &&
				  SSL_get_verify_mode(connection->ssl) != SSL_VERIFY_NONE;
	(void)tls_peers_is_news(transport->tls_peers, &flow, REFUSAL_NONE);
	return 0;
}

static int shake(struct connection *connection)
{
	int result;
	int socket_error;

	ERR_clear_error();
	errno = 0;
	connection->transport->refused_names[0] = '\0';
	result = SSL_do_handshake(connection->ssl);
	socket_error = errno;
	if (result == 1)
		return finish(connection);
	switch (SSL_get_error(connection->ssl, result)) {
	case SSL_ERROR_WANT_READ:
		connection->wants = LOOP_READ;
		return -EAGAIN;
	case SSL_ERROR_WANT_WRITE:
		connection->wants = LOOP_WRITE;
		return -EAGAIN;
	case SSL_ERROR_SYSCALL:
	case SSL_ERROR_ZERO_RETURN:
		connection->transport->counters.tls_handshake_failures++;
		return socket_error != 0 ? -socket_error : -ECONNRESET;
	default:
		note(connection, ERR_peek_error());
		return -EKEYREJECTED;
	}
}

int tls_step(struct connection *connection)
{
	struct transport *transport = connection->transport;
	td_ns_t begin_ns;
	uint64_t took_ns;
	int error;

	if (is_turn_spent(transport)) {
		transport->counters.tls_deferred++;
		return -EAGAIN; /* the socket goes on telling of it */
	}
	begin_ns = td_mono_ns();
	error = shake(connection);
	took_ns = td_since(td_mono_ns(), begin_ns);
	transport->tls_spent_ns += took_ns;
	if (took_ns / TD_NS_PER_US > transport->counters.tls_step_us_max)
		transport->counters.tls_step_us_max = took_ns / TD_NS_PER_US;
	return error;
}

void tls_end(struct connection *connection)
{
	ERR_clear_error();
	if (SSL_is_init_finished(connection->ssl))
		(void)SSL_shutdown(connection->ssl); /* says so; nobody waits for an answer */
	ERR_clear_error();
	SSL_free(connection->ssl);
	connection->ssl = NULL;
}
