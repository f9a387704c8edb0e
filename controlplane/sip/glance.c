/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A look at a request that costs a tenth of reading it: what a refusal has to say back, and whose
 * dialog it is. It judges nothing: whatever isn't plain is left to the parser.
 */
#include "sip/message.h"
#include "sip/scan.h"
#include "util/bytes.h"

#include <errno.h>

enum {
	GLANCE_HEADERS_MAX = 16, /* of those wanted; more aren't plain */
	GLANCE_CSEQ_MAX = 0x7fffffff,
};

#define BIT(constant) (UINT64_C(1) << SIP_HEADER_##constant)

static const uint64_t wanted_headers = BIT(VIA) | BIT(FROM) | BIT(TO) | BIT(CALL_ID) | BIT(CSEQ) |
				       BIT(USER_AGENT) | BIT(RESOURCE_PRIORITY);
static const uint64_t mandatory_headers = BIT(VIA) | BIT(FROM) | BIT(TO) | BIT(CALL_ID) | BIT(CSEQ);
static const uint64_t single_headers = BIT(FROM) | BIT(TO) | BIT(CALL_ID) | BIT(CSEQ);

struct glance {
	const char *at;
	const char *end;
	struct sip_message *message;
	uint64_t seen;
};

/* The next line without its CRLF; false if there is none that ends so, or it holds another control
 * character: it might be repeated in an answer. */
static bool line_next(struct glance *glance, struct span *ret_line)
{
	const char *at = bytes_find_control(glance->at, glance->end);

	if (glance->end - at < 2 || at[0] != '\r' || at[1] != '\n')
		return false;
	*ret_line = sip_span_between(glance->at, at);
	glance->at = at + 2;
	return true;
}

/* "METHOD SP URI SP SIP/2.0" */
static bool start_line_take(struct glance *glance)
{
	static const struct span version = {.text = " SIP/2.0", .length = 8};
	struct sip_message *message = glance->message;
	struct span line;
	const char *end;
	const char *space;

	if (!line_next(glance, &line) || line.length <= version.length)
		return false;
	end = sip_span_end(line) - version.length;
	space = memchr(line.text, ' ', line.length);
	if (memcmp(end, version.text, version.length) != 0 || space == line.text || space >= end)
		return false;
	message->method_text = sip_span_between(line.text, space);
	message->method = sip_method_find(message->method_text);
	message->request_uri.text = sip_span_between(space + 1, end);
	return message->method != SIP_METHOD_OTHER;
}

/* The tag of a From or To value. False if the value isn't plain. */
static bool tag_take(struct span value, struct sip_name_addr *name_addr)
{
	const char *end = sip_span_end(value);
	const char *at = value.text;
	struct span rest;
	struct sip_param param;
	int more;

	name_addr->text = value;
	if (value.length == 0)
		return false;
	if (*at == '"')
		at = sip_scan_quoted(at, end);
	if (at != NULL && memchr(at, '<', (size_t)(end - at)) != NULL)
		at = memchr(at, '>', (size_t)(end - at));
	if (at == NULL)
		return false;
	at = memchr(at, ';', (size_t)(end - at));
	if (at == NULL)
		return true;
	rest = sip_span_between(at + 1, end);
	while ((more = sip_param_next(&rest, &param)) > 0) {
		if (param.name.length != 3 || !span_is(param.name, "tag"))
			continue;
		if (!param.has_value || name_addr->tag.length != 0)
			return false;
		name_addr->tag = param.value;
	}
	return more == 0;
}

static bool cseq_take(struct sip_message *message, struct span value)
{
	const char *end = sip_span_end(value);
	const char *digits_end = sip_scan_class(value.text, end, SIP_CHAR_DIGIT);
	uint64_t number;

	if (!sip_number_parse(sip_span_between(value.text, digits_end), GLANCE_CSEQ_MAX, &number) ||
		digits_end == end || *digits_end != ' ')
		return false;
	message->cseq.number = (uint32_t)number;
	message->cseq.method_text = span_trim(sip_span_between(digits_end, end));
	message->cseq.method = message->method;
	return span_equal(message->cseq.method_text, message->method_text);
}

/* Files a header line as one value: of Via, a list in one line stays together. */
static bool header_file(
	struct glance *glance, enum sip_header_id id, struct span name, struct span value)
{
	struct sip_message *message = glance->message;
	struct sip_header *header = &message->headers[message->header_count];

	if (message->header_count == GLANCE_HEADERS_MAX)
		return false;
	message->header_count++;
	message->present |= UINT64_C(1) << id;
	header->name = name;
	header->value = value;
	header->id = id;
	return true;
}

