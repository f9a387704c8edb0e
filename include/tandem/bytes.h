/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Reads and writes big-endian integers at any alignment, and wipes secrets. Every conversion
 * between wire order and host order in Tandem goes through here, once, at the edge.
 */
#ifndef TD_TANDEM_BYTES_H
#define TD_TANDEM_BYTES_H

#include <stddef.h>
#include <stdint.h>
#include <string.h>

/* 16-, 32- and 64-bit integers in network byte order. */
typedef uint16_t td_be16_t;
typedef uint32_t td_be32_t;

/* Loads a big-endian 16-bit integer; at needs 2 readable bytes of any alignment. */
static inline uint16_t td_load_be16(const uint8_t *at)
{
	return (uint16_t)((uint16_t)at[0] << 8 | at[1]);
}

/* Loads a big-endian 24-bit integer; at needs 3 readable bytes. */
static inline uint32_t td_load_be24(const uint8_t *at)
{
	return (uint32_t)at[0] << 16 | (uint32_t)at[1] << 8 | at[2];
}

/* Loads a big-endian 32-bit integer; at needs 4 readable bytes. */
static inline uint32_t td_load_be32(const uint8_t *at)
{
	return (uint32_t)at[0] << 24 | (uint32_t)at[1] << 16 | (uint32_t)at[2] << 8 | at[3];
}

/* Stores a 16-bit integer big-endian; at needs 2 writable bytes. */
static inline void td_store_be16(uint8_t *at, uint16_t value)
{
	at[0] = (uint8_t)(value >> 8);
	at[1] = (uint8_t)value;
}

/* Stores the low 24 bits of value big-endian; at needs 3 writable bytes. */
static inline void td_store_be24(uint8_t *at, uint32_t value)
{
	at[0] = (uint8_t)(value >> 16);
	at[1] = (uint8_t)(value >> 8);
	at[2] = (uint8_t)value;
}

/* Stores a 32-bit integer big-endian; at needs 4 writable bytes. */
static inline void td_store_be32(uint8_t *at, uint32_t value)
{
	at[0] = (uint8_t)(value >> 24);
	at[1] = (uint8_t)(value >> 16);
	at[2] = (uint8_t)(value >> 8);
	at[3] = (uint8_t)value;
}

/* Overwrites a secret with zeros in a way that the compiler can't remove. */
static inline void td_wipe(void *secret, size_t size_bytes)
{
	memset(secret, 0, size_bytes);
	__asm__ __volatile__("" : : "r"(secret) : "memory");
}

/* True if both byte strings are equal; takes the same time wherever they differ. */
static inline int td_equal_constant_time(const void *a, const void *b, size_t size_bytes)
{
	const volatile uint8_t *left = a;
	const volatile uint8_t *right = b;
	uint8_t difference = 0;

	for (size_t i = 0; i < size_bytes; i++)
		difference = (uint8_t)(difference | (left[i] ^ right[i]));
	return difference == 0;
}

#endif
