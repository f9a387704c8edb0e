/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Decides how many frames that aren't media a worker may give to the kernel: one token bucket
 * for each class, so that a flood of one kind can't starve the others. Pure.
 */
#ifndef TD_PORT_EXCEPTION_H
#define TD_PORT_EXCEPTION_H

#include <stdbool.h>
#include <stdint.h>

/* X(CONSTANT, packets per second of one worker): signalling is what calls need, the rest keeps
 * the link alive. */
#define EXCEPTION_CLASSES(X)                                   \
	X(NEIGHBOUR, 2000)   /* ARP, neighbour discovery */    \
	X(ICMP, 1000)	     /* the rest of ICMP and ICMPv6 */ \
	X(SIGNALLING, 50000) /* TCP, UDP to one receiver */    \
	X(OTHER, 2000)	     /* multicast, unknown protocols */

enum exception_class {
#define EXCEPTION_ENUM(constant, rate_pps) EXCEPTION_##constant,
	EXCEPTION_CLASSES(EXCEPTION_ENUM)
#undef EXCEPTION_ENUM
	EXCEPTION_CLASS_COUNT
};

/* GCRA state per class: when the allowance is whole again. Zero at start; worker's own. */
struct exception_limits {
	uint64_t full_ns[EXCEPTION_CLASS_COUNT];
};

/* The class of an Ethernet frame, with or without one VLAN tag; OTHER if it is cut short. */
enum exception_class exception_classify(const uint8_t *frame, uint32_t length_bytes);

/* True, and one packet is charged, if the class may have one more now. */
bool exception_allow(struct exception_limits *limits, enum exception_class class, uint64_t now_ns);

#endif
