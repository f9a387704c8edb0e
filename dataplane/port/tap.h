/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The kernel's end of a port: a TAP interface that carries the addresses, so that the kernel
 * answers ARP, routes and signalling as on any NIC. Control thread only.
 */
#ifndef TD_PORT_TAP_H
#define TD_PORT_TAP_H

#include <tandem/compiler.h>

#include <stdint.h>

/* Opens the TAP interface name, makes it if it isn't there, gives it the port's MAC address and
 * MTU and brings it up. It stays, with its addresses, when the process ends. Returns the
 * non-blocking descriptor (the caller owns it), or -errno. */
td_must_check int tap_open(const char *name, const uint8_t mac[6], uint16_t mtu_bytes);

#endif
