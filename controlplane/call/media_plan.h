/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What a call wants of the media plane, derived from the session descriptions that pass through:
 * the two termination specs, and the bodies that each side gets in place of the other's. Pure.
 */
#ifndef TD_CALL_MEDIA_PLAN_H
#define TD_CALL_MEDIA_PLAN_H

#include "call/call.h"
#include "sdp/session.h"

#include <tandem/compiler.h>
#include <tandem/contract.h>

#include <stdbool.h>
#include <stdint.h>

/* What configuration says about a termination. */
struct media_policy {
	uint8_t latch; /* enum td_latch */
	uint8_t latch_prefix_bits;
	uint16_t media_timeout_s;
	uint32_t latch_window_ms;
};

/* A body with the audio line that matters. */
struct media_body {
	struct sdp_session session;
	int audio; /* index of the m= line */
};

/* Parses a body and finds its audio. NULL if it can be used, else a static reason. */
const char *media_body_read(struct span body, struct media_body *ret_body);

/* NULL if leg index's termination can serve that body, else a static reason. */
const char *media_plan_misfit(
	const struct call *call, unsigned index, const struct media_body *body);

/* NULL if the body answers the offer that leg index was sent last, else a static reason. */
const char *media_plan_answer_misfit(
	const struct call *call, unsigned index, const struct media_body *answer);

/* Reads the last description of leg index's peer that counts, as far as it is kept: until the call
 * is up. NULL, or a static reason. */
const char *media_plan_read_remote(
	const struct call *call, unsigned index, struct media_body *ret_body);

/* The same, without the formats that the peer knows we don't have. */
const char *media_plan_read_agreed(
	const struct call *call, unsigned index, struct media_body *ret_body);

/* Takes over what leg index's peer says about its end. is_new_round re-arms learning of its
 * address even if the body names the same one. Raises the termination's epoch if anything
 * changed, and tells so. */
bool media_plan_take_remote(
	struct call *call, unsigned index, const struct media_body *body, bool is_new_round);

/* Writes an offer for leg index from the other side's body into the leg's local_sdp. NULL, or a
 * static reason. */
const char *media_plan_offer(struct call *call, unsigned index, const struct media_body *from);
/* Writes the answer to offer (of leg index's peer) from the other side's answer into the leg's
 * local_sdp. NULL, or a static reason. */
const char *media_plan_answer(struct call *call, unsigned index, const struct media_body *offer,
	const struct media_body *from);

/* Writes an answer to leg index's peer into the leg's local_sdp without asking the other side: what
 * the peer was told, or else what the other side said, as far as the offer still has it. NULL, or
 * a static reason. */
const char *media_plan_own_answer(
	struct call *call, unsigned index, const struct media_body *offer);
/* Writes an answer that takes no media. NULL, or a static reason. */
const char *media_plan_refusal(struct call *call, unsigned index, const struct media_body *offer);
/* True if leg index's peer agreed to just what body, the other side's, says. */
bool media_plan_is_told(const struct call *call, unsigned index, const struct media_body *from);

/* Forgets what the peers said: nothing is to be answered in their absence any more. */
void media_plan_forget_remotes(struct call *call);

/* The wanted state of a termination. */
void media_plan_spec(const struct call *call, unsigned index, const struct media_policy *policy,
	struct td_termination_spec *ret_spec);

#endif
