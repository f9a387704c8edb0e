/* SPDX-License-Identifier: Apache-2.0 */
/* One line of SIP/2.0 is all that a notification of a REFER must hold. */
#include "subscription/sipfrag.h"

#include "sip/message.h"
#include "sip/scan.h"
#include "util/format.h"

#include <errno.h>

enum {
	STATUS_DIGITS = 3,
};

int sipfrag_parse(struct span body, struct sipfrag *ret_frag)
{
	const struct span version = SPAN("SIP/2.0 ");
	const char *end = sip_span_end(body);
	const char *at = body.text;
	const char *eol;
	uint64_t status;

	if (body.length < version.length + STATUS_DIGITS ||
		!span_equal_nocase((struct span){at, version.length}, version))
		return -EBADMSG;
	at += version.length;
	if (!sip_number_parse((struct span){at, STATUS_DIGITS}, 699, &status) || status < 100)
		return -EBADMSG;
	at += STATUS_DIGITS;
	eol = memchr(at, '\n', (size_t)(end - at));
	if (eol != NULL)
		end = eol != at && eol[-1] == '\r' ? eol - 1 : eol;
	/* The space before the phrase is mandatory, but peers that have none to say leave it out. */
	if (at != end && *at != ' ')
		return -EBADMSG;
	if (at != end && memchr(at, '\0', (size_t)(end - at)) != NULL)
		return -EBADMSG;
	ret_frag->status = (uint16_t)status;
	ret_frag->phrase = span_trim(sip_span_between(at, end));
	return 0;
}

int sipfrag_build(char *buffer, size_t size_bytes, unsigned status, const char *warning)
{
	int length = format_text(buffer, size_bytes, "SIP/2.0 %u %s\r\n%s%s%s", status,
		sip_status_phrase(status), warning != NULL ? "Warning: 399 tandem \"" : "",
		warning != NULL ? warning : "", warning != NULL ? "\"\r\n" : "");

	return length > 0 && (size_t)length < size_bytes ? length : -ENOSPC;
}
