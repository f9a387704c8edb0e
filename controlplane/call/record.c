/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Field by field, in the order of events/record.h. Durations come from the monotonic clock, so a
 * step of the wall clock falsifies none.
 */
#include "call/record.h"

#include "call/outcome.h"

#include <stdio.h>
#include <string.h>

static void text_copy(char *to, size_t size, const char *from)
{
	if (from != NULL)
		event_text_set(to, size, from, strlen(from));
}

static void text_take(char *to, size_t size, struct span from)
{
	event_text_set(to, size, from.text, from.length);
}

static struct event_release record_release(const struct leg *leg)
{
	struct event_release release = leg->release;

	if (leg->answer_ms != 0)
		release.sip_status = 200;
	outcome_classify(&release, leg->answer_ms != 0);
	return release;
}

void record_fill_event(struct call *call, enum call_event_kind kind, unsigned leg_index,
	const struct record_names *names, struct event_record *ret_record)
{
	const struct leg *leg = &call->legs[leg_index < CALL_LEGS ? leg_index : CALL_CALLER];
	struct call_event *event = &ret_record->call;

	memset(ret_record, 0, sizeof(*ret_record));
	ret_record->kind = EVENT_RECORD_CALL;
	event->contact_id = call->call_id;
	event->call_id = call->call_id;
	event->ordinal = call->ordinal++;
	event->kind = (uint8_t)kind;
	event->wall_ns = names->now.wall_ns;
	event->since_created_ms = td_since(names->now.mono_ms, call->created_ms);
	if (leg_index < CALL_LEGS) {
		event->leg_id = leg->leg_id;
		event->direction = leg->is_uac ? EVENT_DIRECTION_OUT : EVENT_DIRECTION_IN;
		text_copy(event->trunk, sizeof(event->trunk), names->trunks[leg_index]);
		text_take(event->sip_call_id, sizeof(event->sip_call_id),
			dialog_span(&leg->dialog, leg->dialog.call_id));
		text_copy(event->codec, sizeof(event->codec), call->media[leg_index].codec);
	}
	text_copy(event->caller, sizeof(event->caller), call->caller.user);
	text_copy(event->callee, sizeof(event->callee), call->callee.user);
	if (kind == CALL_EVENT_ENDED || kind == CALL_EVENT_FAILED)
		event->release = record_release(leg);
	else if (kind == CALL_EVENT_PROGRESS)
		event->release.sip_status = (uint16_t)(100 + leg->provisional);
	else if (kind == CALL_EVENT_ANSWERED)
		event->release.sip_status = 200;
}

static void cdr_fill_durations(const struct leg *leg, struct leg_cdr *cdr)
{
	uint64_t first = leg->first_18x_ms != 0 ? leg->first_18x_ms : leg->answer_ms;
	uint64_t ring_end = leg->answer_ms != 0 ? leg->answer_ms : leg->end_ms;

	cdr->pdd_ms = first != 0 ? td_since(first, leg->created_ms) : 0;
	cdr->ring_ms = leg->first_18x_ms != 0 ? td_since(ring_end, leg->first_18x_ms) : 0;
	if (leg->answer_ms == 0)
		return;
	cdr->setup_ms = td_since(leg->answer_ms, leg->created_ms);
	cdr->bill_ms = td_since(leg->end_ms, leg->answer_ms);
	cdr->hold_ms = leg->held_ms;
	if (leg->hold_since_ms != 0)
		cdr->hold_ms += td_since(leg->end_ms, leg->hold_since_ms);
	cdr->talk_ms = td_since(cdr->bill_ms, cdr->hold_ms);
}

static void cdr_fill_sip(const struct leg *leg, struct leg_cdr *cdr)
{
	const struct dialog *dialog = &leg->dialog;

	text_take(cdr->sip_call_id, sizeof(cdr->sip_call_id), dialog_span(dialog, dialog->call_id));
	text_take(cdr->sip_local_tag, sizeof(cdr->sip_local_tag),
		dialog_span(dialog, dialog->local_tag));
	text_take(cdr->sip_remote_tag, sizeof(cdr->sip_remote_tag),
		dialog_span(dialog, dialog->remote_tag));
	text_copy(cdr->user_agent, sizeof(cdr->user_agent), leg->user_agent);
	cdr->local = dialog->flow.local;
	cdr->remote = dialog->flow.remote;
	/* Both lists are in the same order: unknown or none, UDP, TCP, TLS, WS, WSS. */
	cdr->transport = (uint8_t)dialog->flow.transport;
}

