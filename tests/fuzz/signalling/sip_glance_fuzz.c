/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Any bytes as a request to be glanced at: the glance must leave them alone and say the same as
 * the parser where both understand; what is answered from it must have the lines it should have.
 */
#include "sip/builder.h"
#include "sip/message.h"

#include <stdlib.h>

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t size_bytes);

static void expect_same(struct span glanced, struct span parsed)
{
	if (!span_equal(glanced, parsed))
		abort();
}

static void compare(const struct sip_message *glanced, char *copy, size_t size_bytes)
{
	static struct sip_message parsed;
	struct sip_parse_error error;

	if (sip_message_parse(copy, size_bytes, false, &parsed, &error) != 0)
		return;
	if (!sip_message_is_request(&parsed) || glanced->method != parsed.method ||
		glanced->cseq.number != parsed.cseq.number ||
		glanced->via.port != parsed.via.port ||
		glanced->via.has_rport != parsed.via.has_rport)
		abort();
	expect_same(glanced->request_uri.text, parsed.request_uri.text);
	expect_same(glanced->via.host, parsed.via.host);
	expect_same(glanced->via.branch, parsed.via.branch);
	expect_same(glanced->from.tag, parsed.from.tag);
	expect_same(glanced->to.tag, parsed.to.tag);
	expect_same(glanced->call_id, parsed.call_id);
}

static void answer(const struct sip_message *glanced)
{
	static char buffer[2 * SIP_MESSAGE_MAX_BYTES];
	const struct td_endpoint source = {.ip = {.family = TD_FAMILY_IPV4}, .port = 5060};
	struct sip_builder builder;
	uint32_t lines = 0;
	int length;

	sip_builder_init(&builder, buffer, sizeof(buffer));
	sip_build_response_head(&builder, glanced, &source, 503, SPAN("t"));
	length = sip_builder_finish(&builder, SPAN(""), SPAN(""));
	for (int i = 0; i < length; i++)
		lines += buffer[i] == '\n' || buffer[i] == '\r';
	/* status line, Via, From, To, Call-ID, CSeq, Content-Length, empty line */
	if (length > 0 && lines != 2 * (7 + glanced->via_count))
		abort();
}

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t size_bytes)
{
	static struct sip_message glanced;
	char *copy = malloc(size_bytes + 1);

	if (copy == NULL)
		abort();
	memcpy(copy, bytes, size_bytes);
	if (sip_message_glance((const char *)bytes, size_bytes, &glanced) == 0) {
		answer(&glanced);
		compare(&glanced, copy, size_bytes);
	}
	free(copy);
	return 0;
}
