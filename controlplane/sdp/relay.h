/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What a B2BUA does with session descriptions: it anchors the audio stream on its own address
 * and passes codecs, their parameters, packet times and direction on unchanged, so that the two
 * ends negotiate with each other. Everything that belongs to one hop (candidates, keys, RTCP
 * addresses, SSRCs) stays on its hop. Pure; no allocation.
 */
#ifndef TD_SDP_RELAY_H
#define TD_SDP_RELAY_H

#include "sdp/session.h"

#include <tandem/compiler.h>
#include <tandem/contract.h>
#include <tandem/endpoint.h>

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum {
	SDP_NO_MEDIA = -1
};

/* Index of the m= line that Tandem relays: the first audio over RTP/AVP with a port other than
 * 0, a usable address and at least one format. SDP_NO_MEDIA if there is none: answer 488. */
int sdp_find_audio(const struct sdp_session *session);

/* Why sdp_find_audio() found nothing ("audio only over RTP/SAVPF"); static text, for Warning. */
const char *sdp_find_audio_failure(const struct sdp_session *session);

/* What Tandem puts in its own name into a body. */
struct sdp_local {
	uint64_t session_id;	  /* one per leg, for its whole life */
	uint64_t version;	  /* see sdp_version_next() */
	struct td_endpoint media; /* our RTP address and port for this leg */
	bool has_rtcp_mux;	  /* ask for, or accept, RTCP on the RTP port */
};

/* A body to be built: where to, and how it came out. */
struct sdp_built {
	char *bytes;	     /* in: borrows */
	size_t size_bytes;   /* in: room, one byte of which is for a terminating zero */
	size_t length_bytes; /* out */
	int8_t media;	     /* out: index of the audio m= line in the new body */
};

/*
 * Writes an offer to one side from an offer of the other: only its audio stream, re-anchored.
 * shape, if not NULL, is the last body that was exchanged on the target leg: its m-line count
 * and order are kept, with all but its audio line at port 0 (RFC 3264 8).
 * -ENOENT (no usable audio), -ENOSPC, -EINVAL (shape has too many lines or no audio line).
 */
td_must_check int sdp_build_offer(const struct sdp_session *from, const struct sdp_session *shape,
	const struct sdp_local *local, struct sdp_built *built);

/*
 * Writes the answer to offer from the answer that the other side gave: same m-line count and
 * order as offer, the audio stream in its place, every other line refused with port 0. If the
 * other side refused the audio (port 0), so does this answer.
 * -ENOENT (offer has no usable audio), -EINVAL (the answer has no audio line), -ENOSPC.
 */
td_must_check int sdp_build_answer(const struct sdp_session *offer, const struct sdp_session *from,
	const struct sdp_local *local, struct sdp_built *built);

/*
 * Makes own, a description of what one side was told or can do, into an answer of our own to offer:
 * drops the formats of its audio line that the offer's doesn't have under the same number. agreed,
 * if not NULL, is the offerer's former description: what both had may not go, for the other side
 * may send it any time, but for events and comfort noise. NULL, or a static reason: then own is
 * spoilt. direction is what the answer is to say, if it isn't NONE.
 */
const char *sdp_narrow(struct sdp_session *own, const struct sdp_session *offer,
	const struct sdp_session *agreed, enum sdp_direction direction);

/* True if two bodies say the same, the o= version apart. */
bool sdp_equal_but_version(struct span a, struct span b);

/* The o= version for a new body (built with previous_version): previous_version if it equals
 * the previous body but for the version, else one more (RFC 3264 8). */
uint64_t sdp_version_next(struct span previous, struct span next, uint64_t previous_version);

/* Puts version into a body that was built here: rewrites the o= line. Returns the new length,
 * -ENOSPC, -EINVAL (no o= line). */
td_must_check int sdp_set_version(
	char *body, size_t length_bytes, size_t size_bytes, uint64_t version);

/* The dataplane's view of one received description. */
struct sdp_remote {
	struct td_endpoint rtp;	 /* family NONE: on hold the old way, nothing to send to */
	struct td_endpoint rtcp; /* a=rtcp, else port + 1; equal to rtp with rtcp-mux */
	uint8_t mode;		 /* enum td_mode, as seen by us towards that peer */
	bool has_rtcp_mux;
	bool is_refused; /* port 0 */
	uint8_t codec_count;
	struct td_codec codecs[TD_CODECS_MAX];
};

/* Derives it from media line index of session. More formats than TD_CODECS_MAX: the first ones
 * are kept. -EINVAL (not an RTP audio line, or a host name instead of an address). */
td_must_check int sdp_remote_derive(
	const struct sdp_session *session, int media, struct sdp_remote *ret_remote);

/* Adds to remote's list what the offerer of this stream may send though the answer named only
 * some of it: payload types of other not listed in *remote yet. Capped at TD_CODECS_MAX. */
void sdp_codecs_merge(struct sdp_remote *remote, const struct sdp_remote *other);

/* Says whether answer fits offer: NULL if it does, else a static reason (number or order of
 * m= lines, a stream that wasn't offered, another protocol, no common format). Formats beyond
 * those offered are allowed (RFC 3264 6.1); the direction isn't judged, for many peers get it
 * wrong and nothing breaks. */
const char *sdp_answer_misfit(const struct sdp_session *offer, const struct sdp_session *answer);

#endif
