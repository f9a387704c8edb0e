/* SPDX-License-Identifier: Apache-2.0 */
#include "transport/upgrade.h"

#include "sip/scan.h"
#include "util/span.h"

#include <openssl/evp.h>
#include <openssl/sha.h>

#include <errno.h>
#include <stdio.h>
#include <string.h>

enum {
	KEY_CHARACTERS = 24, /* 16 bytes in base64 */
	STATUS_SWITCHING = 101,
	STATUS_BAD_REQUEST = 400,
	STATUS_FORBIDDEN = 403,
	STATUS_NOT_FOUND = 404,
	STATUS_NOT_ALLOWED = 405,
	STATUS_UPGRADE_REQUIRED = 426,
	STATUS_TOO_LARGE = 431,
	STATUS_VERSION = 505,
};

/* RFC 6455 1.3 */
static const char KEY_SUFFIX[] = "258EAFA5-E914-47DA-95CA-C5AB0DC85B11";

/* What is picked out of the headers. */
struct request {
	struct span host;
	struct span key;
	struct span version;
	struct span origin;
	bool is_upgrade;    /* Upgrade: websocket */
	bool is_connection; /* Connection: Upgrade */
	bool is_sip;	    /* Sec-WebSocket-Protocol has sip */
	bool has_body;
	bool has_duplicate;
};

/* A line without its CRLF; false at the end of the head. What holds a bare CR, LF or another
 * control character never gets here, see is_clean(). */
static bool next_line(struct span *head, struct span *ret_line)
{
	const char *end = memmem(head->text, head->length, "\r\n", 2);

	if (end == NULL || end == head->text)
		return false;
	*ret_line = sip_span_between(head->text, end);
	*head = sip_span_between(end + 2, sip_span_end(*head));
	return true;
}

static bool is_clean(struct span head)
{
	for (uint32_t i = 0; i < head.length; i++) {
		char c = head.text[i];
		char next = i + 1 < head.length ? head.text[i + 1] : '\0';

		if (c == '\r' && next == '\n') {
			i++;
			continue;
		}
		if ((c < ' ' && c != '\t') || c == 0x7f)
			return false;
	}
	return true;
}

/* Calls for each comma-separated item: true if one of them is word. */
static bool list_has(struct span list, const char *word)
{
	while (list.length != 0) {
		const char *comma = memchr(list.text, ',', list.length);
		const char *end = comma != NULL ? comma : sip_span_end(list);

		if (span_is(span_trim(sip_span_between(list.text, end)), word))
			return true;
		list = comma != NULL ? sip_span_between(comma + 1, sip_span_end(list))
				     : (struct span){0};
	}
	return false;
}

static void take_once(struct request *request, struct span *field, struct span value)
{
	if (field->text != NULL)
		request->has_duplicate = true;
	*field = value;
}

static void take_header(struct request *request, struct span name, struct span value)
{
	if (span_is(name, "Host"))
		take_once(request, &request->host, value);
	else if (span_is(name, "Sec-WebSocket-Key"))
		take_once(request, &request->key, value);
	else if (span_is(name, "Sec-WebSocket-Version"))
		take_once(request, &request->version, value);
	else if (span_is(name, "Origin"))
		take_once(request, &request->origin, value);
	else if (span_is(name, "Upgrade"))
		request->is_upgrade = request->is_upgrade || list_has(value, "websocket");
	else if (span_is(name, "Connection"))
		request->is_connection = request->is_connection || list_has(value, "Upgrade");
	else if (span_is(name, "Sec-WebSocket-Protocol"))
		request->is_sip = request->is_sip || list_has(value, "sip");
	else if (span_is(name, "Transfer-Encoding"))
		request->has_body = true;
	else if (span_is(name, "Content-Length"))
		request->has_body = request->has_body || !span_is(value, "0");
}

/* "Name: value". A line that begins with a space would continue the one before: obsolete. */
static unsigned take_line(struct request *request, struct span line)
{
	const char *colon = memchr(line.text, ':', line.length);
	struct span name;

	if (colon == NULL)
		return STATUS_BAD_REQUEST;
	name = sip_span_between(line.text, colon);
	if (name.length == 0 ||
		sip_scan_class(name.text, colon, SIP_CHAR_TOKEN) != sip_span_end(name))
		return STATUS_BAD_REQUEST;
	take_header(request, name, span_trim(sip_span_between(colon + 1, sip_span_end(line))));
	return 0;
}

/* "GET path HTTP/1.1" */
static unsigned judge_request_line(struct span line, const char *path)
{
	const char *end = sip_span_end(line);
	const char *first = memchr(line.text, ' ', line.length);
	const char *second =
		first != NULL ? memchr(first + 1, ' ', (size_t)(end - first - 1)) : NULL;

	if (second == NULL || memchr(second + 1, ' ', (size_t)(end - second - 1)) != NULL)
		return STATUS_BAD_REQUEST;
	if (!span_equal(sip_span_between(second + 1, end), SPAN("HTTP/1.1")))
		return STATUS_VERSION;
	if (!span_equal(sip_span_between(line.text, first), SPAN("GET")))
		return STATUS_NOT_ALLOWED;
	return span_equal(sip_span_between(first + 1, second), span_from(path)) ? 0
										: STATUS_NOT_FOUND;
}

