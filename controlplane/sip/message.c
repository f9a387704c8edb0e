/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The single pass over a message: start line, header lines (folds joined in place), body. An
 * error in one line is remembered and the pass goes on, so that the sender can be told. Lines
 * are found by looking for control characters eight bytes at a time.
 */
#include "sip/message.h"

#include "sip/header.h"
#include "sip/scan.h"
#include "util/bytes.h"

#include <errno.h>

/* True if the control character at stands behind a backslash inside a quoted string: there any
 * octet but CR and LF is allowed (RFC 3261 25.1 quoted-pair). */
static bool control_is_quoted(const char *from, const char *at)
{
	bool is_quoted = false;

	for (const char *c = from; c < at; c++) {
		if (*c == '"') {
			is_quoted = !is_quoted;
		} else if (*c == '\\' && is_quoted) {
			if (c + 1 == at)
				return true;
			c++;
		}
	}
	return false;
}

/* Finds the end of the line that begins at parse->at, joining continuation lines if may_fold,
 * and moves behind its CRLF. Returns the line; text NULL if the message ends before the line
 * does. */
static struct span line_take(struct sip_parse *parse, bool may_fold)
{
	char *from = parse->at;
	char *at = from;

	for (;;) {
		at = at + (bytes_find_control(at, parse->end) - at);
		if (at == parse->end)
			break;
		if (*at == '\r' && parse->end - at >= 2 && at[1] == '\n') {
			if (may_fold && parse->end - at >= 3 && (at[2] == ' ' || at[2] == '\t') &&
				at != from) {
				at[0] = ' ';
				at[1] = ' ';
				continue;
			}
			parse->at = at + 2;
			return sip_span_between(from, at);
		}
		if (*at == '\r' || *at == '\n')
			sip_parse_fail(parse, 400, "CR or LF outside a line's end", at);
		else if (*at != '\t' && !control_is_quoted(from, at))
			sip_parse_fail(parse, 400, "control character in a line", at);
		at++;
	}
	parse->at = parse->end;
	return (struct span){.text = NULL, .length = 0};
}

static void status_line_parse(struct sip_parse *parse, struct span line, const char *after_version)
{
	const char *end = sip_span_end(line);
	uint64_t status;

	/* Until the code is known the message is a response all the same: never answered. */
	parse->message->status = 1;
	if (end - after_version < 4 || *after_version != ' ' ||
		!sip_number_parse(
			sip_span_between(after_version + 1, after_version + 4), 699, &status) ||
		status < 100 || (end - after_version > 4 && after_version[4] != ' ')) {
		sip_parse_fail(parse, 0, "status code isn't 100 to 699", line.text);
		return;
	}
	parse->message->status = (uint16_t)status;
	if (end - after_version > 5)
		parse->message->reason_phrase = sip_span_between(after_version + 5, end);
}

static void request_uri_parse(struct sip_parse *parse, struct span uri)
{
	if (uri.length > SIP_URI_MAX_BYTES) {
		sip_parse_fail(parse, 414, "request URI is too long", uri.text);
		return;
	}
	if (sip_uri_parse(uri, &parse->message->request_uri) == -EINVAL)
		sip_parse_fail(parse, 400, "request URI is malformed", uri.text);
	else if (parse->message->request_uri.headers.length != 0)
		sip_parse_fail(parse, 400, "request URI has headers", uri.text);
}

/* "METHOD SP URI SP SIP/2.0", with exactly one space at each place (RFC 4475 3.1.2.8). */
static void request_line_parse(struct sip_parse *parse, struct span line)
{
	struct sip_message *message = parse->message;
	const char *end = sip_span_end(line);
	const char *method_end = sip_scan_class(line.text, end, SIP_CHAR_TOKEN);
	const char *uri = method_end + 1;
	const char *uri_end;
	struct span version;

	message->method_text = sip_span_between(line.text, method_end);
	message->method = sip_method_find(message->method_text);
	if (method_end == line.text || method_end == end || *method_end != ' ') {
		sip_parse_fail(parse, 400, "request line has no method", line.text);
		return;
	}
	uri_end = memchr(uri, ' ', (size_t)(end - uri));
	if (uri_end == NULL) {
		sip_parse_fail(parse, 400, "request line has no version", line.text);
		return;
	}
	version = sip_span_between(uri_end + 1, end);
	if (span_is(version, "SIP/2.0")) {
		request_uri_parse(parse, sip_span_between(uri, uri_end));
		return;
	}
	/* Another version of the same protocol, rather than spaces in the wrong place. */
	if (version.length > 4 && strncasecmp(version.text, "SIP/", 4) == 0 &&
		memchr(version.text, ' ', version.length) == NULL)
		sip_parse_fail(parse, 505, "another version of SIP", version.text);
	else
		sip_parse_fail(parse, 400, "request line is malformed", line.text);
}

