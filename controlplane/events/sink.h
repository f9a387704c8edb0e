/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Where the loop puts its events. Each gets its identity (node, epoch, sequence) and its JSON
 * here, rests in the journal until the event log's thread has it safe on disk, and so survives
 * kill -9 at every instant, exactly once. Loop thread only; never blocks.
 *
 * One turn of the loop:
 *   event_sink_emit() …     with the machines' other actions
 *   journal_commit()        call snapshots and events together, one write()
 *   event_sink_flush()      hands committed events to the log's thread
 *   (SIP and media output)
 * and, when event_sink_fd() is readable, event_sink_reap().
 */
#ifndef TD_EVENTS_SINK_H
#define TD_EVENTS_SINK_H

#include "events/record.h"

#include <tandem/compiler.h>

#include <stdint.h>

struct event_log;
struct journal;
struct event_sink;

struct event_sink_config {
	struct journal *journal; /* borrows until event_sink_destroy() */
	struct event_log *log;	 /* borrows until event_sink_destroy() */
	uint32_t pending_bytes;	 /* events waiting for the log, at most; 0: 64 MiB */
};

/* How full the way to the disk is. */
enum event_pressure {
	EVENT_PRESSURE_NONE,
	EVENT_PRESSURE_HIGH, /* over half: refuse new calls, finish those there are */
	EVENT_PRESSURE_FULL, /* event_sink_emit() fails */
	EVENT_PRESSURE_COUNT
};

struct event_sink_stats {
	uint64_t emitted;
	uint64_t recovered;	/* found in the journal at the start and logged again */
	uint64_t refused;	/* event_sink_emit() failed: an event was lost, loudly */
	uint64_t pending;	/* records not yet safe in the log */
	uint64_t pending_bytes; /* their size */
};

/* Creates the sink and sends what the journal still holds, from before a crash, to the log under
 * its old identity. -ENOMEM, -EINVAL, or an error of journal_replay(). */
td_must_check int event_sink_create(
	const struct event_sink_config *config, struct event_sink **ret_sink);
/* Accepts NULL. Call event_log_close() after it. */
void event_sink_destroy(struct event_sink *sink);

/* Serialises record, gives it the next sequence and puts it into the journal's batch; now_wall_ns
 * is the time of emission. -ENOSPC (pressure is FULL, or the journal's), -EMSGSIZE. */
td_must_check int event_sink_emit(
	struct event_sink *sink, const struct event_record *record, uint64_t now_wall_ns);

/* Hands everything emitted so far to the log's thread; call after journal_commit() succeeded. What
 * the log's queue has no room for waits for the next call. */
void event_sink_flush(struct event_sink *sink);

/* Readable when the log's thread made progress: call event_sink_reap(). Stays the sink's. */
int event_sink_fd(const struct event_sink *sink);
/* Deletes from the journal (its next commit) what is safe in the log. Returns how many. */
uint32_t event_sink_reap(struct event_sink *sink);

enum event_pressure event_sink_pressure(const struct event_sink *sink);
struct event_sink_stats event_sink_stats(const struct event_sink *sink);

#endif
