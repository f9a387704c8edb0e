/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Restricted latching. Called for each packet by stage admit; the common case, a packet from
 * where media is sent to with learning over, is a compare of two words.
 */
#include "termination/latch.h"

#include "termination/termination.h"

#include <tandem/contract.h>
#include <tandem/time.h>

static uint8_t remote_family(const struct termination *termination)
{
	return atomic_load_explicit(&termination->match.remote_family, memory_order_relaxed);
}

static uint16_t remote_port(const struct termination *termination)
{
	return atomic_load_explicit(&termination->match.remote_port, memory_order_relaxed);
}

static void set_latch_state(struct termination *termination, enum td_latch_state state)
{
	atomic_store_explicit(
		&termination->match.latch_state, (uint8_t)state, memory_order_relaxed);
}

/* Changes where media is sent to; termination_snapshot retries if it reads in between. */
static void set_remote(struct termination *termination, const struct latch_source *to)
{
	struct termination_match *match = &termination->match;
	uint32_t version = atomic_load_explicit(&match->remote_version, memory_order_relaxed);

	/* partner: acquire loads in reverse order in termination_snapshot */
	atomic_store_explicit(&match->remote_version, version + 1, memory_order_relaxed);
	atomic_store_explicit(&match->remote[0], to->ip.words[0], memory_order_release);
	atomic_store_explicit(&match->remote[1], to->ip.words[1], memory_order_release);
	atomic_store_explicit(&match->remote_port, to->port, memory_order_release);
	atomic_store_explicit(&match->remote_family, to->family, memory_order_release);
	atomic_store_explicit(&match->remote_version, version + 2, memory_order_release);
}

bool latch_is_current(const struct termination *termination, const struct latch_source *source)
{
	return media_ip_equal(termination_remote(termination), source->ip) &&
	       remote_port(termination) == source->port &&
	       remote_family(termination) == source->family;
}

/* RTCP goes where it was signalled, or to the port above RTP's. */
static void reset_rtcp(struct termination *termination)
{
	struct termination_signalling *signalling = &termination->signalling;

	signalling->is_rtcp_learnt = 0;
	if (signalling->rtcp_signalled.ip.family != TD_FAMILY_NONE) {
		signalling->remote_rtcp = media_ip_from_td(&signalling->rtcp_signalled.ip);
		termination->match.remote_rtcp_port = signalling->rtcp_signalled.port;
		return;
	}
	signalling->remote_rtcp = termination_remote(termination);
	termination->match.remote_rtcp_port =
		remote_port(termination) == 0 ? 0 : (uint16_t)(remote_port(termination) + 1);
}

void latch_arm(struct termination *termination)
{
	const struct td_endpoint *remote = &termination->signalling.remote;
	struct latch_source to = {media_ip_from_td(&remote->ip), remote->port, remote->ip.family};

	set_remote(termination, &to);
	reset_rtcp(termination);
	termination->match.latch_rank = LATCH_RANK_NONE;
	termination->rx.latch_until_ns = 0;
	set_latch_state(termination, termination->match.latch == TD_LATCH_OFF
					     ? TD_LATCH_STATE_SIGNALLED
					     : TD_LATCH_STATE_LEARNING);
}

/* How well an address fits what was signalled; LATCH_RANK_NONE: it may not be learnt. */
static enum latch_rank rank_of(
	const struct termination *termination, const struct latch_source *source)
{
	const struct termination_match *match = &termination->match;
	const struct td_endpoint *signalled = &termination->signalling.remote;
	struct td_ip ip;

	/* Where media can't be sent to isn't learnt, whatever the mode. */
	if (source->port == 0 || !media_ip_is_unicast(source->ip, source->family))
		return LATCH_RANK_NONE;
	media_ip_to_td(source->ip, source->family, &ip);
	if (td_ip_equal(&signalled->ip, &ip))
		return signalled->port == source->port ? LATCH_RANK_EXACT : LATCH_RANK_ADDRESS;
	if (signalled->ip.family != TD_FAMILY_NONE && match->latch_prefix_bits != 0 &&
		td_ip_in_prefix(&ip, &signalled->ip, match->latch_prefix_bits))
		return LATCH_RANK_PREFIX;
	/* Media leaves by the family that it was opened for. */
	if (match->latch == TD_LATCH_OPEN && source->family == match->local_family)
		return LATCH_RANK_ANY;
	return LATCH_RANK_NONE;
}

