/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The event log's inside, shared by its two files only: log.c (API, opening, closing) and
 * log_thread.c (writing, syncing, removing).
 */
#ifndef TD_EVENTS_LOG_STATE_H
#define TD_EVENTS_LOG_STATE_H

#include "events/log.h"
#include "events/segments.h"

#include <tandem/log.h>

#include <pthread.h>
#include <stdatomic.h>

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

/* The log's thread: context is the struct event_log. Ends when must_stop says so. */
void *log_thread_run(void *context);
/* Saves the low-water mark and removes segments that are no longer needed. The thread's, or
 * before there is one. */
void log_thread_keep_house(struct event_log *log);

#endif
