/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The journal against a naive model: what was committed is there after reopening, whatever torn,
 * damaged or failed in between.
 */
#include "journal/journal.h"

#include "journal/format.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cmocka.h>

enum {
	MODEL_IDS = 64,
	VALUE_BYTES = 200,
};

/* Each test has a directory of its own. */
static char dir[64];

static int make_dir(void **state)
{
	(void)state;
	strcpy(dir, "/tmp/tandem-journal-XXXXXX");
	return mkdtemp(dir) == NULL;
}

static int remove_dir(void **state)
{
	char command[128];

	(void)state;
	(void)snprintf(command, sizeof(command), "rm -r %s", dir);
	return system(command);
}

static struct journal *open_journal(const struct journal_io *io)
{
	struct journal_config config = {.dir = dir,
		.record_capacity = 128,
		.compact_min_bytes = 4096,
		.compact_step_bytes = 512,
		.io = io};
	struct journal *journal = NULL;

	assert_int_equal(journal_open(&config, &journal), 0);
	return journal;
}

static void put(struct journal *journal, uint64_t id, const char *value)
{
	assert_int_equal(journal_put(journal, JOURNAL_CALL, id, value, strlen(value)), 0);
}

/* What journal_replay() told, as text "id=value;" in order of id. */
static char told[MODEL_IDS][VALUE_BYTES + 1];

static int tell(void *context, uint64_t id, const uint8_t *value, size_t value_bytes)
{
	(void)context;
	assert_true(id < MODEL_IDS && value_bytes <= VALUE_BYTES);
	memcpy(told[id], value, value_bytes);
	told[id][value_bytes] = '\0';
	return 0;
}

static void replay(struct journal *journal)
{
	memset(told, 0, sizeof(told));
	assert_int_equal(journal_replay(journal, JOURNAL_CALL, tell, NULL), 0);
}

static void last_value_of_each_key_comes_back(void **state)
{
	struct journal *journal = open_journal(NULL);

	(void)state;
	put(journal, 1, "one");
	put(journal, 2, "two");
	put(journal, 1, "one again");
	assert_int_equal(journal_commit(journal), 0);
	put(journal, 3, "three");
	assert_int_equal(journal_delete(journal, JOURNAL_CALL, 2), 0);
	assert_int_equal(journal_delete(journal, JOURNAL_CALL, 42), 0);
	assert_int_equal(journal_commit(journal), 0);
	put(journal, 4, "never committed");
	journal_close(journal);

	journal = open_journal(NULL);
	replay(journal);
	assert_string_equal(told[1], "one again");
	assert_string_equal(told[2], "");
	assert_string_equal(told[3], "three");
	assert_string_equal(told[4], "");
	assert_int_equal(journal_stats(journal).records[JOURNAL_CALL], 2);
	assert_false(journal_stats(journal).is_other_boot);
	journal_close(journal);
}

static void kinds_are_apart(void **state)
{
	struct journal *journal = open_journal(NULL);

	(void)state;
	put(journal, 1, "call");
	assert_int_equal(journal_put(journal, JOURNAL_EVENT, 1, "event", 5), 0);
	assert_int_equal(journal_commit(journal), 0);
	replay(journal);
	assert_string_equal(told[1], "call");
	assert_int_equal(journal_delete(journal, JOURNAL_EVENT, 1), 0);
	assert_int_equal(journal_stats(journal).records[JOURNAL_EVENT], 0);
	assert_int_equal(journal_stats(journal).records[JOURNAL_CALL], 1);
	journal_close(journal);
}

static void limits_are_answered(void **state)
{
	struct journal *journal = open_journal(NULL);
	static uint8_t big[JOURNAL_VALUE_MAX_BYTES + 1];

	(void)state;
	assert_int_equal(journal_put(journal, JOURNAL_CALL, 1, big, sizeof(big)), -EMSGSIZE);
	for (uint64_t id = 0; id < 128; id++)
		put(journal, id, "x");
	assert_int_equal(journal_put(journal, JOURNAL_CALL, 128, "x", 1), -ENOSPC);
	put(journal, 5, "an old one may still change");
	journal_close(journal);
}

