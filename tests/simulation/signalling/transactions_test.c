/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Random transactions between two tables over networks good and bad: every one ends exactly once
 * at each end, both ends agree on what happened, and nothing is left over. A failure repeats with
 * the seed that was printed: TANDEM_SEED=<seed>.
 */
#include "exchange.h"
#include "transaction/machine.h"

#include <tandem/time.h>

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

static uint64_t seed;

static const struct exchange_config NETWORKS[] = {
	{.name = "perfect",
		.transactions = 10000,
		.capacity = 4096,
		.period_ms = 600000,
		.transport = SIP_TRANSPORT_UDP},
	{.name = "slow, a tenth lost",
		.transactions = 10000,
		.capacity = 4096,
		.period_ms = 600000,
		.transport = SIP_TRANSPORT_UDP,
		.link = {.loss_ppm = 100000, .delay_ms = 80, .jitter_ms = 60}},
	{.name = "half lost, doubled, out of order",
		.transactions = 10000,
		.capacity = 8192,
		.period_ms = 600000,
		.transport = SIP_TRANSPORT_UDP,
		.link = {.loss_ppm = 500000,
			.duplicate_ppm = 300000,
			.delay_ms = 20,
			.jitter_ms = 1500}},
	{.name = "nothing arrives",
		.transactions = 1000,
		.capacity = 4096,
		.period_ms = 60000,
		.transport = SIP_TRANSPORT_UDP,
		.link = {.loss_ppm = 1000000}},
	{.name = "TCP",
		.transactions = 10000,
		.capacity = 4096,
		.period_ms = 600000,
		.transport = SIP_TRANSPORT_TCP,
		.link = {.delay_ms = 40, .jitter_ms = 30}},
	{.name = "the server's table too small",
		.transactions = 10000,
		.capacity = 8192,
		.server_capacity = 200,
		.period_ms = 600000,
		.transport = SIP_TRANSPORT_UDP,
		.link = {.loss_ppm = 100000, .delay_ms = 20, .jitter_ms = 100}},
};

static void check_empty(const struct transaction_table *table)
{
	struct transaction_counts counts = transaction_table_counts(table);

	assert_int_equal(counts.clients, 0);
	assert_int_equal(counts.servers, 0);
	assert_true(transaction_deadline(table) == TD_NEVER);
	assert_int_equal(table->heap.in_use_count, 0);
	assert_int_equal(table->heap.in_use_bytes, 0);
	assert_int_equal(slab_in_use(table->slab), 0);
	assert_int_equal(table_count(table->by_key), 0);
	assert_int_equal(table_count(table->by_peer), 0);
	assert_int_equal(table_count(table->merged), 0);
	assert_int_equal(table->wheel->count, 0);
}

/* What must hold for one transaction whatever the network did. */
static void check_entry(const struct exchange_entry *entry, bool is_full_allowed)
{
	bool has_ended = entry->client_ends == 1 && entry->server_ends == entry->server_begins;
	bool has_outcome = entry->finals != 0 || entry->timeouts != 0;
	bool is_from_server = entry->got_status == entry->sent_status ||
			      (is_full_allowed && entry->got_status == 503);
	/* A late copy of a request can outlive its transaction and begin another, with another
	 * answer; only then may the ends differ. */
	bool do_agree = entry->got_status == 0 || is_from_server || entry->server_begins > 1;

	if (!has_ended || !has_outcome || !do_agree)
		fail_msg("transaction %u: client ends %u, server %u of %u, finals %u, timeouts "
			 "%u, got %u, sent %u",
			entry->number, entry->client_ends, entry->server_ends, entry->server_begins,
			entry->finals, entry->timeouts, entry->got_status, entry->sent_status);
}

/* Over a network that loses nothing the plan is fulfilled. */
static void check_plan(const struct exchange_entry *entry)
{
	if (entry->never_answers)
		assert_int_equal(entry->timeouts, 1);
	else if (!entry->is_canceled_by_client)
		assert_int_equal(entry->got_status, entry->planned_status);
	else
		assert_true(entry->got_status == 487 || entry->got_status == entry->planned_status);
}

static void run_network(const struct exchange_config *config)
{
	struct exchange *exchange = exchange_create(config, seed);
	bool is_lossless = config->link.loss_ppm == 0;
	struct sim_counts counts;

	(void)sim_net_run(exchange->net, NULL, NULL, TD_NEVER);
	counts = sim_net_counts(exchange->net);
	printf("%s: %u transactions, %llu messages (%llu lost, %llu doubled), %u strays, %u "
	       "refused, %llu s\n",
		config->name, config->transactions, (unsigned long long)counts.sent,
		(unsigned long long)counts.lost, (unsigned long long)counts.duplicated,
		exchange->strays, exchange->refused,
		(unsigned long long)(sim_net_now_ms(exchange->net) - SIM_START_MS) / 1000);
	for (uint32_t i = 0; i < config->transactions; i++) {
		check_entry(&exchange->entries[i], config->server_capacity != 0);
		if (is_lossless)
			check_plan(&exchange->entries[i]);
	}
	assert_int_equal(exchange->refused, 0);
	assert_int_equal(transaction_table_counts(exchange->server.table).refused_full != 0,
		config->server_capacity != 0);
	check_empty(exchange->client.table);
	check_empty(exchange->server.table);
	exchange_destroy(exchange);
}

static void test_every_transaction_ends(void **state)
{
	(void)state;
	for (size_t i = 0; i < TD_COUNT_OF(NETWORKS); i++)
		run_network(&NETWORKS[i]);
}

/* One INVITE whose n-th datagrams are lost, for each pattern of the first eight both ways. */
static void test_every_loss_pattern(void **state)
{
	struct exchange_config config = {.transactions = 1,
		.capacity = 16,
		.period_ms = 1,
		.transport = SIP_TRANSPORT_UDP,
		.link = {.delay_ms = 30}};

	(void)state;
	for (uint64_t mask = 0; mask < 1u << 12; mask++) {
		struct exchange *exchange = exchange_create(&config, seed + mask);
		struct sim_link there = {.delay_ms = 30, .loss_mask = mask & 0x3f};
		struct sim_link back = {.delay_ms = 30, .loss_mask = mask >> 6};

		sim_net_set_link(
			exchange->net, exchange->client.node, exchange->server.node, &there);
		sim_net_set_link(
			exchange->net, exchange->server.node, exchange->client.node, &back);
		(void)sim_net_run(exchange->net, NULL, NULL, TD_NEVER);
		check_entry(&exchange->entries[0], false);
		check_empty(exchange->client.table);
		check_empty(exchange->server.table);
		exchange_destroy(exchange);
	}
}

static void test_same_seed_same_run(void **state)
{
	struct sim_counts counts[2];

	(void)state;
	for (int i = 0; i < 2; i++) {
		struct exchange_config config = NETWORKS[2];
		struct exchange *exchange;

		config.transactions = 500;
		exchange = exchange_create(&config, seed);
		(void)sim_net_run(exchange->net, NULL, NULL, TD_NEVER);
		counts[i] = sim_net_counts(exchange->net);
		exchange_destroy(exchange);
	}
	assert_memory_equal(&counts[0], &counts[1], sizeof(counts[0]));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_every_transaction_ends),
		cmocka_unit_test(test_every_loss_pattern),
		cmocka_unit_test(test_same_seed_same_run),
	};

	seed = sim_seed(20261122);
	return cmocka_run_group_tests(tests, NULL, NULL);
}
