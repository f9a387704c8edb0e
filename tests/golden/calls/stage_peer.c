/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What the scripted peers say.
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
	char tag[32];	    /* another than the peer's own: a fork's; empty: its own */
	char codecs[32];    /* of the session description */
	bool has_ipv6;	    /* its address is an IPv6 one */
	bool has_allow;	    /* says that it takes PRACK and UPDATE */
	unsigned rseq;	    /* response: it is reliable; 0: no */
	bool has_rack;	    /* request: acknowledges the last reliable response */
	int rack_offset;    /* its number, but for this */
};

/* The formats, and their descriptions where one is needed. */
static void write_formats(struct text *text, const char *codecs)
{
	static const char *const names[] = {[0] = "PCMU/8000",
		[8] = "PCMA/8000",
		[9] = "G722/8000",
		[101] = "telephone-event/8000"};
	char list[32];
	char *rest = list;
	char *word;

	(void)snprintf(list, sizeof(list), "%s", codecs);
	for (word = strtok_r(rest, ",", &rest); word != NULL; word = strtok_r(NULL, ",", &rest))
		text_appendf(text, " %s", word);
	text_append_string(text, "\r\n");
	(void)snprintf(list, sizeof(list), "%s", codecs);
	rest = list;
	for (word = strtok_r(rest, ",", &rest); word != NULL; word = strtok_r(NULL, ",", &rest)) {
		unsigned number = (unsigned)atoi(word);

		if (number == 101)
			text_appendf(text, "a=rtpmap:%u %s\r\n", number, names[number]);
	}
}

static struct span write_body(const struct speech *speech, char *body, size_t size)
{
	struct stage_peer *peer = speech->peer;
	const char *direction = speech->direction;
	const bool is_video = strcmp(direction, "video") == 0;
	const bool has_both = strcmp(direction, "audio+video") == 0;
	unsigned family = speech->has_ipv6 ? 6 : peer->address.ip.family;
	char ip[TD_IP_TEXT_BYTES];
	struct text text;

	if (direction[0] == '\0')
		return (struct span){0};
	if (speech->has_ipv6)
		(void)snprintf(ip, sizeof(ip), "2001:db8::%c", peer->name);
	else
		td_ip_format(&peer->address.ip, ip);
	text_init(&text, body, size);
	text_appendf(&text,
		"v=0\r\no=%c 1 %u IN IP%u %s\r\ns=-\r\nc=IN IP%u %s\r\nt=0 0\r\n"
		"m=%s 4000 RTP/AVP",
		peer->name, ++peer->sdp_version, family, ip, family, ip,
		is_video ? "video" : "audio");
	write_formats(&text, speech->codecs[0] != '\0' ? speech->codecs : "8,101");
	text_appendf(&text, "a=%s\r\n%s", is_video || has_both ? "sendrecv" : direction,
		has_both ? "m=video 5000 RTP/AVP 96\r\na=rtpmap:96 VP8/90000\r\n" : "");
	return text_span(&text);
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

/* What PRACK and UPDATE need. */
static void add_extensions(struct sip_builder *builder, const struct speech *speech)
{
	const struct stage_peer *peer = speech->peer;

	if (speech->rseq != 0) {
		sip_build_header(builder, SIP_HEADER_REQUIRE, SPAN("100rel"));
		sip_build_header_format(builder, SIP_HEADER_RSEQ, "%u", speech->rseq);
	}
	if (speech->has_rack)
		sip_build_header_format(builder, SIP_HEADER_RACK, "%u %u INVITE",
			(unsigned)((int)peer->rseq + speech->rack_offset), peer->invite_cseq);
	if (speech->has_allow)
		sip_build_header(
			builder, SIP_HEADER_ALLOW, SPAN("INVITE, ACK, CANCEL, BYE, PRACK, UPDATE"));
}

/* The body, and its type. */
static int finish(struct sip_builder *builder, const struct speech *speech)
{
	char body[1024];

	if (speech->frag[0] == '\0')
		return sip_builder_finish(
			builder, SPAN("application/sdp"), write_body(speech, body, sizeof(body)));
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
		address, speech->tag[0] != '\0' ? speech->tag : peer->local_tag);
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
	add_extensions(&builder, speech);
	add_extra(&builder, speech->extra);
	deliver(peer, bytes, finish(&builder, speech));
}

