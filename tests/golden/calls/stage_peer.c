/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What the scripted peers hear and say.
 */
#include "config/config.h"
#include "golden/calls/stage.h"
#include "golden/calls/stage_parts.h"
#include "sip/builder.h"
#include "sip/message.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* One thing to say. */
struct speech {
	struct stage_peer *peer;
	char word[16]; /* method or status */
	char to[16];   /* response: method answered */
	char number[16];
	char direction[16]; /* empty: no session description */
	char frag[16];	    /* status of a sipfrag; empty: none */
	char extra[256];    /* "Header: value | Header: value" */
	bool is_new_fork;   /* another tag */
};

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

void stage_take(struct stage_peer *peer, char *bytes, size_t length)
{
	static const enum sip_header_id shown[] = {SIP_HEADER_REASON, SIP_HEADER_RETRY_AFTER,
		SIP_HEADER_WARNING, SIP_HEADER_UNSUPPORTED, SIP_HEADER_ACCEPT, SIP_HEADER_PRIVACY,
		SIP_HEADER_P_ASSERTED_IDENTITY, SIP_HEADER_EVENT, SIP_HEADER_SUBSCRIPTION_STATE,
		SIP_HEADER_REFER_TO, SIP_HEADER_REFERRED_BY, SIP_HEADER_REFER_SUB,
		SIP_HEADER_EXPIRES, SIP_HEADER_MIN_EXPIRES, SIP_HEADER_ALLOW_EVENTS,
		SIP_HEADER_REQUIRE, SIP_HEADER_SESSION_EXPIRES, SIP_HEADER_MIN_SE};
	struct stage *stage = peer->stage;
	struct sip_message message;
	struct sip_parse_error error;

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
		keep(message.method == SIP_METHOD_INVITE      ? &peer->invite
			: message.method == SIP_METHOD_CANCEL ? &peer->cancel
							      : &peer->other,
			bytes, length);
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
	if (sip_message_find(&message, SIP_HEADER_AUTHORIZATION) != NULL ||
		sip_message_find(&message, SIP_HEADER_PROXY_AUTHORIZATION) != NULL)
		text_append_string(&stage->output, " | with credentials");
	if (sip_message_find(&message, SIP_HEADER_WWW_AUTHENTICATE) != NULL)
		text_append_string(&stage->output, " | with challenge");
	tell_body(stage, &message);
	text_append_char(&stage->output, '\n');
}

static struct span write_body(
	struct stage_peer *peer, const char *direction, char *body, size_t size)
{
	const bool is_video = strcmp(direction, "video") == 0;
	const bool has_both = strcmp(direction, "audio+video") == 0;
	char ip[TD_IP_TEXT_BYTES];
	int length;

	if (direction[0] == '\0')
		return (struct span){0};
	td_ip_format(&peer->address.ip, ip);
	length = snprintf(body, size,
		"v=0\r\no=%c 1 %u IN IP%u %s\r\ns=-\r\nc=IN IP%u %s\r\nt=0 0\r\n"
		"m=%s 4000 RTP/AVP 8 101\r\na=rtpmap:101 telephone-event/8000\r\na=%s\r\n%s",
		peer->name, ++peer->sdp_version, peer->address.ip.family, ip,
		peer->address.ip.family, ip, is_video ? "video" : "audio",
		is_video || has_both ? "sendrecv" : direction,
		has_both ? "m=video 5000 RTP/AVP 96\r\na=rtpmap:96 VP8/90000\r\n" : "");
	return (struct span){body, (uint32_t)length};
}

static void add_extra(struct sip_builder *builder, const char *extra)
{
	const char *colon;

	while ((colon = strchr(extra, ':')) != NULL) {
		const char *end = strstr(colon, " | ");
		size_t length = end != NULL ? (size_t)(end - colon) : strlen(colon);

		sip_build_other_header(builder, (struct span){extra, (uint32_t)(colon - extra)},
			(struct span){colon + 2, (uint32_t)length - 2});
		extra = end != NULL ? end + 3 : colon + length;
	}
}

