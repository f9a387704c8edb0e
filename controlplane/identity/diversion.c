/* SPDX-License-Identifier: Apache-2.0 */
#include "identity/diversion.h"

#include "identity/rule.h"
#include "sip/scan.h"
#include "util/text.h"

#include <ctype.h>
#include <stdlib.h>
#include <string.h>

enum {
	VALUE_BYTES = 2048,
	INDEX_BYTES = 4 * DIVERSIONS_MAX,
	CAUSE_MAX = 699,
};

/* RFC 5806 4, RFC 4458 3, RFC 7544 3.2. The first entry of a cause or reason is the one that it
 * becomes. */
static const struct {
	const char *reason;
	uint16_t cause;
} reasons[] = {
	{"unconditional", 302},
	{"user-busy", 486},
	{"no-answer", 408},
	{"deflection", 480},
	{"unavailable", 503},
	{"unknown", 404},
	{"out-of-service", 404},
	{"time-of-day", 404},
	{"do-not-disturb", 404},
	{"follow-me", 404},
	{"away", 404},
};

static uint16_t cause_of(struct span reason)
{
	for (size_t i = 0; i < TD_COUNT_OF(reasons); i++)
		if (span_is(reason, reasons[i].reason))
			return reasons[i].cause;
	return 0;
}

static const char *reason_of(uint16_t cause)
{
	for (size_t i = 0; i < TD_COUNT_OF(reasons); i++)
		if (reasons[i].cause == cause)
			return reasons[i].reason;
	return "unknown";
}

/* When there are too many, the first ones and the last are of interest (RFC 7044 10.3). */
static void add(struct diversions *diversions, const struct diversion *diversion)
{
	if (diversions->count < DIVERSIONS_MAX)
		diversions->list[diversions->count++] = *diversion;
	else
		diversions->list[DIVERSIONS_MAX - 1] = *diversion;
}

static bool is_private_privacy(struct span params)
{
	struct span privacy;

	return sip_param_find(params, "privacy", &privacy) && !span_is(privacy, "off");
}

/* The URI without its headers: those belong to the entry. */
static struct span plain_uri(const struct sip_uri *uri)
{
	return uri->headers.length == 0 ? uri->text
					: sip_span_between(uri->text.text, uri->headers.text - 1);
}

/* Latest first (RFC 5806 3.1). */
static void read_diversion_value(struct diversions *reversed, struct span value)
{
	struct sip_name_addr name;
	struct diversion diversion;
	struct span reason;

	if (sip_name_addr_parse(value, &name) != 0)
		return;
	diversion = (struct diversion){
		.uri = plain_uri(&name.uri), .is_private = is_private_privacy(name.params)};
	if (sip_param_find(name.params, "reason", &reason))
		diversion.cause = cause_of(reason);
	add(reversed, &diversion);
}

/* RFC 3323 and RFC 7044 10.1.2: the wish stands among the headers of the entry's URI. */
static bool is_private_entry(const struct sip_uri *uri)
{
	static const char wish[] = "Privacy=";

	for (uint32_t i = 0; i + strlen(wish) < uri->headers.length; i++)
		if (strncasecmp(uri->headers.text + i, wish, strlen(wish)) == 0)
			return strncasecmp(uri->headers.text + i + strlen(wish), "none",
				       strlen("none")) != 0;
	return false;
}

static uint16_t cause_parameter(const struct sip_uri *uri)
{
	struct span value;
	uint64_t cause;

	return sip_param_find(uri->params, "cause", &value) &&
			       sip_number_parse(value, CAUSE_MAX, &cause)
		       ? (uint16_t)cause
		       : 0;
}

/* An entry with a cause tells why the entry before it was left (RFC 7544 3.3). */
static void read_history_value(
	struct diversions *diversions, struct span value, struct diversion *last)
{
	struct sip_name_addr name;

	if (sip_name_addr_parse(value, &name) != 0)
		return;
	if (last->uri.length != 0 && cause_parameter(&name.uri) != 0) {
		last->cause = cause_parameter(&name.uri);
		add(diversions, last);
	}
	*last = (struct diversion){
		.uri = plain_uri(&name.uri), .is_private = is_private_entry(&name.uri)};
}

