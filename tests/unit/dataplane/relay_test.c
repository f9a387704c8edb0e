/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The whole chain of stages, packet by packet: relay, identity, addresses, refusals.
 */
#include "world.h"

#include <tandem/bytes.h>
#include <tandem/time.h>

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

static const char *const A = "198.51.100.10";
static const char *const B = "198.51.100.20";

static int setup(void **state)
{
	*state = world_create(16, 1);
	return 0;
}

static int teardown(void **state)
{
	world_destroy(*state);
	return 0;
}

static const uint8_t *payload_of(const struct packet *packet)
{
	return packet->bytes + packet->payload_offset;
}

static void relays_both_ways(void **state)
{
	struct world *world = *state;
	const struct packet *packet;

	world_call(world);
	packet = world_receive_rtp(world, &(struct world_media){A, 4000, 20000, 0xaaaa, 100, 8000});
	assert_int_equal(packet->verdict, VERDICT_TRANSMIT);
	assert_int_equal(packet->tx_port, 0);
	/* to B, from the port that B knows */
	assert_memory_equal(packet->bytes + 14 + 16, "\xc6\x33\x64\x14", 4);
	assert_int_equal(td_load_be16(packet->bytes + 34), 20002);
	assert_int_equal(td_load_be16(packet->bytes + 36), 5000);
	assert_int_equal(td_load_be32(payload_of(packet) + 8), world_stats(world, 2).tx_ssrc);
	packet = world_receive_rtp(world, &(struct world_media){B, 5000, 20002, 0xbbbb, 1, 1});
	assert_int_equal(packet->verdict, VERDICT_TRANSMIT);
	assert_int_equal(td_load_be16(packet->bytes + 36), 4000);
	assert_int_equal(world_stats(world, 1).rx_packets, 1);
	assert_int_equal(world_stats(world, 1).tx_packets, 1);
	assert_int_equal(world_stats(world, 1).rx_bytes, 160);
	assert_int_equal(world_stats(world, 1).rx_ssrc, 0xaaaa);
	assert_int_equal(td_counter_read(&world->counters.rtp_relayed), 2);
	assert_int_equal(world->event_count, 2);
	assert_int_equal(world->events[0].kind, TD_NOTIFY_FIRST_PACKET);
}

static void keeps_identity_over_source_switch(void **state)
{
	struct world *world = *state;
	const struct packet *packet;
	uint32_t ssrc;
	uint16_t sequence;
	uint32_t timestamp_ts;

	world_call(world);
	for (uint16_t i = 0; i < 10; i++) {
		packet = world_receive_rtp(
			world, &(struct world_media){A, 4000, 20000, 0xaaaa, i, i * 160u});
		world->now_ns += 20 * TD_NS_PER_MS;
	}
	ssrc = td_load_be32(payload_of(packet) + 8);
	sequence = td_load_be16(payload_of(packet) + 2);
	timestamp_ts = td_load_be32(payload_of(packet) + 4);
	/* another source, right away: its first packet is on probation */
	packet = world_receive_rtp(
		world, &(struct world_media){A, 4000, 20000, 0xcccc, 5000, 999999});
	assert_int_equal(packet->drop_reason, TD_DROP_RTP_STALE);
	world->now_ns += 20 * TD_NS_PER_MS;
	packet = world_receive_rtp(
		world, &(struct world_media){A, 4000, 20000, 0xcccc, 5001, 999999 + 160});
	assert_int_equal(packet->verdict, VERDICT_TRANSMIT);
	assert_int_equal(td_load_be32(payload_of(packet) + 8), ssrc);
	assert_int_equal(td_load_be16(payload_of(packet) + 2), (uint16_t)(sequence + 1));
	assert_int_equal(td_load_be32(payload_of(packet) + 4), timestamp_ts + 320);
	assert_int_equal(payload_of(packet)[1] & 0x80, 0x80);
	assert_int_equal(world_stats(world, 1).source_switches, 1);
	assert_int_equal(world_stats(world, 1).lost_packets, 0);
}

