/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The second reading of a message says what the first one said; and no bytes at all harm it.
 */
#include "sip/message.h"

#include <stdint.h>
#include <stdlib.h>

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t size_bytes);

static void expect(int is_true)
{
	if (!is_true)
		abort();
}

static void compare(const struct sip_message *parsed, const struct sip_message *skimmed)
{
	expect(parsed->status == skimmed->status && parsed->method == skimmed->method);
	expect(parsed->status != 0 ||
		span_equal(parsed->request_uri.text, skimmed->request_uri.text));
	expect(span_equal(parsed->via.text, skimmed->via.text) &&
		span_equal(parsed->via.branch, skimmed->via.branch) &&
		parsed->via_count == skimmed->via_count);
	expect(span_equal(parsed->from.text, skimmed->from.text));
	expect(span_equal(parsed->to.text, skimmed->to.text) &&
		span_equal(parsed->to.tag, skimmed->to.tag));
	expect(span_equal(parsed->call_id, skimmed->call_id));
	expect(parsed->cseq.number == skimmed->cseq.number &&
		span_equal(parsed->cseq.method_text, skimmed->cseq.method_text));
	expect(span_equal(parsed->body, skimmed->body) &&
		span_equal(parsed->body, sip_message_body(parsed->bytes)));
	expect(parsed->header_count == skimmed->header_count);
	for (uint32_t i = 0; i < parsed->header_count; i++)
		expect(parsed->headers[i].id == skimmed->headers[i].id &&
			span_equal(parsed->headers[i].value, skimmed->headers[i].value));
}

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t size_bytes)
{
	char *copy = malloc(size_bytes + 1); /* one more: malloc(0) may be NULL */
	struct sip_message parsed;
	struct sip_message skimmed;
	struct sip_parse_error error;

	if (copy == NULL)
		return 0;
	if (size_bytes != 0)
		memcpy(copy, bytes, size_bytes);
	(void)!sip_message_skim((struct span){copy, (uint32_t)size_bytes}, &skimmed);
	if (sip_message_parse(copy, size_bytes, false, &parsed, &error) == 0) {
		expect(sip_message_skim(parsed.bytes, &skimmed) == 0);
		compare(&parsed, &skimmed);
	}
	free(copy);
	return 0;
}
