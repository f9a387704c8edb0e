/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The dataplane's counters as they lie in shared memory (file "counters" in its run directory).
 * Each worker writes its own block with relaxed stores; anyone may map the file read-only. A
 * reader checks magic, version and sizes first. Counters only rise while the file exists and
 * survive a restart of the dataplane; gauges say so.
 */
#ifndef TD_TANDEM_COUNTERS_H
#define TD_TANDEM_COUNTERS_H

#include <tandem/compiler.h>
#include <tandem/drop.h>

#include <assert.h>
#include <stdatomic.h>
#include <stdint.h>

enum {
	TD_COUNTERS_MAGIC = 0x544e4d43, /* "TNMC" */
	TD_COUNTERS_VERSION = 2,	/* raised with TD_DROP_REASONS, too */
	TD_WORKERS_MAX = 64,
	TD_DROP_SLOTS = 64,  /* room for reasons to come */
	TD_STAGE_SLOTS = 16, /* room for stages to come */
};
static_assert((int)TD_DROP_REASON_COUNT <= (int)TD_DROP_SLOTS, "drop.h outgrew counters.h");

/* X(name, help): one 64-bit counter per worker. */
#define TD_WORKER_COUNTERS(X)                                            \
	X(rx_packets, "frames received from the ports")                  \
	X(rx_bytes, "bytes of those frames")                             \
	X(tx_packets, "frames handed to the ports")                      \
	X(tx_bytes, "bytes of those frames")                             \
	X(rtp_relayed, "RTP packets sent on to the other party")         \
	X(rtcp_received, "RTCP packets that passed the checks")          \
	X(rtcp_sent, "RTCP packets generated")                           \
	X(handoff_sent, "frames given to the worker that owns the port") \
	X(handoff_received, "frames taken from other workers")           \
	X(exception_sent, "frames given to the kernel")                  \
	X(exception_received, "frames taken from the kernel")            \
	X(commands, "commands applied to terminations")                  \
	X(loops, "turns of the poll loop")                               \
	X(busy_cycles, "TSC cycles of turns that did work")              \
	X(idle_cycles, "TSC cycles of turns that found nothing, or asleep")

/* w: owning worker, r: anyone */
struct td_worker_counters {
#define TD_COUNTER_FIELD(name, help) _Atomic uint64_t name;
	TD_WORKER_COUNTERS(TD_COUNTER_FIELD)
#undef TD_COUNTER_FIELD
	_Atomic uint64_t drops[TD_DROP_SLOTS]; /* by enum td_drop_reason */
	_Atomic uint64_t sampled_packets;      /* packets of the bursts whose stages were timed */
	_Atomic uint64_t sampled_cycles[TD_STAGE_SLOTS]; /* TSC cycles by stage, in map order */
} td_cache_aligned;

/* w: control thread, r: anyone */
struct td_counters {
	uint32_t magic;
	uint32_t version;
	uint32_t worker_count;
	uint32_t worker_bytes; /* sizeof(struct td_worker_counters) */
	_Atomic uint64_t dataplane_instance;
	_Atomic uint64_t heartbeat_mono_ns;   /* gauge: last turn of the control thread */
	_Atomic uint64_t terminations_in_use; /* gauge */
	_Atomic uint64_t contexts_in_use;     /* gauge */
	_Atomic uint64_t ports_resting;	      /* gauge */
	_Atomic uint64_t mbufs_in_use;	      /* gauge: beyond what empty NIC rings hold */
	_Atomic uint64_t descriptors_open;    /* gauge: file descriptors of the process */
	_Atomic uint64_t commands_refused;    /* by any result but OK */
	_Atomic uint64_t messages_malformed;  /* on the command socket */
	_Atomic uint64_t notifications_lost;  /* nobody listened, or the socket was full */
	_Atomic uint64_t exception_refused;   /* frames that the kernel's TAP didn't take */
	_Atomic uint64_t tsc_hz;	      /* cycles of the worker counters per second */
	struct td_worker_counters workers[TD_WORKERS_MAX];
};

/* Adds to a counter that only this thread writes: a plain load and store, no locked cycle. */
static inline void td_counter_add(_Atomic uint64_t *counter, uint64_t amount)
{
	/* partner: td_counter_read in any process; a torn or late value is only a late value */
	atomic_store_explicit(counter, atomic_load_explicit(counter, memory_order_relaxed) + amount,
		memory_order_relaxed);
}

/* Reads a counter or gauge of another thread or process. */
static inline uint64_t td_counter_read(const _Atomic uint64_t *counter)
{
	return atomic_load_explicit(counter, memory_order_relaxed);
}

#endif