static bool header_take(
	struct glance *glance, enum sip_header_id id, struct span name, struct span value)
{
	struct sip_message *message = glance->message;

	if ((glance->seen & single_headers & UINT64_C(1) << id) != 0 ||
		!header_file(glance, id, name, value))
		return false;
	switch ((int)id) {
	case SIP_HEADER_VIA:
		/* A list would have to be split before the first value can be marked. */
		if (message->via_count++ != 0)
			return true;
		return memchr(value.text, ',', value.length) == NULL &&
		       sip_via_parse(value, &message->via) == 0;
	case SIP_HEADER_FROM:
		return tag_take(value, &message->from);
	case SIP_HEADER_TO:
		return tag_take(value, &message->to);
	case SIP_HEADER_CALL_ID:
		message->call_id = value;
		return value.length != 0 && memchr(value.text, ' ', value.length) == NULL;
	case SIP_HEADER_CSEQ:
		return cseq_take(message, value);
	default:
		return true;
	}
}

#define LETTER(letter) (UINT32_C(1) << ((letter) - 'a'))

/* True if no header of interest begins so: most lines end here. */
static bool letter_is_dull(char letter)
{
	static const uint32_t letters = LETTER('v') | LETTER('f') | LETTER('t') | LETTER('i') |
					LETTER('c') | LETTER('u') | LETTER('r');
	unsigned at = (unsigned)((uint8_t)letter | 0x20) - 'a';

	return at > 'z' - 'a' || (letters >> at & 1) == 0;
}

static bool line_take(struct glance *glance, struct span line)
{
	const char *end = sip_span_end(line);
	const char *name_end;
	const char *colon;
	enum sip_header_id id;

	if (line.text[0] == ' ' || line.text[0] == '\t')
		return false; /* folded */
	if (letter_is_dull(line.text[0]))
		return true;
	name_end = sip_scan_class(line.text, end, SIP_CHAR_TOKEN);
	colon = sip_scan_space(name_end, end);
	if (name_end == line.text || colon == end || *colon != ':')
		return false;
	id = sip_header_find(sip_span_between(line.text, name_end));
	if ((wanted_headers >> id & 1) == 0)
		return true;
	if (!header_take(glance, id, sip_span_between(line.text, name_end),
		    span_trim(sip_span_between(colon + 1, end))))
		return false;
	glance->seen |= UINT64_C(1) << id;
	return true;
}

/* True if a header line is To, in either form. */
static bool line_is_to(struct span line)
{
	const char *end = sip_span_end(line);
	const char *at;

	if (line.length < 3 || (line.text[0] | 0x20) != 't')
		return false;
	at = sip_scan_space(line.text + ((line.text[1] | 0x20) == 'o' ? 2 : 1), end);
	return at != end && *at == ':';
}

/* "tag=" in any case, where a parameter's name may stand. */
static bool line_has_tag(struct span line)
{
	for (uint32_t i = 1; i + 4 <= line.length; i++)
		if (line.text[i + 3] == '=' && strncasecmp(line.text + i, "tag", 3) == 0 &&
			(line.text[i - 1] == ';' || line.text[i - 1] == ' '))
			return true;
	return false;
}

bool sip_message_is_initial(const char *bytes, size_t size_bytes)
{
	struct glance glance = {.at = bytes, .end = bytes + size_bytes};
	struct span line;

	if (!line_next(&glance, &line) || line.length < 4 || memcmp(line.text, "SIP/", 4) == 0 ||
		memcmp(line.text, "ACK ", 4) == 0 || memcmp(line.text, "BYE ", 4) == 0)
		return false;
	while (line_next(&glance, &line) && line.length != 0)
		if (line_is_to(line))
			return !line_has_tag(line);
	return false;
}

int sip_message_glance(const char *bytes, size_t size_bytes, struct sip_message *ret_message)
{
	struct glance glance = {.at = bytes, .end = bytes + size_bytes, .message = ret_message};
	struct span line;

	memset(ret_message, 0, offsetof(struct sip_message, headers));
	ret_message->max_forwards = SIP_MAX_FORWARDS_ABSENT;
	ret_message->bytes = (struct span){.text = bytes, .length = (uint32_t)size_bytes};
	if (size_bytes > SIP_MESSAGE_MAX_BYTES || !start_line_take(&glance))
		return -EBADMSG;
	for (;;) {
		if (!line_next(&glance, &line))
			return -EBADMSG;
		if (line.length == 0)
			break;
		if (!line_take(&glance, line))
			return -EBADMSG;
	}
	return (glance.seen & mandatory_headers) == mandatory_headers ? 0 : -EBADMSG;
}
