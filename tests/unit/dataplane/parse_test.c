/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Frames that are broken, foreign or the kernel's: each gets the verdict it deserves.
 */
#include "stage/map.h"
#include "world.h"

#include <tandem/bytes.h>
#include <tandem/time.h>

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

enum {
	IP = WORLD_HEADROOM_BYTES + 14,
	UDP4 = IP + 20,
	UDP6 = IP + 40,
	KEEP = 0xffff,
};

/* One byte or 16-bit field of a good frame is changed, or its end cut. */
struct frame_case {
	const char *name;
	const char *source;
	uint16_t at; /* KEEP: nothing is changed */
	uint16_t value;
	uint16_t length; /* KEEP: not cut */
	uint8_t verdict;
	uint8_t reason;
};

static const struct frame_case cases[] = {
	{"good", "198.51.100.10", KEEP, 0, KEEP, VERDICT_TRANSMIT, 0},
	{"good v6", "2001:db8:1::10", KEEP, 0, KEEP, VERDICT_TRANSMIT, 0},
	{"no ethernet", "198.51.100.10", KEEP, 0, 13, VERDICT_DROP, TD_DROP_FRAME_SHORT},
	{"no ip", "198.51.100.10", KEEP, 0, 14 + 19, VERDICT_DROP, TD_DROP_FRAME_SHORT},
	{"no ip v6", "2001:db8:1::10", KEEP, 0, 14 + 39, VERDICT_DROP, TD_DROP_FRAME_SHORT},
	{"cut in vlan tag", "198.51.100.10", WORLD_HEADROOM_BYTES + 12, 0x8100, 17, VERDICT_DROP,
		TD_DROP_FRAME_SHORT},
	{"vlan tag of nobody", "198.51.100.10", WORLD_HEADROOM_BYTES + 12, 0x8100, KEEP,
		VERDICT_DROP, TD_DROP_VLAN_FOREIGN},
	{"mac of nobody", "198.51.100.10", WORLD_HEADROOM_BYTES + 4, 0x0002, KEEP, VERDICT_DROP,
		TD_DROP_MAC_FOREIGN},
	{"mac of nobody, v6", "2001:db8:1::10", WORLD_HEADROOM_BYTES, 0x0400, KEEP, VERDICT_DROP,
		TD_DROP_MAC_FOREIGN},
	{"mac of a group", "198.51.100.10", WORLD_HEADROOM_BYTES, 0x0100, KEEP, VERDICT_TRANSMIT,
		0},
	{"arp", "198.51.100.10", WORLD_HEADROOM_BYTES + 12, 0x0806, KEEP, VERDICT_EXCEPTION, 0},
	{"not ip 4", "198.51.100.10", IP, 0x5500, KEEP, VERDICT_DROP, TD_DROP_IP_MALFORMED},
	{"short header", "198.51.100.10", IP, 0x4400, KEEP, VERDICT_DROP, TD_DROP_IP_MALFORMED},
	{"longer than frame", "198.51.100.10", IP + 2, 201, KEEP, VERDICT_DROP,
		TD_DROP_IP_MALFORMED},
	{"shorter than header", "198.51.100.10", IP + 2, 19, KEEP, VERDICT_DROP,
		TD_DROP_IP_MALFORMED},
	{"ttl differs from sum", "198.51.100.10", IP + 8, 0x3b11, KEEP, VERDICT_DROP,
		TD_DROP_IP_CHECKSUM},
	{"tcp", "198.51.100.10", IP + 8, 0x3c06, KEEP, VERDICT_EXCEPTION, 0},
	{"later fragment", "198.51.100.10", IP + 6, 0x0010, KEEP, VERDICT_EXCEPTION, 0},
	{"not our address", "198.51.100.10", IP + 18, 0x0202, KEEP, VERDICT_EXCEPTION, 0},
	{"not ip 6", "2001:db8:1::10", IP, 0x5000, KEEP, VERDICT_DROP, TD_DROP_IP_MALFORMED},
	{"v6 longer than frame", "2001:db8:1::10", IP + 4, 181, KEEP, VERDICT_DROP,
		TD_DROP_IP_MALFORMED},
	{"icmp6", "2001:db8:1::10", IP + 6, 0x3a3c, KEEP, VERDICT_EXCEPTION, 0},
	{"hop by hop, cut", "2001:db8:1::10", IP + 6, 0x003c, KEEP, VERDICT_DROP,
		TD_DROP_IP_EXTENSION},
	{"no next header", "2001:db8:1::10", IP + 6, 0x3b3c, KEEP, VERDICT_EXCEPTION, 0},
	{"port below", "198.51.100.10", UDP4 + 2, WORLD_PORT_FIRST - 1, KEEP, VERDICT_EXCEPTION, 0},
	{"port above", "198.51.100.10", UDP4 + 2, WORLD_PORT_LAST + 1, KEEP, VERDICT_EXCEPTION, 0},
	{"udp too short", "198.51.100.10", UDP4 + 4, 7, KEEP, VERDICT_DROP, TD_DROP_UDP_MALFORMED},
	{"udp too long", "198.51.100.10", UDP4 + 4, 181, KEEP, VERDICT_DROP, TD_DROP_UDP_MALFORMED},
	{"udp sum", "198.51.100.10", UDP4 + 40, 0x1234, KEEP, VERDICT_DROP, TD_DROP_UDP_CHECKSUM},
	{"udp sum v6", "2001:db8:1::10", UDP6 + 40, 0x1234, KEEP, VERDICT_DROP,
		TD_DROP_UDP_CHECKSUM},
	{"no udp sum", "198.51.100.10", UDP4 + 6, 0, KEEP, VERDICT_TRANSMIT, 0},
	{"no udp sum v6", "2001:db8:1::10", UDP6 + 6, 0, KEEP, VERDICT_DROP, TD_DROP_UDP_CHECKSUM},
};

