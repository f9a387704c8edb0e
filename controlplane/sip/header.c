/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Header by header: the rules of RFC 3261 20 that a message must keep before anything else may
 * look at it. The verdicts are those of RFC 4475 3.1.2 and 3.3.
 */
#include "sip/header.h"

#include "sip/scan.h"

#include <assert.h>
#include <errno.h>

static_assert(SIP_HEADER_COUNT <= 64, "sip_parse.seen has a bit per header");

enum {
	CSEQ_MAX = 0x7fffffff,	/* RFC 3261 8.1.1.5 */
	MAX_FORWARDS_MAX = 255, /* RFC 3261 20.22 */
};

#define BIT(constant) (UINT64_C(1) << SIP_HEADER_##constant)

/* A second one of these makes the message ambiguous (RFC 4475 3.3.8, 3.3.9). */
static const uint64_t single_headers =
	BIT(FROM) | BIT(TO) | BIT(CALL_ID) | BIT(CSEQ) | BIT(MAX_FORWARDS) | BIT(CONTENT_LENGTH) |
	BIT(CONTENT_TYPE) | BIT(CONTENT_DISPOSITION) | BIT(RSEQ) | BIT(RACK) |
	BIT(SESSION_EXPIRES) | BIT(MIN_SE) | BIT(REFER_TO) | BIT(REFERRED_BY) | BIT(REPLACES) |
	BIT(EVENT) | BIT(SUBSCRIPTION_STATE) | BIT(EXPIRES);

/* Needed to build any answer. */
static const uint64_t mandatory_headers = BIT(VIA) | BIT(FROM) | BIT(TO) | BIT(CALL_ID) | BIT(CSEQ);

void sip_parse_fail(struct sip_parse *parse, unsigned status, const char *reason, const char *where)
{
	if (parse->error->reason != NULL)
		return;
	parse->error->status = (uint16_t)status;
	parse->error->reason = reason;
	parse->error->offset = (uint32_t)(where - parse->begin);
}

static void take_name_addr(struct sip_parse *parse, struct span value,
	struct sip_name_addr *name_addr, const char *reason)
{
	/* A scheme that we don't know is the TU's to judge (RFC 4475 3.3.4). */
	if (sip_name_addr_parse(value, name_addr) == -EINVAL)
		sip_parse_fail(parse, 400, reason, value.text);
}

static void take_call_id(struct sip_parse *parse, struct span value)
{
	parse->message->call_id = value;
	if (value.length == 0)
		sip_parse_fail(parse, 400, "Call-ID is empty", value.text);
	for (uint32_t i = 0; i < value.length; i++) {
		if ((uint8_t)value.text[i] <= ' ')
			sip_parse_fail(parse, 400, "Call-ID holds a space", value.text + i);
	}
}

static void take_cseq(struct sip_parse *parse, struct span value)
{
	struct sip_cseq *cseq = &parse->message->cseq;
	const char *end = sip_span_end(value);
	const char *digits_end = sip_scan_class(value.text, end, SIP_CHAR_DIGIT);
	const char *method = sip_scan_space(digits_end, end);
	uint64_t number;

	if (!sip_number_parse(sip_span_between(value.text, digits_end), CSEQ_MAX, &number)) {
		sip_parse_fail(parse, 400, "CSeq isn't a number below 2^31", value.text);
		return;
	}
	if (method == digits_end || sip_scan_class(method, end, SIP_CHAR_TOKEN) != end ||
		method == end) {
		sip_parse_fail(parse, 400, "CSeq has no method", value.text);
		return;
	}
	cseq->number = (uint32_t)number;
	cseq->method_text = sip_span_between(method, end);
	cseq->method = sip_method_find(cseq->method_text);
}

/* Media type only: "application/sdp" of "application/sdp;charset=utf-8". */
static void take_content_type(struct sip_parse *parse, struct span value)
{
	const char *end = sip_span_end(value);
	const char *type_end = sip_scan_class(value.text, end, SIP_CHAR_TOKEN);
	const char *at = sip_scan_space(type_end, end);
	const char *subtype;

	if (type_end == value.text || at == end || *at != '/')
		goto malformed;
	subtype = sip_scan_space(at + 1, end);
	at = sip_scan_class(subtype, end, SIP_CHAR_TOKEN);
	if (at == subtype)
		goto malformed;
	parse->message->content_type = sip_span_between(value.text, at);
	at = sip_scan_space(at, end);
	if (at == end)
		return;
	if (*at == ';' && sip_params_check(sip_span_between(at + 1, end)) == 0)
		return;
malformed:
	sip_parse_fail(parse, 400, "Content-Type is malformed", value.text);
}

static void take_contacts(struct sip_parse *parse, struct span list)
{
	struct sip_message *message = parse->message;
	struct sip_name_addr other;
	struct span value;

	if (list.length == 1 && list.text[0] == '*') {
		if (message->contact_count++ == 0) {
			message->contact.text = list;
			message->contact.uri.text = list;
		}
		return;
	}
	while (sip_list_next(&list, &value)) {
		bool is_first = message->contact_count++ == 0;

		take_name_addr(parse, value, is_first ? &message->contact : &other,
			"Contact is malformed");
	}
}

/* Numbers that must be numbers, with the largest that makes sense. */
static void take_number(struct sip_parse *parse, struct span value, uint64_t max,
	const char *reason, uint32_t *ret_number)
{
	uint64_t number;

	if (!sip_number_parse(value, max, &number)) {
		sip_parse_fail(parse, 400, reason, value.text);
		return;
	}
	*ret_number = (uint32_t)number;
}

