/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Parameters of Digest headers, and the hash rule of RFC 7616 3.4. The hashes are OpenSSL's.
 */
#include "sip/digest_text.h"

#include "sip/scan.h"

#include <openssl/evp.h>

#include <errno.h>

static const char *const algorithm_names[DIGEST_ALGORITHM_COUNT] = {
	[DIGEST_UNKNOWN] = "?",
	[DIGEST_MD5] = "MD5",
	[DIGEST_SHA256] = "SHA-256",
};

const char *digest_algorithm_name(enum digest_algorithm algorithm)
{
	return (unsigned)algorithm < DIGEST_ALGORITHM_COUNT ? algorithm_names[algorithm] : "?";
}

enum digest_algorithm digest_algorithm_find(struct span name)
{
	for (unsigned i = DIGEST_UNKNOWN + 1; i < DIGEST_ALGORITHM_COUNT; i++) {
		if (span_is(name, algorithm_names[i]))
			return (enum digest_algorithm)i;
	}
	return DIGEST_UNKNOWN;
}

int digest_scheme_strip(struct span value, struct span *ret_params)
{
	struct span text = span_trim(value);
	const char *end = sip_span_end(text);
	const char *scheme_end = sip_scan_class(text.text, end, SIP_CHAR_TOKEN);

	if (!span_is(sip_span_between(text.text, scheme_end), "Digest") || scheme_end == end ||
		(*scheme_end != ' ' && *scheme_end != '\t'))
		return -ENOTSUP;
	*ret_params = sip_span_between(scheme_end, end);
	return 0;
}

int digest_param_next(struct span *params, struct digest_param *ret_param)
{
	const char *end = sip_span_end(*params);
	const char *at = params->text;
	const char *from;

	/* Empty list elements are allowed (RFC 7230 7), and seen. */
	while (at != end && (*at == ' ' || *at == '\t' || *at == ','))
		at++;
	if (at == end)
		return 0;
	from = at;
	at = sip_scan_class(at, end, SIP_CHAR_TOKEN);
	ret_param->name = sip_span_between(from, at);
	at = sip_scan_space(at, end);
	if (ret_param->name.length == 0 || at == end || *at != '=')
		return -EBADMSG;
	from = at = sip_scan_space(at + 1, end);
	if (at != end && *at == '"') {
		at = sip_scan_quoted(at, end);
		if (at == NULL)
			return -EBADMSG;
		ret_param->value = sip_span_between(from + 1, at - 1);
	} else {
		at = sip_scan_class(at, end, SIP_CHAR_VALUE);
		if (at == from)
			return -EBADMSG;
		ret_param->value = sip_span_between(from, at);
	}
	at = sip_scan_space(at, end);
	if (at != end && *at != ',')
		return -EBADMSG;
	*params = sip_span_between(at, end);
	return 1;
}

void digest_hex_write(const uint8_t *bytes, size_t size_bytes, char *ret_hex)
{
	static const char digits[] = "0123456789abcdef";

	for (size_t i = 0; i < size_bytes; i++) {
		ret_hex[2 * i] = digits[bytes[i] >> 4];
		ret_hex[2 * i + 1] = digits[bytes[i] & 15];
	}
	ret_hex[2 * size_bytes] = '\0';
}

int digest_hash(enum digest_algorithm algorithm, const struct span *parts, size_t part_count,
	char ret_hex[DIGEST_HEX_BYTES])
{
	EVP_MD_CTX *hash = EVP_MD_CTX_new();
	uint8_t bytes[EVP_MAX_MD_SIZE];
	unsigned size_bytes = 0;
	bool is_good = hash != NULL && algorithm != DIGEST_UNKNOWN &&
		       EVP_DigestInit_ex(
			       hash, algorithm == DIGEST_MD5 ? EVP_md5() : EVP_sha256(), NULL) == 1;

	for (size_t i = 0; is_good && i < part_count; i++) {
		if (i != 0)
			is_good = EVP_DigestUpdate(hash, ":", 1) == 1;
		if (is_good && parts[i].length != 0)
			is_good = EVP_DigestUpdate(hash, parts[i].text, parts[i].length) == 1;
	}
	is_good = is_good && EVP_DigestFinal_ex(hash, bytes, &size_bytes) == 1 &&
		  size_bytes * 2 < DIGEST_HEX_BYTES;
	EVP_MD_CTX_free(hash);
	if (!is_good)
		return -EIO;
	digest_hex_write(bytes, size_bytes, ret_hex);
	return 0;
}

int digest_response(const struct digest_inputs *inputs, char ret_hex[DIGEST_HEX_BYTES])
{
	char ha2[DIGEST_HEX_BYTES];
	struct span request[] = {inputs->method, inputs->uri};
	int error = digest_hash(inputs->algorithm, request, TD_COUNT_OF(request), ha2);

	if (error != 0)
		return error;
	if (inputs->has_qop_auth) {
		struct span parts[] = {inputs->ha1, inputs->nonce, inputs->nc_text, inputs->cnonce,
			SPAN("auth"), span_from(ha2)};

		return digest_hash(inputs->algorithm, parts, TD_COUNT_OF(parts), ret_hex);
	} else {
		struct span parts[] = {inputs->ha1, inputs->nonce, span_from(ha2)};

		return digest_hash(inputs->algorithm, parts, TD_COUNT_OF(parts), ret_hex);
	}
}

int digest_secret_make(struct span username, struct span realm, struct span password,
	struct digest_secret *ret_secret)
{
	struct span parts[] = {username, realm, password};
	struct digest_secret secret;

	memset(&secret, 0, sizeof(secret));
	for (unsigned i = DIGEST_UNKNOWN + 1; i < DIGEST_ALGORITHM_COUNT; i++) {
		int error = digest_hash(
			(enum digest_algorithm)i, parts, TD_COUNT_OF(parts), secret.ha1[i]);

		/* A machine in FIPS mode has no MD5: SHA-256 alone is good. */
		if (error != 0 && i != DIGEST_MD5)
			return error;
	}
	*ret_secret = secret;
	return 0;
}
