/* SPDX-License-Identifier: Apache-2.0 */
/* What the files of trunk/ share. Internal to trunk/. */
#ifndef TD_TRUNK_TRUNK_TABLE_H
#define TD_TRUNK_TRUNK_TABLE_H

#include "config/config.h"
#include "trunk/source_index.h"
#include "trunk/trunk.h"

#include <stdbool.h>
#include <stdint.h>

/* What was learnt of one target. */
struct trunk_health {
	uint8_t state;	    /* enum trunk_state */
	uint8_t generation; /* of the slot: a former target's id is recognised */
	uint16_t failures;  /* weighted, since the last sign of life */
	uint32_t probes;    /* OPTIONS, or waits, since it went down */
	uint64_t due_ms;    /* next OPTIONS; TD_NEVER */
	uint64_t state_since_ms;
	uint64_t avoided_until_ms; /* it said Retry-After */
	uint64_t options_sent;
	uint64_t options_failed;
};

struct trunk {
	bool is_used;
	bool is_retired;
	uint8_t next_slot; /* where a free slot is looked for */
	uint8_t state;	   /* enum trunk_state: that of the best target */
	uint32_t calls;
	uint32_t listed; /* bit per slot: may be sent to */
	uint32_t
		departed; /* left the list while calls were up: still a source, if sources follow */
	uint64_t due_ms;  /* earliest of the targets */
	uint64_t state_since_ms;
	uint64_t calls_total;
	uint64_t calls_refused_full;
	uint64_t options_sent;
	uint64_t options_failed;
	struct config_trunk config;
	struct resolver_target targets[RESOLVER_SELECT_MAX]; /* slots; valid if listed */
	struct trunk_health health[RESOLVER_SELECT_MAX];
};

struct trunk_table {
	uint32_t slot_count;	       /* slots in use or vacant; never falls */
	struct trunk *slots;	       /* owns: TRUNK_IDS_MAX */
	struct source_index *sources;  /* owns: what the configuration says */
	struct source_index *followed; /* owns: addresses of targets; asked second */
	uint64_t random;	       /* state of the jitter's generator */
	uint64_t due_ms;	       /* no trunk's deadline is earlier */
	struct config_sip sip;
	struct config_media media;
};

/* The trunk of that id, or NULL. */
struct trunk *trunk_at(const struct trunk_table *table, trunk_id id);

/* Bits of the transports that the trunk's requests may come by. */
uint32_t trunk_transport_mask(const struct config_trunk *config);

/* True if the trunk's sources follow its targets. */
bool trunk_follows(const struct trunk *trunk);
/* Makes the index of such sources anew. -ENOMEM: the old one stays. */
td_must_check int trunk_follow(struct trunk_table *table);

/* Puts the machine of the target in slot at its beginning. */
void trunk_health_begin(
	struct trunk_table *table, struct trunk *trunk, unsigned slot, uint64_t now_ms);
/* Works out the table's deadline from its trunks'. */
void trunk_health_schedule(struct trunk_table *table);
/* Works out the trunk's state and the deadlines from its targets'. */
void trunk_health_sum(struct trunk_table *table, struct trunk *trunk, uint64_t now_ms);

/* Takes the list of targets; those that stay keep what was learnt of them. True if addresses came
 * or went. */
bool trunk_targets_take(struct trunk_table *table, struct trunk *trunk,
	const struct resolver_target *list, uint32_t count, uint64_t now_ms);
/* Begins the machines of all targets anew. */
void trunk_targets_begin(struct trunk_table *table, struct trunk *trunk, uint64_t now_ms);
/* The target that the configuration names by its address, or none. */
void trunk_targets_from_config(struct trunk_table *table, struct trunk *trunk, uint64_t now_ms);
/* The slot of that id, or RESOLVER_SELECT_MAX if it is no target any more. */
unsigned trunk_targets_slot(const struct trunk *trunk, trunk_target_id target);
trunk_target_id trunk_targets_id(const struct trunk *trunk, unsigned slot);
/* Bits of the targets that are neither down nor to be avoided. */
uint32_t trunk_targets_live(const struct trunk *trunk, uint64_t now_ms);

#endif
