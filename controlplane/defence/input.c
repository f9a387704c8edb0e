/* SPDX-License-Identifier: Apache-2.0 */
#include "defence/input.h"

#include "sip/message.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

/* A message in the ring, its bytes behind it. bytes NULL: the rest of the ring is unused, the next
 * message stands at its beginning. */
struct input {
	size_t size_bytes;
	size_t head; /* of the oldest message */
	size_t used_bytes;
	uint32_t count;
	char ring[];
};

enum {
	ALIGNMENT = 16,
};

static size_t aligned(size_t bytes)
{
	return (bytes + ALIGNMENT - 1) / ALIGNMENT * ALIGNMENT;
}

static size_t record_bytes(size_t length)
{
	return aligned(sizeof(struct input_message)) + aligned(length);
}

int input_create(size_t size_bytes, struct input **ret_input)
{
	struct input *input;

	size_bytes = size_bytes / ALIGNMENT * ALIGNMENT;
	if (size_bytes < 2 * record_bytes(SIP_MESSAGE_MAX_BYTES))
		return -EINVAL;
	input = malloc(sizeof(*input) + size_bytes);
	if (input == NULL)
		return -ENOMEM;
	*input = (struct input){.size_bytes = size_bytes};
	*ret_input = input;
	return 0;
}

void input_destroy(struct input *input)
{
	free(input);
}

static void put(struct input *input, size_t at, const struct input_message *message)
{
	memcpy(input->ring + at, message, sizeof(*message));
}

static struct input_message get(const struct input *input, size_t at)
{
	struct input_message message;

	memcpy(&message, input->ring + at, sizeof(message));
	return message;
}

int input_push(struct input *input, const struct input_message *message)
{
	const struct input_message none = {.length = 0};
	size_t needed = record_bytes(message->length);
	struct input_message stored = *message;
	size_t left_out = 0;
	size_t tail;

	if (input->count == 0)
		input->head = input->used_bytes = 0;
	tail = (input->head + input->used_bytes) % input->size_bytes;
	if (input->size_bytes - tail < needed)
		left_out = input->size_bytes - tail;
	if (input->used_bytes + left_out + needed > input->size_bytes)
		return -ENOSPC;
	if (left_out >= sizeof(none))
		put(input, tail, &none);
	if (left_out != 0)
		tail = 0;
	input->used_bytes += left_out;
	stored.bytes = input->ring + tail + aligned(sizeof(stored));
	put(input, tail, &stored);
	memcpy(stored.bytes, message->bytes, message->length);
	input->used_bytes += needed;
	input->count++;
	return 0;
}

bool input_pop(struct input *input, struct input_message *ret_message)
{
	size_t rest = input->size_bytes - input->head;

	if (input->count == 0)
		return false;
	if (rest < sizeof(*ret_message) || get(input, input->head).bytes == NULL) {
		input->used_bytes -= rest;
		input->head = 0;
	}
	*ret_message = get(input, input->head);
	input->used_bytes -= record_bytes(ret_message->length);
	input->head = (input->head + record_bytes(ret_message->length)) % input->size_bytes;
	input->count--;
	return true;
}

uint32_t input_count(const struct input *input)
{
	return input->count;
}
