/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Commands in their order: repetition, epochs, ports in use and at rest, full tables, a second
 * control plane, and what a restart of the dataplane keeps.
 */
#include "rig.h"

#include <tandem/time.h>

#include <fcntl.h>
#include <poll.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <unistd.h>

#include <cmocka.h>

enum {
	PATIENCE_MS = 10000
};

static struct rig rig;

static int open_rig(void **state)
{
	(void)state;
	rig_open(&rig);
	return 0;
}

static int close_rig(void **state)
{
	(void)state;
	rig_close(&rig);
	return 0;
}

static void greet(void)
{
	assert_int_equal(rig_greet(&rig).result, TD_RESULT_OK);
}

static void hello_tells_what_there_is(void **state)
{
	struct td_reply reply = rig_greet(&rig);

	(void)state;
	assert_int_equal(reply.result, TD_RESULT_OK);
	assert_int_equal(reply.command_type, TD_MESSAGE_HELLO);
	assert_int_not_equal(reply.capabilities.dataplane_instance, 0);
	assert_int_equal(reply.capabilities.termination_capacity, RIG_CAPACITY);
	assert_int_equal(reply.capabilities.worker_count, 2);
	assert_int_equal(reply.capabilities.media_port_first, RIG_PORT_FIRST);
	assert_int_equal(reply.capabilities.media_port_last, RIG_PORT_LAST);
	assert_int_equal(reply.capabilities.media_address_count, 2);
	assert_int_equal(reply.capabilities.port_rest_ms, RIG_REST_MS);
	assert_int_equal(reply.capabilities.is_restarted, 0);
}

static void repetition_changes_nothing(void **state)
{
	struct td_termination_spec spec = rig_spec(11, 1, RIG_PORT_FIRST);
	struct td_command_add command = {.spec = spec};
	struct td_reply first;

	(void)state;
	greet();
	rig_header(&rig, &command.message, TD_MESSAGE_ADD, sizeof(command));
	for (int i = 0; i < 3; i++) { /* the very same message */
		struct td_reply reply = rig_exchange(&rig, &command, sizeof(command));

		assert_int_equal(reply.result, TD_RESULT_OK);
		assert_int_equal(reply.message.command_id, command.message.command_id);
		assert_int_equal(reply.applied_epoch, 1);
		assert_int_equal(reply.termination_id, 11);
	}
	spec.epoch = 2;
	spec.mode = TD_MODE_RECEIVE;
	assert_int_equal(rig_modify(&rig, &spec).result, TD_RESULT_OK);
	assert_int_equal(rig_modify(&rig, &spec).applied_epoch, 2);
	assert_int_equal(rig_audit(&rig, 0).result, TD_RESULT_OK);
	assert_int_equal(rig.item_count, 1);
	assert_memory_equal(&rig.items[0].spec, &spec, sizeof(spec));
	first = rig_subtract(&rig, 11, 2);
	assert_int_equal(first.result, TD_RESULT_OK);
	assert_int_not_equal(first.stats.tx_ssrc, 0);
	for (int i = 0; i < 3; i++) {
		struct td_reply again = rig_subtract(&rig, 11, 2);

		assert_int_equal(again.result, TD_RESULT_OK);
		assert_memory_equal(&again.stats, &first.stats, sizeof(first.stats));
	}
	assert_int_equal(rig_subtract(&rig, 999, 1).result, TD_RESULT_UNKNOWN);
}

static void old_epochs_are_refused(void **state)
{
	struct td_termination_spec spec = rig_spec(21, 2, RIG_PORT_FIRST + 4);

	(void)state;
	greet();
	spec.epoch = 5;
	assert_int_equal(rig_add(&rig, &spec).result, TD_RESULT_OK);
	spec.epoch = 4;
	assert_int_equal(rig_add(&rig, &spec).result, TD_RESULT_STALE_EPOCH);
	assert_int_equal(rig_modify(&rig, &spec).result, TD_RESULT_STALE_EPOCH);
	assert_int_equal(rig_modify(&rig, &spec).applied_epoch, 5);
	assert_int_equal(rig_move(&rig, 21, 3, 4).result, TD_RESULT_STALE_EPOCH);
	assert_int_equal(rig_subtract(&rig, 21, 4).result, TD_RESULT_STALE_EPOCH);
	assert_int_equal(rig_move(&rig, 21, 3, 6).result, TD_RESULT_OK);
	assert_int_equal(rig_audit(&rig, 21).result, TD_RESULT_OK);
	assert_int_equal(rig.items[0].spec.context_id, 3);
	assert_int_equal(rig.items[0].spec.epoch, 6);
	assert_int_equal(rig_subtract(&rig, 21, 6).result, TD_RESULT_OK);
	/* the late ADD of a termination that is gone */
	spec.epoch = 5;
	assert_int_not_equal(rig_add(&rig, &spec).result, TD_RESULT_OK);
}

