/* SPDX-License-Identifier: Apache-2.0 */
/*
 * RTP arithmetic: header, sequence validation, jitter, the splicer, the E-model.
 */
#include "rtp/emodel.h"
#include "rtp/header.h"
#include "rtp/source.h"
#include "rtp/splice.h"

#include <tandem/compiler.h>
#include <tandem/contract.h>
#include <tandem/time.h>

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

static const uint64_t MS = TD_NS_PER_MS;
static const uint64_t SECOND = TD_NS_PER_S;

static void reads_headers(void **state)
{
	uint8_t packet[40] = {0x80, 0x80, 0x12, 0x34, 0, 0, 0, 9, 0xde, 0xad, 0xbe, 0xef};
	struct rtp_header header;

	(void)state;
	assert_true(rtp_header_parse(packet, 40, &header));
	assert_true(header.has_marker);
	assert_int_equal(header.payload_type, 0);
	assert_int_equal(header.sequence, 0x1234);
	assert_int_equal(header.ssrc, 0xdeadbeef);
	assert_int_equal(header.media_bytes, 28);
	assert_true(rtp_header_parse(packet, 12, &header));
	assert_false(rtp_header_parse(packet, 11, &header));
	packet[0] = 0x8f; /* 15 CSRCs */
	assert_false(rtp_header_parse(packet, 40, &header));
	packet[0] = 0x87; /* 7 of them fill the packet */
	assert_true(rtp_header_parse(packet, 40, &header));
	assert_int_equal(header.media_bytes, 0);
	packet[0] = 0x90; /* extension of 6 words ends where the packet does */
	packet[15] = 6;
	assert_true(rtp_header_parse(packet, 40, &header));
	packet[15] = 7;
	assert_false(rtp_header_parse(packet, 40, &header));
	assert_false(rtp_header_parse(packet, 15, &header));
	packet[0] = 0xa0; /* padding */
	assert_false(rtp_header_parse(packet, 40, &header));
	packet[39] = 28;
	assert_true(rtp_header_parse(packet, 40, &header));
	assert_int_equal(header.media_bytes, 0);
	packet[39] = 29;
	assert_false(rtp_header_parse(packet, 40, &header));
	packet[0] = 0x00;
	assert_false(rtp_header_parse(packet, 40, &header));
}

/* A sequence number and what must become of it, one after the other. */
static const struct source_case {
	uint16_t sequence;
	enum rtp_verdict verdict;
	uint32_t lost;
} source_cases[] = {
	{65534, RTP_ACCEPT, 0},
	{65535, RTP_ACCEPT, 0},
	{1, RTP_ACCEPT, 1},
	{0, RTP_REORDERED, 0},
	{0, RTP_DUPLICATE, 0},
	{65533, RTP_DUPLICATE, 0},
	{65532, RTP_REORDERED, 0}, /* before the first one, late */
	{3, RTP_ACCEPT, 1},
	{3002, RTP_ACCEPT, 2999},
	{2939, RTP_REORDERED, 2998}, /* 63 behind */
	{2938, RTP_STALE, 2998},     /* 64 behind */
	{2903, RTP_STALE, 2998},     /* 99 behind: late, */
	{2904, RTP_STALE, 2998},     /* and another one: no restart */
	{6002, RTP_STALE, 2998},     /* 3000 ahead */
	{3003, RTP_ACCEPT, 2998},
	{30000, RTP_STALE, 2998},
	{30001, RTP_RESTARTED, 2998},
};

static void validates_sequences(void **state)
{
	struct rtp_source source;
	uint32_t extended = rtp_source_start(&source, 7, 65533, 0);

	(void)state;
	assert_int_equal(extended, 65536 + 65533);
	for (unsigned i = 0; i < TD_COUNT_OF(source_cases); i++) {
		const struct source_case *it = &source_cases[i];
		enum rtp_verdict verdict =
			rtp_source_receive(&source, it->sequence, i * MS, &extended);

		if (verdict != it->verdict || rtp_source_lost(&source) != it->lost)
			fail_msg("step %u: verdict %u, lost %u", i, verdict,
				rtp_source_lost(&source));
	}
}

