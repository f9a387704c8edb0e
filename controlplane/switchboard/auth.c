/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Digest authentication both ways: a trunk that challenges us gets its answer, a trunk that must
 * prove itself gets a challenge. Secrets live on the stack while they are needed.
 */
#include "leg/cause.h"
#include "switchboard/state.h"
#include "util/siphash.h"

#include <tandem/bytes.h>

#include <string.h>

enum {
	AUTH_TRIES_MAX = 2, /* the second only if the first nonce was stale */
	CNONCE_BYTES = 17,
	CHALLENGE_BYTES = 512,
};

bool auth_answer_for(struct switchboard *switchboard, const struct auth_try *attempt,
	const struct sip_message *response)
{
	const struct config_trunk *trunk = trunk_config(switchboard->trunks, attempt->trunk);
	struct digest_challenge challenge;
	struct digest_secret secret;
	char cnonce[CNONCE_BYTES];
	int result;

	if ((response->status != 401 && response->status != 407) || trunk == NULL ||
		trunk->credentials.username[0] == '\0' || *attempt->challenges >= AUTH_TRIES_MAX ||
		digest_challenge_choose(response, &challenge) != 0 ||
		(*attempt->challenges != 0 && !challenge.is_stale))
		return false;
	if (trunk->credentials.realm[0] != '\0' &&
		!span_equal(challenge.realm, span_from(trunk->credentials.realm)))
		return false;
	if (digest_secret_make(span_from(trunk->credentials.username), challenge.realm,
		    span_from(trunk->credentials.password), &secret) != 0)
		return false;
	switchboard_random_text(switchboard, cnonce, sizeof(cnonce));
	result = digest_answer(&challenge, &secret,
		&(const struct digest_request){
			.username = span_from(trunk->credentials.username),
			.method = span_from(sip_method_name(attempt->method)),
			.uri = attempt->uri,
			.cnonce = span_from(cnonce),
			.nc = 1,
		},
		switchboard->authorization, sizeof(switchboard->authorization));
	td_wipe(&secret, sizeof(secret));
	if (result < 0) {
		switchboard->authorization[0] = '\0';
		return false;
	}
	switchboard->is_proxy_authorization = challenge.is_proxy;
	(*attempt->challenges)++;
	return true;
}

bool auth_answer(struct switchboard *switchboard, struct leg *leg,
	const struct sip_message *response, enum sip_method method, struct span uri)
{
	const struct auth_try attempt = {
		.trunk = leg->trunk,
		.challenges = &leg->challenges,
		.method = method,
		.uri = uri,
	};

	return auth_answer_for(switchboard, &attempt, response);
}

bool auth_accept_count(void *context, struct span nonce, uint32_t count)
{
	struct switchboard *switchboard = context;
	uint64_t hash = siphash(switchboard->seed, nonce.text, nonce.length);
	struct nonce_use *use = &switchboard->nonces[hash % SWITCHBOARD_NONCES];

	if (use->hash == hash && count <= use->count)
		return false;
	use->hash = hash;
	use->count = count;
	return true;
}

/* True if the trunk's configuration lets this digest algorithm prove who is there. */
static bool algorithm_is_wanted(
	const struct config_credentials *wanted, enum digest_algorithm algorithm)
{
	return wanted->algorithm == CONFIG_DIGEST_BOTH ||
	       (wanted->algorithm == CONFIG_DIGEST_SHA256) == (algorithm == DIGEST_SHA256);
}

static void challenge_peer(struct switchboard *switchboard,
	const struct transaction_indication *request, const struct digest_offer *offer,
	const struct config_credentials *wanted, struct span peer)
{
	char nonce[DIGEST_NONCE_BYTES];
	char sha256[CHALLENGE_BYTES];
	char md5[CHALLENGE_BYTES];
	struct leg_reply reply = {.status = 401,
		.authenticate = {algorithm_is_wanted(wanted, DIGEST_SHA256) ? sha256 : NULL,
			algorithm_is_wanted(wanted, DIGEST_MD5) ? md5 : NULL}};
	struct digest_offer strong = *offer;
	struct digest_offer weak = *offer;

	strong.nonce = nonce;
	strong.algorithm = DIGEST_SHA256;
	weak.nonce = nonce;
	weak.algorithm = DIGEST_MD5;

	if (digest_nonce_make(&switchboard->digest, peer, switchboard_random(switchboard),
		    switchboard->now.mono_ms, nonce) != 0 ||
		digest_challenge_build(&strong, sha256, sizeof(sha256)) < 0 ||
		digest_challenge_build(&weak, md5, sizeof(md5)) < 0) {
		reply = (struct leg_reply){.status = 500, .q850 = CAUSE_TEMPORARY_FAILURE};
	}
	receive_answer(switchboard, request->id, request->message, request->flow, &reply);
}

bool auth_admit(struct switchboard *switchboard, const struct transaction_indication *request,
	const struct config_trunk *trunk)
{
	const struct config_credentials *wanted = trunk != NULL ? &trunk->inbound_auth : NULL;
	struct digest_credentials given;
	struct digest_secret secret;
	enum digest_verdict verdict = DIGEST_NONCE_FOREIGN;
	char peer_text[TD_IP_TEXT_BYTES];
	struct span realm;
	struct span peer;

	if (wanted == NULL || wanted->username[0] == '\0')
		return true;
	realm = span_from(wanted->realm[0] != '\0' ? wanted->realm : switchboard->config->node);
	peer = span_from(td_ip_format(&request->flow->remote.ip, peer_text));
	if (digest_credentials_find(request->message, realm, false, &given) == 0 &&
		digest_secret_make(span_from(wanted->username), realm, span_from(wanted->password),
			&secret) == 0) {
		struct digest_claim claim = {
			.credentials = &given, .secret = &secret, .peer = peer};

		verdict = span_equal(given.username, span_from(wanted->username)) &&
					  algorithm_is_wanted(wanted, given.algorithm)
				  ? digest_check(&switchboard->digest, &claim, request->message,
					    switchboard->now.mono_ms)
				  : DIGEST_WRONG;
		td_wipe(&secret, sizeof(secret));
	}
	if (verdict == DIGEST_OK)
		return true;
	switchboard->counts.refused_policy += verdict == DIGEST_WRONG;
	challenge_peer(switchboard, request,
		&(const struct digest_offer){.realm = realm,
			.is_stale = verdict == DIGEST_STALE || verdict == DIGEST_REPLAYED},
		wanted, peer);
	return false;
}
