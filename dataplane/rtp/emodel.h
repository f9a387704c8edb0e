/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The E-model (ITU-T G.107) with its default values: what loss, jitter and delay do to a listener.
 * All that isn't transport is at its default, so the result is an upper bound: MOS-CQE, transport
 * only. Pure.
 */
#ifndef TD_RTP_EMODEL_H
#define TD_RTP_EMODEL_H

#include <stdint.h>

struct emodel_input {
	uint32_t expected_packets; /* 0: nothing is known */
	uint32_t lost_packets;
	uint32_t jitter_us;
	uint32_t rtt_us;    /* 0: not known, counted as none */
	uint8_t codec_kind; /* enum td_codec_kind */
};

struct emodel_output {
	uint16_t r_factor_x10;
	uint16_t mos_x100; /* 0: not known */
};

/* Rates a stream. Loss counts as random (BurstR 1), for a relay can't see the concealment. */
struct emodel_output emodel_rate(const struct emodel_input *input);

/* MOS (times 100) of a transmission rating (times 10), G.107 annex B. */
uint16_t emodel_mos_x100(uint32_t r_factor_x10);

/* Rating for a one-way delay and a loss ratio; the heart of emodel_rate, for its tests. */
double emodel_r_factor(uint8_t codec_kind, double delay_ms, double loss_percent);

#endif
