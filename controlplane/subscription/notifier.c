/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Two tables: the subscription's life decides what each event means for the telling, the
 * telling decides whether a NOTIFY goes out now.
 */
#include "subscription/notifier.h"

#include <tandem/compiler.h>

#include <errno.h>

/* What the life wants of the telling. */
enum wish {
	WISH_NOTHING,
	WISH_SAY,   /* as soon as the last NOTIFY is answered, pause or not */
	WISH_NEWS,  /* when the pause allows */
	WISH_CLOSE, /* one more NOTIFY, then no more */
	WISH_ANSWERED,
	WISH_REFUSED,
	WISH_LOST,
	WISH_WAKE,
	WISH_COUNT
};

struct life_cell {
	uint8_t is_expected;
	uint8_t next;
	uint8_t wish;
	uint8_t reason;
};

#define LIFE(next_state, wish_word) \
	.is_expected = 1, .next = NOTIFIER_##next_state, .wish = WISH_##wish_word
#define END(word)                                                          \
	.is_expected = 1, .next = NOTIFIER_TERMINATED, .wish = WISH_CLOSE, \
	.reason = SUBSCRIPTION_REASON_##word
/* What happens to a NOTIFY is the telling's business, whatever the state. */
#define ANSWERS(state)                                         \
	[NOTIFIER_EVENT_DELIVERED] = {LIFE(state, ANSWERED)},  \
	[NOTIFIER_EVENT_UNDELIVERED] = {LIFE(state, REFUSED)}, \
	[NOTIFIER_EVENT_LOST] = {LIFE(TERMINATED, LOST)},      \
	[NOTIFIER_EVENT_PAUSE_OVER] = {LIFE(state, WAKE)}

/*
 *   INIT --ACCEPTED, APPROVED--> ACTIVE --UNSUBSCRIBED, EXPIRED, FINISHED, ...--> TERMINATED
 *     |                             ^                                                 ^
 *     +--DEFERRED--> PENDING -------+-------------------------------------------------+
 *     +--FETCHED----------------------------------------------------------------------+
 */
static const struct life_cell life_table[NOTIFIER_STATE_COUNT][NOTIFIER_EVENT_COUNT] = {
	[NOTIFIER_INIT] =
		{
			[NOTIFIER_EVENT_ACCEPTED] = {LIFE(ACTIVE, SAY)},
			[NOTIFIER_EVENT_DEFERRED] = {LIFE(PENDING, SAY)},
			[NOTIFIER_EVENT_FETCHED] = {END(TIMEOUT)},
		},
	[NOTIFIER_PENDING] =
		{
			[NOTIFIER_EVENT_APPROVED] = {LIFE(ACTIVE, SAY)},
			[NOTIFIER_EVENT_REJECTED] = {END(REJECTED)},
			[NOTIFIER_EVENT_REFRESHED] = {LIFE(PENDING, SAY)},
			[NOTIFIER_EVENT_UNSUBSCRIBED] = {END(TIMEOUT)},
			/* Who may not see anything isn't told that there is something. */
			[NOTIFIER_EVENT_CHANGED] = {LIFE(PENDING, NOTHING)},
			[NOTIFIER_EVENT_FINISHED] = {END(NORESOURCE)},
			[NOTIFIER_EVENT_WITHDRAWN] = {END(DEACTIVATED)},
			[NOTIFIER_EVENT_EXPIRED] = {END(TIMEOUT)},
			ANSWERS(PENDING),
		},
	[NOTIFIER_ACTIVE] =
		{
			[NOTIFIER_EVENT_REJECTED] = {END(REJECTED)},
			[NOTIFIER_EVENT_REFRESHED] = {LIFE(ACTIVE, SAY)},
			[NOTIFIER_EVENT_UNSUBSCRIBED] = {END(TIMEOUT)},
			[NOTIFIER_EVENT_CHANGED] = {LIFE(ACTIVE, NEWS)},
			[NOTIFIER_EVENT_FINISHED] = {END(NORESOURCE)},
			[NOTIFIER_EVENT_WITHDRAWN] = {END(DEACTIVATED)},
			[NOTIFIER_EVENT_EXPIRED] = {END(TIMEOUT)},
			ANSWERS(ACTIVE),
		},
	[NOTIFIER_TERMINATED] =
		{
			[NOTIFIER_EVENT_CHANGED] = {LIFE(TERMINATED, NOTHING)},
			[NOTIFIER_EVENT_FINISHED] = {LIFE(TERMINATED, NOTHING)},
			[NOTIFIER_EVENT_WITHDRAWN] = {LIFE(TERMINATED, NOTHING)},
			[NOTIFIER_EVENT_EXPIRED] = {LIFE(TERMINATED, NOTHING)},
			ANSWERS(TERMINATED),
		},
};

struct delivery_cell {
	uint8_t is_expected;
	uint8_t next;
	uint8_t action;
};

#define TELL(next_state, act) \
	.is_expected = 1, .next = NOTIFIER_DELIVERY_##next_state, .action = NOTIFIER_##act
#define STAY(next_state) .is_expected = 1, .next = NOTIFIER_DELIVERY_##next_state

