/* SPDX-License-Identifier: Apache-2.0 */
/*
 *           TIMER                  ACCEPTED
 *   IDLE ----------> REGISTERING ----------> REGISTERED <---------+
 *    ^                 |    ^                 |      |            | ACCEPTED
 *    |       NONE_LEFT |    | TIMER           |      | TIMER      |
 *    |         REFUSED v    |                 |      v            |
 *    |             BACKING_OFF <--------------|-- REFRESHING -----+
 *    |                 | STOP       NONE_LEFT |      | STOP
 *    | any outcome     v            STOP      v      v
 *    +------------- UNREGISTERING <-----------+------+
 *
 * CHALLENGED, TOO_BRIEF, REDIRECTED and TARGET_FAILED repeat the request within REGISTERING and
 * REFRESHING; only NONE_LEFT ends the round. Waits grow as RFC 5626 4.5 has it.
 */
#include "trunk/registration.h"

#include <tandem/time.h>

#include <errno.h>
#include <string.h>

enum {
	BACKOFF_BASE_S = 30, /* RFC 5626 4.5: all flows have failed */
	BACKOFF_SHIFT_MAX = 16,
	REFRESH_FIRST_PERMILLE = 850, /* of what was granted */
	REFRESH_LAST_PERMILLE = 900,
	INTERVALS_MAX = 2,		/* 423 in a row: a registrar that never has enough */
	INTERVAL_MAX_S = 7 * 24 * 3600, /* of Min-Expires; more is nonsense */
	RETRY_AFTER_MAX_S = 3600,	/* longer is taken for that */
};

typedef void registration_move(struct registration *registration,
	const struct registration_input *input, struct registration_actions *actions);

struct cell {
	registration_move *move; /* NULL: unexpected */
	uint8_t next;
};

const char *registration_state_name(unsigned state)
{
	static const char *const names[REGISTRATION_STATE_COUNT] = {
#define REGISTRATION_STATE_NAME(constant, name) #name,
		REGISTRATION_STATES(REGISTRATION_STATE_NAME)
#undef REGISTRATION_STATE_NAME
	};

	return state < REGISTRATION_STATE_COUNT ? names[state] : "?";
}

static void add(struct registration_actions *actions, enum registration_action action)
{
	actions->list[actions->count++] = (uint8_t)action;
}

static int apply(struct registration *registration, const struct registration_input *input,
	struct registration_actions *actions);

/* Goes on as if event had come. */
static void go_on(struct registration *registration, const struct registration_input *input,
	enum registration_trigger event, struct registration_actions *actions)
{
	struct registration_input next = *input;

	next.event = event;
	(void)apply(registration, &next, actions); /* the table has a cell for it */
}

/* ---- moves --------------------------------------------------------------------------------- */

static void ignore(struct registration *registration, const struct registration_input *input,
	struct registration_actions *actions)
{
	(void)registration;
	(void)input;
	(void)actions;
}

/* Begins at some time of the window in which all begin. */
static void arrange(struct registration *registration, const struct registration_input *input,
	struct registration_actions *actions)
{
	(void)actions;
	registration->is_wanted = true;
	registration->due_ms = td_after(input->now_ms, input->random % (input->value + 1ull));
}

static void cancel(struct registration *registration, const struct registration_input *input,
	struct registration_actions *actions)
{
	(void)input;
	(void)actions;
	registration->is_wanted = false;
	registration->due_ms = TD_NEVER;
}

static void send(struct registration *registration, const struct registration_input *input,
	struct registration_actions *actions)
{
	(void)input;
	registration->due_ms =
		registration_holds(registration) ? registration->expires_ms : TD_NEVER;
	registration->retry_after_s = 0;
	add(actions, REGISTRATION_DO_SEND);
}

/* What was granted runs out while the request is out. */
static void lapse(struct registration *registration, const struct registration_input *input,
	struct registration_actions *actions)
{
	(void)input;
	registration->expires_ms = 0;
	registration->due_ms = TD_NEVER;
	add(actions, REGISTRATION_TELL_EXPIRED);
}

