/* SPDX-License-Identifier: Apache-2.0 */
/* Taking calls over from the journal: damage, another boot, a long absence, a trunk that is gone. */
#include "rig.h"

#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

static void test_damaged_records_are_refused(void **state)
{
	struct rig rig;
	const struct switchboard_snapshot rubbish = {.id = 5, .value = "rubbish", .length = 7};
	struct switchboard_snapshot snapshot;

	(void)state;
	rig_init(&rig, HEAD TRUNKS ROUTES);
	assert_int_equal(switchboard_restore(rig.switchboard, &rubbish, rig.now), -EBADMSG);
	rig_receive(&rig, "10.1.0.1", INVITE);
	assert_int_equal(rig.commands, 2);
	switchboard_destroy(rig.switchboard);
	rig_start(&rig, 2);
	snapshot = (struct switchboard_snapshot){
		.id = 5, .value = rig.journal, .length = rig.journal_length};
	assert_int_equal(switchboard_restore(rig.switchboard, &snapshot, rig.now), -EBADMSG);
	snapshot.id = rig.journal_id;
	assert_int_equal(switchboard_restore(rig.switchboard, &snapshot, rig.now), 0);
	assert_int_equal(switchboard_restore(rig.switchboard, &snapshot, rig.now), -ENOSPC);
	assert_int_equal(switchboard_get_counts(rig.switchboard).recovery_failed, 2);
	assert_int_equal(switchboard_get_counts(rig.switchboard).calls, 1);
	assert_int_equal(switchboard_get_counts(rig.switchboard).ports_in_use, 4);
	assert_int_equal(rig.commands, 4); /* both terminations again */
	assert_int_equal(rig.deletes, 2);  /* of what can't be read, not of what has no room */
	rig_fini(&rig);
}

/* A limit lowered while calls are up must not cost those calls. */
static void test_calls_above_a_lowered_limit_come_back(void **state)
{
	struct rig rig;
	uint8_t records[2][sizeof(rig.journal)]; /* restoring journals anew */
	char other_invite[] = INVITE;
	struct switchboard_snapshot snapshots[2];

	(void)state;
	rig_init(&rig, HEAD TRUNKS ROUTES);
	rig_receive(&rig, "10.1.0.1", INVITE);
	memcpy(records[0], rig.journal, rig.journal_length);
	snapshots[0] = (struct switchboard_snapshot){
		.id = rig.journal_id, .value = records[0], .length = rig.journal_length};
	switchboard_destroy(rig.switchboard);
	rig_start(&rig, 2);
	*(strstr(other_invite, "Call-ID: c") + strlen("Call-ID: ")) = 'd';
	rig_receive(&rig, "10.1.0.1", other_invite);
	memcpy(records[1], rig.journal, rig.journal_length);
	snapshots[1] = (struct switchboard_snapshot){
		.id = rig.journal_id, .value = records[1], .length = rig.journal_length};
	assert_int_not_equal(snapshots[0].id, snapshots[1].id);
	switchboard_destroy(rig.switchboard);
	rig.config->sip.max_calls = 1;
	rig.restored_calls = 2;
	rig_start(&rig, 3);
	for (size_t i = 0; i < 2; i++)
		assert_int_equal(switchboard_restore(rig.switchboard, &snapshots[i], rig.now), 0);
	assert_int_equal(switchboard_get_counts(rig.switchboard).calls, 2);
	rig_fini(&rig);
}

static void test_calls_of_an_earlier_boot_end(void **state)
{
	struct rig rig;
	struct switchboard_snapshot snapshot;

	(void)state;
	rig_init(&rig, HEAD TRUNKS ROUTES);
	rig_receive(&rig, "10.1.0.1", INVITE);
	switchboard_destroy(rig.switchboard);
	rig.now = (struct td_now){500, rig.now.wall_ns + 60 * (td_ns_t)TD_NS_PER_S};
	rig_start(&rig, 2);
	rig.commands = 0;
	snapshot = (struct switchboard_snapshot){.id = rig.journal_id,
		.value = rig.journal,
		.length = rig.journal_length,
		.is_other_boot = true};
	assert_int_equal(switchboard_restore(rig.switchboard, &snapshot, rig.now), 0);
	assert_int_equal(rig.commands, 0); /* its media died with the machine */
	assert_memory_equal(rig.last, "SIP/2.0 503", 11);
	assert_int_equal(rig.cdrs, 1);
	assert_true(rig.cdr.is_recovered);
	assert_int_equal(rig.cdr.times.end_wall_ns, rig.now.wall_ns);
	assert_int_equal(switchboard_get_counts(rig.switchboard).ports_in_use, 0);
	rig.now.mono_ms += 32000; /* timer H: nobody is there to acknowledge */
	switchboard_advance(rig.switchboard, rig.now);
	assert_int_equal(rig.deletes, 1);
	assert_int_equal(switchboard_get_counts(rig.switchboard).calls, 0);
	rig_fini(&rig);
}

/* An INVITE that nobody has answered yet is sent again after a short absence, not after one that
 * outlasted the caller's patience: a phone would ring for a call that is over. */
static void test_no_phone_rings_for_an_old_call(void **state)
{
	static const struct {
		uint64_t away_ms;
		bool is_other_boot;
		unsigned invites;
	} cases[] = {{1000, false, 1}, {600000, false, 0}, {600000, true, 0}};

	(void)state;
	for (size_t i = 0; i < TD_COUNT_OF(cases); i++) {
		struct rig rig;

		rig_init(&rig, HEAD TRUNKS ROUTES);
		rig_receive(&rig, "10.1.0.1", INVITE);
		rig_media_done(&rig);
		assert_int_equal(rig.invites, 1);
		rig.invites = 0;
		rig_restart(&rig, cases[i].away_ms, cases[i].is_other_boot);
		assert_int_equal(rig.invites, cases[i].invites);
		for (unsigned step = 0; step < 40; step++) {
			rig.now.mono_ms += 2000;
			switchboard_advance(rig.switchboard, rig.now);
		}
		if (cases[i].invites == 0)
			assert_int_equal(rig.invites, 0);
		assert_int_equal(switchboard_get_counts(rig.switchboard).calls, 0);
		rig_fini(&rig);
	}
}

static void test_calls_of_a_trunk_that_is_gone_end(void **state)
{
	struct rig rig;

	(void)state;
	rig_init(&rig, HEAD TRUNKS ROUTES);
	rig_receive(&rig, "10.1.0.1", INVITE);
	rig_media_done(&rig);
	config_destroy(rig.config);
	rig.config = rig_load(HEAD "trunks:\n  - {name: a, sources: [10.1.0.0/24], "
				   "target: \"sip:10.1.0.1\", options_interval_s: 0}\n");
	rig_restart(&rig, 100, false);
	assert_memory_equal(rig.last, "SIP/2.0 503", 11);
	for (unsigned i = 0; i < 40; i++) {
		rig.now.mono_ms += 2000;
		switchboard_advance(rig.switchboard, rig.now);
	}
	assert_int_equal(rig.cdrs, 2);
	assert_int_equal(switchboard_get_counts(rig.switchboard).calls, 0);
	rig_fini(&rig);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_damaged_records_are_refused),
		cmocka_unit_test(test_calls_above_a_lowered_limit_come_back),
		cmocka_unit_test(test_calls_of_an_earlier_boot_end),
		cmocka_unit_test(test_no_phone_rings_for_an_old_call),
		cmocka_unit_test(test_calls_of_a_trunk_that_is_gone_end),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
