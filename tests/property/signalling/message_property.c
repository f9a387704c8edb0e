/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What the builder writes the parser reads back: random requests and responses, with random
 * folds, spaces and compact names put in between, give the same fields; and any one byte
 * changed never gives more than a refusal.
 */
#include "sip/builder.h"
#include "sip/message.h"

#include <tandem/time.h>

#include <stdio.h>
#include <stdlib.h>

enum {
	MESSAGE_BYTES = 8192,
	RUNS = 4000,
	FLIPS = 20,
	TEXT_BYTES = 64,
};

/* What a message is made of. */
struct facts {
	char user[TEXT_BYTES];
	char tag[TEXT_BYTES];
	char call_id[TEXT_BYTES];
	char branch[TEXT_BYTES];
	char body[TEXT_BYTES];
	uint32_t cseq;
	uint16_t port;
	unsigned status; /* 0: request */
	unsigned via_count;
	unsigned max_forwards;
	enum sip_method method;
};

static uint64_t seed;
static char message_bytes[MESSAGE_BYTES];

static uint64_t random_below(uint64_t limit)
{
	seed ^= seed << 13;
	seed ^= seed >> 7;
	seed ^= seed << 17;
	return seed % limit;
}

static void check(int is_true, const char *what)
{
	if (!is_true) {
		fprintf(stderr, "%s\n%s\n", what, message_bytes);
		abort();
	}
}

static void random_word(char *word, const char *alphabet)
{
	size_t length = 1 + random_below(TEXT_BYTES - 2);
	size_t letters = strlen(alphabet);

	for (size_t i = 0; i < length; i++)
		word[i] = alphabet[random_below(letters)];
	word[length] = '\0';
}

static void facts_make(struct facts *facts)
{
	static const unsigned statuses[] = {0, 0, 0, 100, 183, 200, 302, 486, 503, 699};

	random_word(facts->user, "abcXYZ019-_.!~*'()&=+$,;?/");
	random_word(facts->tag, "abcXYZ019-.!%*_+`'~");
	random_word(facts->call_id, "abcXYZ019-.!%*_+`'~()<>:\\/[]?{}@");
	random_word(facts->branch, "abcXYZ019-.!%*_+`'~");
	random_word(facts->body, "abc\r\n\t xyz=:");
	facts->cseq = (uint32_t)random_below(0x80000000u);
	facts->port = (uint16_t)(1 + random_below(65535));
	facts->status = statuses[random_below(TD_COUNT_OF(statuses))];
	facts->via_count = (unsigned)(1 + random_below(10));
	facts->max_forwards = (unsigned)random_below(256);
	facts->method = (enum sip_method)(1 + random_below(SIP_METHOD_COUNT - 1));
}

static size_t facts_build(const struct facts *facts)
{
	const char *method = sip_method_name(facts->method);
	char uri[2 * TEXT_BYTES];
	struct sip_builder builder;
	int length;

	(void)snprintf(uri, sizeof(uri), "sip:%s@[2001:db8::1]:%u;lr", facts->user, facts->port);
	sip_builder_init(&builder, message_bytes, sizeof(message_bytes) - 1);
	if (facts->status == 0)
		sip_build_request_line(&builder, span_from(method), span_from(uri));
	else
		sip_build_status_line(&builder, facts->status, NULL);
	for (unsigned i = 0; i < facts->via_count; i++)
		sip_build_header_format(&builder, SIP_HEADER_VIA,
			"SIP/2.0/UDP h%u.example.com:%u;rport;branch=z9hG4bK%s", i, facts->port,
			facts->branch);
	sip_build_header_format(
		&builder, SIP_HEADER_FROM, "\"%s\\\"\" <%s>;tag=%s", facts->tag, uri, facts->tag);
	sip_build_header_format(&builder, SIP_HEADER_TO, "<%s>", uri);
	sip_build_header(&builder, SIP_HEADER_CALL_ID, span_from(facts->call_id));
	sip_build_header_format(&builder, SIP_HEADER_CSEQ, "%u %s", facts->cseq, method);
	sip_build_header_format(&builder, SIP_HEADER_MAX_FORWARDS, "%u", facts->max_forwards);
	length = sip_builder_finish(&builder, SPAN("text/plain"), span_from(facts->body));
	check(length > 0, "can't be built");
	message_bytes[length] = '\0';
	return (size_t)length;
}

