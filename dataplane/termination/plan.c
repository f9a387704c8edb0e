/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Builds the media plan. Called at launch only.
 */
#include "termination/plan.h"

#include <errno.h>

int media_plan_add(struct media_plan *plan, const struct td_ip *ip)
{
	struct media_ip media_ip = media_ip_from_td(ip);

	if (td_ip_size_bytes(ip) == 0)
		return -EINVAL;
	if (media_plan_find(plan, ip->family, media_ip) != MEDIA_ADDRESS_NONE)
		return -EEXIST;
	if (plan->address_count == MEDIA_ADDRESSES_MAX)
		return -ENOSPC;
	plan->families[plan->address_count] = ip->family;
	plan->ips[plan->address_count] = media_ip;
	plan->address_count++;
	return 0;
}