/* Keeps rank, and ends learning if the address can't get any better. */
static void hold(struct termination *termination, enum latch_rank rank, uint64_t now_ns)
{
	termination->match.latch_rank = (uint8_t)rank;
	if (termination->rx.latch_until_ns == 0)
		termination->rx.latch_until_ns = td_after(
			now_ns, (uint64_t)termination->signalling.latch_window_ms * TD_NS_PER_MS);
	if (rank == LATCH_RANK_EXACT)
		set_latch_state(termination, TD_LATCH_STATE_LEARNT);
}

static void learn(struct termination *termination, const struct latch_source *source)
{
	struct termination_signalling *signalling = &termination->signalling;
	bool is_same_ip = media_ip_equal(termination_remote(termination), source->ip);

	set_remote(termination, source);
	/* Behind an address translator the signalled RTCP address is as wrong as RTP's was. */
	if (!is_same_ip || termination->match.remote_rtcp_port == 0) {
		signalling->remote_rtcp = source->ip;
		termination->match.remote_rtcp_port = (uint16_t)(source->port + 1);
		signalling->is_rtcp_learnt = 0;
	}
}

/* Decides while learning is armed. */
static enum latch_answer latch_learning(
	struct termination *termination, const struct latch_source *source, uint64_t now_ns)
{
	struct termination_match *match = &termination->match;
	bool is_current = latch_is_current(termination, source);
	uint64_t last_ns = atomic_load_explicit(&termination->rx.last_ns, memory_order_relaxed);
	enum latch_rank rank;

	if (termination->rx.latch_until_ns != 0 && now_ns >= termination->rx.latch_until_ns) {
		set_latch_state(termination, TD_LATCH_STATE_LEARNT);
		return is_current ? LATCH_ACCEPT : LATCH_FOREIGN;
	}
	rank = rank_of(termination, source);
	if (is_current) {
		hold(termination, rank, now_ns);
		return LATCH_ACCEPT;
	}
	if (rank == LATCH_RANK_NONE)
		return remote_family(termination) == TD_FAMILY_NONE ? LATCH_UNKNOWN : LATCH_FOREIGN;
	if (rank < match->latch_rank ||
		(rank == match->latch_rank &&
			td_since(now_ns, last_ns) <
				(uint64_t)LATCH_HOLDER_SILENCE_MS * TD_NS_PER_MS))
		return LATCH_FOREIGN;
	learn(termination, source);
	hold(termination, rank, now_ns);
	return LATCH_LEARN;
}

enum latch_answer latch_rtp(
	struct termination *termination, const struct latch_source *source, uint64_t now_ns)
{
	if (atomic_load_explicit(&termination->match.latch_state, memory_order_relaxed) ==
		TD_LATCH_STATE_LEARNING)
		return latch_learning(termination, source, now_ns);
	if (latch_is_current(termination, source))
		return LATCH_ACCEPT;
	return remote_family(termination) == TD_FAMILY_NONE ? LATCH_UNKNOWN : LATCH_FOREIGN;
}

enum latch_answer latch_rtcp(struct termination *termination, const struct latch_source *source)
{
	struct termination_match *match = &termination->match;
	struct termination_signalling *signalling = &termination->signalling;

	if (remote_family(termination) == TD_FAMILY_NONE)
		return LATCH_UNKNOWN;
	if ((match->flags & TD_TERMINATION_RTCP_MUX) != 0)
		return latch_is_current(termination, source) ? LATCH_ACCEPT : LATCH_FOREIGN;
	if (media_ip_equal(signalling->remote_rtcp, source->ip) &&
		match->remote_rtcp_port == source->port &&
		remote_family(termination) == source->family) {
		signalling->is_rtcp_learnt = 1;
		return LATCH_ACCEPT;
	}
	if (match->latch == TD_LATCH_OFF || signalling->is_rtcp_learnt ||
		remote_family(termination) != source->family ||
		!media_ip_equal(termination_remote(termination), source->ip))
		return LATCH_FOREIGN;
	signalling->remote_rtcp = source->ip;
	match->remote_rtcp_port = source->port;
	signalling->is_rtcp_learnt = 1;
	return LATCH_LEARN;
}