static void second_opener_is_told(void **state)
{
	struct journal *journal = open_journal(NULL);
	struct journal_config config = {.dir = dir};
	struct journal *second = NULL;

	(void)state;
	assert_int_equal(journal_open(&config, &second), -EBUSY);
	journal_close(journal);
}

static void file_path(char path[128])
{
	(void)snprintf(path, 128, "%s/journal-00000000000000000001", dir);
}

static void files_are_private(void **state)
{
	struct journal *journal = open_journal(NULL);
	struct stat status;
	char path[128];

	(void)state;
	file_path(path);
	assert_int_equal(stat(path, &status), 0);
	assert_int_equal(status.st_mode & 0777, 0600);
	journal_close(journal);
}

static void torn_tail_at_every_byte(void **state)
{
	char path[128];
	struct stat status;
	/* The second turn: a record and its mark. */
	size_t last_bytes = journal_record_bytes(strlen("second value")) + journal_record_bytes(0);
	struct journal *journal;

	(void)state;
	file_path(path);
	for (size_t cut = 1; cut <= last_bytes; cut++) {
		journal = open_journal(NULL);
		put(journal, 1, "first value");
		assert_int_equal(journal_commit(journal), 0);
		put(journal, 2, "second value");
		assert_int_equal(journal_commit(journal), 0);
		journal_close(journal);
		assert_int_equal(stat(path, &status), 0);
		assert_int_equal(truncate(path, status.st_size - (off_t)cut), 0);
		journal = open_journal(NULL);
		replay(journal);
		assert_string_equal(told[1], "first value");
		assert_string_equal(told[2], "");
		assert_int_equal(journal_stats(journal).torn_bytes, last_bytes - cut);
		journal_close(journal);
		assert_int_equal(unlink(path), 0);
	}
}

static void damage_in_the_middle_costs_one_record(void **state)
{
	struct journal *journal = open_journal(NULL);
	char path[128];
	int fd;

	(void)state;
	put(journal, 1, "first value");
	put(journal, 2, "second value");
	put(journal, 3, "third value");
	assert_int_equal(journal_commit(journal), 0);
	journal_close(journal);
	file_path(path);
	fd = open(path, O_WRONLY);
	/* The second record's length: the reader must not trust it. */
	assert_int_equal(pwrite(fd, "\xff", 1,
				 (off_t)(JOURNAL_FILE_HEADER_BYTES + journal_record_bytes(11) + 4)),
		1);
	close(fd);
	journal = open_journal(NULL);
	replay(journal);
	assert_string_equal(told[1], "first value");
	assert_string_equal(told[2], "");
	assert_string_equal(told[3], "third value");
	assert_int_equal(journal_stats(journal).corrupt_records, 1);
	journal_close(journal);
}

static void other_boot_is_said_once(void **state)
{
	struct journal *journal = open_journal(NULL);
	struct journal_file_header header = {.file_seq = 1, .boot_id = {0xaa}};
	uint8_t bytes[JOURNAL_FILE_HEADER_BYTES];
	char path[128];
	int fd;

	(void)state;
	put(journal, 1, "before the boot");
	assert_int_equal(journal_commit(journal), 0);
	journal_close(journal);
	journal_file_header_encode(&header, bytes);
	file_path(path);
	fd = open(path, O_WRONLY);
	assert_int_equal(pwrite(fd, bytes, sizeof(bytes), 0), sizeof(bytes));
	close(fd);

	journal = open_journal(NULL);
	assert_true(journal_stats(journal).is_other_boot);
	assert_int_equal(journal_delete(journal, JOURNAL_CALL, 1), 0);
	journal_close(journal); /* died before it could commit: is told again */
	journal = open_journal(NULL);
	assert_true(journal_stats(journal).is_other_boot);
	assert_int_equal(journal_delete(journal, JOURNAL_CALL, 1), 0);
	assert_int_equal(journal_commit(journal), 0);
	journal_close(journal);
	journal = open_journal(NULL);
	assert_false(journal_stats(journal).is_other_boot);
	journal_close(journal);
}

