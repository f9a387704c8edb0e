/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Two growing buffers of records {head, payload}: one is filled while the other is delivered.
 * They keep their size from turn to turn, so that a busy appliance stops allocating.
 */
#include "switchboard/outbox.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

enum {
	OUTBOX_ALIGN_BYTES = 8,
	OUTBOX_FIRST_BYTES = 64 * 1024,
	OUTBOX_MAX_BYTES = 64 * 1024 * 1024, /* while the journal can't be written all waits here */
};

struct record_head {
	struct sip_flow flow; /* SIP only */
	uint32_t payload_bytes;
	uint32_t is_media;
};

struct buffer {
	uint8_t *bytes;
	size_t used_bytes;
	size_t size_bytes;
};

struct outbox {
	struct buffer buffers[2];
	unsigned filling; /* index of the buffer that takes new records */
};

static size_t aligned(size_t bytes)
{
	return (bytes + OUTBOX_ALIGN_BYTES - 1) / OUTBOX_ALIGN_BYTES * OUTBOX_ALIGN_BYTES;
}

static int make_room(struct buffer *buffer, size_t need_bytes)
{
	size_t size_bytes = buffer->size_bytes == 0 ? OUTBOX_FIRST_BYTES : buffer->size_bytes;
	uint8_t *bytes;

	if (need_bytes > OUTBOX_MAX_BYTES - buffer->used_bytes)
		return -ENOBUFS;
	while (size_bytes - buffer->used_bytes < need_bytes)
		size_bytes *= 2;
	if (size_bytes == buffer->size_bytes)
		return 0;
	bytes = realloc(buffer->bytes, size_bytes);
	if (bytes == NULL)
		return -ENOMEM;
	buffer->bytes = bytes;
	buffer->size_bytes = size_bytes;
	return 0;
}

static int append(struct outbox *outbox, const struct record_head *head, const void *payload)
{
	struct buffer *buffer = &outbox->buffers[outbox->filling];
	size_t need_bytes = aligned(sizeof(*head)) + aligned(head->payload_bytes);
	int result = make_room(buffer, need_bytes);

	if (result != 0)
		return result;
	memcpy(buffer->bytes + buffer->used_bytes, head, sizeof(*head));
	memcpy(buffer->bytes + buffer->used_bytes + aligned(sizeof(*head)), payload,
		head->payload_bytes);
	buffer->used_bytes += need_bytes;
	return 0;
}

int outbox_add_sip(
	struct outbox *outbox, const struct sip_flow *flow, const char *bytes, size_t length)
{
	struct record_head head = {.flow = *flow, .payload_bytes = (uint32_t)length};

	return append(outbox, &head, bytes);
}

int outbox_add_media(struct outbox *outbox, const struct media_command *command)
{
	struct record_head head = {.payload_bytes = sizeof(*command), .is_media = 1};

	return append(outbox, &head, command);
}

size_t outbox_waiting_bytes(const struct outbox *outbox)
{
	return outbox->buffers[outbox->filling].used_bytes;
}

static void deliver(
	const struct record_head *head, const uint8_t *payload, const struct outbox_ports *ports)
{
	if (head->is_media) {
		struct media_command command;

		memcpy(&command, payload, sizeof(command));
		ports->media_command(ports->context, &command);
	} else {
		ports->send_sip(
			ports->context, &head->flow, (const char *)payload, head->payload_bytes);
	}
}

void outbox_flush(struct outbox *outbox, const struct outbox_ports *ports)
{
	struct buffer *buffer = &outbox->buffers[outbox->filling];

	outbox->filling ^= 1;
	for (size_t at = 0; at < buffer->used_bytes;) {
		struct record_head head;

		memcpy(&head, buffer->bytes + at, sizeof(head));
		deliver(&head, buffer->bytes + at + aligned(sizeof(head)), ports);
		at += aligned(sizeof(head)) + aligned(head.payload_bytes);
	}
	buffer->used_bytes = 0;
}

int outbox_create(struct outbox **ret_outbox)
{
	struct outbox *outbox = calloc(1, sizeof(*outbox));

	if (outbox == NULL)
		return -ENOMEM;
	*ret_outbox = outbox;
	return 0;
}

void outbox_destroy(struct outbox *outbox)
{
	if (outbox == NULL)
		return;
	free(outbox->buffers[0].bytes);
	free(outbox->buffers[1].bytes);
	free(outbox);
}
