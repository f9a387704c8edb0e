/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The event log with its thread: what is durable comes back in order and once, through torn
 * tails, damage, full disks and failed syncs.
 */
#include "events/log.h"

#include "events/reader.h"
#include "events/segments.h"
#include "scratch.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cmocka.h>

static const char value[] = "{\"a\":\"0123456789012345678901234567890123456789\"}";

static void submit_many(struct event_log *log, uint64_t first, uint64_t last)
{
	for (uint64_t seq = first; seq <= last; seq++)
		scratch_submit(log, seq, value);
}

static void path_of(uint64_t first_seq, char path[256])
{
	char name[SEGMENT_NAME_BYTES];

	segment_name(first_seq, name);
	(void)snprintf(path, 256, "%s/%s", scratch_log_dir(), name);
}

/* first_seq of the newest (or oldest) segment; 0: there is none. */
static uint64_t find_segment(bool is_newest)
{
	DIR *dir = opendir(scratch_log_dir());
	struct dirent *item;
	uint64_t found = 0;

	while ((item = readdir(dir)) != NULL) {
		uint64_t first_seq = segment_name_parse(item->d_name);

		if (first_seq != UINT64_MAX &&
			(found == 0 || (is_newest ? first_seq > found : first_seq < found)))
			found = first_seq;
	}
	closedir(dir);
	return found;
}

static void records_come_back_in_order(void **state)
{
	struct event_log *log = scratch_log(NULL, false);

	(void)state;
	for (uint64_t batch = 0; batch < 10; batch++) {
		submit_many(log, batch * 50 + 1, batch * 50 + 50);
		scratch_wait_durable(log, batch * 50 + 50);
	}
	scratch_check_log(1, 500);
	assert_int_equal(event_log_stats(log).records_written, 500);
	assert_int_equal(event_log_close(log, 1000), 0);
	assert_true(find_segment(true) > 100);
}

static void epoch_rises_and_sequence_goes_on(void **state)
{
	struct event_log *log = scratch_log(NULL, false);

	(void)state;
	assert_int_equal(event_log_epoch(log), 1);
	submit_many(log, 1, 10);
	assert_int_equal(event_log_close(log, 1000), 0);
	for (uint32_t epoch = 2; epoch < 5; epoch++) {
		log = scratch_log(NULL, false);
		assert_int_equal(event_log_epoch(log), epoch);
		assert_true(event_log_last(log) == 10);
		assert_true(event_log_durable(log) == 10);
		assert_int_equal(event_log_close(log, 1000), 0);
	}
	log = scratch_log(NULL, false);
	submit_many(log, 11, 20);
	assert_int_equal(event_log_close(log, 1000), 0);
	scratch_check_log(1, 20);
}

static void second_opener_is_told(void **state)
{
	struct event_log *log = scratch_log(NULL, false);
	struct event_log_config config = {.dir = scratch_log_dir(), .node = "n1"};
	struct event_log *second = NULL;

	(void)state;
	assert_int_equal(event_log_open(&config, &second), -EBUSY);
	config.node = "";
	assert_int_equal(event_log_open(&config, &second), -EINVAL);
	assert_int_equal(event_log_close(log, 1000), 0);
}

static void torn_tail_is_cut_at_every_byte(void **state)
{
	struct event_log *log = scratch_log(NULL, false);
	struct stat status;
	char path[256];

	(void)state;
	submit_many(log, 1, 3);
	assert_int_equal(event_log_close(log, 1000), 0);
	path_of(1, path);
	assert_int_equal(stat(path, &status), 0);
	for (off_t cut = 1; cut < 60; cut += 7) {
		uint64_t last;

		assert_int_equal(stat(path, &status), 0);
		assert_int_equal(truncate(path, status.st_size - 1), 0);
		log = scratch_log(NULL, false);
		last = event_log_last(log);
		assert_true(event_log_stats(log).torn_bytes > 0);
		/* A number isn't used again while the old epoch's record may be somewhere. */
		assert_int_equal(event_log_stats(log).corrupt_frames, 0);
		assert_int_equal(event_log_close(log, 1000), 0);
		(void)last;
		if (stat(path, &status) != 0 || status.st_size < 300)
			break;
	}
}

