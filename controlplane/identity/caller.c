/* SPDX-License-Identifier: Apache-2.0 */
#include "identity/caller.h"

#include "config/pattern.h"
#include "identity/number.h"
#include "identity/passport.h"
#include "sip/scan.h"
#include "util/text.h"

#include <ctype.h>
#include <errno.h>
#include <stdio.h>
#include <string.h>

enum {
	USER_BYTES = 3 * EVENT_PARTY_BYTES, /* every character escaped */
	VALUE_BYTES = 512,
};

static const char anonymous_from[] =
	"\"Anonymous\" <sip:anonymous@anonymous.invalid>"; /* RFC 3323 4.1 */

static bool is_printable(const char *text)
{
	for (; *text != '\0'; text++)
		if (iscntrl((unsigned char)*text))
			return false;
	return true;
}

/* Digits and what people write between them: its parameters are none of the user's name. */
static bool looks_like_number(struct span user)
{
	uint32_t i = user.length != 0 && user.text[0] == '+' ? 1 : 0;

	for (; i < user.length && user.text[i] != ';'; i++)
		if (!isdigit((unsigned char)user.text[i]) && user.text[i] != '-' &&
			user.text[i] != '.')
			return false;
	return user.length != 0;
}

/* The user part as people read it. Escapes stay if they hide what would be a command to the
 * terminal that shows it. */
static void take_user(
	const struct config_numbers *plan, const struct sip_uri *uri, char user[EVENT_PARTY_BYTES])
{
	struct span part = uri->user;
	const char *parameter = part.length != 0 ? memchr(part.text, ';', part.length) : NULL;

	if (parameter != NULL && looks_like_number(part))
		part.length = (uint32_t)(parameter - part.text);
	if (sip_user_unescape(part, user, EVENT_PARTY_BYTES) != 0 || !is_printable(user))
		event_text_set(user, EVENT_PARTY_BYTES, part.text, part.length);
	identity_number_in(plan, user, user, EVENT_PARTY_BYTES);
}

/* The first value of a header that may have several, sip: and tel: ones (RFC 3325 9.1). */
static bool read_first(
	const struct sip_message *message, enum sip_header_id id, struct sip_name_addr *ret_name)
{
	const struct sip_header *header = sip_message_find(message, id);
	struct span list;
	struct span value;

	if (header == NULL)
		return false;
	list = header->value;
	return sip_list_next(&list, &value) && sip_name_addr_parse(value, ret_name) == 0;
}

static bool is_private(const struct sip_message *invite)
{
	const struct sip_header *privacy = sip_message_find(invite, SIP_HEADER_PRIVACY);

	return (privacy != NULL && !span_is(privacy->value, "none")) ||
	       span_is(invite->from.uri.user, "anonymous") ||
	       span_is(invite->from.uri.host, "anonymous.invalid");
}

static bool place_matches(const struct config_pattern *pattern, uint32_t place, char c)
{
	int symbol = config_pattern_symbol(c);

	return symbol >= 0 && (pattern->places[place] & (1u << symbol)) != 0;
}

static bool pattern_matches(const char *text, const char *number)
{
	struct config_pattern pattern;
	const char *why;
	size_t length = strlen(number);

	if (config_pattern_parse(span_from(text), &pattern, &why) != 0 ||
		length < pattern.place_count)
		return false;
	for (uint32_t i = 0; i < pattern.place_count; i++)
		if (!place_matches(&pattern, i, number[i]))
			return false;
	return pattern.end == CONFIG_PATTERN_ANY ||
	       (pattern.end == CONFIG_PATTERN_ONE_OR_MORE && length > pattern.place_count) ||
	       (pattern.end == CONFIG_PATTERN_FIXED && length == pattern.place_count);
}

static bool may_call_as(const struct config_identity *identity, const char *number)
{
	for (uint32_t i = 0; i < identity->caller_count; i++)
		if (pattern_matches(identity->callers[i], number))
			return true;
	return false;
}

/* The number that the network vouches for. A trusted trunk states it; another may only choose
 * among its own. */
static void take_asserted(const struct sip_message *invite, const struct config_trunk *from,
	struct event_party *caller)
{
	char preferred[EVENT_PARTY_BYTES];
	struct sip_name_addr name;

