/* SPDX-License-Identifier: Apache-2.0 */
/*
 * RFC 3263 section 4 over a cache: where a SIP URI leads, as far as answers have come. The whole
 * procedure is gone through each time, from NAPTR to addresses; what the cache lacks becomes a
 * question, and whoever gets the answer goes through it again. So there is no half-way state that
 * could go wrong. Pure.
 */
#ifndef TD_RESOLVER_LOCATE_H
#define TD_RESOLVER_LOCATE_H

#include "resolver/cache.h"
#include "resolver/name.h"
#include "resolver/target.h"
#include "sip/uri.h"

#include <stdbool.h>
#include <stdint.h>

enum {
	LOCATE_LOOKUPS_MAX = 64, /* of one procedure; a zone can't make it ask for more */
	LOCATE_FAMILIES = 2,
};

/* A URI without its user part: what is looked for. */
struct resolver_peer {
	struct name host;
	uint16_t port;	   /* 0: not given */
	uint8_t transport; /* enum sip_transport; UNKNOWN: not given */
	bool is_sips;
};

/* What our listeners can do: the families of each transport, preferred one first (RFC 7984 lets
 * the order of configuration decide), TD_FAMILY_NONE behind the last. */
struct resolver_support {
	uint8_t families[SIP_TRANSPORT_COUNT][LOCATE_FAMILIES];
	bool has_loopback; /* a listener of ours has a loopback address: names may lead there */
};

/* X(CONSTANT, text): why there are no targets. */
#define LOCATE_REASONS(X)                                                \
	X(NONE, "")                                                      \
	X(PENDING, "name servers have not answered yet")                 \
	X(NO_SERVER, "no name server answers")                           \
	X(ABSENT, "the name does not exist")                             \
	X(NO_SERVICE, "the name's SRV records say that there is no SIP") \
	X(NO_TRANSPORT, "no transport that we listen on")                \
	X(NO_ADDRESS, "no address of a family that we listen on")

enum locate_reason {
#define LOCATE_REASON_ENUM(constant, text) LOCATE_##constant,
	LOCATE_REASONS(LOCATE_REASON_ENUM)
#undef LOCATE_REASON_ENUM
	LOCATE_REASON_COUNT
};

/* The text of a reason, "?" out of range. */
const char *locate_reason_text(unsigned reason);

struct locate_result {
	uint32_t count;
	struct resolver_target targets[RESOLVER_TARGETS_MAX]; /* the same zone, the same list */
	enum locate_reason reason;			      /* of an empty list */
	bool is_complete;  /* no answer is awaited that could change the list */
	bool is_stale;	   /* something in it has expired, and no server answers */
	uint64_t next_ms;  /* when to go through it again, if no answer comes before */
	uint32_t left_out; /* targets beyond RESOLVER_TARGETS_MAX, or of no use */
	uint32_t lookup_count;
	cache_id lookups[LOCATE_LOOKUPS_MAX]; /* answers to these change it */
};

/* Goes through the procedure. */
void locate(struct cache *cache, const struct resolver_peer *peer,
	const struct resolver_support *support, uint64_t now_ms, struct locate_result *ret_result);

#endif
