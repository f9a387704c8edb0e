/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Subscriptions outlive kill -9: their subscribers would learn of their end only when they
 * refresh, and show stale states for an hour. A record is written when one begins, is refreshed
 * or ends; NOTIFYs in between draw their CSeq and version from a reserve that the last record
 * covers, so that they cost no writing. After a restart each is told all, within a few seconds.
 */
#include "switchboard/usage.h"

#include <tandem/time.h>

#include <errno.h>
#include <string.h>

enum {
	RECORD_MAGIC = 0x73627573, /* "subs" */
	RECORD_VERSION = 1,
	RESTORED_SPREAD_MS = 10, /* between the NOTIFYs after a restart, on average */
	RESTORED_SPREAD_MAX_MS = 10 * 1000,
};

static void put_subscription(struct serial_writer *writer, const struct subscription *subscription,
	uint64_t expires_wall_ns)
{
	const struct dialog *dialog = &subscription->dialog;

	serial_put_u32(writer, RECORD_MAGIC);
	serial_put_u32(writer, RECORD_VERSION);
	serial_put_u64(writer, subscription->id);
	serial_put_u64(writer, expires_wall_ns);
	serial_put_u32(writer, subscription->version_reserved);
	serial_put_u32(writer, subscription->cseq_reserved);
	serial_put_u8(writer, subscription->notifier.state);
	serial_put_u8(writer, subscription->notifier.reason);
	serial_put_span(writer, span_from(subscription->trunk_name));
	serial_put_span(writer, span_from(subscription->event_id));
	serial_put_span(writer, span_from(subscription->user));
	serial_put_span(writer, span_from(subscription->entity));
	serial_put_fixed(writer, dialog, offsetof(struct dialog, text));
	serial_put_bytes(writer, dialog->text, dialog->text_bytes);
}

void subscriptions_journal(struct switchboard *switchboard, struct subscription *subscription)
{
	const struct td_now *now = &switchboard->now;
	uint64_t left_ms = subscription->expires_ms == TD_NEVER
				   ? 0
				   : td_since(subscription->expires_ms, now->mono_ms);
	struct serial_writer writer;
	size_t length;

	if (subscription->version > subscription->version_reserved ||
		subscription->dialog.local_cseq > subscription->cseq_reserved)
		subscription->must_journal = true;
	if (!subscription->must_journal)
		return;
	subscription->must_journal = false;
	subscription->version_reserved = subscription->version + SUBSCRIPTION_RESERVE;
	subscription->cseq_reserved = subscription->dialog.local_cseq + SUBSCRIPTION_RESERVE;
	serial_writer_init(&writer, switchboard->journal, sizeof(switchboard->journal));
	put_subscription(&writer, subscription, now->wall_ns + left_ms * TD_NS_PER_MS);
	if (serial_writer_finish(&writer, &length) != 0) {
		switchboard->counts.unexpected++;
		return;
	}
	subscription->is_journaled = true;
	switchboard->ports.journal_put(switchboard->ports.context, SWITCHBOARD_JOURNAL_SUBSCRIPTION,
		subscription->id, switchboard->journal, length);
}

static void get_text(struct serial_reader *reader, char *text, size_t size)
{
	size_t length = serial_get_bytes(reader, text, size - 1);

	text[length < size ? length : 0] = '\0';
}

/* 0, -EBADMSG, -ENOMEM. */
static int get_subscription(struct switchboard *switchboard, struct serial_reader *reader,
	struct subscription *subscription)
{
	struct dialog *dialog = &subscription->dialog;
	uint64_t expires_wall_ns;
	struct span tag;
	int result;

	subscription->id = serial_get_u64(reader);
	expires_wall_ns = serial_get_u64(reader);
	subscription->version = serial_get_u32(reader);
	subscription->cseq_reserved = serial_get_u32(reader);
	subscription->notifier.state = serial_get_u8(reader);
	subscription->notifier.reason = serial_get_u8(reader);
	get_text(reader, subscription->trunk_name, sizeof(subscription->trunk_name));
	get_text(reader, subscription->event_id, sizeof(subscription->event_id));
	get_text(reader, subscription->user, sizeof(subscription->user));
	get_text(reader, subscription->entity, sizeof(subscription->entity));
	serial_get_fixed(reader, dialog, offsetof(struct dialog, text));
	result = dialog_restore(dialog, &switchboard->usages->heap, serial_get_span(reader));
	if (result != 0)
		return result;
	tag = dialog_span(dialog, dialog->local_tag);
	if (serial_reader_finish(reader) != 0 || tag.length != SWITCHBOARD_TAG_BYTES - 1 ||
		subscription->notifier.state >= NOTIFIER_STATE_COUNT ||
		subscription->notifier.reason >= SUBSCRIPTION_REASON_COUNT ||
		subscription->id == 0 || subscription->id >> SUBSCRIPTION_ID_BITS != 0)
		return -EBADMSG;
	memcpy(subscription->tag, tag.text, tag.length);
	dialog->local_cseq = subscription->cseq_reserved;
	subscription->version_reserved = subscription->version;
	subscription->wake_ms = TD_NEVER;
	subscription->expires_ms = td_after(switchboard->now.mono_ms,
		td_since(expires_wall_ns, switchboard->now.wall_ns) / TD_NS_PER_MS);
	return 0;
}

