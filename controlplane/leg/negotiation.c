/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The table of the negotiation machine.
 */
#include "leg/negotiation.h"

#include <errno.h>

struct negotiation_cell {
	uint8_t is_expected;
	uint8_t next;
	uint8_t actions[NEGOTIATION_ACTIONS_MAX];
};

/*
 *                  re-INVITE                     ANSWER              ACK
 *        IDLE --------------> OFFER_RECEIVED ------------> ANSWER_SENT --> IDLE
 *         |                         | REJECT, or UPDATE answered: IDLE
 *         | OFFER
 *         v          2xx: ACK, IDLE
 *     OFFER_SENT --- 2xx with offer --> ACK_OWED -- ACKNOWLEDGE --> IDLE
 *         |   ^
 *     491 v   | pause over
 *       PAUSED
 *
 *  In PAUSED the peer's own offer goes first, that is what the pause is for (RFC 3261 14.1): ours
 *  is given up, and who asked for it may ask again.
 *
 *  A request that comes while an offer of ours is out gets 491, one that comes while the peer's
 *  own is unanswered gets 500 with Retry-After.
 */
#define CELL(next_state, ...) \
	.is_expected = 1, .next = NEGOTIATION_##next_state, .actions = {__VA_ARGS__}
#define GO(state) .is_expected = 1, .next = NEGOTIATION_##state

static const struct negotiation_cell
	negotiation_table[NEGOTIATION_STATE_COUNT][NEGOTIATION_EVENT_COUNT] = {
		[NEGOTIATION_IDLE] =
			{
				[NEGOTIATION_EVENT_INVITED] = {CELL(
					OFFER_RECEIVED, NEGOTIATION_TELL_OFFER)},
				[NEGOTIATION_EVENT_UPDATED] = {CELL(
					OFFER_RECEIVED, NEGOTIATION_TELL_OFFER)},
				[NEGOTIATION_EVENT_ACKNOWLEDGED] = {GO(IDLE)},
				[NEGOTIATION_EVENT_ACK_MISSING] = {GO(IDLE)},
				[NEGOTIATION_EVENT_ACCEPTED] = {CELL(IDLE, NEGOTIATION_DO_ACK)},
				[NEGOTIATION_EVENT_COUNTERED] = {CELL(IDLE, NEGOTIATION_DO_ACK)},
				[NEGOTIATION_EVENT_ORDER_OFFER] = {CELL(
					OFFER_SENT, NEGOTIATION_DO_REINVITE)},
			},
		[NEGOTIATION_OFFER_RECEIVED] =
			{
				[NEGOTIATION_EVENT_INVITED] = {CELL(
					OFFER_RECEIVED, NEGOTIATION_DO_TOO_SOON)},
				[NEGOTIATION_EVENT_UPDATED] = {CELL(
					OFFER_RECEIVED, NEGOTIATION_DO_TOO_SOON)},
				[NEGOTIATION_EVENT_ACKNOWLEDGED] = {GO(OFFER_RECEIVED)},
				[NEGOTIATION_EVENT_ACCEPTED] = {CELL(
					OFFER_RECEIVED, NEGOTIATION_DO_ACK)},
				[NEGOTIATION_EVENT_COUNTERED] = {CELL(
					OFFER_RECEIVED, NEGOTIATION_DO_ACK)},
				[NEGOTIATION_EVENT_ORDER_ANSWER] = {CELL(
					ANSWER_SENT, NEGOTIATION_DO_ANSWER)},
				[NEGOTIATION_EVENT_ORDER_ANSWER_UPDATE] = {CELL(
					IDLE, NEGOTIATION_DO_ANSWER)},
				[NEGOTIATION_EVENT_ORDER_REJECT] = {CELL(
					IDLE, NEGOTIATION_DO_REJECT)},
			},
		[NEGOTIATION_ANSWER_SENT] =
			{
				[NEGOTIATION_EVENT_INVITED] = {CELL(
					ANSWER_SENT, NEGOTIATION_DO_GLARE)},
				[NEGOTIATION_EVENT_UPDATED] = {CELL(
					ANSWER_SENT, NEGOTIATION_DO_GLARE)},
				[NEGOTIATION_EVENT_ACKNOWLEDGED] = {CELL(
					IDLE, NEGOTIATION_DO_STOP_2XX, NEGOTIATION_TELL_CONFIRMED)},
				[NEGOTIATION_EVENT_ACK_MISSING] = {CELL(
					IDLE, NEGOTIATION_TELL_LOST)},
				[NEGOTIATION_EVENT_ACCEPTED] = {CELL(
					ANSWER_SENT, NEGOTIATION_DO_ACK)},
				[NEGOTIATION_EVENT_COUNTERED] = {CELL(
					ANSWER_SENT, NEGOTIATION_DO_ACK)},
			},
		[NEGOTIATION_OFFER_SENT] =
			{
				[NEGOTIATION_EVENT_INVITED] =
					{CELL(OFFER_SENT, NEGOTIATION_DO_GLARE)},
				[NEGOTIATION_EVENT_UPDATED] =
					{CELL(OFFER_SENT, NEGOTIATION_DO_GLARE)},
				[NEGOTIATION_EVENT_ACKNOWLEDGED] = {GO(OFFER_SENT)},
				[NEGOTIATION_EVENT_ACCEPTED] =
					{CELL(IDLE, NEGOTIATION_DO_ACK, NEGOTIATION_TELL_ANSWER)},
				[NEGOTIATION_EVENT_COUNTERED] =
					{CELL(ACK_OWED, NEGOTIATION_TELL_ANSWER)},
				[NEGOTIATION_EVENT_REFUSED] =
					{CELL(IDLE, NEGOTIATION_TELL_REFUSED)},
				[NEGOTIATION_EVENT_GLARED] = {CELL(PAUSED, NEGOTIATION_DO_PAUSE)},
				[NEGOTIATION_EVENT_CHALLENGED] =
					{CELL(OFFER_SENT, NEGOTIATION_DO_REINVITE)},
				[NEGOTIATION_EVENT_LOST] = {CELL(IDLE, NEGOTIATION_TELL_LOST)},
			},
		[NEGOTIATION_ACK_OWED] =
			{
				[NEGOTIATION_EVENT_INVITED] =
					{CELL(ACK_OWED, NEGOTIATION_DO_GLARE)},
				[NEGOTIATION_EVENT_UPDATED] =
					{CELL(ACK_OWED, NEGOTIATION_DO_GLARE)},
				[NEGOTIATION_EVENT_ACKNOWLEDGED] = {GO(ACK_OWED)},
				[NEGOTIATION_EVENT_ACCEPTED] = {GO(ACK_OWED)},
				[NEGOTIATION_EVENT_COUNTERED] = {GO(ACK_OWED)},
				[NEGOTIATION_EVENT_ORDER_ACKNOWLEDGE] =
					{CELL(IDLE, NEGOTIATION_DO_ACK)},
			},
		[NEGOTIATION_PAUSED] =
			{
				[NEGOTIATION_EVENT_INVITED] =
					{
						CELL(OFFER_RECEIVED, NEGOTIATION_TELL_REFUSED,
							NEGOTIATION_TELL_OFFER)},
				[NEGOTIATION_EVENT_UPDATED] =
					{
						CELL(OFFER_RECEIVED, NEGOTIATION_TELL_REFUSED,
							NEGOTIATION_TELL_OFFER)},
				[NEGOTIATION_EVENT_ACKNOWLEDGED] = {GO(PAUSED)},
				[NEGOTIATION_EVENT_ACCEPTED] = {CELL(PAUSED, NEGOTIATION_DO_ACK)},
				[NEGOTIATION_EVENT_COUNTERED] = {CELL(PAUSED, NEGOTIATION_DO_ACK)},
				[NEGOTIATION_EVENT_PAUSE_OVER] =
					{CELL(OFFER_SENT, NEGOTIATION_DO_REINVITE)},
				[NEGOTIATION_EVENT_ORDER_GIVE_UP] =
					{CELL(IDLE, NEGOTIATION_TELL_REFUSED)},
			},
};

