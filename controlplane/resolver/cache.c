/* SPDX-License-Identifier: Apache-2.0 */
#include "resolver/cache.h"

#include "util/heap.h"
#include "util/slab.h"
#include "util/table.h"

#include <tandem/time.h>

#include <assert.h>
#include <errno.h>
#include <stdlib.h>

enum {
	PREFETCH_PARTS = 10, /* asked again when a tenth of the TTL is left */
	RETRY_FIRST_MS = 1000,
	RETRY_LAST_MS = 30000, /* RFC 8767 5 */
	ASKED_MAX_MS = 120000, /* an answer that never comes: longer than any client waits */
	TYPE_BYTES = sizeof(uint16_t),
	KEY_BYTES = TYPE_BYTES + NAME_TEXT_BYTES,
};

struct entry {
	struct table_node node;
	struct entry *newer; /* looked up later */
	struct entry *older;
	struct entry *next_question;
	char *key;		       /* owned by the heap: type, name */
	struct answer_record *records; /* owned by the heap: records, then names; or the alias */
	uint64_t expires_ms;
	uint64_t refresh_ms;
	uint64_t stale_until_ms; /* 0: there is nothing */
	uint64_t retry_ms;	 /* not asked before */
	uint64_t asked_ms;	 /* 0: no question is out */
	uint16_t names_length;
	uint8_t record_count;
	uint8_t state; /* enum cache_state of what there is */
	uint8_t failures;
	uint8_t key_length;
	bool is_question; /* waits to be asked */
};

struct cache {
	struct cache_config config;
	struct slab *entries;
	struct table *by_key;
	struct entry *newest;
	struct entry *oldest;
	struct entry *first_question;
	struct entry **last_question;
	struct heap heap;
	struct cache_counts counts;
};

int cache_create(const struct cache_config *config, struct cache **ret_cache)
{
	struct cache *cache = calloc(1, sizeof(*cache));
	int result;

	if (cache == NULL)
		return -ENOMEM;
	cache->config = *config;
	cache->last_question = &cache->first_question;
	result = slab_create(config->names_max, sizeof(struct entry), &cache->entries);
	if (result == 0)
		result = table_create(config->names_max, config->seed, &cache->by_key);
	if (result != 0) {
		cache_destroy(cache);
		return result;
	}
	*ret_cache = cache;
	return 0;
}

void cache_destroy(struct cache *cache)
{
	uint32_t cursor = 0;
	struct entry *entry;

	if (cache == NULL)
		return;
	while (cache->entries != NULL && (entry = slab_next(cache->entries, &cursor)) != NULL) {
		heap_free(&cache->heap, entry->key);
		heap_free(&cache->heap, entry->records);
	}
	table_destroy(cache->by_key);
	slab_destroy(cache->entries);
	free(cache);
}

void cache_configure(struct cache *cache, const struct cache_config *config)
{
	cache->config.min_ttl_s = config->min_ttl_s;
	cache->config.max_ttl_s = config->max_ttl_s;
	cache->config.negative_ttl_s = config->negative_ttl_s;
	cache->config.stale_s = config->stale_s;
}

/* --- by age --------------------------------------------------------------------------------- */

static void age_remove(struct cache *cache, struct entry *entry)
{
	*(entry->newer != NULL ? &entry->newer->older : &cache->newest) = entry->older;
	*(entry->older != NULL ? &entry->older->newer : &cache->oldest) = entry->newer;
}

static void age_insert(struct cache *cache, struct entry *entry)
{
	entry->newer = NULL;
	entry->older = cache->newest;
	*(entry->older != NULL ? &entry->older->newer : &cache->oldest) = entry;
	cache->newest = entry;
}

static void drop(struct cache *cache, struct entry *entry)
{
	age_remove(cache, entry);
	table_remove(cache->by_key, &entry->node);
	heap_free(&cache->heap, entry->key);
	heap_free(&cache->heap, entry->records);
	slab_release(cache->entries, entry);
}

/* Makes room for one. False: every entry waits for an answer. */
static bool evict(struct cache *cache)
{
	for (struct entry *entry = cache->oldest; entry != NULL; entry = entry->newer) {
		if (entry->asked_ms != 0 || entry->is_question)
			continue;
		drop(cache, entry);
		cache->counts.evicted++;
		return true;
	}
	return false;
}

/* --- entries -------------------------------------------------------------------------------- */

static uint32_t write_key(char key[KEY_BYTES], const struct name *name, uint16_t type)
{
	memcpy(key, &type, TYPE_BYTES);
	memcpy(key + TYPE_BYTES, name->text, name->length);
	return TYPE_BYTES + name->length;
}

static struct entry *add(struct cache *cache, const char *key, uint32_t key_length)
{
	slab_handle_t handle;
	struct entry *entry;