static void strangers_to_the_table_are_unknown(void **state)
{
	const struct td_termination_spec spec = rig_spec(31, 3, RIG_PORT_FIRST + 8);

	(void)state;
	greet();
	assert_int_equal(rig_modify(&rig, &spec).result, TD_RESULT_UNKNOWN);
	assert_int_equal(rig_move(&rig, 31, 4, 2).result, TD_RESULT_UNKNOWN);
	assert_int_equal(rig_subtract(&rig, 31, 1).result, TD_RESULT_UNKNOWN);
	assert_int_equal(rig_audit(&rig, 31).result, TD_RESULT_UNKNOWN);
}

static void ports_have_one_user_and_rest(void **state)
{
	struct td_termination_spec spec = rig_spec(41, 4, RIG_PORT_FIRST + 12);
	struct td_termination_spec other = rig_spec(42, 5, RIG_PORT_FIRST + 12);
	uint64_t deadline_ms;
	uint16_t result;

	(void)state;
	greet();
	assert_int_equal(rig_add(&rig, &spec).result, TD_RESULT_OK);
	assert_int_equal(rig_add(&rig, &other).result, TD_RESULT_PORT_IN_USE);
	/* the same port of another address is another port */
	memset(&other.local.ip, 0, sizeof(other.local.ip));
	memset(&other.remote, 0, sizeof(other.remote));
	assert_true(td_ip_parse("2001:db8::1", 11, &other.local.ip));
	assert_int_equal(rig_add(&rig, &other).result, TD_RESULT_OK);
	assert_int_equal(rig_subtract(&rig, 41, 1).result, TD_RESULT_OK);
	spec.termination_id = 43;
	assert_int_equal(rig_add(&rig, &spec).result, TD_RESULT_PORT_RESTING);
	deadline_ms = td_mono_ns() / TD_NS_PER_MS + PATIENCE_MS;
	do {
		result = rig_add(&rig, &spec).result;
		assert_true(td_mono_ns() / TD_NS_PER_MS < deadline_ms);
	} while (result == TD_RESULT_PORT_RESTING);
	assert_int_equal(result, TD_RESULT_OK);
	assert_int_equal(rig_subtract(&rig, 42, 1).result, TD_RESULT_OK);
	assert_int_equal(rig_subtract(&rig, 43, 1).result, TD_RESULT_OK);
}

static void contexts_hold_two_of_one_worker(void **state)
{
	struct td_termination_spec spec = rig_spec(51, 6, RIG_PORT_FIRST + 20);

	(void)state;
	greet();
	assert_int_equal(rig_add(&rig, &spec).result, TD_RESULT_OK);
	spec.termination_id = 52;
	spec.local.port = RIG_PORT_FIRST + 22; /* the other worker's */
	assert_int_equal(rig_add(&rig, &spec).result, TD_RESULT_WORKER_FOREIGN);
	spec.local.port = RIG_PORT_FIRST + 24;
	assert_int_equal(rig_add(&rig, &spec).result, TD_RESULT_OK);
	spec.termination_id = 53;
	spec.local.port = RIG_PORT_FIRST + 28;
	assert_int_equal(rig_add(&rig, &spec).result, TD_RESULT_CONTEXT_FULL);
	assert_int_equal(rig_subtract(&rig, 51, 1).result, TD_RESULT_OK);
	assert_int_equal(rig_add(&rig, &spec).result, TD_RESULT_OK);
	assert_int_equal(rig_subtract(&rig, 52, 1).result, TD_RESULT_OK);
	assert_int_equal(rig_subtract(&rig, 53, 1).result, TD_RESULT_OK);
}

static void wait_for_rest_to_end(const struct td_counters *counters)
{
	uint64_t deadline_ms = td_mono_ns() / TD_NS_PER_MS + PATIENCE_MS;

	while (td_counter_read(&counters->ports_resting) > 0 ||
		td_counter_read(&counters->terminations_in_use) > 0) {
		assert_true(td_mono_ns() / TD_NS_PER_MS < deadline_ms);
		assert_int_equal(rig_audit(&rig, 0).result, TD_RESULT_OK); /* takes its time */
	}
}