void record_fill_cdr(const struct call *call, unsigned leg_index, const struct record_names *names,
	struct event_record *ret_record)
{
	const struct leg *leg = &call->legs[leg_index];
	const struct call_media *media = &call->media[leg_index];
	struct leg_cdr *cdr = &ret_record->cdr;

	memset(ret_record, 0, sizeof(*ret_record));
	ret_record->kind = EVENT_RECORD_CDR;
	cdr->contact_id = call->call_id;
	cdr->call_id = call->call_id;
	cdr->leg_id = leg->leg_id;
	cdr->parent_leg_id = leg_index == CALL_CALLEE ? call->legs[CALL_CALLER].leg_id : 0;
	cdr->related_leg_id = leg->answer_ms != 0 ? call->legs[1 - leg_index].leg_id : 0;
	cdr->leg_seq = (uint32_t)(leg->leg_id & ((1u << CALL_LEG_ID_BITS) - 1));
	cdr->attempt_no = leg->attempt_no;
	cdr->direction = leg->is_uac ? EVENT_DIRECTION_OUT : EVENT_DIRECTION_IN;
	cdr->role = leg->is_uac ? EVENT_ROLE_NONE : EVENT_ROLE_CUSTOMER;
	cdr->is_recovered = leg->is_recovered;
	cdr->is_media_stats_missing = media->has_remote && media->stats == NULL;
	text_copy(cdr->trunk, sizeof(cdr->trunk), names->trunks[leg_index]);
	text_copy(cdr->route, sizeof(cdr->route), call->route);
	cdr_fill_sip(leg, cdr);
	cdr->caller = call->caller;
	cdr->callee = call->callee;
	if (leg->is_uac && call->number[0] != '\0')
		text_copy(cdr->callee.user, sizeof(cdr->callee.user), call->number);
	cdr->times = leg->times;
	cdr_fill_durations(leg, cdr);
	cdr->release = record_release(leg);
	if (media->has_remote) {
		text_copy(cdr->codec, sizeof(cdr->codec), media->codec);
		cdr->ptime_ms = media->ptime_ms;
		cdr->media_remote = media->remote.rtp;
	}
	cdr->media_local = media->local;
	if (media->stats != NULL)
		cdr->media = *media->stats;
}

void record_fill_contact(
	const struct call *call, const struct record_names *names, struct event_record *ret_record)
{
	const struct leg *caller = &call->legs[CALL_CALLER];
	const struct leg *callee = &call->legs[CALL_CALLEE];
	struct contact_record *contact = &ret_record->contact;
	struct leg_cdr durations;

	memset(ret_record, 0, sizeof(*ret_record));
	memset(&durations, 0, sizeof(durations));
	ret_record->kind = EVENT_RECORD_CONTACT;
	contact->contact_id = call->call_id;
	contact->call_id = call->call_id;
	contact->leg_count = call->leg_count;
	for (unsigned i = 0; i < call->leg_count && i < EVENT_CALL_LEGS_MAX; i++)
		contact->leg_ids[i] = call_leg_id(call, i);
	contact->direction = EVENT_DIRECTION_IN;
	contact->is_recovered = call->is_recovered;
	text_copy(contact->trunk_in, sizeof(contact->trunk_in), names->trunks[CALL_CALLER]);
	if (callee->leg_id != 0)
		text_copy(
			contact->trunk_out, sizeof(contact->trunk_out), names->trunks[CALL_CALLEE]);
	text_copy(contact->route, sizeof(contact->route), call->route);
	text_copy(contact->caller, sizeof(contact->caller), call->caller.user);
	text_copy(contact->callee, sizeof(contact->callee), call->callee.user);
	contact->start_wall_ns = caller->times.invite_wall_ns;
	contact->answer_wall_ns = caller->times.answer_wall_ns;
	contact->end_wall_ns = caller->times.end_wall_ns;
	contact->duration_ms = td_since(caller->end_ms, caller->created_ms);
	cdr_fill_durations(caller, &durations);
	contact->talk_ms = durations.talk_ms;
	contact->hold_ms = durations.hold_ms;
	contact->release = record_release(caller);
}

void record_note_hold(struct leg *leg, bool is_held, uint64_t now_ms)
{
	if (is_held && leg->hold_since_ms == 0) {
		leg->hold_since_ms = now_ms;
	} else if (!is_held && leg->hold_since_ms != 0) {
		leg->held_ms += td_since(now_ms, leg->hold_since_ms);
		leg->hold_since_ms = 0;
	}
}

void record_note_end(struct leg *leg, const struct td_now *now)
{
	if (leg->end_ms != 0)
		return;
	leg->end_ms = now->mono_ms;
	leg->times.end_wall_ns = now->wall_ns;
}
