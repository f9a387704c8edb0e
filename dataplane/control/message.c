/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Checks messages, see message.h. Whatever comes in, nothing but a result goes out.
 */
#include "control/message.h"

#include <string.h>

/* Length of a command, or 0 if the type isn't one. */
static size_t message_command_bytes(uint16_t type)
{
	switch (type) {
	case TD_MESSAGE_HELLO:
		return sizeof(struct td_command_hello);
	case TD_MESSAGE_ADD:
	case TD_MESSAGE_MODIFY:
		return sizeof(struct td_command_add);
	case TD_MESSAGE_SUBTRACT:
		return sizeof(struct td_command_subtract);
	case TD_MESSAGE_MOVE:
		return sizeof(struct td_command_move);
	case TD_MESSAGE_AUDIT:
		return sizeof(struct td_command_audit);
	default:
		return 0;
	}
}

static bool message_reserved_is_zero(const union message_command *command)
{
	if (command->message.reserved != 0)
		return false;
	if (command->message.type == TD_MESSAGE_SUBTRACT)
		return command->subtract.reserved == 0;
	if (command->message.type == TD_MESSAGE_MOVE)
		return command->move.reserved == 0;
	return true;
}

enum td_result message_read(
	const void *bytes, size_t size_bytes, bool is_greeted, union message_command *ret_command)
{
	struct td_message *header = &ret_command->message;
	size_t expected_bytes;

	memset(ret_command, 0, sizeof(*ret_command));
	if (size_bytes < sizeof(*header))
		return TD_RESULT_MALFORMED;
	memcpy(header, bytes, sizeof(*header));
	if (header->magic != TD_CONTRACT_MAGIC)
		return TD_RESULT_MALFORMED;
	if (header->version != TD_CONTRACT_VERSION)
		return TD_RESULT_VERSION;
	expected_bytes = message_command_bytes(header->type);
	if (expected_bytes == 0 || size_bytes != expected_bytes ||
		header->length_bytes != expected_bytes)
		return TD_RESULT_MALFORMED;
	memcpy(ret_command, bytes, size_bytes);
	if (!message_reserved_is_zero(ret_command))
		return TD_RESULT_MALFORMED;
	if (!is_greeted && header->type != TD_MESSAGE_HELLO)
		return TD_RESULT_OUT_OF_ORDER;
	return TD_RESULT_OK;
}

void message_init(struct td_message *message, enum td_message_type type, size_t size_bytes,
	uint64_t command_id)
{
	memset(message, 0, size_bytes);
	message->magic = TD_CONTRACT_MAGIC;
	message->version = TD_CONTRACT_VERSION;
	message->type = (uint16_t)type;
	message->length_bytes = (uint32_t)size_bytes;
	message->command_id = command_id;
}
