/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Digest both ways, against the examples of RFC 7616 3.9.1 and RFC 2617 3.5.
 */
#include "sip/digest.h"

#include "sip/digest_text.h"

#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

static struct digest_secret mufasa(const char *realm, const char *password)
{
	struct digest_secret secret;

	assert_int_equal(
		digest_secret_make(SPAN("Mufasa"), span_from(realm), span_from(password), &secret),
		0);
	return secret;
}

static void test_rfc_examples(void **state)
{
	struct digest_secret secret = mufasa("http-auth@example.org", "Circle of Life");
	struct digest_inputs inputs = {.algorithm = DIGEST_MD5,
		.ha1 = span_from(secret.ha1[DIGEST_MD5]),
		.nonce = SPAN("7ypf/xlj9XXwfDPEoM4URrv/xwf94BcCAzFZH4GiTo0v"),
		.nc_text = SPAN("00000001"),
		.cnonce = SPAN("f2/wE4q74E6zIJEtWaHKaf5wv/H5QzzpXusqGemxURZJ"),
		.method = SPAN("GET"),
		.uri = SPAN("/dir/index.html"),
		.has_qop_auth = true};
	char hex[DIGEST_HEX_BYTES];

	(void)state;
	assert_int_equal(digest_response(&inputs, hex), 0);
	assert_string_equal(hex, "8ca523f5e9506fed4657c9700eebdbec");
	inputs.algorithm = DIGEST_SHA256;
	inputs.ha1 = span_from(secret.ha1[DIGEST_SHA256]);
	assert_int_equal(digest_response(&inputs, hex), 0);
	assert_string_equal(
		hex, "753927fa0e85d155564e2e272a28d1802ca10daf4496794697cf8db5856cb6c1");
}

static void test_challenge_parse(void **state)
{
	struct digest_challenge challenge;

	(void)state;
	assert_int_equal(digest_challenge_parse(SPAN("digest  realm=\"a\\\"b\" ,nonce=n1,"
						     "qop=\"auth-int, auth\", STALE=TRUE,"
						     " algorithm=sha-256, opaque=\"\""),
				 &challenge),
		0);
	assert_true(span_equal(challenge.realm, SPAN("a\\\"b")));
	assert_true(span_equal(challenge.nonce, SPAN("n1")));
	assert_int_equal(challenge.algorithm, DIGEST_SHA256);
	assert_true(challenge.is_stale && challenge.has_qop && challenge.has_qop_auth);
	assert_int_equal(
		digest_challenge_parse(SPAN("Digest realm=\"\", nonce=\"x\""), &challenge), 0);
	assert_int_equal(challenge.algorithm, DIGEST_MD5);
	assert_false(challenge.has_qop);
	assert_int_equal(digest_challenge_parse(SPAN("Basic realm=\"x\""), &challenge), -ENOTSUP);
	assert_int_equal(digest_challenge_parse(SPAN("Digest realm=\"x\""), &challenge), -EBADMSG);
	assert_int_equal(digest_challenge_parse(SPAN("Digest nonce=\"x\""), &challenge), -EBADMSG);
	assert_int_equal(
		digest_challenge_parse(SPAN("Digest realm=\"x, nonce=y"), &challenge), -EBADMSG);
	assert_int_equal(
		digest_challenge_parse(SPAN("Digest realm=\"x\" nonce=y"), &challenge), -EBADMSG);
	assert_int_equal(digest_challenge_parse(SPAN(""), &challenge), -ENOTSUP);
}

static int message_parse(char *text, struct sip_message *message)
{
	struct sip_parse_error error;

	return sip_message_parse(text, strlen(text), false, message, &error);
}

#define HEAD                                                                               \
	"Via: SIP/2.0/UDP h;branch=z9hG4bK1\r\nFrom: <sip:a@b>;tag=1\r\nTo: <sip:c@d>\r\n" \
	"Call-ID: x\r\nCSeq: 1 INVITE\r\n"

static void test_strongest_challenge_is_chosen(void **state)
{
	static struct sip_message message;
	struct digest_challenge challenge;
	char text[] = "SIP/2.0 401 Unauthorized\r\n" HEAD
		      "WWW-Authenticate: Digest realm=\"r\", nonce=\"1\", algorithm=MD5\r\n"
		      "WWW-Authenticate: Digest realm=\"r\", nonce=\"2\", algorithm=SHA-256\r\n"
		      "WWW-Authenticate: Digest realm=\"r\", nonce=\"3\", algorithm=SHA-512-256\r\n"
		      "WWW-Authenticate: Digest realm=\"r\", nonce=\"4\", algorithm=SHA-256,"
		      " qop=\"auth-int\"\r\n"
		      "Proxy-Authenticate: Digest realm=\"r\", nonce=\"5\"\r\n\r\n";
	char none[] = "SIP/2.0 407 Proxy\r\n" HEAD "WWW-Authenticate: Digest realm=\"r\","
		      " nonce=\"1\"\r\nProxy-Authenticate: Basic x\r\n\r\n";

	(void)state;
	assert_int_equal(message_parse(text, &message), 0);
	assert_int_equal(digest_challenge_choose(&message, &challenge), 0);
	assert_true(span_equal(challenge.nonce, SPAN("2")));
	assert_false(challenge.is_proxy);
	assert_int_equal(message_parse(none, &message), 0);
	assert_int_equal(digest_challenge_choose(&message, &challenge), -ENOENT);
}

