/* SPDX-License-Identifier: Apache-2.0 */
#include "defence/sources.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

enum {
	PLACES_PER_SET = 4,
	CHOICES = 2,
	MINUTE_MS = 60 * 1000,
	PROOF_LIFE_MS = 3600 * 1000, /* the longest usual registration */
	DOUBLINGS_MAX = 20,
	SHARED_FACTOR = 16, /* addresses' worth of rate for all who have no place together */
};

struct source {
	struct td_ip ip; /* family NONE: free */
	uint8_t bans;
	bool is_manual;
	uint8_t faults[SOURCE_FAULT_COUNT]; /* in this minute; stays at its most */
	uint64_t minute_end_ms;
	uint64_t proved_until_ms;
	uint64_t banned_until_ms;
	uint64_t remembered_until_ms; /* the next ban is longer */
	struct bucket bucket;
};

struct sources {
	uint8_t seed[SIPHASH_SEED_BYTES];
	uint32_t set_mask;
	struct bucket shared;
	struct source places[];
};

int sources_create(
	uint32_t capacity, const uint8_t seed[SIPHASH_SEED_BYTES], struct sources **ret_sources)
{
	struct sources *sources;
	uint32_t sets = 1;

	while ((uint64_t)sets * PLACES_PER_SET < capacity)
		sets *= 2;
	sources = calloc(
		1, sizeof(*sources) + (size_t)sets * PLACES_PER_SET * sizeof(sources->places[0]));
	if (sources == NULL)
		return -ENOMEM;
	memcpy(sources->seed, seed, sizeof(sources->seed));
	sources->set_mask = sets - 1;
	*ret_sources = sources;
	return 0;
}

void sources_destroy(struct sources *sources)
{
	free(sources);
}

/* The first place of each set that an address may be in. */
static void sets_of(
	const struct sources *sources, const struct td_ip *ip, uint32_t ret_firsts[CHOICES])
{
	uint64_t hash = siphash(sources->seed, ip->bytes, sizeof(ip->bytes));

	ret_firsts[0] = ((uint32_t)hash & sources->set_mask) * PLACES_PER_SET;
	ret_firsts[1] = ((uint32_t)(hash >> 32) & sources->set_mask) * PLACES_PER_SET;
}

static struct source *find(const struct sources *sources, const struct td_ip *ip)
{
	uint32_t firsts[CHOICES];

	sets_of(sources, ip, firsts);
	for (unsigned choice = 0; choice < CHOICES; choice++)
		for (uint32_t i = 0; i < PLACES_PER_SET; i++) {
			const struct source *source = &sources->places[firsts[choice] + i];

			if (td_ip_equal(&source->ip, ip))
				return (struct source *)source;
		}
	return NULL;
}

/* True if nothing is known of it that a new address wouldn't start with. */
static bool is_blank(const struct source *source, uint64_t now_ms)
{
	return source->ip.family == TD_FAMILY_NONE ||
	       (bucket_is_full(&source->bucket, now_ms) && source->minute_end_ms <= now_ms &&
		       source->proved_until_ms <= now_ms && source->banned_until_ms <= now_ms &&
		       source->remembered_until_ms <= now_ms);
}

/* The place of an address, a blank one if it has none. NULL: there is none to be had. */
static struct source *place(struct sources *sources, const struct td_ip *ip, uint64_t now_ms)
{
	struct source *source = find(sources, ip);
	uint32_t firsts[CHOICES];

	if (source != NULL)
		return source;
	sets_of(sources, ip, firsts);
	for (uint32_t i = 0; i < PLACES_PER_SET; i++)
		for (unsigned choice = 0; choice < CHOICES; choice++) {
			source = &sources->places[firsts[choice] + i];
			if (!is_blank(source, now_ms))
				continue;
			*source = (struct source){.ip = *ip};
			return source;
		}
	return NULL;
}

