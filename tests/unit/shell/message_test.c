/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Messages of the control plane: each rule broken one at a time.
 */
#include "control/message.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

static const struct {
	uint16_t type;
	uint32_t size;
} commands[] = {
	{TD_MESSAGE_HELLO, sizeof(struct td_command_hello)},
	{TD_MESSAGE_ADD, sizeof(struct td_command_add)},
	{TD_MESSAGE_MODIFY, sizeof(struct td_command_add)},
	{TD_MESSAGE_SUBTRACT, sizeof(struct td_command_subtract)},
	{TD_MESSAGE_MOVE, sizeof(struct td_command_move)},
	{TD_MESSAGE_AUDIT, sizeof(struct td_command_audit)},
};

static void good_commands_pass(void **state)
{
	union message_command sent;
	union message_command got;

	(void)state;
	for (size_t i = 0; i < TD_COUNT_OF(commands); i++) {
		memset(&sent, 0, sizeof(sent));
		message_init(&sent.message, commands[i].type, commands[i].size, 77);
		assert_int_equal(message_read(&sent, commands[i].size, true, &got), TD_RESULT_OK);
		assert_memory_equal(&sent, &got, commands[i].size);
		assert_int_equal(message_read(&sent, commands[i].size, false, &got),
			commands[i].type == TD_MESSAGE_HELLO ? TD_RESULT_OK
							     : TD_RESULT_OUT_OF_ORDER);
		assert_int_equal(got.message.command_id, 77);
	}
}

static void broken_commands_are_named(void **state)
{
	union message_command sent;
	union message_command got;

	(void)state;
	for (size_t i = 0; i < TD_COUNT_OF(commands); i++) {
		uint32_t size = commands[i].size;

		memset(&sent, 0, sizeof(sent));
		message_init(&sent.message, commands[i].type, size, 77);
		for (uint32_t other = 0; other < sizeof(sent); other++) {
			if (other != size)
				assert_int_equal(message_read(&sent, other, true, &got),
					TD_RESULT_MALFORMED);
		}
		sent.message.length_bytes++;
		assert_int_equal(message_read(&sent, size, true, &got), TD_RESULT_MALFORMED);
		sent.message.length_bytes--;
		sent.message.magic ^= 1;
		assert_int_equal(message_read(&sent, size, true, &got), TD_RESULT_MALFORMED);
		sent.message.magic ^= 1;
		sent.message.version++;
		assert_int_equal(message_read(&sent, size, true, &got), TD_RESULT_VERSION);
		sent.message.version--;
		sent.message.reserved = 1;
		assert_int_equal(message_read(&sent, size, true, &got), TD_RESULT_MALFORMED);
		sent.message.reserved = 0;
		assert_int_equal(message_read(&sent, size, true, &got), TD_RESULT_OK);
	}
}

static void other_types_are_refused(void **state)
{
	static const uint16_t types[] = {TD_MESSAGE_NONE, TD_MESSAGE_REPLY, TD_MESSAGE_AUDIT_ITEM,
		TD_MESSAGE_NOTIFY, TD_MESSAGE_TYPE_COUNT, 65535};
	union message_command sent;
	union message_command got;

	(void)state;
	for (size_t i = 0; i < TD_COUNT_OF(types); i++) {
		memset(&sent, 0, sizeof(sent));
		message_init(&sent.message, types[i], sizeof(struct td_command_hello), 1);
		assert_int_equal(message_read(&sent, sizeof(struct td_command_hello), true, &got),
			TD_RESULT_MALFORMED);
	}
}

static void reserved_fields_are_checked(void **state)
{
	union message_command sent;
	union message_command got;

	(void)state;
	memset(&sent, 0, sizeof(sent));
	message_init(&sent.message, TD_MESSAGE_SUBTRACT, sizeof(sent.subtract), 1);
	sent.subtract.reserved = 1;
	assert_int_equal(
		message_read(&sent, sizeof(sent.subtract), true, &got), TD_RESULT_MALFORMED);
	memset(&sent, 0, sizeof(sent));
	message_init(&sent.message, TD_MESSAGE_MOVE, sizeof(sent.move), 1);
	sent.move.reserved = 1;
	assert_int_equal(message_read(&sent, sizeof(sent.move), true, &got), TD_RESULT_MALFORMED);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(good_commands_pass),
		cmocka_unit_test(broken_commands_are_named),
		cmocka_unit_test(other_types_are_refused),
		cmocka_unit_test(reserved_fields_are_checked),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
