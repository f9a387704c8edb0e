/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What the dataplane must refuse: each message with each field out of range, wrong lengths,
 * garbage, wrong order. After every refusal nothing may have changed.
 */
#include "rig.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/socket.h>

#include <cmocka.h>

/* One field of a specification, overwritten. */
struct mutation {
	const char *name;
	size_t offset;
	uint64_t value;
	uint8_t size;
	uint8_t result; /* enum td_result */
};

#define MUTATE(field, wrong, expected)                                                         \
	{                                                                                      \
#field " = " #wrong, offsetof(struct td_termination_spec, field), (wrong),     \
			sizeof(((struct td_termination_spec *)0)->field), TD_RESULT_##expected \
	}

static const struct mutation mutations[] = {
	MUTATE(termination_id, 0, BAD_VALUE),
	MUTATE(context_id, 0, BAD_VALUE),
	MUTATE(epoch, 0, BAD_VALUE),
	MUTATE(mode, 4, BAD_VALUE),
	MUTATE(mode, 255, BAD_VALUE),
	MUTATE(latch, TD_LATCH_COUNT, BAD_VALUE),
	MUTATE(latch_prefix_bits, 33, BAD_VALUE),
	MUTATE(flags, 2, BAD_VALUE),
	MUTATE(flags, 255, BAD_VALUE),
	MUTATE(codec_count, 0, BAD_VALUE),
	MUTATE(codec_count, TD_CODECS_MAX + 1, BAD_VALUE),
	MUTATE(codec_count, 3, BAD_VALUE),
	MUTATE(reserved0, 1, MALFORMED),
	MUTATE(reserved1[0], 1, MALFORMED),
	MUTATE(reserved1[19], 1, MALFORMED),
	MUTATE(latch_window_ms, UINT32_MAX, BAD_VALUE),
	MUTATE(local.port, RIG_PORT_FIRST + 1, BAD_VALUE),
	MUTATE(local.port, RIG_PORT_FIRST - 2, PORT_FOREIGN),
	MUTATE(local.port, RIG_PORT_LAST + 1, PORT_FOREIGN),
	MUTATE(local.port, 0, PORT_FOREIGN),
	MUTATE(local.reserved, 1, MALFORMED),
	MUTATE(local.ip.reserved[2], 1, MALFORMED),
	MUTATE(local.ip.bytes[3], 2, PORT_FOREIGN),
	MUTATE(local.ip.family, TD_FAMILY_NONE, BAD_VALUE),
	MUTATE(local.ip.family, 5, BAD_VALUE),
	MUTATE(local.ip.family, TD_FAMILY_IPV6, BAD_VALUE),
	MUTATE(remote.port, 0, BAD_VALUE),
	MUTATE(remote.reserved, 1, MALFORMED),
	MUTATE(remote.ip.family, TD_FAMILY_NONE, BAD_VALUE),
	MUTATE(remote.ip.family, TD_FAMILY_IPV6, BAD_VALUE),
	MUTATE(remote.ip.bytes[0], 224, BAD_VALUE),
	MUTATE(remote.ip.bytes[0], 255, BAD_VALUE),
	MUTATE(remote.ip.bytes[0], 0, BAD_VALUE),
	MUTATE(remote.ip.bytes[4], 1, BAD_VALUE),
	MUTATE(remote_rtcp.port, 1, BAD_VALUE),
	MUTATE(remote_rtcp.ip.family, 9, BAD_VALUE),
	MUTATE(remote_rtcp.reserved, 9, MALFORMED),
	MUTATE(codecs[0].payload_type, 128, BAD_VALUE),
	MUTATE(codecs[0].payload_type, 101, BAD_VALUE), /* twice */
	MUTATE(codecs[1].kind, TD_CODEC_KIND_COUNT, BAD_VALUE),
	MUTATE(codecs[1].clock_hz, 0, BAD_VALUE),
	MUTATE(codecs[1].clock_hz, UINT32_MAX, BAD_VALUE),
	MUTATE(codecs[1].ptime_ms, UINT16_MAX, BAD_VALUE),
};

static struct rig rig;

static int open_rig(void **state)
{
	(void)state;
	rig_open(&rig);
	return 0;
}

static int close_rig(void **state)
{
	(void)state;
	rig_close(&rig);
	return 0;
}

static void expect_empty(void)
{
	assert_int_equal(rig_audit(&rig, 0).result, TD_RESULT_OK);
	assert_int_equal(rig.item_count, 0);
}

