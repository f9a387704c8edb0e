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
 *  The first INVITE, as caller and as called party:
 *
 *     FIRST_SENT ---- reliable 18x with answer, or 2xx ----> IDLE
 *         \--- reliable 18x with offer ---> PRACK_OWED --ORDER_PRACK--> IDLE
 *
 *     FIRST_RECEIVED ---- 2xx (the leg awaits its ACK) ----> IDLE
 *         | \--- reliable 18x with answer ---> EARLY_ANSWERED --PRACK--> IDLE
 *         |                                         \--- PRACK with offer --> OFFER_RECEIVED
 *         \----- reliable 18x with offer ----> EARLY_OFFERED --PRACK with answer--> IDLE
 *
 *  Later, and in an early dialog whose first exchange is done:
 *
 *              re-INVITE, UPDATE, PRACK            ANSWER              ACK
 *        IDLE ------------------------> OFFER_RECEIVED ---> ANSWER_SENT --> IDLE
 *         |                                | REJECT, or UPDATE and PRACK answered: IDLE
 *         | OFFER
 *         v          2xx: ACK, IDLE                     UPDATE_SENT is the same for UPDATE,
 *     OFFER_SENT --- 2xx with offer --> ACK_OWED         but its 2xx needs no ACK
 *         |   ^                            | ACKNOWLEDGE: IDLE
 *     491 v   | pause over
 *       PAUSED
 *
 *  In PAUSED the peer's own offer goes first, that is what the pause is for (RFC 3261 14.1): ours
 *  is given up, and who asked for it may ask again.
 *
 *  A request that comes while an offer of ours is out gets 491, one that comes while the peer's
 *  own is unanswered gets 500 with Retry-After. ACKs and 2xx that are repeated may come in any
 *  state once the first INVITE is done.
 */
#define ON(event) [NEGOTIATION_EVENT_##event]
#define CELL(next_state, ...)                                                                  \
	{                                                                                      \
		.is_expected = 1, .next = NEGOTIATION_##next_state, .actions = { __VA_ARGS__ } \
	}
#define GO(state)                                             \
	{                                                     \
		.is_expected = 1, .next = NEGOTIATION_##state \
	}

/* Offers of the peer's in a state that doesn't end by them. */
#define GLARE(state)                                     \
	ON(INVITED) = CELL(state, NEGOTIATION_DO_GLARE), \
	ON(UPDATED) = CELL(state, NEGOTIATION_DO_GLARE), \
	ON(PRACK_OFFERED) = CELL(state, NEGOTIATION_DO_GLARE)
#define TOO_SOON(state)                                     \
	ON(INVITED) = CELL(state, NEGOTIATION_DO_TOO_SOON), \
	ON(UPDATED) = CELL(state, NEGOTIATION_DO_TOO_SOON), \
	ON(PRACK_OFFERED) = CELL(state, NEGOTIATION_DO_TOO_SOON)
#define TAKEN                                                       \
	ON(INVITED) = CELL(OFFER_RECEIVED, NEGOTIATION_TELL_OFFER), \
	ON(UPDATED) = CELL(OFFER_RECEIVED, NEGOTIATION_TELL_OFFER), \
	ON(PRACK_OFFERED) = CELL(OFFER_RECEIVED, NEGOTIATION_TELL_OFFER)
#define TAKEN_INSTEAD                                                                         \
	ON(INVITED) = CELL(OFFER_RECEIVED, NEGOTIATION_TELL_REFUSED, NEGOTIATION_TELL_OFFER), \
	ON(UPDATED) = CELL(OFFER_RECEIVED, NEGOTIATION_TELL_REFUSED, NEGOTIATION_TELL_OFFER), \
	ON(PRACK_OFFERED) = CELL(OFFER_RECEIVED, NEGOTIATION_TELL_REFUSED, NEGOTIATION_TELL_OFFER)
/* What is repeated, or concerns the first INVITE alone. */
#define REPEATS(state)                                                                \
	ON(ACKNOWLEDGED) = GO(state), ON(ACCEPTED) = CELL(state, NEGOTIATION_DO_ACK), \
	ON(COUNTERED) = CELL(state, NEGOTIATION_DO_ACK), ON(CONNECTED) = GO(state)
#define REPEATS_BUT_ACK(state)                          \
	ON(ACCEPTED) = CELL(state, NEGOTIATION_DO_ACK), \
	ON(COUNTERED) = CELL(state, NEGOTIATION_DO_ACK), ON(CONNECTED) = GO(state)

