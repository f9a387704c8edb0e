/* SPDX-License-Identifier: Apache-2.0 */
#include "resolver/resolver.h"

#include <tandem/time.h>

#include <errno.h>
#include <stdlib.h>

enum {
	/* A name without any target takes what is known this long after it was asked for; the
	 * rest follows. */
	PATIENCE_MS = 500,
};

struct watch {
	bool is_used;
	bool is_dirty; /* to be looked at */
	bool is_known;
	bool is_stale;
	uint8_t reason; /* enum locate_reason */
	uint32_t count; /* of targets */
	uint32_t lookup_count;
	uint64_t pending_ms; /* since when answers are awaited; 0: they aren't */
	uint64_t known_ms;
	uint64_t next_ms;
	uint64_t keep_ms; /* the targets stand until then, whatever the cache has lost */
	struct resolver_peer peer;
	struct resolver_target targets[RESOLVER_TARGETS_MAX];
	cache_id lookups[LOCATE_LOOKUPS_MAX];
};

struct resolver {
	struct resolver_config config;
	struct resolver_sink sink;
	struct cache *cache;
	struct watch *watches; /* owns */
	uint32_t watch_end;    /* none is in use from here on */
	bool is_running;
	bool is_dirty; /* some watch is */
	uint64_t due_ms;
	struct resolver_counts counts;
};

int resolver_create(const struct resolver_config *config, const struct resolver_sink *sink,
	struct resolver **ret_resolver)
{
	struct resolver *resolver = calloc(1, sizeof(*resolver));
	int result;

	if (resolver == NULL)
		return -ENOMEM;
	resolver->config = *config;
	resolver->sink = *sink;
	resolver->due_ms = TD_NEVER;
	resolver->watches = calloc(config->watches_max, sizeof(*resolver->watches));
	result = resolver->watches != NULL ? cache_create(&config->cache, &resolver->cache)
					   : -ENOMEM;
	if (result != 0) {
		resolver_destroy(resolver);
		return result;
	}
	*ret_resolver = resolver;
	return 0;
}

void resolver_destroy(struct resolver *resolver)
{
	if (resolver == NULL)
		return;
	cache_destroy(resolver->cache);
	free(resolver->watches);
	free(resolver);
}

static struct watch *watch_at(const struct resolver *resolver, uint32_t id)
{
	return id < resolver->watch_end && resolver->watches[id].is_used ? &resolver->watches[id]
									 : NULL;
}

static void mark(struct resolver *resolver, struct watch *watch)
{
	watch->is_dirty = true;
	resolver->is_dirty = true;
}

/* --- lists ---------------------------------------------------------------------------------- */

static bool is_same_list(const struct watch *watch, const struct locate_result *result)
{
	return watch->count == result->count &&
	       memcmp(watch->targets, result->targets, result->count * sizeof(watch->targets[0])) ==
		       0;
}

static void take_list(
	struct resolver *resolver, struct watch *watch, const struct locate_result *result)
{
	if (is_same_list(watch, result))
		return;
	watch->count = result->count;
	memcpy(watch->targets, result->targets, sizeof(watch->targets));
	resolver->counts.changes++;
	resolver->counts.targets_left_out += result->left_out;
	resolver->sink.changed(resolver->sink.context, (uint32_t)(watch - resolver->watches),
		watch->targets, watch->count);
}

/* True if the result is to replace what the watch has. */
static bool is_better(struct watch *watch, const struct locate_result *result, uint64_t now_ms)
{
	if (!result->is_complete)
		return watch->count == 0 && result->count != 0 &&
		       td_since(now_ms, watch->pending_ms) >= PATIENCE_MS;
	/* The cache may have lost what it had to a restart, or to other names. */
	return result->count != 0 || result->reason != LOCATE_NO_SERVER || now_ms >= watch->keep_ms;
}

static uint64_t earliest(uint64_t a_ms, uint64_t b_ms)
{
	return a_ms < b_ms ? a_ms : b_ms;
}