static void repeat(struct registration *registration, const struct registration_input *input,
	struct registration_actions *actions)
{
	(void)registration;
	(void)input;
	add(actions, REGISTRATION_DO_REPEAT);
}

/* A round failed: waits between half and the whole of a bound that doubles (RFC 5626 4.5). What
 * was granted goes on until its end. */
static void back_off(struct registration *registration, const struct registration_input *input,
	struct registration_actions *actions)
{
	uint32_t shift = registration->failures < BACKOFF_SHIFT_MAX ? registration->failures + 1
								    : BACKOFF_SHIFT_MAX;
	uint64_t bound_ms = ((uint64_t)BACKOFF_BASE_S << shift) * TD_MS_PER_S;
	uint64_t longest_ms = (uint64_t)registration->retry_max_s * TD_MS_PER_S;
	uint64_t wait_ms;

	registration->failures += registration->failures != UINT32_MAX;
	if (bound_ms > longest_ms)
		bound_ms = longest_ms;
	wait_ms = bound_ms / 2 + input->random % (bound_ms / 2 + 1);
	if (wait_ms < (uint64_t)registration->retry_after_s * TD_MS_PER_S)
		wait_ms = (uint64_t)registration->retry_after_s * TD_MS_PER_S +
			  input->random % (wait_ms + 1);
	registration->retry_ms = td_after(input->now_ms, wait_ms);
	registration->due_ms = registration->retry_ms;
	if (registration_holds(registration) && registration->expires_ms < registration->due_ms)
		registration->due_ms = registration->expires_ms;
	if (!registration->has_failed)
		add(actions, REGISTRATION_TELL_FAILED);
	registration->has_failed = true;
}

/* The registrar has said no: nothing that it granted before counts. */
static void give_in(struct registration *registration, const struct registration_input *input,
	struct registration_actions *actions)
{
	registration->expires_ms = 0;
	back_off(registration, input, actions);
}

static void raise_interval(struct registration *registration,
	const struct registration_input *input, struct registration_actions *actions)
{
	if (registration->intervals == INTERVALS_MAX || input->value <= registration->wanted_s ||
		input->value > INTERVAL_MAX_S) {
		go_on(registration, input, REGISTRATION_ON_REFUSED, actions);
		return;
	}
	registration->intervals++;
	registration->wanted_s = input->value;
	add(actions, REGISTRATION_DO_REPEAT);
}

static void try_next(struct registration *registration, const struct registration_input *input,
	struct registration_actions *actions)
{
	uint32_t wait_s = input->value < RETRY_AFTER_MAX_S ? input->value : RETRY_AFTER_MAX_S;

	if (wait_s > registration->retry_after_s)
		registration->retry_after_s = wait_s;
	add(actions, REGISTRATION_DO_TRY_NEXT);
}

static void hold(struct registration *registration, const struct registration_input *input,
	struct registration_actions *actions)
{
	uint64_t granted_ms = (uint64_t)input->value * TD_MS_PER_S;
	uint64_t permille = REFRESH_FIRST_PERMILLE +
			    input->random % (REFRESH_LAST_PERMILLE - REFRESH_FIRST_PERMILLE + 1);

	if (!registration_holds(registration))
		add(actions, REGISTRATION_TELL_REGISTERED);
	registration->failures = 0;
	registration->intervals = 0;
	registration->has_failed = false;
	registration->expires_ms = td_after(input->now_ms, granted_ms);
	registration->due_ms = td_after(input->now_ms, granted_ms * permille / 1000);
}

/* While backing off: the end of what was granted, or the next attempt. */
static void look_again(struct registration *registration, const struct registration_input *input,
	struct registration_actions *actions)
{
	if (registration_holds(registration) && registration->expires_ms <= input->now_ms) {
		registration->expires_ms = 0;
		add(actions, REGISTRATION_TELL_EXPIRED);
	}
	if (registration->retry_ms <= input->now_ms) {
		go_on(registration, input, REGISTRATION_ON_RETRY, actions);
		return;
	}
	registration->due_ms = registration->retry_ms;
	if (registration_holds(registration) && registration->expires_ms < registration->due_ms)
		registration->due_ms = registration->expires_ms;
}

