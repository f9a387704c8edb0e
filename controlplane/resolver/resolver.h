/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Keeps what the names of peers mean up to date, ahead of whoever needs it: each watched name has
 * a list of targets, asked for again before its records expire and kept while no name server
 * answers. Nobody ever waits for it. Pure: questions leave and answers come through a sink.
 *
 * One thread.
 */
#ifndef TD_RESOLVER_RESOLVER_H
#define TD_RESOLVER_RESOLVER_H

#include "resolver/cache.h"
#include "resolver/locate.h"
#include "resolver/target.h"

#include <tandem/compiler.h>

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct resolver_config {
	struct cache_config cache;
	struct resolver_support support;
	uint32_t watches_max; /* ids are below it */
	uint32_t queries_max; /* out at a time */
};

/* Where actions go. The functions may be called from every function below that takes the time;
 * only resolver_answer() may be called from inside ask. */
struct resolver_sink {
	void *context;
	/* Asks a name server. id comes back with the answer. name ends with a zero and borrows
	 * until the function returns. */
	void (*ask)(void *context, cache_id id, const char *name, uint16_t type);
	/* The watched name has other targets than before; none if count is 0. */
	void (*changed)(void *context, uint32_t watch, const struct resolver_target *targets,
		uint32_t count);
};

struct resolver;

/* Creates a resolver that watches nothing. -ENOMEM, -EINVAL. */
td_must_check int resolver_create(const struct resolver_config *config,
	const struct resolver_sink *sink, struct resolver **ret_resolver);
void resolver_destroy(struct resolver *resolver);
/* Takes other TTL limits and listeners; every name is looked at again. */
void resolver_configure(
	struct resolver *resolver, const struct resolver_config *config, uint64_t now_ms);

/* Begins to watch a peer under that id; another peer under the same id replaces it, the same one
 * changes nothing. The list of a new one is empty until sink.changed is told. -EINVAL: no such
 * id. */
int resolver_watch(struct resolver *resolver, uint32_t watch, const struct resolver_peer *peer,
	uint64_t now_ms);
/* Ends it; sink.changed is not told. */
void resolver_unwatch(struct resolver *resolver, uint32_t watch);
/* After a restart: targets that the watched name had before. They stand until something is learnt
 * of it, but no longer than until_ms. sink.changed is not told. */
void resolver_remember(struct resolver *resolver, uint32_t watch,
	const struct resolver_target *targets, uint32_t count, uint64_t until_ms);

/* The answer to a question; message NULL: none came. Stale ids do nothing. */
void resolver_answer(struct resolver *resolver, cache_id id, const uint8_t *message, size_t length,
	uint64_t now_ms);
/* Does what is due. */
void resolver_advance(struct resolver *resolver, uint64_t now_ms);
/* When something is due next, TD_NEVER. */
uint64_t resolver_deadline(const struct resolver *resolver);

struct resolver_status {
	uint32_t count;		   /* targets */
	bool is_known;		   /* a list was learnt, be it empty */
	bool is_stale;		   /* from before: no name server answers */
	enum locate_reason reason; /* why there are no new targets */
	uint64_t known_ms;	   /* when it was last learnt completely */
	uint64_t next_ms;	   /* when it is looked at again; TD_NEVER: an answer is awaited */
};
/* -ENOENT: nothing is watched under that id. */
td_must_check int resolver_get_status(
	const struct resolver *resolver, uint32_t watch, struct resolver_status *ret_status);

/* Copies the targets of a watched name. Returns how many; 0 also if nothing is watched. */
uint32_t resolver_get_targets(const struct resolver *resolver, uint32_t watch,
	struct resolver_target targets[RESOLVER_TARGETS_MAX]);

/* X(name, help) */
#define RESOLVER_COUNTERS(X)                                    \
	X(asked, "questions put to name servers")               \
	X(answered, "answers that could be read")               \
	X(malformed, "answers that could not be read")          \
	X(unanswered, "questions that no name server answered") \
	X(changes, "names whose targets changed")               \
	X(targets_left_out, "targets that could not be used, or beyond the largest number")

struct resolver_counts {
#define RESOLVER_COUNTER_FIELD(name, help) uint64_t name;
	RESOLVER_COUNTERS(RESOLVER_COUNTER_FIELD)
#undef RESOLVER_COUNTER_FIELD
	struct cache_counts cache;
};
struct resolver_counts resolver_get_counts(const struct resolver *resolver);

#endif
