/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The table of the call machine, and the small life cycle of what a call owns.
 */
#include "call/call.h"

#include "call/fork.h"
#include "call/referral.h"

#include <errno.h>
#include <string.h>

struct call_cell {
	uint8_t is_expected;
	uint8_t next;
	uint8_t actions[CALL_ACTIONS_MAX];
};

/*
 *   IDLE --ADMITTED--> PREPARING --MEDIA_READY--> DIALLING --PROGRESS--> RINGING
 *                        ^   |                     |    |                 |   |
 *                        |   |     FAILOVER        |    |     ANSWER      |   |
 *                        +---|---------------------+----|-----------------+   |
 *                            |                          v                     |
 *                            |                       ANSWERED <---------------+
 *                            |                          | CONFIRMED
 *                            |                          v
 *                            |  any end, refusal     TALKING
 *                            +--------------+-----------+
 *                                           v
 *                                       CLEARING --SETTLED--> LINGERING --OVER--> DONE
 */
#define CELL(next_state, ...) .is_expected = 1, .next = CALL_##next_state, .actions = {__VA_ARGS__}
#define GO(state) .is_expected = 1, .next = CALL_##state
#define END_BOTH CELL(CLEARING, CALL_DO_END_CALLER, CALL_DO_END_CALLEE, CALL_DO_SUBTRACT_MEDIA)
#define END_CALLEE CELL(CLEARING, CALL_DO_END_CALLEE, CALL_DO_SUBTRACT_MEDIA)
#define END_CALLER CELL(CLEARING, CALL_DO_END_CALLER, CALL_DO_SUBTRACT_MEDIA)

static const struct call_cell call_table[CALL_STATE_COUNT][CALL_TRIGGER_COUNT] =
	{
		[CALL_IDLE] =
			{
				[CALL_ON_ADMITTED] = {CELL(PREPARING, CALL_DO_ADD_MEDIA)},
				[CALL_ON_CLEAR] = {END_BOTH},
			},
		[CALL_PREPARING] =
			{
				[CALL_ON_MEDIA_READY] = {CELL(DIALLING, CALL_DO_DIAL)},
				[CALL_ON_MEDIA_REFUSED] = {END_BOTH},
				[CALL_ON_TIMEOUT] = {END_BOTH},
				[CALL_ON_CALLER_GONE] = {END_CALLEE},
				[CALL_ON_CLEAR] = {END_BOTH},
			},
		[CALL_DIALLING] =
			{
				[CALL_ON_PROGRESS] = {CELL(RINGING, CALL_DO_RELAY_PROGRESS)},
				[CALL_ON_ANSWER] = {CELL(ANSWERED, CALL_DO_RELAY_ANSWER)},
				[CALL_ON_UNUSABLE] = {END_BOTH},
				[CALL_ON_FAILOVER] = {CELL(PREPARING, CALL_DO_NEXT_DESTINATION)},
				[CALL_ON_REFUSED] = {END_CALLER},
				[CALL_ON_CALLER_GONE] = {END_CALLEE},
				[CALL_ON_CALLEE_GONE] = {END_CALLER},
				[CALL_ON_TIMEOUT] = {END_BOTH},
				[CALL_ON_CLEAR] = {END_BOTH},
				[CALL_ON_MEDIA_READY] = {GO(DIALLING)},
			},
		[CALL_RINGING] =
			{
				[CALL_ON_PROGRESS] = {CELL(RINGING, CALL_DO_RELAY_PROGRESS)},
				[CALL_ON_ANSWER] = {CELL(ANSWERED, CALL_DO_RELAY_ANSWER)},
				[CALL_ON_UNUSABLE] = {END_BOTH},
				[CALL_ON_FAILOVER] = {CELL(PREPARING, CALL_DO_NEXT_DESTINATION)},
				[CALL_ON_REFUSED] = {END_CALLER},
				[CALL_ON_CALLER_GONE] = {END_CALLEE},
				[CALL_ON_CALLEE_GONE] = {END_CALLER},
				[CALL_ON_TIMEOUT] = {END_BOTH},
				[CALL_ON_CLEAR] = {END_BOTH},
				[CALL_ON_MEDIA_READY] = {GO(RINGING)},
			},
		[CALL_ANSWERED] =
			{
				[CALL_ON_CONFIRMED] = {CELL(TALKING, CALL_DO_BRIDGE)},
				[CALL_ON_CALLER_GONE] = {END_CALLEE},
				[CALL_ON_CALLEE_GONE] = {END_CALLER},
				[CALL_ON_MEDIA_LOST] = {END_BOTH},
				[CALL_ON_CLEAR] = {END_BOTH},
				[CALL_ON_MEDIA_READY] = {GO(ANSWERED)},
			},
		[CALL_TALKING] =
			{
				[CALL_ON_CALLER_GONE] = {END_CALLEE},
				[CALL_ON_CALLEE_GONE] = {END_CALLER},
				[CALL_ON_MEDIA_LOST] = {END_BOTH},
				[CALL_ON_CLEAR] = {END_BOTH},
				[CALL_ON_MEDIA_READY] = {GO(TALKING)},
			},
		[CALL_CLEARING] =
			{
				[CALL_ON_CALLER_GONE] = {GO(CLEARING)},
				[CALL_ON_CALLEE_GONE] = {GO(CLEARING)},
				[CALL_ON_TIMEOUT] = {GO(CLEARING)},
				[CALL_ON_CLEAR] = {GO(CLEARING)},
				[CALL_ON_SETTLED] = {CELL(LINGERING, CALL_DO_RECORD)},
			},
		[CALL_LINGERING] =
			{
				[CALL_ON_CALLER_GONE] = {GO(LINGERING)},
				[CALL_ON_CALLEE_GONE] = {GO(LINGERING)},
				[CALL_ON_CLEAR] = {GO(LINGERING)},
				[CALL_ON_OVER] = {CELL(DONE, CALL_DO_FORGET)},
			},
};