static void set_up_calls(struct world *world)
{
	struct td_termination_spec specs[] = {
		world_spec(1, 7, 20000, "198.51.100.10", 4000),
		world_spec(2, 7, 20002, "198.51.100.20", 5000),
		world_spec(3, 8, 20000, "2001:db8:1::10", 4000),
		world_spec(4, 8, 20002, "2001:db8:1::20", 5000),
	};

	for (unsigned i = 0; i < TD_COUNT_OF(specs); i++)
		assert_int_equal(termination_table_add(world->table, &specs[i], world->now_ns),
			TD_RESULT_OK);
}

static void decides_about_each_frame(void **state)
{
	struct world *world = world_create(16, 1);
	uint8_t payload[256];

	(void)state;
	set_up_calls(world);
	for (unsigned i = 0; i < TD_COUNT_OF(cases); i++) {
		const struct frame_case *it = &cases[i];
		struct world_frame frame = {0};
		const struct packet *packet;
		uint16_t size = world_rtp(payload, 1, (uint16_t)i, i * 160, 0);

		world_frame_build(&frame,
			&(struct world_path){it->source, 4000,
				strchr(it->source, ':') ? "2001:db8::1" : "192.0.2.1", 20000},
			payload, size);
		if (it->at != KEEP)
			td_store_be16(frame.buffer + it->at, it->value);
		if (it->length != KEEP)
			frame.length = it->length;
		packet = world_receive(world, &frame, 0);
		if (packet->verdict != it->verdict || packet->drop_reason != it->reason)
			fail_msg("%s: verdict %u, reason %s", it->name, packet->verdict,
				td_drop_reason_name(packet->drop_reason));
	}
	world_destroy(world);
}

static void drops_first_fragment_of_media(void **state)
{
	struct world *world = world_create(16, 1);
	struct world_frame frame = {0};
	uint8_t payload[256];
	uint16_t size = world_rtp(payload, 1, 1, 1, 0);

	(void)state;
	set_up_calls(world);
	world_frame_build(&frame, &(struct world_path){"198.51.100.10", 4000, "192.0.2.1", 20000},
		payload, size);
	td_store_be16(frame.buffer + IP + 6, 0x2000);
	/* RFC 1624: the sum falls by what the field rose */
	td_store_be16(
		frame.buffer + IP + 10, (uint16_t)(td_load_be16(frame.buffer + IP + 10) - 0x2000));
	assert_int_equal(world_receive(world, &frame, 0)->drop_reason, TD_DROP_IP_FRAGMENT);
	world_destroy(world);
}

/* IPv6 extension headers of eight bytes each, before UDP to a port. */
struct chain_case {
	const char *name;
	uint8_t protocols[11]; /* ends with UDP, and zero */
	uint16_t fragment;     /* of a fragment header */
	uint16_t port;
	uint8_t verdict;
	uint8_t reason;
};

static const struct chain_case chains[] = {
	{"destination options", {60, 17}, 0, 20000, VERDICT_DROP, TD_DROP_IP_EXTENSION},
	{"routing", {43, 17}, 0, 20000, VERDICT_DROP, TD_DROP_IP_EXTENSION},
	{"authentication", {51, 17}, 0, 20000, VERDICT_DROP, TD_DROP_IP_EXTENSION},
	{"eight", {0, 60, 60, 60, 60, 60, 60, 60, 17}, 0, 20000, VERDICT_DROP,
		TD_DROP_IP_EXTENSION},
	{"nine, to SIP", {0, 60, 60, 60, 60, 60, 60, 60, 60, 17}, 0, 5060, VERDICT_DROP,
		TD_DROP_IP_EXTENSION},
	{"eight, to SIP", {0, 60, 60, 60, 60, 60, 60, 60, 17}, 0, 5060, VERDICT_EXCEPTION, 0},
	{"first fragment", {0, 44, 17}, 1, 20000, VERDICT_DROP, TD_DROP_IP_FRAGMENT},
	{"first fragment, to SIP", {44, 17}, 1, 5060, VERDICT_EXCEPTION, 0},
	{"later fragment", {0, 44, 17}, 8, 20000, VERDICT_EXCEPTION, 0},
	{"icmp", {60, 58}, 0, 20000, VERDICT_EXCEPTION, 0},
	{"esp", {50, 17}, 0, 20000, VERDICT_EXCEPTION, 0},
};

