/* SPDX-License-Identifier: Apache-2.0 */
/* Ledger against a scripted dataplane: replies, busy, full socket, reconnects, garbage. */
#include "media/ledger.h"

#include <tandem/time.h>

#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

enum {
	LOG_MAX = 64,
	CAPACITY = 8
};

/* Everything that came out of the ledger, in order. */
struct world {
	struct ledger *ledger;
	uint8_t sent[LOG_MAX][sizeof(struct td_command_add)];
	struct td_reply replies[LOG_MAX];
	struct td_notify notifies[LOG_MAX];
	int sent_count;
	int reply_count;
	int notify_count;
	bool is_full;
};

static bool world_send(void *context, const void *message, size_t length)
{
	struct world *world = context;

	if (world->is_full)
		return false;
	assert_true(world->sent_count < LOG_MAX && length <= sizeof(world->sent[0]));
	memcpy(world->sent[world->sent_count++], message, length);
	return true;
}

static void world_reply(void *context, const struct td_reply *reply)
{
	struct world *world = context;

	world->replies[world->reply_count++] = *reply;
}

static void world_notify(void *context, const struct td_notify *notify)
{
	struct world *world = context;

	world->notifies[world->notify_count++] = *notify;
}

static void world_state(void *context, enum ledger_state state)
{
	(void)context;
	(void)state;
}

static struct td_message sent_head(const struct world *world, int index)
{
	struct td_message message;

	assert_true(index < world->sent_count);
	memcpy(&message, world->sent[index], sizeof(message));
	return message;
}

static int answer(struct world *world, int index, enum td_result result, uint64_t termination_id)
{
	struct td_message command = sent_head(world, index);
	struct td_reply reply = {
		.message = {.magic = TD_CONTRACT_MAGIC,
			.version = TD_CONTRACT_VERSION,
			.type = TD_MESSAGE_REPLY,
			.length_bytes = sizeof(reply),
			.command_id = command.command_id},
		.result = (uint16_t)result,
		.command_type = command.type,
		.termination_id = termination_id,
		.capabilities = {.worker_count = 1},
	};

	return ledger_receive(world->ledger, &reply, sizeof(reply), 0);
}

static int audit_item(struct world *world, uint64_t termination_id, uint32_t epoch)
{
	struct td_audit_item item = {
		.message = {.magic = TD_CONTRACT_MAGIC,
			.version = TD_CONTRACT_VERSION,
			.type = TD_MESSAGE_AUDIT_ITEM,
			.length_bytes = sizeof(item)},
		.spec = {.termination_id = termination_id, .context_id = 1, .epoch = epoch},
	};

	return ledger_receive(world->ledger, &item, sizeof(item), 0);
}

static struct media_command command_of(enum media_command_kind kind, uint64_t id, uint32_t epoch)
{
	return (struct media_command){
		.kind = kind, .spec = {.termination_id = id, .context_id = 1, .epoch = epoch}};
}

static void give(struct world *world, enum media_command_kind kind, uint64_t id, uint32_t epoch)
{
	struct media_command command = command_of(kind, id, epoch);

	assert_int_equal(ledger_command(world->ledger, &command, 0), 0);
}

/* Connects and answers HELLO and AUDIT; the log is empty afterwards. */
static void connect_with(
	struct world *world, const uint64_t *ids, const uint32_t *epochs, int count)
{
	world->sent_count = 0;
	ledger_connected(world->ledger, 77, 0);
	assert_int_equal(sent_head(world, 0).type, TD_MESSAGE_HELLO);
	assert_int_equal(answer(world, 0, TD_RESULT_OK, 0), 0);
	assert_int_equal(sent_head(world, 1).type, TD_MESSAGE_AUDIT);
	for (int i = 0; i < count; i++)
		assert_int_equal(audit_item(world, ids[i], epochs[i]), 0);
	{
		struct td_message audit = sent_head(world, 1);
		struct td_reply reply = {
			.message = {.magic = TD_CONTRACT_MAGIC,
				.version = TD_CONTRACT_VERSION,
				.type = TD_MESSAGE_REPLY,
				.length_bytes = sizeof(reply),
				.command_id = audit.command_id},
			.command_type = TD_MESSAGE_AUDIT,
		};

		memmove(world->sent[0], world->sent[2],
			sizeof(world->sent[0]) * (size_t)(world->sent_count - 2));
		world->sent_count -= 2;
		assert_int_equal(ledger_receive(world->ledger, &reply, sizeof(reply), 0), 0);
	}
	assert_int_equal(ledger_state(world->ledger), LEDGER_READY);
}

