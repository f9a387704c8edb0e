/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Statuses sorted by whose concern they are.
 */
#include "call/outcome.h"

#include "leg/cause.h"

#include <stdio.h>
#include <string.h>

enum {
	STATUS_BAD_EXTENSION = 420,
	STATUS_EXTENSION_REQUIRED = 421,
	STATUS_SERVER_ERROR = 500,
	STATUS_ROUTE_FAILED = 502,
	STATUS_UNAVAILABLE = 503,
	RETRY_AFTER_DIGITS = 6,
};

void outcome_set(struct event_release *release, unsigned status, unsigned q850,
	enum event_release_party by, enum event_release_detail detail)
{
	memset(release, 0, sizeof(*release));
	release->sip_status = (uint16_t)status;
	release->q850 = (uint16_t)q850;
	release->by = (uint8_t)by;
	release->detail = (uint8_t)detail;
}

/* Without its name a refused extension helps nobody. */
static void name_extensions(
	const struct sip_message *response, enum sip_header_id id, struct event_release *release)
{
	const struct sip_header *header = sip_message_find(response, id);
	char text[EVENT_TEXT_BYTES];
	int length;

	if (header == NULL)
		return;
	length =
		snprintf(text, sizeof(text), "%s: %.*s", release->reason, SPAN_ARGS(header->value));
	if (length > 0)
		event_text_set(release->reason, sizeof(release->reason), text, strlen(text));
}

void outcome_of_response(const struct sip_message *response, struct event_release *ret_release)
{
	outcome_set(ret_release, response->status, cause_of_response(response),
		EVENT_RELEASE_CALLEE, EVENT_DETAIL_REJECTED);
	event_text_set(ret_release->reason, sizeof(ret_release->reason),
		response->reason_phrase.text, response->reason_phrase.length);
	if (response->status == STATUS_EXTENSION_REQUIRED)
		name_extensions(response, SIP_HEADER_REQUIRE, ret_release);
	else if (response->status == STATUS_BAD_EXTENSION)
		name_extensions(response, SIP_HEADER_UNSUPPORTED, ret_release);
}

bool outcome_is_route_failure(const struct event_release *callee)
{
	unsigned status = callee->sip_status;

	return (status >= 300 && status < 400) || status == 401 || status == 407 || status == 500 ||
	       status == 502 || status == 503 || status == 504 ||
	       (status == 408 && callee->by == EVENT_RELEASE_NETWORK);
}

bool outcome_is_target_failure(const struct event_release *callee)
{
	return callee->sip_status == 503 || callee->detail == EVENT_DETAIL_NO_RESPONSE ||
	       callee->detail == EVENT_DETAIL_TRANSPORT;
}

uint32_t outcome_retry_after_s(const struct sip_message *message)
{
	const struct sip_header *header =
		message != NULL ? sip_message_find(message, SIP_HEADER_RETRY_AFTER) : NULL;
	uint32_t seconds = 0;

	for (uint32_t i = 0; header != NULL && i < header->value.length; i++) {
		char c = header->value.text[i];

		if (c < '0' || c > '9' || i == RETRY_AFTER_DIGITS)
			break;
		seconds = seconds * 10 + (uint32_t)(c - '0');
	}
	return seconds;
}

/* 4xx that speak about the called user or the number; the others are between us and the hop. */
static bool status_is_end_to_end(unsigned status)
{
	switch (status) {
	case 403:
	case 404:
	case 406:
	case 408:
	case 410:
	case 480:
	case 482:
	case 483:
	case 484:
	case 485:
	case 486:
	case 487:
	case 488:
		return true;
	default:
		return status >= 500;
	}
}

void outcome_for_caller(const struct event_release *callee, struct event_release *ret_release)
{
	*ret_release = *callee;
	if (!status_is_end_to_end(callee->sip_status))
		ret_release->sip_status = STATUS_ROUTE_FAILED;
	/* 503 would say that we can't serve anybody (RFC 3261 16.7). */
	else if (callee->sip_status == STATUS_UNAVAILABLE && callee->by != EVENT_RELEASE_SYSTEM)
		ret_release->sip_status = STATUS_SERVER_ERROR;
}

static enum event_disposition disposition_of(const struct event_release *release)
{
	switch (release->detail) {
	case EVENT_DETAIL_CANCEL:
		return EVENT_DISPOSITION_CANCELED;
	case EVENT_DETAIL_ADMISSION:
		return EVENT_DISPOSITION_CONGESTION;
	case EVENT_DETAIL_POLICY:
		return EVENT_DISPOSITION_BLOCKED;
	case EVENT_DETAIL_TIMER:
		return EVENT_DISPOSITION_NO_ANSWER;
	default:
		break;
	}
	switch (release->sip_status) {
	case 486:
	case 600:
		return EVENT_DISPOSITION_BUSY;
	case 408:
	case 480:
		return release->by == EVENT_RELEASE_NETWORK ? EVENT_DISPOSITION_FAILED
							    : EVENT_DISPOSITION_NO_ANSWER;
	case 403:
	case 603:
		return EVENT_DISPOSITION_REJECTED;
	case 487:
		return EVENT_DISPOSITION_CANCELED;
	case 503:
		return EVENT_DISPOSITION_CONGESTION;
	default:
		return EVENT_DISPOSITION_FAILED;
	}
}

void outcome_classify(struct event_release *release, bool is_answered)
{
	enum event_disposition disposition =
		is_answered ? EVENT_DISPOSITION_ANSWERED : disposition_of(release);

	release->disposition = (uint8_t)disposition;
	switch (disposition) {
	case EVENT_DISPOSITION_ANSWERED:
		release->ner_class = EVENT_NER_SUCCESS;
		break;
	case EVENT_DISPOSITION_BUSY:
	case EVENT_DISPOSITION_NO_ANSWER:
	case EVENT_DISPOSITION_CANCELED:
	case EVENT_DISPOSITION_REJECTED:
		release->ner_class = EVENT_NER_USER;
		break;
	case EVENT_DISPOSITION_NONE:
	case EVENT_DISPOSITION_FAILED:
	case EVENT_DISPOSITION_CONGESTION:
	case EVENT_DISPOSITION_BLOCKED:
	case EVENT_DISPOSITION_COUNT:
	default:
		release->ner_class = EVENT_NER_NETWORK;
		break;
	}
}