/* System calls that fail on request. */
static unsigned calls_until_failure; /* 0: never */
static bool fails_for_good;
static bool is_half_written;

static bool must_fail(void)
{
	if (calls_until_failure == 0)
		return false;
	if (--calls_until_failure != 0)
		return false;
	if (fails_for_good)
		calls_until_failure = 1;
	errno = ENOSPC;
	return true;
}

static ssize_t flaky_pwrite(int fd, const void *bytes, size_t size_bytes, off_t offset)
{
	if (must_fail()) {
		if (is_half_written && size_bytes > 1)
			(void)!pwrite(fd, bytes, size_bytes / 2, offset);
		errno = ENOSPC;
		return -1;
	}
	return pwrite(fd, bytes, size_bytes, offset);
}

static int flaky_ftruncate(int fd, off_t size_bytes)
{
	return must_fail() ? -1 : ftruncate(fd, size_bytes);
}

static int flaky_fdatasync(int fd)
{
	return must_fail() ? -1 : fdatasync(fd);
}

static int flaky_unlinkat(int dir_fd, const char *name, int flags)
{
	return must_fail() ? -1 : unlinkat(dir_fd, name, flags);
}

static const struct journal_io flaky = {
	.pwrite = flaky_pwrite,
	.ftruncate = flaky_ftruncate,
	.fdatasync = flaky_fdatasync,
	.unlinkat = flaky_unlinkat,
};

static void failed_commit_is_kept_and_tried_again(void **state)
{
	struct journal *journal = open_journal(&flaky);

	(void)state;
	put(journal, 1, "patient");
	calls_until_failure = 1;
	is_half_written = true;
	assert_int_equal(journal_commit(journal), -ENOSPC);
	assert_int_equal(journal_stats(journal).commit_failures, 1);
	calls_until_failure = 0;
	assert_int_equal(journal_commit(journal), 0);
	journal_close(journal);
	journal = open_journal(NULL);
	replay(journal);
	assert_string_equal(told[1], "patient");
	assert_int_equal(journal_stats(journal).torn_bytes, 0);
	journal_close(journal);
}

/* The model: what was committed, and what this turn changes. */
static char committed[MODEL_IDS][VALUE_BYTES + 1];
static char wanted[MODEL_IDS][VALUE_BYTES + 1];

/* One turn of random puts and deletes; the same for the same seed. */
static int random_turn(struct journal *journal, unsigned *seed)
{
	memcpy(wanted, committed, sizeof(wanted));
	for (unsigned i = 0; i < 4; i++) {
		uint64_t id = (uint64_t)rand_r(seed) % MODEL_IDS;
		size_t length = (size_t)rand_r(seed) % VALUE_BYTES + 1;

		if (rand_r(seed) % 4 == 0) {
			if (journal_delete(journal, JOURNAL_CALL, id) != 0)
				return -1;
			memset(wanted[id], 0, sizeof(wanted[id]));
			continue;
		}
		memset(wanted[id], 0, sizeof(wanted[id]));
		memset(wanted[id], 'a' + rand_r(seed) % 26, length);
		if (journal_put(journal, JOURNAL_CALL, id, wanted[id], length) != 0)
			return -1;
	}
	if (journal_commit(journal) != 0)
		return -1;
	memcpy(committed, wanted, sizeof(committed));
	return 0;
}

/* The store is that of the last commit, or as a whole that of the one that was interrupted. */
static void check_against_model(void)
{
	if (memcmp(told, wanted, sizeof(told)) == 0)
		return;
	for (unsigned id = 0; id < MODEL_IDS; id++)
		assert_string_equal(told[id], committed[id]);
}