static void mutate(struct td_termination_spec *spec, const struct mutation *mutation)
{
	/* little-endian machines only, as DPDK's own x86 and Arm targets here */
	memcpy((uint8_t *)spec + mutation->offset, &mutation->value, mutation->size);
}

static void expect_result(const char *name, unsigned found, unsigned expected)
{
	if (found != expected)
		fail_msg("%s: %s, expected %s", name, td_result_name(found),
			td_result_name(expected));
}

static void bad_fields_are_refused(void **state)
{
	const struct td_termination_spec good = rig_spec(1, 1, RIG_PORT_FIRST);

	(void)state;
	assert_int_equal(rig_greet(&rig).result, TD_RESULT_OK);
	for (size_t i = 0; i < TD_COUNT_OF(mutations); i++) {
		struct td_termination_spec spec = good;

		mutate(&spec, &mutations[i]);
		expect_result(mutations[i].name, rig_add(&rig, &spec).result, mutations[i].result);
	}
	expect_empty();
	assert_int_equal(rig_add(&rig, &good).result, TD_RESULT_OK);
	for (size_t i = 0; i < TD_COUNT_OF(mutations); i++) {
		struct td_termination_spec spec = good;

		spec.epoch = 2;
		mutate(&spec, &mutations[i]);
		expect_result(
			mutations[i].name, rig_modify(&rig, &spec).result, mutations[i].result);
	}
	assert_int_equal(rig_audit(&rig, 1).result, TD_RESULT_OK);
	assert_int_equal(rig.item_count, 1);
	assert_memory_equal(&rig.items[0].spec, &good, sizeof(good));
	assert_int_equal(rig_subtract(&rig, 1, 1).result, TD_RESULT_OK);
	expect_empty();
}

static void commands_before_hello_are_refused(void **state)
{
	const struct td_termination_spec spec = rig_spec(1, 1, RIG_PORT_FIRST + 8);

	(void)state;
	rig_connect(&rig);
	assert_int_equal(rig_add(&rig, &spec).result, TD_RESULT_OUT_OF_ORDER);
	assert_int_equal(rig_modify(&rig, &spec).result, TD_RESULT_OUT_OF_ORDER);
	assert_int_equal(rig_subtract(&rig, 1, 1).result, TD_RESULT_OUT_OF_ORDER);
	assert_int_equal(rig_move(&rig, 1, 2, 2).result, TD_RESULT_OUT_OF_ORDER);
	assert_int_equal(rig_audit(&rig, 0).result, TD_RESULT_OUT_OF_ORDER);
	assert_int_equal(rig_greet(&rig).result, TD_RESULT_OK);
	expect_empty();
}

static void wrong_headers_are_refused(void **state)
{
	static const struct {
		uint16_t type;
		uint16_t size;
	} commands[] = {
		{TD_MESSAGE_HELLO, sizeof(struct td_command_hello)},
		{TD_MESSAGE_ADD, sizeof(struct td_command_add)},
		{TD_MESSAGE_MODIFY, sizeof(struct td_command_add)},
		{TD_MESSAGE_SUBTRACT, sizeof(struct td_command_subtract)},
		{TD_MESSAGE_MOVE, sizeof(struct td_command_move)},
		{TD_MESSAGE_AUDIT, sizeof(struct td_command_audit)},
	};
	union {
		struct td_message message;
		uint8_t bytes[TD_MESSAGE_MAX_BYTES];
	} sent;

	(void)state;
	assert_int_equal(rig_greet(&rig).result, TD_RESULT_OK);
	for (size_t i = 0; i < TD_COUNT_OF(commands); i++) {
		uint16_t size = commands[i].size;

		memset(&sent, 0, sizeof(sent));
		rig_header(&rig, &sent.message, commands[i].type, size);
		for (size_t wrong = 1; wrong < sizeof(sent); wrong += 7) {
			if (wrong != size)
				expect_result("size", rig_exchange(&rig, &sent, wrong).result,
					TD_RESULT_MALFORMED);
		}
		sent.message.length_bytes--;
		expect_result(
			"length", rig_exchange(&rig, &sent, size).result, TD_RESULT_MALFORMED);
		sent.message.length_bytes++;
		sent.message.magic++;
		expect_result("magic", rig_exchange(&rig, &sent, size).result, TD_RESULT_MALFORMED);
		sent.message.magic--;
		sent.message.version++;
		expect_result("version", rig_exchange(&rig, &sent, size).result, TD_RESULT_VERSION);
		sent.message.version--;
		sent.message.reserved++;
		expect_result(
			"reserved", rig_exchange(&rig, &sent, size).result, TD_RESULT_MALFORMED);
	}
	expect_empty();
}