/* Sixteen bytes in base64, whatever they are. */
static bool is_key(struct span key)
{
	if (key.length != KEY_CHARACTERS || memcmp(key.text + KEY_CHARACTERS - 2, "==", 2) != 0)
		return false;
	for (uint32_t i = 0; i < KEY_CHARACTERS - 2; i++) {
		char c = key.text[i];

		if (!((c >= 'A' && c <= 'Z') || (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') ||
			    c == '+' || c == '/'))
			return false;
	}
	return true;
}

/* A page that isn't ours, in a browser that may reach us, must not place calls. */
static bool may_come(const struct transport_websocket *rules, struct span origin)
{
	if (origin.text == NULL)
		return true; /* no browser */
	for (uint32_t i = 0; i < rules->origin_count; i++)
		if (span_is(origin, rules->origins[i]))
			return true;
	return false;
}

static unsigned judge(const struct request *request, const struct transport_websocket *rules)
{
	if (request->has_duplicate || request->has_body || span_is_empty(request->host))
		return STATUS_BAD_REQUEST;
	if (!request->is_upgrade || !request->is_connection)
		return STATUS_UPGRADE_REQUIRED;
	if (!span_equal(request->version, SPAN("13")))
		return STATUS_UPGRADE_REQUIRED;
	if (!is_key(request->key) || !request->is_sip)
		return STATUS_BAD_REQUEST;
	return may_come(rules, request->origin) ? STATUS_SWITCHING : STATUS_FORBIDDEN;
}

static unsigned parse(
	struct span head, const struct transport_websocket *rules, struct request *request)
{
	struct span line;
	unsigned status;
	uint32_t count = 0;

	if (!is_clean(head) || !next_line(&head, &line))
		return STATUS_BAD_REQUEST;
	status = judge_request_line(line, rules->path);
	if (status != 0)
		return status;
	while (next_line(&head, &line)) {
		if (++count > UPGRADE_HEADERS_MAX)
			return STATUS_TOO_LARGE;
		status = take_line(request, line);
		if (status != 0)
			return status;
	}
	return judge(request, rules);
}

/* RFC 6455 4.2.2: says that the request was read as one for a WebSocket. */
static void write_accept(struct span key, char accept[UPGRADE_ACCEPT_BYTES])
{
	char text[KEY_CHARACTERS + sizeof(KEY_SUFFIX)];
	unsigned char digest[SHA_DIGEST_LENGTH];

	memcpy(text, key.text, KEY_CHARACTERS);
	memcpy(text + KEY_CHARACTERS, KEY_SUFFIX, sizeof(KEY_SUFFIX));
	(void)SHA1((const unsigned char *)text, sizeof(text) - 1, digest);
	(void)EVP_EncodeBlock((unsigned char *)accept, digest, sizeof(digest));
}

int upgrade_parse(const char *bytes, size_t size, const struct transport_websocket *rules,
	struct upgrade *ret_upgrade)
{
	size_t limit = size < UPGRADE_REQUEST_MAX_BYTES ? size : UPGRADE_REQUEST_MAX_BYTES;
	const char *end = limit != 0 ? memmem(bytes, limit, "\r\n\r\n", 4) : NULL;
	struct request request = {0};

	*ret_upgrade = (struct upgrade){0};
	if (end == NULL && limit < UPGRADE_REQUEST_MAX_BYTES)
		return 0;
	if (end == NULL) {
		ret_upgrade->status = STATUS_TOO_LARGE;
		return -EMSGSIZE;
	}
	end += 4;
	ret_upgrade->status = parse(sip_span_between(bytes, end), rules, &request);
	if (ret_upgrade->status == STATUS_SWITCHING)
		write_accept(request.key, ret_upgrade->accept);
	return (int)(end - bytes);
}

size_t upgrade_respond(const struct upgrade *upgrade, char response[UPGRADE_RESPONSE_BYTES])
{
	static const struct {
		unsigned status;
		const char *text;
	} refusals[] = {
		{STATUS_FORBIDDEN, "Forbidden"},
		{STATUS_NOT_FOUND, "Not Found"},
		{STATUS_NOT_ALLOWED, "Method Not Allowed\r\nAllow: GET"},
		{STATUS_UPGRADE_REQUIRED,
			"Upgrade Required\r\nUpgrade: websocket\r\nSec-WebSocket-Version: 13"},
		{STATUS_TOO_LARGE, "Request Header Fields Too Large"},
		{STATUS_VERSION, "HTTP Version Not Supported"},
	};
	const char *text = "Bad Request";
	int length;

	for (size_t i = 0; i < TD_COUNT_OF(refusals); i++)
		if (refusals[i].status == upgrade->status)
			text = refusals[i].text;
	if (upgrade->status == STATUS_SWITCHING)
		length = snprintf(response, UPGRADE_RESPONSE_BYTES,
			"HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\n"
			"Connection: Upgrade\r\nSec-WebSocket-Accept: %s\r\n"
			"Sec-WebSocket-Protocol: sip\r\n\r\n",
			upgrade->accept);
	else
		length = snprintf(response, UPGRADE_RESPONSE_BYTES,
			"HTTP/1.1 %u %s\r\nConnection: close\r\nContent-Length: 0\r\n\r\n",
			upgrade->status, text);
	return (size_t)length;
}
