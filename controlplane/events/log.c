/* SPDX-License-Identifier: Apache-2.0 */
/*
 * See log.h. What the callers do: queue a frame, ask how far it is, open and close. The loop only
 * ever copies into a buffer under a lock that the thread holds for a swap of two buffers.
 */
#include "events/log.h"

#include "events/log_state.h"
#include "events/segments.h"

#include <tandem/time.h>

#include <assert.h>
#include <errno.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

enum {
	DEFAULT_SEGMENT_BYTES = 16 * 1024 * 1024,
	DEFAULT_QUEUE_BYTES = 32 * 1024 * 1024,
	/* The journal has what waits, so only a loss of power could cost it; each sync costs the
	 * processor some 150 us. */
	DEFAULT_SYNC_INTERVAL_MS = 20,
	DEFAULT_RETAIN_S = 30 * 86400,
};
static const uint64_t default_retain_bytes = 1024ull * 1024 * 1024;

static ssize_t sys_write(int fd, const void *bytes, size_t size_bytes)
{
	return write(fd, bytes, size_bytes);
}

static const struct event_log_io system_io = {.write = sys_write, .fdatasync = fdatasync};

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
	/* partner: acquire loads in log_thread_keep_house() and event_log_stats() */
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
	log_thread_keep_house(log);
	error = pthread_create(&log->thread, NULL, log_thread_run, log);
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
		log->stop_by_ns = td_mono_ns() + (uint64_t)drain_ms * TD_NS_PER_MS;
		(void)pthread_cond_signal(&log->wake);
		(void)pthread_mutex_unlock(&log->lock);
		(void)pthread_join(log->thread, NULL); /* it ends: see log_thread_run() */
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