void identity_read_diversions(const struct sip_message *message, struct diversions *ret_diversions)
{
	struct diversions reversed = {0};
	struct diversion last = {0};
	const struct sip_header *header;
	struct span list;
	struct span value;
	uint32_t from = 0;

	ret_diversions->count = 0;
	while ((header = sip_message_next(message, SIP_HEADER_DIVERSION, &from)) != NULL)
		for (list = header->value; sip_list_next(&list, &value);)
			read_diversion_value(&reversed, value);
	for (uint32_t i = reversed.count; i > 0; i--)
		add(ret_diversions, &reversed.list[i - 1]);
	if (ret_diversions->count != 0)
		return;
	from = 0;
	while ((header = sip_message_next(message, SIP_HEADER_HISTORY_INFO, &from)) != NULL)
		for (list = header->value; sip_list_next(&list, &value);)
			read_history_value(ret_diversions, value, &last);
}

static void build_diversion(struct sip_builder *builder, const struct diversions *diversions)
{
	for (uint32_t i = diversions->count; i > 0; i--) {
		const struct diversion *diversion = &diversions->list[i - 1];

		sip_build_header_format(builder, SIP_HEADER_DIVERSION,
			"<%.*s>;reason=%s%s;counter=1", SPAN_ARGS(diversion->uri),
			reason_of(diversion->cause), diversion->is_private ? ";privacy=full" : "");
	}
}

/* Appends ";cause=302" behind the parameters of a URI that has none yet. */
static void append_uri(struct text *text, struct span uri, uint16_t cause, bool is_private)
{
	text_appendf(text, "<%.*s", SPAN_ARGS(uri));
	if (cause != 0)
		text_appendf(text, ";cause=%u", cause);
	text_append_string(text, is_private ? "?Privacy=history>" : ">");
}

/* Each entry's index is the one before with ".1": one call, passed from hand to hand. */
static void build_history(
	struct sip_builder *builder, const struct diversions *diversions, struct span target)
{
	char value[VALUE_BYTES];
	char index[INDEX_BYTES];
	struct text list;
	struct text place;

	text_init(&list, value, sizeof(value));
	text_init(&place, index, sizeof(index));
	text_append_char(&place, '1');
	for (uint32_t i = 0; i < diversions->count; i++) {
		const struct diversion *diversion = &diversions->list[i];

		append_uri(&list, diversion->uri, i != 0 ? diversions->list[i - 1].cause : 0,
			diversion->is_private);
		text_appendf(&list, ";index=%.*s, ", SPAN_ARGS(text_span(&place)));
		text_append_string(&place, ".1");
	}
	append_uri(&list, target, diversions->list[diversions->count - 1].cause, false);
	text_appendf(&list, ";index=%.*s", SPAN_ARGS(text_span(&place)));
	if (!list.has_overflowed)
		sip_build_header(builder, SIP_HEADER_HISTORY_INFO, text_span(&list));
}

/* RFC 7044 10.1.1: these wishes are about all entries, whatever each of them says. */
static bool is_history_private(const struct sip_message *invite)
{
	const struct sip_header *privacy = sip_message_find(invite, SIP_HEADER_PRIVACY);
	struct span value;

	return privacy != NULL && (sip_param_find(privacy->value, "history", &value) ||
					  sip_param_find(privacy->value, "header", &value) ||
					  sip_param_find(privacy->value, "session", &value));
}

static void leave_out_private(struct diversions *diversions)
{
	uint32_t kept = 0;

	for (uint32_t i = 0; i < diversions->count; i++)
		if (!diversions->list[i].is_private)
			diversions->list[kept++] = diversions->list[i];
	diversions->count = kept;
}

void identity_build_diversions(struct sip_builder *builder, const struct sip_message *invite,
	const struct config_trunk *to, struct span target)
{
	bool has_both = to->identity.diversion == CONFIG_DIVERSION_BOTH;
	bool has_history = has_both || to->identity.diversion == CONFIG_DIVERSION_HISTORY_INFO;
	bool has_diversion = has_both || to->identity.diversion == CONFIG_DIVERSION_DIVERSION;
	struct diversions diversions;

	if (to->identity.diversion == CONFIG_DIVERSION_AS_IS) {
		has_diversion = sip_message_find(invite, SIP_HEADER_DIVERSION) != NULL;
		has_history = sip_message_find(invite, SIP_HEADER_HISTORY_INFO) != NULL;
	}
	has_diversion = has_diversion && !identity_removes(to, "Diversion");
	has_history = has_history && !identity_removes(to, "History-Info");
	if (!has_diversion && !has_history)
		return;
	if (!to->identity.is_trusted && is_history_private(invite))
		return;
	identity_read_diversions(invite, &diversions);
	if (!to->identity.is_trusted)
		leave_out_private(&diversions);
	if (diversions.count == 0)
		return;
	if (has_diversion)
		build_diversion(builder, &diversions);
	if (has_history)
		build_history(builder, &diversions, target);
}
