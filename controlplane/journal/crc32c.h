/* SPDX-License-Identifier: Apache-2.0 */
/*
 * CRC-32C (Castagnoli, RFC 3720 appendix B.4), the checksum of journal records and event frames.
 * Pure and thread-safe.
 */
#ifndef TD_JOURNAL_CRC32C_H
#define TD_JOURNAL_CRC32C_H

#include <stddef.h>
#include <stdint.h>

/* Continues a checksum over size_bytes more bytes; crc 0 begins one. */
uint32_t crc32c(uint32_t crc, const void *bytes, size_t size_bytes);
/* The same without special instructions: what crc32c() falls back to. */
uint32_t crc32c_by_tables(uint32_t crc, const void *bytes, size_t size_bytes);

#endif
