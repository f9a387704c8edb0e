/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Birth and death of the switchboard and of everything that it holds.
 */
#include "switchboard/registration.h"
#include "switchboard/switchboard.h"
#include "switchboard/usage.h"
#include "util/siphash.h"

#include <tandem/bytes.h>

#include <assert.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>

enum {
	NONCE_LIFE_MS = 300 * 1000,
};

static int create_indexes(struct switchboard *switchboard, uint32_t restored_calls)
{
	uint32_t max_calls = switchboard->config->sip.max_calls;
	uint32_t capacity = max_calls > restored_calls ? max_calls : restored_calls;
	int result = slab_create(capacity, sizeof(struct line), &switchboard->lines);

	if (result == 0)
		result = table_create(capacity, switchboard->seed, &switchboard->by_id);
	if (result == 0)
		result =
			table_create(capacity * CALL_LEGS, switchboard->seed, &switchboard->by_tag);
	if (result == 0)
		result = table_create(capacity, switchboard->seed, &switchboard->by_origin);
	return result;
}

static int create_machines(struct switchboard *switchboard)
{
	const struct config *config = switchboard->config;
	const struct transaction_sink sink = {
		.context = switchboard,
		.send = receive_send,
		.indicate = receive_indication,
	};
	struct transaction_config transactions = {
		.t1_ms = config->sip.t1_ms,
		.t2_ms = config->sip.t2_ms,
		.t4_ms = config->sip.t4_ms,
		.timer_c_ms = (config->sip.ring_timeout_s + 60) * TD_MS_PER_S,
		.capacity = config->sip.max_transactions,
	};
	const struct port_pool_config ports = {
		.addresses = config->media.addresses,
		.address_count = config->media.address_count,
		.port_first = config->media.ports.first,
		.port_last = config->media.ports.last,
		.rest_ms = config->media.rest_s * TD_MS_PER_S,
		.worker_count = config->dataplane.worker_count,
	};
	uint64_t trunk_seed = switchboard_random(switchboard);
	int result;

	for (size_t i = 0; i < sizeof(transactions.seed); i += sizeof(uint64_t)) {
		uint64_t random = switchboard_random(switchboard);

		memcpy(transactions.seed + i, &random, sizeof(random));
	}
	result = transaction_table_create(&transactions, &sink, &switchboard->transactions);
	if (result == 0)
		result = trunk_table_create(
			config, trunk_seed, switchboard->now.mono_ms, &switchboard->trunks);
	if (result == 0)
		result = bindings_create(switchboard);
	if (result == 0)
		result = registrations_create(switchboard);
	if (result == 0)
		result = defence_create(
			&config->sip, TRUNK_IDS_MAX, switchboard->seed, &switchboard->defence);
	if (result == 0)
		result = route_table_create(
			config, switchboard->trunks, trunk_seed, &switchboard->routes);
	if (result == 0)
		result = port_pool_create(&ports, &switchboard->pool);
	if (result == 0)
		result = outbox_create(&switchboard->outbox);
	if (result == 0)
		result = usages_create(switchboard);
	return result;
}

/* Nonces get a key of their own: what hashes in tables must not say anything about it. */
static void derive_digest_key(struct switchboard *switchboard)
{
	for (size_t i = 0; i < DIGEST_KEY_BYTES; i += sizeof(uint64_t)) {
		uint64_t random = switchboard_random(switchboard);

		memcpy(switchboard->digest.key + i, &random, sizeof(random));
	}
}

int switchboard_create(const struct switchboard_setup *setup, const struct switchboard_ports *ports,
	struct td_now now, struct switchboard **ret_switchboard)
{
	struct switchboard *switchboard = calloc(1, sizeof(*switchboard));
	int result;

	if (switchboard == NULL)
		return -ENOMEM;
	switchboard->config = setup->config;
	switchboard->ports = *ports;
	switchboard->trace = setup->trace;
	switchboard->now = now;
	switchboard->media_state = LEDGER_AWAY;
	memcpy(switchboard->seed, setup->seed, SWITCHBOARD_SEED_BYTES);
	static_assert((int)SWITCHBOARD_SEED_BYTES == 2 * (int)SIPHASH_SEED_BYTES,
		"one half for the tables, one for numbers");
	wheel_init(&switchboard->wheel, now.mono_ms);
	switchboard->call_id_base =
		(switchboard_random(switchboard) & ((1ull << SWITCHBOARD_BOOT_BITS) - 1)) << 32;
	derive_digest_key(switchboard);
	switchboard->digest.nonce_life_ms = NONCE_LIFE_MS;
	switchboard->digest.accept_nc = auth_accept_count;
	switchboard->digest.context = switchboard;
	result = create_indexes(switchboard, setup->restored_calls);
	if (result == 0)
		result = create_machines(switchboard);
	if (result != 0) {
		switchboard_destroy(switchboard);
		return result;
	}
	*ret_switchboard = switchboard;
	return 0;
}

void switchboard_destroy(struct switchboard *switchboard)
{
	uint32_t cursor = 0;
	struct line *line;

	if (switchboard == NULL)
		return;
	while (switchboard->lines != NULL &&
		(line = slab_next(switchboard->lines, &cursor)) != NULL)
		call_fini(&line->call);
	usages_destroy(switchboard);
	outbox_destroy(switchboard->outbox);
	port_pool_destroy(switchboard->pool);
	route_table_destroy(switchboard->routes);
	defence_destroy(switchboard->defence);
	registrations_destroy(switchboard);
	registrar_destroy(switchboard->registrar);
	trunk_table_destroy(switchboard->trunks);
	transaction_table_destroy(switchboard->transactions);
	table_destroy(switchboard->by_origin);
	table_destroy(switchboard->by_tag);
	table_destroy(switchboard->by_id);
	slab_destroy(switchboard->lines);
	td_wipe(switchboard->seed, sizeof(switchboard->seed));
	td_wipe(&switchboard->digest, sizeof(switchboard->digest));
	free(switchboard);
}
