/* SPDX-License-Identifier: Apache-2.0 */
#include "defence/defence.h"

#include "defence/bucket.h"
#include "defence/refusals.h"

#include <assert.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>

struct trunk_buckets {
	struct bucket from;
	struct bucket to;
};

struct defence {
	struct defence_counts counts;
	uint32_t wait_target_us;
	uint32_t retry_after_s;
	struct overload overload;
	struct refusals refusals;
	struct config_defence config;
	struct source_rules rules;
	struct sources *sources; /* owns */
	uint32_t trunk_slots;
	struct trunk_buckets *trunks; /* owns */
};

void defence_configure(struct defence *defence, const struct config_sip *sip)
{
	defence->wait_target_us = sip->overload_queue_delay_ms * TD_US_PER_MS;
	defence->retry_after_s = sip->retry_after_s;
	defence->config = sip->defence;
	defence->rules = (struct source_rules){
		.rate = {sip->defence.source_requests_per_s, sip->defence.source_burst},
		.ban_s = sip->defence.ban_s,
		.ban_max_s = sip->defence.ban_max_s,
		.faults_max = {[SOURCE_FAULT_AUTH] = sip->defence.ban_auth_failures,
			[SOURCE_FAULT_MALFORMED] = sip->defence.ban_malformed,
			[SOURCE_FAULT_SCANNER] = 1},
	};
}

int defence_create(const struct config_sip *sip, uint32_t trunk_slots,
	const uint8_t seed[SIPHASH_SEED_BYTES], struct defence **ret_defence)
{
	struct defence *defence = calloc(1, sizeof(*defence));

	if (defence == NULL)
		return -ENOMEM;
	defence_configure(defence, sip);
	defence->trunk_slots = trunk_slots;
	defence->trunks = calloc(trunk_slots, sizeof(*defence->trunks));
	if (defence->trunks == NULL ||
		sources_create(sip->defence.sources_max, seed, &defence->sources) != 0) {
		defence_destroy(defence);
		return -ENOMEM;
	}
	*ret_defence = defence;
	return 0;
}

void defence_destroy(struct defence *defence)
{
	if (defence == NULL)
		return;
	sources_destroy(defence->sources);
	free(defence->trunks);
	free(defence);
}

void defence_note_wait(struct defence *defence, const struct overload_wait *wait, uint64_t now_ms)
{
	overload_note(&defence->overload, wait, defence->wait_target_us, now_ms);
}

bool defence_is_shedding(const struct defence *defence)
{
	return overload_part(&defence->overload) != 0;
}

bool defence_sheds(struct defence *defence, enum overload_class class, uint64_t origin)
{
	uint64_t *const counts[OVERLOAD_CLASS_COUNT] = {
		[OVERLOAD_LOW] = &defence->counts.shed_low,
		[OVERLOAD_NORMAL] = &defence->counts.shed_normal,
		[OVERLOAD_HIGH] = &defence->counts.shed_high,
		[OVERLOAD_EMERGENCY] = &defence->counts.shed_emergency,
	};

	if (!overload_refuses(&defence->overload, class, (uint32_t)origin & (OVERLOAD_ONE - 1)))
		return false;
	(*counts[class])++;
	return true;
}

void defence_remember_refusal(struct defence *defence, uint64_t origin, uint64_t now_ms)
{
	refusals_add(&defence->refusals, origin, now_ms);
}

bool defence_was_refused(struct defence *defence, uint64_t origin, uint64_t now_ms)
{
	bool was_refused = refusals_have(&defence->refusals, origin, now_ms);

	defence->counts.repeats_refused += was_refused;
	return was_refused;
}

void defence_absorb_ack(struct defence *defence)
{
	defence->counts.acks_absorbed++;
}

uint32_t defence_retry_after_s(const struct defence *defence, uint64_t origin)
{
	return defence->retry_after_s +
	       (uint32_t)(origin >> 16 & 0xffff) % (defence->retry_after_s + 1);
}

static bool begins_with(struct span text, const char *word)
{
	size_t length = strlen(word);

	return text.length >= length && strncasecmp(text.text, word, length) == 0;
}

/* From is the second place where they give themselves away: "sipvicious"<sip:100@1.1.1.1>. */
static struct span display_of(struct span from)
{
	if (from.length != 0 && from.text[0] == '"')
		return (struct span){from.text + 1, from.length - 1};
	return from;
}

bool defence_is_scanner(struct defence *defence, const struct sip_message *request)
{
	const struct sip_header *agent = sip_message_find(request, SIP_HEADER_USER_AGENT);
	struct span display = display_of(request->from.text);

	for (uint32_t i = 0; i < defence->config.scanner_count; i++) {
		const char *word = defence->config.scanners[i];

		if (begins_with(display, word) ||
			(agent != NULL && begins_with(agent->value, word))) {
			defence->counts.scanners++;
			return true;
		}
	}
	return false;
}

bool defence_admit_source(struct defence *defence, const struct td_ip *ip, uint64_t now_ms)
{
	if (sources_take(defence->sources, ip, &defence->rules, now_ms))
		return true;
	defence->counts.refused_source_rate++;
	return false;
}

bool defence_is_banned(const struct defence *defence, const struct td_ip *ip, uint64_t now_ms)
{
	return sources_is_banned(defence->sources, ip, now_ms);
}

void defence_drop_banned(struct defence *defence)
{
	defence->counts.banned_dropped++;
}

void defence_note_fault(struct defence *defence, const struct td_ip *ip,
	const struct source_deed *deed, uint64_t now_ms)
{
	defence->counts.bans +=
		sources_note_fault(defence->sources, ip, deed, &defence->rules, now_ms);
}

enum defence_limit defence_check_size(struct defence *defence, const struct sip_message *request)
{
	enum defence_limit limit = limits_check(request, &defence->config);

	defence->counts.too_large += limit != DEFENCE_LIMIT_NONE;
	return limit;
}

struct sources *defence_sources(const struct defence *defence)
{
	return defence->sources;
}

static struct bucket_rate outbound_rate(const struct config_limits *limits)
{
	return (struct bucket_rate){limits->outbound_calls_per_s, limits->outbound_burst};
}

bool defence_admit_call(struct defence *defence, uint32_t trunk, const struct config_limits *limits,
	uint64_t now_ms)
{
	const struct bucket_rate rate = {limits->calls_per_s, limits->burst};

	assert(trunk < defence->trunk_slots && "ids come from the trunk table");
	if (bucket_take(&defence->trunks[trunk].from, &rate, now_ms))
		return true;
	defence->counts.refused_trunk_rate++;
	return false;
}

bool defence_may_place(struct defence *defence, uint32_t trunk, const struct config_limits *limits,
	uint64_t now_ms)
{
	const struct bucket_rate rate = outbound_rate(limits);

	assert(trunk < defence->trunk_slots && "ids come from the trunk table");
	if (bucket_has(&defence->trunks[trunk].to, &rate, now_ms))
		return true;
	defence->counts.outbound_rate++;
	return false;
}

void defence_place_call(struct defence *defence, uint32_t trunk, const struct config_limits *limits,
	uint64_t now_ms)
{
	const struct bucket_rate rate = outbound_rate(limits);

	assert(trunk < defence->trunk_slots && "ids come from the trunk table");
	bucket_charge(&defence->trunks[trunk].to, &rate, now_ms);
}

struct defence_counts defence_get_counts(const struct defence *defence)
{
	struct defence_counts counts = defence->counts;

	counts.shedding_permille = overload_part(&defence->overload) * 1000 / OVERLOAD_ONE;
	return counts;
}
