/* SPDX-License-Identifier: Apache-2.0 */
/*
 * For one local media address: which termination a UDP port belongs to. A flat table of 65,536
 * entries; one load per packet. The control thread writes, all workers read.
 */
#ifndef TD_TERMINATION_PORT_INDEX_H
#define TD_TERMINATION_PORT_INDEX_H

#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>

enum {
	PORT_INDEX_PORTS = 65536,
};

/* Entries: 0, PORT_ENTRY_RESTING, or slot + 1 with PORT_ENTRY_RTCP for an RTCP port. */
#define PORT_ENTRY_NONE 0u
#define PORT_ENTRY_RTCP 0x80000000u
#define PORT_ENTRY_RESTING 0xffffffffu

struct port_index {
	_Atomic uint32_t entries[PORT_INDEX_PORTS]; /* w: control, r: workers */
};

/* Makes a port pair (rtp_port even, RTCP one above) lead to slot. The termination must be
 * complete: what was written before is visible to who finds it. Control thread. */
void port_index_publish(struct port_index *index, uint16_t rtp_port, uint32_t slot);

/* Makes a port pair lead nowhere: marked as resting. Workers may hold the old entry until their
 * next quiescent state. Control thread. */
void port_index_retire(struct port_index *index, uint16_t rtp_port);

/* Makes a resting port pair unused again. Control thread. */
void port_index_clear(struct port_index *index, uint16_t rtp_port);

/* The entry of a port. Any thread. */
static inline uint32_t port_index_lookup(const struct port_index *index, uint16_t port)
{
	/* partner: release store in port_index_publish */
	return atomic_load_explicit(&index->entries[port], memory_order_acquire);
}

/* True if the entry leads to a termination. */
static inline bool port_entry_is_used(uint32_t entry)
{
	return entry != PORT_ENTRY_NONE && entry != PORT_ENTRY_RESTING;
}

/* Slot of a used entry. */
static inline uint32_t port_entry_slot(uint32_t entry)
{
	return (entry & ~PORT_ENTRY_RTCP) - 1;
}

#endif