static const struct delivery_cell delivery_table[NOTIFIER_DELIVERY_COUNT][WISH_COUNT] =
	{
		[NOTIFIER_DELIVERY_IDLE] =
			{
				[WISH_SAY] = {TELL(SENDING, DO_NOTIFY)},
				[WISH_NEWS] = {TELL(SENDING, DO_NOTIFY)},
				[WISH_CLOSE] = {TELL(LAST, DO_NOTIFY)},
			},
		[NOTIFIER_DELIVERY_SENDING] =
			{
				[WISH_SAY] = {STAY(SENDING_STALE)},
				[WISH_NEWS] = {STAY(SENDING_STALE)},
				[WISH_CLOSE] = {STAY(CLOSING)},
				[WISH_ANSWERED] = {TELL(PAUSING, DO_PAUSE)},
				[WISH_REFUSED] = {TELL(PAUSING_STALE, DO_PAUSE)},
				[WISH_LOST] = {TELL(DONE, DO_FORGET)},
			},
		[NOTIFIER_DELIVERY_SENDING_STALE] =
			{
				[WISH_SAY] = {STAY(SENDING_STALE)},
				[WISH_NEWS] = {STAY(SENDING_STALE)},
				[WISH_CLOSE] = {STAY(CLOSING)},
				[WISH_ANSWERED] = {TELL(PAUSING_STALE, DO_PAUSE)},
				[WISH_REFUSED] = {TELL(PAUSING_STALE, DO_PAUSE)},
				[WISH_LOST] = {TELL(DONE, DO_FORGET)},
			},
		[NOTIFIER_DELIVERY_PAUSING] =
			{
				[WISH_SAY] = {TELL(SENDING, DO_NOTIFY)},
				[WISH_NEWS] = {STAY(PAUSING_STALE)},
				[WISH_CLOSE] = {TELL(LAST, DO_NOTIFY)},
				[WISH_WAKE] = {STAY(IDLE)},
			},
		[NOTIFIER_DELIVERY_PAUSING_STALE] =
			{
				[WISH_SAY] = {TELL(SENDING, DO_NOTIFY)},
				[WISH_NEWS] = {STAY(PAUSING_STALE)},
				[WISH_CLOSE] = {TELL(LAST, DO_NOTIFY)},
				[WISH_WAKE] = {TELL(SENDING, DO_NOTIFY)},
			},
		[NOTIFIER_DELIVERY_CLOSING] =
			{
				[WISH_ANSWERED] = {TELL(LAST, DO_NOTIFY)},
				[WISH_REFUSED] = {TELL(LAST, DO_NOTIFY)},
				[WISH_LOST] = {TELL(DONE, DO_FORGET)},
			},
		[NOTIFIER_DELIVERY_LAST] =
			{
				[WISH_ANSWERED] = {TELL(DONE, DO_FORGET)},
				[WISH_REFUSED] = {TELL(DONE, DO_FORGET)},
				[WISH_LOST] = {TELL(DONE, DO_FORGET)},
			},
};

int notifier_step(
	struct notifier *notifier, enum notifier_event event, enum notifier_action *ret_action)
{
	const struct life_cell *life;
	const struct delivery_cell *delivery;

	*ret_action = NOTIFIER_ACTION_NONE;
	if (notifier->state >= NOTIFIER_STATE_COUNT || event >= NOTIFIER_EVENT_COUNT ||
		notifier->delivery >= NOTIFIER_DELIVERY_COUNT)
		return -EPROTO;
	life = &life_table[notifier->state][event];
	delivery = &delivery_table[notifier->delivery][life->wish];
	if (!life->is_expected || (life->wish != WISH_NOTHING && !delivery->is_expected))
		return -EPROTO;
	notifier->state = life->next;
	if (life->reason != SUBSCRIPTION_REASON_NONE)
		notifier->reason = life->reason;
	if (life->wish != WISH_NOTHING) {
		notifier->delivery = delivery->next;
		*ret_action = (enum notifier_action)delivery->action;
	}
	return 0;
}

enum subscription_substate notifier_substate(const struct notifier *notifier)
{
	if (notifier->state == NOTIFIER_TERMINATED)
		return SUBSTATE_TERMINATED;
	return notifier->state == NOTIFIER_PENDING ? SUBSTATE_PENDING : SUBSTATE_ACTIVE;
}

enum notifier_event notifier_event_of_status(unsigned status)
{
	if (status / 100 == 2)
		return NOTIFIER_EVENT_DELIVERED;
	if (status == 0 || status == 404 || status == 405 || status == 408 || status == 410 ||
		status == 416 || (status >= 480 && status <= 485) || status == 489 ||
		status == 501 || status == 604)
		return NOTIFIER_EVENT_LOST;
	return NOTIFIER_EVENT_UNDELIVERED;
}

const char *notifier_state_name(unsigned state)
{
	static const char *const names[NOTIFIER_STATE_COUNT] = {
#define NOTIFIER_STATE_NAME(constant, name) #name,
		NOTIFIER_STATES(NOTIFIER_STATE_NAME)
#undef NOTIFIER_STATE_NAME
	};

	return state < NOTIFIER_STATE_COUNT ? names[state] : "?";
}

const char *notifier_delivery_name(unsigned delivery)
{
	static const char *const names[NOTIFIER_DELIVERY_COUNT] = {
#define NOTIFIER_DELIVERY_NAME(constant, name) #name,
		NOTIFIER_DELIVERIES(NOTIFIER_DELIVERY_NAME)
#undef NOTIFIER_DELIVERY_NAME
	};

	return delivery < NOTIFIER_DELIVERY_COUNT ? names[delivery] : "?";
}

const char *notifier_event_name(unsigned event)
{
	static const char *const names[NOTIFIER_EVENT_COUNT] = {
#define NOTIFIER_EVENT_NAME(constant, name) #name,
		NOTIFIER_EVENTS(NOTIFIER_EVENT_NAME)
#undef NOTIFIER_EVENT_NAME
	};

	return event < NOTIFIER_EVENT_COUNT ? names[event] : "?";
}
