/* SPDX-License-Identifier: Apache-2.0 */
/* The n-th allocation fails: the answer is -ENOMEM, nothing leaks, and the next try succeeds. */
#include "config/config.h"
#include "loop/loop.h"
#include "route/route.h"
#include "transport/transport.h"
#include "trunk/trunk.h"

#include <dirent.h>
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

enum {
	ALLOCATIONS_MAX = 200
};

void *__real_malloc(size_t size_bytes);
void *__real_calloc(size_t count, size_t size_bytes);
void *__real_realloc(void *bytes, size_t size_bytes);
void *__wrap_malloc(size_t size_bytes);
void *__wrap_calloc(size_t count, size_t size_bytes);
void *__wrap_realloc(void *bytes, size_t size_bytes);

static uint32_t countdown; /* 0: nothing fails */

static bool fails_now(void)
{
	return countdown != 0 && --countdown == 0;
}

void *__wrap_malloc(size_t size_bytes)
{
	return fails_now() ? NULL : __real_malloc(size_bytes);
}

void *__wrap_calloc(size_t count, size_t size_bytes)
{
	return fails_now() ? NULL : __real_calloc(count, size_bytes);
}

void *__wrap_realloc(void *bytes, size_t size_bytes)
{
	return fails_now() ? NULL : __real_realloc(bytes, size_bytes);
}

static uint32_t open_descriptors(void)
{
	DIR *directory = opendir("/proc/self/fd");
	uint32_t count = 0;

	assert_non_null(directory);
	while (readdir(directory) != NULL)
		count++;
	(void)closedir(directory);
	return count;
}

static int load_config(void)
{
	struct config_errors errors;
	struct config *config = NULL;
	int error =
		config_load_text(config_example(), strlen(config_example()), "t", &config, &errors);

	config_destroy(config);
	return error;
}

static struct config *example(void)
{
	struct config_errors errors;
	struct config *config = NULL;

	assert_int_equal(
		config_load_text(config_example(), strlen(config_example()), "t", &config, &errors),
		0);
	return config;
}

static struct config *config_of_test;

static int make_routes(void)
{
	struct trunk_table *trunks = NULL;
	struct route_table *routes = NULL;
	int error = trunk_table_create(config_of_test, 1, 0, &trunks);

	if (error == 0)
		error = trunk_table_reload(trunks, config_of_test, 1);
	if (error == 0)
		error = route_table_create(config_of_test, trunks, 1, &routes);
	route_table_destroy(routes);
	trunk_table_destroy(trunks);
	return error;
}

static void receive(void *context, struct transport_message *message)
{
	(void)context;
	(void)message;
}

static void failed(void *context, const struct sip_flow *flow)
{
	(void)flow;
	(*(uint32_t *)context)++;
}

/* A transport that talks to itself over TCP. A message that couldn't be queued is told as a
 * failure; that is the -ENOMEM of a machine that has gone too far to return it. */
static int make_transport(void)
{
	uint32_t failures = 0;
	struct transport_config config = {.listener_count = 2};
	struct transport_sink sink = {&failures, NULL, receive, failed, NULL};
	struct transport *transport = NULL;
	struct loop *loop = NULL;
	struct sip_flow flow = {.transport = SIP_TRANSPORT_TCP};
	int error = loop_create(&loop);

	for (uint32_t i = 0; i < 2; i++) {
		config.listeners[i].local.ip =
			(struct td_ip){.family = TD_FAMILY_IPV4, .bytes = {127, 0, 0, 1}};
		config.listeners[i].transport = i == 0 ? SIP_TRANSPORT_UDP : SIP_TRANSPORT_TCP;
	}
	if (error == 0)
		error = transport_create(loop, &config, &sink, &transport, NULL);
	if (error == 0) {
		flow.local = transport_local(transport, 1);
		flow.remote = flow.local;
		transport_send(transport, &flow, "\r\n\r\nOPTIONS", 11);
		for (int i = 0; i < 20 && error == 0; i++)
			error = loop_turn(loop, 1);
		if (error == 0 && transport_connection_count(transport) != 2)
			error = -ENOMEM;
	}
	transport_destroy(transport);
	loop_destroy(loop);
	return error != 0 ? error : failures != 0 ? -ENOMEM : 0;
}

static void fail_each(int (*attempt)(void))
{
	uint32_t descriptors = open_descriptors();
	uint32_t failures = 0;

	for (uint32_t n = 1; n < ALLOCATIONS_MAX; n++) {
		bool was_reached;
		int error;

		countdown = n;
		error = attempt();
		was_reached = countdown == 0;
		countdown = 0;
		assert_int_equal(open_descriptors(), descriptors);
		if (!was_reached) {
			assert_int_equal(error, 0);
			assert_true(failures != 0);
			return;
		}
		assert_int_equal(error, -ENOMEM);
		failures++;
	}
	fail_msg("more than %d allocations", ALLOCATIONS_MAX);
}

static void test_config(void **state)
{
	(void)state;
	fail_each(load_config);
}

static void test_routes(void **state)
{
	(void)state;
	config_of_test = example();
	fail_each(make_routes);
	config_destroy(config_of_test);
}

static void test_transport(void **state)
{
	(void)state;
	fail_each(make_transport);
}

int main(void)
{
	static const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_config),
		cmocka_unit_test(test_routes),
		cmocka_unit_test(test_transport),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
