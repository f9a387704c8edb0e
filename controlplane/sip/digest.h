/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Digest authentication (RFC 3261 22, RFC 7616, RFC 8760), both ways: answering a challenge of
 * a peer, and challenging one. MD5 and SHA-256, qop=auth and none (RFC 2069 style). The server
 * keeps no state per nonce: a nonce carries its time and proves itself by HMAC. Randomness and
 * time are arguments. Passwords never enter here: callers hold HA1 (digest_ha1()).
 */
#ifndef TD_SIP_DIGEST_H
#define TD_SIP_DIGEST_H

#include "sip/message.h"
#include "util/span.h"

#include <tandem/compiler.h>

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum {
	DIGEST_HEX_BYTES = 65,	 /* SHA-256 in hexadecimal, zero-terminated */
	DIGEST_KEY_BYTES = 32,	 /* secret of the server's nonces */
	DIGEST_NONCE_BYTES = 64, /* a nonce of ours, zero-terminated */
};

enum digest_algorithm {
	DIGEST_UNKNOWN, /* named, but none of ours (also the -sess variants) */
	DIGEST_MD5,
	DIGEST_SHA256, /* stronger: larger */
	DIGEST_ALGORITHM_COUNT
};

/* "MD5", "SHA-256"; "?" for unknown. */
const char *digest_algorithm_name(enum digest_algorithm algorithm);

/* H(username:realm:password) as lower-case hexadecimal, one per algorithm. */
struct digest_secret {
	char ha1[DIGEST_ALGORITHM_COUNT][DIGEST_HEX_BYTES]; /* empty string: not available */
};

/* Computes both HA1 values once, when credentials are loaded. -EIO if a hash isn't available. */
td_must_check int digest_secret_make(struct span username, struct span realm, struct span password,
	struct digest_secret *ret_secret);

/* A WWW-Authenticate or Proxy-Authenticate value. Spans borrow the header; quoted values are
 * without their quotes, still escaped. */
struct digest_challenge {
	struct span realm;
	struct span nonce;
	struct span opaque;
	enum digest_algorithm algorithm; /* MD5 if absent */
	bool is_stale;
	bool has_qop;	   /* a qop parameter was given ... */
	bool has_qop_auth; /* ... and lists "auth" */
	bool is_proxy;	   /* Proxy-Authenticate: answer in Proxy-Authorization */
};

/* Parses one challenge value. -EBADMSG (malformed, no realm or nonce), -ENOTSUP (other scheme). */
td_must_check int digest_challenge_parse(struct span value, struct digest_challenge *ret_challenge);

/* Picks the strongest challenge of a 401 or 407 that we can answer; among equals the first.
 * -ENOENT if there is none. */
td_must_check int digest_challenge_choose(
	const struct sip_message *response, struct digest_challenge *ret_challenge);

/* What is to be signed. */
struct digest_request {
	struct span username;
	struct span method; /* "INVITE" */
	struct span uri;    /* request URI as sent */
	struct span cnonce; /* random; any unguessable token without quotes */
	uint32_t nc;	    /* 1 for the first use of a nonce, then counting */
};

/* Writes the value of Authorization (or Proxy-Authorization) that answers challenge, zero-
 * terminated; returns its length. -ENOTSUP (algorithm or qop not ours, or secret lacks it),
 * -EINVAL (a text that can't be quoted), -ENOSPC, -EIO. */
td_must_check int digest_answer(const struct digest_challenge *challenge,
	const struct digest_secret *secret, const struct digest_request *request, char *buffer,
	size_t size_bytes);

/* An Authorization or Proxy-Authorization value. */
struct digest_credentials {
	struct span username;
	struct span realm;
	struct span nonce;
	struct span uri;
	struct span response;
	struct span cnonce;
	struct span opaque;
	struct span nc_text; /* 8 hexadecimal digits; empty without qop */
	uint32_t nc;
	enum digest_algorithm algorithm;
	bool has_qop_auth;
};

/* Parses one credentials value. -EBADMSG, -ENOTSUP (other scheme, or qop we don't know). */
td_must_check int digest_credentials_parse(
	struct span value, struct digest_credentials *ret_credentials);

/* Finds the credentials for realm in a request: Authorization, or Proxy-Authorization if
 * is_proxy. -ENOENT (none), -EBADMSG, -ENOTSUP as above. */
td_must_check int digest_credentials_find(const struct sip_message *request, struct span realm,
	bool is_proxy, struct digest_credentials *ret_credentials);

/* The challenging side. */
struct digest_server {
	uint8_t key[DIGEST_KEY_BYTES]; /* random once per process (or per cluster) */
	uint64_t nonce_life_ms;	       /* how long a nonce is good for */
	/* Asked after everything else fits: false refuses this nc as a replay; 0: credentials
	 * without qop. NULL: any nc is accepted while the nonce lives. Keeps its own memory. */
	bool (*accept_nc)(void *context, struct span nonce, uint32_t nc);
	void *context;
};

/* Makes a nonce for the peer address text (binds it to that peer; may be empty). now_ms is a
 * clock that all holders of the key share; salt is random. -EIO. */
td_must_check int digest_nonce_make(const struct digest_server *server, struct span peer,
	uint64_t salt, uint64_t now_ms, char ret_nonce[DIGEST_NONCE_BYTES]);

/* What a challenge of ours says. */
struct digest_offer {
	struct span realm;
	const char *nonce; /* of digest_nonce_make() */
	enum digest_algorithm algorithm;
	bool is_stale;
};

/* Writes one challenge value, zero-terminated; returns its length. Offer SHA-256 first and MD5
 * second, with the same nonce (RFC 8760 2.3). -EINVAL, -ENOSPC. */
td_must_check int digest_challenge_build(
	const struct digest_offer *offer, char *buffer, size_t size_bytes);

enum digest_verdict {
	DIGEST_OK,
	DIGEST_STALE,	      /* all is right but the nonce is too old: challenge, stale=true */
	DIGEST_NONCE_FOREIGN, /* not a nonce of ours, or given to another peer: challenge */
	DIGEST_REPLAYED,      /* this nc was used: challenge, stale=true */
	DIGEST_WRONG,	      /* wrong password, or for another URI or method */
	DIGEST_UNSUPPORTED,   /* algorithm not offered or not available: 400 */
	DIGEST_VERDICT_COUNT
};
const char *digest_verdict_name(enum digest_verdict verdict); /* "stale" */

/* Who claims what. */
struct digest_claim {
	const struct digest_credentials *credentials;
	const struct digest_secret *secret; /* of the user whom the credentials name */
	struct span peer;		    /* as in digest_nonce_make() */
};

/* Checks a claim against the request that carries it. Takes the same time wherever the response
 * differs. */
enum digest_verdict digest_check(const struct digest_server *server,
	const struct digest_claim *claim, const struct sip_message *request, uint64_t now_ms);

#endif
