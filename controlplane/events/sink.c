/* SPDX-License-Identifier: Apache-2.0 */
/*
 * See sink.h. The outbox pattern: an event is journalled in the same write as the call's new
 * state, so there is no instant at which one exists without the other; the journal's copy goes
 * once the log has synced its own. After a crash the log's last sequence says which of the
 * journal's copies it still lacks.
 *
 *   emit: journal + pending --commit, flush--> log's queue --thread--> durable --reap--> gone
 */
#include "events/sink.h"

#include "events/frame.h"
#include "events/log.h"
#include "events/record_json.h"
#include "journal/journal.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <unistd.h>

enum {
	DEFAULT_PENDING_BYTES = 64 * 1024 * 1024,
};

/* An event between emission and the log's queue, in order of sequence. */
struct pending {
	struct pending *next;
	uint64_t seq;
	size_t frame_bytes;
	uint8_t frame[];
};

struct event_sink {
	struct journal *journal;
	struct event_log *log;
	int event_fd;
	uint64_t last_seq;   /* last given to an event */
	uint64_t reaped_seq; /* gone from the journal up to here */
	struct pending *first;
	struct pending **end;
	size_t pending_bytes; /* of the list */
	size_t pending_max_bytes;
	struct event_sink_stats stats;
	uint8_t frame[EVENT_FRAME_MAX_BYTES]; /* scratch */
};

static int add_pending(
	struct event_sink *sink, uint64_t seq, const uint8_t *frame, size_t frame_bytes)
{
	struct pending *pending = malloc(sizeof(*pending) + frame_bytes);

	if (pending == NULL)
		return -ENOMEM;
	pending->next = NULL;
	pending->seq = seq;
	pending->frame_bytes = frame_bytes;
	memcpy(pending->frame, frame, frame_bytes);
	*sink->end = pending;
	sink->end = &pending->next;
	sink->pending_bytes += frame_bytes;
	return 0;
}

static void remove_first(struct event_sink *sink)
{
	struct pending *pending = sink->first;

	sink->first = pending->next;
	if (sink->first == NULL)
		sink->end = &sink->first;
	sink->pending_bytes -= pending->frame_bytes;
	free(pending);
}

/* What recovery finds in the journal, in no order. */
struct found {
	struct pending **items;
	size_t count;
	size_t capacity;
};

static int collect(void *context, uint64_t id, const uint8_t *value, size_t value_bytes)
{
	struct found *found = context;
	struct pending *pending;

	if (found->count == found->capacity) {
		size_t capacity = found->capacity == 0 ? 256 : found->capacity * 2;
		struct pending **grown = realloc(found->items, capacity * sizeof(*grown));

		if (grown == NULL)
			return -ENOMEM;
		found->items = grown;
		found->capacity = capacity;
	}
	pending = malloc(sizeof(*pending) + value_bytes);
	if (pending == NULL)
		return -ENOMEM;
	pending->seq = id;
	pending->frame_bytes = value_bytes;
	memcpy(pending->frame, value, value_bytes);
	found->items[found->count++] = pending;
	return 0;
}

static int compare_pending(const void *a, const void *b)
{
	const struct pending *const *left = a;
	const struct pending *const *right = b;

	return ((*left)->seq > (*right)->seq) - ((*left)->seq < (*right)->seq);
}

/* Deletes from the journal what the log has, and lines up what it lacks. */
static int sort_out(struct event_sink *sink, const struct found *found)
{
	uint64_t last_seq = event_log_last(sink->log);
	int error = 0;

	for (size_t i = 0; i < found->count && error == 0; i++) {
		const struct pending *item = found->items[i];

		if (item->seq <= last_seq) {
			error = journal_delete(sink->journal, JOURNAL_EVENT, item->seq);
			continue;
		}
		error = add_pending(sink, item->seq, item->frame, item->frame_bytes);
		sink->stats.recovered++;
		sink->last_seq = item->seq;
	}
	return error;
}

static int recover(struct event_sink *sink)
{
	struct found found = {0};
	int error = journal_replay(sink->journal, JOURNAL_EVENT, collect, &found);

	sink->last_seq = event_log_last(sink->log);
	if (error == 0 && found.count != 0) {
		qsort(found.items, found.count, sizeof(struct pending *), compare_pending);
		error = sort_out(sink, &found);
	}
	for (size_t i = 0; i < found.count; i++)
		free(found.items[i]);
	free(found.items);
	sink->reaped_seq = sink->first != NULL ? sink->first->seq - 1 : sink->last_seq;
	event_sink_flush(sink);
	return error;
}

