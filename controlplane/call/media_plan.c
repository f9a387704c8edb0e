/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Bodies in, bodies and specs out. Formats pass untouched, so each side may send what the other
 * listed; a termination therefore accepts the union of both lists.
 */
#include "call/media_plan.h"

#include "util/format.h"

#include <errno.h>
#include <string.h>

enum {
	PLAN_BODY_BYTES = 16384, /* a body that we build; larger ones are refused */
};

const char *media_body_read(struct span body, struct media_body *ret_body)
{
	struct sdp_error error;

	if (body.length == 0)
		return "no session description";
	if (sdp_session_parse(body, &ret_body->session, &error) != 0)
		return error.reason;
	ret_body->audio = sdp_find_audio(&ret_body->session);
	return ret_body->audio == SDP_NO_MEDIA ? sdp_find_audio_failure(&ret_body->session) : NULL;
}

static void plan_name_codec(struct call_media *media, const struct sdp_media *line)
{
	const struct sdp_format *format = &line->formats[0];

	media->ptime_ms = line->ptime_ms;
	if (line->format_count == 0)
		media->codec[0] = '\0';
	else if (format->encoding.length != 0)
		(void)format_text(media->codec, sizeof(media->codec), "%.*s/%u",
			(int)(format->encoding.length > 20 ? 20 : format->encoding.length),
			format->encoding.text, format->clock_hz);
	else
		(void)format_text(media->codec, sizeof(media->codec), "%u", format->payload_type);
}

const char *media_plan_misfit(
	const struct call *call, unsigned index, const struct media_body *body)
{
	struct sdp_remote remote;

	if (sdp_remote_derive(&body->session, body->audio, &remote) != 0)
		return "media address isn't an IP address";
	if (remote.rtp.ip.family != TD_FAMILY_NONE &&
		remote.rtp.ip.family != call->media[index].local.ip.family)
		return "media address is of another IP version than before";
	return NULL;
}

/* The last body that leg index was sent. */
static struct span plan_told(const struct call *call, unsigned index)
{
	const struct negotiation *negotiation = &call->legs[index].negotiation;

	return (struct span){negotiation->local_sdp, negotiation->local_sdp_length};
}

const char *media_plan_answer_misfit(
	const struct call *call, unsigned index, const struct media_body *answer)
{
	struct media_body offer;
	const char *misfit = media_body_read(plan_told(call, index), &offer);

	return misfit != NULL ? misfit : sdp_answer_misfit(&offer.session, &answer->session);
}

const char *media_plan_read_remote(
	const struct call *call, unsigned index, struct media_body *ret_body)
{
	const struct negotiation *negotiation = &call->legs[index].negotiation;

	return media_body_read(
		(struct span){negotiation->remote_sdp, negotiation->remote_sdp_length}, ret_body);
}

/* Keeps what the peer said. Without memory nothing is kept: then nothing can be answered in the
 * other side's absence. */
static void plan_keep_remote(struct call *call, unsigned index, struct span body)
{
	struct negotiation *negotiation = &call->legs[index].negotiation;

	if (call->state < CALL_TALKING && call_set_text(call, &negotiation->remote_sdp,
						  &negotiation->remote_sdp_length, body) != 0)
		call_clear_text(call, &negotiation->remote_sdp, &negotiation->remote_sdp_length);
}

void media_plan_forget_remotes(struct call *call)
{
	for (unsigned i = 0; i < CALL_LEGS; i++) {
		struct negotiation *negotiation = &call->legs[i].negotiation;

		call_clear_text(call, &negotiation->remote_sdp, &negotiation->remote_sdp_length);
	}
}

bool media_plan_take_remote(
	struct call *call, unsigned index, const struct media_body *body, bool is_new_round)
{
	struct call_media *media = &call->media[index];
	struct sdp_remote remote;

	memset(&remote, 0, sizeof(remote));
	if (sdp_remote_derive(&body->session, body->audio, &remote) != 0)
		return false;
	plan_keep_remote(call, index, body->session.bytes);
	plan_name_codec(media, &body->session.media[body->audio]);
	if (media->has_remote && !is_new_round &&
		memcmp(&remote, &media->remote, sizeof(remote)) == 0)
		return false;
	if (!media->has_remote || is_new_round ||
		!td_endpoint_equal(&remote.rtp, &media->remote.rtp))
		media->latch_round++;
	media->remote = remote;
	media->has_remote = true;
	media->has_timed_out = false;
	return true;
}