	if (from->identity.is_trusted) {
		if (!read_first(invite, SIP_HEADER_P_ASSERTED_IDENTITY, &name))
			return;
		take_user(&from->numbers, &name.uri, caller->p_asserted);
		caller->verstat = (uint8_t)passport_verstat(&name);
	} else if (read_first(invite, SIP_HEADER_P_PREFERRED_IDENTITY, &name)) {
		take_user(&from->numbers, &name.uri, preferred);
		if (may_call_as(&from->identity, preferred))
			memcpy(caller->p_asserted, preferred, sizeof(preferred));
	}
	if (caller->p_asserted[0] == '\0' && !from->identity.is_trusted &&
		may_call_as(&from->identity, caller->user))
		memcpy(caller->p_asserted, caller->user, sizeof(caller->user));
}

void identity_read_parties(const struct sip_message *invite, const struct config_trunk *from,
	struct event_party *ret_caller, struct event_party *ret_callee)
{
	memset(ret_caller, 0, sizeof(*ret_caller));
	memset(ret_callee, 0, sizeof(*ret_callee));
	take_user(&from->numbers, &invite->from.uri, ret_caller->user);
	event_text_set(ret_caller->display, sizeof(ret_caller->display), invite->from.display.text,
		invite->from.display.length);
	ret_caller->is_private = is_private(invite);
	take_asserted(invite, from, ret_caller);
	if (from->identity.is_trusted && ret_caller->verstat == EVENT_VERSTAT_NONE)
		ret_caller->verstat = (uint8_t)passport_verstat(&invite->from);
	ret_caller->attestation = passport_attestation(invite);
	take_user(&from->numbers, &invite->request_uri, ret_callee->user);
	event_text_set(ret_callee->display, sizeof(ret_callee->display), invite->to.display.text,
		invite->to.display.length);
}

/* A name that was cut may end in half an escape, which would swallow the closing quote. */
static void append_display(struct text *text, struct span display)
{
	uint32_t slashes = 0;

	while (slashes < display.length && display.text[display.length - 1 - slashes] == '\\')
		slashes++;
	display.length -= slashes % 2;
	if (display.length != 0)
		text_appendf(text, "\"%.*s\" ", SPAN_ARGS(display));
}

/* Appends "<sip:user@host>" with the user as the trunk writes numbers. */
static int append_address(
	struct text *text, const char *user, const struct config_trunk *to, const struct td_ip *own)
{
	char number[EVENT_PARTY_BYTES + CONFIG_PREFIX_BYTES];
	char escaped[USER_BYTES];
	char address[TD_ENDPOINT_TEXT_BYTES];
	const struct td_endpoint host = {.ip = *own, .port = 1};

	identity_number_out(&to->numbers, user, number, sizeof(number));
	if (sip_user_escape(span_from(number), escaped, sizeof(escaped)) < 0)
		return -ENOSPC;
	(void)td_endpoint_format(&host, address);
	*strrchr(address, ':') = '\0'; /* the address alone */
	text_appendf(text, "<sip:%s%s%s>", escaped, escaped[0] != '\0' ? "@" : "",
		to->identity.from_domain[0] != '\0' ? to->identity.from_domain : address);
	return text->has_overflowed ? -ENOSPC : 0;
}

int identity_write_from(const struct event_party *caller, const struct config_trunk *to,
	const struct td_ip *own, char *from, size_t size)
{
	bool is_hidden = caller->is_private && !to->identity.is_trusted;
	struct text text;

	text_init(&text, from, size);
	if (is_hidden || strcmp(caller->user, "anonymous") == 0) {
		text_append_string(&text, anonymous_from);
		return text.has_overflowed ? -ENOSPC : 0;
	}
	append_display(&text, span_from(caller->display));
	return append_address(&text, caller->user, to, own);
}

void identity_build_asserted(struct sip_builder *builder, const struct event_party *caller,
	const struct sip_message *invite, const struct config_trunk *to, const struct td_ip *own)
{
	char value[VALUE_BYTES];
	struct sip_name_addr name;
	struct text text;

	if (!to->identity.is_trusted || caller->p_asserted[0] == '\0')
		return; /* RFC 3325 7: not beyond the border */
	text_init(&text, value, sizeof(value));
	if (invite != NULL && read_first(invite, SIP_HEADER_P_ASSERTED_IDENTITY, &name))
		append_display(&text, name.display);
	if (append_address(&text, caller->p_asserted, to, own) == 0)
		sip_build_header(builder, SIP_HEADER_P_ASSERTED_IDENTITY, text_span(&text));
}
