/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The egress identity of a termination: one SSRC, sequence and timestamp space for the life of
 * the dialog. Whatever feeds it (the peer, later prompts and mixers) is spliced into it: within
 * one feed, gaps, order and timestamps are kept as they came; a new feed goes on with the next
 * sequence number and a timestamp projected from the time that passed, marker set. What was sent
 * never comes again, also after a restart, for the state lies in the arena and is written before
 * the packet leaves. Pure.
 */
#ifndef TD_RTP_SPLICE_H
#define TD_RTP_SPLICE_H

#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>

/* w: owning worker, r: owning worker (snapshots read ssrc, which never changes) */
struct rtp_splice {
	uint32_t ssrc;
	uint32_t feed;		      /* who feeds it; 0: nobody, or the feed was interrupted */
	uint32_t feed_floor;	      /* extended sequence of the first packet that may be sent */
	uint32_t feed_high;	      /* extended sequence of the feed's newest packet */
	uint32_t feed_high_ts;	      /* the newest timestamp of the feed, as it came */
	uint32_t timestamp_offset_ts; /* what is added to the feed's timestamps */
	uint32_t timestamp_high_ts;   /* the newest sent */
	uint32_t clock_hz;
	uint64_t high_ns; /* when timestamp_high_ts was sent; 0: nothing sent yet */
	uint16_t sequence_offset;
	uint16_t sequence_high; /* the highest sent */
	uint32_t reserved;
};

/* A packet of the feed, and the header fields to send it with. */
struct rtp_splice_packet {
	uint32_t feed; /* never 0; differs for each source and each restart of one */
	uint32_t extended_sequence;
	uint32_t timestamp_ts;
	uint32_t clock_hz;
	bool is_event;	   /* telephone event: its timestamp may lie behind the audio's */
	bool has_marker;   /* in and out */
	uint16_t sequence; /* out */
	uint32_t sent_ts;  /* out */
};

/* Begins an identity with random values (never repeated for another one). */
void rtp_splice_init(
	struct rtp_splice *splice, uint32_t ssrc, uint16_t sequence, uint32_t timestamp_ts);

/* Fills in sequence, sent_ts and has_marker; false if the packet precedes the one that
 * was spliced and must be refused, for its number was used by the feed before. */
bool rtp_splice_map(struct rtp_splice *splice, struct rtp_splice_packet *packet, uint64_t now_ns);

/* Forgets the feed: packets of it were withheld, so that the next one is spliced. */
static inline void rtp_splice_interrupt(struct rtp_splice *splice)
{
	splice->feed = 0;
}

/* The timestamp that now would have (for sender reports). */
uint32_t rtp_splice_timestamp(const struct rtp_splice *splice, uint64_t now_ns);

#endif
