/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The bucket against a naive one that counts fractions of tokens: random rates, bursts and times.
 * An argument is the seed to repeat.
 */
#include "defence/bucket.h"

#include <stdio.h>
#include <stdlib.h>

enum {
	RUNS = 400,
	STEPS = 2000,
};

static uint64_t random_next(uint64_t *state)
{
	*state ^= *state << 13;
	*state ^= *state >> 7;
	*state ^= *state << 17;
	return *state;
}

/* Time in units in which a token's interval is a whole number, so that nothing is rounded. */
struct model {
	uint64_t level; /* tokens * interval */
	uint64_t last_ns;
};

static bool model_take(struct model *model, const struct bucket_rate *rate, uint64_t now_ns)
{
	uint64_t interval_ns = 1000000000u / rate->per_s;
	uint64_t most = interval_ns * rate->burst;

	model->level += now_ns - model->last_ns;
	model->level = model->level < most ? model->level : most;
	model->last_ns = now_ns;
	if (model->level < interval_ns)
		return false;
	model->level -= interval_ns;
	return true;
}

static void run(uint64_t *random, uint64_t seed, unsigned number)
{
	const struct bucket_rate rate = {.per_s = 1 + (uint32_t)(random_next(random) % 2000),
		.burst = 1 + (uint32_t)(random_next(random) % 300)};
	uint64_t now_ms = 1000000;
	struct bucket bucket = {0};
	struct model model = {.level = UINT64_MAX / 2, .last_ns = now_ms * 1000000};

	for (unsigned step = 0; step < STEPS; step++) {
		bool expected;

		if (random_next(random) % 3 == 0)
			now_ms += random_next(random) % (1 + 4000 / rate.per_s);
		expected = model_take(&model, &rate, now_ms * 1000000);
		if (bucket_has(&bucket, &rate, now_ms) == expected &&
			bucket_take(&bucket, &rate, now_ms) == expected)
			continue;
		(void)fprintf(stderr, "seed %llu run %u step %u: rate %u burst %u, expected %d\n",
			(unsigned long long)seed, number, step, rate.per_s, rate.burst, expected);
		abort();
	}
}

int main(int argc, char **argv)
{
	uint64_t seed = argc > 1 ? strtoull(argv[1], NULL, 0) : 20260105;
	uint64_t random = seed;

	for (unsigned number = 0; number < RUNS; number++)
		run(&random, seed, number);
	return EXIT_SUCCESS;
}
