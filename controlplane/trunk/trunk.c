/* SPDX-License-Identifier: Apache-2.0 */
#include "trunk/trunk.h"

#include "trunk/trunk_table.h"
#include "util/format.h"

#include <tandem/bytes.h>
#include <tandem/time.h>

#include <assert.h>
#include <ctype.h>
#include <errno.h>
#include <stdlib.h>

enum {
	TRANSPORTS_ALL = 0xff,
};

struct trunk *trunk_at(const struct trunk_table *table, trunk_id id)
{
	return id < table->slot_count && table->slots[id].is_used ? &table->slots[id] : NULL;
}

uint32_t trunk_transport_mask(const struct config_trunk *config)
{
	uint32_t mask = 0;

	for (uint32_t i = 0; i < config->transport_count; i++)
		mask |= 1u << config->transports[i];
	return mask != 0 ? mask : TRANSPORTS_ALL;
}

static void vacate(struct trunk *trunk)
{
	td_wipe(trunk, sizeof(*trunk));
}

/* Slot that a name will have: its own, or a vacant one. */
static trunk_id slot_for(struct trunk_table *table, const char *name)
{
	trunk_id id = trunk_find_by_name(table, name);

	for (uint32_t i = 0; i < table->slot_count && id == TRUNK_NONE; i++) {
		if (!table->slots[i].is_used)
			id = i;
	}
	if (id == TRUNK_NONE && table->slot_count < TRUNK_IDS_MAX)
		id = table->slot_count++;
	return id;
}

static bool has_room_for(const struct trunk_table *table, const struct config *config)
{
	uint32_t vacant = TRUNK_IDS_MAX - table->slot_count;
	uint32_t names = 0;

	for (uint32_t i = 0; i < table->slot_count; i++)
		vacant += !table->slots[i].is_used;
	for (uint32_t i = 0; i < config->trunk_count; i++)
		names += trunk_find_by_name(table, config->trunks[i].name) == TRUNK_NONE;
	return names <= vacant;
}

static void retire_missing(struct trunk_table *table, const struct config *config)
{
	for (uint32_t i = 0; i < table->slot_count; i++) {
		struct trunk *trunk = &table->slots[i];

		if (!trunk->is_used ||
			config_find_trunk(config, trunk->config.name) != CONFIG_TRUNK_ANY)
			continue;
		trunk->is_retired = true;
		if (trunk->calls == 0)
			vacate(trunk);
	}
}

static void add_sources(struct trunk_table *table, trunk_id id)
{
	const struct config_trunk *config = &table->slots[id].config;

	for (uint32_t i = 0; i < config->source_count; i++)
		if (config->sources[i].bits != CONFIG_SOURCE_TARGET)
			source_index_add(table->sources, &config->sources[i],
				trunk_transport_mask(config), id);
}

static void take_over(struct trunk_table *table, const struct config_trunk *config, uint64_t now_ms)
{
	trunk_id id = slot_for(table, config->name);
	struct trunk *trunk;
	bool is_new;
	bool is_asked_anew;

	assert(id != TRUNK_NONE && "has_room_for() said so");
	trunk = &table->slots[id];
	is_new = !trunk->is_used || trunk->is_retired ||
		 strcmp(trunk->config.target.uri, config->target.uri) != 0;
	is_asked_anew = trunk->config.options_interval_s != config->options_interval_s;
	trunk->is_used = true;
	trunk->is_retired = false;
	trunk->config = *config;
	trunk->config.users = NULL; /* the registrar's; they end with the configuration */
	trunk->config.user_count = 0;
	if (is_new)
		trunk_targets_from_config(table, trunk, now_ms);
	else if (is_asked_anew)
		trunk_targets_begin(table, trunk, now_ms);
	add_sources(table, id);
}

/* What a retired trunk sends in its last calls must still be recognised as its own; trunks that
 * stay come first. */
static void add_retired_sources(struct trunk_table *table)
{
	for (uint32_t i = 0; i < table->slot_count; i++) {
		if (table->slots[i].is_used && table->slots[i].is_retired)
			add_sources(table, i);
	}
}

