/* SPDX-License-Identifier: Apache-2.0 */
/* The table of the REFER branch of a cold transfer, seen from who sends the REFER. */
#include "subscription/refer_client.h"

#include <errno.h>

struct refer_client_cell {
	uint8_t is_expected;
	uint8_t next;
	uint8_t wait;
	uint8_t action;
	uint8_t outcome;
};

#define GO(state) .is_expected = 1, .next = REFER_CLIENT_##state
#define WAIT(state, how) GO(state), .wait = REFER_WAIT_##how
#define PROBE WAIT(PROBING, PROBE), .action = REFER_CLIENT_DO_PROBE
#define OVER(word) WAIT(OVER, NOTHING), .outcome = REFER_OUTCOME_##word
#define SUCCESS WAIT(SUCCEEDED, PEER), .outcome = REFER_OUTCOME_CONFIRMED

/*
 *   SENT --ACCEPTED--> ACCEPTED --TOLD_PROGRESS--> PROGRESSING --TOLD_SUCCESS--> SUCCEEDED
 *    |                    |                            |                             |
 *    |     DEADLINE,      v          TOLD_NOTHING      |            HUNG_UP, DEADLINE|
 *    +----------------> PROBING <----------------------+                             |
 *    | HUNG_UP            v     HUNG_UP                |                             v
 *    +--> LEAVING --> PARTING <------------------------+---- TOLD_FAILURE --------> OVER
 */