static void say_response(const struct speech *speech)
{
	struct stage_peer *peer = speech->peer;
	enum sip_method method =
		speech->to[0] != '\0' ? sip_method_find(span_from(speech->to)) : SIP_METHOD_INVITE;
	bool is_invite = method == SIP_METHOD_INVITE;
	struct stage_message request = peer->heard[method];
	const unsigned status = (unsigned)atoi(speech->word);
	char bytes[STAGE_MESSAGE_BYTES];
	char address[TD_ENDPOINT_TEXT_BYTES];
	struct sip_message message;
	struct sip_parse_error error;
	struct sip_builder builder;
	struct span tag = span_from(speech->tag[0] != '\0' ? speech->tag : peer->local_tag);

	if (sip_message_parse(request.bytes, request.length, false, &message, &error) != 0) {
		text_append_string(&peer->stage->output, "  (there is nothing to answer)\n");
		return;
	}
	sip_builder_init(&builder, bytes, sizeof(bytes));
	sip_build_response_head(&builder, &message, NULL, status, status == 100 ? SPAN("") : tag);
	if ((is_invite || method == SIP_METHOD_UPDATE) && status > 100)
		sip_build_header_format(&builder, SIP_HEADER_CONTACT, "<sip:%s>",
			td_endpoint_format(&peer->address, address));
	if (status == 401)
		sip_build_header(&builder, SIP_HEADER_WWW_AUTHENTICATE,
			SPAN("Digest realm=\"b\", nonce=\"n1\", algorithm=MD5, qop=\"auth\""));
	add_extensions(&builder, speech);
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

static bool take_word(struct speech *speech, const char *word)
{
	const char *value = strchr(word, '=');

	value = value != NULL ? value + 1 : "";
	if (strcmp(word, "sdp") == 0)
		(void)snprintf(speech->direction, sizeof(speech->direction), "sendrecv");
	else if (strncmp(word, "sdp=", 4) == 0)
		(void)snprintf(speech->direction, sizeof(speech->direction), "%s", value);
	else if (strncmp(word, "codecs=", 7) == 0)
		(void)snprintf(speech->codecs, sizeof(speech->codecs), "%s", value);
	else if (strncmp(word, "frag=", 5) == 0)
		(void)snprintf(speech->frag, sizeof(speech->frag), "%s", value);
	else if (strncmp(word, "number=", 7) == 0)
		(void)snprintf(speech->number, sizeof(speech->number), "%s", value);
	else if (strncmp(word, "to=", 3) == 0)
		(void)snprintf(speech->to, sizeof(speech->to), "%s", value);
	else if (strcmp(word, "fork") == 0)
		(void)snprintf(speech->tag, sizeof(speech->tag), "tag-of-fork");
	else if (strncmp(word, "fork=", 5) == 0)
		(void)snprintf(speech->tag, sizeof(speech->tag), "tag-of-%s", value);
	else if (strncmp(word, "rel=", 4) == 0)
		speech->rseq = (unsigned)atoi(value);
	else if (strncmp(word, "rack", 4) == 0) {
		speech->has_rack = true;
		speech->rack_offset = atoi(value);
	} else if (strcmp(word, "allow") == 0)
		speech->has_allow = true;
	else if (strcmp(word, "ip6") == 0)
		speech->has_ipv6 = true;
	else
		return false;
	return true;
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
	while ((word = strtok(NULL, " ")) != NULL)
		if (!take_word(&speech, word))
			return false;
	if (speech.word[0] >= '1' && speech.word[0] <= '6')
		say_response(&speech);
	else
		say_request(&speech);
	return true;
}