static const struct negotiation_cell
	negotiation_table[NEGOTIATION_STATE_COUNT][NEGOTIATION_EVENT_COUNT] = {
		[NEGOTIATION_IDLE] =
			{
				TAKEN,
				REPEATS(IDLE),
				ON(PRACKED) = GO(IDLE),
				ON(ACK_MISSING) = GO(IDLE),
				ON(ORDER_CALL) = GO(FIRST_SENT),
				ON(ORDER_TAKE) = GO(FIRST_RECEIVED),
				ON(ORDER_OFFER) = CELL(OFFER_SENT, NEGOTIATION_DO_REINVITE),
				ON(ORDER_UPDATE) = CELL(UPDATE_SENT, NEGOTIATION_DO_UPDATE),
			},
		[NEGOTIATION_FIRST_SENT] =
			{
				GLARE(FIRST_SENT),
				ON(EARLY_ANSWER) = GO(IDLE),
				ON(EARLY_OFFER) = GO(PRACK_OWED),
				ON(CONNECTED) = GO(IDLE),
			},
		[NEGOTIATION_FIRST_RECEIVED] =
			{
				TOO_SOON(FIRST_RECEIVED),
				ON(PRACKED) = GO(FIRST_RECEIVED),
				ON(ORDER_EARLY_ANSWER) = GO(EARLY_ANSWERED),
				ON(ORDER_EARLY_OFFER) = GO(EARLY_OFFERED),
				ON(CONNECTED) = GO(IDLE),
			},
		[NEGOTIATION_EARLY_ANSWERED] =
			{
				ON(INVITED) = CELL(EARLY_ANSWERED, NEGOTIATION_DO_TOO_SOON),
				ON(UPDATED) = CELL(EARLY_ANSWERED, NEGOTIATION_DO_TOO_SOON),
				ON(PRACK_OFFERED) = CELL(OFFER_RECEIVED, NEGOTIATION_TELL_OFFER),
				ON(PRACKED) = GO(IDLE),
			},
		[NEGOTIATION_EARLY_OFFERED] =
			{
				GLARE(EARLY_OFFERED),
				ON(PRACKED) = CELL(IDLE, NEGOTIATION_TELL_ANSWER),
			},
		[NEGOTIATION_PRACK_OWED] =
			{
				TOO_SOON(PRACK_OWED),
				ON(ORDER_PRACK) = CELL(IDLE, NEGOTIATION_DO_PRACK),
				ON(CONNECTED) = GO(IDLE),
			},
		[NEGOTIATION_OFFER_RECEIVED] =
			{
				TOO_SOON(OFFER_RECEIVED),
				REPEATS(OFFER_RECEIVED),
				ON(PRACKED) = GO(OFFER_RECEIVED),
				ON(ORDER_ANSWER) = CELL(ANSWER_SENT, NEGOTIATION_DO_ANSWER),
				ON(ORDER_ANSWER_UPDATE) = CELL(IDLE, NEGOTIATION_DO_ANSWER),
				ON(ORDER_REJECT) = CELL(IDLE, NEGOTIATION_DO_REJECT),
			},
		[NEGOTIATION_ANSWER_SENT] =
			{
				GLARE(ANSWER_SENT),
				REPEATS_BUT_ACK(ANSWER_SENT),
				ON(ACKNOWLEDGED) = CELL(
					IDLE, NEGOTIATION_DO_STOP_2XX, NEGOTIATION_TELL_CONFIRMED),
				ON(ACK_MISSING) = CELL(IDLE, NEGOTIATION_TELL_LOST),
			},
		[NEGOTIATION_OFFER_SENT] =
			{
				GLARE(OFFER_SENT),
				ON(ACKNOWLEDGED) = GO(OFFER_SENT),
				ON(ACCEPTED) =
					CELL(IDLE, NEGOTIATION_DO_ACK, NEGOTIATION_TELL_ANSWER),
				ON(COUNTERED) = CELL(ACK_OWED, NEGOTIATION_TELL_ANSWER),
				ON(REFUSED) = CELL(IDLE, NEGOTIATION_TELL_REFUSED),
				ON(GLARED) = CELL(PAUSED, NEGOTIATION_DO_PAUSE),
				ON(CHALLENGED) = CELL(OFFER_SENT, NEGOTIATION_DO_REINVITE),
				ON(LOST) = CELL(IDLE, NEGOTIATION_TELL_LOST),
			},
		[NEGOTIATION_UPDATE_SENT] =
			{
				GLARE(UPDATE_SENT),
				REPEATS(UPDATE_SENT),
				ON(PRACKED) = GO(UPDATE_SENT),
				ON(ANSWERED) = CELL(IDLE, NEGOTIATION_TELL_ANSWER),
				ON(REFUSED) = CELL(IDLE, NEGOTIATION_TELL_REFUSED),
				ON(GLARED) = CELL(PAUSED_UPDATE, NEGOTIATION_DO_PAUSE),
				ON(CHALLENGED) = CELL(UPDATE_SENT, NEGOTIATION_DO_UPDATE),
				ON(LOST) = CELL(IDLE, NEGOTIATION_TELL_LOST),
			},
		[NEGOTIATION_ACK_OWED] =
			{
				GLARE(ACK_OWED),
				ON(ACKNOWLEDGED) = GO(ACK_OWED),
				ON(ACCEPTED) = GO(ACK_OWED),
				ON(COUNTERED) = GO(ACK_OWED),
				ON(ORDER_ACKNOWLEDGE) = CELL(IDLE, NEGOTIATION_DO_ACK),
			},
		[NEGOTIATION_PAUSED] =
			{
				TAKEN_INSTEAD,
				REPEATS(PAUSED),
				ON(PAUSE_OVER) = CELL(OFFER_SENT, NEGOTIATION_DO_REINVITE),
				ON(ORDER_GIVE_UP) = CELL(IDLE, NEGOTIATION_TELL_REFUSED),
			},
		[NEGOTIATION_PAUSED_UPDATE] =
			{
				TAKEN_INSTEAD,
				REPEATS(PAUSED_UPDATE),
				ON(PRACKED) = GO(PAUSED_UPDATE),
				ON(PAUSE_OVER) = CELL(UPDATE_SENT, NEGOTIATION_DO_UPDATE),
				ON(ORDER_GIVE_UP) = CELL(IDLE, NEGOTIATION_TELL_REFUSED),
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
