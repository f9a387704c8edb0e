/* SPDX-License-Identifier: Apache-2.0 */
#include "scratch.h"

#include "events/frame.h"
#include "events/reader.h"

#include <errno.h>
#include <poll.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include <cmocka.h>

enum {
	WAIT_NAPS = 10000,
};

char scratch_dir[64];

int scratch_make(void **state)
{
	(void)state;
	strcpy(scratch_dir, "/tmp/tandem-events-XXXXXX");
	return mkdtemp(scratch_dir) == NULL;
}

int scratch_remove(void **state)
{
	char command[128];

	(void)state;
	(void)snprintf(command, sizeof(command), "rm -r %s", scratch_dir);
	return system(command);
}

const char *scratch_log_dir(void)
{
	static char path[96];

	(void)snprintf(path, sizeof(path), "%s/events", scratch_dir);
	return path;
}

struct event_log *scratch_log(const struct event_log_io *io, bool is_shipped)
{
	struct event_log_config config = {.dir = scratch_log_dir(),
		.node = "n1",
		.segment_bytes = 4096,
		.queue_bytes = 256 * 1024,
		.sync_interval_ms = 1,
		.is_shipped = is_shipped,
		.io = io};
	struct event_log *log = NULL;

	assert_int_equal(event_log_open(&config, &log), 0);
	return log;
}

void scratch_nap(void)
{
	(void)poll(NULL, 0, 1);
}

void scratch_submit(struct event_log *log, uint64_t seq, const char *value)
{
	struct event_frame frame = {
		.epoch = event_log_epoch(log), .seq = seq, .wall_ns = 1, .value = span_from(value)};
	uint8_t bytes[4096];
	size_t frame_bytes;

	assert_int_equal(event_frame_encode(&frame, bytes, sizeof(bytes), &frame_bytes), 0);
	for (int i = 0; i < WAIT_NAPS; i++) {
		if (event_log_submit(log, seq, bytes, frame_bytes) == 0)
			return;
		scratch_nap();
	}
	fail_msg("the queue stayed full");
}

void scratch_wait_durable(struct event_log *log, uint64_t seq)
{
	for (int i = 0; i < WAIT_NAPS && event_log_durable(log) < seq; i++)
		scratch_nap();
	assert_true(event_log_durable(log) >= seq);
}

void scratch_check_log(uint64_t first, uint64_t last)
{
	struct event_reader *reader = NULL;
	struct event_frame frame;
	uint64_t wanted = first;
	int result;

	assert_int_equal(event_reader_open(scratch_log_dir(), 0, &reader), 0);
	while ((result = event_reader_next(reader, UINT64_MAX, &frame)) == 0)
		assert_true(frame.seq == wanted++);
	assert_int_equal(result, -EAGAIN);
	assert_true(wanted == last + 1);
	event_reader_close(reader);
}
