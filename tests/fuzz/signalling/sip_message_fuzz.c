/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Any datagram: parse, and whatever can be answered is answered and parsed again: an answer of
 * ours to a good request must itself be a good message.
 */
#include "sip/builder.h"
#include "sip/message.h"

#include <stdlib.h>

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t size_bytes);

static char answer[2 * SIP_MESSAGE_MAX_BYTES];

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t size_bytes)
{
	char *copy = malloc(size_bytes + 1); /* one more: malloc(0) may be NULL */
	struct td_endpoint source = {
		.ip = {.family = TD_FAMILY_IPV4, .bytes = {192, 0, 2, 1}}, .port = 5060};
	struct sip_message message;
	struct sip_message again;
	struct sip_parse_error error;
	struct sip_builder builder;
	int result;

	if (copy == NULL)
		return 0;
	if (size_bytes != 0)
		memcpy(copy, bytes, size_bytes);
	result = sip_message_parse(copy, size_bytes, false, &message, &error);
	if (result != 0 && !error.is_answerable)
		goto out;
	sip_builder_init(&builder, answer, sizeof(answer));
	sip_build_response_head(&builder, &message, &source, 200, SPAN("fuzz"));
	sip_build_copy(&builder, &message, SIP_HEADER_RECORD_ROUTE);
	(void)sip_message_lists(&message, SIP_HEADER_REQUIRE, "100rel");
	if (sip_builder_finish(&builder, SPAN(""), SPAN("")) > 0 && result == 0 &&
		sip_message_parse(answer, builder.used_bytes, true, &again, &error) != 0)
		abort();
out:
	free(copy);
	return 0;
}