int call_step(struct call *call, enum call_trigger trigger, struct call_actions *ret_actions)
{
	const struct call_cell *cell;

	ret_actions->count = 0;
	if (call->state >= CALL_STATE_COUNT || trigger >= CALL_TRIGGER_COUNT)
		return -EPROTO;
	cell = &call_table[call->state][trigger];
	if (!cell->is_expected)
		return -EPROTO;
	call->state = cell->next;
	call->epoch++;
	for (unsigned i = 0; i < CALL_ACTIONS_MAX && cell->actions[i] != CALL_ACTION_NONE; i++)
		ret_actions->list[ret_actions->count++] = cell->actions[i];
	return 0;
}

const char *call_state_name(unsigned state)
{
	static const char *const names[CALL_STATE_COUNT] = {
#define CALL_STATE_NAME(constant, name) #name,
		CALL_STATES(CALL_STATE_NAME)
#undef CALL_STATE_NAME
	};

	return state < CALL_STATE_COUNT ? names[state] : "?";
}

const char *call_trigger_name(unsigned trigger)
{
	static const char *const names[CALL_TRIGGER_COUNT] = {
#define CALL_TRIGGER_NAME(constant, name) #name,
		CALL_TRIGGERS(CALL_TRIGGER_NAME)
#undef CALL_TRIGGER_NAME
	};

	return trigger < CALL_TRIGGER_COUNT ? names[trigger] : "?";
}

static void free_leg(struct call *call, unsigned index)
{
	struct leg *leg = &call->legs[index];

	call_drop_forks(call, index);
	call_drop_request(call, &leg->invite);
	call_drop_request(call, &leg->info);
	call_clear_negotiation(call, &leg->negotiation);
	call_clear_text(call, &leg->ack_sdp, &leg->ack_sdp_length);
	dialog_fini(&leg->dialog);
}

void call_begin_leg(struct call *call, unsigned index, const struct td_now *now)
{
	struct leg *leg = &call->legs[index];

	free_leg(call, index);
	memset(leg, 0, sizeof(*leg));
	leg->index = (uint8_t)index;
	leg->is_uac = index == CALL_CALLEE;
	leg->leg_id = call_leg_id(call, call->leg_count++);
	leg->attempt_no = index == CALL_CALLEE ? (uint16_t)(call->destination_at + 1) : 1;
	leg->created_ms = now->mono_ms;
	leg->times.invite_wall_ns = now->wall_ns;
}

void call_clear_text(struct call *call, char **text, uint32_t *length)
{
	heap_free(call->heap, *text);
	*text = NULL;
	*length = 0;
}

int call_set_text(struct call *call, char **text, uint32_t *length, struct span to)
{
	char *copy = NULL;

	if (to.length != 0) {
		copy = heap_copy(call->heap, to.text, to.length);
		if (copy == NULL)
			return -ENOMEM;
	}
	heap_free(call->heap, *text);
	*text = copy;
	*length = to.length;
	return 0;
}

int call_keep_request(struct call *call, struct leg_request **slot, enum sip_method method,
	struct span bytes, const struct sip_flow *flow)
{
	struct leg_request *request = heap_alloc(call->heap, sizeof(*request) + bytes.length);

	if (request == NULL)
		return -ENOMEM;
	memset(request, 0, sizeof(*request));
	request->flow = *flow;
	request->method = (uint8_t)method;
	request->length = bytes.length;
	if (bytes.length != 0)
		memcpy(request->bytes, bytes.text, bytes.length);
	heap_free(call->heap, *slot);
	*slot = request;
	return 0;
}

void call_drop_request(struct call *call, struct leg_request **slot)
{
	heap_free(call->heap, *slot);
	*slot = NULL;
}

void call_clear_negotiation(struct call *call, struct negotiation *negotiation)
{
	call_drop_request(call, &negotiation->asked);
	call_drop_request(call, &negotiation->sent);
	call_drop_request(call, &negotiation->prack);
	call_clear_text(call, &negotiation->local_sdp, &negotiation->local_sdp_length);
	call_clear_text(call, &negotiation->remote_sdp, &negotiation->remote_sdp_length);
	memset(negotiation, 0, sizeof(*negotiation));
}

void call_take_stats(struct call *call, unsigned index, const struct td_termination_stats *stats)
{
	struct call_media *media = &call->media[index];

	heap_free(call->heap, media->stats);
	media->stats = stats != NULL ? heap_copy(call->heap, stats, sizeof(*stats)) : NULL;
}

void call_fini(struct call *call)
{
	for (unsigned i = 0; i < CALL_LEGS; i++) {
		free_leg(call, i);
		call_take_stats(call, i, NULL);
	}
	call_clear_text(call, &call->offer, &call->offer_length);
	referral_remove_all(call);
}

bool call_is_settled(const struct call *call)
{
	for (unsigned i = 0; i < CALL_LEGS; i++)
		if (!leg_is_settled(&call->legs[i]) || call->media[i].state == CALL_MEDIA_REMOVING)
			return false;
	return true;
}

bool call_is_over(const struct call *call)
{
	return leg_is_over(&call->legs[CALL_CALLER]) && leg_is_over(&call->legs[CALL_CALLEE]) &&
	       call->referrals == NULL;
}

bool call_is_held_by(const struct call *call, unsigned index)
{
	const struct call_media *media = &call->media[index];

	return media->has_remote && (media->remote.mode & TD_MODE_SEND) == 0;
}

bool call_is_on_hold(const struct call *call)
{
	return call_is_held_by(call, CALL_CALLER) || call_is_held_by(call, CALL_CALLEE);
}
