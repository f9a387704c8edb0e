/* SPDX-License-Identifier: Apache-2.0 */
#include "defence/bucket.h"

/* What one token takes to come back; wide, for it is multiplied. */
static td_ns_t interval_ns(const struct bucket_rate *rate)
{
	return (td_ns_t)TD_NS_PER_S / rate->per_s;
}

/* When the bucket would be full again if a token were taken now. */
static td_ns_t full_after(
	const struct bucket *bucket, const struct bucket_rate *rate, td_ns_t now_ns)
{
	td_ns_t full_ns = bucket->full_ns > now_ns ? bucket->full_ns : now_ns;

	return full_ns + interval_ns(rate);
}

/* True if a bucket that will be full at full_ns isn't overdrawn now. */
static bool holds(const struct bucket_rate *rate, td_ns_t full_ns, td_ns_t now_ns)
{
	return full_ns - now_ns <= interval_ns(rate) * rate->burst;
}

bool bucket_has(const struct bucket *bucket, const struct bucket_rate *rate, uint64_t now_ms)
{
	td_ns_t now_ns = now_ms * TD_NS_PER_MS;

	return rate->per_s == 0 || holds(rate, full_after(bucket, rate, now_ns), now_ns);
}

bool bucket_take(struct bucket *bucket, const struct bucket_rate *rate, uint64_t now_ms)
{
	td_ns_t now_ns = now_ms * TD_NS_PER_MS;
	td_ns_t full_ns;

	if (rate->per_s == 0)
		return true;
	full_ns = full_after(bucket, rate, now_ns);
	if (!holds(rate, full_ns, now_ns))
		return false;
	bucket->full_ns = full_ns;
	return true;
}

void bucket_charge(struct bucket *bucket, const struct bucket_rate *rate, uint64_t now_ms)
{
	if (rate->per_s != 0)
		bucket->full_ns = full_after(bucket, rate, now_ms * TD_NS_PER_MS);
}

bool bucket_is_full(const struct bucket *bucket, uint64_t now_ms)
{
	return bucket->full_ns <= now_ms * TD_NS_PER_MS;
}