static void damage_costs_one_record(void **state)
{
	struct event_log *log = scratch_log(NULL, false);
	struct event_reader *reader = NULL;
	struct event_frame frame;
	char path[256];
	unsigned count = 0;
	int fd;

	(void)state;
	submit_many(log, 1, 5);
	assert_int_equal(event_log_close(log, 1000), 0);
	path_of(1, path);
	fd = open(path, O_WRONLY);
	assert_int_equal(pwrite(fd, "\xff\xff", 2, EVENT_SEGMENT_HEADER_BYTES + 150), 2);
	close(fd);
	log = scratch_log(NULL, false);
	assert_int_equal(event_log_stats(log).corrupt_frames, 1);
	assert_true(event_log_last(log) == 5);
	assert_int_equal(event_log_close(log, 1000), 0);
	assert_int_equal(event_reader_open(scratch_log_dir(), 0, &reader), 0);
	while (event_reader_next(reader, UINT64_MAX, &frame) == 0)
		count++;
	assert_int_equal(count, 4);
	assert_int_equal(event_reader_corrupt(reader), 1);
	event_reader_close(reader);
}

static void reader_starts_anywhere_and_follows(void **state)
{
	struct event_log *log = scratch_log(NULL, false);
	struct event_reader *reader = NULL;
	struct event_frame frame;

	(void)state;
	submit_many(log, 1, 300);
	scratch_wait_durable(log, 300);
	assert_int_equal(event_reader_open(scratch_log_dir(), 250, &reader), 0);
	assert_int_equal(event_reader_next(reader, 249, &frame), -EAGAIN);
	for (uint64_t seq = 250; seq <= 300; seq++) {
		assert_int_equal(event_reader_next(reader, 300, &frame), 0);
		assert_true(frame.seq == seq);
	}
	assert_int_equal(event_reader_next(reader, UINT64_MAX, &frame), -EAGAIN);
	submit_many(log, 301, 600);
	scratch_wait_durable(log, 600);
	for (uint64_t seq = 301; seq <= 600; seq++) {
		assert_int_equal(event_reader_next(reader, UINT64_MAX, &frame), 0);
		assert_true(frame.seq == seq);
		assert_string_equal(event_reader_node(reader), "n1");
	}
	event_reader_close(reader);
	assert_int_equal(event_log_close(log, 1000), 0);
	assert_int_equal(event_reader_open("/nonexistent", 0, &reader), -ENOENT);
}

/* System calls that fail on request. */
static _Atomic int failing_writes;
static _Atomic int failing_syncs;
static _Atomic bool is_disk_full;

static ssize_t flaky_write(int fd, const void *bytes, size_t size_bytes)
{
	if (is_disk_full || (failing_writes > 0 && failing_writes-- > 0)) {
		if (size_bytes > 200)
			(void)!write(fd, bytes, size_bytes / 2);
		errno = ENOSPC;
		return -1;
	}
	return write(fd, bytes, size_bytes);
}

static int flaky_fdatasync(int fd)
{
	if (failing_syncs > 0 && failing_syncs-- > 0) {
		errno = EIO;
		return -1;
	}
	return fdatasync(fd);
}

static const struct event_log_io flaky = {.write = flaky_write, .fdatasync = flaky_fdatasync};

static void failed_writes_and_syncs_lose_nothing(void **state)
{
	struct event_log *log = scratch_log(&flaky, false);

	(void)state;
	submit_many(log, 1, 50);
	scratch_wait_durable(log, 50);
	failing_writes = 2;
	submit_many(log, 51, 100);
	scratch_wait_durable(log, 100);
	failing_syncs = 2;
	submit_many(log, 101, 150);
	scratch_wait_durable(log, 150);
	assert_int_equal(event_log_stats(log).write_failures, 2);
	assert_int_equal(event_log_stats(log).sync_failures, 2);
	assert_false(event_log_stats(log).is_stalled);
	scratch_check_log(1, 150);
	assert_int_equal(event_log_close(log, 1000), 0);
	log = scratch_log(NULL, false);
	assert_int_equal(event_log_stats(log).corrupt_frames, 0);
	assert_int_equal(event_log_stats(log).torn_bytes, 0);
	assert_int_equal(event_log_close(log, 1000), 0);
}

static void full_disk_is_felt_and_survived(void **state)
{
	struct event_log *log = scratch_log(&flaky, false);
	struct event_frame frame = {.epoch = 1, .value = span_from(value)};
	uint8_t bytes[512];
	size_t frame_bytes;
	uint64_t seq = 0;

	(void)state;
	is_disk_full = true;
	for (;;) {
		frame.seq = seq + 1;
		assert_int_equal(event_frame_encode(&frame, bytes, sizeof(bytes), &frame_bytes), 0);
		if (event_log_submit(log, seq + 1, bytes, frame_bytes) != 0)
			break;
		seq++;
		if (seq % 64 == 0)
			scratch_nap();
	}
	assert_true(seq > 1000);
	assert_int_equal(event_log_stats(log).refused, 1);
	for (int i = 0; i < 5000 && !event_log_stats(log).is_stalled; i++)
		scratch_nap();
	assert_true(event_log_stats(log).is_stalled);
	assert_true(event_log_durable(log) == 0);
	is_disk_full = false;
	scratch_wait_durable(log, seq);
	assert_false(event_log_stats(log).is_stalled);
	scratch_check_log(1, seq);
	assert_int_equal(event_log_close(log, 1000), 0);
}

