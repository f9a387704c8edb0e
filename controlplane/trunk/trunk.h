/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The table of trunks: who a stranger's address belongs to, how many calls a trunk has and may
 * have, whether its far end is alive, and how to address it. Pure: time and outcomes come in as
 * arguments, what is to be done comes out as actions. It never sends and never reads a clock.
 *
 * One thread. A trunk id is valid as long as the table, also across reloads: a trunk that left
 * the configuration keeps its id until its last call has ended. Ids are NOT stable over a
 * restart of the process: journals keep the name (trunk_find_by_name).
 */
#ifndef TD_TRUNK_TRUNK_H
#define TD_TRUNK_TRUNK_H

#include "config/config.h"
#include "transaction/transaction.h"

#include <tandem/compiler.h>
#include <tandem/endpoint.h>

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

typedef uint32_t trunk_id;
#define TRUNK_NONE UINT32_MAX

enum {
	TRUNK_URI_BYTES = 256,
	TRUNK_ACTIONS_MAX = 2, /* per step */
};

enum trunk_state {
	TRUNK_UNKNOWN, /* nothing heard yet: used as if up */
	TRUNK_UP,
	TRUNK_DOWN, /* skipped while another destination is left */
	TRUNK_STATE_COUNT
};

/* "unknown", "up", "down" */
const char *trunk_state_name(enum trunk_state state);

struct trunk_table;

/* Creates the table from a configuration. seed drives the jitter of OPTIONS and the hash.
 * Copies what it needs, secrets too (wiped on destroy). -ENOMEM. */
td_must_check int trunk_table_create(const struct config *config, uint64_t seed, uint64_t now_ms,
	struct trunk_table **ret_table);
/* Wipes secrets and frees; NULL is allowed. */
void trunk_table_destroy(struct trunk_table *table);

/* Takes over a new configuration: calls, states and ids of trunks that stay (same name) are
 * kept; a changed target makes the state unknown again. -ENOMEM, -ENOSPC (too many retired trunks
 * still have calls): nothing has changed. */
td_must_check int trunk_table_reload(
	struct trunk_table *table, const struct config *config, uint64_t now_ms);

/* The trunk whose source prefix matches address longest, or TRUNK_NONE: a stranger. A retired
 * trunk is found while it has calls; trunk_call_begin() then refuses new ones. */
trunk_id trunk_find_by_source(
	const struct trunk_table *table, const struct td_ip *address, enum sip_transport transport);
/* The trunk of that name, also a retired one; or TRUNK_NONE. */
trunk_id trunk_find_by_name(const struct trunk_table *table, const char *name);
/* Ids run from 0 to this minus 1; some may be vacant (trunk_config gives NULL). */
uint32_t trunk_table_size(const struct trunk_table *table);

/* The trunk's configuration, NULL if id is none or vacant. Borrows until the next reload. */
const struct config_trunk *trunk_config(const struct trunk_table *table, trunk_id id);
/* True if the trunk was taken out of the configuration and only finishes its calls. */
bool trunk_is_retired(const struct trunk_table *table, trunk_id id);

/* Takes a place for a call. -EBUSY: the trunk has max_calls; -ENOENT: no such trunk. */
td_must_check int trunk_call_begin(struct trunk_table *table, trunk_id id);
/* Gives the place back. For a call that a restart brought back, use trunk_call_restore() before:
 * it takes a place whatever the limit. */
void trunk_call_end(struct trunk_table *table, trunk_id id);
void trunk_call_restore(struct trunk_table *table, trunk_id id);

/* Flow of a request to the trunk: our listener of its transport and family, the one on the
 * trunk's media address before the first, and the target's address. -ENOENT (no such trunk), -EDESTADDRREQ (target is a name),
 * -EAFNOSUPPORT (no listener fits). */
td_must_check int trunk_next_hop(
	const struct trunk_table *table, trunk_id id, struct sip_flow *ret_flow);
/* SIP or SIPS, as its target has it. */
enum sip_scheme trunk_scheme(const struct trunk_table *table, trunk_id id);
/* Writes the request URI "sip:NUMBER@HOST[:PORT][;transport=tcp]" or "sips:NUMBER@HOST[:PORT]",
 * zero-terminated; an empty number leaves the user part out. Escapes what RFC 3261 25.1 demands. -ENOSPC, -ENOENT. */
td_must_check int trunk_uri(const struct trunk_table *table, trunk_id id, struct span number,
	char uri[TRUNK_URI_BYTES]);
/* Media address to use towards the trunk for a family; TD_FAMILY_NONE: whatever is configured
 * first. Its family is NONE if the appliance has none that fits. */
struct td_ip trunk_media_address(
	const struct trunk_table *table, trunk_id id, enum td_family family);

/* Health: what was learnt about the far end. */
enum trunk_event {
	TRUNK_OPTIONS_ANSWERED, /* any final response but 408, 503 */
	TRUNK_OPTIONS_FAILED,	/* timeout, transport error, 408, 503 */
	TRUNK_CALL_ANSWERED,	/* any response to an INVITE but 408, 503; or a request from it */
	TRUNK_CALL_FAILED,	/* INVITE timed out without any response, transport error, 503 */
	TRUNK_TIMER,		/* trunk_deadline() has come */
	TRUNK_EVENT_COUNT
};

enum trunk_action_kind {
	TRUNK_SEND_OPTIONS,  /* send OPTIONS; answer with OPTIONS_ANSWERED or OPTIONS_FAILED */
	TRUNK_STATE_CHANGED, /* for the log, the event stream and metrics */
};

struct trunk_action {
	enum trunk_action_kind kind;
	trunk_id id;
	enum trunk_state from; /* STATE_CHANGED */
	enum trunk_state to;
};

struct trunk_actions {
	uint32_t count;
	struct trunk_action list[TRUNK_ACTIONS_MAX];
};

/* Advances the health machine of one trunk. actions is emptied first. Events for unknown or
 * vacant ids do nothing. */
void trunk_step(struct trunk_table *table, trunk_id id, enum trunk_event event, uint64_t now_ms,
	struct trunk_actions *actions);
/* Earliest deadline of all trunks, TD_NEVER if none. */
uint64_t trunk_deadline(const struct trunk_table *table);
/* A trunk whose deadline has come, or TRUNK_NONE; step it with TRUNK_TIMER, then ask again. */
trunk_id trunk_due(const struct trunk_table *table, uint64_t now_ms);

/* True unless the trunk is down, retired or full. */
bool trunk_is_usable(const struct trunk_table *table, trunk_id id);

struct trunk_status {
	enum trunk_state state;
	uint32_t calls;
	uint32_t max_calls; /* 0: no limit of its own */
	uint64_t calls_total;
	uint64_t calls_refused_full;
	uint64_t options_sent;
	uint64_t options_failed;
	uint64_t state_since_ms;
};
/* What status displays show. -ENOENT. */
td_must_check int trunk_get_status(
	const struct trunk_table *table, trunk_id id, struct trunk_status *ret_status);

#endif
