/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Frames between workers and TAPs, see kernel_path.h. A port's VLAN tag exists on the wire only:
 * it is taken off towards the kernel and put on towards the NIC.
 */
#include "port/kernel_path.h"

#include "port/port.h"

#include <rte_ether.h>
#include <rte_mbuf.h>
#include <rte_ring.h>

#include <errno.h>
#include <unistd.h>

enum {
	KERNEL_PATH_BURST = 32,
	KERNEL_PATH_FRAMES_PER_TURN = 256,
};

static const struct port *kernel_path_port(const struct kernel_path *path, uint16_t dpdk_id)
{
	for (uint32_t i = 0; i < path->port_count; i++) {
		if (path->ports[i].dpdk_id == dpdk_id)
			return &path->ports[i];
	}
	return NULL;
}

static void kernel_path_write(struct kernel_path *path, struct rte_mbuf *frame)
{
	const struct port *port = kernel_path_port(path, frame->port);

	if (port == NULL || port->tap_descriptor < 0) {
		path->refused++;
		return;
	}
	if (port->vlan_id != 0)
		(void)rte_vlan_strip(frame); /* untagged frames of a tagged port pass as they are */
	if (write(port->tap_descriptor, rte_pktmbuf_mtod(frame, void *), frame->data_len) < 0)
		path->refused++; /* interface down or kernel out of memory */
}

uint32_t kernel_path_deliver(struct kernel_path *path)
{
	struct rte_mbuf *frames[KERNEL_PATH_BURST];
	uint32_t delivered = 0;

	while (delivered < KERNEL_PATH_FRAMES_PER_TURN) {
		unsigned count = rte_ring_dequeue_burst(
			path->to_kernel, (void **)frames, KERNEL_PATH_BURST, NULL);

		for (unsigned i = 0; i < count; i++)
			kernel_path_write(path, frames[i]);
		rte_pktmbuf_free_bulk(frames, count);
		delivered += count;
		if (count < KERNEL_PATH_BURST)
			break;
	}
	return delivered;
}

/* Reads one frame; false if there is none, or no room for it. */
static bool kernel_path_read(struct kernel_path *path, const struct port *port)
{
	struct rte_mbuf *frame;
	ssize_t length_bytes;

	if (rte_ring_full(path->from_kernel) == 1)
		return false;
	frame = rte_pktmbuf_alloc(path->pool);
	if (frame == NULL)
		return false;
	length_bytes = read(
		port->tap_descriptor, rte_pktmbuf_mtod(frame, void *), rte_pktmbuf_tailroom(frame));
	if (length_bytes <= 0) {
		rte_pktmbuf_free(frame);
		return false;
	}
	frame->data_len = (uint16_t)length_bytes;
	frame->pkt_len = (uint32_t)length_bytes;
	frame->port = port->dpdk_id;
	frame->vlan_tci = port->vlan_id;
	if ((port->vlan_id != 0 && rte_vlan_insert(&frame) != 0) ||
		rte_ring_enqueue(path->from_kernel, frame) != 0) {
		rte_pktmbuf_free(frame);
		path->refused++;
	}
	return true;
}

uint32_t kernel_path_collect(struct kernel_path *path)
{
	uint32_t collected = 0;

	for (uint32_t i = 0; i < path->port_count; i++) {
		uint32_t of_port = 0;

		if (path->ports[i].tap_descriptor < 0)
			continue;
		while (of_port < KERNEL_PATH_FRAMES_PER_TURN &&
			kernel_path_read(path, &path->ports[i]))
			of_port++;
		collected += of_port;
	}
	return collected;
}