static void sees_through_extension_headers(void **state)
{
	struct world *world = world_create(16, 1);
	uint8_t packet[256];

	(void)state;
	set_up_calls(world);
	for (unsigned i = 0; i < TD_COUNT_OF(chains); i++) {
		const struct chain_case *it = &chains[i];
		struct world_frame frame = {0};
		const struct packet *parsed;
		uint8_t *ip = frame.buffer + IP;
		uint16_t size = world_rtp(packet, 1, 1, 1, 0);
		uint16_t chain = 0;

		world_frame_build(&frame,
			&(struct world_path){"2001:db8:1::10", 4000, "2001:db8::1", it->port},
			packet, size);
		ip[6] = it->protocols[0];
		for (unsigned j = 1; j < TD_COUNT_OF(it->protocols) && it->protocols[j] != 0;
			j++, chain = (uint16_t)(chain + 8)) {
			uint8_t *header = ip + 40 + chain;

			memmove(header + 8, header, size + 8u);
			memset(header, 0, 8);
			header[0] = it->protocols[j];
			if (it->protocols[j - 1] == 44)
				td_store_be16(header + 2, it->fragment);
		}
		td_store_be16(ip + 4, (uint16_t)(8 + size + chain));
		frame.length = (uint16_t)(frame.length + chain);
		parsed = world_receive(world, &frame, 0);
		if (parsed->verdict != it->verdict || parsed->drop_reason != it->reason)
			fail_msg("%s: verdict %u, reason %s", it->name, parsed->verdict,
				td_drop_reason_name(parsed->drop_reason));
	}
	world_destroy(world);
}

static void believes_the_nic_about_checksums(void **state)
{
	struct world *world = world_create(16, 1);
	struct world_frame frame = {0};
	uint8_t payload[256];
	uint16_t size = world_rtp(payload, 1, 1, 1, 0);
	struct packet *packet = &world->burst.packets[0];

	(void)state;
	set_up_calls(world);
	world_frame_build(&frame, &(struct world_path){"198.51.100.10", 4000, "192.0.2.1", 20000},
		payload, size);
	frame.buffer[UDP4 + 50] ^= 1;
	world->context.ports[0].is_udp_verified = false;
	assert_int_equal(world_receive(world, &frame, 0)->verdict, VERDICT_TRANSMIT);
	world->burst.count = 1;
	for (int bad = 0; bad < 2; bad++) {
		world_frame_build(&frame,
			&(struct world_path){"198.51.100.10", 4000, "192.0.2.1", 20000}, payload,
			size);
		packet_init(packet, frame.buffer + WORLD_HEADROOM_BYTES, frame.length,
			WORLD_HEADROOM_BYTES);
		packet->rx_ip_checksum = bad ? CHECKSUM_GOOD : CHECKSUM_BAD;
		packet->rx_udp_checksum = CHECKSUM_BAD;
		stage_parse(&world->burst, &world->context);
		assert_int_equal(
			packet->drop_reason, bad ? TD_DROP_UDP_CHECKSUM : TD_DROP_IP_CHECKSUM);
	}
	world_destroy(world);
}

static void accepts_the_ports_vlan_only(void **state)
{
	struct world *world = world_create(16, 1);
	struct world_frame frame = {.vlan_id = WORLD_VLAN};
	uint8_t payload[256];
	uint16_t size = world_rtp(payload, 1, 1, 1, 0);

	(void)state;
	set_up_calls(world);
	world_frame_build(&frame, &(struct world_path){"198.51.100.10", 4000, "192.0.2.1", 20000},
		payload, size);
	assert_int_equal(world_receive(world, &frame, 1)->verdict, VERDICT_TRANSMIT);
	world_frame_build(&frame, &(struct world_path){"198.51.100.10", 4000, "192.0.2.1", 20000},
		payload, size);
	assert_int_equal(world_receive(world, &frame, 0)->drop_reason, TD_DROP_VLAN_FOREIGN);
	frame.vlan_id = 0;
	world_frame_build(&frame, &(struct world_path){"198.51.100.10", 4000, "192.0.2.1", 20000},
		payload, size);
	assert_int_equal(world_receive(world, &frame, 1)->drop_reason, TD_DROP_VLAN_FOREIGN);
	world_destroy(world);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(decides_about_each_frame),
		cmocka_unit_test(drops_first_fragment_of_media),
		cmocka_unit_test(sees_through_extension_headers),
		cmocka_unit_test(believes_the_nic_about_checksums),
		cmocka_unit_test(accepts_the_ports_vlan_only),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