int negotiation_step(
	uint8_t *state, enum negotiation_event event, struct negotiation_actions *ret_actions)
{
	const struct negotiation_cell *cell;

	ret_actions->count = 0;
	if (*state >= NEGOTIATION_STATE_COUNT || event >= NEGOTIATION_EVENT_COUNT)
		return -EPROTO;
	cell = &negotiation_table[*state][event];
	if (!cell->is_expected)
		return -EPROTO;
	*state = cell->next;
	for (unsigned i = 0; i < NEGOTIATION_ACTIONS_MAX && cell->actions[i] != 0; i++)
		ret_actions->list[ret_actions->count++] = cell->actions[i];
	return 0;
}

uint32_t negotiation_pause_ms(bool is_call_id_owner, uint64_t random)
{
	enum {
		UNIT_MS = 10,
		OWNER_MIN_MS = 2100,
		OWNER_MAX_MS = 4000,
		OTHER_MAX_MS = 2000,
		OWNER_STEPS = (OWNER_MAX_MS - OWNER_MIN_MS) / UNIT_MS + 1,
		OTHER_STEPS = OTHER_MAX_MS / UNIT_MS + 1,
	};

	if (is_call_id_owner)
		return OWNER_MIN_MS + (uint32_t)(random % OWNER_STEPS) * UNIT_MS;
	return (uint32_t)(random % OTHER_STEPS) * UNIT_MS;
}

const char *negotiation_state_name(unsigned state)
{
	static const char *const names[NEGOTIATION_STATE_COUNT] = {
#define NEGOTIATION_STATE_NAME(constant, name) #name,
		NEGOTIATION_STATES(NEGOTIATION_STATE_NAME)
#undef NEGOTIATION_STATE_NAME
	};

	return state < NEGOTIATION_STATE_COUNT ? names[state] : "?";
}
