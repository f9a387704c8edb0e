/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Writes the port index. Only the control thread calls this; workers look up meanwhile.
 */
#include "termination/port_index.h"

static void set_pair(
	struct port_index *index, uint16_t rtp_port, uint32_t rtp_entry, uint32_t rtcp_entry)
{
	/* partner: acquire load in port_index_lookup */
	atomic_store_explicit(&index->entries[rtp_port], rtp_entry, memory_order_release);
	atomic_store_explicit(&index->entries[rtp_port | 1u], rtcp_entry, memory_order_release);
}

void port_index_publish(struct port_index *index, uint16_t rtp_port, uint32_t slot)
{
	set_pair(index, rtp_port, slot + 1, (slot + 1) | PORT_ENTRY_RTCP);
}

void port_index_retire(struct port_index *index, uint16_t rtp_port)
{
	set_pair(index, rtp_port, PORT_ENTRY_RESTING, PORT_ENTRY_RESTING);
}

void port_index_clear(struct port_index *index, uint16_t rtp_port)
{
	set_pair(index, rtp_port, PORT_ENTRY_NONE, PORT_ENTRY_NONE);
}