static void test_answer_without_qop(void **state)
{
	struct digest_secret secret = mufasa("r", "pw");
	struct digest_challenge challenge = {
		.realm = SPAN("r"), .nonce = SPAN("n"), .algorithm = DIGEST_MD5};
	struct digest_request request = {.username = SPAN("Mufasa"),
		.method = SPAN("BYE"),
		.uri = SPAN("sip:a@b"),
		.cnonce = SPAN("c"),
		.nc = 1};
	char value[512];
	char short_value[20];

	(void)state;
	assert_true(digest_answer(&challenge, &secret, &request, value, sizeof(value)) > 0);
	assert_null(strstr(value, "nc="));
	assert_null(strstr(value, "opaque"));
	assert_int_equal(
		digest_answer(&challenge, &secret, &request, short_value, sizeof(short_value)),
		-ENOSPC);
	request.username = SPAN("Mu\"fasa");
	assert_int_equal(
		digest_answer(&challenge, &secret, &request, value, sizeof(value)), -EINVAL);
	request.username = SPAN("Mu\\");
	assert_int_equal(
		digest_answer(&challenge, &secret, &request, value, sizeof(value)), -EINVAL);
	request.username = SPAN("Mu\\\0fasa"); /* found by fuzzing */
	assert_int_equal(
		digest_answer(&challenge, &secret, &request, value, sizeof(value)), -EINVAL);
	challenge.algorithm = DIGEST_UNKNOWN;
	assert_int_equal(
		digest_answer(&challenge, &secret, &request, value, sizeof(value)), -ENOTSUP);
}

/* A whole round: our challenge, our answer, our verdict. */
struct round {
	struct digest_server server;
	struct digest_secret secret;
	struct sip_message request;
	struct digest_credentials credentials;
	char value[1024];
	char text[2048];
};

static uint32_t last_nc;

static bool accept_nc(void *context, struct span nonce, uint32_t nc)
{
	uint32_t *last = context;
	bool is_new = nonce.length != 0 && nc > *last;

	if (is_new)
		*last = nc;
	return is_new;
}

static void round_make(struct round *round, enum digest_algorithm algorithm, uint64_t now_ms)
{
	struct digest_challenge challenge;
	struct digest_request asked = {.username = SPAN("Mufasa"),
		.method = SPAN("INVITE"),
		.uri = SPAN("sip:c@d"),
		.cnonce = SPAN("abc"),
		.nc = 1};
	char nonce[DIGEST_NONCE_BYTES];
	char challenge_text[256];
	struct digest_offer offer = {
		.realm = SPAN("r"), .nonce = nonce, .algorithm = algorithm, .is_stale = true};

	memset(round, 0, sizeof(*round));
	memset(round->server.key, 7, sizeof(round->server.key));
	round->server.nonce_life_ms = 60000;
	round->server.accept_nc = accept_nc;
	round->server.context = &last_nc;
	last_nc = 0;
	round->secret = mufasa("r", "pw");
	assert_int_equal(
		digest_nonce_make(&round->server, SPAN("192.0.2.1"), 99, now_ms, nonce), 0);
	assert_true(digest_challenge_build(&offer, challenge_text, sizeof(challenge_text)) > 0);
	assert_int_equal(digest_challenge_parse(span_from(challenge_text), &challenge), 0);
	assert_true(challenge.is_stale && challenge.has_qop_auth);
	assert_true(digest_answer(&challenge, &round->secret, &asked, round->value,
			    sizeof(round->value)) > 0);
	(void)snprintf(round->text, sizeof(round->text),
		"INVITE sip:c@d SIP/2.0\r\n" HEAD "Authorization: Basic zzz\r\n"
		"Authorization: %s\r\n\r\n",
		round->value);
	assert_int_equal(message_parse(round->text, &round->request), 0);
	assert_int_equal(
		digest_credentials_find(&round->request, SPAN("r"), false, &round->credentials), 0);
}

static enum digest_verdict round_check(struct round *round, const char *peer, uint64_t now_ms)
{
	struct digest_claim claim = {.credentials = &round->credentials,
		.secret = &round->secret,
		.peer = span_from(peer)};

	return digest_check(&round->server, &claim, &round->request, now_ms);
}