/* No need to wait for the end of the pause. */
static void hurry(struct registration *registration, const struct registration_input *input,
	struct registration_actions *actions)
{
	uint64_t soon_ms = td_after(input->now_ms, input->random % (input->value + 1ull));

	(void)actions;
	if (soon_ms < registration->retry_ms)
		registration->retry_ms = soon_ms;
	if (soon_ms < registration->due_ms)
		registration->due_ms = soon_ms;
}

static void send_end(struct registration *registration, const struct registration_input *input,
	struct registration_actions *actions)
{
	(void)input;
	registration->is_wanted = false;
	registration->due_ms = TD_NEVER;
	add(actions, REGISTRATION_DO_SEND_END);
}

static void repeat_end(struct registration *registration, const struct registration_input *input,
	struct registration_actions *actions)
{
	(void)registration;
	(void)input;
	add(actions, REGISTRATION_DO_REPEAT_END);
}

static void finish(struct registration *registration, const struct registration_input *input,
	struct registration_actions *actions)
{
	if (registration_holds(registration))
		add(actions, REGISTRATION_TELL_ENDED);
	registration->expires_ms = 0;
	registration->failures = 0;
	registration->has_failed = false;
	/* Wanted again meanwhile: at once. */
	registration->due_ms = registration->is_wanted ? input->now_ms : TD_NEVER;
}

/* While it backs off there may be nothing to take back. */
static void end_if_held(struct registration *registration, const struct registration_input *input,
	struct registration_actions *actions)
{
	if (registration_holds(registration)) {
		send_end(registration, input, actions);
		return;
	}
	registration->is_wanted = false;
	go_on(registration, input, REGISTRATION_ON_NONE_LEFT, actions);
}

static void want_again(struct registration *registration, const struct registration_input *input,
	struct registration_actions *actions)
{
	(void)input;
	(void)actions;
	registration->is_wanted = true;
}

static void want_no_more(struct registration *registration, const struct registration_input *input,
	struct registration_actions *actions)
{
	(void)input;
	(void)actions;
	registration->is_wanted = false;
}

/* ---- table --------------------------------------------------------------------------------- */

#define ASKING(state)                                                       \
	[REGISTRATION_ON_START] = {ignore, state},                          \
	[REGISTRATION_ON_STOP] = {send_end, REGISTRATION_UNREGISTERING},    \
	[REGISTRATION_ON_TIMER] = {lapse, state},                           \
	[REGISTRATION_ON_ACCEPTED] = {hold, REGISTRATION_REGISTERED},       \
	[REGISTRATION_ON_CHALLENGED] = {repeat, state},                     \
	[REGISTRATION_ON_TOO_BRIEF] = {raise_interval, state},              \
	[REGISTRATION_ON_REDIRECTED] = {repeat, state},                     \
	[REGISTRATION_ON_TARGET_FAILED] = {try_next, state},                \
	[REGISTRATION_ON_NONE_LEFT] = {back_off, REGISTRATION_BACKING_OFF}, \
	[REGISTRATION_ON_REFUSED] = {give_in, REGISTRATION_BACKING_OFF},    \
	[REGISTRATION_ON_FLOW_LOST] = {ignore, state},                      \
	[REGISTRATION_ON_REACHABLE] = {ignore, state}

