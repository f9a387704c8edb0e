/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Sequence validation and jitter of one source. Called for each packet by stage measure.
 */
#include "rtp/source.h"

#include <tandem/time.h>

enum {
	JITTER_SHIFT = 4, /* RFC 3550 A.8: gain 1/16 */
	JITTER_ROUND = 1 << (JITTER_SHIFT - 1),
	US_PER_S = TD_MS_PER_S * TD_US_PER_MS,
	JITTER_GAP_MAX_US = 4000000, /* after such a silence the difference says nothing */
	FRACTION_SHIFT = 8
};

static uint32_t load(const _Atomic uint32_t *field)
{
	return atomic_load_explicit(field, memory_order_relaxed);
}

static void store(_Atomic uint32_t *field, uint32_t value)
{
	/* partner: relaxed loads of snapshots in the control thread */
	atomic_store_explicit(field, value, memory_order_relaxed);
}

uint32_t rtp_source_start(
	struct rtp_source *source, uint32_t ssrc, uint16_t sequence, uint64_t now_ns)
{
	uint32_t extended = RTP_EXTENDED_FIRST + sequence;

	store(&source->ssrc, ssrc);
	store(&source->highest, extended);
	store(&source->base, extended);
	store(&source->received, 1);
	source->window = 1;
	source->arrival_ns = now_ns;
	source->timestamp_ts = 0;
	source->jitter_q4 = 0;
	source->jitter_max_q4 = 0;
	source->jitter_arrival_us = 0;
	source->expected_prior = 0;
	source->received_prior = 0;
	source->jitter_clock_hz = 0;
	source->is_used = 1;
	source->is_restart_awaited = 0;
	return extended;
}

void rtp_source_reserve(struct rtp_source *source, uint32_t ssrc)
{
	(void)rtp_source_start(source, ssrc, 0, 0);
	store(&source->received, 0);
}

/* A packet behind the highest one: reordered, or seen before, or too old to tell. */
static enum rtp_verdict receive_late(
	struct rtp_source *source, uint32_t behind, uint32_t *ret_extended)
{
	uint64_t bit = UINT64_C(1) << behind;
	uint32_t extended = load(&source->highest) - behind;

	if ((source->window & bit) != 0)
		return RTP_DUPLICATE;
	source->window |= bit;
	/* It came before the first one was sent: count it in, or A.3 would find less than none. */
	if ((int32_t)(extended - load(&source->base)) < 0)
		store(&source->base, extended);
	store(&source->received, load(&source->received) + 1);
	*ret_extended = extended;
	return RTP_REORDERED;
}

enum rtp_verdict rtp_source_receive(
	struct rtp_source *source, uint16_t sequence, uint64_t now_ns, uint32_t *ret_extended)
{
	uint32_t highest = load(&source->highest);
	uint16_t ahead = (uint16_t)(sequence - (uint16_t)highest);
	uint16_t behind = (uint16_t)((uint16_t)highest - sequence);

	source->arrival_ns = now_ns;
	if (behind < RTP_WINDOW_PKTS) {
		source->is_restart_awaited = 0;
		return receive_late(source, behind, ret_extended);
	}
	if (ahead < RTP_MAX_DROPOUT) {
		source->is_restart_awaited = 0;
		source->window = ahead < RTP_WINDOW_PKTS ? source->window << ahead | 1 : 1;
		store(&source->highest, highest + ahead);
		store(&source->received, load(&source->received) + 1);
		*ret_extended = highest + ahead;
		return RTP_ACCEPT;
	}
	if (behind < RTP_MAX_MISORDER)
		return RTP_STALE;
	if (source->is_restart_awaited && sequence == source->awaited_sequence)
		return RTP_RESTARTED;
	source->awaited_sequence = (uint16_t)(sequence + 1);
	source->is_restart_awaited = 1;
	return RTP_STALE;
}

static uint32_t convert(uint32_t value, uint32_t from_hz, uint32_t to_hz)
{
	return (uint32_t)((uint64_t)value * to_hz / from_hz);
}

/* Audio goes on in a codec with another clock: timestamps of the two can't be compared. */
static void change_clock(struct rtp_source *source, uint32_t clock_hz)
{
	if (source->jitter_clock_hz != 0) {
		source->jitter_q4 = convert(source->jitter_q4, source->jitter_clock_hz, clock_hz);
		source->jitter_max_q4 =
			convert(source->jitter_max_q4, source->jitter_clock_hz, clock_hz);
	}
	source->jitter_clock_hz = clock_hz;
}

void rtp_source_jitter(
	struct rtp_source *source, uint32_t timestamp_ts, uint32_t clock_hz, uint64_t now_ns)
{
	uint32_t now_us = (uint32_t)(now_ns / TD_NS_PER_US);
	uint32_t elapsed_us = now_us - source->jitter_arrival_us;

	if (td_unlikely(source->jitter_clock_hz != clock_hz)) {
		change_clock(source, clock_hz);
	} else if (elapsed_us < JITTER_GAP_MAX_US) {
		int64_t elapsed_ts = (int64_t)((uint64_t)elapsed_us * clock_hz / US_PER_S);
		int64_t difference = elapsed_ts - (int32_t)(timestamp_ts - source->timestamp_ts);

		if (difference < 0)
			difference = -difference;
		/* A jump of the source's clock by more than a second isn't jitter. */
		if (difference < clock_hz)
			source->jitter_q4 += (uint32_t)difference -
					     ((source->jitter_q4 + JITTER_ROUND) >> JITTER_SHIFT);
		if (source->jitter_q4 > source->jitter_max_q4)
			source->jitter_max_q4 = source->jitter_q4;
	}
	source->timestamp_ts = timestamp_ts;
	source->jitter_arrival_us = now_us;
}

static uint32_t jitter_us(uint32_t jitter_q4, uint32_t clock_hz)
{
	if (clock_hz == 0)
		return 0;
	return (uint32_t)(((uint64_t)jitter_q4 * US_PER_S / clock_hz) >> JITTER_SHIFT);
}

uint32_t rtp_source_jitter_us(const struct rtp_source *source)
{
	return jitter_us(source->jitter_q4, source->jitter_clock_hz);
}

uint32_t rtp_source_jitter_max_us(const struct rtp_source *source)
{
	return jitter_us(source->jitter_max_q4, source->jitter_clock_hz);
}

uint8_t rtp_source_take_fraction(struct rtp_source *source)
{
	uint32_t expected = rtp_source_expected(source);
	uint32_t received = load(&source->received);
	uint32_t expected_interval = expected - source->expected_prior;
	uint32_t received_interval = received - source->received_prior;
	uint64_t lost_interval;

	source->expected_prior = expected;
	source->received_prior = received;
	if (expected_interval == 0 || received_interval >= expected_interval)
		return 0;
	lost_interval = expected_interval - received_interval;
	lost_interval = (lost_interval << FRACTION_SHIFT) / expected_interval;
	return (uint8_t)(lost_interval > UINT8_MAX ? UINT8_MAX : lost_interval);
}
