/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The E-model. Called by the sweep at each reporting interval and for the final figures, never
 * per packet.
 */
#include "rtp/emodel.h"

#include <tandem/contract.h>
#include <tandem/time.h>

/* G.107: R0 - Is with all parameters at their defaults. */
static const double R_DEFAULT = 93.2;
/* G.107 simplified delay impairment: slope, and the knee where conversation begins to suffer. */
static const double DELAY_SLOPE = 0.024;
static const double DELAY_KNEE_SLOPE = 0.11;
static const double DELAY_KNEE_MS = 177.3;
static const double IE_MAX = 95.0;

enum {
	/* A listener's jitter buffer holds about twice the mean deviation, and one packet. */
	BUFFER_JITTER_FACTOR = 2,
	BUFFER_PACKET_MS = 20,
};

/* Equipment impairment and robustness to loss, ITU-T G.113 appendix I; G.711 with the loss
 * concealment of G.711 appendix I, which receivers have. Wideband codecs are put on the
 * narrowband scale, where they have no impairment of their own; Opus conceals like G.711. */
static const struct codec_impairment {
	double ie;
	double bpl;
} codec_impairments[TD_CODEC_KIND_COUNT] = {
	[TD_CODEC_OTHER] = {0.0, 4.3},
	[TD_CODEC_PCMU] = {0.0, 25.1},
	[TD_CODEC_PCMA] = {0.0, 25.1},
	[TD_CODEC_G722] = {0.0, 20.0},
	[TD_CODEC_OPUS] = {0.0, 25.1},
	[TD_CODEC_TELEPHONE_EVENT] = {0.0, 25.1},
	[TD_CODEC_COMFORT_NOISE] = {0.0, 25.1},
};

double emodel_r_factor(uint8_t codec_kind, double delay_ms, double loss_percent)
{
	const struct codec_impairment *codec =
		&codec_impairments[codec_kind < TD_CODEC_KIND_COUNT ? codec_kind : TD_CODEC_OTHER];
	double id = DELAY_SLOPE * delay_ms;
	double ie = codec->ie;
	double r;

	if (delay_ms > DELAY_KNEE_MS)
		id += DELAY_KNEE_SLOPE * (delay_ms - DELAY_KNEE_MS);
	ie += (IE_MAX - codec->ie) * loss_percent / (loss_percent + codec->bpl);
	r = R_DEFAULT - id - ie;
	return r < 0.0 ? 0.0 : r;
}

uint16_t emodel_mos_x100(uint32_t r_factor_x10)
{
	double r = r_factor_x10 / 10.0;
	double mos;

	if (r >= 100.0)
		return 450;
	mos = 1.0 + 0.035 * r + r * (r - 60.0) * (100.0 - r) * 7e-6;
	if (mos < 1.0)
		mos = 1.0; /* the polynomial dips below 1 under R = 6.5 */
	return (uint16_t)(mos * 100.0 + 0.5);
}

struct emodel_output emodel_rate(const struct emodel_input *input)
{
	struct emodel_output output = {0};
	double jitter_ms = input->jitter_us / (double)TD_US_PER_MS;
	double delay_ms = input->rtt_us / (2.0 * TD_US_PER_MS) + BUFFER_PACKET_MS +
			  BUFFER_JITTER_FACTOR * jitter_ms;
	double r;

	if (input->expected_packets == 0)
		return output;
	r = emodel_r_factor(
		input->codec_kind, delay_ms, 100.0 * input->lost_packets / input->expected_packets);
	output.r_factor_x10 = (uint16_t)(r * 10.0 + 0.5);
	output.mos_x100 = emodel_mos_x100(output.r_factor_x10);
	return output;
}
