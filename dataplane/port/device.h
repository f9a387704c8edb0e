/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Reads a DPDK device string as far as Tandem must understand it: is it virtual or on the PCI
 * bus, how DPDK will call it, and what its arguments promise. Pure.
 */
#ifndef TD_PORT_DEVICE_H
#define TD_PORT_DEVICE_H

#include <tandem/compiler.h>

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum {
	DEVICE_NAME_BYTES = 64,
	DEVICE_INTERFACE_BYTES = 16,
	DEVICE_ARGUMENTS_BYTES = 512
};

struct device {
	char name[DEVICE_NAME_BYTES];		/* as rte_eth_dev_get_port_by_name knows it */
	char arguments[DEVICE_ARGUMENTS_BYTES]; /* for --vdev or --allow */
	char interface[DEVICE_INTERFACE_BYTES]; /* kernel interface below it; empty: none */
	bool is_virtual;
	uint16_t frame_count; /* of an af_packet ring; 0: not an af_packet device */
};

/* Reads text; queues (0: not said) is added to an af_packet device that doesn't say how many
 * queue pairs it has. -EINVAL: neither a PCI address nor a virtual network device, or too long. */
td_must_check int device_parse(struct device *ret_device, const char *text, uint16_t queues);

#endif