int trunk_table_reload(struct trunk_table *table, const struct config *config, uint64_t now_ms)
{
	struct source_index *sources;
	uint32_t capacity = 0;
	int error;

	if (!has_room_for(table, config))
		return -ENOSPC;
	for (uint32_t i = 0; i < config->trunk_count; i++)
		capacity += config->trunks[i].source_count;
	for (uint32_t i = 0; i < table->slot_count; i++)
		capacity += table->slots[i].config.source_count;
	error = source_index_create(capacity, &sources);
	if (error != 0)
		return error;
	source_index_destroy(table->sources);
	table->sources = sources;
	table->sip = config->sip;
	table->media = config->media;
	retire_missing(table, config);
	for (uint32_t i = 0; i < config->trunk_count; i++)
		take_over(table, &config->trunks[i], now_ms);
	add_retired_sources(table);
	trunk_health_schedule(table);
	return trunk_follow(table);
}

int trunk_table_create(
	const struct config *config, uint64_t seed, uint64_t now_ms, struct trunk_table **ret_table)
{
	struct trunk_table *table = calloc(1, sizeof(*table));
	int error;

	if (table == NULL)
		return -ENOMEM;
	table->random = seed != 0 ? seed : 1; /* xorshift must not begin at 0 */
	table->due_ms = TD_NEVER;
	table->slots = calloc(TRUNK_IDS_MAX, sizeof(*table->slots));
	error = table->slots != NULL ? trunk_table_reload(table, config, now_ms) : -ENOMEM;
	if (error != 0) {
		trunk_table_destroy(table);
		return error;
	}
	*ret_table = table;
	return 0;
}

void trunk_table_destroy(struct trunk_table *table)
{
	if (table == NULL)
		return;
	for (uint32_t i = 0; i < table->slot_count; i++)
		vacate(&table->slots[i]);
	source_index_destroy(table->sources);
	source_index_destroy(table->followed);
	free(table->slots);
	free(table);
}

trunk_id trunk_find_by_source(
	const struct trunk_table *table, const struct td_ip *address, enum sip_transport transport)
{
	trunk_id id = source_index_find(table->sources, address, 1u << transport);

	if (trunk_at(table, id) == NULL)
		id = source_index_find(table->followed, address, 1u << transport);
	return trunk_at(table, id) != NULL ? id : TRUNK_NONE; /* its last call may have ended */
}

bool trunk_source_is_single(
	const struct trunk_table *table, const struct td_ip *address, enum sip_transport transport)
{
	uint32_t bits = source_index_bits(table->sources, address, 1u << transport);

	/* Targets whose names were looked up are single addresses too. */
	return bits == td_ip_size_bytes(address) * 8 ||
	       (bits == UINT32_MAX &&
		       source_index_find(table->followed, address, 1u << transport) != TRUNK_NONE);
}

trunk_id trunk_find_by_name(const struct trunk_table *table, const char *name)
{
	for (uint32_t i = 0; i < table->slot_count; i++) {
		if (table->slots[i].is_used && strcmp(table->slots[i].config.name, name) == 0)
			return i;
	}
	return TRUNK_NONE;
}

uint32_t trunk_table_size(const struct trunk_table *table)
{
	return table->slot_count;
}

const struct config_trunk *trunk_config(const struct trunk_table *table, trunk_id id)
{
	const struct trunk *trunk = trunk_at(table, id);

	return trunk != NULL ? &trunk->config : NULL;
}

bool trunk_is_retired(const struct trunk_table *table, trunk_id id)
{
	const struct trunk *trunk = trunk_at(table, id);

	return trunk != NULL && trunk->is_retired;
}

static bool is_full(const struct trunk *trunk)
{
	return trunk->config.max_calls != 0 && trunk->calls >= trunk->config.max_calls;
}

int trunk_call_begin(struct trunk_table *table, trunk_id id)
{
	struct trunk *trunk = trunk_at(table, id);

	if (trunk == NULL || trunk->is_retired)
		return -ENOENT;
	if (is_full(trunk)) {
		trunk->calls_refused_full++;
		return -EBUSY;
	}
	trunk_call_restore(table, id);
	return 0;
}

void trunk_call_restore(struct trunk_table *table, trunk_id id)
{
	struct trunk *trunk = trunk_at(table, id);

	if (trunk == NULL)
		return;
	trunk->calls++;
	trunk->calls_total++;
}

void trunk_call_end(struct trunk_table *table, trunk_id id)
{
	struct trunk *trunk = trunk_at(table, id);

	if (trunk == NULL)
		return;
	assert(trunk->calls != 0 && "trunk_call_begin() comes first");
	trunk->calls--;
	if (trunk->calls != 0)
		return;
	if (trunk->departed != 0) {
		trunk->departed = 0;
		(void)!trunk_follow(table); /* without memory the next change tries again */
	}
	if (trunk->is_retired)
		vacate(trunk);
}

