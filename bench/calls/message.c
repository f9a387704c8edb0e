/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The texts that the agents send. An INVITE is as long as a carrier's: about 1.2 kB with its
 * session description. Numbers dialled and Call-IDs carry the call's id, by which both sides
 * find their record.
 */
#include "calls/call.h"

#include <string.h>

/* "+4930" and the id: 15 digits, as long as E.164 allows. */
#define NUMBER_PREFIX "+4930"
#define COOKIE "z9hG4bK-tdm-"

enum {
	NUMBER_PREFIX_VALUE = 4930,
};
static const uint64_t id_limit = 10000000000ull; /* CALL_ID_DIGITS */

static void put(struct writer *writer, const char *text)
{
	writer_put(writer, (struct piece){text, strlen(text)});
}

static void put_id(struct writer *writer, const struct call *call)
{
	writer_put_digits(writer, call->id, CALL_ID_DIGITS);
}

static void put_callee_uri(struct writer *writer, const struct call *call, const char *host)
{
	writer_put(writer, PIECE("sip:" NUMBER_PREFIX));
	put_id(writer, call);
	writer_put(writer, PIECE("@"));
	put(writer, host);
}

/* Via to CSeq of a request by the caller. */
static void put_request_head(struct writer *writer, const struct call_config *config,
	const struct call *call, const char *cseq, struct piece to_tag)
{
	const struct call_pair *pair = &config->pairs[call->pair];

	writer_put(writer, PIECE(" SIP/2.0\r\nVia: SIP/2.0/UDP "));
	put(writer, pair->host[CALL_SIDE_CALLER]);
	writer_put(writer, PIECE(";branch=" COOKIE));
	put_id(writer, call);
	/* A branch for each request: the CSeq's first letters tell them apart. ACK to a refusal
	 * and CANCEL share the INVITE's (RFC 3261 17.1.1.3). */
	writer_put(writer, (struct piece){cseq, 1});
	if (cseq[2] == 'A' && call->failure == CALL_FAILURE_NONE)
		writer_put(writer, PIECE("a"));
	writer_put(writer, PIECE(";rport\r\nMax-Forwards: 70\r\nFrom: \"Ada Lovelace\" "
				 "<sip:+493012345678@"));
	put(writer, pair->ip[CALL_SIDE_CALLER]);
	writer_put(writer, PIECE(">;tag=caller-"));
	put_id(writer, call);
	writer_put(writer, PIECE("\r\nTo: <"));
	put_callee_uri(writer, call, config->target_host);
	writer_put(writer, PIECE(">"));
	if (to_tag.length != 0) {
		writer_put(writer, PIECE(";tag="));
		writer_put(writer, to_tag);
	}
	writer_put(writer, PIECE("\r\nCall-ID: "));
	put_id(writer, call);
	writer_put(writer, PIECE("-tandem-bench@"));
	put(writer, pair->ip[CALL_SIDE_CALLER]);
	writer_put(writer, PIECE("\r\nCSeq: "));
	put(writer, cseq);
	writer_put(writer, PIECE("\r\n"));
}

static void put_contact(struct writer *writer, const struct call_config *config,
	const struct call *call, enum call_side side)
{
	writer_put(writer, PIECE("Contact: <"));
	put_callee_uri(writer, call, config->pairs[call->pair].host[side]);
	writer_put(writer, PIECE(">\r\n"));
}

/* Content-Type, Content-Length and the body. */
static void put_sdp(struct writer *writer, const struct call_config *config,
	const struct call *call, enum call_side side)
{
	const char *ip = config->pairs[call->pair].ip[side];
	char bytes[512];
	struct writer body = {.bytes = bytes, .size = sizeof(bytes)};

	writer_put(&body, PIECE("v=0\r\no=bench "));
	writer_put_number(&body, call->id);
	writer_put(&body, PIECE(" 1 IN IP4 "));
	put(&body, ip);
	writer_put(&body, PIECE("\r\ns=call\r\nc=IN IP4 "));
	put(&body, ip);
	writer_put(&body, PIECE("\r\nt=0 0\r\nm=audio "));
	writer_put_number(&body, 20000 + call->id % 20000 * 2);
	writer_put(&body,
		side == CALL_SIDE_CALLER
			? PIECE(" RTP/AVP 8 0 18 101\r\na=rtpmap:8 PCMA/8000\r\n"
				"a=rtpmap:0 PCMU/8000\r\na=rtpmap:18 G729/8000\r\n"
				"a=fmtp:18 annexb=no\r\na=rtpmap:101 telephone-event/8000\r\n"
				"a=fmtp:101 0-15\r\na=ptime:20\r\na=maxptime:40\r\na=sendrecv\r\n")
			: PIECE(" RTP/AVP 8 101\r\na=rtpmap:8 PCMA/8000\r\n"
				"a=rtpmap:101 telephone-event/8000\r\na=fmtp:101 0-15\r\n"
				"a=ptime:20\r\na=sendrecv\r\n"));
	writer->has_overflowed |= body.has_overflowed;
	writer_put(writer, PIECE("Content-Type: application/sdp\r\nContent-Length: "));
	writer_put_number(writer, body.length);
	writer_put(writer, PIECE("\r\n\r\n"));
	writer_put(writer, (struct piece){bytes, body.length});
}

static size_t finish(const struct writer *writer)
{
	return writer->has_overflowed ? 0 : writer->length;
}

