/* SPDX-License-Identifier: Apache-2.0 */
/*
 * One place that a request may be sent to, as RFC 3263 found it, and the choice among several:
 * lowest rank first, within a rank by weight (RFC 2782), the addresses of one server one after
 * the other (RFC 7984). Pure: random numbers come in as arguments.
 */
#ifndef TD_RESOLVER_TARGET_H
#define TD_RESOLVER_TARGET_H

#include <tandem/endpoint.h>

#include <stdint.h>

enum {
	RESOLVER_TARGETS_MAX = 16, /* of one name */
	RESOLVER_SELECT_MAX = 32,  /* targets to choose among: bits of a mask */
};

struct resolver_target {
	struct td_endpoint endpoint;
	uint8_t transport; /* enum sip_transport */
	uint8_t order;	   /* among the addresses of a server, lower first */
	uint16_t rank;	   /* lower first: NAPTR order and preference, then SRV priority */
	uint16_t server;   /* equal within a rank: addresses of one SRV record, or of the host */
	uint16_t weight;   /* of the server (RFC 2782) */
};

/*
 * Picks one of the targets whose bit is set in allowed and returns its index; allowed is not 0
 * and below 2^RESOLVER_SELECT_MAX. last is the index that failed just now: the other addresses
 * of its server come before another server; RESOLVER_SELECT_MAX: none. Uses all bits of random.
 */
unsigned resolver_select(
	const struct resolver_target *targets, uint32_t allowed, unsigned last, uint64_t random);

#endif