static void takes_new_source_at_once_after_silence(void **state)
{
	struct world *world = *state;
	const struct packet *packet;

	world_call(world);
	(void)world_receive_rtp(world, &(struct world_media){A, 4000, 20000, 0xaaaa, 1, 0});
	world->now_ns += 99 * TD_NS_PER_MS;
	packet = world_receive_rtp(world, &(struct world_media){A, 4000, 20000, 0xbbbb, 900, 0});
	assert_int_equal(packet->verdict, VERDICT_DROP);
	world->now_ns += 1 * TD_NS_PER_MS;
	packet = world_receive_rtp(world, &(struct world_media){A, 4000, 20000, 0xdddd, 7, 0});
	assert_int_equal(packet->verdict, VERDICT_TRANSMIT);
}

static void goes_on_without_gap_after_hold(void **state)
{
	struct world *world = *state;
	struct td_termination_spec spec = world_spec(2, 7, 20002, B, 5000);
	const struct packet *packet;
	uint16_t sequence;

	world_call(world);
	packet = world_receive_rtp(world, &(struct world_media){A, 4000, 20000, 0xaaaa, 1, 0});
	sequence = td_load_be16(payload_of(packet) + 2);
	spec.epoch = 2;
	spec.mode = TD_MODE_RECEIVE;
	assert_int_equal(termination_table_modify(world->table, &spec), TD_RESULT_OK);
	world_work(world);
	for (uint16_t i = 2; i < 50; i++) {
		world->now_ns += 20 * TD_NS_PER_MS;
		packet = world_receive_rtp(
			world, &(struct world_media){A, 4000, 20000, 0xaaaa, i, i * 160u});
		assert_int_equal(packet->drop_reason, TD_DROP_PEER_NO_SEND);
	}
	spec.epoch = 3;
	spec.mode = TD_MODE_SEND_RECEIVE;
	assert_int_equal(termination_table_modify(world->table, &spec), TD_RESULT_OK);
	world_work(world);
	packet = world_receive_rtp(world, &(struct world_media){A, 4000, 20000, 0xaaaa, 50, 8000});
	assert_int_equal(packet->verdict, VERDICT_TRANSMIT);
	assert_int_equal(td_load_be16(payload_of(packet) + 2), (uint16_t)(sequence + 1));
	assert_int_equal(world_stats(world, 1).lost_packets, 0);
}

static void resumes_the_same_source(void **state)
{
	struct world *world = *state;
	struct td_termination_spec spec = world_spec(1, 7, 20000, A, 4000);

	world_call(world);
	(void)world_receive_rtp(world, &(struct world_media){A, 4000, 20000, 0xaaaa, 1, 0});
	for (uint8_t round = 0; round < 3; round++) {
		spec.epoch++;
		spec.mode = TD_MODE_SEND;
		assert_int_equal(termination_table_modify(world->table, &spec), TD_RESULT_OK);
		spec.epoch++;
		spec.mode = TD_MODE_SEND_RECEIVE;
		assert_int_equal(termination_table_modify(world->table, &spec), TD_RESULT_OK);
		world_work(world);
		(void)world_receive_rtp(
			world, &(struct world_media){A, 4000, 20000, 0xaaaa, 40 + round, 8000});
	}
	assert_int_equal(world_stats(world, 1).rx_packets, 4);
	assert_int_equal(world_stats(world, 1).source_switches, 0);
	(void)world_receive_rtp(world, &(struct world_media){A, 4000, 20000, 0xcccc, 1, 0});
	(void)world_receive_rtp(world, &(struct world_media){A, 4000, 20000, 0xcccc, 2, 160});
	assert_int_equal(world_stats(world, 1).source_switches, 1);
}

