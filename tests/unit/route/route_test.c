/* SPDX-License-Identifier: Apache-2.0 */
#include "route/route.h"

#include "trunk_fixture.h"

#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>

#include <cmocka.h>

/* The index in this list is what the cases name. */
#define ROUTES                                                                    \
	"trunks:\n"                                                               \
	"  - {name: a, target: \"sip:10.0.0.1\"}\n"                               \
	"  - {name: b, target: \"sip:10.0.0.2\"}\n"                               \
	"  - {name: c, target: \"sip:10.0.0.3\"}\n"                               \
	"routes:\n"                                                               \
	"  - {number: \"+4930100\", to: [c]}\n"				  /* 0 */ \
	"  - {from: a, number: \"+4930100\", to: [b, c]}\n"		  /* 1 */ \
	"  - {pattern: \"+4930XXX\", to: [a]}\n"			  /* 2 */ \
	"  - {pattern: \"+49301XX\", to: [b], strip: 3, prefix: 0}\n"	  /* 3 */ \
	"  - {from: a, pattern: \"+49301XX\", to: [c]}\n"		  /* 4 */ \
	"  - {pattern: \"+49.\", to: [a], set_number: \"42\"}\n"	  /* 5 */ \
	"  - {pattern: \"+49*\", to: [b]}\n"				  /* 6 */ \
	"  - {from: b, pattern: \"00.\", to: [c], strip: 2, prefix: +}\n" /* 7 */ \
	"  - {pattern: \"0N[12]Z\", to: [c], strip: 9}\n"		  /* 8 */ \
	"  - {number: alice, to: [c]}\n"				  /* 9 */ \
	"  - {from: c, pattern: \"*\", to: [a]}\n"			  /* 10 */

enum {
	NOWHERE = 99
};

struct lookup {
	const char *from;
	const char *number;
	uint32_t route;
	const char *result;
};

static const struct lookup lookups[] = {
	{"b", "+4930100", 0, "+4930100"},
	{"a", "+4930100", 1, "+4930100"},
	{"b", "+4930200", 2, "+4930200"},
	{"b", "+4930101", 3, "030101"},
	{"a", "+4930101", 4, "+4930101"},
	{"b", "+49301012", 5, "42"},
	{"b", "+49", 6, "+49"},
	{"b", "+491", 5, "42"},
	{"b", "0049", 7, "+49"},
	{"a", "0049", NOWHERE, NULL},
	{"b", "00", NOWHERE, NULL},
	{"a", "0211", 8, ""},
	{"a", "0111", NOWHERE, NULL},
	{"a", "0231", NOWHERE, NULL},
	{"a", "0210", NOWHERE, NULL},
	{"a", "02111", NOWHERE, NULL},
	{"a", "alice", 9, "alice"},
	{"a", "Alice", NOWHERE, NULL},
	{"c", "Alice", 10, "Alice"},
	{"c", "", 10, ""},
	{"a", "", NOWHERE, NULL},
};

static void test_lookup(void **state)
{
	struct config *config = fixture_config(ROUTES);
	struct trunk_table *trunks = NULL;
	struct route_table *routes = NULL;

	(void)state;
	assert_int_equal(trunk_table_create(config, 1, 0, &trunks), 0);
	assert_int_equal(route_table_create(config, trunks, 1, &routes), 0);
	for (size_t i = 0; i < TD_COUNT_OF(lookups); i++) {
		const struct lookup *lookup = &lookups[i];
		struct route_result result = {.route = NOWHERE};
		int error = route_lookup(
			routes, trunk_find_by_name(trunks, lookup->from), lookup->number, &result);

		if (result.route != lookup->route)
			fail_msg("%s from %s: route %u instead of %u", lookup->number, lookup->from,
				result.route, lookup->route);
		assert_int_equal(error, lookup->route == NOWHERE ? -ENOENT : 0);
		if (error == 0)
			assert_string_equal(result.number, lookup->result);
	}
	route_table_destroy(routes);
	trunk_table_destroy(trunks);
	config_destroy(config);
}

static void test_destinations(void **state)
{
	struct config *config = fixture_config(ROUTES);
	struct trunk_table *trunks = NULL;
	struct route_table *routes = NULL;
	struct route_result result;

	(void)state;
	assert_int_equal(trunk_table_create(config, 1, 0, &trunks), 0);
	assert_int_equal(route_table_create(config, trunks, 1, &routes), 0);
	assert_int_equal(
		route_lookup(routes, trunk_find_by_name(trunks, "a"), "+4930100", &result), 0);
	assert_int_equal(result.destination_count, 2);
	assert_int_equal(result.destinations[0], trunk_find_by_name(trunks, "b"));
	assert_int_equal(result.destinations[1], trunk_find_by_name(trunks, "c"));
	route_table_destroy(routes);
	trunk_table_destroy(trunks);
	config_destroy(config);
}

static void test_too_long(void **state)
{
	struct config *config =
		fixture_config("trunks: [{name: a, target: \"sip:10.0.0.1\"}]\n"
			       "routes: [{pattern: \"*\", to: [a], prefix: \"12345\"}]\n");
	char number[ROUTE_NUMBER_BYTES];
	struct trunk_table *trunks = NULL;
	struct route_table *routes = NULL;
	struct route_result result;

	(void)state;
	memset(number, '1', sizeof(number));
	number[sizeof(number) - 1] = '\0';
	assert_int_equal(trunk_table_create(config, 1, 0, &trunks), 0);
	assert_int_equal(route_table_create(config, trunks, 1, &routes), 0);
	assert_int_equal(route_lookup(routes, 0, number, &result), -ENOSPC);
	number[ROUTE_NUMBER_BYTES - 6] = '\0';
	assert_int_equal(route_lookup(routes, 0, number, &result), 0);
	route_table_destroy(routes);
	trunk_table_destroy(trunks);
	config_destroy(config);
}

int main(void)
{
	static const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_lookup),
		cmocka_unit_test(test_destinations),
		cmocka_unit_test(test_too_long),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
