/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The log's thread. The loop fills one buffer while the thread writes and syncs the other; a
 * failed write or sync cuts the segment back to what is known to be durable and writes the whole
 * buffer again into a new one (after a failed fdatasync nothing can be said of its pages). The
 * loop never touches a file, so a slow disk costs it nothing but pressure.
 */
#include "events/log_state.h"

#include <tandem/time.h>

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

enum {
	RETRY_MS = 200,	       /* after a failed write */
	HOUSEKEEPING_MS = 100, /* low-water mark and removal of segments */
};

static void log_failure(struct event_log *log, const char *what, int error)
{
	uint32_t swallowed;

	if (td_log_allowed(&log->log_limit, 1, td_mono_ns() / TD_NS_PER_S, &swallowed))
		td_log(TD_LOG_ERR,
			"events: log %s: %s failed, nothing is lost, trying again (error=%s "
			"queued_bytes=%zu swallowed=%u)",
			log->dir, what, strerror(-error), log->writing.used_bytes, swallowed);
}

static int write_all(struct event_log *log, const void *bytes, size_t size_bytes)
{
	const uint8_t *at = bytes;

	while (size_bytes != 0) {
		ssize_t written = log->io.write(log->segment_fd, at, size_bytes);

		if (written < 0 && errno == EINTR)
			continue;
		if (written <= 0)
			return written < 0 ? -errno : -EIO;
		at += written;
		size_bytes -= (size_t)written;
	}
	return 0;
}

/* Closes the open segment after a failure: only what is durable stays in it. */
static void abandon_segment(struct event_log *log)
{
	struct segment *segment = &log->set.segments[log->set.count - 1];
	char name[SEGMENT_NAME_BYTES];

	if (segment->size_bytes <= EVENT_SEGMENT_HEADER_BYTES) {
		segment_name(segment->first_seq, name);
		(void)unlinkat(log->set.dir_fd, name, 0); /* else the next attempt truncates it */
		segment_set_drop_newest(&log->set);
	} else {
		/* If this fails, readers see some records twice and skip the second. */
		(void)!ftruncate(log->segment_fd, (off_t)segment->size_bytes);
	}
	(void)close(log->segment_fd); /* its end was given up above */
	log->segment_fd = -1;
}

static int open_segment(struct event_log *log, uint64_t first_seq)
{
	struct event_segment_header header = {
		.epoch = log->epoch, .first_seq = first_seq, .created_wall_ns = td_wall_ns()};
	struct segment segment = {
		.first_seq = first_seq, .created_wall_ns = header.created_wall_ns};
	uint8_t bytes[EVENT_SEGMENT_HEADER_BYTES];
	char name[SEGMENT_NAME_BYTES];
	int error;

	segment_name(first_seq, name);
	log->segment_fd = openat(log->set.dir_fd, name,
		O_WRONLY | O_CREAT | O_TRUNC | O_APPEND | O_CLOEXEC | O_NOFOLLOW, 0600);
	if (log->segment_fd < 0)
		return -errno;
	error = segment_set_add(&log->set, &segment);
	if (error != 0) {
		(void)close(log->segment_fd);
		log->segment_fd = -1;
		return error;
	}
	memcpy(header.node, log->node, sizeof(header.node));
	event_segment_header_encode(&header, bytes);
	error = write_all(log, bytes, sizeof(bytes));
	if (error == 0 && fsync(log->set.dir_fd) != 0)
		error = -errno;
	if (error != 0)
		abandon_segment(log);
	else
		log->segment_size_bytes = sizeof(bytes);
	return error;
}

static void count_sync(struct event_log *log, uint64_t start_ns)
{
	uint64_t took_us = td_since(td_mono_ns(), start_ns) / TD_NS_PER_US;

	(void)pthread_mutex_lock(&log->lock);
	if (took_us > log->stats.sync_max_us)
		log->stats.sync_max_us = took_us;
	(void)pthread_mutex_unlock(&log->lock);
}

/* Writes and syncs the batch as a whole; on error it is as if nothing had been written. */
static int write_batch(struct event_log *log)
{
	struct batch *batch = &log->writing;
	const char *what = "write";
	uint64_t start_ns;
	int error = 0;

	if (log->max_bytes != 0 && log->set.bytes + batch->used_bytes > log->max_bytes)
		error = -ENOSPC;
	if (error == 0 && log->segment_fd < 0)
		error = open_segment(log, batch->first_seq);
	if (error == 0) {
		error = write_all(log, batch->bytes, batch->used_bytes);
		start_ns = td_mono_ns();
		if (error == 0 && log->io.fdatasync(log->segment_fd) != 0) {
			error = -errno;
			what = "fdatasync";
		}
		count_sync(log, start_ns);
		if (error != 0)
			abandon_segment(log);
	}
	if (error != 0) {
		log_failure(log, what, error);
		(void)pthread_mutex_lock(&log->lock);
		if (what[0] == 'w')
			log->stats.write_failures++;
		else
			log->stats.sync_failures++;
		log->stats.is_stalled = true;
		(void)pthread_mutex_unlock(&log->lock);
		return error;
	}
	log->segment_size_bytes += batch->used_bytes;
	log->set.bytes +=
		log->segment_size_bytes - log->set.segments[log->set.count - 1].size_bytes;
	log->set.segments[log->set.count - 1].size_bytes = log->segment_size_bytes;
	if (log->segment_size_bytes >= log->segment_bytes) {
		(void)close(log->segment_fd); /* synced above */
		log->segment_fd = -1;
	}
	return 0;
}

