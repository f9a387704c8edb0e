/* SPDX-License-Identifier: Apache-2.0 */
/*
 * One synchronisation source as its receiver sees it: sequence validation and extension (RFC 3550
 * A.1), loss (A.3), interarrival jitter (A.8), duplicates. The termination keeps up to
 * RTP_SOURCES_MAX of them and decides which one is current. Pure.
 */
#ifndef TD_RTP_SOURCE_H
#define TD_RTP_SOURCE_H

#include <tandem/compiler.h>

#include <assert.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>

enum {
	RTP_SOURCES_MAX = 4,
	RTP_SOURCE_NONE = 255,
	RTP_MIN_SEQUENTIAL = 2, /* RFC 3550 A.1 */
	RTP_MAX_DROPOUT = 3000, /* RFC 3550 A.1: a larger step forward is a restart */
	RTP_WINDOW_PKTS = 64,	/* late packets further back can't be told from duplicates */
	RTP_MAX_MISORDER = 100, /* RFC 3550 A.1: so far back is late, not the sign of a restart */
	/* Room below the first packet for late ones; reports take it off again. */
	RTP_EXTENDED_FIRST = 1 << 16
};

enum rtp_verdict {
	RTP_ACCEPT,    /* new, in order or ahead */
	RTP_REORDERED, /* accept: late, but not seen before */
	RTP_RESTARTED, /* accept after rtp_source_start: a new sequence began (RFC 3550 A.1) */
	RTP_DUPLICATE, /* refuse */
	RTP_STALE,     /* refuse: too old, or the first packet after a jump */
	RTP_VERDICT_COUNT
};

/* A cache line. w: owning worker; fields marked r: control are read relaxed by snapshots */
struct rtp_source {
	_Atomic uint32_t ssrc;	    /* r: control */
	_Atomic uint32_t highest;   /* extended; r: control */
	_Atomic uint32_t base;	    /* extended, of the first packet; r: control */
	_Atomic uint32_t received;  /* since base, without duplicates; r: control */
	uint64_t window;	    /* bit i: highest - i was received */
	uint64_t arrival_ns;	    /* of the last packet */
	uint32_t timestamp_ts;	    /* of the last packet that counts for jitter */
	uint32_t jitter_q4;	    /* units of jitter_clock_hz * 16 (RFC 3550 A.8) */
	uint32_t jitter_arrival_us; /* of the packet of timestamp_ts, low bits */
	uint32_t jitter_max_q4;
	uint32_t expected_prior;
	uint32_t received_prior;
	uint32_t jitter_clock_hz; /* of timestamp_ts; 0: there is none yet */
	/* RFC 3550 A.1: the packet with this number confirms that the sequence began anew, or,
	 * while another source is current, that this one is to be. */
	uint16_t awaited_sequence;
	uint8_t is_used;
	uint8_t is_restart_awaited;
};
static_assert(sizeof(struct rtp_source) == 64, "one cache line");

/* Begins a source, or begins it anew, with a packet that counts as received; returns its extended
 * sequence number. What was measured of it is forgotten. */
uint32_t rtp_source_start(
	struct rtp_source *source, uint32_t ssrc, uint16_t sequence, uint64_t now_ns);

/* Empties a source and keeps it for ssrc, of which nothing was accepted yet. */
void rtp_source_reserve(struct rtp_source *source, uint32_t ssrc);

/* Validates and counts a packet; *ret_extended is its extended sequence number if accepted. */
enum rtp_verdict rtp_source_receive(
	struct rtp_source *source, uint16_t sequence, uint64_t now_ns, uint32_t *ret_extended);

/* Updates the jitter estimate with a packet that carries sampled media (not telephone events,
 * whose timestamps stand still). If clock_hz is another one than before, what was measured is
 * converted, and differences are taken from this packet on. */
void rtp_source_jitter(
	struct rtp_source *source, uint32_t timestamp_ts, uint32_t clock_hz, uint64_t now_ns);

/* The jitter estimate, and the largest it was, in microseconds. */
uint32_t rtp_source_jitter_us(const struct rtp_source *source);
uint32_t rtp_source_jitter_max_us(const struct rtp_source *source);

/* A jitter in RTP clock units, as reports carry it, in microseconds. */
static inline uint32_t rtp_jitter_us_from_ts(uint32_t jitter_ts, uint32_t clock_hz)
{
	return clock_hz == 0 ? 0 : (uint32_t)((uint64_t)jitter_ts * 1000000 / clock_hz);
}

/* The jitter estimate in units of the source's own clock, as reports carry it. */
static inline uint32_t rtp_source_jitter_ts(const struct rtp_source *source)
{
	return source->jitter_q4 >> 4;
}

/* Packets expected since base (RFC 3550 A.3). */
static inline uint32_t rtp_source_expected(const struct rtp_source *source)
{
	return atomic_load_explicit(&source->highest, memory_order_relaxed) -
	       atomic_load_explicit(&source->base, memory_order_relaxed) + 1;
}

/* Packets lost since base; never negative, for duplicates aren't counted. Any thread. */
static inline uint32_t rtp_source_lost(const struct rtp_source *source)
{
	uint32_t expected = rtp_source_expected(source);
	uint32_t received = atomic_load_explicit(&source->received, memory_order_relaxed);

	if (received == 0)
		return 0; /* nothing of it was accepted yet */
	return expected > received ? expected - received : 0;
}

/* Fraction lost since the last call, in 1/256 (RFC 3550 A.3). */
uint8_t rtp_source_take_fraction(struct rtp_source *source);

#endif
