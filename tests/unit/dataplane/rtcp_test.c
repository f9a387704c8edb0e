/* SPDX-License-Identifier: Apache-2.0 */
/*
 * RTCP: what is read, what is refused, what is sent, and what the remote end tells us.
 */
#include "rtp/rtcp.h"

#include "world.h"

#include <tandem/bytes.h>
#include <tandem/time.h>

#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

static const uint64_t WALL_NS = UINT64_C(1700000000) * TD_NS_PER_S;

static void reads_what_it_writes(void **state)
{
	struct rtcp_report report = {
		.ssrc = 0x11111111,
		.has_sent = true,
		.has_bye = true,
		.wall_ns = WALL_NS + TD_NS_PER_S / 2,
		.timestamp_ts = 77,
		.packets = 5,
		.bytes = 800,
		.block_count = 2,
		.blocks = {{0x22222222, 0x900000, 9, 8, 7, 6, 5},
			{0x33333333, 4, 70000, 160, 0xabcd0123, 65536, 255}},
		.cname = "0123456789abcdef",
	};
	uint8_t packet[SWEEP_RTCP_MAX_BYTES];
	size_t length = rtcp_build(&report, packet, sizeof(packet));
	struct rtcp_news news;

	(void)state;
	assert_int_equal(length, 28 + 2 * 24 + 28 + 8);
	assert_int_equal(rtcp_build(&report, packet, length - 1), 0);
	assert_int_equal(rtcp_parse(packet, (uint32_t)length, 0x33333333, &news), 0);
	assert_true(news.has_sr && news.has_bye && news.has_block);
	assert_int_equal(news.sender_ssrc, 0x11111111);
	assert_int_equal(news.sr_middle, rtcp_ntp_middle(report.wall_ns));
	assert_int_equal(news.block.lost, 4);
	assert_int_equal(news.block.fraction, 255);
	assert_int_equal(news.block.lsr, 0xabcd0123);
	assert_int_equal(rtcp_parse(packet, (uint32_t)length, 0x22222222, &news), 0);
	assert_int_equal(news.block.lost, 0x7fffff); /* saturated */
	/* the second half of a second since 1900 */
	assert_int_equal(td_load_be32(packet + 8), 1700000000 + 2208988800u);
	assert_int_equal(td_load_be32(packet + 12), 0x80000000);
	/* any cut is noticed */
	for (uint32_t cut = 0; cut < length; cut++) {
		int result = rtcp_parse(packet, cut, 0, &news);

		/* a compound may end after a whole packet */
		if (cut != 28 + 48 && cut != 28 + 48 + 28)
			assert_int_equal(result, -EBADMSG);
	}
}

static void refuses_broken_compounds(void **state)
{
	static const struct {
		const char *name;
		uint32_t size;
		uint8_t bytes[32];
	} cases[] = {
		{"empty", 0, {0}},
		{"version 1", 8, {0x40, 201, 0, 1}},
		{"sdes first", 8, {0x80, 202, 0, 1}},
		{"bye first", 8, {0x80, 203, 0, 1}},
		{"padding first", 8, {0xa0, 201, 0, 1, 0, 0, 0, 4}},
		{"longer than packet", 8, {0x80, 201, 0, 2}},
		{"trailing bytes", 10, {0x80, 201, 0, 1}},
		{"block doesn't fit", 8, {0x81, 201, 0, 1}},
		{"sr without sender info", 8, {0x80, 200, 0, 1}},
		{"version of the second", 16, {0x80, 201, 0, 1, 0, 0, 0, 1, 0x40, 203, 0, 1}},
		{"bye counts more than it has", 16, {0x80, 201, 0, 1, 0, 0, 0, 1, 0x82, 203, 0, 1}},
		{"sdes item runs out", 20,
			{0x80, 201, 0, 1, 0, 0, 0, 1, 0x81, 202, 0, 2, 0, 0, 0, 1, 1, 9}},
		{"sdes without end", 20,
			{0x80, 201, 0, 1, 0, 0, 0, 1, 0x81, 202, 0, 2, 0, 0, 0, 1, 1, 2, 65, 66}},
		{"padding not last", 24,
			{0x80, 201, 0, 1, 0, 0, 0, 1, 0xa0, 203, 0, 1, 0, 0, 0, 4, 0x80, 203, 0,
				1}},
		{"padding of nothing", 16, {0x80, 201, 0, 1, 0, 0, 0, 1, 0xa0, 203, 0, 1}},
		{"padding eats header", 16,
			{0x80, 201, 0, 1, 0, 0, 0, 1, 0xa0, 203, 0, 1, 0, 0, 0, 8}},
		{"app without name", 12, {0x80, 201, 0, 1, 0, 0, 0, 1, 0x80, 204, 0, 0}},
	};
	struct rtcp_news news;

	(void)state;
	for (unsigned i = 0; i < TD_COUNT_OF(cases); i++) {
		if (rtcp_parse(cases[i].bytes, cases[i].size, 0, &news) != -EBADMSG)
			fail_msg("%s was accepted", cases[i].name);
	}
}