static void crash_at_every_system_call_of_a_compacting_run(void **state)
{
	const unsigned turns = 120;
	unsigned compactions = 0;

	(void)state;
	for (unsigned fail_at = 1; fail_at < 220; fail_at++) {
		struct journal *journal = open_journal(&flaky);
		unsigned seed = 7;
		unsigned turn;

		memset(committed, 0, sizeof(committed));
		memset(wanted, 0, sizeof(wanted));
		calls_until_failure = fail_at;
		fails_for_good = true;
		is_half_written = fail_at % 2 == 0;
		for (turn = 0; turn < turns; turn++)
			if (random_turn(journal, &seed) != 0)
				break;
		compactions += (unsigned)journal_stats(journal).compactions;
		journal_close(journal); /* the process dies here */
		calls_until_failure = 0;
		fails_for_good = false;
		journal = open_journal(NULL);
		replay(journal);
		check_against_model();
		/* And it goes on working. */
		put(journal, 1, "alive");
		assert_int_equal(journal_commit(journal), 0);
		journal_close(journal);
		(void)remove_dir(NULL);
		assert_int_equal(make_dir(NULL), 0);
	}
	assert_true(compactions > 10);
}

static void long_run_stays_small(void **state)
{
	struct journal *journal = open_journal(NULL);
	unsigned seed = 3;

	(void)state;
	memset(committed, 0, sizeof(committed));
	for (unsigned turn = 0; turn < 20000; turn++) {
		assert_int_equal(random_turn(journal, &seed), 0);
		if (turn % 4000 == 3999) {
			journal_close(journal);
			journal = open_journal(NULL);
			replay(journal);
			check_against_model();
		}
	}
	assert_true(journal_stats(journal).file_bytes < 64 * 1024);
	for (uint64_t id = 0; id < MODEL_IDS; id++)
		assert_int_equal(journal_delete(journal, JOURNAL_CALL, id), 0);
	assert_int_equal(journal_commit(journal), 0);
	assert_int_equal(journal_stats(journal).records[JOURNAL_CALL], 0);
	assert_int_equal(journal_stats(journal).live_bytes, 0);
	journal_close(journal);
}

static unsigned open_descriptors(void)
{
	DIR *directory = opendir("/proc/self/fd");
	unsigned count = 0;

	assert_non_null(directory);
	while (readdir(directory) != NULL)
		count++;
	(void)closedir(directory); /* only read */
	return count;
}

static void a_large_file_is_given_back_bit_by_bit(void **state)
{
	static char value[100 * 1024];
	struct journal *journal = open_journal(NULL);
	unsigned before = open_descriptors();
	unsigned commits = 0;

	(void)state;
	for (unsigned i = 0; i < 35; i++) /* 3.4 MiB, all but the last dead */
		assert_int_equal(journal_put(journal, JOURNAL_CALL, 1, value, sizeof(value)), 0);
	while (journal_stats(journal).compactions == 0)
		assert_int_equal(journal_commit(journal), 0);
	assert_int_equal(open_descriptors(), before + 1);
	assert_true(journal_stats(journal).file_bytes < 300 * 1024);
	while (open_descriptors() != before) {
		assert_int_equal(journal_commit(journal), 0);
		assert_true(++commits <= 4);
	}
	assert_int_equal(commits, 4); /* three steps of a MiB, then the rest */
	assert_int_equal(journal_stats(journal).records[JOURNAL_CALL], 1);
	journal_close(journal);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
#define CASE(name) cmocka_unit_test_setup_teardown(name, make_dir, remove_dir)
		CASE(last_value_of_each_key_comes_back),
		CASE(kinds_are_apart),
		CASE(limits_are_answered),
		CASE(second_opener_is_told),
		CASE(files_are_private),
		CASE(torn_tail_at_every_byte),
		CASE(damage_in_the_middle_costs_one_record),
		CASE(other_boot_is_said_once),
		CASE(failed_commit_is_kept_and_tried_again),
		CASE(crash_at_every_system_call_of_a_compacting_run),
		CASE(long_run_stays_small),
		CASE(a_large_file_is_given_back_bit_by_bit),
#undef CASE
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
