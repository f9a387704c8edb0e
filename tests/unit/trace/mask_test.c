/* SPDX-License-Identifier: Apache-2.0 */
/* What a trace must never hold, and what it must not lose. */
#include "trace/mask.h"

#include <tandem/compiler.h>

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>

#include <cmocka.h>

#define HEAD "INVITE sip:1@h SIP/2.0\r\nCall-ID: c@h\r\n"
#define INFO "INFO sip:1@h SIP/2.0\r\n"

static const struct {
	const char *name;
	const char *before;
	const char *after;
} rows[] = {
	{"nothing secret", HEAD "Via: x\r\n\r\nv=0\r\n", HEAD "Via: x\r\n\r\nv=0\r\n"},
	{"digest",
		HEAD "Authorization: Digest username=\"u\", response=\"0123\", uri=\"x\"\r\n\r\n",
		HEAD "Authorization: Digest username=\"u\", response=\"****\", uri=\"x\"\r\n\r\n"},
	{"digest, last, blanks, case, no quotes",
		HEAD "proxy-authorization :  dIgEst nc=1,RESPONSE = 0123\r\n\r\n",
		HEAD "proxy-authorization :  dIgEst nc=1,RESPONSE = ****\r\n\r\n"},
	{"digest, quoted comma and quote before it",
		HEAD
		"Authorization: Digest realm=\"a\\\", response=\\\"b\", response=\"01\"\r\n\r\n",
		HEAD
		"Authorization: Digest realm=\"a\\\", response=\\\"b\", response=\"**\"\r\n\r\n"},
	{"digest that never ends", HEAD "Authorization: Digest response=\"0123",
		HEAD "Authorization: Digest response=\"****"},
	{"digest, twice", HEAD "Authorization: Digest response=\"01\",response=\"23\"\r\n\r\n",
		HEAD "Authorization: Digest response=\"**\",response=\"**\"\r\n\r\n"},
	{"another scheme goes whole", HEAD "Authorization: Basic dTpw\r\n\r\n",
		HEAD "Authorization: Basic ****\r\n\r\n"},
	{"no scheme goes whole", HEAD "Authorization: dTpw\r\n\r\n",
		HEAD "Authorization: ****\r\n\r\n"},
	{"folded", HEAD "Authorization: Digest nc=1,\r\n response=\"0\"\r\nVia: x\r\n\r\n",
		HEAD "Authorization: Digest nc=1,\r\n*************\r\nVia: x\r\n\r\n"},
	{"another header's fold stays", HEAD "Subject: a\r\n response=\"0\"\r\n\r\n",
		HEAD "Subject: a\r\n response=\"0\"\r\n\r\n"},
	{"what the server proves", HEAD "Authentication-Info: nc=1, rspauth=\"01\"\r\n\r\n",
		HEAD "Authentication-Info: nc=1, rspauth=\"**\"\r\n\r\n"},
	{"a challenge is no secret",
		HEAD "WWW-Authenticate: Digest nonce=\"n\", response=\"x\"\r\n\r\n",
		HEAD "WWW-Authenticate: Digest nonce=\"n\", response=\"x\"\r\n\r\n"},
	{"SDES", HEAD "\r\na=crypto:1 AES_CM_128_HMAC_SHA1_80 inline:abc|2^20\r\na=sendrecv\r\n",
		HEAD "\r\na=crypto:1 AES_CM_128_HMAC_SHA1_80 inline:********\r\na=sendrecv\r\n"},
	{"SDES of an unknown kind", HEAD "\r\nA=CRYPTO:1 X uri:abc\r\n",
		HEAD "\r\nA=CRYPTO:***********\r\n"},
	{"MIKEY, ICE, clear keys", HEAD "\r\na=key-mgmt:mikey A\r\na=ice-pwd:p\r\nk=clear:x\r\n",
		HEAD "\r\na=key-mgmt:*******\r\na=ice-pwd:*\r\nk=*******\r\n"},
	{"bare line feeds", "INVITE x\nAuthorization: Digest response=1\n\na=ice-pwd:p\n",
		"INVITE x\nAuthorization: Digest response=*\n\na=ice-pwd:*\n"},
	{"password in a URI", HEAD "From: \"A\" <sip:a:pw@h:5060>;tag=1\r\n\r\n",
		HEAD "From: \"A\" <sip:a:**@h:5060>;tag=1\r\n\r\n"},
	{"password in the request line", "REGISTER sips:a:pw@h SIP/2.0\r\n\r\n",
		"REGISTER sips:a:**@h SIP/2.0\r\n\r\n"},
	{"password with '@' and ':'", HEAD "To: sip:a:p@s:w@h\r\n\r\n",
		HEAD "To: sip:a:*@***@h\r\n\r\n"},
	{"only '@' in the user", HEAD "To: <sip:a@b@h>\r\n\r\n", HEAD "To: <sip:a@b@h>\r\n\r\n"},
	{"no password", HEAD "To: <sip:a@h:5060>, <sip:b@h>\r\n\r\n",
		HEAD "To: <sip:a@h:5060>, <sip:b@h>\r\n\r\n"},
	{"a URL in SDP", HEAD "\r\nu=http://a:pw@h/\r\n", HEAD "\r\nu=http://a:**@h/\r\n"},
	{"digits pressed",
		INFO "Content-Type: application/dtmf-relay\r\n\r\nSignal=5\r\nDuration=160\r\n",
		INFO "Content-Type: application/dtmf-relay\r\n\r\n********\r\n************\r\n"},
	{"INFO with who knows what", INFO "\r\n5", INFO "\r\n*"},
	{"INFO that can't hold digits",
		INFO "Content-Type: application/media_control+xml\r\n\r\n<picture_fast_update/>",
		INFO "Content-Type: application/media_control+xml\r\n\r\n<picture_fast_update/>"},
	{"digits by NOTIFY", "NOTIFY x SIP/2.0\r\nc: application/kpml-response+xml\r\n\r\n5",
		"NOTIFY x SIP/2.0\r\nc: application/kpml-response+xml\r\n\r\n*"},
};