/* Puts a fold or spaces behind some header names: "Name: value" says the same. */
static size_t folds_add(size_t length)
{
	static const char *const spaces[] = {" ", "", "\t ", "\r\n ", " \r\n\t"};
	static char folded[MESSAGE_BYTES];
	const char *at = message_bytes;
	size_t used = 0;
	bool is_header = false;

	while (at < message_bytes + length && memcmp(at, "\r\n\r\n", 4) != 0) {
		folded[used++] = *at;
		if (is_header && *at == ':') {
			const char *space = spaces[random_below(TD_COUNT_OF(spaces))];

			memcpy(folded + used, space, strlen(space));
			used += strlen(space);
			is_header = false;
		}
		is_header = is_header || *at == '\n';
		at++;
	}
	memcpy(folded + used, at, length - (size_t)(at - message_bytes) + 1);
	used += length - (size_t)(at - message_bytes);
	memcpy(message_bytes, folded, used + 1);
	return used;
}

static void facts_compare(const struct facts *facts, const struct sip_message *message)
{
	check(message->status == facts->status, "status");
	check(message->method == facts->method, "method");
	check(message->cseq.number == facts->cseq, "CSeq");
	check(span_equal(message->call_id, span_from(facts->call_id)), "Call-ID");
	check(span_equal(message->from.tag, span_from(facts->tag)), "From tag");
	check(span_equal(message->from.uri.user, span_from(facts->user)), "From user");
	check(message->from.display.length == strlen(facts->tag) + 2, "From display");
	check(message->to.tag.length == 0, "To tag");
	check(message->to.uri.port == facts->port, "To port");
	check(message->to.uri.host_ip.family == TD_FAMILY_IPV6, "To address");
	check(message->via_count == facts->via_count, "number of Vias");
	check(message->via.port == facts->port && message->via.has_rport, "Via");
	check(message->via.branch.length == strlen(facts->branch) + 7, "branch");
	check(message->via.is_rfc3261, "magic cookie");
	check(message->max_forwards == facts->max_forwards, "Max-Forwards");
	check(span_equal(message->body, span_from(facts->body)), "body");
	if (facts->status == 0)
		check(span_equal(message->request_uri.user, span_from(facts->user)) &&
				message->request_uri.is_loose_router,
			"request URI");
}

static void flips_try(size_t length)
{
	static char original[MESSAGE_BYTES];
	struct sip_message message;
	struct sip_parse_error error;

	memcpy(original, message_bytes, length);
	for (unsigned i = 0; i < FLIPS; i++) {
		memcpy(message_bytes, original, length);
		message_bytes[random_below(length)] = (char)random_below(256);
		if (sip_message_parse(message_bytes, length, false, &message, &error) == 0)
			check(message.bytes.length <= length, "longer than what came in");
	}
}

int main(int argument_count, char **arguments)
{
	struct facts facts;
	struct sip_message message;
	struct sip_parse_error error;

	seed = argument_count > 1 ? strtoull(arguments[1], NULL, 0) : td_wall_ns() | 1;
	printf("seed %llu\n", (unsigned long long)seed);
	(void)fflush(stdout); /* so that the seed is seen even after an abort */
	for (unsigned i = 0; i < RUNS; i++) {
		uint32_t skip_bytes;
		size_t length;

		facts_make(&facts);
		length = folds_add(facts_build(&facts));
		check(sip_frame_length(message_bytes, length, &skip_bytes) == (int)length &&
				skip_bytes == 0,
			"frame");
		if (sip_message_parse(message_bytes, length, true, &message, &error) != 0)
			check(0, error.reason);
		facts_compare(&facts, &message);
		flips_try(length);
	}
	return EXIT_SUCCESS;
}