static int set_up(void **state)
{
	static struct world world;
	struct ledger_sink sink = {&world, world_send, world_reply, world_notify, world_state};

	memset(&world, 0, sizeof(world));
	if (ledger_create(CAPACITY, 1000, &sink, &world.ledger) != 0)
		return -1;
	*state = &world;
	return 0;
}

static int tear_down(void **state)
{
	struct world *world = *state;

	ledger_destroy(world->ledger);
	return 0;
}

static void command_is_sent_and_its_reply_passed_on(void **state)
{
	struct world *world = *state;

	connect_with(world, NULL, NULL, 0);
	give(world, MEDIA_ADD, 5, 1);
	assert_int_equal(sent_head(world, 0).type, TD_MESSAGE_ADD);
	assert_int_equal(answer(world, 0, TD_RESULT_OK, 5), 0);
	assert_int_equal(world->reply_count, 1);
	give(world, MEDIA_SUBTRACT, 5, 2);
	assert_int_equal(sent_head(world, 1).type, TD_MESSAGE_SUBTRACT);
	assert_int_equal(answer(world, 1, TD_RESULT_OK, 5), 0);
	assert_int_equal(world->reply_count, 2);
	assert_int_equal(ledger_counts(world->ledger).entries, 0);
}

static void commands_given_while_away_are_sent_later(void **state)
{
	struct world *world = *state;

	give(world, MEDIA_ADD, 5, 1);
	give(world, MEDIA_MODIFY, 5, 2);
	assert_int_equal(world->sent_count, 0);
	connect_with(world, NULL, NULL, 0);
	assert_int_equal(world->sent_count, 1);
	assert_int_equal(sent_head(world, 0).type, TD_MESSAGE_ADD);
	assert_int_equal(answer(world, 0, TD_RESULT_OK, 5), 0);
	assert_int_equal(world->reply_count, 1);
	assert_int_equal(ledger_counts(world->ledger).outstanding, 0);
}

static void refused_add_is_told_and_forgotten(void **state)
{
	struct world *world = *state;

	connect_with(world, NULL, NULL, 0);
	give(world, MEDIA_ADD, 5, 1);
	assert_int_equal(answer(world, 0, TD_RESULT_PORT_RESTING, 5), 0);
	assert_int_equal(world->replies[0].result, TD_RESULT_PORT_RESTING);
	assert_int_equal(ledger_counts(world->ledger).entries, 0);
}

static void busy_is_repeated_at_its_time(void **state)
{
	struct world *world = *state;
	uint64_t deadline_ms;

	connect_with(world, NULL, NULL, 0);
	give(world, MEDIA_ADD, 5, 1);
	assert_int_equal(answer(world, 0, TD_RESULT_BUSY, 5), 0);
	assert_int_equal(world->reply_count, 0);
	deadline_ms = ledger_deadline(world->ledger);
	assert_int_not_equal(deadline_ms, TD_NEVER);
	ledger_advance(world->ledger, deadline_ms - 1);
	assert_int_equal(world->sent_count, 1);
	ledger_advance(world->ledger, deadline_ms);
	assert_int_equal(world->sent_count, 2);
	assert_int_equal(answer(world, 1, TD_RESULT_OK, 5), 0);
	assert_int_equal(world->reply_count, 1);
	assert_int_equal(ledger_deadline(world->ledger), TD_NEVER);
}

static void full_socket_keeps_order(void **state)
{
	struct world *world = *state;

	connect_with(world, NULL, NULL, 0);
	world->is_full = true;
	for (uint64_t id = 1; id <= 3; id++)
		give(world, MEDIA_ADD, id, 1);
	assert_int_equal(world->sent_count, 0);
	world->is_full = false;
	give(world, MEDIA_ADD, 4, 1); /* must not overtake */
	assert_int_equal(world->sent_count, 0);
	ledger_writable(world->ledger, 0);
	assert_int_equal(world->sent_count, 4);
	for (int i = 0; i < 4; i++) {
		struct td_command_add add;

		memcpy(&add, world->sent[i], sizeof(add));
		assert_int_equal(add.spec.termination_id, i + 1);
	}
}

static void dataplane_that_lost_everything_gets_it_again_quietly(void **state)
{
	struct world *world = *state;

	connect_with(world, NULL, NULL, 0);
	give(world, MEDIA_ADD, 5, 1);
	assert_int_equal(answer(world, 0, TD_RESULT_OK, 5), 0);
	ledger_disconnected(world->ledger);
	connect_with(world, NULL, NULL, 0);
	assert_int_equal(world->sent_count, 1);
	assert_int_equal(sent_head(world, 0).type, TD_MESSAGE_ADD);
	assert_int_equal(answer(world, 0, TD_RESULT_OK, 5), 0);
	assert_int_equal(world->reply_count, 1); /* only the caller's own ADD */
}

