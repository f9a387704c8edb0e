/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What the scripted peers hear, as lines of output.
 */
#include "golden/calls/stage.h"
#include "golden/calls/stage_parts.h"
#include "sip/message.h"
#include "sip/rack.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static void tell_header(
	struct stage *stage, const struct sip_message *message, enum sip_header_id id)
{
	const struct sip_header *header;
	uint32_t from = 0;

	while ((header = sip_message_next(message, id, &from)) != NULL)
		text_appendf(&stage->output, " | %s: %.*s", sip_header_name(id),
			SPAN_ARGS(header->value));
}

/* The lines of a body that isn't a session description. */
static void tell_lines(struct stage *stage, struct span body)
{
	static const char *const random[] = {
		" id=\"", " call-id=\"", " local-tag=\"", " remote-tag=\""};

	text_append_string(&stage->output, " |");
	for (uint32_t i = 0; i < body.length; i++) {
		char c = body.text[i];

		/* What comes from dice would change with every throw that is added elsewhere. */
		for (size_t j = 0; j < TD_COUNT_OF(random); j++) {
			uint32_t length = (uint32_t)strlen(random[j]);

			if (i + length >= body.length ||
				strncmp(body.text + i, random[j], length) != 0)
				continue;
			text_append_string(&stage->output, random[j]);
			text_append_char(&stage->output, '*');
			for (i += length; i < body.length && body.text[i] != '"'; i++)
				;
			c = '"';
			break;
		}

		if (c == '\n')
			text_append_string(&stage->output, " /");
		else if (c != '\r')
			text_append_char(&stage->output, c);
	}
}

static void tell_body(struct stage *stage, const struct sip_message *message)
{
	static const char *const wanted[] = {"c=", "m=", "a=send", "a=recv", "a=inactive"};
	const char *at = message->body.text;
	const char *end = at + message->body.length;

	if (at < end && !span_is(message->content_type, "application/sdp")) {
		tell_lines(stage, message->body);
		return;
	}
	while (at < end) {
		const char *eol = memchr(at, '\r', (size_t)(end - at));
		size_t length = (size_t)((eol != NULL ? eol : end) - at);

		for (size_t i = 0; i < TD_COUNT_OF(wanted); i++)
			if (length > 2 && strncmp(at, wanted[i], strlen(wanted[i])) == 0)
				text_appendf(&stage->output, " %s%.*s", i == 0 ? "| " : "",
					(int)length, at);
		at += length + 2;
	}
}

static void keep(struct stage_message *kept, const char *bytes, size_t length)
{
	if (length > sizeof(kept->bytes))
		abort();
	memcpy(kept->bytes, bytes, length);
	kept->length = (uint32_t)length;
}

/* As a distance from the first one, which is random. */
static void tell_rseq(struct stage_peer *peer, uint32_t rseq)
{
	if (peer->first_rseq == 0)
		peer->first_rseq = rseq;
	peer->rseq = rseq;
	text_appendf(&peer->stage->output, " | RSeq: first + %u", rseq - peer->first_rseq);
}

void stage_take(struct stage_peer *peer, char *bytes, size_t length)
{
	static const enum sip_header_id shown[] = {SIP_HEADER_REASON, SIP_HEADER_RETRY_AFTER,
		SIP_HEADER_WARNING, SIP_HEADER_UNSUPPORTED, SIP_HEADER_ACCEPT, SIP_HEADER_PRIVACY,
		SIP_HEADER_P_ASSERTED_IDENTITY, SIP_HEADER_EVENT, SIP_HEADER_SUBSCRIPTION_STATE,
		SIP_HEADER_REFER_TO, SIP_HEADER_REFERRED_BY, SIP_HEADER_REFER_SUB,
		SIP_HEADER_EXPIRES, SIP_HEADER_MIN_EXPIRES, SIP_HEADER_ALLOW_EVENTS,
		SIP_HEADER_REQUIRE, SIP_HEADER_RACK, SIP_HEADER_SESSION_EXPIRES, SIP_HEADER_MIN_SE};
	struct stage *stage = peer->stage;
	struct sip_message message;
	struct sip_parse_error error;
	uint32_t rseq;

	if (sip_message_parse(bytes, length, false, &message, &error) != 0) {
		text_appendf(
			&stage->output, "  -> send %c MALFORMED %s\n", peer->name, error.reason);
		return;
	}
	if (sip_message_is_request(&message)) {
		text_appendf(&stage->output, "  -> send %c %.*s %.*s (%u)", peer->name,
			SPAN_ARGS(message.method_text), SPAN_ARGS(message.request_uri.text),
			message.cseq.number);
		if (message.method == SIP_METHOD_INVITE)
			text_appendf(&stage->output, " hops %u%s", message.max_forwards,
				span_is(message.from.uri.user, "anonymous") ? " | from anonymous"
									    : "");
		if (message.to.tag.length != 0 && !span_is(message.to.tag, peer->local_tag))
			text_appendf(&stage->output, " to %.*s", SPAN_ARGS(message.to.tag));
		keep(&peer->heard[message.method], bytes, length);
		if (message.method != SIP_METHOD_ACK && message.method != SIP_METHOD_CANCEL) {
			(void)snprintf(peer->board_tag, sizeof(peer->board_tag), "%.*s",
				SPAN_ARGS(message.from.tag));
			(void)snprintf(peer->call_id, sizeof(peer->call_id), "%.*s",
				SPAN_ARGS(message.call_id));
		}
	} else {
		text_appendf(&stage->output, "  -> send %c %u %.*s (%u %.*s)", peer->name,
			message.status, SPAN_ARGS(message.reason_phrase), message.cseq.number,
			SPAN_ARGS(message.cseq.method_text));
		if (message.to.tag.length != 0)
			(void)snprintf(peer->board_tag, sizeof(peer->board_tag), "%.*s",
				SPAN_ARGS(message.to.tag));
	}
	for (size_t i = 0; i < TD_COUNT_OF(shown); i++)
		tell_header(stage, &message, shown[i]);
	if (sip_rseq_read(&message, &rseq) == 0)
		tell_rseq(peer, rseq);
	if (sip_message_find(&message, SIP_HEADER_AUTHORIZATION) != NULL ||
		sip_message_find(&message, SIP_HEADER_PROXY_AUTHORIZATION) != NULL)
		text_append_string(&stage->output, " | with credentials");
	if (sip_message_find(&message, SIP_HEADER_WWW_AUTHENTICATE) != NULL)
		text_append_string(&stage->output, " | with challenge");
	tell_body(stage, &message);
	text_append_char(&stage->output, '\n');
}