static void measures_jitter(void **state)
{
	struct rtp_source source;
	uint64_t now_ns = 5 * SECOND;

	(void)state;
	(void)rtp_source_start(&source, 7, 0, now_ns);
	/* a steady stream has none */
	for (uint32_t i = 0; i < 100; i++, now_ns += 20 * MS)
		rtp_source_jitter(&source, i * 160, 8000, now_ns);
	assert_int_equal(source.jitter_q4, 0);
	/* each packet 5 ms early or late: |D| is 10 ms, towards which J moves */
	for (uint32_t i = 100; i < 400; i++, now_ns += 20 * MS)
		rtp_source_jitter(
			&source, i * 160, 8000, i % 2 ? now_ns + 5 * MS : now_ns - 5 * MS);
	assert_in_range(rtp_source_jitter_us(&source), 9500, 10000);
	/* a pause of five seconds, and a clock that jumps, aren't jitter */
	rtp_source_jitter(&source, 0, 8000, now_ns + 5 * SECOND);
	rtp_source_jitter(&source, 4000000, 8000, now_ns + 5 * SECOND + 20 * MS);
	assert_in_range(rtp_source_jitter_us(&source), 9500, 10000);
}

/* From 8 kHz to 48 kHz in mid-stream: the time it means stays, the reports' units follow. */
static void keeps_jitter_over_a_change_of_clock(void **state)
{
	struct rtp_source source;
	uint64_t now_ns = 5 * SECOND;
	uint32_t max_us;

	(void)state;
	(void)rtp_source_start(&source, 7, 0, now_ns);
	assert_int_equal(rtp_source_jitter_us(&source), 0);
	for (uint32_t i = 0; i < 300; i++, now_ns += 20 * MS)
		rtp_source_jitter(
			&source, i * 160, 8000, i % 2 ? now_ns + 5 * MS : now_ns - 5 * MS);
	assert_in_range(rtp_source_jitter_us(&source), 9500, 10000);
	assert_in_range(rtp_source_jitter_ts(&source), 76, 80);
	max_us = rtp_source_jitter_max_us(&source);
	rtp_source_jitter(&source, 777, 48000, now_ns);
	assert_in_range(rtp_source_jitter_us(&source), 9500, 10000);
	assert_in_range(rtp_source_jitter_ts(&source), 6 * 76, 6 * 80);
	for (uint32_t i = 1; i < 200; i++)
		rtp_source_jitter(&source, 777 + i * 960, 48000, now_ns + i * 20 * MS);
	assert_in_range(rtp_source_jitter_us(&source), 0, 20);
	assert_in_range(rtp_source_jitter_max_us(&source), max_us - 1, max_us);
}

static void tells_fraction_lost(void **state)
{
	struct rtp_source source;
	uint32_t extended;

	(void)state;
	(void)rtp_source_start(&source, 7, 0, 0);
	for (uint16_t i = 1; i < 100; i++) {
		if (i % 4 != 0)
			(void)rtp_source_receive(&source, i, i, &extended);
	}
	assert_in_range(rtp_source_take_fraction(&source), 61, 64); /* a quarter */
	assert_int_equal(rtp_source_take_fraction(&source), 0);
}

static struct rtp_splice_packet map(struct rtp_splice *splice, uint32_t feed, uint32_t extended,
	uint32_t timestamp_ts, uint64_t now_ns)
{
	struct rtp_splice_packet packet = {.feed = feed,
		.extended_sequence = extended,
		.timestamp_ts = timestamp_ts,
		.clock_hz = 8000};

	assert_true(rtp_splice_map(splice, &packet, now_ns));
	return packet;
}

static void splices_feeds(void **state)
{
	struct rtp_splice splice;
	struct rtp_splice_packet packet;
	uint64_t now_ns = TD_NS_PER_S;

	(void)state;
	rtp_splice_init(&splice, 0xfeed, 65535, 0xffffff00);
	packet = map(&splice, 1, 100000, 5, now_ns);
	assert_int_equal(packet.sequence, 0);
	assert_true(packet.has_marker);
	assert_int_equal(packet.sent_ts, 0xffffff00);
	/* gaps and order are kept */
	packet = map(&splice, 1, 100003, 5 + 480, now_ns + 60 * MS);
	assert_int_equal(packet.sequence, 3);
	assert_false(packet.has_marker);
	assert_int_equal(packet.sent_ts, 0xffffff00 + 480);
	packet = map(&splice, 1, 100002, 5 + 320, now_ns + 61 * MS);
	assert_int_equal(packet.sequence, 2);
	assert_int_equal(packet.sent_ts, 0xffffff00 + 320);
	/* another feed 1 s later: next number, time projected */
	packet = map(&splice, 2, 70000, 12345, now_ns + 1060 * MS);
	assert_int_equal(packet.sequence, 4);
	assert_int_equal(packet.sent_ts, 0xffffff00 + 480 + 8000);
	/* and another within the same millisecond: at least one packet on */
	packet = map(&splice, 3, 70000, 0, now_ns + 1060 * MS);
	assert_int_equal(packet.sequence, 5);
	assert_int_equal(packet.sent_ts, 0xffffff00 + 480 + 8000 + 160);
	/* what came before its first packet used numbers of the feed before */
	packet.feed = 3;
	packet.extended_sequence = 69999;
	assert_false(rtp_splice_map(&splice, &packet, now_ns + 1061 * MS));
}

