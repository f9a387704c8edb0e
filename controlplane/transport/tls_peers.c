/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What is remembered of TLS peers, in slots found by a hash: a newer one takes the place. Lost is
 * then a handshake's time, or a line too many in the log.
 */
#include "transport/keyring.h"

#include <openssl/ssl.h>

#include <errno.h>
#include <stdlib.h>

enum {
	SLOTS = 1024, /* a session takes some 2 kB */
};

struct session_slot {
	struct td_endpoint remote;
	uint32_t server_id;
	SSL_SESSION *session; /* owns */
};

struct news_slot {
	struct td_ip ip;
	uint32_t server_id;
	uint32_t reason;
};

struct tls_peers {
	struct session_slot sessions[SLOTS];
	struct news_slot news[SLOTS];
};

int tls_peers_create(struct tls_peers **ret_peers)
{
	*ret_peers = calloc(1, sizeof(**ret_peers));
	return *ret_peers != NULL ? 0 : -ENOMEM;
}

void tls_peers_destroy(struct tls_peers *peers)
{
	if (peers == NULL)
		return;
	tls_peers_forget_all(peers);
	free(peers);
}

static uint32_t slot_of(const struct sip_flow *flow, uint32_t port)
{
	uint32_t hash = 2166136261u ^ port ^ flow->server_id;

	for (size_t i = 0; i < sizeof(flow->remote.ip.bytes); i++)
		hash = (hash ^ flow->remote.ip.bytes[i]) * 16777619u;
	return (hash ^ hash >> 15) % SLOTS;
}

static struct session_slot *session_slot(struct tls_peers *peers, const struct sip_flow *flow)
{
	return &peers->sessions[slot_of(flow, flow->remote.port)];
}

void tls_peers_keep(struct tls_peers *peers, const struct sip_flow *flow, SSL_SESSION *session)
{
	struct session_slot *slot = session_slot(peers, flow);

	SSL_SESSION_free(slot->session);
	*slot = (struct session_slot){flow->remote, flow->server_id, session};
}

SSL_SESSION *tls_peers_session(struct tls_peers *peers, const struct sip_flow *flow)
{
	struct session_slot *slot = session_slot(peers, flow);

	return slot->session != NULL && slot->server_id == flow->server_id &&
			       td_endpoint_equal(&slot->remote, &flow->remote)
		       ? slot->session
		       : NULL;
}

void tls_peers_forget(struct tls_peers *peers, const struct sip_flow *flow)
{
	struct session_slot *slot = session_slot(peers, flow);

	if (tls_peers_session(peers, flow) == NULL)
		return;
	SSL_SESSION_free(slot->session);
	*slot = (struct session_slot){0};
}

void tls_peers_forget_all(struct tls_peers *peers)
{
	for (uint32_t i = 0; i < SLOTS; i++) {
		SSL_SESSION_free(peers->sessions[i].session);
		peers->sessions[i] = (struct session_slot){0};
	}
}

/* By address alone: a peer's ports change with every try. */
bool tls_peers_is_news(struct tls_peers *peers, const struct sip_flow *flow, uint32_t reason)
{
	struct news_slot *slot = &peers->news[slot_of(flow, 0)];
	bool is_same =
		slot->server_id == flow->server_id && td_ip_equal(&slot->ip, &flow->remote.ip);

	if (is_same && slot->reason == reason)
		return false;
	if (!is_same && reason == 0)
		return false;
	*slot = (struct news_slot){flow->remote.ip, flow->server_id, reason};
	return true;
}