size_t message_invite(const struct call_config *config, const struct call *call, char *bytes)
{
	struct writer writer = {.bytes = bytes, .size = CALL_MESSAGE_BYTES};

	writer_put(&writer, PIECE("INVITE "));
	put_callee_uri(&writer, call, config->target_host);
	put_request_head(&writer, config, call, "1 INVITE", PIECE(""));
	put_contact(&writer, config, call, CALL_SIDE_CALLER);
	writer_put(&writer,
		PIECE("User-Agent: tandem-bench\r\n"
		      "Allow: INVITE, ACK, CANCEL, BYE, OPTIONS, UPDATE, INFO, NOTIFY, REFER\r\n"
		      "Supported: replaces, norefersub\r\n"
		      "Accept: application/sdp, multipart/mixed, application/isup\r\n"
		      "Allow-Events: telephone-event\r\n"
		      "P-Asserted-Identity: \"Ada Lovelace\" <sip:+493012345678@carrier.example>\r\n"
		      "P-Charging-Vector: icid-value=7f1c0d2e9a;icid-generated-at=192.0.2.77\r\n"
		      "Session-ID: 2f0c5d6e7a8b9c0d1e2f3a4b5c6d7e8f\r\n"));
	put_sdp(&writer, config, call, CALL_SIDE_CALLER);
	return finish(&writer);
}

static struct piece tag_of(const struct call *call)
{
	return (struct piece){call->tag, strlen(call->tag)};
}

static size_t in_dialog(const struct call_config *config, const struct call *call,
	const char *method, const char *cseq, char *bytes)
{
	struct writer writer = {.bytes = bytes, .size = CALL_MESSAGE_BYTES};

	put(&writer, method);
	writer_put(&writer, PIECE(" "));
	put(&writer, call->target);
	put_request_head(&writer, config, call, cseq, tag_of(call));
	writer_put(&writer, PIECE("User-Agent: tandem-bench\r\nContent-Length: 0\r\n\r\n"));
	return finish(&writer);
}

size_t message_ack(const struct call_config *config, const struct call *call, char *bytes)
{
	return in_dialog(config, call, "ACK", "1 ACK", bytes);
}

size_t message_bye(const struct call_config *config, const struct call *call, char *bytes)
{
	return in_dialog(config, call, "BYE", "2 BYE", bytes);
}

size_t message_ack_refusal(const struct call_config *config, const struct call *call,
	const struct sip_view *response, char *bytes)
{
	struct writer writer = {.bytes = bytes, .size = CALL_MESSAGE_BYTES};

	writer_put(&writer, PIECE("ACK "));
	put_callee_uri(&writer, call, config->target_host);
	put_request_head(&writer, config, call, "1 ACK", response->to_tag);
	writer_put(&writer, PIECE("Content-Length: 0\r\n\r\n"));
	return finish(&writer);
}

static const char *status_line(unsigned status)
{
	switch (status) {
	case 180:
		return "SIP/2.0 180 Ringing\r\n";
	case 200:
		return "SIP/2.0 200 OK\r\n";
	case 487:
		return "SIP/2.0 487 Request Terminated\r\n";
	default:
		return "SIP/2.0 488 Not Acceptable Here\r\n";
	}
}

size_t message_response(const struct call_config *config, const struct call *call,
	const struct sip_view *request, unsigned status, char *bytes)
{
	struct writer writer = {.bytes = bytes, .size = CALL_MESSAGE_BYTES};
	bool is_invite = piece_is(request->method, "INVITE");

	put(&writer, status_line(status));
	writer_put(&writer, request->vias);
	writer_put(&writer, PIECE("From: "));
	writer_put(&writer, request->from);
	writer_put(&writer, PIECE("\r\nTo: "));
	writer_put(&writer, request->to);
	if (request->to_tag.length == 0) {
		writer_put(&writer, PIECE(";tag=callee-"));
		put_id(&writer, call);
	}
	writer_put(&writer, PIECE("\r\nCall-ID: "));
	writer_put(&writer, request->call_id);
	writer_put(&writer, PIECE("\r\nCSeq: "));
	writer_put(&writer, request->cseq);
	writer_put(&writer, PIECE("\r\n"));
	if (is_invite)
		put_contact(&writer, config, call, CALL_SIDE_CALLEE);
	writer_put(&writer, PIECE("Server: tandem-bench\r\n"));
	if (is_invite && status == 200) {
		writer_put(&writer, PIECE("Allow: INVITE, ACK, CANCEL, BYE, OPTIONS, UPDATE\r\n"
					  "Supported: replaces\r\n"));
		put_sdp(&writer, config, call, CALL_SIDE_CALLEE);
	} else {
		writer_put(&writer, PIECE("Content-Length: 0\r\n\r\n"));
	}
	return finish(&writer);
}

bool message_caller_id(const struct sip_view *view, uint32_t *ret_id)
{
	uint64_t number;

	if (!piece_has(view->call_id, "-tandem-bench@") ||
		!piece_number_before(view->call_id, '-', &number) || number > UINT32_MAX)
		return false;
	*ret_id = (uint32_t)number;
	return true;
}

bool message_callee_id(const struct sip_view *view, uint32_t *ret_id)
{
	uint64_t number;

	if (!piece_number_before(view->uri, '@', &number) ||
		number / id_limit != NUMBER_PREFIX_VALUE || number % id_limit > UINT32_MAX)
		return false;
	*ret_id = (uint32_t)(number % id_limit);
	return true;
}
