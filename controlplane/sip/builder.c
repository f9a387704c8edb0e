/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Appends to a bounded buffer; the first error stays. Text from outside is looked through for
 * CR, LF and NUL. What is copied from a parsed message has been judged already: it has no CR or
 * LF, and may hold NUL only where the grammar allows it (behind a backslash, in quotes).
 */
#include "sip/builder.h"

#include "sip/scan.h"
#include "util/bytes.h"
#include "util/format.h"

#include <assert.h>
#include <errno.h>
#include <stdarg.h>

void sip_builder_init(struct sip_builder *builder, char *bytes, size_t size_bytes)
{
	*builder = (struct sip_builder){.bytes = bytes, .size_bytes = size_bytes};
}

static void builder_fail(struct sip_builder *builder, int error)
{
	if (builder->error == 0)
		builder->error = error;
}

static void put(struct sip_builder *builder, struct span text)
{
	if (builder->error != 0)
		return;
	if (text.length > builder->size_bytes - builder->used_bytes) {
		builder_fail(builder, -ENOSPC);
		return;
	}
	if (text.length != 0)
		memcpy(builder->bytes + builder->used_bytes, text.text, text.length);
	builder->used_bytes += text.length;
}

static bool text_is_one_line(const char *text, size_t length)
{
	const char *end = text + length;
	const char *at = length == 0 ? end : bytes_find_control(text, end);

	/* Other control characters are rare, and allowed here. */
	for (; at != end; at = bytes_find_control(at + 1, end))
		if (*at == '\r' || *at == '\n' || *at == '\0')
			return false;
	return true;
}

/* Text from outside: must not end the line it is put into. */
static void put_foreign(struct sip_builder *builder, struct span text)
{
	if (!text_is_one_line(text.text, text.length)) {
		builder_fail(builder, -EINVAL);
		return;
	}
	put(builder, text);
}

/* One word of a start line. */
static void put_word(struct sip_builder *builder, struct span word)
{
	if (word.length == 0 || memchr(word.text, ' ', word.length) != NULL)
		builder_fail(builder, -EINVAL);
	put_foreign(builder, word);
}

void sip_build_request_line(struct sip_builder *builder, struct span method, struct span uri)
{
	put_word(builder, method);
	put(builder, SPAN(" "));
	put_word(builder, uri);
	put(builder, SPAN(" SIP/2.0\r\n"));
}

void sip_build_status_line(struct sip_builder *builder, unsigned status, const char *phrase)
{
	char digits[3] = {(char)('0' + status / 100), (char)('0' + status / 10 % 10),
		(char)('0' + status % 10)};

	assert(status >= 100 && status <= 699 && "not a SIP status");
	put(builder, SPAN("SIP/2.0 "));
	put(builder, (struct span){.text = digits, .length = sizeof(digits)});
	put(builder, SPAN(" "));
	put_foreign(builder, span_from(phrase != NULL ? phrase : sip_status_phrase(status)));
	put(builder, SPAN("\r\n"));
}

void sip_build_other_header(struct sip_builder *builder, struct span name, struct span value)
{
	if (name.length == 0 ||
		sip_scan_class(name.text, sip_span_end(name), SIP_CHAR_TOKEN) != sip_span_end(name))
		builder_fail(builder, -EINVAL);
	put(builder, name);
	put(builder, SPAN(": "));
	put_foreign(builder, value);
	put(builder, SPAN("\r\n"));
}

void sip_build_header(struct sip_builder *builder, enum sip_header_id id, struct span value)
{
	sip_build_other_header(builder, span_from(sip_header_name(id)), value);
}

void sip_build_header_format(
	struct sip_builder *builder, enum sip_header_id id, const char *format, ...)
{
	size_t room;
	size_t from;
	va_list arguments;
	int length;

	put(builder, span_from(sip_header_name(id)));
	put(builder, SPAN(": "));
	if (builder->error != 0)
		return;
	from = builder->used_bytes;
	room = builder->size_bytes - from;
	va_start(arguments, format);
	length = format_arguments(builder->bytes + from, room, format, arguments);
	va_end(arguments);
	if (length < 0 || (size_t)length >= room) {
		builder_fail(builder, length < 0 ? -EINVAL : -ENOSPC);
		return;
	}
	if (!text_is_one_line(builder->bytes + from, (size_t)length)) {
		builder_fail(builder, -EINVAL);
		return;
	}
	builder->used_bytes += (size_t)length;
	put(builder, SPAN("\r\n"));
}

/* A header of a parsed message, under its canonical name. */
static void put_parsed(struct sip_builder *builder, const struct sip_header *header)
{
	put(builder, header->id == SIP_HEADER_OTHER ? header->name
						    : span_from(sip_header_name(header->id)));
	put(builder, SPAN(": "));
	put(builder, header->value);
	put(builder, SPAN("\r\n"));
}

void sip_build_lines(struct sip_builder *builder, struct span lines)
{
	put(builder, lines);
}

