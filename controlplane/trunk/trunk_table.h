/* SPDX-License-Identifier: Apache-2.0 */
/* What the files of trunk/ share. Internal to trunk/. */
#ifndef TD_TRUNK_TRUNK_TABLE_H
#define TD_TRUNK_TRUNK_TABLE_H

#include "config/config.h"
#include "trunk/source_index.h"
#include "trunk/trunk.h"

#include <stdbool.h>
#include <stdint.h>

enum {
	/* Retired trunks keep their slots while calls last, so there are more slots than names. */
	TRUNK_SLOTS_MAX = 2 * CONFIG_TRUNKS_MAX,
};

struct trunk {
	bool is_used;
	bool is_retired;
	uint32_t failures; /* weighted, since the last sign of life */
	uint32_t probes;   /* OPTIONS, or waits, since it went down */
	uint32_t calls;
	enum trunk_state state;
	uint64_t due_ms; /* next OPTIONS; TD_NEVER */
	uint64_t state_since_ms;
	uint64_t calls_total;
	uint64_t calls_refused_full;
	uint64_t options_sent;
	uint64_t options_failed;
	struct config_trunk config;
};

struct trunk_table {
	uint32_t slot_count;	      /* slots in use or vacant; never falls */
	struct trunk *slots;	      /* owns: TRUNK_SLOTS_MAX */
	struct source_index *sources; /* owns */
	uint64_t random;	      /* state of the jitter's generator */
	uint64_t due_ms;	      /* no trunk's deadline is earlier */
	struct config_sip sip;
	struct config_media media;
};

/* Puts a trunk's machine at its beginning. */
void trunk_health_begin(struct trunk_table *table, struct trunk *trunk, uint64_t now_ms);

#endif
