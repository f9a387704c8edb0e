/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The table of trunks: who a stranger's address belongs to, how many calls a trunk has and may
 * have, at which targets it can be reached, which of them are alive, and how to address them. Pure: time and outcomes come in as
 * arguments, what is to be done comes out as actions. It never sends and never reads a clock.
 *
 * One thread. A trunk id is valid as long as the table, also across reloads: a trunk that left
 * the configuration keeps its id until its last call has ended. Ids are NOT stable over a
 * restart of the process: journals keep the name (trunk_find_by_name).
 */
#ifndef TD_TRUNK_TRUNK_H
#define TD_TRUNK_TRUNK_H

#include "config/config.h"
#include "resolver/target.h"
#include "transaction/transaction.h"

#include <tandem/compiler.h>
#include <tandem/endpoint.h>

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

typedef uint32_t trunk_id;
#define TRUNK_NONE UINT32_MAX

/* Names a target of one trunk: slot and generation. Valid until the target leaves the list;
 * then it is recognised as gone. NOT stable over a restart (trunk_find_target()). */
typedef uint16_t trunk_target_id;
#define TRUNK_TARGET_NONE UINT16_MAX

enum {
	TRUNK_URI_BYTES = 256,
	/* Ids are below this: retired trunks keep theirs while calls last, so there are more ids
	 * than names. */
	TRUNK_IDS_MAX = 2 * CONFIG_TRUNKS_MAX,
	TRUNK_ACTIONS_MAX = 2, /* per step */
};

/* Of a target; a trunk has the state of its best target. */
enum trunk_state {
	TRUNK_UNKNOWN, /* nothing heard yet: used as if up */
	TRUNK_UP,
	TRUNK_DOWN,	 /* skipped while another is left */
	TRUNK_NO_TARGET, /* of a trunk alone: its name means nothing, so it can't be called */
	TRUNK_STATE_COUNT
};

/* "unknown", "up", "down", "no_target" */
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

/* The trunk whose source prefix matches address longest, else one whose sources follow a target
 * of that address, else TRUNK_NONE: a stranger. A retired
 * trunk is found while it has calls; trunk_call_begin() then refuses new ones. */
trunk_id trunk_find_by_source(
	const struct trunk_table *table, const struct td_ip *address, enum sip_transport transport);