static const struct refer_client_cell
	refer_client_table[REFER_CLIENT_STATE_COUNT][REFER_CLIENT_EVENT_COUNT] = {
		[REFER_CLIENT_IDLE] =
			{
				[REFER_CLIENT_EVENT_SENT] = {WAIT(SENT, ACCEPT)},
			},
		[REFER_CLIENT_SENT] =
			{
				[REFER_CLIENT_EVENT_SENT] = {WAIT(SENT, ACCEPT)}, /* credentials */
				[REFER_CLIENT_EVENT_ACCEPTED] = {WAIT(ACCEPTED, NOTIFY)},
				[REFER_CLIENT_EVENT_REFUSED] = {OVER(REFUSED)},
				[REFER_CLIENT_EVENT_UNANSWERED] = {PROBE},
				[REFER_CLIENT_EVENT_TOLD_PROGRESS] = {WAIT(PROGRESSING, NOTIFY)},
				[REFER_CLIENT_EVENT_TOLD_SUCCESS] = {SUCCESS},
				[REFER_CLIENT_EVENT_TOLD_FAILURE] = {OVER(FAILED)},
				[REFER_CLIENT_EVENT_TOLD_NOTHING] = {PROBE},
				[REFER_CLIENT_EVENT_HUNG_UP] = {WAIT(LEAVING, PEER)},
				[REFER_CLIENT_EVENT_CALL_ENDED] = {OVER(UNKNOWN)},
				[REFER_CLIENT_EVENT_DEADLINE] = {PROBE},
			},
		[REFER_CLIENT_ACCEPTED] =
			{
				[REFER_CLIENT_EVENT_TOLD_PROGRESS] = {WAIT(PROGRESSING, NOTIFY)},
				[REFER_CLIENT_EVENT_TOLD_SUCCESS] = {SUCCESS},
				[REFER_CLIENT_EVENT_TOLD_FAILURE] = {OVER(FAILED)},
				[REFER_CLIENT_EVENT_TOLD_NOTHING] = {PROBE},
				[REFER_CLIENT_EVENT_HUNG_UP] = {WAIT(PARTING, PEER)},
				[REFER_CLIENT_EVENT_CALL_ENDED] = {OVER(UNKNOWN)},
				[REFER_CLIENT_EVENT_DEADLINE] = {PROBE},
			},
		[REFER_CLIENT_PROGRESSING] =
			{
				/* The answer to REFER may come behind the first NOTIFY. */
				[REFER_CLIENT_EVENT_ACCEPTED] = {GO(PROGRESSING)},
				[REFER_CLIENT_EVENT_REFUSED] = {GO(PROGRESSING)},
				[REFER_CLIENT_EVENT_UNANSWERED] = {GO(PROGRESSING)},
				[REFER_CLIENT_EVENT_TOLD_PROGRESS] = {WAIT(PROGRESSING, NOTIFY)},
				[REFER_CLIENT_EVENT_TOLD_SUCCESS] = {SUCCESS},
				[REFER_CLIENT_EVENT_TOLD_FAILURE] = {OVER(FAILED)},
				[REFER_CLIENT_EVENT_TOLD_NOTHING] = {PROBE},
				[REFER_CLIENT_EVENT_HUNG_UP] = {WAIT(PARTING, PEER)},
				[REFER_CLIENT_EVENT_CALL_ENDED] = {OVER(UNKNOWN)},
				[REFER_CLIENT_EVENT_DEADLINE] = {PROBE},
			},
		[REFER_CLIENT_LEAVING] =
			{
				[REFER_CLIENT_EVENT_ACCEPTED] = {WAIT(PARTING, PEER)},
				[REFER_CLIENT_EVENT_REFUSED] = {OVER(REFUSED)},
				[REFER_CLIENT_EVENT_UNANSWERED] = {OVER(UNKNOWN)},
				[REFER_CLIENT_EVENT_TOLD_PROGRESS] = {WAIT(PARTING, PEER)},
				[REFER_CLIENT_EVENT_TOLD_SUCCESS] = {OVER(CONFIRMED)},
				[REFER_CLIENT_EVENT_TOLD_FAILURE] = {OVER(FAILED)},
				[REFER_CLIENT_EVENT_TOLD_NOTHING] = {WAIT(PARTING, PEER)},
				[REFER_CLIENT_EVENT_HUNG_UP] = {GO(LEAVING)},
				[REFER_CLIENT_EVENT_CALL_ENDED] = {GO(LEAVING)},
				[REFER_CLIENT_EVENT_DEADLINE] = {OVER(UNKNOWN)},
			},
		[REFER_CLIENT_PARTING] =
			{
				[REFER_CLIENT_EVENT_ACCEPTED] = {GO(PARTING)},
				[REFER_CLIENT_EVENT_REFUSED] = {OVER(REFUSED)},
				[REFER_CLIENT_EVENT_UNANSWERED] = {GO(PARTING)},
				[REFER_CLIENT_EVENT_TOLD_PROGRESS] = {GO(PARTING)},
				[REFER_CLIENT_EVENT_TOLD_SUCCESS] = {OVER(CONFIRMED)},
				[REFER_CLIENT_EVENT_TOLD_FAILURE] = {OVER(FAILED)},
				[REFER_CLIENT_EVENT_TOLD_NOTHING] = {OVER(PRESUMED)},
				[REFER_CLIENT_EVENT_HUNG_UP] = {GO(PARTING)},
				[REFER_CLIENT_EVENT_CALL_ENDED] = {GO(PARTING)},
				[REFER_CLIENT_EVENT_DEADLINE] = {OVER(PRESUMED)},
			},
		[REFER_CLIENT_PROBING] =
			{
				[REFER_CLIENT_EVENT_ACCEPTED] = {GO(PROBING)},
				[REFER_CLIENT_EVENT_REFUSED] = {OVER(REFUSED)},
				[REFER_CLIENT_EVENT_UNANSWERED] = {GO(PROBING)},
				[REFER_CLIENT_EVENT_TOLD_PROGRESS] = {WAIT(PROGRESSING, NOTIFY)},
				[REFER_CLIENT_EVENT_TOLD_SUCCESS] = {SUCCESS},
				[REFER_CLIENT_EVENT_TOLD_FAILURE] = {OVER(FAILED)},
				[REFER_CLIENT_EVENT_TOLD_NOTHING] = {GO(PROBING)},
				[REFER_CLIENT_EVENT_HUNG_UP] = {WAIT(PARTING, PEER)},
				[REFER_CLIENT_EVENT_ALIVE] = {OVER(UNKNOWN)},
				[REFER_CLIENT_EVENT_GONE] = {OVER(PRESUMED)},
				[REFER_CLIENT_EVENT_CALL_ENDED] = {OVER(UNKNOWN)},
				[REFER_CLIENT_EVENT_DEADLINE] = {OVER(UNKNOWN)},
			},
		[REFER_CLIENT_SUCCEEDED] =
			{
				[REFER_CLIENT_EVENT_ACCEPTED] = {GO(SUCCEEDED)},
				[REFER_CLIENT_EVENT_REFUSED] = {GO(SUCCEEDED)},
				[REFER_CLIENT_EVENT_UNANSWERED] = {GO(SUCCEEDED)},
				[REFER_CLIENT_EVENT_TOLD_PROGRESS] = {GO(SUCCEEDED)},
				[REFER_CLIENT_EVENT_TOLD_SUCCESS] = {GO(SUCCEEDED)},
				[REFER_CLIENT_EVENT_TOLD_FAILURE] = {GO(SUCCEEDED)},
				[REFER_CLIENT_EVENT_TOLD_NOTHING] = {GO(SUCCEEDED)},
				[REFER_CLIENT_EVENT_ALIVE] = {GO(SUCCEEDED)},
				[REFER_CLIENT_EVENT_GONE] = {WAIT(OVER, NOTHING)},
				[REFER_CLIENT_EVENT_HUNG_UP] = {WAIT(OVER, NOTHING)},
				[REFER_CLIENT_EVENT_CALL_ENDED] = {WAIT(OVER, NOTHING)},
				[REFER_CLIENT_EVENT_DEADLINE] = {WAIT(OVER, NOTHING),
					.action = REFER_CLIENT_DO_HANG_UP},
			},
};

