/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The record of one RTP end: what the packet path touches first, in whole cache lines; then what
 * the sweep and RTCP need; last what the control thread keeps. Records lie in the arena and
 * outlive the process, so they hold indexes, never pointers.
 *
 * Until a record is published it belongs to the control thread; from then on the fields marked
 * "worker" belong to the owning worker alone, until it gave the record back (release). Fields
 * that the control thread reads meanwhile are atomic and read relaxed: each is whole, together
 * they may be a few packets apart.
 */
#ifndef TD_TERMINATION_TERMINATION_H
#define TD_TERMINATION_TERMINATION_H

#include "rtp/source.h"
#include "rtp/splice.h"
#include "termination/address.h"

#include <tandem/compiler.h>
#include <tandem/contract.h>

#include <assert.h>
#include <stdatomic.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#define TERMINATION_NO_SLOT UINT32_MAX

enum termination_state {
	TERMINATION_FREE,
	TERMINATION_LIVE,    /* published */
	TERMINATION_RETIRED, /* unreachable; workers may still hold it */
	TERMINATION_RESTING, /* reclaimed; its port rests, its figures can be asked for again */
	TERMINATION_STATE_COUNT
};

/* How well a learnt address fits what was signalled; a better one takes over while learning. */
enum latch_rank {
	LATCH_RANK_NONE,    /* nothing arrived since learning was armed */
	LATCH_RANK_ANY,	    /* TD_LATCH_OPEN only */
	LATCH_RANK_PREFIX,  /* within the allowed prefix */
	LATCH_RANK_ADDRESS, /* the signalled address, another port */
	LATCH_RANK_EXACT,   /* as signalled: learning is over */
	LATCH_RANK_COUNT
};

/* Cache line 0: who may send here, and where media goes. */
struct termination_match {
	_Atomic uint32_t state;	    /* enum termination_state; w: control, r: control */
	uint32_t generation;	    /* 1..2^24-1, differs for each use of a slot; w: control */
	_Atomic uint32_t peer_slot; /* TERMINATION_NO_SLOT: alone; w: control, r: worker */
	uint8_t mode;		    /* enum td_mode; w: worker */
	uint8_t latch;		    /* enum td_latch; w: worker */
	uint8_t latch_prefix_bits;
	uint8_t flags;			 /* enum td_termination_flag */
	struct media_ip local;		 /* constant */
	_Atomic uint64_t remote[2];	 /* struct media_ip; w: worker, r: control */
	_Atomic uint32_t remote_version; /* odd while remote changes; w: worker, r: control */
	_Atomic uint16_t remote_port;	 /* w: worker, r: control */
	uint16_t remote_rtcp_port;	 /* 0: not known; w: worker */
	uint16_t local_port;		 /* of RTP; constant */
	_Atomic uint8_t remote_family;	 /* NONE: not known; w: worker, r: control */
	uint8_t local_family;		 /* constant */
	_Atomic uint8_t latch_state;	 /* enum td_latch_state; w: worker, r: control */
	uint8_t latch_rank;		 /* enum latch_rank; w: worker */
};
static_assert(sizeof(struct termination_match) == 64, "one cache line");

/* Cache line 1: what arrives. w: worker */
struct termination_rx {
	_Atomic uint64_t packets; /* r: control, as all atomics here */
	_Atomic uint64_t bytes;
	_Atomic uint64_t refused;
	_Atomic uint64_t last_ns;     /* 0: nothing arrived */
	uint64_t police_full_ns;      /* when the packet allowance is whole again (GCRA) */
	uint64_t latch_until_ns;      /* learning ends; 0: nothing accepted since armed */
	uint32_t police_cost_ns;      /* allowance that one packet uses */
	uint32_t clock_hz;	      /* of payload_type */
	_Atomic uint8_t payload_type; /* the last one; 255: none yet */
	uint8_t codec_kind;	      /* of payload_type */
	uint8_t audio_kind;	      /* the last codec that wasn't event or comfort noise */
	_Atomic uint8_t source;	      /* index of the current one, or RTP_SOURCE_NONE */
	uint8_t pending_notify;	      /* bits by enum td_notify_kind that found no room */
	_Atomic uint8_t is_timed_out;
	uint8_t challenger_run; /* sequential packets of another source */
	uint8_t feed_serial;	/* raised when the current source starts: see termination_feed */
};
static_assert(sizeof(struct termination_rx) == 64, "one cache line");

/* Cache line 2: what leaves. w: worker */
struct termination_tx {
	struct rtp_splice splice;
	_Atomic uint64_t packets; /* r: control */
	_Atomic uint64_t bytes;
};
static_assert(sizeof(struct termination_tx) == 64, "one cache line");

/* Figures beyond plain counters. w: worker, r: control */
struct termination_quality {
	_Atomic uint32_t lost_past; /* of sources that were forgotten */
	_Atomic uint32_t reordered;
	_Atomic uint32_t duplicates;
	_Atomic uint32_t source_switches;
	_Atomic uint32_t jitter_us;
	_Atomic uint32_t jitter_max_us;
	_Atomic uint32_t rtt_us;
	_Atomic uint32_t remote_lost;
	_Atomic uint32_t remote_jitter_us;
	_Atomic uint32_t remote_fraction_ppm;
	_Atomic uint32_t rtcp_rx;
	_Atomic uint32_t rtcp_tx;
	_Atomic uint16_t mos_x100;
	_Atomic uint16_t mos_min_x100;
	_Atomic uint16_t r_factor_x10;
	uint16_t reserved;
	_Atomic uint64_t first_rx_ns;
};
static_assert(sizeof(struct termination_quality) == 64, "one cache line");