	if (slab_in_use(cache->entries) == slab_capacity(cache->entries) && !evict(cache)) {
		cache->counts.refused_full++;
		return NULL;
	}
	entry = slab_take(cache->entries, &handle);
	if (entry != NULL)
		entry->key = heap_copy(&cache->heap, key, key_length);
	if (entry == NULL || entry->key == NULL) {
		slab_release(cache->entries, entry);
		cache->counts.refused_memory++;
		return NULL;
	}
	static_assert(KEY_BYTES - 1 <= UINT8_MAX, "the length of a key fits");
	entry->key_length = (uint8_t)key_length;
	entry->state = CACHE_PENDING;
	table_insert(cache->by_key, &entry->node, entry->key, key_length);
	age_insert(cache, entry);
	return entry;
}

static void note_question(struct cache *cache, struct entry *entry)
{
	entry->is_question = true;
	entry->next_question = NULL;
	*cache->last_question = entry;
	cache->last_question = &entry->next_question;
}

static bool is_waiting(const struct entry *entry, uint64_t now_ms)
{
	return entry->is_question ||
	       (entry->asked_ms != 0 && td_since(now_ms, entry->asked_ms) < ASKED_MAX_MS);
}

static uint64_t latest(uint64_t a_ms, uint64_t b_ms)
{
	return a_ms > b_ms ? a_ms : b_ms;
}

static uint64_t earliest(uint64_t a_ms, uint64_t b_ms)
{
	return a_ms < b_ms ? a_ms : b_ms;
}

static void view_data(const struct entry *entry, struct cache_view *view)
{
	view->state = (enum cache_state)entry->state;
	if (view->state == CACHE_ALIAS) {
		view->alias = (struct span){(const char *)entry->records, entry->names_length};
	} else if (view->state == CACHE_FOUND) {
		view->records = entry->records;
		view->record_count = entry->record_count;
		view->names = (const char *)(entry->records + entry->record_count);
	}
}

void cache_look(struct cache *cache, const struct name *name, uint16_t type, uint64_t now_ms,
	struct cache_view *ret_view)
{
	char key[KEY_BYTES];
	uint32_t length = write_key(key, name, type);
	struct table_node *node = table_find(cache->by_key, key, length);
	struct entry *entry =
		node != NULL ? td_container_of(node, struct entry, node) : add(cache, key, length);
	bool has_data;

	*ret_view = (struct cache_view){
		.state = CACHE_FAILED, .next_ms = td_after(now_ms, RETRY_FIRST_MS)};
	if (entry == NULL)
		return;
	age_remove(cache, entry);
	age_insert(cache, entry);
	has_data = now_ms < entry->stale_until_ms;
	if (!is_waiting(entry, now_ms) && now_ms >= entry->retry_ms &&
		(!has_data || now_ms >= entry->refresh_ms))
		note_question(cache, entry);
	ret_view->id = slab_handle(cache->entries, entry);
	ret_view->is_asked = is_waiting(entry, now_ms);
	ret_view->next_ms = entry->is_question ? TD_NEVER
			    : ret_view->is_asked
				    ? td_after(entry->asked_ms, ASKED_MAX_MS)
				    : latest(entry->retry_ms, has_data ? entry->refresh_ms : 0);
	if (has_data) {
		view_data(entry, ret_view);
		ret_view->is_stale = now_ms >= entry->expires_ms;
		ret_view->next_ms = earliest(ret_view->next_ms, entry->stale_until_ms);
	} else {
		ret_view->state = entry->failures != 0 ? CACHE_FAILED : CACHE_PENDING;
	}
	cache->counts.hits += has_data;
	cache->counts.misses += !has_data;
	cache->counts.stale_hits += ret_view->is_stale;
}

/* --- questions and answers ------------------------------------------------------------------ */

static void read_key(const struct entry *entry, struct cache_question *question)
{
	memcpy(&question->type, entry->key, TYPE_BYTES);
	question->name.length = (uint8_t)(entry->key_length - TYPE_BYTES);
	memcpy(question->name.text, entry->key + TYPE_BYTES, question->name.length);
	question->name.text[question->name.length] = '\0';
}

bool cache_has_question(const struct cache *cache)
{
	return cache->first_question != NULL;
}

bool cache_next_question(struct cache *cache, uint64_t now_ms, struct cache_question *ret_question)
{
	struct entry *entry = cache->first_question;

	if (entry == NULL)
		return false;
	cache->first_question = entry->next_question;
	if (cache->first_question == NULL)
		cache->last_question = &cache->first_question;
	entry->is_question = false;
	cache->counts.asked += entry->asked_ms == 0; /* else one that was never answered */
	entry->asked_ms = now_ms != 0 ? now_ms : 1;
	ret_question->id = slab_handle(cache->entries, entry);
	read_key(entry, ret_question);
	return true;
}

