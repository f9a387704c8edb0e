/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Carries out what the control thread asked for. Called by the worker's loop for each element of
 * its command ring.
 */
#include "termination/change.h"

#include "termination/report.h"
#include "termination/termination.h"

void termination_change_run(
	struct termination_sweep *sweep, const struct termination_change *change, uint64_t now_ns)
{
	uint8_t own = (uint8_t)(sweep->worker + 1);
	struct termination *termination;

	/* Late: the slot went to somebody else, or was given back, before this was read. */
	if (change->slot >= sweep->capacity ||
		atomic_load_explicit(&sweep->owners[change->slot], memory_order_acquire) != own)
		return;
	termination = &sweep->terminations[change->slot];
	if (termination->match.generation != change->generation)
		return;
	if (change->kind == TERMINATION_CHANGE_APPLY) {
		termination_apply(termination, &change->spec, now_ns);
		if (change->has_moved != 0)
			termination_part_feeds(termination);
	} else if (change->kind == TERMINATION_CHANGE_RELEASE) {
		report_rate(termination);
		termination_sweep_report(termination, sweep, true, now_ns);
		/* partner: acquire load in termination_table_begin_grace */
		atomic_store_explicit(&sweep->owners[change->slot], 0, memory_order_release);
	}
}
