/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Reads the event log's files in order of sequence: for the Kafka producer, and for tandemctl
 * from another process while the log is being written. Follows into new segments, steps over
 * damaged bytes and counts them, never gives a sequence twice. One thread per reader.
 */
#ifndef TD_EVENTS_READER_H
#define TD_EVENTS_READER_H

#include "events/frame.h"

#include <tandem/compiler.h>

#include <stdint.h>

struct event_reader;

/* Opens a reader on the log in dir that begins with the first record whose sequence is at least
 * from_seq. Copies dir. -ENOENT (no such directory), -ENOMEM. */
td_must_check int event_reader_open(
	const char *dir, uint64_t from_seq, struct event_reader **ret_reader);
/* Accepts NULL. */
void event_reader_close(struct event_reader *reader);

/* Gives the next record; its texts borrow until the next call. -EAGAIN: none yet (ask again
 * later), or the next one is above up_to_seq. Other errors are those of system calls. */
td_must_check int event_reader_next(
	struct event_reader *reader, uint64_t up_to_seq, struct event_frame *ret_frame);

/* Node name in the segment being read; "" before the first record. */
const char *event_reader_node(const struct event_reader *reader);
/* Damaged stretches stepped over so far. */
uint64_t event_reader_corrupt(const struct event_reader *reader);

#endif