int event_sink_create(const struct event_sink_config *config, struct event_sink **ret_sink)
{
	struct event_sink *sink;
	int error;

	if (config->journal == NULL || config->log == NULL)
		return -EINVAL;
	sink = calloc(1, sizeof(*sink));
	if (sink == NULL)
		return -ENOMEM;
	sink->journal = config->journal;
	sink->end = &sink->first;
	sink->pending_max_bytes =
		config->pending_bytes ? config->pending_bytes : DEFAULT_PENDING_BYTES;
	sink->event_fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
	error = sink->event_fd < 0 ? -errno : event_log_watch(config->log, sink->event_fd);
	if (error == 0) {
		sink->log = config->log;
		error = recover(sink);
	}
	if (error != 0) {
		event_sink_destroy(sink);
		return error;
	}
	*ret_sink = sink;
	return 0;
}

void event_sink_destroy(struct event_sink *sink)
{
	if (sink == NULL)
		return;
	if (sink->log != NULL)
		event_log_unwatch(sink->log, sink->event_fd);
	if (sink->event_fd >= 0)
		(void)close(sink->event_fd); /* a counter only */
	while (sink->first != NULL)
		remove_first(sink);
	free(sink);
}

enum event_pressure event_sink_pressure(const struct event_sink *sink)
{
	struct event_log_stats log = event_log_stats(sink->log);

	if (sink->pending_bytes >= sink->pending_max_bytes)
		return EVENT_PRESSURE_FULL;
	if (sink->pending_bytes > sink->pending_max_bytes / 2 || log.is_stalled)
		return EVENT_PRESSURE_HIGH;
	return EVENT_PRESSURE_NONE;
}

int event_sink_emit(
	struct event_sink *sink, const struct event_record *record, uint64_t now_wall_ns)
{
	struct event_identity identity = {.node = event_log_node(sink->log),
		.epoch = event_log_epoch(sink->log),
		.seq = sink->last_seq + 1,
		.wall_ns = now_wall_ns};
	size_t frame_bytes = 0;
	int error = 0;

	if (sink->pending_bytes >= sink->pending_max_bytes)
		error = -ENOSPC;
	if (error == 0)
		error = event_record_to_frame(
			record, &identity, sink->frame, sizeof(sink->frame), &frame_bytes);
	if (error == 0)
		error = journal_put(
			sink->journal, JOURNAL_EVENT, identity.seq, sink->frame, frame_bytes);
	if (error == 0) {
		error = add_pending(sink, identity.seq, sink->frame, frame_bytes);
		if (error != 0) /* if this fails too, a restart still sends it */
			(void)!journal_delete(sink->journal, JOURNAL_EVENT, identity.seq);
	}
	if (error != 0) {
		sink->stats.refused++;
		return error;
	}
	sink->last_seq = identity.seq;
	sink->stats.emitted++;
	return 0;
}

void event_sink_flush(struct event_sink *sink)
{
	while (sink->first != NULL) {
		const struct pending *pending = sink->first;

		if (event_log_submit(
			    sink->log, pending->seq, pending->frame, pending->frame_bytes) != 0)
			return; /* the queue is full: the next turn tries again */
		remove_first(sink);
	}
}

int event_sink_fd(const struct event_sink *sink)
{
	return sink->event_fd;
}

uint32_t event_sink_reap(struct event_sink *sink)
{
	uint64_t durable_seq = event_log_durable(sink->log);
	uint64_t wakeups;
	uint32_t reaped = 0;

	(void)!read(sink->event_fd, &wakeups, sizeof(wakeups)); /* empty is fine */
	while (sink->reaped_seq < durable_seq) {
		if (journal_delete(sink->journal, JOURNAL_EVENT, sink->reaped_seq + 1) != 0)
			break; /* the journal is full for now: the next call goes on here */
		sink->reaped_seq++;
		reaped++;
	}
	return reaped;
}

struct event_sink_stats event_sink_stats(const struct event_sink *sink)
{
	struct event_sink_stats stats = sink->stats;

	stats.pending = sink->last_seq - sink->reaped_seq;
	stats.pending_bytes = sink->pending_bytes;
	return stats;
}
