/* SPDX-License-Identifier: Apache-2.0 */
/* Packets to the byte, and the messages that can't be one. That others understand them is proven
 * in tests/integration/observation.py. */
#include "trace/hep.h"

#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

static struct sip_flow flow_of(const char *local, const char *remote, enum sip_transport transport)
{
	struct sip_flow flow = {.transport = transport};

	assert_true(td_ip_parse(local, strlen(local), &flow.local.ip));
	assert_true(td_ip_parse(remote, strlen(remote), &flow.remote.ip));
	flow.local.port = 5060;
	flow.remote.port = 40000;
	return flow;
}

static struct trace_entry entry_of(const struct sip_flow *flow, enum trace_direction direction)
{
	return (struct trace_entry){
		.wall_ns = 1767225600123456789ull, /* 2026-01-01 */
		.direction = direction,
		.flow = flow,
		.bytes = SPAN("BYE"),
		.call_id = 0xabc,
	};
}

static void test_every_byte(void **state)
{
	static const uint8_t wanted[] = {
		'H', 'E', 'P', '3', 0, 136,			  /* head */
		0, 0, 0, 1, 0, 7, 2,				  /* IPv4 */
		0, 0, 0, 2, 0, 7, 17,				  /* UDP */
		0, 0, 0, 3, 0, 10, 10, 1, 0, 1,			  /* from */
		0, 0, 0, 4, 0, 10, 10, 0, 0, 1,			  /* to */
		0, 0, 0, 7, 0, 8, 0x9c, 0x40,			  /* 40000 */
		0, 0, 0, 8, 0, 8, 0x13, 0xc4,			  /* 5060 */
		0, 0, 0, 9, 0, 10, 0x69, 0x55, 0xb9, 0x00,	  /* seconds */
		0, 0, 0, 10, 0, 10, 0, 1, 0xe2, 0x40,		  /* 123456 us */
		0, 0, 0, 11, 0, 7, 1,				  /* SIP */
		0, 0, 0, 12, 0, 10, 0, 0, 0x30, 0x39,		  /* 12345 */
		0, 0, 0, 14, 0, 12, 's', 'e', 'c', 'r', 'e', 't', /* password */
		0, 0, 0, 17, 0, 22, '0', '0', '0', '0', '0', '0', '0', '0', '0', '0', '0', '0', '0',
		'a', 'b', 'c',			  /* call */
		0, 0, 0, 15, 0, 9, 'B', 'Y', 'E', /* payload */
	};
	const struct sip_flow flow = flow_of("10.0.0.1", "10.1.0.1", SIP_TRANSPORT_UDP);
	const struct hep_options options = {.capture_id = 12345, .password = "secret"};
	struct trace_entry entry = entry_of(&flow, TRACE_IN);
	uint8_t bytes[256];

	(void)state;
	assert_int_equal(hep_encode(bytes, sizeof(bytes), &options, &entry), sizeof(wanted));
	assert_memory_equal(bytes, wanted, sizeof(wanted));
	/* One byte less, and it doesn't fit; at no length is there a write past the end. */
	for (size_t size = 0; size < sizeof(wanted); size++) {
		uint8_t *exact = malloc(size + 1);

		assert_non_null(exact);
		exact[size] = 0x5a;
		assert_int_equal(hep_encode(exact, size, &options, &entry), -EMSGSIZE);
		assert_int_equal(exact[size], 0x5a);
		free(exact);
	}
}

/* The value of the first chunk of a type, or NULL. */
static const uint8_t *find(const uint8_t *bytes, int length, unsigned type, unsigned *ret_length)
{
	int at = 6;

	while (at < length) {
		unsigned chunk_length = (unsigned)bytes[at + 4] << 8 | bytes[at + 5];

		assert_true(chunk_length >= 6 && at + (int)chunk_length <= length);
		if (bytes[at + 3] == type) {
			*ret_length = chunk_length - 6;
			return bytes + at + 6;
		}
		at += (int)chunk_length;
	}
	assert_int_equal(at, length);
	return NULL;
}

static void test_what_depends_on_the_message(void **state)
{
	const struct sip_flow flow = flow_of("2001:db8::1", "2001:db8::2", SIP_TRANSPORT_WSS);
	const struct hep_options options = {.capture_id = 1, .password = ""};
	struct trace_entry entry = entry_of(&flow, TRACE_OUT);
	uint8_t bytes[256];
	unsigned length;
	int total;

	(void)state;
	entry.call_id = 0;
	total = hep_encode(bytes, sizeof(bytes), &options, &entry);
	assert_true(total > 0);
	assert_int_equal(find(bytes, total, 1, &length)[0], 10);
	assert_int_equal(find(bytes, total, 2, &length)[0], 6);
	assert_null(find(bytes, total, 3, &length));
	assert_memory_equal(find(bytes, total, 5, &length), flow.local.ip.bytes, 16);
	assert_int_equal(length, 16);
	assert_memory_equal(find(bytes, total, 6, &length), flow.remote.ip.bytes, 16);
	assert_memory_equal(find(bytes, total, 7, &length), "\x13\xc4", 2);
	assert_null(find(bytes, total, 14, &length));
	assert_null(find(bytes, total, 17, &length));
}

static void test_what_is_no_packet(void **state)
{
	struct sip_flow flow = flow_of("10.0.0.1", "10.1.0.1", SIP_TRANSPORT_TCP);
	const struct hep_options options = {.capture_id = 1, .password = ""};
	struct trace_entry entry = entry_of(&flow, TRACE_EVENT);
	static uint8_t bytes[70000];
	static char message[65535];

	(void)state;
	assert_int_equal(hep_encode(bytes, sizeof(bytes), &options, &entry), -EINVAL);
	entry.direction = TRACE_OUT;
	entry.bytes = (struct span){message, sizeof(message)};
	assert_int_equal(hep_encode(bytes, sizeof(bytes), &options, &entry), -EMSGSIZE);
	entry.bytes.length -= 200;
	assert_true(hep_encode(bytes, sizeof(bytes), &options, &entry) > 65335);
	flow.remote.ip.family = TD_FAMILY_IPV6;
	assert_int_equal(hep_encode(bytes, sizeof(bytes), &options, &entry), -EINVAL);
	flow.remote.ip.family = flow.local.ip.family = TD_FAMILY_NONE;
	assert_int_equal(hep_encode(bytes, sizeof(bytes), &options, &entry), -EINVAL);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_every_byte),
		cmocka_unit_test(test_what_depends_on_the_message),
		cmocka_unit_test(test_what_is_no_packet),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
