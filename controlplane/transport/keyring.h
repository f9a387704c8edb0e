/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Our keys and certificates and the rules for peers', read from files into what OpenSSL makes
 * connections from. A keyring never changes: another reading makes another one. Keys leave memory
 * wiped when the last connection that was made from a keyring has ended. Internal to transport/.
 */
#ifndef TD_TRANSPORT_KEYRING_H
#define TD_TRANSPORT_KEYRING_H

#include "transport/transport.h"

#include <tandem/compiler.h>

#include <openssl/ssl.h>

#include <stdbool.h>
#include <stdint.h>

struct connection;

/* A certificate with its key. */
struct keyring_key {
	SSL_CTX *context; /* owns; servers */
	struct transport_certificate certificate;
};

struct keyring {
	struct transport_tls settings;
	SSL_CTX *client; /* owns */
	uint32_t key_count;
	struct keyring_key keys[TRANSPORT_CERTIFICATES_MAX];
};

/* Reads all files. Any thread. -ENOMEM, -EKEYREJECTED: why says which file and what to do. */
td_must_check int keyring_load(const struct transport_tls *settings, struct keyring **ret_keyring,
	char why[TRANSPORT_WHY_BYTES]);
/* NULL is allowed. */
void keyring_destroy(struct keyring *keyring);
/* Index of the first certificate that has expired at wall_s, or key_count. */
uint32_t keyring_find_expired(const struct keyring *keyring, int64_t wall_s);
/* New keys for session tickets: who steals one can read no session older than the change. */
void keyring_renew_tickets(struct keyring *keyring);

/* files.c: a file in memory. A secret one must not be open to others. -ENOMEM, -EKEYREJECTED. */
struct file_bytes {
	char *bytes; /* owns */
	size_t size;
};
td_must_check int file_read(const char *path, bool is_secret, struct file_bytes *ret_file,
	char why[TRANSPORT_WHY_BYTES]);
/* Wipes and frees. */
void file_free(struct file_bytes *file);

/* loader.c: a keyring is read in a thread, and handed over in the loop. */
struct keyring_loader;
typedef void keyring_loaded_function(
	void *context, struct keyring *keyring, const char *why); /* takes keyring; NULL: why not */
td_must_check int keyring_loader_create(struct loop *loop, keyring_loaded_function *loaded,
	void *context, struct keyring_loader **ret_loader);
/* Begins to read, or reads once more when what is being read is done. -ENOMEM, errno. */
td_must_check int keyring_loader_start(
	struct keyring_loader *loader, const struct transport_tls *settings);
/* Waits for the thread. NULL is allowed. */
void keyring_loader_destroy(struct keyring_loader *loader);

/* tls.c */
/* What OpenSSL calls while a handshake is under way; set by keyring_load(). */
int tls_choose_certificate(SSL *ssl, int *ret_alert, void *context);
int tls_judge_peer(int is_good, X509_STORE_CTX *chain);
int tls_keep_session(SSL *ssl, SSL_SESSION *session);
/* Counts and logs why an established TLS connection broke; OpenSSL's error queue says it. */
void tls_note_broken(struct connection *connection);

/* tls_peers.c: what is remembered of peers: their sessions, and what was said of them. */
struct tls_peers;
td_must_check int tls_peers_create(struct tls_peers **ret_peers);
void tls_peers_destroy(struct tls_peers *peers);
/* Keeps a session (taken) for the next connection to that flow's remote and server. */
void tls_peers_keep(struct tls_peers *peers, const struct sip_flow *flow, SSL_SESSION *session);
/* The session to continue, or NULL; borrows until the next call. */
SSL_SESSION *tls_peers_session(struct tls_peers *peers, const struct sip_flow *flow);
void tls_peers_forget(struct tls_peers *peers, const struct sip_flow *flow);
void tls_peers_forget_all(struct tls_peers *peers);
/* True if that wasn't said of the peer last. reason 0: nothing is wrong any more. */
bool tls_peers_is_news(struct tls_peers *peers, const struct sip_flow *flow, uint32_t reason);

#endif
