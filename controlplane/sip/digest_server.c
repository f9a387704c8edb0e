/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Challenges peers and judges their credentials. A nonce is "time in hex, salt in hex, HMAC over
 * both and the peer": it needs no memory, and nobody else can make one.
 */
#include "sip/digest.h"
#include "sip/digest_text.h"
#include "sip/scan.h"
#include "util/text.h"

#include <tandem/bytes.h>
#include <tandem/time.h>

#include <openssl/evp.h>
#include <openssl/hmac.h>

#include <assert.h>
#include <errno.h>

enum {
	NONCE_TIME_DIGITS = 12, /* 48 bits of ms: 8900 years */
	NONCE_SALT_DIGITS = 16,
	NONCE_HEAD_DIGITS = NONCE_TIME_DIGITS + NONCE_SALT_DIGITS,
	NONCE_MAC_BYTES = 16, /* of HMAC-SHA-256, truncated (RFC 2104 5) */
	NONCE_DIGITS = NONCE_HEAD_DIGITS + 2 * NONCE_MAC_BYTES,
	NC_DIGITS = 8,
};

static_assert((size_t)NONCE_DIGITS < (size_t)DIGEST_NONCE_BYTES, "a nonce and its zero must fit");

static const char *const verdict_names[DIGEST_VERDICT_COUNT] = {
	[DIGEST_OK] = "ok",
	[DIGEST_STALE] = "stale",
	[DIGEST_NONCE_FOREIGN] = "nonce_foreign",
	[DIGEST_REPLAYED] = "replayed",
	[DIGEST_WRONG] = "wrong",
	[DIGEST_UNSUPPORTED] = "unsupported",
};

const char *digest_verdict_name(enum digest_verdict verdict)
{
	return (unsigned)verdict < DIGEST_VERDICT_COUNT ? verdict_names[verdict] : "?";
}

/* HMAC over head and peer, in hexadecimal. */
static int nonce_mac(const struct digest_server *server, struct span head, struct span peer,
	char ret_hex[2 * NONCE_MAC_BYTES + 1])
{
	uint8_t input[NONCE_HEAD_DIGITS + 64];
	uint8_t mac[EVP_MAX_MD_SIZE];
	unsigned mac_bytes = sizeof(mac);

	if (peer.length > sizeof(input) - NONCE_HEAD_DIGITS)
		peer.length = sizeof(input) - NONCE_HEAD_DIGITS;
	memcpy(input, head.text, NONCE_HEAD_DIGITS);
	if (peer.length != 0)
		memcpy(input + NONCE_HEAD_DIGITS, peer.text, peer.length);
	if (HMAC(EVP_sha256(), server->key, sizeof(server->key), input,
		    NONCE_HEAD_DIGITS + peer.length, mac, &mac_bytes) == NULL)
		return -EIO;
	digest_hex_write(mac, NONCE_MAC_BYTES, ret_hex);
	return 0;
}

int digest_nonce_make(const struct digest_server *server, struct span peer, uint64_t salt,
	uint64_t now_ms, char ret_nonce[DIGEST_NONCE_BYTES])
{
	const uint64_t time_mask = (UINT64_C(1) << 4 * NONCE_TIME_DIGITS) - 1;
	char mac[2 * NONCE_MAC_BYTES + 1];
	struct text text;
	int error;

	text_init(&text, ret_nonce, DIGEST_NONCE_BYTES);
	text_appendf(&text, "%012llx%016llx", (unsigned long long)(now_ms & time_mask),
		(unsigned long long)salt);
	error = nonce_mac(server, text_span(&text), peer, mac);
	if (error == 0)
		text_append_string(&text, mac);
	return error;
}

static bool hex_parse(struct span text, uint64_t *ret_value)
{
	uint64_t value = 0;

	for (uint32_t i = 0; i < text.length; i++) {
		char c = text.text[i];

		if (!sip_char_is(c, SIP_CHAR_HEX))
			return false;
		value = value << 4 | (uint64_t)(c <= '9' ? c - '0' : (c | 0x20) - 'a' + 10);
	}
	*ret_value = value;
	return text.length != 0;
}

/* OK, STALE or NONCE_FOREIGN. */
static enum digest_verdict nonce_check(
	const struct digest_server *server, struct span nonce, struct span peer, uint64_t now_ms)
{
	char mac[2 * NONCE_MAC_BYTES + 1];
	struct span time_text = {.text = nonce.text, .length = NONCE_TIME_DIGITS};
	uint64_t made_ms;

	if (nonce.length != NONCE_DIGITS || nonce_mac(server, nonce, peer, mac) != 0 ||
		!td_equal_constant_time(mac, nonce.text + NONCE_HEAD_DIGITS, sizeof(mac) - 1) ||
		!hex_parse(time_text, &made_ms))
		return DIGEST_NONCE_FOREIGN;
	/* From the future: another machine's clock, or one that was set back. */
	if (made_ms > now_ms || td_since(now_ms, made_ms) > server->nonce_life_ms)
		return DIGEST_STALE;
	return DIGEST_OK;
}

