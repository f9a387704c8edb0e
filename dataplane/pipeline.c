/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Runs the stages, see pipeline.h. One call through a pointer per stage and burst; what happens
 * to a packet is decided in stage/, and what to do with its verdict in worker.c.
 */
#include "pipeline.h"

#include "stage/burst.h"
#include "stage/context.h"

#include <tandem/counters.h>
#include <tandem/cycles.h>
#include <tandem/time.h>

#include <assert.h>

static_assert((int)STAGE_ID_COUNT <= (int)TD_STAGE_SLOTS, "stage/map.h outgrew counters.h");

static stage_function *const pipeline_stages[] = {
#define PIPELINE_STAGE(name, help) stage_##name,
	STAGE_MAP(PIPELINE_STAGE)
#undef PIPELINE_STAGE
};

static void pipeline_run_sampled(struct burst *burst, struct stage_context *context)
{
	uint64_t before_cycles = td_cycles();

	td_counter_add(&context->counters->sampled_packets, burst->count);
	for (unsigned i = 0; i < STAGE_ID_COUNT; i++) {
		uint64_t after_cycles;

		pipeline_stages[i](burst, context);
		after_cycles = td_cycles();
		td_counter_add(&context->counters->sampled_cycles[i],
			td_since(after_cycles, before_cycles));
		before_cycles = after_cycles;
	}
}

void pipeline_run(struct pipeline *pipeline, struct burst *burst, struct stage_context *context)
{
	if (pipeline->bursts++ % PIPELINE_SAMPLE_EVERY == 0) {
		pipeline_run_sampled(burst, context);
		return;
	}
	for (unsigned i = 0; i < STAGE_ID_COUNT; i++)
		pipeline_stages[i](burst, context);
}

void pipeline_run_originated(struct burst *burst, struct stage_context *context)
{
	stage_readdress(burst, context);
	stage_account(burst, context);
}

void pipeline_print_map(FILE *out)
{
	for (unsigned i = 0; i < STAGE_ID_COUNT; i++)
		(void)fprintf(out, "%-10s %s\n", stage_name(i), stage_help(i));
}
