/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Compound RTCP packets. Called for each RTCP packet by stage feedback and by the sweep for
 * reports; never looks behind size_bytes.
 */
#include "rtp/rtcp.h"

#include <tandem/bytes.h>
#include <tandem/time.h>

#include <errno.h>
#include <string.h>

enum {
	WORD_BYTES = 4,
	PACKET_HEADER_BYTES = 4,
	SENDER_INFO_BYTES = 20,
	BLOCK_BYTES = 24,
	COUNT_MASK = 0x1f,
	PADDING_BIT = 0x20,
	VERSION_BITS = 0x80, /* version 2, no padding */
	SDES_CNAME = 1,
	LOST_MAX = 0x7fffff, /* 24 bits signed */
	LOST_NEGATIVE = 0x800000,
};

/* Seconds from 1900 to 1970 (RFC 3550 4). */
static const uint64_t NTP_UNIX_OFFSET_S = 2208988800u;

static uint32_t packet_bytes(const uint8_t *packet)
{
	return (td_load_be16(packet + 2) + 1u) * WORD_BYTES;
}

/* RFC 3550 A.2: version 2 throughout, SR or RR first, padding only last, lengths add up. */
static bool is_compound(const uint8_t *packet, uint32_t size_bytes)
{
	uint32_t offset = 0;

	if (size_bytes < PACKET_HEADER_BYTES + WORD_BYTES || (packet[0] & PADDING_BIT) != 0 ||
		(packet[1] != RTCP_TYPE_SR && packet[1] != RTCP_TYPE_RR))
		return false;
	while (offset < size_bytes) {
		const uint8_t *at = packet + offset;
		uint32_t length;

		if (size_bytes - offset < PACKET_HEADER_BYTES || at[0] >> 6 != 2)
			return false;
		length = packet_bytes(at);
		if (length > size_bytes - offset)
			return false;
		offset += length;
		if ((at[0] & PADDING_BIT) != 0) {
			uint32_t padding = at[length - 1];

			if (offset != size_bytes || padding == 0 || padding % WORD_BYTES != 0 ||
				padding > length - PACKET_HEADER_BYTES)
				return false;
		}
	}
	return true;
}

static void parse_block(const uint8_t *at, struct rtcp_block *ret_block)
{
	uint32_t lost = td_load_be24(at + 5);

	*ret_block = (struct rtcp_block){
		.ssrc = td_load_be32(at),
		.fraction = at[4],
		.lost = (lost & LOST_NEGATIVE) != 0 ? 0 : lost,
		.highest = td_load_be32(at + 8),
		.jitter_ts = td_load_be32(at + 12),
		.lsr = td_load_be32(at + 16),
		.dlsr = td_load_be32(at + 20),
	};
}

/* SR or RR of length bytes; false if its blocks don't fit. */
static bool parse_report(
	const uint8_t *at, uint32_t length, uint32_t own_ssrc, struct rtcp_news *news)
{
	bool is_sr = at[1] == RTCP_TYPE_SR;
	uint32_t count = at[0] & COUNT_MASK;
	uint32_t offset = PACKET_HEADER_BYTES + WORD_BYTES + (is_sr ? SENDER_INFO_BYTES : 0);

	if (offset + count * BLOCK_BYTES > length)
		return false;
	news->sender_ssrc = td_load_be32(at + 4);
	if (is_sr) {
		news->has_sr = true;
		news->sr_middle = td_load_be32(at + 10);
	}
	for (uint32_t i = 0; i < count; i++, offset += BLOCK_BYTES) {
		if (td_load_be32(at + offset) != own_ssrc)
			continue;
		parse_block(at + offset, &news->block);
		news->has_block = true;
	}
	return true;
}

/* SDES chunks of items that end with a zero and are padded to a word (RFC 3550 6.5). */
static bool check_sdes(const uint8_t *at, uint32_t length)
{
	uint32_t count = at[0] & COUNT_MASK;
	uint32_t offset = PACKET_HEADER_BYTES;

	for (uint32_t chunk = 0; chunk < count; chunk++) {
		offset += WORD_BYTES;
		while (offset < length && at[offset] != 0) {
			if (offset + 2 > length)
				return false;
			offset += 2u + at[offset + 1];
		}
		if (offset >= length)
			return false;
		offset = (offset + WORD_BYTES) & ~(uint32_t)(WORD_BYTES - 1);
	}
	return offset <= length;
}

static bool parse_bye(const uint8_t *at, uint32_t length, struct rtcp_news *news)
{
	uint32_t count = at[0] & COUNT_MASK;

	if (PACKET_HEADER_BYTES + count * WORD_BYTES > length)
		return false;
	news->has_bye = true;
	return true;
}

static bool parse_one(const uint8_t *at, uint32_t own_ssrc, struct rtcp_news *news)
{
	uint32_t length = packet_bytes(at);

	if ((at[0] & PADDING_BIT) != 0)
		length -= at[length - 1];
	switch (at[1]) {
	case RTCP_TYPE_SR:
	case RTCP_TYPE_RR:
		return parse_report(at, length, own_ssrc, news);
	case RTCP_TYPE_SDES:
		return check_sdes(at, length);
	case RTCP_TYPE_BYE:
		return parse_bye(at, length, news);
	case RTCP_TYPE_APP:
		return length >= PACKET_HEADER_BYTES + 2 * WORD_BYTES;
	case RTCP_TYPE_XR:
		return length >= PACKET_HEADER_BYTES + WORD_BYTES;
	default:
		return true; /* RFC 3550 6.1: unknown types are skipped */
	}
}