static void close_gives_up_after_its_time(void **state)
{
	struct event_log *log = scratch_log(&flaky, false);

	(void)state;
	is_disk_full = true;
	submit_many(log, 1, 7);
	assert_int_equal(event_log_close(log, 10), 7);
	is_disk_full = false;
}

static void old_segments_expire_by_size(void **state)
{
	struct event_log_config config = {.dir = scratch_log_dir(),
		.node = "n1",
		.segment_bytes = 4096,
		.sync_interval_ms = 1,
		.retain_bytes = 20000};
	struct event_log *log = NULL;

	(void)state;
	assert_int_equal(event_log_open(&config, &log), 0);
	for (uint64_t batch = 0; batch < 20; batch++) {
		submit_many(log, batch * 50 + 1, batch * 50 + 50);
		scratch_wait_durable(log, batch * 50 + 50);
	}
	for (int i = 0; i < 2000 && event_log_stats(log).log_bytes > 20000; i++)
		scratch_nap();
	assert_true(event_log_stats(log).log_bytes <= 20000);
	assert_true(event_log_stats(log).segments_expired > 5);
	assert_int_equal(event_log_close(log, 1000), 0);
	scratch_check_log(find_segment(false), 1000);
}

static void only_delivered_segments_go_when_shipped(void **state)
{
	struct event_log *log = scratch_log(NULL, true);

	(void)state;
	for (uint64_t batch = 0; batch < 10; batch++) {
		submit_many(log, batch * 50 + 1, batch * 50 + 50);
		scratch_wait_durable(log, batch * 50 + 50);
	}
	scratch_check_log(1, 500);
	event_log_delivered(log, 260);
	for (int i = 0; i < 2000 && find_segment(false) == 1; i++)
		scratch_nap();
	assert_true(find_segment(false) > 1 && find_segment(false) <= 261);
	assert_int_equal(event_log_close(log, 1000), 0);
	log = scratch_log(NULL, true);
	assert_true(event_log_stats(log).delivered_seq == 260);
	assert_int_equal(event_log_close(log, 1000), 0);
}

static void sequence_survives_the_loss_of_all_segments(void **state)
{
	struct event_log *log = scratch_log(NULL, true);
	char command[160];

	(void)state;
	submit_many(log, 1, 77);
	assert_int_equal(event_log_close(log, 1000), 0);
	(void)snprintf(command, sizeof(command), "rm %s/*.tel", scratch_log_dir());
	assert_int_equal(system(command), 0);
	log = scratch_log(NULL, true);
	assert_true(event_log_last(log) == 77);
	assert_int_equal(event_log_close(log, 1000), 0);
}

static void watchers_are_woken(void **state)
{
	struct event_log *log = scratch_log(NULL, false);
	int fd = eventfd(0, EFD_NONBLOCK);
	uint64_t count = 0;

	(void)state;
	assert_int_equal(event_log_watch(log, fd), 0);
	submit_many(log, 1, 1);
	scratch_wait_durable(log, 1);
	for (int i = 0; i < 1000 && read(fd, &count, sizeof(count)) < 0; i++)
		scratch_nap();
	assert_int_equal(count, 1);
	event_log_unwatch(log, fd);
	submit_many(log, 2, 2);
	assert_int_equal(event_log_close(log, 1000), 0);
	assert_true(read(fd, &count, sizeof(count)) < 0);
	close(fd);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
#define CASE(name) cmocka_unit_test_setup_teardown(name, scratch_make, scratch_remove)
		CASE(records_come_back_in_order),
		CASE(epoch_rises_and_sequence_goes_on),
		CASE(second_opener_is_told),
		CASE(torn_tail_is_cut_at_every_byte),
		CASE(damage_costs_one_record),
		CASE(reader_starts_anywhere_and_follows),
		CASE(failed_writes_and_syncs_lose_nothing),
		CASE(full_disk_is_felt_and_survived),
		CASE(close_gives_up_after_its_time),
		CASE(old_segments_expire_by_size),
		CASE(only_delivered_segments_go_when_shipped),
		CASE(sequence_survives_the_loss_of_all_segments),
		CASE(watchers_are_woken),
#undef CASE
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
