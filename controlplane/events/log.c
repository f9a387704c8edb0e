/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The log's thread. The loop fills one buffer while the thread writes and syncs the other; a
 * failed write or sync cuts the segment back to what is known to be durable and writes the whole
 * buffer again into a new one (after a failed fdatasync nothing can be said of its pages). The
 * loop never touches a file, so a slow disk costs it nothing but pressure.
 */
#include "events/log.h"

#include "events/segments.h"

#include <tandem/log.h>
#include <tandem/time.h>

#include <assert.h>
#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

enum {
	DEFAULT_SEGMENT_BYTES = 16 * 1024 * 1024,
	DEFAULT_QUEUE_BYTES = 32 * 1024 * 1024,
	DEFAULT_SYNC_INTERVAL_MS = 5,
	DEFAULT_RETAIN_S = 30 * 86400,
	RETRY_MS = 200,	       /* after a failed write */
	HOUSEKEEPING_MS = 100, /* low-water mark and removal of segments */
	MS_NS = 1000000,
};
static const uint64_t default_retain_bytes = 1024ull * 1024 * 1024;

struct batch {
	uint8_t *bytes;
	size_t used_bytes;
	uint64_t first_seq;
	uint64_t last_seq;
	uint64_t records;
};

struct event_log {
	/* Fixed after event_log_open(). */
	struct event_log_io io;
	char *dir;
	char node[EVENT_NODE_BYTES];
	uint32_t epoch;
	uint32_t segment_bytes;
	uint32_t queue_bytes;
	uint32_t sync_interval_ms;
	uint64_t retain_bytes;
	uint64_t retain_s;
	uint64_t max_bytes;
	bool is_shipped;

	pthread_t thread;
	bool has_thread;
	pthread_mutex_t lock; /* guards what follows, up to the next comment */
	pthread_cond_t wake;
	struct batch filling;
	bool must_stop;
	uint64_t stop_by_ns;
	struct event_log_stats stats;
	int watchers[EVENT_LOG_WATCHERS_MAX];
	unsigned watcher_count;

	_Atomic uint64_t durable_seq;	/* w: thread, r: anyone */
	_Atomic uint64_t delivered_seq; /* w: producer, r: anyone */

	/* The thread's own. */
	struct segment_set set;
	struct batch writing;
	int segment_fd; /* -1: none is open */
	uint64_t segment_size_bytes;
	uint64_t saved_delivered_seq;
	struct td_log_limit log_limit;
};

static ssize_t sys_write(int fd, const void *bytes, size_t size_bytes)
{
	return write(fd, bytes, size_bytes);
}

static const struct event_log_io system_io = {.write = sys_write, .fdatasync = fdatasync};

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

/* Saves the low-water mark and removes what is no longer needed. */
static void keep_house(struct event_log *log)
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
	uint64_t until_ns = td_mono_ns() + delay_ms * MS_NS;
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
		uint64_t waited_ms = td_since(td_mono_ns(), group_from_ns) / MS_NS;

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

static void *run(void *context)
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
		keep_house(log);
	}
	keep_house(log);
	return NULL;
}

int event_log_submit(struct event_log *log, uint64_t seq, const uint8_t *frame, size_t frame_bytes)
{
	struct batch *batch = &log->filling;
	bool was_empty;
	int error = 0;

	(void)pthread_mutex_lock(&log->lock);
	assert(seq > log->stats.accepted_seq && "sequences rise");
	was_empty = batch->used_bytes == 0;
	if (frame_bytes > log->queue_bytes - batch->used_bytes) {
		log->stats.refused++;
		error = -ENOSPC;
	} else {
		memcpy(batch->bytes + batch->used_bytes, frame, frame_bytes);
		if (was_empty)
			batch->first_seq = seq;
		batch->last_seq = seq;
		batch->used_bytes += frame_bytes;
		batch->records++;
		log->stats.accepted_seq = seq;
		if (was_empty)
			(void)pthread_cond_signal(&log->wake);
	}
	(void)pthread_mutex_unlock(&log->lock);
	return error;
}

uint64_t event_log_durable(const struct event_log *log)
{
	/* partner: release store in publish_batch() */
	return atomic_load_explicit(&log->durable_seq, memory_order_acquire);
}

uint64_t event_log_last(const struct event_log *log)
{
	return event_log_stats(log).accepted_seq;
}

uint32_t event_log_epoch(const struct event_log *log)
{
	return log->epoch;
}

const char *event_log_node(const struct event_log *log)
{
	return log->node;
}

const char *event_log_dir(const struct event_log *log)
{
	return log->dir;
}

struct event_log_stats event_log_stats(const struct event_log *log)
{
	/* The lock is the only thing changed, and not part of the log's value. */
	pthread_mutex_t *lock = (pthread_mutex_t *)(uintptr_t)&log->lock;
	struct event_log_stats stats;

	(void)pthread_mutex_lock(lock);
	stats = log->stats;
	stats.queue_bytes = log->filling.used_bytes;
	(void)pthread_mutex_unlock(lock);
	stats.node_epoch = log->epoch;
	stats.durable_seq = event_log_durable(log);
	stats.delivered_seq = atomic_load_explicit(&log->delivered_seq, memory_order_acquire);
	return stats;
}

