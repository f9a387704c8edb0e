/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Random zones and URIs: the resolver's list is what a naive reading of RFC 3263 over the zone's
 * text gives, whatever the order of questions and answers; and a zone that changes at random
 * never makes it spin, ask too much or keep an address that the zone has no more.
 */
#include "server.h"
#include "sip/uri.h"

#include <tandem/time.h>

#include <arpa/inet.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum {
	RUNS = 1500,
	STEPS = 40,
	HOSTS = 5,
	MODEL_MAX = 256,
	NAME_BYTES = 64,
};

struct model_target {
	unsigned group;
	enum sip_transport transport;
	struct td_endpoint endpoint;
};

struct model {
	const struct zone *zone;
	bool is_sips;
	unsigned group;
	unsigned count;
	struct model_target targets[MODEL_MAX];
};

static uint64_t seed;
static struct server server;

static unsigned below(unsigned limit)
{
	seed ^= seed << 13;
	seed ^= seed >> 7;
	seed ^= seed << 17;
	return (unsigned)(seed >> 33) % limit;
}

static void check(bool is_true, const char *what)
{
	if (is_true)
		return;
	(void)fprintf(stderr, "%s\n%s", what, server_list(&server));
	for (uint32_t i = 0; i < server.zone.count; i++)
		(void)fprintf(stderr, "%s %u %s\n", server.zone.lines[i].name,
			server.zone.lines[i].type, server.zone.lines[i].text);
	abort();
}

/* --- a random zone -------------------------------------------------------------------------- */

static void add_line(const char *format, ...) __attribute__((format(printf, 1, 2)));

static void add_line(const char *format, ...)
{
	char line[256];
	va_list arguments;

	va_start(arguments, format);
	(void)vsnprintf(line, sizeof(line), format, arguments);
	va_end(arguments);
	zone_add(&server.zone, line);
}

static void add_hosts(void)
{
	for (unsigned i = 0; i < HOSTS; i++) {
		if (i + 1 < HOSTS && below(5) == 0) { /* never in a circle */
			add_line("h%u.test 60 CNAME h%u.test", i, i + 1 + below(HOSTS - i - 1));
			continue;
		}
		for (unsigned n = below(3); n != 0; n--)
			add_line("h%u.test %u A 10.%u.0.%u", i, below(200), i, n);
		if (below(3) == 0)
			add_line("h%u.test %u AAAA 2001:db8::%u", i, below(200), i);
	}
	if (below(2) == 0)
		add_line("d.test 60 A 10.9.9.9");
}

static void add_services(void)
{
	static const char *const names[] = {
		"_sip._udp.d.test", "_sip._tcp.d.test", "_sips._tcp.d.test"};
	static const char *const services[] = {"SIP+D2U", "SIP+D2T", "SIPS+D2T"};

	for (unsigned i = 0; i < TD_COUNT_OF(names); i++) {
		for (unsigned n = below(4); n != 0; n--)
			if (below(12) == 0)
				add_line("%s 60 SRV 0 0 0 .", names[i]);
			else
				add_line("%s %u SRV %u %u %u h%u.test", names[i], below(300),
					below(3), below(4), 5060 + below(2), below(HOSTS));
		if (below(4) == 0)
			add_line("d.test 60 NAPTR %u %u s %s %s", below(2), below(3), services[i],
				names[below(8) == 0 ? 0 : i]);
	}
	if (below(8) == 0)
		add_line("d.test 60 NAPTR 0 0 s SIP+D2S _sip._sctp.d.test");
}

/* --- the naive model ------------------------------------------------------------------------ */

static const char *end_of_aliases(const struct zone *zone, const char *name)
{
	for (uint32_t i = 0; i < zone->count; i++)
		if (zone->lines[i].type == DNS_TYPE_CNAME && strcmp(zone->lines[i].name, name) == 0)
			return end_of_aliases(zone, zone->lines[i].text);
	return name;
}

static unsigned count_of(const struct zone *zone, const char *name, uint16_t type)
{
	unsigned count = 0;

	name = end_of_aliases(zone, name);
	for (uint32_t i = 0; i < zone->count; i++)
		count += zone->lines[i].type == type && strcmp(zone->lines[i].name, name) == 0;
	return count;
}

