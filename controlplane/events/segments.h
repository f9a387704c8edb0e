/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The event log's directory: which segments there are, what their last sequence is, the epoch
 * and low-water files. Finds, repairs and removes; appending is log.c's. No threads here: the
 * caller serialises.
 */
#ifndef TD_EVENTS_SEGMENTS_H
#define TD_EVENTS_SEGMENTS_H

#include "events/frame.h"

#include <tandem/compiler.h>

#include <stdint.h>

enum {
	SEGMENT_NAME_BYTES = 32,
	SEGMENTS_MAX = 65536, /* 1 TiB in segments of the default size */
};

struct segment {
	uint64_t first_seq; /* also its name */
	uint64_t size_bytes;
	uint64_t created_wall_ns;
};

/* The directory, oldest segment first. */
struct segment_set {
	int dir_fd;
	int lock_fd;
	struct segment *segments; /* owns */
	uint32_t count;
	uint32_t capacity;
	uint64_t bytes; /* of all */
};

/* What recovery found. */
struct segment_recovery {
	uint32_t node_epoch;	/* the new one, already on disk */
	uint64_t last_seq;	/* highest that was ever in use, as far as the files know */
	uint64_t delivered_seq; /* low-water mark; 0: none */
	uint64_t corrupt_frames;
	uint64_t torn_bytes;
};

/* Name of the segment that begins with first_seq. */
void segment_name(uint64_t first_seq, char name[SEGMENT_NAME_BYTES]);
/* first_seq of a segment with that name; UINT64_MAX if it isn't a segment's name. */
uint64_t segment_name_parse(const char *name);

/* Opens and locks the directory, lists and repairs the segments, raises the epoch. -EBUSY,
 * -ENOMEM, -E2BIG (SEGMENTS_MAX), or the error of a system call. */
td_must_check int segment_set_open(
	const char *dir, struct segment_set *ret_set, struct segment_recovery *ret_recovery);
/* Unlocks and frees. Accepts what segment_set_open() failed on. */
void segment_set_close(struct segment_set *set);

/* Notes a segment that the caller has created. -ENOMEM, -E2BIG. */
td_must_check int segment_set_add(struct segment_set *set, const struct segment *segment);
/* Removes the oldest segment's file and forgets it. The error of unlink; then it stays. */
td_must_check int segment_set_remove_oldest(struct segment_set *set);
/* Forgets the newest segment (the caller has removed its file). */
void segment_set_drop_newest(struct segment_set *set);

/* Remembers epoch and last sequence, synced. The error of a system call. */
td_must_check int segment_set_save_epoch(
	const struct segment_set *set, uint32_t node_epoch, uint64_t last_seq);
/* Remembers the low-water mark; not synced: an old one only means repeats. */
td_must_check int segment_set_save_delivered(const struct segment_set *set, uint64_t delivered_seq);

#endif
