/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The texts of the talk: plain RFC 3261 with IP literals from the documentation ranges.
 */
#include "talk.h"

#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

struct sip_flow talk_flow(const char *remote, uint16_t port, enum sip_transport transport)
{
	struct sip_flow flow;

	memset(&flow, 0, sizeof(flow));
	assert_true(td_ip_parse("192.0.2.1", 9, &flow.local.ip));
	flow.local.port = 5060;
	assert_true(td_ip_parse(remote, strlen(remote), &flow.remote.ip));
	flow.remote.port = port;
	flow.transport = transport;
	flow.connection_id = transport == SIP_TRANSPORT_UDP ? 0 : 9;
	return flow;
}

void talk_parse(struct parsed *parsed)
{
	struct sip_parse_error error;

	if (sip_message_parse(
		    parsed->text, strlen(parsed->text), false, &parsed->message, &error) != 0)
		fail_msg("%s in\n%s", error.reason, parsed->text);
}

void talk_invite(struct parsed *parsed, const char *extra)
{
	(void)snprintf(parsed->text, sizeof(parsed->text),
		"INVITE sip:bob@192.0.2.1 SIP/2.0\r\n"
		"Via: SIP/2.0/UDP 192.0.2.2;branch=z9hG4bK1\r\n"
		"Max-Forwards: 70\r\n"
		"From: \"A; tag=x\" <sip:alice@192.0.2.2>;tag=alice;x=1\r\n"
		"To: Bob <sip:bob@192.0.2.1>\r\n"
		"Call-ID: call-1\r\n"
		"CSeq: 314159 INVITE\r\n"
		"%s"
		"Content-Length: 0\r\n\r\n",
		extra);
	talk_parse(parsed);
}

void talk_inside(struct parsed *parsed, const char *method, unsigned cseq, const char *tags,
	const char *extra)
{
	(void)snprintf(parsed->text, sizeof(parsed->text),
		"%s sip:bob@192.0.2.1 SIP/2.0\r\n"
		"Via: SIP/2.0/UDP 192.0.2.2;branch=z9hG4bK2\r\n"
		"Max-Forwards: 70\r\n"
		"From: <sip:alice@192.0.2.2>;tag=%.*s\r\n"
		"To: Bob <sip:bob@192.0.2.1>;tag=%s\r\n"
		"Call-ID: call-1\r\n"
		"CSeq: %u %s\r\n"
		"%s"
		"Content-Length: 0\r\n\r\n",
		method, (int)strcspn(tags, "/"), tags, strchr(tags, '/') + 1, cseq, method, extra);
	talk_parse(parsed);
}

void talk_response(struct parsed *parsed, unsigned status, const char *to_tag, const char *extra)
{
	(void)snprintf(parsed->text, sizeof(parsed->text),
		"SIP/2.0 %u Test\r\n"
		"Via: SIP/2.0/UDP 192.0.2.1;branch=z9hG4bK3\r\n"
		"From: <sip:tandem@192.0.2.1>;tag=ours\r\n"
		"To: <sip:bob@192.0.2.3>%s%s\r\n"
		"Call-ID: call-2\r\n"
		"CSeq: 1 INVITE\r\n"
		"%s"
		"Content-Length: 0\r\n\r\n",
		status, to_tag[0] ? ";tag=" : "", to_tag, extra);
	talk_parse(parsed);
}

struct heap talk_heap;

int talk_teardown(void **state)
{
	(void)state;
	return talk_heap.in_use_count == 0 ? 0 : -1;
}

void talk_uac(struct dialog *dialog)
{
	struct dialog_identity identity = {
		.heap = &talk_heap,
		.call_id = SPAN("call-2"),
		.local_tag = SPAN("ours"),
		.local_uri = SPAN("<sip:tandem@192.0.2.1>"),
		.remote_uri = SPAN("<sip:bob@192.0.2.3>"),
		.remote_target = SPAN("sip:bob@192.0.2.3"),
		.local_contact = SPAN("<sip:192.0.2.1:5060>"),
	};
	struct sip_flow flow = talk_flow("192.0.2.3", 5060, SIP_TRANSPORT_UDP);

	assert_int_equal(dialog_init_uac(dialog, &identity, 1, &flow), 0);
}

void talk_uas(struct dialog *dialog, const char *extra)
{
	struct parsed request;
	struct sip_flow flow = talk_flow("192.0.2.2", 5060, SIP_TRANSPORT_UDP);

	talk_invite(&request, extra);
	assert_int_equal(dialog_init_uas(dialog, &request.message,
				 &(const struct dialog_half){
					 .heap = &talk_heap,
					 .local_tag = SPAN("ours"),
					 .local_contact = SPAN("<sip:192.0.2.1:5060>"),
				 },
				 &flow),
		0);
}

int talk_answer(struct dialog *dialog, unsigned status, const char *to_tag, const char *extra)
{
	struct parsed parsed;
	struct sip_flow flow = talk_flow("192.0.2.3", 5060, SIP_TRANSPORT_UDP);

	talk_response(&parsed, status, to_tag, extra);
	return dialog_accept_response(dialog, &parsed.message, &flow);
}

const char *talk_built(struct dialog *dialog, enum sip_method method, uint32_t cseq_for_ack)
{
	static char text[TEXT_BYTES];
	struct sip_builder builder;
	int length;

	sip_builder_init(&builder, text, sizeof(text) - 1);
	dialog_build_request(dialog, &builder, method, "z9hG4bKbuilt", cseq_for_ack);
	length = sip_builder_finish(&builder, SPAN(""), SPAN(""));
	assert_true(length > 0);
	text[length] = '\0';
	return text;
}

void talk_check_text(const struct dialog *dialog, struct dialog_text text, const char *expected)
{
	struct span span = dialog_span(dialog, text);

	if (span.length != strlen(expected) || memcmp(span.text, expected, span.length) != 0)
		fail_msg("\"%.*s\" instead of \"%s\"", SPAN_ARGS(span), expected);
}