static void full_is_an_answer(void **state)
{
	const struct td_counters *counters = rig_counters(&rig);

	(void)state;
	greet();
	wait_for_rest_to_end(counters);
	for (uint16_t i = 0; i < RIG_CAPACITY; i++) {
		struct td_termination_spec spec =
			rig_spec(100u + i, 100u + i, (uint16_t)(RIG_PORT_FIRST + 40 + 2 * i));

		assert_int_equal(rig_add(&rig, &spec).result, TD_RESULT_OK);
	}
	{
		struct td_termination_spec spec = rig_spec(99, 99, RIG_PORT_FIRST + 100);

		assert_int_equal(rig_add(&rig, &spec).result, TD_RESULT_FULL);
	}
	assert_int_equal(rig_audit(&rig, 0).result, TD_RESULT_OK);
	assert_int_equal(rig.item_count, RIG_CAPACITY);
	for (uint64_t i = 0; i < RIG_CAPACITY; i++)
		assert_int_equal(rig_subtract(&rig, 100 + i, 1).result, TD_RESULT_OK);
	wait_for_rest_to_end(counters);
	assert_int_equal(td_counter_read(&counters->mbufs_in_use), 0);
	(void)munmap((void *)(uintptr_t)counters, sizeof(*counters));
}

static void new_connection_replaces_the_old(void **state)
{
	uint8_t byte;
	int old;

	(void)state;
	greet();
	old = rig.connection;
	rig.connection = -1; /* still open */
	greet();
	assert_int_equal(recv(old, &byte, 1, 0), 0); /* hung up */
	(void)close(old);
	assert_int_equal(rig_audit(&rig, 0).result, TD_RESULT_OK);
}

/* What nobody heard because no control plane was there is said again by the audit. */
static void audit_repeats_media_timeouts(void **state)
{
	struct td_termination_spec a = rig_spec(51, 5, RIG_PORT_FIRST + 100);
	struct td_termination_spec b = rig_spec(52, 5, RIG_PORT_FIRST + 104);
	const struct td_counters *counters = rig_counters(&rig);
	uint64_t lost = td_counter_read(&counters->notifications_lost);
	uint64_t start_ns = td_mono_ns();

	(void)state;
	greet();
	a.media_timeout_s = 1;
	assert_int_equal(rig_add(&rig, &a).result, TD_RESULT_OK);
	assert_int_equal(rig_add(&rig, &b).result, TD_RESULT_OK);
	(void)close(rig.connection);
	rig.connection = -1;
	while (td_counter_read(&counters->notifications_lost) == lost) {
		assert_true(
			td_since(td_mono_ns(), start_ns) < PATIENCE_MS * (uint64_t)TD_NS_PER_MS);
		(void)poll(NULL, 0, 10);
	}
	(void)munmap((void *)(uintptr_t)counters, sizeof(*counters));
	greet();
	assert_int_equal(rig_audit(&rig, 0).result, TD_RESULT_OK);
	assert_int_equal(rig.item_count, 2);
	assert_int_equal(rig.timeout_count, 1);
	assert_int_equal(rig_audit(&rig, 52).result, TD_RESULT_OK);
	assert_int_equal(rig.timeout_count, 0);
	assert_int_equal(rig_subtract(&rig, 51, 1).result, TD_RESULT_OK);
	assert_int_equal(rig_subtract(&rig, 52, 1).result, TD_RESULT_OK);
}

static void second_dataplane_is_refused(void **state)
{
	(void)state;
	greet();
	assert_int_equal(rig_start_second(&rig), 1);
	assert_int_equal(rig_audit(&rig, 0).result, TD_RESULT_OK);
}