static void look_at(struct resolver *resolver, struct watch *watch, uint64_t now_ms)
{
	struct locate_result result;
	bool is_kept;

	locate(resolver->cache, &watch->peer, &resolver->config.support, now_ms, &result);
	watch->is_dirty = false;
	watch->reason = (uint8_t)result.reason;
	watch->lookup_count = result.lookup_count;
	memcpy(watch->lookups, result.lookups, sizeof(watch->lookups));
	if (result.is_complete)
		watch->pending_ms = 0;
	else if (watch->pending_ms == 0)
		watch->pending_ms = now_ms != 0 ? now_ms : 1;
	is_kept = !is_better(watch, &result, now_ms);
	if (!is_kept) {
		take_list(resolver, watch, &result);
		watch->is_known = watch->is_known || result.is_complete;
	}
	if (!is_kept && result.is_complete && !result.is_stale) {
		watch->known_ms = now_ms;
		watch->keep_ms =
			td_after(now_ms, (uint64_t)resolver->config.cache.stale_s * TD_MS_PER_S);
	}
	if (watch->count == 0)
		watch->is_stale = false;
	else if (result.is_complete) /* until then it is what it was */
		watch->is_stale = is_kept || result.is_stale;
	watch->next_ms = result.next_ms;
	if (is_kept && watch->count != 0 && now_ms < watch->keep_ms)
		watch->next_ms = earliest(watch->next_ms, watch->keep_ms);
	if (watch->pending_ms != 0 && watch->count == 0 && result.count != 0)
		watch->next_ms = earliest(watch->next_ms, td_after(watch->pending_ms, PATIENCE_MS));
}

/* --- turns ---------------------------------------------------------------------------------- */

static void look_at_dirty(struct resolver *resolver, uint64_t now_ms)
{
	resolver->is_dirty = false;
	for (uint32_t i = 0; i < resolver->watch_end; i++)
		if (resolver->watches[i].is_used && resolver->watches[i].is_dirty)
			look_at(resolver, &resolver->watches[i], now_ms);
}

static void ask(struct resolver *resolver, uint64_t now_ms)
{
	struct cache_question question;

	while (cache_get_counts(resolver->cache).asked < resolver->config.queries_max &&
		cache_next_question(resolver->cache, now_ms, &question)) {
		resolver->counts.asked++;
		resolver->sink.ask(
			resolver->sink.context, question.id, question.name.text, question.type);
	}
}

static void recompute_due(struct resolver *resolver)
{
	resolver->due_ms = TD_NEVER;
	for (uint32_t i = 0; i < resolver->watch_end; i++)
		if (resolver->watches[i].is_used)
			resolver->due_ms = earliest(resolver->due_ms, resolver->watches[i].next_ms);
}

/* Looks at what changed and asks what is missing. An answer that comes from inside ask() is taken
 * in another round. */
static void run(struct resolver *resolver, uint64_t now_ms)
{
	if (resolver->is_running)
		return;
	resolver->is_running = true;
	do {
		look_at_dirty(resolver, now_ms);
		ask(resolver, now_ms);
	} while (resolver->is_dirty);
	recompute_due(resolver);
	resolver->is_running = false;
}

void resolver_configure(
	struct resolver *resolver, const struct resolver_config *config, uint64_t now_ms)
{
	cache_configure(resolver->cache, &config->cache);
	resolver->config.support = config->support;
	resolver->config.cache.stale_s = config->cache.stale_s;
	for (uint32_t i = 0; i < resolver->watch_end; i++)
		mark(resolver, &resolver->watches[i]);
	run(resolver, now_ms);
}

static bool is_same_peer(const struct resolver_peer *a, const struct resolver_peer *b)
{
	return name_equal(&a->host, &b->host) && a->port == b->port &&
	       a->transport == b->transport && a->is_sips == b->is_sips;
}

int resolver_watch(
	struct resolver *resolver, uint32_t id, const struct resolver_peer *peer, uint64_t now_ms)
{
	struct watch *watch;

