/* SPDX-License-Identifier: Apache-2.0 */
/* A short list on the heap, oldest first, and its journal form. */
#include "call/referral.h"

#include "call/call.h"
#include "subscription/refer_client.h"
#include "subscription/subscriber.h"

#include <tandem/time.h>

#include <errno.h>
#include <string.h>

static struct referral **end_of_list(struct call *call, unsigned *ret_count)
{
	struct referral **at = &call->referrals;

	for (*ret_count = 0; *at != NULL; at = &(*at)->next)
		(*ret_count)++;
	return at;
}

struct referral *referral_add(struct call *call, unsigned leg_index)
{
	unsigned count;
	struct referral **end = end_of_list(call, &count);
	struct referral *referral =
		count < REFERRALS_MAX ? heap_alloc(call->heap, sizeof(*referral)) : NULL;

	if (referral == NULL)
		return NULL;
	memset(referral, 0, sizeof(*referral));
	while (referral_at(call, referral->number) != NULL)
		referral->number++;
	referral->call = call;
	referral->leg_index = (uint8_t)leg_index;
	referral->deadline_ms = TD_NEVER;
	referral->wake_ms = TD_NEVER;
	referral->total_ms = TD_NEVER;
	*end = referral;
	return referral;
}

void referral_remove(struct referral *referral)
{
	struct call *call = referral->call;
	struct referral **at = &call->referrals;

	while (*at != NULL && *at != referral)
		at = &(*at)->next;
	if (*at != NULL)
		*at = referral->next;
	heap_free(call->heap, referral);
}

void referral_remove_all(struct call *call)
{
	while (call->referrals != NULL)
		referral_remove(call->referrals);
}

struct referral *referral_at(const struct call *call, unsigned number)
{
	struct referral *referral = call->referrals;

	while (referral != NULL && referral->number != number)
		referral = referral->next;
	return referral;
}

struct referral *referral_find(
	const struct call *call, unsigned leg_index, bool is_ours, uint32_t cseq)
{
	struct referral *referral = call->referrals;

	while (referral != NULL &&
		(referral->leg_index != leg_index || referral->is_ours != is_ours ||
			(cseq != 0 && referral->cseq != cseq)))
		referral = referral->next;
	return referral;
}

bool referral_is_on_leg(const struct call *call, unsigned leg_index)
{
	for (const struct referral *at = call->referrals; at != NULL; at = at->next)
		if (at->leg_index == leg_index)
			return true;
	return false;
}

const char *referral_note_text(unsigned note)
{
	static const char *const texts[REFERRAL_NOTE_COUNT] = {
#define REFERRAL_NOTE_TEXT(constant, text) text,
		REFERRAL_NOTES(REFERRAL_NOTE_TEXT)
#undef REFERRAL_NOTE_TEXT
	};

	return note < REFERRAL_NOTE_COUNT ? texts[note] : NULL;
}

static void put_referral(struct serial_writer *writer, const struct referral *referral)
{
	serial_put_u64(writer, referral->referral_id);
	serial_put_u8(writer, referral->number);
	serial_put_u8(writer, referral->leg_index);
	serial_put_u8(writer, referral->is_ours);
	serial_put_u8(writer, referral->is_unsubscribed);
	serial_put_u8(writer, referral->is_told);
	serial_put_u8(writer, referral->is_leg_over);
	serial_put_u8(writer, referral->note);
	serial_put_u8(writer, referral->outcome);
	serial_put_u16(writer, referral->status);
	serial_put_u32(writer, referral->cseq);
	serial_put_u32(writer, referral->expires_s);
	serial_put_u8(writer, referral->notifier.state);
	serial_put_u8(writer, referral->notifier.delivery);
	serial_put_u8(writer, referral->notifier.reason);
	serial_put_u8(writer, referral->client);
	serial_put_u8(writer, referral->subscriber);
	serial_put_u64(writer, referral->deadline_ms);
	serial_put_u64(writer, referral->wake_ms);
	serial_put_u64(writer, referral->total_ms);
	serial_put_fixed(writer, &referral->transfer, sizeof(referral->transfer));
}

static bool is_sound(const struct referral *referral)
{
	const struct event_transfer *transfer = &referral->transfer;

	return referral->leg_index < CALL_LEGS && referral->number < REFERRALS_MAX &&
	       referral->referral_id != 0 && referral->note < REFERRAL_NOTE_COUNT &&
	       referral->outcome < REFER_OUTCOME_COUNT &&
	       referral->notifier.state < NOTIFIER_STATE_COUNT &&
	       referral->notifier.delivery < NOTIFIER_DELIVERY_COUNT &&
	       referral->notifier.reason < SUBSCRIPTION_REASON_COUNT &&
	       referral->client < REFER_CLIENT_STATE_COUNT &&
	       referral->subscriber < SUBSCRIBER_STATE_COUNT &&
	       transfer->origin < EVENT_TRANSFER_ORIGIN_COUNT &&
	       transfer->outcome < EVENT_TRANSFER_OUTCOME_COUNT &&
	       transfer->target[sizeof(transfer->target) - 1] == '\0' &&
	       transfer->replaces[sizeof(transfer->replaces) - 1] == '\0' &&
	       transfer->referred_by[sizeof(transfer->referred_by) - 1] == '\0';
}

static void get_referral(struct serial_reader *reader, struct referral *referral)
{
	referral->referral_id = serial_get_u64(reader);
	referral->number = serial_get_u8(reader);
	referral->leg_index = serial_get_u8(reader);
	referral->is_ours = serial_get_u8(reader) != 0;
	referral->is_unsubscribed = serial_get_u8(reader) != 0;
	referral->is_told = serial_get_u8(reader) != 0;
	referral->is_leg_over = serial_get_u8(reader) != 0;
	referral->note = serial_get_u8(reader);
	referral->outcome = serial_get_u8(reader);
	referral->status = serial_get_u16(reader);
	referral->cseq = serial_get_u32(reader);
	referral->expires_s = serial_get_u32(reader);
	referral->notifier.state = serial_get_u8(reader);
	referral->notifier.delivery = serial_get_u8(reader);
	referral->notifier.reason = serial_get_u8(reader);
	referral->client = serial_get_u8(reader);
	referral->subscriber = serial_get_u8(reader);
	referral->deadline_ms = serial_get_u64(reader);
	referral->wake_ms = serial_get_u64(reader);
	referral->total_ms = serial_get_u64(reader);
	serial_get_fixed(reader, &referral->transfer, sizeof(referral->transfer));
	if (!is_sound(referral))
		serial_reader_fail(reader);
}

void referral_put_all(struct serial_writer *writer, const struct call *call)
{
	uint8_t count = 0;

	for (const struct referral *at = call->referrals; at != NULL; at = at->next)
		count++;
	serial_put_u8(writer, count);
	for (const struct referral *at = call->referrals; at != NULL; at = at->next)
		put_referral(writer, at);
}

int referral_get_all(struct serial_reader *reader, struct call *call)
{
	uint8_t count = serial_get_u8(reader);

	if (count > REFERRALS_MAX) {
		serial_reader_fail(reader);
		return 0;
	}
	for (uint8_t i = 0; i < count; i++) {
		struct referral *referral = referral_add(call, 0);

		if (referral == NULL)
			return -ENOMEM;
		get_referral(reader, referral);
	}
	return 0;
}
