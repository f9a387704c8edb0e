/* SPDX-License-Identifier: Apache-2.0 */
/*
 * One entry per termination. What an entry still owes the dataplane is its "due" command; an
 * entry with a due command waits in exactly one queue (to send, to repeat) or for its reply.
 */
#include "media/ledger.h"

#include "media/entry.h"
#include "util/slab.h"

#include <tandem/time.h>

#include <assert.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>
enum {
	LEDGER_BUSY_RETRY_MS = 5, /* a worker empties its command ring in well under 1 ms */
};

/* --- sending -------------------------------------------------------------------------------- */

static struct td_message message_of(struct ledger *ledger, enum td_message_type type, size_t length)
{
	return (struct td_message){.magic = TD_CONTRACT_MAGIC,
		.version = TD_CONTRACT_VERSION,
		.type = (uint16_t)type,
		.length_bytes = (uint32_t)length,
		.command_id = ledger->next_command_id++};
}

static bool ledger_send(struct ledger *ledger, const void *message, size_t length)
{
	if (!ledger->is_blocked && ledger->sink.send(ledger->sink.context, message, length)) {
		ledger->counts.commands_sent++;
		return true;
	}
	ledger->is_blocked = true;
	return false;
}

static bool subtract_send(
	struct ledger *ledger, uint64_t termination_id, uint32_t epoch, uint64_t *ret_command_id)
{
	struct td_command_subtract command = {
		.message = message_of(ledger, TD_MESSAGE_SUBTRACT, sizeof(command)),
		.termination_id = termination_id,
		.epoch = epoch,
	};

	*ret_command_id = command.message.command_id;
	return ledger_send(ledger, &command, sizeof(command));
}

/* Sends the due command of an entry; it stays in the send queue if the socket is full. */
static void entry_send(struct ledger *ledger, struct entry *entry)
{
	bool is_sent;

	if (entry->due == DUE_SUBTRACT) {
		is_sent = subtract_send(
			ledger, entry->spec.termination_id, entry->spec.epoch, &entry->command_id);
	} else {
		struct td_command_add command = {
			.message = message_of(ledger,
				entry->due == DUE_ADD ? TD_MESSAGE_ADD : TD_MESSAGE_MODIFY,
				sizeof(command)),
			.spec = entry->spec,
		};

		entry->command_id = command.message.command_id;
		is_sent = ledger_send(ledger, &command, sizeof(command));
	}
	entry_enqueue(ledger, entry, is_sent ? QUEUE_NONE : QUEUE_TO_SEND);
}

static void entry_owes(
	struct ledger *ledger, struct entry *entry, enum entry_due due, bool is_quiet)
{
	entry->due = (uint8_t)due;
	entry->is_quiet = is_quiet;
	entry_enqueue(ledger, entry, QUEUE_TO_SEND);
	if (ledger->state == LEDGER_READY && !ledger->is_blocked &&
		TAILQ_FIRST(&ledger->queues[QUEUE_TO_SEND]) == entry)
		entry_send(ledger, entry);
}

static void send_queued(struct ledger *ledger)
{
	struct entry *entry;

	while (ledger->state == LEDGER_READY && !ledger->is_blocked &&
		(entry = TAILQ_FIRST(&ledger->queues[QUEUE_TO_SEND])) != NULL)
		entry_send(ledger, entry);
}

/* Tells the caller what became of a command that the dataplane itself didn't answer. */
static void reply_ourselves(
	struct ledger *ledger, uint64_t termination_id, enum td_message_type type)
{
	struct td_reply reply = {
		.message = {.magic = TD_CONTRACT_MAGIC,
			.version = TD_CONTRACT_VERSION,
			.type = TD_MESSAGE_REPLY,
			.length_bytes = sizeof(reply)},
		.result = TD_RESULT_UNKNOWN,
		.command_type = (uint16_t)type,
		.termination_id = termination_id,
	};

	ledger->sink.reply(ledger->sink.context, &reply);
}

int ledger_command(struct ledger *ledger, const struct media_command *command, uint64_t now_ms)
{
	struct entry *entry = entry_find(ledger, command->spec.termination_id);

	(void)now_ms; /* part of every step's signature; only repeats need it today */
	if (command->kind == MEDIA_SUBTRACT) {
		if (entry == NULL) {
			reply_ourselves(ledger, command->spec.termination_id, TD_MESSAGE_SUBTRACT);
			return 0;
		}
		entry->spec.epoch = command->spec.epoch;
		entry_owes(ledger, entry, DUE_SUBTRACT, false);
		return 0;
	}
	if (entry == NULL) {
		entry = entry_create(ledger, &command->spec);
		if (entry == NULL)
			return -ENOSPC;
		entry_owes(ledger, entry, DUE_ADD, false);
		return 0;
	}
	entry->spec = command->spec;
	/* An ADD on its way may not have been applied: ADD again, with the newer state. */
	entry_owes(ledger, entry, entry->due == DUE_ADD ? DUE_ADD : DUE_MODIFY, false);
	return 0;
}

/* --- connection ----------------------------------------------------------------------------- */

