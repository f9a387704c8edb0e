/* SPDX-License-Identifier: Apache-2.0 */
#include "defence/defence.h"

#include "defence/bucket.h"

#include <assert.h>
#include <errno.h>
#include <stdlib.h>

struct trunk_buckets {
	struct bucket from;
	struct bucket to;
};

struct defence {
	struct defence_counts counts;
	uint32_t trunk_slots;
	struct trunk_buckets *trunks; /* owns */
};

int defence_create(uint32_t trunk_slots, struct defence **ret_defence)
{
	struct defence *defence = calloc(1, sizeof(*defence));

	if (defence == NULL)
		return -ENOMEM;
	defence->trunk_slots = trunk_slots;
	defence->trunks = calloc(trunk_slots, sizeof(*defence->trunks));
	if (defence->trunks == NULL) {
		defence_destroy(defence);
		return -ENOMEM;
	}
	*ret_defence = defence;
	return 0;
}

void defence_destroy(struct defence *defence)
{
	if (defence == NULL)
		return;
	free(defence->trunks);
	free(defence);
}

static struct bucket_rate outbound_rate(const struct config_limits *limits)
{
	return (struct bucket_rate){limits->outbound_calls_per_s, limits->outbound_burst};
}

bool defence_admit_call(struct defence *defence, uint32_t trunk, const struct config_limits *limits,
	uint64_t now_ms)
{
	const struct bucket_rate rate = {limits->calls_per_s, limits->burst};

	assert(trunk < defence->trunk_slots && "ids come from the trunk table");
	if (bucket_take(&defence->trunks[trunk].from, &rate, now_ms))
		return true;
	defence->counts.refused_trunk_rate++;
	return false;
}

bool defence_may_place(struct defence *defence, uint32_t trunk, const struct config_limits *limits,
	uint64_t now_ms)
{
	const struct bucket_rate rate = outbound_rate(limits);

	assert(trunk < defence->trunk_slots && "ids come from the trunk table");
	if (bucket_has(&defence->trunks[trunk].to, &rate, now_ms))
		return true;
	defence->counts.outbound_rate++;
	return false;
}

void defence_place_call(struct defence *defence, uint32_t trunk, const struct config_limits *limits,
	uint64_t now_ms)
{
	const struct bucket_rate rate = outbound_rate(limits);

	assert(trunk < defence->trunk_slots && "ids come from the trunk table");
	bucket_charge(&defence->trunks[trunk].to, &rate, now_ms);
}

struct defence_counts defence_get_counts(const struct defence *defence)
{
	return defence->counts;
}