static void goes_on_without_gap_after_moves(void **state)
{
	struct world *world = *state;
	static const uint64_t movers[] = {1, 2};
	uint16_t number = 0;
	uint32_t epoch = 1;

	world_call(world);
	for (unsigned i = 0; i < TD_COUNT_OF(movers); i++) {
		const struct packet *packet;
		uint16_t sequence;

		number++;
		packet = world_receive_rtp(world,
			&(struct world_media){A, 4000, 20000, 0xaaaa, number, number * 160u});
		assert_int_equal(packet->verdict, VERDICT_TRANSMIT);
		sequence = td_load_be16(payload_of(packet) + 2);
		epoch++;
		assert_int_equal(
			termination_table_move(world->table, movers[i], 8, epoch), TD_RESULT_OK);
		world_work(world);
		for (unsigned away = 0; away < 50; away++) {
			world->now_ns += 20 * TD_NS_PER_MS;
			number++;
			packet = world_receive_rtp(world, &(struct world_media){A, 4000, 20000,
								  0xaaaa, number, number * 160u});
			assert_int_equal(packet->drop_reason, TD_DROP_NO_PEER);
		}
		epoch++;
		assert_int_equal(
			termination_table_move(world->table, movers[i], 7, epoch), TD_RESULT_OK);
		world_work(world);
		number++;
		packet = world_receive_rtp(world,
			&(struct world_media){A, 4000, 20000, 0xaaaa, number, number * 160u});
		assert_int_equal(packet->verdict, VERDICT_TRANSMIT);
		assert_int_equal(td_load_be16(payload_of(packet) + 2), (uint16_t)(sequence + 1));
	}
}

/* Whatever is refused is counted by its name, sends nothing and changes no figure but one. */
static void receive_type(
	struct world *world, uint16_t sequence, uint32_t timestamp_ts, uint8_t payload_type)
{
	static struct world_frame frame;
	uint8_t packet[256];
	uint16_t size = world_rtp(packet, 9, sequence, timestamp_ts, payload_type);

	world_frame_build(&frame, &(struct world_path){"198.51.100.10", 4000, "192.0.2.1", 20000},
		packet, size);
	assert_int_equal(world_receive(world, &frame, 0)->verdict, VERDICT_TRANSMIT);
}

/* Audio at 48 kHz, each packet 5 ms early or late, then digits with a clock of 8 kHz. */
static void measures_jitter_by_the_clock_of_the_audio(void **state)
{
	struct world *world = *state;
	struct td_termination_spec spec = world_spec(1, 7, 20000, "198.51.100.10", 4000);
	uint32_t at_ts = 0;
	uint16_t sequence = 0;

	world_call(world);
	spec.epoch = 2;
	spec.codec_count = 2;
	spec.codecs[0] = (struct td_codec){96, TD_CODEC_OPUS, 20, 48000};
	spec.codecs[1] = (struct td_codec){101, TD_CODEC_TELEPHONE_EVENT, 20, 8000};
	assert_int_equal(termination_table_modify(world->table, &spec), TD_RESULT_OK);
	world_work(world);
	for (; sequence < 300; at_ts += 960) {
		receive_type(world, sequence++, at_ts, 96);
		world_advance_ms(world, sequence % 2 ? 15 : 25);
	}
	for (unsigned i = 0; i < 20; i++) {
		receive_type(world, sequence++, at_ts, 101);
		world_advance_ms(world, 20);
	}
	world_advance_ms(world, 2500); /* for the sweep to look */
	assert_in_range(world_stats(world, 1).jitter_us, 4500, 5500);
	assert_in_range(world_stats(world, 1).jitter_max_us, 4500, 5500);
}

static void refuse(struct world *world, const struct packet *packet, enum td_drop_reason reason,
	uint64_t times)
{
	assert_int_equal(packet->verdict, VERDICT_DROP);
	assert_string_equal(td_drop_reason_name(packet->drop_reason), td_drop_reason_name(reason));
	assert_int_equal(world_drops(world, reason), times);
}

