/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Makes a NIC's receive-side scaling follow td_port_owner: with a hash over the UDP destination
 * port alone and the key below, the redirection table can name the owner of every port exactly.
 * Pure arithmetic, tested against DPDK's software Toeplitz hash.
 */
#ifndef TD_PORT_STEERING_H
#define TD_PORT_STEERING_H

#include <stdint.h>

enum {
	STEERING_KEY_MAX_BYTES = 64,
	STEERING_TABLE_ENTRIES = 128, /* what td_port_owner is built on */
};

/* Writes a Toeplitz key under which the hash's low seven bits are bits 7..1 of the destination
 * port in reverse order, wherever the NIC puts the port in its hash input, provided that all
 * other fields are zero or absent. */
void steering_write_key(uint8_t *key, uint32_t key_bytes);

/* The queue of a redirection table entry when worker n polls queue n. Tables of more than 128
 * entries repeat the rule. */
uint16_t steering_queue(uint32_t table_index, uint32_t queue_count);

#endif
