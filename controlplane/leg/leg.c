/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The table of the leg machine. It decides by itself about nothing but order: what each event
 * means in each state, including all the crossings of CANCEL, 2xx, ACK and BYE.
 */
#include "leg/leg.h"

#include <errno.h>

enum {
	CELL_ACTIONS = 3
};

struct leg_cell {
	uint8_t is_expected;
	uint8_t next;
	uint8_t actions[CELL_ACTIONS];
};

/*
 *  We call:                                        We are called:
 *
 *   IDLE --DIAL--> CALLING --1xx--> PROCEEDING      IDLE --INVITE--> INCOMING --RING--> ALERTING
 *                     |  \            /  |                               |                |
 *                HANG_UP  3xx..6xx   /   | 2xx                           +----ANSWER------+
 *                     |    \--> ENDED    |                               v
 *                     v                  v                            ANSWERED --HANG_UP--> PARTING
 *                CANCELLING    (CONFIRMING: 2xx with offer,              |  |                |
 *                 |  |          ACK owed)   |                           ACK | no ACK     ACK or none
 *     3xx..6xx: ENDED|                      v                            v  v                |
 *       2xx: ACK, BYE+-> ENDING           ACTIVE <-----------------------+  ENDING <---------+
 *                                           |
 *                            BYE: 200, ENDED|HANG_UP: BYE, ENDING --response--> ENDED
 *
 *  ACCEPTING stands between ALERTING and ANSWERED while an exchange of the caller's early dialog
 *  must be finished before the 2xx. A refusal, CANCEL or an early BYE in INCOMING, ALERTING and
 *  ACCEPTING: final response, ENDING, its ACK (or none): ENDED. A BYE that overtakes the ACK in ANSWERED ends the leg; one that crosses ours
 *  in ENDING is answered 200. TELL_GONE stands before DO_BYE: the call says why, BYE carries it.
 */
#define CELL(next_state, ...) .is_expected = 1, .next = LEG_##next_state, .actions = {__VA_ARGS__}
#define GO(state) .is_expected = 1, .next = LEG_##state

