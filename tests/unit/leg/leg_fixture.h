/* SPDX-License-Identifier: Apache-2.0 */
/* Parsed messages for the tests of leg/ and call/. */
#ifndef TD_LEG_LEG_FIXTURE_H
#define TD_LEG_LEG_FIXTURE_H

#include "sip/message.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define FIXTURE_HEAD                                                                \
	"Via: SIP/2.0/UDP 10.1.0.1;branch=z9hG4bK1;rport\r\n"                       \
	"From: \"Ada\" <sip:+4930123@10.1.0.1>;tag=a\r\nTo: <sip:100@10.0.0.1>\r\n" \
	"Call-ID: c1\r\n"

/* A message in a buffer of its own. */
struct fixture_message {
	char bytes[4096];
	struct sip_message message;
};

/* Builds "METHOD URI" with extra headers ("Name: value\r\n" each) and body; ends the program if
 * it doesn't parse. */
static inline void fixture_request(
	struct fixture_message *to, const char *method_uri, const char *extra, const char *body)
{
	struct sip_parse_error error;
	int length = snprintf(to->bytes, sizeof(to->bytes),
		"%s SIP/2.0\r\n" FIXTURE_HEAD "CSeq: 1 %.*s\r\n%sContent-Length: %zu\r\n\r\n%s",
		method_uri, (int)strcspn(method_uri, " "), method_uri, extra, strlen(body), body);

	if (sip_message_parse(to->bytes, (size_t)length, false, &to->message, &error) != 0) {
		(void)fprintf(stderr, "fixture: %s\n", error.reason);
		abort();
	}
}

/* The same for a response to an INVITE. */
static inline void fixture_response(struct fixture_message *to, unsigned status, const char *extra)
{
	struct sip_parse_error error;
	int length = snprintf(to->bytes, sizeof(to->bytes),
		"SIP/2.0 %u Because\r\n" FIXTURE_HEAD
		"CSeq: 1 INVITE\r\n%sContent-Length: 0\r\n\r\n",
		status, extra);

	if (sip_message_parse(to->bytes, (size_t)length, false, &to->message, &error) != 0) {
		(void)fprintf(stderr, "fixture: %s\n", error.reason);
		abort();
	}
}

#endif