bool sources_take(struct sources *sources, const struct td_ip *ip, const struct source_rules *rules,
	uint64_t now_ms)
{
	struct bucket_rate shared = rules->rate;
	struct source *source;

	if (rules->rate.per_s == 0)
		return true;
	source = place(sources, ip, now_ms);
	if (source != NULL)
		return bucket_take(&source->bucket, &rules->rate, now_ms);
	shared.per_s *= SHARED_FACTOR;
	return bucket_take(&sources->shared, &shared, now_ms);
}

void sources_note_proof(struct sources *sources, const struct td_ip *ip, uint64_t now_ms)
{
	struct source *source = place(sources, ip, now_ms);

	if (source != NULL)
		source->proved_until_ms = now_ms + PROOF_LIFE_MS;
}

/* Counts as far as it goes. */
static uint8_t more(uint8_t count)
{
	return (uint8_t)(count < UINT8_MAX ? count + 1 : count);
}

static void ban(struct source *source, const struct source_rules *rules, uint64_t now_ms)
{
	uint64_t length_s = (uint64_t)rules->ban_s
			    << (source->bans < DOUBLINGS_MAX ? source->bans : DOUBLINGS_MAX);

	if (length_s > rules->ban_max_s)
		length_s = rules->ban_max_s;
	source->banned_until_ms = now_ms + length_s * TD_MS_PER_S;
	source->remembered_until_ms = source->banned_until_ms + length_s * TD_MS_PER_S;
	source->bans = more(source->bans);
	source->is_manual = false;
}

bool sources_note_fault(struct sources *sources, const struct td_ip *ip,
	const struct source_deed *deed, const struct source_rules *rules, uint64_t now_ms)
{
	enum source_fault fault = deed->fault;
	struct source *source = place(sources, ip, now_ms);

	if (source == NULL || rules->ban_s == 0 || rules->faults_max[fault] == 0)
		return false;
	if (source->minute_end_ms <= now_ms) {
		memset(source->faults, 0, sizeof(source->faults));
		source->minute_end_ms = now_ms + MINUTE_MS;
	}
	source->faults[fault] = more(source->faults[fault]);
	if (source->faults[fault] < rules->faults_max[fault] || source->banned_until_ms > now_ms ||
		(deed->may_be_forged && source->proved_until_ms > now_ms))
		return false;
	ban(source, rules, now_ms);
	return true;
}

bool sources_is_banned(const struct sources *sources, const struct td_ip *ip, uint64_t now_ms)
{
	const struct source *source = find(sources, ip);

	return source != NULL && source->banned_until_ms > now_ms;
}

int sources_ban(struct sources *sources, const struct td_ip *ip, uint64_t until_ms, uint64_t now_ms)
{
	struct source *source = place(sources, ip, now_ms);

	if (source == NULL)
		return -ENOSPC;
	source->banned_until_ms = until_ms;
	source->is_manual = true;
	source->bans = more(source->bans);
	return 0;
}

bool sources_unban(struct sources *sources, const struct td_ip *ip, uint64_t now_ms)
{
	struct source *source = find(sources, ip);
	bool was_banned = source != NULL && source->banned_until_ms > now_ms;

	if (source != NULL) {
		source->banned_until_ms = 0;
		source->remembered_until_ms = 0;
		source->bans = 0;
		memset(source->faults, 0, sizeof(source->faults));
	}
	return was_banned;
}

bool sources_next_ban(const struct sources *sources, uint32_t *cursor, uint64_t now_ms,
	struct source_ban *ret_ban)
{
	uint32_t count = (sources->set_mask + 1) * PLACES_PER_SET;

	while (*cursor < count) {
		const struct source *source = &sources->places[(*cursor)++];

		if (source->ip.family == TD_FAMILY_NONE || source->banned_until_ms <= now_ms)
			continue;
		*ret_ban = (struct source_ban){
			source->ip, source->banned_until_ms, source->bans, source->is_manual};
		return true;
	}
	return false;
}
