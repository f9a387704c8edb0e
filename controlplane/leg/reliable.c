/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The table of reliable provisional responses.
 */
#include "leg/reliable.h"

#include <errno.h>

struct reliable_cell {
	uint8_t is_expected;
	uint8_t next;
	uint8_t actions[RELIABLE_ACTIONS_MAX];
};

/*
 *   IDLE --SEND--> SENT --SEND--> QUEUED --PRACK--> SENT, with the next one
 *     ^             |  \             |
 *     +----PRACK----+   \--final-----+--> LATE --PRACK--> IDLE
 */
#define CELL(next_state, ...)                                                               \
	{                                                                                   \
		.is_expected = 1, .next = RELIABLE_##next_state, .actions = { __VA_ARGS__ } \
	}
#define GO(state)                                          \
	{                                                  \
		.is_expected = 1, .next = RELIABLE_##state \
	}

static const struct reliable_cell reliable_table[RELIABLE_STATE_COUNT][RELIABLE_EVENT_COUNT] = {
	[RELIABLE_IDLE] =
		{
			[RELIABLE_EVENT_ORDER_SEND] = CELL(SENT, RELIABLE_DO_SEND),
			[RELIABLE_EVENT_ORDER_FINAL] = GO(IDLE),
		},
	[RELIABLE_SENT] =
		{
			[RELIABLE_EVENT_ORDER_SEND] = CELL(QUEUED, RELIABLE_DO_KEEP),
			[RELIABLE_EVENT_ORDER_FINAL] = GO(LATE),
			[RELIABLE_EVENT_PRACKED] = CELL(IDLE, RELIABLE_DO_STOP),
			[RELIABLE_EVENT_EXPIRED] = CELL(IDLE, RELIABLE_TELL_EXPIRED),
		},
	[RELIABLE_QUEUED] =
		{
			[RELIABLE_EVENT_ORDER_SEND] = CELL(QUEUED, RELIABLE_DO_KEEP),
			[RELIABLE_EVENT_ORDER_FINAL] = GO(LATE),
			[RELIABLE_EVENT_PRACKED] =
				CELL(SENT, RELIABLE_DO_STOP, RELIABLE_DO_SEND_KEPT),
			[RELIABLE_EVENT_EXPIRED] = CELL(IDLE, RELIABLE_TELL_EXPIRED),
		},
	[RELIABLE_LATE] =
		{
			[RELIABLE_EVENT_ORDER_FINAL] = GO(LATE),
			[RELIABLE_EVENT_PRACKED] = GO(IDLE),
			[RELIABLE_EVENT_EXPIRED] = GO(LATE),
		},
};

int reliable_step(uint8_t *state, enum reliable_event event, struct reliable_actions *ret_actions)
{
	const struct reliable_cell *cell;

	ret_actions->count = 0;
	if (*state >= RELIABLE_STATE_COUNT || event >= RELIABLE_EVENT_COUNT)
		return -EPROTO;
	cell = &reliable_table[*state][event];
	if (!cell->is_expected)
		return -EPROTO;
	*state = cell->next;
	for (unsigned i = 0; i < RELIABLE_ACTIONS_MAX && cell->actions[i] != 0; i++)
		ret_actions->list[ret_actions->count++] = cell->actions[i];
	return 0;
}

uint32_t reliable_first_rseq(uint64_t random)
{
	enum {
		FIRST_RSEQ_MAX = 0x7fffffff
	};

	return 1 + (uint32_t)(random % FIRST_RSEQ_MAX);
}

const char *reliable_state_name(unsigned state)
{
	static const char *const names[RELIABLE_STATE_COUNT] = {
#define RELIABLE_STATE_NAME(constant, name) #name,
		RELIABLE_STATES(RELIABLE_STATE_NAME)
#undef RELIABLE_STATE_NAME
	};

	return state < RELIABLE_STATE_COUNT ? names[state] : "?";
}
