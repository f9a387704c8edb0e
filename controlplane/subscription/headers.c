/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Each parser walks its value once: the head, then the parameters. Parameters that the RFCs
 * leave open are allowed, those that they name may stand there once.
 */
#include "subscription/headers.h"

#include "sip/scan.h"

#include <errno.h>

static const char *const substate_tokens[SUBSTATE_COUNT] = {[SUBSTATE_OTHER] = "",
#define SUBSTATE_TOKEN(constant, token) [SUBSTATE_##constant] = (token),
	SUBSCRIPTION_SUBSTATES(SUBSTATE_TOKEN)
#undef SUBSTATE_TOKEN
};

static const char *const reason_tokens[SUBSCRIPTION_REASON_COUNT] = {
	[SUBSCRIPTION_REASON_NONE] = "",
#define REASON_TOKEN(constant, token) [SUBSCRIPTION_REASON_##constant] = (token),
	SUBSCRIPTION_REASONS(REASON_TOKEN)
#undef REASON_TOKEN
};

/* Cuts value at its first ';'. False if the head is empty; params is what follows. */
static bool split_head(struct span value, struct span *ret_head, struct span *ret_params)
{
	struct span trimmed = span_trim(value);
	const char *end = sip_span_end(trimmed);
	const char *semicolon =
		trimmed.length == 0 ? NULL : memchr(trimmed.text, ';', trimmed.length);

	*ret_params = (struct span){0};
	if (semicolon != NULL)
		*ret_params = sip_span_between(semicolon + 1, end);
	*ret_head = span_trim(sip_span_between(trimmed.text, semicolon != NULL ? semicolon : end));
	return ret_head->length != 0;
}

static bool is_token(struct span text)
{
	const char *end = sip_span_end(text);

	return text.length != 0 && sip_scan_class(text.text, end, SIP_CHAR_TOKEN) == end;
}

/* Takes a parameter that may stand once and must have a token. */
static bool take_once(struct span *place, const struct sip_param *param)
{
	if (place->length != 0 || !param->has_value || !is_token(param->value))
		return false;
	*place = param->value;
	return true;
}

int event_name_parse(struct span value, struct event_name *ret_event)
{
	struct event_name event = {0};
	struct sip_param param;
	struct span params;
	int more;

	if (!split_head(value, &event.package, &params) || !is_token(event.package))
		return -EBADMSG;
	while ((more = sip_param_next(&params, &param)) > 0)
		if (span_is(param.name, "id") && !take_once(&event.id, &param))
			return -EBADMSG;
	if (more < 0)
		return -EBADMSG;
	*ret_event = event;
	return 0;
}

int delta_seconds_parse(struct span value, uint32_t *ret_seconds)
{
	struct span digits = span_trim(value);
	uint64_t seconds;

	if (digits.length == 0)
		return -EBADMSG;
	for (uint32_t i = 0; i < digits.length; i++)
		if (!sip_char_is(digits.text[i], SIP_CHAR_DIGIT) || digits.text[i] < '0' ||
			digits.text[i] > '9')
			return -EBADMSG;
	*ret_seconds =
		sip_number_parse(digits, UINT32_MAX, &seconds) ? (uint32_t)seconds : UINT32_MAX;
	return 0;
}

static unsigned find_token(struct span word, const char *const *tokens, unsigned count)
{
	for (unsigned i = 1; i < count; i++)
		if (span_is(word, tokens[i]))
			return i;
	return 0;
}

/* Takes one parameter of Subscription-State; false if it is malformed or stands there twice. */
static bool take_state_param(
	struct subscription_state_header *state, const struct sip_param *param, struct span *reason)
{
	if (span_is(param->name, "reason"))
		return take_once(reason, param);
	if (span_is(param->name, "expires")) {
		if (state->has_expires || delta_seconds_parse(param->value, &state->expires_s) != 0)
			return false;
		state->has_expires = true;
	} else if (span_is(param->name, "retry-after")) {
		if (state->has_retry_after ||
			delta_seconds_parse(param->value, &state->retry_after_s) != 0)
			return false;
		state->has_retry_after = true;
	}
	return true;
}