int digest_challenge_build(const struct digest_offer *offer, char *buffer, size_t size_bytes)
{
	struct span realm = offer->realm;
	struct text text;

	for (uint32_t i = 0; i < realm.length; i++) {
		if ((uint8_t)realm.text[i] < ' ' || realm.text[i] == '"' || realm.text[i] == '\\')
			return -EINVAL;
	}
	if (offer->algorithm != DIGEST_MD5 && offer->algorithm != DIGEST_SHA256)
		return -EINVAL;
	if (size_bytes == 0)
		return -ENOSPC;
	text_init(&text, buffer, size_bytes);
	text_appendf(&text, "Digest realm=\"%.*s\", nonce=\"%s\", algorithm=%s, qop=\"auth\"%s",
		SPAN_ARGS(realm), offer->nonce, digest_algorithm_name(offer->algorithm),
		offer->is_stale ? ", stale=true" : "");
	return text.has_overflowed ? -ENOSPC : (int)text.length;
}

static int credentials_param_take(
	struct digest_credentials *credentials, const struct digest_param *param)
{
	uint64_t nc;

	if (span_is(param->name, "username")) {
		credentials->username = param->value;
	} else if (span_is(param->name, "realm")) {
		credentials->realm = param->value;
	} else if (span_is(param->name, "nonce")) {
		credentials->nonce = param->value;
	} else if (span_is(param->name, "uri")) {
		credentials->uri = param->value;
	} else if (span_is(param->name, "response")) {
		credentials->response = param->value;
	} else if (span_is(param->name, "cnonce")) {
		credentials->cnonce = param->value;
	} else if (span_is(param->name, "opaque")) {
		credentials->opaque = param->value;
	} else if (span_is(param->name, "algorithm")) {
		credentials->algorithm = digest_algorithm_find(param->value);
	} else if (span_is(param->name, "qop")) {
		credentials->has_qop_auth = span_is(param->value, "auth");
		return credentials->has_qop_auth ? 0 : -ENOTSUP;
	} else if (span_is(param->name, "nc")) {
		if (param->value.length != NC_DIGITS || !hex_parse(param->value, &nc))
			return -EBADMSG;
		credentials->nc_text = param->value;
		credentials->nc = (uint32_t)nc;
	}
	return 0;
}

int digest_credentials_parse(struct span value, struct digest_credentials *ret_credentials)
{
	struct digest_param param;
	struct span params;
	int more = digest_scheme_strip(value, &params);
	int error = 0;

	memset(ret_credentials, 0, sizeof(*ret_credentials));
	ret_credentials->algorithm = DIGEST_MD5;
	if (more != 0)
		return more;
	while ((more = digest_param_next(&params, &param)) > 0) {
		int param_error = credentials_param_take(ret_credentials, &param);

		error = error == 0 ? param_error : error;
	}
	if (more < 0 || ret_credentials->username.text == NULL ||
		ret_credentials->realm.text == NULL || ret_credentials->nonce.length == 0 ||
		ret_credentials->uri.length == 0 || ret_credentials->response.length == 0)
		return -EBADMSG;
	if (error == 0 && ret_credentials->has_qop_auth &&
		(ret_credentials->nc_text.length == 0 || ret_credentials->cnonce.length == 0))
		return -EBADMSG;
	return error;
}

int digest_credentials_find(const struct sip_message *request, struct span realm, bool is_proxy,
	struct digest_credentials *ret_credentials)
{
	enum sip_header_id id =
		is_proxy ? SIP_HEADER_PROXY_AUTHORIZATION : SIP_HEADER_AUTHORIZATION;
	const struct sip_header *header;
	uint32_t from = 0;
	int result = -ENOENT;

	while ((header = sip_message_next(request, id, &from)) != NULL) {
		int error = digest_credentials_parse(header->value, ret_credentials);

		if (error == 0 && span_equal(ret_credentials->realm, realm))
			return 0;
		if (error != 0 && result == -ENOENT)
			result = error;
	}
	return result;
}

enum digest_verdict digest_check(const struct digest_server *server,
	const struct digest_claim *claim, const struct sip_message *request, uint64_t now_ms)
{
	const struct digest_credentials *credentials = claim->credentials;
	const struct digest_secret *secret = claim->secret;
	char expected[DIGEST_HEX_BYTES];
	struct digest_inputs inputs = {.algorithm = credentials->algorithm,
		.nonce = credentials->nonce,
		.nc_text = credentials->nc_text,
		.cnonce = credentials->cnonce,
		.method = request->method_text,
		.uri = credentials->uri,
		.has_qop_auth = credentials->has_qop_auth};
	enum digest_verdict verdict;
	size_t digit_count;

	if (credentials->algorithm == DIGEST_UNKNOWN ||
		secret->ha1[credentials->algorithm][0] == '\0')
		return DIGEST_UNSUPPORTED;
	verdict = nonce_check(server, credentials->nonce, claim->peer, now_ms);
	if (verdict == DIGEST_NONCE_FOREIGN)
		return verdict;
	inputs.ha1 = span_from(secret->ha1[credentials->algorithm]);
	if (digest_response(&inputs, expected) != 0)
		return DIGEST_UNSUPPORTED;
	digit_count = strlen(expected);
	/* Hexadecimal in lower case is mandatory (RFC 7616 3.4). */
	if (credentials->response.length != digit_count ||
		!td_equal_constant_time(credentials->response.text, expected, digit_count))
		return DIGEST_WRONG;
	/* Signed for another target: a captured header put on a new request. */
	if (!span_equal(credentials->uri, request->request_uri.text))
		return DIGEST_WRONG;
	if (verdict != DIGEST_OK)
		return verdict;
	/* Without qop there is no count: such a nonce is good for one request. */
	if (server->accept_nc != NULL && !server->accept_nc(server->context, credentials->nonce,
						 credentials->has_qop_auth ? credentials->nc : 0))
		return DIGEST_REPLAYED;
	return DIGEST_OK;
}
