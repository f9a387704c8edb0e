/* SPDX-License-Identifier: Apache-2.0 */
#include "differential/culprit.h"

#include "differential/mutant.h"
#include "sip/message.h"

#include <stdio.h>
#include <string.h>

enum {
	PLAIN_BYTES = 128
};

static const char empty_line[] = "\r\n\r\n";

/* What stands in for a mandatory header; others are left out. */
static const char *plain_header(enum sip_header_id id)
{
	/* Only those that no message may lack need a stand-in. */
	if (id == SIP_HEADER_VIA)
		return "Via: SIP/2.0/UDP 192.0.2.1;branch=z9hG4bKplain\r\n";
	if (id == SIP_HEADER_FROM)
		return "From: <sip:a@example.com>;tag=1\r\n";
	if (id == SIP_HEADER_TO)
		return "To: <sip:b@example.com>\r\n";
	if (id == SIP_HEADER_CALL_ID)
		return "Call-ID: plain\r\n";
	return "";
}

/* End of the logical line at start, its folds and CRLF included. */
static size_t line_end(const char *bytes, size_t length, size_t start)
{
	size_t end = start;

	while (end + 1 < length) {
		if (bytes[end] != '\r' || bytes[end + 1] != '\n') {
			end++;
			continue;
		}
		end += 2;
		if (end >= length || (bytes[end] != ' ' && bytes[end] != '\t'))
			return end;
	}
	return length;
}

static bool accepts_with(const struct oracle *oracle, const char *bytes, size_t length,
	const char *plain, const size_t cut[2])
{
	char changed[MUTANT_MAX_BYTES + PLAIN_BYTES];
	size_t plain_length = strlen(plain);

	memcpy(changed, bytes, cut[0]);
	memcpy(changed + cut[0], plain, plain_length);
	memcpy(changed + cut[0] + plain_length, bytes + cut[1], length - cut[1]);
	return oracle->accepts(changed, length - (cut[1] - cut[0]) + plain_length);
}

static enum sip_header_id name_of(const char *bytes, size_t start, size_t end)
{
	size_t at = start;

	while (at < end && bytes[at] != ':' && bytes[at] != ' ' && bytes[at] != '\t')
		at++;
	return sip_header_find((struct span){bytes + start, (uint32_t)(at - start)});
}

static bool is_header_to_blame(
	const struct oracle *oracle, const char *bytes, size_t length, const size_t line[2])
{
	enum sip_header_id id = name_of(bytes, line[0], line[1]);

	return accepts_with(oracle, bytes, length, plain_header(id), line) ||
	       accepts_with(oracle, bytes, length, "", line);
}

/* With the method and version that it has, a plain URI, and the reverse. */
static bool is_start_line_to_blame(
	const struct oracle *oracle, const char *bytes, size_t length, size_t end)
{
	const char *space = memchr(bytes, ' ', end);
	const char *last = space;
	const size_t line[2] = {0, end};
	char plain[PLAIN_BYTES];

	for (const char *at = space; at != NULL && at < bytes + end; at++)
		if (*at == ' ')
			last = at;
	if (space != NULL && last > space) {
		const size_t uri[2] = {(size_t)(space + 1 - bytes), (size_t)(last - bytes)};

		if (accepts_with(oracle, bytes, length, "sip:b@example.com", uri))
			return true;
	}
	(void)snprintf(plain, sizeof(plain), "OPTIONS sip:b@example.com SIP/2.0\r\n");
	return accepts_with(oracle, bytes, length, plain, line);
}

static void name_culprit(struct culprit *culprit, const char *name, size_t start, size_t length)
{
	(void)snprintf(culprit->name, sizeof(culprit->name), "%s", name);
	culprit->start = start;
	culprit->length = length;
}

void culprit_find(
	const struct oracle *oracle, const char *bytes, size_t length, struct culprit *ret_culprit)
{
	size_t start_end = line_end(bytes, length, 0);
	const char *body = memmem(bytes, length, empty_line, strlen(empty_line));
	size_t head = body != NULL ? (size_t)(body - bytes) + strlen(empty_line) : length;
	size_t line[2] = {start_end, 0};

	for (; line[0] + strlen("\r\n") < head; line[0] = line[1]) {
		enum sip_header_id id;

		line[1] = line_end(bytes, head, line[0]);
		if (!is_header_to_blame(oracle, bytes, length, line))
			continue;
		id = name_of(bytes, line[0], line[1]);
		name_culprit(ret_culprit, id != SIP_HEADER_OTHER ? sip_header_name(id) : "(other)",
			line[0], line[1] - line[0]);
		return;
	}
	if (is_start_line_to_blame(oracle, bytes, length, start_end))
		name_culprit(ret_culprit, "start line", 0, start_end);
	else if (oracle->accepts(bytes, head))
		name_culprit(ret_culprit, "body", head, length - head);
	else
		name_culprit(ret_culprit, "several", 0, head);
}