static void never_goes_back_in_time(void **state)
{
	struct rtp_splice splice;
	struct rtp_splice_packet packet;
	uint64_t now_ns = TD_NS_PER_S;

	(void)state;
	rtp_splice_init(&splice, 0xfeed, 0, 0);
	(void)map(&splice, 1, 100, 100000, now_ns);
	/* the same source, next number, but its clock starts anew */
	packet = map(&splice, 1, 101, 0, now_ns + 20 * MS);
	assert_int_equal(packet.sequence, 2);
	assert_int_equal(packet.sent_ts, 160);
	assert_true(packet.has_marker);
	/* or leaps ahead by an hour */
	packet = map(&splice, 1, 102, 8000 * 3600, now_ns + 40 * MS);
	assert_int_equal(packet.sent_ts, 320);
	/* silence suppression isn't a leap */
	packet = map(&splice, 1, 103, 8000 * 3600 + 8000 * 9, now_ns + 9040 * MS);
	assert_int_equal(packet.sent_ts, 320 + 8000 * 9);
	assert_false(packet.has_marker);
}

static void keeps_telephone_events_in_place(void **state)
{
	struct rtp_splice splice;
	struct rtp_splice_packet event = {.feed = 1, .clock_hz = 8000, .is_event = true};
	uint64_t now_ns = TD_NS_PER_S;

	(void)state;
	rtp_splice_init(&splice, 0xfeed, 0, 1000);
	(void)map(&splice, 1, 100, 0, now_ns);
	event.timestamp_ts = 160;
	for (uint32_t i = 0; i < 10; i++) {
		event.extended_sequence = 101 + i;
		event.has_marker = i == 0;
		now_ns += 20 * MS;
		assert_true(rtp_splice_map(&splice, &event, now_ns));
		assert_int_equal(event.sent_ts, 1160);
		assert_int_equal(event.has_marker, i == 0);
	}
	/* then audio again, where its own clock is */
	assert_int_equal(map(&splice, 1, 111, 1760, now_ns + 20 * MS).sent_ts, 2760);
	/* an event beside audio lies behind it */
	event.extended_sequence = 112;
	event.timestamp_ts = 1600;
	assert_true(rtp_splice_map(&splice, &event, now_ns + 21 * MS));
	assert_int_equal(event.sent_ts, 2600);
}

/* Published vectors of the simplified G.107: delay, codec kind, loss, R times 100, MOS times 1000. */
static const struct emodel_case {
	double delay_ms;
	double loss_percent;
	uint8_t codec_kind;
	uint32_t r_x100;
	uint32_t mos_x100;
} emodel_cases[] = {
	{0, 0, TD_CODEC_PCMU, 9320, 441},
	{100, 0, TD_CODEC_PCMU, 9080, 436},
	{100, 1, TD_CODEC_OTHER, 7288, 373},
	{100, 1, TD_CODEC_PCMA, 8716, 426},
	{250, 0, TD_CODEC_PCMU, 7920, 399},
	{50, 0.1, TD_CODEC_PCMU, 9162, 438},
};

static void rates_by_the_e_model(void **state)
{
	struct emodel_input input = {0};

	(void)state;
	for (unsigned i = 0; i < TD_COUNT_OF(emodel_cases); i++) {
		const struct emodel_case *it = &emodel_cases[i];
		double r = emodel_r_factor(it->codec_kind, it->delay_ms, it->loss_percent);

		assert_in_range((uint32_t)(r * 100 + 0.5), it->r_x100 - 1, it->r_x100 + 1);
		assert_in_range(emodel_mos_x100((uint32_t)(r * 10 + 0.5)), it->mos_x100 - 1,
			it->mos_x100 + 1);
	}
	assert_int_equal(emodel_rate(&input).mos_x100, 0);
	input.expected_packets = 100;
	assert_in_range(emodel_rate(&input).mos_x100, 438, 441);
	input.lost_packets = 100;
	assert_in_range(emodel_rate(&input).mos_x100, 100, 150);
	assert_int_equal(emodel_mos_x100(0), 100);
	assert_int_equal(emodel_mos_x100(1000), 450);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(reads_headers),
		cmocka_unit_test(validates_sequences),
		cmocka_unit_test(measures_jitter),
		cmocka_unit_test(keeps_jitter_over_a_change_of_clock),
		cmocka_unit_test(tells_fraction_lost),
		cmocka_unit_test(splices_feeds),
		cmocka_unit_test(never_goes_back_in_time),
		cmocka_unit_test(keeps_telephone_events_in_place),
		cmocka_unit_test(rates_by_the_e_model),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
