/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The write-ahead event log: segment files of CRC-protected frames, written and synced in groups
 * by a thread of its own, behind a bounded queue. Without brokers it is the sink itself; with
 * brokers the Kafka producer reads it and says what was delivered. Nothing that was accepted is
 * ever dropped silently: a full disk is retried, counted, logged, and felt as pressure.
 *
 * Threads: event_log_submit() is for one thread (the loop); the rest is thread-safe unless it
 * says otherwise.
 */
#ifndef TD_EVENTS_LOG_H
#define TD_EVENTS_LOG_H

#include "events/frame.h"

#include <tandem/compiler.h>

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

/* System calls that change the disk, so that tests can fail them. */
struct event_log_io {
	ssize_t (*write)(int fd, const void *bytes, size_t size_bytes);
	int (*fdatasync)(int fd);
};

struct event_log_config {
	const char *dir;	       /* created with mode 0700 if missing */
	const char *node;	       /* copied; at most EVENT_NODE_BYTES - 1 */
	uint32_t segment_bytes;	       /* a new segment after this; 0: 16 MiB */
	uint32_t queue_bytes;	       /* between loop and thread; 0: 32 MiB */
	uint32_t sync_interval_ms;     /* longest wait for fdatasync; 0: 20 */
	uint64_t retain_bytes;	       /* finished segments kept, all together; 0: 1 GiB */
	uint64_t retain_s;	       /* and no longer than this; 0: 30 days */
	uint64_t max_bytes;	       /* whole log; beyond it nothing is accepted; 0: no limit */
	bool is_shipped;	       /* a producer will call event_log_delivered(): an undelivered
				    * segment is never removed, a delivered one at once */
	const struct event_log_io *io; /* NULL: the system's */
};

struct event_log_stats {
	uint32_t node_epoch;
	uint64_t accepted_seq;	/* last given to event_log_submit() */
	uint64_t durable_seq;	/* last that fdatasync covered */
	uint64_t delivered_seq; /* all up to here have been delivered (is_shipped) */
	uint64_t queue_bytes;
	uint64_t log_bytes;
	uint64_t segments;
	uint64_t records_written;
	uint64_t write_failures;
	uint64_t sync_failures;
	uint64_t corrupt_frames;   /* found when the log was opened */
	uint64_t torn_bytes;	   /* cut off when the log was opened */
	uint64_t segments_expired; /* removed by retain_bytes or retain_s */
	uint64_t refused;	   /* event_log_submit() said -ENOSPC */
	uint64_t sync_max_us;	   /* longest fdatasync */
	bool is_stalled;	   /* the last write or sync failed */
};

struct event_log;

/* Opens or creates the log: recovers every complete frame, truncates a torn tail, raises
 * node_epoch on disk, starts the thread. -EBUSY (open elsewhere), -EINVAL (node), -ENOMEM, or
 * the error of a system call. */
td_must_check int event_log_open(const struct event_log_config *config, struct event_log **ret_log);
/* Writes and syncs what is queued (waits at most drain_ms), stops the thread, closes. Returns the
 * number of records that couldn't be written. Accepts NULL. */
uint64_t event_log_close(struct event_log *log, uint32_t drain_ms);

/* Queues one encoded frame; copies it. Sequences must rise by one. Never blocks: -ENOSPC if the
 * queue is full. */
td_must_check int event_log_submit(
	struct event_log *log, uint64_t seq, const uint8_t *frame, size_t frame_bytes);

/* Sequence up to which everything survives a power cut. */
uint64_t event_log_durable(const struct event_log *log);
/* Last sequence that is in the log or its queue. */
uint64_t event_log_last(const struct event_log *log);
uint32_t event_log_epoch(const struct event_log *log);
const char *event_log_node(const struct event_log *log);
const char *event_log_dir(const struct event_log *log);
struct event_log_stats event_log_stats(const struct event_log *log);

enum {
	EVENT_LOG_WATCHERS_MAX = 4
};
/* Has the thread write 1 to event_fd (an eventfd) whenever durable_seq rises. Borrows event_fd
 * until event_log_unwatch(). -ENOSPC beyond EVENT_LOG_WATCHERS_MAX. */
td_must_check int event_log_watch(struct event_log *log, int event_fd);
/* Ends that; event_fd isn't touched afterwards. */
void event_log_unwatch(struct event_log *log, int event_fd);

/* Says that everything up to seq has been delivered: remembered on disk, and segments that are
 * wholly below it are removed. Producer thread only. */
void event_log_delivered(struct event_log *log, uint64_t seq);

#endif