static void start_line_parse(struct sip_parse *parse)
{
	struct span line = line_take(parse, false);
	struct span version = line;

	if (line.text == NULL) {
		sip_parse_fail(parse, 0, "no complete line", parse->begin);
		return;
	}
	if (line.length < 4 || strncasecmp(line.text, "SIP/", 4) != 0) {
		request_line_parse(parse, line);
		return;
	}
	version.length = version.length < 7 ? version.length : 7;
	if (!span_is(version, "SIP/2.0"))
		sip_parse_fail(parse, 0, "response of another version of SIP", line.text);
	status_line_parse(parse, line, sip_span_end(version));
}

/* One header line; name and value may have spaces around the colon. */
static void header_line_parse(struct sip_parse *parse, struct span line)
{
	const char *end = sip_span_end(line);
	const char *name_end = sip_scan_class(line.text, end, SIP_CHAR_TOKEN);
	const char *colon = sip_scan_space(name_end, end);

	if (name_end == line.text || colon == end || *colon != ':') {
		sip_parse_fail(parse, 400, "header line without a name", line.text);
		return;
	}
	sip_header_take(parse, sip_span_between(line.text, name_end),
		span_trim(sip_span_between(colon + 1, end)));
}

/* Sets the body by Content-Length (RFC 3261 18.3). */
static void body_take(struct sip_parse *parse, bool is_stream)
{
	struct sip_message *message = parse->message;
	size_t rest = (size_t)(parse->end - parse->at);

	if (sip_header_was_seen(parse, SIP_HEADER_CONTENT_LENGTH)) {
		if (parse->content_length > rest) {
			sip_parse_fail(parse, 400, "Content-Length is beyond the message's end",
				parse->at);
			return;
		}
		rest = parse->content_length;
	} else if (is_stream) {
		sip_parse_fail(parse, 400, "Content-Length is missing on a stream", parse->at);
	}
	message->body = sip_span_between(parse->at, parse->at + rest);
	message->bytes = sip_span_between(parse->begin, parse->at + rest);
}

static void message_reset(struct sip_message *message)
{
	/* The array is valid as far as header_count says. */
	memset(message, 0, offsetof(struct sip_message, headers));
	message->max_forwards = SIP_MAX_FORWARDS_ABSENT;
}

int sip_message_parse(char *bytes, size_t size_bytes, bool is_stream,
	struct sip_message *ret_message, struct sip_parse_error *ret_error)
{
	struct sip_parse parse = {.at = bytes,
		.end = bytes + size_bytes,
		.begin = bytes,
		.message = ret_message,
		.error = ret_error};

	memset(ret_error, 0, sizeof(*ret_error));
	message_reset(ret_message);
	if (size_bytes > SIP_MESSAGE_MAX_BYTES) {
		sip_parse_fail(&parse, 0, "message is too long", bytes);
		return -EBADMSG;
	}
	start_line_parse(&parse);
	for (;;) {
		struct span line = line_take(&parse, true);

		if (line.text == NULL) {
			sip_parse_fail(&parse, 400, "no empty line after the headers", parse.end);
			break;
		}
		if (line.length == 0) {
			body_take(&parse, is_stream);
			break;
		}
		header_line_parse(&parse, line);
	}
	sip_headers_finish(&parse);
	if (ret_error->reason == NULL)
		return 0;
	/* Nobody answers a response, or an ACK (RFC 3261 17.1.1.3). */
	if (ret_message->status != 0 || ret_message->method == SIP_METHOD_ACK ||
		!ret_error->is_answerable) {
		ret_error->is_answerable = false;
		ret_error->status = 0;
	}
	return -EBADMSG;
}
