/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Cuts messages out of a stream (RFC 3261 18.3). Looks at nothing but line ends and
 * Content-Length; what it can't make sense of ends the connection, for there is no way to find
 * the next message.
 */
#include "sip/message.h"
#include "sip/scan.h"

#include <errno.h>

/* The value of Content-Length in the header section [at, end), lines ending in CRLF. -EBADMSG:
 * missing, repeated, or not a number. */
static int content_length_find(const char *at, const char *end)
{
	int found = -EBADMSG;

	while (at < end) {
		const char *line_end = memchr(at, '\n', (size_t)(end - at));
		const char *name_end = sip_scan_class(at, end, SIP_CHAR_TOKEN);
		const char *value = sip_scan_space(name_end, end);
		uint64_t length;

		/* Continuation lines belong to the value. */
		while (line_end != NULL && line_end + 1 < end &&
			(line_end[1] == ' ' || line_end[1] == '\t'))
			line_end = memchr(line_end + 1, '\n', (size_t)(end - line_end - 1));
		if (line_end == NULL)
			line_end = end;
		if (value < end && *value == ':' &&
			sip_header_find(sip_span_between(at, name_end)) ==
				SIP_HEADER_CONTENT_LENGTH) {
			const char *value_end = line_end;

			for (value++; value < value_end && (uint8_t)*value <= ' '; value++)
				;
			while (value_end > value && (uint8_t)value_end[-1] <= ' ')
				value_end--;
			if (found >= 0 || !sip_number_parse(sip_span_between(value, value_end),
						  SIP_MESSAGE_MAX_BYTES, &length))
				return -EBADMSG;
			found = (int)length;
		}
		at = line_end + 1;
	}
	return found;
}

int sip_frame_length(const char *bytes, size_t size_bytes, uint32_t *ret_skip_bytes)
{
	static const char separator[] = {'\r', '\n', '\r', '\n'};
	const char *at = bytes;
	const char *end = bytes + size_bytes;
	const char *headers_end;
	size_t limit;
	size_t length;
	int content_length;

	while (end - at >= 2 && at[0] == '\r' && at[1] == '\n')
		at += 2;
	*ret_skip_bytes = (uint32_t)(at - bytes);
	if (at == end || (end - at == 1 && *at == '\r'))
		return 0;
	limit = (size_t)(end - at);
	if (limit > SIP_MESSAGE_MAX_BYTES)
		limit = SIP_MESSAGE_MAX_BYTES;
	headers_end = memmem(at, limit, separator, sizeof(separator));
	if (headers_end == NULL)
		return limit == SIP_MESSAGE_MAX_BYTES ? -EBADMSG : 0;
	headers_end += sizeof(separator);
	content_length = content_length_find(at, headers_end);
	if (content_length < 0)
		return content_length;
	length = (size_t)(headers_end - at) + (size_t)content_length;
	if (length > SIP_MESSAGE_MAX_BYTES)
		return -EBADMSG;
	return length <= (size_t)(end - at) ? (int)length : 0;
}
