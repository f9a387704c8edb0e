/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Any text as the Contact headers of a REGISTER: each value is judged, and equals itself.
 */
#include "sip/contact.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t size_bytes);

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t size_bytes)
{
	static const char head[] =
		"REGISTER sip:r SIP/2.0\r\nVia: SIP/2.0/UDP h;branch=z9hG4bKa\r\nFrom: <sip:u@r>;tag=a"
		"\r\nTo: <sip:u@r>\r\nCall-ID: c\r\nCSeq: 1 REGISTER\r\nContact: ";
	static char text[16384];
	struct sip_contact_cursor cursor = {0};
	struct sip_contact contact;
	struct sip_message message;
	struct sip_parse_error error;
	int result;

	if (size_bytes > 8192)
		return 0;
	memcpy(text, head, sizeof(head) - 1);
	memcpy(text + sizeof(head) - 1, bytes, size_bytes);
	memcpy(text + sizeof(head) - 1 + size_bytes, "\r\n\r\n", 4);
	if (sip_message_parse(text, sizeof(head) + 3 + size_bytes, false, &message, &error) != 0)
		return 0;
	while ((result = sip_contact_next(&message, &cursor, &contact)) > 0) {
		if (contact.is_star)
			continue;
		if (contact.q_permille > SIP_Q_MAX ||
			!sip_uri_equal(&contact.name_addr.uri, &contact.name_addr.uri))
			abort();
	}
	return 0;
}