static void test_verdicts(void **state)
{
	static struct round round;

	(void)state;
	for (unsigned i = DIGEST_MD5; i < DIGEST_ALGORITHM_COUNT; i++) {
		round_make(&round, (enum digest_algorithm)i, 1000000);
		assert_int_equal(round_check(&round, "192.0.2.1", 1060000), DIGEST_OK);
		assert_int_equal(round_check(&round, "192.0.2.1", 1060000), DIGEST_REPLAYED);
		assert_int_equal(round_check(&round, "192.0.2.1", 1060001), DIGEST_STALE);
		assert_int_equal(round_check(&round, "192.0.2.1", 999999), DIGEST_STALE);
		assert_int_equal(round_check(&round, "192.0.2.2", 1000000), DIGEST_NONCE_FOREIGN);
		round.server.key[0] ^= 1;
		assert_int_equal(round_check(&round, "192.0.2.1", 1000000), DIGEST_NONCE_FOREIGN);
	}
	round_make(&round, DIGEST_SHA256, 0);
	round.secret = mufasa("r", "other");
	assert_int_equal(round_check(&round, "192.0.2.1", 1), DIGEST_WRONG);
	round.secret.ha1[DIGEST_SHA256][0] = '\0';
	assert_int_equal(round_check(&round, "192.0.2.1", 1), DIGEST_UNSUPPORTED);
	round_make(&round, DIGEST_MD5, 0);
	round.request.request_uri.text = SPAN("sip:other@d");
	assert_int_equal(round_check(&round, "192.0.2.1", 1), DIGEST_WRONG);
	round_make(&round, DIGEST_MD5, 0);
	round.request.method_text = SPAN("BYE");
	assert_int_equal(round_check(&round, "192.0.2.1", 1), DIGEST_WRONG);
	assert_string_equal(digest_verdict_name(DIGEST_STALE), "stale");
}

/* Credentials of RFC 2069 count nothing: whether they are a replay is asked all the same. */
static void test_replay_without_qop(void **state)
{
	static struct round round;
	const struct digest_request asked = {
		.username = SPAN("Mufasa"), .method = SPAN("INVITE"), .uri = SPAN("sip:c@d")};
	struct digest_challenge challenge = {.realm = SPAN("r"), .algorithm = DIGEST_MD5};
	char value[1024];

	(void)state;
	round_make(&round, DIGEST_MD5, 0);
	challenge.nonce = round.credentials.nonce;
	assert_true(digest_answer(&challenge, &round.secret, &asked, value, sizeof(value)) > 0);
	assert_int_equal(digest_credentials_parse(span_from(value), &round.credentials), 0);
	assert_false(round.credentials.has_qop_auth);
	assert_int_equal(round_check(&round, "192.0.2.1", 1), DIGEST_REPLAYED);
	round.server.accept_nc = NULL;
	assert_int_equal(round_check(&round, "192.0.2.1", 1), DIGEST_OK);
}

static void test_credentials_parse(void **state)
{
	static struct round round;
	struct digest_credentials credentials;

	(void)state;
	assert_int_equal(digest_credentials_parse(
				 SPAN("Digest username=\"u\",realm=\"r\",nonce=\"n\",uri=\"sip:a\","
				      "response=\"00\",qop=auth,nc=0000000A,cnonce=\"c\""),
				 &credentials),
		0);
	assert_int_equal(credentials.nc, 10);
	assert_int_equal(digest_credentials_parse(
				 SPAN("Digest username=\"u\",realm=\"r\",nonce=\"n\",uri=\"sip:a\","
				      "response=\"00\",qop=auth,nc=A,cnonce=\"c\""),
				 &credentials),
		-EBADMSG);
	assert_int_equal(digest_credentials_parse(
				 SPAN("Digest username=\"u\",realm=\"r\",nonce=\"n\",uri=\"sip:a\","
				      "response=\"00\",qop=auth"),
				 &credentials),
		-EBADMSG);
	assert_int_equal(digest_credentials_parse(
				 SPAN("Digest username=\"u\",realm=\"r\",nonce=\"n\",uri=\"sip:a\","
				      "response=\"00\",qop=auth-int"),
				 &credentials),
		-ENOTSUP);
	assert_int_equal(
		digest_credentials_parse(SPAN("Digest username=\"u\""), &credentials), -EBADMSG);
	round_make(&round, DIGEST_MD5, 0);
	assert_int_equal(
		digest_credentials_find(&round.request, SPAN("r"), true, &credentials), -ENOENT);
	assert_int_equal(
		digest_credentials_find(&round.request, SPAN("x"), false, &credentials), -ENOTSUP);
}

static void test_challenge_build_refuses(void **state)
{
	char buffer[128];
	struct digest_offer offer = {.realm = SPAN("a\"b"), .nonce = "n", .algorithm = DIGEST_MD5};

	(void)state;
	assert_int_equal(digest_challenge_build(&offer, buffer, sizeof(buffer)), -EINVAL);
	offer.realm = SPAN("a");
	assert_int_equal(digest_challenge_build(&offer, buffer, 10), -ENOSPC);
	offer.algorithm = DIGEST_UNKNOWN;
	assert_int_equal(digest_challenge_build(&offer, buffer, sizeof(buffer)), -EINVAL);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_rfc_examples),
		cmocka_unit_test(test_challenge_parse),
		cmocka_unit_test(test_strongest_challenge_is_chosen),
		cmocka_unit_test(test_answer_without_qop),
		cmocka_unit_test(test_verdicts),
		cmocka_unit_test(test_replay_without_qop),
		cmocka_unit_test(test_credentials_parse),
		cmocka_unit_test(test_challenge_build_refuses),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