static void reserved_fields_and_foreign_types_are_refused(void **state)
{
	union {
		struct td_message message;
		struct td_command_subtract subtract;
		struct td_command_move move;
		uint8_t bytes[TD_MESSAGE_MAX_BYTES];
	} sent;

	(void)state;
	assert_int_equal(rig_greet(&rig).result, TD_RESULT_OK);
	memset(&sent, 0, sizeof(sent));
	rig_header(&rig, &sent.message, TD_MESSAGE_SUBTRACT, sizeof(sent.subtract));
	sent.subtract.reserved = 1;
	expect_result("subtract.reserved", rig_exchange(&rig, &sent, sizeof(sent.subtract)).result,
		TD_RESULT_MALFORMED);
	memset(&sent, 0, sizeof(sent));
	rig_header(&rig, &sent.message, TD_MESSAGE_MOVE, sizeof(sent.move));
	sent.move.reserved = 1;
	expect_result("move.reserved", rig_exchange(&rig, &sent, sizeof(sent.move)).result,
		TD_RESULT_MALFORMED);
	for (uint16_t type = TD_MESSAGE_REPLY; type < TD_MESSAGE_TYPE_COUNT + 2; type++) {
		memset(&sent, 0, sizeof(sent));
		rig_header(&rig, &sent.message, type, sizeof(struct td_command_hello));
		expect_result("type",
			rig_exchange(&rig, &sent, sizeof(struct td_command_hello)).result,
			TD_RESULT_MALFORMED);
	}
	expect_empty();
}

static void garbage_is_answered_and_counted(void **state)
{
	const struct td_counters *counters = rig_counters(&rig);
	uint64_t malformed_before = td_counter_read(&counters->messages_malformed);
	uint64_t refused_before = td_counter_read(&counters->commands_refused);
	uint8_t bytes[TD_MESSAGE_MAX_BYTES + 200];
	unsigned seed = 4711;

	(void)state;
	print_message("seed %u\n", seed);
	assert_int_equal(rig_greet(&rig).result, TD_RESULT_OK);
	for (int i = 0; i < 2000; i++) {
		size_t size = 1 + (size_t)rand_r(&seed) % (sizeof(bytes) - 1);

		for (size_t j = 0; j < size; j++)
			bytes[j] = (uint8_t)rand_r(&seed);
		assert_int_not_equal(rig_exchange(&rig, bytes, size).result, TD_RESULT_OK);
	}
	assert_int_equal(td_counter_read(&counters->messages_malformed) - malformed_before, 2000);
	assert_int_equal(td_counter_read(&counters->commands_refused) - refused_before, 2000);
	(void)munmap((void *)(uintptr_t)counters, sizeof(*counters));
	expect_empty();
}

/* Commands with good headers and random bodies: any result, but the process and what it holds
 * stay whole. */
static void random_bodies_do_no_harm(void **state)
{
	struct td_command_add command;
	unsigned seed = 815;

	(void)state;
	print_message("seed %u\n", seed);
	assert_int_equal(rig_greet(&rig).result, TD_RESULT_OK);
	for (int i = 0; i < 3000; i++) {
		size_t at = (size_t)rand_r(&seed) % sizeof(command.spec);

		command.spec = rig_spec(
			1 + (uint64_t)rand_r(&seed) % 4, 1, (uint16_t)(RIG_PORT_FIRST + 40));
		((uint8_t *)&command.spec)[at] = (uint8_t)rand_r(&seed);
		rig_header(&rig, &command.message,
			rand_r(&seed) % 2 ? TD_MESSAGE_ADD : TD_MESSAGE_MODIFY, sizeof(command));
		assert_in_range(rig_exchange(&rig, &command, sizeof(command)).result, 0,
			TD_RESULT_COUNT - 1);
	}
	assert_int_equal(rig_audit(&rig, 0).result, TD_RESULT_OK);
	while (rig.item_count > 0) {
		const struct td_termination_spec spec = rig.items[0].spec;

		assert_int_equal(
			rig_subtract(&rig, spec.termination_id, spec.epoch).result, TD_RESULT_OK);
		assert_int_equal(rig_audit(&rig, 0).result, TD_RESULT_OK);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(bad_fields_are_refused),
		cmocka_unit_test(commands_before_hello_are_refused),
		cmocka_unit_test(wrong_headers_are_refused),
		cmocka_unit_test(reserved_fields_and_foreign_types_are_refused),
		cmocka_unit_test(garbage_is_answered_and_counted),
		cmocka_unit_test(random_bodies_do_no_harm),
	};

	return cmocka_run_group_tests(tests, open_rig, close_rig);
}
