/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Which local media ports are free: pairs (even RTP port, RTCP port above it) per media address
 * and owning worker. A released pair rests before it is given out again, and the one that has
 * rested longest goes first, so that late packets of an old call meet nobody. Pure; all
 * operations O(1). One thread.
 */
#ifndef TD_MEDIA_PORT_POOL_H
#define TD_MEDIA_PORT_POOL_H

#include <tandem/compiler.h>
#include <tandem/endpoint.h>

#include <stdint.h>

enum {
	PORT_POOL_ADDRESSES_MAX = 16
};

struct port_pool_config {
	const struct td_ip *addresses; /* copies */
	uint32_t address_count;	       /* 1..PORT_POOL_ADDRESSES_MAX */
	uint16_t port_first;	       /* even */
	uint16_t port_last;	       /* odd, above port_first */
	uint32_t rest_ms;
	uint32_t worker_count; /* of the dataplane: td_port_owner() */
};

struct port_pool;

/* Creates a pool in which every pair is free. -EINVAL (empty or crooked range, no address or
 * worker), -ENOMEM. The caller owns the result. */
td_must_check int port_pool_create(
	const struct port_pool_config *config, struct port_pool **ret_pool);
void port_pool_destroy(struct port_pool *pool);

/* Index of a media address, or -ENOENT. */
td_must_check int port_pool_find_address(const struct port_pool *pool, const struct td_ip *ip);

/* The worker that owns the fewest pairs in use. */
unsigned port_pool_least_used_worker(const struct port_pool *pool);

/* Takes a pair of that address and worker. *ret_rtp is its RTP end. -EINVAL (no such address or
 * worker), -ENOSPC (all in use or resting). */
td_must_check int port_pool_take(struct port_pool *pool, uint32_t address_index, unsigned worker,
	uint64_t now_ms, struct td_endpoint *ret_rtp);

/* Puts a pair back; it rests from now on. A pair that isn't in use is left alone. */
void port_pool_release(struct port_pool *pool, const struct td_endpoint *rtp, uint64_t now_ms);

/* Marks a pair as in use: it was found in the journal after a restart. -EINVAL (not of this
 * pool), -EADDRINUSE. */
td_must_check int port_pool_claim(struct port_pool *pool, const struct td_endpoint *rtp);

/* Pairs taken or claimed and not released. */
uint32_t port_pool_pairs_in_use(const struct port_pool *pool);

#endif
