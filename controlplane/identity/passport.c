/* SPDX-License-Identifier: Apache-2.0 */
#include "identity/passport.h"

#include "events/record.h"
#include "sip/scan.h"

#include <string.h>

enum {
	PAYLOAD_BYTES = 2048, /* of a PASSporT; a SHAKEN one has about 250 */
	SEXTET_BITS = 6,
	OCTET_BITS = 8,
};

static int sextet(char c)
{
	if (c >= 'A' && c <= 'Z')
		return c - 'A';
	if (c >= 'a' && c <= 'z')
		return c - 'a' + 26;
	if (c >= '0' && c <= '9')
		return c - '0' + 52;
	return c == '-' || c == '+' ? 62 : c == '_' || c == '/' ? 63 : -1;
}

/* base64url (RFC 4648 5) without padding. Returns the length, 0 if it isn't that or too long. */
static size_t decode(struct span encoded, char *decoded, size_t size)
{
	uint32_t bits = 0;
	unsigned bit_count = 0;
	size_t used = 0;

	for (uint32_t i = 0; i < encoded.length && encoded.text[i] != '='; i++) {
		int value = sextet(encoded.text[i]);

		if (value < 0 || used == size)
			return 0;
		bits = bits << SEXTET_BITS | (uint32_t)value;
		bit_count += SEXTET_BITS;
		if (bit_count < OCTET_BITS)
			continue;
		bit_count -= OCTET_BITS;
		decoded[used++] = (char)(bits >> bit_count);
	}
	return used;
}

/* The middle part of "header.payload.signature". */
static struct span payload_of(struct span token)
{
	const char *first = token.length != 0 ? memchr(token.text, '.', token.length) : NULL;
	const char *end = sip_span_end(token);
	const char *second =
		first != NULL ? memchr(first + 1, '.', (size_t)(end - first - 1)) : NULL;

	return second != NULL ? sip_span_between(first + 1, second) : (struct span){0};
}

/* The value of "attest" in the claims. A claim's text can't hold the word in quotes unescaped, so
 * no parser is needed to find it. */
static char find_attestation(const char *claims, size_t length)
{
	static const char key[] = "\"attest\"";
	const char *end = claims + length;
	const char *at = memmem(claims, length, key, strlen(key));

	if (at == NULL)
		return 0;
	at = sip_scan_space(at + strlen(key), end);
	if (at == end || *at != ':')
		return 0;
	at = sip_scan_space(at + 1, end);
	if (end - at < 3 || at[0] != '"' || at[2] != '"' || at[1] < 'A' || at[1] > 'C')
		return 0;
	return at[1];
}

char passport_attestation(const struct sip_message *message)
{
	const struct sip_header *header;
	uint32_t from = 0;
	char attestation = 0;

	while (attestation == 0 &&
		(header = sip_message_next(message, SIP_HEADER_IDENTITY, &from)) != NULL) {
		const char *semicolon = header->value.length != 0 ? memchr(header->value.text, ';',
									    header->value.length)
								  : NULL;
		const char *end = semicolon != NULL ? semicolon : sip_span_end(header->value);
		char claims[PAYLOAD_BYTES];
		size_t length = decode(payload_of(sip_span_between(header->value.text, end)),
			claims, sizeof(claims));

		attestation = find_attestation(claims, length);
	}
	return attestation;
}

unsigned passport_verstat(const struct sip_name_addr *name)
{
	const char *semicolon = name->uri.user.length != 0
					? memchr(name->uri.user.text, ';', name->uri.user.length)
					: NULL;
	struct span value;

	/* sip:+123;verstat=...@host has it in the user part, tel:+123;verstat=... behind it. */
	if (!sip_param_find(name->uri.params, "verstat", &value) &&
		(semicolon == NULL || !sip_param_find(sip_span_between(semicolon + 1,
							      sip_span_end(name->uri.user)),
					      "verstat", &value)))
		return EVENT_VERSTAT_NONE;
	if (span_is(value, "TN-Validation-Passed"))
		return EVENT_VERSTAT_PASSED;
	if (span_is(value, "TN-Validation-Failed"))
		return EVENT_VERSTAT_FAILED;
	return EVENT_VERSTAT_NO_VALIDATION;
}