static void refuses_strangers(void **state)
{
	struct world *world = *state;
	struct termination before;
	struct termination *termination;
	uint8_t rtcp[8] = {0x80, 201, 0, 1, 0, 0, 0, 9};
	struct world_frame frame = {0};

	world_call(world);
	(void)world_receive_rtp(world, &(struct world_media){A, 4000, 20000, 0xaaaa, 1, 0});
	termination = (struct termination *)(uintptr_t)termination_table_find(world->table, 1);
	before = *termination;
	/* RTPBleed: probes from elsewhere, also from the peer's host, or the peer's port */
	refuse(world,
		world_receive_rtp(
			world, &(struct world_media){"203.0.113.66", 4000, 20000, 0xaaaa, 2, 160}),
		TD_DROP_SOURCE_FOREIGN, 1);
	refuse(world,
		world_receive_rtp(world, &(struct world_media){A, 4002, 20000, 0xaaaa, 2, 160}),
		TD_DROP_SOURCE_FOREIGN, 2);
	refuse(world,
		world_receive_rtp(world, &(struct world_media){B, 5000, 20000, 0xaaaa, 2, 160}),
		TD_DROP_SOURCE_FOREIGN, 3);
	world_frame_build(&frame, &(struct world_path){"203.0.113.66", 4001, "192.0.2.1", 20001},
		rtcp, sizeof(rtcp));
	refuse(world, world_receive(world, &frame, 0), TD_DROP_SOURCE_FOREIGN, 4);
	assert_int_equal(termination->rx.refused, before.rx.refused + 4);
	before.rx.refused = termination->rx.refused;
	assert_memory_equal(termination, &before, sizeof(before));
	assert_int_equal(world_stats(world, 2).tx_packets, 1);
	assert_int_equal(world->rtcp_count, 0);
}

static void refuses_unused_and_released_ports(void **state)
{
	struct world *world = *state;
	const struct td_command_subtract subtract = {.termination_id = 1, .epoch = 1};
	bool is_gone;

	world_call(world);
	refuse(world, world_receive_rtp(world, &(struct world_media){A, 4000, 20100, 1, 1, 1}),
		TD_DROP_NO_TERMINATION, 1);
	refuse(world, world_receive_rtp(world, &(struct world_media){B, 5000, 20100, 1, 1, 1}),
		TD_DROP_NO_TERMINATION, 2);
	assert_int_equal(
		termination_table_subtract(world->table, &subtract, 5, &is_gone), TD_RESULT_OK);
	refuse(world, world_receive_rtp(world, &(struct world_media){A, 4000, 20000, 1, 1, 1}),
		TD_DROP_PORT_RESTING, 1);
	world_reclaim(world);
	refuse(world, world_receive_rtp(world, &(struct world_media){A, 4000, 20000, 1, 1, 1}),
		TD_DROP_PORT_RESTING, 2);
	world->now_ns += (uint64_t)(WORLD_REST_MS - 1) * TD_NS_PER_MS;
	termination_table_wake(world->table, world->now_ns);
	refuse(world, world_receive_rtp(world, &(struct world_media){A, 4000, 20000, 1, 1, 1}),
		TD_DROP_PORT_RESTING, 3);
	world->now_ns += TD_NS_PER_MS;
	termination_table_wake(world->table, world->now_ns);
	refuse(world, world_receive_rtp(world, &(struct world_media){A, 4000, 20000, 1, 1, 1}),
		TD_DROP_NO_TERMINATION, 3);
	/* the other side is alone now */
	refuse(world, world_receive_rtp(world, &(struct world_media){B, 5000, 20002, 1, 1, 1}),
		TD_DROP_NO_PEER, 1);
}

