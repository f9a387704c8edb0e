/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The ledger's inside: one entry per termination and the queues that entries wait in. Only
 * ledger.c and entry.c include this.
 */
#ifndef TD_MEDIA_ENTRY_H
#define TD_MEDIA_ENTRY_H

#include "media/ledger.h"
#include "util/table.h"

#include <stdbool.h>
#include <stdint.h>
#include <sys/queue.h>

struct slab;

enum entry_due {
	DUE_NOTHING,
	DUE_ADD,
	DUE_MODIFY,
	DUE_SUBTRACT
};

enum entry_queue {
	QUEUE_NONE,
	QUEUE_TO_SEND,
	QUEUE_TO_REPEAT,
	QUEUE_COUNT
};

struct entry {
	struct td_termination_spec spec; /* the wanted state */
	struct table_node node;		 /* key: spec.termination_id */
	TAILQ_ENTRY(entry) link;
	uint64_t command_id; /* of the due command as last sent */
	uint64_t repeat_ms;  /* QUEUE_TO_REPEAT */
	uint32_t seen_epoch; /* COMPARING: what the dataplane has */
	uint8_t due;	     /* enum entry_due */
	uint8_t queue;	     /* enum entry_queue */
	bool is_seen;	     /* COMPARING: the dataplane has it */
	bool is_quiet;	     /* the due command is ours, not the caller's: no reply upward */
};

TAILQ_HEAD(entry_list, entry);

struct ledger {
	struct ledger_sink sink;
	struct slab *entries;
	struct table *by_id;
	struct entry_list queues[QUEUE_COUNT];
	struct td_capabilities capabilities;
	struct ledger_counts counts;
	uint64_t next_command_id;
	uint64_t hello_id;
	uint64_t audit_id;
	enum ledger_state state;
	bool is_restored;
	bool is_blocked; /* send() said false */
};

/* The entry of a termination, or NULL. */
struct entry *entry_find(const struct ledger *ledger, uint64_t termination_id);
/* Moves an entry to the end of a queue (or into none). */
void entry_enqueue(struct ledger *ledger, struct entry *entry, enum entry_queue queue);
/* A new entry that wants spec; NULL if the book is full. */
struct entry *entry_create(struct ledger *ledger, const struct td_termination_spec *spec);
/* Forgets an entry. */
void entry_remove(struct ledger *ledger, struct entry *entry);

#endif
