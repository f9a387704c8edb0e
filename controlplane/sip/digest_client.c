/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Answers challenges of peers (RFC 3261 22.2, RFC 7616 3.4, RFC 8760 2.4: the strongest
 * algorithm that both sides have).
 */
#include "sip/digest.h"
#include "sip/digest_text.h"
#include "sip/scan.h"
#include "util/text.h"

#include <errno.h>

/* True if the comma-separated list (of a quoted value) has token. */
static bool list_has(struct span list, const char *token)
{
	struct span value;

	while (sip_list_next(&list, &value)) {
		if (span_is(value, token))
			return true;
	}
	return false;
}

static void challenge_param_take(
	struct digest_challenge *challenge, const struct digest_param *param)
{
	if (span_is(param->name, "realm")) {
		challenge->realm = param->value;
	} else if (span_is(param->name, "nonce")) {
		challenge->nonce = param->value;
	} else if (span_is(param->name, "opaque")) {
		challenge->opaque = param->value;
	} else if (span_is(param->name, "algorithm")) {
		challenge->algorithm = digest_algorithm_find(param->value);
	} else if (span_is(param->name, "stale")) {
		challenge->is_stale = span_is(param->value, "true");
	} else if (span_is(param->name, "qop")) {
		challenge->has_qop = true;
		challenge->has_qop_auth = list_has(param->value, "auth");
	}
}

int digest_challenge_parse(struct span value, struct digest_challenge *ret_challenge)
{
	struct digest_param param;
	struct span params;
	int more = digest_scheme_strip(value, &params);

	memset(ret_challenge, 0, sizeof(*ret_challenge));
	ret_challenge->algorithm = DIGEST_MD5;
	if (more != 0)
		return more;
	while ((more = digest_param_next(&params, &param)) > 0)
		challenge_param_take(ret_challenge, &param);
	/* An empty realm is legal, an absent one isn't; both look the same to an empty span but
	 * for the text pointer. */
	if (more < 0 || ret_challenge->realm.text == NULL || ret_challenge->nonce.length == 0)
		return -EBADMSG;
	return 0;
}

static bool challenge_is_answerable(const struct digest_challenge *challenge)
{
	return challenge->algorithm != DIGEST_UNKNOWN &&
	       (!challenge->has_qop || challenge->has_qop_auth);
}

int digest_challenge_choose(
	const struct sip_message *response, struct digest_challenge *ret_challenge)
{
	enum sip_header_id id = response->status == 407 ? SIP_HEADER_PROXY_AUTHENTICATE
							: SIP_HEADER_WWW_AUTHENTICATE;
	enum digest_algorithm best = DIGEST_UNKNOWN;
	const struct sip_header *header;
	uint32_t from = 0;

	while ((header = sip_message_next(response, id, &from)) != NULL) {
		struct digest_challenge challenge;

		if (digest_challenge_parse(header->value, &challenge) != 0 ||
			!challenge_is_answerable(&challenge) || challenge.algorithm <= best)
			continue;
		best = challenge.algorithm;
		*ret_challenge = challenge;
		ret_challenge->is_proxy = response->status == 407;
	}
	return best != DIGEST_UNKNOWN ? 0 : -ENOENT;
}

/* True if text may stand between quotes as it is (values of the peer come still escaped, and
 * their quoted pairs are repeated). Control characters don't pass even behind a backslash. */
static bool text_is_quotable(struct span text)
{
	bool is_escaped = false;

	for (uint32_t i = 0; i < text.length; i++) {
		uint8_t c = (uint8_t)text.text[i];

		if (c < ' ' || c == 0x7f || (c == '"' && !is_escaped))
			return false;
		is_escaped = c == '\\' && !is_escaped;
	}
	return !is_escaped;
}

static void answer_write(struct text *text, const struct digest_challenge *challenge,
	const struct digest_request *request, const char *response)
{
	text_appendf(text, "Digest username=\"%.*s\", realm=\"%.*s\", nonce=\"%.*s\", uri=\"%.*s\"",
		SPAN_ARGS(request->username), SPAN_ARGS(challenge->realm),
		SPAN_ARGS(challenge->nonce), SPAN_ARGS(request->uri));
	text_appendf(text, ", response=\"%s\", algorithm=%s", response,
		digest_algorithm_name(challenge->algorithm));
	if (challenge->has_qop_auth)
		text_appendf(text, ", cnonce=\"%.*s\", qop=auth, nc=%08x",
			SPAN_ARGS(request->cnonce), request->nc);
	if (challenge->opaque.text != NULL)
		text_appendf(text, ", opaque=\"%.*s\"", SPAN_ARGS(challenge->opaque));
}

int digest_answer(const struct digest_challenge *challenge, const struct digest_secret *secret,
	const struct digest_request *request, char *buffer, size_t size_bytes)
{
	char nc_text[9];
	char response[DIGEST_HEX_BYTES];
	struct text nc;
	struct text text;
	struct digest_inputs inputs = {.algorithm = challenge->algorithm,
		.nonce = challenge->nonce,
		.cnonce = request->cnonce,
		.method = request->method,
		.uri = request->uri,
		.has_qop_auth = challenge->has_qop_auth};
	int error;

	if (!challenge_is_answerable(challenge) || secret->ha1[challenge->algorithm][0] == '\0')
		return -ENOTSUP;
	if (!text_is_quotable(request->username) || !text_is_quotable(challenge->realm) ||
		!text_is_quotable(challenge->nonce) || !text_is_quotable(request->uri) ||
		!text_is_quotable(request->cnonce) || !text_is_quotable(challenge->opaque))
		return -EINVAL;
	if (size_bytes == 0)
		return -ENOSPC;
	text_init(&nc, nc_text, sizeof(nc_text));
	text_appendf(&nc, "%08x", request->nc);
	inputs.nc_text = text_span(&nc);
	inputs.ha1 = span_from(secret->ha1[challenge->algorithm]);
	error = digest_response(&inputs, response);
	if (error != 0)
		return error;
	text_init(&text, buffer, size_bytes);
	answer_write(&text, challenge, request, response);
	return text.has_overflowed ? -ENOSPC : (int)text.length;
}
