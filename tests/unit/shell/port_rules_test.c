/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Device strings, the limits towards the kernel, and steering by destination port.
 */
#include "port/device.h"
#include "port/exception.h"
#include "port/steering.h"

#include <tandem/contract.h>
#include <tandem/time.h>

#include <rte_thash.h>

#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

static void devices_are_understood(void **state)
{
	static const struct {
		const char *text;
		uint16_t queues;
		const char *name;
		const char *arguments;
		const char *interface;
		bool is_virtual;
		uint16_t frame_count;
	} cases[] = {
		{"net_null0", 2, "net_null0", "net_null0", "", true, 0},
		{"net_af_packet0,iface=veth0,framecnt=16", 1, "net_af_packet0",
			"net_af_packet0,iface=veth0,framecnt=16", "veth0", true, 16},
		{"net_af_packet0,iface=veth0", 2, "net_af_packet0",
			"net_af_packet0,iface=veth0,qpairs=2", "veth0", true, 512},
		{"net_af_packet0,iface=veth0,qpairs=1", 2, "net_af_packet0",
			"net_af_packet0,iface=veth0,qpairs=1", "veth0", true, 512},
		{"0000:3b:00.1", 4, "0000:3b:00.1", "0000:3b:00.1", "", false, 0},
		{"3b:00.1,arg=1", 4, "0000:3b:00.1", "3b:00.1,arg=1", "", false, 0},
	};
	struct device device;

	(void)state;
	for (size_t i = 0; i < TD_COUNT_OF(cases); i++) {
		assert_int_equal(device_parse(&device, cases[i].text, cases[i].queues), 0);
		assert_string_equal(device.name, cases[i].name);
		assert_string_equal(device.arguments, cases[i].arguments);
		assert_string_equal(device.interface, cases[i].interface);
		assert_int_equal(device.is_virtual, cases[i].is_virtual);
		assert_int_equal(device.frame_count, cases[i].frame_count);
	}
	assert_int_equal(device_parse(&device, "eth0", 1), -EINVAL);
	assert_int_equal(device_parse(&device, "3b:00", 1), -EINVAL);
	assert_int_equal(device_parse(&device, "", 1), -EINVAL);
}

static void classes_keep_their_own_allowance(void **state)
{
	struct exception_limits limits = {{0}};
	uint64_t now_ns = 5 * (uint64_t)TD_NS_PER_S;
	uint32_t icmp = 0;

	(void)state;
	for (int i = 0; i < 100000; i++)
		icmp += exception_allow(&limits, EXCEPTION_ICMP, now_ns);
	assert_in_range(icmp, 250, 252); /* a quarter of a second of 1000 a second */
	assert_true(exception_allow(&limits, EXCEPTION_SIGNALLING, now_ns));
	assert_true(exception_allow(&limits, EXCEPTION_NEIGHBOUR, now_ns));
	assert_false(exception_allow(&limits, EXCEPTION_ICMP, now_ns));
	now_ns += TD_NS_PER_S / 1000;
	assert_true(exception_allow(&limits, EXCEPTION_ICMP, now_ns));
	assert_false(exception_allow(&limits, EXCEPTION_ICMP, now_ns));
}

static void frames_have_classes(void **state)
{
	uint8_t frame[80] = {0};

	(void)state;
	frame[12] = 0x08;
	frame[13] = 0x06;
	assert_int_equal(exception_classify(frame, 60), EXCEPTION_NEIGHBOUR);
	frame[13] = 0x00;
	frame[14 + 9] = 17;
	assert_int_equal(exception_classify(frame, 60), EXCEPTION_SIGNALLING);
	assert_int_equal(exception_classify(frame, 33), EXCEPTION_OTHER);
	frame[14 + 9] = 1;
	assert_int_equal(exception_classify(frame, 60), EXCEPTION_ICMP);
	frame[14 + 9] = 17;
	frame[0] = 1;
	assert_int_equal(exception_classify(frame, 60), EXCEPTION_OTHER);
	memset(frame, 0, sizeof(frame));
	memcpy(frame + 12, "\x81\x00\x00\x05\x86\xdd", 6);
	frame[18 + 6] = 58;
	frame[18 + 40] = 135;
	assert_int_equal(exception_classify(frame, 80), EXCEPTION_NEIGHBOUR);
	frame[18 + 40] = 128;
	assert_int_equal(exception_classify(frame, 80), EXCEPTION_ICMP);
	for (uint32_t length = 0; length < 20; length++)
		(void)exception_classify(frame, length);
}

/* The NIC's queue for a port must be td_port_owner's worker, wherever the port stands in the
 * input of the hash. */
static void steering_follows_ownership(void **state)
{
	static const uint32_t offsets_bytes[] = {0, 10, 34};
	uint8_t key[STEERING_KEY_MAX_BYTES];

	(void)state;
	steering_write_key(key, 52);
	for (size_t i = 0; i < TD_COUNT_OF(offsets_bytes); i++) {
		for (uint32_t port = 0; port <= UINT16_MAX; port++) {
			uint8_t input[36] = {0};
			uint32_t words[9];
			uint32_t hash;

			input[offsets_bytes[i]] = (uint8_t)(port >> 8);
			input[offsets_bytes[i] + 1] = (uint8_t)port;
			for (size_t j = 0; j < TD_COUNT_OF(words); j++)
				words[j] = (uint32_t)input[j * 4] << 24 |
					   (uint32_t)input[j * 4 + 1] << 16 |
					   (uint32_t)input[j * 4 + 2] << 8 | input[j * 4 + 3];
			hash = rte_softrss(words, TD_COUNT_OF(words), key);
			assert_int_equal(steering_queue(hash % STEERING_TABLE_ENTRIES, 3),
				td_port_owner((uint16_t)port, 3));
		}
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(devices_are_understood),
		cmocka_unit_test(classes_keep_their_own_allowance),
		cmocka_unit_test(frames_have_classes),
		cmocka_unit_test(steering_follows_ownership),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