enum sip_scheme trunk_scheme(const struct trunk_table *table, trunk_id id)
{
	const struct trunk *trunk = trunk_at(table, id);

	return trunk != NULL && trunk->config.target.is_sips ? SIP_SCHEME_SIPS : SIP_SCHEME_SIP;
}

/* What follows host and port; a port that the transport has by itself isn't written. */
static const char *transport_parameter(const struct config_target *target)
{
	if (target->is_sips)
		return "";
	return target->transport == SIP_TRANSPORT_TCP	? ";transport=tcp"
	       : target->transport == SIP_TRANSPORT_TLS ? ";transport=tls"
							: "";
}

static int write_user(struct span number, char *uri, size_t *used)
{
	int length = sip_user_escape(number, uri + *used, TRUNK_URI_BYTES - *used - 1);

	if (length < 0)
		return length;
	*used += (size_t)length;
	if (length != 0)
		uri[(*used)++] = '@';
	return 0;
}

int trunk_uri(
	const struct trunk_table *table, trunk_id id, struct span number, char uri[TRUNK_URI_BYTES])
{
	const struct trunk *trunk = trunk_at(table, id);
	const struct config_target *target;
	size_t used;
	char port[8] = "";
	bool is_ipv6;
	int length;

	if (trunk == NULL)
		return -ENOENT;
	target = &trunk->config.target;
	is_ipv6 = target->endpoint.ip.family == TD_FAMILY_IPV6;
	used = (size_t)format_text(uri, TRUNK_URI_BYTES, "%s:", target->is_sips ? "sips" : "sip");
	if (write_user(number, uri, &used) != 0)
		return -ENOSPC;
	/* A port that is written with a name says that its SRV records don't count. */
	if (target->endpoint.port != 0 &&
		(target->endpoint.ip.family == TD_FAMILY_NONE ||
			target->endpoint.port !=
				sip_transport_port((enum sip_transport)target->transport)))
		(void)format_text(port, sizeof(port), ":%u", target->endpoint.port);
	length = format_text(uri + used, TRUNK_URI_BYTES - used, "%s%s%s%s%s", is_ipv6 ? "[" : "",
		target->host, is_ipv6 ? "]" : "", port, transport_parameter(target));
	return (size_t)length < TRUNK_URI_BYTES - used ? 0 : -ENOSPC;
}

struct td_ip trunk_media_address(
	const struct trunk_table *table, trunk_id id, enum td_family family)
{
	static const struct td_ip none;
	const struct trunk *trunk = trunk_at(table, id);
	const struct td_ip *first = NULL;
	uint8_t wanted = (uint8_t)family;

	if (trunk == NULL)
		return none;
	for (uint32_t i = 0; i < table->media.address_count; i++) {
		if (td_ip_equal(&table->media.addresses[i], &trunk->config.media_address) &&
			(family == TD_FAMILY_NONE || trunk->config.media_address.family == family))
			return trunk->config.media_address;
	}
	if (wanted == TD_FAMILY_NONE)
		wanted = trunk->config.target.endpoint.ip.family;
	for (uint32_t i = 0; i < table->media.address_count && first == NULL; i++) {
		if (table->media.addresses[i].family == wanted)
			first = &table->media.addresses[i];
	}
	if (first == NULL && family == TD_FAMILY_NONE && table->media.address_count != 0)
		first = &table->media.addresses[0];
	return first != NULL ? *first : none;
}

bool trunk_is_usable(const struct trunk_table *table, trunk_id id, uint64_t now_ms)
{
	const struct trunk *trunk = trunk_at(table, id);

	return trunk != NULL && !trunk->is_retired && !is_full(trunk) &&
	       (trunk->config.is_registrar || trunk_targets_live(trunk, now_ms) != 0);
}

int trunk_get_status(const struct trunk_table *table, trunk_id id, struct trunk_status *ret_status)
{
	const struct trunk *trunk = trunk_at(table, id);

	if (trunk == NULL)
		return -ENOENT;
	*ret_status = (struct trunk_status){.state = (enum trunk_state)trunk->state,
		.calls = trunk->calls,
		.max_calls = trunk->config.max_calls,
		.calls_total = trunk->calls_total,
		.calls_refused_full = trunk->calls_refused_full,
		.options_sent = trunk->options_sent,
		.options_failed = trunk->options_failed,
		.state_since_ms = trunk->state_since_ms};
	return 0;
}
