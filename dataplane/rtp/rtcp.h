/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Reads and writes compound RTCP packets (RFC 3550 6). Reading is strict: the whole compound
 * passes the checks of A.2 before anything in it is believed. Pure.
 */
#ifndef TD_RTP_RTCP_H
#define TD_RTP_RTCP_H

#include <tandem/compiler.h>

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum {
	RTCP_TYPE_SR = 200,
	RTCP_TYPE_RR = 201,
	RTCP_TYPE_SDES = 202,
	RTCP_TYPE_BYE = 203,
	RTCP_TYPE_APP = 204,
	RTCP_TYPE_XR = 207, /* RFC 3611 */
	RTCP_BLOCKS_MAX = 4,
	RTCP_CNAME_BYTES = 16,
	RTCP_NTP_FRACTION_BITS = 16, /* of LSR and DLSR: 1/65536 s */
};

/* A reception report block (RFC 3550 6.4.1). */
struct rtcp_block {
	uint32_t ssrc;
	uint32_t lost; /* cumulative, as 24 bits signed on the wire; here never below 0 */
	uint32_t highest;
	uint32_t jitter_ts;
	uint32_t lsr;
	uint32_t dlsr;
	uint8_t fraction; /* 1/256 */
};

/* What one compound packet tells us. */
struct rtcp_news {
	uint32_t sender_ssrc;
	uint32_t sr_middle; /* middle 32 bits of the SR's NTP time */
	bool has_sr;
	bool has_block; /* block is about own_ssrc */
	bool has_bye;	/* the sender leaves */
	struct rtcp_block block;
};

/* What we tell. */
struct rtcp_report {
	uint32_t ssrc;
	bool has_sent; /* SR instead of RR */
	bool has_bye;
	uint64_t wall_ns;
	uint32_t timestamp_ts; /* of wall_ns */
	uint32_t packets;
	uint32_t bytes;
	uint32_t block_count;
	struct rtcp_block blocks[RTCP_BLOCKS_MAX];
	char cname[RTCP_CNAME_BYTES];
};

/* Reads a compound packet; -EBADMSG if it fails a check. own_ssrc selects the report block. */
td_must_check int rtcp_parse(
	const uint8_t *packet, uint32_t size_bytes, uint32_t own_ssrc, struct rtcp_news *ret_news);

/* Writes SR or RR, SDES and, if asked, BYE; returns the length, 0 if size_bytes is too short. */
size_t rtcp_build(const struct rtcp_report *report, uint8_t *packet, size_t size_bytes);

/* Middle 32 bits of the NTP time of a wall-clock time (RFC 3550 4). */
uint32_t rtcp_ntp_middle(uint64_t wall_ns);

/* Duration in 1/65536 s to microseconds. */
uint32_t rtcp_ntp_to_us(uint32_t middle);

/* Duration to 1/65536 s; saturates. */
uint32_t rtcp_ntp_from_ns(uint64_t duration_ns);

#endif
