/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The dead-letter file: one JSON line per record that no broker will take, so that an operator
 * can look at it and it doesn't hold up the others. Producer thread only.
 */
#ifndef TD_EVENTS_DEAD_LETTER_H
#define TD_EVENTS_DEAD_LETTER_H

#include "util/span.h"

#include <tandem/compiler.h>

#include <stdint.h>

struct dead_letter {
	const char *topic;
	const char *reason;
	uint64_t seq;
	struct span key;
	struct span value;
};

/* Appends letter to dead-letter.jsonl in dir and syncs it. -ENOMEM or the error of a system
 * call; then it isn't there. */
td_must_check int dead_letter_append(const char *dir, const struct dead_letter *letter);

#endif