static void model_add(
	struct model *model, enum sip_transport transport, const struct td_endpoint *endpoint)
{
	for (unsigned i = 0; i < model->count; i++)
		if (model->targets[i].transport == transport &&
			td_endpoint_equal(&model->targets[i].endpoint, endpoint))
			return;
	model->targets[model->count++] = (struct model_target){model->group, transport, *endpoint};
}

static void model_host(
	struct model *model, const char *name, enum sip_transport transport, uint16_t port)
{
	name = end_of_aliases(model->zone, name);
	for (uint32_t i = 0; i < model->zone->count; i++) {
		const struct zone_line *line = &model->zone->lines[i];
		struct td_endpoint endpoint = {.port = port};

		if ((line->type != DNS_TYPE_A && line->type != DNS_TYPE_AAAA) ||
			strcmp(line->name, name) != 0)
			continue;
		check(td_ip_parse(line->text, strlen(line->text), &endpoint.ip), "an address");
		model_add(model, transport, &endpoint);
	}
}

/* Returns how many records there are. */
static unsigned model_service(struct model *model, const char *name, enum sip_transport transport)
{
	for (unsigned priority = 0; priority < 3; priority++) {
		model->group++;
		for (uint32_t i = 0; i < model->zone->count; i++) {
			const struct zone_line *line = &model->zone->lines[i];
			unsigned numbers[3];
			char host[NAME_BYTES];

			if (line->type != DNS_TYPE_SRV || strcmp(line->name, name) != 0)
				continue;
			check(sscanf(line->text, "%u %u %u %63s", &numbers[0], &numbers[1],
				      &numbers[2], host) == 4,
				"an SRV line");
			if (numbers[0] == priority && strcmp(host, ".") != 0)
				model_host(model, host, transport, (uint16_t)numbers[2]);
		}
	}
	return count_of(model->zone, name, DNS_TYPE_SRV);
}

static const struct {
	const char *name;
	const char *service;
	enum sip_transport transport;
} kinds[] = {
	{"_sip._udp.d.test", "SIP+D2U", SIP_TRANSPORT_UDP},
	{"_sip._tcp.d.test", "SIP+D2T", SIP_TRANSPORT_TCP},
	{"_sips._tcp.d.test", "SIPS+D2T", SIP_TRANSPORT_TLS},
};

/* Returns true if the name has NAPTR records of SIP's. */
static bool model_naptr(struct model *model)
{
	bool is_found = false;

	for (unsigned order = 0; order < 2; order++) {
		bool is_usable = false;

		for (unsigned preference = 0; preference < 3; preference++)
			for (unsigned k = 0; k < TD_COUNT_OF(kinds); k++)
				for (uint32_t i = 0; i < model->zone->count; i++) {
					const struct zone_line *line = &model->zone->lines[i];
					unsigned numbers[2];
					char service[16];
					char name[NAME_BYTES];

					if (line->type != DNS_TYPE_NAPTR ||
						sscanf(line->text, "%u %u s %15s %63s", &numbers[0],
							&numbers[1], service, name) != 4)
						continue;
					is_found = true;
					if (numbers[0] != order || numbers[1] != preference ||
						strcmp(service, kinds[k].service) != 0 ||
						(model->is_sips &&
							kinds[k].transport != SIP_TRANSPORT_TLS))
						continue;
					is_usable = true;
					(void)model_service(model, name, kinds[k].transport);
				}
		if (is_usable)
			return true;
	}
	return is_found;
}

