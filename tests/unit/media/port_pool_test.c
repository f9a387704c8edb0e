/* SPDX-License-Identifier: Apache-2.0 */
/* Port pool: each pair given once, rest times to the millisecond, oldest first, restart claims. */
#include "media/port_pool.h"

#include <tandem/contract.h>

#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>

#include <cmocka.h>

enum {
	PORT_FIRST = 20000,
	PAIRS = 256,
	WORKERS = 2,
	REST_MS = 30000
};

static struct port_pool *pool_of(uint32_t worker_count)
{
	struct td_ip addresses[2];
	struct port_pool_config config = {.addresses = addresses,
		.address_count = 2,
		.port_first = PORT_FIRST,
		.port_last = PORT_FIRST + 2 * PAIRS - 1,
		.rest_ms = REST_MS,
		.worker_count = worker_count};
	struct port_pool *pool;

	assert_true(td_ip_parse("192.0.2.1", 9, &addresses[0]));
	assert_true(td_ip_parse("2001:db8::1", 11, &addresses[1]));
	assert_int_equal(port_pool_create(&config, &pool), 0);
	return pool;
}

static void gives_each_pair_once_and_of_the_right_worker(void **state)
{
	struct port_pool *pool = pool_of(WORKERS);
	bool seen[2 * PAIRS] = {false};
	struct td_endpoint rtp;
	uint32_t taken = 0;

	(void)state;
	for (unsigned worker = 0; worker < WORKERS; worker++) {
		while (port_pool_take(pool, 0, worker, 0, &rtp) == 0) {
			assert_int_equal(td_port_owner(rtp.port, WORKERS), worker);
			assert_int_equal(rtp.port % 2, 0);
			assert_false(seen[rtp.port - PORT_FIRST]);
			seen[rtp.port - PORT_FIRST] = true;
			taken++;
		}
	}
	assert_int_equal(taken, PAIRS);
	assert_int_equal(port_pool_pairs_in_use(pool), PAIRS);
	assert_int_equal(port_pool_take(pool, 1, 0, 0, &rtp), 0); /* the other address is whole */
	assert_int_equal(rtp.ip.family, TD_FAMILY_IPV6);
	port_pool_destroy(pool);
}

static void released_pair_rests_to_the_millisecond(void **state)
{
	struct port_pool *pool = pool_of(1);
	struct td_endpoint all[PAIRS];
	struct td_endpoint rtp;

	(void)state;
	for (int i = 0; i < PAIRS; i++)
		assert_int_equal(port_pool_take(pool, 0, 0, 1000, &all[i]), 0);
	port_pool_release(pool, &all[7], 1000);
	port_pool_release(pool, &all[3], 1001);
	assert_int_equal(port_pool_take(pool, 0, 0, 1000 + REST_MS - 1, &rtp), -ENOSPC);
	assert_int_equal(port_pool_take(pool, 0, 0, 1000 + REST_MS, &rtp), 0);
	assert_int_equal(rtp.port, all[7].port);
	assert_int_equal(port_pool_take(pool, 0, 0, 1000 + REST_MS, &rtp), -ENOSPC);
	assert_int_equal(port_pool_take(pool, 0, 0, 1001 + REST_MS, &rtp), 0);
	assert_int_equal(rtp.port, all[3].port);
	port_pool_destroy(pool);
}

static void release_of_what_is_not_in_use_changes_nothing(void **state)
{
	struct port_pool *pool = pool_of(1);
	struct td_endpoint rtp;
	struct td_endpoint odd;

	(void)state;
	assert_int_equal(port_pool_take(pool, 0, 0, 0, &rtp), 0);
	odd = rtp;
	odd.port++;
	port_pool_release(pool, &odd, 0);
	odd.port = 9;
	port_pool_release(pool, &odd, 0);
	assert_int_equal(port_pool_pairs_in_use(pool), 1);
	port_pool_release(pool, &rtp, 0);
	port_pool_release(pool, &rtp, 0);
	assert_int_equal(port_pool_pairs_in_use(pool), 0);
	port_pool_destroy(pool);
}

static void claimed_pair_is_not_given_away(void **state)
{
	struct port_pool *pool = pool_of(1);
	struct td_endpoint claimed;
	struct td_endpoint rtp;
	uint32_t taken = 0;

	(void)state;
	memset(&claimed, 0, sizeof(claimed));
	assert_true(td_ip_parse("192.0.2.1", 9, &claimed.ip));
	claimed.port = PORT_FIRST + 10;
	assert_int_equal(port_pool_claim(pool, &claimed), 0);
	assert_int_equal(port_pool_claim(pool, &claimed), -EADDRINUSE);
	while (port_pool_take(pool, 0, 0, 0, &rtp) == 0) {
		assert_int_not_equal(rtp.port, claimed.port);
		taken++;
	}
	assert_int_equal(taken, PAIRS - 1);
	claimed.port = 9;
	assert_int_equal(port_pool_claim(pool, &claimed), -EINVAL);
	port_pool_destroy(pool);
}

static void least_used_worker_is_offered(void **state)
{
	struct port_pool *pool = pool_of(WORKERS);
	struct td_endpoint rtp;

	(void)state;
	assert_int_equal(port_pool_take(pool, 0, 0, 0, &rtp), 0);
	assert_int_equal(port_pool_least_used_worker(pool), 1);
	assert_int_equal(port_pool_take(pool, 0, 1, 0, &rtp), 0);
	assert_int_equal(port_pool_take(pool, 0, 1, 0, &rtp), 0);
	assert_int_equal(port_pool_least_used_worker(pool), 0);
	port_pool_destroy(pool);
}

static void crooked_configurations_are_refused(void **state)
{
	struct td_ip address;
	struct port_pool *pool = NULL;
	struct port_pool_config good = {.addresses = &address,
		.address_count = 1,
		.port_first = 20000,
		.port_last = 20001,
		.worker_count = 1};
	struct port_pool_config bad;

	(void)state;
	assert_true(td_ip_parse("192.0.2.1", 9, &address));
	bad = good;
	bad.address_count = 0;
	assert_int_equal(port_pool_create(&bad, &pool), -EINVAL);
	bad = good;
	bad.worker_count = 0;
	assert_int_equal(port_pool_create(&bad, &pool), -EINVAL);
	bad = good;
	bad.port_first = 20001;
	assert_int_equal(port_pool_create(&bad, &pool), -EINVAL);
	bad = good;
	bad.port_last = 19999;
	assert_int_equal(port_pool_create(&bad, &pool), -EINVAL);
	assert_null(pool);
	assert_int_equal(port_pool_create(&good, &pool), 0);
	port_pool_destroy(pool);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(gives_each_pair_once_and_of_the_right_worker),
		cmocka_unit_test(released_pair_rests_to_the_millisecond),
		cmocka_unit_test(release_of_what_is_not_in_use_changes_nothing),
		cmocka_unit_test(claimed_pair_is_not_given_away),
		cmocka_unit_test(least_used_worker_is_offered),
		cmocka_unit_test(crooked_configurations_are_refused),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