/* Gives the body its o= version and makes it the last one of the leg. */
static const char *plan_keep(
	struct call *call, unsigned index, char *body, size_t length, size_t size)
{
	struct negotiation *negotiation = &call->legs[index].negotiation;
	struct span previous = plan_told(call, index);
	uint64_t version = negotiation->version;
	int rewritten;

	if (previous.length != 0)
		version =
			sdp_version_next(previous, (struct span){body, (uint32_t)length}, version);
	if (version != negotiation->version) {
		rewritten = sdp_set_version(body, length, size, version);
		if (rewritten < 0)
			return "session description is too long";
		length = (size_t)rewritten;
	}
	if (call_set_text(call, &negotiation->local_sdp, &negotiation->local_sdp_length,
		    (struct span){body, (uint32_t)length}) != 0)
		return "out of memory";
	negotiation->version = version;
	return NULL;
}

static struct sdp_local plan_local(const struct call *call, unsigned index)
{
	const struct call_media *media = &call->media[index];

	return (struct sdp_local){
		.session_id = call->legs[index].leg_id,
		.version = call->legs[index].negotiation.version,
		.media = media->local,
		.has_rtcp_mux = media->has_remote && media->remote.has_rtcp_mux,
	};
}

static const char *plan_reason(int error)
{
	return error == -ENOSPC ? "session description is too long"
				: "no audio stream that can be relayed";
}

const char *media_plan_offer(struct call *call, unsigned index, const struct media_body *from)
{
	struct span told = plan_told(call, index);
	struct sdp_local local = plan_local(call, index);
	char body[PLAN_BODY_BYTES];
	struct sdp_session shape;
	struct sdp_error error;
	struct sdp_built built = {.bytes = body, .size_bytes = sizeof(body)};
	bool has_shape = told.length != 0 && sdp_session_parse(told, &shape, &error) == 0;
	int result = sdp_build_offer(&from->session, has_shape ? &shape : NULL, &local, &built);

	if (result != 0)
		return plan_reason(result);
	return plan_keep(call, index, body, built.length_bytes, sizeof(body));
}

const char *media_plan_answer(struct call *call, unsigned index, const struct media_body *offer,
	const struct media_body *from)
{
	struct sdp_local local = plan_local(call, index);
	char body[PLAN_BODY_BYTES];
	struct sdp_built built = {.bytes = body, .size_bytes = sizeof(body)};
	int result = sdp_build_answer(&offer->session, &from->session, &local, &built);

	if (result != 0)
		return plan_reason(result);
	return plan_keep(call, index, body, built.length_bytes, sizeof(body));
}

/* What an answer of our own says: each way media may flow that the other side takes part in and
 * the offer allows. */
static enum sdp_direction plan_direction(
	const struct call *call, unsigned index, const struct media_body *offer)
{
	const struct call_media *other = &call->media[1 - index];
	uint8_t mode = other->has_remote ? other->remote.mode : TD_MODE_SEND_RECEIVE;
	struct sdp_remote peer;
	bool sends;
	bool receives;

	if (sdp_remote_derive(&offer->session, offer->audio, &peer) != 0)
		return SDP_DIRECTION_NONE;
	sends = (mode & TD_MODE_RECEIVE) != 0 && (peer.mode & TD_MODE_SEND) != 0;
	receives = (mode & TD_MODE_SEND) != 0 && (peer.mode & TD_MODE_RECEIVE) != 0;
	if (sends)
		return receives ? SDP_SENDRECV : SDP_SENDONLY;
	return receives ? SDP_RECVONLY : SDP_INACTIVE;
}

const char *media_plan_own_answer(struct call *call, unsigned index, const struct media_body *offer)
{
	bool is_told = plan_told(call, index).length != 0;
	struct media_body own;
	struct media_body agreed;
	bool has_agreed = is_told && media_plan_read_remote(call, index, &agreed) == NULL;
	const char *misfit = is_told ? media_body_read(plan_told(call, index), &own)
				     : media_plan_read_remote(call, 1 - index, &own);

	if (misfit == NULL)
		misfit = sdp_narrow(&own.session, &offer->session,
			has_agreed ? &agreed.session : NULL, plan_direction(call, index, offer));
	return misfit != NULL ? misfit : media_plan_answer(call, index, offer, &own);
}