static void restart_keeps_terminations(void **state)
{
	struct td_termination_spec a = rig_spec(61, 7, RIG_PORT_FIRST + 120);
	struct td_termination_spec b = rig_spec(62, 7, RIG_PORT_FIRST + 124);
	const struct td_counters *counters = rig_counters(&rig);
	struct td_audit_item before[2];
	uint64_t refused;
	struct td_reply hello;

	(void)state;
	hello = rig_greet(&rig);
	assert_int_equal(rig_add(&rig, &a).result, TD_RESULT_OK);
	assert_int_equal(rig_add(&rig, &b).result, TD_RESULT_OK);
	b.epoch = 2;
	b.mode = TD_MODE_SEND;
	assert_int_equal(rig_modify(&rig, &b).result, TD_RESULT_OK);
	assert_int_equal(rig_audit(&rig, 0).result, TD_RESULT_OK);
	assert_int_equal(rig.item_count, 2);
	memcpy(before, rig.items, sizeof(before));
	refused = td_counter_read(&counters->commands_refused);
	(void)munmap((void *)(uintptr_t)counters, sizeof(*counters));
	for (int i = 0; i < 2; i++) {
		struct td_reply after;

		rig_kill(&rig);
		rig_start(&rig);
		after = rig_greet(&rig);
		assert_int_equal(after.capabilities.is_restarted, 1);
		assert_int_equal(after.capabilities.terminations_in_use, 2);
		assert_int_not_equal(after.capabilities.dataplane_instance,
			hello.capabilities.dataplane_instance);
		assert_int_equal(rig_audit(&rig, 0).result, TD_RESULT_OK);
		assert_int_equal(rig.item_count, 2);
		for (uint32_t j = 0; j < 2; j++) {
			assert_memory_equal(
				&rig.items[j].spec, &before[j].spec, sizeof(before[j].spec));
			assert_int_equal(rig.items[j].stats.tx_ssrc, before[j].stats.tx_ssrc);
			assert_int_not_equal(rig.items[j].stats.tx_ssrc, 0);
		}
	}
	counters = rig_counters(&rig);
	assert_true(td_counter_read(&counters->commands_refused) >= refused);
	(void)munmap((void *)(uintptr_t)counters, sizeof(*counters));
	/* they are as alive as before */
	a.termination_id = 63;
	assert_int_equal(rig_add(&rig, &a).result, TD_RESULT_PORT_IN_USE);
	assert_int_equal(rig_subtract(&rig, 61, 1).result, TD_RESULT_OK);
	assert_int_equal(rig_subtract(&rig, 62, 2).result, TD_RESULT_OK);
}

/* A port that was released shortly before the crash isn't given away after it. */
static void restart_keeps_ports_at_rest(void **state)
{
	struct td_termination_spec spec = rig_spec(71, 8, RIG_PORT_FIRST + 140);

	(void)state;
	greet();
	assert_int_equal(rig_add(&rig, &spec).result, TD_RESULT_OK);
	assert_int_equal(rig_subtract(&rig, 71, 1).result, TD_RESULT_OK);
	rig_kill(&rig);
	rig_start(&rig);
	greet();
	spec.termination_id = 72;
	assert_int_equal(rig_add(&rig, &spec).result, TD_RESULT_PORT_RESTING);
}

static void unusable_arena_is_put_aside(void **state)
{
	char path[128];
	struct td_reply reply;
	int file;

	(void)state;
	rig_kill(&rig);
	(void)snprintf(path, sizeof(path), "%s/terminations", rig.run_dir);
	file = open(path, O_WRONLY);
	assert_true(file >= 0);
	assert_int_equal(pwrite(file, "garbage!", 8, 0), 8);
	(void)close(file);
	(void)snprintf(path, sizeof(path), "%s/counters", rig.run_dir);
	assert_int_equal(truncate(path, 100), 0);
	rig_start(&rig);
	reply = rig_greet(&rig);
	assert_int_equal(reply.capabilities.is_restarted, 0);
	assert_int_equal(rig_audit(&rig, 0).result, TD_RESULT_OK);
	assert_int_equal(rig.item_count, 0);
	(void)snprintf(path, sizeof(path), "%s/terminations.bad", rig.run_dir);
	assert_int_equal(access(path, F_OK), 0);
	(void)snprintf(path, sizeof(path), "%s/counters.bad", rig.run_dir);
	assert_int_equal(access(path, F_OK), 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(hello_tells_what_there_is),
		cmocka_unit_test(repetition_changes_nothing),
		cmocka_unit_test(old_epochs_are_refused),
		cmocka_unit_test(strangers_to_the_table_are_unknown),
		cmocka_unit_test(ports_have_one_user_and_rest),
		cmocka_unit_test(contexts_hold_two_of_one_worker),
		cmocka_unit_test(full_is_an_answer),
		cmocka_unit_test(new_connection_replaces_the_old),
		cmocka_unit_test(audit_repeats_media_timeouts),
		cmocka_unit_test(second_dataplane_is_refused),
		cmocka_unit_test(restart_keeps_terminations),
		cmocka_unit_test(restart_keeps_ports_at_rest),
		cmocka_unit_test(unusable_arena_is_put_aside),
	};

	return cmocka_run_group_tests(tests, open_rig, close_rig);
}