static void test_secrets_go_and_the_rest_stays(void **state)
{
	(void)state;
	for (size_t i = 0; i < TD_COUNT_OF(rows); i++) {
		char bytes[512];
		size_t length = strlen(rows[i].before);

		memcpy(bytes, rows[i].before, length + 1);
		(void)trace_mask(bytes, length);
		if (strcmp(bytes, rows[i].after) != 0)
			fail_msg("%s: %s", rows[i].name, bytes);
		(void)trace_mask(bytes, length);
		if (strcmp(bytes, rows[i].after) != 0)
			fail_msg("%s, twice: %s", rows[i].name, bytes);
	}
}

static void test_call_id_is_found(void **state)
{
	static const struct {
		const char *message;
		const char *call_id;
	} messages[] = {
		{"SIP/2.0 200 OK\r\nCall-ID: a:b:c@h\r\nTo: x\r\n\r\n", "a:b:c@h"},
		{"SIP/2.0 200 OK\r\ni:x\r\nCall-ID: y\r\n\r\n", "x"},
		{"SIP/2.0 200 OK\r\nI :  x \t\r\n\r\n", "x"},
		{"SIP/2.0 200 OK\r\nIdentity: x\r\ncall-id : y\r\n\r\n", "y"},
		{"SIP/2.0 200 OK\r\nCall-ID: last line", "last line"},
		{"SIP/2.0 200 OK\r\n\r\nCall-ID: in the body\r\n", ""},
		{"", ""},
		{"\r\n", ""},
	};

	(void)state;
	for (size_t i = 0; i < TD_COUNT_OF(messages); i++) {
		char *bytes = strdup(messages[i].message);
		struct span call_id = trace_mask(bytes, strlen(bytes));

		assert_true(span_equal(call_id, span_from(messages[i].call_id)));
		free(bytes);
	}
}

static void test_hostile_text_costs_no_more_than_its_length(void **state)
{
	static const char *const pieces[] = {
		"@", ":@", "a:b:@", "Authorization:", "response=\"", ","};
	enum {
		BYTES = 65535
	};
	char *bytes = malloc(BYTES);

	(void)state;
	assert_non_null(bytes);
	/* Squares of this length would take minutes: the test's own limit would end it. */
	for (size_t i = 0; i < TD_COUNT_OF(pieces); i++) {
		for (size_t at = 0; at < BYTES; at++)
			bytes[at] = pieces[i][at % strlen(pieces[i])];
		(void)trace_mask(bytes, BYTES);
		memmove(bytes + 15, bytes, BYTES - 15);
		memcpy(bytes, "Authorization: ", 15);
		(void)trace_mask(bytes, BYTES);
	}
	free(bytes);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_secrets_go_and_the_rest_stays),
		cmocka_unit_test(test_call_id_is_found),
		cmocka_unit_test(test_hostile_text_costs_no_more_than_its_length),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