int rtcp_parse(
	const uint8_t *packet, uint32_t size_bytes, uint32_t own_ssrc, struct rtcp_news *ret_news)
{
	struct rtcp_news news = {0};

	if (!is_compound(packet, size_bytes))
		return -EBADMSG;
	for (uint32_t offset = 0; offset < size_bytes; offset += packet_bytes(packet + offset)) {
		if (!parse_one(packet + offset, own_ssrc, &news))
			return -EBADMSG;
	}
	*ret_news = news;
	return 0;
}

static void put_header(uint8_t *at, uint32_t count, uint8_t type, size_t length)
{
	at[0] = (uint8_t)(VERSION_BITS | count);
	at[1] = type;
	td_store_be16(at + 2, (uint16_t)(length / WORD_BYTES - 1));
}

static void put_block(uint8_t *at, const struct rtcp_block *block)
{
	td_store_be32(at, block->ssrc);
	at[4] = block->fraction;
	td_store_be24(at + 5, block->lost > LOST_MAX ? LOST_MAX : block->lost);
	td_store_be32(at + 8, block->highest);
	td_store_be32(at + 12, block->jitter_ts);
	td_store_be32(at + 16, block->lsr);
	td_store_be32(at + 20, block->dlsr);
}

static void put_sender_info(uint8_t *at, const struct rtcp_report *report)
{
	uint64_t seconds = report->wall_ns / TD_NS_PER_S + NTP_UNIX_OFFSET_S;
	uint64_t fraction = ((report->wall_ns % TD_NS_PER_S) << 32) / TD_NS_PER_S;

	td_store_be32(at, (uint32_t)seconds);
	td_store_be32(at + 4, (uint32_t)fraction);
	td_store_be32(at + 8, report->timestamp_ts);
	td_store_be32(at + 12, report->packets);
	td_store_be32(at + 16, report->bytes);
}

/* SDES with one chunk: SSRC, CNAME item, closing zeros up to a word. */
static size_t put_sdes(uint8_t *at, const struct rtcp_report *report)
{
	size_t length = PACKET_HEADER_BYTES + WORD_BYTES + 2 + RTCP_CNAME_BYTES + 1;

	length = (length + WORD_BYTES - 1) / WORD_BYTES * WORD_BYTES;
	memset(at, 0, length);
	put_header(at, 1, RTCP_TYPE_SDES, length);
	td_store_be32(at + 4, report->ssrc);
	at[8] = SDES_CNAME;
	at[9] = RTCP_CNAME_BYTES;
	memcpy(at + 10, report->cname, RTCP_CNAME_BYTES);
	return length;
}

size_t rtcp_build(const struct rtcp_report *report, uint8_t *packet, size_t size_bytes)
{
	uint32_t block_count =
		report->block_count < RTCP_BLOCKS_MAX ? report->block_count : RTCP_BLOCKS_MAX;
	size_t length = PACKET_HEADER_BYTES + WORD_BYTES +
			(report->has_sent ? SENDER_INFO_BYTES : 0) + block_count * BLOCK_BYTES;
	size_t offset = PACKET_HEADER_BYTES + WORD_BYTES;

	/* SDES is 28 bytes, BYE 8 */
	if (length + 28 + (report->has_bye ? 8 : 0) > size_bytes)
		return 0;
	put_header(packet, block_count, report->has_sent ? RTCP_TYPE_SR : RTCP_TYPE_RR, length);
	td_store_be32(packet + 4, report->ssrc);
	if (report->has_sent) {
		put_sender_info(packet + offset, report);
		offset += SENDER_INFO_BYTES;
	}
	for (uint32_t i = 0; i < block_count; i++, offset += BLOCK_BYTES)
		put_block(packet + offset, &report->blocks[i]);
	offset += put_sdes(packet + offset, report);
	if (report->has_bye) {
		put_header(packet + offset, 1, RTCP_TYPE_BYE, 2 * WORD_BYTES);
		td_store_be32(packet + offset + 4, report->ssrc);
		offset += 2 * WORD_BYTES;
	}
	return offset;
}

uint32_t rtcp_ntp_middle(uint64_t wall_ns)
{
	uint64_t seconds = wall_ns / TD_NS_PER_S + NTP_UNIX_OFFSET_S;
	uint64_t fraction = ((wall_ns % TD_NS_PER_S) << RTCP_NTP_FRACTION_BITS) / TD_NS_PER_S;

	return (uint32_t)(seconds << RTCP_NTP_FRACTION_BITS | fraction);
}

uint32_t rtcp_ntp_to_us(uint32_t middle)
{
	return (uint32_t)(((uint64_t)middle * (TD_MS_PER_S * TD_US_PER_MS)) >>
			  RTCP_NTP_FRACTION_BITS);
}

uint32_t rtcp_ntp_from_ns(uint64_t duration_ns)
{
	uint64_t seconds = duration_ns / TD_NS_PER_S;
	uint64_t fraction = ((duration_ns % TD_NS_PER_S) << RTCP_NTP_FRACTION_BITS) / TD_NS_PER_S;

	if (seconds > UINT16_MAX)
		return UINT32_MAX;
	return (uint32_t)(seconds << RTCP_NTP_FRACTION_BITS | fraction);
}