static void refuses_by_mode_type_and_order(void **state)
{
	struct world *world = *state;
	struct td_termination_spec spec = world_spec(1, 7, 20000, A, 4000);
	struct world_frame frame = {0};
	uint8_t payload[256];
	uint16_t size;

	world_call(world);
	size = world_rtp(payload, 0xaaaa, 1, 0, 18);
	world_frame_build(&frame, &(struct world_path){A, 4000, "192.0.2.1", 20000}, payload, size);
	refuse(world, world_receive(world, &frame, 0), TD_DROP_RTP_PAYLOAD_TYPE, 1);
	payload[0] = 0x40;
	world_frame_build(&frame, &(struct world_path){A, 4000, "192.0.2.1", 20000}, payload, size);
	refuse(world, world_receive(world, &frame, 0), TD_DROP_RTP_MALFORMED, 1);
	world_frame_build(&frame, &(struct world_path){A, 4001, "192.0.2.1", 20001}, payload, size);
	refuse(world, world_receive(world, &frame, 0), TD_DROP_RTCP_MALFORMED, 1);
	(void)world_receive_rtp(world, &(struct world_media){A, 4000, 20000, 0xaaaa, 1000, 0});
	refuse(world,
		world_receive_rtp(world, &(struct world_media){A, 4000, 20000, 0xaaaa, 1000, 0}),
		TD_DROP_RTP_DUPLICATE, 1);
	refuse(world,
		world_receive_rtp(world, &(struct world_media){A, 4000, 20000, 0xaaaa, 900, 0}),
		TD_DROP_RTP_STALE, 1);
	spec.epoch = 2;
	spec.mode = TD_MODE_SEND;
	assert_int_equal(termination_table_modify(world->table, &spec), TD_RESULT_OK);
	world_work(world);
	refuse(world,
		world_receive_rtp(world, &(struct world_media){A, 4000, 20000, 0xaaaa, 1001, 0}),
		TD_DROP_MODE_NO_RECEIVE, 1);
	assert_int_equal(world_stats(world, 1).duplicate_packets, 1);
}

static void needs_an_address_a_route_and_room(void **state)
{
	struct world *world = *state;
	struct td_termination_spec a = world_spec(1, 7, 20000, A, 4000);
	struct td_termination_spec b = world_spec(2, 7, 20002, NULL, 0);
	struct world_frame frame = {0};
	uint8_t payload[WORLD_MTU_SMALL];
	const struct packet *packet;

	assert_int_equal(termination_table_add(world->table, &a, world->now_ns), TD_RESULT_OK);
	assert_int_equal(termination_table_add(world->table, &b, world->now_ns), TD_RESULT_OK);
	refuse(world, world_receive_rtp(world, &(struct world_media){A, 4000, 20000, 0xaaaa, 1, 0}),
		TD_DROP_PEER_NO_ADDRESS, 1);
	refuse(world, world_receive_rtp(world, &(struct world_media){B, 5000, 20002, 0xaaaa, 1, 0}),
		TD_DROP_NOT_LATCHED, 1);
	b = world_spec(2, 7, 20002, "192.0.2.77", 5000);
	b.epoch = 2;
	assert_int_equal(termination_table_modify(world->table, &b), TD_RESULT_OK);
	world_work(world);
	refuse(world, world_receive_rtp(world, &(struct world_media){A, 4000, 20000, 0xaaaa, 2, 0}),
		TD_DROP_NEXT_HOP_UNKNOWN, 1);
	b = world_spec(2, 7, 20002, "203.0.113.5", 5000);
	b.epoch = 3;
	assert_int_equal(termination_table_modify(world->table, &b), TD_RESULT_OK);
	world_work(world);
	memset(payload, 0, sizeof(payload));
	(void)world_rtp(payload, 0xaaaa, 3, 0, 0);
	/* the MTU is the longest IP packet: 28 bytes of it are headers */
	world_frame_build(&frame, &(struct world_path){A, 4000, "192.0.2.1", 20000}, payload,
		WORLD_MTU_SMALL - 28);
	packet = world_receive(world, &frame, 0);
	assert_int_equal(packet->verdict, VERDICT_TRANSMIT);
	assert_int_equal(packet->tx_port, 1);
	td_store_be16(payload + 2, 4);
	world_frame_build(&frame, &(struct world_path){A, 4000, "192.0.2.1", 20000}, payload,
		WORLD_MTU_SMALL - 27);
	refuse(world, world_receive(world, &frame, 0), TD_DROP_TOO_BIG, 1);
}