static void become(struct ledger *ledger, enum ledger_state state)
{
	ledger->state = state;
	ledger->sink.state(ledger->sink.context, state);
}

void ledger_restored(struct ledger *ledger)
{
	ledger->is_restored = true;
}

void ledger_connected(struct ledger *ledger, uint64_t instance, uint64_t now_ms)
{
	struct td_command_hello hello = {
		.message = message_of(ledger, TD_MESSAGE_HELLO, sizeof(hello)),
		.controlplane_instance = instance,
	};

	(void)now_ms;
	ledger->is_blocked = false;
	ledger->hello_id = hello.message.command_id;
	become(ledger, LEDGER_GREETING);
	(void)ledger_send(ledger, &hello, sizeof(hello)); /* first message: the socket is empty */
}

void ledger_disconnected(struct ledger *ledger)
{
	if (ledger->state != LEDGER_AWAY)
		become(ledger, LEDGER_AWAY);
}

void ledger_writable(struct ledger *ledger, uint64_t now_ms)
{
	(void)now_ms;
	ledger->is_blocked = false;
	send_queued(ledger);
}

static void audit_begin(struct ledger *ledger)
{
	struct td_command_audit audit = {
		.message = message_of(ledger, TD_MESSAGE_AUDIT, sizeof(audit)),
	};
	struct entry *entry;
	uint32_t cursor = 0;

	while ((entry = slab_next(ledger->entries, &cursor)) != NULL)
		entry->is_seen = false;
	ledger->audit_id = audit.message.command_id;
	become(ledger, LEDGER_COMPARING);
	(void)ledger_send(ledger, &audit, sizeof(audit)); /* nothing but HELLO went before */
}

static void audit_item(struct ledger *ledger, const struct td_audit_item *item)
{
	struct entry *entry = entry_find(ledger, item->spec.termination_id);
	uint64_t command_id;

	if (entry != NULL) {
		entry->is_seen = true;
		entry->seen_epoch = item->spec.epoch;
	} else if (ledger->is_restored) {
		ledger->counts.orphans_subtracted++;
		(void)subtract_send(
			ledger, item->spec.termination_id, item->spec.epoch, &command_id);
	}
}

/* The dataplane's list is complete: make each entry owe what is missing. */
static void audit_end(struct ledger *ledger)
{
	struct entry *entry;
	uint32_t cursor = 0;

	become(ledger, LEDGER_READY);
	while ((entry = slab_next(ledger->entries, &cursor)) != NULL) {
		bool is_quiet = entry->due == DUE_NOTHING || entry->is_quiet;

		if (entry->due != DUE_NOTHING)
			ledger->counts.commands_repeated++;
		if (entry->due == DUE_SUBTRACT && !entry->is_seen) {
			reply_ourselves(ledger, entry->spec.termination_id, TD_MESSAGE_SUBTRACT);
			entry_remove(ledger, entry);
		} else if (entry->due == DUE_SUBTRACT) {
			entry_owes(ledger, entry, DUE_SUBTRACT, false);
		} else if (!entry->is_seen) {
			entry_owes(ledger, entry, DUE_ADD, is_quiet);
		} else if (entry->due != DUE_NOTHING || entry->seen_epoch != entry->spec.epoch) {
			entry_owes(ledger, entry, entry->due == DUE_ADD ? DUE_ADD : DUE_MODIFY,
				is_quiet);
		}
	}
	send_queued(ledger);
}

/* --- receiving ------------------------------------------------------------------------------ */

static enum entry_due due_of(uint16_t command_type)
{
	return command_type == TD_MESSAGE_ADD	     ? DUE_ADD
	       : command_type == TD_MESSAGE_MODIFY   ? DUE_MODIFY
	       : command_type == TD_MESSAGE_SUBTRACT ? DUE_SUBTRACT
						     : DUE_NOTHING;
}

static void termination_reply(struct ledger *ledger, const struct td_reply *reply, uint64_t now_ms)
{
	struct entry *entry = entry_find(ledger, reply->termination_id);
	bool is_quiet;

	if (entry == NULL || due_of(reply->command_type) == DUE_NOTHING)
		return; /* an orphan's SUBTRACT */
	if (entry->command_id != reply->message.command_id || entry->queue != QUEUE_NONE)
		return; /* overtaken by a newer command, whose reply will tell */
	if (reply->result == TD_RESULT_BUSY) {
		entry->repeat_ms = td_after(now_ms, LEDGER_BUSY_RETRY_MS);
		entry_enqueue(ledger, entry, QUEUE_TO_REPEAT);
		return;
	}
	if (reply->result != TD_RESULT_OK)
		ledger->counts.replies_refused++;
	is_quiet = entry->is_quiet && reply->result == TD_RESULT_OK;
	if (entry->due == DUE_SUBTRACT || (entry->due == DUE_ADD && reply->result != TD_RESULT_OK))
		entry_remove(ledger, entry);
	else
		entry->due = DUE_NOTHING;
	if (!is_quiet)
		ledger->sink.reply(ledger->sink.context, reply);
}