static void dataplane_with_an_older_epoch_gets_the_newer(void **state)
{
	struct world *world = *state;
	const uint64_t ids[] = {5, 6};
	const uint32_t epochs[] = {1, 3};

	give(world, MEDIA_ADD, 5, 2);
	give(world, MEDIA_ADD, 6, 3);
	connect_with(world, ids, epochs, 2);
	assert_int_equal(world->sent_count, 2); /* both ADDs: the caller awaits their replies */
	assert_int_equal(answer(world, 0, TD_RESULT_OK, 5), 0);
	assert_int_equal(answer(world, 1, TD_RESULT_OK, 6), 0);
	ledger_disconnected(world->ledger);
	connect_with(world, ids, epochs, 2);
	assert_int_equal(world->sent_count, 1); /* only 5 differs */
	assert_int_equal(sent_head(world, 0).type, TD_MESSAGE_MODIFY);
}

static void orphans_are_removed_only_after_the_journal_was_read(void **state)
{
	struct world *world = *state;
	const uint64_t ids[] = {9};
	const uint32_t epochs[] = {4};

	connect_with(world, ids, epochs, 1);
	assert_int_equal(world->sent_count, 0);
	ledger_disconnected(world->ledger);
	ledger_restored(world->ledger);
	connect_with(world, ids, epochs, 1);
	assert_int_equal(world->sent_count, 1);
	assert_int_equal(sent_head(world, 0).type, TD_MESSAGE_SUBTRACT);
	assert_int_equal(ledger_counts(world->ledger).orphans_subtracted, 1);
}

static void subtract_of_what_is_gone_is_answered(void **state)
{
	struct world *world = *state;

	give(world, MEDIA_SUBTRACT, 5, 1);
	assert_int_equal(world->reply_count, 1);
	assert_int_equal(world->replies[0].result, TD_RESULT_UNKNOWN);
	give(world, MEDIA_ADD, 6, 1);
	give(world, MEDIA_SUBTRACT, 6, 2); /* while away, and the dataplane never had it */
	connect_with(world, NULL, NULL, 0);
	assert_int_equal(world->reply_count, 2);
	assert_int_equal(ledger_counts(world->ledger).entries, 0);
}

static void full_book_refuses(void **state)
{
	struct world *world = *state;
	struct media_command command = command_of(MEDIA_ADD, CAPACITY + 1, 1);

	for (uint64_t id = 1; id <= CAPACITY; id++)
		give(world, MEDIA_ADD, id, 1);
	assert_int_equal(ledger_command(world->ledger, &command, 0), -ENOSPC);
}

static void garbage_is_counted_and_refused(void **state)
{
	struct world *world = *state;
	uint8_t noise[sizeof(struct td_audit_item) + 8];
	struct td_reply reply = {.message = {.magic = TD_CONTRACT_MAGIC,
					 .version = TD_CONTRACT_VERSION,
					 .type = TD_MESSAGE_REPLY,
					 .length_bytes = sizeof(reply)},
		.command_type = TD_MESSAGE_AUDIT};

	connect_with(world, NULL, NULL, 0);
	memset(noise, 0xa5, sizeof(noise));
	for (size_t length = 0; length <= sizeof(noise); length++)
		assert_int_equal(ledger_receive(world->ledger, noise, length, 0), -EBADMSG);
	/* well formed, but nobody asked */
	assert_int_equal(ledger_receive(world->ledger, &reply, sizeof(reply), 0), -EBADMSG);
	reply.message.version++;
	assert_int_equal(ledger_receive(world->ledger, &reply, sizeof(reply), 0), -EBADMSG);
	assert_int_equal(ledger_counts(world->ledger).messages_malformed, sizeof(noise) + 3);
	assert_int_equal(world->reply_count + world->notify_count, 0);
}

#define LEDGER_TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)

int main(void)
{
	const struct CMUnitTest tests[] = {
		LEDGER_TEST(command_is_sent_and_its_reply_passed_on),
		LEDGER_TEST(commands_given_while_away_are_sent_later),
		LEDGER_TEST(refused_add_is_told_and_forgotten),
		LEDGER_TEST(busy_is_repeated_at_its_time),
		LEDGER_TEST(full_socket_keeps_order),
		LEDGER_TEST(dataplane_that_lost_everything_gets_it_again_quietly),
		LEDGER_TEST(dataplane_with_an_older_epoch_gets_the_newer),
		LEDGER_TEST(orphans_are_removed_only_after_the_journal_was_read),
		LEDGER_TEST(subtract_of_what_is_gone_is_answered),
		LEDGER_TEST(full_book_refuses),
		LEDGER_TEST(garbage_is_counted_and_refused),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
