/* SPDX-License-Identifier: Apache-2.0 */
/* Event records for tests: ordinary, empty, and as hostile as a peer can make them. */
#ifndef TD_EVENTS_SAMPLES_H
#define TD_EVENTS_SAMPLES_H

#include "events/record.h"

#include <stdint.h>

enum {
	SAMPLES_PER_KIND = 3, /* ordinary, empty, hostile */
	SAMPLE_COUNT = SAMPLES_PER_KIND * EVENT_RECORD_KIND_COUNT,
};

/* The n-th sample, n below SAMPLE_COUNT. */
struct event_record sample_record(unsigned n);

#endif
