/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The worker's slow duties, a few terminations per turn. Called by the worker's loop between
 * bursts; the stages use termination_notify.
 */
#include "termination/sweep.h"

#include "termination/report.h"
#include "termination/termination.h"

#include <tandem/time.h>

enum {
	/* At most this many slots per call, so that a stalled worker doesn't stall further. */
	SLOTS_PER_CALL_MAX = 4096,
};

static const uint64_t SWEEP_ROUND_NS = (uint64_t)SWEEP_ROUND_MS * TD_NS_PER_MS;

static bool try_notify(struct termination *termination, enum td_notify_kind kind,
	const struct termination_sweep *sweep, uint64_t now_ns)
{
	struct td_notify event = {
		.message =
			{
				.magic = TD_CONTRACT_MAGIC,
				.version = TD_CONTRACT_VERSION,
				.type = TD_MESSAGE_NOTIFY,
				.length_bytes = sizeof(event),
			},
		.termination_id = termination->id,
		.wall_ns = now_ns + sweep->wall_offset_ns,
		.kind = (uint16_t)kind,
		.epoch = termination->signalling.epoch,
	};

	termination_snapshot(termination, sweep->wall_offset_ns, &event.stats);
	return sweep->notify(sweep->sink, &event);
}

void termination_notify(struct termination *termination, enum td_notify_kind kind,
	const struct termination_sweep *sweep, uint64_t now_ns)
{
	uint8_t bit = (uint8_t)(1u << kind);

	if (try_notify(termination, kind, sweep, now_ns))
		termination->rx.pending_notify &= (uint8_t)~bit;
	else
		termination->rx.pending_notify |= bit;
}

static void notify_pending(
	struct termination *termination, const struct termination_sweep *sweep, uint64_t now_ns)
{
	for (unsigned kind = 0; kind < TD_NOTIFY_KIND_COUNT; kind++) {
		if ((termination->rx.pending_notify & 1u << kind) != 0)
			termination_notify(termination, (enum td_notify_kind)kind, sweep, now_ns);
	}
}

void termination_sweep_report(struct termination *termination,
	const struct termination_sweep *sweep, bool has_bye, uint64_t now_ns)
{
	const struct report_request request = {now_ns, sweep->wall_offset_ns, has_bye};
	uint8_t packet[SWEEP_RTCP_MAX_BYTES];
	size_t length;

	/* Nobody to tell, or nothing to tell of. */
	if (termination->match.remote_rtcp_port == 0 ||
		atomic_load_explicit(&termination->match.remote_family, memory_order_relaxed) ==
			TD_FAMILY_NONE)
		return;
	length = report_build(termination, &request, packet, sizeof(packet));
	if (length != 0 && sweep->emit(sweep->sink, termination, packet, (uint16_t)length))
		termination_count32(&termination->quality.rtcp_tx, 1);
}

static bool is_alone(const struct termination *termination)
{
	return atomic_load_explicit(&termination->match.peer_slot, memory_order_relaxed) ==
	       TERMINATION_NO_SLOT;
}

/* True if media should have come by now: it is expected, and neither RTP nor RTCP came for the
 * whole timeout. */
static bool is_silent(const struct termination *termination, uint64_t now_ns)
{
	const struct termination_timing *timing = &termination->timing;
	uint64_t last_ns = atomic_load_explicit(&termination->rx.last_ns, memory_order_relaxed);

	if (timing->media_timeout_ms == 0 || timing->media_since_ns == 0 || is_alone(termination))
		return false;
	if (last_ns < timing->rtcp_rx_ns)
		last_ns = timing->rtcp_rx_ns;
	if (last_ns < timing->media_since_ns)
		last_ns = timing->media_since_ns;
	return td_since(now_ns, last_ns) >= (uint64_t)timing->media_timeout_ms * TD_NS_PER_MS;
}

/* Tells when silence becomes too long, and when it ends. */
static void watch_silence(
	struct termination *termination, const struct termination_sweep *sweep, uint64_t now_ns)
{
	bool was_timed_out =
		atomic_load_explicit(&termination->rx.is_timed_out, memory_order_relaxed) != 0;
	bool is_timed_out = is_silent(termination, now_ns);

	/* Nobody listens: media is expected from when somebody does. */
	if (termination->timing.media_since_ns != 0 && is_alone(termination))
		termination->timing.media_since_ns = now_ns;
	if (is_timed_out == was_timed_out)
		return;
	/* partner: relaxed load in the commander's audit */
	atomic_store_explicit(&termination->rx.is_timed_out, is_timed_out, memory_order_relaxed);
	termination_notify(termination,
		is_timed_out ? TD_NOTIFY_MEDIA_TIMEOUT : TD_NOTIFY_MEDIA_RESUMED, sweep, now_ns);
}

static void look_at(
	struct termination *termination, const struct termination_sweep *sweep, uint64_t now_ns)
{
	if (now_ns >= termination->timing.rtcp_due_ns) {
		termination->timing.rtcp_due_ns = now_ns + report_next_interval_ns(termination);
		report_rate(termination);
		termination_sweep_report(termination, sweep, false, now_ns);
	}
	watch_silence(termination, sweep, now_ns);
	if (termination->rx.pending_notify != 0)
		notify_pending(termination, sweep, now_ns);
}

/* How many slots are due since the last call, so that a round takes SWEEP_ROUND_MS. */
static uint32_t due_slots(struct termination_sweep *sweep, uint64_t now_ns)
{
	uint64_t elapsed_ns = td_since(now_ns, sweep->last_ns);
	uint64_t slots;

	if (sweep->last_ns == 0 || elapsed_ns >= SWEEP_ROUND_NS)
		slots = sweep->capacity;
	else
		slots = elapsed_ns * sweep->capacity / SWEEP_ROUND_NS;
	/* A turn too short for one slot leaves its time to the next. */
	if (slots != 0)
		sweep->last_ns = now_ns;
	if (slots > sweep->capacity)
		slots = sweep->capacity;
	return slots > SLOTS_PER_CALL_MAX ? SLOTS_PER_CALL_MAX : (uint32_t)slots;
}

void termination_sweep_run(struct termination_sweep *sweep, uint64_t now_ns)
{
	uint8_t own = (uint8_t)(sweep->worker + 1);

	for (uint32_t left = due_slots(sweep, now_ns); left != 0; left--) {
		uint32_t slot = sweep->cursor;

		sweep->cursor = slot + 1 == sweep->capacity ? 0 : slot + 1;
		/* partner: release store in the table, after the record was complete */
		if (atomic_load_explicit(&sweep->owners[slot], memory_order_acquire) == own)
			look_at(&sweep->terminations[slot], sweep, now_ns);
	}
}