/* Tells everyone that the batch is safe, and empties it. */
static void publish_batch(struct event_log *log)
{
	static const uint64_t one = 1;

	(void)pthread_mutex_lock(&log->lock);
	log->stats.records_written += log->writing.records;
	log->stats.is_stalled = false;
	/* partner: acquire load in event_log_durable() */
	atomic_store_explicit(&log->durable_seq, log->writing.last_seq, memory_order_release);
	for (unsigned i = 0; i < log->watcher_count; i++)
		(void)!write(log->watchers[i], &one, sizeof(one)); /* full is as good as one */
	(void)pthread_mutex_unlock(&log->lock);
	log->writing.used_bytes = 0;
	log->writing.records = 0;
}

/* True if the oldest segment is finished and may go. */
static bool is_oldest_due(const struct event_log *log, uint64_t delivered_seq, uint64_t now_wall_ns)
{
	const struct segment *segments = log->set.segments;

	if (log->set.count < 2)
		return false;
	if (log->is_shipped)
		return segments[1].first_seq - 1 <= delivered_seq;
	return log->set.bytes > log->retain_bytes ||
	       td_since(now_wall_ns, segments[1].created_wall_ns) / TD_NS_PER_S > log->retain_s;
}

void log_thread_keep_house(struct event_log *log)
{
	uint64_t delivered_seq = atomic_load_explicit(&log->delivered_seq, memory_order_acquire);
	uint64_t now_wall_ns = td_wall_ns();
	uint64_t expired = 0;

	if (delivered_seq != log->saved_delivered_seq &&
		segment_set_save_delivered(&log->set, delivered_seq) == 0)
		log->saved_delivered_seq = delivered_seq;
	while (is_oldest_due(log, delivered_seq, now_wall_ns)) {
		if (segment_set_remove_oldest(&log->set) != 0)
			break; /* again next time */
		if (!log->is_shipped)
			expired++;
	}
	(void)pthread_mutex_lock(&log->lock);
	log->stats.segments_expired += expired;
	log->stats.log_bytes = log->set.bytes;
	log->stats.segments = log->set.count;
	(void)pthread_mutex_unlock(&log->lock);
}

/* Waits on the condition up to delay_ms; with the lock held. */
static void wait_ms(struct event_log *log, uint64_t delay_ms)
{
	uint64_t until_ns = td_mono_ns() + delay_ms * TD_NS_PER_MS;
	struct timespec until = {.tv_sec = (time_t)(until_ns / TD_NS_PER_S),
		.tv_nsec = (long)(until_ns % TD_NS_PER_S)};

	(void)pthread_cond_timedwait(&log->wake, &log->lock, &until);
}

/* Takes over what the loop has queued; false if it is time to end. */
static bool take_batch(struct event_log *log)
{
	struct batch empty = log->writing;
	uint64_t group_from_ns = 0;
	bool goes_on = true;

	(void)pthread_mutex_lock(&log->lock);
	if (log->filling.used_bytes == 0 && !log->must_stop)
		wait_ms(log, HOUSEKEEPING_MS);
	/* Gather a group: one fdatasync for all that comes within the interval. */
	group_from_ns = td_mono_ns();
	while (log->filling.used_bytes != 0 && !log->must_stop &&
		log->filling.used_bytes < log->queue_bytes / 2) {
		uint64_t waited_ms = td_since(td_mono_ns(), group_from_ns) / TD_NS_PER_MS;

		if (waited_ms >= log->sync_interval_ms)
			break;
		wait_ms(log, log->sync_interval_ms - waited_ms);
	}
	if (log->filling.used_bytes != 0) {
		log->writing = log->filling;
		log->filling = empty;
	} else {
		goes_on = !log->must_stop;
	}
	(void)pthread_mutex_unlock(&log->lock);
	return goes_on;
}

/* After a failure: waits, and says whether to try again. */
static bool wait_to_retry(struct event_log *log)
{
	bool goes_on;

	(void)pthread_mutex_lock(&log->lock);
	if (!log->must_stop)
		wait_ms(log, RETRY_MS);
	goes_on = !log->must_stop || td_mono_ns() < log->stop_by_ns;
	(void)pthread_mutex_unlock(&log->lock);
	return goes_on;
}

void *log_thread_run(void *context)
{
	struct event_log *log = context;

	for (;;) {
		if (log->writing.used_bytes == 0 && !take_batch(log))
			break;
		if (log->writing.used_bytes != 0) {
			if (write_batch(log) == 0)
				publish_batch(log);
			else if (!wait_to_retry(log))
				break;
		}
		log_thread_keep_house(log);
	}
	log_thread_keep_house(log);
	return NULL;
}
