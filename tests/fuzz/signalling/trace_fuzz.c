/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Any bytes that a trace would keep: what the parsers call a password or a digest response is
 * masked, nothing is written past the end, and masking twice is masking once.
 */
#include "sip/digest.h"
#include "sip/message.h"
#include "trace/mask.h"

#include <stdlib.h>

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t size_bytes);

static void expect_hidden(struct span secret, const char *original, const char *masked)
{
	for (uint32_t i = 0; i < secret.length; i++)
		if (masked[secret.text + i - original] != '*')
			abort();
}

/* original has been parsed in place, which moves nothing: the masked copy has the same offsets. */
static void check(const struct sip_message *message, const char *original, const char *masked)
{
	const struct sip_header *header;
	struct digest_credentials credentials;
	uint32_t from = 0;

	expect_hidden(message->from.uri.password, original, masked);
	expect_hidden(message->to.uri.password, original, masked);
	expect_hidden(message->contact.uri.password, original, masked);
	if (sip_message_is_request(message))
		expect_hidden(message->request_uri.password, original, masked);
	while ((header = sip_message_next(message, SIP_HEADER_AUTHORIZATION, &from)) != NULL)
		if (digest_credentials_parse(header->value, &credentials) == 0)
			expect_hidden(credentials.response, original, masked);
}

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t size_bytes)
{
	char *copy = malloc(size_bytes + 1); /* one more: malloc(0) may be NULL */
	char *masked = malloc(size_bytes + 1);
	char *again = malloc(size_bytes + 1);
	struct sip_message message;
	struct sip_parse_error error;
	int result;

	if (copy == NULL || masked == NULL || again == NULL)
		goto out;
	if (size_bytes != 0)
		memcpy(copy, bytes, size_bytes);
	/* Parsed first: it joins folded lines, as it does before a message is kept. */
	result = sip_message_parse(copy, size_bytes, false, &message, &error);
	memcpy(masked, copy, size_bytes);
	(void)trace_mask(masked, size_bytes);
	memcpy(again, masked, size_bytes);
	(void)trace_mask(again, size_bytes);
	if (memcmp(masked, again, size_bytes) != 0)
		abort();
	if (result == 0)
		check(&message, copy, masked);
out:
	free(copy);
	free(masked);
	free(again);
	return 0;
}
