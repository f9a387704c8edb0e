/* SPDX-License-Identifier: Apache-2.0 */
#include "app/names.h"

#include "app/carry.h"
#include "app/wire_parts.h"
#include "config/config.h"
#include "journal/journal.h"
#include "loop/loop.h"
#include "resolver/ares_client.h"
#include "resolver/resolver.h"
#include "switchboard/switchboard.h"
#include "trunk/trunk.h"
#include "util/serial.h"
#include "util/siphash.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>

enum {
	NAMES_QUERIES_MAX = 64,		 /* out at a time: what a resolver on the same site bears */
	NAMES_RECORD_MAGIC = 0x656d616e, /* "name" */
	NAMES_RECORD_VERSION = 1,
	NAMES_RECORD_BYTES = 2048,
	NAMES_KEEP_MS = 600 * TD_MS_PER_S, /* between repeats of a record that has not changed */
	NAMES_LIST_BYTES = 512,
};

struct names {
	struct wire *wire; /* borrows */
	struct resolver *resolver;
	struct ares_client *client;
	uint64_t keep_ms; /* when records are repeated next */
};

static const uint8_t record_seed[SIPHASH_SEED_BYTES]; /* ids must be the same after a restart */

static const struct trunk_table *trunks_of(const struct names *names)
{
	return switchboard_trunks(names->wire->switchboard);
}

static bool is_name(const struct config_trunk *trunk)
{
	return trunk != NULL && trunk->target.host[0] != '\0' &&
	       trunk->target.endpoint.ip.family == TD_FAMILY_NONE;
}

/* --- the journal ---------------------------------------------------------------------------- */

static uint64_t record_id(const char *uri)
{
	return siphash(record_seed, uri, strlen(uri));
}

static void keep_record(struct names *names, const struct config_trunk *trunk,
	const struct resolver_target *targets, uint32_t count)
{
	uint64_t stale_ns = (uint64_t)names->wire->config->sip.dns.stale_s * TD_NS_PER_S;
	uint8_t bytes[NAMES_RECORD_BYTES];
	struct serial_writer writer;
	size_t length;

	serial_writer_init(&writer, bytes, sizeof(bytes));
	serial_put_u32(&writer, NAMES_RECORD_MAGIC);
	serial_put_u32(&writer, NAMES_RECORD_VERSION);
	serial_put_span(&writer, span_from(trunk->target.uri));
	serial_put_u64(&writer, td_after(td_wall_ns(), stale_ns));
	serial_put_u32(&writer, count);
	for (uint32_t i = 0; i < count; i++)
		serial_put_fixed(&writer, &targets[i], sizeof(targets[i]));
	if (serial_writer_finish(&writer, &length) != 0 ||
		journal_put(names->wire->journal, JOURNAL_TARGETS, record_id(trunk->target.uri),
			bytes, length) != 0)
		names->wire->journal_failed++; /* a start without name servers would miss it */
}

/* A record as it is read back. */
struct remembered {
	struct span uri; /* borrows from the record */
	uint64_t until_wall_ns;
	uint32_t count;
	struct resolver_target targets[RESOLVER_TARGETS_MAX];
};

static int read_record(const uint8_t *bytes, size_t length, struct remembered *ret_record)
{
	struct serial_reader reader;

	serial_reader_init(&reader, bytes, length);
	if (serial_get_u32(&reader) != NAMES_RECORD_MAGIC ||
		serial_get_u32(&reader) != NAMES_RECORD_VERSION)
		return -EBADMSG;
	ret_record->uri = serial_get_span(&reader);
	ret_record->until_wall_ns = serial_get_u64(&reader);
	ret_record->count = serial_get_u32(&reader);
	if (ret_record->count > RESOLVER_TARGETS_MAX)
		return -EBADMSG;
	for (uint32_t i = 0; i < ret_record->count; i++)
		serial_get_fixed(&reader, &ret_record->targets[i], sizeof(ret_record->targets[i]));
	return serial_reader_finish(&reader);
}

static void set_targets(
	struct names *names, trunk_id trunk, const struct resolver_target *targets, uint32_t count)
{
	if (switchboard_set_targets(
		    names->wire->switchboard, trunk, targets, count, wire_now(names->wire)) != 0)
		td_log(TD_LOG_ERR,
			"names: trunk %u: out of memory, its sources stay what they were", trunk);
}

