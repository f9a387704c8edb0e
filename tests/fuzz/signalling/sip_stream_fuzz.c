/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Any stream of bytes: what is cut out of it never exceeds it, doesn't change when more bytes
 * arrive, and is consumed whole by the parser if that accepts it.
 */
#include "sip/message.h"

#include <stdlib.h>

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t size_bytes);

static void piece_parse(const char *bytes, size_t size_bytes)
{
	char *copy = malloc(size_bytes + 1);
	struct sip_message message;
	struct sip_parse_error error;

	if (copy == NULL)
		return;
	memcpy(copy, bytes, size_bytes);
	if (sip_message_parse(copy, size_bytes, true, &message, &error) == 0 &&
		message.bytes.length != size_bytes)
		abort();
	free(copy);
}

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t size_bytes)
{
	const char *at = (const char *)bytes;
	size_t rest = size_bytes;

	while (rest != 0) {
		uint32_t skip_bytes;
		uint32_t skip_again_bytes;
		int length = sip_frame_length(at, rest, &skip_bytes);

		if (length <= 0)
			break;
		if (skip_bytes + (size_t)length > rest ||
			sip_frame_length(at, skip_bytes + (size_t)length, &skip_again_bytes) !=
				length)
			abort();
		piece_parse(at + skip_bytes, (size_t)length);
		at += skip_bytes + (size_t)length;
		rest -= skip_bytes + (size_t)length;
	}
	return 0;
}
