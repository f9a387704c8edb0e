/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The neighbours on the links of the ports, as the kernel reports them, and the memory of them
 * that outlives the process. When the process that holds a TAP dies, the kernel forgets the TAP's
 * neighbours: until it has resolved them again, the ones remembered are used. Pure: no sockets,
 * no clock. Control thread only.
 */
#ifndef TD_NEIGHBOUR_LIST_H
#define TD_NEIGHBOUR_LIST_H

#include "neighbour/fib.h"

#include <tandem/compiler.h>
#include <tandem/endpoint.h>

#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>

struct netlink_event;

enum {
	NEIGHBOUR_MEMORY_MAGIC = 0x544e4e31, /* "TNN1"; the digit rises with the layout */
	NEIGHBOUR_NAME_BYTES = 16,	     /* IFNAMSIZ */
	NEIGHBOUR_BUCKETS = FIB_NEIGHBOURS_MAX,
};

struct neighbour {
	struct fib_neighbour fib;
	uint16_t state;		/* NUD_… of the kernel */
	bool is_remembered;	/* from the memory; the kernel hasn't spoken of it since */
	uint32_t dump_sequence; /* last dump that had it */
	uint32_t next;		/* in its bucket: index + 1; 0: none */
};

/* Zero but for entries when empty. */
struct neighbour_list {
	struct neighbour *entries; /* borrows: FIB_NEIGHBOURS_MAX */
	uint32_t count;
	uint32_t buckets[NEIGHBOUR_BUCKETS]; /* by hash of port and address: index + 1; 0: none */
};

/* Shared memory, zero when new. w: control, r: control of the next process. */
struct neighbour_memory {
	_Atomic uint32_t magic; /* 0 while the rest is being written */
	uint32_t count;
	char tap_names[FIB_PORTS_MAX][NEIGHBOUR_NAME_BYTES]; /* empty: no TAP, or no port */
	struct fib_neighbour entries[FIB_NEIGHBOURS_MAX];
};

/* The neighbour, or NULL; borrows until the list changes. */
struct neighbour *neighbour_list_find(
	struct neighbour_list *list, uint16_t port, const struct td_ip *ip);

/* Takes in a report on the link of port, part of a dump or not. True if what can be sent to
 * changed. A full list leaves newcomers out. */
bool neighbour_list_take(struct neighbour_list *list, uint16_t port,
	const struct netlink_event *event, uint32_t dump_sequence);

/* Removes a neighbour of the list; the last one takes its place. */
void neighbour_list_remove(struct neighbour_list *list, struct neighbour *neighbour);

/* Removes what the dump didn't have; true if there was anything. */
bool neighbour_list_prune(struct neighbour_list *list, uint32_t dump_sequence);

/* Copies what can be sent to into usable (FIB_NEIGHBOURS_MAX); returns how many. */
uint32_t neighbour_list_usable(const struct neighbour_list *list, struct fib_neighbour *usable);

/* Writes the names of the ports' TAPs and the neighbours into the memory. */
void neighbour_memory_store(struct neighbour_memory *memory,
	char (*tap_names)[NEIGHBOUR_NAME_BYTES], const struct fib_neighbour *neighbours,
	uint32_t count);

/* Adds what the memory has and the list hasn't. Nothing is taken over from a memory that isn't
 * whole, or of a port whose TAP has another name. */
void neighbour_memory_recall(const struct neighbour_memory *memory,
	char (*tap_names)[NEIGHBOUR_NAME_BYTES], uint32_t port_count, struct neighbour_list *list);

#endif
