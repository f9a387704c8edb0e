/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What name servers have said, for as long as it holds, and how long it may be used beyond that
 * when none of them answers any more (serve-stale, RFC 8767); also what does not exist (RFC
 * 2308). Whoever looks something up that is missing or about to expire makes it a question to
 * ask. Bounded: the name not looked up for longest makes room. Pure.
 */
#ifndef TD_RESOLVER_CACHE_H
#define TD_RESOLVER_CACHE_H

#include "resolver/answer.h"
#include "resolver/name.h"
#include "util/siphash.h"

#include <tandem/compiler.h>

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* Names an entry; of one that went it is recognised as stale. 0: none. */
typedef uint64_t cache_id;

struct cache_config {
	uint32_t names_max;	 /* entries: a name and a type each */
	uint32_t min_ttl_s;	 /* shorter TTLs are taken for this */
	uint32_t max_ttl_s;	 /* longer ones for this */
	uint32_t negative_ttl_s; /* the same for what does not exist */
	uint32_t stale_s;	 /* used for this long after its TTL while no server answers */
	uint8_t seed[SIPHASH_SEED_BYTES];
};

enum cache_state {
	CACHE_PENDING, /* not known yet */
	CACHE_FOUND,
	CACHE_ALIAS,
	CACHE_ABSENT,
	CACHE_FAILED, /* no server says anything, and there is nothing old */
};

struct cache_view {
	cache_id id;
	enum cache_state state;
	bool is_stale;	  /* its TTL is over */
	bool is_asked;	  /* a question is out, or is to be asked now */
	uint64_t next_ms; /* when to look again, if no answer comes before; TD_NEVER */
	uint32_t record_count;
	const struct answer_record *records; /* FOUND; borrows until the cache is next stored to */
	const char *names;		     /* of the records */
	struct span alias;		     /* ALIAS; borrows as records */
};

/* Something to ask a name server. */
struct cache_question {
	cache_id id;
	uint16_t type;
	struct name name;
};

struct cache;

/* Creates an empty cache. config is copied. -ENOMEM, -EINVAL. */
td_must_check int cache_create(const struct cache_config *config, struct cache **ret_cache);
void cache_destroy(struct cache *cache);
/* Takes other limits, but for names_max and seed; they count for answers to come. */
void cache_configure(struct cache *cache, const struct cache_config *config);

/* Looks a name up. What has to be asked becomes a question for cache_next_question(). */
void cache_look(struct cache *cache, const struct name *name, uint16_t type, uint64_t now_ms,
	struct cache_view *ret_view);
/* The next question to ask, which then is asked. False: there is none. */
bool cache_next_question(struct cache *cache, uint64_t now_ms, struct cache_question *ret_question);
/* True if a question waits to be asked. */
bool cache_has_question(const struct cache *cache);

/* The question that is out for id; false if there is none, or no more. */
bool cache_find_question(
	const struct cache *cache, cache_id id, struct cache_question *ret_question);
/* Its answer has come: a message that was read, or NULL: none came, or a useless one. */
void cache_store(struct cache *cache, cache_id id, const struct answer *answer, uint64_t now_ms);

/* X(name, help) */
#define CACHE_COUNTERS(X)                                                        \
	X(hits, "lookups of names that were known")                              \
	X(misses, "lookups of names that had to be asked for")                   \
	X(stale_hits, "lookups answered with what had expired")                  \
	X(stored, "answers stored")                                              \
	X(stored_absent, "of them: the name or its type does not exist")         \
	X(failed, "questions without a useful answer")                           \
	X(records_left_out, "records of answers that could not be used or kept") \
	X(evicted, "names that made room for others")                            \
	X(refused_full, "lookups refused because all names waited for answers")  \
	X(refused_memory, "answers lost for want of memory")

struct cache_counts {
#define CACHE_COUNTER_FIELD(name, help) uint64_t name;
	CACHE_COUNTERS(CACHE_COUNTER_FIELD)
#undef CACHE_COUNTER_FIELD
	uint32_t names; /* now */
	uint32_t asked; /* questions out now */
	uint64_t bytes; /* of memory, all together */
};
struct cache_counts cache_get_counts(const struct cache *cache);

/* Tests only: the n-th allocation from now on fails. */
void cache_fail_nth(struct cache *cache, uint32_t n);

#endif
