/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Why calls end: SIP statuses and Q.850 causes, one into the other (RFC 3398 7.2.4.1 and
 * 8.2.6.1), and the Reason header that carries the cause (RFC 3326, RFC 6432). A cause that was
 * received always beats one that was derived. Pure.
 */
#ifndef TD_LEG_CAUSE_H
#define TD_LEG_CAUSE_H

#include "sip/builder.h"
#include "sip/message.h"

#include <stdint.h>

/* Q.850 causes that we give ourselves. */
enum {
	CAUSE_NONE = 0,
	CAUSE_UNALLOCATED = 1,
	CAUSE_NORMAL = 16,
	CAUSE_USER_BUSY = 17,
	CAUSE_NO_USER_RESPONDING = 18,
	CAUSE_NO_ANSWER = 19,
	CAUSE_SUBSCRIBER_ABSENT = 20,
	CAUSE_REJECTED = 21,
	CAUSE_REDIRECTED = 23,
	CAUSE_EXCHANGE_ROUTING = 25,
	CAUSE_INVALID_NUMBER = 28,
	CAUSE_NORMAL_UNSPECIFIED = 31,
	CAUSE_NETWORK_OUT_OF_ORDER = 38,
	CAUSE_TEMPORARY_FAILURE = 41,
	CAUSE_CONGESTION = 42,
	CAUSE_RESOURCE_UNAVAILABLE = 47,
	CAUSE_BEARER_NOT_IMPLEMENTED = 65,
	CAUSE_RECOVERY_ON_TIMER = 102,
	CAUSE_PROTOCOL_ERROR = 111,
	CAUSE_INTERWORKING = 127,
};

/* The cause for a final status of 300 or more; CAUSE_INTERWORKING if the table has none, 0 for
 * other statuses. */
uint16_t cause_from_status(unsigned status);

/* The status for a cause when a call that isn't answered yet must be refused because of it; 480
 * if the table has none. */
unsigned cause_to_status(unsigned cause);

/* The cause in a message's Reason headers with protocol Q.850, 0 if there is none. */
uint16_t cause_from_message(const struct sip_message *message);

/* The cause of a response: received, else derived. */
uint16_t cause_of_response(const struct sip_message *response);

/* Short text of a cause ("User busy"); "" if we have none. */
const char *cause_text(unsigned cause);

/* Writes "Reason: Q.850;cause=16;text=..."; nothing for cause 0. */
void cause_build_reason(struct sip_builder *builder, unsigned cause);

#endif
