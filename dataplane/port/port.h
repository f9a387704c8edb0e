/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A NIC as the dataplane uses it: configured for what the device can do, its queues given to the
 * workers, its TAP beside it. Set up at launch; workers read it afterwards.
 */
#ifndef TD_PORT_PORT_H
#define TD_PORT_PORT_H

#include "port/device.h"

#include <tandem/compiler.h>

#include <stdbool.h>
#include <stdint.h>

struct rte_mempool;

enum {
	PORT_NAME_BYTES = 16,
	PORT_DESCRIPTORS = 1024, /* of each queue, where the device has any */
};

struct port {
	uint16_t dpdk_id;
	uint16_t rx_queue_count; /* queue n is worker n's */
	uint16_t tx_queue_count;
	uint16_t burst_max; /* never hand more frames to the device at once */
	uint16_t mtu_bytes;
	uint16_t vlan_id;
	uint8_t mac[6];
	bool has_rx_checksum; /* the device says whether checksums are right */
	bool has_tx_ipv4_checksum;
	bool has_tx_udp_checksum;
	bool is_checksum_trusted;
	bool is_steered; /* the device delivers each media port to its owner's queue */
	bool is_started;
	int tap_descriptor; /* -1: none */
	char name[PORT_NAME_BYTES];
	char tap_name[PORT_NAME_BYTES]; /* empty: none */
	struct device device;
};

/* Configures the device that EAL has probed and its queues, at most one for each worker.
 * port->name, tap_name, device, mtu_bytes, vlan_id and is_checksum_trusted are set already.
 * -ENODEV: EAL has no such device; -errno of the driver, after a line in the log. Launch only. */
td_must_check int port_configure(struct port *port, uint16_t queues_max, struct rte_mempool *pool);

/* Starts the device and opens the TAP. -errno, after a line in the log. Launch only. */
td_must_check int port_start(struct port *port);

/* Stops and closes what was started. No worker uses the port any more. */
void port_stop(struct port *port);

#endif