/* The body, and its type. */
static int finish(struct sip_builder *builder, const struct speech *speech)
{
	char body[1024];

	if (speech->frag[0] == '\0')
		return sip_builder_finish(builder, SPAN("application/sdp"),
			write_body(speech->peer, speech->direction, body, sizeof(body)));
	(void)snprintf(body, sizeof(body), "SIP/2.0 %s -\r\n", speech->frag);
	return sip_builder_finish(builder, SPAN("message/sipfrag"), span_from(body));
}

static void deliver(struct stage_peer *peer, const char *bytes, int length)
{
	bool is_ipv6 = peer->address.ip.family == TD_FAMILY_IPV6; /* our second listener */
	const struct sip_flow flow = {
		.local = peer->address,
		.remote = {.ip = peer->stage->board->config->sip.listeners[is_ipv6].address,
			.port = 5060},
		.transport = SIP_TRANSPORT_UDP,
	};

	if (length <= 0)
		abort();
	sim_net_send(peer->stage->net, peer->node, &flow, bytes, (size_t)length);
}

/* Branch and CSeq of a request: ACK and CANCEL belong to the INVITE. */
static uint32_t number_request(const struct speech *speech, char branch[32])
{
	struct stage_peer *peer = speech->peer;
	bool is_ack = strcmp(speech->word, "ACK") == 0;
	bool belongs = is_ack || strcmp(speech->word, "CANCEL") == 0;

	if (strcmp(speech->word, "CANCEL") == 0 || (is_ack && strcmp(speech->to, "refusal") == 0)) {
		memcpy(branch, peer->invite_branch, sizeof(peer->invite_branch));
		return peer->invite_cseq;
	}
	(void)snprintf(branch, 32, "z9hG4bK-%c-%u", peer->name, ++peer->branch);
	if (belongs)
		return peer->invite_cseq;
	peer->cseq++;
	if (strcmp(speech->word, "INVITE") == 0) {
		peer->invite_cseq = peer->cseq;
		memcpy(peer->invite_branch, branch, sizeof(peer->invite_branch));
	}
	return peer->cseq;
}

static void say_request(const struct speech *speech)
{
	struct stage_peer *peer = speech->peer;
	bool is_first = speech->number[0] != '\0';
	char bytes[STAGE_MESSAGE_BYTES];
	char address[TD_ENDPOINT_TEXT_BYTES];
	char branch[32];
	char text[160];
	struct sip_builder builder;
	uint32_t cseq = number_request(speech, branch);

	td_endpoint_format(&peer->address, address);
	sip_builder_init(&builder, bytes, sizeof(bytes));
	(void)snprintf(text, sizeof(text), is_first ? "sip:%s@10.0.0.1" : "sip:%s10.0.0.1:5060",
		speech->number);
	sip_build_request_line(&builder, span_from(speech->word), span_from(text));
	sip_build_header_format(
		&builder, SIP_HEADER_VIA, "SIP/2.0/UDP %s;branch=%s;rport", address, branch);
	sip_build_header_format(&builder, SIP_HEADER_FROM, "<sip:%c@%s>;tag=%s", peer->name,
		address, peer->local_tag);
	sip_build_header_format(&builder, SIP_HEADER_TO, "<sip:tandem@10.0.0.1>%s%s",
		is_first || peer->board_tag[0] == '\0' || strcmp(speech->word, "CANCEL") == 0
			? ""
			: ";tag=",
		is_first || strcmp(speech->word, "CANCEL") == 0 ? "" : peer->board_tag);
	sip_build_header(&builder, SIP_HEADER_CALL_ID, span_from(peer->call_id));
	sip_build_header_format(&builder, SIP_HEADER_CSEQ, "%u %s", cseq, speech->word);
	if (strncmp(speech->extra, "Max-Forwards", 12) != 0)
		sip_build_header(&builder, SIP_HEADER_MAX_FORWARDS, SPAN("70"));
	sip_build_header_format(&builder, SIP_HEADER_CONTACT, "<sip:%s>", address);
	add_extra(&builder, speech->extra);
	deliver(peer, bytes, finish(&builder, speech));
}