	if (id >= resolver->config.watches_max)
		return -EINVAL;
	watch = &resolver->watches[id];
	if (watch->is_used && is_same_peer(&watch->peer, peer))
		return 0;
	*watch = (struct watch){.is_used = true, .peer = *peer, .next_ms = TD_NEVER};
	if (resolver->watch_end <= id)
		resolver->watch_end = id + 1;
	mark(resolver, watch);
	run(resolver, now_ms);
	return 0;
}

void resolver_unwatch(struct resolver *resolver, uint32_t id)
{
	struct watch *watch = watch_at(resolver, id);

	if (watch == NULL)
		return;
	*watch = (struct watch){.is_used = false};
	recompute_due(resolver);
}

void resolver_remember(struct resolver *resolver, uint32_t id,
	const struct resolver_target *targets, uint32_t count, uint64_t until_ms)
{
	struct watch *watch = watch_at(resolver, id);

	if (watch == NULL || watch->is_known || watch->count != 0 || count > RESOLVER_TARGETS_MAX)
		return;
	memcpy(watch->targets, targets, count * sizeof(targets[0]));
	watch->count = count;
	watch->keep_ms = until_ms;
	watch->is_stale = true;
	watch->next_ms = earliest(watch->next_ms, until_ms);
	resolver->due_ms = earliest(resolver->due_ms, until_ms);
}

static void mark_users(struct resolver *resolver, cache_id id)
{
	for (uint32_t i = 0; i < resolver->watch_end; i++) {
		struct watch *watch = &resolver->watches[i];

		for (uint32_t j = 0; watch->is_used && j < watch->lookup_count; j++)
			if (watch->lookups[j] == id)
				mark(resolver, watch);
	}
}

void resolver_answer(struct resolver *resolver, cache_id id, const uint8_t *message, size_t length,
	uint64_t now_ms)
{
	struct cache_question question;
	struct answer answer;
	bool is_read = false;

	if (!cache_find_question(resolver->cache, id, &question))
		return;
	if (message != NULL) {
		is_read = answer_read(message, length, &question.name, question.type, &answer) == 0;
		resolver->counts.answered += is_read;
		resolver->counts.malformed += !is_read;
	} else {
		resolver->counts.unanswered++;
	}
	cache_store(resolver->cache, id, is_read ? &answer : NULL, now_ms);
	mark_users(resolver, id);
	run(resolver, now_ms);
}

void resolver_advance(struct resolver *resolver, uint64_t now_ms)
{
	for (uint32_t i = 0; i < resolver->watch_end; i++) {
		struct watch *watch = &resolver->watches[i];

		if (watch->is_used && watch->next_ms <= now_ms)
			mark(resolver, watch);
	}
	run(resolver, now_ms);
}

uint64_t resolver_deadline(const struct resolver *resolver)
{
	return resolver->due_ms;
}

int resolver_get_status(
	const struct resolver *resolver, uint32_t id, struct resolver_status *ret_status)
{
	const struct watch *watch = watch_at(resolver, id);

	if (watch == NULL)
		return -ENOENT;
	*ret_status = (struct resolver_status){
		.count = watch->count,
		.is_known = watch->is_known,
		.is_stale = watch->is_stale,
		.reason = (enum locate_reason)watch->reason,
		.known_ms = watch->known_ms,
		.next_ms = watch->next_ms,
	};
	return 0;
}

uint32_t resolver_get_targets(const struct resolver *resolver, uint32_t id,
	struct resolver_target targets[RESOLVER_TARGETS_MAX])
{
	const struct watch *watch = watch_at(resolver, id);

	if (watch == NULL)
		return 0;
	memcpy(targets, watch->targets, watch->count * sizeof(targets[0]));
	return watch->count;
}

struct resolver_counts resolver_get_counts(const struct resolver *resolver)
{
	struct resolver_counts counts = resolver->counts;

	counts.cache = cache_get_counts(resolver->cache);
	return counts;
}
