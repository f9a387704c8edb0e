/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The RTP header, and a source and a splicer fed with whatever it says.
 */
#include "rtp/header.h"
#include "rtp/source.h"
#include "rtp/splice.h"

#include <stdlib.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void check(const struct rtp_header *header, size_t size)
{
	if (header->header_bytes < RTP_HEADER_BYTES ||
		(size_t)header->header_bytes + header->media_bytes > size)
		abort();
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct rtp_source source;
	struct rtp_splice splice;
	uint64_t now_ns = 1;

	(void)rtp_source_start(&source, 1, 0, now_ns);
	rtp_splice_init(&splice, 1, 0, 0);
	/* each 16 bytes are a packet; the last one takes the rest */
	while (size >= 2) {
		size_t length = size >= 32 ? 16 : size;
		struct rtp_header header;
		struct rtp_splice_packet packet = {.feed = 1, .clock_hz = 8000};

		now_ns += (uint64_t)data[1] * 1000000;
		if (rtp_header_parse(data, (uint32_t)length, &header)) {
			check(&header, length);
			packet.is_event = header.has_marker;
			packet.timestamp_ts = header.timestamp_ts;
			if (rtp_source_receive(&source, header.sequence, now_ns,
				    &packet.extended_sequence) <= RTP_REORDERED)
				(void)rtp_splice_map(&splice, &packet, now_ns);
			rtp_source_jitter(&source, header.timestamp_ts, 8000, now_ns);
		}
		(void)rtp_source_lost(&source);
		data += length;
		size -= length;
	}
	(void)rtp_source_take_fraction(&source);
	return 0;
}
