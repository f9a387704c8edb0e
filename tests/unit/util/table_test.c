/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Hash index: equal keys, removal from anywhere in a chain, limits.
 */
#include "util/table.h"

#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

struct entry {
	int value;
	struct table_node node;
};

static const uint8_t seed[SIPHASH_SEED_BYTES] = {1, 2, 3};

static int value_of(struct table_node *node)
{
	return node != NULL ? td_container_of(node, struct entry, node)->value : -1;
}

static void test_insert_find_remove(void **state)
{
	struct entry entries[] = {{.value = 0}, {.value = 1}, {.value = 2}};
	struct table *table;

	(void)state;
	assert_int_equal(table_create(1, seed, &table), 0);
	table_insert(table, &entries[0].node, "alpha", 5);
	table_insert(table, &entries[1].node, "beta", 4);
	table_insert(table, &entries[2].node, "", 0);
	assert_int_equal(table_count(table), 3);
	assert_int_equal(value_of(table_find(table, "alpha", 5)), 0);
	assert_int_equal(value_of(table_find(table, "beta", 4)), 1);
	assert_int_equal(value_of(table_find(table, NULL, 0)), 2);
	assert_null(table_find(table, "alph", 4));
	table_remove(table, &entries[0].node);
	table_remove(table, &entries[0].node); /* harmless */
	assert_null(table_find(table, "alpha", 5));
	assert_int_equal(table_count(table), 2);
	table_destroy(table);
	table_destroy(NULL);
}

static void test_equal_keys(void **state)
{
	struct entry entries[] = {{.value = 0}, {.value = 1}, {.value = 2}};
	struct table *table;
	struct table_node *node;

	(void)state;
	assert_int_equal(table_create(8, seed, &table), 0);
	for (unsigned i = 0; i < 3; i++)
		table_insert(table, &entries[i].node, "k", 1);
	node = table_find(table, "k", 1);
	assert_int_equal(value_of(node), 2); /* newest first */
	node = table_find_next(node);
	assert_int_equal(value_of(node), 1);
	node = table_find_next(node);
	assert_int_equal(value_of(node), 0);
	assert_null(table_find_next(node));
	table_remove(table, &entries[1].node);
	assert_int_equal(value_of(table_find_next(table_find(table, "k", 1))), 0);
	table_destroy(table);
}

static void test_bad_capacity(void **state)
{
	struct table *table;

	(void)state;
	assert_int_equal(table_create(0, seed, &table), -EINVAL);
	assert_int_equal(table_create(UINT32_MAX, seed, &table), -EINVAL);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_insert_find_remove),
		cmocka_unit_test(test_equal_keys),
		cmocka_unit_test(test_bad_capacity),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
