/* SPDX-License-Identifier: Apache-2.0 */
/* The walk over Contact values, and the small grammars of their parameters. */
#include "sip/contact.h"

#include "sip/scan.h"
#include "util/format.h"
#include "util/text.h"

#include <tandem/time.h>

#include <errno.h>
#include <string.h>

enum {
	Q_DECIMALS_MAX = 3,
	REG_ID_MAX = INT32_MAX, /* RFC 5626 4.2 */
	HOURS_PER_DAY = 24,
	S_PER_HOUR = 3600,
	S_PER_MINUTE = 60,
	DAYS_PER_ERA = 146097,	      /* 400 years of the Gregorian calendar */
	DAYS_TO_1970_MARCH0 = 719468, /* from 0000-03-01 */
};

uint32_t sip_expires_parse(struct span text)
{
	uint64_t seconds;

	return sip_number_parse(span_trim(text), UINT32_MAX, &seconds) ? (uint32_t)seconds
								       : SIP_EXPIRES_MALFORMED;
}

/* qvalue: "0" ["." up to three digits] or "1" ["." up to three zeros]. */
static int q_parse(struct span text, uint16_t *ret_permille)
{
	uint32_t permille = 0;
	uint32_t weight = SIP_Q_MAX / 10;

	if (text.length == 0 || text.length > 2 + Q_DECIMALS_MAX ||
		(text.text[0] != '0' && text.text[0] != '1') ||
		(text.length > 1 && text.text[1] != '.'))
		return -EBADMSG;
	for (uint32_t i = 2; i < text.length; i++) {
		if (!sip_char_is(text.text[i], SIP_CHAR_DIGIT))
			return -EBADMSG;
		permille += (uint32_t)(text.text[i] - '0') * weight;
		weight /= 10;
	}
	if (text.text[0] == '1' && permille != 0)
		return -EBADMSG;
	*ret_permille = text.text[0] == '1' ? SIP_Q_MAX : (uint16_t)permille;
	return 0;
}

static int param_take(struct sip_contact *contact, const struct sip_param *param)
{
	uint64_t reg_id;

	if (span_is(param->name, "expires")) {
		contact->has_expires = true;
		contact->expires_s = sip_expires_parse(param->value);
	} else if (span_is(param->name, "q")) {
		return q_parse(param->value, &contact->q_permille);
	} else if (span_is(param->name, "+sip.instance")) {
		contact->instance = param->value;
	} else if (span_is(param->name, "reg-id")) {
		if (!sip_number_parse(param->value, REG_ID_MAX, &reg_id) || reg_id == 0)
			return -EBADMSG;
		contact->reg_id = (uint32_t)reg_id;
	}
	return 0;
}

static int contact_parse(struct span value, struct sip_contact *contact)
{
	struct sip_param param;
	struct span params;
	int more;
	int error;

	memset(contact, 0, sizeof(*contact));
	contact->q_permille = SIP_Q_MAX;
	if (span_equal(value, SPAN("*"))) {
		contact->is_star = true;
		return 1;
	}
	error = sip_name_addr_parse(value, &contact->name_addr);
	if (error != 0)
		return error == -ENOTSUP ? error : -EBADMSG;
	params = contact->name_addr.params;
	while ((more = sip_param_next(&params, &param)) > 0) {
		error = param_take(contact, &param);
		if (error != 0)
			return error;
	}
	return more == 0 ? 1 : more;
}

int sip_contact_next(const struct sip_message *message, struct sip_contact_cursor *cursor,
	struct sip_contact *ret_contact)
{
	const struct sip_header *header;
	struct span value;

	for (;;) {
		if (sip_list_next(&cursor->rest, &value))
			return contact_parse(value, ret_contact);
		header = sip_message_next(message, SIP_HEADER_CONTACT, &cursor->header);
		if (header == NULL)
			return 0;
		cursor->rest = header->value;
	}
}

int sip_routes_join(const struct sip_message *message, enum sip_header_id id, char *lines,
	size_t size_bytes, uint32_t *ret_length)
{
	const struct sip_header *header;
	uint32_t from = 0;
	struct text text;

	text_init(&text, lines, size_bytes);
	while ((header = sip_message_next(message, id, &from)) != NULL) {
		struct span list = header->value;
		struct sip_name_addr hop;
		struct span value;

		while (sip_list_next(&list, &value)) {
			if (sip_name_addr_parse(value, &hop) != 0 ||
				(hop.uri.scheme != SIP_SCHEME_SIP &&
					hop.uri.scheme != SIP_SCHEME_SIPS))
				return -EBADMSG;
			if (text.length != 0)
				text_append_char(&text, '\n');
			text_append(&text, value);
		}
	}
	if (text.has_overflowed)
		return -ENOSPC;
	*ret_length = (uint32_t)text.length;
	return 0;
}

char *sip_date_format(uint64_t wall_ns, char date[SIP_DATE_BYTES])
{
	static const char days[][4] = {"Thu", "Fri", "Sat", "Sun", "Mon", "Tue", "Wed"};
	static const char months[][4] = {
		"Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"};
	uint64_t seconds = wall_ns / TD_NS_PER_S;
	uint64_t day = seconds / (HOURS_PER_DAY * S_PER_HOUR);
	uint32_t of_day = (uint32_t)(seconds % (HOURS_PER_DAY * S_PER_HOUR));
	/* Years that begin in March: leap days come last, and months have a fixed pattern. */
	uint64_t shifted = day + DAYS_TO_1970_MARCH0;
	uint32_t of_era = (uint32_t)(shifted % DAYS_PER_ERA);
	uint32_t year_of_era = (of_era - of_era / 1460 + of_era / 36524 - of_era / 146096) / 365;
	uint32_t of_year = of_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
	uint32_t march_month = (5 * of_year + 2) / 153;
	uint32_t month = (march_month + 2) % 12;
	uint64_t year = shifted / DAYS_PER_ERA * 400 + year_of_era + (month < 2);

	(void)format_text(date, SIP_DATE_BYTES, "%s, %02u %s %04u %02u:%02u:%02u GMT",
		days[day % TD_COUNT_OF(days)], of_year - (153 * march_month + 2) / 5 + 1,
		months[month], (unsigned)(year % 10000), of_day / S_PER_HOUR,
		of_day / S_PER_MINUTE % S_PER_MINUTE, of_day % S_PER_MINUTE);
	return date;
}
