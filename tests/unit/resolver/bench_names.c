/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What names cost: the choice of a target, which every call pays; the whole procedure of RFC 3263
 * over a warm cache and the reading of an answer, which only refreshes pay; memory per name.
 * `meson test --benchmark` runs it.
 */
#include "resolver/target.h"
#include "server.h"

#include <tandem/time.h>

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum {
	CHOICES = 5000000,
	WALKS = 20000,
	READINGS = 200000,
	NAMES = 16000,
};

static uint64_t sink; /* so that no work is optimised away */

static void bench_choice(unsigned count)
{
	struct resolver_target targets[RESOLVER_SELECT_MAX] = {{.rank = 0}};
	uint64_t random = 1;
	uint64_t begin_ns;

	for (unsigned i = 0; i < count; i++) {
		targets[i].server = (uint16_t)i;
		targets[i].weight = (uint16_t)(i + 1);
	}
	begin_ns = td_mono_ns();
	for (unsigned i = 0; i < CHOICES; i++) {
		random = random * 6364136223846793005ull + 1442695040888963407ull;
		sink += resolver_select(targets, (1u << count) - 1, RESOLVER_SELECT_MAX, random);
	}
	(void)printf("choose one of %2u targets: %.1f ns\n", count,
		(double)(td_mono_ns() - begin_ns) / CHOICES);
}

/* A new configuration has every name gone through anew. */
static void bench_walk(void)
{
	static struct server server;
	const struct resolver_config config = server_config();
	uint64_t begin_ns;

	server_init(&server, &config,
		"a.test 3600 NAPTR 1 1 s SIP+D2U _sip._udp.a.test\n"
		"_sip._udp.a.test 3600 SRV 1 1 5060 h1.test\n"
		"_sip._udp.a.test 3600 SRV 1 2 5060 h2.test\n"
		"_sip._udp.a.test 3600 SRV 2 1 5060 h3.test\n"
		"h1.test 3600 A 10.0.0.1\nh2.test 3600 A 10.0.0.2\nh3.test 3600 A 10.0.0.3");
	server_watch(&server, 0, "sip:a.test");
	server_answer(&server);
	begin_ns = td_mono_ns();
	for (unsigned i = 0; i < WALKS; i++)
		resolver_configure(server.resolver, &config, server.now_ms);
	(void)printf("NAPTR, SRV and addresses of 3 servers over a warm cache: %.0f ns\n",
		(double)(td_mono_ns() - begin_ns) / WALKS);
	sink += server.count;
	server_fini(&server);
}

static void bench_reading(void)
{
	static uint8_t message[ZONE_MESSAGE_BYTES];
	static struct zone zone;
	static struct answer answer;
	const struct name name = {16, "_sip._udp.a.test"};
	uint64_t begin_ns;
	size_t length;

	zone_add(&zone, "_sip._udp.a.test 300 SRV 1 1 5060 h1.test\n"
			"_sip._udp.a.test 300 SRV 1 2 5060 h2.test\n"
			"_sip._udp.a.test 300 SRV 2 1 5060 h3.test");
	length = zone_answer(&zone, name.text, DNS_TYPE_SRV, message);
	begin_ns = td_mono_ns();
	for (unsigned i = 0; i < READINGS; i++)
		sink += (uint64_t)answer_read(message, length, &name, DNS_TYPE_SRV, &answer) +
			answer.record_count;
	(void)printf("read an answer of %zu bytes with 3 SRV records: %.0f ns\n", length,
		(double)(td_mono_ns() - begin_ns) / READINGS);
}

static void bench_memory(void)
{
	struct cache_config config = {.names_max = NAMES,
		.min_ttl_s = 5,
		.max_ttl_s = 3600,
		.negative_ttl_s = 60,
		.stale_s = 60};
	struct answer answer = {
		.outcome = ANSWER_FOUND, .has_ttl = true, .ttl_s = 300, .record_count = 2};
	struct cache_question question;
	struct cache_view view;
	struct cache *cache;
	uint64_t begin_ns;

	if (cache_create(&config, &cache) != 0)
		abort();
	for (unsigned i = 0; i < NAMES; i++) {
		char text[64];
		struct name name;

		(void)snprintf(text, sizeof(text), "sip%u.carrier.example.com", i);
		if (name_parse(span_from(text), &name) != 0)
			abort();
		cache_look(cache, &name, DNS_TYPE_A, 1, &view);
		if (!cache_next_question(cache, 1, &question))
			abort();
		cache_store(cache, question.id, &answer, 1);
	}
	(void)printf("a name with two addresses in the cache: %.0f bytes\n",
		(double)cache_get_counts(cache).bytes / NAMES);
	begin_ns = td_mono_ns();
	for (unsigned i = 0; i < READINGS; i++) {
		cache_look(cache, &question.name, DNS_TYPE_A, 2, &view);
		sink += view.record_count;
	}
	(void)printf(
		"look up a cached name: %.0f ns\n", (double)(td_mono_ns() - begin_ns) / READINGS);
	cache_destroy(cache);
}

int main(void)
{
	bench_choice(1);
	bench_choice(4);
	bench_choice(16);
	bench_walk();
	bench_reading();
	bench_memory();
	return sink == 0;
}