bool cache_find_question(
	const struct cache *cache, cache_id id, struct cache_question *ret_question)
{
	const struct entry *entry = slab_find(cache->entries, id);

	if (entry == NULL || entry->asked_ms == 0)
		return false;
	ret_question->id = id;
	read_key(entry, ret_question);
	return true;
}

static uint32_t bounded(uint32_t value, uint32_t low, uint32_t high)
{
	return value < low ? low : value > high ? high : value;
}

static void note_failure(struct cache *cache, struct entry *entry, uint64_t now_ms)
{
	uint64_t wait_ms = RETRY_FIRST_MS;

	cache->counts.failed++;
	for (uint8_t i = 0; i < entry->failures && wait_ms < RETRY_LAST_MS; i++)
		wait_ms *= 2;
	entry->retry_ms = td_after(now_ms, earliest(wait_ms, RETRY_LAST_MS));
	if (entry->failures < UINT8_MAX)
		entry->failures++;
}

/* Puts the answer's records, or its alias, in place of what there is. -ENOMEM: nothing changed. */
static int keep(struct cache *cache, struct entry *entry, const struct answer *answer)
{
	size_t records_bytes = answer->record_count * sizeof(answer->records[0]);
	char *block = NULL;

	if (answer->outcome == ANSWER_FOUND)
		block = heap_alloc(&cache->heap, records_bytes + answer->names_used);
	else if (answer->outcome == ANSWER_ALIAS)
		block = heap_copy(&cache->heap, answer->alias.text, answer->alias.length);
	if (block == NULL && answer->outcome != ANSWER_ABSENT)
		return -ENOMEM;
	if (answer->outcome == ANSWER_FOUND) {
		memcpy(block, answer->records, records_bytes);
		memcpy(block + records_bytes, answer->names, answer->names_used);
	}
	heap_free(&cache->heap, entry->records);
	entry->records = (struct answer_record *)(void *)block;
	entry->record_count = (uint8_t)answer->record_count;
	entry->names_length = (uint16_t)(answer->outcome == ANSWER_ALIAS ? answer->alias.length
									 : answer->names_used);
	entry->state = answer->outcome == ANSWER_FOUND	 ? CACHE_FOUND
		       : answer->outcome == ANSWER_ALIAS ? CACHE_ALIAS
							 : CACHE_ABSENT;
	return 0;
}

static void set_times(
	struct cache *cache, struct entry *entry, const struct answer *answer, uint64_t now_ms)
{
	const struct cache_config *config = &cache->config;
	bool is_absent = answer->outcome == ANSWER_ABSENT;
	uint32_t ttl_s = answer->has_ttl ? answer->ttl_s : config->min_ttl_s;
	uint64_t ttl_ms;

	if (is_absent && ttl_s > config->negative_ttl_s)
		ttl_s = config->negative_ttl_s;
	ttl_ms = (uint64_t)bounded(ttl_s, config->min_ttl_s, config->max_ttl_s) * TD_MS_PER_S;
	entry->expires_ms = td_after(now_ms, ttl_ms);
	entry->refresh_ms = td_after(now_ms, ttl_ms - ttl_ms / PREFETCH_PARTS);
	entry->stale_until_ms = entry->expires_ms;
	if (!is_absent)
		entry->stale_until_ms =
			td_after(entry->expires_ms, (uint64_t)config->stale_s * TD_MS_PER_S);
	entry->retry_ms = 0;
	entry->failures = 0;
}

void cache_store(struct cache *cache, cache_id id, const struct answer *answer, uint64_t now_ms)
{
	struct entry *entry = slab_find(cache->entries, id);

	if (entry == NULL || entry->asked_ms == 0)
		return;
	entry->asked_ms = 0;
	cache->counts.asked--;
	if (answer != NULL)
		cache->counts.records_left_out += answer->left_out;
	if (answer == NULL || answer->outcome == ANSWER_REFUSED) {
		note_failure(cache, entry, now_ms);
	} else if (keep(cache, entry, answer) != 0) {
		cache->counts.refused_memory++;
		note_failure(cache, entry, now_ms);
	} else {
		set_times(cache, entry, answer, now_ms);
		cache->counts.stored++;
		cache->counts.stored_absent += answer->outcome == ANSWER_ABSENT;
	}
}

struct cache_counts cache_get_counts(const struct cache *cache)
{
	struct cache_counts counts = cache->counts;

	counts.names = slab_in_use(cache->entries);
	counts.bytes = cache->heap.in_use_bytes + counts.names * sizeof(struct entry);
	return counts;
}

void cache_fail_nth(struct cache *cache, uint32_t n)
{
	cache->heap.fail_countdown = n;
}