static int remember(void *context, uint64_t id, const uint8_t *value, size_t value_bytes)
{
	struct names *names = context;
	struct td_now now = wire_now(names->wire);
	struct remembered record;
	bool is_wanted = false;

	if (read_record(value, value_bytes, &record) != 0)
		record = (struct remembered){.count = 0};
	for (trunk_id i = 0; i < trunk_table_size(trunks_of(names)); i++) {
		const struct config_trunk *trunk = trunk_config(trunks_of(names), i);

		if (!is_name(trunk) || !span_equal(span_from(trunk->target.uri), record.uri))
			continue;
		is_wanted = true;
		if (record.until_wall_ns <= now.wall_ns || record.count == 0)
			continue;
		resolver_remember(names->resolver, i, record.targets, record.count,
			td_after(now.mono_ms,
				td_since(record.until_wall_ns, now.wall_ns) / TD_NS_PER_MS));
		set_targets(names, i, record.targets, record.count);
	}
	if (!is_wanted && journal_delete(names->wire->journal, JOURNAL_TARGETS, id) != 0)
		names->wire->journal_failed++;
	return 0;
}

/* Repeats the records of names that are still known, so that they don't run out. */
static void keep_records(struct names *names)
{
	for (trunk_id i = 0; i < trunk_table_size(trunks_of(names)); i++) {
		const struct config_trunk *trunk = trunk_config(trunks_of(names), i);
		struct resolver_target targets[RESOLVER_TARGETS_MAX];
		struct resolver_status status;

		if (is_name(trunk) && resolver_get_status(names->resolver, i, &status) == 0 &&
			status.is_known && !status.is_stale)
			keep_record(names, trunk, targets,
				resolver_get_targets(names->resolver, i, targets));
	}
}

/* --- lists ---------------------------------------------------------------------------------- */

/* A target that is no source of its trunk: what it sends is dropped, or taken for another's. */
static void warn_of_stranger(const struct names *names, trunk_id id, const char *endpoint,
	const struct resolver_target *target)
{
	const struct config_trunk *trunk = trunk_config(trunks_of(names), id);
	trunk_id owner = trunk_find_by_source(
		trunks_of(names), &target->endpoint.ip, (enum sip_transport)target->transport);
	const struct config_trunk *other = trunk_config(trunks_of(names), owner);

	if (owner == id)
		return;
	if (other == NULL)
		td_log(TD_LOG_WARN,
			"names: %s: %s leads to %s, which is not among the trunk's sources: its "
			"answers are dropped",
			trunk->name, trunk->target.uri, endpoint);
	else
		td_log(TD_LOG_WARN,
			"names: %s: %s leads to %s, which is a source of %s: calls from there are "
			"that trunk's",
			trunk->name, trunk->target.uri, endpoint, other->name);
}

static void log_list(const struct names *names, trunk_id id, const struct resolver_target *targets,
	uint32_t count)
{
	const struct config_trunk *trunk = trunk_config(trunks_of(names), id);
	char list[NAMES_LIST_BYTES] = "";
	size_t used = 0;

	for (uint32_t i = 0; i < count; i++) {
		char endpoint[TD_ENDPOINT_TEXT_BYTES];

		(void)td_endpoint_format(&targets[i].endpoint, endpoint);
		warn_of_stranger(names, id, endpoint, &targets[i]);
		if (used < sizeof(list) - 1)
			used += (size_t)snprintf(list + used, sizeof(list) - used, " %s/%s",
				endpoint,
				sip_transport_name((enum sip_transport)targets[i].transport));
	}
	td_log(TD_LOG_INFO, "names: %s: %s leads to%s", trunk->name, trunk->target.uri, list);
}

/* The resolver has another list for a trunk. */
static void on_changed(
	void *context, uint32_t watch, const struct resolver_target *targets, uint32_t count)
{
	struct names *names = context;
	const struct config_trunk *trunk = trunk_config(trunks_of(names), watch);
	struct resolver_status status;

	if (!is_name(trunk))
		return;
	set_targets(names, watch, targets, count);
	if (count != 0)
		log_list(names, watch, targets, count);
	else if (resolver_get_status(names->resolver, watch, &status) == 0)
		td_log(TD_LOG_WARN,
			"names: %s: %s leads nowhere any more, the trunk is skipped (%s)",
			trunk->name, trunk->target.uri, locate_reason_text(status.reason));
	keep_record(names, trunk, targets, count);
}

