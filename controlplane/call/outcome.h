/* SPDX-License-Identifier: Apache-2.0 */
/*
 * How an attempt came out and what the caller is told about it: which refusals of a destination
 * pass through as they are, which only say that the route failed, and how each counts. Pure.
 */
#ifndef TD_CALL_OUTCOME_H
#define TD_CALL_OUTCOME_H

#include "events/record.h"
#include "sip/message.h"

#include <stdbool.h>
#include <stdint.h>

/* Sets the parts of a release that the machines choose; disposition and class follow at the end,
 * from outcome_classify(). */
void outcome_set(struct event_release *release, unsigned status, unsigned q850,
	enum event_release_party by, enum event_release_detail detail);

/* What a final response of 300 or more says about the destination. */
void outcome_of_response(const struct sip_message *response, struct event_release *ret_release);

/* True if another destination should be tried: the route failed, not the called user. */
bool outcome_is_route_failure(const struct event_release *callee);

/* True if it failed at the very place it was sent to: nobody answered there, or it has no room
 * (RFC 3263 4.3). Another target of the same peer may do better. */
bool outcome_is_target_failure(const struct event_release *callee);

/* Seconds of a Retry-After header, 0 if there is none; message may be NULL. */
uint32_t outcome_retry_after_s(const struct sip_message *message);

/* What the caller is told when the destination was refused: user outcomes as they are, what only
 * concerns the hop between us and the destination as 502 (3xx is never followed: toll fraud), its
 * overload as 500. */
void outcome_for_caller(const struct event_release *callee, struct event_release *ret_release);

/* Fills disposition and NER class (ITU-T E.425) from the rest. */
void outcome_classify(struct event_release *release, bool is_answered);

#endif
