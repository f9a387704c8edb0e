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

static const struct config_credentials *credentials_of(
	const struct switchboard *switchboard, const struct auth_try *attempt)
{
	const struct config_trunk *trunk = trunk_config(switchboard->trunks, attempt->trunk);

	if (attempt->credentials != NULL)
		return attempt->credentials;
	return trunk != NULL ? &trunk->credentials : NULL;
}

bool auth_answer_for(struct switchboard *switchboard, const struct auth_try *attempt,
	const struct sip_message *response)
{
	const struct config_credentials *own = credentials_of(switchboard, attempt);
	struct digest_challenge challenge;
	struct digest_secret secret;
	char cnonce[CNONCE_BYTES];
	int result;

	if ((response->status != 401 && response->status != 407) || own == NULL ||
		own->username[0] == '\0' || *attempt->challenges >= AUTH_TRIES_MAX ||
		digest_challenge_choose(response, &challenge) != 0 ||
		(*attempt->challenges != 0 && !challenge.is_stale))
		return false;
	if (own->realm[0] != '\0' && !span_equal(challenge.realm, span_from(own->realm)))
		return false;
	if (digest_secret_make(span_from(own->username), challenge.realm, span_from(own->password),
		    &secret) != 0)
		return false;
	switchboard_random_text(switchboard, cnonce, sizeof(cnonce));
	result = digest_answer(&challenge, &secret,
		&(const struct digest_request){
			.username = span_from(own->username),
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

	bool is_copy = switchboard->copy_hash != 0 && use->copy_hash == switchboard->copy_hash;

	if (use->hash == hash && (count < use->count || (count == use->count && !is_copy)))
		return false;
	use->hash = hash;
	use->copy_hash = switchboard->copy_hash;
	use->count = count;
	return true;
}

/* True if this digest algorithm may prove who is there; wanted is enum config_digest. */
static bool algorithm_is_wanted(uint32_t wanted, enum digest_algorithm algorithm)
{
	return wanted == CONFIG_DIGEST_BOTH ||
	       (wanted == CONFIG_DIGEST_SHA256) == (algorithm == DIGEST_SHA256);
}

void auth_challenge(struct switchboard *switchboard, const struct auth_request *request,
	const struct auth_demand *demand, enum digest_verdict verdict)
{
	char peer[TD_IP_TEXT_BYTES];
	char nonce[DIGEST_NONCE_BYTES];
	char sha256[CHALLENGE_BYTES];
	char md5[CHALLENGE_BYTES];
	struct leg_reply reply = {.status = 401,
		.authenticate = {
			algorithm_is_wanted(demand->algorithm, DIGEST_SHA256) ? sha256 : NULL,
			algorithm_is_wanted(demand->algorithm, DIGEST_MD5) ? md5 : NULL}};
	struct digest_offer strong = {.realm = demand->realm,
		.nonce = nonce,
		.algorithm = DIGEST_SHA256,
		.is_stale = verdict == DIGEST_STALE || verdict == DIGEST_REPLAYED};
	struct digest_offer weak = strong;

	if (verdict == DIGEST_WRONG)
		guard_note_fault(switchboard, request->flow, SOURCE_FAULT_AUTH);
	weak.algorithm = DIGEST_MD5;
	if (digest_nonce_make(&switchboard->digest,
		    span_from(td_ip_format(&request->flow->remote.ip, peer)),
		    switchboard_random(switchboard), switchboard->now.mono_ms, nonce) != 0 ||
		digest_challenge_build(&strong, sha256, sizeof(sha256)) < 0 ||
		digest_challenge_build(&weak, md5, sizeof(md5)) < 0)
		reply = (struct leg_reply){.status = 500, .q850 = CAUSE_TEMPORARY_FAILURE};
	if (request->id != 0)
		receive_answer(switchboard, request->id, request->message, request->flow, &reply);
	else
		receive_answer_stateless(switchboard, request->message, request->flow, &reply);
}

enum digest_verdict auth_verify(struct switchboard *switchboard, const struct auth_request *request,
	const struct auth_demand *demand)
{
	char peer[TD_IP_TEXT_BYTES];
	const struct digest_claim claim = {
		.credentials = demand->given,
		.secret = demand->secret,
		.peer = span_from(td_ip_format(&request->flow->remote.ip, peer)),
	};
	enum digest_verdict verdict;

	if (!algorithm_is_wanted(demand->algorithm, demand->given->algorithm))
		return DIGEST_WRONG;
	verdict = digest_check(
		&switchboard->digest, &claim, request->message, switchboard->now.mono_ms);
	if (verdict == DIGEST_OK)
		guard_note_proof(switchboard, request->flow);
	return verdict;
}

/* Of a trunk that has one name and one password. */
static enum digest_verdict verify_trunk(struct switchboard *switchboard,
	const struct auth_request *request, const struct config_credentials *wanted,
	struct auth_demand *demand)
{
	enum digest_verdict verdict = DIGEST_NONCE_FOREIGN;
	struct digest_credentials given;
	struct digest_secret secret;

	demand->realm =
		span_from(wanted->realm[0] != '\0' ? wanted->realm : switchboard->config->node);
	demand->algorithm = wanted->algorithm;
	if (digest_credentials_find(request->message, demand->realm, false, &given) != 0 ||
		digest_secret_make(span_from(wanted->username), demand->realm,
			span_from(wanted->password), &secret) != 0)
		return verdict;
	demand->given = &given;
	demand->secret = &secret;
	verdict = span_equal(given.username, span_from(wanted->username))
			  ? auth_verify(switchboard, request, demand)
			  : DIGEST_WRONG;
	td_wipe(&secret, sizeof(secret));
	return verdict;
}

bool auth_admit(struct switchboard *switchboard, const struct transaction_indication *indication,
	const struct config_trunk *trunk)
{
	const struct auth_request request = {indication->message, indication->flow, indication->id};
	struct auth_demand demand = {.given = NULL};
	struct registrar_user *user;
	enum digest_verdict verdict;

	if (trunk == NULL || (!trunk->is_registrar && trunk->inbound_auth.username[0] == '\0'))
		return true;
	verdict = trunk->is_registrar
			  ? bindings_verify(switchboard, trunk, &request, &demand, &user)
			  : verify_trunk(switchboard, &request, &trunk->inbound_auth, &demand);
	if (verdict == DIGEST_OK)
		return true;
	switchboard->counts.refused_policy += verdict == DIGEST_WRONG;
	auth_challenge(switchboard, &request, &demand, verdict);
	return false;
}
