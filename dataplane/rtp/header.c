/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The RTP header. Called for each packet by stage demux; never looks behind size_bytes.
 */
#include "rtp/header.h"

enum {
	PADDING_BIT = 0x20,
	EXTENSION_BIT = 0x10,
	CSRC_COUNT_MASK = 0x0f,
	MARKER_BIT = 0x80,
	WORD_BYTES = 4
};

/* Length of header, CSRCs and extension; 0 if that is longer than the packet. */
static uint32_t header_length(const uint8_t *packet, uint32_t size_bytes)
{
	uint32_t length = RTP_HEADER_BYTES + (packet[0] & CSRC_COUNT_MASK) * WORD_BYTES;

	if ((packet[0] & EXTENSION_BIT) == 0)
		return length <= size_bytes ? length : 0;
	if (length + WORD_BYTES > size_bytes)
		return 0;
	length += WORD_BYTES + td_load_be16(packet + length + 2) * WORD_BYTES;
	return length <= size_bytes ? length : 0;
}

bool rtp_header_parse(const uint8_t *packet, uint32_t size_bytes, struct rtp_header *ret_header)
{
	uint32_t header_bytes = RTP_HEADER_BYTES;
	uint32_t padding_bytes = 0;

	if (size_bytes < RTP_HEADER_BYTES || packet[0] >> 6 != RTP_VERSION)
		return false;
	if ((packet[0] & (EXTENSION_BIT | CSRC_COUNT_MASK)) != 0) {
		header_bytes = header_length(packet, size_bytes);
		if (header_bytes == 0)
			return false;
	}
	if ((packet[0] & PADDING_BIT) != 0) {
		padding_bytes = packet[size_bytes - 1];
		if (padding_bytes == 0 || padding_bytes > size_bytes - header_bytes)
			return false;
	}
	*ret_header = (struct rtp_header){
		.ssrc = td_load_be32(packet + 8),
		.timestamp_ts = td_load_be32(packet + 4),
		.sequence = td_load_be16(packet + 2),
		.header_bytes = (uint16_t)header_bytes,
		.media_bytes = (uint16_t)(size_bytes - header_bytes - padding_bytes),
		.payload_type = packet[1] & 0x7f,
		.has_marker = (packet[1] & MARKER_BIT) != 0,
	};
	return true;
}
