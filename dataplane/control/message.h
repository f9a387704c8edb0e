/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Checks a message of the control plane as far as that is possible without knowing any
 * termination: length, version, type, reserved fields, order. Pure; the fuzzed edge.
 */
#ifndef TD_CONTROL_MESSAGE_H
#define TD_CONTROL_MESSAGE_H

#include <tandem/contract.h>

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* A command that passed the checks. */
union message_command {
	struct td_message message;
	struct td_command_hello hello;
	struct td_command_add add; /* also MODIFY */
	struct td_command_subtract subtract;
	struct td_command_move move;
	struct td_command_audit audit;
};

/* Copies a command out of size_bytes received bytes. TD_RESULT_OK; MALFORMED: too short or long,
 * wrong magic, unknown type, not a command, a reserved field isn't zero; VERSION; OUT_OF_ORDER:
 * anything but HELLO before HELLO. *ret_command's header is set as far as the bytes reach, so
 * that a refusal can name what it refuses; the rest only with OK. */
enum td_result message_read(
	const void *bytes, size_t size_bytes, bool is_greeted, union message_command *ret_command);

/* Starts a message of the dataplane: zero but for its header. */
void message_init(struct td_message *message, enum td_message_type type, size_t size_bytes,
	uint64_t command_id);

#endif
