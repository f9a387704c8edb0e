/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The two tables of RFC 3398, the Reason header, and short texts.
 */
#include "leg/cause.h"

#include "util/span.h"

#include <tandem/compiler.h>

struct cause_row {
	uint16_t from;
	uint16_t to;
};

/* RFC 3398 8.2.6.1; 3xx, 487, 488, 600 and later from common practice (RFC 6432 leaves them to
 * the gateway). */
static const struct cause_row status_to_cause[] = {
	{400, 41},
	{401, 21},
	{402, 21},
	{403, 21},
	{404, 1},
	{405, 63},
	{406, 79},
	{407, 21},
	{408, 102},
	{410, 22},
	{413, 127},
	{414, 127},
	{415, 79},
	{416, 127},
	{420, 127},
	{421, 127},
	{423, 127},
	{480, 18},
	{481, 41},
	{482, 25},
	{483, 25},
	{484, 28},
	{485, 1},
	{486, 17},
	{487, 31},
	{488, 65},
	{500, 41},
	{501, 79},
	{502, 38},
	{503, 41},
	{504, 102},
	{505, 127},
	{513, 127},
	{600, 17},
	{603, 21},
	{604, 1},
	{606, 65},
};

/* RFC 3398 7.2.4.1 */
static const struct cause_row cause_to_status_rows[] = {
	{1, 404},
	{2, 404},
	{3, 404},
	{17, 486},
	{18, 408},
	{19, 480},
	{20, 480},
	{21, 403},
	{22, 410},
	{23, 410},
	{26, 404},
	{27, 502},
	{28, 484},
	{29, 501},
	{31, 480},
	{34, 503},
	{38, 503},
	{41, 503},
	{42, 503},
	{47, 503},
	{55, 403},
	{57, 403},
	{58, 503},
	{65, 488},
	{70, 488},
	{79, 501},
	{87, 403},
	{88, 503},
	{102, 504},
	{111, 500},
	{127, 500},
};

static const struct {
	uint16_t cause;
	const char *text;
} cause_texts[] = {
	{1, "Unallocated number"},
	{3, "No route to destination"},
	{16, "Normal call clearing"},
	{17, "User busy"},
	{18, "No user responding"},
	{19, "No answer"},
	{21, "Call rejected"},
	{22, "Number changed"},
	{23, "Redirected"},
	{25, "Exchange routing error"},
	{28, "Invalid number format"},
	{31, "Normal unspecified"},
	{38, "Network out of order"},
	{41, "Temporary failure"},
	{42, "Switching equipment congestion"},
	{47, "Resource unavailable"},
	{63, "Service not available"},
	{65, "Bearer capability not implemented"},
	{79, "Service not implemented"},
	{102, "Recovery on timer expiry"},
	{111, "Protocol error"},
	{127, "Interworking"},
};

static uint16_t row_find(const struct cause_row *rows, size_t count, unsigned from)
{
	for (size_t i = 0; i < count; i++)
		if (rows[i].from == from)
			return rows[i].to;
	return 0;
}

uint16_t cause_from_status(unsigned status)
{
	uint16_t cause;

	if (status < 300)
		return CAUSE_NONE;
	if (status < 400)
		return CAUSE_REDIRECTED;
	cause = row_find(status_to_cause, TD_COUNT_OF(status_to_cause), status);
	return cause != 0 ? cause : CAUSE_INTERWORKING;
}

unsigned cause_to_status(unsigned cause)
{
	unsigned status = row_find(cause_to_status_rows, TD_COUNT_OF(cause_to_status_rows), cause);

	return status != 0 ? status : 480;
}

/* One value of a Reason header: "Q.850;cause=17;text=...". */
static uint16_t cause_parse_value(struct span value)
{
	struct span protocol = value;
	struct span params = {0};
	struct span digits;
	unsigned cause = 0;

	for (uint32_t i = 0; i < value.length; i++) {
		if (value.text[i] != ';')
			continue;
		protocol.length = i;
		params = (struct span){value.text + i + 1, value.length - i - 1};
		break;
	}
	if (!span_is(span_trim(protocol), "Q.850") || !sip_param_find(params, "cause", &digits))
		return CAUSE_NONE;
	digits = span_trim(digits);
	if (digits.length == 0 || digits.length > 3)
		return CAUSE_NONE;
	for (uint32_t i = 0; i < digits.length; i++) {
		if (digits.text[i] < '0' || digits.text[i] > '9')
			return CAUSE_NONE;
		cause = cause * 10 + (unsigned)(digits.text[i] - '0');
	}
	return cause <= 127 ? (uint16_t)cause : CAUSE_NONE;
}

/* Length of the first value in a comma-separated list, quotes respected. */
static uint32_t value_length(struct span list)
{
	bool is_quoted = false;

	for (uint32_t i = 0; i < list.length; i++) {
		if (is_quoted && list.text[i] == '\\' && i + 1 < list.length)
			i++;
		else if (list.text[i] == '"')
			is_quoted = !is_quoted;
		else if (list.text[i] == ',' && !is_quoted)
			return i;
	}
	return list.length;
}

uint16_t cause_from_message(const struct sip_message *message)
{
	const struct sip_header *header;
	uint32_t from = 0;

	while ((header = sip_message_next(message, SIP_HEADER_REASON, &from)) != NULL) {
		struct span rest = header->value;

		while (rest.length != 0) {
			uint32_t length = value_length(rest);
			uint16_t cause =
				cause_parse_value(span_trim((struct span){rest.text, length}));

			if (cause != CAUSE_NONE)
				return cause;
			length += length < rest.length;
			rest.text += length;
			rest.length -= length;
		}
	}
	return CAUSE_NONE;
}

uint16_t cause_of_response(const struct sip_message *response)
{
	uint16_t cause = cause_from_message(response);

	return cause != CAUSE_NONE ? cause : cause_from_status(response->status);
}

const char *cause_text(unsigned cause)
{
	for (size_t i = 0; i < TD_COUNT_OF(cause_texts); i++)
		if (cause_texts[i].cause == cause)
			return cause_texts[i].text;
	return "";
}

void cause_build_reason(struct sip_builder *builder, unsigned cause)
{
	const char *text = cause_text(cause);

	if (cause == CAUSE_NONE)
		return;
	if (text[0] != '\0')
		sip_build_header_format(
			builder, SIP_HEADER_REASON, "Q.850;cause=%u;text=\"%s\"", cause, text);
	else
		sip_build_header_format(builder, SIP_HEADER_REASON, "Q.850;cause=%u", cause);
}