/* What the sweep looks at. w: worker */
struct termination_timing {
	uint64_t rtcp_due_ns;
	uint64_t media_since_ns;      /* media is expected since; 0: it isn't */
	uint64_t rtcp_rx_ns;	      /* the last accepted RTCP packet */
	uint64_t sr_arrival_ns;	      /* RFC 3550 6.4.1, for DLSR */
	_Atomic uint64_t first_tx_ns; /* r: control */
	uint32_t sr_middle;	      /* LSR: middle 32 bits of its NTP time */
	uint32_t sr_ssrc;
	uint32_t random; /* state of the RTCP interval's generator, never 0 */
	uint32_t media_timeout_ms;
	uint32_t tx_packets_reported; /* low bits, to tell whether we sent since */
	uint32_t quality_expected;    /* at the last MOS interval */
};
static_assert(sizeof(struct termination_timing) == 64, "one cache line");

/* What was signalled. w: worker */
struct termination_signalling {
	struct td_endpoint remote;
	struct td_endpoint rtcp_signalled;
	struct media_ip remote_rtcp; /* RTCP goes there, with match.remote_rtcp_port */
	uint32_t quality_lost;	     /* at the last MOS interval */
	uint32_t latch_round;
	uint32_t latch_window_ms;
	uint32_t epoch;		/* of what was applied */
	uint8_t is_rtcp_learnt; /* since learning was armed */
	uint8_t codec_count;
	uint8_t reserved[6];
	uint8_t payload_types[TD_CODECS_MAX];
	uint8_t codec_kinds[TD_CODECS_MAX];
	uint32_t clocks_hz[TD_CODECS_MAX];
};
static_assert(sizeof(struct termination_signalling) == 184, "layout");

struct termination {
	struct termination_match match;
	struct termination_rx rx;
	struct termination_tx tx;
	struct rtp_source sources[RTP_SOURCES_MAX]; /* w: worker, r: control (its atomics) */
	struct termination_quality quality;
	struct termination_timing timing;
	struct termination_signalling signalling;
	struct td_termination_spec spec; /* as last commanded; w: control, r: control */
	uint64_t id;			 /* constant */
	/* An odd number of cache lines: with 16 the first lines of all records would compete for
	 * a few sets of the first-level cache (measured: 95 ns per relayed packet instead of 74). */
	uint8_t reserved[64];
} td_cache_aligned;
static_assert(sizeof(struct termination) == 17 * TD_CACHE_LINE_BYTES, "arena record");
static_assert(offsetof(struct termination, sources) == 192, "hot lines first");

/* Random values for a new identity; from the operating system's generator. */
struct termination_random {
	uint32_t ssrc;
	uint32_t timestamp_ts;
	uint32_t rtcp;
	uint16_t sequence;
};

/* Makes a free record into a complete, unpublished termination without a peer. Control thread. */
void termination_init(struct termination *termination, const struct td_termination_spec *spec,
	uint32_t generation, const struct termination_random *random, uint64_t now_ns);

/* Takes over a changed specification; what is measured and the egress identity go on. The same
 * specification again changes nothing. Owner's thread, or control before publication. */
void termination_apply(
	struct termination *termination, const struct td_termination_spec *spec, uint64_t now_ns);

/* Makes what arrives here, and what leaves, begin a new feed: its counterpart is another one now,
 * and if it comes back, what others heard meanwhile mustn't look lost to it. Owner's thread. */
void termination_part_feeds(struct termination *termination);

/* Index of a payload type among the codecs, or -1. Owner's thread. */
int termination_find_codec(const struct termination *termination, uint8_t payload_type);

/* Copies the figures; monotonic times become wall time by wall_offset_ns. Any thread. */
void termination_snapshot(const struct termination *termination, uint64_t wall_offset_ns,
	struct td_termination_stats *ret_stats);

/* Packets lost over all sources (RFC 3550 A.3). Any thread. */
uint32_t termination_lost(const struct termination *termination);

/* Adds to a figure that only the owning worker writes: no locked cycle. */
static inline void termination_count(_Atomic uint64_t *figure, uint64_t amount)
{
	/* partner: relaxed loads in termination_snapshot */
	atomic_store_explicit(figure, atomic_load_explicit(figure, memory_order_relaxed) + amount,
		memory_order_relaxed);
}

static inline void termination_count32(_Atomic uint32_t *figure, uint32_t amount)
{
	/* partner: relaxed loads in termination_snapshot */
	atomic_store_explicit(figure, atomic_load_explicit(figure, memory_order_relaxed) + amount,
		memory_order_relaxed);
}

/* The peer in its context, or NULL; borrows until the end of the burst. Owner's thread. */
static inline struct termination *termination_peer(
	const struct termination *termination, struct termination *terminations)
{
	/* partner: release store in the table, after the peer was complete */
	uint32_t slot = atomic_load_explicit(&termination->match.peer_slot, memory_order_acquire);

	return slot == TERMINATION_NO_SLOT ? NULL : &terminations[slot];
}

/* Names what arrives here for the peer's splicer: differs for each source, and each restart of
 * one. Never 0. Owner's thread. */
static inline uint32_t termination_feed(const struct termination *termination)
{
	return termination->match.generation << 8 | termination->rx.feed_serial;
}

/* Where media is sent to now. Owner's thread. */
static inline struct media_ip termination_remote(const struct termination *termination)
{
	struct media_ip ip;

	/* This thread is the only writer, so it needs no atomic read of its own value; read in one
	 * piece, it can be used in one piece or in two without waiting. */
	memcpy(&ip, (const void *)termination->match.remote, sizeof(ip));
	return ip;
}

#endif