const char *media_plan_refusal(struct call *call, unsigned index, const struct media_body *offer)
{
	struct media_body none = *offer;

	none.session.media[none.audio].port = 0;
	return media_plan_answer(call, index, offer, &none);
}

const char *media_plan_read_agreed(
	const struct call *call, unsigned index, struct media_body *ret_body)
{
	struct media_body told;
	const char *misfit = media_plan_read_remote(call, index, ret_body);

	if (misfit == NULL)
		misfit = media_body_read(plan_told(call, index), &told);
	return misfit != NULL
		       ? misfit
		       : sdp_narrow(&ret_body->session, &told.session, NULL, SDP_DIRECTION_NONE);
}

/* An offer to leg index as it would be, in built. */
static bool plan_build(const struct call *call, unsigned index, const struct media_body *from,
	struct sdp_built *built)
{
	struct sdp_local local = plan_local(call, index);
	struct sdp_session shape;
	struct sdp_error error;

	return sdp_session_parse(plan_told(call, index), &shape, &error) == 0 &&
	       sdp_build_offer(&from->session, &shape, &local, built) == 0;
}

bool media_plan_is_told(const struct call *call, unsigned index, const struct media_body *from)
{
	char has_bytes[PLAN_BODY_BYTES];
	char wants_bytes[PLAN_BODY_BYTES];
	struct sdp_built has = {.bytes = has_bytes, .size_bytes = sizeof(has_bytes)};
	struct sdp_built wants = {.bytes = wants_bytes, .size_bytes = sizeof(wants_bytes)};
	struct media_body told;
	struct media_body remote;

	return media_body_read(plan_told(call, index), &told) == NULL &&
	       media_plan_read_remote(call, index, &remote) == NULL &&
	       sdp_narrow(&told.session, &remote.session, NULL, SDP_DIRECTION_NONE) == NULL &&
	       plan_build(call, index, &told, &has) && plan_build(call, index, from, &wants) &&
	       sdp_equal_but_version((struct span){has_bytes, (uint32_t)has.length_bytes},
		       (struct span){wants_bytes, (uint32_t)wants.length_bytes});
}

static void plan_default_codecs(struct sdp_remote *accepted)
{
	static const struct td_codec defaults[] = {
		{.payload_type = 0, .kind = TD_CODEC_PCMU, .clock_hz = 8000},
		{.payload_type = 8, .kind = TD_CODEC_PCMA, .clock_hz = 8000},
	};

	memcpy(accepted->codecs, defaults, sizeof(defaults));
	accepted->codec_count = (uint8_t)TD_COUNT_OF(defaults);
}

void media_plan_spec(const struct call *call, unsigned index, const struct media_policy *policy,
	struct td_termination_spec *ret_spec)
{
	const struct call_media *media = &call->media[index];
	const struct call_media *other = &call->media[1 - index];
	struct sdp_remote accepted;

	memset(ret_spec, 0, sizeof(*ret_spec));
	memset(&accepted, 0, sizeof(accepted));
	if (other->has_remote)
		sdp_codecs_merge(&accepted, &other->remote);
	if (media->has_remote)
		sdp_codecs_merge(&accepted, &media->remote);
	if (accepted.codec_count == 0) /* no offer yet: what everybody has */
		plan_default_codecs(&accepted);
	ret_spec->termination_id = media->termination_id;
	ret_spec->context_id = call->call_id;
	ret_spec->epoch = media->epoch;
	ret_spec->mode = media->has_remote ? media->remote.mode : TD_MODE_SEND_RECEIVE;
	ret_spec->latch = policy->latch;
	ret_spec->latch_prefix_bits = policy->latch_prefix_bits;
	/* Silence before the answer is nobody's fault. */
	ret_spec->media_timeout_s = call->is_answered ? policy->media_timeout_s : 0;
	ret_spec->latch_window_ms = policy->latch_window_ms;
	ret_spec->local = media->local;
	ret_spec->latch_round = media->latch_round;
	if (media->has_remote) {
		ret_spec->remote = media->remote.rtp;
		ret_spec->remote_rtcp = media->remote.rtcp;
		if (media->remote.has_rtcp_mux)
			ret_spec->flags |= TD_TERMINATION_RTCP_MUX;
	}
	ret_spec->codec_count = accepted.codec_count;
	memcpy(ret_spec->codecs, accepted.codecs, sizeof(ret_spec->codecs));
}
