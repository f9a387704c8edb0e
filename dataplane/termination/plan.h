/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The media plan: the local addresses and the port range on which terminations may live. Built
 * from the configuration at launch and never changed afterwards.
 */
#ifndef TD_TERMINATION_PLAN_H
#define TD_TERMINATION_PLAN_H

#include "termination/address.h"

#include <tandem/endpoint.h>

#include <stdint.h>

enum {
	MEDIA_ADDRESSES_MAX = 16,
	MEDIA_ADDRESS_NONE = 255
};

struct media_plan {
	uint32_t address_count;
	uint16_t port_first; /* of every address; even */
	uint16_t port_last;  /* odd: the last RTCP port */
	uint32_t worker_count;
	uint8_t families[MEDIA_ADDRESSES_MAX];
	struct media_ip ips[MEDIA_ADDRESSES_MAX];
};

/* Adds a local address; its index is the old address_count. -ENOSPC: no room; -EINVAL: no
 * address; -EEXIST: it is there already. Launch only. */
td_must_check int media_plan_add(struct media_plan *plan, const struct td_ip *ip);

/* Index of a local address, or MEDIA_ADDRESS_NONE. Any thread. */
static inline uint8_t media_plan_find(
	const struct media_plan *plan, uint8_t family, struct media_ip ip)
{
	for (uint32_t i = 0; i < plan->address_count; i++) {
		if (plan->families[i] == family && media_ip_equal(plan->ips[i], ip))
			return (uint8_t)i;
	}
	return MEDIA_ADDRESS_NONE;
}

#endif