static void on_ask(void *context, cache_id id, const char *name, uint16_t type)
{
	struct names *names = context;

	ares_client_ask(names->client, id, name, type);
}

static void on_answer(void *context, uint64_t id, const uint8_t *message, size_t length)
{
	struct names *names = context;

	resolver_answer(names->resolver, id, message, length, loop_now_ms(names->wire->loop));
}

/* --- life ----------------------------------------------------------------------------------- */

static bool is_loopback(const struct td_ip *ip)
{
	static const uint8_t one[16] = {[15] = 1};

	return ip->family == TD_FAMILY_IPV4 ? ip->bytes[0] == 127
					    : memcmp(ip->bytes, one, sizeof(one)) == 0;
}

static struct resolver_support support_of(const struct config_sip *sip)
{
	struct resolver_support support = {.has_loopback = false};

	for (uint32_t i = 0; i < sip->listener_count; i++) {
		const struct config_listener *listener = &sip->listeners[i];
		uint8_t *families = support.families[listener->transport];

		support.has_loopback = support.has_loopback || is_loopback(&listener->address);
		if (families[0] == TD_FAMILY_NONE)
			families[0] = listener->address.family;
		else if (families[0] != listener->address.family)
			families[1] = listener->address.family;
	}
	return support;
}

static struct resolver_config resolver_config_of(const struct config_sip *sip)
{
	return (struct resolver_config){
		.cache = {.names_max = sip->dns.max_names,
			.min_ttl_s = sip->dns.min_ttl_s,
			.max_ttl_s = sip->dns.max_ttl_s,
			.negative_ttl_s = sip->dns.negative_ttl_s,
			.stale_s = sip->dns.stale_s},
		.support = support_of(sip),
		.watches_max = TRUNK_IDS_MAX,
		.queries_max = NAMES_QUERIES_MAX,
	};
}

/* Has the resolver watch what the trunks in force name, and nothing else. */
static void watch_trunks(struct names *names)
{
	for (trunk_id i = 0; i < trunk_table_size(trunks_of(names)); i++) {
		const struct config_trunk *trunk = trunk_config(trunks_of(names), i);
		struct resolver_target targets[RESOLVER_TARGETS_MAX];
		struct resolver_peer peer = {.port = 0};

		if (!is_name(trunk) || trunk_is_retired(trunks_of(names), i) ||
			name_parse(span_from(trunk->target.host), &peer.host) != 0) {
			resolver_unwatch(names->resolver, i);
			continue;
		}
		peer.port = trunk->target.endpoint.port;
		peer.is_sips = trunk->target.is_sips;
		if (trunk->target.has_transport)
			peer.transport = (uint8_t)trunk->target.transport;
		(void)resolver_watch(/* ids of both are bounded alike */
			names->resolver, i, &peer, loop_now_ms(names->wire->loop));
		/* A trunk that took another's place under the same id finds its list there. */
		set_targets(names, i, targets, resolver_get_targets(names->resolver, i, targets));
	}
}

static int build(struct names *names)
{
	const struct config_sip *sip = &names->wire->config->sip;
	struct resolver_config config = resolver_config_of(sip);
	const struct resolver_sink sink = {names, on_ask, on_changed};
	const struct ares_client_sink client_sink = {names, on_answer};
	struct ares_client_config client = {.server_count = sip->dns.server_count,
		.timeout_ms = sip->dns.timeout_ms,
		.tries = sip->dns.tries};
	int result;

	static_assert((int)CONFIG_DNS_SERVERS_MAX <= (int)ARES_CLIENT_SERVERS_MAX,
		"every configured name server is asked");
	memcpy(client.servers, sip->dns.servers, sizeof(sip->dns.servers));
	if (getrandom(config.cache.seed, sizeof(config.cache.seed), 0) != sizeof(config.cache.seed))
		return -EIO;
	result = ares_client_create(names->wire->loop, &client, &client_sink, &names->client);
	if (result == 0)
		result = resolver_create(&config, &sink, &names->resolver);
	return result;
}