static void say_response(const struct speech *speech)
{
	struct stage_peer *peer = speech->peer;
	bool is_invite = speech->to[0] == '\0' || strcmp(speech->to, "INVITE") == 0;
	struct stage_message request = is_invite			   ? peer->invite
				       : strcmp(speech->to, "CANCEL") == 0 ? peer->cancel
									   : peer->other;
	const unsigned status = (unsigned)atoi(speech->word);
	char bytes[STAGE_MESSAGE_BYTES];
	char address[TD_ENDPOINT_TEXT_BYTES];
	struct sip_message message;
	struct sip_parse_error error;
	struct sip_builder builder;
	struct span tag = speech->is_new_fork ? SPAN("tag-of-fork") : span_from(peer->local_tag);

	if (sip_message_parse(request.bytes, request.length, false, &message, &error) != 0) {
		text_append_string(&peer->stage->output, "  (there is nothing to answer)\n");
		return;
	}
	sip_builder_init(&builder, bytes, sizeof(bytes));
	sip_build_response_head(&builder, &message, NULL, status, status == 100 ? SPAN("") : tag);
	if (is_invite && status > 100)
		sip_build_header_format(&builder, SIP_HEADER_CONTACT, "<sip:%s>",
			td_endpoint_format(&peer->address, address));
	if (status == 401)
		sip_build_header(&builder, SIP_HEADER_WWW_AUTHENTICATE,
			SPAN("Digest realm=\"b\", nonce=\"n1\", algorithm=MD5, qop=\"auth\""));
	add_extra(&builder, speech->extra);
	deliver(peer, bytes, finish(&builder, speech));
}

/* Puts in what only the run knows: "$b" is the tag that peer b was given, "#b" its Call-ID. */
static void fill_in(struct stage *stage, const char *from, char *to, size_t size)
{
	struct text text;

	text_init(&text, to, size);
	for (; *from != '\0'; from++) {
		bool is_mark = (*from == '$' || *from == '#') && from[1] >= 'a' &&
			       from[1] < 'a' + STAGE_PEERS;

		if (!is_mark) {
			text_append_char(&text, *from);
			continue;
		}
		text_append_string(&text, *from == '$' ? stage->peers[from[1] - 'a'].board_tag
						       : stage->peers[from[1] - 'a'].call_id);
		from++;
	}
}

bool stage_send(struct stage *stage, const char *words)
{
	struct speech speech = {.peer = NULL};
	char rest[512];
	char *quote;
	char *word;

	fill_in(stage, words, rest, sizeof(rest));
	quote = strchr(rest, '"');
	if (quote != NULL) { /* the last word: a header */
		*quote++ = '\0';
		quote[strcspn(quote, "\"")] = '\0';
		(void)snprintf(speech.extra, sizeof(speech.extra), "%s", quote);
	}
	word = strtok(rest, " ");
	if (word == NULL || word[0] < 'a' || word[0] >= 'a' + STAGE_PEERS)
		return false;
	speech.peer = &stage->peers[word[0] - 'a'];
	word = strtok(NULL, " ");
	if (word == NULL)
		return false;
	(void)snprintf(speech.word, sizeof(speech.word), "%s", word);
	while ((word = strtok(NULL, " ")) != NULL) {
		if (strcmp(word, "sdp") == 0)
			(void)snprintf(speech.direction, sizeof(speech.direction), "sendrecv");
		else if (strncmp(word, "sdp=", 4) == 0)
			(void)snprintf(speech.direction, sizeof(speech.direction), "%s", word + 4);
		else if (strncmp(word, "frag=", 5) == 0)
			(void)snprintf(speech.frag, sizeof(speech.frag), "%s", word + 5);
		else if (strncmp(word, "number=", 7) == 0)
			(void)snprintf(speech.number, sizeof(speech.number), "%s", word + 7);
		else if (strncmp(word, "to=", 3) == 0)
			(void)snprintf(speech.to, sizeof(speech.to), "%s", word + 3);
		else if (strcmp(word, "fork") == 0)
			speech.is_new_fork = true;
		else
			return false;
	}
	if (speech.word[0] >= '1' && speech.word[0] <= '6')
		say_response(&speech);
	else
		say_request(&speech);
	return true;
}
