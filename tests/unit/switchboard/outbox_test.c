/* SPDX-License-Identifier: Apache-2.0 */
/* Outbox: order kept, payload intact, additions during a flush wait for the next. */
#include "switchboard/outbox.h"

#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

enum {
	MANY = 3000
};

struct receiver {
	struct outbox *outbox;
	int sip_count;
	int media_count;
	int echo; /* messages to add while being flushed */
};

static void on_sip(void *context, const struct sip_flow *flow, const char *bytes, size_t length)
{
	struct receiver *receiver = context;
	char expected[32];
	int expected_length = snprintf(expected, sizeof(expected), "%d", receiver->sip_count);

	assert_int_equal(flow->remote.port, receiver->sip_count & 0xffff);
	assert_int_equal(length, expected_length);
	assert_memory_equal(bytes, expected, length);
	receiver->sip_count++;
	if (receiver->echo > 0) {
		struct sip_flow again = {.remote = {.port = 1}};

		receiver->echo--;
		assert_int_equal(outbox_add_sip(receiver->outbox, &again, "x", 1), 0);
	}
}

static void on_media(void *context, const struct media_command *command)
{
	struct receiver *receiver = context;

	assert_int_equal(command->spec.termination_id, receiver->media_count);
	receiver->media_count++;
}

static void keeps_order_and_content(void **state)
{
	struct receiver receiver = {0};
	struct outbox_ports ports = {&receiver, on_sip, on_media};

	(void)state;
	assert_int_equal(outbox_create(&receiver.outbox), 0);
	for (int i = 0; i < MANY; i++) {
		struct sip_flow flow = {.remote = {.port = (uint16_t)i}};
		struct media_command command = {
			.kind = MEDIA_ADD, .spec = {.termination_id = (uint64_t)i}};
		char text[32];
		int length = snprintf(text, sizeof(text), "%d", i);

		assert_int_equal(outbox_add_sip(receiver.outbox, &flow, text, (size_t)length), 0);
		assert_int_equal(outbox_add_media(receiver.outbox, &command), 0);
	}
	outbox_flush(receiver.outbox, &ports);
	assert_int_equal(receiver.sip_count, MANY);
	assert_int_equal(receiver.media_count, MANY);
	assert_int_equal(outbox_waiting_bytes(receiver.outbox), 0);
	outbox_destroy(receiver.outbox);
}

static void additions_during_a_flush_wait(void **state)
{
	struct receiver receiver = {.echo = 1};
	struct outbox_ports ports = {&receiver, on_sip, on_media};
	struct sip_flow flow = {0};

	(void)state;
	assert_int_equal(outbox_create(&receiver.outbox), 0);
	assert_int_equal(outbox_add_sip(receiver.outbox, &flow, "0", 1), 0);
	outbox_flush(receiver.outbox, &ports);
	assert_int_equal(receiver.sip_count, 1);
	assert_int_not_equal(outbox_waiting_bytes(receiver.outbox), 0);
	outbox_destroy(receiver.outbox);
}

static void drop_sip(void *context, const struct sip_flow *flow, const char *bytes, size_t length)
{
	(void)context;
	(void)flow;
	(void)bytes;
	(void)length;
}

static void growth_has_a_limit(void **state)
{
	static char message[65536];
	struct outbox_ports ports = {NULL, drop_sip, NULL};
	struct outbox *outbox;
	struct sip_flow flow = {0};
	int result = 0;

	(void)state;
	assert_int_equal(outbox_create(&outbox), 0);
	for (int i = 0; i < 2000 && result == 0; i++)
		result = outbox_add_sip(outbox, &flow, message, sizeof(message));
	assert_int_equal(result, -ENOBUFS);
	assert_true(outbox_waiting_bytes(outbox) <= 64 * 1024 * 1024);
	outbox_flush(outbox, &ports);
	assert_int_equal(outbox_add_sip(outbox, &flow, message, sizeof(message)), 0);
	outbox_destroy(outbox);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(keeps_order_and_content),
		cmocka_unit_test(additions_during_a_flush_wait),
		cmocka_unit_test(growth_has_a_limit),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
