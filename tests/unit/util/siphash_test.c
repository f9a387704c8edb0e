/* SPDX-License-Identifier: Apache-2.0 */
/*
 * SipHash-2-4 against vectors of its paper: key 00..0f, message 00..(n-1).
 */
#include "util/siphash.h"

#include <tandem/compiler.h>

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

struct vector {
	size_t size_bytes;
	uint64_t hash;
};

static const struct vector vectors[] = {
	{0, UINT64_C(0x726fdb47dd0e0e31)},
	{1, UINT64_C(0x74f839c593dc67fd)},
	{7, UINT64_C(0xab0200f58b01d137)},
	{8, UINT64_C(0x93f5f5799a932462)},
	{15, UINT64_C(0xa129ca6149be45e5)},
};

static void test_vectors(void **state)
{
	uint8_t seed[SIPHASH_SEED_BYTES];
	uint8_t message[16];

	(void)state;
	for (unsigned i = 0; i < sizeof(seed); i++)
		seed[i] = message[i] = (uint8_t)i;
	for (size_t i = 0; i < TD_COUNT_OF(vectors); i++)
		assert_true(siphash(seed, message, vectors[i].size_bytes) == vectors[i].hash);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_vectors),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
