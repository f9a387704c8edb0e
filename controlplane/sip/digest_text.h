/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The auth-param syntax shared by challenges and credentials, and the hashes over them. Private
 * to sip/.
 */
#ifndef TD_SIP_DIGEST_TEXT_H
#define TD_SIP_DIGEST_TEXT_H

#include "sip/digest.h"

#include <tandem/compiler.h>

#include <stddef.h>

/* One name=value of a comma-separated list; value without its quotes, still escaped. */
struct digest_param {
	struct span name;
	struct span value;
};

/* Checks that value begins with the scheme "Digest" and gives what follows. -ENOTSUP. */
td_must_check int digest_scheme_strip(struct span value, struct span *ret_params);

/* Cuts the next parameter off params: 1, 0 at the end, -EBADMSG. */
td_must_check int digest_param_next(struct span *params, struct digest_param *ret_param);

/* The algorithm of that name; UNKNOWN for others. */
enum digest_algorithm digest_algorithm_find(struct span name);

/* Hashes the parts joined by ':' into lower-case hexadecimal. -EIO. */
td_must_check int digest_hash(enum digest_algorithm algorithm, const struct span *parts,
	size_t part_count, char ret_hex[DIGEST_HEX_BYTES]);

/* What goes into a response besides HA1 (RFC 7616 3.4.1). */
struct digest_inputs {
	enum digest_algorithm algorithm;
	struct span ha1;
	struct span nonce;
	struct span nc_text; /* 8 digits; used with qop only */
	struct span cnonce;
	struct span method;
	struct span uri;
	bool has_qop_auth;
};

/* Computes the response. -EIO. */
td_must_check int digest_response(
	const struct digest_inputs *inputs, char ret_hex[DIGEST_HEX_BYTES]);

/* Writes size_bytes bytes as lower-case hexadecimal, zero-terminated. */
void digest_hex_write(const uint8_t *bytes, size_t size_bytes, char *ret_hex);

#endif