static const struct cell cells[REGISTRATION_STATE_COUNT][REGISTRATION_EVENT_COUNT] =
	{
		[REGISTRATION_IDLE] =
			{
				[REGISTRATION_ON_START] = {arrange, REGISTRATION_IDLE},
				[REGISTRATION_ON_STOP] = {cancel, REGISTRATION_IDLE},
				[REGISTRATION_ON_TIMER] = {send, REGISTRATION_REGISTERING},
				[REGISTRATION_ON_FLOW_LOST] = {ignore, REGISTRATION_IDLE},
				[REGISTRATION_ON_REACHABLE] = {ignore, REGISTRATION_IDLE},
			},
		[REGISTRATION_REGISTERING] = {ASKING(REGISTRATION_REGISTERING)},
		[REGISTRATION_REGISTERED] =
			{
				[REGISTRATION_ON_START] = {ignore, REGISTRATION_REGISTERED},
				[REGISTRATION_ON_STOP] = {send_end, REGISTRATION_UNREGISTERING},
				[REGISTRATION_ON_TIMER] = {send, REGISTRATION_REFRESHING},
				[REGISTRATION_ON_FLOW_LOST] = {arrange, REGISTRATION_REGISTERED},
				[REGISTRATION_ON_REACHABLE] = {ignore, REGISTRATION_REGISTERED},
			},
		[REGISTRATION_REFRESHING] = {ASKING(REGISTRATION_REFRESHING)},
		[REGISTRATION_BACKING_OFF] =
			{
				[REGISTRATION_ON_START] = {ignore, REGISTRATION_BACKING_OFF},
				[REGISTRATION_ON_STOP] = {end_if_held, REGISTRATION_UNREGISTERING},
				[REGISTRATION_ON_TIMER] = {look_again, REGISTRATION_BACKING_OFF},
				[REGISTRATION_ON_RETRY] = {send, REGISTRATION_REGISTERING},
				[REGISTRATION_ON_FLOW_LOST] = {ignore, REGISTRATION_BACKING_OFF},
				[REGISTRATION_ON_REACHABLE] = {hurry, REGISTRATION_BACKING_OFF},
			},
		[REGISTRATION_UNREGISTERING] =
			{
				[REGISTRATION_ON_START] = {want_again, REGISTRATION_UNREGISTERING},
				[REGISTRATION_ON_STOP] = {want_no_more, REGISTRATION_UNREGISTERING},
				[REGISTRATION_ON_ACCEPTED] = {finish, REGISTRATION_IDLE},
				[REGISTRATION_ON_CHALLENGED] = {repeat_end,
					REGISTRATION_UNREGISTERING},
				[REGISTRATION_ON_TOO_BRIEF] = {finish, REGISTRATION_IDLE},
				[REGISTRATION_ON_REDIRECTED] = {repeat_end,
					REGISTRATION_UNREGISTERING},
				[REGISTRATION_ON_TARGET_FAILED] = {finish, REGISTRATION_IDLE},
				[REGISTRATION_ON_NONE_LEFT] = {finish, REGISTRATION_IDLE},
				[REGISTRATION_ON_REFUSED] = {finish, REGISTRATION_IDLE},
				[REGISTRATION_ON_FLOW_LOST] = {ignore, REGISTRATION_UNREGISTERING},
				[REGISTRATION_ON_REACHABLE] = {ignore, REGISTRATION_UNREGISTERING},
			},
};

void registration_init(struct registration *registration, uint32_t expires_s, uint32_t retry_max_s,
	uint64_t now_ms)
{
	*registration = (struct registration){
		.state = REGISTRATION_IDLE,
		.configured_s = expires_s,
		.wanted_s = expires_s,
		.retry_max_s = retry_max_s,
		.due_ms = TD_NEVER,
		.state_since_ms = now_ms,
	};
}

void registration_restore(struct registration *registration, uint64_t expires_ms,
	uint64_t refresh_ms, uint64_t now_ms)
{
	registration->state = REGISTRATION_REGISTERED;
	registration->is_wanted = true;
	registration->expires_ms = expires_ms;
	registration->due_ms = refresh_ms < expires_ms ? refresh_ms : expires_ms;
	registration->state_since_ms = now_ms;
}

static int apply(struct registration *registration, const struct registration_input *input,
	struct registration_actions *actions)
{
	uint8_t before = registration->state;
	const struct cell *cell = &cells[before][input->event];

	if (cell->move == NULL)
		return -EPROTO;
	registration->state = cell->next;
	if (cell->next != before)
		registration->state_since_ms = input->now_ms;
	cell->move(registration, input, actions);
	return 0;
}

int registration_step(struct registration *registration, const struct registration_input *input,
	struct registration_actions *ret_actions)
{
	ret_actions->count = 0;
	return (unsigned)input->event < REGISTRATION_EVENT_COUNT
		       ? apply(registration, input, ret_actions)
		       : -EPROTO;
}