/* Where it belongs now. -ENOENT: its trunk may not subscribe any more. */
static int find_place(struct switchboard *switchboard, struct subscription *subscription)
{
	trunk_id trunk = trunk_find_by_name(switchboard->trunks, subscription->trunk_name);

	if (trunk == TRUNK_NONE || trunk_is_retired(switchboard->trunks, trunk) ||
		!subscriptions_are_offered(switchboard, trunk) ||
		table_find(switchboard->usages->by_id, &subscription->id,
			sizeof(subscription->id)) != NULL)
		return -ENOENT;
	subscription->trunk = trunk;
	subscription->party = subscriptions_party(switchboard, trunk, subscription->user);
	return 0;
}

int subscriptions_restore(
	struct switchboard *switchboard, const struct switchboard_snapshot *snapshot)
{
	struct usages *usages = switchboard->usages;
	slab_handle_t handle;
	struct subscription *subscription =
		usages->subscriptions != NULL ? slab_take(usages->subscriptions, &handle) : NULL;
	struct serial_reader reader;
	int result = -EBADMSG;

	if (subscription == NULL) {
		switchboard->counts.recovery_failed++;
		switchboard->ports.journal_delete(
			switchboard->ports.context, SWITCHBOARD_JOURNAL_SUBSCRIPTION, snapshot->id);
		return -ENOSPC;
	}
	serial_reader_init(&reader, snapshot->value, snapshot->length);
	if (serial_get_u32(&reader) == RECORD_MAGIC && serial_get_u32(&reader) == RECORD_VERSION)
		result = get_subscription(switchboard, &reader, subscription);
	if (result == 0 && subscription->id != snapshot->id)
		result = -EBADMSG;
	if (result == 0)
		result = find_place(switchboard, subscription);
	if (result != 0) {
		dialog_fini(&subscription->dialog);
		slab_release(usages->subscriptions, subscription);
		switchboard->counts.recovery_failed += result != -ENOENT;
		if (result != -ENOMEM) /* nor will a later start want it */
			switchboard->ports.journal_delete(switchboard->ports.context,
				SWITCHBOARD_JOURNAL_SUBSCRIPTION, snapshot->id);
		return result == -ENOENT ? 0 : result;
	}
	subscription->is_journaled = true;
	subscriptions_index(switchboard, subscription);
	return 0;
}

/* What was under way when the process died is said once more, with all that there is now. */
static void resume(struct switchboard *switchboard, struct subscription *subscription)
{
	uint64_t spread_ms = slab_in_use(switchboard->usages->subscriptions) * RESTORED_SPREAD_MS;

	spread_ms = spread_ms < RESTORED_SPREAD_MAX_MS ? spread_ms : RESTORED_SPREAD_MAX_MS;
	subscription->must_tell_all = true;
	if (subscription->notifier.state == NOTIFIER_TERMINATED) {
		subscription->expires_ms = switchboard->now.mono_ms;
		subscription->notifier.state = NOTIFIER_ACTIVE;
	}
	subscription->notifier.delivery = NOTIFIER_DELIVERY_PAUSING_STALE;
	subscription->wake_ms = td_after(
		switchboard->now.mono_ms, switchboard_random(switchboard) % (spread_ms + 1));
	watches_collect(switchboard, subscription);
	subscriptions_arm(switchboard, subscription);
}

void subscriptions_restored(struct switchboard *switchboard)
{
	struct usages *usages = switchboard->usages;
	struct subscription *subscription;
	uint32_t cursor = 0;

	if (!usages->is_restoring)
		return;
	usages->is_restoring = false;
	while (usages->subscriptions != NULL &&
		(subscription = slab_next(usages->subscriptions, &cursor)) != NULL)
		resume(switchboard, subscription);
}
