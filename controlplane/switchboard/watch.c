/* SPDX-License-Identifier: Apache-2.0 */
/*
 * From the states of legs to those who watch their parties. A leg is found by its trunk and the
 * user on that trunk: who called by it, or who was called by it. Lines on trunks that may not
 * subscribe cost nothing here.
 */
#include "switchboard/usage.h"

#include <string.h>

/* The state that RFC 4235 gives the phone's end of the leg. */
static enum dialog_info_state state_of(const struct leg *leg)
{
	switch ((enum leg_state)leg->state) {
	case LEG_CALLING:
	case LEG_INCOMING:
		return DIALOG_INFO_TRYING;
	case LEG_PROCEEDING:
	case LEG_CANCELLING:
		return leg->provisional != 0 ? DIALOG_INFO_EARLY : DIALOG_INFO_TRYING;
	case LEG_ALERTING:
	case LEG_ACCEPTING:
		return DIALOG_INFO_EARLY;
	case LEG_CONFIRMING:
	case LEG_ANSWERED:
	case LEG_PARTING:
	case LEG_ACTIVE:
		return DIALOG_INFO_CONFIRMED;
	case LEG_ENDING:
	case LEG_ENDED:
		return DIALOG_INFO_TERMINATED;
	case LEG_IDLE:
	case LEG_STATE_COUNT:
	default:
		return DIALOG_INFO_NONE;
	}
}

/* What made it TERMINATED. */
static void find_cause(const struct leg *leg, unsigned index, struct watched_dialog *news)
{
	const struct event_release *release = &leg->release;
	bool is_own =
		release->by == (index == CALL_CALLER ? EVENT_RELEASE_CALLER : EVENT_RELEASE_CALLEE);

	if (leg->answer_ms != 0)
		news->event = release->detail == EVENT_DETAIL_NO_RESPONSE ||
					      release->detail == EVENT_DETAIL_SESSION_TIMER
				      ? DIALOG_INFO_EVENT_TIMEOUT
			      : is_own ? DIALOG_INFO_EVENT_LOCAL_BYE
				       : DIALOG_INFO_EVENT_REMOTE_BYE;
	else if (release->detail == EVENT_DETAIL_CANCEL)
		news->event = DIALOG_INFO_EVENT_CANCELLED;
	else if (release->detail == EVENT_DETAIL_TIMER ||
		 release->detail == EVENT_DETAIL_NO_RESPONSE)
		news->event = DIALOG_INFO_EVENT_TIMEOUT;
	else
		news->event = DIALOG_INFO_EVENT_REJECTED;
	if (news->event == DIALOG_INFO_EVENT_REJECTED)
		news->code = release->sip_status;
}

/* --- to the subscriptions -------------------------------------------------------------------- */

static struct watched_dialog *find_dialog(struct subscription *subscription, uint64_t leg_id)
{
	for (unsigned i = 0; i < SUBSCRIPTION_DIALOGS_MAX; i++)
		if (subscription->dialogs[i].leg_id == leg_id)
			return &subscription->dialogs[i];
	return NULL;
}

static void tell_one(struct switchboard *switchboard, struct subscription *subscription,
	const struct watched_dialog *news)
{
	struct watched_dialog *watched = find_dialog(subscription, news->leg_id);
	uint8_t told = watched != NULL ? watched->told : DIALOG_INFO_NONE;

	if (news->state == DIALOG_INFO_TERMINATED && told == DIALOG_INFO_NONE) {
		if (watched != NULL) /* it came and went in one pause: nobody heard of it */
			watched->leg_id = 0;
		return;
	}
	if (watched == NULL)
		watched = find_dialog(subscription, 0);
	if (watched == NULL) {
		switchboard->counts.dialogs_untold++;
		return;
	}
	*watched = *news;
	watched->told = told;
	subscription->is_changed = true;
	subscriptions_mark(switchboard, subscription);
}

static void tell(struct switchboard *switchboard, uint64_t party, const struct watched_dialog *news)
{
	struct table_node *node = table_find(switchboard->usages->by_party, &party, sizeof(party));

	for (; node != NULL; node = table_find_next(node)) {
		struct subscription *subscription =
			td_container_of(node, struct subscription, by_party);

		if (notifier_is_open(&subscription->notifier))
			tell_one(switchboard, subscription, news);
	}
}

