/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Gauges and warnings, see watch.h. Utilisation is busy cycles of all cycles: a polling thread's
 * CPU time says nothing.
 */
#include "control/watch.h"

#include "control/commander.h"
#include "control/control.h"
#include "control/state.h"
#include "port/kernel_path.h"
#include "termination/table.h"

#include <tandem/log.h>
#include <tandem/time.h>

#include <dirent.h>
#include <string.h>

enum {
	WATCH_GAUGES_NS = 100 * TD_NS_PER_MS,
	WATCH_LOOK_NS = TD_NS_PER_S,
	WATCH_OVERLOAD_PERCENT = 85, /* design: admission closes there */
};

static void watch_set(_Atomic uint64_t *gauge, uint64_t value)
{
	/* partner: td_counter_read in any process */
	atomic_store_explicit(gauge, value, memory_order_relaxed);
}

static uint64_t watch_count_descriptors(void)
{
	DIR *directory = opendir("/proc/self/fd");
	uint64_t count = 0;

	if (directory == NULL)
		return 0;
	while (readdir(directory) != NULL)
		count++;
	(void)closedir(directory);
	return count - 3; /* ".", ".." and the directory itself */
}

static void watch_gauge(struct watch *watch)
{
	struct td_counters *counters = watch->config->state->counters;
	struct termination_table_gauges gauges;

	termination_table_gauges(watch->table, &gauges);
	watch_set(&counters->terminations_in_use, gauges.live + gauges.retired);
	watch_set(&counters->contexts_in_use, gauges.contexts);
	watch_set(&counters->ports_resting, gauges.resting);
	watch_set(&counters->mbufs_in_use, watch->config->count_mbufs(watch->config->sink));
	watch_set(&counters->exception_refused, watch->config->kernel_path->refused);
}

static void watch_look(struct watch *watch, uint32_t index)
{
	const struct td_worker_counters *counters = &watch->config->state->counters->workers[index];
	struct watch_worker now = {
		.loops = td_counter_read(&counters->loops),
		.busy_cycles = td_counter_read(&counters->busy_cycles),
		.idle_cycles = td_counter_read(&counters->idle_cycles),
	};
	struct watch_worker *before = &watch->workers[index];
	uint64_t busy = now.busy_cycles - before->busy_cycles;
	uint64_t all = busy + now.idle_cycles - before->idle_cycles;
	struct td_notify overload = {.kind = TD_NOTIFY_OVERLOAD};

	if (now.loops == before->loops)
		td_log(TD_LOG_ERR, "worker: %u: stands still for a second", index);
	if (before->loops != 0 && all > 0 && busy * 100 / all >= WATCH_OVERLOAD_PERCENT) {
		overload.detail = (uint16_t)(busy * 100 / all);
		overload.wall_ns = td_wall_ns();
		commander_notify(watch->commander, &overload);
	}
	*before = now;
}

void watch_init(struct watch *watch, const struct control_config *config,
	const struct termination_table *table, struct commander *commander)
{
	memset(watch, 0, sizeof(*watch));
	watch->config = config;
	watch->table = table;
	watch->commander = commander;
	watch->looked_ns = td_mono_ns();
}

void watch_step(struct watch *watch, uint64_t now_ns)
{
	if (td_since(now_ns, watch->gauged_ns) >= WATCH_GAUGES_NS) {
		watch->gauged_ns = now_ns;
		watch_gauge(watch);
	}
	if (td_since(now_ns, watch->looked_ns) < WATCH_LOOK_NS)
		return;
	watch->looked_ns = now_ns;
	watch_set(&watch->config->state->counters->descriptors_open, watch_count_descriptors());
	for (uint32_t i = 0; i < watch->config->worker_count; i++)
		watch_look(watch, i);
}