static void take_via(struct sip_parse *parse, struct span value)
{
	struct sip_message *message = parse->message;

	if (++message->via_count > SIP_VIAS_MAX) {
		sip_parse_fail(parse, 513, "more Via values than allowed", value.text);
		return;
	}
	if (message->via_count > 1) {
		if (value.length == 0)
			sip_parse_fail(parse, 400, "empty Via value", value.text);
		return;
	}
	parse->is_via_good = sip_via_parse(value, &message->via) == 0;
	if (!parse->is_via_good)
		sip_parse_fail(parse, 400, "topmost Via is malformed", value.text);
}

static void take_route(
	struct sip_parse *parse, struct span value, uint32_t *count, const char *reason)
{
	struct sip_name_addr route;

	if (++*count > SIP_ROUTES_MAX)
		sip_parse_fail(parse, 513, "more Route values than allowed", value.text);
	else if (sip_name_addr_parse(value, &route) == -EINVAL)
		sip_parse_fail(parse, 400, reason, value.text);
}

static void take_value(struct sip_parse *parse, enum sip_header_id id, struct span value)
{
	struct sip_message *message = parse->message;
	uint32_t ignored;

	switch ((int)id) {
	case SIP_HEADER_VIA:
		take_via(parse, value);
		break;
	case SIP_HEADER_FROM:
		take_name_addr(parse, value, &message->from, "From is malformed");
		break;
	case SIP_HEADER_TO:
		take_name_addr(parse, value, &message->to, "To is malformed");
		break;
	case SIP_HEADER_CALL_ID:
		take_call_id(parse, value);
		break;
	case SIP_HEADER_CSEQ:
		take_cseq(parse, value);
		break;
	case SIP_HEADER_CONTACT:
		take_contacts(parse, value);
		break;
	case SIP_HEADER_MAX_FORWARDS:
		take_number(parse, value, MAX_FORWARDS_MAX, "Max-Forwards isn't 0 to 255",
			&message->max_forwards);
		break;
	case SIP_HEADER_CONTENT_LENGTH:
		take_number(parse, value, SIP_MESSAGE_MAX_BYTES,
			"Content-Length isn't a number that we accept", &parse->content_length);
		break;
	case SIP_HEADER_CONTENT_TYPE:
		take_content_type(parse, value);
		break;
	case SIP_HEADER_EXPIRES:
		take_number(parse, value, UINT32_MAX, "Expires isn't a 32-bit number", &ignored);
		break;
	case SIP_HEADER_ROUTE:
		take_route(parse, value, &parse->route_count, "Route is malformed");
		break;
	case SIP_HEADER_RECORD_ROUTE:
		take_route(parse, value, &parse->record_route_count, "Record-Route is malformed");
		break;
	default:
		break;
	}
}

static void header_store(
	struct sip_parse *parse, enum sip_header_id id, struct span name, struct span value)
{
	struct sip_message *message = parse->message;
	struct sip_header *header;

	if (message->header_count == SIP_HEADERS_MAX) {
		sip_parse_fail(parse, 513, "more header fields than allowed", name.text);
		return;
	}
	header = &message->headers[message->header_count++];
	header->name = name;
	header->value = value;
	header->id = id;
	message->present |= UINT64_C(1) << id;
	take_value(parse, id, value);
}

void sip_header_take(struct sip_parse *parse, struct span name, struct span value)
{
	enum sip_header_id id = sip_header_find(name);
	struct span list = value;
	struct span one;

	if (id != SIP_HEADER_OTHER) {
		uint64_t bit = UINT64_C(1) << id;

		if ((parse->seen & single_headers & bit) != 0) {
			sip_parse_fail(
				parse, 400, "a header that must stand once is repeated", name.text);
			return;
		}
		parse->seen |= bit;
	}
	if (!sip_header_is_split(id)) {
		header_store(parse, id, name, value);
		return;
	}
	while (sip_list_next(&list, &one))
		header_store(parse, id, name, one);
}

static void request_check(struct sip_parse *parse)
{
	const struct sip_message *message = parse->message;
	const char *where = message->cseq.method_text.text;

	if (!span_equal(message->cseq.method_text, message->method_text))
		sip_parse_fail(parse, 400, "CSeq method differs from the request's", where);
	if (message->method == SIP_METHOD_INVITE && message->contact_count > 1)
		sip_parse_fail(
			parse, 400, "INVITE has more than one Contact", message->contact.text.text);
}

void sip_headers_finish(struct sip_parse *parse)
{
	struct sip_message *message = parse->message;
	const char *end = parse->end;

	if (!sip_header_was_seen(parse, SIP_HEADER_VIA))
		sip_parse_fail(parse, 400, "Via is missing", end);
	if (!sip_header_was_seen(parse, SIP_HEADER_FROM))
		sip_parse_fail(parse, 400, "From is missing", end);
	if (!sip_header_was_seen(parse, SIP_HEADER_TO))
		sip_parse_fail(parse, 400, "To is missing", end);
	if (!sip_header_was_seen(parse, SIP_HEADER_CALL_ID))
		sip_parse_fail(parse, 400, "Call-ID is missing", end);
	if (!sip_header_was_seen(parse, SIP_HEADER_CSEQ))
		sip_parse_fail(parse, 400, "CSeq is missing", end);
	if (message->status != 0)
		message->method = message->cseq.method;
	else if (parse->error->reason == NULL)
		request_check(parse);
	parse->error->is_answerable = parse->is_via_good && message->status == 0 &&
				      (parse->seen & mandatory_headers) == mandatory_headers;
}