void sip_build_copy(
	struct sip_builder *builder, const struct sip_message *message, enum sip_header_id id)
{
	const struct sip_header *header;
	uint32_t from = 0;

	while ((header = sip_message_next(message, id, &from)) != NULL)
		put_parsed(builder, header);
}

/* The topmost Via with what we saw of its sender (RFC 3261 18.2.1, RFC 3581 4); received and
 * rport values that the sender wrote itself are replaced. */
static void put_top_via(
	struct sip_builder *builder, const struct sip_via *via, const struct td_endpoint *source)
{
	char address[TD_IP_TEXT_BYTES];
	char port[8];
	struct span rest = via->params;
	struct sip_param param;
	struct td_ip sent_by;
	const char *head_end =
		via->params.text != NULL ? via->params.text - 1 : sip_span_end(via->text);
	bool is_same = td_ip_parse(via->host.text, via->host.length, &sent_by) &&
		       td_ip_equal(&sent_by, &source->ip);

	put(builder, SPAN("Via: "));
	put(builder, sip_span_between(via->text.text, head_end));
	while (sip_param_next(&rest, &param) > 0) {
		if (span_is(param.name, "received") || span_is(param.name, "rport"))
			continue;
		put(builder, SPAN(";"));
		put(builder, param.text);
	}
	if (via->has_rport || !is_same) {
		put(builder, SPAN(";received="));
		put(builder, span_from(td_ip_format(&source->ip, address)));
	}
	if (via->has_rport) {
		(void)format_text(port, sizeof(port), "%u", source->port);
		put(builder, SPAN(";rport="));
		put(builder, span_from(port));
	}
	put(builder, SPAN("\r\n"));
}

static void put_vias(struct sip_builder *builder, const struct sip_message *request,
	const struct td_endpoint *source)
{
	const struct sip_header *header;
	uint32_t from = 0;
	bool is_first = true;

	while ((header = sip_message_next(request, SIP_HEADER_VIA, &from)) != NULL) {
		if (is_first && source != NULL && request->via.text.length != 0)
			put_top_via(builder, &request->via, source);
		else
			put_parsed(builder, header);
		is_first = false;
	}
}

static void put_to(
	struct sip_builder *builder, const struct sip_message *request, struct span to_tag)
{
	const struct sip_header *header = sip_message_find(request, SIP_HEADER_TO);

	if (header == NULL)
		return;
	put(builder, SPAN("To: "));
	put(builder, header->value);
	if (request->to.tag.length == 0 && to_tag.length != 0) {
		put(builder, SPAN(";tag="));
		put_foreign(builder, to_tag);
	}
	put(builder, SPAN("\r\n"));
}

void sip_build_response_head(struct sip_builder *builder, const struct sip_message *request,
	const struct td_endpoint *source, unsigned status, struct span to_tag)
{
	const struct sip_header *header;
	uint32_t from = 0;

	sip_build_status_line(builder, status, NULL);
	put_vias(builder, request, source);
	sip_build_copy(builder, request, SIP_HEADER_FROM);
	put_to(builder, request, to_tag);
	sip_build_copy(builder, request, SIP_HEADER_CALL_ID);
	sip_build_copy(builder, request, SIP_HEADER_CSEQ);
	if (status != 100)
		return;
	while ((header = sip_message_next(request, SIP_HEADER_OTHER, &from)) != NULL) {
		if (span_is(header->name, "Timestamp"))
			put_parsed(builder, header);
	}
}

int sip_builder_finish(struct sip_builder *builder, struct span content_type, struct span body)
{
	char length[12];

	if (body.length != 0)
		sip_build_header(builder, SIP_HEADER_CONTENT_TYPE, content_type);
	(void)format_text(length, sizeof(length), "%u", body.length);
	sip_build_header(builder, SIP_HEADER_CONTENT_LENGTH, span_from(length));
	put(builder, SPAN("\r\n"));
	put(builder, body);
	if (builder->error == 0 && builder->used_bytes > SIP_MESSAGE_MAX_BYTES)
		builder_fail(builder, -ENOSPC);
	return builder->error != 0 ? builder->error : (int)builder->used_bytes;
}

bool sip_via_rename(char *bytes, size_t length, enum sip_transport to)
{
	static const char begin[] = "\r\nVia: SIP/2.0/";
	char *via = memmem(bytes, length, begin, sizeof(begin) - 1);
	const char *word = sip_transport_name(to);
	size_t at;

	if (via == NULL || (to != SIP_TRANSPORT_UDP && to != SIP_TRANSPORT_TCP))
		return false;
	at = (size_t)(via - bytes) + sizeof(begin) - 1;
	if (length - at < 4 ||
		(memcmp(bytes + at, "UDP ", 4) != 0 && memcmp(bytes + at, "TCP ", 4) != 0))
		return false;
	memcpy(bytes + at, word, 3);
	return true;
}
