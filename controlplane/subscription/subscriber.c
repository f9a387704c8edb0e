/* SPDX-License-Identifier: Apache-2.0 */
/* The table of RFC 6665 4.1.2, figure 1, with the timers that the text gives it. */
#include "subscription/subscriber.h"

#include <tandem/compiler.h>
#include <tandem/time.h>

#include <errno.h>

struct subscriber_cell {
	uint8_t is_expected;
	uint8_t next;
	uint8_t action;
};

#define CELL(next_state, act) \
	.is_expected = 1, .next = SUBSCRIBER_##next_state, .action = SUBSCRIBER_##act
#define GO(next_state) .is_expected = 1, .next = SUBSCRIBER_##next_state

/*
 *   INIT --SENT--> WAITING --TOLD_ACTIVE--> ACTIVE --TOLD_TERMINATED, EXPIRED,-----> TERMINATED
 *                     |                     ^    |   REFRESH_FAILED, ORDER_END          ^
 *                     +--TOLD_PENDING--> PENDING +                                      |
 *                     +--REFUSED, NO_NOTIFY---------------------------------------------+
 */
static const struct subscriber_cell
	subscriber_table[SUBSCRIBER_STATE_COUNT][SUBSCRIBER_EVENT_COUNT] = {
		[SUBSCRIBER_INIT] =
			{
				[SUBSCRIBER_EVENT_SENT] = {CELL(WAITING, DO_WAIT)},
			},
		[SUBSCRIBER_WAITING] =
			{
				[SUBSCRIBER_EVENT_ACCEPTED] = {CELL(WAITING, DO_WAIT)},
				[SUBSCRIBER_EVENT_REFUSED] = {CELL(TERMINATED, TELL_ENDED)},
				[SUBSCRIBER_EVENT_TOLD_PENDING] = {CELL(PENDING, DO_KEEP)},
				[SUBSCRIBER_EVENT_TOLD_ACTIVE] = {CELL(ACTIVE, DO_KEEP)},
				[SUBSCRIBER_EVENT_TOLD_TERMINATED] = {CELL(TERMINATED, TELL_ENDED)},
				[SUBSCRIBER_EVENT_NO_NOTIFY] = {CELL(TERMINATED, TELL_ENDED)},
				[SUBSCRIBER_EVENT_ORDER_END] = {GO(TERMINATED)},
			},
		[SUBSCRIBER_PENDING] =
			{
				[SUBSCRIBER_EVENT_ACCEPTED] = {GO(PENDING)},
				/* The NOTIFY was here first: it is the truth. */
				[SUBSCRIBER_EVENT_REFUSED] = {GO(PENDING)},
				[SUBSCRIBER_EVENT_TOLD_PENDING] = {CELL(PENDING, DO_KEEP)},
				[SUBSCRIBER_EVENT_TOLD_ACTIVE] = {CELL(ACTIVE, DO_KEEP)},
				[SUBSCRIBER_EVENT_TOLD_TERMINATED] = {CELL(TERMINATED, TELL_ENDED)},
				[SUBSCRIBER_EVENT_REFRESH_DUE] = {CELL(PENDING, DO_REFRESH)},
				[SUBSCRIBER_EVENT_REFRESH_FAILED] = {CELL(TERMINATED, TELL_ENDED)},
				[SUBSCRIBER_EVENT_EXPIRED] = {CELL(TERMINATED, TELL_ENDED)},
				[SUBSCRIBER_EVENT_ORDER_END] = {CELL(TERMINATED, DO_UNSUBSCRIBE)},
			},
		[SUBSCRIBER_ACTIVE] =
			{
				[SUBSCRIBER_EVENT_ACCEPTED] = {GO(ACTIVE)},
				[SUBSCRIBER_EVENT_REFUSED] = {GO(ACTIVE)},
				[SUBSCRIBER_EVENT_TOLD_PENDING] = {CELL(PENDING, DO_KEEP)},
				[SUBSCRIBER_EVENT_TOLD_ACTIVE] = {CELL(ACTIVE, DO_KEEP)},
				[SUBSCRIBER_EVENT_TOLD_TERMINATED] = {CELL(TERMINATED, TELL_ENDED)},
				[SUBSCRIBER_EVENT_REFRESH_DUE] = {CELL(ACTIVE, DO_REFRESH)},
				[SUBSCRIBER_EVENT_REFRESH_FAILED] = {CELL(TERMINATED, TELL_ENDED)},
				[SUBSCRIBER_EVENT_EXPIRED] = {CELL(TERMINATED, TELL_ENDED)},
				[SUBSCRIBER_EVENT_ORDER_END] = {CELL(TERMINATED, DO_UNSUBSCRIBE)},
			},
		[SUBSCRIBER_TERMINATED] =
			{
				[SUBSCRIBER_EVENT_ACCEPTED] = {GO(TERMINATED)},
				[SUBSCRIBER_EVENT_REFUSED] = {GO(TERMINATED)},
				[SUBSCRIBER_EVENT_REFRESH_FAILED] = {GO(TERMINATED)},
				[SUBSCRIBER_EVENT_ORDER_END] = {GO(TERMINATED)},
			},
};

int subscriber_step(uint8_t *state, enum subscriber_event event, enum subscriber_action *ret_action)
{
	const struct subscriber_cell *cell;

	*ret_action = SUBSCRIBER_ACTION_NONE;
	if (*state >= SUBSCRIBER_STATE_COUNT || event >= SUBSCRIBER_EVENT_COUNT)
		return -EPROTO;
	cell = &subscriber_table[*state][event];
	if (!cell->is_expected)
		return -EPROTO;
	*state = cell->next;
	*ret_action = (enum subscriber_action)cell->action;
	return 0;
}

uint64_t subscriber_refresh_ms(uint32_t expires_s)
{
	uint64_t whole_ms = (uint64_t)expires_s * TD_MS_PER_S;
	uint64_t margin_ms = SUBSCRIBER_REFRESH_MARGIN_S * TD_MS_PER_S;

	return whole_ms < 2 * margin_ms ? whole_ms / 2 : whole_ms - margin_ms;
}

const char *subscriber_state_name(unsigned state)
{
	static const char *const names[SUBSCRIBER_STATE_COUNT] = {
#define SUBSCRIBER_STATE_NAME(constant, name) #name,
		SUBSCRIBER_STATES(SUBSCRIBER_STATE_NAME)
#undef SUBSCRIBER_STATE_NAME
	};

	return state < SUBSCRIBER_STATE_COUNT ? names[state] : "?";
}

const char *subscriber_event_name(unsigned event)
{
	static const char *const names[SUBSCRIBER_EVENT_COUNT] = {
#define SUBSCRIBER_EVENT_NAME(constant, name) #name,
		SUBSCRIBER_EVENTS(SUBSCRIBER_EVENT_NAME)
#undef SUBSCRIBER_EVENT_NAME
	};

	return event < SUBSCRIBER_EVENT_COUNT ? names[event] : "?";
}
