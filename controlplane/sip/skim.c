/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The second reading of a message: only what answers, ACK, CANCEL and transaction keys are made
 * of. Everything was judged at the first reading, or is our own text, so nothing is here; what
 * isn't as expected makes the message unreadable, never the reader.
 */
#include "sip/header.h"
#include "sip/message.h"
#include "sip/scan.h"
#include "util/bytes.h"

#include <errno.h>

/* Cuts the next line off; false if there is none before the end. */
static bool line_next(struct span *rest, struct span *ret_line)
{
	const char *end = sip_span_end(*rest);
	const char *at = bytes_find_control(rest->text, end);

	while (at != end && *at != '\r') /* tabs, and what stands quoted */
		at = bytes_find_control(at + 1, end);
	if (end - at < 2 || at[1] != '\n')
		return false;
	*ret_line = sip_span_between(rest->text, at);
	*rest = sip_span_between(at + 2, end);
	return true;
}

static int start_line_skim(struct span line, struct sip_message *message)
{
	const char *end = sip_span_end(line);
	const char *space = memchr(line.text, ' ', line.length);
	const char *second;
	uint64_t status;

	if (space == NULL)
		return -EBADMSG;
	if (line.length > 4 && line.text[3] == '/') { /* "SIP/2.0": no method has a slash */
		if (end - space < 4 ||
			!sip_number_parse(sip_span_between(space + 1, space + 4), 699, &status) ||
			status < 100)
			return -EBADMSG;
		message->status = (uint16_t)status;
		return 0;
	}
	second = memchr(space + 1, ' ', (size_t)(end - space - 1));
	if (second == NULL)
		return -EBADMSG;
	message->method_text = sip_span_between(line.text, space);
	message->method = sip_method_find(message->method_text);
	message->request_uri.text = sip_span_between(space + 1, second);
	return 0;
}

/* What stands behind the URI of a name-addr or addr-spec: its first ";", or NULL. */
static const char *params_skim(struct span value)
{
	const char *at = value.text;
	const char *end = sip_span_end(value);
	const char *semicolon;
	const char *open;

	if (value.length != 0 && *at == '"')
		at = sip_scan_quoted(at, end);
	if (at == NULL || at == end)
		return NULL;
	semicolon = memchr(at, ';', (size_t)(end - at));
	open = memchr(at, '<', (size_t)(end - at));
	if (open == NULL || (semicolon != NULL && semicolon < open))
		return semicolon;
	at = memchr(open, '>', (size_t)(end - open));
	return at == NULL ? NULL : memchr(at, ';', (size_t)(end - at));
}

static struct span tag_skim(struct span value)
{
	const char *params = params_skim(value);
	struct span tag = {.text = NULL, .length = 0};

	if (params != NULL)
		(void)sip_param_find(/* stays empty if it isn't there */
			sip_span_between(params + 1, sip_span_end(value)), "tag", &tag);
	return tag;
}

static int value_skim(struct sip_message *message, enum sip_header_id id, struct span value)
{
	const char *space;
	uint64_t number;

	switch ((int)id) {
	case SIP_HEADER_VIA:
		return message->via_count++ != 0 ? 0 : sip_via_parse(value, &message->via);
	case SIP_HEADER_FROM:
		message->from.text = value;
		return 0;
	case SIP_HEADER_TO:
		message->to.text = value;
		message->to.tag = tag_skim(value);
		return 0;
	case SIP_HEADER_CALL_ID:
		message->call_id = value;
		return 0;
	case SIP_HEADER_CSEQ:
		space = sip_scan_class(value.text, sip_span_end(value), SIP_CHAR_DIGIT);
		if (!sip_number_parse(sip_span_between(value.text, space), INT32_MAX, &number))
			return -EBADMSG;
		space = sip_scan_space(space, sip_span_end(value));
		message->cseq.number = (uint32_t)number;
		message->cseq.method_text = sip_span_between(space, sip_span_end(value));
		message->cseq.method = sip_method_find(message->cseq.method_text);
		return message->cseq.method_text.length != 0 ? 0 : -EBADMSG;
	default:
		return 0;
	}
}

static int header_add(struct sip_message *message, const struct sip_header *header)
{
	if (message->header_count == SIP_HEADERS_MAX)
		return -EBADMSG;
	message->headers[message->header_count++] = *header;
	message->present |= UINT64_C(1) << header->id;
	return value_skim(message, header->id, header->value);
}

static int header_line_skim(struct span line, struct sip_message *message)
{
	const char *end = sip_span_end(line);
	const char *colon = memchr(line.text, ':', line.length);
	struct sip_header header;
	struct span list;
	int error = 0;

	if (colon == NULL)
		return -EBADMSG;
	header.name = sip_span_between(line.text, colon);
	if (colon != line.text && (colon[-1] == ' ' || colon[-1] == '\t'))
		header.name = span_trim(header.name);
	header.value = span_trim(sip_span_between(colon + 1, end));
	header.id = sip_header_find(header.name);
	if (!sip_header_is_split(header.id))
		return header_add(message, &header);
	list = header.value;
	while (error == 0 && sip_list_next(&list, &header.value))
		error = header_add(message, &header);
	return error;
}

int sip_message_skim(struct span bytes, struct sip_message *ret_message)
{
	struct span rest = bytes;
	struct span line;
	int error;

	/* The array is valid as far as header_count says. */
	memset(ret_message, 0, offsetof(struct sip_message, headers));
	ret_message->max_forwards = SIP_MAX_FORWARDS_ABSENT;
	if (!line_next(&rest, &line))
		return -EBADMSG;
	error = start_line_skim(line, ret_message);
	for (;;) {
		if (error != 0 || !line_next(&rest, &line))
			return -EBADMSG;
		if (line.length == 0)
			break;
		error = header_line_skim(line, ret_message);
	}
	if (ret_message->status != 0)
		ret_message->method = ret_message->cseq.method;
	ret_message->bytes = bytes;
	ret_message->body = rest;
	return ret_message->via.text.length != 0 && ret_message->call_id.length != 0 &&
			       ret_message->cseq.method_text.length != 0
		       ? 0
		       : -EBADMSG;
}

struct span sip_message_body(struct span bytes)
{
	struct span rest = bytes;
	struct span line;

	while (line_next(&rest, &line))
		if (line.length == 0)
			return rest;
	return (struct span){.text = NULL, .length = 0};
}

int sip_request_peek(struct span bytes, struct span *ret_method, struct sip_via *ret_via)
{
	static const char via_name[] = "Via: ";
	const uint32_t name_length = sizeof(via_name) - 1;
	struct span rest = bytes;
	struct span line;
	const char *space;

	if (!line_next(&rest, &line))
		return -EBADMSG;
	space = memchr(line.text, ' ', line.length);
	if (space == NULL || space == line.text ||
		sip_scan_class(line.text, space, SIP_CHAR_TOKEN) != space)
		return -EBADMSG; /* a response, for one: "SIP/2.0" has a slash */
	*ret_method = sip_span_between(line.text, space);
	if (!line_next(&rest, &line) || line.length < name_length ||
		memcmp(line.text, via_name, name_length) != 0)
		return -EBADMSG;
	return sip_via_parse(
		sip_span_between(line.text + name_length, sip_span_end(line)), ret_via);
}
