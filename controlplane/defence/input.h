/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Where new requests wait while what belongs to dialogs goes first: a ring of messages, bounded in
 * bytes, first in first out. So that the sockets' buffers, where everything stands in one line,
 * stay empty. Pure; one thread.
 */
#ifndef TD_DEFENCE_INPUT_H
#define TD_DEFENCE_INPUT_H

#include "transaction/transaction.h"

#include <tandem/compiler.h>
#include <tandem/time.h>

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct input;

struct input_message {
	struct sip_flow flow;
	uint64_t waited_us; /* before it came here */
	td_ns_t since_ns;   /* when it came here, monotonic */
	size_t length;
	char *bytes; /* may be written to */
	bool is_stream;
};

/* Creates a ring of size_bytes, heads of messages included. -ENOMEM, -EINVAL (too small for the
 * largest message). */
td_must_check int input_create(size_t size_bytes, struct input **ret_input);
/* NULL is allowed. */
void input_destroy(struct input *input);

/* Appends a message; copies its bytes. -ENOSPC. */
td_must_check int input_push(struct input *input, const struct input_message *message);
/* Takes the message that has waited longest. False: none waits. Its bytes are borrowed until the
 * next push or pop. */
bool input_pop(struct input *input, struct input_message *ret_message);

uint32_t input_count(const struct input *input);

#endif
