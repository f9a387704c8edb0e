/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What is remembered of the addresses that requests come from: how fast they ask, how often they
 * failed, whether they are banned. Bounded, and of no use to whoever forges addresses: each has two
 * sets of four places, found by a keyed hash; a place is given to another address only when it
 * holds nothing that a new one wouldn't. Who has proved to be reachable (by credentials that need
 * an answer of ours) keeps his place. Addresses for which there is no place share one bucket.
 *
 * Pure; one thread.
 */
#ifndef TD_DEFENCE_SOURCES_H
#define TD_DEFENCE_SOURCES_H

#include "defence/bucket.h"
#include "util/siphash.h"

#include <tandem/compiler.h>
#include <tandem/endpoint.h>

#include <stdbool.h>
#include <stdint.h>

struct sources;

/* What an address can do wrong. */
enum source_fault {
	SOURCE_FAULT_AUTH, /* wrong credentials */
	SOURCE_FAULT_MALFORMED,
	SOURCE_FAULT_SCANNER,
	SOURCE_FAULT_COUNT
};

struct source_deed {
	enum source_fault fault;
	bool may_be_forged; /* by whoever sends datagrams in its name */
};

struct source_rules {
	struct bucket_rate rate;
	uint32_t ban_s; /* first ban; 0: none */
	uint32_t ban_max_s;
	uint32_t faults_max[SOURCE_FAULT_COUNT]; /* in a minute; the next one bans. 0: never */
};

/* Creates a table for about capacity addresses. -ENOMEM. */
td_must_check int sources_create(
	uint32_t capacity, const uint8_t seed[SIPHASH_SEED_BYTES], struct sources **ret_sources);
/* NULL is allowed. */
void sources_destroy(struct sources *sources);

/* Takes a token of the address's bucket. */
td_must_check bool sources_take(struct sources *sources, const struct td_ip *ip,
	const struct source_rules *rules, uint64_t now_ms);
/* The address answered a challenge of ours: it is no forgery. */
void sources_note_proof(struct sources *sources, const struct td_ip *ip, uint64_t now_ms);
/* The address did something wrong. One that has proved itself isn't banned for what somebody else
 * may have sent in its name. True if it is banned from now on. */
bool sources_note_fault(struct sources *sources, const struct td_ip *ip,
	const struct source_deed *deed, const struct source_rules *rules, uint64_t now_ms);

bool sources_is_banned(const struct sources *sources, const struct td_ip *ip, uint64_t now_ms);
/* The operator's bans. until_ms may be TD_NEVER. -ENOSPC: no place. */
td_must_check int sources_ban(
	struct sources *sources, const struct td_ip *ip, uint64_t until_ms, uint64_t now_ms);
/* True if it was banned. Forgets earlier bans too. */
bool sources_unban(struct sources *sources, const struct td_ip *ip, uint64_t now_ms);

/* One banned address. */
struct source_ban {
	struct td_ip ip;
	uint64_t until_ms; /* TD_NEVER: until unbanned */
	uint32_t bans;	   /* so far */
	bool is_manual;
};
/* Walks the banned ones: *cursor 0 to begin; false at the end. */
bool sources_next_ban(const struct sources *sources, uint32_t *cursor, uint64_t now_ms,
	struct source_ban *ret_ban);

#endif
