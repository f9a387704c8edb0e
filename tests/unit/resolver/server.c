/* SPDX-License-Identifier: Apache-2.0 */
#include "server.h"

#include "sip/uri.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static void ask(void *context, cache_id id, const char *name, uint16_t type)
{
	struct server *server = context;
	struct server_question *question = &server->questions[server->question_count];

	if (server->question_count == SERVER_QUESTIONS_MAX)
		abort();
	server->question_count++;
	server->asked++;
	question->id = id;
	question->type = type;
	(void)snprintf(question->name, sizeof(question->name), "%s", name);
}

static void changed(
	void *context, uint32_t watch, const struct resolver_target *targets, uint32_t count)
{
	struct server *server = context;

	server->changes++;
	server->watch = watch;
	server->count = count;
	memcpy(server->targets, targets, count * sizeof(targets[0]));
}

struct resolver_config server_config(void)
{
	struct resolver_config config = {
		.cache = {.names_max = 256,
			.min_ttl_s = 5,
			.max_ttl_s = 3600,
			.negative_ttl_s = 60,
			.stale_s = 86400},
		.watches_max = 64,
		.queries_max = 32,
	};

	for (unsigned i = SIP_TRANSPORT_UDP; i <= SIP_TRANSPORT_TLS; i++) {
		config.support.families[i][0] = TD_FAMILY_IPV4;
		config.support.families[i][1] = TD_FAMILY_IPV6;
	}
	return config;
}

void server_init(struct server *server, const struct resolver_config *config, const char *lines)
{
	const struct resolver_sink sink = {server, ask, changed};

	memset(server, 0, sizeof(*server));
	server->now_ms = 1000000;
	server->zone.negative_ttl_s = 30;
	zone_add(&server->zone, lines);
	if (resolver_create(config, &sink, &server->resolver) != 0)
		abort();
}

void server_fini(struct server *server)
{
	resolver_destroy(server->resolver);
}

void server_watch(struct server *server, uint32_t watch, const char *text)
{
	struct resolver_peer peer = {.port = 0};
	struct sip_uri uri;

	if (sip_uri_parse(span_from(text), &uri) != 0 || name_parse(uri.host, &peer.host) != 0)
		abort();
	peer.port = uri.port;
	peer.transport = (uint8_t)uri.transport;
	peer.is_sips = uri.scheme == SIP_SCHEME_SIPS;
	if (resolver_watch(server->resolver, watch, &peer, server->now_ms) != 0)
		abort();
}

void server_answer(struct server *server)
{
	static uint8_t message[ZONE_MESSAGE_BYTES];

	while (server->question_count != 0) {
		struct server_question question = server->questions[0];
		size_t length = zone_answer(&server->zone, question.name, question.type, message);

		server->question_count--;
		memmove(server->questions, server->questions + 1,
			server->question_count * sizeof(server->questions[0]));
		resolver_answer(server->resolver, question.id, server->is_silent ? NULL : message,
			length, server->now_ms);
	}
}

void server_pass(struct server *server, uint64_t ms)
{
	uint64_t end_ms = server->now_ms + ms;

	server_answer(server);
	while (resolver_deadline(server->resolver) <= end_ms) {
		if (resolver_deadline(server->resolver) > server->now_ms)
			server->now_ms = resolver_deadline(server->resolver);
		resolver_advance(server->resolver, server->now_ms);
		server_answer(server);
		if (resolver_deadline(server->resolver) <= server->now_ms)
			abort(); /* it would spin */
	}
	server->now_ms = end_ms;
}

const char *server_list(const struct server *server)
{
	static char text[RESOLVER_TARGETS_MAX * 96];
	size_t used = 0;

	text[0] = '\0';
	for (uint32_t i = 0; i < server->count; i++) {
		const struct resolver_target *target = &server->targets[i];
		char endpoint[TD_ENDPOINT_TEXT_BYTES];

		used += (size_t)snprintf(text + used, sizeof(text) - used, "%u %u %u %s %s\n",
			target->rank, target->server, target->weight,
			sip_transport_name((enum sip_transport)target->transport),
			td_endpoint_format(&target->endpoint, endpoint));
	}
	return text;
}
