/* SPDX-License-Identifier: Apache-2.0 */
#include "phone.h"

#include "sip/digest.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

static char last[4096];

/* Status of what came back, and its nonce. */
static unsigned take_answer(struct phone *phone)
{
	char bytes[sizeof(phone->rig->last)];
	struct sip_message message;
	struct sip_parse_error error;
	struct digest_challenge challenge;

	if (phone->rig->sent == 0)
		return 0;
	memcpy(bytes, phone->rig->last, sizeof(bytes));
	if (sip_message_parse(bytes, strlen(bytes), false, &message, &error) != 0)
		fail_msg("%s\n%s", error.reason, phone->rig->last);
	if (message.status == 401) {
		assert_int_equal(digest_challenge_choose(&message, &challenge), 0);
		phone->is_sha256 = challenge.algorithm == DIGEST_SHA256;
		phone->nonce_count = 0;
		(void)snprintf(
			phone->nonce, sizeof(phone->nonce), "%.*s", SPAN_ARGS(challenge.nonce));
	}
	return message.status;
}

static void authorize(
	struct phone *phone, const char *method, const char *uri, char *header, size_t size)
{
	const struct digest_challenge challenge = {
		.realm = SPAN("t"),
		.nonce = span_from(phone->nonce),
		.algorithm = phone->is_sha256 ? DIGEST_SHA256 : DIGEST_MD5,
		.has_qop = true,
		.has_qop_auth = true,
	};
	struct digest_secret secret;
	char value[1024];

	header[0] = '\0';
	if (phone->nonce[0] == '\0')
		return;
	assert_int_equal(digest_secret_make(span_from(phone->user), SPAN("t"),
				 span_from(phone->password), &secret),
		0);
	assert_true(digest_answer(&challenge, &secret,
			    &(const struct digest_request){
				    .username = span_from(phone->user),
				    .method = span_from(method),
				    .uri = span_from(uri),
				    .cnonce = SPAN("cn"),
				    .nc = ++phone->nonce_count,
			    },
			    value, sizeof(value)) > 0);
	(void)snprintf(header, size, "Authorization: %s\r\n", value);
}

unsigned phone_repeat(struct phone *phone)
{
	struct sip_flow flow = {
		.transport = phone->transport, .connection_id = phone->connection_id};
	char bytes[sizeof(last)];
	const struct switchboard_message message = {
		.bytes = bytes, .length = strlen(last), .flow = &flow};

	memcpy(bytes, last, sizeof(bytes));
	assert_true(td_ip_parse(phone->source, strlen(phone->source), &flow.remote.ip));
	assert_true(td_ip_parse("10.0.0.1", 8, &flow.local.ip));
	flow.remote.port = phone->port;
	flow.local.port = 5060;
	phone->rig->sent = 0;
	switchboard_receive_sip(phone->rig->switchboard, &message, phone->rig->now);
	return take_answer(phone);
}

unsigned phone_send(struct phone *phone, const char *method, const char *uri, const char *headers)
{
	char authorization[1100];

	phone->cseq++;
	authorize(phone, method, uri, authorization, sizeof(authorization));
	(void)snprintf(last, sizeof(last),
		"%s %s SIP/2.0\r\nVia: SIP/2.0/UDP %s;branch=z9hG4bK%s%u;rport\r\n"
		"From: <sip:%s@t>;tag=f\r\nTo: <sip:%s@t>\r\nCall-ID: %s\r\nCSeq: %u %s\r\n%s%s",
		method, uri, phone->source, phone->call_id, phone->cseq, phone->user,
		phone->record != NULL ? phone->record : phone->user, phone->call_id, phone->cseq,
		method, authorization, headers);
	return phone_repeat(phone);
}

unsigned phone_try(struct phone *phone, const char *method, const char *uri, const char *headers)
{
	unsigned status = phone_send(phone, method, uri, headers);

	return status == 401 ? phone_send(phone, method, uri, headers) : status;
}
