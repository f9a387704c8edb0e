/* SPDX-License-Identifier: Apache-2.0 */
/* What the event tests share: a scratch directory per test, bounded waits, frames. */
#ifndef TD_EVENTS_SCRATCH_H
#define TD_EVENTS_SCRATCH_H

#include "events/log.h"

#include <stdbool.h>
#include <stdint.h>

/* The test's directory; made and removed by the fixtures. */
extern char scratch_dir[64];
int scratch_make(void **state);
int scratch_remove(void **state);

/* Opens the log in scratch_dir/events with small segments. */
struct event_log *scratch_log(const struct event_log_io *io, bool is_shipped);
/* Submits a frame with that sequence, waiting while the queue is full. */
void scratch_submit(struct event_log *log, uint64_t seq, const char *value);
/* Waits until the log is durable up to seq; fails the test after 10 s. */
void scratch_wait_durable(struct event_log *log, uint64_t seq);
/* Reads the whole log: asserts that sequences are first..last without a gap. */
void scratch_check_log(uint64_t first, uint64_t last);
/* Path of the log's directory. */
const char *scratch_log_dir(void);
/* Sleeps a millisecond: tests of threads wait for a condition, bounded. */
void scratch_nap(void);

#endif
