/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Methods, header names and reason phrases, and the way back from text. Names are found by
 * length first: no length has more than eight candidates.
 */
#include "sip/message.h"
#include "sip/scan.h"

static const struct span method_names[SIP_METHOD_COUNT] = {
	[SIP_METHOD_OTHER] = {.text = "?", .length = 1},
#define SIP_METHOD_TEXT(name) [SIP_METHOD_##name] = {.text = #name, .length = sizeof(#name) - 1},
	SIP_METHODS(SIP_METHOD_TEXT)
#undef SIP_METHOD_TEXT
};

static const struct span header_names[SIP_HEADER_COUNT] = {
	[SIP_HEADER_OTHER] = {.text = "?", .length = 1},
#define SIP_HEADER_TEXT(constant, name, compact) \
	[SIP_HEADER_##constant] = {.text = (name), .length = sizeof(name) - 1},
	SIP_HEADERS(SIP_HEADER_TEXT)
#undef SIP_HEADER_TEXT
};

enum {
	HEADER_NAME_MAX_BYTES = 20,
	HEADERS_OF_ONE_LENGTH_MAX = 8
};

#define ID(constant) SIP_HEADER_##constant
static const uint8_t headers_of_length[HEADER_NAME_MAX_BYTES + 1][HEADERS_OF_ONE_LENGTH_MAX + 1] = {
	[2] = {ID(TO)},
	[3] = {ID(VIA)},
	[4] = {ID(FROM), ID(CSEQ), ID(DATE), ID(RSEQ), ID(RACK), ID(PATH)},
	[5] = {ID(ROUTE), ID(ALLOW), ID(EVENT)},
	[6] = {ID(ACCEPT), ID(REASON), ID(SERVER), ID(MIN_SE)},
	[7] = {ID(CALL_ID), ID(CONTACT), ID(REQUIRE), ID(PRIVACY), ID(EXPIRES), ID(SUBJECT),
		ID(WARNING)},
	[8] = {ID(REFER_TO), ID(REPLACES), ID(IDENTITY)},
	[9] = {ID(SUPPORTED), ID(DIVERSION), ID(REFER_SUB), ID(RECV_INFO), ID(CALL_INFO)},
	[10] = {ID(USER_AGENT), ID(FLOW_TIMER), ID(SESSION_ID)},
	[11] = {ID(RETRY_AFTER), ID(UNSUPPORTED), ID(REFERRED_BY), ID(MIN_EXPIRES)},
	[12] = {ID(CONTENT_TYPE), ID(MAX_FORWARDS), ID(RECORD_ROUTE), ID(HISTORY_INFO),
		ID(MIME_VERSION), ID(ALLOW_EVENTS), ID(INFO_PACKAGE), ID(USER_TO_USER)},
	[13] = {ID(AUTHORIZATION), ID(PROXY_REQUIRE), ID(TARGET_DIALOG), ID(SERVICE_ROUTE)},
	[14] = {ID(CONTENT_LENGTH)},
	[15] = {ID(SESSION_EXPIRES)},
	[16] = {ID(WWW_AUTHENTICATE), ID(CONTENT_ENCODING)},
	[17] = {ID(RESOURCE_PRIORITY)},
	[18] = {ID(PROXY_AUTHENTICATE), ID(SUBSCRIPTION_STATE)},
	[19] = {ID(PROXY_AUTHORIZATION), ID(P_ASSERTED_IDENTITY), ID(CONTENT_DISPOSITION)},
	[20] = {ID(P_PREFERRED_IDENTITY)},
};
#undef ID

struct status_phrase {
	uint16_t status;
	const char *phrase;
};

/* Ascending. RFC 3261 21 and the RFCs that add to it. */
static const struct status_phrase status_phrases[] = {
	{100, "Trying"},
	{180, "Ringing"},
	{181, "Call Is Being Forwarded"},
	{182, "Queued"},
	{183, "Session Progress"},
	{199, "Early Dialog Terminated"},
	{200, "OK"},
	{202, "Accepted"},
	{204, "No Notification"},
	{300, "Multiple Choices"},
	{301, "Moved Permanently"},
	{302, "Moved Temporarily"},
	{305, "Use Proxy"},
	{380, "Alternative Service"},
	{400, "Bad Request"},
	{401, "Unauthorized"},
	{402, "Payment Required"},
	{403, "Forbidden"},
	{404, "Not Found"},
	{405, "Method Not Allowed"},
	{406, "Not Acceptable"},
	{407, "Proxy Authentication Required"},
	{408, "Request Timeout"},
	{410, "Gone"},
	{412, "Conditional Request Failed"},
	{413, "Request Entity Too Large"},
	{414, "Request-URI Too Long"},
	{415, "Unsupported Media Type"},
	{416, "Unsupported URI Scheme"},
	{417, "Unknown Resource-Priority"},
	{420, "Bad Extension"},
	{421, "Extension Required"},
	{422, "Session Interval Too Small"},
	{423, "Interval Too Brief"},
	{428, "Use Identity Header"},
	{429, "Provide Referrer Identity"},
	{430, "Flow Failed"},
	{433, "Anonymity Disallowed"},
	{436, "Bad Identity-Info"},
	{437, "Unsupported Certificate"},
	{438, "Invalid Identity Header"},
	{439, "First Hop Lacks Outbound Support"},
	{440, "Max-Breadth Exceeded"},
	{469, "Bad Info Package"},
	{470, "Consent Needed"},
	{480, "Temporarily Unavailable"},
	{481, "Call/Transaction Does Not Exist"},
	{482, "Loop Detected"},
	{483, "Too Many Hops"},
	{484, "Address Incomplete"},
	{485, "Ambiguous"},
	{486, "Busy Here"},
	{487, "Request Terminated"},
	{488, "Not Acceptable Here"},
	{489, "Bad Event"},
	{491, "Request Pending"},
	{493, "Undecipherable"},
	{494, "Security Agreement Required"},
	{500, "Server Internal Error"},
	{501, "Not Implemented"},
	{502, "Bad Gateway"},
	{503, "Service Unavailable"},
	{504, "Server Time-out"},
	{505, "Version Not Supported"},
	{513, "Message Too Large"},
	{555, "Push Notification Service Not Supported"},
	{580, "Precondition Failure"},
	{600, "Busy Everywhere"},
	{603, "Decline"},
	{604, "Does Not Exist Anywhere"},
	{606, "Not Acceptable"},
	{607, "Unwanted"},
	{608, "Rejected"},
};

const char *sip_method_name(enum sip_method method)
{
	return (unsigned)method < SIP_METHOD_COUNT ? method_names[method].text : "?";
}

enum sip_method sip_method_find(struct span name)
{
	for (unsigned i = SIP_METHOD_OTHER + 1; i < SIP_METHOD_COUNT; i++) {
		if (name.length == method_names[i].length &&
			name.text[0] == method_names[i].text[0] &&
			span_equal(name, method_names[i]))
			return (enum sip_method)i;
	}
	return SIP_METHOD_OTHER;
}

const char *sip_header_name(enum sip_header_id id)
{
	return (unsigned)id < SIP_HEADER_COUNT ? header_names[id].text : "?";
}

static enum sip_header_id header_of_compact_form(char letter)
{
	/* clang-format off */
	switch (letter) {
	case 'v': return SIP_HEADER_VIA;
	case 'f': return SIP_HEADER_FROM;
	case 't': return SIP_HEADER_TO;
	case 'i': return SIP_HEADER_CALL_ID;
	case 'm': return SIP_HEADER_CONTACT;
	case 'l': return SIP_HEADER_CONTENT_LENGTH;
	case 'c': return SIP_HEADER_CONTENT_TYPE;
	case 'e': return SIP_HEADER_CONTENT_ENCODING;
	case 'k': return SIP_HEADER_SUPPORTED;
	case 'y': return SIP_HEADER_IDENTITY;
	case 'u': return SIP_HEADER_ALLOW_EVENTS;
	case 'x': return SIP_HEADER_SESSION_EXPIRES;
	case 'r': return SIP_HEADER_REFER_TO;
	case 'b': return SIP_HEADER_REFERRED_BY;
	case 'o': return SIP_HEADER_EVENT;
	case 's': return SIP_HEADER_SUBJECT;
	default: return SIP_HEADER_OTHER;
	}
	/* clang-format on */
}

/* True if two names of that length (at least 2) are the same to the letter. Whole words are
 * compared, the last of them may overlap: names are too short for memcmp() to pay. */
static inline bool name_is(const char *a, const char *b, uint32_t length)
{
	uint64_t head[2] = {0, 0};
	uint64_t tail[2] = {0, 0};

	if (length > 16)
		return memcmp(a, b, length) == 0;
	if (length >= 8) {
		memcpy(&head[0], a, 8);
		memcpy(&head[1], b, 8);
		memcpy(&tail[0], a + length - 8, 8);
		memcpy(&tail[1], b + length - 8, 8);
	} else if (length >= 4) {
		memcpy(&head[0], a, 4);
		memcpy(&head[1], b, 4);
		memcpy(&tail[0], a + length - 4, 4);
		memcpy(&tail[1], b + length - 4, 4);
	} else {
		memcpy(&head[0], a, 2);
		memcpy(&head[1], b, 2);
		tail[0] = (uint8_t)a[length - 1];
		tail[1] = (uint8_t)b[length - 1];
	}
	return head[0] == head[1] && tail[0] == tail[1];
}

enum sip_header_id sip_header_find(struct span name)
{
	const uint8_t *candidate;
	char first;

	if (name.length == 0 || name.length > HEADER_NAME_MAX_BYTES)
		return SIP_HEADER_OTHER;
	first = (char)(name.text[0] | 0x20);
	if (name.length == 1)
		return header_of_compact_form(first);
	for (candidate = headers_of_length[name.length]; *candidate != SIP_HEADER_OTHER;
		candidate++) {
		const struct span *known = &header_names[*candidate];

		if ((known->text[0] | 0x20) == first &&
			(name_is(name.text, known->text, name.length) ||
				span_equal_nocase(name, *known)))
			return (enum sip_header_id) * candidate;
	}
	return SIP_HEADER_OTHER;
}

const char *sip_status_phrase(unsigned status)
{
	size_t low = 0;
	size_t high = TD_COUNT_OF(status_phrases);

	while (low < high) {
		size_t middle = (low + high) / 2;

		if (status_phrases[middle].status == status)
			return status_phrases[middle].phrase;
		if (status_phrases[middle].status < status)
			low = middle + 1;
		else
			high = middle;
	}
	return "";
}

const struct sip_header *sip_message_next(
	const struct sip_message *message, enum sip_header_id id, uint32_t *from)
{
	if ((message->present >> id & 1) == 0)
		return NULL; /* most that are asked for aren't there */
	while (*from < message->header_count) {
		const struct sip_header *header = &message->headers[(*from)++];

		if (header->id == id)
			return header;
	}
	return NULL;
}

const struct sip_header *sip_message_find(const struct sip_message *message, enum sip_header_id id)
{
	uint32_t from = 0;

	return sip_message_next(message, id, &from);
}

bool sip_message_lists(const struct sip_message *message, enum sip_header_id id, const char *token)
{
	const struct sip_header *header;
	uint32_t from = 0;

	while ((header = sip_message_next(message, id, &from)) != NULL) {
		struct span list = header->value;
		struct span value;

		while (sip_list_next(&list, &value)) {
			if (span_is(value, token))
				return true;
		}
	}
	return false;
}