static const struct leg_cell leg_table[LEG_STATE_COUNT][LEG_EVENT_COUNT] = {
	[LEG_IDLE] =
		{
			[LEG_EVENT_ORDER_DIAL] = {CELL(CALLING, LEG_DO_INVITE)},
			[LEG_EVENT_INVITED] = {CELL(INCOMING, LEG_TELL_INVITED)},
			[LEG_EVENT_ORDER_HANG_UP] = {GO(ENDED)},
		},
	[LEG_CALLING] =
		{
			[LEG_EVENT_TRYING] = {GO(PROCEEDING)},
			[LEG_EVENT_PROGRESS] = {CELL(PROCEEDING, LEG_TELL_PROGRESS)},
			[LEG_EVENT_CHALLENGED] = {CELL(CALLING, LEG_DO_INVITE)},
			[LEG_EVENT_ACCEPTED] = {CELL(ACTIVE, LEG_DO_ACK, LEG_TELL_ANSWERED)},
			[LEG_EVENT_COUNTERED] = {CELL(CONFIRMING, LEG_TELL_ANSWERED)},
			[LEG_EVENT_REFUSED] = {CELL(ENDED, LEG_TELL_REFUSED)},
			[LEG_EVENT_ORDER_HANG_UP] = {CELL(CANCELLING, LEG_DO_CANCEL)},
		},
	[LEG_PROCEEDING] =
		{
			[LEG_EVENT_TRYING] = {GO(PROCEEDING)},
			[LEG_EVENT_PROGRESS] = {CELL(PROCEEDING, LEG_TELL_PROGRESS)},
			[LEG_EVENT_CHALLENGED] = {CELL(CALLING, LEG_DO_INVITE)},
			[LEG_EVENT_ACCEPTED] = {CELL(ACTIVE, LEG_DO_ACK, LEG_TELL_ANSWERED)},
			[LEG_EVENT_COUNTERED] = {CELL(CONFIRMING, LEG_TELL_ANSWERED)},
			[LEG_EVENT_REFUSED] = {CELL(ENDED, LEG_TELL_REFUSED)},
			/* RFC 3261 15 forbids it, but answering costs nothing. */
			[LEG_EVENT_HUNG_UP] =
				{CELL(CANCELLING, LEG_DO_ACCEPT_BYE, LEG_DO_CANCEL, LEG_TELL_GONE)},
			[LEG_EVENT_ORDER_HANG_UP] = {CELL(CANCELLING, LEG_DO_CANCEL)},
		},
	[LEG_CANCELLING] =
		{
			[LEG_EVENT_TRYING] = {GO(CANCELLING)},
			[LEG_EVENT_PROGRESS] = {GO(CANCELLING)},
			[LEG_EVENT_CHALLENGED] = {GO(ENDED)},
			[LEG_EVENT_ACCEPTED] = {CELL(ENDING, LEG_DO_ACK, LEG_DO_BYE)},
			[LEG_EVENT_COUNTERED] = {CELL(ENDING, LEG_DO_ACK, LEG_DO_BYE)},
			[LEG_EVENT_REFUSED] = {GO(ENDED)},
			[LEG_EVENT_HUNG_UP] = {CELL(CANCELLING, LEG_DO_ACCEPT_BYE)},
			[LEG_EVENT_ORDER_HANG_UP] = {GO(CANCELLING)},
		},
	[LEG_CONFIRMING] =
		{
			[LEG_EVENT_ACCEPTED] =
				{GO(CONFIRMING)}, /* a repeat: the ACK will stop it */
			[LEG_EVENT_COUNTERED] = {GO(CONFIRMING)}, /* the same */
			[LEG_EVENT_ORDER_ACKNOWLEDGE] = {CELL(ACTIVE, LEG_DO_ACK)},
			[LEG_EVENT_HUNG_UP] =
				{CELL(ENDED, LEG_DO_ACK, LEG_DO_ACCEPT_BYE, LEG_TELL_GONE)},
			[LEG_EVENT_ORDER_HANG_UP] = {CELL(ENDING, LEG_DO_ACK, LEG_DO_BYE)},
		},
	[LEG_INCOMING] =
		{
			[LEG_EVENT_ORDER_RING] = {CELL(ALERTING, LEG_DO_PROGRESS)},
			[LEG_EVENT_ORDER_ACCEPT] = {GO(ACCEPTING)},
			[LEG_EVENT_ORDER_ANSWER] = {CELL(ANSWERED, LEG_DO_ANSWER)},
			[LEG_EVENT_ORDER_HANG_UP] = {CELL(ENDING, LEG_DO_REFUSE)},
			[LEG_EVENT_CANCELLED] = {CELL(ENDING, LEG_DO_TERMINATE, LEG_TELL_GONE)},
			[LEG_EVENT_HUNG_UP] =
				{CELL(ENDING, LEG_DO_ACCEPT_BYE, LEG_DO_TERMINATE, LEG_TELL_GONE)},
		},
	[LEG_ALERTING] =
		{
			[LEG_EVENT_ORDER_RING] = {CELL(ALERTING, LEG_DO_PROGRESS)},
			[LEG_EVENT_ORDER_ACCEPT] = {GO(ACCEPTING)},
			[LEG_EVENT_ORDER_ANSWER] = {CELL(ANSWERED, LEG_DO_ANSWER)},
			[LEG_EVENT_ORDER_HANG_UP] = {CELL(ENDING, LEG_DO_REFUSE)},
			[LEG_EVENT_CANCELLED] = {CELL(ENDING, LEG_DO_TERMINATE, LEG_TELL_GONE)},
			[LEG_EVENT_HUNG_UP] =
				{CELL(ENDING, LEG_DO_ACCEPT_BYE, LEG_DO_TERMINATE, LEG_TELL_GONE)},
		},
	[LEG_ACCEPTING] =
		{
			[LEG_EVENT_ORDER_RING] = {GO(ACCEPTING)},
			[LEG_EVENT_ORDER_ACCEPT] = {GO(ACCEPTING)},
			[LEG_EVENT_ORDER_ANSWER] = {CELL(ANSWERED, LEG_DO_ANSWER)},
			[LEG_EVENT_ORDER_HANG_UP] = {CELL(ENDING, LEG_DO_REFUSE)},
			[LEG_EVENT_CANCELLED] = {CELL(ENDING, LEG_DO_TERMINATE, LEG_TELL_GONE)},
			[LEG_EVENT_HUNG_UP] =
				{CELL(ENDING, LEG_DO_ACCEPT_BYE, LEG_DO_TERMINATE, LEG_TELL_GONE)},
		},
	[LEG_ANSWERED] =
		{
			[LEG_EVENT_ACKNOWLEDGED] =
				{CELL(ACTIVE, LEG_DO_STOP_2XX, LEG_TELL_CONFIRMED)},
			[LEG_EVENT_ACK_MISSING] = {CELL(ENDING, LEG_TELL_GONE, LEG_DO_BYE)},
			[LEG_EVENT_CANCELLED] = {GO(ANSWERED)}, /* too late (RFC 3261 9.2) */
			[LEG_EVENT_HUNG_UP] =
				{CELL(ENDED, LEG_DO_ACCEPT_BYE, LEG_DO_STOP_2XX, LEG_TELL_GONE)},
			/* RFC 3261 15: the callee waits for ACK before it sends BYE. */
			[LEG_EVENT_ORDER_HANG_UP] = {GO(PARTING)},
			[LEG_EVENT_LOST] =
				{CELL(ENDING, LEG_DO_STOP_2XX, LEG_DO_BYE, LEG_TELL_GONE)},
		},
	[LEG_PARTING] =
		{
			[LEG_EVENT_ACKNOWLEDGED] = {CELL(ENDING, LEG_DO_STOP_2XX, LEG_DO_BYE)},
			[LEG_EVENT_ACK_MISSING] = {CELL(ENDING, LEG_DO_BYE)},
			[LEG_EVENT_CANCELLED] = {GO(PARTING)},
			[LEG_EVENT_HUNG_UP] = {CELL(ENDED, LEG_DO_ACCEPT_BYE, LEG_DO_STOP_2XX)},
			[LEG_EVENT_ORDER_HANG_UP] = {GO(PARTING)},
		},
	[LEG_ACTIVE] =
		{
			[LEG_EVENT_ACKNOWLEDGED] = {GO(ACTIVE)},
			[LEG_EVENT_ACCEPTED] = {CELL(ACTIVE, LEG_DO_ACK)},
			[LEG_EVENT_COUNTERED] = {CELL(ACTIVE, LEG_DO_ACK)},
			[LEG_EVENT_CANCELLED] = {GO(ACTIVE)},
			[LEG_EVENT_HUNG_UP] = {CELL(ENDED, LEG_DO_ACCEPT_BYE, LEG_TELL_GONE)},
			[LEG_EVENT_LOST] = {CELL(ENDING, LEG_TELL_GONE, LEG_DO_BYE)},
			[LEG_EVENT_ORDER_HANG_UP] = {CELL(ENDING, LEG_DO_BYE)},
		},
	[LEG_ENDING] =
		{
			[LEG_EVENT_ACKNOWLEDGED] = {GO(ENDING)},
			[LEG_EVENT_ACK_MISSING] = {GO(ENDING)},
			[LEG_EVENT_ACCEPTED] = {CELL(ENDING, LEG_DO_ACK)},
			[LEG_EVENT_COUNTERED] = {CELL(ENDING, LEG_DO_ACK)},
			[LEG_EVENT_REFUSED] = {GO(ENDING)}, /* of a re-INVITE */
			[LEG_EVENT_CANCELLED] = {GO(ENDING)},
			[LEG_EVENT_LOST] = {GO(ENDING)},
			[LEG_EVENT_HUNG_UP] = {CELL(ENDING, LEG_DO_ACCEPT_BYE)}, /* crossing */
			[LEG_EVENT_CLOSED] = {GO(ENDED)},
			[LEG_EVENT_ORDER_HANG_UP] = {GO(ENDING)},
		},
	[LEG_ENDED] =
		{
			[LEG_EVENT_ACKNOWLEDGED] = {GO(ENDED)},
			[LEG_EVENT_ACK_MISSING] = {GO(ENDED)},
			[LEG_EVENT_ACCEPTED] = {CELL(ENDED, LEG_DO_ACK)},
			[LEG_EVENT_COUNTERED] = {CELL(ENDED, LEG_DO_ACK)},
			[LEG_EVENT_REFUSED] = {GO(ENDED)},
			[LEG_EVENT_CANCELLED] = {GO(ENDED)},
			[LEG_EVENT_LOST] = {GO(ENDED)},
			[LEG_EVENT_HUNG_UP] = {CELL(ENDED, LEG_DO_ACCEPT_BYE)},
			[LEG_EVENT_CLOSED] = {GO(ENDED)},
			[LEG_EVENT_ORDER_HANG_UP] = {GO(ENDED)},
		},
};

