/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A token bucket in eight bytes (GCRA, ITU-T I.371): it keeps the time at which it will be full
 * again. One state fits any rate and burst, so that a reload may change them at once. Pure.
 */
#ifndef TD_DEFENCE_BUCKET_H
#define TD_DEFENCE_BUCKET_H

#include <tandem/compiler.h>
#include <tandem/time.h>

#include <stdbool.h>
#include <stdint.h>

/* All zero: full. */
struct bucket {
	td_ns_t full_ns; /* monotonic; in the past: full */
};

struct bucket_rate {
	uint32_t per_s; /* 0: no limit */
	uint32_t burst; /* tokens that a full bucket holds, at least 1 */
};

/* True if the bucket holds a token now. */
bool bucket_has(const struct bucket *bucket, const struct bucket_rate *rate, uint64_t now_ms);
/* Takes a token; false, and nothing changes, if there is none. */
td_must_check bool bucket_take(
	struct bucket *bucket, const struct bucket_rate *rate, uint64_t now_ms);
/* Takes a token even if there is none: the debt must be paid back first. */
void bucket_charge(struct bucket *bucket, const struct bucket_rate *rate, uint64_t now_ms);
/* True if nothing was taken, or all has come back: a new bucket would be the same. */
bool bucket_is_full(const struct bucket *bucket, uint64_t now_ms);

#endif