static int reply_received(struct ledger *ledger, const struct td_reply *reply, uint64_t now_ms)
{
	if (reply->result >= TD_RESULT_COUNT)
		return -EBADMSG;
	if (reply->command_type == TD_MESSAGE_HELLO) {
		if (ledger->state != LEDGER_GREETING ||
			reply->message.command_id != ledger->hello_id ||
			reply->result != TD_RESULT_OK || reply->capabilities.worker_count == 0)
			return -EBADMSG;
		ledger->capabilities = reply->capabilities;
		audit_begin(ledger);
		return 0;
	}
	if (reply->command_type == TD_MESSAGE_AUDIT) {
		if (ledger->state != LEDGER_COMPARING ||
			reply->message.command_id != ledger->audit_id ||
			reply->result != TD_RESULT_OK)
			return -EBADMSG;
		audit_end(ledger);
		return 0;
	}
	termination_reply(ledger, reply, now_ms);
	return 0;
}

static bool message_is_sound(const struct td_message *message, size_t length, size_t wanted)
{
	return length == wanted && message->magic == TD_CONTRACT_MAGIC &&
	       message->version == TD_CONTRACT_VERSION && message->length_bytes == wanted;
}

static int dispatch(struct ledger *ledger, const void *bytes, size_t length, uint64_t now_ms)
{
	struct td_message message;
	union {
		struct td_reply reply;
		struct td_audit_item item;
		struct td_notify notify;
	} whole;

	if (length < sizeof(message) || length > sizeof(whole) || ledger->state == LEDGER_AWAY)
		return -EBADMSG;
	memcpy(&message, bytes, sizeof(message));
	memcpy(&whole, bytes, length);
	if (message.type == TD_MESSAGE_REPLY &&
		message_is_sound(&message, length, sizeof(whole.reply)))
		return reply_received(ledger, &whole.reply, now_ms);
	if (message.type == TD_MESSAGE_AUDIT_ITEM && ledger->state == LEDGER_COMPARING &&
		message_is_sound(&message, length, sizeof(whole.item))) {
		audit_item(ledger, &whole.item);
		return 0;
	}
	if (message.type == TD_MESSAGE_NOTIFY &&
		message_is_sound(&message, length, sizeof(whole.notify)) &&
		whole.notify.kind < TD_NOTIFY_KIND_COUNT) {
		ledger->sink.notify(ledger->sink.context, &whole.notify);
		return 0;
	}
	return -EBADMSG;
}

int ledger_receive(struct ledger *ledger, const void *message, size_t length, uint64_t now_ms)
{
	int result = dispatch(ledger, message, length, now_ms);

	if (result != 0)
		ledger->counts.messages_malformed++;
	return result;
}

/* --- time and life -------------------------------------------------------------------------- */

void ledger_advance(struct ledger *ledger, uint64_t now_ms)
{
	struct entry *entry;

	/* All wait equally long, so the queue is in the order of time. */
	while ((entry = TAILQ_FIRST(&ledger->queues[QUEUE_TO_REPEAT])) != NULL &&
		entry->repeat_ms <= now_ms) {
		ledger->counts.commands_repeated++;
		entry_enqueue(ledger, entry, QUEUE_TO_SEND);
	}
	send_queued(ledger);
}

uint64_t ledger_deadline(const struct ledger *ledger)
{
	const struct entry *entry = TAILQ_FIRST(&ledger->queues[QUEUE_TO_REPEAT]);

	return entry == NULL ? TD_NEVER : entry->repeat_ms;
}

int ledger_create(uint32_t capacity, uint64_t first_command_id, const struct ledger_sink *sink,
	struct ledger **ret_ledger)
{
	/* Termination ids are our own: nobody can choose them to collide, so no secret seed. */
	static const uint8_t seed[SIPHASH_SEED_BYTES];
	struct ledger *ledger = calloc(1, sizeof(*ledger));
	int result;

	if (ledger == NULL)
		return -ENOMEM;
	ledger->sink = *sink;
	ledger->next_command_id = first_command_id;
	for (int i = 0; i < QUEUE_COUNT; i++)
		TAILQ_INIT(&ledger->queues[i]);
	result = slab_create(capacity, sizeof(struct entry), &ledger->entries);
	if (result == 0)
		result = table_create(capacity, seed, &ledger->by_id);
	if (result != 0) {
		ledger_destroy(ledger);
		return result;
	}
	*ret_ledger = ledger;
	return 0;
}

void ledger_destroy(struct ledger *ledger)
{
	if (ledger == NULL)
		return;
	table_destroy(ledger->by_id);
	slab_destroy(ledger->entries);
	free(ledger);
}

enum ledger_state ledger_state(const struct ledger *ledger)
{
	return ledger->state;
}

const struct td_capabilities *ledger_capabilities(const struct ledger *ledger)
{
	return &ledger->capabilities;
}

struct ledger_counts ledger_counts(const struct ledger *ledger)
{
	struct ledger_counts counts = ledger->counts;
	const struct entry *entry;
	uint32_t cursor = 0;

	counts.entries = slab_in_use(ledger->entries);
	counts.outstanding = 0;
	while ((entry = slab_next(ledger->entries, &cursor)) != NULL)
		counts.outstanding += entry->due != DUE_NOTHING;
	return counts;
}
