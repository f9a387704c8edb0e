/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Any text as a challenge and as credentials. Our answer to any challenge must itself parse, and
 * carry the challenge's nonce.
 */
#include "sip/digest.h"

#include <stdlib.h>

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t size_bytes);

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t size_bytes)
{
	struct span text = {.text = (const char *)bytes, .length = (uint32_t)size_bytes};
	static char answer[8192];
	static struct digest_secret secret;
	static struct sip_message request;
	struct digest_request asked = {.username = SPAN("alice"),
		.method = SPAN("INVITE"),
		.uri = SPAN("sip:bob@example.com"),
		.cnonce = SPAN("0a4f113b"),
		.nc = 1};
	struct digest_server server = {.nonce_life_ms = 1000};
	struct digest_challenge challenge;
	struct digest_credentials credentials;
	struct digest_claim claim = {
		.credentials = &credentials, .secret = &secret, .peer = SPAN("")};
	int length;

	if (secret.ha1[DIGEST_SHA256][0] == '\0' &&
		digest_secret_make(SPAN("alice"), SPAN("realm"), SPAN("secret"), &secret) != 0)
		abort();
	if (digest_challenge_parse(text, &challenge) == 0) {
		length = digest_answer(&challenge, &secret, &asked, answer, sizeof(answer));
		if (length > 0 && (digest_credentials_parse((struct span){.text = answer,
								    .length = (uint32_t)length},
					   &credentials) != 0 ||
					  !span_equal(credentials.nonce, challenge.nonce)))
			abort();
	}
	if (digest_credentials_parse(text, &credentials) == 0 &&
		digest_check(&server, &claim, &request, 5000) == DIGEST_OK)
		abort();
	return 0;
}
