/* SPDX-License-Identifier: Apache-2.0 */
/* An INVITE with some headers, and what is written about it. */
#ifndef TD_IDENTITY_IDENTITY_FIXTURE_H
#define TD_IDENTITY_IDENTITY_FIXTURE_H

#include "sip/message.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

struct fixture {
	struct sip_message message;
	char bytes[8192];
};

/* headers: complete lines; from: a From value without tag. */
static inline void fixture_invite(
	struct fixture *fixture, const char *uri, const char *from, const char *headers)
{
	struct sip_parse_error error;
	int length = snprintf(fixture->bytes, sizeof(fixture->bytes),
		"INVITE %s SIP/2.0\r\nVia: SIP/2.0/UDP 10.1.0.1;branch=z9hG4bKx\r\n"
		"From: %s;tag=a\r\nTo: <sip:callee@h>\r\nCall-ID: c\r\nCSeq: 1 INVITE\r\n"
		"Contact: <sip:10.1.0.1>\r\n%s\r\n",
		uri, from, headers);

	assert_int_equal(
		sip_message_parse(fixture->bytes, (size_t)length, false, &fixture->message, &error),
		0);
}

#endif