int subscription_state_parse(struct span value, struct subscription_state_header *ret_state)
{
	struct subscription_state_header state = {.substate = SUBSTATE_OTHER};
	struct span reason = {0};
	struct sip_param param;
	struct span params;
	struct span head;
	int more;

	if (!split_head(value, &head, &params) || !is_token(head))
		return -EBADMSG;
	while ((more = sip_param_next(&params, &param)) > 0)
		if (!take_state_param(&state, &param, &reason))
			return -EBADMSG;
	if (more < 0)
		return -EBADMSG;
	state.substate = (enum subscription_substate)find_token(
		head, substate_tokens, TD_COUNT_OF(substate_tokens));
	state.reason = (enum subscription_reason)find_token(
		reason, reason_tokens, TD_COUNT_OF(reason_tokens));
	*ret_state = state;
	return 0;
}

const char *subscription_substate_token(enum subscription_substate substate)
{
	return (unsigned)substate < SUBSTATE_COUNT ? substate_tokens[substate] : "";
}

const char *subscription_reason_token(enum subscription_reason reason)
{
	return (unsigned)reason < SUBSCRIPTION_REASON_COUNT ? reason_tokens[reason] : "";
}

/* A Call-ID: word [ "@" word ] (RFC 3261 25.1); what a parameter list can hold of it. */
static bool is_call_id(struct span text)
{
	bool has_at = false;

	for (uint32_t i = 0; i < text.length; i++) {
		char c = text.text[i];

		if (c == '@') {
			if (has_at || i == 0 || i + 1 == text.length)
				return false;
			has_at = true;
		} else if (!sip_char_is(c, SIP_CHAR_VISIBLE) || c == ',' || c == ';' || c == '=' ||
			   c == '&' || c == '$' || c == '#' || c == '|' || c == '^') {
			return false;
		}
	}
	return text.length != 0;
}

/* Reads "call-id;first=tag;second=tag". */
static int dialog_name_parse(
	struct span value, const char *receiver, const char *other, struct dialog_name *ret_name)
{
	struct dialog_name name = {0};
	struct sip_param param;
	struct span params;
	int more;

	if (!split_head(value, &name.call_id, &params) || !is_call_id(name.call_id))
		return -EBADMSG;
	while ((more = sip_param_next(&params, &param)) > 0) {
		if ((span_is(param.name, receiver) && !take_once(&name.receiver_tag, &param)) ||
			(span_is(param.name, other) && !take_once(&name.other_tag, &param)))
			return -EBADMSG;
		if (span_is(param.name, "early-only")) {
			if (param.has_value || name.is_early_only)
				return -EBADMSG;
			name.is_early_only = true;
		}
	}
	if (more < 0 || name.receiver_tag.length == 0 || name.other_tag.length == 0)
		return -EBADMSG;
	*ret_name = name;
	return 0;
}

int replaces_parse(struct span value, struct dialog_name *ret_name)
{
	return dialog_name_parse(value, "to-tag", "from-tag", ret_name);
}

int target_dialog_parse(struct span value, struct dialog_name *ret_name)
{
	return dialog_name_parse(value, "remote-tag", "local-tag", ret_name);
}

int referred_by_parse(struct span value, struct referred_by *ret_referrer)
{
	struct referred_by referrer = {0};
	struct sip_param param;
	struct span params;
	int more;

	if (sip_name_addr_parse(value, &referrer.address) != 0)
		return -EBADMSG;
	params = referrer.address.params;
	while ((more = sip_param_next(&params, &param)) > 0) {
		if (!span_is(param.name, "cid"))
			continue;
		if (referrer.cid.length != 0 || param.value.length == 0)
			return -EBADMSG;
		referrer.cid = param.value;
	}
	if (more < 0)
		return -EBADMSG;
	*ret_referrer = referrer;
	return 0;
}

int refer_sub_parse(struct span value, bool *ret_is_wanted)
{
	struct span params;
	struct span head;

	if (!split_head(value, &head, &params) || sip_params_check(params) != 0)
		return -EBADMSG;
	if (!span_is(head, "true") && !span_is(head, "false"))
		return -EBADMSG;
	*ret_is_wanted = span_is(head, "true");
	return 0;
}