/* True if the address is the trunk's alone (/32, /128), not one of a prefix. */
bool trunk_source_is_single(
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

/* What the trunk's name means now, in place of what it meant before; count up to
 * RESOLVER_TARGETS_MAX, 0: nothing. Targets that stay keep what was learnt of them. A trunk whose
 * target is an address needs no such call. -ENOMEM: the list was taken, but sources that follow it
 * are those of before. */
td_must_check int trunk_set_targets(struct trunk_table *table, trunk_id id,
	const struct resolver_target *list, uint32_t count, uint64_t now_ms);

/* How many targets the trunk has now. */
unsigned trunk_target_count(const struct trunk_table *table, trunk_id id);

/* What a request has tried so far. */
struct trunk_attempt {
	uint32_t tried;	      /* bits that trunk_choose_target() has set */
	trunk_target_id last; /* what failed just now: its server's other addresses come first */
	bool is_last_resort;  /* also targets that are down or said Retry-After */
};
/* Picks the target for the next try and marks it as tried. -ENOENT (no such trunk),
 * -EDESTADDRREQ (the trunk has no target), -EHOSTDOWN (none is left to try). */
td_must_check int trunk_choose_target(const struct trunk_table *table, trunk_id id,
	struct trunk_attempt *attempt, uint64_t random, uint64_t now_ms);
/* The bit that stands for a target in trunk_attempt.tried. */
uint32_t trunk_target_bit(trunk_target_id target);
/* The target that a flow leads to: that address and transport, or else that address.
 * TRUNK_TARGET_NONE: none of the trunk's. */
trunk_target_id trunk_find_target(
	const struct trunk_table *table, trunk_id id, const struct sip_flow *flow);
/* The same of a flow that the trunk's word came by; if it has one target alone, that one: a peer
 * may speak from other addresses than it listens on. */
trunk_target_id trunk_guess_target(
	const struct trunk_table *table, trunk_id id, const struct sip_flow *flow);

/* Flow of a request to a target of the trunk: our listener of its transport and family, the one
 * on the trunk's media address before the first, and the target's address. -ENOENT (no such
 * trunk or target), -EAFNOSUPPORT (no listener fits). */
td_must_check int trunk_target_flow(const struct trunk_table *table, trunk_id id,
	trunk_target_id target, struct sip_flow *ret_flow);
/* The same to whichever target is best now. -EDESTADDRREQ: there is none. */
td_must_check int trunk_next_hop(
	const struct trunk_table *table, trunk_id id, struct sip_flow *ret_flow);
/* Sets flow->local to our listener of flow->transport: the one on the same address, or the first
 * of the same family. -EAFNOSUPPORT: there is none, and flow stays as it is. */
td_must_check int trunk_local_end(const struct trunk_table *table, struct sip_flow *flow);
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

/* Health: what was learnt about a target. */
enum trunk_event {
	TRUNK_OPTIONS_ANSWERED, /* any final response but 408, 503 */
	TRUNK_OPTIONS_FAILED,	/* timeout, transport error, 408, 503 */
	TRUNK_CALL_ANSWERED,	/* any response to an INVITE but 408, 503; or a request from it
				 * that nobody can have forged */
	TRUNK_CALL_FAILED,	/* 408 or 503 */
	TRUNK_CALL_UNANSWERED,	/* INVITE timed out without any response, or transport error */
	TRUNK_TIMER,		/* trunk_deadline() has come */
	TRUNK_EVENT_COUNT
};

struct trunk_news {
	trunk_id id;
	trunk_target_id target;
	enum trunk_event event;
};

enum trunk_action_kind {
	TRUNK_SEND_OPTIONS,  /* send OPTIONS to target; tell OPTIONS_ANSWERED or OPTIONS_FAILED */
	TRUNK_STATE_CHANGED, /* of the trunk: for the log, the event stream and metrics */
};

struct trunk_action {
	enum trunk_action_kind kind;
	trunk_id id;
	trunk_target_id target;
	enum trunk_state from; /* STATE_CHANGED */
	enum trunk_state to;
};

struct trunk_actions {
	uint32_t count;
	struct trunk_action list[TRUNK_ACTIONS_MAX];
};

/* Advances the health machine of one target. actions is emptied first. News of unknown or vacant
 * ids do nothing. */
void trunk_step(struct trunk_table *table, const struct trunk_news *news, uint64_t now_ms,
	struct trunk_actions *actions);
/* Earliest deadline of all targets, TD_NEVER if none. */
uint64_t trunk_deadline(const struct trunk_table *table);
/* True if a target's deadline has come; step *ret_news, then ask again. */
bool trunk_due(const struct trunk_table *table, uint64_t now_ms, struct trunk_news *ret_news);
/* The target has answered 503 with Retry-After (RFC 3261 21.5.4): others are preferred until
 * then. */
void trunk_avoid(struct trunk_table *table, trunk_id id, trunk_target_id target, uint64_t until_ms);

/* True if the trunk can be sent a call: it isn't retired or full, and a target is live. */
bool trunk_is_usable(const struct trunk_table *table, trunk_id id, uint64_t now_ms);

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
struct trunk_target_status {
	struct resolver_target target;
	enum trunk_state state;
	uint64_t state_since_ms;
	uint64_t avoided_until_ms; /* 0 or past: not avoided */
	uint64_t options_sent;
	uint64_t options_failed;
};
/* The target in slot *cursor or behind it, which begins at 0 and moves on. False: no more. */
bool trunk_next_target(const struct trunk_table *table, trunk_id id, uint32_t *cursor,
	struct trunk_target_status *ret_status);

/* What status displays show. -ENOENT. */
td_must_check int trunk_get_status(
	const struct trunk_table *table, trunk_id id, struct trunk_status *ret_status);

#endif