int names_build(struct wire *wire)
{
	struct names *names = calloc(1, sizeof(*names));
	int result = -ENOMEM;

	wire->names = names;
	if (names != NULL) {
		names->wire = wire;
		names->keep_ms = td_after(loop_now_ms(wire->loop), NAMES_KEEP_MS);
		result = build(names);
	}
	if (result != 0)
		return wire_complain("names", "the resolver cannot be started", result);
	watch_trunks(names);
	result = journal_replay(wire->journal, JOURNAL_TARGETS, remember, names);
	if (result != 0)
		return wire_complain("journal", "cannot be read back", result);
	return 0;
}

void names_take_down(struct wire *wire)
{
	if (wire->names == NULL)
		return;
	ares_client_destroy(wire->names->client);
	resolver_destroy(wire->names->resolver);
	free(wire->names);
	wire->names = NULL;
}

void names_reload(struct wire *wire)
{
	const struct resolver_config config = resolver_config_of(&wire->config->sip);

	watch_trunks(wire->names);
	resolver_configure(wire->names->resolver, &config, loop_now_ms(wire->loop));
	/* /etc/resolv.conf may have changed too. */
	if (ares_client_renew(wire->names->client) != 0)
		td_log(TD_LOG_ERR, "names: name servers stay what they were: out of memory");
}

uint64_t names_deadline(const struct wire *wire)
{
	const struct names *names = wire->names;
	uint64_t next_ms = resolver_deadline(names->resolver);
	uint64_t other_ms = ares_client_deadline(names->client);

	next_ms = other_ms < next_ms ? other_ms : next_ms;
	return names->keep_ms < next_ms ? names->keep_ms : next_ms;
}

void names_advance(struct wire *wire, uint64_t now_ms)
{
	struct names *names = wire->names;

	ares_client_advance(names->client);
	if (resolver_deadline(names->resolver) <= now_ms)
		resolver_advance(names->resolver, now_ms);
	if (names->keep_ms <= now_ms) {
		names->keep_ms = td_after(now_ms, NAMES_KEEP_MS);
		keep_records(names);
	}
}

/* --- display -------------------------------------------------------------------------------- */

static json_t *ms_json(uint64_t now_ms, uint64_t then_ms)
{
	uint64_t ms = then_ms > now_ms ? then_ms - now_ms : now_ms - then_ms;

	return json_integer((json_int_t)(ms / TD_MS_PER_S));
}

json_t *names_trunk_json(const struct wire *wire, uint32_t trunk)
{
	uint64_t now_ms = loop_now_ms(wire->loop);
	struct resolver_status status;
	const char *state;

	if (resolver_get_status(wire->names->resolver, trunk, &status) != 0)
		return NULL;
	state = status.is_stale	    ? "stale"
		: status.count != 0 ? "good"
		: status.is_known   ? "empty"
				    : "unknown";
	return json_pack("{s:s,s:s,s:o?,s:o?}", "state", state, "reason",
		locate_reason_text(status.reason), "learnt_for_s",
		status.is_known ? ms_json(now_ms, status.known_ms) : json_null(), "next_in_s",
		status.next_ms != TD_NEVER ? ms_json(now_ms, status.next_ms) : json_null());
}

json_t *names_status_json(const struct wire *wire)
{
	struct resolver_counts counts = resolver_get_counts(wire->names->resolver);
	struct ares_client_counts client = ares_client_get_counts(wire->names->client);
	json_t *object = json_object();

#define PUT_COUNTER(name, help) \
	(void)json_object_set_new(object, #name, json_integer((json_int_t)counts.name));
	RESOLVER_COUNTERS(PUT_COUNTER)
#undef PUT_COUNTER
#define PUT_COUNTER(name, help)    \
	(void)json_object_set_new( \
		object, "cache_" #name, json_integer((json_int_t)counts.cache.name));
	CACHE_COUNTERS(PUT_COUNTER)
#undef PUT_COUNTER
	(void)json_object_set_new(object, "names", json_integer((json_int_t)counts.cache.names));
	(void)json_object_set_new(object, "bytes", json_integer((json_int_t)counts.cache.bytes));
	(void)json_object_set_new(object, "in_flight", json_integer((json_int_t)client.in_flight));
	(void)json_object_set_new(
		object, "server_timeouts", json_integer((json_int_t)client.timeouts));
	return object;
}
