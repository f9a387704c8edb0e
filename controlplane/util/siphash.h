/* SPDX-License-Identifier: Apache-2.0 */
/*
 * SipHash-2-4 (Aumasson, Bernstein 2012): a keyed hash for tables whose keys a stranger may
 * choose. With a secret seed nobody outside can aim many keys at one bucket. Pure.
 */
#ifndef TD_UTIL_SIPHASH_H
#define TD_UTIL_SIPHASH_H

#include <stddef.h>
#include <stdint.h>

enum {
	SIPHASH_SEED_BYTES = 16
};

/* Hashes size_bytes bytes under seed. Never fails. */
uint64_t siphash(const uint8_t seed[SIPHASH_SEED_BYTES], const void *bytes, size_t size_bytes);

#endif