int refer_client_step(
	uint8_t *state, enum refer_client_event event, struct refer_client_step *ret_step)
{
	const struct refer_client_cell *cell;

	*ret_step = (struct refer_client_step){.wait = REFER_WAIT_AS_IS};
	if (*state >= REFER_CLIENT_STATE_COUNT || event >= REFER_CLIENT_EVENT_COUNT)
		return -EPROTO;
	cell = &refer_client_table[*state][event];
	if (!cell->is_expected)
		return -EPROTO;
	*state = cell->next;
	ret_step->wait = (enum refer_client_wait)cell->wait;
	ret_step->action = (enum refer_client_action)cell->action;
	ret_step->outcome = (enum refer_outcome)cell->outcome;
	return 0;
}

uint64_t refer_client_wait_ms(enum refer_client_wait wait, uint64_t probe_ms)
{
	switch (wait) {
	case REFER_WAIT_ACCEPT:
		return REFER_ACCEPT_MS;
	case REFER_WAIT_NOTIFY:
		return REFER_NOTIFY_MS;
	case REFER_WAIT_PEER:
		return REFER_PEER_MS;
	case REFER_WAIT_PROBE:
		return probe_ms;
	case REFER_WAIT_AS_IS:
	case REFER_WAIT_NOTHING:
	default:
		return 0;
	}
}

const char *refer_client_state_name(unsigned state)
{
	static const char *const names[REFER_CLIENT_STATE_COUNT] = {
#define REFER_CLIENT_STATE_NAME(constant, name) #name,
		REFER_CLIENT_STATES(REFER_CLIENT_STATE_NAME)
#undef REFER_CLIENT_STATE_NAME
	};

	return state < REFER_CLIENT_STATE_COUNT ? names[state] : "?";
}

const char *refer_client_event_name(unsigned event)
{
	static const char *const names[REFER_CLIENT_EVENT_COUNT] = {
#define REFER_CLIENT_EVENT_NAME(constant, name) #name,
		REFER_CLIENT_EVENTS(REFER_CLIENT_EVENT_NAME)
#undef REFER_CLIENT_EVENT_NAME
	};

	return event < REFER_CLIENT_EVENT_COUNT ? names[event] : "?";
}

const char *refer_outcome_name(unsigned outcome)
{
	static const char *const names[REFER_OUTCOME_COUNT] = {[REFER_OUTCOME_NONE] = "",
#define REFER_OUTCOME_NAME(constant, name, help) [REFER_OUTCOME_##constant] = #name,
		REFER_OUTCOMES(REFER_OUTCOME_NAME)
#undef REFER_OUTCOME_NAME
	};

	return outcome < REFER_OUTCOME_COUNT ? names[outcome] : "?";
}