static void model_locate(struct model *model, const struct sip_uri *uri)
{
	enum sip_transport transport = uri->transport;
	unsigned services = 0;

	model->is_sips = uri->scheme == SIP_SCHEME_SIPS;
	if (model->is_sips && transport != SIP_TRANSPORT_UNKNOWN)
		transport = SIP_TRANSPORT_TLS;
	if (uri->port == 0 && transport == SIP_TRANSPORT_UNKNOWN && model_naptr(model))
		return;
	for (unsigned k = 0; k < TD_COUNT_OF(kinds) && uri->port == 0; k++)
		if (transport == kinds[k].transport ||
			(transport == SIP_TRANSPORT_UNKNOWN &&
				(!model->is_sips || kinds[k].transport == SIP_TRANSPORT_TLS)))
			services += model_service(model, kinds[k].name, kinds[k].transport);
	if (services != 0)
		return;
	if (transport == SIP_TRANSPORT_UNKNOWN)
		transport = model->is_sips ? SIP_TRANSPORT_TLS : SIP_TRANSPORT_UDP;
	model_host(model, "d.test", transport,
		uri->port != 0 ? uri->port : sip_transport_port(transport));
}

/* --- comparison ----------------------------------------------------------------------------- */

/* Of the same preference: groups of both are numbered alike. */
static void compare(const struct model *model)
{
	unsigned shown = model->count < RESOLVER_TARGETS_MAX ? model->count : RESOLVER_TARGETS_MAX;

	check(server.count == shown, "as many targets");
	for (uint32_t i = 0; i < server.count; i++) {
		const struct resolver_target *target = &server.targets[i];
		const struct model_target *same = NULL;

		for (unsigned j = 0; j < model->count; j++)
			if (model->targets[j].transport == target->transport &&
				td_endpoint_equal(&model->targets[j].endpoint, &target->endpoint))
				same = &model->targets[j];
		check(same != NULL, "a target that the model has");
		for (uint32_t j = 0; same != NULL && j < i; j++)
			for (unsigned k = 0; k < model->count; k++) {
				const struct model_target *other = &model->targets[k];

				if (other->transport != server.targets[j].transport ||
					!td_endpoint_equal(
						&other->endpoint, &server.targets[j].endpoint))
					continue;
				check((other->group < same->group) ==
						(server.targets[j].rank < target->rank),
					"ranks as the model's groups");
			}
	}
}

static void check_zone(const char *uri_text)
{
	static struct model model;
	struct sip_uri uri;

	model = (struct model){.zone = &server.zone};
	check(sip_uri_parse(span_from(uri_text), &uri) == 0, "a URI");
	model_locate(&model, &uri);
	compare(&model);
}

/* Answers one of the open questions, whichever. */
static void answer_any(void)
{
	uint32_t i = below(server.question_count);
	struct server_question question = server.questions[i];

	server.questions[i] = server.questions[0];
	server.questions[0] = question;
	server.question_count--;
	if (below(10) == 0) {
		memmove(server.questions, server.questions + 1,
			server.question_count * sizeof(server.questions[0]));
		resolver_answer(server.resolver, question.id, NULL, 0, server.now_ms);
		return;
	}
	server.question_count++;
	server_answer(&server);
}

static void run_once(void)
{
	static const char *const uris[] = {"sip:d.test", "sips:d.test", "sip:d.test;transport=udp",
		"sip:d.test;transport=tcp", "sip:d.test;transport=tls", "sips:d.test;transport=tcp",
		"sip:d.test:5062", "sips:d.test:5062"};
	const struct resolver_config config = server_config();
	const char *uri = uris[below(TD_COUNT_OF(uris))];

	server_init(&server, &config, "");
	server.zone.negative_ttl_s = below(2) * below(100);
	add_hosts();
	add_services();
	server_watch(&server, 0, uri);
	while (server.question_count != 0)
		answer_any();
	server_pass(&server, 100000); /* what went unanswered is asked again */
	check_zone(uri);
	for (unsigned step = 0; step < STEPS / 10; step++) {
		server.zone.count = 0;
		add_hosts();
		add_services();
		server.is_silent = below(4) == 0;
		server_pass(&server, below(100000));
		server.is_silent = false;
		server_pass(&server, 400000); /* longer than any TTL */
		check_zone(uri);
	}
	server_fini(&server);
}

int main(int argc, char **argv)
{
	seed = argc > 1 ? strtoull(argv[1], NULL, 10) : td_wall_ns() | 1;
	(void)printf("seed %llu\n", (unsigned long long)seed);
	for (unsigned i = 0; i < RUNS; i++)
		run_once();
	return EXIT_SUCCESS;
}