static void holds_peer_to_its_rate(void **state)
{
	struct world *world = *state;
	uint32_t relayed = 0;

	world_call(world);
	/* 50 packets a second were negotiated; three times that, one second's worth at once */
	for (uint16_t i = 0; i < 1000; i++)
		relayed += world_receive_rtp(
				   world, &(struct world_media){A, 4000, 20000, 0xaaaa, i, i})
				   ->verdict == VERDICT_TRANSMIT;
	assert_in_range(relayed, 150, 152);
	assert_int_equal(world_drops(world, TD_DROP_POLICED), 1000 - relayed);
	/* strangers don't use up the peer's allowance */
	world->now_ns += TD_NS_PER_S;
	for (uint16_t i = 0; i < 1000; i++)
		(void)world_receive_rtp(
			world, &(struct world_media){"203.0.113.9", 4000, 20000, 0xaaaa, i, i});
	assert_int_equal(
		world_receive_rtp(world, &(struct world_media){A, 4000, 20000, 0xaaaa, 1001, 1001})
			->verdict,
		VERDICT_TRANSMIT);
}

static void hands_off_to_the_owner(void **state)
{
	struct world *world = world_create(16, 4);
	struct td_termination_spec spec = world_spec(1, 7, 20002, A, 4000);
	const struct packet *packet;
	unsigned owner = td_port_owner(20002, 4);

	(void)state;
	assert_int_not_equal(owner, 0);
	assert_int_equal(termination_table_add(world->table, &spec, world->now_ns), TD_RESULT_OK);
	packet = world_receive_rtp(world, &(struct world_media){A, 4000, 20002, 1, 1, 1});
	assert_int_equal(packet->verdict, VERDICT_HANDOFF);
	assert_int_equal(packet->handoff_worker, owner);
	world_destroy(world);
}

static void carries_on_after_a_restart(void **state)
{
	struct world *world = *state;
	const struct packet *packet;
	uint32_t ssrc;
	uint16_t sequence;

	world_call(world);
	for (uint16_t i = 0; i < 5; i++)
		packet = world_receive_rtp(
			world, &(struct world_media){A, 4000, 20000, 0xaaaa, i, i * 160u});
	ssrc = td_load_be32(payload_of(packet) + 8);
	sequence = td_load_be16(payload_of(packet) + 2);
	world_restart(world);
	world->now_ns += 100 * TD_NS_PER_MS;
	packet =
		world_receive_rtp(world, &(struct world_media){A, 4000, 20000, 0xaaaa, 5, 5 * 160});
	assert_int_equal(packet->verdict, VERDICT_TRANSMIT);
	assert_int_equal(td_load_be32(payload_of(packet) + 8), ssrc);
	assert_int_equal(td_load_be16(payload_of(packet) + 2), (uint16_t)(sequence + 1));
	assert_int_equal(world_stats(world, 1).rx_packets, 6);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(relays_both_ways, setup, teardown),
		cmocka_unit_test_setup_teardown(keeps_identity_over_source_switch, setup, teardown),
		cmocka_unit_test_setup_teardown(
			takes_new_source_at_once_after_silence, setup, teardown),
		cmocka_unit_test_setup_teardown(goes_on_without_gap_after_hold, setup, teardown),
		cmocka_unit_test_setup_teardown(resumes_the_same_source, setup, teardown),
		cmocka_unit_test_setup_teardown(goes_on_without_gap_after_moves, setup, teardown),
		cmocka_unit_test_setup_teardown(
			measures_jitter_by_the_clock_of_the_audio, setup, teardown),
		cmocka_unit_test_setup_teardown(refuses_strangers, setup, teardown),
		cmocka_unit_test_setup_teardown(refuses_unused_and_released_ports, setup, teardown),
		cmocka_unit_test_setup_teardown(refuses_by_mode_type_and_order, setup, teardown),
		cmocka_unit_test_setup_teardown(needs_an_address_a_route_and_room, setup, teardown),
		cmocka_unit_test_setup_teardown(holds_peer_to_its_rate, setup, teardown),
		cmocka_unit_test_setup_teardown(hands_off_to_the_owner, setup, teardown),
		cmocka_unit_test_setup_teardown(carries_on_after_a_restart, setup, teardown),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