int leg_step(struct leg *leg, enum leg_event event, struct leg_actions *ret_actions)
{
	const struct leg_cell *cell;

	ret_actions->count = 0;
	if (leg->state >= LEG_STATE_COUNT || event >= LEG_EVENT_COUNT)
		return -EPROTO;
	cell = &leg_table[leg->state][event];
	if (!cell->is_expected)
		return -EPROTO;
	leg->state = cell->next;
	for (unsigned i = 0; i < CELL_ACTIONS && cell->actions[i] != LEG_ACTION_NONE; i++)
		ret_actions->list[ret_actions->count++] = cell->actions[i];
	return 0;
}

const char *leg_state_name(unsigned state)
{
	static const char *const names[LEG_STATE_COUNT] = {
#define LEG_STATE_NAME(constant, name) #name,
		LEG_STATES(LEG_STATE_NAME)
#undef LEG_STATE_NAME
	};

	return state < LEG_STATE_COUNT ? names[state] : "?";
}

const char *leg_event_name(unsigned event)
{
	static const char *const names[LEG_EVENT_COUNT] = {
#define LEG_EVENT_NAME(constant, name) #name,
		LEG_EVENTS(LEG_EVENT_NAME)
#undef LEG_EVENT_NAME
	};

	return event < LEG_EVENT_COUNT ? names[event] : "?";
}