void watches_collect(struct switchboard *switchboard, struct subscription *subscription)
{
	struct table_node *node = table_find(switchboard->usages->legs_by_party,
		&subscription->party, sizeof(subscription->party));

	for (; node != NULL; node = table_find_next(node)) {
		const struct watch_leg *leg = td_container_of(node, struct watch_leg, by_party);

		tell_one(switchboard, subscription,
			&(const struct watched_dialog){.leg_id = leg->leg_id,
				.state = leg->state,
				.is_initiator = leg->is_initiator});
	}
	subscription->is_changed = false; /* the NOTIFY that follows tells all */
}

/* --- from the lines -------------------------------------------------------------------------- */

/* The leg that was watched is no more, whatever stands in its place. */
static void forget_leg(struct switchboard *switchboard, struct watch_leg *watched,
	const struct watched_dialog *last)
{
	table_remove(switchboard->usages->legs_by_party, &watched->by_party);
	if (watched->leg_id != 0 && watched->state != DIALOG_INFO_TERMINATED)
		tell(switchboard, watched->party, last);
	watched->state = DIALOG_INFO_TERMINATED;
}

static void note_leg(struct switchboard *switchboard, struct line *line, unsigned index)
{
	const struct leg *leg = &line->call.legs[index];
	struct watch_leg *watched = &line->watch->legs[index];
	struct watched_dialog news = {.leg_id = leg->leg_id,
		.state = (uint8_t)state_of(leg),
		.is_initiator = index == CALL_CALLER};

	if (watched->leg_id != 0 && watched->leg_id != leg->leg_id) {
		/* Refused, and another destination has its place now. */
		forget_leg(switchboard, watched,
			&(const struct watched_dialog){.leg_id = watched->leg_id,
				.state = DIALOG_INFO_TERMINATED,
				.is_initiator = watched->is_initiator,
				.event = DIALOG_INFO_EVENT_REJECTED});
		watched->leg_id = 0;
	}
	if (watched->leg_id == 0) {
		if (leg->leg_id == 0 || news.state == DIALOG_INFO_NONE ||
			news.state == DIALOG_INFO_TERMINATED ||
			!subscriptions_are_offered(switchboard, leg->trunk))
			return;
		watched->leg_id = leg->leg_id;
		watched->state = DIALOG_INFO_NONE;
		watched->is_initiator = index == CALL_CALLER;
		watched->party = subscriptions_party(switchboard, leg->trunk,
			index == CALL_CALLER ? line->call.caller.user : line->call.number);
		table_insert(switchboard->usages->legs_by_party, &watched->by_party,
			&watched->party, sizeof(watched->party));
	}
	if (watched->state == news.state)
		return;
	if (news.state == DIALOG_INFO_TERMINATED) {
		find_cause(leg, index, &news);
		forget_leg(switchboard, watched, &news);
	} else {
		watched->state = news.state;
		tell(switchboard, watched->party, &news);
	}
}

void watches_note(struct switchboard *switchboard, struct line *line)
{
	const struct call *call = &line->call;
	bool is_wanted = line->watch != NULL;

	for (unsigned i = 0; i < CALL_LEGS && !is_wanted && switchboard->usages->is_watching; i++)
		is_wanted = call->legs[i].leg_id != 0 &&
			    subscriptions_are_offered(switchboard, call->legs[i].trunk);
	if (!is_wanted)
		return;
	if (line->watch == NULL) {
		line->watch = heap_alloc(&switchboard->usages->heap, sizeof(*line->watch));
		if (line->watch == NULL) { /* the call goes on, unseen */
			switchboard->counts.refused_memory++;
			return;
		}
		memset(line->watch, 0, sizeof(*line->watch));
	}
	for (unsigned i = 0; i < CALL_LEGS; i++)
		note_leg(switchboard, line, i);
}

void watches_drop(struct switchboard *switchboard, struct line *line)
{
	if (line->watch == NULL)
		return;
	for (unsigned i = 0; i < CALL_LEGS; i++) {
		struct watch_leg *watched = &line->watch->legs[i];

		forget_leg(switchboard, watched,
			&(const struct watched_dialog){.leg_id = watched->leg_id,
				.state = DIALOG_INFO_TERMINATED,
				.is_initiator = watched->is_initiator,
				.event = DIALOG_INFO_EVENT_ERROR});
	}
	heap_free(&switchboard->usages->heap, line->watch);
	line->watch = NULL;
}