static void reports_when_due(void **state)
{
	struct world *world = world_create(16, 1);
	struct rtcp_news news;
	const struct world_rtcp *first;
	uint64_t start_ns = world->now_ns;

	(void)state;
	world_call(world);
	for (uint16_t i = 0; i < 250; i++) {
		(void)world_receive_rtp(world,
			&(struct world_media){"198.51.100.10", 4000, 20000, 0xaaaa, i, i * 160u});
		world_advance_ms(world, 20);
	}
	/* within 2.5 to 5 s and a round of the sweep each has reported once */
	assert_true(world->rtcp_count >= 2);
	first = world->rtcp[0].termination_id == 2 ? &world->rtcp[0] : &world->rtcp[1];
	assert_int_equal(first->termination_id, 2);
	assert_int_equal(rtcp_parse(first->bytes, first->length, 0, &news), 0);
	assert_true(news.has_sr); /* it sends */
	assert_int_equal(news.sender_ssrc, world_stats(world, 2).tx_ssrc);
	first = world->rtcp[0].termination_id == 1 ? &world->rtcp[0] : &world->rtcp[1];
	assert_int_equal(rtcp_parse(first->bytes, first->length, 0xaaaa, &news), 0);
	assert_false(news.has_sr); /* it only receives */
	assert_true(news.has_block);
	assert_int_equal(news.block.lost, 0);
	assert_in_range(news.block.highest, 100, 249); /* no cycle was completed */
	/* over a minute, 5 s apart on average, with a sane spread */
	world->rtcp_count = 0;
	world_advance_ms(world, 60000);
	assert_in_range(world->rtcp_count, 2 * 60 / 8, 2 * 60 / 2);
	assert_true(world->now_ns > start_ns);
	world_destroy(world);
}

/* Sends termination 1 a report about what we send it; it saw our SR 30 ms before. */
static void give_report(struct world *world, uint32_t lsr, uint32_t delay_ms)
{
	struct rtcp_report report = {
		.ssrc = 0xaaaa,
		.block_count = 1,
		.blocks = {{world_stats(world, 1).tx_ssrc, 12, 500, 80, lsr,
			delay_ms * 65536 / 1000, 64}},
		.cname = "0123456789abcdef",
	};
	struct world_frame frame = {0};
	uint8_t packet[SWEEP_RTCP_MAX_BYTES];
	size_t length = rtcp_build(&report, packet, sizeof(packet));
	const struct packet *received;

	world_frame_build(&frame, &(struct world_path){"198.51.100.10", 4001, "192.0.2.1", 20001},
		packet, (uint16_t)length);
	received = world_receive(world, &frame, 0);
	assert_int_equal(received->drop_reason, TD_DROP_RTCP_CONSUMED);
}

static void takes_what_the_remote_end_reports(void **state)
{
	struct world *world = world_create(16, 1);
	uint32_t lsr;
	struct td_termination_stats stats;

	(void)state;
	world_call(world);
	(void)world_receive_rtp(
		world, &(struct world_media){"198.51.100.20", 5000, 20002, 0xbbbb, 1, 0});
	lsr = rtcp_ntp_middle(world->now_ns + world->sweep.wall_offset_ns);
	world->now_ns += 80 * TD_NS_PER_MS;
	give_report(world, lsr, 30);
	stats = world_stats(world, 1);
	assert_in_range(stats.rtt_us, 49900, 50100);
	assert_int_equal(stats.remote_lost_packets, 12);
	assert_int_equal(stats.remote_jitter_us, 10000);
	assert_in_range(stats.remote_fraction_lost_ppm, 249000, 251000);
	assert_int_equal(stats.rtcp_rx_packets, 1);
	assert_int_equal(stats.rx_refused, 0);
	assert_int_equal(td_counter_read(&world->counters.rtcp_received), 1);
	/* an answer faster than light counts as none, a day-old one not at all */
	give_report(world, lsr, 90);
	assert_int_equal(world_stats(world, 1).rtt_us, 0);
	give_report(world, lsr - (60 << 16), 0);
	assert_int_equal(world_stats(world, 1).rtt_us, 0);
	world_destroy(world);
}

static void says_bye_when_subtracted(void **state)
{
	struct world *world = world_create(16, 1);
	const struct td_command_subtract subtract = {.termination_id = 1, .epoch = 1};
	struct rtcp_news news;
	bool is_gone;

	(void)state;
	world_call(world);
	assert_int_equal(
		termination_table_subtract(world->table, &subtract, 9, &is_gone), TD_RESULT_OK);
	world_work(world);
	assert_int_equal(world->rtcp_count, 1);
	assert_int_equal(rtcp_parse(world->rtcp[0].bytes, world->rtcp[0].length, 0, &news), 0);
	assert_true(news.has_bye);
	world_destroy(world);
}

static void shares_the_port_where_negotiated(void **state)
{
	struct world *world = world_create(16, 1);
	struct td_termination_spec spec = world_spec(1, 7, 20000, "198.51.100.10", 4000);
	uint8_t rtcp[8] = {0x80, 201, 0, 1, 0, 0, 0, 9};
	struct world_frame frame = {0};

	(void)state;
	assert_int_equal(termination_table_add(world->table, &spec, world->now_ns), TD_RESULT_OK);
	world_frame_build(
		&frame, &(struct world_path){"198.51.100.10", 4000, "192.0.2.1", 20000}, rtcp, 8);
	assert_int_equal(world_receive(world, &frame, 0)->drop_reason, TD_DROP_RTP_MALFORMED);
	spec.epoch = 2;
	spec.flags = TD_TERMINATION_RTCP_MUX;
	assert_int_equal(termination_table_modify(world->table, &spec), TD_RESULT_OK);
	world_work(world);
	world_frame_build(
		&frame, &(struct world_path){"198.51.100.10", 4000, "192.0.2.1", 20000}, rtcp, 8);
	assert_int_equal(world_receive(world, &frame, 0)->drop_reason, TD_DROP_RTCP_CONSUMED);
	world_destroy(world);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(reads_what_it_writes),
		cmocka_unit_test(refuses_broken_compounds),
		cmocka_unit_test(reports_when_due),
		cmocka_unit_test(takes_what_the_remote_end_reports),
		cmocka_unit_test(says_bye_when_subtracted),
		cmocka_unit_test(shares_the_port_where_negotiated),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