int event_log_watch(struct event_log *log, int event_fd)
{
	int error = 0;

	(void)pthread_mutex_lock(&log->lock);
	if (log->watcher_count == EVENT_LOG_WATCHERS_MAX)
		error = -ENOSPC;
	else
		log->watchers[log->watcher_count++] = event_fd;
	(void)pthread_mutex_unlock(&log->lock);
	return error;
}

void event_log_unwatch(struct event_log *log, int event_fd)
{
	(void)pthread_mutex_lock(&log->lock);
	for (unsigned i = 0; i < log->watcher_count; i++) {
		if (log->watchers[i] != event_fd)
			continue;
		log->watchers[i] = log->watchers[--log->watcher_count];
		break;
	}
	(void)pthread_mutex_unlock(&log->lock);
}

void event_log_delivered(struct event_log *log, uint64_t seq)
{
	/* partner: acquire loads in keep_house() and event_log_stats() */
	atomic_store_explicit(&log->delivered_seq, seq, memory_order_release);
}

static void configure(struct event_log *log, const struct event_log_config *config)
{
	log->io = config->io != NULL ? *config->io : system_io;
	log->segment_bytes = config->segment_bytes ? config->segment_bytes : DEFAULT_SEGMENT_BYTES;
	log->queue_bytes = config->queue_bytes ? config->queue_bytes : DEFAULT_QUEUE_BYTES;
	log->sync_interval_ms =
		config->sync_interval_ms ? config->sync_interval_ms : DEFAULT_SYNC_INTERVAL_MS;
	log->retain_bytes = config->retain_bytes ? config->retain_bytes : default_retain_bytes;
	log->retain_s = config->retain_s ? config->retain_s : DEFAULT_RETAIN_S;
	log->max_bytes = config->max_bytes;
	log->is_shipped = config->is_shipped;
}

static int start(struct event_log *log, const struct event_log_config *config)
{
	struct segment_recovery recovery;
	pthread_condattr_t attributes;
	int error;

	log->dir = strdup(config->dir);
	log->filling.bytes = malloc(log->queue_bytes);
	log->writing.bytes = malloc(log->queue_bytes);
	if (log->dir == NULL || log->filling.bytes == NULL || log->writing.bytes == NULL)
		return -ENOMEM;
	error = segment_set_open(config->dir, &log->set, &recovery);
	if (error != 0)
		return error;
	log->epoch = recovery.node_epoch;
	log->stats.accepted_seq = recovery.last_seq;
	log->stats.corrupt_frames = recovery.corrupt_frames;
	log->stats.torn_bytes = recovery.torn_bytes;
	log->saved_delivered_seq = recovery.delivered_seq;
	atomic_init(&log->durable_seq, recovery.last_seq);
	atomic_init(&log->delivered_seq, recovery.delivered_seq);
	(void)pthread_condattr_init(&attributes); /* can't fail on Linux */
	(void)pthread_condattr_setclock(&attributes, CLOCK_MONOTONIC);
	(void)pthread_cond_init(&log->wake, &attributes);
	(void)pthread_condattr_destroy(&attributes);
	keep_house(log);
	error = pthread_create(&log->thread, NULL, run, log);
	log->has_thread = error == 0;
	return -error;
}

int event_log_open(const struct event_log_config *config, struct event_log **ret_log)
{
	struct event_log *log;
	int error;

	if (config->node[0] == '\0' || strlen(config->node) >= EVENT_NODE_BYTES)
		return -EINVAL;
	log = calloc(1, sizeof(*log));
	if (log == NULL)
		return -ENOMEM;
	memcpy(log->node, config->node, strlen(config->node));
	log->segment_fd = log->set.dir_fd = log->set.lock_fd = -1;
	(void)pthread_mutex_init(&log->lock, NULL); /* can't fail on Linux */
	configure(log, config);
	error = start(log, config);
	if (error != 0) {
		(void)event_log_close(log, 0); /* nothing was queued */
		return error;
	}
	*ret_log = log;
	return 0;
}

uint64_t event_log_close(struct event_log *log, uint32_t drain_ms)
{
	uint64_t unwritten;

	if (log == NULL)
		return 0;
	if (log->has_thread) {
		(void)pthread_mutex_lock(&log->lock);
		log->must_stop = true;
		log->stop_by_ns = td_mono_ns() + (uint64_t)drain_ms * MS_NS;
		(void)pthread_cond_signal(&log->wake);
		(void)pthread_mutex_unlock(&log->lock);
		(void)pthread_join(log->thread, NULL); /* it ends: see run() */
		(void)pthread_cond_destroy(&log->wake);
		/* The sequence goes on behind this one even if all segments are gone by then. */
		(void)!segment_set_save_epoch(&log->set, log->epoch, event_log_durable(log));
	}
	unwritten = log->writing.records + log->filling.records;
	if (log->segment_fd >= 0)
		(void)close(log->segment_fd); /* synced by the thread */
	segment_set_close(&log->set);
	(void)pthread_mutex_destroy(&log->lock);
	free(log->filling.bytes);
	free(log->writing.bytes);
	free(log->dir);
	free(log);
	return unwritten;
}
